/*
 * Tests of the chain of AWS credentials beyond plain keys: roles of profiles, web identity, container endpoint, their order, their
 * renewal, and threads. STS, container endpoint and metadata service are one scripted transport; time is a counter.
 */
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

#include "clients/ec2/container.h"
#include "clients/ec2/credentials.h"
#include "clients/ec2/parse.h"
#include "clients/ec2/profile.h"

#define START_MS   1767323045000 /* 2026-01-02T03:04:05Z */
#define MINUTES(n) ((n)*MS_PER_MINUTE)
#define SECONDS(n) ((n)*MS_PER_SECOND)

#define ROLE_A                "arn:aws:iam::111122223333:role/node-burst"
#define ROLE_B                "arn:aws:iam::444455556666:role/path/other"
#define BASE                  "[profile base]\naws_access_key_id = AKIABASE\naws_secret_access_key = base/secret\n"
#define ROLE(name, arn, more) "[profile " name "]\nrole_arn = " arn "\n" more "\n"

enum service { STS, CONTAINER, IMDS, SERVICES };

struct fixture {
	char dir[64];
	int64_t now;
	struct clock clock;
	struct credentials_options o;
	struct credentials *c;
	struct aws_keys keys;
	struct upstream_error e;

	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t changed;
	bool held_back; /* answers wait */
	int waiting;    /* exchanges that wait */
	bool down;
	int status;       /* of the services' answers */
	const char *body; /* instead of keys; NULL = keys */
	int64_t lasts;    /* of the keys that are given */
	int issued;
	int calls[SERVICES];
	bool proxied;
	char bodies[12][8192]; /* of STS */
	char url[300];
	char sigv4[80];
	char access_key[130];
	char token_header[200];
	char authorization[200];
};

static int64_t fake_now(void *self)
{
	return __atomic_load_n(&((struct fixture *)self)->now, __ATOMIC_SEQ_CST);
}

/* --- the services ------------------------------------------------------------------------------------------------ */

static enum service service_of(const struct http_call *call)
{
	if (call->method == METHOD_POST)
		return STS;
	return strstr(call->url, "/latest/") ? IMDS : CONTAINER;
}

static void note(struct fixture *f, const struct http_call *call)
{
	int n = f->calls[service_of(call)]++;

	f->proxied |= !call->no_proxy;
	(void)snprintf(f->url, sizeof(f->url), "%s", call->url);
	if (service_of(call) == STS)
		(void)snprintf(f->bodies[n % 12], sizeof(f->bodies[0]), "%.*s", (int)call->body_len,
			       call->body);
	(void)snprintf(f->sigv4, sizeof(f->sigv4), "%s", call->sigv4 ? call->sigv4 : "");
	(void)snprintf(f->access_key, sizeof(f->access_key), "%s", call->access_key ? call->access_key : "");
	f->token_header[0] = f->authorization[0] = '\0';
	for (const char *const *h = call->headers; *h; h++) {
		if (strncmp(*h, "X-Amz-Security-Token", 20) == 0)
			(void)snprintf(f->token_header, sizeof(f->token_header), "%s", *h);
		if (strncmp(*h, "Authorization", 13) == 0)
			(void)snprintf(f->authorization, sizeof(f->authorization), "%s", *h);
	}
}

static void put_keys(struct fixture *f, const struct http_call *call, struct buf *b)
{
	char until[TIME_TEXT_SIZE];
	const char *action = call->body && strstr(call->body, "WithWebIdentity") ? "AssumeRoleWithWebIdentity"
										 : "AssumeRole";

	(void)time_rfc3339(fake_now(f) + f->lasts, until);
	f->issued++;
	if (service_of(call) == STS)
		buf_printf(b,
			   "<%sResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><%sResult>"
			   "<AssumedRoleUser><Arn>arn:x</Arn></AssumedRoleUser><Credentials>"
			   "<AccessKeyId>ASIA%d</AccessKeyId><SecretAccessKey>secret%d</SecretAccessKey>"
			   "<SessionToken>token%d/+=</SessionToken><Expiration>%s</Expiration></Credentials>"
			   "</%sResult><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></"
			   "%sResponse>",
			   action, action, f->issued, f->issued, f->issued, until, action, action);
	else
		buf_printf(b,
			   "{\"RoleArn\":\"x\",\"AccessKeyId\":\"ASIA%d\",\"SecretAccessKey\":\"secret%d\","
			   "\"Token\":\"token%d/+=\",\"Expiration\":\"%s\"}",
			   f->issued, f->issued, f->issued, until);
}

static bool answer(void *self, const struct http_call *call, struct http_answer *ret,
		   struct upstream_error *e)
{
	struct fixture *f = self;
	bool answered = !f->down;

	pthread_mutex_lock(&f->lock);
	note(f, call);
	f->waiting++;
	pthread_cond_broadcast(&f->changed);
	while (f->held_back)
		pthread_cond_wait(&f->changed, &f->lock);
	f->waiting--;
	*ret = (struct http_answer){.status = f->status, .body = BUF_INIT(1 << 20)};
	if (f->down)
		upstream_error_set(e, UPSTREAM_RETRY, 0, "refused", "sts_unreachable", "look at the network",
				   "sts.example: connection refused");
	else if (strstr(call->url, "/latest/api/token"))
		buf_puts(&ret->body, "TOKEN");
	else if (call->url[strlen(call->url) - 1] == '/' && service_of(call) == IMDS)
		buf_puts(&ret->body, "node-role");
	else if (f->body)
		buf_puts(&ret->body, f->body);
	else
		put_keys(f, call, &ret->body);
	pthread_mutex_unlock(&f->lock);
	return answered;
}

/* --- the fixture ------------------------------------------------------------------------------------------------- */

static void advance(struct fixture *f, int64_t ms)
{
	__atomic_add_fetch(&f->now, ms, __ATOMIC_SEQ_CST);
}

static const char *const variables[] = {
	"AWS_ACCESS_KEY_ID",
	"AWS_SECRET_ACCESS_KEY",
	"AWS_SESSION_TOKEN",
	"AWS_SECURITY_TOKEN",
	"AWS_PROFILE",
	"AWS_SHARED_CREDENTIALS_FILE",
	"AWS_CONFIG_FILE",
	"AWS_WEB_IDENTITY_TOKEN_FILE",
	"AWS_ROLE_ARN",
	"AWS_ROLE_SESSION_NAME",
	"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
	"AWS_CONTAINER_CREDENTIALS_FULL_URI",
	"AWS_CONTAINER_AUTHORIZATION_TOKEN",
	"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
	"AWS_EC2_METADATA_DISABLED",
	"AWS_EC2_METADATA_SERVICE_ENDPOINT",
	"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
};

