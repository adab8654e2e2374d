/*
 * The real burstd against the embedded world over HTTP on loopback: how long from the answer that shows a crossed threshold
 * to StartInstances, how long from exec to the first answer, and how much memory it takes with 200 nodes.
 *
 *     bench_burst BURSTD
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "server/config.h"
#include "store/store.h"
#include "tests/bench/bench.h"
#include "tests/bench/wire.h"
#include "tests/world/http.h"

#define ROUNDS       200
#define LOST_MAX     5     /* more rounds without a start than this, and the figure is worth nothing */
#define TIME_SCALE   100   /* of both: polls every 10 ms. What is measured is not scaled */
#define WAIT_MS      10000 /* for anything in burstd to come about */
#define ALWAYS_ON    3     /* nodes of a principal, in the small platform */
#define ALWAYS_ON_HD 20
#define THRESHOLD    5
#define BUSY_CALLS   (ALWAYS_ON * ALWAYS_ON_HD - THRESHOLD)
#define STARTS       15
#define READS        300

/* --- a platform and a burstd ------------------------------------------------------------------------------------- */

struct site {
	struct world *world;
	struct world_http *http;
	struct wire *wire;
	const char *burstd;
	char state_dir[300];
	char token[64];
	struct child daemon;
	double first_answer_us; /* from exec */
	int64_t principal;
	int burst_nodes;
};

/* Boots, reports and replication take a moment only, so that rounds follow each other quickly. */
static struct world_options quick_world(int pairs, int nodes)
{
	struct world_options o = world_options_default(1);

	o.start_ms = clock_now(&clock_system) - 120000;
	o.scale = TIME_SCALE;
	o.principals = o.overflows = pairs;
	o.always_on_nodes = o.burst_nodes = nodes;
	o.always_on_hd = ALWAYS_ON_HD;
	o.traffic = o.throttle = false;
	o.pending_ms = o.boot_ms = o.stopping_ms = o.suspend_ms = o.replication_ms = o.status_ms =
		TIME_SCALE; /* 1 ms */
	o.ec2_lag_ms = 0;
	return o;
}

/* Bursting on, polls as often as the settings allow, and a token. */
static void prepare_state(struct site *s, const char *name)
{
	_cleanup_(store_closep) struct store *store = NULL;
	struct bursting_settings settings;
	uint8_t key[SECRET_KEY_SIZE];
	char path[400];
	struct error e;

	(void)snprintf(s->state_dir, sizeof s->state_dir, "%s/%s", bench_directory(), name);
	(void)snprintf(path, sizeof path, "%s/%s", s->state_dir, CONFIG_DATABASE);
	(void)mkdir(s->state_dir, 0700);
	if (store_key_load(s->state_dir, key, &e) || store_open(path, key, &store, &e) ||
	    store_settings_get(store, &settings, &e))
		bench_fail("store: %s", e.detail);
	settings.enabled = true;
	settings.mode = MODE_CONTROL;
	settings.bursting_threshold = THRESHOLD;
	settings.poll_infinity_seconds = settings.poll_ec2_seconds = 1;
	if (store_settings_put(store, &settings, NULL, NULL, &e) ||
	    store_token_create(store, "bench", TOKEN_VIEWER, clock_now(&clock_system), s->token, &e))
		bench_fail("store: %s", e.detail);
}

static int port_of(const char *url)
{
	return (int)strtol(strrchr(url, ':') + 1, NULL, 10);
}

static void site_open(struct site *s, const char *burstd, const char *name, int pairs, int nodes)
{
	const struct world_http_options o = world_http_options_default();
	const struct world_options w = quick_world(pairs, nodes);
	int ports[WIRE_SIDES];

	*s = (struct site){.burstd = burstd, .world = world_new(&w), .burst_nodes = pairs * nodes};
	if (!s->world)
		bench_fail("no world");
	s->principal = world_location_at(s->world, 0).id;
	world_advance(s->world, clock_now(&clock_system));
	s->http = world_http_start(s->world, &o);
	if (!s->http)
		bench_fail("the world cannot serve");
	ports[WIRE_INFINITY] = port_of(world_http_url(s->http, WORLD_FACE_INFINITY));
	ports[WIRE_EC2] = port_of(world_http_url(s->http, WORLD_FACE_EC2));
	s->wire = wire_start(ports);
	prepare_state(s, name);
}

