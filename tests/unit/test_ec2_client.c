/* Tests of the course of a call to EC2 over a scripted transport: pages, attempts, keys, pace. Time is a counter. */
#include "tests/unit/ec2_fixture.h"

#define PAGE(instances, token)                                                                               \
	"<DescribeInstancesResponse><reservationSet><item><instancesSet>" instances                          \
	"</instancesSet></item></reservationSet>" token "</DescribeInstancesResponse>"
#define INSTANCE(id)                                                                                         \
	"<item><instanceId>" id "</instanceId><instanceState><code>16</code></instanceState></item>"
#define TOKEN(t) "<nextToken>" t "</nextToken>"
#define STARTED(id)                                                                                          \
	"<StartInstancesResponse><instancesSet><item><instanceId>" id                                        \
	"</instanceId><currentState><code>0</code>"                                                          \
	"</currentState><previousState><code>80</code></previousState></item></instancesSet></"              \
	"StartInstancesResponse>"

/* --- describe --- */

static void one_page(void **state)
{
	struct fixture *f = *state;
	struct ec2_report *r = NULL;

	PLAY(f, {200, PAGE(INSTANCE("i-1"), ""), NULL, 0, 0});
	assert_true(ec2_describe_tagged(f->client, "mgr-1", &r, &f->e));
	assert_int_equal(r->n_instances, 1);
	assert_true(r->whole);
	assert_int_equal(r->observed_at, START_MS);
	assert_string_equal(r->region, "eu-west-2");
	assert_string_equal(f->script.url, "http://127.0.0.1:1/eu-west-2/x/");
	assert_string_equal(f->script.sigv4, "aws:amz:eu-west-2:ec2");
	assert_string_equal(f->script.access_key, "AKIDEXAMPLE");
	assert_string_equal(f->script.token_header, "");
	assert_int_equal(f->pauses, 0);
	ec2_report_free(r);
}

static void default_endpoint(void **state)
{
	struct fixture *f = *state;
	struct ec2_report *r = NULL;
	struct ec2_client *c = client_of(f, NULL);

	PLAY(f, {200, PAGE("", ""), NULL, 0, 0});
	assert_true(ec2_describe_tagged(c, "mgr-1", &r, &f->e));
	assert_string_equal(f->script.url, "https://ec2.eu-west-2.amazonaws.com/");
	assert_int_equal(r->n_instances, 0);
	ec2_report_free(r);
	ec2_client_free(c);
}

static void many_pages(void **state)
{
	struct fixture *f = *state;
	struct ec2_report *r = NULL;

	PLAY(f, {200, PAGE(INSTANCE("i-1"), TOKEN("t/2")), NULL, 0, 0},
	     {200, PAGE("", TOKEN("t3")), NULL, 0, 0},
	     {200, PAGE(INSTANCE("i-2") INSTANCE("i-1"), TOKEN("")), NULL, 0, 0});
	assert_true(ec2_describe_tagged(f->client, "mgr-1", &r, &f->e));
	assert_int_equal(f->script.calls, 3);
	assert_null(strstr(f->script.bodies[0], "NextToken"));
	assert_non_null(strstr(f->script.bodies[1], "&NextToken=t%2F2"));
	assert_non_null(strstr(f->script.bodies[2], "&NextToken=t3"));
	assert_int_equal(r->n_instances, 2);
	ec2_report_free(r);
}

static void retries_within_a_page(void **state)
{
	struct fixture *f = *state;
	struct ec2_report *r = NULL;

	PLAY(f, {200, PAGE(INSTANCE("i-1"), TOKEN("t2")), NULL, 0, 0}, {0, NULL, NULL, 0, 0},
	     {200, "<DescribeInstancesResponse><reservationSet><item><instancesSet>" INSTANCE("i-gone"), NULL,
	      0, 0},
	     {200, PAGE(INSTANCE("i-2"), ""), NULL, 0, 0});
	assert_true(ec2_describe_tagged(f->client, "mgr-1", &r, &f->e));
	assert_int_equal(f->script.calls, 4);
	assert_string_equal(f->script.bodies[1], f->script.bodies[3]);
	assert_int_equal(r->n_instances, 2);
	assert_string_equal(r->instances[1].id, "i-2");
	ec2_report_free(r);
}

