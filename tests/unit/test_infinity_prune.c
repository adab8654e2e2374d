/* Tests of leaving out what nobody reads: what is kept, what is taken as it is, and that no answer changes its meaning. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <string.h>

#include "base/limits.h"
#include "clients/infinity/parse.h"
#include "clients/infinity/prune.h"

static const char *const fields[] = {"id", "node", NULL};

static void kept(const char *text, const char *expected)
{
	struct buf out = BUF_INIT(1 << 16);
	bool good = infinity_prune(text, strlen(text), fields, &out);

	if (good != (expected != NULL))
		fail_msg("%s: %s", good ? "taken" : "not taken", text);
	if (expected)
		assert_string_equal(out.data, expected);
	buf_free(&out);
}

static void what_is_read_stays(void **state)
{
	(void)state;
	kept("{\"objects\":[{\"id\":1,\"x\":2,\"node\":\"a\"}]}",
	     "{\"objects\":[{\"id\":1,\"node\":\"a\"}]}");
	kept("{\"meta\": {\"id\": 1, \"x\": [2, {}]}, \"objects\": []}",
	     "{\"meta\": {\"id\": 1, \"x\": [2, {}]}, \"objects\": []}");
	kept("{\"objects\": [ { \"x\" : 1 , \"id\" : -2.5e3 , \"y\": null } , {\"idx\":3, \"i\":4, \"\":5}, "
	     "{} ], \"more\": "
	     "{\"x\": 1}} ",
	     "{\"objects\": [ { \"id\" : -2.5e3} , {}, {} ], \"more\": {\"x\": 1}} ");
	/* Strings that look like structure, and keys that only look like others. */
	kept("{\"objects\":[{\"x\":\"\\\"}],{\\\\\",\"id\":\"]}\\\\\\\"\",\"y\":{\"id\":[\"}\"]}}]}",
	     "{\"objects\":[{\"id\":\"]}\\\\\\\"\"}]}");
	kept("{\"objects\":[{\"\\u0069d\":1,\"x\\\\\":2}]}", "{\"objects\":[{\"\\u0069d\":1,\"x\\\\\":2}]}");
	kept("{\"objects\":[{\"id\":1,\"id\":2}]}",
	     "{\"objects\":[{\"id\":1,\"id\":2}]}"); /* the last one counts */
	kept("{\"\\u006fbjects\":[{\"x\":1}]}", "{\"\\u006fbjects\":[{\"x\":1}]}");
	kept("{\"objects\":[{\"id\":\"a\nb\"}]} trailing",
	     "{\"objects\":[{\"id\":\"a\nb\"}]} trailing"); /* for the parser */
}

static void other_forms_are_left_to_the_parser(void **state)
{
	static const char *const others[] = {
		"",
		" ",
		"[]",
		"null",
		"{",
		"{}",
		"{\"objects\"}",
		"{\"objects\":}",
		"{\"objects\":[}",
		"{\"objects\":[{]}",
		"{\"objects\":[1]}",
		"{\"objects\":[[]]}",
		"{\"objects\":[{\"x\":1},]}",
		"{\"objects\":[{\"x\":1} {}]}",
		"{\"objects\":[{\"x\":1,}]}",
		"{\"objects\":[{\"x\" 1}]}",
		"{\"objects\":[{\"x\":}]}",
		"{\"objects\":[{x:1}]}",
		"{\"objects\":[{\"x\":1 2}]}",
		"{\"objects\":[{\"x\":\"}]}",
		"{\"objects\":[{\"x\":[1}]}",
		"{\"objects\":{\"id\":1}}",
		"{\"objects\":[{\"id\":1}]",
		"{\"objects\":null}",
	};
	char deep[200] = "{\"objects\":[{\"x\":";
	struct buf small = BUF_INIT(10);

	(void)state;
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		kept(others[i], NULL);
	for (int depth = LIMIT_UPSTREAM_JSON_DEPTH; depth <= LIMIT_UPSTREAM_JSON_DEPTH + 1; depth++) {
		(void)snprintf(deep, sizeof deep, "{\"objects\":[{\"x\":%.*s%.*s}]}", depth,
			       "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", depth,
			       "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]");
		kept(deep, depth == LIMIT_UPSTREAM_JSON_DEPTH ? "{\"objects\":[{}]}" : NULL);
	}
	assert_false(infinity_prune("{\"objects\":[{}]}", 16, fields, &small)); /* no room */
	buf_free(&small);
}

