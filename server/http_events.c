/*
 * The listeners of /v1/events: connections that sleep until there is something for them.
 *
 * One thread, the watch, looks for news while anyone listens, and wakes all who sleep; each then reads by itself what is new for
 * it. That takes a listener no memory for what it has not yet got. The watch looks at the published picture, the newest event
 * and the tokens 20 times a second rather than being told: events and tokens may come from other processes too.
 *
 * Falling asleep: the round is read before `next` looks for news, and compared under the lock before the connection is
 * suspended. A round that began in between has news, so it looks again; one that begins later finds it asleep.
 *
 * Deadlines: the one of server/http_clients.h is over when the request has arrived. libmicrohttpd counts no time for a suspended
 * connection, and begins anew when it wakes; awake, with something to send, it gives up after client_idle_seconds in which the
 * socket takes nothing. The socket holds little, and takes more only when a third of that has left it, so who takes a byte now
 * and then is dropped too. What the socket holds for a listener that is asleep is the kernel's to give up on, after as long.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/limits.h"
#include "server/http_internal.h"

#define LOOK_MS      50
#define HEARTBEAT_MS (15 * MS_PER_SECOND)
#define BLOCK        1024 /* what is asked of listener_read at once, where the client speaks HTTP/1.0 */

struct listener {
	struct listeners *all;
	struct listener *before, *behind; /* lock */
	bool asleep;                      /* lock */
	struct MHD_Connection *connection;
	struct stream stream;
	struct buf piece; /* from here on used by the connection's thread alone */
	size_t sent;
	uint64_t beat;
	int64_t generation;        /* of the tokens when its own was last looked at */
	const struct route *route; /* whose role its token must keep */
	char *authorization;
	char id[REQUEST_ID_SIZE];
};

struct listeners {
	struct http_server *server;
	pthread_t watch;
	pthread_mutex_t lock; /* guards everything below */
	pthread_cond_t changed;
	struct listener *first;
	size_t n;
	bool closing;
	uint64_t round; /* grows with news and heartbeats */
	uint64_t beat;  /* grows with heartbeats */
};

/* --- a listener, on its connection's thread ---------------------------------------------------------------------- */

struct moment {
	uint64_t round;
	uint64_t beat;
	bool closing;
};

static struct moment moment_of(struct listeners *all)
{
	struct moment m;

	(void)pthread_mutex_lock(&all->lock);
	m = (struct moment){all->round, all->beat, all->closing};
	(void)pthread_mutex_unlock(&all->lock);
	return m;
}

/* Puts the connection to sleep, unless something happened since `m`. What it has got is not kept. */
static bool fall_asleep(struct listener *l, const struct moment *m)
{
	struct listeners *all = l->all;
	bool sleeps;

	buf_free(&l->piece);
	l->sent = 0;
	(void)pthread_mutex_lock(&all->lock);
	sleeps = !all->closing && all->round == m->round;
	l->asleep = sleeps;
	if (sleeps)
		MHD_suspend_connection(l->connection);
	(void)pthread_mutex_unlock(&all->lock);
	return sleeps;
}

/* Whether its token is still good for the route; looked at only when the tokens were read anew. */
static bool still_allowed(struct listener *l)
{
	struct http_server *s = l->all->server;
	int64_t generation = auth_generation(s->auth, &s->app);
	char actor[ACTOR_SIZE];
	struct error e;
	bool revoked;

	if (generation && generation == l->generation)
		return true;
	l->generation = generation;
	return generation && auth_check(s->auth, &s->app, l->authorization, l->route->basic, actor, &revoked,
					&e) >= l->route->role;
}

/* What is new, and a heartbeat where one is due, into the piece. */
static enum err refill(struct listener *l, const struct moment *m)
{
	struct pulse *work = work_begin(l->all->server);
	struct error e = {.code = ERR_OK};
	enum err err;

