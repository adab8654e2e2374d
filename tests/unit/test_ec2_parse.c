/* Tests of the reading of EC2's XML: what AWS sends, every variation of it that was seen, and what it never should. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "clients/ec2/parse.h"

#define NS "xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\""

/* As documented, indented, with everything that is not ours in between. */
static const char stopped_xml[] =
	"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	"<DescribeInstancesResponse " NS ">\n"
	"  <requestId>0f9c1a52-7f0e-4f5e-9a56-0c0a6d7e1b01</requestId>\n"
	"  <reservationSet>\n"
	"    <item>\n"
	"      <reservationId>r-0aa11bb22cc33dd44</reservationId>\n"
	"      <ownerId>111122223333</ownerId>\n"
	"      <groupSet/>\n"
	"      <instancesSet>\n"
	"        <item>\n"
	"          <instanceId>i-0a1b2c3d4e5f60718</instanceId>\n"
	"          <instanceState><code>80</code><name>stopped</name></instanceState>\n"
	"          <dnsName/>\n"
	"          <reason>User initiated (2026-01-02 01:10:00 GMT)</reason>\n"
	"          <instanceType>c5.2xlarge</instanceType>\n"
	"          <launchTime>2026-01-01T18:00:03.000Z</launchTime>\n"
	"          <placement>\n"
	"            <availabilityZone>eu-west-2a</availabilityZone>\n"
	"            <groupName/>\n"
	"            <tenancy>dedicated</tenancy>\n"
	"          </placement>\n"
	"          <monitoring><state>disabled</state></monitoring>\n"
	"          <privateIpAddress>10.20.1.15</privateIpAddress>\n"
	"          <stateReason>\n"
	"            <code>Client.UserInitiatedShutdown</code>\n"
	"            <message>Client.UserInitiatedShutdown: User initiated shutdown</message>\n"
	"          </stateReason>\n"
	"          <tagSet>\n"
	"            <item><key>pexip-cloud</key><value>mgr-1</value></item>\n"
	"            <item><key>Name</key><value>node-07</value></item>\n"
	"          </tagSet>\n"
	"          <networkInterfaceSet>\n"
	"            <item>\n"
	"              <networkInterfaceId>eni-0123456789abcdef0</networkInterfaceId>\n"
	"              <status>in-use</status>\n"
	"              <privateIpAddress>10.20.1.15</privateIpAddress>\n"
	"              <groupSet><item><groupId>sg-1</groupId></item></groupSet>\n"
	"              <attachment><deviceIndex>0</deviceIndex><status>attached</status></attachment>\n"
	"              <privateIpAddressesSet>\n"
	"                "
	"<item><privateIpAddress>10.20.1.15</privateIpAddress><primary>true</primary></item>\n"
	"              </privateIpAddressesSet>\n"
	"            </item>\n"
	"          </networkInterfaceSet>\n"
	"        </item>\n"
	"      </instancesSet>\n"
	"    </item>\n"
	"  </reservationSet>\n"
	"</DescribeInstancesResponse>\n";

static struct ec2_builder *builder;
static struct ec2_answer answer;
static char why[160];

static int begin(void **state)
{
	(void)state;
	builder = ec2_builder_new("eu-west-2");
	return builder ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	ec2_builder_free(builder);
	return 0;
}

static bool read_text(const char *xml)
{
	return ec2_parse(xml, strlen(xml), builder, NULL, &answer, why, sizeof(why));
}

static struct ec2_report *finished(void)
{
	struct ec2_report *r = ec2_builder_finish(builder);

	assert_non_null(r);
	return r;
}

/* An instance of EC2's answer around `inner`. */
static void wrap(struct buf *b, const char *inner)
{
	buf_puts(b, "<DescribeInstancesResponse " NS "><reservationSet><item><instancesSet><item>");
	buf_puts(b, inner);
	buf_puts(b, "</item></instancesSet></item></reservationSet></DescribeInstancesResponse>");
}

