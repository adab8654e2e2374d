/* Tests of EC2's request bodies, of regions and of the error table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/limits.h"
#include "clients/ec2/ec2.h"
#include "clients/ec2/errors.h"
#include "clients/ec2/region.h"
#include "clients/ec2/request.h"

/* --- bodies --- */

static void is(struct buf *b, const char *text)
{
	assert_false(b->failed);
	assert_string_equal(b->data, text);
	buf_free(b);
}

static void describe_tagged(void **state)
{
	struct buf b = BUF_INIT(EC2_BODY_BYTES);

	(void)state;
	ec2_put_describe_tagged(&b, "mgr-1", NULL);
	is(&b, "Action=DescribeInstances&Version=2016-11-15&Filter.1.Name=tag%3Apexip-cloud&Filter.1.Value.1="
	       "mgr-1"
	       "&MaxResults=1000");
	ec2_put_describe_tagged(&b, "mgr-1", "");
	assert_null(strstr(b.data, "NextToken"));
	buf_free(&b);
	ec2_put_describe_tagged(&b, "mgr-1", "ab+/c==&x");
	assert_non_null(strstr(b.data, "&NextToken=ab%2B%2Fc%3D%3D%26x"));
	buf_free(&b);
}

static void hostile_values_stay_values(void **state)
{
	struct buf b = BUF_INIT(EC2_BODY_BYTES);

	(void)state;
	ec2_put_describe_tagged(&b, "a&Action=TerminateInstances", NULL);
	assert_non_null(strstr(b.data, "Value.1=a%26Action%3DTerminateInstances&"));
	buf_free(&b);
	/* Wildcards: %5C is the backslash that takes their meaning away. */
	ec2_put_describe_tagged(&b, "a*b?c\\d", NULL);
	assert_non_null(strstr(b.data, "Value.1=a%5C%2Ab%5C%3Fc%5C%5Cd&"));
	buf_free(&b);
	ec2_put_describe_tagged(&b, "\xc3\xa9 x", NULL);
	assert_non_null(strstr(b.data, "Value.1=%C3%A9%20x&"));
	buf_free(&b);
}

static void describe_others(void **state)
{
	static const char *const two[] = {"10.0.0.1", "10.0.0.2"};
	struct buf b = BUF_INIT(EC2_BODY_BYTES);

	(void)state;
	ec2_put_describe_addresses(&b, two, 2, "t");
	is(&b, "Action=DescribeInstances&Version=2016-11-15"
	       "&Filter.1.Name=network-interface.addresses.private-ip-address"
	       "&Filter.1.Value.1=10.0.0.1&Filter.1.Value.2=10.0.0.2&MaxResults=1000&NextToken=t");
	ec2_put_describe_instance(&b, "i-0a1b", NULL);
	is(&b, "Action=DescribeInstances&Version=2016-11-15&Filter.1.Name=instance-id&Filter.1.Value.1=i-0a1b"
	       "&MaxResults=1000");
}

static void longest_address_list_fits(void **state)
{
	const char *addresses[LIMIT_EC2_FILTER_VALUES];
	char token[LIMIT_EC2_TEXT_BYTES + 1];
	struct buf b = BUF_INIT(EC2_BODY_BYTES);

	(void)state;
	memset(token, '+', sizeof(token) - 1);
	token[sizeof(token) - 1] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(addresses); i++)
		addresses[i] = "255.255.255.255";
	ec2_put_describe_addresses(&b, addresses, ARRAY_LEN(addresses), token);
	assert_false(b.failed);
	assert_non_null(strstr(b.data, "Filter.1.Value.200=255.255.255.255&"));
	buf_free(&b);
}

static void power(void **state)
{
	struct buf b = BUF_INIT(EC2_BODY_BYTES);

	(void)state;
	ec2_put_start(&b, "i-0a1b2c3d4e5f60718", false);
	is(&b, "Action=StartInstances&Version=2016-11-15&InstanceId.1=i-0a1b2c3d4e5f60718");
	ec2_put_start(&b, "i-0", true);
	is(&b, "Action=StartInstances&Version=2016-11-15&InstanceId.1=i-0&DryRun=true");
	ec2_put_stop(&b, "i-0", false);
	is(&b, "Action=StopInstances&Version=2016-11-15&InstanceId.1=i-0");
	ec2_put_stop(&b, "i-0", true);
	is(&b, "Action=StopInstances&Version=2016-11-15&InstanceId.1=i-0&DryRun=true");
}

/* --- regions --- */

