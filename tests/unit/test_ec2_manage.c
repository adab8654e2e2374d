/*
 * The EC2 calls of life-cycle operations over a scripted transport: what each sends (ec2_manage_bodies.txt), what is read of odd but
 * allowed answers, dry runs, failures. Every call goes through the same refusals.
 */
#include "tests/unit/ec2_fixture.h"

#include "clients/ec2/manage.h"

#define INSTANCE_ID "i-0b2c3d4e5f6071829"
#define OTHER_ID    "i-0a1b2c3d4e5f60718"
#define GROUP_ID    "sg-0123456789abcdef0"
#define SUBNET_ID   "subnet-0123456789abcdef0"
#define VPC_ID      "vpc-0123456789abcdef0"
#define ALLOCATION  "eipalloc-0123456789abcdef0"
#define ASSOCIATION "eipassoc-0123456789abcdef0"
#define TOKEN       "3f1b6f0e-5a1c-4a57-8f2e-6f0f1c2d3e4f"
#define NS          " xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\""
#define ROOT(action, content)                                                                                \
	"<" action "Response" NS "><requestId>r</requestId>" content "</" action "Response>"
#define DONE(action) ROOT(action, "<return>true</return>")

/* What the calls return. */
static struct {
	struct managed_image *images;
	size_t n_images;
	struct managed_subnet subnet;
	struct managed_instance instance;
	struct managed_address address;
	struct managed_group group;
	struct arena *arena;
	char id[EC2_ID_SIZE];
	bool yes;
} got;

static const struct managed_tag tags[] = {{"Name", "node 08"}, {"pexip-cloud", "mgr-1"}};
static const char *const groups[] = {GROUP_ID, "sg-0fedcba9876543210"};
static const struct managed_launch launch_public = {
	.image = "ami-0feedfacecafe0001",
	.type = "c5.2xlarge",
	.tenancy = "dedicated",
	.subnet = SUBNET_ID,
	.groups = groups,
	.n_groups = 2,
	.key_name = "node-key",
	.public_address = true,
	.client_token = TOKEN,
	.tags = tags,
	.n_tags = 2,
};
static const struct group_rule inbound[] = {
	{false, "tcp", 443, 443, "203.0.113.0/24", NULL},
	{false, "udp", -1, -1, "::/0", NULL},
	{false, "icmp", -1, -1, "0.0.0.0/0", NULL},
	{false, "50", -1, -1, NULL, GROUP_ID},
};
static const struct group_rule outbound = {true, "-1", -1, -1, "0.0.0.0/0", NULL};

/* --- the calls --- */

static bool find_images(struct fixture *f, bool dry_run)
{
	(void)dry_run;
	free(got.images);
	got.images = NULL;
	return ec2_find_images(f->client, "686087431763", "Pexip Infinity Conferencing Node 35*", &got.images,
			       &got.n_images, &f->e);
}

static bool find_subnet(struct fixture *f, bool dry_run)
{
	(void)dry_run;
	return ec2_find_subnet(f->client, SUBNET_ID, &got.subnet, &f->e);
}

static bool find_instance(struct fixture *f, bool dry_run)
{
	(void)dry_run;
	return ec2_find_instance(f->client, INSTANCE_ID, &got.instance, &f->e);
}

static bool find_launched(struct fixture *f, bool dry_run)
{
	(void)dry_run;
	return ec2_find_launched(f->client, TOKEN, &got.instance, &f->e);
}

static bool find_address(struct fixture *f, bool dry_run)
{
	(void)dry_run;
	return ec2_find_address(f->client, ALLOCATION, &got.address, &f->e);
}

static bool find_tagged_address(struct fixture *f, bool dry_run)
{
	(void)dry_run;
	return ec2_find_tagged_address(f->client, &(struct managed_tag){"burstd-operation", "tok*?1"},
				       &got.address, &f->e);
}

static bool find_address_of(struct fixture *f, bool dry_run)
{
	(void)dry_run;
	return ec2_find_address_of(f->client, INSTANCE_ID, &got.address, &f->e);
}

static bool find_group_by_id(struct fixture *f, bool dry_run)
{
	(void)dry_run;
	return ec2_find_group(f->client, GROUP_ID, NULL, NULL, got.arena, &got.group, &f->e);
}

static bool find_group_by_name(struct fixture *f, bool dry_run)
{
	(void)dry_run;
	return ec2_find_group(f->client, NULL, VPC_ID, "conferencing-nodes*", got.arena, &got.group, &f->e);
}

static bool find_key_pair(struct fixture *f, bool dry_run)
{
	(void)dry_run;
	return ec2_find_key_pair(f->client, "node-key", &got.yes, &f->e);
}

static bool type_offered(struct fixture *f, bool dry_run)
{
	(void)dry_run;
	return ec2_type_offered(f->client, "c5.9xlarge", "eu-west-2a", &got.yes, &f->e);
}

static bool launch(struct fixture *f, bool dry_run)
{
	return ec2_launch(f->client, &launch_public, dry_run, &got.instance, &f->e);
}

static bool launch_private(struct fixture *f, bool dry_run)
{
	struct managed_launch l = launch_public;

	l.public_address = false;
	l.tenancy = "default";
	l.key_name = NULL;
	l.n_groups = 1;
	l.n_tags = 0;
	return ec2_launch(f->client, &l, dry_run, &got.instance, &f->e);
}

static bool terminate(struct fixture *f, bool dry_run)
{
	return ec2_terminate(f->client, INSTANCE_ID, dry_run, &f->e);
}

static bool set_type(struct fixture *f, bool dry_run)
{
	return ec2_set_type(f->client, OTHER_ID, "c5.4xlarge", dry_run, &f->e);
}

static bool set_ena(struct fixture *f, bool dry_run)
{
	return ec2_set_ena(f->client, OTHER_ID, dry_run, &f->e);
}

static bool tag(struct fixture *f, bool dry_run)
{
	return ec2_tag(f->client, INSTANCE_ID, tags, 2, dry_run, &f->e);
}

static bool untag(struct fixture *f, bool dry_run)
{
	return ec2_untag(f->client, INSTANCE_ID, "pexip-cloud", dry_run, &f->e);
}

static bool allocate(struct fixture *f, bool dry_run)
{
	return ec2_allocate_address(f->client, tags, 2, dry_run, &got.address, &f->e);
}

static bool associate(struct fixture *f, bool dry_run)
{
	return ec2_associate_address(f->client, ALLOCATION, INSTANCE_ID, dry_run, &f->e);
}

static bool disassociate(struct fixture *f, bool dry_run)
{
	return ec2_disassociate_address(f->client, ASSOCIATION, dry_run, &f->e);
}

static bool release(struct fixture *f, bool dry_run)
{
	return ec2_release_address(f->client, ALLOCATION, dry_run, &f->e);
}