static bool read_instance(const char *inner)
{
	struct buf b = BUF_INIT(1 << 20);

	wrap(&b, inner);
	bool good = read_text(b.data);

	buf_free(&b);
	return good;
}

#define ID_AND_STATE                                                                                         \
	"<instanceId>i-1</instanceId><instanceState><code>16</code><name>running</name></instanceState>"

static void reads_a_stopped_instance(void **state)
{
	(void)state;
	assert_true(read_text(stopped_xml));
	assert_int_equal(answer.kind, EC2_ANSWER_INSTANCES);
	assert_string_equal(answer.request_id, "0f9c1a52-7f0e-4f5e-9a56-0c0a6d7e1b01");
	assert_string_equal(answer.next_token, "");

	_cleanup_(ec2_report_freep) struct ec2_report *r = finished();
	const struct ec2_instance *i = r->instances;

	assert_int_equal(r->n_instances, 1);
	assert_string_equal(r->region, "eu-west-2");
	assert_string_equal(i->id, "i-0a1b2c3d4e5f60718");
	assert_string_equal(i->type, "c5.2xlarge");
	assert_string_equal(i->region, "eu-west-2");
	assert_string_equal(i->zone, "eu-west-2a");
	assert_int_equal(i->state, INSTANCE_STOPPED);
	assert_string_equal(i->state_reason_code, "Client.UserInitiatedShutdown");
	assert_string_equal(i->state_reason_message, "Client.UserInitiatedShutdown: User initiated shutdown");
	assert_int_equal(i->launch_time, 1767290403000);
	assert_null(i->public_address);
	assert_false(i->elastic);
	assert_string_equal(i->tenancy, "dedicated");
	assert_string_equal(i->tag_value, "mgr-1");
	assert_int_equal(i->n_addresses, 1);
	assert_string_equal(i->addresses[0], "10.20.1.15");
	assert_int_equal(i->n_tags, 2);
	assert_string_equal(i->tags[1].key, "Name");
	assert_string_equal(i->tags[1].value, "node-07");
}

static void order_is_free(void **state)
{
	(void)state;
	assert_true(read_text("<DescribeInstancesResponse><nextToken>more</"
			      "nextToken><reservationSet><item><instancesSet><item>"
			      "<tagSet><item><value>mgr-1</value><key>pexip-cloud</key></item></tagSet>"
			      "<networkInterfaceSet><item><association><ipOwnerId>111122223333</ipOwnerId>"
			      "<publicIp>198.51.100.7</publicIp></association></item></networkInterfaceSet>"
			      "<ipAddress>198.51.100.7</ipAddress>"
			      "<instanceState><name>running</name><code>16</code></instanceState>"
			      "<instanceId>i-2</instanceId>"
			      "</item></instancesSet><ownerId>1</ownerId></item></reservationSet>"
			      "<requestId>last</requestId></DescribeInstancesResponse>"));
	assert_string_equal(answer.request_id, "last");
	assert_string_equal(answer.next_token, "more");

	_cleanup_(ec2_report_freep) struct ec2_report *r = finished();

	assert_string_equal(r->instances[0].tag_value, "mgr-1");
	assert_true(r->instances[0].elastic);
	assert_string_equal(r->instances[0].public_address, "198.51.100.7");
}

