/*
 * The worker threads. Each is a loop round one step of reconcile/: wait until woken or due, step, wake whom it concerns.
 *
 *   observers  Infinity, one per region: poll, with jitter
 *   controller runs on every new report, on every request, and when the engine asked for a later look
 *   actors     Infinity, one per region: run when the controller recorded something, and for retries
 *   life-cycle one for all: carries out operations with steps (lifecycle/), with credentials of their own
 *   surveyors  Infinity, one per region: slow looks at what moves seldom, once an hour and on request; nobody waits for them
 *
 * Wake-ups: every loop owns a bell (server/bell.h). Order of locks: a bell's mutex is held for the bell alone.
 *
 * Infinity's events (handlers/event_sink.c) hint at a change: the observer looks at once, and then, because nodes report their
 * figures at intervals of up to a minute, at short intervals for a minute after the last event. Looks that events cause are
 * kept apart so far that they send at most EVENT_REQUESTS_A_MINUTE, whatever comes in: Infinity allows 1,000 in all.
 * Each thread has its own store connection and its own clients (a client's connection belongs to one thread); the
 * credentials and a region's limiter are shared and lock themselves. The life-cycle worker has a client for each region.
 */
#include "server/workers.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/log.h"
#include "clients/ec2/ec2.h"
#include "clients/infinity/bootstrap.h"
#include "clients/infinity/infinity.h"
#include "lifecycle/lifecycle.h"
#include "reconcile/reconcile.h"
#include "server/bell.h"
#include "server/keys.h"
#include "server/ports.h"

/* EC2 of one region, as one thread sees it. */
struct region_client {
	struct curl_transport *transport;
	struct ec2_client *client;
};

struct worker {
	struct workers *w;
	pthread_t thread;
	bool running;
	void (*step)(struct worker *);
	struct bell bell;
	int64_t wait_ms;    /* until the next step when nobody rings; set by each step */
	struct pulse pulse; /* looked at of the controller's: the others wait for systems that are not ours */

	size_t region;
	struct store *store;
	struct curl_transport *infinity_transport;
	struct region_client ec2;
	struct infinity_client *infinity;
	struct infinity_port infinity_port;
	struct ec2_port ec2_port;
	struct infinity_survey_port infinity_survey_port;
	struct ec2_survey_port ec2_survey_port;

	/* of the life-cycle worker alone */
	struct lifecycle *lifecycle;
	struct region_client *regions;     /* one per region */
	struct curl_transport *unverified; /* to new nodes */
};

struct workers {
	const struct config *config;
	char path[512];
	uint8_t key[SECRET_KEY_SIZE];
	struct reconciler *reconciler;
	struct store *store; /* start-up and the controller's */
	/* by use; each with a transport of its own, because credentials use theirs from any thread */
	struct curl_transport *keys_transports[SETTINGS_SECRETS];
	struct credentials *credentials[SETTINGS_SECRETS];
	int64_t settings_seen;
	char tag_seen[TAG_VALUE_SIZE];
	struct ec2_limiter **limiters; /* one per region */
	size_t n_regions;
	/* controller, Infinity's observer and actor, life-cycle, then observer and actor per region, then the surveyors */
	struct worker *rows;
	size_t n_rows;
	size_t first_surveyor; /* Infinity's, then one per region */
};

enum { ROW_CONTROLLER, ROW_INFINITY_OBSERVER, ROW_INFINITY_ACTOR, ROW_LIFECYCLE, ROW_REGIONS };

/* --- wake-ups ----------------------------------------------------------------------------------------------------- */

/* A client's wait between attempts: ends early only when the process does. */
static void worker_pause(void *self, int64_t ms)
{
	struct worker *k = self;

	(void)bell_wait(&k->bell, ms, true);
}

static void ring_actors(struct workers *w)
{
	bell_ring(&w->rows[ROW_INFINITY_ACTOR].bell);
	bell_ring(&w->rows[ROW_LIFECYCLE].bell);
	for (size_t i = 0; i < w->n_regions; i++)
		bell_ring(&w->rows[ROW_REGIONS + 2 * i + 1].bell);
}

/* --- steps ------------------------------------------------------------------------------------------------------- */

/* Polls do not march in step: up to a tenth earlier. */
static int64_t jittered(int64_t ms)
{
	return ms - (int64_t)(random_unit() * (double)ms / 10);
}

