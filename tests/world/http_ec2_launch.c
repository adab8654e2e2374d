/* RunInstances, TerminateInstances, ModifyInstanceAttribute, CreateTags, DeleteTags (docs/upstream.md), over launch.c. */
#include <stdio.h>

#include "tests/world/http_ec2.h"

#define TAGS_MOST 50

static const struct verdict good = {0};

static struct verdict wrong(const char *code, const char *message)
{
	return (struct verdict){code, 400, message};
}

static const char *own(struct ec2_call *c, const char *text)
{
	return text ? world_text(c->world, "%s", text) : NULL;
}

/* --- tags --- */

static struct verdict check_tag(const char *key, const char *value)
{
	if (!*key || strlen(key) > 128 || !strncmp(key, "aws:", 4))
		return wrong("InvalidTagKey.Malformed", "The tag key is not valid");
	if (value && strlen(value) > 256)
		return wrong("InvalidParameterValue", "The tag value is too long");
	return good;
}

bool ec2_read_tags(struct ec2_call *c, const char *resource_type, struct instance_tag **ret, size_t *ret_n)
{
	const char *type, *key;

	*ret = NULL;
	*ret_n = 0;
	for (int n = 1; (type = ec2_numbered(c, "TagSpecification.%d.ResourceType", n, 0)); n++) {
		for (int m = 1; (key = ec2_numbered(c, "TagSpecification.%d.Tag.%d.Key", n, m)); m++) {
			const char *value = ec2_numbered(c, "TagSpecification.%d.Tag.%d.Value", n, m);
			struct verdict v = check_tag(key, value);

			if (v.code || *ret_n > TAGS_MOST) {
				ec2_refuse(c, v.code ? v : wrong("TagLimitExceeded", "Too many tags"));
				return false;
			}
			if (!strcmp(type, resource_type))
				tags_set(c->world, ret, ret_n, key, value ? value : "");
		}
	}
	return true;
}

/* A resource that carries tags; false = there is none of this id. */
static bool find_tagged(struct ec2_call *c, const char *id, int32_t *ret_instance,
			struct instance_tag ***ret_tags, size_t **ret_n)
{
	struct world *w = c->world;
	struct group *group = ec2_group(c, id);

	*ret_instance = vm_find(w, c->region, id);
	if (*ret_instance >= 0) {
		*ret_tags = &w->instances[*ret_instance].row.tags;
		*ret_n = &w->instances[*ret_instance].row.n_tags;
		return true;
	}
	if (group) {
		*ret_tags = &group->tags;
		*ret_n = &group->n_tags;
		return true;
	}
	for (size_t i = 0; i < w->n_elastics; i++) {
		struct elastic *e = &w->elastics[i];

		if (e->gone || e->region != c->region || strcmp(e->allocation, id) != 0)
			continue;
		*ret_tags = &e->tags;
		*ret_n = &e->n_tags;
		return true;
	}
	return false;
}

static struct verdict check_resources(struct ec2_call *c)
{
	const char *id, *key;
	int32_t instance;
	struct instance_tag **tags;
	size_t *n;
	struct verdict v = good;

	for (int i = 1; !v.code && (id = ec2_numbered(c, "ResourceId.%d", i, 0)); i++) {
		if (!find_tagged(c, id, &instance, &tags, &n))
			return !strncmp(id, "i-", 2)
				       ? wrong("InvalidInstanceID.NotFound", "The instance ID does not exist")
				       : wrong("InvalidID", "The ID is not valid");
		if (instance >= 0)
			v = ec2_may(c->world, instance, true);
		if (!v.code && *n >= TAGS_MOST)
			v = wrong("TagLimitExceeded", "Too many tags");
	}
	for (int i = 1; !v.code && (key = ec2_numbered(c, "Tag.%d.Key", i, 0)); i++)
		v = check_tag(key, ec2_numbered(c, "Tag.%d.Value", i, 0));
	return v;
}

static const char *tag_value(const struct instance_tag *tags, size_t n, const char *key)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(tags[i].key, key))
			return tags[i].value;
	return NULL;
}

static void change_tags(struct ec2_call *c, const char *id, bool create)
{
	int32_t instance;
	struct instance_tag **tags;
	size_t *n;
	const char *key;

	(void)find_tagged(c, id, &instance, &tags, &n);
	for (int i = 1; (key = ec2_numbered(c, "Tag.%d.Key", i, 0)); i++) {
		const char *value = ec2_numbered(c, "Tag.%d.Value", i, 0);
		const char *present = tag_value(*tags, *n, key);

		if (create)
			tags_set(c->world, tags, n, key, value ? value : "");
		else if (present && (!value || !strcmp(value, present)))
			tags_set(c->world, tags, n, key, NULL);
	}
	if (instance >= 0)
		vm_set_tags(&c->world->instances[instance], *tags, *n);
}

static void serve_tags(struct ec2_call *c, bool create)
{
	const char *id;
	struct verdict v;

	if (!ec2_needed(c, "ResourceId.1") ||
	    !ec2_needed(c, "Tag.1.Key")) /* no key = all tags: nobody wants that here */
		return;
	v = check_resources(c);
	if (v.code)
		ec2_refuse(c, v);
	if (v.code || ec2_dry(c))
		return;
	for (int i = 1; (id = ec2_numbered(c, "ResourceId.%d", i, 0)); i++)
		change_tags(c, id, create);
	ec2_done(c);
}

