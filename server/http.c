/*
 * The HTTP server over libmicrohttpd: one epoll pool, one `struct exchange` per request.
 *
 * libmicrohttpd calls on_request several times for a request: at its headers, for each piece of the body, and once more
 * at its end. A reply queued at the first call would cost the connection its keep-alive, so all of them, refusals
 * included, are queued at the last one. The exchange is made by on_uri and freed by on_completed.
 */
#include "server/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/limits.h"
#include "server/http_internal.h"
#include "server/tls.h"

#define LISTEN_BACKLOG 512

/* --- one request --------------------------------------------------------------------------------------------- */

/* 16 hex digits: the process's random half, then the number of the request. */
static void write_id(char out[REQUEST_ID_SIZE], uint32_t prefix, uint64_t number)
{
	static const char digits[] = "0123456789abcdef";
	uint64_t id = (uint64_t)prefix << 32 | (uint32_t)number;
	int i;

	for (i = 15; i >= 0; i--, id >>= 4)
		out[i] = digits[id & 15];
	out[16] = '\0';
}

static bool logs_requests(const struct http_server *s)
{
	return config_log_level(s->app.config) == LOG_LEVEL_DEBUG;
}

/* "%2F" before the query: it would be taken for a separator, which a proxy in front did not see. */
static bool has_escaped_slash(const char *uri)
{
	const char *end = uri + strcspn(uri, "?");

	for (uri = strchr(uri, '%'); uri && uri < end; uri = strchr(uri + 1, '%'))
		if (uri[1] == '2' && (uri[2] == 'f' || uri[2] == 'F'))
			return true;
	return false;
}

static void *on_uri(void *cls, const char *uri, struct MHD_Connection *connection)
{
	struct http_server *s = cls;
	struct connection *c = connection_of(connection);
	struct exchange *x = malloc(sizeof *x);

	if (!x)
		return NULL;
	if (c)
		c->exchange = x;
	memset(x, 0, EXCHANGE_CLEARED);
	x->server = s;
	x->connection = connection;
	x->started_us = monotonic_us();
	x->uri_too_long = strlen(uri) > LIMIT_URL_BYTES;
	x->uri_has_nul = strstr(uri, "%00") != NULL;
	x->uri_has_slash = has_escaped_slash(uri);
	x->uri_end = uri + strlen(uri);
	write_id(x->id, s->id_prefix, atomic_fetch_add(&s->requests, 1));
	x->req = (struct req){.app = &s->app, .id = x->id, .actor = x->actor, .now = clock_now(s->app.clock)};
	x->body = BUF_INIT(LIMIT_EVENTS_BYTES); /* the route's own limit is smaller or the same */
	return x;
}

static void exchange_free(struct exchange *x)
{
	if (!x)
		return;
	if (x->begun)
		(void)atomic_fetch_sub(&x->server->under_way, 1);
	picture_unref(x->picture);
	json_decref(x->json);
	buf_wipe(&x->body); /* it may have held the AWS secret */
	free(x);
}

static void log_request(const struct exchange *x)
{
	char status[12], took[24];

	(void)snprintf(status, sizeof status, "%d", x->status);
	(void)snprintf(took, sizeof took, "%lld", (long long)(monotonic_us() - x->started_us));
	log_debug("request", "request", x->id, "method", x->method, "path", x->path, "status", status, "us",
		  took, "actor", *x->actor ? x->actor : NULL);
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **context,
			 enum MHD_RequestTerminationCode code)
{
	struct http_server *s = cls;
	struct exchange *x = *context;

	struct connection *c = connection_of(connection);

	(void)code;
	if (c) {
		c->exchange = NULL;
		client_owes(&c->client);
	}
	if (!x)
		return;
	if (x->begun && logs_requests(s))
		log_request(x);
	if (x->begun && !x->timed)
		times_add(x);
	*context = NULL;
	exchange_free(x);
}

/*
 * libmicrohttpd hands the address on up to its first NUL byte. Address and version are parts of one line, so what is between
 * them shows whether there was more.
 */
