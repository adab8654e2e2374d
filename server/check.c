/*
 * `burstd check`: looks at everything a start needs and at both upstream systems, changes nothing, and says what it found.
 *
 * What is found in the two systems is found by the reconciler's own steps, with a store in memory that holds the settings: the same
 * findings as /v1/checks, of the same table (fleet/check.h). This machine (configuration, state, certificate, keys) is looked at
 * here. A part that fails does not keep the others from being looked at, unless they need it.
 */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "base/clock.h"
#include "base/log.h"
#include "clients/ec2/ec2.h"
#include "clients/infinity/infinity.h"
#include "reconcile/reconcile.h"
#include "server/commands.h"
#include "server/keys.h"
#include "server/ports.h"
#include "server/tls.h"
#include "store/store.h"

#define TLS_SOON_MS (14 * 24 * 60 * MS_PER_MINUTE)

struct checking {
	const struct config *config;
	json_t *findings;
	int errors;
	int warnings;
	/* what one part found and a later one needs */
	struct bursting_settings settings;
	struct location_threshold *thresholds;
	size_t n_thresholds;
	struct kept_keys keys; /* of the settings */
	struct store *store;   /* in memory */
	struct reconciler *reconciler;
};

/* The one form of a finding; a check of NULL says that something is well. */
static void put_finding(struct checking *k, const struct issue *i, const char *subject, const char *what)
{
	const char *severity = i ? severity_text(i->severity) : "ok";
	json_t *guide = i && i->section ? json_pack("{s:s, s:i}", "section", i->section, "page", i->page)
					: json_null();

	k->errors += i && i->severity == SEVERITY_ERROR;
	k->warnings += i && i->severity == SEVERITY_WARNING;
	(void)json_array_append_new(k->findings,
				    json_pack("{s:s?, s:s, s:s, s:s, s:s?, s:s?, s:o}", "id",
					      i ? i->id : NULL, "severity", severity, "subject", subject,
					      "what", what, "consequence", i ? i->consequence : NULL,
					      "remedy", i ? i->remedy : NULL, "guide", guide));
}