static bool create_group(struct fixture *f, bool dry_run)
{
	return ec2_create_group(f->client, "conferencing-nodes", "node traffic", VPC_ID, tags, 2, dry_run,
				got.id, &f->e);
}

static bool authorize_in(struct fixture *f, bool dry_run)
{
	return ec2_authorize(f->client, GROUP_ID, inbound, ARRAY_LEN(inbound), dry_run, &f->e);
}

static bool authorize_out(struct fixture *f, bool dry_run)
{
	return ec2_authorize(f->client, GROUP_ID, &outbound, 1, dry_run, &f->e);
}

static bool revoke_in(struct fixture *f, bool dry_run)
{
	return ec2_revoke(f->client, GROUP_ID, inbound, ARRAY_LEN(inbound), dry_run, &f->e);
}

static bool revoke_out(struct fixture *f, bool dry_run)
{
	return ec2_revoke(f->client, GROUP_ID, &outbound, 1, dry_run, &f->e);
}

static bool delete_group(struct fixture *f, bool dry_run)
{
	return ec2_delete_group(f->client, GROUP_ID, dry_run, &f->e);
}

#define LAUNCHED                                                                                             \
	ROOT("RunInstances", "<groupSet/><instancesSet><item><instanceId>" INSTANCE_ID                       \
			     "</instanceId><instanceState><code>0</code><name>pending</name>"                \
			     "</instanceState></item></instancesSet>")

static const struct {
	const char *name;
	bool (*call)(struct fixture *, bool dry_run);
	bool changes;
	const char *answer; /* a good one */
} calls[] = {
	{"find_images", find_images, false, ROOT("DescribeImages", "<imagesSet/>")},
	{"find_subnet", find_subnet, false, ROOT("DescribeSubnets", "<subnetSet/>")},
	{"find_instance", find_instance, false, ROOT("DescribeInstances", "<reservationSet/>")},
	{"find_launched", find_launched, false, ROOT("DescribeInstances", "")},
	{"find_address", find_address, false, ROOT("DescribeAddresses", "<addressesSet/>")},
	{"find_tagged_address", find_tagged_address, false, ROOT("DescribeAddresses", "")},
	{"find_address_of", find_address_of, false,
	 ROOT("DescribeAddresses", "<addressesSet></addressesSet>")},
	{"find_group_by_id", find_group_by_id, false, ROOT("DescribeSecurityGroups", "")},
	{"find_group_by_name", find_group_by_name, false, ROOT("DescribeSecurityGroups", "")},
	{"find_key_pair", find_key_pair, false, ROOT("DescribeKeyPairs", "<keySet/>")},
	{"type_offered", type_offered, false, ROOT("DescribeInstanceTypeOfferings", "")},
	{"launch", launch, true, LAUNCHED},
	{"launch_private", launch_private, true, LAUNCHED},
	{"terminate", terminate, true,
	 ROOT("TerminateInstances",
	      "<instancesSet><item><instanceId>" INSTANCE_ID "</instanceId></item></instancesSet>")},
	{"set_type", set_type, true, DONE("ModifyInstanceAttribute")},
	{"set_ena", set_ena, true, ROOT("ModifyInstanceAttribute", "")}, /* without <return> */
	{"tag", tag, true, DONE("CreateTags")},
	{"untag", untag, true, DONE("DeleteTags")},
	{"allocate", allocate, true,
	 ROOT("AllocateAddress",
	      "<publicIp>198.51.100.20</publicIp><domain>vpc</domain><allocationId>" ALLOCATION
	      "</allocationId>")},
	{"associate", associate, true,
	 ROOT("AssociateAddress", "<return>true</return><associationId>" ASSOCIATION "</associationId>")},
	{"disassociate", disassociate, true, DONE("DisassociateAddress")},
	{"release", release, true, DONE("ReleaseAddress")},
	{"create_group", create_group, true,
	 ROOT("CreateSecurityGroup", "<return>true</return><groupId>" GROUP_ID "</groupId>")},
	{"authorize_in", authorize_in, true, DONE("AuthorizeSecurityGroupIngress")},
	{"authorize_out", authorize_out, true, DONE("AuthorizeSecurityGroupEgress")},
	{"revoke_in", revoke_in, true, DONE("RevokeSecurityGroupIngress")},
	{"revoke_out", revoke_out, true, DONE("RevokeSecurityGroupEgress")},
	{"delete_group", delete_group, true, DONE("DeleteSecurityGroup")},
};

static int begin_manage(void **state)
{
	memset(&got, 0, sizeof(got));
	got.arena = arena_new(1 << 20);
	return begin(state);
}

static int end_manage(void **state)
{
	arena_free(got.arena);
	free(got.images);
	return end(state);
}

static void answer(struct fixture *f, int status, const char *body)
{
	static struct step step;

	step = (struct step){.status = status, .body = body};
	f->script.steps = &step;
	f->script.n = 1;
	f->script.calls = 0;
}

/* The line of that name in ec2_manage_bodies.txt, without its end. */
static const char *body_of(const char *name)
{
	static char line[4096];
	FILE *file = fopen("tests/unit/ec2_manage_bodies.txt", "r");
	size_t len = strlen(name);

	assert_non_null(file);
	while (fgets(line, sizeof(line), file))
		if (!strncmp(line, name, len) && line[len] == '\t') {
			(void)fclose(file);
			line[strcspn(line, "\n")] = '\0';
			return line + len + 1;
		}
	(void)fclose(file);
	fail_msg("no body of %s", name);
	return NULL;
}

/* --- what is sent --- */

static void every_body_is_exact(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
		answer(f, 200, calls[i].answer);
		f->now += 60000; /* full buckets */
		if (!calls[i].call(f, false))
			fail_msg("%s: %s", calls[i].name, f->e.message);
		assert_int_equal(f->script.calls, 1);
		assert_string_equal(f->script.bodies[0], body_of(calls[i].name));
		assert_string_equal(f->script.sigv4, "aws:amz:eu-west-2:ec2");
		if (calls[i].changes)
			assert_int_equal(f->script.answer_max, 256 * 1024);
	}
	assert_int_equal(f->pauses, 0);
}

static void a_dry_run_that_is_allowed(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
		char expected[4200];

		if (!calls[i].changes)
			continue;
		(void)snprintf(expected, sizeof(expected), "%s&DryRun=true", body_of(calls[i].name));
		answer(f, 412, ERROR("DryRunOperation"));
		f->now += 60000;
		assert_true(calls[i].call(f, true));
		assert_string_equal(f->script.bodies[0], expected);
		assert_int_equal(f->script.calls, 1);
		assert_string_equal(got.instance.id, ""); /* nothing is returned */
		assert_string_equal(got.address.allocation, "");
		assert_string_equal(got.id, "");
	}
}

