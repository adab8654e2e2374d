/* Tests of the chain of credentials, of AWS's shared files and of the metadata service (over a scripted transport). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clients/ec2/credentials.h"
#include "clients/ec2/profile.h"

#define START_MS   1767323045000 /* 2026-01-02T03:04:05Z */
#define MINUTES(n) ((n)*MS_PER_MINUTE)

struct fixture {
	char dir[64];
	int64_t now;
	struct clock clock;
	struct credentials *c;
	struct aws_keys keys;
	struct upstream_error e;
	/* the metadata service */
	bool imds_down;
	int token_status;
	int role_status;
	int keys_status; /* of the next question for keys; 200 afterwards */
	const char *keys_json;
	int calls;
	int token_calls;
	bool proxied;
	char last_url[300];
	char last_header[300];
};

static int imds_status(struct fixture *f, const struct http_call *call, const char **body)
{
	int status = 200;

	if (call->method == METHOD_PUT_IMDS) {
		f->token_calls++;
		*body = "TOKEN==";
		return f->token_status;
	}
	if (call->url[strlen(call->url) - 1] == '/') {
		*body = "node-role\n";
		return f->role_status;
	}
	*body = f->keys_json;
	status = f->keys_status;
	f->keys_status = 200;
	return status;
}

static bool imds(void *self, const struct http_call *call, struct http_answer *ret, struct upstream_error *e)
{
	struct fixture *f = self;
	const char *body;

	f->calls++;
	f->proxied |= !call->no_proxy;
	assert_true(call->timeout_ms > 0 && call->timeout_ms <= 5000);
	(void)snprintf(f->last_url, sizeof(f->last_url), "%s", call->url);
	(void)snprintf(f->last_header, sizeof(f->last_header), "%s", call->headers[0]);
	if (f->imds_down) {
		upstream_error_set(e, UPSTREAM_RETRY, 0, "timeout", "ec2_timeout", "",
				   "169.254.169.254: no answer");
		return false;
	}
	*ret = (struct http_answer){.body = BUF_INIT(1 << 16)};
	ret->status = imds_status(f, call, &body);
	buf_puts(&ret->body, ret->status == 200 ? body : "<html>no</html>");
	return true;
}

static int64_t fake_now(void *self)
{
	return ((struct fixture *)self)->now;
}

static const char *const variables[] = {
	"AWS_ACCESS_KEY_ID",
	"AWS_SECRET_ACCESS_KEY",
	"AWS_SESSION_TOKEN",
	"AWS_SECURITY_TOKEN",
	"AWS_PROFILE",
	"AWS_SHARED_CREDENTIALS_FILE",
	"AWS_CONFIG_FILE",
	"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
	"AWS_CONTAINER_CREDENTIALS_FULL_URI",
	"AWS_WEB_IDENTITY_TOKEN_FILE",
	"AWS_EC2_METADATA_DISABLED",
	"AWS_EC2_METADATA_SERVICE_ENDPOINT",
	"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
};

#define KEYS_JSON(id, until)                                                                                 \
	"{\"Code\":\"Success\",\"LastUpdated\":\"2026-01-02T03:00:00Z\",\"Type\":\"AWS-HMAC\","              \
	"\"AccessKeyId\":\"" id "\","                                                                        \
	"\"SecretAccessKey\":\"sec\",\"Token\":\"tok\",\"Expiration\":\"" until "\"}"

static struct credentials *credentials_of(struct fixture *f)
{
	const struct credentials_options o = {.clock = &f->clock, .transport = {.perform = imds, .self = f}};

	return credentials_new(&o);
}