static void gives_up_after_three(void **state)
{
	struct fixture *f = *state;
	struct ec2_report *r = NULL;

	PLAY(f, {500, ERROR("InternalError"), NULL, 0, 0});
	assert_false(ec2_describe_tagged(f->client, "mgr-1", &r, &f->e));
	assert_null(r);
	assert_int_equal(f->script.calls, 3);
	assert_int_equal(f->e.class, UPSTREAM_RETRY);
	assert_string_equal(f->e.code, "InternalError");
	assert_true(f->paused <= 300); /* full jitter over 100 ms and 200 ms */
}

static void half_a_list_is_never_returned(void **state)
{
	struct fixture *f = *state;
	struct ec2_report *r = NULL;

	PLAY(f, {200, PAGE(INSTANCE("i-1"), TOKEN("t2")), NULL, 0, 0},
	     {403, ERROR("UnauthorizedOperation"), NULL, 0, 0});
	assert_false(ec2_describe_tagged(f->client, "mgr-1", &r, &f->e));
	assert_null(r);
	assert_int_equal(f->script.calls, 2); /* nothing that a retry would mend */
	assert_string_equal(f->e.issue, "ec2_unauthorized");
	assert_non_null(strstr(f->e.remedy, "ec2:DescribeInstances"));
}

static void throttle_slows_everything(void **state)
{
	struct fixture *f = *state;
	struct ec2_report *r = NULL;

	PLAY(f, {503, ERROR("RequestLimitExceeded"), NULL, 0, 7000}, {200, PAGE("", ""), NULL, 0, 0});
	assert_true(ec2_describe_tagged(f->client, "mgr-1", &r, &f->e));
	assert_int_equal(f->script.calls, 2);
	assert_true(f->paused >= 7000); /* what AWS asked for */
	ec2_report_free(r);

	ec2_limiter_throttled(f->limiter);
	int64_t waited = f->paused;

	assert_true(ec2_describe_tagged(f->client, "mgr-1", &r, &f->e));
	assert_true(f->paused > waited); /* the bucket was emptied */
	ec2_report_free(r);
}

static void stale_token_begins_again(void **state)
{
	struct fixture *f = *state;
	struct ec2_report *r = NULL;

	PLAY(f, {200, PAGE(INSTANCE("i-1"), TOKEN("t2")), NULL, 0, 0},
	     {400, ERROR("InvalidNextToken"), NULL, 0, 0}, {200, PAGE(INSTANCE("i-2"), ""), NULL, 0, 0});
	assert_true(ec2_describe_tagged(f->client, "mgr-1", &r, &f->e));
	assert_int_equal(f->script.calls, 3);
	assert_null(strstr(f->script.bodies[2], "NextToken"));
	assert_int_equal(r->n_instances, 1); /* i-1 of the abandoned listing is not in it */
	assert_string_equal(r->instances[0].id, "i-2");
	ec2_report_free(r);
}

static void stale_token_twice_is_an_error(void **state)
{
	struct fixture *f = *state;
	struct ec2_report *r = NULL;

	PLAY(f, {200, PAGE("", TOKEN("t2")), NULL, 0, 0}, {400, ERROR("InvalidNextToken"), NULL, 0, 0},
	     {400, ERROR("InvalidNextToken"), NULL, 0, 0});
	assert_false(ec2_describe_tagged(f->client, "mgr-1", &r, &f->e));
	assert_int_equal(f->script.calls, 3);
}

