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
#include <openssl/pem.h>

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

/* --- after a launch --- */

static void test_new_instance_is_not_known_everywhere_at_once(void **state)
{
	struct world_options o = world_options_default(5);
	struct world_http_options ho = world_http_options_default();
	struct bench b = {.lifecycle = true};
	char form[200], id[128];
	bool unknown = false;

	(void)state;
	o.ec2_lag_ms = 60000;
	o.throttle = o.traffic = false;
	b.w = world_new(&o);
	b.h = world_http_new_silent(b.w, &ho);
	assert_int_equal(ec2(&b, LAUNCH "&ClientToken=token-1"), 200);
	(void)snprintf(form, sizeof(form), "Action=TerminateInstances&InstanceId.1=%s",
		       element(&b, "instanceId", id));
	refused(&b, form, 400, "InvalidInstanceID.NotFound");
	for (int i = 0; i < 20; i++) {
		assert_int_equal(
			ec2(&b,
			    "Action=DescribeInstances&Filter.1.Name=client-token&Filter.1.Value.1=token-1"),
			200);
		unknown |= !strstr(text(&b), id);
	}
	assert_true(unknown);
	pass(&b, 61);
	assert_int_equal(ec2(&b, form), 200);
	http_answer_free(&b.answer);
	world_http_stop(b.h);
	world_free(b.w);
}

static void test_terminated_is_shown_for_an_hour(void **state)
{
	struct bench *b = *state;
	struct launched l = launch(b);
	char terminate[200], describe[200];

	(void)snprintf(terminate, sizeof(terminate), "Action=TerminateInstances&InstanceId.1=%s", l.id);
	(void)snprintf(describe, sizeof(describe), "Action=DescribeInstances&InstanceId.1=%s", l.id);
	assert_int_equal(ec2(b, terminate), 200);
	assert_non_null(strstr(text(b), "<name>shutting-down</name>"));
	assert_int_equal(bootstrap(b, l.address, "/", NULL), 0);
	pass(b, 120);
	assert_int_equal(ec2(b, describe), 200);
	assert_non_null(strstr(text(b), "<name>terminated</name>"));
	assert_null(strstr(text(b), "privateIpAddress"));
	refused(b, LAUNCH "&ClientToken=token-1", 400, "IdempotentInstanceTerminated");
	pass(b, 3700);
	refused(b, describe, 400, "InvalidInstanceID.NotFound");
}

static void test_terminate_cuts_calls(void **state)
{
	struct bench *b = *state;
	struct world_node_state n;
	char form[200];

	assert_true(world_node_find(b->w, 10, &n));
	(void)snprintf(form, sizeof(form), "Action=StartInstances&InstanceId.1=%s", n.instance);
	assert_int_equal(ec2(b, form), 200);
	pass(b, 400);
	assert_int_not_equal(world_call_on_node(b->w, 10, 0), 0);
	(void)snprintf(form, sizeof(form), "Action=TerminateInstances&InstanceId.1=%s", n.instance);
	assert_int_equal(ec2(b, form), 200);
	assert_int_equal(world_counters(b->w).calls_cut, 1);
	assert_int_equal(world_counters(b->w).terminations, 1);
	assert_false(synced(b, 10));
	pass(b, 120);
	assert_true(world_node_find(b->w, 10, &n));
	assert_null(n.instance);
}

static void test_launch_that_fails_late(void **state)
{
	struct bench *b = *state;

	assert_int_equal(
		control(b, "{\"command\": \"fail_next\", \"action\": \"RunInstances\", \"how\": \"late\"}"),
		200);
	assert_int_equal(ec2(b, LAUNCH "&ClientToken=token-1"), 200);
	pass(b, 60);
	assert_int_equal(
		ec2(b, "Action=DescribeInstances&Filter.1.Name=client-token&Filter.1.Value.1=token-1"), 200);
	assert_non_null(strstr(text(b), "<name>terminated</name>"));
	assert_non_null(strstr(text(b), "Server.InsufficientInstanceCapacity"));
}