	buf_reset(&l->piece);
	l->sent = 0;
	err = l->stream.next(l->stream.self, &l->piece, &e);
	work_end(work);
	if (!err && m->beat != l->beat)
		buf_puts(&l->piece, ":\n\n");
	l->beat = m->beat;
	if (!err && l->piece.failed)
		err = error_set(&e, ERR_INTERNAL, "out of memory");
	if (err)
		log_error("a listener was cut off", "request", l->id, "error", e.detail);
	return err;
}

static ssize_t listener_read(void *cls, uint64_t position, char *out, size_t max)
{
	struct listener *l = cls;
	struct moment m;
	size_t n;

	(void)position;
	while (l->sent == l->piece.len) {
		m = moment_of(l->all);
		if (m.closing || !still_allowed(l))
			return MHD_CONTENT_READER_END_OF_STREAM;
		if (refill(l, &m))
			return MHD_CONTENT_READER_END_WITH_ERROR;
		if (l->piece.len == 0 && fall_asleep(l, &m))
			return 0;
	}
	n = l->piece.len - l->sent;
	n = n < max ? n : max;
	memcpy(out, l->piece.data + l->sent, n);
	l->sent += n;
	return (ssize_t)n;
}

/* Of one that is linked in no more. */
static void listener_drop(struct listener *l)
{
	l->stream.free(l->stream.self);
	buf_free(&l->piece);
	if (l->authorization)
		explicit_bzero(l->authorization, strlen(l->authorization));
	free(l->authorization);
	free(l);
}

static void listener_free(void *cls)
{
	struct listener *l = cls;
	struct listeners *all = l->all;

	(void)pthread_mutex_lock(&all->lock);
	if (l->before)
		l->before->behind = l->behind;
	else
		all->first = l->behind;
	if (l->behind)
		l->behind->before = l->before;
	all->n--;
	(void)pthread_mutex_unlock(&all->lock);
	listener_drop(l);
}

/* False where there are too many, or the process ends. */
static bool link_in(struct listeners *all, struct listener *l)
{
	bool room;

	(void)pthread_mutex_lock(&all->lock);
	room = !all->closing && all->n < LIMIT_LISTENERS;
	if (room) {
		l->behind = all->first;
		if (all->first)
			all->first->before = l;
		all->first = l;
		all->n++;
		l->beat = all->beat;
		(void)pthread_cond_signal(&all->changed);
	}
	(void)pthread_mutex_unlock(&all->lock);
	return room;
}

/*
 * The kernel may hold megabytes for a socket whose client reads slowly, and keeps them for a quarter of an hour where the
 * client's machine is gone. RFC 5482 names the second limit.
 */
static void limit_socket(struct MHD_Connection *connection, int64_t patience_ms)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	const int bytes = LIMIT_LISTENER_SOCKET;
	const unsigned patience = (unsigned)patience_ms;

	(void)setsockopt(info->connect_fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
	(void)setsockopt(info->connect_fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &patience, sizeof patience);
}

/* Takes over the stream; NULL when out of memory. */
static struct listener *listener_new(struct listeners *all, struct exchange *x, const struct stream *stream)
{
	struct listener *l = calloc(1, sizeof *l);

	if (!l) {
		stream->free(stream->self);
		return NULL;
	}
	l->all = all;
	l->connection = x->connection;
	l->stream = *stream;
	l->piece = BUF_INIT(STREAM_PIECE_MAX);
	l->route = x->req.route;
	l->authorization = strdup(x->headers.authorization);
	memcpy(l->id, x->id, sizeof l->id);
	if (l->authorization)
		return l;
	listener_drop(l);
	return NULL;
}

struct MHD_Response *listeners_add(struct listeners *all, struct exchange *x, const struct stream *stream,
				   struct error *e)
{
	struct listener *l = listener_new(all, x, stream);
	struct MHD_Response *response;

	if (l && !link_in(all, l)) {
		listener_drop(l);
		(void)error_set(e, ERR_BUSY, "too many listen already, the most is %d; or burstd is ending",
				LIMIT_LISTENERS);
		return NULL;
	}
	response = l ? MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, listener_read, l,
							 listener_free)
		     : NULL;
	if (response) {
		limit_socket(x->connection,
			     (int64_t)(all->server->app.config->client_idle_seconds * MS_PER_SECOND));
		return response;
	}
	if (l)
		listener_free(l);
	(void)error_set(e, ERR_INTERNAL, "out of memory");
	return NULL;
}