static bool cut_by_nul(const char *end, const char *version)
{
	uintptr_t gap = (uintptr_t)version - (uintptr_t)end;

	if ((uintptr_t)version <= (uintptr_t)end || gap > LIMIT_CONNECTION_BYTES)
		return false;
	for (; end < version; end++)
		if (*end != '\0' && *end != ' ')
			return true;
	return false;
}

static void begin(struct exchange *x, const char *url, const char *method, const char *version)
{
	size_t len;

	(void)atomic_fetch_add(&x->server->under_way, 1);
	x->begun = true;
	x->method = method;
	x->version = version;
	x->uri_has_nul |= cut_by_nul(x->uri_end, version);
	x->head = strcmp(method, "HEAD") == 0;
	x->options = strcmp(method, "OPTIONS") == 0;
	len = strnlen(url, sizeof x->path - 1);
	memcpy(x->path, url, len);
	x->path[len] = '\0';
	x->allow[0] = '\0';
	request_check(x, url);
}

/* A piece of the body: kept, or only counted when the request is refused anyway. */
static void take(struct exchange *x, const char *data, size_t len)
{
	x->received += len;
	if (x->refusal || x->options)
		return;
	if (x->received > x->req.route->body_limit)
		x->refusal = error_set(&x->refused, ERR_TOO_LARGE, "the body may have at most %zu bytes here",
				       x->req.route->body_limit);
	else
		buf_append(&x->body, data, len);
}

struct pulse *work_begin(struct http_server *s)
{
	return pulse_take(s->pulses, HTTP_PULSES, monotonic_ms() + LIMIT_STEP_MS);
}

void work_end(struct pulse *p)
{
	if (p)
		pulse_rest(p);
}

static struct done *answer(struct exchange *x)
{
	struct connection *c = connection_of(x->connection);
	struct error e;
	bool dry_run;

	if (c)
		client_paid(&c->client);
	if (x->refusal)
		return reply_refusal(x);
	if (x->options)
		return reply_options(x);
	if (dry_run_asked(x, &dry_run, &e))
		return reply_error(&x->req, &e);
	if (dry_run)
		return dry_run_answer(x);
	if (x->headers.idempotency_key && strcmp(x->method, "POST") == 0)
		return idempotent_answer(x);
	return x->req.route->handler(&x->req);
}

/* The headers, a piece of the body, or the end. */
static enum MHD_Result advance(struct exchange *x, const char *url, const char *method, const char *version,
			       const char *data, size_t *data_size)
{
	if (!x->begun) {
		begin(x, url, method, version);
		if (x->close)
			return reply_refusal(x) ? MHD_YES : MHD_NO;
		return MHD_YES;
	}
	if (*data_size) {
		take(x, data, *data_size);
		*data_size = 0;
		return x->received > LIMIT_SWALLOW_BYTES ? MHD_NO : MHD_YES;
	}
	return answer(x) ? MHD_YES : MHD_NO;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
				  const char *method, const char *version, const char *data,
				  size_t *data_size, void **context)
{
	struct exchange *x = *context;
	enum MHD_Result result;
	struct pulse *work;

	(void)cls;
	(void)connection;
	if (!x)
		return MHD_NO; /* out of memory at on_uri */
	work = work_begin(x->server);
	result = advance(x, url, method, version, data, data_size);
	work_end(work);
	return result;
}

/* --- connections ---------------------------------------------------------------------------------------------- */

/* NULL when out of memory: then every token is hashed, TLS is refused, and no deadline but the idle one holds. */
static struct connection *connection_new(struct http_server *s, struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct connection *c = info ? calloc(1, sizeof *c) : NULL;

	if (!c)
		return NULL;
	c->server = s;
	clients_add(&s->clients, &c->client, info->connect_fd);
	return c;
}

static void on_connection(void *cls, struct MHD_Connection *connection, void **context,
			  enum MHD_ConnectionNotificationCode code)
{
	struct http_server *s = cls;
	struct connection *c = *context;

	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		*context = connection_new(s, connection);
	} else if (c) {
		clients_remove(&s->clients, &c->client);
		exchange_free(
			c->exchange); /* libmicrohttpd tells of no end where it ran out of memory for the headers */
		explicit_bzero(c, sizeof *c);
		free(c);
		*context = NULL;
	}
}