static void missing_and_empty_sets(void **state)
{
	(void)state;
	assert_true(read_instance(ID_AND_STATE));
	assert_true(read_instance("<instanceId>i-2</instanceId><instanceState><code>80</code></instanceState>"
				  "<tagSet/><networkInterfaceSet></networkInterfaceSet><stateReason><code/"
				  "><message/></stateReason>"
				  "<placement/><launchTime/><ipAddress/><privateIpAddress/>"));
	assert_true(read_instance(
		"<instanceId>i-3</instanceId><instanceState><name>pending</name></instanceState>"
		"<tagSet><item><key>pexip-cloud</key><value/></item><item><key>x</key></item></tagSet>"));

	_cleanup_(ec2_report_freep) struct ec2_report *r = finished();

	assert_int_equal(r->n_instances, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_null(r->instances[i].state_reason_code);
		assert_null(r->instances[i].state_reason_message);
		assert_null(r->instances[i].public_address);
		assert_int_equal(r->instances[i].n_addresses, 0);
		assert_int_equal(r->instances[i].launch_time, 0);
		assert_string_equal(r->instances[i].tenancy, "default");
		assert_string_equal(r->instances[i].zone, "");
	}
	assert_null(r->instances[0].tag_value);
	assert_int_equal(r->instances[1].state, INSTANCE_STOPPED);
	assert_string_equal(r->instances[2].tag_value, "");
	assert_int_equal(r->instances[2].n_tags, 2);
	assert_string_equal(r->instances[2].tags[1].value, "");
}

/* The same names stand at several depths: only the full path counts. */
static void matches_by_full_path(void **state)
{
	(void)state;
	assert_true(read_instance(
		ID_AND_STATE
		"<monitoring><state>disabled</state><instanceId>i-wrong</instanceId></monitoring>"
		"<blockDeviceMapping><item><ebs><status>attached</status><code>80</code></ebs>"
		"<instanceState><name>stopped</name></instanceState></item></blockDeviceMapping>"
		"<networkInterfaceSet><item><attachment><instanceId>i-wrong</instanceId></attachment>"
		"<tagSet><item><key>pexip-cloud</key><value>wrong</value></item></tagSet>"
		"<privateIpAddressesSet><item><privateIpAddress>10.0.0.9</privateIpAddress></item>"
		"</privateIpAddressesSet></item></networkInterfaceSet>"
		"<unknown><item><instanceId>i-wrong</instanceId><privateIpAddress>9.9.9.9</privateIpAddress>"
		"</item></unknown><instanceType>c5.<b>no</b>large</instanceType>"));

	_cleanup_(ec2_report_freep) struct ec2_report *r = finished();
	const struct ec2_instance *i = r->instances;

	assert_int_equal(r->n_instances, 1);
	assert_string_equal(i->id, "i-1");
	assert_int_equal(i->state, INSTANCE_RUNNING);
	assert_null(i->tag_value);
	assert_int_equal(i->n_addresses, 1);
	assert_string_equal(i->addresses[0], "10.0.0.9");
	assert_string_equal(i->type, "c5.large");
}

static void all_interfaces_count(void **state)
{
	(void)state;
	assert_true(read_instance(
		ID_AND_STATE
		"<privateIpAddress>10.0.0.1</privateIpAddress><networkInterfaceSet>"
		"<item><privateIpAddress>10.0.0.1</privateIpAddress><privateIpAddressesSet>"
		"<item><privateIpAddress>10.0.0.1</privateIpAddress></item>"
		"<item><privateIpAddress>10.0.0.2</privateIpAddress></item></privateIpAddressesSet></item>"
		"<item><privateIpAddress>10.1.0.1</privateIpAddress></item></networkInterfaceSet>"));

	_cleanup_(ec2_report_freep) struct ec2_report *r = finished();

	assert_int_equal(r->instances[0].n_addresses, 3);
	assert_string_equal(r->instances[0].addresses[0], "10.0.0.1");
	assert_string_equal(r->instances[0].addresses[1], "10.0.0.2");
	assert_string_equal(r->instances[0].addresses[2], "10.1.0.1");
}

#define ASSOCIATION(ip, owner)                                                                               \
	"<item><association><publicIp>" ip "</publicIp><ipOwnerId>" owner "</ipOwnerId></association></"     \
	"item>"