static void begin_again(struct fixture *f)
{
	credentials_free(f->c);
	f->c = credentials_new(&f->o);
}

static int begin(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	for (size_t i = 0; i < ARRAY_LEN(variables); i++)
		unsetenv(variables[i]);
	(void)snprintf(f->dir, sizeof(f->dir), "/tmp/burstd-chain-XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	setenv("HOME", f->dir, 1);
	f->now = START_MS;
	f->clock = (struct clock){.now_ms = fake_now, .self = f};
	f->status = 200;
	f->lasts = MINUTES(60);
	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->changed, NULL);
	f->o = (struct credentials_options){
		.clock = &f->clock, .transport = {.perform = answer, .self = f}, .sts_region = "eu-west-2"};
	begin_again(f);
	*state = f;
	return 0;
}

static void path_of(const struct fixture *f, const char *name, char out[200])
{
	(void)snprintf(out, 200, "%s/%s", f->dir, name);
}

static void remove_file(const struct fixture *f, const char *name)
{
	char path[200];

	path_of(f, name, path);
	(void)remove(path);
}

static int end(void **state)
{
	static const char *const files[] = {".aws/credentials", ".aws/config", ".aws", "token"};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		remove_file(f, files[i]);
	(void)rmdir(f->dir);
	credentials_free(f->c);
	pthread_cond_destroy(&f->changed);
	pthread_mutex_destroy(&f->lock);
	free(f);
	return 0;
}

static void write_file(const struct fixture *f, const char *name, const char *text)
{
	char path[200];

	path_of(f, ".aws", path);
	(void)mkdir(path, 0700);
	path_of(f, name, path);
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

/* Sets a variable to the path of a file of the fixture. */
static void set_path(const struct fixture *f, const char *variable, const char *name)
{
	char path[200];

	path_of(f, name, path);
	setenv(variable, path, 1);
}

static void fetch(struct fixture *f, const char *access_key)
{
	if (!credentials_get(f->c, &f->keys, &f->e))
		fail_msg("no keys: %s", f->e.message);
	assert_string_equal(f->keys.access_key, access_key);
}

static void has(const char *text, const char *word)
{
	if (!strstr(text, word))
		fail_msg("\"%s\" not in: %s", word, text);
}

/* No keys: the words, whom it concerns, a remedy, and nothing secret. */
static void refuses(struct fixture *f, enum upstream_class class, const char *code, const char *word)
{
	static const char *const secrets[] = {"base/secret", "AKIABASE", "site-42", "web-token"};

	if (credentials_get(f->c, &f->keys, &f->e))
		fail_msg("keys of %s, and not %s", f->keys.provider, code);
	has(f->e.message, word);
	assert_string_equal(f->e.code, code);
	assert_int_equal(f->e.class, class);
	assert_string_equal(f->e.issue, "ec2_credentials");
	assert_true(strlen(f->e.remedy) > 10);
	for (size_t i = 0; i < ARRAY_LEN(secrets); i++)
		assert_true(!strstr(f->e.message, secrets[i]) && !strstr(f->e.remedy, secrets[i]));
}

static void set_keys_in_environment(void)
{
	setenv("AWS_ACCESS_KEY_ID", "AKIAENV", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "s", 1);
}

/* --- roles of profiles ------------------------------------------------------------------------------------------- */

static void a_role_with_another_profile(void **state)
{
	struct fixture *f = *state;

	write_file(f, ".aws/config",
		   BASE ROLE("nodes", ROLE_A,
			     "source_profile = base\nexternal_id = site-42:a/b\nrole_session_name = node@x\n"
			     "duration_seconds = 900"));
	setenv("AWS_PROFILE", "nodes", 1);
	fetch(f, "ASIA1");
	assert_string_equal(f->keys.secret_key, "secret1");
	assert_string_equal(f->keys.session_token, "token1/+=");
	assert_int_equal(f->keys.expires_at, START_MS + MINUTES(60));
	assert_string_equal(f->keys.provider,
			    "shared credentials file, then role " ROLE_A " (profile nodes)");
	assert_string_equal(f->bodies[0],
			    "Action=AssumeRole&Version=2011-06-15"
			    "&RoleArn=arn%3Aaws%3Aiam%3A%3A111122223333%3Arole%2Fnode-burst"
			    "&RoleSessionName=node%40x&DurationSeconds=900&ExternalId=site-42%3Aa%2Fb");
	assert_string_equal(f->url, "https://sts.eu-west-2.amazonaws.com/");
	assert_string_equal(f->sigv4, "aws:amz:eu-west-2:sts");
	assert_string_equal(f->access_key, "AKIABASE");
	assert_string_equal(f->token_header, "");
	fetch(f, "ASIA1");
	assert_int_equal(f->calls[STS], 1); /* kept */
}

static void the_plainest_role(void **state)
{
	struct fixture *f = *state;

	f->o.sts_endpoint = "https://vpce-1.sts.{region}.vpce.example";
	begin_again(f);
	write_file(f, ".aws/credentials",
		   "[base]\naws_access_key_id=ASIABASE\naws_secret_access_key=s\n"
		   "aws_session_token = base/token\n[default]\nsource_profile = base\n"
		   "role_arn = " ROLE_A "\n");
	fetch(f, "ASIA1");
	assert_string_equal(f->bodies[0], "Action=AssumeRole&Version=2011-06-15"
					  "&RoleArn=arn%3Aaws%3Aiam%3A%3A111122223333%3Arole%2Fnode-burst"
					  "&RoleSessionName=burstd");
	assert_string_equal(f->url, "https://vpce-1.sts.eu-west-2.vpce.example/");
	assert_string_equal(f->access_key, "ASIABASE");
	assert_string_equal(f->token_header, "X-Amz-Security-Token: base/token");
}

static void roles_one_after_the_other(void **state)
{
	struct fixture *f = *state;

	write_file(f, ".aws/config",
		   BASE ROLE("last", ROLE_B, "source_profile = first\nexternal_id = site-42")
			   ROLE("first", ROLE_A, "source_profile = base"));
	setenv("AWS_PROFILE", "last", 1);
	fetch(f, "ASIA2");
	has(f->bodies[0], "node-burst");
	has(f->bodies[1], "other");
	assert_null(strstr(f->bodies[0], "ExternalId"));
	has(f->bodies[1], "ExternalId=site-42");
	assert_string_equal(f->access_key,
			    "ASIA1"); /* the second role is asked for with the first one's keys */
	assert_string_equal(f->token_header, "X-Amz-Security-Token: token1/+=");
	assert_string_equal(f->keys.provider, "shared credentials file, then role " ROLE_A
					      " (profile first), then role " ROLE_B " (profile last)");
	advance(f, MINUTES(50)); /* at a renewal the whole way is gone again */
	fetch(f, "ASIA4");
	assert_int_equal(f->calls[STS], 4);
}

static void a_profile_may_be_its_own_source(void **state)
{
	struct fixture *f = *state;

	write_file(f, ".aws/config",
		   ROLE("self", ROLE_A,
			"source_profile = self\naws_access_key_id = AKIASELF\n"
			"aws_secret_access_key = s"));
	setenv("AWS_PROFILE", "self", 1);
	fetch(f, "ASIA1");
	assert_string_equal(f->access_key, "AKIASELF");
}

static void ways_that_lead_nowhere(void **state)
{
	static const struct {
		const char *text;
		const char *code;
		const char *word;
	} rows[] = {
		{ROLE("x", ROLE_A, "source_profile = x"), "credentials_loop", "back to x"},
		{ROLE("x", ROLE_A, "source_profile = y") ROLE("y", ROLE_A, "source_profile = z")
			 ROLE("z", ROLE_A, "source_profile = x"),
		 "credentials_loop", "profile z: source_profile leads back to x"},
		{ROLE("x", ROLE_A, "source_profile = 1") ROLE("1", ROLE_A, "source_profile = 2") ROLE(
			 "2", ROLE_A, "source_profile = 3") ROLE("3", ROLE_A, "source_profile = 4")
			 ROLE("4", ROLE_A, "source_profile = 5") ROLE("5", ROLE_A, "source_profile = base"),
		 "credentials_loop", "too many roles"},
		{ROLE("x", ROLE_A, "source_profile = nobody"), "credentials_profile",
		 "profile x: there is no source_profile nobody"},
		{ROLE("x", ROLE_A, "source_profile = y") "[profile y]\nregion = eu-west-2\n",
		 "credentials_source", "no keys in its source_profile y"},
		{ROLE("x", ROLE_A, "source_profile = y") "[profile y]\ncredential_process = /bin/x\n",
		 "credentials_unsupported", "profile y uses credential_process"},
		{ROLE("x", ROLE_A, "source_profile = y") "[profile y]\naws_access_key_id = AKIABASE\n",
		 "credentials_incomplete", "profile y"},
		{ROLE("x", ROLE_A, ""), "credentials_source", "needs source_profile or credential_source"},
		{ROLE("x", ROLE_A, "source_profile = base\ncredential_source = Environment"),
		 "credentials_source", "both"},
		{ROLE("x", ROLE_A, "credential_source = Magic"), "credentials_source", "not Magic"},
		{ROLE("x", ROLE_A, "credential_source = Environment"), "credentials_source",
		 "AWS_ACCESS_KEY_ID is not set"},
		{ROLE("x", ROLE_A, "credential_source = EcsContainer"), "credentials_source",
		 "no AWS_CONTAINER_CREDENTIALS_..."},
		{ROLE("x", ROLE_A, "source_profile = base\nmfa_serial = arn:aws:iam::1:mfa/me"),
		 "credentials_unsupported", "MFA"},
		{ROLE("x", "node-burst-at-least-20-letters", "source_profile = base"), "credentials_role",
		 "role_arn is not the ARN of a role"},
		{ROLE("x", "arn:aws:iam::111122223333:user/someone", "source_profile = base"),
		 "credentials_role", "profile x: role_arn"},
		{ROLE("x", ROLE_A " and more", "source_profile = base"), "credentials_role", "role_arn"},
		{ROLE("x", ROLE_A, "source_profile = base\nrole_session_name = a b"), "credentials_role",
		 "role_session_name"},
		{ROLE("x", ROLE_A, "source_profile = base\nexternal_id = site-42&x"), "credentials_role",
		 "external_id must"},
		{ROLE("x", ROLE_A, "source_profile = base\nexternal_id = 4"), "credentials_role",
		 "external_id must"},
		{ROLE("x", ROLE_A, "source_profile = base\nduration_seconds = 899"), "credentials_role",
		 "duration_seconds must"},
		{ROLE("x", ROLE_A, "source_profile = base\nduration_seconds = 43201"), "credentials_role",
		 "900 to 43200"},
		{ROLE("x", ROLE_A, "source_profile = base\nduration_seconds = 1h"), "credentials_role",
		 "duration_seconds must"},
		{ROLE("x", ROLE_A, "source_profile = base\nduration_seconds = 99999999999999999999"),
		 "credentials_profile", "duration_seconds"},
		{ROLE("x", ROLE_A,
		      "source_profile = base\nrole_session_name = "
		      "0123456789012345678901234567890123456789012345678901234567890123X"),
		 "credentials_profile", "role_session_name is longer"},
	};
	struct fixture *f = *state;

	setenv("AWS_PROFILE", "x", 1);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct buf text = BUF_INIT(1 << 16);

		buf_printf(&text, "%s%s", rows[i].text, BASE);
		write_file(f, ".aws/config", text.data);
		refuses(f, UPSTREAM_OPERATOR, rows[i].code, rows[i].word);
		buf_free(&text);
	}
	for (size_t i = 0; i < SERVICES; i++)
		assert_int_equal(f->calls[i], 0);
}

