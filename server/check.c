/*
 * `burstd check`: looks at everything a start needs and at both upstream systems, changes nothing, and says what it found.
 *
 * A finding is ok, a warning (burstd runs, but perhaps not as meant) or an error (burstd cannot do its work). A part that
 * fails does not keep the others from being looked at, unless they need it.
 */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "base/clock.h"
#include "clients/ec2/ec2.h"
#include "clients/infinity/infinity.h"
#include "server/commands.h"
#include "server/tls.h"
#include "store/store.h"

#define SKEW_ERROR_MS (5 * MS_PER_MINUTE) /* EC2 refuses signatures that are further off */
#define TLS_SOON_MS   (14 * 24 * 60 * MS_PER_MINUTE)

enum level { LEVEL_OK, LEVEL_WARNING, LEVEL_ERROR };
static const char *const level_words[] = {"ok", "warning", "error"};

struct check {
	const struct config *config;
	json_t *findings;
	int errors;
	int warnings;
	/* what one part found and a later one needs */
	struct bursting_settings settings;
	char *secret; /* the AWS secret of the settings, NULL = none */
	char tag[TAG_VALUE_SIZE];
};

/* Adds a finding; `remedy` NULL = none is needed. */
static void found(struct check *k, enum level level, const char *subject, const char *remedy,
		  const char *format, ...) __attribute__((format(printf, 5, 6)));
static void found(struct check *k, enum level level, const char *subject, const char *remedy,
		  const char *format, ...)
{
	char message[700];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(message, sizeof message, format, args);
	va_end(args);
	k->errors += level == LEVEL_ERROR;
	k->warnings += level == LEVEL_WARNING;
	(void)json_array_append_new(k->findings,
				    json_pack("{s:s, s:s, s:s, s:s?}", "severity", level_words[level],
					      "subject", subject, "message", message, "remedy", remedy));
}

static void found_upstream(struct check *k, const char *subject, const char *what,
			   const struct upstream_error *e)
{
	found(k, LEVEL_ERROR, subject, e->remedy[0] ? e->remedy : NULL, "%s%s", what, e->message);
}

/* --- this machine --------------------------------------------------------------------------------------------- */

static void check_configuration(struct check *k)
{
	struct error e;

	if (config_check_serve(k->config, &e))
		found(k, LEVEL_ERROR, "configuration", "See `burstd --help` for every option.", "%s",
		      e.detail);
	else
		found(k, LEVEL_OK, "configuration", NULL, "complete; %zu region%s", k->config->aws_regions.n,
		      k->config->aws_regions.n == 1 ? "" : "s");
}

static void check_tls(struct check *k)
{
	_cleanup_(tls_freep) struct tls *tls = NULL;
	int64_t now = clock_now(&clock_system), end;
	char text[TIME_TEXT_SIZE];
	struct error e;

	if (tls_load(k->config, &tls, &e)) {
		found(k, LEVEL_ERROR, "tls", "Give a PEM chain and its private key, 0600 or 0640.", "%s",
		      e.detail);
		return;
	}
	if (!tls)
		return;
	end = tls_expires_at(tls);
	(void)time_rfc3339(end, text);
	if (end < now)
		found(k, LEVEL_ERROR, "tls", "Renew it, then send HUP.", "the certificate expired at %s",
		      text);
	else if (end - now < TLS_SOON_MS)
		found(k, LEVEL_WARNING, "tls", "Renew it, then send HUP.", "the certificate expires at %s",
		      text);
	else
		found(k, LEVEL_OK, "tls", NULL, "the certificate expires at %s", text);
}

static const char *const state_remedy = "Make it a directory of mode 0700 that belongs to burstd's user.";

/* Whether the directory is there and can be used. */
static bool check_directory(struct check *k)
{
	const char *dir = k->config->state_dir;
	struct stat info;

	if (!dir) {
		found(k, LEVEL_ERROR, "state", state_remedy, "BURSTD_STATE_DIR: must not be empty");
		return false;
	}
	if (stat(dir, &info) < 0 && errno == ENOENT) {
		found(k, LEVEL_WARNING, "state", "Nothing to do if burstd may make it.",
		      "%s is not there: the first start makes it", dir);
		return false;
	}
	if (stat(dir, &info) < 0 || !S_ISDIR(info.st_mode) || access(dir, R_OK | W_OK | X_OK) < 0) {
		found(k, LEVEL_ERROR, "state", state_remedy, "%s: %s", dir,
		      errno == 0 || errno == ENOENT ? "not a directory" : strerror(errno));
		return false;
	}
	if (info.st_mode & 077)
		found(k, LEVEL_WARNING, "state", state_remedy, "%s can be looked into by others", dir);
	return true;
}

