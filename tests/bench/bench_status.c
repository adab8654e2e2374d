/*
 * GET /v1/status: what a request costs the server, against a bare libmicrohttpd that sends the same bytes, and against nginx
 * that has them in a file. Each server has a process of its own; the same client asks them in turn.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/limits.h"
#include "tests/bench/platform.h"
#include "tests/bench/stack.h"

#define ROUNDS 61
#define NGINX  "/usr/sbin/nginx"

/* --- the bare server --------------------------------------------------------------------------------------------- */

/* The head and body of a reply of burstd. */
struct canned {
	const struct load *from;
	struct MHD_Response *response;
};

static enum MHD_Result bare_reply(void *cls, struct MHD_Connection *connection, const char *url,
				  const char *method, const char *version, const char *data, size_t *size,
				  void **context)
{
	static int seen;
	struct canned *c = cls;

	(void)url;
	(void)method;
	(void)version;
	(void)data;
	(void)size;
	if (!*context) { /* a reply at the first call would close the connection */
		*context = &seen;
		return MHD_YES;
	}
	return MHD_queue_response(connection, (unsigned)c->from->status, c->response);
}

static void copy_header(struct canned *c, const char *name)
{
	char value[200];

	if (*load_header(c->from, name, value, sizeof value))
		(void)MHD_add_response_header(c->response, name, value);
}

/* The same flags, pool and limits as server/http.c, and nothing else. */
static int bare_serve(void *arg)
{
	static struct canned c;
	const struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	const union MHD_DaemonInfo *info;
	struct MHD_Daemon *daemon;

	c.from = arg;
	c.response = MHD_create_response_from_buffer(c.from->body_len,
						     c.from->reply + c.from->reply_len - c.from->body_len,
						     MHD_RESPMEM_PERSISTENT);
	copy_header(&c, "Content-Type");
	copy_header(&c, "ETag");
	copy_header(&c, "Cache-Control");
	copy_header(&c, "X-Content-Type-Options");
	copy_header(&c, "Vary");
	daemon = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC, 0, NULL, NULL, bare_reply, &c,
				  MHD_OPTION_SOCK_ADDR, &any, MHD_OPTION_THREAD_POOL_SIZE,
				  sysconf(_SC_NPROCESSORS_ONLN) > 1 ? 2u : 0u, MHD_OPTION_CONNECTION_LIMIT,
				  (unsigned)LIMIT_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT,
				  (unsigned)LIMIT_IDLE_SECONDS, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
				  (size_t)LIMIT_CONNECTION_BYTES, MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1,
				  MHD_OPTION_END);
	info = daemon ? MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT) : NULL;
	return info ? info->port : -1;
}

/* --- nginx ------------------------------------------------------------------------------------------------------- */

static void write_file(const char *path, const char *data, size_t len)
{
	FILE *f = fopen(path, "we");

	if (!f || fwrite(data, 1, len, f) != len || fclose(f) != 0)
		bench_fail("cannot write %s", path);
}

static int free_port(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof at;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&at, len) != 0 ||
	    getsockname(fd, (struct sockaddr *)&at, &len) != 0)
		bench_fail("no free port");
	(void)close(fd);
	return ntohs(at.sin_port);
}

static bool listens(int port)
{
	const struct timespec step = {.tv_nsec = 10000000};
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = htons((uint16_t)port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	bool connected = false;

	for (int i = 0; i < 200 && !connected; i++) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		connected = connect(fd, (struct sockaddr *)&to, sizeof to) == 0;
		(void)close(fd);
		if (!connected)
			(void)nanosleep(&step, NULL);
	}
	return connected;
}

/* One process, the file's descriptor kept open. false = it is not installed, or does not start here. */
static bool nginx_start(struct child *ret, const struct load *from)
{
	static const char format[] =
		"daemon off; master_process off; worker_processes 1; pid %s/nginx.pid; error_log "
		"%s/nginx.log;\n"
		"events { worker_connections 64; use epoll; }\n"
		"http { access_log off; default_type application/json; sendfile on; tcp_nopush on;\n"
		"keepalive_requests 1000000000; open_file_cache max=4 inactive=1h; open_file_cache_valid "
		"1h;\n"
		"client_body_temp_path %s/t1; proxy_temp_path %s/t2; fastcgi_temp_path %s/t3; "
		"uwsgi_temp_path %s/t4;\n"
		"scgi_temp_path %s/t5; server { listen 127.0.0.1:%d; root %s; } }\n";
	char d[240], file[300], conf[300], text[3000], log[300], nginx[] = NGINX;
	char c_flag[] = "-c", p_flag[] = "-p", e_flag[] = "-e";
	char *argv[] = {nginx, p_flag, d, e_flag, log, c_flag, conf, NULL}, *envp[] = {NULL};
	int port = free_port();

	if (access(NGINX, X_OK) != 0)
		return false;
	(void)snprintf(d, sizeof d, "%s", bench_directory());
	(void)snprintf(file, sizeof file, "%s/status.json", d);
	(void)snprintf(conf, sizeof conf, "%s/nginx.conf", d);
	(void)snprintf(log, sizeof log, "%s/nginx.log", d);
	(void)snprintf(text, sizeof text, format, d, d, d, d, d, d, d, port, d);
	write_file(file, from->reply + from->reply_len - from->body_len, from->body_len);
	write_file(conf, text, strlen(text));
	*ret = child_run(NGINX, argv, envp, NULL);
	ret->port = port;
	if (listens(port))
		return true;
	child_end(ret);
	return false;
}