static void sources_that_are_no_profile(void **state)
{
	struct fixture *f = *state;

	setenv("AWS_PROFILE", "x", 1);
	write_file(f, ".aws/config", ROLE("x", ROLE_A, "credential_source = Ec2InstanceMetadata"));
	fetch(f, "ASIA2");
	assert_int_equal(f->calls[IMDS], 3);
	assert_string_equal(f->access_key, "ASIA1");
	assert_string_equal(f->keys.provider, "instance role, then role " ROLE_A " (profile x)");
	write_file(f, ".aws/config", ROLE("x", ROLE_A, "credential_source = EcsContainer"));
	setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:9/keys", 1);
	fetch(f, "ASIA4");
	assert_int_equal(f->calls[CONTAINER], 1);
	assert_string_equal(f->keys.provider, "container endpoint, then role " ROLE_A " (profile x)");
	setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
	write_file(f, ".aws/config", ROLE("x", ROLE_A, "credential_source = Ec2InstanceMetadata"));
	refuses(f, UPSTREAM_OPERATOR, "credentials_source", "AWS_EC2_METADATA_DISABLED");
}

/* A profile that burstd was given by name comes before the keys of the environment, which may then be its source. */
static void a_profile_given_by_name(void **state)
{
	struct fixture *f = *state;

	write_file(f, ".aws/config",
		   BASE ROLE("x", ROLE_A, "credential_source = Environment") "[profile empty]\nregion = x\n");
	set_keys_in_environment();
	setenv("AWS_PROFILE", "x", 1);
	fetch(f, "AKIAENV"); /* as in AWS's SDKs: keys of the environment come before AWS_PROFILE */
	f->o.profile = "x";
	begin_again(f);
	fetch(f, "ASIA1");
	assert_string_equal(f->access_key, "AKIAENV");
	assert_string_equal(f->keys.provider, "environment, then role " ROLE_A " (profile x)");
	f->o.profile = "base";
	begin_again(f);
	fetch(f, "AKIABASE");
	f->o.profile = "nobody";
	begin_again(f);
	refuses(f, UPSTREAM_OPERATOR, "credentials_profile", "nobody does not exist");
	setenv("AWS_WEB_IDENTITY_TOKEN_FILE", "/nonexistent", 1);
	f->o.profile = "empty"; /* then what no variable chooses is left */
	begin_again(f);
	fetch(f, "ASIA2");
	assert_string_equal(f->keys.provider, "instance role");
}