/* EC2 never carries a dry run out, nor leaves a deed undone as if it were one. */
static void dry_runs_are_not_mistaken(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
		if (!calls[i].changes)
			continue;
		f->now += 60000;
		answer(f, 200, calls[i].answer);
		assert_false(calls[i].call(f, true));
		assert_string_equal(f->e.code, "bad_answer");
		answer(f, 412, ERROR("DryRunOperation"));
		assert_false(calls[i].call(f, false));
		assert_int_equal(f->e.class, UPSTREAM_RETRY);
	}
}

/* --- failures that every call shares --- */

static void a_denial_names_the_permission(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < 2 * ARRAY_LEN(calls); i++) {
		char expected[100];
		const char *action = body_of(calls[i / 2].name) + strlen("Action=");

		answer(f, 403, ERROR("UnauthorizedOperation"));
		f->now += 60000;
		assert_false(calls[i / 2].call(f, i % 2));
		assert_int_equal(f->script.calls, 1);
		assert_int_equal(f->e.class, UPSTREAM_OPERATOR);
		assert_string_equal(f->e.code, "UnauthorizedOperation");
		(void)snprintf(expected, sizeof(expected), "missing permission: ec2:%.*s;",
			       (int)strcspn(action, "&"), action);
		assert_non_null(strstr(f->e.message, expected));
	}
}

/* A launch with tags needs more than its own permission; AWS's words name the one that lacks. */
static void a_denial_of_another_permission(void **state)
{
	struct fixture *f = *state;

	answer(f, 403,
	       "<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>You are not authorized "
	       "to "
	       "perform this operation. User: arn:aws:iam::111122223333:user/x is not authorized to perform: "
	       "ec2:CreateTags on resource: arn:aws:ec2:eu-west-2:111122223333:instance/* because no "
	       "identity-based policy allows the ec2:CreateTags action</Message></Error></Errors>"
	       "<RequestID>r-77</RequestID></Response>");
	assert_false(launch(f, true));
	assert_non_null(
		strstr(f->e.message, "RunInstances in eu-west-2: missing permission: ec2:CreateTags;"));
	assert_non_null(strstr(f->e.message, "(request r-77)"));
	assert_non_null(strstr(f->e.remedy, "allow ec2:CreateTags in the IAM policy"));
	answer(f, 403,
	       "<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>not authorized to "
	       "perform: "
	       "x</Message></Error></Errors></Response>");
	assert_false(launch(f, true));
	assert_non_null(strstr(f->e.message, "missing permission: ec2:RunInstances;"));
}

/* The effect of a change is uncertain then; reads are tried three times. */
static void a_lost_answer(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
		f->now += 60000;
		answer(f, 0, NULL);
		assert_false(calls[i].call(f, false));
		assert_int_equal(f->e.class, UPSTREAM_RETRY);
		assert_int_equal(f->script.calls, calls[i].changes ? 1 : 3);
		assert_int_equal(f->script.once, calls[i].changes); /* nor does libcurl send it again */
	}
}

static void unusable_answers(void **state)
{
	static const char *const bodies[] = {
		"",
		"<html><body>Welcome to the Wi-Fi</body></html>",
		ROOT("RebootInstances", "<return>true</return>"),
		"<!DOCTYPE a [<!ENTITY x \"y\">]><RunInstancesResponse/>",
		"<RunInstancesResponse",
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(calls); i++)
		for (size_t b = 0; b < ARRAY_LEN(bodies); b++) {
			f->now += 60000;
			answer(f, 200, bodies[b]);
			assert_false(calls[i].call(f, false));
			assert_int_equal(f->e.class, UPSTREAM_RETRY);
			assert_string_equal(f->e.issue, "ec2_answer");
		}
}

/* Of a deed whose good answer tells nothing, or tells that nothing was done, the outcome is not known. */
static void good_answers_that_tell_nothing(void **state)
{
	static const char *const silent[][2] = {
		{"launch", ROOT("RunInstances", "<instancesSet/>")},
		{"launch", ROOT("RunInstances", "<instancesSet><item><instanceId>" INSTANCE_ID
						"</instanceId></item></instancesSet>")},
		{"terminate", ROOT("TerminateInstances", "<instancesSet/>")},
		{"terminate", ROOT("TerminateInstances", "<instancesSet><item><instanceId>" OTHER_ID
							 "</instanceId></item></instancesSet>")},
		{"allocate", ROOT("AllocateAddress", "<publicIp>198.51.100.20</publicIp>")},
		{"allocate", ROOT("AllocateAddress", "<allocationId>" ALLOCATION "</allocationId>")},
		{"create_group", ROOT("CreateSecurityGroup", "<groupId/>")},
		{"release", ROOT("ReleaseAddress", "<return>false</return>")},
		{"tag", ROOT("CreateTags", "<return> false </return>")},
	};
	struct fixture *f = *state;

	for (size_t s = 0; s < ARRAY_LEN(silent); s++)
		for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
			if (strcmp(calls[i].name, silent[s][0]) != 0)
				continue;
			answer(f, 200, silent[s][1]);
			assert_false(calls[i].call(f, false));
			assert_int_equal(f->e.class, UPSTREAM_RETRY);
			assert_string_equal(f->e.code, "bad_answer");
		}
}

static void an_oversized_answer(void **state)
{
	struct fixture *f = *state;
	struct buf huge = BUF_INIT(1 << 20);

	buf_puts(&huge, "<DescribeSubnetsResponse>");
	while (huge.len < 900000)
		buf_puts(&huge, "<a/><a/><a/><a/><a/><a/><a/><a/>");
	buf_puts(&huge, "</DescribeSubnetsResponse>");
	answer(f, 200, huge.data);
	assert_false(find_subnet(f, false));
	assert_string_equal(f->e.issue, "ec2_answer");
	assert_non_null(strstr(f->e.message, "too large"));
	buf_free(&huge);
}

static void expired_keys_are_renewed_once(void **state)
{
	static const struct step imds[] = {{200, "imds-token", NULL, 0, 0},
					   {200, "role", NULL, 0, 0},
					   {200, ROLE_KEYS("ASIAOLD", "2026-01-02T09:04:05Z"), NULL, 0, 0},
					   {200, "role", NULL, 0, 0},
					   {200, ROLE_KEYS("ASIANEW", "2026-01-02T09:04:05Z"), NULL, 0, 0}};
	struct fixture *f = *state;

	credentials_set_static(f->credentials, NULL, NULL);
	f->imds.steps = imds;
	f->imds.n = ARRAY_LEN(imds);
	PLAY(f, {400, ERROR("RequestExpired"), NULL, START_MS, 0}, {200, LAUNCHED, NULL, 0, 0});
	assert_true(launch(f, false));
	assert_int_equal(f->script.calls, 2);
	assert_string_equal(f->script.bodies[0], f->script.bodies[1]);
	assert_string_equal(f->script.access_key, "ASIANEW");
}