static int begin(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	for (size_t i = 0; i < ARRAY_LEN(variables); i++)
		unsetenv(variables[i]);
	(void)snprintf(f->dir, sizeof(f->dir), "/tmp/burstd-credentials-XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	setenv("HOME", f->dir, 1);
	f->now = START_MS;
	f->clock = (struct clock){.now_ms = fake_now, .self = f};
	f->token_status = f->role_status = f->keys_status = 200;
	f->keys_json = KEYS_JSON("ASIAONE", "2026-01-02T09:04:05Z"); /* six hours */
	f->c = credentials_of(f);
	*state = f;
	return 0;
}

static void remove_file(const struct fixture *f, const char *name)
{
	char path[200];

	(void)snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	(void)remove(path);
}

static int end(void **state)
{
	struct fixture *f = *state;

	remove_file(f, ".aws/credentials");
	remove_file(f, ".aws/config");
	remove_file(f, ".aws");
	remove_file(f, "other");
	(void)rmdir(f->dir);
	credentials_free(f->c);
	free(f);
	return 0;
}

static void write_file(const struct fixture *f, const char *name, const char *text)
{
	char path[200];

	(void)snprintf(path, sizeof(path), "%s/.aws", f->dir);
	(void)mkdir(path, 0700);
	(void)snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void fetch(struct fixture *f, const char *access_key, const char *provider)
{
	if (!credentials_get(f->c, &f->keys, &f->e))
		fail_msg("no keys: %s", f->e.message);
	assert_string_equal(f->keys.access_key, access_key);
	assert_string_equal(f->keys.provider, provider);
}

static void refuses(struct fixture *f, const char *code, const char *word)
{
	assert_false(credentials_get(f->c, &f->keys, &f->e));
	assert_string_equal(f->e.code, code);
	assert_string_equal(f->e.issue, "ec2_credentials");
	assert_int_equal(f->e.class, UPSTREAM_OPERATOR);
	assert_string_not_equal(f->e.remedy, "");
	if (!strstr(f->e.message, word))
		fail_msg("\"%s\" not in: %s", word, f->e.message);
}

/* --- the chain --- */

static void chain_in_order(void **state)
{
	struct fixture *f = *state;

	fetch(f, "ASIAONE", "instance role");
	write_file(f, ".aws/config", "[default]\naws_access_key_id=AKIACONFIG\naws_secret_access_key=s\n");
	fetch(f, "AKIACONFIG", "shared credentials file");
	write_file(f, ".aws/credentials", "[default]\naws_access_key_id=AKIAFILE\naws_secret_access_key=s\n");
	fetch(f, "AKIAFILE", "shared credentials file");
	setenv("AWS_ACCESS_KEY_ID", "AKIAENV", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "s", 1);
	fetch(f, "AKIAENV", "environment");
	assert_string_equal(f->keys.session_token, "");
	setenv("AWS_SECURITY_TOKEN", "old-name", 1);
	fetch(f, "AKIAENV", "environment");
	assert_string_equal(f->keys.session_token, "old-name");
	setenv("AWS_SESSION_TOKEN", "new-name", 1);
	fetch(f, "AKIAENV", "environment");
	assert_string_equal(f->keys.session_token, "new-name");
	credentials_set_static(f->c, "AKIASET", "topsecret");
	fetch(f, "AKIASET", "settings");
	assert_string_equal(f->keys.secret_key, "topsecret");
	assert_string_equal(f->keys.session_token, "");
	assert_int_equal(f->keys.expires_at, 0);
	credentials_set_static(f->c, "", "");
	fetch(f, "AKIAENV", "environment");
	credentials_set_static(f->c, "AKIASET", "topsecret");
	credentials_set_static(f->c, NULL, NULL);
	fetch(f, "AKIAENV", "environment");
}

static void half_an_environment_is_an_error(void **state)
{
	struct fixture *f = *state;

	setenv("AWS_ACCESS_KEY_ID", "AKIAENV", 1);
	refuses(f, "credentials_incomplete", "environment");
	unsetenv("AWS_ACCESS_KEY_ID");
	setenv("AWS_SECRET_ACCESS_KEY", "hush-hush", 1);
	refuses(f, "credentials_incomplete", "environment");
	assert_null(strstr(f->e.message, "hush-hush"));
	assert_int_equal(f->calls, 0);
}

/* --- files --- */

static void profiles(void **state)
{
	struct fixture *f = *state;

	write_file(f, ".aws/credentials",
		   "# comment\n; another\n\n[default]\naws_access_key_id = AKIADEF   # mine\n"
		   "aws_secret_access_key\t=\tab/c+d=#e\r\n\n[ burst ]\r\naws_access_key_id=AKIABURST\r\n"
		   "aws_secret_access_key = s\naws_session_token = t t\nregion = eu-west-2\ns3 =\n  "
		   "aws_access_key_id = NESTED\n");
	write_file(f, ".aws/config",
		   "[profile nodes]\naws_access_key_id = AKIANODES\naws_secret_access_key = s\n"
		   "[profile \"two words\"]\naws_access_key_id = AKIATWO\naws_secret_access_key = s\n"
		   "[plain]\naws_access_key_id = AKIAPLAIN\naws_secret_access_key = s\n"
		   "[profile burst]\naws_access_key_id = AKIALOSES\naws_secret_access_key = s\n");
	fetch(f, "AKIADEF", "shared credentials file");
	assert_string_equal(f->keys.secret_key, "ab/c+d=#e");
	setenv("AWS_PROFILE", "burst", 1);
	fetch(f, "AKIABURST", "shared credentials file");
	assert_string_equal(f->keys.session_token, "t t");
	setenv("AWS_PROFILE", "nodes", 1);
	fetch(f, "AKIANODES", "shared credentials file");
	setenv("AWS_PROFILE", "two words", 1);
	fetch(f, "AKIATWO", "shared credentials file");
	setenv("AWS_PROFILE", "plain", 1);
	refuses(f, "credentials_profile", "plain");
	assert_int_equal(f->calls, 0);
}

static void files_are_read_anew(void **state)
{
	struct fixture *f = *state;

	write_file(f, ".aws/credentials", "[default]\naws_access_key_id=AKIAONE\naws_secret_access_key=s");
	fetch(f, "AKIAONE", "shared credentials file");
	write_file(f, ".aws/credentials", "[default]\naws_access_key_id=AKIATWO\naws_secret_access_key=s");
	fetch(f, "AKIATWO", "shared credentials file");
	remove_file(f, ".aws/credentials");
	fetch(f, "ASIAONE", "instance role");
}

static void named_files(void **state)
{
	struct fixture *f = *state;
	char path[200];

	write_file(f, "other", "[default]\naws_access_key_id=AKIAOTHER\naws_secret_access_key=s\n");
	(void)snprintf(path, sizeof(path), "%s/other", f->dir);
	setenv("AWS_SHARED_CREDENTIALS_FILE", path, 1);
	fetch(f, "AKIAOTHER", "shared credentials file");
	setenv("AWS_SHARED_CREDENTIALS_FILE", "~/other", 1);
	fetch(f, "AKIAOTHER", "shared credentials file");
	unsetenv("AWS_SHARED_CREDENTIALS_FILE");
	setenv("AWS_CONFIG_FILE", path, 1);
	fetch(f, "AKIAOTHER", "shared credentials file");
	unsetenv("HOME");
	fetch(f, "AKIAOTHER", "shared credentials file");
}

static void broken_profiles_are_errors(void **state)
{
	struct fixture *f = *state;

	write_file(f, ".aws/credentials", "[default]\naws_access_key_id=AKIAONE\n");
	refuses(f, "credentials_incomplete", "whole pair");
	write_file(f, ".aws/config", "[default]\naws_secret_access_key=of-another-pair\n");
	refuses(f, "credentials_incomplete", "whole pair"); /* keys are never put together from both files */
	remove_file(f, ".aws/config");
	write_file(f, ".aws/credentials", "[default]\nsso_session = x\n");
	refuses(f, "credentials_unsupported", "sso_session");
	write_file(f, ".aws/credentials", "[default]\ncredential_process = /bin/x\n");
	refuses(f, "credentials_unsupported", "credential_process");
	remove_file(f, ".aws/credentials");
	assert_int_equal(f->calls, 0);
	/* A directory in place of the file cannot be read. */
	setenv("AWS_SHARED_CREDENTIALS_FILE", f->dir, 1);
	refuses(f, "credentials_file", f->dir);
	unsetenv("AWS_SHARED_CREDENTIALS_FILE");
	write_file(f, ".aws/config", "[default]\nregion = eu-west-2\n");
	fetch(f, "ASIAONE", "instance role");
	setenv("AWS_PROFILE", "nobody", 1);
	refuses(f, "credentials_profile", "nobody");
}

/* Whether the text holds the profile "x"; *p is the profile then. */
static bool parsed(const char *text, struct aws_profile *p)
{
	*p = (struct aws_profile){.name = "x"};
	aws_profile_parse(text, strlen(text), PROFILE_FILE_CREDENTIALS, p);
	return p->found;
}

static void strange_files(void **state)
{
	struct aws_profile p;
	static char longest[400];

	(void)state;
	assert_false(parsed("", &p));
	assert_false(parsed("[", &p));
	assert_false(parsed("[x", &p));
	assert_false(parsed("[y]\naws_access_key_id=a\naws_secret_access_key=b\n", &p));
	assert_string_equal(p.keys.access_key, "");
	assert_true(parsed("[]\n=\n=x\n[x]\n=\n= \nno equals\n", &p));
	assert_string_equal(p.keys.access_key, "");
	assert_true(parsed("[x]aws_access_key_id=a", &p));
	assert_string_equal(p.keys.access_key, "");
	(void)snprintf(longest, sizeof(longest), "[x]\naws_access_key_id=%0200d\naws_secret_access_key=b\n",
		       1);
	assert_true(parsed(longest, &p));
	assert_string_equal(p.too_long, "aws_access_key_id");
	assert_string_equal(p.keys.access_key, "");
	assert_true(parsed("[x]\naws_access_key_id=a\n[x]\naws_secret_access_key=b", &p));
	assert_string_equal(p.keys.access_key, "a");
	assert_string_equal(p.keys.secret_key, "b");
	assert_true(parsed("[x]\nrole_arn=long\nrole_arn=r\nsource_profile = \n", &p));
	assert_string_equal(p.role_arn, "r"); /* the last counts, and nothing of the one before is left */
	assert_int_equal(p.role_arn[2], 0);
	assert_string_equal(p.source_profile, "");
}

/* --- the metadata service --- */

static void role_keys(void **state)
{
	struct fixture *f = *state;

	fetch(f, "ASIAONE", "instance role");
	assert_string_equal(f->keys.secret_key, "sec");
	assert_string_equal(f->keys.session_token, "tok");
	assert_int_equal(f->keys.expires_at, START_MS + MINUTES(360));
	assert_int_equal(f->calls, 3);
	assert_string_equal(f->last_url,
			    "http://169.254.169.254/latest/meta-data/iam/security-credentials/node-role");
	assert_string_equal(f->last_header, "X-aws-ec2-metadata-token: TOKEN==");
	assert_false(f->proxied);
	fetch(f, "ASIAONE", "instance role");
	assert_int_equal(f->calls, 3); /* kept */
}

static void other_endpoints(void **state)
{
	struct fixture *f = *state;

	setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv6", 1);
	fetch(f, "ASIAONE", "instance role");
	assert_memory_equal(f->last_url, "http://[fd00:ec2::254]/latest", 29);
	setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:9/", 1);
	credentials_expire(f->c, &f->keys);
	fetch(f, "ASIAONE", "instance role");
	assert_memory_equal(f->last_url, "http://127.0.0.1:9/latest", 25);
	setenv("AWS_EC2_METADATA_DISABLED", "TRUE", 1);
	refuses(f, "no_credentials", "AWS_EC2_METADATA_DISABLED");
}

static void renewal_windows(void **state)
{
	struct fixture *f = *state;

	fetch(f, "ASIAONE", "instance role");
	f->keys_json = KEYS_JSON("ASIATWO", "2026-01-02T15:04:05Z");
	f->now += MINUTES(345) - 1;
	fetch(f, "ASIAONE", "instance role");
	f->now += 1; /* 15 minutes before the end: tried */
	f->imds_down = true;
	int before = f->calls;

	fetch(f, "ASIAONE", "instance role"); /* a failure keeps the old keys */
	assert_true(f->calls > before);
	before = f->calls;
	fetch(f, "ASIAONE", "instance role"); /* and is not repeated at once */
	assert_int_equal(f->calls, before);
	f->now += MINUTES(1);
	fetch(f, "ASIAONE", "instance role");
	assert_true(f->calls > before);
	f->now += MINUTES(14) - 1;
	fetch(f, "ASIAONE", "instance role"); /* they are good until their end */
	f->now += 1;
	refuses(f, "no_credentials", "hop limit");
	f->imds_down = false;
	f->now += 5000; /* the refusal was believed for a moment */
	fetch(f, "ASIATWO", "instance role");
}

static void refusal_is_remembered_for_a_moment(void **state)
{
	struct fixture *f = *state;

	f->imds_down = true;
	refuses(f, "no_credentials", "hop limit");
	int before = f->calls;

	refuses(f, "no_credentials", "hop limit");
	assert_int_equal(f->calls, before);
	f->imds_down = false;
	f->now += 5000;
	fetch(f, "ASIAONE", "instance role");
}

static void stale_keys_are_used_on(void **state)
{
	struct fixture *f = *state;

	f->keys_json = KEYS_JSON("ASIASTALE", "2026-01-02T03:00:00Z"); /* ended already */
	fetch(f, "ASIASTALE", "instance role");
	int before = f->calls;

	f->now += MINUTES(16);
	fetch(f, "ASIASTALE", "instance role");
	assert_int_equal(f->calls, before);
	f->keys_json = KEYS_JSON("ASIANEW", "2026-01-02T09:04:05Z");
	f->now += MINUTES(10);
	fetch(f, "ASIANEW", "instance role");
}

static void expire_renews(void **state)
{
	struct fixture *f = *state;

	fetch(f, "ASIAONE", "instance role");
	f->keys_json = KEYS_JSON("ASIATWO", "2026-01-02T15:04:05Z");
	credentials_expire(f->c, &f->keys);
	fetch(f, "ASIATWO", "instance role");
	assert_int_equal(f->token_calls, 1);
}

static void tokens_are_renewed(void **state)
{
	struct fixture *f = *state;

	f->keys_status = 401; /* the token is no longer known */
	fetch(f, "ASIAONE", "instance role");
	assert_int_equal(f->token_calls, 2);
	credentials_expire(f->c, &f->keys);
	f->now += MINUTES(356); /* shortly before the token's own end */
	fetch(f, "ASIAONE", "instance role");
	assert_int_equal(f->token_calls, 3);
}

static void service_failures(void **state)
{
	struct fixture *f = *state;
	static const char *const broken[] = {
		"",
		"null",
		"[]",
		"{",
		"{\"Code\":\"Failed\"}",
		KEYS_JSON("", "2026-01-02T09:04:05Z"),
		KEYS_JSON("A", "soon"),
		"{\"Code\":\"Success\",\"AccessKeyId\":\"A\"}",
		"{\"Code\":1}",
	};

	f->role_status = 404;
	refuses(f, "no_credentials", "no role is attached");
	f->now += 5000;
	f->role_status = 500;
	refuses(f, "no_credentials", "answered 500");
	f->now += 5000;
	f->role_status = 200;
	f->token_status = 403;
	credentials_free(f->c);
	f->c = credentials_of(f);
	refuses(f, "no_credentials", "switched off");
	f->token_status = 200;
	for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
		f->now += 5000;
		f->keys_json = broken[i];
		refuses(f, "no_credentials", "usable keys");
	}
	f->now += 5000;
	f->keys_json = KEYS_JSON("ASIAONE", "2026-01-02T09:04:05Z");
	f->keys_status = 401;
	fetch(f, "ASIAONE", "instance role");
}

/* --- threads --- */

static void *hammer(void *arg)
{
	struct fixture *f = arg;
	struct aws_keys keys = {0};
	struct upstream_error e;

	for (int i = 0; i < 200; i++) {
		if (i % 10 == 0)
			credentials_set_static(f->c, "AKIASET", "s");
		if (i % 10 == 5)
			credentials_expire(f->c, &keys);
		if (!credentials_get(f->c, &keys, &e) || strcmp(keys.access_key, "AKIASET") != 0)
			return f;
	}
	return NULL;
}

static void threads(void **state)
{
	pthread_t ids[4];
	void *failed;

	for (size_t i = 0; i < ARRAY_LEN(ids); i++)
		assert_int_equal(pthread_create(&ids[i], NULL, hammer, *state), 0);
	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		assert_int_equal(pthread_join(ids[i], &failed), 0);
		assert_null(failed);
	}
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		T(chain_in_order),
		T(half_an_environment_is_an_error),
		T(profiles),
		T(files_are_read_anew),
		T(named_files),
		T(broken_profiles_are_errors),
		T(strange_files),
		T(role_keys),
		T(other_endpoints),
		T(renewal_windows),
		T(refusal_is_remembered_for_a_moment),
		T(stale_keys_are_used_on),
		T(expire_renews),
		T(tokens_are_renewed),
		T(service_failures),
		T(threads),
	};

	return cmocka_run_group_tests_name("credentials", tests, NULL, NULL);
}