/*
 * GnuTLS asks for the certificate of a handshake. libmicrohttpd sets its connection as the session's pointer, the only way
 * from a session to the server it belongs to.
 */
static int on_handshake(gnutls_session_t session, const gnutls_datum_t *authorities, int n_authorities,
			const gnutls_pk_algorithm_t *algorithms, int n_algorithms, gnutls_pcert_st **ret,
			unsigned *ret_n, gnutls_privkey_t *ret_key)
{
	struct MHD_Connection *connection = gnutls_session_get_ptr(session);
	struct connection *c = connection ? connection_of(connection) : NULL;
	struct tls_shown shown;

	(void)authorities;
	(void)n_authorities;
	(void)algorithms;
	(void)n_algorithms;
	if (!c)
		return -1;
	shown = tls_choose(c->server->app.tls);
	*ret = shown.chain;
	*ret_n = shown.n;
	*ret_key = shown.key;
	return 0;
}

/* --- start and stop ------------------------------------------------------------------------------------------ */

static void on_log(void *cls, const char *format, va_list args) __attribute__((format(printf, 2, 0)));
static void on_log(void *cls, const char *format, va_list args)
{
	char line[300];

	(void)cls;
	(void)vsnprintf(line, sizeof line, format, args);
	line[strcspn(line, "\n")] = '\0';
	log_debug("http", "detail", line);
}

static socklen_t address_of(const struct config *c, struct sockaddr_storage *ret, bool *ret_any)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;

	memset(ret, 0, sizeof *ret);
	if (inet_pton(AF_INET, c->listen_host, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16_t)c->listen_port);
		*ret_any = v4->sin_addr.s_addr == htonl(INADDR_ANY);
		return sizeof *v4;
	}
	(void)inet_pton(AF_INET6, c->listen_host, &v6->sin6_addr);
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons((uint16_t)c->listen_port);
	*ret_any = IN6_IS_ADDR_UNSPECIFIED(&v6->sin6_addr);
	return sizeof *v6;
}

static int port_of(int fd)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof address;

	if (getsockname(fd, (struct sockaddr *)&address, &len) != 0)
		return 0;
	return address.ss_family == AF_INET ? ntohs(((struct sockaddr_in *)&address)->sin_port)
					    : ntohs(((struct sockaddr_in6 *)&address)->sin6_port);
}

/* A listening socket, or -1 with `e` filled. */
static int listen_at(struct http_server *s, struct error *e)
{
	const struct config *c = s->app.config;
	struct sockaddr_storage address;
	socklen_t len = address_of(c, &address, &s->any_address);
	const int on = 1;
	int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd >= 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (fd >= 0 && bind(fd, (struct sockaddr *)&address, len) == 0 && listen(fd, LISTEN_BACKLOG) == 0) {
		s->port = port_of(fd);
		return fd;
	}
	(void)error_set(e, ERR_BUSY, "BURSTD_LISTEN: cannot listen on %s port %d: %s", c->listen_host,
			c->listen_port, strerror(errno));
	if (fd >= 0)
		(void)close(fd);
	return -1;
}

/*
 * Behind a proxy, and on loopback where proxies and tunnels end, all clients have one address: there only the total counts,
 * unless the operator says a number.
 */
static unsigned per_address(const struct config *c)
{
	if (c->connections_per_address > 0)
		return (unsigned)c->connections_per_address;
	return c->behind_proxy || config_is_loopback(c->listen_host) ? 0 : LIMIT_ADDRESS_CONNECTIONS;
}

