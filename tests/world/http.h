/*
 * The second and the third face: the world behind real HTTP. Infinity's management API, EC2's Query API and a control port
 * for tests (README.md), each on a loopback port of its own.
 *
 * Between world_http_start and world_http_stop the world belongs to the server: its threads take one lock a request and
 * move the world to the present first. Use world_http_locked to look at it meanwhile.
 */
#ifndef BURSTD_TESTS_WORLD_HTTP_H
#define BURSTD_TESTS_WORLD_HTTP_H

#include "tests/world/world.h"

enum world_face {
	WORLD_FACE_INFINITY,
	WORLD_FACE_EC2,
	WORLD_FACE_CONTROL,
	WORLD_FACE_BOOTSTRAP, /* port 8443 of every instance, as URL/ADDRESS */
	WORLD_FACES
};

struct world_http_options {
	uint16_t ports[WORLD_FACES]; /* 0 = any free one */
	const char *user;            /* Infinity, Basic authentication */
	const char *password;
	const char *access_key; /* AWS */
	const char *secret_key;
	const char *session_token;        /* NULL = long-term keys */
	const char *lifecycle_access_key; /* a second pair, long-term, which may do everything (README.md) */
	const char *lifecycle_secret_key;
	const char *oauth_client; /* NULL = made by the control command oauth_client */
	const char *oauth_public; /* PEM of its public key */
	const char *tls_cert;     /* PEM texts; NULL = plain HTTP. The control port is always plain */
	const char *tls_key;
	const struct clock *clock; /* NULL = the system's; silent: the world's own */
};
/* What burstd-world takes where nothing else is said: admin/world-password, AKIAWORLD.../... */
struct world_http_options world_http_options_default(void);

struct world_http;
/* Borrows the world, copies the options. NULL: a port is taken, or the certificate is unusable (told on stderr). */
struct world_http *world_http_start(struct world *, const struct world_http_options *);
/*
 * The same faces without ports, threads and signatures: for world_transport (transport.h). Its time is the clock of the options,
 * else the world's own, which the test moves with world_advance. End it with world_http_stop.
 */
struct world_http *world_http_new_silent(struct world *, const struct world_http_options *);
void world_http_stop(struct world_http *);
DEFINE_FREEP(struct world_http, world_http_stop)

/* "http://127.0.0.1:PORT"; silent: a name that only world_transport knows. The server's. */
const char *world_http_url(const struct world_http *, enum world_face);
/* Calls fn with the world at the present, under the server's lock. Any thread. */
void world_http_locked(struct world_http *, void (*fn)(struct world *, void *arg), void *arg);

#endif