static void addresses_in_portions(void **state)
{
	struct fixture *f = *state;
	struct ec2_report *r = NULL;
	static char text[450][16];
	const char *addresses[450];

	for (int i = 0; i < 450; i++) {
		(void)snprintf(text[i], sizeof(text[i]), "10.0.%d.%d", i / 250 % 250, i % 250);
		addresses[i] = text[i];
	}
	PLAY(f, {200, PAGE(INSTANCE("i-1"), ""), NULL, 0, 0}, {200, PAGE(INSTANCE("i-2"), ""), NULL, 0, 0},
	     {200, PAGE(INSTANCE("i-1"), ""), NULL, 0, 0});
	assert_true(ec2_describe_addresses(f->client, addresses, 450, &r, &f->e));
	assert_int_equal(f->script.calls, 3);
	assert_int_equal(r->n_instances, 2);
	assert_non_null(strstr(f->script.bodies[2], "Value.50="));
	assert_null(strstr(f->script.bodies[2], "Value.51="));
	ec2_report_free(r);
}

static void no_addresses_ask_nothing(void **state)
{
	struct fixture *f = *state;
	struct ec2_report *r = NULL;

	assert_true(ec2_describe_addresses(f->client, NULL, 0, &r, &f->e));
	assert_int_equal(f->script.calls, 0);
	assert_int_equal(r->n_instances, 0);
	ec2_report_free(r);
}

static void one_instance_by_filter(void **state)
{
	struct fixture *f = *state;
	struct ec2_report *r = NULL;

	PLAY(f, {200, PAGE("", ""), NULL, 0, 0});
	assert_true(ec2_describe_instance(f->client, "i-unknown", &r, &f->e));
	assert_int_equal(r->n_instances, 0);
	assert_non_null(strstr(f->script.bodies[0], "Name=instance-id&Filter.1.Value.1=i-unknown"));
	ec2_report_free(r);
}

static void endless_listing_ends(void **state)
{
	struct fixture *f = *state;
	struct ec2_report *r = NULL;

	PLAY(f, {200, PAGE("", TOKEN("again")), NULL, 0, 0});
	assert_false(ec2_describe_tagged(f->client, "mgr-1", &r, &f->e));
	assert_int_equal(f->script.calls, LIMIT_EC2_PAGES);
	assert_string_equal(f->e.code, "too_many_pages");
	assert_null(r);
}

/* --- outcomes --- */

static void html_is_not_an_answer(void **state)
{
	struct fixture *f = *state;
	struct ec2_state_change change;

	PLAY(f, {500, "<html><body><p>Internal error<br></body></html>", "text/html", 0, 0});
	assert_false(ec2_start_instance(f->client, "i-1", false, &change, &f->e));
	assert_int_equal(f->e.class, UPSTREAM_RETRY);
	assert_string_equal(f->e.code, "html_answer");
	assert_int_equal(f->script.calls, 1); /* the caller's intent holds the attempts */
}

static void unusable_200(void **state)
{
	struct fixture *f = *state;
	struct ec2_state_change change;

	PLAY(f, {200, "<html><body>Welcome to the Wi-Fi</body></html>", "text/html", 0, 0},
	     {200, "", NULL, 0, 0}, {200, PAGE("", ""), NULL, 0, 0}, {200, STARTED("i-2"), NULL, 0, 0});
	for (int i = 0; i < 4; i++) {
		assert_false(ec2_start_instance(f->client, "i-1", false, &change, &f->e));
		assert_int_equal(f->e.class, UPSTREAM_RETRY); /* the effect is uncertain */
		assert_string_equal(f->e.issue, "ec2_answer");
	}
}

