/* A security group that was there, completed with the guide's rules and given back as it was: against a group in memory. */
#include "tests/unit/reconcile_fixture.h"

#include "clients/ec2/limiter.h"
#include "lifecycle/lifecycle.h"

#define REGION "eu-west-2"
#define GROUP  "sg-0123456789abcdef0"
#define NS     " xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\""

struct kept_rule {
	bool egress;
	char protocol[8];
	char from[8], to[8]; /* "" = none */
	char cidr[32], group[24];
};

struct bench {
	struct rig *g;
	struct kept_rule rules[40];
	size_t n;
	int adds, revokes;
	bool refuse_egress;
	int lose; /* the answer to this change */
	int changes;
	int64_t now;
	struct clock clock;
	struct credentials *credentials;
	struct ec2_limiter *limiter;
	struct ec2_client *ec2;
	struct lifecycle *l;
	int64_t operation;
};

/* --- a small EC2 ------------------------------------------------------------------------------------------------------------- */

/* The value of a parameter of the form's body; "" where it is missing. */
static void parameter(const char *body, const char *name, char *out, size_t size)
{
	char text[80];
	const char *at;
	size_t k = 0;

	(void)snprintf(text, sizeof(text), "&%s=", name);
	at = strstr(body, text);
	for (at = at ? at + strlen(text) : ""; *at && *at != '&' && k + 1 < size; at++) {
		out[k++] = *at;
		if (!strncmp(at, "%2F", 3)) {
			out[k - 1] = '/';
			at += 2;
		}
	}
	out[k] = '\0';
}

static bool rule_of(const char *body, int i, bool egress, struct kept_rule *ret)
{
	static const struct {
		const char *name;
		size_t at, size;
	} fields[] = {
#define FIELD(name, member) {name, offsetof(struct kept_rule, member), sizeof(ret->member)}
		FIELD("IpProtocol", protocol),    FIELD("FromPort", from),          FIELD("ToPort", to),
		FIELD("IpRanges.1.CidrIp", cidr), FIELD("Groups.1.GroupId", group),
#undef FIELD
	};

	memset(ret, 0, sizeof(*ret));
	ret->egress = egress;
	for (size_t k = 0; k < ARRAY_LEN(fields); k++) {
		char name[60];

		(void)snprintf(name, sizeof(name), "IpPermissions.%d.%s", i, fields[k].name);
		parameter(body, name, (char *)ret + fields[k].at, fields[k].size);
	}
	return ret->protocol[0] != '\0';
}

static void change_rules(struct bench *b, const char *body, bool egress, bool revoke)
{
	struct kept_rule rule;

	for (int i = 1; rule_of(body, i, egress, &rule); i++) {
		size_t at = 0;

		while (at < b->n && memcmp(&b->rules[at], &rule, sizeof(rule)) != 0)
			at++;
		*(revoke ? &b->revokes : &b->adds) += 1;
		if (revoke) {
			assert_true(at < b->n);
			b->rules[at] = b->rules[--b->n];
		} else {
			assert_true(at == b->n && b->n < ARRAY_LEN(b->rules));
			b->rules[b->n++] = rule;
		}
	}
}

static void put_rules(const struct bench *b, bool egress, struct buf *out)
{
	for (size_t i = 0; i < b->n; i++) {
		const struct kept_rule *r = &b->rules[i];

		if (r->egress != egress)
			continue;
		buf_printf(out, "<item><ipProtocol>%s</ipProtocol>", r->protocol);
		if (r->from[0])
			buf_printf(out, "<fromPort>%s</fromPort><toPort>%s</toPort>", r->from, r->to);
		if (r->cidr[0])
			buf_printf(out, "<ipRanges><item><cidrIp>%s</cidrIp></item></ipRanges>", r->cidr);
		if (r->group[0])
			buf_printf(out, "<groups><item><groupId>%s</groupId></item></groups>", r->group);
		buf_puts(out, "</item>");
	}
}

static int describe(const struct bench *b, struct buf *out)
{
	buf_puts(out,
		 "<DescribeSecurityGroupsResponse" NS "><requestId>r</requestId><securityGroupInfo><item>"
		 "<groupId>" GROUP
		 "</groupId><groupName>nodes</groupName><vpcId>vpc-1</vpcId><ipPermissions>");
	put_rules(b, false, out);
	buf_puts(out, "</ipPermissions><ipPermissionsEgress>");
	put_rules(b, true, out);
	buf_puts(out, "</ipPermissionsEgress></item></securityGroupInfo></DescribeSecurityGroupsResponse>");
	return 200;
}

