/* The upload of a configuration document to a new node: what is asked for, and what each answer means. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "clients/infinity/bootstrap.h"

#define XML "<?xml version='1.0'?>\n<configuration>\r\n\t<key>s3cret</key></configuration>\n"

/* A node that answers with `status`, 0 = not at all, and repeats what it was sent. */
struct node {
	int status;
	int calls;
	struct http_call call;
	char url[600];
	char header[80];
	char body[400];
};

static bool perform(void *self, const struct http_call *call, struct http_answer *ret,
		    struct upstream_error *e)
{
	struct node *n = self;

	n->calls++;
	n->call = *call;
	(void)snprintf(n->url, sizeof n->url, "%s", call->url);
	(void)snprintf(n->header, sizeof n->header, "%s", call->headers ? call->headers[0] : "");
	assert_true(!call->headers || !call->headers[1]);
	memcpy(n->body, call->body ? call->body : "", call->body_len);
	n->body[call->body_len] = '\0';
	if (!n->status) {
		upstream_error_set(e, UPSTREAM_RETRY, 0, "refused", "bootstrap_unreachable", "Wait.",
				   "10.0.0.7:8443: connection refused");
		return false;
	}
	*ret = (struct http_answer){.status = n->status, .body = BUF_INIT(1024)};
	buf_puts(&ret->body, XML);
	return true;
}

static struct transport to(struct node *n)
{
	return (struct transport){.perform = perform, .self = n};
}

static void asks_whether_it_waits(void **state)
{
	static const int any[] = {200, 302, 401, 404, 500, 503};
	struct node n = {0};
	struct transport transport = to(&n);
	struct upstream_error e;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(any); i++) {
		n.status = any[i];
		assert_true(bootstrap_waits(&transport, BOOTSTRAP_URL, "10.0.0.7", &e));
	}
	assert_int_equal(n.call.method, METHOD_GET);
	assert_string_equal(n.url, "https://10.0.0.7:8443/");
	assert_null(n.call.body);
	assert_true(n.call.no_proxy && n.call.once);
	assert_int_equal(n.call.connect_timeout_ms, 5000);
	assert_true(n.call.timeout_ms > 0 && n.call.timeout_ms <= 10000);
	n.status = 0;
	assert_false(bootstrap_waits(&transport, BOOTSTRAP_URL, "10.0.0.7", &e));
	assert_int_equal(e.class, UPSTREAM_RETRY);
	assert_non_null(strstr(e.message, "connection refused"));
}

static void uploads_byte_for_byte(void **state)
{
	static const int good[] = {200, 201, 202, 204, 299};
	_cleanup_(buf_wipe) struct buf xml = BUF_INIT(1024);
	struct node n = {0};
	struct transport transport = to(&n);
	struct upstream_error e;

	(void)state;
	buf_puts(&xml, XML);
	buf_append(&xml, "\0tail", 5);
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		n.status = good[i];
		assert_true(bootstrap_upload(&transport, BOOTSTRAP_URL, "10.0.0.7", &xml, &e));
	}
	assert_int_equal(n.call.method, METHOD_POST);
	assert_string_equal(n.url, "https://10.0.0.7:8443/configuration/bootstrap");
	assert_string_equal(n.header, "Content-Type: text/xml");
	assert_int_equal(n.call.body_len, sizeof XML - 1 + 5);
	assert_memory_equal(n.body, XML "\0tail", sizeof XML - 1 + 5);
	assert_true(n.call.no_proxy && n.call.once && n.call.secret_answer);
	assert_int_equal(n.call.connect_timeout_ms, 5000);
	assert_null(n.call.basic_user);
	assert_null(n.call.sigv4);
	assert_int_equal(n.calls, ARRAY_LEN(good));
}