/* The worst reading of such an answer would be "no instances". */
static void another_answer_is_no_empty_list(void **state)
{
	struct fixture *f = *state;
	struct ec2_report *r = NULL;

	PLAY(f, {200, STARTED("i-1"), NULL, 0, 0}, {200, "<page/>", NULL, 0, 0}, {200, "", NULL, 0, 0},
	     {200, ERROR("Blocked"), NULL, 0, 0}, {204, "", NULL, 0, 0});
	assert_false(ec2_describe_tagged(f->client, "mgr-1", &r, &f->e));
	assert_int_equal(f->script.calls, 3);
	assert_string_equal(f->e.code, "bad_answer");
	assert_false(ec2_describe_tagged(f->client, "mgr-1", &r, &f->e));
	assert_string_equal(f->e.code, "Blocked");
	assert_int_equal(f->e.class, UPSTREAM_OPERATOR);
	assert_false(ec2_describe_tagged(f->client, "mgr-1", &r, &f->e));
	assert_null(r);
}

static void start_and_stop(void **state)
{
	struct fixture *f = *state;
	struct ec2_state_change change;

	PLAY(f, {200, STARTED("i-1"), NULL, 0, 0},
	     {200,
	      "<StopInstancesResponse><instancesSet><item><instanceId>i-1</"
	      "instanceId><currentState><name>stopping</name>"
	      "</currentState><previousState><name>running</name></previousState></item></instancesSet></"
	      "StopInstancesResponse>",
	      NULL, 0, 0});
	assert_true(ec2_start_instance(f->client, "i-1", false, &change, &f->e));
	assert_int_equal(change.previous, INSTANCE_STOPPED);
	assert_int_equal(change.current, INSTANCE_PENDING);
	assert_true(ec2_stop_instance(f->client, "i-1", false, &change, &f->e));
	assert_int_equal(change.previous, INSTANCE_RUNNING);
	assert_int_equal(change.current, INSTANCE_STOPPING);
	assert_non_null(strstr(f->script.bodies[0], "Action=StartInstances&"));
	assert_non_null(strstr(f->script.bodies[1], "Action=StopInstances&"));
}

static void no_capacity_asks_for_the_next(void **state)
{
	struct fixture *f = *state;
	struct ec2_state_change change;

	PLAY(f, {500, ERROR("InsufficientInstanceCapacity"), NULL, 0, 0});
	assert_false(ec2_start_instance(f->client, "i-1", false, &change, &f->e));
	assert_int_equal(f->e.class, UPSTREAM_NEXT);
	assert_string_equal(f->e.issue, "ec2_capacity");
	assert_int_equal(f->script.calls, 1);
}

static void dry_run(void **state)
{
	struct fixture *f = *state;
	struct ec2_state_change change = {.previous = INSTANCE_TERMINATED, .current = INSTANCE_TERMINATED};

	PLAY(f, {412, ERROR("DryRunOperation"), NULL, 0, 0},
	     {403, ERROR("UnauthorizedOperation"), NULL, 0, 0});
	assert_true(ec2_stop_instance(f->client, "i-1", true, &change, &f->e));
	assert_int_equal(change.current, INSTANCE_TERMINATED);
	assert_non_null(strstr(f->script.bodies[0], "&DryRun=true"));
	assert_false(ec2_stop_instance(f->client, "i-1", true, &change, &f->e));
	assert_non_null(strstr(f->e.remedy, "ec2:StopInstances"));
}

static void clock_skew_is_named(void **state)
{
	struct fixture *f = *state;
	struct ec2_state_change change;

	PLAY(f, {401, ERROR("AuthFailure"), NULL, START_MS + 600000, 0},
	     {401, ERROR("AuthFailure"), NULL, START_MS + 1000, 0});
	assert_false(ec2_start_instance(f->client, "i-1", false, &change, &f->e));
	assert_string_equal(f->e.issue, "ec2_clock_skew");
	assert_non_null(strstr(f->e.message, "600 seconds behind"));
	assert_false(ec2_start_instance(f->client, "i-1", false, &change, &f->e));
	assert_string_equal(f->e.issue, "ec2_credentials");
}

/* --- keys --- */