#define EVENT_REQUESTS_A_MINUTE 240
#define EVENT_ECHO_MS           MS_PER_MINUTE       /* a node's figures are at most this old */
#define EVENT_LOOK_MS           (5 * MS_PER_SECOND) /* between two looks meanwhile */

/* How far the looks that events cause must be apart for one that sends so many requests. */
static int64_t event_gap_ms(const struct worker *k, int64_t requests)
{
	double gap = (double)(requests * MS_PER_MINUTE) / EVENT_REQUESTS_A_MINUTE;

	return 1 + (int64_t)(gap / k->w->config->time_scale);
}

/* The poll, or shortly after an event the next look for what it told of. */
static int64_t next_look_ms(struct worker *k, int64_t gap_ms)
{
	double scale = k->w->config->time_scale;
	int64_t wait = jittered(reconciler_params(k->w->reconciler).poll_infinity_ms);
	int64_t hinted_at = bell_hinted_at(&k->bell);
	int64_t soon = (int64_t)(EVENT_LOOK_MS / scale);

	if (!hinted_at || (double)(monotonic_ms() - hinted_at) > EVENT_ECHO_MS / scale)
		return wait;
	soon = soon > gap_ms ? soon : gap_ms;
	return soon < wait ? soon : wait;
}

static void step_observe_infinity(struct worker *k)
{
	int64_t sent = infinity_client_requests(k->infinity);
	int64_t begun = monotonic_ms();
	int64_t gap;

	reconcile_observe_infinity(k->w->reconciler, &k->infinity_port);
	bell_ring(&k->w->rows[ROW_CONTROLLER].bell);
	gap = event_gap_ms(k, infinity_client_requests(k->infinity) - sent);
	bell_quiet(&k->bell, begun + gap);
	k->wait_ms = next_look_ms(k, gap);
}

#define NO_TAG_RETRY_MS (1 * MS_PER_SECOND) /* at the start: Infinity tells the tag value within moments */

static void step_observe_ec2(struct worker *k)
{
	bool asked = reconcile_observe_ec2(k->w->reconciler, k->region, &k->ec2_port);

	bell_ring(&k->w->rows[ROW_CONTROLLER].bell);
	if (asked)
		k->wait_ms = jittered(reconciler_params(k->w->reconciler).poll_ec2_ms);
	else
		k->wait_ms = 1 + (int64_t)(NO_TAG_RETRY_MS / k->w->config->time_scale);
}

/* The keys of the settings resource replace the usual chain; they are handed on when the settings have changed. */
static void hand_on_keys(struct workers *w)
{
	struct bursting_settings s = reconciler_settings(w->reconciler);
	struct error e = {0};
	struct kept_keys keys;

	if (s.version == w->settings_seen)
		return;
	if (kept_keys_read(w->store, &s, &keys, &e)) {
		log_error("an AWS secret access key in the store cannot be read", "error", e.detail);
		return;
	}
	for (int i = 0; i < SETTINGS_SECRETS; i++)
		credentials_give(w->credentials[i], (enum settings_secret)i, w->config, &s, &keys);
	kept_keys_clear(&keys);
	w->settings_seen = s.version;
	for (size_t i = 0; i < w->n_regions; i++)
		bell_ring(&w->rows[ROW_REGIONS + 2 * i].bell);
}

/* Another tag value makes another list of instances; at the start it is known only when Infinity was heard. */
static void follow_tag(struct workers *w)
{
	struct picture *p = reconciler_picture(w->reconciler);
	const char *tag = p->tag_value ? p->tag_value : "";
	bool same = !strcmp(w->tag_seen, tag);

	(void)snprintf(w->tag_seen, sizeof(w->tag_seen), "%s", tag);
	picture_unref(p);
	for (size_t i = 0; !same && i < w->n_regions; i++)
		bell_ring(&w->rows[ROW_REGIONS + 2 * i].bell);
}

#define STORE_RETRY_MS 1000

static void step_control(struct worker *k)
{
	struct error e = {0};
	int64_t next_at = 0, now;
	bool recorded = false;

	if (reconcile_control(k->w->reconciler, k->store, &next_at, &recorded, &e)) {
		log_error("the controller cannot record its decisions; nothing is done", "error", e.detail);
		k->wait_ms = STORE_RETRY_MS;
		return;
	}
	hand_on_keys(k->w);
	follow_tag(k->w);
	if (recorded)
		ring_actors(k->w);
	now = clock_now(&clock_system);
	k->wait_ms = next_at > now ? next_at - now : 1;
}