/* --- web identity ------------------------------------------------------------------------------------------------ */

static void web_identity_of_the_environment(void **state)
{
	struct fixture *f = *state;

	write_file(f, "token", "web-token.one_-\n");
	set_path(f, "AWS_WEB_IDENTITY_TOKEN_FILE", "token");
	refuses(f, UPSTREAM_OPERATOR, "credentials_role", "no role");
	setenv("AWS_ROLE_ARN", "node-burst", 1);
	refuses(f, UPSTREAM_OPERATOR, "credentials_role", "the environment: role_arn");
	setenv("AWS_ROLE_ARN", ROLE_A, 1);
	setenv("AWS_ROLE_SESSION_NAME", "pod-7", 1);
	fetch(f, "ASIA1");
	assert_string_equal(f->bodies[0], "Action=AssumeRoleWithWebIdentity&Version=2011-06-15"
					  "&RoleArn=arn%3Aaws%3Aiam%3A%3A111122223333%3Arole%2Fnode-burst"
					  "&RoleSessionName=pod-7&WebIdentityToken=web-token.one_-");
	assert_string_equal(f->sigv4, ""); /* unsigned */
	assert_string_equal(f->access_key, "");
	assert_string_equal(f->token_header, "");
	assert_string_equal(f->keys.provider, "web identity, role " ROLE_A);
	write_file(f, "token", "web-token.two");
	fetch(f, "ASIA1");
	advance(f, MINUTES(45));
	fetch(f, "ASIA2"); /* the file is read anew */
	has(f->bodies[1], "&WebIdentityToken=web-token.two");
}

static void web_identity_of_a_profile(void **state)
{
	struct fixture *f = *state;
	char text[1024];

	write_file(f, "token", "web-token");
	(void)snprintf(text, sizeof(text),
		       ROLE("web", ROLE_A, "web_identity_token_file = %s/token\nduration_seconds = 1800")
			       ROLE("after", ROLE_B, "source_profile = web"),
		       f->dir);
	write_file(f, ".aws/config", text);
	setenv("AWS_PROFILE", "web", 1);
	fetch(f, "ASIA1");
	has(f->bodies[0], "RoleSessionName=burstd&DurationSeconds=1800&WebIdentityToken=web-token");
	setenv("AWS_PROFILE", "after", 1); /* and as the source of a role */
	fetch(f, "ASIA3");
	has(f->bodies[1], "AssumeRoleWithWebIdentity");
	has(f->bodies[2], "AssumeRole&");
	assert_string_equal(f->access_key, "ASIA2");
	setenv("AWS_PROFILE", "web", 1);
	setenv("AWS_ROLE_ARN", ROLE_B, 1); /* each value of the environment wins by itself */
	fetch(f, "ASIA4");
	has(f->bodies[3], "role%2Fpath%2Fother");
	setenv("AWS_PROFILE", "after", 1); /* but the source of a role is the profile alone */
	credentials_expire(f->c, &f->keys);
	fetch(f, "ASIA6");
	has(f->bodies[4], "role%2Fnode-burst");
}