static void expired_keys_are_renewed_once(void **state)
{
	struct fixture *f = *state;
	struct ec2_state_change change;
	static const struct step imds[] = {{200, "imds-token", NULL, 0, 0},
					   {200, "role", NULL, 0, 0},
					   {200, ROLE_KEYS("ASIAOLD", "2026-01-02T09:04:05Z"), NULL, 0, 0},
					   {200, "role", NULL, 0, 0},
					   {200, ROLE_KEYS("ASIANEW", "2026-01-02T09:04:05Z"), NULL, 0, 0},
					   {200, "role", NULL, 0, 0},
					   {200, ROLE_KEYS("ASIANEW", "2026-01-02T09:04:05Z"), NULL, 0, 0}};

	credentials_set_static(f->credentials, NULL, NULL);
	f->imds.steps = imds;
	f->imds.n = ARRAY_LEN(imds);
	PLAY(f, {400, ERROR("RequestExpired"), NULL, START_MS, 0}, {200, STARTED("i-1"), NULL, 0, 0},
	     {403, ERROR("ExpiredToken"), NULL, START_MS, 0});
	assert_true(ec2_start_instance(f->client, "i-1", false, &change, &f->e));
	assert_int_equal(f->script.calls, 2);
	assert_string_equal(f->script.access_key, "ASIANEW");
	assert_string_equal(f->script.token_header, "X-Amz-Security-Token: tok/+=");
	/* Fresh keys that are refused as well: an operator's matter, after one more attempt. */
	assert_false(ec2_start_instance(f->client, "i-1", false, &change, &f->e));
	assert_int_equal(f->script.calls, 4);
	assert_int_equal(f->e.class, UPSTREAM_OPERATOR);
	assert_string_equal(f->e.issue, "ec2_credentials_expired");
}

static void without_keys_nothing_is_sent(void **state)
{
	struct fixture *f = *state;
	struct ec2_report *r = NULL;

	credentials_set_static(f->credentials, "", "");
	setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
	assert_false(ec2_describe_tagged(f->client, "mgr-1", &r, &f->e));
	assert_int_equal(f->script.calls, 0);
	assert_string_equal(f->e.code, "no_credentials");
	assert_int_equal(f->e.class, UPSTREAM_OPERATOR);
	unsetenv("AWS_EC2_METADATA_DISABLED");
}

static void hostile_session_token_is_not_sent(void **state)
{
	struct fixture *f = *state;
	struct ec2_state_change change;

	credentials_set_static(f->credentials, NULL, NULL);
	setenv("AWS_ACCESS_KEY_ID", "ASIA", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "s", 1);
	setenv("AWS_SESSION_TOKEN", "abc\r\nX-Evil: 1", 1);
	assert_false(ec2_start_instance(f->client, "i-1", false, &change, &f->e));
	assert_int_equal(f->script.calls, 0);
	assert_string_equal(f->e.issue, "ec2_credentials");
}

/* --- the limiter --- */

static void bursts_then_paces(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 5; i++)
		assert_int_equal(ec2_limiter_take(f->limiter, EC2_BUCKET_START), 0);
	assert_int_equal(ec2_limiter_take(f->limiter, EC2_BUCKET_START), 500);
	assert_int_equal(ec2_limiter_take(f->limiter, EC2_BUCKET_START), 1000); /* behind the one before */
	assert_int_equal(ec2_limiter_take(f->limiter, EC2_BUCKET_STOP), 0);     /* a bucket for each kind */
	f->now += 3500;
	assert_int_equal(ec2_limiter_take(f->limiter, EC2_BUCKET_START), 0);
	f->now -= 100000; /* the clock was set back */
	for (int i = 0; i < 4; i++)
		assert_int_equal(ec2_limiter_take(f->limiter, EC2_BUCKET_START), 0);
	assert_int_equal(ec2_limiter_take(f->limiter, EC2_BUCKET_START), 500);
	f->now += 10000000;
	for (int i = 0; i < 5; i++)
		assert_int_equal(ec2_limiter_take(f->limiter, EC2_BUCKET_START), 0);
	assert_int_equal(ec2_limiter_take(f->limiter, EC2_BUCKET_START),
			 500); /* never more than the bucket holds */
}