static void test_fail_next(void **state)
{
	struct bench *b = *state;

	assert_int_equal(
		control(b, "{\"command\": \"fail_next\", \"action\": \"RunInstances\", "
			   "\"code\": \"InsufficientInstanceCapacity\", \"status\": 500, \"times\": 2}"),
		200);
	refused(b, LAUNCH "&DryRun=true", 412, "DryRunOperation"); /* is not counted */
	refused(b, LAUNCH, 500, "InsufficientInstanceCapacity");
	refused(b, LAUNCH, 500, "InsufficientInstanceCapacity");
	assert_int_equal(ec2(b, LAUNCH), 200);
	assert_int_equal(
		control(b, "{\"command\": \"fail_next\", \"path\": \"v1/worker_vm/\", \"method\": \"POST\", "
			   "\"status\": 503}"),
		200);
	assert_int_equal(infinity(b, METHOD_GET, CONFIG "worker_vm/", NULL), 200);
	assert_int_equal(infinity(b, METHOD_POST, CONFIG "worker_vm/", "{}"), 503);
	assert_int_equal(infinity(b, METHOD_POST, CONFIG "worker_vm/", "{}"), 400);
	assert_int_equal(
		control(b, "{\"command\": \"fail_next\", \"path\": \"dns_server\", \"how\": \"lost\"}"), 200);
	assert_int_equal(infinity(b, METHOD_POST, CONFIG "dns_server/", "{\"address\": \"192.0.2.1\"}"), 0);
	assert_int_equal(infinity(b, METHOD_POST, CONFIG "dns_server/", "{\"address\": \"192.0.2.1\"}"), 400);
	assert_int_equal(control(b, "{\"command\": \"fail_next\"}"), 400);
}

static void test_lost_answers(void **state)
{
	struct bench *b = *state;
	char body[1024];

	world_fault_add(b->w, &(struct world_fault){.kind = WORLD_EC2_LOST, .until = INT64_MAX});
	assert_int_equal(ec2(b, LAUNCH "&ClientToken=token-1"), 0);
	assert_int_equal(world_counters(b->w).launches, 1);
	assert_int_equal(ec2(b, "Action=AllocateAddress"), 0);
	assert_int_equal(world_counters(b->w).addresses_held, 1);
	refused(b, LAUNCH "&ClientToken=token-1&EbsOptimized=true", 400, "IdempotentParameterMismatch");
	world_fault_add(b->w, &(struct world_fault){.kind = WORLD_INFINITY_LOST, .until = INT64_MAX});
	(void)snprintf(body, sizeof(body), NODE, "172.31.8.4");
	assert_int_equal(infinity(b, METHOD_POST, CONFIG "worker_vm/", body), 0);
	assert_int_equal(infinity(b, METHOD_GET, CONFIG "worker_vm/?name=new-1", NULL), 200);
	assert_non_null(strstr(text(b), "\"total_count\":1"));
}

/* --- addresses, tags, attributes, groups --- */

static void allocate(struct bench *b, char id[128])
{
	assert_int_equal(
		ec2(b,
		    "Action=AllocateAddress&TagSpecification.1.ResourceType=elastic-ip"
		    "&TagSpecification.1.Tag.1.Key=burstd-operation&TagSpecification.1.Tag.1.Value=token-1"),
		200);
	(void)element(b, "allocationId", id);
}

