/*
 * The process: reads the configuration, hardens itself, starts the workers and the HTTP server, and waits for signals.
 *
 * Signals are blocked in every thread and taken by the main thread alone: TERM and INT end the process (stop listening,
 * finish requests, leave intents for the next start), HUP reads the tokens and the certificate again.
 */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "handlers/handlers.h"
#include "handlers/sink_memory.h"
#include "server/auth.h"
#include "server/commands.h"
#include "server/http.h"
#include "server/notify.h"
#include "server/stores.h"
#include "server/tls.h"
#include "server/watchdog.h"
#include "server/workers.h"

/* What a running daemon consists of, in the order of its making. */
struct process {
	struct config *config;
	uint8_t key[SECRET_KEY_SIZE];
	int lock;
	struct tls *tls;
	struct stores *stores;
	struct sink_memory *sink;
	struct workers *workers;
	struct http_server *http;
	sigset_t signals;
};

/* Secrets are in memory: no core file, no other process of this user looking in, no file that others can read. */
static void harden(void)
{
	const struct rlimit none = {0, 0};

	(void)umask(077);
	(void)mallopt(M_ARENA_MAX, 2); /* a dozen threads that mostly sleep need no heap each */
	(void)setrlimit(RLIMIT_CORE, &none);
#ifndef __SANITIZE_ADDRESS__ /* the leak checker has to look in */
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
}

/* LIMIT_CONNECTIONS need more descriptors than the usual soft limit of 1,024. Less than wanted means fewer clients. */
static void raise_file_limit(void)
{
	const rlim_t wanted = LIMIT_CONNECTIONS + 512;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= wanted)
		return;
	limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

static void block_signals(sigset_t *ret)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN};

	(void)sigemptyset(ret);
	(void)sigaddset(ret, SIGTERM);
	(void)sigaddset(ret, SIGINT);
	(void)sigaddset(ret, SIGHUP);
	(void)pthread_sigmask(SIG_BLOCK, ret, NULL);
	(void)sigaction(SIGPIPE, &ignore, NULL);
}

static struct picture *app_picture(void *workers)
{
	return workers_picture(workers);
}

static void app_wake(void *workers)
{
	workers_wake(workers);
}

static void app_hint(void *workers)
{
	workers_hint(workers);
}

static void app_survey(void *workers)
{
	workers_survey(workers);
}

/* --- start --------------------------------------------------------------------------------------------------- */

static enum err open_state(struct process *p, struct error *e)
{
	char path[512];
	enum err err = state_make(p->config, e);

	if (!err && !state_path(p->config, CONFIG_DATABASE, path, sizeof path))
		err = error_set(e, ERR_BAD_REQUEST, "BURSTD_STATE_DIR: the path is too long");
	err = err ? err : store_lock(p->config->state_dir, &p->lock, e);
	err = err ? err : store_key_load(p->config->state_dir, p->key, e);
	if (err)
		return err;
	p->stores = stores_new(path, p->key);
	return p->stores ? ERR_OK : error_set(e, ERR_INTERNAL, "out of memory");
}

static enum err first_token(struct process *p, struct error *e)
{
	struct store *store = stores_get(p->stores, e);
	bool made = false;
	enum err err =
		store ? auth_first_token(store, p->config->state_dir, clock_now(&clock_system), &made, e)
		      : e->code;
	char path[512];

	if (!err && made && state_path(p->config, "admin.token", path, sizeof path))
		log_info("first start: an admin token was made", "file", path);
	return err;
}

static enum err start(struct process *p, struct error *e)
{
	struct app app = {.config = p->config,
			  .clock = &clock_system,
			  .picture = app_picture,
			  .wake = app_wake,
			  .hint = app_hint,
			  .survey = app_survey,
			  .store = stores_get};
	struct route_table routes = handlers_routes();
	enum err err = open_state(p, e);

	p->sink = sink_memory_new();
	if (!err && !p->sink)
		err = error_set(e, ERR_INTERNAL, "out of memory");
	err = err ? err : first_token(p, e);
	err = err ? err : workers_start(p->config, p->key, &p->workers, e);
	if (err)
		return err;
	app.tls = p->tls;
	app.sink = p->sink;
	app.tallies = workers_tallies(p->workers);
	app.self = p->workers;
	app.store_self = p->stores;
	return http_start(&app, &routes, &p->http, e);
}