static void throttle_recovers(void **state)
{
	struct fixture *f = *state;

	ec2_limiter_throttled(f->limiter);
	assert_int_equal(ec2_limiter_take(f->limiter, EC2_BUCKET_DESCRIBE), 71); /* 1 / (20 a second * 0.7) */
	for (int i = 0; i < 20; i++)
		ec2_limiter_throttled(f->limiter);
	assert_true(ec2_limiter_take(f->limiter, EC2_BUCKET_DESCRIBE) >= 1000);
	f->now += 300000;
	for (int i = 0; i < 100; i++)
		assert_int_equal(ec2_limiter_take(f->limiter, EC2_BUCKET_DESCRIBE), 0);
	assert_int_equal(ec2_limiter_take(f->limiter, EC2_BUCKET_DESCRIBE), 50);
}

static void limiter_follows_the_time_scale(void **state)
{
	struct fixture *f = *state;
	_cleanup_(ec2_limiter_freep) struct ec2_limiter *l = ec2_limiter_new(&f->clock, 10);

	for (int i = 0; i < 5; i++)
		assert_int_equal(ec2_limiter_take(l, EC2_BUCKET_START), 0);
	assert_int_equal(ec2_limiter_take(l, EC2_BUCKET_START), 50);
	f->now += 100; /* one second of the scaled time: two tokens */
	assert_int_equal(ec2_limiter_take(l, EC2_BUCKET_START), 0);
}

static void client_waits_for_the_limiter(void **state)
{
	struct fixture *f = *state;
	struct ec2_state_change change;

	PLAY(f, {200, STARTED("i-1"), NULL, 0, 0});
	for (int i = 0; i < 6; i++)
		assert_true(ec2_start_instance(f->client, "i-1", false, &change, &f->e));
	assert_int_equal(f->pauses, 1);
	assert_int_equal(f->paused, 500);
}

/* --- surveys ----------------------------------------------------------------------------------------------------- */

#define NS "xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\""
#define PLACED                                                                                               \
	"<DescribeInstancesResponse " NS "><reservationSet><item><instancesSet>"                             \
	"<item><instanceId>i-1</instanceId><instanceState><code>16</code><name>running</name></"             \
	"instanceState>"                                                                                     \
	"<instanceType>c5.2xlarge</instanceType><privateIpAddress>10.1.0.4</privateIpAddress>"               \
	"<subnetId>subnet-1</subnetId><vpcId>vpc-1</vpcId><keyName>key</keyName>"                            \
	"<placement><availabilityZone>a</availabilityZone><tenancy>default</tenancy></placement>"            \
	"<groupSet><item><groupId>sg-1</groupId></item><item><groupId>sg-2</groupId></item></groupSet>"      \
	"<tagSet><item><key>pexip-cloud</key><value>mgr</value></item></tagSet>"                             \
	"<networkInterfaceSet><item><privateIpAddressesSet><item><privateIpAddress>10.1.0.4</"               \
	"privateIpAddress>"                                                                                  \
	"</item><item><privateIpAddress>10.1.0.9</privateIpAddress></item></privateIpAddressesSet></item>"   \
	"</networkInterfaceSet></item>"                                                                      \
	"<item><instanceId>i-2</instanceId><instanceState><code>48</code><name>terminated</name></"          \
	"instanceState></item>"                                                                              \
	"</instancesSet></item></reservationSet></DescribeInstancesResponse>"