static void test_address_from_allocation_to_release(void **state)
{
	struct bench *b = *state;
	char id[128], address[128], association[128], form[400], shown[128], instance[128];

	allocate(b, id);
	(void)element(b, "publicIp", address);
	assert_int_equal(ec2(b, LAUNCH "&ClientToken=token-1"), 200);
	(void)element(b, "instanceId", instance);
	(void)snprintf(form, sizeof(form),
		       "Action=AssociateAddress&AllocationId=%s&InstanceId=%s&AllowReassociation=false", id,
		       instance);
	refused(b, form, 400, "IncorrectInstanceState"); /* pending */
	pass(b, 60);
	assert_int_equal(ec2(b, form), 200);
	(void)element(b, "associationId", association);
	assert_int_equal(ec2(b, form), 200); /* the same again */
	assert_int_equal(
		ec2(b,
		    "Action=DescribeAddresses&Filter.1.Name=tag:burstd-operation&Filter.1.Value.1=token-1"),
		200);
	assert_string_equal(element(b, "associationId", shown), association);
	assert_int_equal(
		ec2(b, "Action=DescribeInstances&Filter.1.Name=client-token&Filter.1.Value.1=token-1"), 200);
	assert_string_equal(element(b, "ipAddress", shown), address);
	(void)snprintf(form, sizeof(form), "Action=ReleaseAddress&AllocationId=%s", id);
	refused(b, form, 400, "InvalidIPAddress.InUse");
	(void)snprintf(form, sizeof(form), "Action=DisassociateAddress&AssociationId=%s", association);
	assert_int_equal(ec2(b, form), 200);
	refused(b, form, 400, "InvalidAssociationID.NotFound");
	(void)snprintf(form, sizeof(form), "Action=ReleaseAddress&AllocationId=%s", id);
	assert_int_equal(ec2(b, form), 200);
	refused(b, form, 400, "InvalidAllocationID.NotFound");
	assert_int_equal(world_counters(b->w).addresses_held, 0);
}

static void test_address_of_another_and_too_many(void **state)
{
	struct bench *b = *state;
	struct launched l = launch(b);
	struct world_node_state n;
	char id[128], form[400];

	assert_true(world_node_find(b->w, 10, &n)); /* has an Elastic IP from the beginning */
	(void)snprintf(form, sizeof(form),
		       "Action=DescribeAddresses&Filter.1.Name=instance-id&Filter.1.Value.1=%s", n.instance);
	assert_int_equal(ec2(b, form), 200);
	(void)element(b, "allocationId", id);
	(void)snprintf(form, sizeof(form),
		       "Action=AssociateAddress&AllocationId=%s&InstanceId=%s&AllowReassociation=false", id,
		       l.id);
	refused(b, form, 400, "Resource.AlreadyAssociated");
	for (int i = 0; i < 5; i++)
		allocate(b, id);
	refused(b, "Action=AllocateAddress", 400, "AddressLimitExceeded");
}

static void test_assigned_address_changes_at_each_start(void **state)
{
	struct bench *b = *state;
	struct launched l = launch(b);
	char form[200], second[128];

	(void)snprintf(form, sizeof(form), "Action=StopInstances&InstanceId.1=%s", l.id);
	assert_int_equal(ec2(b, form), 200);
	pass(b, 120);
	(void)snprintf(form, sizeof(form), "Action=StartInstances&InstanceId.1=%s", l.id);
	assert_int_equal(ec2(b, form), 200);
	pass(b, 120);
	(void)snprintf(form, sizeof(form), "Action=DescribeInstances&InstanceId.1=%s", l.id);
	assert_int_equal(ec2(b, form), 200);
	assert_string_not_equal(element(b, "ipAddress", second), l.public_address);
	assert_string_not_equal(second, "");
	assert_int_equal(bootstrap(b, second, "/", NULL), 200); /* still blank: it waits again */
	assert_int_equal(bootstrap(b, l.public_address, "/", NULL), 0);
}

