/* EC2's short answers as trees: what is kept, and what is refused before it can do harm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/limits.h"
#include "clients/ec2/xml.h"

static struct xml *read_text(struct arena *a, const char *text, char why[160])
{
	why[0] = '\0';
	return xml_read(a, text, strlen(text), why, 160);
}

static void a_tree(void **state)
{
	_cleanup_(arena_freep) struct arena *a = arena_new(1 << 20);
	char why[160];
	const struct xml *root =
		read_text(a,
			  "<?xml version=\"1.0\"?>\n<r xmlns=\"x\"> <id> a&amp;b </id>\n<set><item>1</item>"
			  "<item>2</item></set><empty/><set>later</set></r>",
			  why);

	(void)state;
	assert_non_null(root);
	assert_string_equal(root->name, "r");
	assert_string_equal(xml_text(root, "id"), "a&b");
	assert_int_equal(xml_count(xml_child(root, "set")), 2);
	assert_string_equal(xml_child(root, "set")->child->next->text, "2");
	assert_string_equal(xml_text(root, "empty"), "");
	assert_string_equal(xml_text(root, "nothing"), "");
	assert_null(xml_child(root, "item")); /* not one of its own */
	assert_null(xml_child(NULL, "item"));
	assert_int_equal(xml_count(NULL), 0);
}

static void numbers(void **state)
{
	_cleanup_(arena_freep) struct arena *a = arena_new(1 << 20);
	char why[160];
	const struct xml *root = read_text(
		a, "<r><a>-1</a><b>65535</b><c>65536</c><d>-2</d><e>1x</e><f/><g> 443 </g></r>", why);

	(void)state;
	assert_int_equal(xml_number(root, "a", 7), -1);
	assert_int_equal(xml_number(root, "b", 7), 65535);
	assert_int_equal(xml_number(root, "c", 7), 7);
	assert_int_equal(xml_number(root, "d", 7), 7);
	assert_int_equal(xml_number(root, "e", 7), 7);
	assert_int_equal(xml_number(root, "f", 7), 7);
	assert_int_equal(xml_number(root, "g", 7), 443);
	assert_int_equal(xml_number(root, "none", 7), 7);
	assert_int_equal(xml_number(NULL, "a", 7), 7);
}

static void refusals(void **state)
{
	static const char *const texts[] = {
		"",           "<a>",      "<a></b>",
		"text",       "<a/><b/>", "<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>",
		"<a>&x;</a>",
	};
	_cleanup_(arena_freep) struct arena *a = arena_new(1 << 20);
	char why[160];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		assert_null(read_text(a, texts[i], why));
		assert_true(why[0]);
	}
}

static void limits(void **state)
{
	_cleanup_(arena_freep) struct arena *a = arena_new(1 << 20), *small = arena_new(200);
	struct buf deep = BUF_INIT(1 << 20), shallow = BUF_INIT(1 << 20), text = BUF_INIT(1 << 20);
	char why[160];

	(void)state;
	for (int i = 0; i < LIMIT_EC2_DEPTH + 1; i++)
		buf_puts(&deep, "<a>");
	assert_null(read_text(a, deep.data, why));
	assert_non_null(strstr(why, "too deep"));
	for (int i = 0; i < LIMIT_EC2_DEPTH; i++)
		buf_puts(&shallow, "<a>");
	for (int i = 0; i < LIMIT_EC2_DEPTH; i++)
		buf_puts(&shallow, "</a>");
	assert_non_null(read_text(a, shallow.data, why));
	buf_puts(&text, "<a>");
	for (int i = 0; i < LIMIT_EC2_TEXT_BYTES + 1; i++)
		buf_puts(&text, "x");
	buf_puts(&text, "</a>");
	assert_null(read_text(a, text.data, why));
	assert_non_null(strstr(why, "too long"));
	assert_null(read_text(small, "<a><b/><b/><b/><b/><b/><b/><b/></a>", why));
	assert_non_null(strstr(why, "too large"));
	buf_free(&deep);
	buf_free(&shallow);
	buf_free(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tree),
		cmocka_unit_test(numbers),
		cmocka_unit_test(refusals),
		cmocka_unit_test(limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
