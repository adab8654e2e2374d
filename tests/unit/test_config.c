/* The configuration: three sources, their order, and one clear line for everything that is wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "server/config.h"

#define MOST 24

/* A file in a directory of its own; the path goes into `path`. */
static void write_file(char path[256], const char *text)
{
	const char *parent = getenv("TMPDIR");
	FILE *f;
	int fd;

	(void)snprintf(path, 256, "%s/burstd-config-XXXXXX", parent ? parent : P_tmpdir);
	fd = mkstemp(path);
	assert_true(fd >= 0);
	f = fdopen(fd, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

/* Loads from "NAME=value" texts and flags; each list ends with NULL. No file is read unless --config names one. */
static struct config *load(const char *const *env, const char *const *flags, struct error *e)
{
	char *argv[MOST] = {(char *)(uintptr_t) "burstd"};
	char *envp[MOST] = {NULL};
	struct config *c = NULL;
	int argc = 1;
	int i;

	for (i = 0; env && env[i]; i++)
		envp[i] = (char *)(uintptr_t)env[i];
	for (i = 0; flags && flags[i]; i++)
		argv[argc++] = (char *)(uintptr_t)flags[i];
	*e = (struct error){0};
	if (config_load(argc, argv, envp, &c, e))
		assert_null(c);
	return c;
}

#define ENV(...)   ((const char *const[]){__VA_ARGS__, NULL})
#define FLAGS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void refused(const char *const *env, const char *const *flags, const char *line)
{
	struct error e;
	struct config *c = load(env, flags, &e);

	if (c)
		fail_msg("accepted, but should say: %s", line);
	if (!strstr(e.detail, line))
		fail_msg("says \"%s\", not \"%s\"", e.detail, line);
	assert_null(strchr(e.detail, '\n'));
}

static void file_refused(const char *text, const char *line)
{
	char path[256], flag[300], named[400];

	write_file(path, text);
	(void)snprintf(flag, sizeof flag, "--config=%s", path);
	(void)snprintf(named, sizeof named, "%s%s", path, line);
	refused(NULL, FLAGS(flag), named);
	assert_int_equal(unlink(path), 0);
}

static void test_defaults(void **state)
{
	struct error e;
	struct config *c = load(NULL, NULL, &e);

	(void)state;
	assert_non_null(c);
	assert_string_equal(c->listen, "127.0.0.1:8080");
	assert_string_equal(c->listen_host, "127.0.0.1");
	assert_int_equal(c->listen_port, 8080);
	assert_false(c->behind_proxy);
	assert_string_equal(c->state_dir, "/var/lib/burstd");
	assert_null(c->infinity_url);
	assert_null(c->infinity_password);
	assert_int_equal(c->aws_regions.n, 0);
	assert_true(c->time_scale >= 1 && c->time_scale <= 1);
	assert_int_equal(c->log_format, CONFIG_LOG_LOGFMT);
	assert_int_equal(config_log_level(c), LOG_LEVEL_INFO);
	config_free(c);
}

static void test_order(void **state)
{
	char path[256];
	struct error e;
	struct config *c;

	(void)state;
	write_file(path, "# a comment\n\n  time_scale = 2 \nlog_level=warn\nlog_format = json\n");
	c = load(NULL, FLAGS("--config", path), &e);
	assert_non_null(c);
	assert_true(c->time_scale > 1.9 && c->time_scale < 2.1);
	assert_int_equal(config_log_level(c), LOG_LEVEL_WARN);
	assert_int_equal(c->log_format, CONFIG_LOG_JSON);
	config_free(c);

	c = load(ENV("BURSTD_TIME_SCALE=3", "BURSTD_LOG_LEVEL=error"),
		 FLAGS("--config", path, "--log-level=debug"), &e);
	assert_non_null(c);
	assert_true(c->time_scale > 2.9 && c->time_scale < 3.1);
	assert_int_equal(config_log_level(c), LOG_LEVEL_DEBUG);
	assert_int_equal(c->log_format, CONFIG_LOG_JSON);
	config_free(c);

	/* a bad value that is overridden does no harm */
	c = load(ENV("BURSTD_TIME_SCALE=soon"), FLAGS("--config", path, "--time-scale", "4"), &e);
	assert_non_null(c);
	config_free(c);
	assert_int_equal(unlink(path), 0);
}

static void test_unknown(void **state)
{
	(void)state;
	refused(ENV("BURSTD_LISSTEN=x"), NULL, "BURSTD_LISSTEN: unknown variable");
	refused(ENV("BURSTD_LISTEN_FILE=x"), NULL, "BURSTD_LISTEN_FILE: unknown variable");
	refused(ENV("BURSTD_TLS_CRT=/c.pem"), NULL, "BURSTD_TLS_CRT: unknown variable");
	refused(ENV("BURSTD_CLIENT_IDLE_SECONDS=0"), NULL,
		"BURSTD_CLIENT_IDLE_SECONDS: must be a number from 1");
	refused(ENV("BURSTD_CONNECTIONS_PER_ADDRESS=0"), NULL,
		"BURSTD_CONNECTIONS_PER_ADDRESS: must be a number from 1");
	refused(NULL, FLAGS("--lissten", "x"), "--lissten: unknown flag");
	refused(NULL, FLAGS("-x", "y"), "-x: unknown flag");
	refused(NULL, FLAGS("--listen"), "--listen: needs a value");
	refused(NULL, FLAGS("--listen", "127.0.0.1:1", "--listen=127.0.0.1:2"), "--listen: given twice");
	refused(NULL, FLAGS("--config", "/nowhere/burstd.conf"), "/nowhere/burstd.conf: No such file");
	file_refused("lissten = x\n", ":1: lissten: unknown key");
	file_refused("\nlisten\n", ":2: not of the form");
	file_refused("log_level = info\nlog_level = warn\n", ":2: log_level: given twice");
	file_refused("time_scale = 0\n", ":1: time_scale: must be a number from 1 to 100000");
}

static void test_values(void **state)
{
	(void)state;
	refused(ENV("BURSTD_TIME_SCALE=0.5"), NULL, "BURSTD_TIME_SCALE: must be a number from 1 to 100000");
	refused(ENV("BURSTD_TIME_SCALE=100001"), NULL, "BURSTD_TIME_SCALE: must");
	refused(ENV("BURSTD_TIME_SCALE=nan"), NULL, "BURSTD_TIME_SCALE: must");
	refused(ENV("BURSTD_TIME_SCALE=2x"), NULL, "BURSTD_TIME_SCALE: must");
	refused(NULL, FLAGS("--log-format=xml"), "--log-format: must be one of logfmt|json");
	refused(ENV("BURSTD_LOG_LEVEL=inf"), NULL, "BURSTD_LOG_LEVEL: must be one of");
	refused(ENV("BURSTD_BEHIND_PROXY=maybe"), NULL, "BURSTD_BEHIND_PROXY: must be 1 or 0");
	refused(ENV("BURSTD_AWS_REGIONS=eu-west-2,,eu-west-1"), NULL,
		"BURSTD_AWS_REGIONS: an item of the list is empty");
	refused(ENV("BURSTD_AWS_REGIONS=eu-west-2,cn-north-1"), NULL, "BURSTD_AWS_REGIONS: ");
	refused(ENV("AWS_REGION=cn-north-1"), NULL, "AWS_REGION: ");
}

static void test_listen(void **state)
{
	static const char *const bad[] = {"8080",           ":8080",           "127.0.0.1",
					  "127.0.0.1:",     "127.0.0.1:65536", "127.0.0.1:80x",
					  "example.com:80", "::1:8080",        "[::1]",
					  "[127.0.0.1]:80", "127.0.0.1:-1",    "300.0.0.1:80"};
	char flag[64];
	struct error e;
	struct config *c;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(bad); i++) {
		(void)snprintf(flag, sizeof flag, "--listen=%s", bad[i]);
		refused(NULL, FLAGS(flag), "--listen: must be ADDRESS:PORT");
	}
	refused(ENV("BURSTD_LISTEN=0.0.0.0:80"), NULL, "BURSTD_LISTEN: 0.0.0.0 is not a loopback address");
	refused(ENV("BURSTD_LISTEN=[::]:80"), NULL, "BURSTD_LISTEN: :: is not a loopback address");
	refused(ENV("BURSTD_LISTEN=10.0.0.1:80"), NULL, "BURSTD_BEHIND_PROXY=1");
	c = load(ENV("BURSTD_LISTEN=0.0.0.0:0", "BURSTD_BEHIND_PROXY=1"), NULL, &e);
	assert_non_null(c);
	assert_int_equal(c->listen_port, 0);
	config_free(c);
	c = load(ENV("BURSTD_LISTEN=0.0.0.0:0", "BURSTD_TLS_CERT=/c.pem", "BURSTD_TLS_KEY=/k.pem"), NULL, &e);
	assert_non_null(c);
	assert_string_equal(c->tls_cert, "/c.pem");
	assert_string_equal(c->tls_key, "/k.pem");
	assert_int_equal((int)c->client_idle_seconds, 30);
	assert_int_equal((int)c->connections_per_address, 0);
	config_free(c);
	c = load(NULL, FLAGS("--listen=[::1]:8443", "--behind-proxy"), &e);
	assert_non_null(c);
	assert_string_equal(c->listen_host, "::1");
	assert_true(c->behind_proxy);
	config_free(c);
	c = load(NULL, FLAGS("--listen=localhost:0"), &e);
	assert_non_null(c);
	assert_string_equal(c->listen_host, "127.0.0.1");
	config_free(c);
}

static void test_urls(void **state)
{
	static const char *const bad[] = {"manager.example.com",
					  "ftp://manager.example.com",
					  "https://",
					  "https://m.example.com/admin",
					  "https://user@m.example.com",
					  "https://m:0",
					  "https://m:70000",
					  "https://m?x=1",
					  "https:// m",
					  "https://[::1"};
	char variable[120];
	struct error e;
	struct config *c;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(bad); i++) {
		(void)snprintf(variable, sizeof variable, "BURSTD_INFINITY_URL=%s", bad[i]);
		refused(ENV(variable), NULL, "BURSTD_INFINITY_URL: must be an address");
	}
	refused(ENV("BURSTD_INFINITY_URL=http://manager.example.com"), NULL,
		"BURSTD_INFINITY_URL: must be https");
	refused(ENV("BURSTD_INFINITY_URL=http://127.0.0.1.example.com"), NULL,
		"BURSTD_INFINITY_URL: must be https");
	refused(ENV("BURSTD_INFINITY_PINNED_KEY=abc"), NULL,
		"BURSTD_INFINITY_PINNED_KEY: must begin with sha256//");
	refused(ENV("BURSTD_EC2_ENDPOINT=ec2.local"), NULL, "BURSTD_EC2_ENDPOINT: must be an address");
	refused(ENV("BURSTD_EC2_ENDPOINT=https://ec2.local", "BURSTD_AWS_REGIONS=eu-west-1, eu-west-2"), NULL,
		"BURSTD_EC2_ENDPOINT: needs {region}");
	refused(ENV("BURSTD_BOOTSTRAP_URL=https://10.0.0.1:8443"), NULL,
		"BURSTD_BOOTSTRAP_URL: needs {address}");
	refused(ENV("BURSTD_BOOTSTRAP_URL=http://{address}:8443"), NULL,
		"BURSTD_BOOTSTRAP_URL: must be https");
	refused(ENV("BURSTD_BOOTSTRAP_URL={address}:8443"), NULL, "BURSTD_BOOTSTRAP_URL: must be an address");
	refused(ENV("BURSTD_STS_ENDPOINT=http://sts.{region}.local"), NULL,
		"BURSTD_STS_ENDPOINT: must be https");
	c = load(ENV("BURSTD_INFINITY_URL=http://[::1]:8000/",
		     "BURSTD_EC2_ENDPOINT=https://ec2.{region}.local",
		     "BURSTD_STS_ENDPOINT=https://sts.local", "BURSTD_AWS_REGIONS=eu-west-1, eu-west-2"),
		 NULL, &e);
	assert_non_null(c);
	assert_string_equal(c->infinity_url, "http://[::1]:8000");
	assert_string_equal(c->aws_regions.items[1], "eu-west-2");
	config_free(c);
}