static void each_attempt_is_counted(void **state)
{
	struct fixture *f = *state;
	struct upstream_tally tally = {0};
	const struct ec2_client_options o = {
		.region = "eu-west-2",
		.endpoint = "http://127.0.0.1:1/",
		.transport = {.perform = play, .self = &f->script},
		.credentials = f->credentials,
		.limiter = f->limiter,
		.clock = &f->clock,
		.pause = fake_pause,
		.pause_self = f,
		.tally = &tally,
	};
	struct ec2_client *own = f->client;

	f->client = ec2_client_new(&o);
	answer(f, 200, DONE("CreateTags"));
	assert_true(tag(f, false));
	answer(f, 503, ERROR("RequestLimitExceeded"));
	assert_false(tag(f, false));
	assert_int_equal(f->e.class, UPSTREAM_THROTTLED);
	assert_int_equal(counter_read(&tally.requests[UPSTREAM_OK]), 1);
	assert_int_equal(counter_read(&tally.requests[UPSTREAM_THROTTLED]), 1);
	ec2_client_free(f->client);
	f->client = own;
}

/* AWS's sizes: as many at once as the bucket holds, then one after the other. */
static void changes_keep_the_pace(void **state)
{
	static const struct {
		const char *name;
		int capacity;
		int64_t wait_ms;
	} paces[] = {{"launch", 5, 500}, {"terminate", 100, 200}, {"tag", 100, 100}, {"associate", 50, 200}};
	struct fixture *f = *state;

	for (size_t p = 0; p < ARRAY_LEN(paces); p++)
		for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
			if (strcmp(calls[i].name, paces[p].name) != 0)
				continue;
			f->now += 60000;
			f->paused = 0;
			answer(f, 200, calls[i].answer);
			for (int n = 0; n < paces[p].capacity; n++)
				assert_true(calls[i].call(f, false));
			assert_int_equal(f->paused, 0);
			assert_true(calls[i].call(f, false));
			assert_int_equal(f->paused, paces[p].wait_ms);
		}
}

/* --- what the codes mean --- */

static void error_classes(void **state)
{
	static const struct {
		bool (*call)(struct fixture *, bool dry_run);
		const char *code;
		int status;
		enum upstream_class class;
		const char *issue;
	} rows[] = {
		{launch, "IdempotentParameterMismatch", 400, UPSTREAM_BUG, "ec2_request"},
		{launch, "IdempotentInstanceTerminated", 400, UPSTREAM_OPERATOR, "ec2_launch_ended"},
		{launch, "InvalidAMIID.NotFound", 400, UPSTREAM_OPERATOR, "ec2_image"},
		{launch, "InvalidAMIID.Unavailable", 400, UPSTREAM_OPERATOR, "ec2_image"},
		{launch, "InvalidAMIID.Malformed", 400, UPSTREAM_OPERATOR, "ec2_image"},
		{launch, "InvalidSubnetID.NotFound", 400, UPSTREAM_OPERATOR, "ec2_not_found"},
		{launch, "InvalidGroup.NotFound", 400, UPSTREAM_OPERATOR, "ec2_not_found"},
		{launch, "InvalidSecurityGroupID.NotFound", 400, UPSTREAM_OPERATOR, "ec2_not_found"},
		{launch, "InvalidKeyPair.NotFound", 400, UPSTREAM_OPERATOR, "ec2_not_found"},
		{launch, "InsufficientFreeAddressesInSubnet", 400, UPSTREAM_NEXT, "ec2_capacity"},
		{launch, "InsufficientInstanceCapacity", 500, UPSTREAM_NEXT, "ec2_capacity"},
		{launch, "Unsupported", 400, UPSTREAM_NEXT, "ec2_configuration"},
		{launch, "VcpuLimitExceeded", 400, UPSTREAM_OPERATOR, "ec2_quota"},
		{launch, "InstanceLimitExceeded", 400, UPSTREAM_OPERATOR, "ec2_quota"},
		{launch, "OptInRequired", 403, UPSTREAM_OPERATOR, "ec2_account"},
		{launch, "PendingVerification", 400, UPSTREAM_OPERATOR, "ec2_account"},
		{launch, "InternalError", 500, UPSTREAM_RETRY, "ec2_unavailable"},
		{launch, "RequestLimitExceeded", 503, UPSTREAM_THROTTLED, "ec2_throttled"},
		{launch, "UnknownParameter", 400, UPSTREAM_BUG, "ec2_request"},
		{terminate, "OperationNotPermitted", 400, UPSTREAM_OPERATOR, "ec2_protected"},
		{terminate, "InvalidInstanceID.NotFound", 400, UPSTREAM_WAIT, "ec2_not_found"},
		{terminate, "InvalidInstanceID.Malformed", 400, UPSTREAM_BUG, "ec2_request"},
		{set_type, "IncorrectInstanceState", 400, UPSTREAM_WAIT, "ec2_state"},
		{set_type, "InvalidInstanceAttributeValue", 400, UPSTREAM_OPERATOR, "ec2_configuration"},
		{set_ena, "UnsupportedInstanceAttribute", 400, UPSTREAM_OPERATOR, "ec2_configuration"},
		{tag, "InvalidID", 400, UPSTREAM_OPERATOR, "ec2_not_found"},
		{tag, "InvalidInstanceID.NotFound", 400, UPSTREAM_WAIT, "ec2_not_found"},
		{tag, "TagLimitExceeded", 400, UPSTREAM_OPERATOR, "ec2_quota"},
		{tag, "TagPolicyViolation", 400, UPSTREAM_OPERATOR, "ec2_configuration"},
		{untag, "ConcurrentTagAccess", 400, UPSTREAM_RETRY, "ec2_unavailable"},
		{allocate, "AddressLimitExceeded", 400, UPSTREAM_OPERATOR, "ec2_quota"},
		{allocate, "InsufficientAddressCapacity", 400, UPSTREAM_NEXT, "ec2_capacity"},
		{associate, "Resource.AlreadyAssociated", 400, UPSTREAM_OPERATOR, "ec2_address"},
		{associate, "InvalidAllocationID.NotFound", 400, UPSTREAM_OPERATOR, "ec2_not_found"},
		{associate, "Gateway.NotAttached", 400, UPSTREAM_OPERATOR, "ec2_gateway"},
		{associate, "IncorrectInstanceState", 400, UPSTREAM_WAIT, "ec2_state"},
		{release, "InvalidIPAddress.InUse", 400, UPSTREAM_OPERATOR, "ec2_address"},
		{release, "InvalidAddress.Locked", 400, UPSTREAM_OPERATOR, "ec2_address"},
		{create_group, "InvalidGroup.Duplicate", 400, UPSTREAM_OPERATOR, "ec2_group"},
		{create_group, "InvalidGroup.Reserved", 400, UPSTREAM_OPERATOR, "ec2_group"},
		{create_group, "SecurityGroupLimitExceeded", 400, UPSTREAM_OPERATOR, "ec2_quota"},
		{create_group, "InvalidVpcID.NotFound", 400, UPSTREAM_OPERATOR, "ec2_not_found"},
		{authorize_out, "RulesPerSecurityGroupLimitExceeded", 400, UPSTREAM_OPERATOR, "ec2_quota"},
		{authorize_out, "InvalidGroup.NotFound", 400, UPSTREAM_WAIT, "ec2_not_found"},
		{authorize_out, "InvalidPermission.Malformed", 400, UPSTREAM_BUG, "ec2_request"},
		{delete_group, "DependencyViolation", 400, UPSTREAM_WAIT, "ec2_state"},
		{delete_group, "InvalidGroup.InUse", 400, UPSTREAM_WAIT, "ec2_state"},
		{find_images, "SomethingNew", 400, UPSTREAM_OPERATOR, "ec2_configuration"},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char body[300];

		(void)snprintf(body, sizeof(body), ERROR("%s"), rows[i].code);
		answer(f, rows[i].status, body);
		f->now += 1000000;
		assert_false(rows[i].call(f, false));
		assert_string_equal(f->e.code, rows[i].code);
		if (f->e.class != rows[i].class || strcmp(f->e.issue, rows[i].issue) != 0)
			fail_msg("%s: %s, %s", rows[i].code, upstream_class_text(f->e.class), f->e.issue);
		assert_int_equal(f->script.calls, 1);
		assert_true(f->e.remedy[0]);
	}
}