static void test_tags_come_and_go(void **state)
{
	struct bench *b = *state;
	struct launched l = launch(b);
	char form[300];

	assert_int_equal(control(b, "{\"command\": \"policy\", \"scope\": \"bursting\"}"), 200);
	(void)snprintf(form, sizeof(form),
		       "Action=CreateTags&ResourceId.1=%s&Tag.1.Key=pexip-cloud&Tag.1.Value=mgr01", l.id);
	assert_int_equal(ec2(b, form), 200);
	b->lifecycle = false; /* now the guide's policy covers it */
	(void)snprintf(form, sizeof(form), "Action=StopInstances&InstanceId.1=%s&DryRun=true", l.id);
	refused(b, form, 412, "DryRunOperation");
	b->lifecycle = true;
	(void)snprintf(form, sizeof(form), "Action=DeleteTags&ResourceId.1=%s&Tag.1.Key=pexip-cloud", l.id);
	assert_int_equal(ec2(b, form), 200);
	assert_int_equal(ec2(b, form), 200);
	b->lifecycle = false;
	(void)snprintf(form, sizeof(form), "Action=StopInstances&InstanceId.1=%s&DryRun=true", l.id);
	refused(b, form, 403, "UnauthorizedOperation");
	assert_int_equal(control(b, "{\"command\": \"policy\", \"scope\": \"tagged\"}"), 200);
	refused(b, form, 412, "DryRunOperation"); /* its operation's mark will do */
	refused(b, "Action=DescribeInstances&DryRun=true", 412, "DryRunOperation");
	refused(b, "Action=CreateTags&ResourceId.1=i-0&Tag.1.Key=a&Tag.1.Value=b", 400,
		"InvalidInstanceID.NotFound");
}

static void test_type_and_ena_while_stopped_alone(void **state)
{
	struct bench *b = *state;
	struct launched l = launch(b);
	char form[300];

	(void)snprintf(form, sizeof(form),
		       "Action=ModifyInstanceAttribute&InstanceId=%s&InstanceType.Value=c5.4xlarge", l.id);
	refused(b, form, 400, "IncorrectInstanceState");
	(void)snprintf(form, sizeof(form), "Action=StopInstances&InstanceId.1=%s", l.id);
	assert_int_equal(ec2(b, form), 200);
	pass(b, 120);
	(void)snprintf(form, sizeof(form),
		       "Action=ModifyInstanceAttribute&InstanceId=%s&InstanceType.Value=c5.tiny", l.id);
	refused(b, form, 400, "InvalidInstanceAttributeValue");
	(void)snprintf(form, sizeof(form),
		       "Action=ModifyInstanceAttribute&InstanceId=%s&EnaSupport.Value=false", l.id);
	assert_int_equal(ec2(b, form), 200);
	(void)snprintf(form, sizeof(form), "Action=StartInstances&InstanceId.1=%s", l.id);
	refused(b, form, 400, "InvalidParameterCombination");
	(void)snprintf(form, sizeof(form),
		       "Action=ModifyInstanceAttribute&InstanceId=%s&EnaSupport.Value=true", l.id);
	assert_int_equal(ec2(b, form), 200);
	(void)snprintf(form, sizeof(form),
		       "Action=ModifyInstanceAttribute&InstanceId=%s&InstanceType.Value=c5.4xlarge", l.id);
	assert_int_equal(ec2(b, form), 200);
	(void)snprintf(form, sizeof(form), "Action=DescribeInstances&InstanceId.1=%s", l.id);
	assert_int_equal(ec2(b, form), 200);
	assert_non_null(strstr(text(b), "<instanceType>c5.4xlarge</instanceType>"));
}

static void test_security_group(void **state)
{
	struct bench *b = *state;
	char id[128], form[500];

	assert_int_equal(ec2(b, "Action=CreateSecurityGroup&GroupName=nodes&GroupDescription=d&VpcId=vpc-"
				"0world00000000001"),
			 200);
	(void)element(b, "groupId", id);
	refused(b,
		"Action=CreateSecurityGroup&GroupName=nodes&GroupDescription=d&VpcId=vpc-0world00000000001",
		400, "InvalidGroup.Duplicate");
	(void)snprintf(form, sizeof(form),
		       "Action=AuthorizeSecurityGroupIngress&GroupId=%s&IpPermissions.1.IpProtocol=tcp"
		       "&IpPermissions.1.FromPort=443&IpPermissions.1.ToPort=443&IpPermissions.1.IpRanges.1."
		       "CidrIp=192.0.2.0/24",
		       id);
	assert_int_equal(ec2(b, form), 200);
	refused(b, form, 400, "InvalidPermission.Duplicate");
	assert_int_equal(
		ec2(b, "Action=DescribeSecurityGroups&Filter.1.Name=group-name&Filter.1.Value.1=nodes"), 200);
	assert_non_null(strstr(text(b), "<cidrIp>192.0.2.0/24</cidrIp>"));
	assert_null(strstr(text(b), "conferencing-nodes"));
	(void)snprintf(form, sizeof(form), "Action=DeleteSecurityGroup&GroupId=%s", id);
	assert_int_equal(ec2(b, form), 200);
	refused(b, form, 400, "InvalidGroup.NotFound");
	refused(b, "Action=DeleteSecurityGroup&GroupId=sg-0world00000000001", 400, "DependencyViolation");
}