static void site_close(struct site *s)
{
	child_end(&s->daemon);
	wire_stop(s->wire);
	world_http_stop(s->http);
	world_free(s->world);
}

/* Reads the log up to the line that tells the address; -1 = it ended before. */
static int wait_ready(FILE *log)
{
	char line[1000], *address;

	while (fgets(line, sizeof line, log)) {
		address = strstr(line, "address=");
		if (address && strstr(line, "ready"))
			return (int)strtol(strchr(address, ':') + 1, NULL, 10);
		if (strstr(line, "level=error"))
			(void)fputs(line, stderr);
	}
	return -1;
}

static void burstd_start(struct site *s)
{
	const struct world_http_options o = world_http_options_default();
	char infinity[100], ec2[100], user[100], password[100], access[100], secret[150], state[340];
	char listen[] = "BURSTD_LISTEN=127.0.0.1:0", regions[] = "BURSTD_AWS_REGIONS=eu-west-1";
	char scale[40], name[] = "burstd";
	char *argv[] = {name, NULL};
	char *envp[] = {listen, regions, scale, infinity, ec2, user, password, access, secret, state, NULL};
	double began;
	FILE *log;
	char *answer;
	int fd;

	(void)snprintf(infinity, sizeof infinity, "BURSTD_INFINITY_URL=http://127.0.0.1:%d",
		       wire_port(s->wire, WIRE_INFINITY));
	(void)snprintf(ec2, sizeof ec2, "BURSTD_EC2_ENDPOINT=http://127.0.0.1:%d",
		       wire_port(s->wire, WIRE_EC2));
	(void)snprintf(user, sizeof user, "BURSTD_INFINITY_USER=%s", o.user);
	(void)snprintf(password, sizeof password, "BURSTD_INFINITY_PASSWORD=%s", o.password);
	(void)snprintf(access, sizeof access, "AWS_ACCESS_KEY_ID=%s", o.access_key);
	(void)snprintf(secret, sizeof secret, "AWS_SECRET_ACCESS_KEY=%s", o.secret_key);
	(void)snprintf(state, sizeof state, "BURSTD_STATE_DIR=%s", s->state_dir);
	(void)snprintf(scale, sizeof scale, "BURSTD_TIME_SCALE=%d", TIME_SCALE);
	began = wall_us();
	s->daemon = child_run(s->burstd, argv, envp, &fd);
	log = fdopen(fd, "r");
	s->daemon.port = log ? wait_ready(log) : -1;
	if (s->daemon.port <= 0)
		bench_fail("%s does not start", s->burstd);
	answer = http_get(s->daemon.port, "/healthz", NULL);
	s->first_answer_us = wall_us() - began;
	free(answer);
	(void)fclose(log); /* a pipe that nobody reads would fill up and stop burstd */
}

/* --- waiting ----------------------------------------------------------------------------------------------------- */

static int count(const char *text, const char *word)
{
	int n = 0;

	for (; text && (text = strstr(text, word)); text += strlen(word))
		n++;
	return n;
}

/* Until as many bursting nodes are in the phase; false = they did not get there. */
static bool wait_phase(const struct site *s, const char *phase, int nodes)
{
	const struct timespec step = {.tv_nsec = 4000000};
	double until = wall_us() + WAIT_MS * 1e3;
	char word[60];

	(void)snprintf(word, sizeof word, "\"phase\":\"%s\"", phase);
	while (wall_us() < until) {
		char *page = http_get(s->daemon.port, "/v1/nodes?bursting=true&limit=500", s->token);
		bool there = count(page, word) == nodes;

		free(page);
		if (there)
			return true;
		(void)nanosleep(&step, NULL);
	}
	return false;
}

/* --- from the threshold to StartInstances ------------------------------------------------------------------------ */

static void place_calls(struct world *w, void *arg)
{
	const struct site *s = arg;

	if (world_calls(w, s->principal, BUSY_CALLS, 0) != BUSY_CALLS)
		bench_fail("the world did not take the calls");
}

static void cross_threshold(void *arg)
{
	const struct timespec report = {.tv_nsec = 4000000};
	struct site *s = arg;

	world_http_locked(s->http, place_calls, s);
	(void)nanosleep(&report, NULL); /* the nodes' next reports tell it */
}

