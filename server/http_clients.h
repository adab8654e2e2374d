/*
 * The open connections, and the deadline of those that have not sent a whole request yet.
 *
 * libmicrohttpd ends a connection that is silent; one that sends a byte now and then would live for ever. So each connection
 * has a mark: since when it owes us the rest of a request. A thread looks at all marks once a second and shuts down the
 * socket of those that are overdue, which libmicrohttpd then sees as the end of the connection.
 */
#ifndef BURSTD_SERVER_HTTP_CLIENTS_H
#define BURSTD_SERVER_HTTP_CLIENTS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* One connection: part of `struct connection`, linked from its start to its end. */
struct client {
	struct client *previous; /* guarded by clients.lock, like next */
	struct client *next;
	int fd;
	_Atomic int64_t owes_since; /* monotonic ms; 0 = a whole request arrived, its reply is ours to give */
};

struct clients {
	pthread_mutex_t lock; /* list and closed */
	pthread_cond_t closing;
	struct client *first;
	bool closed;
	bool running;
	int64_t limit_ms;
	pthread_t thread;
};

/* Starts the thread; false when there are no resources for it. Main thread. */
bool clients_start(struct clients *, int64_t limit_ms);
/* Ends the thread. Main thread, before the daemon is stopped. Fine where clients_start was not called on zeroed memory. */
void clients_stop(struct clients *);

/* At the start and the end of a connection, before its socket is closed. Any thread. */
void clients_add(struct clients *, struct client *, int fd);
void clients_remove(struct clients *, struct client *);

/* The next request may come / a whole request has arrived. The connection's thread. */
void client_owes(struct client *);
void client_paid(struct client *);

#endif