/* Where a text breaks off there is no answer. */
static void every_beginning(void **state)
{
	static const char text[] =
		"{\"meta\": {\"a\": 1}, \"objects\": [{\"id\": 1, \"x\": \"\\\"\"}, {\"y\": [{}]}]}";

	(void)state;
	for (size_t len = 0; len < strlen(text); len++) {
		struct buf out = BUF_INIT(1 << 16);

		assert_false(infinity_prune(text, len, fields, &out));
		buf_free(&out);
	}
}

/* --- against the parser that sees everything --------------------------------------------------------------------- */

static uint32_t next_random(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

static size_t spoil(const char *text, size_t len, char *out, uint32_t *seed)
{
	static const char pieces[] = "{}[]\",:\\ x1";
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		uint32_t r = next_random(seed) % 150;

		if (r > 1)
			out[n++] = text[i];
		if (r == 1 || r == 2)
			out[n++] = pieces[next_random(seed) % (sizeof pieces - 1)];
	}
	return n;
}

/* What a reader of the list would see of an answer: meta, and the fields of each entry. */
static json_t *seen(json_t *root)
{
	json_t *all = json_object_get(root, "objects");
	json_t *ret = json_pack("{s:O?, s:[]}", "meta", json_object_get(root, "meta"), "objects");
	json_t *entry;
	size_t i;

	json_array_foreach(all, i, entry) json_array_append_new(
		json_object_get(ret, "objects"), json_pack("{s:O?, s:O?}", "id", json_object_get(entry, "id"),
							   "node", json_object_get(entry, "node")));
	return ret;
}

static void no_answer_changes_its_meaning(void **state)
{
	static const char text[] =
		"{\"meta\": {\"limit\": 2, \"next\": null}, \"objects\": [{\"x\": [1, {\"id\": 2}], \"id\": "
		"7, "
		"\"name\": \"a \\\"b\\\" {\", \"node\": \"10.0.0.1\", \"y\": null}, {\"node\": null, \"z\": "
		"-1.5e3, \"id\": \"u\", \"id\": 8}], \"also\": true}";
	char spoilt[3 * sizeof text];
	uint32_t seed = 7;
	int whole = 0, pruned = 0;

	(void)state;
	for (int i = 0; i < 60000; i++) {
		struct buf out = BUF_INIT(sizeof spoilt);
		size_t len = spoil(text, strlen(text), spoilt, &seed);
		json_auto_t *full = json_loadb(spoilt, len, JSON_ALLOW_NUL, NULL);
		bool taken = infinity_prune(spoilt, len, fields, &out);
		json_auto_t *part = taken ? json_loadb(out.data, out.len, JSON_ALLOW_NUL, NULL) : NULL;

		whole += full != NULL;
		pruned += part != NULL;
		assert_true(!full || !taken || part); /* what is good stays good, */
		if (full && part) {
			json_auto_t *a = seen(full);
			json_auto_t *b = seen(part);

			assert_true(json_equal(a, b)); /* and says the same */
		}
		buf_free(&out);
	}
	assert_true(whole > 1000 && pruned > 1000);
}

static void faults_are_told_of_the_whole_answer(void **state)
{
	const struct infinity_list *list = &infinity_lists[LIST_shard];
	static const char broken[] = "{\"meta\": {},\n\"objects\": [{\"display\": \"long\",\n\"id\": nul}]}";
	char why[PARSE_WHY_SIZE] = "";
	char nested[200];

	(void)state;
	assert_null(infinity_json_load_list(list, broken, strlen(broken), why));
	assert_non_null(strstr(why, "line 3 column"));
	assert_null(infinity_json_load_list(list, "", 0, why));
	assert_non_null(strstr(why, "empty"));
	(void)snprintf(nested, sizeof nested, "{\"objects\": [{\"x\": %.*s]}", LIMIT_UPSTREAM_JSON_DEPTH + 1,
		       "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[");
	assert_null(infinity_json_load_list(list, nested, strlen(nested), why));
	assert_non_null(strstr(why, "nested deeper"));
	/* Another form is the parser's matter: the list says what is wrong with it. */
	json_auto_t *other = infinity_json_load_list(list, "{\"objects\": [1]}", 16, why);

	assert_non_null(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_read_stays),
		cmocka_unit_test(other_forms_are_left_to_the_parser),
		cmocka_unit_test(every_beginning),
		cmocka_unit_test(no_answer_changes_its_meaning),
		cmocka_unit_test(faults_are_told_of_the_whole_answer),
	};

	return cmocka_run_group_tests_name("infinity_prune", tests, NULL, NULL);
}
