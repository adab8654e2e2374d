/*
 * The wire tap (wire.h): one thread, one poll loop. A piece that is looked for comes in one read: requests are a few hundred bytes
 * on loopback; one that was split would be a start that is reported as lost.
 */
#define _GNU_SOURCE
#include "tests/bench/wire.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/bench.h"

#define LINKS_MAX    32
#define STATUS_NODES "GET /api/admin/status/v1/worker_vm/"
#define START        "Action=StartInstances"

struct link {
	int client; /* burstd */
	int server; /* the world */
	enum wire_side side;
	bool shows; /* the next answer is the one that is waited for */
};

struct wire {
	pthread_t thread;
	atomic_bool ends;
	int listeners[WIRE_SIDES];
	int ports[WIRE_SIDES];
	int targets[WIRE_SIDES];
	struct link links[LINKS_MAX];
	size_t n_links;

	pthread_mutex_t lock; /* everything below */
	pthread_cond_t started;
	void (*change)(void *arg);
	void *arg;
	double shown_us;   /* 0 = not yet */
	double started_us; /* 0 = not yet */
};

static void send_whole(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

		if (n <= 0)
			return; /* the other end is gone: its close comes next */
		data += n;
		len -= (size_t)n;
	}
}

/* --- what is looked for ------------------------------------------------------------------------------------------ */

static void see_request(struct wire *w, struct link *l, const char *data, size_t len, double now)
{
	bool status = l->side == WIRE_INFINITY && memmem(data, len, STATUS_NODES, strlen(STATUS_NODES));
	bool start = l->side == WIRE_EC2 && memmem(data, len, START, strlen(START));
	void (*change)(void *) = NULL;

	(void)pthread_mutex_lock(&w->lock);
	if (status && w->change) {
		change = w->change;
		w->change = NULL;
		l->shows = true;
	}
	if (start && w->shown_us > 0 && w->started_us <= 0) {
		w->started_us = now;
		(void)pthread_cond_signal(&w->started);
	}
	(void)pthread_mutex_unlock(&w->lock);
	if (change)
		change(w->arg);
}

static void see_answer(struct wire *w, struct link *l, double now)
{
	if (!l->shows)
		return;
	l->shows = false;
	(void)pthread_mutex_lock(&w->lock);
	w->shown_us = now;
	(void)pthread_mutex_unlock(&w->lock);
}

/* --- passing on -------------------------------------------------------------------------------------------------- */

static void link_open(struct wire *w, enum wire_side side)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = htons((uint16_t)w->targets[side]),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int client = accept4(w->listeners[side], NULL, NULL, SOCK_CLOEXEC);
	int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (client < 0 || w->n_links == LINKS_MAX ||
	    connect(server, (struct sockaddr *)&to, sizeof to) != 0) {
		(void)close(client);
		(void)close(server);
		return;
	}
	w->links[w->n_links++] = (struct link){.client = client, .server = server, .side = side};
}

/* One piece in one direction; false = the connection has ended. */
static bool pass(struct wire *w, struct link *l, bool request)
{
	char piece[65536];
	ssize_t n = recv(request ? l->client : l->server, piece, sizeof piece, 0);
	double now = wall_us();

	if (n <= 0)
		return false;
	if (request)
		see_request(w, l, piece, (size_t)n, now);
	else
		see_answer(w, l, now);
	send_whole(request ? l->server : l->client, piece, (size_t)n);
	return true;
}

static void link_close(struct link *l)
{
	(void)close(l->client);
	(void)close(l->server);
	l->client = -1;
}

static void drop_closed(struct wire *w)
{
	size_t kept = 0;

	for (size_t i = 0; i < w->n_links; i++)
		if (w->links[i].client >= 0)
			w->links[kept++] = w->links[i];
	w->n_links = kept;
}

static void turn(struct wire *w)
{
	struct pollfd fds[WIRE_SIDES + 2 * LINKS_MAX];
	size_t links = w->n_links;

	for (size_t s = 0; s < WIRE_SIDES; s++)
		fds[s] = (struct pollfd){.fd = w->listeners[s], .events = POLLIN};
	for (size_t i = 0; i < links; i++) {
		fds[WIRE_SIDES + 2 * i] = (struct pollfd){.fd = w->links[i].client, .events = POLLIN};
		fds[WIRE_SIDES + 2 * i + 1] = (struct pollfd){.fd = w->links[i].server, .events = POLLIN};
	}
	if (poll(fds, WIRE_SIDES + 2 * links, 50) <= 0)
		return;
	for (size_t i = 0; i < links; i++) {
		struct link *l = &w->links[i];
		const struct pollfd *client = &fds[WIRE_SIDES + 2 * i], *server = client + 1;

		if ((client->revents && !pass(w, l, true)) || (server->revents && !pass(w, l, false)))
			link_close(l);
	}
	drop_closed(w);
	for (size_t s = 0; s < WIRE_SIDES; s++)
		if (fds[s].revents)
			link_open(w, (enum wire_side)s);
}

static void *run(void *arg)
{
	struct wire *w = arg;

	while (!atomic_load(&w->ends))
		turn(w);
	return NULL;
}

/* --- making and using -------------------------------------------------------------------------------------------- */

static void listen_on(struct wire *w, enum wire_side side)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof at;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&at, len) != 0 || listen(fd, LINKS_MAX) != 0 ||
	    getsockname(fd, (struct sockaddr *)&at, &len) != 0)
		bench_fail("the wire tap cannot listen");
	w->listeners[side] = fd;
	w->ports[side] = ntohs(at.sin_port);
}

struct wire *wire_start(const int ports[WIRE_SIDES])
{
	struct wire *w = calloc(1, sizeof *w);
	pthread_condattr_t monotonic;

	if (!w)
		bench_fail("out of memory");
	(void)pthread_mutex_init(&w->lock, NULL);
	(void)pthread_condattr_init(&monotonic);
	(void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&w->started, &monotonic);
	(void)pthread_condattr_destroy(&monotonic);
	for (size_t s = 0; s < WIRE_SIDES; s++) {
		w->targets[s] = ports[s];
		listen_on(w, (enum wire_side)s);
	}
	if (pthread_create(&w->thread, NULL, run, w) != 0)
		bench_fail("no thread");
	return w;
}

void wire_stop(struct wire *w)
{
	atomic_store(&w->ends, true);
	(void)pthread_join(w->thread, NULL);
	for (size_t i = 0; i < w->n_links; i++)
		link_close(&w->links[i]);
	for (size_t s = 0; s < WIRE_SIDES; s++)
		(void)close(w->listeners[s]);
	(void)pthread_cond_destroy(&w->started);
	(void)pthread_mutex_destroy(&w->lock);
	free(w);
}

int wire_port(const struct wire *w, enum wire_side side)
{
	return w->ports[side];
}

void wire_arm(struct wire *w, void (*change)(void *arg), void *arg)
{
	(void)pthread_mutex_lock(&w->lock);
	w->change = change;
	w->arg = arg;
	w->shown_us = w->started_us = 0;
	(void)pthread_mutex_unlock(&w->lock);
}

bool wire_wait_start(struct wire *w, int limit_ms, double *ret_us)
{
	struct timespec until;
	bool started;

	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += limit_ms / 1000;
	(void)pthread_mutex_lock(&w->lock);
	while (w->started_us <= 0 && pthread_cond_timedwait(&w->started, &w->lock, &until) == 0)
		;
	started = w->started_us > 0;
	if (started)
		*ret_us = w->started_us - w->shown_us;
	w->change = NULL;
	(void)pthread_mutex_unlock(&w->lock);
	return started;
}