void ec2_serve_create_tags(struct ec2_call *c)
{
	serve_tags(c, true);
}

void ec2_serve_delete_tags(struct ec2_call *c)
{
	serve_tags(c, false);
}

/* --- RunInstances --- */

/* The network comes at the top or in the one interface, never both. */
static const char *placed(struct ec2_call *c, const char *name)
{
	char inner[96];

	(void)snprintf(inner, sizeof(inner), "NetworkInterface.1.%s", name);
	return form_get(&c->form, inner) ? form_get(&c->form, inner) : form_get(&c->form, name);
}

static struct verdict read_groups(struct ec2_call *c, struct launch *l)
{
	bool inner = form_get(&c->form, "NetworkInterface.1.SecurityGroupId.1") != NULL;
	const char *format = inner ? "NetworkInterface.1.SecurityGroupId.%d" : "SecurityGroupId.%d";
	const char *id;

	l->groups = arena_array(c->world->strings, 16, sizeof(*l->groups));
	for (int n = 1; n <= 16 && (id = ec2_numbered(c, format, n, 0)); n++) {
		const struct group *g = ec2_group(c, id);

		if (!g)
			return wrong("InvalidGroup.NotFound", "The security group does not exist");
		if (strcmp(g->vpc, l->subnet->vpc) != 0)
			return wrong("InvalidParameter",
				     "The security group and the subnet belong to different networks.");
		l->groups[l->n_groups++] = g->id;
	}
	if (!l->n_groups)
		l->groups[l->n_groups++] = WORLD_GROUP;
	return good;
}

static struct verdict read_network(struct ec2_call *c, struct launch *l)
{
	const char *subnet = placed(c, "SubnetId");
	const char *automatic = form_get(&c->form, "NetworkInterface.1.AssociatePublicIpAddress");

	if (form_get(&c->form, "NetworkInterface.1.DeviceIndex") &&
	    (form_get(&c->form, "SubnetId") || form_get(&c->form, "SecurityGroupId.1")))
		return wrong(
			"InvalidParameterCombination",
			"Network interfaces and an instance-level subnet or group may not be specified both");
	l->subnet = subnet_find(subnet ? subnet : WORLD_SUBNET);
	if (!l->subnet)
		return wrong("InvalidSubnetID.NotFound", "The subnet ID does not exist");
	l->automatic = automatic ? !strcmp(automatic, "true") : l->subnet->public_on_launch;
	return read_groups(c, l);
}

static struct verdict read_hardware(struct ec2_call *c, struct launch *l)
{
	const char *image = form_get(&c->form, "ImageId"), *type = form_get(&c->form, "InstanceType");
	const char *tenancy = form_get(&c->form, "Placement.Tenancy");

	l->image = image ? image_find(image) : NULL;
	l->type = type ? type_find(type) : NULL;
	l->tenancy = tenancy ? own(c, tenancy) : "default";
	l->key_name = own(c, form_get(&c->form, "KeyName"));
	if (!l->image)
		return wrong("InvalidAMIID.NotFound", "The image id does not exist");
	if (strcmp(l->image->state, "available") != 0)
		return wrong("InvalidAMIID.Unavailable", "The image is not available");
	if (!l->type)
		return wrong("InvalidInstanceType", "The instance type does not exist");
	if (strcmp(l->tenancy, "default") != 0 && strcmp(l->tenancy, "dedicated") != 0)
		return wrong("InvalidTenancy", "The tenancy is not valid");
	if (l->key_name && !key_pair_exists(l->key_name))
		return wrong("InvalidKeyPair.NotFound", "The key pair does not exist");
	if (l->type->ena && !l->image->ena)
		return wrong(
			"InvalidParameterCombination",
			"Enhanced networking with the Elastic Network Adapter (ENA) is required for this "
			"instance type. Ensure that you are using an AMI that is enabled for ENA.");
	return good;
}

static struct verdict read_launch(struct ec2_call *c, struct launch *l)
{
	const char *least = form_get(&c->form, "MinCount"), *most = form_get(&c->form, "MaxCount");
	const char *token = form_get(&c->form, "ClientToken");
	struct verdict v;

	if (!least || !most)
		return wrong("MissingParameter", "The request must contain MinCount and MaxCount");
	if (strcmp(least, "1") != 0 || strcmp(most, "1") != 0)
		return wrong("InvalidParameterValue", "This world launches one instance at a time");
	if (token && (!*token || strlen(token) > 64))
		return wrong("InvalidClientToken", "The client token is not valid");
	l->region = c->region;
	l->client_token = own(c, token);
	l->late = c->late;
	v = read_hardware(c, l);
	if (!v.code)
		v = read_network(c, l);
	if (!v.code && !type_offered(l->type, l->subnet))
		v = wrong("Unsupported", "The instance type is not offered in this Availability Zone");
	return v;
}