/* Opens the store where that changes nothing: the schema is this binary's, and there is a key. */
static void read_settings(struct check *k, const char *database)
{
	_cleanup_(store_closep) struct store *store = NULL;
	uint8_t key[SECRET_KEY_SIZE];
	struct error e;
	enum err err = store_key_load(k->config->state_dir, key, &e);

	err = err ? err : store_open(database, key, &store, &e);
	err = err ? err : store_settings_get(store, &k->settings, &e);
	if (!err && k->settings.aws_access_key_id[0] && k->settings.aws_secret_access_key_set)
		err = store_aws_secret(store, &k->secret, &e);
	explicit_bzero(key, sizeof key);
	if (err)
		found(k, LEVEL_ERROR, "state",
		      "Restore the key file, or set the AWS keys again over the API.", "%s", e.detail);
}

static void check_database(struct check *k, const char *path, bool has_key)
{
	int latest = store_schema_latest(), schema = 0;
	struct error e;

	if (store_inspect(path, &schema, &e)) {
		found(k, LEVEL_ERROR, "state", "Restore a backup (docs/operations.md).", "%s: %s", path,
		      e.detail);
	} else if (schema > latest) {
		found(k, LEVEL_ERROR, "state", "Run the newer burstd, or restore a backup.",
		      "the database has schema version %d, this burstd knows versions up to %d", schema,
		      latest);
	} else if (schema < latest) {
		found(k, LEVEL_WARNING, "state", "Make a backup before that: burstd backup FILE.",
		      "the database has schema version %d: the next start migrates it to %d", schema, latest);
	} else if (!has_key) {
		found(k, LEVEL_WARNING, "state", "Restore the key file from your copy.",
		      "there is a database but no key file: secrets in it cannot be read");
	} else {
		found(k, LEVEL_OK, "state", NULL, "%s, schema version %d", k->config->state_dir, schema);
		read_settings(k, path);
	}
}

static void check_state(struct check *k)
{
	char database[512], key[512];

	if (!check_directory(k))
		return;
	if (!state_path(k->config, CONFIG_DATABASE, database, sizeof database) ||
	    !state_path(k->config, "key", key, sizeof key))
		found(k, LEVEL_ERROR, "state", state_remedy, "BURSTD_STATE_DIR: the path is too long");
	else if (access(database, F_OK) == 0)
		check_database(k, database, access(key, F_OK) == 0);
	else
		found(k, LEVEL_OK, "state", NULL, "%s is empty: the first start fills it",
		      k->config->state_dir);
}

/* --- Infinity ------------------------------------------------------------------------------------------------- */

static void check_clock(struct check *k, int64_t offset)
{
	static const char remedy[] = "Let both machines follow an NTP server.";
	int64_t off = offset < 0 ? -offset : offset;

	if (off == 0)
		found(k, LEVEL_OK, "clock", NULL, "within 2 seconds of the Management Node's");
	else
		found(k, off >= SKEW_ERROR_MS ? LEVEL_ERROR : LEVEL_WARNING, "clock", remedy,
		      "the Management Node's clock is %lld seconds %s ours", (long long)(off / MS_PER_SECOND),
		      offset < 0 ? "behind" : "ahead of");
}

static void judge_infinity(struct check *k, const struct infinity_report *r)
{
	if (r->whole)
		found(k, LEVEL_OK, "infinity", NULL, "%zu locations, %zu Conferencing Nodes", r->n_locations,
		      r->n_nodes);
	else
		found(k, LEVEL_WARNING, "infinity", "Check again; if it stays, look at the node's load.",
		      "the answer was not whole: %s", r->partial ? r->partial : "a list moved");
	if (r->bursting_enabled)
		found(k, LEVEL_WARNING, "infinity",
		      "Switch Infinity's own bursting off when burstd shall act.",
		      "Infinity's own bursting is on: burstd only observes");
	check_clock(k, r->server_offset);
	(void)snprintf(k->tag, sizeof k->tag, "%s",
		       k->settings.tag_value[0] ? k->settings.tag_value
		       : r->management_host     ? r->management_host
						: "");
}