static void regions(void **state)
{
	static const char *const good[] = {"eu-west-2",      "us-east-1",    "us-gov-west-1",
					   "ap-southeast-7", "mx-central-1", "eusc-de-east-1",
					   "xx-new-12"};
	static const char *const wrong[] = {
		"",
		"eu-west",
		"EU-WEST-2",
		"eu-west-2a",
		"eu.west.2",
		"eu-west-2/",
		"eu--west-2",
		"-eu-west-2",
		"2-2",
		"a",
		"eu-west-",
		"evil.com#-1",
		"eu-west-2\n",
		"us-iso-east-1",
		"us-isob-east-1",
		"eu-isoe-west-1",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-1"};
	char why[200];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		if (!ec2_region_supported(good[i], why, sizeof(why)))
			fail_msg("refused: %s", good[i]);
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		why[0] = '\0';
		if (ec2_region_supported(wrong[i], why, sizeof(why)))
			fail_msg("accepted: %s", wrong[i]);
		assert_string_not_equal(why, "");
	}
	assert_false(ec2_region_supported("cn-north-1", why, sizeof(why)));
	assert_non_null(strstr(why, "China"));
	assert_false(ec2_region_supported("cn-northwest-1", why, sizeof(why)));
}

static void endpoints(void **state)
{
	char out[200];

	(void)state;
	static const struct {
		const char *template;
		const char *service;
		const char *region;
		const char *url;
	} rows[] = {
		{NULL, "ec2", "eu-west-2", "https://ec2.eu-west-2.amazonaws.com/"},
		{NULL, "ec2", "us-gov-west-1", "https://ec2.us-gov-west-1.amazonaws.com/"},
		{NULL, "ec2", "eusc-de-east-1", "https://ec2.eusc-de-east-1.amazonaws.eu/"},
		{NULL, "sts", "eu-west-2", "https://sts.eu-west-2.amazonaws.com/"},
		{"http://127.0.0.1:1/{region}/x", "sts", "eu-west-2", "http://127.0.0.1:1/eu-west-2/x/"},
		{"https://vpce-1.sts.{region}.vpce.amazonaws.com", "sts", "eu-west-2",
		 "https://vpce-1.sts.eu-west-2.vpce.amazonaws.com/"},
		{"http://127.0.0.1:1/", "ec2", "eu-west-2", "http://127.0.0.1:1/"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_true(aws_endpoint_url(rows[i].template, rows[i].service, rows[i].region, out,
					     sizeof(out)));
		assert_string_equal(out, rows[i].url);
	}
	assert_true(aws_endpoint_url("http://127.0.0.1:1", "ec2", "eu-west-2", out, 20)); /* and "/" */
	assert_false(aws_endpoint_url("http://127.0.0.1:1", "ec2", "eu-west-2", out, 19));
	assert_false(aws_endpoint_url("", "ec2", "eu-west-2", out, sizeof(out)));
	assert_true(ec2_region_opt_in("af-south-1"));
	assert_false(ec2_region_opt_in("eu-west-2"));
}

/* --- errors --- */

static void error_classes(void **state)
{
	(void)state;
	assert_int_equal(ec2_error_class("DryRunOperation", 412), UPSTREAM_OK);
	/* The code decides, not the 500. */
	assert_int_equal(ec2_error_class("InsufficientInstanceCapacity", 500), UPSTREAM_NEXT);
	assert_int_equal(ec2_error_class("Server.InsufficientInstanceCapacity", 0), UPSTREAM_NEXT);
	assert_int_equal(ec2_error_class("InternalError", 500), UPSTREAM_RETRY);
	assert_int_equal(ec2_error_class("RequestLimitExceeded", 503), UPSTREAM_THROTTLED);
	assert_int_equal(ec2_error_class("IncorrectInstanceState", 400), UPSTREAM_WAIT);
	assert_int_equal(ec2_error_class("InvalidInstanceID.NotFound", 400), UPSTREAM_NEXT);
	assert_int_equal(ec2_error_class("VcpuLimitExceeded", 400), UPSTREAM_OPERATOR);
	assert_int_equal(ec2_error_class("UnauthorizedOperation", 403), UPSTREAM_OPERATOR);
	assert_int_equal(ec2_error_class("UnknownParameter", 400), UPSTREAM_BUG);
	assert_int_equal(ec2_error_class("SomethingNew", 400), UPSTREAM_OPERATOR);
	assert_int_equal(ec2_error_class("SomethingNew", 503), UPSTREAM_RETRY);
	assert_int_equal(ec2_error_class("", 429), UPSTREAM_THROTTLED);
	assert_int_equal(ec2_error_class("", 302), UPSTREAM_OPERATOR);
	assert_int_equal(ec2_error_class("", 200), UPSTREAM_RETRY);
	assert_int_equal(ec2_error_class("", 0), UPSTREAM_RETRY);
	assert_int_equal(ec2_error_class(NULL, 500), UPSTREAM_RETRY);
}

static struct upstream_error filled(const char *code, int status, const char *message, int64_t skew)
{
	struct upstream_error e;
	const struct ec2_failure f = {
		.action = "StartInstances",
		.region = "eu-west-2",
		.http_status = status,
		.code = code,
		.message = message,
		.request_id = "r-1",
		.skew_ms = skew,
	};

	ec2_error_fill(&e, &f);
	return e;
}

static void error_words(void **state)
{
	struct upstream_error e = filled("UnauthorizedOperation", 403, "You are not authorized", 0);

	(void)state;
	assert_string_equal(e.issue, "ec2_unauthorized");
	assert_non_null(strstr(e.remedy, "ec2:StartInstances"));
	assert_non_null(strstr(e.message, "You are not authorized"));
	assert_non_null(strstr(e.message, "(request r-1)"));
	e = filled("AuthFailure", 401, "not able to validate", 1000);
	assert_string_equal(e.issue, "ec2_credentials");
	e = filled("AuthFailure", 401, "not able to validate", -400000);
	assert_string_equal(e.issue, "ec2_clock_skew");
	assert_non_null(strstr(e.message, "400 seconds behind"));
	e = filled("RequestExpired", 400, "", 0);
	assert_string_equal(e.issue, "ec2_credentials_expired");
	e = filled("RequestExpired", 400, "", 1000000);
	assert_string_equal(e.issue, "ec2_clock_skew");
	assert_non_null(strstr(e.message, "1000 seconds ahead of"));
	e = filled("InvalidParameterCombination", 400, "Enhanced networking with the ENA is required", 0);
	assert_int_equal(e.class, UPSTREAM_OPERATOR);
	assert_non_null(strstr(e.remedy, "ENA"));
	e = filled("InvalidParameterCombination", 400, "other", 0);
	assert_int_equal(e.class, UPSTREAM_BUG);
	e = filled("InsufficientInstanceCapacity", 500, "", 0);
	assert_string_equal(e.issue, "ec2_capacity");
	e = filled("VcpuLimitExceeded", 400, "", 0);
	assert_string_equal(e.issue, "ec2_quota");
	e = filled("RequestLimitExceeded", 503, "", 0);
	assert_string_equal(e.issue, "ec2_throttled");
	e = filled("", 502, "not well-formed", 0);
	assert_string_equal(e.code, "bad_answer");
	assert_int_equal(e.http_status, 502);
	assert_string_equal(e.issue, "ec2_unavailable");
	e = filled("", 404, "not well-formed", 0);
	assert_string_equal(e.issue, "ec2_answer");
	assert_non_null(strstr(e.message, "HTTP 404 and no XML of AWS"));
	e = filled("SomethingNew", 400, "words", 0);
	assert_string_equal(e.issue, "ec2_configuration");
}

static void error_in_opt_in_region(void **state)
{
	struct upstream_error e;
	const struct ec2_failure f = {.action = "DescribeInstances",
				      .region = "af-south-1",
				      .http_status = 401,
				      .code = "AuthFailure",
				      .message = "",
				      .request_id = ""};

	(void)state;
	ec2_error_fill(&e, &f);
	assert_non_null(strstr(e.remedy, "af-south-1 is an opt-in region"));
}

static void error_from_a_web_page(void **state)
{
	struct upstream_error e;
	const struct ec2_failure f = {.action = "DescribeInstances",
				      .region = "eu-west-2",
				      .http_status = 403,
				      .code = "",
				      .message = "",
				      .request_id = "",
				      .html = true};

	(void)state;
	ec2_error_fill(&e, &f);
	assert_string_equal(e.code, "html_answer");
	assert_string_equal(e.issue, "ec2_answer");
	assert_non_null(strstr(e.message, "HTTP 403 and a web page instead of AWS's answer"));
}

static void fresh_keys(void **state)
{
	(void)state;
	assert_true(ec2_error_wants_fresh_keys("ExpiredToken", false));
	assert_true(ec2_error_wants_fresh_keys("RequestExpired", true));
	assert_true(ec2_error_wants_fresh_keys("AuthFailure", true));
	assert_false(ec2_error_wants_fresh_keys("AuthFailure", false));
	assert_false(ec2_error_wants_fresh_keys("UnauthorizedOperation", true));
	assert_false(ec2_error_wants_fresh_keys("timeout", true));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(describe_tagged),
		cmocka_unit_test(hostile_values_stay_values),
		cmocka_unit_test(describe_others),
		cmocka_unit_test(longest_address_list_fits),
		cmocka_unit_test(power),
		cmocka_unit_test(regions),
		cmocka_unit_test(endpoints),
		cmocka_unit_test(error_classes),
		cmocka_unit_test(error_words),
		cmocka_unit_test(error_in_opt_in_region),
		cmocka_unit_test(error_from_a_web_page),
		cmocka_unit_test(fresh_keys),
	};

	return cmocka_run_group_tests_name("ec2_request", tests, NULL, NULL);
}