static struct MHD_Daemon *daemon_start(struct http_server *s, int fd)
{
	static const struct MHD_OptionItem plain[] = {{MHD_OPTION_END, 0, NULL}};
	const struct MHD_OptionItem tls[] = {
		{MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)TLS_PRIORITIES},
		{MHD_OPTION_HTTPS_CERT_CALLBACK, 0, (void *)on_handshake},
		{MHD_OPTION_END, 0, NULL}};
	const struct config *c = s->app.config;
	unsigned pool = sysconf(_SC_NPROCESSORS_ONLN) > 1 ? 2 : 0;
	unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC | MHD_USE_ERROR_LOG |
			 MHD_ALLOW_SUSPEND_RESUME | (s->app.tls ? MHD_USE_TLS : 0);

	return MHD_start_daemon(
		flags, 0, NULL, NULL, on_request, s, MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL,
		MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_THREAD_POOL_SIZE, pool, MHD_OPTION_URI_LOG_CALLBACK,
		on_uri, s, MHD_OPTION_NOTIFY_COMPLETED, on_completed, s, MHD_OPTION_NOTIFY_CONNECTION,
		on_connection, s, MHD_OPTION_CONNECTION_LIMIT, (unsigned)LIMIT_CONNECTIONS,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)c->client_idle_seconds,
		MHD_OPTION_PER_IP_CONNECTION_LIMIT, per_address(c), MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		(size_t)LIMIT_CONNECTION_BYTES, MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_ARRAY,
		s->app.tls ? tls : plain, MHD_OPTION_END);
}

static void server_free(struct http_server *s)
{
	size_t i;

	if (!s)
		return;
	clients_stop(&s->clients);
	for (i = 0; i < PAGE_COUNT; i++)
		page_slot_close(&s->pages[i]);
	listeners_free(s->listeners);
	auth_free(s->auth);
	throttle_free(s->throttle);
	free(s->times);
	free(s);
}
DEFINE_FREEP(struct http_server, server_free)

enum err http_start(const struct app *app, const struct route_table *routes, struct http_server **ret,
		    struct error *e)
{
	_cleanup_(server_freep) struct http_server *s = calloc(1, sizeof *s);
	size_t i;
	int fd;

	if (!s)
		return error_set(e, ERR_INTERNAL, "out of memory");
	s->app = *app;
	s->routes = *routes;
	random_bytes(&s->id_prefix, sizeof s->id_prefix);
	for (i = 0; i < PAGE_COUNT; i++)
		page_slot_init(&s->pages[i]);
	s->auth = auth_new();
	s->throttle = throttle_new(app->config->time_scale);
	s->times = calloc(routes->n + 1, sizeof *s->times);
	if (!s->auth || !s->throttle || !s->times)
		return error_set(e, ERR_INTERNAL, "out of memory");
	if (!clients_start(&s->clients, (int64_t)(2 * s->app.config->client_idle_seconds * MS_PER_SECOND)))
		return error_set(e, ERR_INTERNAL, "a thread cannot be started");
	fd = listen_at(s, e);
	if (fd < 0)
		return e->code;
	s->listeners = listeners_new(s);
	s->daemon = s->listeners ? daemon_start(s, fd) : NULL;
	if (!s->daemon) {
		(void)close(fd);
		return error_set(e, ERR_INTERNAL, "the HTTP server cannot start");
	}
	*ret = take_ptr(s);
	return ERR_OK;
}

void http_stop(struct http_server *s)
{
	const struct timespec pause = {.tv_nsec = 5 * 1000 * 1000};
	int64_t end = monotonic_ms() + LIMIT_FINISH_MS;
	MHD_socket fd;

	if (!s)
		return;
	fd = MHD_quiesce_daemon(s->daemon);
	listeners_close(s->listeners); /* MHD_stop_daemon aborts where a connection is suspended */
	while (atomic_load(&s->under_way) > 0 && monotonic_ms() < end)
		(void)nanosleep(&pause, NULL);
	MHD_stop_daemon(s->daemon);
	if (fd != MHD_INVALID_SOCKET)
		(void)close(fd);
	server_free(s);
}

int http_port(const struct http_server *s)
{
	return s->port;
}

const struct pulse *http_pulses(const struct http_server *s, size_t *ret_n)
{
	*ret_n = HTTP_PULSES;
	return s->pulses;
}

void http_reload_tokens(struct http_server *s)
{
	auth_reload(s->auth);
}