static void check_infinity(struct check *k)
{
	const struct config *c = k->config;
	struct transport_options transport = {
		.name = "infinity", .ca_file = c->infinity_ca_file, .pinned_key = c->infinity_pinned_key};
	_cleanup_(curl_transport_freep) struct curl_transport *curl = curl_transport_new(&transport);
	_cleanup_(infinity_report_freep) struct infinity_report *report = NULL;
	struct infinity_client_options o = {.url = c->infinity_url,
					    .user = c->infinity_user,
					    .password = c->infinity_password,
					    .oauth_client_id = c->infinity_oauth_client_id,
					    .oauth_key_pem = c->infinity_oauth_key,
					    .oauth_audience = c->infinity_oauth_audience,
					    .oauth_scope = c->infinity_oauth_scope,
					    .clock = &clock_system,
					    .time_scale = c->time_scale};
	struct upstream_error e = {0};
	struct infinity_client *client;

	if (!c->infinity_url)
		return; /* said by check_configuration */
	if (!curl) {
		found(k, LEVEL_ERROR, "infinity", NULL, "libcurl cannot be set up");
		return;
	}
	o.transport = curl_transport_port(curl);
	client = infinity_client_new(&o, &e);
	if (client && infinity_observe(client, false, &report, &e))
		judge_infinity(k, report);
	else
		found_upstream(k, "infinity", "", &e);
	infinity_client_free(client);
}

/* --- EC2 ------------------------------------------------------------------------------------------------------ */

/* EC2 says whether it would do it, and does not. */
static void check_deed(struct check *k, const char *subject, const char *action, const char *id,
		       bool (*deed)(struct ec2_client *, const char *, bool, struct ec2_state_change *,
				    struct upstream_error *),
		       struct ec2_client *client)
{
	struct upstream_error e = {0};
	struct ec2_state_change unused;
	char what[120];

	(void)snprintf(what, sizeof what, "%s of %.40s: ", action, id);
	if (deed(client, id, true, &unused, &e))
		found(k, LEVEL_OK, subject, NULL, "%sallowed (dry run)", what);
	else
		found_upstream(k, subject, what, &e);
}

/* The instance to ask about: one that a start or a stop could be meant for. */
static const char *sample(const struct ec2_report *r)
{
	size_t i;

	for (i = 0; i < r->n_instances; i++)
		if (r->instances[i].state != INSTANCE_TERMINATED &&
		    r->instances[i].state != INSTANCE_SHUTTING_DOWN)
			return r->instances[i].id;
	return NULL;
}

static void judge_region(struct check *k, const char *subject, struct ec2_client *client)
{
	_cleanup_(ec2_report_freep) struct ec2_report *report = NULL;
	struct upstream_error e = {0};
	const char *id;

	if (!ec2_describe_tagged(client, k->tag, &report, &e)) {
		found_upstream(k, subject, "DescribeInstances: ", &e);
		return;
	}
	id = sample(report);
	if (!id) {
		found(k, LEVEL_WARNING, subject,
		      "Tag the instances of the bursting nodes, or set tag_value in /v1/bursting.",
		      "no instance has the tag " TAG_NAME "=%s, so starting and stopping cannot be tried",
		      k->tag);
		return;
	}
	found(k, LEVEL_OK, subject, NULL, "%zu instances with the tag " TAG_NAME "=%s", report->n_instances,
	      k->tag);
	check_deed(k, subject, "StartInstances", id, ec2_start_instance, client);
	check_deed(k, subject, "StopInstances", id, ec2_stop_instance, client);
}