static void test_reads_of_the_surroundings(void **state)
{
	struct bench *b = *state;

	assert_int_equal(ec2(b, "Action=DescribeKeyPairs&KeyName.1=node-key"), 200);
	refused(b, "Action=DescribeKeyPairs&KeyName.1=none", 400, "InvalidKeyPair.NotFound");
	refused(b, "Action=DescribeSubnets&SubnetId.1=subnet-0", 400, "InvalidSubnetID.NotFound");
	assert_int_equal(ec2(b, "Action=DescribeSubnets&SubnetId.1=subnet-0world00000000003"), 200);
	assert_non_null(strstr(text(b), "<availableIpAddressCount>3</availableIpAddressCount>"));
	assert_int_equal(ec2(b, "Action=DescribeInstanceTypeOfferings&LocationType=availability-zone"
				"&Filter.1.Name=instance-type&Filter.1.Value.1=c4.2xlarge"),
			 200);
	assert_non_null(strstr(text(b), "<location>eu-west-1a</location>"));
	assert_null(strstr(text(b), "<location>eu-west-1b</location>"));
}

/* --- Infinity --- */

static void test_node_refused(void **state)
{
	struct bench *b = *state;
	static const struct {
		const char *field, *value;
	} cases[] = {
		{"name", "\"p1-1\""},         {"name", "\"a name that has more than thirty-two characters\""},
		{"hostname", "\"\""},         {"address", "\"172.31.0\""},
		{"address", "\"10.20.0.4\""}, {"system_location", "\"" CONFIG "system_location/99/\""},
		{"node_type", "\"EDGE\""},    {"enable_distributed_database", "\"no\""},
		{"static_nat_address", "5"}};
	char body[1024], wanted[64];

	(void)snprintf(body, sizeof(body), NODE, "172.31.8.4");
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		json_t *object = json_loads(body, 0, NULL);

		json_object_set_new(object, cases[i].field,
				    json_loads(cases[i].value, JSON_DECODE_ANY, NULL));
		char *sent = json_dumps(object, 0);

		(void)snprintf(wanted, sizeof(wanted), "{\"worker_vm\":{\"%s\":", cases[i].field);
		assert_int_equal(infinity(b, METHOD_POST, CONFIG "worker_vm/", sent), 400);
		assert_non_null(strstr(text(b), wanted));
		free(sent);
		json_decref(object);
	}
	assert_int_equal(infinity(b, METHOD_POST, CONFIG "worker_vm/", "{}"), 400);
	assert_int_equal(infinity(b, METHOD_DELETE, CONFIG "worker_vm/", NULL), 405);
	assert_int_equal(world_counters(b->w).nodes_made, 0);
}

static void test_node_moved_to_another_location(void **state)
{
	struct bench *b = *state;
	struct world_node_state n;

	assert_int_not_equal(world_call_on_node(b->w, 1, 0), 0);
	assert_int_equal(infinity(b, METHOD_PATCH, CONFIG "worker_vm/1/",
				  "{\"system_location\": \"" CONFIG "system_location/2/\"}"),
			 202);
	assert_int_equal(world_counters(b->w).calls_cut, 1);
	assert_false(synced(b, 1));
	pass(b, 61);
	assert_true(world_node_find(b->w, 1, &n));
	assert_true(n.synced);
	assert_int_equal(n.location, 2);
}

