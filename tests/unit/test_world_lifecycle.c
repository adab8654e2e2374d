/*
 * The world's life-cycle operations, through its faces in memory: from an image to a synced node and back, with what EC2 and Infinity
 * refuse on the way. No socket, virtual time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "tests/world/transport.h"

#define CONFIG "/api/admin/configuration/v1/"
#define STATUS "/api/admin/status/v1/"
#define IMAGE  "ami-0feedfacecafe0001"
#define LAUNCH                                                                                               \
	"Action=RunInstances&ImageId=" IMAGE                                                                 \
	"&InstanceType=c5.2xlarge&MinCount=1&MaxCount=1&KeyName=node-key"                                    \
	"&NetworkInterface.1.DeviceIndex=0&NetworkInterface.1.SubnetId=subnet-0world00000000001"             \
	"&NetworkInterface.1.SecurityGroupId.1=sg-0world00000000001"                                         \
	"&NetworkInterface.1.AssociatePublicIpAddress=true&Placement.Tenancy=dedicated"                      \
	"&TagSpecification.1.ResourceType=instance&TagSpecification.1.Tag.1.Key=Name"                        \
	"&TagSpecification.1.Tag.1.Value=new-1&TagSpecification.1.Tag.2.Key=burstd-operation"                \
	"&TagSpecification.1.Tag.2.Value=token-1"

struct bench {
	struct world *w;
	struct world_http *h;
	struct http_answer answer; /* the last one */
	bool answered;
	bool lifecycle; /* which keys */
	struct flaky flaky;
};

static int setup(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));
	struct world_options o = world_options_default(21);
	struct world_http_options ho = world_http_options_default();

	o.traffic = false;
	o.ec2_lag_ms = 0;
	o.throttle = false;
	b->w = world_new(&o);
	b->h = world_http_new_silent(b->w, &ho);
	b->lifecycle = true;
	assert_non_null(b->h);
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;

	http_answer_free(&b->answer);
	world_http_stop(b->h);
	world_free(b->w);
	free(b);
	return 0;
}

/* Status of the answer; 0 = there was none. */
static int perform(struct bench *b, enum world_face face, struct http_call *call)
{
	struct flaky_transport t = {&b->flaky, world_transport(b->h, face)};
	struct transport port = flaky_port(&t);
	struct upstream_error e;

	http_answer_free(&b->answer);
	b->answer = (struct http_answer){0};
	b->answered = port.perform(port.self, call, &b->answer, &e);
	if (!b->answered)
		assert_int_equal(e.class, UPSTREAM_RETRY);
	return b->answered ? b->answer.status : 0;
}

static void pass(struct bench *b, double seconds)
{
	world_advance(b->w, world_now(b->w) + (int64_t)(seconds * 1000));
}

static const char *text(const struct bench *b)
{
	return b->answer.body.data ? b->answer.body.data : "";
}

static int ec2(struct bench *b, const char *form)
{
	struct world_http_options o = world_http_options_default();
	char body[4096];

	(void)snprintf(body, sizeof(body), "%s&Version=2016-11-15", form);
	return perform(
		b, WORLD_FACE_EC2,
		&(struct http_call){.method = METHOD_POST,
				    .url = "http://ec2.world/",
				    .body = body,
				    .body_len = strlen(body),
				    .sigv4 = "aws:amz:eu-west-1:ec2",
				    .access_key = b->lifecycle ? o.lifecycle_access_key : o.access_key,
				    .secret_key = b->lifecycle ? o.lifecycle_secret_key : o.secret_key});
}

static void refused(struct bench *b, const char *form, int status, const char *code)
{
	char element[128];

	(void)snprintf(element, sizeof(element), "<Code>%s</Code>", code);
	assert_int_equal(ec2(b, form), status);
	if (!strstr(text(b), element))
		print_message("%s\n", text(b));
	assert_non_null(strstr(text(b), element));
}

/* The text of the first element of this name; "" = none. Overwritten by the next call for the same `out`. */
static const char *element(const struct bench *b, const char *name, char out[128])
{
	char open[64];

	(void)snprintf(open, sizeof(open), "<%s>", name);
	const char *at = strstr(text(b), open);

	out[0] = '\0';
	if (at)
		(void)snprintf(out, 128, "%.*s", (int)strcspn(at + strlen(open), "<"), at + strlen(open));
	return out;
}

static int infinity(struct bench *b, enum http_method method, const char *path, const char *body)
{
	char url[300];

	(void)snprintf(url, sizeof(url), "http://infinity.world%s", path);
	return perform(b, WORLD_FACE_INFINITY,
		       &(struct http_call){.method = method,
					   .url = url,
					   .body = body,
					   .body_len = body ? strlen(body) : 0,
					   .basic_user = "admin",
					   .basic_password = "world-password"});
}

static int bootstrap(struct bench *b, const char *address, const char *path, const char *xml)
{
	static const char *const headers[] = {"Content-Type: text/xml", NULL};
	char url[200];

	(void)snprintf(url, sizeof(url), "http://bootstrap.world/%s%s", address, path);
	return perform(b, WORLD_FACE_BOOTSTRAP,
		       &(struct http_call){.method = xml ? METHOD_POST : METHOD_GET,
					   .url = url,
					   .headers = headers,
					   .body = xml,
					   .body_len = xml ? strlen(xml) : 0});
}