/* --- the watch --------------------------------------------------------------------------------------------------- */

/* What was published and recorded so far; the event before where the store cannot be read. */
struct news {
	int64_t picture;
	int64_t event;
	int64_t tokens;
};

static struct news look(struct http_server *s, struct news before)
{
	const struct app *app = &s->app;
	struct picture *p = app->picture(app->self);
	struct error e;
	struct store *store = app->store(app->store_self, &e);

	before.picture = p->seq;
	picture_unref(p);
	before.tokens = auth_generation(s->auth, app);
	if (store)
		(void)store_event_newest(store, &before.event, &e);
	return before;
}

static bool same_news(const struct news *a, const struct news *b)
{
	return a->picture == b->picture && a->event == b->event && a->tokens == b->tokens;
}

/* Lock held. */
static void wake_all(struct listeners *all)
{
	struct listener *l;

	all->round++;
	for (l = all->first; l; l = l->behind) {
		if (l->asleep)
			MHD_resume_connection(l->connection);
		l->asleep = false;
	}
}

/* Lock held. Waits for a listener, then for the time of the next look; false = the process ends. */
static bool watch_wait(struct listeners *all)
{
	struct timespec until;

	while (!all->closing && all->n == 0)
		(void)pthread_cond_wait(&all->changed, &all->lock);
	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += LOOK_MS * 1000000L;
	until.tv_sec += until.tv_nsec / 1000000000L;
	until.tv_nsec %= 1000000000L;
	while (!all->closing && pthread_cond_timedwait(&all->changed, &all->lock, &until) != ETIMEDOUT)
		;
	return !all->closing;
}

static void *watch_main(void *arg)
{
	struct listeners *all = arg;
	int64_t period = (int64_t)(HEARTBEAT_MS / all->server->app.config->time_scale);
	int64_t beat_at = monotonic_ms() + period;
	struct news known = {0}, now = {0};
	struct pulse *work;

	(void)pthread_mutex_lock(&all->lock);
	while (watch_wait(all)) {
		(void)pthread_mutex_unlock(&all->lock);
		work = work_begin(all->server);
		now = look(all->server, known);
		work_end(work);
		(void)pthread_mutex_lock(&all->lock);
		if (monotonic_ms() >= beat_at) {
			all->beat++;
			beat_at = monotonic_ms() + period;
			wake_all(all);
		} else if (!same_news(&now, &known)) {
			wake_all(all);
		}
		known = now;
	}
	(void)pthread_mutex_unlock(&all->lock);
	return NULL;
}

/* --- all of them --------------------------------------------------------------------------------------------------- */

struct listeners *listeners_new(struct http_server *s)
{
	struct listeners *all = calloc(1, sizeof *all);
	pthread_condattr_t attributes;

	if (!all)
		return NULL;
	all->server = s;
	(void)pthread_mutex_init(&all->lock, NULL);
	(void)pthread_condattr_init(&attributes);
	(void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&all->changed, &attributes);
	(void)pthread_condattr_destroy(&attributes);
	if (pthread_create(&all->watch, NULL, watch_main, all) == 0)
		return all;
	(void)pthread_cond_destroy(&all->changed);
	(void)pthread_mutex_destroy(&all->lock);
	free(all);
	return NULL;
}

void listeners_close(struct listeners *all)
{
	bool closed;

	(void)pthread_mutex_lock(&all->lock);
	closed = all->closing;
	all->closing = true;
	wake_all(all);
	(void)pthread_cond_broadcast(&all->changed);
	(void)pthread_mutex_unlock(&all->lock);
	if (!closed)
		(void)pthread_join(all->watch, NULL);
}

void listeners_free(struct listeners *all)
{
	if (!all)
		return;
	listeners_close(all);
	(void)pthread_cond_destroy(&all->changed);
	(void)pthread_mutex_destroy(&all->lock);
	free(all);
}