static int fail_with(struct buf *out, const char *code, int status)
{
	buf_printf(out,
		   "<Response><Errors><Error><Code>%s</Code><Message>words</Message></Error></Errors>"
		   "</Response>",
		   code);
	return status;
}

static int answer(struct bench *b, const char *body, struct buf *out)
{
	char action[60];
	bool egress;

	(void)snprintf(action, sizeof(action), "%.*s", (int)strcspn(body + 7, "&"), body + 7);
	egress = strstr(action, "Egress") != NULL;
	if (!strcmp(action, "DescribeSecurityGroups"))
		return describe(b, out);
	if (strstr(body, "&DryRun=true"))
		return fail_with(out, "DryRunOperation", 412);
	b->changes++;
	if (egress && b->refuse_egress)
		return fail_with(out, "RulesPerSecurityGroupLimitExceeded", 400);
	change_rules(b, body, egress, !strncmp(action, "Revoke", 6));
	buf_printf(out, "<%sResponse" NS "><requestId>r</requestId><return>true</return></%sResponse>",
		   action, action);
	return 200;
}

static bool perform(void *self, const struct http_call *call, struct http_answer *ret,
		    struct upstream_error *e)
{
	struct bench *b = self;
	int before = b->changes;

	*ret = (struct http_answer){.body = BUF_INIT(1 << 20)};
	(void)snprintf(ret->content_type, sizeof(ret->content_type), "text/xml;charset=UTF-8");
	ret->status = answer(b, call->body, &ret->body);
	if (b->changes == before || b->changes != b->lose)
		return true;
	buf_free(&ret->body);
	upstream_error_set(e, UPSTREAM_RETRY, 0, "timeout", "ec2_timeout", "", "no answer");
	return false;
}

/* --- the bench --------------------------------------------------------------------------------------------------------------- */

static int64_t bench_now(void *self)
{
	return ((struct bench *)self)->now;
}

static void bench_pause(void *self, int64_t ms)
{
	((struct bench *)self)->now += ms;
}

static struct ec2_client *bench_ec2(void *self, const char *region)
{
	assert_string_equal(region, REGION);
	return ((struct bench *)self)->ec2;
}

static void new_clients(struct bench *b)
{
	b->credentials =
		credentials_new(&(struct credentials_options){.clock = &b->clock, .transport = {perform, b}});
	credentials_set_static(b->credentials, "AKIDEXAMPLE", "secret");
	b->limiter = ec2_limiter_new(&b->clock, 1);
	b->ec2 = ec2_client_new(&(struct ec2_client_options){.region = REGION,
							     .endpoint = "http://127.0.0.1:1/",
							     .transport = {perform, b},
							     .credentials = b->credentials,
							     .limiter = b->limiter,
							     .clock = &b->clock,
							     .time_scale = 1,
							     .pause = bench_pause,
							     .pause_self = b});
	b->l = lifecycle_new(&(struct lifecycle_options){
		.reconciler = b->g->r, .clock = &b->clock, .time_scale = 1, .ec2 = bench_ec2, .ec2_self = b});
	assert_non_null(b->ec2);
	assert_non_null(b->l);
}

static int bench_setup(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));
	void *part;

	assert_non_null(b);
	rig_setup(&part);
	b->g = part;
	b->now = SCENE_NOW;
	b->clock = (struct clock){bench_now, b};
	/* theirs: HTTPS from everywhere, as the guide has it, and a rule of their own */
	b->rules[b->n++] = (struct kept_rule){false, "tcp", "443", "443", "0.0.0.0/0", ""};
	b->rules[b->n++] = (struct kept_rule){false, "tcp", "9100", "9100", "192.0.2.0/24", ""};
	new_clients(b);
	*state = b;
	return 0;
}

static int bench_teardown(void **state)
{
	struct bench *b = *state;
	void *part = b->g;

	lifecycle_free(b->l);
	ec2_client_free(b->ec2);
	ec2_limiter_free(b->limiter);
	credentials_free(b->credentials);
	rig_teardown(&part);
	free(b);
	return 0;
}

#define T(name) cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)

static struct operation *read_operation(struct bench *b)
{
	struct operation *op = NULL;

	assert_ok(store_operation_get(b->g->store, b->operation, true, &op, E));
	return op;
}