static void tells_what_a_refusal_means(void **state)
{
	static const struct {
		int status;
		enum upstream_class class;
	} cases[] = {
		{0, UPSTREAM_RETRY},      {302, UPSTREAM_RETRY},    {408, UPSTREAM_RETRY},
		{429, UPSTREAM_RETRY},    {500, UPSTREAM_RETRY},    {502, UPSTREAM_RETRY},
		{504, UPSTREAM_RETRY},    {400, UPSTREAM_OPERATOR}, {403, UPSTREAM_OPERATOR},
		{404, UPSTREAM_OPERATOR}, {405, UPSTREAM_OPERATOR}, {413, UPSTREAM_OPERATOR},
	};
	_cleanup_(buf_wipe) struct buf xml = BUF_INIT(1024);
	struct node n = {0};
	struct transport transport = to(&n);

	(void)state;
	buf_puts(&xml, XML);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct upstream_error e = {0};

		n.status = cases[i].status;
		n.calls = 0;
		assert_false(bootstrap_upload(&transport, BOOTSTRAP_URL, "10.0.0.7", &xml, &e));
		assert_int_equal(e.class, cases[i].class);
		assert_int_equal(e.http_status, cases[i].status);
		assert_int_equal(n.calls, 1); /* never by itself a second time */
		assert_non_null(strstr(e.message, "10.0.0.7"));
		assert_true(e.remedy[0] != '\0');
		/* the answer repeats the document */
		assert_null(strstr(e.message, "s3cret"));
		assert_null(strstr(e.message, "xml"));
		assert_null(strstr(e.remedy, "s3cret"));
	}
}

static void builds_the_address(void **state)
{
	static const struct {
		const char *url, *address, *built; /* NULL: refused */
	} cases[] = {
		{"https://{address}:8443/", "10.0.0.7", "https://10.0.0.7:8443/"},
		{"http://127.0.0.1:99/node/{address}", "10.0.0.7", "http://127.0.0.1:99/node/10.0.0.7/"},
		{"https://{address}", "198.51.100.83", "https://198.51.100.83/"},
		{"https://{address}:8443", "", NULL},
		{"https://{address}:8443", "10.0.0.7/32", NULL},
		{"https://{address}:8443", "10.0.0.0/8", NULL},
		{"https://{address}:8443", "10.0.0.7.example.com", NULL},
		{"https://{address}:8443", "evil@10.0.0.7", NULL},
		{"https://{address}:8443", "10.0.0.7 ", NULL},
		/* every node's document would go to the same place */
		{"https://10.0.0.7:8443", "10.0.0.7", NULL},
		{"", "10.0.0.7", NULL},
	};
	struct node n = {.status = 200};
	struct transport transport = to(&n);
	struct upstream_error e;
	char longest[700] = "https://{address}/";

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		n.url[0] = '\0';
		n.calls = 0;
		assert_int_equal(bootstrap_waits(&transport, cases[i].url, cases[i].address, &e),
				 cases[i].built != NULL);
		assert_string_equal(n.url, cases[i].built ? cases[i].built : "");
		assert_int_equal(n.calls, cases[i].built != NULL);
		if (!cases[i].built)
			assert_string_equal(e.issue, "bootstrap_url");
	}
	memset(longest + strlen(longest), 'a', sizeof longest - strlen(longest) - 1);
	n.calls = 0;
	assert_false(bootstrap_waits(&transport, longest, "10.0.0.7", &e));
	assert_string_equal(e.issue, "bootstrap_url");
	assert_int_equal(n.calls, 0);
}

/* A document that was lost, or cut off where memory ran out, is not sent. */
static void sends_no_part(void **state)
{
	_cleanup_(buf_wipe) struct buf xml = BUF_INIT(sizeof XML);
	struct node n = {.status = 200};
	struct transport transport = to(&n);
	struct upstream_error e;

	(void)state;
	assert_false(bootstrap_upload(&transport, BOOTSTRAP_URL, "10.0.0.7", &xml, &e));
	assert_int_equal(e.class, UPSTREAM_BUG);
	buf_puts(&xml, XML);
	buf_puts(&xml, XML);
	assert_false(bootstrap_upload(&transport, BOOTSTRAP_URL, "10.0.0.7", &xml, &e));
	assert_int_equal(e.class, UPSTREAM_BUG);
	assert_int_equal(n.calls, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(asks_whether_it_waits),
		cmocka_unit_test(uploads_byte_for_byte),
		cmocka_unit_test(tells_what_a_refusal_means),
		cmocka_unit_test(builds_the_address),
		cmocka_unit_test(sends_no_part),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
