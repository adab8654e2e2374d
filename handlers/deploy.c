/*
 * POST /v1/nodes: a new Conferencing Node in AWS (guide, "Deploying a Conferencing Node in AWS"). Each field of the guide's table is
 * checked by its form, and against the platform as far as the picture knows it.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/limits.h"
#include "handlers/aws_input.h"
#include "handlers/handlers.h"
#include "handlers/lifecycle.h"
#include "handlers/plan.h"

/* Limits of Infinity's own fields. */
#define NODE_NAME_MAX   32
#define HOSTNAME_MAX    63
#define DOMAIN_MAX      192
#define FQDN_MAX        255
#define DESCRIPTION_MAX 250
#define PASSWORD_MAX    250
#define IDS_MAX         50
#define ID_MOST         999999999999999999 /* as everywhere: what fits into a path */
#define LETTERS         "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS          "0123456789"

/* --- names ------------------------------------------------------------------------------------------------------------ */

/* RFC 1123, 2.1: letters, digits and hyphens, none at an end. */
static bool is_label(const char *text, size_t len)
{
	return len >= 1 && len <= HOSTNAME_MAX && strspn(text, LETTERS DIGITS "-") >= len && text[0] != '-' &&
	       text[len - 1] != '-';
}

static bool is_domain(const char *text)
{
	size_t len = strcspn(text, ".");

	while (is_label(text, len) && text[len]) {
		text += len + 1;
		len = strcspn(text, ".");
	}
	return is_label(text, len) && !text[len];
}

static void read_domain(struct input *in, struct operation *op, const char *name, size_t most,
			enum operation_value value)
{
	struct input_value v = input_text(in, name, 1, most, false);

	if (v.given && !is_domain(v.text))
		input_fail(in, name, "must be a DNS name such as video.example.com (RFC 1123)");
	else if (v.given)
		aws_set(in, name, op, value, v.text);
}

static void read_names(struct lifecycle_ask *a, struct input *in)
{
	struct input_value name = input_text(in, "name", 1, NODE_NAME_MAX, false);
	struct input_value host = input_text(in, "hostname", 1, HOSTNAME_MAX, false);
	struct input_value text = input_text(in, "description", 0, DESCRIPTION_MAX, false);

	input_needs(in, "name", "unique among the platform's nodes");
	if (name.given && input_clean(in, "name", name.text))
		(void)snprintf(a->op->intent.node_name, sizeof a->op->intent.node_name, "%s", name.text);
	input_needs(in, "hostname", "unique among the platform's nodes");
	if (host.given && !is_label(host.text, strlen(host.text)))
		input_fail(in, "hostname",
			   "must be one label: letters, digits and hyphens, none at an end (RFC 1123)");
	else if (host.given)
		aws_set(in, "hostname", a->op, VALUE_HOSTNAME, host.text);
	read_domain(in, a->op, "domain", DOMAIN_MAX, VALUE_DOMAIN);
	input_needs(in, "domain", "the domain of its host name");
	if (text.given && input_clean(in, "description", text.text))
		aws_set(in, "description", a->op, VALUE_DESCRIPTION, text.text);
}

/* --- identity and network ----------------------------------------------------------------------------------------------- */

/* Guide, page 17: the certificate must contain the Configured FQDN; whether it does is looked at by the first step. */
static void read_identity(struct input *in, struct operation *op)
{
	struct input_value certificate = input_int(in, "tls_certificate", 1, ID_MOST, false);
	char id[24];

	read_domain(in, op, "configured_fqdn", FQDN_MAX, VALUE_CONFIGURED_FQDN);
	if (!certificate.given)
		return;
	(void)snprintf(id, sizeof id, "%lld", (long long)certificate.number);
	aws_set(in, "tls_certificate", op, VALUE_TLS_CERTIFICATE, id);
	if (!json_object_get(in->object, "configured_fqdn"))
		input_fail(in, "configured_fqdn",
			   "is missing: a TLS certificate must contain it, so it must be known (guide, page "
			   "17)");
}

static void read_ipv6(struct input *in, struct operation *op, const char *name, enum operation_value value)
{
	struct input_value v = input_text(in, name, 2, INET6_ADDRSTRLEN - 1, false);
	struct in6_addr address;

	if (v.given && inet_pton(AF_INET6, v.text, &address) != 1)
		input_fail(in, name, "must be an IPv6 address");
	else if (v.given)
		aws_set(in, name, op, value, v.text);
}

