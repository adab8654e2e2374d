/* Whose AWS keys are used for what: of the settings, of a profile, of bursting. */
#include "tests/unit/store_fixture.h"

#include <sys/stat.h>

#include "server/keys.h"

#define PROFILES                                                                                             \
	"[default]\naws_access_key_id=AKIADEFAULT\naws_secret_access_key=d\n"                                \
	"[burst]\naws_access_key_id=AKIABURST\naws_secret_access_key=b\n"                                    \
	"[wide]\naws_access_key_id=AKIAWIDE\naws_secret_access_key=w\n"

static bool nobody(void *self, const struct http_call *call, struct http_answer *ret,
		   struct upstream_error *e)
{
	(void)self;
	(void)ret;
	fail_msg("%s was asked", call->url);
	return e->message[0] != '\0';
}

static int setup(void **state)
{
	static const char *const mine[] = {"AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",
					   "AWS_SESSION_TOKEN", "AWS_CONFIG_FILE"};
	char path[300];
	FILE *file;

	if (fixture_setup(state))
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(mine); i++)
		assert_int_equal(unsetenv(mine[i]), 0);
	(void)snprintf(path, sizeof(path), "%s/profiles", ((struct fixture *)*state)->dir);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(PROFILES, file) >= 0 && fclose(file) == 0);
	assert_int_equal(setenv("AWS_SHARED_CREDENTIALS_FILE", path, 1), 0);
	assert_int_equal(setenv("HOME", ((struct fixture *)*state)->dir, 1),
			 0); /* no files of the caller's */
	return 0;
}

/* The key id that this use gets, of the settings and the configuration. */
static void assert_key(struct fixture *f, enum settings_secret use, const struct config *c,
		       const struct bursting_settings *s, const char *wanted)
{
	struct transport transport = {.perform = nobody};
	struct credentials *credentials = credentials_for(use, c, transport);
	struct upstream_error e = {0};
	struct kept_keys kept;
	struct aws_keys keys;

	assert_ok(kept_keys_read(f->store, s, &kept, E));
	credentials_give(credentials, use, c, s, &kept);
	kept_keys_clear(&kept);
	if (!credentials_get(credentials, &keys, &e))
		fail_msg("%s", e.message);
	assert_string_equal(keys.access_key, wanted);
	credentials_free(credentials);
}

static struct bursting_settings put(struct fixture *f, const char *aws, const char *lifecycle)
{
	struct bursting_settings s;
	struct settings_secrets secrets = {
		.text = {
			[SETTINGS_AWS] = aws ? "hush" : "", [SETTINGS_LIFECYCLE] = lifecycle ? "hush2" : ""}};

	assert_ok(store_settings_get(f->store, &s, E));
	(void)snprintf(s.aws_access_key_id, sizeof(s.aws_access_key_id), "%s", aws ? aws : "");
	(void)snprintf(s.lifecycle_access_key_id, sizeof(s.lifecycle_access_key_id), "%s",
		       lifecycle ? lifecycle : "");
	assert_ok(store_settings_put(f->store, &s, &secrets, NULL, E));
	assert_ok(store_settings_get(f->store, &s, E));
	return s;
}

static void their_own_keys_come_first(void **state)
{
	struct fixture *f = *state;
	struct config c = {.aws_profile = "burst", .lifecycle_aws_profile = "wide"};
	struct bursting_settings s = put(f, "AKIASET", "AKIASETWIDE");

	assert_key(f, SETTINGS_LIFECYCLE, &c, &s, "AKIASETWIDE");
	assert_key(f, SETTINGS_AWS, &c, &s, "AKIASET");
}

/* Wider keys never serve bursting, whatever else is missing. */
static void then_their_profile(void **state)
{
	struct fixture *f = *state;
	struct config c = {.lifecycle_aws_profile = "wide"};
	struct bursting_settings s = put(f, "AKIASET", NULL);

	assert_key(f, SETTINGS_LIFECYCLE, &c, &s, "AKIAWIDE");
	assert_key(f, SETTINGS_AWS, &c, &s, "AKIASET");
	s = put(f, NULL, "AKIASETWIDE");
	assert_key(f, SETTINGS_AWS, &c, &s, "AKIADEFAULT");
	c.aws_profile = "burst";
	assert_key(f, SETTINGS_AWS, &c, &s, "AKIABURST");
}

static void then_those_of_bursting(void **state)
{
	struct fixture *f = *state;
	struct config c = {0};
	struct bursting_settings s = put(f, "AKIASET", NULL);

	assert_key(f, SETTINGS_LIFECYCLE, &c, &s, "AKIASET");
	s = put(f, NULL, NULL);
	assert_key(f, SETTINGS_LIFECYCLE, &c, &s, "AKIADEFAULT");
	c.aws_profile = "burst";
	assert_key(f, SETTINGS_LIFECYCLE, &c, &s, "AKIABURST");
}

/* Keys that were taken out of the settings are used no longer. */
static void keys_are_taken_back(void **state)
{
	struct fixture *f = *state;
	struct config c = {0};
	struct transport transport = {.perform = nobody};
	struct credentials *credentials = credentials_for(SETTINGS_LIFECYCLE, &c, transport);
	struct bursting_settings s = put(f, NULL, "AKIASETWIDE");
	struct upstream_error e = {0};
	struct kept_keys kept;
	struct aws_keys keys;

	for (int i = 0; i < 2; i++) {
		assert_ok(kept_keys_read(f->store, &s, &kept, E));
		credentials_give(credentials, SETTINGS_LIFECYCLE, &c, &s, &kept);
		kept_keys_clear(&kept);
		assert_true(credentials_get(credentials, &keys, &e));
		assert_string_equal(keys.access_key, i ? "AKIADEFAULT" : "AKIASETWIDE");
		s = put(f, NULL, NULL);
	}
	credentials_free(credentials);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(their_own_keys_come_first),
		T(then_their_profile),
		T(then_those_of_bursting),
		T(keys_are_taken_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