static void token_files_that_cannot_be_used(void **state)
{
	struct fixture *f = *state;
	char longest[20100];

	set_path(f, "AWS_WEB_IDENTITY_TOKEN_FILE", "token");
	setenv("AWS_ROLE_ARN", ROLE_A, 1);
	refuses(f, UPSTREAM_OPERATOR, "web_identity_token", "it does not exist");
	write_file(f, "token", "\n \n");
	advance(f, SECONDS(5));
	refuses(f, UPSTREAM_OPERATOR, "web_identity_token", "it is empty");
	write_file(f, "token", "web-token\nsecond line");
	advance(f, SECONDS(5));
	refuses(f, UPSTREAM_OPERATOR, "web_identity_token", "line breaks");
	memset(longest, 'x', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	write_file(f, "token", longest);
	advance(f, SECONDS(5));
	refuses(f, UPSTREAM_OPERATOR, "web_identity_token", "too large");
	set_path(f, "AWS_WEB_IDENTITY_TOKEN_FILE", "");
	advance(f, SECONDS(5));
	refuses(f, UPSTREAM_OPERATOR, "web_identity_token", "directory");
	assert_int_equal(f->calls[STS], 0);
	set_path(f, "AWS_WEB_IDENTITY_TOKEN_FILE", "token");
	longest[20000] = '\0';
	write_file(f, "token", longest);
	advance(f, SECONDS(5));
	fetch(f, "ASIA1"); /* STS's own limit */
}

/* --- the order --------------------------------------------------------------------------------------------------- */

static void the_order_of_the_sources(void **state)
{
	struct fixture *f = *state;

	fetch(f, "ASIA1");
	assert_string_equal(f->keys.provider, "instance role");
	setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:9/", 1);
	fetch(f, "ASIA2");
	assert_string_equal(f->keys.provider, "container endpoint");
	write_file(f, ".aws/credentials",
		   "[default]\naws_access_key_id = AKIAFILE\naws_secret_access_key = s\n"
		   "[base]\naws_access_key_id = AKIABASE\naws_secret_access_key = s\n");
	fetch(f, "AKIAFILE");
	write_file(f, "token", "web-token");
	set_path(f, "AWS_WEB_IDENTITY_TOKEN_FILE", "token");
	setenv("AWS_ROLE_ARN", ROLE_A, 1);
	fetch(f, "ASIA3");
	assert_string_equal(f->keys.provider, "web identity, role " ROLE_A);
	write_file(f, ".aws/config", "[default]\nrole_arn = " ROLE_B "\nsource_profile = base\n");
	fetch(f, "ASIA4");
	assert_string_equal(f->keys.provider,
			    "shared credentials file, then role " ROLE_B " (profile default)");
	set_keys_in_environment();
	fetch(f, "AKIAENV");
	credentials_set_static(f->c, "AKIASET", "s");
	fetch(f, "AKIASET");
	/* And back: what was asked for another plan is not given out. */
	credentials_set_static(f->c, NULL, NULL);
	unsetenv("AWS_ACCESS_KEY_ID");
	unsetenv("AWS_SECRET_ACCESS_KEY");
	fetch(f, "ASIA4");
	remove_file(f, ".aws/config");
	fetch(f, "ASIA5");
	assert_string_equal(f->keys.provider, "web identity, role " ROLE_A);
}

static void a_broken_source_is_not_passed_over(void **state)
{
	struct fixture *f = *state;

	setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:9/", 1);
	f->status = 500;
	refuses(f, UPSTREAM_RETRY, "container", "answered 500");
	assert_int_equal(f->calls[IMDS], 0);
	f->status = 200;
	write_file(f, ".aws/config", BASE "[default]\nrole_arn = " ROLE_A "\nsource_profile = base\n");
	f->down = true;
	refuses(f, UPSTREAM_RETRY, "refused",
		"profile default: AssumeRole in eu-west-2: sts.example: connection refused");
	assert_string_equal(f->e.remedy, "look at the network");
	assert_int_equal(f->calls[CONTAINER], 1);
	f->o.sts_region = NULL;
	begin_again(f);
	refuses(f, UPSTREAM_OPERATOR, "sts_region", "no region is configured");
	has(f->e.remedy, "BURSTD_AWS_REGIONS");
}

/* --- the container endpoint -------------------------------------------------------------------------------------- */

static void container_addresses(void **state)
{
	static const char *const allowed[] = {
		"https://example.com/keys", "http://localhost:8080/x",
		"http://LOCALHOST/",        "http://127.0.0.1/",
		"http://127.255.0.9:1/",    "http://[::1]:9/",
		"http://169.254.170.2/v2",  "http://169.254.170.23/v1/credentials",
		"http://[fd00:ec2::23]/v1", "http://[FD00:0EC2:0::0023]/",
		"https://10.0.0.1/",
	};
	static const char *const refused[] = {
		"",
		"/relative",
		"ftp://127.0.0.1/",
		"file:///etc/passwd",
		"http://example.com/",
		"http://10.0.0.1/",
		"http://126.0.0.1/",
		"http://128.0.0.1/",
		"http://169.254.170.3/",
		"http://169.254.169.254/",
		"http://localhost.example.com/",
		"http://127.0.0.1.example.com/",
		"http://169.254.170.2@example.com/",
		"http://user:pass@127.0.0.1/",
		"https://user@example.com/",
		"http://[fd00:ec2::24]/",
		"http://[::ffff:10.0.0.1]/",
		"http://[::1",
		"http:///",
		"http://example.com\\@127.0.0.1/",
		"http://example.com#@127.0.0.1/",
		"http://127.0.0.1 .example.com/",
		"http://127.0.0.1\r\nHost: x/",
	};
	char why[100];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(allowed); i++)
		if (!container_url_allowed(allowed[i], why, sizeof(why)))
			fail_msg("%s: %s", allowed[i], why);
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		why[0] = '\0';
		if (container_url_allowed(refused[i], why, sizeof(why)))
			fail_msg("%s is allowed", refused[i]);
		assert_string_not_equal(why, "");
	}
}

static void keys_of_a_container(void **state)
{
	struct fixture *f = *state;

	setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.23/v1/credentials?x=1", 1);
	setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "Basic abc", 1);
	fetch(f, "ASIA1");
	assert_string_equal(f->url, "http://169.254.170.23/v1/credentials?x=1");
	assert_string_equal(f->authorization, "Authorization: Basic abc");
	assert_int_equal(f->keys.expires_at, START_MS + MINUTES(60));
	write_file(f, "token", "web-token-1\r\n");
	set_path(f, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "token"); /* wins, and is read anew each time */
	advance(f, MINUTES(45));
	fetch(f, "ASIA2");
	assert_string_equal(f->authorization, "Authorization: web-token-1");
	write_file(f, "token", "web-token-2");
	setenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/uuid", 1); /* wins */
	advance(f, MINUTES(45));
	fetch(f, "ASIA3");
	assert_string_equal(f->authorization, "Authorization: web-token-2");
	assert_string_equal(f->url, "http://169.254.170.2/v2/credentials/uuid");
	assert_false(f->proxied);
	unsetenv("AWS_CONTAINER_AUTHORIZATION_TOKEN");
	unsetenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
	setenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "@example.com/", 1); /* stays a path */
	advance(f, MINUTES(45));
	fetch(f, "ASIA4");
	assert_string_equal(f->url, "http://169.254.170.2/@example.com/");
	assert_string_equal(f->authorization, "");
}

static void containers_that_give_nothing(void **state)
{
	static const struct {
		int status;
		enum upstream_class class;
		const char *body;
		const char *word;
	} rows[] = {
		{403, UPSTREAM_OPERATOR, "{}", "answered 403"},
		{404, UPSTREAM_OPERATOR, "{}", "answered 404"},
		{429, UPSTREAM_RETRY, "{}", "answered 429"},
		{503, UPSTREAM_RETRY, "{}", "answered 503"},
		{302, UPSTREAM_OPERATOR, "{}", "answered 302"},
		{200, UPSTREAM_RETRY, "", "not a whole set"},
		{200, UPSTREAM_RETRY, "<html>", "not a whole set"},
		{200, UPSTREAM_RETRY, "{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"B\"}", "not a whole set"},
		{200, UPSTREAM_RETRY,
		 "{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"web-token\",\"Token\":\"a\\nb\","
		 "\"Expiration\":"
		 "\"2026-01-02T09:04:05Z\"}",
		 "not a whole set"},
		{200, UPSTREAM_RETRY,
		 "{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"web-token\",\"Token\":\"t\",\"Expiration\":"
		 "\"2026-01-02T03:04:05Z\"}",
		 "ended already"},
	};
	struct fixture *f = *state;

	setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:9/", 1);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		f->status = rows[i].status;
		f->body = rows[i].body;
		refuses(f, rows[i].class, "container", rows[i].word);
		advance(f, SECONDS(5));
	}
	f->body = NULL;
	f->status = 200;
	f->down = true;
	refuses(f, UPSTREAM_RETRY, "refused", "container endpoint: sts.example: connection refused");
	advance(f, SECONDS(5));
	f->down = false;
	int before = f->calls[CONTAINER];

	setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "web-token\r\nX-Evil: 1", 1);
	refuses(f, UPSTREAM_OPERATOR, "container_token", "line breaks");
	advance(f, SECONDS(5));
	set_path(f, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "token");
	refuses(f, UPSTREAM_OPERATOR, "container_token", "it does not exist");
	advance(f, SECONDS(5));
	write_file(f, "token", "web-token\nX-Evil: 1");
	refuses(f, UPSTREAM_OPERATOR, "container_token", "line breaks");
	advance(f, SECONDS(5));
	setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://example.com/", 1);
	refuses(f, UPSTREAM_OPERATOR, "container_url", "AWS_CONTAINER_CREDENTIALS_FULL_URI cannot be used");
	assert_int_equal(f->calls[CONTAINER], before);
}