#define ACTOR_IDLE_MS (5 * MS_PER_SECOND) /* nothing rings for long: look all the same */

static void actor_waits(struct worker *k, bool changed, int64_t next_at)
{
	int64_t now = clock_now(&clock_system);

	k->wait_ms = ACTOR_IDLE_MS;
	if (next_at && next_at - now < k->wait_ms)
		k->wait_ms = next_at > now ? next_at - now : 1;
	if (changed)
		bell_ring(&k->w->rows[ROW_CONTROLLER].bell);
}

static void step_act_infinity(struct worker *k)
{
	int64_t next_at = 0;
	bool changed = reconcile_act_infinity(k->w->reconciler, k->store, &k->infinity_port, &next_at);

	actor_waits(k, changed, next_at);
}

static void step_act_ec2(struct worker *k)
{
	int64_t next_at = 0;
	bool changed = reconcile_act_ec2(k->w->reconciler, k->region, k->store, &k->ec2_port,
					 &k->infinity_port, &next_at);

	actor_waits(k, changed, next_at);
	if (changed) /* what EC2 shows now is news: do not wait for the poll */
		bell_ring(&k->w->rows[ROW_REGIONS + 2 * k->region].bell);
}

/* Node, instance or address have changed: both systems have news. */
static void step_lifecycle(struct worker *k)
{
	int64_t next_at = 0;
	bool changed = lifecycle_step(k->lifecycle, k->store, &next_at);

	actor_waits(k, changed, next_at);
	if (!changed)
		return;
	reconciler_instances_changed(k->w->reconciler);
	bell_ring(&k->w->rows[ROW_INFINITY_OBSERVER].bell);
	for (size_t i = 0; i < k->w->n_regions; i++)
		bell_ring(&k->w->rows[ROW_REGIONS + 2 * i].bell);
}

#define SURVEY_MS (60 * MS_PER_MINUTE)
#define SURVEY_LEAST_MS                                                                                      \
	(5 * MS_PER_SECOND) /* however compressed time is: the systems that are asked are not */

static int64_t survey_wait(const struct workers *w)
{
	double ms = (double)SURVEY_MS / w->config->time_scale;

	return jittered(ms < SURVEY_LEAST_MS ? SURVEY_LEAST_MS : (int64_t)ms);
}

/* The regions follow: they are judged by what Infinity has just told of the nodes. */
static void step_survey_infinity(struct worker *k)
{
	reconcile_survey_infinity(k->w->reconciler, &k->infinity_survey_port);
	bell_ring(&k->w->rows[ROW_CONTROLLER].bell);
	for (size_t i = k->w->first_surveyor + 1; i < k->w->n_rows; i++)
		bell_ring(&k->w->rows[i].bell);
	k->wait_ms = survey_wait(k->w);
}

static void step_survey_ec2(struct worker *k)
{
	bool made = reconcile_survey_ec2(k->w->reconciler, k->region, &k->ec2_survey_port);

	if (made)
		bell_ring(&k->w->rows[ROW_CONTROLLER].bell);
	k->wait_ms = made ? 2 * survey_wait(k->w) : 1 + (int64_t)(NO_TAG_RETRY_MS / k->w->config->time_scale);
}

static void *worker_main(void *arg)
{
	struct worker *k = arg;

	do {
		pulse_owe(&k->pulse, monotonic_ms() + LIMIT_STEP_MS);
		k->step(k);
		pulse_owe(&k->pulse, monotonic_ms() + k->wait_ms + LIMIT_STEP_MS);
	} while (bell_wait(&k->bell, k->wait_ms, false));
	pulse_rest(&k->pulse);
	return NULL;
}

/* --- making and ending ------------------------------------------------------------------------------------------- */

/*
 * An exchange may take 20 s; in a compressed world less, but never less than two real seconds: the network and the
 * processor are not compressed with it.
 */
static long exchange_timeout_ms(const struct config *c)
{
	double ms = 20000 / c->time_scale;

	return ms < 2000 ? 2000 : (long)ms;
}