/* What is to go and is not there is done, but a dry run that says so has not told whether it would be permitted. */
static void what_is_gone_is_gone(void **state)
{
	static const struct {
		bool (*call)(struct fixture *, bool dry_run);
		const char *body;
	} rows[] = {{disassociate, ERROR("InvalidAssociationID.NotFound")},
		    {release, ERROR("InvalidAllocationID.NotFound")},
		    {delete_group, ERROR("InvalidGroup.NotFound")}};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		answer(f, 400, rows[i].body);
		assert_true(rows[i].call(f, false));
		assert_false(rows[i].call(f, true));
	}
}

/* EC2 adds none of several rules where it has one of them: each is then added for itself. */
static void a_rule_that_is_there_already(void **state)
{
	struct fixture *f = *state;

	PLAY(f, {400, ERROR("InvalidPermission.Duplicate"), NULL, 0, 0},
	     {200, DONE("AuthorizeSecurityGroupIngress"), NULL, 0, 0},
	     {400, ERROR("InvalidPermission.Duplicate"), NULL, 0, 0},
	     {200, DONE("AuthorizeSecurityGroupIngress"), NULL, 0, 0},
	     {400, ERROR("RulesPerSecurityGroupLimitExceeded"), NULL, 0, 0});
	assert_false(authorize_in(f, false));
	assert_int_equal(f->script.calls, 5);
	assert_string_equal(f->e.issue, "ec2_quota");
	assert_non_null(strstr(f->script.bodies[1], "IpPermissions.1.FromPort=443"));
	assert_null(strstr(f->script.bodies[1], "IpPermissions.2"));
	assert_non_null(strstr(f->script.bodies[4], "IpPermissions.1.IpProtocol=50"));
	f->script.n = 3;
	f->script.calls = 2;
	assert_true(authorize_out(f, false)); /* a single rule: it is there */
	assert_int_equal(f->script.calls, 3);
}

/* EC2 takes none of several rules where it lacks one of them: each is then taken for itself. */
static void a_rule_that_is_gone_already(void **state)
{
	struct fixture *f = *state;

	PLAY(f, {400, ERROR("InvalidPermission.NotFound"), NULL, 0, 0},
	     {400, ERROR("InvalidPermission.NotFound"), NULL, 0, 0},
	     {200, DONE("RevokeSecurityGroupIngress"), NULL, 0, 0},
	     {200, DONE("RevokeSecurityGroupIngress"), NULL, 0, 0},
	     {200, DONE("RevokeSecurityGroupIngress"), NULL, 0, 0},
	     {400, ERROR("InvalidPermission.NotFound"), NULL, 0, 0},
	     {400, ERROR("InvalidGroup.NotFound"), NULL, 0, 0});
	assert_true(revoke_in(f, false));
	assert_int_equal(f->script.calls, 5);
	assert_null(strstr(f->script.bodies[1], "IpPermissions.2"));
	assert_non_null(strstr(f->script.bodies[4], "IpPermissions.1.IpProtocol=50"));
	assert_true(revoke_out(f, false)); /* a single rule */
	assert_int_equal(f->script.calls, 6);
	assert_true(revoke_out(f, false)); /* the whole group */
	assert_int_equal(f->script.calls, 7);
}