static void say_ready(const struct process *p)
{
	char address[80];
	bool v6 = strchr(p->config->listen_host, ':') != NULL;

	(void)snprintf(address, sizeof address, v6 ? "[%s]:%d" : "%s:%d", p->config->listen_host,
		       http_port(p->http));
	log_info("ready", "address", address, "version", config_version(), "state_dir", p->config->state_dir);
	notify_send("READY=1");
}

/* --- run and stop -------------------------------------------------------------------------------------------- */

static void say_certificate(const struct process *p, const char *what)
{
	int64_t end = p->tls ? tls_expires_at(p->tls) : 0;
	char text[TIME_TEXT_SIZE];

	if (!p->tls)
		return;
	log_info(what, "file", p->config->tls_cert, "expires", time_rfc3339(end, text));
	if (end < clock_now(&clock_system))
		log_warn("the certificate has expired: clients will refuse it", "file", p->config->tls_cert,
			 "expires", text);
}

static void reload(struct process *p)
{
	struct error e;

	http_reload_tokens(p->http);
	log_info("reloaded the tokens");
	if (p->tls && tls_reload(p->tls, &e))
		log_error("the certificate was not reloaded, the present one stays", "error", e.detail);
	else
		say_certificate(p, "reloaded the certificate");
}

/* Waits for the signal that ends the process; meanwhile systemd's watchdog gets its beat while all threads are heard of. */
static int wait_for_end(struct process *p)
{
	struct watched rows[] = {{.who = "controller", .pulses = workers_pulse(p->workers), .n = 1},
				 {.who = "http"}};
	struct watchdog watchdog = {.rows = rows, .n = ARRAY_LEN(rows)};
	int64_t tick = notify_watchdog_ms();
	int64_t wait = tick ? tick : MS_PER_MINUTE;
	const struct timespec timeout = {.tv_sec = wait / MS_PER_SECOND,
					 .tv_nsec = wait % MS_PER_SECOND * 1000000};
	int got;

	rows[1].pulses = http_pulses(p->http, &rows[1].n);
	for (;;) {
		got = sigtimedwait(&p->signals, NULL, &timeout);
		if (got == SIGTERM || got == SIGINT)
			return got;
		if (got == SIGHUP)
			reload(p);
		if (tick)
			(void)watchdog_beat(&watchdog, monotonic_ms());
	}
}

static void stop(struct process *p)
{
	http_stop(p->http);
	if (p->workers)
		workers_stop(p->workers);
	stores_free(p->stores);
	sink_memory_free(p->sink);
	tls_free(p->tls);
	explicit_bzero(p->key, sizeof p->key);
	if (p->lock >= 0)
		(void)close(p->lock);
}

static int serve(struct config *config)
{
	struct process p = {.config = config, .lock = -1};
	struct error e;
	enum err err = config_check_serve(config, &e);

	err = err ? err : tls_load(config, &p.tls, &e);
	if (err)
		return command_fail(&e);
	log_setup(config_log_level(config), config->log_format == CONFIG_LOG_JSON);
	block_signals(&p.signals);
	raise_file_limit();
	say_certificate(&p, "TLS");
	err = start(&p, &e);
	if (!err) {
		say_ready(&p);
		log_info("stopping", "signal", wait_for_end(&p) == SIGTERM ? "TERM" : "INT");
		notify_send("STOPPING=1");
	}
	stop(&p);
	return err ? command_fail(&e) : 0;
}

static int run(struct config *config)
{
	const char *command = config->n_words > 0 ? config->words[0] : "serve";
	struct error e;

	if (config->help) {
		config_usage(stdout);
		return 0;
	}
	if (config->version) {
		(void)printf("burstd %s\n", config_version());
		return 0;
	}
	if (config->json && strcmp(command, "check") != 0) {
		(void)error_set(&e, ERR_BAD_REQUEST, "--json: belongs to `burstd check`");
		return command_fail(&e);
	}
	if (strcmp(command, "serve") == 0)
		return serve(config);
	if (strcmp(command, "token") == 0)
		return command_token(config);
	if (strcmp(command, "check") == 0)
		return command_check(config);
	if (strcmp(command, "backup") == 0)
		return command_backup(config);
	if (strcmp(command, "routes") == 0)
		return command_routes();
	(void)error_set(&e, ERR_BAD_REQUEST, "%s: unknown command", command);
	return command_fail(&e);
}

int main(int argc, char *argv[], char *envp[])
{
	_cleanup_(config_freep) struct config *config = NULL;
	struct error e;

	harden();
	if (config_load(argc, argv, envp, &config, &e))
		return command_fail(&e);
	return run(config);
}