static void elastic_addresses(void **state)
{
	static const struct {
		const char *inner;
		const char *address;
		bool elastic;
	} cases[] = {
		{"<ipAddress>198.51.100.1</ipAddress><networkInterfaceSet>" ASSOCIATION(
			 "198.51.100.1", "amazon") "</networkInterfaceSet>",
		 "198.51.100.1", false},
		{"<ipAddress>198.51.100.1</ipAddress><networkInterfaceSet>" ASSOCIATION(
			 "198.51.100.1", "111122223333") "</networkInterfaceSet>",
		 "198.51.100.1", true},
		/* The second interface's Elastic IP is not the instance's public address. */
		{"<ipAddress>198.51.100.1</ipAddress><networkInterfaceSet>" ASSOCIATION("198.51.100.1",
											"amazon")
			 ASSOCIATION("198.51.100.2", "111122223333") "</networkInterfaceSet>",
		 "198.51.100.1", false},
		/* Only in the interface, as on secondary private addresses. */
		{"<networkInterfaceSet><item><privateIpAddressesSet>" ASSOCIATION(
			 "198.51.100.3",
			 "111122223333") "</privateIpAddressesSet></item></networkInterfaceSet>",
		 "198.51.100.3", true},
		/* Nothing said about the owner: not known to be elastic. */
		{"<networkInterfaceSet><item><association><publicIp>198.51.100.4</publicIp></association></"
		 "item>"
		 "</networkInterfaceSet>",
		 "198.51.100.4", false},
		{"<networkInterfaceSet><item><association/></item></networkInterfaceSet>", NULL, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		_cleanup_(ec2_builder_freep) struct ec2_builder *b = ec2_builder_new("eu-west-2");
		struct buf x = BUF_INIT(1 << 16);
		struct buf inner = BUF_INIT(1 << 16);

		buf_puts(&inner, ID_AND_STATE);
		buf_puts(&inner, cases[i].inner);
		wrap(&x, inner.data);
		assert_true(ec2_parse(x.data, x.len, b, NULL, &answer, why, sizeof(why)));
		_cleanup_(ec2_report_freep) struct ec2_report *r = ec2_builder_finish(b);

		if (cases[i].address)
			assert_string_equal(r->instances[0].public_address, cases[i].address);
		else
			assert_null(r->instances[0].public_address);
		assert_int_equal(r->instances[0].elastic, cases[i].elastic);
		buf_free(&x);
		buf_free(&inner);
	}
}

static void state_codes_are_masked(void **state)
{
	(void)state;
	assert_true(
		read_instance("<instanceId>i-1</instanceId><instanceState><code>272</code></instanceState>"));
	assert_true(read_instance("<instanceId>i-2</instanceId><instanceState><code>272</"
				  "code><name>new-word</name></instanceState>"));
	assert_false(
		read_instance("<instanceId>i-3</instanceId><instanceState><code>x</code></instanceState>"));
	assert_false(
		read_instance("<instanceId>i-3</instanceId><instanceState><code>-1</code></instanceState>"));
	assert_false(read_instance("<instanceId>i-3</instanceId><instanceState/>"));
	assert_non_null(strstr(why, "without a state"));
	assert_false(read_instance("<instanceState><code>16</code></instanceState>"));
	assert_non_null(strstr(why, "without an id"));
	assert_false(read_instance(ID_AND_STATE "<launchTime>yesterday</launchTime>"));

	_cleanup_(ec2_report_freep) struct ec2_report *r = finished();

	assert_int_equal(r->n_instances, 2);
	assert_int_equal(r->instances[0].state, INSTANCE_RUNNING);
	assert_int_equal(r->instances[1].state, INSTANCE_RUNNING);
}

static void several_reservations_and_pages(void **state)
{
	static const char first[] = "<DescribeInstancesResponse><reservationSet>"
				    "<item><instancesSet><item><instanceId>i-3</"
				    "instanceId><instanceState><code>0</code></instanceState></item>"
				    "<item><instanceId>i-1</instanceId><instanceState><code>16</code></"
				    "instanceState></item></instancesSet></item>"
				    "<item><instancesSet/></item></reservationSet><nextToken>t2</nextToken></"
				    "DescribeInstancesResponse>";
	static const char empty[] = "<DescribeInstancesResponse><reservationSet/><nextToken>t3</nextToken>"
				    "</DescribeInstancesResponse>";

	(void)state;
	assert_true(read_text(first));
	assert_string_equal(answer.next_token, "t2");
	assert_true(read_text(empty));
	assert_string_equal(answer.next_token, "t3");
	assert_true(
		read_instance("<instanceId>i-3</instanceId><instanceState><code>16</code></instanceState>"));
	assert_string_equal(answer.next_token, "");
	assert_true(
		read_instance("<instanceId>i-2</instanceId><instanceState><code>80</code></instanceState>"));

	_cleanup_(ec2_report_freep) struct ec2_report *r = finished();

	assert_int_equal(r->n_instances, 3);
	assert_string_equal(r->instances[0].id, "i-1");
	assert_string_equal(r->instances[1].id, "i-2");
	assert_string_equal(r->instances[2].id, "i-3");
	assert_int_equal(r->instances[2].state, INSTANCE_RUNNING); /* the later form */
}

static void failed_page_leaves_nothing(void **state)
{
	char cut[sizeof(stopped_xml)];

	(void)state;
	assert_true(read_instance(ID_AND_STATE));
	memcpy(cut, stopped_xml, sizeof(cut));
	char *after = strstr(cut, "</instancesSet>");

	assert_non_null(after);
	*after = '\0'; /* the instance itself is whole */
	assert_false(read_text(cut));

	_cleanup_(ec2_report_freep) struct ec2_report *r = finished();

	assert_int_equal(r->n_instances, 1);
	assert_string_equal(r->instances[0].id, "i-1");
}

static void truncated_anywhere_is_refused(void **state)
{
	(void)state;
	size_t root_end = strlen(stopped_xml) - 1; /* the line end behind the root is no loss */

	for (size_t len = 0; len < root_end; len++)
		if (ec2_parse(stopped_xml, len, builder, NULL, &answer, why, sizeof(why)))
			fail_msg("accepted after %zu bytes", len);
}

static void doctype_is_refused(void **state)
{
	(void)state;
	assert_false(read_text("<!DOCTYPE a [<!ENTITY x \"y\">]><DescribeInstancesResponse/>"));
	assert_non_null(strstr(why, "DOCTYPE"));
	assert_false(read_text("<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><DescribeInstancesResponse/>"));
	assert_false(read_text(
		"<?xml version=\"1.0\"?><!DOCTYPE lolz [<!ENTITY a \"aaaaaaaaaa\">"
		"<!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;\"><!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;&b;\">]>"
		"<DescribeInstancesResponse><nextToken>&c;</nextToken></DescribeInstancesResponse>"));
	assert_non_null(strstr(why, "DOCTYPE"));
	assert_false(read_text(
		"<DescribeInstancesResponse><nextToken>&undefined;</nextToken></DescribeInstancesResponse>"));
}

static void depth_is_capped(void **state)
{
	struct buf b = BUF_INIT(1 << 20);

	(void)state;
	buf_puts(&b, "<DescribeInstancesResponse>");
	for (int i = 0; i < LIMIT_EC2_DEPTH - 1; i++)
		buf_puts(&b, "<a>");
	for (int i = 0; i < LIMIT_EC2_DEPTH - 1; i++)
		buf_puts(&b, "</a>");
	buf_puts(&b, "</DescribeInstancesResponse>");
	assert_true(read_text(b.data));
	buf_reset(&b);
	for (int i = 0; i < 50000; i++)
		buf_puts(&b, "<a>");
	assert_false(read_text(b.data));
	assert_non_null(strstr(why, "deep"));
	buf_free(&b);
}

static void text_is_capped(void **state)
{
	struct buf b = BUF_INIT(1 << 20);
	char text[LIMIT_EC2_TEXT_BYTES + 2];

	(void)state;
	memset(text, 't', sizeof(text) - 1);
	text[LIMIT_EC2_TEXT_BYTES] = '\0';
	buf_printf(&b, "<DescribeInstancesResponse><nextToken>%s</nextToken></DescribeInstancesResponse>",
		   text);
	assert_true(read_text(b.data));
	assert_string_equal(answer.next_token, text);
	buf_reset(&b);
	text[LIMIT_EC2_TEXT_BYTES] = 't';
	text[LIMIT_EC2_TEXT_BYTES + 1] = '\0';
	buf_printf(&b, "<DescribeInstancesResponse><nextToken>%s</nextToken></DescribeInstancesResponse>",
		   text);
	assert_false(read_text(b.data));
	assert_non_null(strstr(why, "too long"));
	/* Text that nobody wants may be as long as it likes. */
	buf_reset(&b);
	buf_printf(&b, "<DescribeInstancesResponse><other>%s</other></DescribeInstancesResponse>", text);
	assert_true(read_text(b.data));
	/* A refusal is cut, not refused itself. */
	buf_reset(&b);
	buf_printf(&b,
		   "<Response><Errors><Error><Message>%s%s</Message><Code>Blocked</Code></Error></Errors></"
		   "Response>",
		   text, text);
	assert_true(read_text(b.data));
	assert_string_equal(answer.code, "Blocked");
	assert_int_equal(strlen(answer.message), sizeof(answer.message) - 1);
	buf_free(&b);
}

/* The feed goes in pieces of 16 KiB: every text and tag gets cut by an edge once. */
static void pieces_do_not_matter(void **state)
{
	struct buf b = BUF_INIT(4 << 20);

	(void)state;
	buf_puts(&b, "<DescribeInstancesResponse><reservationSet><item><instancesSet>");
	for (int i = 0; i < 5000; i++)
		buf_printf(&b,
			   "<item><instanceId>i-%05d</instanceId><instanceState><code>16</code></"
			   "instanceState><x>%.*s</x>"
			   "<tagSet><item><key>Name</key><value>a &amp; b &lt;%d&gt; "
			   "\xc3\xa9</value></item></tagSet></item>",
			   i, i % 17, "xxxxxxxxxxxxxxxxx", i);
	buf_puts(&b, "</instancesSet></item></reservationSet></DescribeInstancesResponse>");
	assert_true(read_text(b.data));
	buf_free(&b);

	_cleanup_(ec2_report_freep) struct ec2_report *r = finished();

	assert_int_equal(r->n_instances, 5000);
	for (int i = 0; i < 5000; i++) {
		char id[16];
		char value[64];

		(void)snprintf(id, sizeof(id), "i-%05d", i);
		(void)snprintf(value, sizeof(value), "a & b <%d> \xc3\xa9", i);
		assert_string_equal(r->instances[i].id, id);
		assert_string_equal(r->instances[i].tags[0].value, value);
	}
}

static void reads_state_changes(void **state)
{
	static const char xml[] = "<StartInstancesResponse " NS "><requestId>q</requestId><instancesSet>"
				  "<item><instanceId>i-7</instanceId><currentState><code>16</"
				  "code><name>running</name></currentState>"
				  "<previousState><code>16</code><name>running</name></previousState></item>"
				  "<item><previousState><name>stopped</name><code>80</code></previousState>"
				  "<currentState><code>256</code><name>pending</name></"
				  "currentState><instanceId>i-8</instanceId></item>"
				  "</instancesSet></StartInstancesResponse>";

	(void)state;
	assert_true(ec2_parse(xml, strlen(xml), NULL, "i-8", &answer, why, sizeof(why)));
	assert_int_equal(answer.kind, EC2_ANSWER_CHANGES);
	assert_string_equal(answer.request_id, "q");
	assert_string_equal(answer.changed_id, "i-8");
	assert_int_equal(answer.previous, INSTANCE_STOPPED);
	assert_int_equal(answer.current, INSTANCE_PENDING);
	assert_true(ec2_parse(xml, strlen(xml), NULL, NULL, &answer, why, sizeof(why)));
	assert_string_equal(answer.changed_id, "i-7");
	assert_true(ec2_parse(xml, strlen(xml), NULL, "i-9", &answer, why, sizeof(why)));
	assert_string_equal(answer.changed_id, "");
	assert_true(read_text("<StopInstancesResponse><instancesSet><item><instanceId>i-1</instanceId>"
			      "<currentState><code>64</code></currentState><previousState><code>16</code></"
			      "previousState></item>"
			      "</instancesSet></StopInstancesResponse>"));
	assert_int_equal(answer.current, INSTANCE_STOPPING);
	assert_int_equal(answer.previous, INSTANCE_RUNNING);
	assert_true(read_text("<StopInstancesResponse><instancesSet><item><instanceId>i-1</instanceId></"
			      "item></instancesSet>"
			      "</StopInstancesResponse>"));
	assert_string_equal(answer.changed_id, "");
}

static void reads_errors(void **state)
{
	(void)state;
	assert_true(read_text(
		"<?xml version=\"1.0\" "
		"encoding=\"UTF-8\"?>\n<Response><Errors><Error><Code>IncorrectInstanceState</Code>"
		"<Message>The instance 'i-1' is not in a state</Message></Error><Error><Code>Second</Code>"
		"<Message>other</Message></Error></Errors><RequestID>c3d2</RequestID></Response>"));
	assert_int_equal(answer.kind, EC2_ANSWER_ERROR);
	assert_string_equal(answer.code, "IncorrectInstanceState");
	assert_string_equal(answer.message, "The instance 'i-1' is not in a state");
	assert_string_equal(answer.request_id, "c3d2");
	assert_true(read_text("<ErrorResponse "
			      "xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>"
			      "<Code>ExpiredToken</Code><Message>m</Message></Error><RequestId>r</"
			      "RequestId></ErrorResponse>"));
	assert_int_equal(answer.kind, EC2_ANSWER_ERROR);
	assert_string_equal(answer.code, "ExpiredToken");
	assert_string_equal(answer.request_id, "r");
	assert_true(read_text("<Response><Errors/></Response>"));
	assert_int_equal(answer.kind, EC2_ANSWER_ERROR);
	assert_string_equal(answer.code, "");
}

static void refuses_what_is_not_ec2(void **state)
{
	(void)state;
	assert_false(read_text(""));
	assert_false(read_text("Service Unavailable"));
	assert_false(read_text("<html><body><p>500<br></body></html>"));
	assert_false(read_text("<DescribeInstancesResponse></wrong>"));
	assert_false(read_text("<DescribeInstancesResponse/><DescribeInstancesResponse/>"));
	assert_false(read_text(
		"<DescribeInstancesResponse><nextToken>\xff</nextToken></DescribeInstancesResponse>"));
	assert_true(read_text("<html><body>500</body></html>"));
	assert_int_equal(answer.kind, EC2_ANSWER_UNKNOWN);
	assert_true(read_text("<other><DescribeInstancesResponse><nextToken>x</nextToken></"
			      "DescribeInstancesResponse></other>"));
	assert_int_equal(answer.kind, EC2_ANSWER_UNKNOWN);
	assert_string_equal(answer.next_token, "");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		T(reads_a_stopped_instance),
		T(order_is_free),
		T(missing_and_empty_sets),
		T(matches_by_full_path),
		T(all_interfaces_count),
		T(elastic_addresses),
		T(state_codes_are_masked),
		T(several_reservations_and_pages),
		T(failed_page_leaves_nothing),
		T(truncated_anywhere_is_refused),
		T(doctype_is_refused),
		T(depth_is_capped),
		T(text_is_capped),
		T(pieces_do_not_matter),
		T(reads_state_changes),
		T(reads_errors),
		T(refuses_what_is_not_ec2),
	};

	return cmocka_run_group_tests_name("ec2_parse", tests, NULL, NULL);
}
