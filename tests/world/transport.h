/*
 * The world's HTTP faces as a transport of the clients (clients/transport.h), without sockets, threads and signatures, in virtual
 * time: for tests that run the real clients through a life-cycle operation and end it after each call.
 *
 *     struct world *w = world_new(&options);
 *     struct world_http *h = world_http_new_silent(w, &http_options);
 *     struct transport t = world_transport(h, WORLD_FACE_EC2);
 *     ... the client's endpoint is world_http_url(h, WORLD_FACE_EC2); world_advance(w, now) moves the time.
 *
 * Of an address only path and query count; a transport always speaks to its face. One thread, unless the server has a lock to take.
 */
#ifndef BURSTD_TESTS_WORLD_TRANSPORT_H
#define BURSTD_TESTS_WORLD_TRANSPORT_H

#include "clients/transport.h"
#include "tests/world/http.h"

/*
 * Valid as long as the server, silent or not. No answer (a fault, an address where nobody is) is UPSTREAM_RETRY with code "reset", an
 * answer that comes too late "timeout"; nothing sleeps.
 */
struct transport world_transport(struct world_http *, enum world_face);

/* --- calls that fail: a crash, a broken connection --- */

enum flaky_how {
	FLAKY_REFUSE, /* the call is not performed */
	FLAKY_LOSE,   /* it is performed, and its answer lost */
};
/*
 * Shared by as many transports as a test has, so that their calls are counted in one line. Zeroed = nothing fails, calls are counted.
 */
struct flaky {
	int calls; /* so far: those that `counts` takes */
	int at;    /* the call that fails, from 1; 0 = none */
	enum flaky_how how;
	bool for_good; /* all after it are refused as well: the process is dead */
	bool (*counts)(
		const struct http_call *call); /* NULL = every call; world_call_changes = changes alone */
	bool happened;                         /* the call number `at` was made */
};
struct flaky_transport {
	struct flaky *flaky;
	struct transport below;
};
/* Borrows its argument. */
struct transport flaky_port(struct flaky_transport *);
/* Whether the call changes something: not GET, no request of a token, and of EC2's actions none that only describes. */
bool world_call_changes(const struct http_call *);

#endif
