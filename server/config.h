/*
 * The configuration: one table gives file key, environment variable, flag, type, range, default and help of
 * every option; the fields of struct config, the parser and --help are made from it.
 *
 * File (/etc/burstd/burstd.conf, or --config): `key = value`, `#` starts a comment line. The environment wins
 * over the file, a flag over both. Anything unknown or not usable stops the start with one line that names
 * it. Read once, before threads; read-only afterwards.
 */
#ifndef BURSTD_SERVER_CONFIG_H
#define BURSTD_SERVER_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"

#define CONFIG_FILE_DEFAULT "/etc/burstd/burstd.conf"
#define CONFIG_DATABASE     "burstd.db" /* in the state directory */

struct config_list {
	const char **items;
	size_t n;
};

/* The C type of each option type. An option that is not set is NULL, or an empty list. */
#define CONFIG_FIELD_TEXT   const char *
#define CONFIG_FIELD_LIST   struct config_list
#define CONFIG_FIELD_BOOL   bool
#define CONFIG_FIELD_NUMBER double
#define CONFIG_FIELD_CHOICE int
/*
 * A secret can also be given as NAME_FILE, a path whose content is the value. It has no flag of its own, only
 * --NAME-file: a command line can be read by every user of the machine.
 */
#define CONFIG_FIELD_SECRET const char *

/* clang-format off */
/* type, field and file key, environment variable, flag, least, most (numbers), default, choices, help */
#define CONFIG_OPTIONS(X) \
	X(TEXT, listen, "BURSTD_LISTEN", "--listen", 0, 0, "127.0.0.1:8080", NULL, \
	  "ADDRESS:PORT to listen on; port 0 takes a free one. Only loopback without TLS or behind_proxy") \
	X(BOOL, behind_proxy, "BURSTD_BEHIND_PROXY", "--behind-proxy", 0, 0, "0", NULL, \
	  "A proxy in front does TLS: allows listening on other addresses than loopback") \
	X(TEXT, tls_cert, "BURSTD_TLS_CERT", "--tls-cert", 0, 0, NULL, NULL, \
	  "PEM file of the server's certificate chain, its own first; read again on HUP") \
	X(TEXT, tls_key, "BURSTD_TLS_KEY", "--tls-key", 0, 0, NULL, NULL, \
	  "PEM file of its private key, not readable by others") \
	X(NUMBER, client_idle_seconds, "BURSTD_CLIENT_IDLE_SECONDS", "--client-idle-seconds", 1, 3600, "30", NULL, \
	  "A silent connection is closed after this; one whose request is not whole after twice this, too") \
	X(NUMBER, connections_per_address, "BURSTD_CONNECTIONS_PER_ADDRESS", "--connections-per-address", 1, 4096, NULL, \
	  NULL, "Most connections of one address. Default: 256; no limit on loopback and with behind_proxy") \
	X(LIST, hostnames, "BURSTD_HOSTNAMES", "--hostnames", 0, 0, NULL, NULL, \
	  "Comma list of further names that the Host header may carry") \
	X(TEXT, state_dir, "BURSTD_STATE_DIR", "--state-dir", 0, 0, "/var/lib/burstd", NULL, \
	  "Directory of the database, the key file and admin.token") \
	X(TEXT, infinity_url, "BURSTD_INFINITY_URL", "--infinity-url", 0, 0, NULL, NULL, \
	  "https://manager.example.com; plain http only to loopback") \
	X(TEXT, infinity_ca_file, "BURSTD_INFINITY_CA_FILE", "--infinity-ca-file", 0, 0, NULL, NULL, \
	  "PEM file of the authority that signed the Management Node's certificate") \
	X(TEXT, infinity_pinned_key, "BURSTD_INFINITY_PINNED_KEY", "--infinity-pinned-key", 0, 0, NULL, NULL, \
	  "sha256//BASE64 of the public key to trust, for self-signed nodes") \
	X(TEXT, infinity_user, "BURSTD_INFINITY_USER", "--infinity-user", 0, 0, NULL, NULL, \
	  "User name for Basic authentication") \
	X(SECRET, infinity_password, "BURSTD_INFINITY_PASSWORD", "--infinity-password", 0, 0, NULL, NULL, \
	  "Its password") \
	X(TEXT, infinity_oauth_client_id, "BURSTD_INFINITY_OAUTH_CLIENT_ID", "--infinity-oauth-client-id", 0, 0, NULL, \
	  NULL, "OAuth2 client id, instead of user and password") \
	X(SECRET, infinity_oauth_key, "BURSTD_INFINITY_OAUTH_KEY", "--infinity-oauth-key", 0, 0, NULL, NULL, \
	  "Its private key (PEM, EC P-256)") \
	X(TEXT, infinity_oauth_audience, "BURSTD_INFINITY_OAUTH_AUDIENCE", "--infinity-oauth-audience", 0, 0, NULL, NULL, \
	  "Audience of the client assertion, if not the address of the token endpoint") \
	X(TEXT, infinity_oauth_scope, "BURSTD_INFINITY_OAUTH_SCOPE", "--infinity-oauth-scope", 0, 0, NULL, NULL, \
	  "Scopes to ask for, if not the usual ones") \
	X(LIST, aws_regions, "BURSTD_AWS_REGIONS", "--aws-regions", 0, 0, NULL, NULL, \
	  "Comma list of regions; if not set, AWS_REGION or AWS_DEFAULT_REGION") \
	X(TEXT, ec2_endpoint, "BURSTD_EC2_ENDPOINT", "--ec2-endpoint", 0, 0, NULL, NULL, \
	  "Address of EC2 instead of the public one; {region} in it is replaced") \
	X(TEXT, sts_endpoint, "BURSTD_STS_ENDPOINT", "--sts-endpoint", 0, 0, NULL, NULL, \
	  "Address of STS instead of the first region's public one; {region} in it is replaced") \
	X(TEXT, aws_profile, "BURSTD_AWS_PROFILE", "--aws-profile", 0, 0, NULL, NULL, \
	  "Profile of AWS's shared files to take; AWS keys in the environment then do not count") \
	X(TEXT, lifecycle_aws_profile, "BURSTD_LIFECYCLE_AWS_PROFILE", "--lifecycle-aws-profile", 0, 0, NULL, NULL, \
	  "Profile of AWS's shared files for life-cycle operations, if they have no keys of their own in the settings; if not " \
	  "set, the credentials of bursting") \
	X(TEXT, bootstrap_url, "BURSTD_BOOTSTRAP_URL", "--bootstrap-url", 0, 0, NULL, NULL, \
	  "Where a new Conferencing Node takes its configuration; {address} in it is replaced. Default: " \
	  "https://{address}:8443. Plain http only to loopback") \
	X(NUMBER, time_scale, "BURSTD_TIME_SCALE", "--time-scale", 1, 100000, "1", NULL, \
	  "For demos and tests: every duration is divided by this") \
	X(CHOICE, log_format, "BURSTD_LOG_FORMAT", "--log-format", 0, 0, "logfmt", "logfmt|json", \
	  "Form of the log on stderr") \
	X(CHOICE, log_level, "BURSTD_LOG_LEVEL", "--log-level", 0, 0, "info", "debug|info|warn|error", \
	  "Least level that is logged")