/* Ids of Infinity's, as a comma list. */
static void read_ids(struct input *in, struct operation *op, const char *name, enum operation_value value)
{
	struct input_value v = input_array(in, name, 0, IDS_MAX);
	struct buf text = BUF_INIT(IDS_MAX * 24);
	char prefix[48];
	struct input item = {.prefix = prefix, .errors = in->errors};
	json_t *one;
	size_t i;

	if (!v.given)
		return;
	(void)snprintf(prefix, sizeof prefix, "/%s", name);
	json_array_foreach(v.list, i, one)
	{
		char at[24];

		(void)snprintf(at, sizeof at, "%zu", i);
		if (json_integer_value(one) > 0 && json_integer_value(one) <= ID_MOST)
			buf_printf(&text, "%s%lld", text.len ? "," : "", (long long)json_integer_value(one));
		else
			input_fail(&item, at, "must be an id of Infinity's, a positive integer");
	}
	if (text.data)
		aws_set(in, name, op, value, text.data);
	buf_free(&text);
}

static void read_network(struct input *in, struct operation *op)
{
	read_ipv6(in, op, "ipv6_address", VALUE_IPV6_ADDRESS);
	read_ipv6(in, op, "ipv6_gateway", VALUE_IPV6_GATEWAY);
	if (op->values[VALUE_IPV6_GATEWAY] && !json_object_get(in->object, "ipv6_address"))
		input_fail(in, "ipv6_gateway", "needs an ipv6_address");
	read_ids(in, op, "static_routes", VALUE_STATIC_ROUTES);
}

static void read_flag(struct input *in, struct operation *op, const char *name, enum operation_value value,
		      bool preset)
{
	struct input_value v = input_bool(in, name, false);

	aws_set(in, name, op, value, (v.given ? v.flag : preset) ? "true" : "false");
}

static void read_ssh(struct input *in, struct operation *op)
{
	struct input_value ssh = input_choice(in, "enable_ssh", "GLOBAL|OFF|ON", false);
	struct input_value password = input_text(in, "ssh_password", 1, PASSWORD_MAX, false);

	aws_set(in, "enable_ssh", op, VALUE_ENABLE_SSH, ssh.given ? ssh.text : "GLOBAL");
	read_ids(in, op, "ssh_authorized_keys", VALUE_SSH_AUTHORIZED_KEYS);
	read_flag(in, op, "ssh_authorized_keys_use_cloud", VALUE_SSH_AUTHORIZED_KEYS_USE_CLOUD, true);
	input_needs(in, "ssh_password", "of the user admin of the node's operating system");
	if (password.given && input_clean(in, "ssh_password", password.text))
		aws_set(in, "ssh_password", op, VALUE_SSH_PASSWORD, password.text);
}

/* --- what it is for ------------------------------------------------------------------------------------------------------- */

static bool overflowed_into(const struct picture *p, const struct location *l)
{
	for (size_t i = 0; i < p->n_locations; i++) {
		const struct location *other = &p->locations[i];

		if ((other->overflow1 >= 0 && &p->locations[other->overflow1] == l) ||
		    (other->overflow2 >= 0 && &p->locations[other->overflow2] == l))
			return true;
	}
	return false;
}

/* What the location says: one that holds bursting nodes, or one that is still empty and that others overflow into. */
static bool bursting_by_default(const struct picture *p, const struct location *l, enum node_role role)
{
	return role == ROLE_TRANSCODING && l && (l->n_bursting > 0 || (!l->n_nodes && overflowed_into(p, l)));
}

static enum node_role role_of(const struct operation *op)
{
	return strcmp(operation_text(op, VALUE_ROLE), "proxying") ? ROLE_TRANSCODING : ROLE_PROXYING;
}

static const struct location *read_location(struct lifecycle_ask *a, struct input *in)
{
	struct input_value v = input_int(in, "location", 1, INT64_MAX, false);
	const struct location *l = v.given ? picture_location(req_picture(a->r), v.number) : NULL;

	input_needs(in, "location", "the id of the system location it belongs into");
	if (v.given && !l)
		input_fail(in, "location", "there is no location with the id %lld", (long long)v.number);
	a->op->intent.location = v.given ? v.number : 0;
	return l;
}