/* --- renewal ----------------------------------------------------------------------------------------------------- */

static void use_role(struct fixture *f)
{
	write_file(f, ".aws/config", BASE "[default]\nrole_arn = " ROLE_A "\nsource_profile = base\n");
}

static void keys_are_renewed_before_their_end(void **state)
{
	struct fixture *f = *state;

	use_role(f);
	fetch(f, "ASIA1");
	advance(f, MINUTES(45) - 1);
	fetch(f, "ASIA1");
	advance(f, 1);
	f->lasts = SECONDS(40); /* a quarter of a short time */
	fetch(f, "ASIA2");
	advance(f, SECONDS(30) - 1);
	fetch(f, "ASIA2");
	advance(f, 1);
	fetch(f, "ASIA3");
}

static void failing_renewals_keep_the_keys_to_their_end(void **state)
{
	struct fixture *f = *state;

	use_role(f);
	fetch(f, "ASIA1");
	advance(f, MINUTES(45));
	f->down = true;
	fetch(f, "ASIA1");
	fetch(f, "ASIA1");
	assert_int_equal(f->calls[STS], 2); /* tried, and not again at once */
	advance(f, MINUTES(1));
	fetch(f, "ASIA1");
	assert_int_equal(f->calls[STS], 3);
	advance(f, MINUTES(14) - 1);
	fetch(f, "ASIA1");
	advance(f, 1);
	refuses(f, UPSTREAM_RETRY, "refused", "profile default: AssumeRole");
	int before = f->calls[STS];

	refuses(f, UPSTREAM_RETRY, "refused", "profile default: AssumeRole");
	assert_int_equal(f->calls[STS], before); /* believed for a moment */
	f->down = false;
	advance(f, SECONDS(5));
	fetch(f, "ASIA2");
}

static void a_changed_profile_counts_at_once(void **state)
{
	struct fixture *f = *state;

	use_role(f);
	fetch(f, "ASIA1");
	write_file(f, ".aws/config",
		   BASE "[default]\nrole_arn = " ROLE_A "\nsource_profile = base\nexternal_id=ab\n");
	fetch(f, "ASIA2");
	f->status = 403;
	f->body = "<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>";
	use_role(f);
	refuses(f, UPSTREAM_OPERATOR, "AccessDenied", "AccessDenied"); /* not the keys of the other plan */
	f->status = 200;
	f->body = NULL;
	write_file(f, ".aws/config", BASE "[default]\nrole_arn = " ROLE_B "\nsource_profile = base\n");
	fetch(f, "ASIA3"); /* nor its refusal, */
	credentials_expire(f->c, &f->keys);
	fetch(f, "ASIA4"); /* now or later */
}

static void refused_keys_are_renewed_once(void **state)
{
	struct fixture *f = *state;
	struct aws_keys first;

	use_role(f);
	fetch(f, "ASIA1");
	first = f->keys;
	credentials_expire(f->c, &first);
	fetch(f, "ASIA2");
	credentials_expire(f->c, &first); /* another thread, late: these are gone already */
	fetch(f, "ASIA2");
	credentials_expire(f->c, &f->keys);
	f->down = true;
	refuses(f, UPSTREAM_RETRY, "refused", "refused"); /* refused keys are not given out again */
}

/* --- threads ----------------------------------------------------------------------------------------------------- */

struct getter {
	struct fixture *f;
	pthread_t id;
	struct aws_keys keys;
	struct upstream_error e;
	bool good;
};

static void *get_keys(void *arg)
{
	struct getter *g = arg;

	g->good = credentials_get(g->f->c, &g->keys, &g->e);
	return NULL;
}

static void hold_back(struct fixture *f, bool on)
{
	pthread_mutex_lock(&f->lock);
	f->held_back = on;
	pthread_cond_broadcast(&f->changed);
	pthread_mutex_unlock(&f->lock);
}

static void await_exchange(struct fixture *f)
{
	pthread_mutex_lock(&f->lock);
	while (!f->waiting)
		pthread_cond_wait(&f->changed, &f->lock);
	pthread_mutex_unlock(&f->lock);
}

static void start(struct getter *g, struct fixture *f)
{
	*g = (struct getter){.f = f};
	assert_int_equal(pthread_create(&g->id, NULL, get_keys, g), 0);
}

static void join(struct getter *g, const char *access_key)
{
	assert_int_equal(pthread_join(g->id, NULL), 0);
	assert_int_equal(g->good, access_key != NULL);
	if (access_key)
		assert_string_equal(g->keys.access_key, access_key);
}

static void one_thread_renews_and_the_others_go_on(void **state)
{
	struct fixture *f = *state;
	struct getter renewer;

	use_role(f);
	fetch(f, "ASIA1");
	advance(f, MINUTES(45));
	hold_back(f, true);
	start(&renewer, f);
	await_exchange(f);
	for (int i = 0; i < 100; i++)
		fetch(f, "ASIA1"); /* without waiting: this thread would never come back */
	hold_back(f, false);
	join(&renewer, "ASIA2");
	fetch(f, "ASIA2");
	assert_int_equal(f->calls[STS], 2);
}

static void without_keys_all_wait_for_one(void **state)
{
	struct fixture *f = *state;
	struct getter g[6];

	use_role(f);
	hold_back(f, true);
	for (size_t i = 0; i < ARRAY_LEN(g); i++)
		start(&g[i], f);
	await_exchange(f);
	hold_back(f, false);
	for (size_t i = 0; i < ARRAY_LEN(g); i++)
		join(&g[i], "ASIA1");
	assert_int_equal(f->calls[STS], 1);
}

static void a_failure_is_told_to_all_that_wait(void **state)
{
	struct fixture *f = *state;
	struct getter g[6];

	use_role(f);
	f->status = 503;
	f->body = "";
	hold_back(f, true);
	for (size_t i = 0; i < ARRAY_LEN(g); i++)
		start(&g[i], f);
	await_exchange(f);
	hold_back(f, false);
	for (size_t i = 0; i < ARRAY_LEN(g); i++) {
		join(&g[i], NULL);
		assert_int_equal(g[i].e.class, UPSTREAM_RETRY);
	}
	assert_int_equal(f->calls[STS], 1);
}

