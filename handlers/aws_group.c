/* POST /v1/aws/security-group: makes the guide's security group, or adds what one lacks. Nothing is ever taken away from it. */
#include <string.h>

#include "base/ipv4.h"
#include "base/limits.h"
#include "handlers/aws_input.h"
#include "handlers/handlers.h"
#include "handlers/lifecycle.h"
#include "handlers/plan.h"

#define GROUP_NAME_MAX 255
/* What EC2 takes in the name of a group in a VPC. */
#define GROUP_CHARACTERS                                                                                     \
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ._-:/()#,@[]+=&;{}!$*"

static void read_name(struct input *in, struct operation *op)
{
	struct input_value v = input_text(in, "group_name", 1, GROUP_NAME_MAX, false);

	if (!v.given || !input_clean(in, "group_name", v.text))
		return;
	if (!strncmp(v.text, "sg-", 3))
		input_fail(in, "group_name", "may not begin with sg-: AWS keeps that for ids");
	else if (input_characters(in, "group_name", v.text, GROUP_CHARACTERS,
				  "holds a character that EC2 does not take"))
		aws_set(in, "group_name", op, VALUE_GROUP_NAME, v.text);
}

/* Either one that is there, or where to make one of which name. */
static void read_group(struct input *in, struct operation *op)
{
	bool group = json_object_get(in->object, "group");
	bool vpc = json_object_get(in->object, "vpc");
	bool name = json_object_get(in->object, "group_name");

	aws_read_id(in, op, "group", "sg-", VALUE_GROUP);
	aws_read_id(in, op, "vpc", "vpc-", VALUE_VPC);
	read_name(in, op);
	if (group && (vpc || name))
		input_fail(in, vpc ? "vpc" : "group_name", "is given together with group");
	else if (!group && !vpc && !name)
		input_fail(in, "group", "is missing: it, or vpc and group_name");
	else if (!group && vpc != name)
		input_fail(in, vpc ? "group_name" : "vpc", "is missing: vpc and group_name belong together");
}

/* Guide, page 8: restricted to the management station; the whole internet would be as good as no rule. */
static void read_cidr(struct input *in, struct operation *op)
{
	struct input_value v = input_text(in, "management_cidr", 7, IPV4_NETWORK_SIZE - 1, false);
	char text[IPV4_NETWORK_SIZE];
	struct ipv4_network n;

	input_needs(in, "management_cidr", "the management station's address or network");
	if (!v.given)
		return;
	if (!ipv4_network_parse(v.text, &n) || n.bits == 0)
		input_fail(in, "management_cidr",
			   "must be an IPv4 address or network such as 192.0.2.0/24, without host bits and "
			   "not the whole "
			   "internet");
	else
		aws_set(in, "management_cidr", op, VALUE_MANAGEMENT_CIDR, ipv4_network_text(n, text));
}

static void read_body(struct lifecycle_ask *a, struct input *in)
{
	struct input_value udp = input_bool(in, "sip_udp", false);

	aws_read_region(in, a->op, a->r->app->config);
	read_group(in, a->op);
	read_cidr(in, a->op);
	aws_set(in, "sip_udp", a->op, VALUE_SIP_UDP, udp.flag ? "true" : "false");
	a->reason = input_text(in, "reason", 1, LIMIT_REASON_BYTES, false).text;
	(void)snprintf(a->what, sizeof a->what, "Security group %.120s %s",
		       a->op->values[VALUE_GROUP] ? operation_text(a->op, VALUE_GROUP)
						  : operation_text(a->op, VALUE_GROUP_NAME),
		       a->op->values[VALUE_GROUP] ? "completed" : "made or completed");
}

static void tell_group(const struct lifecycle_ask *a, json_t *plan)
{
	(void)a;
	plan_consequence(plan,
			 "Rules are added, none is taken away: what is too open is named by /v1/checks.");
}

struct done *security_group_make(struct req *r)
{
	struct lifecycle_ask a = {.r = r, .tell = tell_group};

	return lifecycle_ask_body(&a, INTENT_SECURITY_GROUP, read_body);
}