#define GROUPS_1                                                                                             \
	"<DescribeSecurityGroupsResponse " NS "><securityGroupInfo><item><groupId>sg-1</groupId>"            \
	"<groupName>nodes</groupName><ipPermissions><item><ipProtocol>tcp</ipProtocol><fromPort>443</"       \
	"fromPort>"                                                                                          \
	"<toPort>443</toPort><groups/><ipRanges><item><cidrIp>0.0.0.0/0</cidrIp></item></ipRanges>"          \
	"<ipv6Ranges><item><cidrIpv6>::/0</cidrIpv6></item></ipv6Ranges></item>"                             \
	"<item><ipProtocol>-1</ipProtocol><groups><item><groupId>sg-1</groupId></item></groups></item>"      \
	"</ipPermissions><ipPermissionsEgress><item><ipProtocol>-1</ipProtocol><ipRanges><item>"             \
	"<cidrIp>0.0.0.0/0</cidrIp></item></ipRanges></item></ipPermissionsEgress></item></"                 \
	"securityGroupInfo>"                                                                                 \
	"<nextToken>more</nextToken></DescribeSecurityGroupsResponse>"
#define GROUPS_2                                                                                             \
	"<DescribeSecurityGroupsResponse " NS "><securityGroupInfo><item><groupId>sg-2</groupId>"            \
	"</item></securityGroupInfo></DescribeSecurityGroupsResponse>"
#define SUBNETS                                                                                              \
	"<DescribeSubnetsResponse " NS "><subnetSet><item><subnetId>subnet-1</subnetId>"                     \
	"<cidrBlock>10.1.0.0/16</cidrBlock></item></subnetSet></DescribeSubnetsResponse>"
#define DENIED                                                                                               \
	"<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>no</Message></Error></Errors>"  \
	"<RequestID>r</RequestID></Response>"
#define ACLS                                                                                                 \
	"<DescribeNetworkAclsResponse " NS                                                                   \
	"><networkAclSet><item><networkAclId>acl-1</networkAclId><entrySet>"                                 \
	"<item><ruleNumber>100</ruleNumber><protocol>17</protocol><ruleAction>allow</ruleAction>"            \
	"<egress>true</egress><cidrBlock>10.0.0.0/8</cidrBlock><portRange><from>500</from><to>501</to></"    \
	"portRange></item>"                                                                                  \
	"<item><ruleNumber>32768</ruleNumber><protocol>-1</protocol><ruleAction>deny</ruleAction>"           \
	"<egress>false</egress><ipv6CidrBlock>::/0</ipv6CidrBlock></item></entrySet><associationSet><item>"  \
	"<subnetId>subnet-1</subnetId></item></associationSet></item></networkAclSet></"                     \
	"DescribeNetworkAclsResponse>"

static const char *const asked_addresses[] = {"10.1.0.4", "10.1.0.5"};

static void a_survey_reads_everything(void **state)
{
	static const struct step steps[] = {
		{.status = 200, .body = PLACED, .date_ms = START_MS + 5000},
		{.status = 200, .body = GROUPS_1, .date_ms = START_MS + 5000},
		{.status = 200, .body = GROUPS_2, .date_ms = START_MS + 5000},
		{.status = 200, .body = SUBNETS, .date_ms = START_MS + 5000},
		{.status = 200, .body = ACLS, .date_ms = START_MS + 5000},
	};
	_cleanup_(network_report_freep) struct network_report *r = NULL;
	struct fixture *f = *state;

	f->script.steps = steps;
	f->script.n = ARRAY_LEN(steps);
	assert_true(ec2_survey_network(f->client, asked_addresses, 2, &r, &f->e));
	assert_int_equal(f->script.calls, 5);
	assert_non_null(strstr(f->script.bodies[0], "Filter.1.Value.2=10.1.0.5"));
	assert_non_null(strstr(f->script.bodies[1], "Action=DescribeSecurityGroups"));
	assert_non_null(strstr(f->script.bodies[1], "Filter.1.Value.1=sg-1&Filter.1.Value.2=sg-2"));
	assert_non_null(strstr(f->script.bodies[2], "NextToken=more"));
	assert_non_null(strstr(f->script.bodies[4], "association.subnet-id"));
	assert_int_equal(r->unread.n, 0);
	assert_int_equal(r->server_offset, 5000);

	assert_int_equal(r->n_instances, 1); /* the terminated one is nobody's */
	assert_string_equal(r->instances[0].key_name, "key");
	assert_string_equal(r->instances[0].tenancy, "default");
	assert_string_equal(r->instances[0].tag_value, "mgr");
	assert_string_equal(r->instances[0].addresses[r->instances[0].n_addresses - 1], "10.1.0.9");
	assert_int_equal(r->n_groups, 2);
	assert_int_equal(r->groups[0].n_rules, 4);
	assert_string_equal(r->groups[0].rules[1].cidr, "::/0");
	assert_string_equal(r->groups[0].rules[2].group, "sg-1");
	assert_int_equal(r->groups[0].rules[2].from, -1);
	assert_true(r->groups[0].rules[3].egress);
	assert_string_equal(r->subnets[0].cidr, "10.1.0.0/16");
	assert_int_equal(r->acls[0].n_entries, 2);
	assert_int_equal(r->acls[0].entries[0].to, 501);
	assert_true(r->acls[0].entries[0].egress && r->acls[0].entries[0].allow);
	assert_null(r->acls[0].entries[1].cidr); /* for IPv6 */
}