static enum err give_infinity(struct worker *k, struct error *e)
{
	const struct config *c = k->w->config;
	struct transport_options transport = {.name = "infinity",
					      .ca_file = c->infinity_ca_file,
					      .pinned_key = c->infinity_pinned_key,
					      .timeout_ms = exchange_timeout_ms(c)};
	struct upstream_error u = {0};
	struct infinity_client_options o = {
		.url = c->infinity_url,
		.user = c->infinity_user,
		.password = c->infinity_password,
		.oauth_client_id = c->infinity_oauth_client_id,
		.oauth_key_pem = c->infinity_oauth_key,
		.oauth_audience = c->infinity_oauth_audience,
		.oauth_scope = c->infinity_oauth_scope,
		.clock = &clock_system,
		.time_scale = c->time_scale,
		.pause = worker_pause,
		.pause_self = k,
		.tally = &reconciler_tallies(k->w->reconciler)->infinity,
	};

	k->infinity_transport = curl_transport_new(&transport);
	if (!k->infinity_transport)
		return error_set(e, ERR_INTERNAL, "libcurl cannot be set up");
	o.transport = curl_transport_port(k->infinity_transport);
	k->infinity = infinity_client_new(&o, &u);
	if (!k->infinity)
		return error_set(e, ERR_BAD_REQUEST, "%s", u.message);
	k->infinity_port = port_of_infinity(k->infinity);
	k->infinity_survey_port = survey_port_of_infinity(k->infinity);
	return ERR_OK;
}

static enum err make_region(struct worker *k, size_t region, enum settings_secret use,
			    struct region_client *ret, struct error *e)
{
	const struct config *c = k->w->config;
	struct transport_options transport = {
		.name = "ec2", .ca_file = getenv("AWS_CA_BUNDLE"), .timeout_ms = exchange_timeout_ms(c)};
	struct ec2_client_options o = {
		.region = c->aws_regions.items[region],
		.endpoint = c->ec2_endpoint,
		.credentials = k->w->credentials[use],
		.limiter = k->w->limiters[region],
		.clock = &clock_system,
		.time_scale = c->time_scale,
		.pause = worker_pause,
		.pause_self = k,
		.tally = &reconciler_tallies(k->w->reconciler)->ec2,
	};

	ret->transport = curl_transport_new(&transport);
	if (!ret->transport)
		return error_set(e, ERR_INTERNAL, "libcurl cannot be set up");
	o.transport = curl_transport_port(ret->transport);
	ret->client = ec2_client_new(&o);
	return ret->client ? ERR_OK : error_set(e, ERR_INTERNAL, "out of memory");
}

static enum err give_ec2(struct worker *k, struct error *e)
{
	enum err err = make_region(k, k->region, SETTINGS_AWS, &k->ec2, e);

	if (err)
		return err;
	k->ec2_port = port_of_ec2(k->ec2.client);
	k->ec2_survey_port = survey_port_of_ec2(k->ec2.client);
	return ERR_OK;
}

static enum err give_store(struct worker *k, struct error *e)
{
	return store_open(k->w->path, k->w->key, &k->store, e);
}

static struct ec2_client *lifecycle_region(void *self, const char *region)
{
	const struct worker *k = self;

	for (size_t i = 0; i < k->w->n_regions; i++)
		if (!strcmp(k->w->config->aws_regions.items[i], region))
			return k->regions[i].client;
	return NULL;
}

static enum err give_lifecycle(struct worker *k, struct error *e)
{
	const struct config *c = k->w->config;
	const struct transport_options bootstrap = {
		.name = "node", .unverified = true, .timeout_ms = exchange_timeout_ms(c)};
	struct lifecycle_options o = {
		.reconciler = k->w->reconciler,
		.clock = &clock_system,
		.time_scale = c->time_scale,
		.infinity = k->infinity,
		.ec2 = lifecycle_region,
		.ec2_self = k,
		.bootstrap_url = c->bootstrap_url ? c->bootstrap_url : BOOTSTRAP_URL,
	};

	k->unverified = curl_transport_new(&bootstrap);
	if (!k->unverified)
		return error_set(e, ERR_INTERNAL, "libcurl cannot be set up");
	o.unverified = curl_transport_port(k->unverified);
	k->lifecycle = lifecycle_new(&o);
	return k->lifecycle ? ERR_OK : error_set(e, ERR_INTERNAL, "out of memory");
}

static enum err make_lifecycle(struct workers *w, struct error *e)
{
	struct worker *k = &w->rows[ROW_LIFECYCLE];
	enum err err = give_store(k, e);