/* --- the measurement --------------------------------------------------------------------------------------------- */

struct contest {
	struct stack stack;
	struct child bare, bare_unchanged, nginx;
	struct load burstd, from_bare, unchanged, from_bare_unchanged, from_nginx;
	bool has_nginx;
	struct samples cost, bare_cost, unchanged_cost, bare_unchanged_cost, nginx_cost;
};

static void contest_open(struct contest *c, const char *name, struct platform_size size)
{
	struct platform platform;
	struct picture *picture;
	char headers[400], etag[80], dir[300];

	platform_make(&platform, size);
	picture = platform_picture(&platform);
	(void)snprintf(dir, sizeof dir, "%s/%s", bench_directory(), name);
	stack_start(&c->stack, dir, picture);
	picture_unref(picture);
	platform_free(&platform);
	load_open(&c->burstd, c->stack.child.port, "/v1/status", c->stack.headers);
	if (c->burstd.status != 200)
		bench_fail("/v1/status: %s", c->burstd.reply);
	(void)snprintf(headers, sizeof headers, "%sIf-None-Match: %s\r\n", c->stack.headers,
		       load_header(&c->burstd, "ETag", etag, sizeof etag));
	load_open(&c->unchanged, c->stack.child.port, "/v1/status", headers);
	if (c->unchanged.status != 304)
		bench_fail("/v1/status with If-None-Match: status %d", c->unchanged.status);
	c->bare = child_serve(bare_serve, &c->burstd);
	load_open(&c->from_bare, c->bare.port, "/v1/status", c->stack.headers);
	if (c->from_bare.reply_len != c->burstd.reply_len)
		bench_fail("the bare server sends %zu bytes, burstd %zu", c->from_bare.reply_len,
			   c->burstd.reply_len);
	c->bare_unchanged = child_serve(bare_serve, &c->unchanged);
	load_open(&c->from_bare_unchanged, c->bare_unchanged.port, "/v1/status", headers);
	c->has_nginx = nginx_start(&c->nginx, &c->burstd);
	if (c->has_nginx)
		load_open(&c->from_nginx, c->nginx.port, "/status.json", c->stack.headers);
}

static void contest_close(struct contest *c)
{
	load_close(&c->burstd);
	load_close(&c->from_bare);
	load_close(&c->unchanged);
	load_close(&c->from_bare_unchanged);
	child_end(&c->stack.child);
	child_end(&c->bare);
	child_end(&c->bare_unchanged);
	if (c->has_nginx) {
		load_close(&c->from_nginx);
		child_end(&c->nginx);
	}
}

static void contest_run(struct contest *c, int requests)
{
	load_run(&c->burstd, requests); /* warm */
	load_run(&c->from_bare, requests);
	for (int i = 0; i < ROUNDS; i++) {
		load_sample(&c->burstd, &c->stack.child, requests, &c->cost);
		load_sample(&c->from_bare, &c->bare, requests, &c->bare_cost);
		load_sample(&c->unchanged, &c->stack.child, requests, &c->unchanged_cost);
		load_sample(&c->from_bare_unchanged, &c->bare_unchanged, requests, &c->bare_unchanged_cost);
		if (c->has_nginx)
			load_sample(&c->from_nginx, &c->nginx, requests, &c->nginx_cost);
	}
}

static void contest_print(const struct contest *c, int nodes)
{
	struct samples ratio = samples_ratio(&c->cost, &c->bare_cost);
	double kilobytes = (double)c->burstd.body_len / 1000;

	table_section("GET /v1/status, a platform of %d nodes: %.*f KB; server CPU for one request", nodes,
		      kilobytes < 10 ? 1 : 0, kilobytes);
	table_row("burstd, 200", &c->cost, "us");
	table_row("bare libmicrohttpd, the same bytes", &c->bare_cost, "us");
	table_goal("burstd / bare libmicrohttpd", &ratio, "", GOAL_AT_MOST, 1.15);
	if (c->has_nginx) {
		ratio = samples_ratio(&c->cost, &c->nginx_cost);
		table_row("nginx, the same bytes in a file", &c->nginx_cost, "us");
		table_goal("burstd / nginx", &ratio, "", GOAL_AT_MOST, 0.85);
	} else {
		table_note("nginx is not installed (nginx-light)");
	}
	ratio = samples_ratio(&c->unchanged_cost, &c->cost);
	table_row("burstd, 304", &c->unchanged_cost, "us");
	table_row("bare libmicrohttpd, the same 304", &c->bare_unchanged_cost, "us");
	table_goal("304 / 200", &ratio, "", kilobytes > 100 ? GOAL_AT_MOST : GOAL_NONE, 0.25);
}

static void measure(const char *name, struct platform_size size, int requests)
{
	struct contest *c = calloc(1, sizeof *c);

	if (!c)
		bench_fail("out of memory");
	contest_open(c, name, size);
	contest_run(c, requests);
	contest_print(c, size.principals * (size.always_on_nodes + size.burst_nodes));
	contest_close(c);
	free(c);
}

int main(void)
{
	bench_one_core();
	measure("small", (struct platform_size){1, 29, 1}, 2000);
	measure("large", (struct platform_size){10, 93, 7}, 800);
	return 0;
}