/* To EC2 an empty id may mean everything, a key that is missing every tag. */
static void empty_ids_are_never_sent(void **state)
{
	struct fixture *f = *state;
	struct ec2_client *c = f->client;
	struct upstream_error *e = &f->e;
	static const struct managed_tag keyless = {"", "v"};
	static const char *const no_group = "";
	struct managed_launch l[7];
	struct group_rule r[2] = {outbound, inbound[0]};

	answer(f, 200, LAUNCHED);
	for (size_t i = 0; i < ARRAY_LEN(l); i++)
		l[i] = launch_public;
	l[0].image = "";
	l[1].type = NULL;
	l[2].subnet = "";
	l[3].client_token = NULL;
	l[4].n_groups = 0;
	l[5].groups = &no_group;
	l[5].n_groups = 1;
	l[6].tags = &keyless;
	l[6].n_tags = 1;
#define REFUSED(call)                                                                                        \
	assert_false(call);                                                                                  \
	assert_int_equal(f->e.class, UPSTREAM_BUG);                                                          \
	assert_int_equal(f->script.calls, 0);                                                                \
	f->e = (struct upstream_error)                                                                       \
	{                                                                                                    \
		0                                                                                            \
	}
	for (size_t i = 0; i < ARRAY_LEN(l); i++) {
		REFUSED(ec2_launch(c, &l[i], false, &got.instance, e));
	}
	REFUSED(ec2_find_images(c, "", "*", &got.images, &got.n_images, e));
	REFUSED(ec2_find_images(c, "self", "", &got.images, &got.n_images, e));
	REFUSED(ec2_find_subnet(c, "", &got.subnet, e));
	REFUSED(ec2_find_instance(c, "", &got.instance, e));
	REFUSED(ec2_find_launched(c, NULL, &got.instance, e));
	REFUSED(ec2_find_address(c, "", &got.address, e));
	REFUSED(ec2_find_tagged_address(c, &keyless, &got.address, e));
	REFUSED(ec2_find_tagged_address(c, &(struct managed_tag){"k", ""}, &got.address, e));
	REFUSED(ec2_find_address_of(c, NULL, &got.address, e));
	REFUSED(ec2_find_group(c, "", "v", "n", got.arena, &got.group, e));
	REFUSED(ec2_find_group(c, NULL, "", "n", got.arena, &got.group, e));
	REFUSED(ec2_find_group(c, NULL, "v", NULL, got.arena, &got.group, e));
	REFUSED(ec2_find_key_pair(c, "", &got.yes, e));
	REFUSED(ec2_type_offered(c, "c5.large", "", &got.yes, e));
	REFUSED(ec2_terminate(c, "", false, e));
	REFUSED(ec2_terminate(c, NULL, true, e));
	REFUSED(ec2_set_type(c, "", "c5.large", false, e));
	REFUSED(ec2_set_type(c, "i-1", "", false, e));
	REFUSED(ec2_set_ena(c, NULL, false, e));
	REFUSED(ec2_tag(c, "", tags, 2, false, e));
	REFUSED(ec2_tag(c, "i-1", tags, 0, false, e));
	REFUSED(ec2_tag(c, "i-1", &keyless, 1, false, e));
	REFUSED(ec2_untag(c, "i-1", "", false, e));
	REFUSED(ec2_untag(c, "", "k", false, e));
	REFUSED(ec2_allocate_address(c, tags, 0, false, &got.address, e));
	REFUSED(ec2_associate_address(c, "", "i-1", false, e));
	REFUSED(ec2_associate_address(c, ALLOCATION, "", false, e));
	REFUSED(ec2_disassociate_address(c, "", false, e));
	REFUSED(ec2_release_address(c, NULL, false, e));
	REFUSED(ec2_create_group(c, "", "d", "v", NULL, 0, false, got.id, e));
	REFUSED(ec2_create_group(c, "n", "", "v", NULL, 0, false, got.id, e));
	REFUSED(ec2_create_group(c, "n", "d", "", NULL, 0, false, got.id, e));
	REFUSED(ec2_authorize(c, "", inbound, 1, false, e));
	REFUSED(ec2_revoke(c, "", inbound, 1, false, e));
	REFUSED(ec2_revoke(c, GROUP_ID, inbound, 0, false, e));
	REFUSED(ec2_authorize(c, GROUP_ID, inbound, 0, false, e));
	REFUSED(ec2_authorize(c, GROUP_ID, r, 2, false, e)); /* both directions */
	r[0].cidr = NULL;
	REFUSED(ec2_authorize(c, GROUP_ID, r, 1, false, e));
	REFUSED(ec2_delete_group(c, "", false, e));
}

static void a_body_that_is_too_large(void **state)
{
	struct fixture *f = *state;
	char *value = calloc(1, 70000);

	memset(value, 'v', 69999);
	assert_false(ec2_tag(f->client, INSTANCE_ID, &(struct managed_tag){"k", value}, 1, false, &f->e));
	assert_int_equal(f->e.class, UPSTREAM_BUG);
	assert_int_equal(f->script.calls, 0);
	free(value);
}

/* --- what is read --- */

#define IMAGE(id, state)                                                                                     \
	"<item><creationDate>2025-11-30T10:00:00.000Z</creationDate>" state                                  \
	"<enaSupport>true</enaSupport><name>Pexip 35 &amp; more</name><new><item>x</item></new><imageId>" id \
	"</imageId></item>"
#define AVAILABLE     "<imageState>available</imageState>"
#define IMAGES(items) ROOT("DescribeImages", "<imagesSet>" items "</imagesSet>")
#define IMAGES_AND(items, token)                                                                             \
	ROOT("DescribeImages", "<nextToken>" token "</nextToken><imagesSet>" items "</imagesSet>")

static void images_page_by_page(void **state)
{
	struct fixture *f = *state;

	PLAY(f, {200, IMAGES_AND(IMAGE("ami-1", AVAILABLE), "t/2"), NULL, 0, 0},
	     {200, IMAGES_AND("", "t3"), NULL, 0, 0},
	     {200, IMAGES("<item><imageId>ami-2</imageId></item>"), NULL, 0, 0});
	assert_true(find_images(f, false));
	assert_int_equal(f->script.calls, 3);
	assert_null(strstr(f->script.bodies[0], "NextToken"));
	assert_non_null(strstr(f->script.bodies[1], "&MaxResults=1000&NextToken=t%2F2"));
	assert_non_null(strstr(f->script.bodies[2], "&NextToken=t3"));
	assert_int_equal(got.n_images, 2);
	assert_string_equal(got.images[0].id, "ami-1");
	assert_string_equal(got.images[0].name, "Pexip 35 & more");
	assert_string_equal(got.images[0].created, "2025-11-30T10:00:00.000Z");
	assert_true(got.images[0].ena);
	assert_string_equal(got.images[1].id, "ami-2");
	assert_false(got.images[1].ena); /* missing = not enabled */
	assert_string_equal(got.images[1].name, "");
}

static void images_begin_again_with_a_stale_token(void **state)
{
	struct fixture *f = *state;

	PLAY(f, {200, IMAGES_AND(IMAGE("ami-1", AVAILABLE), "t2"), NULL, 0, 0},
	     {400, ERROR("InvalidNextToken"), NULL, 0, 0},
	     {200, IMAGES(IMAGE("ami-3", AVAILABLE)), NULL, 0, 0});
	assert_true(find_images(f, false));
	assert_int_equal(got.n_images, 1);
	assert_string_equal(got.images[0].id, "ami-3");
}

static void images_that_are_not_whole(void **state)
{
	struct fixture *f = *state;

	answer(f, 200, IMAGES(IMAGE("ami-1", AVAILABLE) "<item><imageId/></item>"));
	assert_false(find_images(f, false));
	assert_string_equal(f->e.code, "bad_answer");
	PLAY(f, {200, IMAGES_AND(IMAGE("ami-1", AVAILABLE), "t2"), NULL, 0, 0},
	     {403, ERROR("UnauthorizedOperation"), NULL, 0, 0});
	f->script.calls = 0;
	assert_false(find_images(f, false));
	assert_null(got.images);
}

static void many_images(void **state)
{
	struct fixture *f = *state;
	struct buf b = BUF_INIT(1 << 20);

	buf_puts(&b, "<DescribeImagesResponse><imagesSet>");
	for (int i = 0; i < 1000; i++)
		buf_printf(&b, "<item><imageId>ami-%d</imageId></item>", i);
	buf_puts(&b, "</imagesSet></DescribeImagesResponse>");
	answer(f, 200, b.data);
	assert_true(find_images(f, false));
	assert_int_equal(got.n_images, 1000);
	assert_string_equal(got.images[999].id, "ami-999");
	buf_free(&b);
}

#define FOUND(items)                                                                                         \
	ROOT("DescribeInstances",                                                                            \
	     "<reservationSet><item><groupSet/><instancesSet/></item><item><reservationId>r-1</"             \
	     "reservationId><instancesSet>" items "</instancesSet></item></reservationSet>")