	k->step = step_lifecycle;
	k->regions = calloc(w->n_regions + 1, sizeof(*k->regions));
	if (!k->regions)
		return error_set(e, ERR_INTERNAL, "out of memory");
	err = err ? err : give_infinity(k, e);
	for (size_t i = 0; !err && i < w->n_regions; i++)
		err = make_region(k, i, SETTINGS_LIFECYCLE, &k->regions[i], e);
	return err ? err : give_lifecycle(k, e);
}

static enum err make_surveyors(struct workers *w, struct error *e)
{
	struct worker *of_infinity = &w->rows[w->first_surveyor];
	enum err err = give_infinity(of_infinity, e);

	of_infinity->step = step_survey_infinity;
	for (size_t i = 0; !err && i < w->n_regions; i++) {
		struct worker *surveyor = of_infinity + 1 + i;

		surveyor->region = i;
		surveyor->step = step_survey_ec2;
		err = give_ec2(surveyor, e);
	}
	return err;
}

static enum err make_rows(struct workers *w, struct error *e)
{
	enum err err = ERR_OK;

	w->first_surveyor = ROW_REGIONS + 2 * w->n_regions;
	w->n_rows = w->first_surveyor + 1 + w->n_regions;
	w->rows = calloc(w->n_rows, sizeof(*w->rows));
	if (!w->rows)
		return error_set(e, ERR_INTERNAL, "out of memory");
	for (size_t i = 0; i < w->n_rows; i++) {
		w->rows[i].w = w;
		bell_make(&w->rows[i].bell);
	}
	w->rows[ROW_CONTROLLER].step = step_control;
	w->rows[ROW_INFINITY_OBSERVER].step = step_observe_infinity;
	w->rows[ROW_INFINITY_ACTOR].step = step_act_infinity;
	err = give_store(&w->rows[ROW_CONTROLLER], e);
	err = err ? err : give_infinity(&w->rows[ROW_INFINITY_OBSERVER], e);
	err = err ? err : give_store(&w->rows[ROW_INFINITY_ACTOR], e);
	err = err ? err : give_infinity(&w->rows[ROW_INFINITY_ACTOR], e);
	err = err ? err : make_lifecycle(w, e);
	for (size_t i = 0; !err && i < w->n_regions; i++) {
		struct worker *observer = &w->rows[ROW_REGIONS + 2 * i], *actor = observer + 1;

		observer->region = actor->region = i;
		observer->step = step_observe_ec2;
		actor->step = step_act_ec2;
		err = give_ec2(observer, e);
		err = err ? err : give_store(actor, e);
		err = err ? err : give_ec2(actor, e);
		err = err ? err : give_infinity(actor, e); /* for the last look before a stop */
	}
	return err ? err : make_surveyors(w, e);
}

static enum err make_credentials(struct workers *w, struct error *e)
{
	const struct transport_options transport = {.name = "sts", .ca_file = getenv("AWS_CA_BUNDLE")};

	for (int i = 0; i < SETTINGS_SECRETS; i++) {
		w->keys_transports[i] = curl_transport_new(&transport);
		if (w->keys_transports[i])
			w->credentials[i] = credentials_for((enum settings_secret)i, w->config,
							    curl_transport_port(w->keys_transports[i]));
		if (!w->credentials[i])
			return error_set(e, ERR_INTERNAL, "out of memory");
	}
	w->limiters = calloc(w->n_regions + 1, sizeof(struct ec2_limiter *));
	if (!w->limiters)
		return error_set(e, ERR_INTERNAL, "out of memory");
	for (size_t i = 0; i < w->n_regions; i++) {
		w->limiters[i] = ec2_limiter_new(&clock_system, w->config->time_scale);
		if (!w->limiters[i])
			return error_set(e, ERR_INTERNAL, "out of memory");
	}
	return ERR_OK;
}

static enum err make_reconciler(struct workers *w, struct error *e)
{
	struct reconciler_options o = {.clock = &clock_system,
				       .time_scale = w->config->time_scale,
				       .regions = w->config->aws_regions.items,
				       .n_regions = w->n_regions};
	enum err err = store_open(w->path, w->key, &w->store, e);

	return err ? err : reconciler_new(&o, w->store, &w->reconciler, e);
}