static void check_region(struct check *k, const char *region, struct credentials *credentials)
{
	struct transport_options transport = {.name = "ec2", .ca_file = getenv("AWS_CA_BUNDLE")};
	_cleanup_(curl_transport_freep) struct curl_transport *curl = curl_transport_new(&transport);
	_cleanup_(ec2_limiter_freep) struct ec2_limiter *limiter =
		ec2_limiter_new(&clock_system, k->config->time_scale);
	struct ec2_client_options o = {.region = region,
				       .endpoint = k->config->ec2_endpoint,
				       .credentials = credentials,
				       .limiter = limiter,
				       .clock = &clock_system,
				       .time_scale = k->config->time_scale};
	struct ec2_client *client = NULL;
	char subject[80];

	(void)snprintf(subject, sizeof subject, "ec2:%.60s", region);
	if (curl && limiter) {
		o.transport = curl_transport_port(curl);
		client = ec2_client_new(&o);
	}
	if (client)
		judge_region(k, subject, client);
	else
		found(k, LEVEL_ERROR, subject, NULL, "the client cannot be set up");
	ec2_client_free(client);
}

/* Whether there are keys at all; what they may do is each region's matter. */
static bool check_keys(struct check *k, struct credentials *credentials)
{
	struct upstream_error e = {0};
	struct aws_keys keys;
	bool good;

	credentials_set_static(credentials, k->secret ? k->settings.aws_access_key_id : NULL, k->secret);
	good = credentials_get(credentials, &keys, &e);
	if (good)
		found(k, LEVEL_OK, "aws", NULL, "keys from: %s", keys.provider);
	else
		found_upstream(k, "aws", "", &e);
	explicit_bzero(&keys, sizeof keys);
	return good;
}

static void check_aws(struct check *k)
{
	struct transport_options transport = {.name = "sts", .ca_file = getenv("AWS_CA_BUNDLE")};
	_cleanup_(curl_transport_freep) struct curl_transport *curl = curl_transport_new(&transport);
	const struct config_list *regions = &k->config->aws_regions;
	struct credentials_options o = {.clock = &clock_system,
					.profile = k->config->aws_profile,
					.sts_region = regions->n ? regions->items[0] : NULL,
					.sts_endpoint = k->config->sts_endpoint};
	_cleanup_(credentials_freep) struct credentials *credentials = NULL;
	size_t i;

	if (curl) {
		o.transport = curl_transport_port(curl);
		credentials = credentials_new(&o);
	}
	if (!credentials) {
		found(k, LEVEL_ERROR, "aws", NULL, "libcurl cannot be set up");
		return;
	}
	if (!check_keys(k, credentials))
		return;
	if (!k->tag[0])
		found(k, LEVEL_WARNING, "aws", "Make Infinity reachable, or set tag_value in /v1/bursting.",
		      "EC2 was not asked: the tag value is not known before Infinity is heard");
	for (i = 0; k->tag[0] && i < regions->n; i++)
		check_region(k, regions->items[i], credentials);
}

/* --- what is said --------------------------------------------------------------------------------------------- */

static const char *text_of(const json_t *finding, const char *name)
{
	return json_string_value(json_object_get(finding, name));
}

static void print_table(const struct check *k)
{
	json_t *finding;
	size_t i;

	json_array_foreach(k->findings, i, finding)
	{
		(void)printf("%-8s %-18s %s\n", text_of(finding, "severity"), text_of(finding, "subject"),
			     text_of(finding, "message"));
		if (text_of(finding, "remedy"))
			(void)printf("%-8s %-18s -> %s\n", "", "", text_of(finding, "remedy"));
	}
	(void)printf("\n%d error%s, %d warning%s\n", k->errors, k->errors == 1 ? "" : "s", k->warnings,
		     k->warnings == 1 ? "" : "s");
}

static void print_json(const struct check *k)
{
	json_auto_t *all = json_pack("{s:i, s:i, s:O}", "errors", k->errors, "warnings", k->warnings,
				     "findings", k->findings);

	(void)json_dumpf(all, stdout, JSON_INDENT(2));
	(void)printf("\n");
}

int command_check(const struct config *c)
{
	struct check k = {.config = c, .findings = json_array(), .settings = bursting_defaults};
	struct sigaction ignore = {.sa_handler = SIG_IGN};

	(void)sigaction(SIGPIPE, &ignore, NULL);
	curl_transport_setup();
	check_configuration(&k);
	check_state(&k);
	check_tls(&k);
	(void)snprintf(k.tag, sizeof k.tag, "%s", k.settings.tag_value);
	check_infinity(&k);
	check_aws(&k);
	if (c->json)
		print_json(&k);
	else
		print_table(&k);
	json_decref(k.findings);
	secret_free(k.secret);
	return k.errors ? 1 : 0;
}