#define WHOLE                                                                                                \
	"<item><tagSet><item><value>v</value><key>Name</key></item><item><value>mgr-1</value><key>"          \
	"pexip-cloud</key></item></tagSet><enaSupport>true</enaSupport><stateReason><message>"               \
	"Server.InternalError: on launch</message><code>Server.InternalError</code></stateReason>"           \
	"<placement><tenancy>dedicated</tenancy><availabilityZone>eu-west-2a</availabilityZone></placement>" \
	"<instanceState><name>running</name><code>272</code></instanceState><instanceId>" INSTANCE_ID        \
	"</instanceId><imageId>ami-1</imageId><instanceType>c5.large</instanceType><keyName>key</keyName>"   \
	"<launchTime>2026-01-02T03:04:05.000Z</launchTime><subnetId>" SUBNET_ID "</subnetId><vpcId>" VPC_ID  \
	"</vpcId><privateIpAddress>10.20.1.16</privateIpAddress><ipAddress>198.51.100.20</ipAddress>"        \
	"<clientToken>" TOKEN "</clientToken></item>"

static void an_instance_with_everything(void **state)
{
	struct fixture *f = *state;
	const struct managed_instance *i = &got.instance;

	answer(f, 200, FOUND("<item><instanceId>" OTHER_ID "</instanceId></item>" WHOLE));
	assert_true(find_instance(f, false));
	assert_string_equal(i->id, INSTANCE_ID);
	assert_int_equal(i->state, INSTANCE_RUNNING);
	assert_string_equal(i->reason, "Server.InternalError: on launch");
	assert_string_equal(i->type, "c5.large");
	assert_string_equal(i->image, "ami-1");
	assert_string_equal(i->tenancy, "dedicated");
	assert_string_equal(i->subnet, SUBNET_ID);
	assert_string_equal(i->vpc, VPC_ID);
	assert_string_equal(i->zone, "eu-west-2a");
	assert_string_equal(i->key_name, "key");
	assert_string_equal(i->private_address, "10.20.1.16");
	assert_string_equal(i->public_address, "198.51.100.20");
	assert_true(i->tagged);
	assert_string_equal(i->tag_value, "mgr-1");
	assert_string_equal(i->client_token, TOKEN);
	assert_int_equal(i->launch_time, START_MS);
	assert_true(i->ena);
}

static void an_instance_with_little(void **state)
{
	struct fixture *f = *state;
	const struct managed_instance *i = &got.instance;

	answer(f, 200,
	       FOUND("<item><instanceState><code>304</code></instanceState><stateReason/><dnsName/>"
		     "<reason>User initiated</reason><clientToken>" TOKEN
		     "</clientToken><instanceId>" INSTANCE_ID
		     "</instanceId><networkInterfaceSet><item/><item><association><publicIp>198.51.100.21</"
		     "publicIp>"
		     "</association></item></networkInterfaceSet><tagSet/></item>"));
	assert_true(find_launched(f, false));
	assert_string_equal(i->id, INSTANCE_ID);
	assert_int_equal(i->state, INSTANCE_TERMINATED); /* shown as long as EC2 shows it */
	assert_string_equal(i->reason, "User initiated");
	assert_string_equal(i->tenancy, "default");
	assert_string_equal(i->public_address, "198.51.100.21");
	assert_string_equal(i->private_address, "");
	assert_false(i->tagged);
	assert_false(i->ena);
	assert_int_equal(i->launch_time, 0);
}

static void an_instance_that_is_not_there(void **state)
{
	struct fixture *f = *state;

	(void)snprintf(got.instance.id, sizeof(got.instance.id), "i-before");
	/* Another one, from an endpoint that does not know the filter. */
	answer(f, 200, FOUND("<item><instanceId>" OTHER_ID "</instanceId><clientToken/></item>"));
	assert_true(find_launched(f, false));
	assert_string_equal(got.instance.id, "");
}

static void an_instance_that_cannot_be_read(void **state)
{
	static const char *const bodies[] = {
		FOUND("<item><instanceId>" INSTANCE_ID "</instanceId></item>"), /* no state */
		FOUND("<item><instanceId>" INSTANCE_ID
		      "</instanceId><instanceState><code>16</code></instanceState><privateIpAddress>"
		      "10.200.100.100.100</privateIpAddress></item>"),
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
		answer(f, 200, bodies[i]);
		assert_false(find_instance(f, false));
		assert_string_equal(f->e.code, "bad_answer");
		assert_int_equal(f->e.class, UPSTREAM_RETRY);
	}
}

static void a_launch_is_read_like_an_instance(void **state)
{
	struct fixture *f = *state;

	answer(f, 200,
	       ROOT("RunInstances",
		    "<instancesSet>" WHOLE "</instancesSet><reservationId>r</reservationId>"));
	assert_true(launch(f, false));
	assert_string_equal(got.instance.id, INSTANCE_ID);
	assert_string_equal(got.instance.private_address, "10.20.1.16");
}

static void subnets(void **state)
{
	struct fixture *f = *state;

	answer(f, 200,
	       ROOT("DescribeSubnets",
		    "<subnetSet><item><subnetId>subnet-1</subnetId></item><item>"
		    "<mapPublicIpOnLaunch>true</mapPublicIpOnLaunch><availableIpAddressCount>212</"
		    "availableIpAddressCount>"
		    "<cidrBlock>10.20.1.0/24</cidrBlock><availabilityZone>eu-west-2a</"
		    "availabilityZone><vpcId>" VPC_ID "</vpcId><subnetId>" SUBNET_ID
		    "</subnetId><tagSet/></item></subnetSet><nextToken/>"));
	assert_true(find_subnet(f, false));
	assert_string_equal(got.subnet.id, SUBNET_ID);
	assert_string_equal(got.subnet.vpc, VPC_ID);
	assert_string_equal(got.subnet.zone, "eu-west-2a");
	assert_string_equal(got.subnet.cidr, "10.20.1.0/24");
	assert_int_equal(got.subnet.free_addresses, 212);
	assert_true(got.subnet.public_on_launch);
	answer(f, 200, ROOT("DescribeSubnets", "<subnetSet/>"));
	assert_true(find_subnet(f, false));
	assert_string_equal(got.subnet.id, "");
	assert_string_equal(got.subnet.vpc, "");
}

#define ADDRESS(parts)                                                                                       \
	ROOT("DescribeAddresses", "<addressesSet><item><publicIp>198.51.100.9</publicIp>"                    \
				  "<allocationId>eipalloc-9</allocationId></item><item>" parts               \
				  "<publicIp>198.51.100.20</publicIp></item></addressesSet>")