static void test_regions_from_aws(void **state)
{
	struct error e;
	struct config *c = load(ENV("AWS_DEFAULT_REGION=eu-west-1", "AWS_REGION=eu-west-2"), NULL, &e);

	(void)state;
	assert_non_null(c);
	assert_int_equal(c->aws_regions.n, 1);
	assert_string_equal(c->aws_regions.items[0], "eu-west-2");
	config_free(c);
	c = load(ENV("AWS_DEFAULT_REGION=eu-west-1"), NULL, &e);
	assert_non_null(c);
	assert_string_equal(c->aws_regions.items[0], "eu-west-1");
	config_free(c);
}

static void test_secrets(void **state)
{
	char path[256], variable[320], line[320];
	struct error e;
	struct config *c;

	(void)state;
	write_file(path, "pass word\n");
	(void)snprintf(variable, sizeof variable, "BURSTD_INFINITY_PASSWORD_FILE=%s", path);
	c = load(ENV(variable), NULL, &e);
	assert_non_null(c);
	assert_string_equal(c->infinity_password, "pass word");
	config_free(c);
	c = load(ENV("BURSTD_INFINITY_PASSWORD=direct"), FLAGS("--infinity-password-file", path), &e);
	assert_non_null(c);
	assert_string_equal(c->infinity_password, "pass word");
	config_free(c);
	refused(ENV(variable, "BURSTD_INFINITY_PASSWORD=direct"), NULL,
		"BURSTD_INFINITY_PASSWORD: given twice");
	assert_int_equal(unlink(path), 0);
	(void)snprintf(line, sizeof line, "BURSTD_INFINITY_PASSWORD_FILE: cannot read %s", path);
	refused(ENV(variable), NULL, line);
	refused(NULL, FLAGS("--infinity-password=x"),
		"--infinity-password: a secret is not given on the command line");
	write_file(path, "\n");
	(void)snprintf(variable, sizeof variable, "BURSTD_INFINITY_OAUTH_KEY_FILE=%s", path);
	refused(ENV(variable), NULL, "is empty");
	assert_int_equal(unlink(path), 0);
}

