/* POST /v1/management-nodes: a new Management Node in AWS (guide, "Deploying a Management Node in AWS"). */
#include <string.h>

#include "base/limits.h"
#include "fleet/guide.h"
#include "handlers/aws_input.h"
#include "handlers/handlers.h"
#include "handlers/lifecycle.h"
#include "handlers/plan.h"

#define NAME_MAX_BYTES 32
#define NODES_MOST     1000
#define URL_MAX        255

static void read_name(struct lifecycle_ask *a, struct input *in)
{
	struct input_value name = input_text(in, "name", 1, NAME_MAX_BYTES, false);

	input_needs(in, "name", "of the instance, and of the operation");
	if (name.given && input_clean(in, "name", name.text))
		(void)snprintf(a->op->intent.node_name, sizeof a->op->intent.node_name, "%s", name.text);
	(void)snprintf(a->what, sizeof a->what, "Management Node %s deployed", a->op->intent.node_name);
}

/* The guide names m5.xlarge for up to 30 Conferencing Nodes; the steps above are ours, by the replication's limit of page 13. */
static const char *type_for(int64_t nodes)
{
	return nodes <= GUIDE_SMALL_PLATFORM ? "m5.xlarge"
	       : nodes <= GUIDE_REPLICATION  ? "m5.2xlarge"
					     : "m5.4xlarge";
}

static void read_size(struct input *in, struct operation *op)
{
	struct input_value v = input_int(in, "managed_nodes", 1, NODES_MOST, false);
	int64_t nodes = v.given ? v.number : GUIDE_SMALL_PLATFORM;
	char text[24];

	(void)snprintf(text, sizeof text, "%lld", (long long)nodes);
	aws_set(in, "managed_nodes", op, VALUE_MANAGED_NODES, text);
	aws_read_type(in, op);
	if (!json_object_get(in->object, "instance_type"))
		aws_set(in, "instance_type", op, VALUE_INSTANCE_TYPE, type_for(nodes));
}

/* "https://manager.example.com", with a port or without: no path, no user. Plain http only to loopback, as in the settings. */
static bool is_url(const char *url)
{
	bool secure = !strncmp(url, "https://", 8);
	const char *host = secure ? url + 8 : !strncmp(url, "http://", 7) ? url + 7 : NULL;
	size_t len = host ? strcspn(host, ":/") : 0;
	const char *rest = host ? host + len : NULL;
	char name[URL_MAX + 1];

	if (!len || host[strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:/")])
		return false;
	(void)snprintf(name, sizeof name, "%.*s", (int)len, host);
	if (*rest == ':' && strspn(rest + 1, "0123456789") > 0)
		rest += 1 + strspn(rest + 1, "0123456789");
	return (!*rest || !strcmp(rest, "/")) && (secure || config_is_loopback(name));
}

static void read_url(struct input *in, struct operation *op)
{
	struct input_value v = input_text(in, "management_url", 1, URL_MAX, false);

	if (v.given && !is_url(v.text))
		input_fail(in, "management_url", "must be an address such as https://manager.example.com");
	else if (v.given)
		aws_set(in, "management_url", op, VALUE_MANAGEMENT_URL, v.text);
}

static void read_management(struct lifecycle_ask *a, struct input *in)
{
	read_name(a, in);
	read_size(in, a->op);
	read_url(in, a->op);
	aws_read_launch(in, a->op, a->r->app->config);
	a->reason = input_text(in, "reason", 1, LIMIT_REASON_BYTES, false).text;
}

static void tell_management(const struct lifecycle_ask *a, json_t *plan)
{
	plan_consequence(plan, "AWS charges for the instance from its launch on.");
	plan_consequence(
		plan,
		"Two of the steps need a person: the first login over SSH, and the installation wizard. The "
		"operation says how, and goes on by itself when the Management Node answers.");
	lifecycle_tell_machine(a->op, ROLE_TRANSCODING, plan);
}

struct done *management_node_deploy(struct req *r)
{
	struct lifecycle_ask a = {.r = r, .tell = tell_management};

	return lifecycle_ask_body(&a, INTENT_DEPLOY_MANAGEMENT_NODE, read_management);
}