static void keys_that_end_while_they_are_renewed(void **state)
{
	struct fixture *f = *state;
	struct getter renewer, late;

	use_role(f);
	fetch(f, "ASIA1");
	advance(f, MINUTES(50));
	hold_back(f, true);
	start(&renewer, f);
	await_exchange(f);
	fetch(f, "ASIA1");
	advance(f, MINUTES(10)); /* now they have really ended */
	start(&late, f);
	hold_back(f, false);
	join(&renewer, "ASIA2");
	join(&late, "ASIA2");
	assert_int_equal(f->calls[STS], 2);
}

/* Plans change, keys end and are refused while threads ask: each gets keys of some plan, and nothing else. */
static void *hammer(void *arg)
{
	struct getter *g = arg;

	for (int i = 0; i < 300; i++) {
		if (i % 7 == 0)
			credentials_expire(g->f->c, &g->keys);
		if (i % 11 == 0)
			advance(g->f, MINUTES(9));
		if (i % 31 == 0)
			credentials_set_static(g->f->c, i % 2 ? "AKIASET" : NULL, "s");
		if (!credentials_get(g->f->c, &g->keys, &g->e))
			return g;
	}
	return NULL;
}

static void many_threads(void **state)
{
	struct fixture *f = *state;
	static struct getter g[6];
	void *failed;

	use_role(f);
	for (size_t i = 0; i < ARRAY_LEN(g); i++) {
		g[i] = (struct getter){.f = f};
		assert_int_equal(pthread_create(&g[i].id, NULL, hammer, &g[i]), 0);
	}
	for (size_t i = 0; i < ARRAY_LEN(g); i++) {
		assert_int_equal(pthread_join(g[i].id, &failed), 0);
		if (failed)
			fail_msg("%s", g[i].e.message);
	}
	assert_true(f->calls[STS] > 1);
}

/* --- what STS answers -------------------------------------------------------------------------------------------- */

#define STS_ERROR(code, message)                                                                             \
	"<ErrorResponse "                                                                                    \
	"xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type><Code>" code          \
	"</Code><Message>" message "</Message></Error><RequestId>r-1</RequestId></ErrorResponse>"

#define KEYS_XML(access, token, more)                                                                        \
	"<?xml version=\"1.0\"?>" more                                                                       \
	"<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>" access                            \
	"</AccessKeyId><SecretAccessKey> s </SecretAccessKey><SessionToken>" token                           \
	"</SessionToken><Expiration>2026-01-02T09:04:05Z</Expiration></Credentials></AssumeRoleResult></"    \
	"AssumeRoleResponse>"

static void refusals_of_sts(void **state)
{
	static const struct {
		int status;
		const char *body;
		enum upstream_class class;
		const char *code;
		const char *word;
		const char *remedy;
	} rows[] = {
		{403,
		 STS_ERROR("AccessDenied",
			   "User: arn:aws:iam::1:user/x is not authorized to perform: sts:AssumeRole"),
		 UPSTREAM_OPERATOR, "AccessDenied", "AssumeRole in eu-west-2: AccessDenied: User: arn",
		 "trust policy"},
		{403, STS_ERROR("InvalidClientTokenId", "invalid"), UPSTREAM_OPERATOR, "InvalidClientTokenId",
		 "(request r-1)", "access key"},
		{403, STS_ERROR("SignatureDoesNotMatch", "no"), UPSTREAM_OPERATOR, "SignatureDoesNotMatch",
		 "profile default", "secret"},
		{403, STS_ERROR("ExpiredToken", "old"), UPSTREAM_OPERATOR, "ExpiredToken", "old", "renew"},
		{403, STS_ERROR("RegionDisabledException", "STS is not activated"), UPSTREAM_OPERATOR,
		 "RegionDisabledException", "not activated", "aws_regions"},
		{400, STS_ERROR("ValidationError", "1 validation error"), UPSTREAM_OPERATOR,
		 "ValidationError", "validation", "duration_seconds"},
		{400, STS_ERROR("IDPCommunicationError", "x"), UPSTREAM_RETRY, "IDPCommunicationError", "x",
		 "nothing at first"},
		{400, STS_ERROR("Throttling", "Rate exceeded"), UPSTREAM_THROTTLED, "Throttling", "Rate",
		 "slows down"},
		{500, STS_ERROR("InternalFailure", "x"), UPSTREAM_RETRY, "InternalFailure", "x",
		 "tries again"},
		{503, "", UPSTREAM_RETRY, "bad_answer", "HTTP 503", "tries again"},
		{403, "<html><body>blocked</body></html>", UPSTREAM_OPERATOR, "html_answer", "a web page",
		 "proxy"},
		{200, "<html/>", UPSTREAM_RETRY, "html_answer", "a web page", "proxy"},
		{200, "<x/>", UPSTREAM_RETRY, "bad_answer", "an answer of another kind", "address"},
		{200, STS_ERROR("AccessDenied", "no"), UPSTREAM_OPERATOR, "AccessDenied", "no",
		 "trust policy"},
		{404, "<AssumeRoleResponse/>", UPSTREAM_OPERATOR, "bad_answer", "HTTP 404", "address"},
		{500, KEYS_XML("ASIA", "tok", ""), UPSTREAM_RETRY, "bad_answer", "HTTP 500", "tries again"},
		{200, "<AssumeRoleResponse/>", UPSTREAM_RETRY, "bad_answer", "not a whole set of keys",
		 "address"},
	};
	struct fixture *f = *state;

	use_role(f);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		f->status = rows[i].status;
		f->body = rows[i].body;
		refuses(f, rows[i].class, rows[i].code, rows[i].word);
		has(f->e.remedy, rows[i].remedy);
		assert_int_equal(f->e.http_status, rows[i].status);
		advance(f, SECONDS(5));
	}
	f->status = 200;
	f->body = NULL;
	f->lasts = 0;
	refuses(f, UPSTREAM_RETRY, "bad_answer", "keys that have ended already");
	write_file(f, "token", "web-token");
	remove_file(f, ".aws/config");
	set_path(f, "AWS_WEB_IDENTITY_TOKEN_FILE", "token");
	setenv("AWS_ROLE_ARN", ROLE_A, 1);
	f->status = 400;
	f->body = STS_ERROR("ExpiredTokenException", "Token expired");
	refuses(f, UPSTREAM_OPERATOR, "ExpiredTokenException", "the environment: AssumeRoleWithWebIdentity");
	has(f->e.remedy, "token file");
	advance(f, SECONDS(5));
	f->body = STS_ERROR("InvalidIdentityToken", "No OpenIDConnect provider found");
	refuses(f, UPSTREAM_OPERATOR, "InvalidIdentityToken", "OpenIDConnect");
	has(f->e.remedy, "identity provider");
	advance(f, SECONDS(5));
	f->body = STS_ERROR("ValidationError", "Value 'web-token' at 'webIdentityToken' failed");
	refuses(f, UPSTREAM_OPERATOR, "ValidationError",
		"ValidationError (request r-1)"); /* without the token */
	write_file(f, ".aws/config",
		   BASE "[default]\nrole_arn = " ROLE_A "\nsource_profile = base\nexternal_id = site-42\n");
	f->body = STS_ERROR("ValidationError", "Value 'site-42' at 'externalId' failed");
	refuses(f, UPSTREAM_OPERATOR, "ValidationError", "ValidationError (request r-1)");
}