static void test_node_patched(void **state)
{
	struct bench *b = *state;

	assert_int_equal(
		infinity(b, METHOD_PATCH, CONFIG "worker_vm/10/",
			 "{\"enable_distributed_database\": true, \"static_nat_address\": \"198.51.100.9\", "
			 "\"description\": \"moved\"}"),
		202);
	assert_int_equal(infinity(b, METHOD_GET, CONFIG "worker_vm/10/", NULL), 200);
	assert_non_null(strstr(text(b), "\"enable_distributed_database\":true"));
	assert_non_null(strstr(text(b), "\"static_nat_address\":\"198.51.100.9\""));
	assert_non_null(strstr(text(b), "\"description\":\"moved\""));
	assert_int_equal(infinity(b, METHOD_PATCH, CONFIG "worker_vm/10/", "{\"address\": \"172.31.0.99\"}"),
			 400);
	assert_int_equal(infinity(b, METHOD_PATCH, CONFIG "worker_vm/10/", "{\"static_nat_address\": null}"),
			 202);
	assert_int_equal(infinity(b, METHOD_GET, CONFIG "worker_vm/10/", NULL), 200);
	assert_non_null(strstr(text(b), "\"static_nat_address\":null"));
}

static void test_node_deleted_with_calls(void **state)
{
	struct bench *b = *state;

	assert_int_not_equal(world_call_on_node(b->w, 1, 0), 0);
	assert_int_equal(infinity(b, METHOD_DELETE, CONFIG "worker_vm/1/", NULL), 204);
	assert_int_equal(world_counters(b->w).calls_cut, 1);
	assert_int_equal(world_counters(b->w).nodes_deleted, 1);
	assert_int_equal(infinity(b, METHOD_GET, STATUS "worker_vm/1/", NULL), 404);
	pass(b, 600);
	assert_int_equal(infinity(b, METHOD_DELETE, CONFIG "worker_vm/1/", NULL), 404);
}

static void test_servers_of_a_location(void **state)
{
	struct bench *b = *state;

	assert_int_equal(infinity(b, METHOD_POST, CONFIG "dns_server/", "{\"address\": \"192.0.2.53\"}"),
			 201);
	assert_string_equal(b->answer.location, CONFIG "dns_server/101/");
	assert_int_equal(infinity(b, METHOD_POST, CONFIG "ntp_server/", "{\"address\": \"\"}"), 400);
	assert_int_equal(infinity(b, METHOD_POST, CONFIG "ntp_server/", "{\"address\": \"ntp.example.net\"}"),
			 201);
	assert_int_equal(infinity(b, METHOD_POST, CONFIG "system_location/",
				  "{\"name\": \"Paris\", \"dns_servers\": [\"" CONFIG "dns_server/101/\"], "
				  "\"ntp_servers\": [\"" CONFIG "ntp_server/102/\"]}"),
			 201);
	assert_int_equal(infinity(b, METHOD_GET, b->answer.location, NULL), 200);
	assert_non_null(strstr(text(b), "\"address\":\"192.0.2.53\""));
	assert_non_null(strstr(text(b), "\"address\":\"ntp.example.net\""));
	assert_int_equal(infinity(b, METHOD_POST, CONFIG "system_location/",
				  "{\"name\": \"Rome\", \"dns_servers\": [\"" CONFIG "dns_server/999/\"]}"),
			 400);
	assert_int_equal(infinity(b, METHOD_DELETE, CONFIG "dns_server/101/", NULL), 204);
	assert_int_equal(infinity(b, METHOD_GET, CONFIG "dns_server/101/", NULL), 404);
	assert_int_equal(infinity(b, METHOD_DELETE, CONFIG "dns_server/", NULL), 405);
}