/* Everything that was asked for, hashed: the same token wants the same. */
static const char *fingerprint(struct ec2_call *c)
{
	struct buf all = BUF_INIT(BODY_MOST);
	char hash[SHA256_HEX_SIZE];

	for (size_t i = 0; i < c->form.n; i++)
		if (strcmp(c->form.fields[i].name, "DryRun") != 0)
			buf_printf(&all, "%s=%s\n", c->form.fields[i].name, c->form.fields[i].value);
	sha256_hex(all.data ? all.data : "", all.len, hash);
	buf_free(&all);
	return own(c, hash);
}

static void put_launched(struct ec2_call *c, int32_t instance)
{
	struct vm *v = &c->world->instances[instance];
	struct ec2_instance row = v->row;
	struct buf *b = &c->reply->body;

	row.state = vm_view(v)->state;
	row.launch_time = vm_view(v)->launch;
	row.public_address = NULL; /* not known yet */
	ec2_open_answer(c);
	buf_printf(b,
		   "<reservationId>r-0launch%010d</reservationId><ownerId>111122223333</ownerId><groupSet/>"
		   "<instancesSet>",
		   instance);
	ec2_put_instance(c, &row, v);
	buf_puts(b, "</instancesSet>");
	ec2_close_answer(c);
}

/* The token was used before: true, and answered. */
static bool launched_before(struct ec2_call *c, const struct launch *l)
{
	for (size_t i = 0; l->client_token && i < c->world->n_instances; i++) {
		const struct vm *v = &c->world->instances[i];

		if (v->region != c->region || !v->client_token ||
		    strcmp(v->client_token, l->client_token) != 0)
			continue;
		if (strcmp(v->fingerprint, l->fingerprint) != 0)
			ec2_bad(c, "IdempotentParameterMismatch",
				"Arguments on this idempotent request are inconsistent with arguments used "
				"in "
				"previous request(s).");
		else if (v->terminated_at)
			ec2_bad(c, "IdempotentInstanceTerminated",
				"The client token belongs to an instance that was terminated.");
		else
			put_launched(c, (int32_t)i);
		return true;
	}
	return false;
}

void ec2_serve_run_instances(struct ec2_call *c)
{
	struct launch l = {.fingerprint = fingerprint(c)};
	struct verdict v = read_launch(c, &l);

	if (v.code)
		ec2_refuse(c, v);
	if (v.code || !ec2_read_tags(c, "instance", &l.tags, &l.n_tags) || ec2_dry(c) ||
	    launched_before(c, &l))
		return;
	int32_t instance = vm_launch(c->world, &l);

	if (instance < 0)
		ec2_bad(c, "InsufficientFreeAddressesInSubnet",
			"There are not enough free addresses in the subnet");
	else
		put_launched(c, instance);
}

/* --- TerminateInstances --- */

void ec2_serve_terminate_instances(struct ec2_call *c)
{
	int32_t instance = ec2_instance(c, "InstanceId.1");
	struct buf *b = &c->reply->body;
	struct ec2_state_change change;

	if (instance < 0)
		return;
	if (form_get(&c->form, "InstanceId.2")) {
		ec2_bad(c, "ResourceCountExceeded", "This world terminates one instance at a time");
		return;
	}
	if (ec2_dry(c))
		return;
	change = vm_terminate(c->world, instance, false);
	ec2_open_answer(c);
	buf_puts(b, "<instancesSet><item>");
	ec2_element(b, "instanceId", c->world->instances[instance].row.id);
	ec2_put_state(b, "currentState", change.current);
	ec2_put_state(b, "previousState", change.previous);
	buf_puts(b, "</item></instancesSet>");
	ec2_close_answer(c);
}

/* --- ModifyInstanceAttribute: the type, and ENA --- */

static struct verdict check_modify(const struct vm *v, const char *type, const char *ena)
{
	if (!type == !ena)
		return wrong("InvalidParameterCombination",
			     "Exactly one attribute of those that this world knows");
	if (type && !type_find(type))
		return wrong("InvalidInstanceAttributeValue", "The instance type does not exist");
	if (ena && strcmp(ena, "true") != 0 && strcmp(ena, "false") != 0)
		return wrong("InvalidParameterValue", "EnaSupport is true or false");
	if (vm_view((struct vm *)(uintptr_t)v)->state != INSTANCE_STOPPED)
		return wrong("IncorrectInstanceState", "The instance is not in the state 'stopped'.");
	return good;
}

void ec2_serve_modify_instance(struct ec2_call *c)
{
	int32_t instance = ec2_instance(c, "InstanceId");
	const char *type = form_get(&c->form, "InstanceType.Value"),
		   *ena = form_get(&c->form, "EnaSupport.Value");
	struct vm *v = instance < 0 ? NULL : &c->world->instances[instance];
	struct verdict verdict = v ? check_modify(v, type, ena) : good;

	if (verdict.code)
		ec2_refuse(c, verdict);
	if (!v || verdict.code || ec2_dry(c))
		return;
	if (type)
		v->row.type = type_find(type)->name;
	else
		v->no_ena = !strcmp(ena, "false");
	v->resized |= type != NULL;
	ec2_done(c);
}