static void read_purpose(struct lifecycle_ask *a, struct input *in)
{
	const struct location *l = read_location(a, in);
	struct input_value role = input_choice(in, "role", "transcoding|proxying", false);
	struct input_value bursting;

	aws_set(in, "role", a->op, VALUE_ROLE, role.given ? role.text : "transcoding");
	read_flag(in, a->op, "bursting", VALUE_BURSTING,
		  bursting_by_default(req_picture(a->r), l, role_of(a->op)));
	bursting = (struct input_value){.flag = operation_flag(a->op, VALUE_BURSTING)};
	if (bursting.flag && role_of(a->op) == ROLE_PROXYING)
		input_fail(in, "bursting", "only transcoding nodes burst, and this one is to be proxying");
	/* guide, page 17: on for nodes that are always on, off for those that are powered down at times */
	read_flag(in, a->op, "enable_distributed_database", VALUE_DISTRIBUTED_DATABASE, !bursting.flag);
}

/* Guide, "Recommended instance types": c5.2xlarge; c5.xlarge is enough for a Proxying Edge Node. */
static void read_machine(struct input *in, struct operation *op)
{
	struct input_value upload = input_choice(in, "upload_to", "private|public", false);

	aws_read_type(in, op);
	if (!json_object_get(in->object, "instance_type"))
		aws_set(in, "instance_type", op, VALUE_INSTANCE_TYPE,
			role_of(op) == ROLE_PROXYING ? "c5.xlarge" : "c5.2xlarge");
	aws_set(in, "upload_to", op, VALUE_UPLOAD_TO, upload.given ? upload.text : "private");
	if (upload.given && upload.number == 1 &&
	    !strcmp(operation_text(op, VALUE_PUBLIC_ADDRESSING), "none"))
		input_fail(in, "upload_to", "needs a public address: set public_addressing");
}

/* --- what stands against it --------------------------------------------------------------------------------------------- */

static enum err check_name(const struct lifecycle_ask *a, struct error *e)
{
	const struct picture *p = req_picture(a->r);
	const char *name = a->op->intent.node_name;

	for (size_t i = 0; i < p->n_nodes; i++)
		if (!strcasecmp(p->nodes[i].name, name))
			return error_field(e, ERR_CONFLICT, "/name", "node %lld has the name %s already",
					   (long long)p->nodes[i].id, p->nodes[i].name);
	return ERR_OK;
}

static bool equal_values(const struct operation *a, const struct operation *b, enum operation_value value)
{
	return a->values[value] && b->values[value] && !strcasecmp(a->values[value], b->values[value]);
}

/* Infinity does not tell the host names of its nodes; those that are being deployed are known. */
static enum err check_unique(const struct lifecycle_ask *a, const struct overlay *o, struct error *e)
{
	static const enum operation_value unique[] = {VALUE_HOSTNAME, VALUE_IPV6_ADDRESS};
	char pointer[40];

	for (size_t i = 0; i < o->n_intents; i++) {
		const struct operation *other = o->operations[i];

		if (!other || other->intent.kind != INTENT_DEPLOY_NODE)
			continue;
		for (size_t k = 0; k < ARRAY_LEN(unique); k++) {
			if (!equal_values(a->op, other, unique[k]))
				continue;
			(void)snprintf(pointer, sizeof pointer, "/%s", operation_value_text(unique[k]));
			return error_field(e, ERR_CONFLICT, pointer,
					   "operation %lld deploys %s with the same one",
					   (long long)other->intent.id, other->intent.node_name);
		}
	}
	return ERR_OK;
}

/* Where nobody has set a tag value, it is the Management Node's host name. */
static enum err check_manager(const struct lifecycle_ask *a, const struct overlay *o, struct error *e)
{
	const char *manager = req_picture(a->r)->tag_value;
	const char *host = operation_text(a->op, VALUE_HOSTNAME);
	size_t len = strcspn(manager, ".");

	if (o->settings.tag_value[0] || !len || strlen(host) != len || strncasecmp(host, manager, len) != 0)
		return ERR_OK;
	return error_field(e, ERR_CONFLICT, "/hostname", "is the Management Node's host name");
}

static enum err check_location(const struct lifecycle_ask *a, struct error *e)
{
	const struct picture *p = req_picture(a->r);
	const struct location *l = picture_location(p, a->op->intent.location);
	const char *mixed = lifecycle_mixes_roles(p, l, role_of(a->op), 0);

	return mixed ? error_field(e, ERR_CONFLICT, "/role", "%.100s: %s", l->name, mixed) : ERR_OK;
}