static void test_conference_and_aliases(void **state)
{
	struct bench *b = *state;
	char body[700], conference[512];

	assert_int_equal(infinity(b, METHOD_POST, CONFIG "conference/",
				  "{\"name\": \"Board\", \"aliases\": [{\"alias\": \"board\"}]}"),
			 201);
	(void)snprintf(conference, sizeof(conference), "%s", b->answer.location);
	(void)snprintf(body, sizeof(body), "{\"alias\": \"board@example.net\", \"conference\": \"%s\"}",
		       conference);
	assert_int_equal(infinity(b, METHOD_POST, CONFIG "conference_alias/", body), 201);
	assert_int_equal(infinity(b, METHOD_POST, CONFIG "conference_alias/", body), 400);
	assert_int_equal(infinity(b, METHOD_GET, conference, NULL), 200);
	assert_non_null(strstr(text(b), "\"alias\":\"board\""));
	assert_non_null(strstr(text(b), "\"alias\":\"board@example.net\""));
	assert_int_equal(infinity(b, METHOD_DELETE, conference, NULL), 204);
	assert_int_equal(infinity(b, METHOD_GET, CONFIG "conference_alias/", NULL), 200);
	assert_non_null(strstr(text(b), "\"total_count\":0"));
}

static void test_licence_by_entitlement(void **state)
{
	struct bench *b = *state;

	assert_int_equal(infinity(b, METHOD_POST, CONFIG "licence/", "{\"offline_mode\": false}"), 400);
	assert_int_equal(infinity(b, METHOD_POST, CONFIG "licence/", "{\"entitlement_id\": \"abc-123\"}"),
			 201);
	assert_int_equal(infinity(b, METHOD_GET, b->answer.location, NULL), 200);
	assert_null(strstr(text(b), "abc-123"));
	assert_non_null(strstr(text(b), "expiration_date"));
	assert_int_equal(infinity(b, METHOD_POST, CONFIG "licence/", "{\"entitlement_id\": \"abc-123\"}"),
			 400);
}

static void test_global_settings(void **state)
{
	struct bench *b = *state;

	assert_int_equal(infinity(b, METHOD_PATCH, CONFIG "global/1/",
				  "{\"bursting_enabled\": true, \"bursting_threshold\": 7, "
				  "\"bursting_min_lifetime\": 60, \"aws_access_key\": \"AKIA1\", "
				  "\"aws_secret_key\": \"very secret\"}"),
			 202);
	assert_int_equal(infinity(b, METHOD_GET, CONFIG "global/1/", NULL), 200);
	assert_non_null(strstr(text(b), "\"bursting_enabled\":true"));
	assert_non_null(strstr(text(b), "\"bursting_threshold\":7"));
	assert_non_null(strstr(text(b), "\"aws_secret_key\":\"$~!1"));
	assert_null(strstr(text(b), "very secret"));
	assert_int_equal(infinity(b, METHOD_PATCH, CONFIG "global/1/", "{\"bursting_min_lifetime\": 4}"),
			 400);
	assert_int_equal(infinity(b, METHOD_POST, CONFIG "global/", "{}"), 405);
	assert_int_equal(infinity(b, METHOD_GET, STATUS "management_vm/1/", NULL), 200);
	assert_non_null(strstr(text(b), "\"version\":\"38 (81234.0.0)\""));
	assert_int_equal(infinity(b, METHOD_PATCH, CONFIG "management_vm/1/",
				  "{\"ntp_servers\": [\"" CONFIG "ntp_server/1/\"]}"),
			 202);
	assert_int_equal(infinity(b, METHOD_GET, CONFIG "management_vm/1/", NULL), 200);
	assert_non_null(strstr(text(b), "\"ntp_servers\":[{\"id\":1"));
}

static char *pem_of(BIO *bio)
{
	char *at, *copy;
	long len = BIO_get_mem_data(bio, &at);

	copy = strndup(at, (size_t)len);
	BIO_free(bio);
	return copy;
}