static void ask_for(struct bench *b)
{
	_cleanup_(operation_freep) struct operation *op = calloc(1, sizeof(*op));

	assert_non_null(op);
	op->intent = (struct intent){.kind = INTENT_SECURITY_GROUP,
				     .state = INTENT_WORKING,
				     .region = REGION,
				     .actor = "alice",
				     .reason = "why",
				     .created_at = b->now,
				     .entered_at = b->now};
	assert_true(operation_set(op, VALUE_GROUP, GROUP));
	assert_true(operation_set(op, VALUE_VPC, "vpc-1"));
	assert_true(operation_set(op, VALUE_MANAGEMENT_CIDR, "203.0.113.0/24"));
	operation_plan(op);
	assert_ok(store_operation_add(b->g->store, op, E));
	b->operation = op->intent.id;
}

static void ends(struct bench *b, enum intent_state wanted)
{
	for (int passes = 0; passes < 200; passes++) {
		_cleanup_(operation_freep) struct operation *op = read_operation(b);
		int64_t next_at;

		if (op->intent.state != INTENT_WORKING && op->intent.state != INTENT_UNDOING) {
			if (op->intent.state != wanted)
				fail_msg("%s: %s", intent_state_text(op->intent.state), op->intent.error);
			return;
		}
		(void)lifecycle_step(b->l, b->g->store, &next_at);
		b->now = next_at > b->now ? next_at : b->now + 1;
	}
	fail_msg("the operation comes to no end");
}

static void ask_undo(struct bench *b)
{
	_cleanup_(operation_freep) struct operation *op = read_operation(b);

	op->intent.state = INTENT_UNDOING;
	op->intent.next_at = 0;
	assert_ok(store_operation_move(b->g->store, op, INTENT_HALTED, op->intent.attempts, E));
}

static void is_theirs_again(const struct bench *b)
{
	assert_int_equal(b->n, 2);
	for (size_t i = 0; i < b->n; i++)
		if (strcmp(b->rules[i].from, "443") != 0 && strcmp(b->rules[i].from, "9100") != 0)
			fail_msg("left: %s %s", b->rules[i].protocol, b->rules[i].from);
}

/* --- tests --------------------------------------------------------------------------------------------------------------------- */

static void what_the_group_lacks_is_added(void **state)
{
	struct bench *b = *state;
	_cleanup_(operation_freep) struct operation *op = NULL;
	int adds;

	ask_for(b);
	ends(b, INTENT_DONE);
	assert_true(b->adds > 5);
	assert_int_equal(b->n, 2 + b->adds);
	op = read_operation(b);
	assert_non_null(strstr(operation_text(op, VALUE_ADDED_RULES), "\"from\":8443"));
	assert_null(strstr(operation_text(op, VALUE_ADDED_RULES), "\"from\":443,"));
	adds = b->adds;
	ask_for(b);
	ends(b, INTENT_DONE);
	assert_int_equal(b->adds, adds);
}

static void undo_takes_back_what_was_added(void **state)
{
	struct bench *b = *state;

	b->refuse_egress = true;
	ask_for(b);
	ends(b, INTENT_HALTED);
	assert_true(b->adds > 5);
	b->refuse_egress = false;
	ask_undo(b);
	ends(b, INTENT_CANCELLED);
	assert_int_equal(b->revokes, b->adds);
	is_theirs_again(b);
}

/* The inbound rules' answer, then that of the undo. */
static void with_each_answer_lost(void **state)
{
	struct bench *b = *state;

	for (int lose = 1; lose <= 3; lose += 2) {
		b->changes = 0;
		b->lose = lose;
		b->refuse_egress = true;
		ask_for(b);
		ends(b, INTENT_HALTED);
		ask_undo(b);
		ends(b, INTENT_CANCELLED);
		is_theirs_again(b);
	}
}

/* What is not there any more is no failure, and what somebody added since stays. */
static void undo_after_somebody_else_was_there(void **state)
{
	struct bench *b = *state;

	b->refuse_egress = true;
	ask_for(b);
	ends(b, INTENT_HALTED);
	b->rules[2] = b->rules[--b->n];
	b->rules[b->n++] = (struct kept_rule){false, "tcp", "7001", "7001", "192.0.2.0/24", ""};
	ask_undo(b);
	ends(b, INTENT_CANCELLED);
	assert_int_equal(b->revokes, b->adds - 1);
	assert_int_equal(b->n, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_the_group_lacks_is_added),
		T(undo_takes_back_what_was_added),
		T(with_each_answer_lost),
		T(undo_after_somebody_else_was_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