static int control(struct bench *b, const char *body)
{
	return perform(b, WORLD_FACE_CONTROL,
		       &(struct http_call){.method = METHOD_POST,
					   .url = "http://control.world/",
					   .body = body,
					   .body_len = strlen(body)});
}

struct launched {
	char id[128], address[128], public_address[128];
};

static struct launched launch(struct bench *b)
{
	struct launched l;
	char form[256];

	assert_int_equal(ec2(b, LAUNCH "&ClientToken=token-1"), 200);
	(void)element(b, "instanceId", l.id);
	(void)element(b, "privateIpAddress", l.address);
	pass(b, 60);
	(void)snprintf(form, sizeof(form), "Action=DescribeInstances&InstanceId.1=%s", l.id);
	assert_int_equal(ec2(b, form), 200);
	assert_non_null(strstr(text(b), "<name>running</name>"));
	(void)element(b, "ipAddress", l.public_address);
	return l;
}

#define NODE                                                                                                 \
	"{\"name\": \"new-1\", \"hostname\": \"new-1\", \"domain\": \"example.net\", \"address\": \"%s\", "  \
	"\"netmask\": \"255.255.240.0\", \"gateway\": \"172.31.0.1\", \"system_location\": "                 \
	"\"" CONFIG "system_location/4/\", \"enable_distributed_database\": false, \"unknown\": 1}"

static char *post_node(struct bench *b, const char *address)
{
	char body[1024];

	(void)snprintf(body, sizeof(body), NODE, address);
	assert_int_equal(infinity(b, METHOD_POST, CONFIG "worker_vm/", body), 201);
	assert_string_equal(b->answer.content_type, "application/xml");
	return strdup(text(b));
}

static bool synced(struct bench *b, int64_t node)
{
	struct world_node_state s;

	assert_true(world_node_find(b->w, node, &s));
	return s.synced;
}

/* --- EC2 --- */

static void test_images_of_the_owner(void **state)
{
	struct bench *b = *state;
	char id[128];

	assert_int_equal(
		ec2(b, "Action=DescribeImages&Owner.1=686087431763&Filter.1.Name=name&Filter.1.Value.1="
		       "Pexip+Infinity+Conferencing+Node+38+build+*&Filter.2.Name=state&Filter.2.Value.1="
		       "available"),
		200);
	assert_string_equal(element(b, "imageId", id), IMAGE);
	assert_null(strstr(strstr(text(b), "<imageId>") + 1, "<imageId>"));
	refused(b, "Action=DescribeImages&ImageId.1=ami-0", 400, "InvalidAMIID.NotFound");
}

static void test_launch_is_idempotent_by_its_token(void **state)
{
	struct bench *b = *state;
	char first[128], again[128];

	assert_int_equal(ec2(b, LAUNCH "&ClientToken=token-1"), 200);
	(void)element(b, "instanceId", first);
	assert_int_equal(ec2(b, LAUNCH "&ClientToken=token-1"), 200);
	assert_string_equal(element(b, "instanceId", again), first);
	refused(b, LAUNCH "&ClientToken=token-1&EbsOptimized=true", 400, "IdempotentParameterMismatch");
	assert_int_equal(ec2(b, LAUNCH "&ClientToken=token-2"), 200);
	assert_string_not_equal(element(b, "instanceId", again), first);
	assert_int_equal(
		ec2(b, "Action=DescribeInstances&Filter.1.Name=client-token&Filter.1.Value.1=token-1"), 200);
	assert_string_equal(element(b, "instanceId", again), first);
	assert_non_null(strstr(text(b), "<imageId>" IMAGE "</imageId>"));
	assert_non_null(strstr(text(b), "<clientToken>token-1</clientToken>"));
	assert_non_null(strstr(text(b), "<tenancy>dedicated</tenancy>"));
	assert_int_equal(world_counters(b->w).launches, 2);
}

static void test_launch_refused(void **state)
{
	struct bench *b = *state;
	static const struct {
		const char *form, *code;
	} cases[] = {
		{"ImageId=ami-0&InstanceType=c5.2xlarge", "InvalidAMIID.NotFound"},
		{"ImageId=ami-0feedfacecafe0009&InstanceType=c5.2xlarge", "InvalidAMIID.Unavailable"},
		{"ImageId=" IMAGE "&InstanceType=c5.small", "InvalidInstanceType"},
		{"ImageId=" IMAGE "&InstanceType=c5.2xlarge&KeyName=none", "InvalidKeyPair.NotFound"},
		{"ImageId=" IMAGE "&InstanceType=c5.2xlarge&SubnetId=subnet-0", "InvalidSubnetID.NotFound"},
		{"ImageId=" IMAGE "&InstanceType=c5.2xlarge&SecurityGroupId.1=sg-0", "InvalidGroup.NotFound"},
		{"ImageId=ami-0feedfacecafe0007&InstanceType=c5.2xlarge", "InvalidParameterCombination"},
		{"ImageId=" IMAGE "&InstanceType=c4.2xlarge&SubnetId=subnet-0world00000000002",
		 "Unsupported"},
	};
	char form[512];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		(void)snprintf(form, sizeof(form), "Action=RunInstances&MinCount=1&MaxCount=1&%s",
			       cases[i].form);
		refused(b, form, 400, cases[i].code);
	}
	refused(b, LAUNCH "&DryRun=true", 412, "DryRunOperation");
	assert_int_equal(world_counters(b->w).launches, 0);
}