static enum err check_bursting(const struct lifecycle_ask *a, struct error *e)
{
	const struct picture *p = req_picture(a->r);

	if (!operation_flag(a->op, VALUE_BURSTING))
		return ERR_OK;
	/* RULE S9 */
	if (p->infinity_bursting)
		return error_field(e, ERR_CONFLICT, "/bursting",
				   "Infinity's own bursting is enabled, and burstd stops nothing meanwhile: "
				   "a new overflow "
				   "node is stopped at the end. Switch it off there first");
	if (!p->tag_value[0])
		return error_set(e, ERR_BUSY, "The tag value is not known yet: Infinity was not heard.");
	return ERR_OK;
}

static enum err check_leaving(const struct lifecycle_ask *a, const struct overlay *o, struct error *e)
{
	for (size_t i = 0; i < o->n_intents; i++)
		if (o->intents[i].kind == INTENT_LOCATION_DELETE &&
		    o->intents[i].location == a->op->intent.location)
			return error_field(e, ERR_CONFLICT, "/location", "operation %lld is deleting it",
					   (long long)o->intents[i].id);
	return ERR_OK;
}

static enum err check_node(const struct lifecycle_ask *a, struct store *store, const struct overlay *o,
			   struct error *e)
{
	enum err err = check_name(a, e);

	(void)store;
	err = err ? err : check_unique(a, o, e);
	err = err ? err : check_manager(a, o, e);
	err = err ? err : check_location(a, e);
	err = err ? err : check_bursting(a, e);
	return err ? err : check_leaving(a, o, e);
}

/* --- what follows --------------------------------------------------------------------------------------------------------- */

static void tell_address(const struct operation *op, json_t *plan)
{
	const char *how = operation_text(op, VALUE_PUBLIC_ADDRESSING);

	if (!strcmp(how, "none"))
		plan_consequence(
			plan,
			"The node has no public address: it can be reached from inside the network alone.");
	else if (!strcmp(how, "auto"))
		plan_consequence(plan, "The public address changes at each start; wish {\"static_nat\": "
				       "\"follow\"} of the node, "
				       "and its static NAT address follows.");
	else if (!op->values[VALUE_ALLOCATION_ID])
		plan_consequence(
			plan, "An Elastic IP address is allocated; AWS charges for it until it is released.");
}

static void tell_node(const struct lifecycle_ask *a, json_t *plan)
{
	const struct picture *p = req_picture(a->r);
	const struct location *l = picture_location(p, a->op->intent.location);
	bool bursting = operation_flag(a->op, VALUE_BURSTING);
	const char *mixed = lifecycle_mixes_power(p, l, bursting, 0);

	plan_consequence(plan, bursting ? "AWS charges for the instance while it runs; it is stopped in the "
					  "end, and started when "
					  "its location has to take calls."
					: "AWS charges for the instance from its launch on.");
	if (mixed)
		plan_consequence(plan, "%s: %s.", l->name, mixed);
	if (bursting && operation_flag(a->op, VALUE_DISTRIBUTED_DATABASE))
		plan_consequence(plan, "The distributed database should be off for a node that is not always "
				       "on (guide, page 17).");
	lifecycle_tell_machine(a->op, role_of(a->op), plan);
	tell_address(a->op, plan);
}

/* --- the request ---------------------------------------------------------------------------------------------------------- */

static void read_node(struct lifecycle_ask *a, struct input *in)
{
	read_names(a, in);
	read_purpose(a, in);
	read_identity(in, a->op);
	read_network(in, a->op);
	read_ssh(in, a->op);
	aws_read_launch(in, a->op, a->r->app->config);
	read_machine(in, a->op);
	a->reason = input_text(in, "reason", 1, LIMIT_REASON_BYTES, false).text;
	(void)snprintf(a->what, sizeof a->what, "%s deployed", a->op->intent.node_name);
}

struct done *node_deploy(struct req *r)
{
	struct lifecycle_ask a = {.r = r, .check = check_node, .tell = tell_node};

	if (!req_picture(r)->infinity_at) {
		struct error e;

		(void)error_set(
			&e, ERR_BUSY,
			"Infinity was not read yet: which nodes and locations there are is not known");
		return reply_error(r, &e);
	}
	return lifecycle_ask_body(&a, INTENT_DEPLOY_NODE, read_node);
}