/* A read that is refused is noted, and the others go on. */
static void a_survey_notes_what_it_may_not_read(void **state)
{
	static const struct step steps[] = {{.status = 200, .body = PLACED},
					    {.status = 403, .body = DENIED},
					    {.status = 200, .body = SUBNETS},
					    {.status = 200, .body = "<!DOCTYPE a><a/>"}};
	_cleanup_(network_report_freep) struct network_report *r = NULL;
	struct fixture *f = *state;

	f->script.steps = steps;
	f->script.n = ARRAY_LEN(steps);
	assert_true(ec2_survey_network(f->client, asked_addresses, 2, &r, &f->e));
	assert_int_equal(r->unread.n, 2);
	assert_string_equal(r->unread.rows[0].what, "DescribeSecurityGroups");
	assert_string_equal(r->unread.rows[1].what, "DescribeNetworkAcls");
	assert_int_equal(r->n_groups, 0);
	assert_int_equal(r->n_subnets, 1);
}

/* Without the instances there is nothing to be said of anything; without addresses nothing is asked. */
static void a_survey_without_instances(void **state)
{
	static const struct step refused[] = {{.status = 403, .body = DENIED}};
	struct network_report *r = NULL;
	struct fixture *f = *state;

	f->script.steps = refused;
	f->script.n = 1;
	assert_false(ec2_survey_network(f->client, asked_addresses, 2, &r, &f->e));
	assert_string_equal(f->e.code, "UnauthorizedOperation");
	assert_null(r);
	f->script.calls = 0;
	assert_true(ec2_survey_network(f->client, asked_addresses, 0, &r, &f->e));
	assert_int_equal(f->script.calls, 0);
	network_report_free(r);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		T(one_page),
		T(default_endpoint),
		T(many_pages),
		T(retries_within_a_page),
		T(gives_up_after_three),
		T(half_a_list_is_never_returned),
		T(throttle_slows_everything),
		T(stale_token_begins_again),
		T(stale_token_twice_is_an_error),
		T(addresses_in_portions),
		T(no_addresses_ask_nothing),
		T(one_instance_by_filter),
		T(endless_listing_ends),
		T(html_is_not_an_answer),
		T(unusable_200),
		T(another_answer_is_no_empty_list),
		T(start_and_stop),
		T(no_capacity_asks_for_the_next),
		T(dry_run),
		T(clock_skew_is_named),
		T(expired_keys_are_renewed_once),
		T(without_keys_nothing_is_sent),
		T(hostile_session_token_is_not_sent),
		T(bursts_then_paces),
		T(throttle_recovers),
		T(limiter_follows_the_time_scale),
		T(client_waits_for_the_limiter),
		T(a_survey_reads_everything),
		T(a_survey_notes_what_it_may_not_read),
		T(a_survey_without_instances),
	};

	return cmocka_run_group_tests_name("ec2_client", tests, NULL, NULL);
}