static enum err run_rows(struct workers *w, struct error *e)
{
	for (size_t i = 0; i < w->n_rows; i++) {
		if (pthread_create(&w->rows[i].thread, NULL, worker_main, &w->rows[i]))
			return error_set(e, ERR_INTERNAL, "a thread cannot be started");
		w->rows[i].running = true;
	}
	return ERR_OK;
}

enum err workers_start(const struct config *config, const uint8_t key[SECRET_KEY_SIZE],
		       struct workers **ret_workers, struct error *e)
{
	struct workers *w = calloc(1, sizeof(*w));
	enum err err;

	if (!w)
		return error_set(e, ERR_INTERNAL, "out of memory");
	curl_transport_setup();
	w->config = config;
	w->n_regions = config->aws_regions.n;
	w->settings_seen = -1;
	memcpy(w->key, key, SECRET_KEY_SIZE);
	snprintf(w->path, sizeof(w->path), "%s/%s", config->state_dir, CONFIG_DATABASE);
	err = make_reconciler(w, e);
	err = err ? err : make_credentials(w, e);
	err = err ? err : make_rows(w, e);
	if (!err)
		hand_on_keys(w); /* before the first read, not after it */
	err = err ? err : run_rows(w, e);
	if (err) {
		workers_stop(w);
		return err;
	}
	*ret_workers = w;
	return ERR_OK;
}

static void region_free(struct region_client *region)
{
	ec2_client_free(region->client);
	curl_transport_free(region->transport);
}

/* After all threads have ended: they ring each other's bells. */
static void worker_free(struct worker *k)
{
	lifecycle_free(k->lifecycle);
	infinity_client_free(k->infinity);
	curl_transport_free(k->infinity_transport);
	curl_transport_free(k->unverified);
	region_free(&k->ec2);
	for (size_t i = 0; k->regions && i < k->w->n_regions; i++)
		region_free(&k->regions[i]);
	free(k->regions);
	store_close(k->store);
	bell_destroy(&k->bell);
}

static void interrupt_one(struct curl_transport *transport)
{
	if (transport)
		curl_transport_interrupt(transport);
}

/* Exchanges under way are cut short; an intent whose answer is lost thereby is looked at by the next start. */
static void interrupt(struct worker *k)
{
	bell_close(&k->bell);
	interrupt_one(k->infinity_transport);
	interrupt_one(k->unverified);
	interrupt_one(k->ec2.transport);
	for (size_t i = 0; k->regions && i < k->w->n_regions; i++)
		interrupt_one(k->regions[i].transport);
}

void workers_stop(struct workers *w)
{
	if (!w)
		return;
	for (size_t i = 0; w->rows && i < w->n_rows; i++)
		interrupt(&w->rows[i]);
	for (int i = 0; i < SETTINGS_SECRETS; i++)
		interrupt_one(w->keys_transports[i]);
	for (size_t i = 0; w->rows && i < w->n_rows; i++)
		if (w->rows[i].running)
			pthread_join(w->rows[i].thread, NULL);
	for (size_t i = 0; w->rows && i < w->n_rows; i++)
		worker_free(&w->rows[i]);
	free(w->rows);
	for (size_t i = 0; w->limiters && i < w->n_regions; i++)
		ec2_limiter_free(w->limiters[i]);
	free(w->limiters);
	for (int i = 0; i < SETTINGS_SECRETS; i++) {
		credentials_free(w->credentials[i]);
		curl_transport_free(w->keys_transports[i]);
	}
	reconciler_free(w->reconciler);
	store_close(w->store);
	explicit_bzero(w->key, sizeof(w->key));
	free(w);
}

struct picture *workers_picture(struct workers *w)
{
	return reconciler_picture(w->reconciler);
}

const struct pulse *workers_pulse(const struct workers *w)
{
	return &w->rows[ROW_CONTROLLER].pulse;
}

const struct tallies *workers_tallies(struct workers *w)
{
	return reconciler_tallies(w->reconciler);
}

void workers_wake(struct workers *w)
{
	for (size_t i = 0; i < w->first_surveyor; i++)
		bell_ring(&w->rows[i].bell);
}

void workers_survey(struct workers *w)
{
	bell_ring(&w->rows[w->first_surveyor].bell);
}

void workers_hint(struct workers *w)
{
	bell_hint(&w->rows[ROW_INFINITY_OBSERVER].bell);
}