/* Something is well. */
static void well(struct checking *k, const char *subject, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static void well(struct checking *k, const char *subject, const char *format, ...)
{
	char what[700];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(what, sizeof what, format, args);
	va_end(args);
	put_finding(k, NULL, subject, what);
}

/* A finding of the table about this machine. */
static void found(struct checking *k, enum check_id check, const char *subject, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
static void found(struct checking *k, enum check_id check, const char *subject, const char *format, ...)
{
	const struct check *row = check_row(check);
	struct issue i = {.id = row->id,
			  .severity = row->severity,
			  .consequence = row->consequence,
			  .remedy = row->remedy,
			  .section = row->section,
			  .page = row->page};
	char what[700];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(what, sizeof what, format, args);
	va_end(args);
	put_finding(k, &i, subject, what);
}

/* --- this machine --------------------------------------------------------------------------------------------- */

static void check_configuration(struct checking *k)
{
	struct error e;

	if (config_check_serve(k->config, &e))
		found(k, CHECK_CONFIGURATION, "configuration", "%s", e.detail);
	else
		well(k, "configuration", "complete; %zu region%s", k->config->aws_regions.n,
		     k->config->aws_regions.n == 1 ? "" : "s");
}

static void check_tls(struct checking *k)
{
	_cleanup_(tls_freep) struct tls *tls = NULL;
	int64_t now = clock_now(&clock_system), end;
	char text[TIME_TEXT_SIZE];
	struct error e;

	if (tls_load(k->config, &tls, &e)) {
		found(k, CHECK_TLS_UNUSABLE, "tls", "%s", e.detail);
		return;
	}
	if (!tls)
		return;
	end = tls_expires_at(tls);
	(void)time_rfc3339(end, text);
	if (end < now)
		found(k, CHECK_TLS_EXPIRED, "tls", "the certificate expired at %s", text);
	else if (end - now < TLS_SOON_MS)
		found(k, CHECK_TLS_ENDS_SOON, "tls", "the certificate expires at %s", text);
	else
		well(k, "tls", "the certificate expires at %s", text);
}

/* Whether the directory is there and can be used. */
static bool check_directory(struct checking *k)
{
	const char *dir = k->config->state_dir;
	struct stat info;

	if (!dir) {
		found(k, CHECK_STATE_UNUSABLE, "state", "BURSTD_STATE_DIR: must not be empty");
		return false;
	}
	if (stat(dir, &info) < 0 && errno == ENOENT) {
		found(k, CHECK_STATE_MISSING, "state", "%s is not there: the first start makes it", dir);
		return false;
	}
	if (stat(dir, &info) < 0 || !S_ISDIR(info.st_mode) || access(dir, R_OK | W_OK | X_OK) < 0) {
		found(k, CHECK_STATE_UNUSABLE, "state", "%s: %s", dir,
		      errno == 0 || errno == ENOENT ? "not a directory" : strerror(errno));
		return false;
	}
	if (info.st_mode & 077)
		found(k, CHECK_STATE_OPEN, "state", "%s can be looked into by others", dir);
	return true;
}

/* Opens the store where that changes nothing: the schema is this binary's, and there is a key. */
static void read_settings(struct checking *k, const char *database)
{
	_cleanup_(store_closep) struct store *store = NULL;
	uint8_t key[SECRET_KEY_SIZE];
	struct error e;
	enum err err = store_key_load(k->config->state_dir, key, &e);

	err = err ? err : store_open(database, key, &store, &e);
	err = err ? err : store_settings_get(store, &k->settings, &e);
	err = err ? err : store_thresholds(store, &k->thresholds, &k->n_thresholds, &e);
	err = err ? err : kept_keys_read(store, &k->settings, &k->keys, &e);
	explicit_bzero(key, sizeof key);
	if (err)
		found(k, CHECK_KEY_WRONG, "state", "%s", e.detail);
}

static void check_database(struct checking *k, const char *path, bool has_key)
{
	int latest = store_schema_latest(), schema = 0;
	struct error e;

	if (store_inspect(path, &schema, &e)) {
		found(k, CHECK_DATABASE_DAMAGED, "state", "%s: %s", path, e.detail);
	} else if (schema > latest) {
		found(k, CHECK_DATABASE_NEWER, "state",
		      "the database has schema version %d, this burstd knows versions up to %d", schema,
		      latest);
	} else if (schema < latest) {
		found(k, CHECK_DATABASE_OLDER, "state",
		      "the database has schema version %d: the next start migrates it to %d", schema, latest);
	} else if (!has_key) {
		found(k, CHECK_KEY_MISSING, "state",
		      "there is a database but no key file: secrets in it cannot be read");
	} else {
		well(k, "state", "%s, schema version %d", k->config->state_dir, schema);
		read_settings(k, path);
	}
}

static void check_state(struct checking *k)
{
	char database[512], key[512];

	if (!check_directory(k))
		return;
	if (!state_path(k->config, CONFIG_DATABASE, database, sizeof database) ||
	    !state_path(k->config, "key", key, sizeof key))
		found(k, CHECK_STATE_UNUSABLE, "state", "BURSTD_STATE_DIR: the path is too long");
	else if (access(database, F_OK) == 0)
		check_database(k, database, access(key, F_OK) == 0);
	else
		well(k, "state", "%s is empty: the first start fills it", k->config->state_dir);
}

/* --- the two systems ------------------------------------------------------------------------------------------ */

/* A store in memory with the settings, and a reconciler on it: what it records goes nowhere. */
static enum err make_reconciler(struct checking *k, struct error *e)
{
	struct reconciler_options o = {.clock = &clock_system,
				       .time_scale = k->config->time_scale,
				       .regions = k->config->aws_regions.items,
				       .n_regions = k->config->aws_regions.n};
	struct bursting_settings settings = k->settings;
	uint8_t key[SECRET_KEY_SIZE] = {0};
	enum err err = store_open(":memory:", key, &k->store, e);

	settings.version = 0; /* of a store where nothing was ever set */
	err = err ? err : store_settings_put(k->store, &settings, NULL, NULL, e);
	for (size_t i = 0; !err && i < k->n_thresholds; i++)
		err = store_threshold_put(k->store, k->thresholds[i].location, k->thresholds[i].threshold, e);
	return err ? err : reconciler_new(&o, k->store, &k->reconciler, e);
}

/* The next picture, from all that was read so far. */
static void look(struct checking *k)
{
	struct error e = {0};
	int64_t unused;
	bool recorded;

	if (reconcile_control(k->reconciler, k->store, &unused, &recorded, &e))
		found(k, CHECK_CLIENT, "burstd", "%s", e.detail);
}

static void read_infinity(struct checking *k)
{
	const struct config *c = k->config;
	struct transport_options transport = {
		.name = "infinity", .ca_file = c->infinity_ca_file, .pinned_key = c->infinity_pinned_key};
	_cleanup_(curl_transport_freep) struct curl_transport *curl = curl_transport_new(&transport);
	struct infinity_client_options o = {.url = c->infinity_url,
					    .user = c->infinity_user,
					    .password = c->infinity_password,
					    .oauth_client_id = c->infinity_oauth_client_id,
					    .oauth_key_pem = c->infinity_oauth_key,
					    .oauth_audience = c->infinity_oauth_audience,
					    .oauth_scope = c->infinity_oauth_scope,
					    .clock = &clock_system,
					    .time_scale = c->time_scale};
	struct upstream_error e = {.message = "libcurl cannot be set up"};
	struct infinity_client *client = NULL;

	if (!c->infinity_url)
		return; /* said by check_configuration */
	if (curl) {
		o.transport = curl_transport_port(curl);
		client = infinity_client_new(&o, &e);
	}
	if (client) {
		struct infinity_port port = port_of_infinity(client);
		struct infinity_survey_port survey = survey_port_of_infinity(client);

		reconcile_observe_infinity(k->reconciler, &port);
		reconcile_survey_infinity(k->reconciler, &survey);
		look(k);
	} else {
		found(k, CHECK_CLIENT, "infinity", "%s", e.message);
	}
	infinity_client_free(client);
}

static void read_region(struct checking *k, size_t region, struct credentials *credentials)
{
	struct transport_options transport = {.name = "ec2", .ca_file = getenv("AWS_CA_BUNDLE")};
	_cleanup_(curl_transport_freep) struct curl_transport *curl = curl_transport_new(&transport);
	_cleanup_(ec2_limiter_freep) struct ec2_limiter *limiter =
		ec2_limiter_new(&clock_system, k->config->time_scale);
	struct ec2_client_options o = {.region = k->config->aws_regions.items[region],
				       .endpoint = k->config->ec2_endpoint,
				       .credentials = credentials,
				       .limiter = limiter,
				       .clock = &clock_system,
				       .time_scale = k->config->time_scale};
	_cleanup_(ec2_client_freep) struct ec2_client *client = NULL;

	if (curl && limiter) {
		o.transport = curl_transport_port(curl);
		client = ec2_client_new(&o);
	}
	if (client) {
		struct ec2_port port = port_of_ec2(client);
		struct ec2_survey_port survey = survey_port_of_ec2(client);

		(void)reconcile_observe_ec2(k->reconciler, region, &port);
		look(k);
		(void)reconcile_survey_ec2(k->reconciler, region, &survey);
		look(k);
	} else {
		found(k, CHECK_CLIENT, o.region, "the client cannot be set up");
	}
}

/* Whether there are keys at all; what they may do is each region's matter. */
static bool check_keys(struct checking *k, struct credentials *credentials)
{
	struct upstream_error e = {0};
	struct aws_keys keys;
	bool good;

	credentials_give(credentials, SETTINGS_AWS, k->config, &k->settings, &k->keys);
	good = credentials_get(credentials, &keys, &e);
	if (good)
		well(k, "aws", "keys from: %s", keys.provider);
	else
		found(k, CHECK_AWS_KEYS, "aws", "%s", e.message);
	explicit_bzero(&keys, sizeof keys);
	return good;
}

/* The same for life-cycle operations, where they are allowed. What their keys may do is asked by each operation's first step. */
static void check_lifecycle_keys(struct checking *k, struct transport transport)
{
	_cleanup_(credentials_freep) struct credentials *credentials = NULL;
	struct upstream_error e = {.message = "out of memory"};
	struct aws_keys keys = {0};

	if (!k->settings.allow_lifecycle)
		return;
	credentials = credentials_for(SETTINGS_LIFECYCLE, k->config, transport);
	if (credentials)
		credentials_give(credentials, SETTINGS_LIFECYCLE, k->config, &k->settings, &k->keys);
	if (credentials && credentials_get(credentials, &keys, &e))
		well(k, "aws", "keys of life-cycle operations from: %s", keys.provider);
	else
		found(k, CHECK_LIFECYCLE_KEYS, "aws", "%s", e.message);
	explicit_bzero(&keys, sizeof keys);
}

static void read_aws(struct checking *k)
{
	struct transport_options transport = {.name = "sts", .ca_file = getenv("AWS_CA_BUNDLE")};
	_cleanup_(curl_transport_freep) struct curl_transport *curl = curl_transport_new(&transport);
	const struct config_list *regions = &k->config->aws_regions;
	_cleanup_(credentials_freep) struct credentials *credentials = NULL;

	if (curl)
		credentials = credentials_for(SETTINGS_AWS, k->config, curl_transport_port(curl));
	if (!credentials) {
		found(k, CHECK_CLIENT, "aws", "libcurl cannot be set up");
		return;
	}
	check_lifecycle_keys(k, curl_transport_port(curl));
	if (!check_keys(k, credentials))
		return;
	for (size_t i = 0; i < regions->n; i++)
		read_region(k, i, credentials);
}

/* What is well with a source: it was heard, and how much it told. */
static void source_well(struct checking *k, const struct picture *p, const struct source *s)
{
	size_t n = 0;

	if (!s->heard || s->error)
		return;
	for (size_t i = 0; i < p->n_nodes; i++)
		n += p->nodes[i].bursting && s->kind == SOURCE_EC2 && p->nodes[i].instance &&
		     !strcmp(p->nodes[i].instance->region, s->name + strlen("ec2:"));
	if (s->kind == SOURCE_INFINITY)
		well(k, s->name, "%zu locations, %zu Conferencing Nodes", p->n_locations, p->n_nodes);
	else
		well(k, s->name, "%zu bursting nodes with the tag " TAG_NAME "=%s", n, p->tag_value);
}

static void survey_well(struct checking *k, const struct survey_state *s)
{
	if (!s->observed_at || s->unread)
		return;
	if (!strcmp(s->name, "infinity"))
		well(k, s->name, "DNS, NTP, licences and certificates were read");
	else
		well(k, s->name, "the network was read, and permissions were asked for (dry runs)");
}

static void check_upstream(struct checking *k)
{
	struct error e = {0};
	struct picture *p;

	if (make_reconciler(k, &e)) {
		found(k, CHECK_CLIENT, "burstd", "%s", e.detail);
		return;
	}
	read_infinity(k);
	read_aws(k);
	p = reconciler_picture(k->reconciler);
	for (size_t i = 0; i < p->n_sources; i++)
		source_well(k, p, &p->sources[i]);
	for (size_t i = 0; i < p->n_surveys; i++)
		survey_well(k, &p->surveys[i]);
	for (size_t i = 0; i < p->n_issues; i++)
		put_finding(k, &p->issues[i], p->issues[i].subject, p->issues[i].message);
	picture_unref(p);
}

/* --- what is said --------------------------------------------------------------------------------------------- */

static const char *text_of(const json_t *finding, const char *name)
{
	return json_string_value(json_object_get(finding, name));
}

static void print_table(const struct checking *k)
{
	json_t *finding;
	size_t i;

	json_array_foreach(k->findings, i, finding)
	{
		(void)printf("%-8s %-18s %s\n", text_of(finding, "severity"), text_of(finding, "subject"),
			     text_of(finding, "what"));
		if (text_of(finding, "consequence"))
			(void)printf("%-8s %-18s %s\n", "", "", text_of(finding, "consequence"));
		if (text_of(finding, "remedy"))
			(void)printf("%-8s %-18s -> %s\n", "", "", text_of(finding, "remedy"));
	}
	(void)printf("\n%d error%s, %d warning%s\n", k->errors, k->errors == 1 ? "" : "s", k->warnings,
		     k->warnings == 1 ? "" : "s");
}

static void print_json(const struct checking *k)
{
	json_auto_t *all = json_pack("{s:i, s:i, s:O}", "errors", k->errors, "warnings", k->warnings,
				     "findings", k->findings);

	(void)json_dumpf(all, stdout, JSON_INDENT(2));
	(void)printf("\n");
}

int command_check(const struct config *c)
{
	struct checking k = {.config = c, .findings = json_array(), .settings = bursting_defaults};
	struct sigaction ignore = {.sa_handler = SIG_IGN};

	(void)sigaction(SIGPIPE, &ignore, NULL);
	log_setup(LOG_LEVEL_ERROR, false); /* what the steps would log is among the findings */
	curl_transport_setup();
	check_configuration(&k);
	check_state(&k);
	check_tls(&k);
	check_upstream(&k);
	if (c->json)
		print_json(&k);
	else
		print_table(&k);
	json_decref(k.findings);
	kept_keys_clear(&k.keys);
	free(k.thresholds);
	reconciler_free(k.reconciler);
	store_close(k.store);
	return k.errors ? 1 : 0;
}