/* A self-signed certificate for node.example.net and its key, into the body. */
static void make_certificate(json_t *body)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = X509_new();
	BIO *certificate_bio = BIO_new(BIO_s_mem()), *key_bio = BIO_new(BIO_s_mem());

	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	X509_gmtime_adj(X509_getm_notBefore(x), 0);
	X509_gmtime_adj(X509_getm_notAfter(x), 86400);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
				   (const unsigned char *)"node.example.net", -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(x));
	X509_set_pubkey(x, key);
	assert_int_not_equal(X509_sign(x, key, EVP_sha256()), 0);
	PEM_write_bio_X509(certificate_bio, x);
	PEM_write_bio_PrivateKey(key_bio, key, NULL, NULL, 0, NULL, NULL);
	X509_free(x);
	EVP_PKEY_free(key);
	char *texts[] = {pem_of(certificate_bio), pem_of(key_bio)};

	json_object_set_new(body, "certificate", json_string(texts[0]));
	json_object_set_new(body, "private_key", json_string(texts[1]));
	free(texts[0]);
	free(texts[1]);
}

static void test_certificate(void **state)
{
	struct bench *b = *state;

	assert_int_equal(infinity(b, METHOD_POST, CONFIG "tls_certificate/",
				  "{\"certificate\": \"no PEM\", \"private_key\": \"none\"}"),
			 400);
	json_t *body = json_object();

	make_certificate(body);
	char *sent = json_dumps(body, 0);

	assert_int_equal(infinity(b, METHOD_POST, CONFIG "tls_certificate/", sent), 201);
	assert_int_equal(infinity(b, METHOD_GET, b->answer.location, NULL), 200);
	assert_non_null(strstr(text(b), "\"subject_name\":\"node.example.net\""));
	assert_null(strstr(text(b), "private_key"));
	free(sent);
	json_decref(body);
}

/* --- a new Management Node --- */

static void test_wizard_of_a_management_node(void **state)
{
	struct bench *b = *state;
	char address[128], id[128], body[200];

	assert_int_equal(ec2(b, "Action=RunInstances&ImageId=ami-0feedfacecafe0002&InstanceType=m5.xlarge&"
				"MinCount=1&MaxCount=1"),
			 200);
	(void)element(b, "privateIpAddress", address);
	(void)element(b, "instanceId", id);
	pass(b, 60);
	assert_int_equal(bootstrap(b, address, "/api/admin/status/v1/management_vm/", NULL), 0);
	(void)snprintf(body, sizeof(body), "{\"command\": \"wizard_done\", \"instance\": \"%s\"}", id);
	assert_int_equal(control(b, body), 200);
	assert_int_equal(bootstrap(b, address, "/api/admin/status/v1/management_vm/", NULL), 401);
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
		cmocka_unit_test_setup_teardown(test_new_instance_is_not_known_everywhere_at_once, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_terminated_is_shown_for_an_hour, setup, teardown),
		cmocka_unit_test_setup_teardown(test_terminate_cuts_calls, setup, teardown),
		cmocka_unit_test_setup_teardown(test_launch_that_fails_late, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fail_next, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lost_answers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_address_from_allocation_to_release, setup, teardown),
		cmocka_unit_test_setup_teardown(test_address_of_another_and_too_many, setup, teardown),
		cmocka_unit_test_setup_teardown(test_assigned_address_changes_at_each_start, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tags_come_and_go, setup, teardown),
		cmocka_unit_test_setup_teardown(test_type_and_ena_while_stopped_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(test_security_group, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reads_of_the_surroundings, setup, teardown),
		cmocka_unit_test_setup_teardown(test_node_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_node_moved_to_another_location, setup, teardown),
		cmocka_unit_test_setup_teardown(test_node_patched, setup, teardown),
		cmocka_unit_test_setup_teardown(test_node_deleted_with_calls, setup, teardown),
		cmocka_unit_test_setup_teardown(test_servers_of_a_location, setup, teardown),
		cmocka_unit_test_setup_teardown(test_conference_and_aliases, setup, teardown),
		cmocka_unit_test_setup_teardown(test_licence_by_entitlement, setup, teardown),
		cmocka_unit_test_setup_teardown(test_global_settings, setup, teardown),
		cmocka_unit_test_setup_teardown(test_certificate, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wizard_of_a_management_node, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