/* clang-format on */

enum config_log_format { CONFIG_LOG_LOGFMT, CONFIG_LOG_JSON };

struct config {
#define X(type, field, env, flag, least, most, preset, choices, help) CONFIG_FIELD_##type field;
	CONFIG_OPTIONS(X)
#undef X
	/* made from `listen` */
	char listen_host[46]; /* a numeric address, without brackets */
	int listen_port;
	/* command line only */
	const char *const *words; /* the command and its arguments: "token", "create" */
	size_t n_words;
	const char *name; /* --name and --role of `token create` */
	const char *role;
	bool json; /* --json of `check` */
	bool help;
	bool version;
	struct arena *arena; /* owns all strings */
};

/*
 * Reads the file, the environment (`envp`, NULL-terminated) and the flags, and checks every value on its own.
 * With
 * --help or --version nothing else is read. On success *ret is the caller's, freed by config_free; on failure
 * `e` holds the one line for the operator, which never holds a secret. Main thread.
 */
enum err config_load(int argc, char *const argv[], char *const envp[], struct config **ret, struct error *e);
void config_free(struct config *); /* wipes the secrets; NULL is fine */
DEFINE_FREEP(struct config, config_free)

/* What `burstd serve` needs beyond valid values: both upstream systems, one way to authenticate. */
enum err config_check_serve(const struct config *, struct error *);

/* The partition of the i-th of the configured regions, as an ARN names it: "aws", "aws-us-gov". Static string. Any thread. */
const char *config_partition(const struct config *, size_t region);

/* The version of this binary. Any thread. */
const char *config_version(void);

/* The text of --help. */
void config_usage(FILE *);

/* Whether a numeric address or "localhost" is a loopback one. Any thread. */
bool config_is_loopback(const char *host);

static inline enum log_level config_log_level(const struct config *c)
{
	return (enum log_level)c->log_level;
}

#endif