static void test_policy_of_the_keys(void **state)
{
	struct bench *b = *state;
	struct world_node_state n;
	char form[200];

	assert_true(world_node_find(b->w, 10, &n));
	assert_int_equal(control(b, "{\"command\": \"policy\", \"scope\": \"bursting\"}"), 200);
	b->lifecycle = false;
	refused(b, LAUNCH "&DryRun=true", 403, "UnauthorizedOperation");
	refused(b, LAUNCH, 403, "UnauthorizedOperation");
	assert_int_equal(ec2(b, "Action=DescribeAddresses"), 200);
	(void)snprintf(form, sizeof(form), "Action=StartInstances&InstanceId.1=%s", n.instance);
	assert_int_equal(ec2(b, form), 200);
	b->lifecycle = true;
	refused(b, LAUNCH "&DryRun=true", 412, "DryRunOperation");
}

/* --- a node from its image --- */

static void test_from_image_to_synced_node(void **state)
{
	struct bench *b = *state;
	struct launched l = launch(b);
	char path[200], *xml;
	int64_t node = (int64_t)world_node_count(b->w) + 1;

	assert_int_equal(bootstrap(b, "172.31.8.250", "/", NULL), 0);
	assert_int_equal(bootstrap(b, l.address, "/", NULL), 200);
	assert_int_equal(bootstrap(b, l.public_address, "/", NULL), 200);
	xml = post_node(b, l.address);
	(void)snprintf(path, sizeof(path), CONFIG "worker_vm/%lld/", (long long)node);
	assert_string_equal(b->answer.location, path);
	assert_int_equal(bootstrap(b, l.address, "/configuration/bootstrap", "<worker_vm/>"), 400);
	assert_int_equal(bootstrap(b, l.address, "/configuration/bootstrap", xml), 200);
	assert_int_equal(bootstrap(b, l.address, "/", NULL), 0);
	assert_false(synced(b, node));
	pass(b, 400);
	assert_true(synced(b, node));
	(void)snprintf(path, sizeof(path), STATUS "worker_vm/%lld/", (long long)node);
	assert_int_equal(infinity(b, METHOD_GET, path, NULL), 200);
	assert_non_null(strstr(text(b), "\"sync_status\":\"SYNCED\""));
	assert_non_null(strstr(text(b), "\"max_hd_calls\":17"));
	free(xml);
}

static void test_document_of_a_deleted_record_never_syncs(void **state)
{
	struct bench *b = *state;
	struct launched l = launch(b);
	int64_t node = (int64_t)world_node_count(b->w) + 1;
	char path[200];
	char *first = post_node(b, l.address), *second;

	(void)snprintf(path, sizeof(path), CONFIG "worker_vm/%lld/", (long long)node);
	assert_int_equal(infinity(b, METHOD_DELETE, path, NULL), 204);
	assert_int_equal(infinity(b, METHOD_GET, path, NULL), 404);
	second = post_node(b, l.address);
	assert_string_not_equal(first, second);
	assert_int_equal(bootstrap(b, l.address, "/configuration/bootstrap", first), 200);
	pass(b, 4000);
	assert_false(synced(b, node + 1));
	free(first);
	free(second);
}

static void test_flaky(void **state)
{
	struct bench *b = *state;

	b->flaky = (struct flaky){.at = 1, .how = FLAKY_REFUSE, .counts = world_call_changes};
	assert_int_equal(ec2(b, "Action=DescribeAddresses"), 200);
	assert_int_equal(ec2(b, LAUNCH "&ClientToken=token-1"), 0);
	assert_int_equal(world_counters(b->w).launches, 0);
	b->flaky = (struct flaky){.at = 1, .how = FLAKY_LOSE, .for_good = true, .counts = world_call_changes};
	assert_int_equal(ec2(b, LAUNCH "&ClientToken=token-1"), 0);
	assert_int_equal(world_counters(b->w).launches, 1);
	assert_int_equal(ec2(b, "Action=DescribeAddresses"), 0);
	assert_true(b->flaky.happened);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_images_of_the_owner, setup, teardown),
		cmocka_unit_test_setup_teardown(test_launch_is_idempotent_by_its_token, setup, teardown),
		cmocka_unit_test_setup_teardown(test_launch_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_policy_of_the_keys, setup, teardown),
		cmocka_unit_test_setup_teardown(test_from_image_to_synced_node, setup, teardown),
		cmocka_unit_test_setup_teardown(test_document_of_a_deleted_record_never_syncs, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_flaky, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