static void end_calls(struct world *w, void *arg)
{
	(void)arg;
	(void)world_end_calls(w, 0, -1);
}

/* Somebody stops whatever runs, in EC2's own console. */
static void stop_nodes(struct world *w, void *arg)
{
	(void)arg;
	for (size_t i = 0; i < world_node_count(w); i++) {
		struct world_node_state n = world_node_at(w, i);

		if (n.bursting && n.state == INSTANCE_RUNNING)
			world_fault_add(w, &(struct world_fault){.kind = WORLD_OUTSIDE_STOP,
								 .target = n.id,
								 .until = INT64_MAX});
	}
}

/* One round; false = no start came. Leaves every node stopped. */
static bool measure_start(struct site *s, struct samples *ret)
{
	double us = 0;
	bool started;

	wire_arm(s->wire, cross_threshold, s);
	started = wire_wait_start(s->wire, WAIT_MS, &us);
	world_http_locked(s->http, end_calls, NULL);
	if (started)
		sample(ret, us / 1e3);
	if (started && !wait_phase(s, "serving", 1))
		bench_fail("a node that was started did not come to serve");
	world_http_locked(s->http, stop_nodes, NULL);
	if (!wait_phase(s, "stopped", s->burst_nodes))
		bench_fail("a node that was stopped was not seen stopped");
	return started;
}

static void measure_starts(const char *burstd)
{
	static struct samples took;
	struct site site;
	int lost = 0;

	site_open(&site, burstd, "react", 2, ALWAYS_ON);
	burstd_start(&site);
	if (!wait_phase(&site, "stopped", site.burst_nodes))
		bench_fail("burstd does not see the platform");
	for (int i = 0; i < ROUNDS && lost <= LOST_MAX; i++)
		lost += !measure_start(&site, &took);
	site_close(&site);
	table_section("From the Infinity answer that shows the crossed threshold to StartInstances; %zu "
		      "starts, %d lost",
		      took.n, lost);
	table_goal("median", &took, "ms", GOAL_AT_MOST, 5);
	table_figure("99th percentile", samples_at(&took, 0.99), "ms", GOAL_AT_MOST, 20);
}

/* --- 200 nodes --------------------------------------------------------------------------------------------------- */

static double status_mb(const struct site *s, const char *field)
{
	char path[60], line[200];
	double kb = 0;
	FILE *f;

	(void)snprintf(path, sizeof path, "/proc/%d/status", (int)s->daemon.pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof line, f))
		if (!strncmp(line, field, strlen(field)))
			kb = strtod(line + strlen(field), NULL);
	if (f)
		(void)fclose(f);
	return kb / 1000;
}

/* What a dashboard and a few scripts do. */
static void read_around(const struct site *s)
{
	static const char *const paths[] = {"/v1/status", "/v1/nodes", "/v1/locations",
					    "/v1/history?limit=50"};

	for (int i = 0; i < READS; i++)
		free(http_get(s->daemon.port, paths[i % 4], s->token));
}

static void measure_process(const char *burstd)
{
	static struct samples first, resident, peak;
	struct site site;

	site_open(&site, burstd, "process", 10, 10);
	for (int i = 0; i < STARTS; i++) {
		burstd_start(&site);
		sample(&first, site.first_answer_us / 1e3);
		if (i % 3 == 2) {
			if (!wait_phase(&site, "stopped", site.burst_nodes))
				bench_fail("burstd does not see the platform");
			read_around(&site);
			sample(&resident, status_mb(&site, "VmRSS:"));
			sample(&peak, status_mb(&site, "VmHWM:"));
		}
		child_end(&site.daemon);
	}
	site_close(&site);
	table_section("The process: 200 nodes in 20 locations, 100 of them with an instance");
	table_goal("from exec to the first answer", &first, "ms", GOAL_AT_MOST, 50);
	table_goal("resident memory after some hundred polls and reads", &resident, "MB", GOAL_AT_MOST, 12);
	table_row("its peak", &peak, "MB");
}

int main(int argc, char **argv)
{
	if (argc != 2)
		bench_fail("usage: bench_burst BURSTD");
	measure_starts(argv[1]);
	measure_process(argv[1]);
	return 0;
}