static bool reads(const char *data, size_t len, struct aws_keys *keys)
{
	struct ec2_answer a;
	char why[160] = "";
	bool good = sts_parse(data, len, keys, &a, why, sizeof(why));

	assert_true(good || why[0]);
	return good && a.kind == EC2_ANSWER_KEYS;
}

static void hostile_xml(void **state)
{
	static const char good[] = KEYS_XML("ASIA", "tok/+=", "");
	static const char *const refused[] = {
		KEYS_XML("ASIA", "tok", "<!DOCTYPE x>"),
		KEYS_XML("ASIA", "tok", "<!DOCTYPE x [<!ENTITY a \"b\">]>"),
		KEYS_XML("ASIA", "to&a;k", ""),
		KEYS_XML("", "tok", ""),
		KEYS_XML("ASIA", "", ""),
		KEYS_XML("ASIA", "tok&#13;&#10;X-Evil: 1", ""),
		KEYS_XML("ASIA</AccessKeyId><AccessKeyId>", "tok", ""),
		"<AssumeRoleResponse><AccessKeyId>A</AccessKeyId></AssumeRoleResponse>",
		"<DescribeInstancesResponse/>",
		"",
	};
	struct aws_keys keys = {0};
	struct buf x = BUF_INIT(1 << 16);

	(void)state;
	assert_true(reads(good, strlen(good), &keys));
	assert_string_equal(keys.secret_key, "s");
	assert_string_equal(keys.session_token, "tok/+=");
	for (size_t i = 0; i < ARRAY_LEN(refused); i++)
		if (reads(refused[i], strlen(refused[i]), &keys))
			fail_msg("accepted: %s", refused[i]);
	for (size_t len = 0; len < strlen(good); len++)
		assert_false(reads(good, len, &keys));
	/* The longest that fits, and one more. */
	static char longest[LIMIT_EC2_TEXT_BYTES + 2];

	for (size_t len = sizeof(keys.access_key) - 1; len <= sizeof(keys.access_key); len++) {
		memset(longest, 'K', len);
		buf_reset(&x);
		buf_printf(&x, KEYS_XML("%s", "tok", ""), longest);
		assert_int_equal(reads(x.data, x.len, &keys), len < sizeof(keys.access_key));
	}

	for (size_t len = LIMIT_EC2_TEXT_BYTES; len <= LIMIT_EC2_TEXT_BYTES + 1; len++) {
		memset(longest, 't', len);
		buf_reset(&x);
		buf_printf(&x, KEYS_XML("ASIA", "%s", ""), longest);
		assert_int_equal(reads(x.data, x.len, &keys), len == LIMIT_EC2_TEXT_BYTES);
	}
	buf_free(&x);
}

/* A small generator: the same bytes in every run. */
static uint32_t next_random(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

/* Some bytes of a text are changed, dropped or doubled. */
static size_t spoil(const char *text, size_t len, char *out, uint32_t *seed)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		uint32_t r = next_random(seed) % 200;

		if (r > 2)
			out[n++] = text[i];
		if (r < 2)
			out[n++] = (char)(r ? text[i] : (char)next_random(seed));
		if (r == 1)
			out[n++] = text[i];
	}
	return n;
}

static void spoilt_texts(void **state)
{
	static const char xml[] = KEYS_XML("ASIA", "tok/+=", "");
	static const char json[] =
		"{\"Code\":\"Success\",\"AccessKeyId\":\"ASIA\",\"SecretAccessKey\":\"sec\","
		"\"Token\":\"tok\",\"Expiration\":\"2026-01-02T09:04:05Z\"}";
	static const char ini[] =
		"[default]\nrole_arn = " ROLE_A "\nsource_profile = x ; note\n s3 =\n  a = b\n"
		"[profile \"x\"]\r\naws_access_key_id=A\r\naws_secret_access_key=B\r\n[";
	char out[2 * sizeof(xml) + 2 * sizeof(ini)];
	struct aws_keys keys = {0};
	uint32_t seed = 1;
	size_t n;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		n = spoil(xml, strlen(xml), out, &seed);
		if (reads(out, n, &keys))
			assert_true(keys.access_key[0] && aws_token_valid(keys.session_token) &&
				    keys.expires_at > 0);
		n = spoil(json, strlen(json), out, &seed);
		const struct buf body = {.data = out, .len = n};

		if (aws_keys_from_json(&body, &keys))
			assert_true(keys.secret_key[0] && aws_token_valid(keys.session_token));
		struct aws_profile p = {.name = "x"};

		n = spoil(ini, strlen(ini), out, &seed);
		aws_profile_parse(out, n, PROFILE_FILE_CONFIG, &p);
		assert_true(strlen(p.role_arn) < sizeof(p.role_arn));
	}
	for (n = 0; n < strlen(json); n++) {
		const struct buf body = {.data = (char *)(uintptr_t)json, .len = n};

		assert_false(aws_keys_from_json(&body, &keys));
	}
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		T(a_role_with_another_profile),
		T(the_plainest_role),
		T(roles_one_after_the_other),
		T(a_profile_may_be_its_own_source),
		T(ways_that_lead_nowhere),
		T(sources_that_are_no_profile),
		T(a_profile_given_by_name),
		T(web_identity_of_the_environment),
		T(web_identity_of_a_profile),
		T(token_files_that_cannot_be_used),
		T(the_order_of_the_sources),
		T(a_broken_source_is_not_passed_over),
		T(container_addresses),
		T(keys_of_a_container),
		T(containers_that_give_nothing),
		T(keys_are_renewed_before_their_end),
		T(failing_renewals_keep_the_keys_to_their_end),
		T(a_changed_profile_counts_at_once),
		T(refused_keys_are_renewed_once),
		T(one_thread_renews_and_the_others_go_on),
		T(without_keys_all_wait_for_one),
		T(a_failure_is_told_to_all_that_wait),
		T(keys_that_end_while_they_are_renewed),
		T(many_threads),
		T(refusals_of_sts),
		T(hostile_xml),
		T(spoilt_texts),
	};

	return cmocka_run_group_tests_name("aws_chain", tests, NULL, NULL);
}