static void addresses(void **state)
{
	struct fixture *f = *state;

	answer(f, 200,
	       ADDRESS("<tagSet><item><key>burstd-operation</key><value>tok*?1</value></item></tagSet>"
		       "<allocationId>" ALLOCATION "</allocationId><instanceId/>"));
	assert_true(find_tagged_address(f, false));
	assert_string_equal(got.address.allocation, ALLOCATION);
	assert_string_equal(got.address.public_address, "198.51.100.20");
	assert_string_equal(got.address.association, "");
	assert_string_equal(got.address.instance, "");
	answer(f, 200,
	       ADDRESS("<associationId>" ASSOCIATION "</associationId><instanceId>" INSTANCE_ID
		       "</instanceId><allocationId>" ALLOCATION "</allocationId>"));
	assert_true(find_tagged_address(f, false)); /* no tag: not it */
	assert_string_equal(got.address.allocation, "");
	assert_true(find_address(f, false));
	assert_string_equal(got.address.association, ASSOCIATION);
	assert_true(find_address_of(f, false));
	assert_string_equal(got.address.instance, INSTANCE_ID);
	answer(f, 200, ADDRESS("<instanceId>" INSTANCE_ID "</instanceId>"));
	assert_false(find_address_of(f, false)); /* an address that could not be given back */
	assert_string_equal(f->e.code, "bad_answer");
}

static void allocation_and_group(void **state)
{
	struct fixture *f = *state;

	answer(f, 200,
	       ROOT("AllocateAddress",
		    "<allocationId>" ALLOCATION "</allocationId><publicIp>198.51.100.20</publicIp>"));
	assert_true(allocate(f, false));
	assert_string_equal(got.address.allocation, ALLOCATION);
	assert_string_equal(got.address.public_address, "198.51.100.20");
	answer(f, 200, ROOT("CreateSecurityGroup", "<groupId>" GROUP_ID "</groupId><tagSet/>"));
	assert_true(create_group(f, false));
	assert_string_equal(got.id, GROUP_ID);
}

#define GROUP(name)                                                                                          \
	"<item><ipPermissionsEgress><item><ipProtocol>-1</ipProtocol><ipRanges><item><cidrIp>0.0.0.0/0"      \
	"</cidrIp></item></ipRanges></item></ipPermissionsEgress><ipPermissions><item><toPort>443</toPort>"  \
	"<fromPort>440</fromPort><ipProtocol>tcp</ipProtocol><groups/><ipv6Ranges><item><cidrIpv6>::/0"      \
	"</cidrIpv6></item></ipv6Ranges></item></ipPermissions><groupName>" name                             \
	"</groupName><vpcId>" VPC_ID "</vpcId><groupId>" GROUP_ID "</groupId></item>"

static void a_group_with_its_rules(void **state)
{
	struct fixture *f = *state;
	const struct managed_group *g = &got.group;

	answer(f, 200,
	       ROOT("DescribeSecurityGroups", "<securityGroupInfo>" GROUP("nodes") "</securityGroupInfo>"));
	assert_true(find_group_by_id(f, false));
	assert_string_equal(g->id, GROUP_ID);
	assert_string_equal(g->name, "nodes");
	assert_string_equal(g->vpc, VPC_ID);
	assert_int_equal(g->n_rules, 2);
	assert_false(g->rules[0].egress);
	assert_string_equal(g->rules[0].protocol, "tcp");
	assert_int_equal(g->rules[0].from, 440);
	assert_int_equal(g->rules[0].to, 443);
	assert_string_equal(g->rules[0].cidr, "::/0");
	assert_true(g->rules[1].egress);
	assert_int_equal(g->rules[1].from, -1);
	assert_true(find_group_by_name(
		f, false)); /* another name, from an endpoint that has its own idea of wildcards */
	assert_string_equal(g->id, "");
	answer(f, 200,
	       ROOT("DescribeSecurityGroups",
		    "<securityGroupInfo>" GROUP("conferencing-nodes*") "</securityGroupInfo>"));
	assert_true(find_group_by_name(f, false));
	assert_string_equal(g->id, GROUP_ID);
}

static void a_group_needs_room(void **state)
{
	struct fixture *f = *state;
	_cleanup_(arena_freep) struct arena *small = arena_new(200);

	answer(f, 200,
	       ROOT("DescribeSecurityGroups", "<securityGroupInfo>" GROUP("n") "</securityGroupInfo>"));
	assert_false(ec2_find_group(f->client, GROUP_ID, NULL, NULL, small, &got.group, &f->e));
	assert_non_null(strstr(f->e.message, "too large"));
}

static void key_pairs_and_offerings(void **state)
{
	struct fixture *f = *state;

	answer(f, 200, ROOT("DescribeKeyPairs", "<keySet><item><keyName>node-key</keyName></item></keySet>"));
	assert_true(find_key_pair(f, false));
	assert_true(got.yes);
	answer(f, 200,
	       ROOT("DescribeKeyPairs", "<keySet><item><keyName>node-key2</keyName></item></keySet>"));
	assert_true(find_key_pair(f, false));
	assert_false(got.yes);
	answer(f, 200,
	       ROOT("DescribeInstanceTypeOfferings",
		    "<instanceTypeOfferingSet><item><location>eu-west-2a</location><instanceType>c5.9xlarge"
		    "</instanceType></item></instanceTypeOfferingSet>"));
	assert_true(type_offered(f, false));
	assert_true(got.yes);
	answer(f, 200,
	       ROOT("DescribeInstanceTypeOfferings",
		    "<instanceTypeOfferingSet><item><location>eu-west-2b</location><instanceType>c5.9xlarge"
		    "</instanceType></item></instanceTypeOfferingSet>"));
	assert_true(type_offered(f, false));
	assert_false(got.yes);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, begin_manage, end_manage)
	const struct CMUnitTest tests[] = {
		T(every_body_is_exact),
		T(a_dry_run_that_is_allowed),
		T(dry_runs_are_not_mistaken),
		T(a_denial_names_the_permission),
		T(a_denial_of_another_permission),
		T(a_lost_answer),
		T(unusable_answers),
		T(good_answers_that_tell_nothing),
		T(an_oversized_answer),
		T(expired_keys_are_renewed_once),
		T(each_attempt_is_counted),
		T(changes_keep_the_pace),
		T(error_classes),
		T(what_is_gone_is_gone),
		T(a_rule_that_is_there_already),
		T(a_rule_that_is_gone_already),
		T(empty_ids_are_never_sent),
		T(a_body_that_is_too_large),
		T(images_page_by_page),
		T(images_begin_again_with_a_stale_token),
		T(images_that_are_not_whole),
		T(many_images),
		T(an_instance_with_everything),
		T(an_instance_with_little),
		T(an_instance_that_is_not_there),
		T(an_instance_that_cannot_be_read),
		T(a_launch_is_read_like_an_instance),
		T(subnets),
		T(addresses),
		T(allocation_and_group),
		T(a_group_with_its_rules),
		T(a_group_needs_room),
		T(key_pairs_and_offerings),
	};

	return cmocka_run_group_tests_name("ec2_manage", tests, NULL, NULL);
}