static void serve_refused(const char *const *env, const char *const *flags, const char *line)
{
	struct error e;
	struct config *c = load(env, flags, &e);

	assert_non_null(c);
	assert_int_not_equal(config_check_serve(c, &e), ERR_OK);
	if (!strstr(e.detail, line))
		fail_msg("says \"%s\", not \"%s\"", e.detail, line);
	config_free(c);
}

#define URL    "BURSTD_INFINITY_URL=https://manager.example.com"
#define REGION "BURSTD_AWS_REGIONS=eu-west-2"

static void test_serve_needs(void **state)
{
	struct error e;
	struct config *c;

	(void)state;
	serve_refused(NULL, NULL, "BURSTD_INFINITY_URL: not set");
	serve_refused(ENV(URL), NULL, "BURSTD_INFINITY_USER: not set");
	serve_refused(ENV(URL, "BURSTD_INFINITY_USER=admin"), NULL, "BURSTD_INFINITY_PASSWORD: not set");
	serve_refused(ENV(URL, "BURSTD_INFINITY_OAUTH_CLIENT_ID=x"), NULL,
		      "BURSTD_INFINITY_OAUTH_KEY_FILE: not set");
	serve_refused(ENV(URL, "BURSTD_INFINITY_OAUTH_KEY=x"), NULL,
		      "BURSTD_INFINITY_OAUTH_CLIENT_ID: not set");
	serve_refused(ENV(URL, "BURSTD_INFINITY_USER=admin", "BURSTD_INFINITY_PASSWORD=x"), NULL,
		      "BURSTD_AWS_REGIONS: not set");
	serve_refused(ENV(URL, REGION, "BURSTD_INFINITY_USER=admin", "BURSTD_INFINITY_PASSWORD=x",
			  "BURSTD_INFINITY_OAUTH_CLIENT_ID=x", "BURSTD_INFINITY_OAUTH_KEY=x"),
		      NULL, "choose one way");
	serve_refused(ENV(URL), FLAGS("serve", "now"), "now: unknown argument");
	serve_refused(ENV(URL), FLAGS("serve", "--name", "x"), "--name: belongs to `burstd token create`");
	c = load(ENV(URL, REGION, "BURSTD_INFINITY_USER=admin", "BURSTD_INFINITY_PASSWORD=x",
		     "BURSTD_TIME_SCALE="),
		 NULL, &e);
	assert_null(c);
	c = load(ENV(URL, REGION, "BURSTD_INFINITY_USER=admin", "BURSTD_INFINITY_PASSWORD=x"), FLAGS("serve"),
		 &e);
	assert_non_null(c);
	assert_int_equal(config_check_serve(c, &e), ERR_OK);
	assert_string_equal(c->words[0], "serve");
	config_free(c);
}

static void test_help_reads_nothing_else(void **state)
{
	struct error e;
	struct config *c = load(ENV("BURSTD_NONSENSE=1"), FLAGS("--help"), &e);
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	(void)state;
	assert_non_null(c);
	assert_true(c->help);
	config_usage(out);
	assert_int_equal(fclose(out), 0);
#define X(type, field, env, flag, least, most, preset, choices, help)                                        \
	assert_non_null(strstr(text, env));                                                                  \
	assert_non_null(strstr(text, flag));
	CONFIG_OPTIONS(X)
#undef X
	free(text);
	config_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),         cmocka_unit_test(test_order),
		cmocka_unit_test(test_unknown),          cmocka_unit_test(test_values),
		cmocka_unit_test(test_listen),           cmocka_unit_test(test_urls),
		cmocka_unit_test(test_regions_from_aws), cmocka_unit_test(test_secrets),
		cmocka_unit_test(test_serve_needs),      cmocka_unit_test(test_help_reads_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
