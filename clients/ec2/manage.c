/*
 * Owns the course of the calls of life-cycle operations: what may be asked at all, one look or one deed, what its outcome means.
 * The wire form is manage_request.c's, the reading manage_parse.c's; sending and sorting are those of client.c and errors.c.
 *
 * An item counts only where it carries what was asked for: an endpoint that ignores a filter makes nothing found, never the wrong one.
 */
#include "clients/ec2/manage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "clients/ec2/errors.h"
#include "clients/ec2/listing.h"
#include "clients/ec2/manage_parse.h"
#include "clients/ec2/manage_request.h"
#include "clients/ec2/query.h"
#include "clients/ec2/request.h"

#define TREE_BYTES (4 * 1024 * 1024) /* of one item, or of a change's answer */

static bool needed(bool there, const char *action, const char *what, struct upstream_error *e)
{
	if (!there)
		upstream_error_set(e, UPSTREAM_BUG, 0, "request", "ec2_request",
				   "report this to the makers of burstd", "%s: no %s was given", action,
				   what);
	return there;
}

/* An empty id would reach further than was meant: no id is everything, no key is every tag. */
static bool given(const char *text, const char *action, const char *what, struct upstream_error *e)
{
	return needed(text && *text, action, what, e);
}

/* --- reads ------------------------------------------------------------------------------------------------------- */

/* A filter, and the element of an item that then has the same value; NULL: the filter is "tag:KEY". */
struct term {
	const char *filter;
	const char *element;
	const char *value;
};

struct lookup {
	const char *action;
	const char *set;    /* the list of items */
	const char *nested; /* the list in each of its items that holds the items; NULL = none */
	const char *more;   /* in its wire form; NULL = none */
	bool unpaged;
	struct term terms[2];
	size_t n_terms;
	const struct xml *found;
};

static bool fits(const struct lookup *l, const struct xml *item)
{
	for (size_t i = 0; i < l->n_terms; i++) {
		const struct term *t = &l->terms[i];
		const char *text = t->element ? xml_text(item, t->element)
					      : ec2_tag_of(item, t->filter + strlen("tag:"));

		if (!text || strcmp(text, t->value) != 0)
			return false;
	}
	return true;
}

static bool take_first(void *self, const struct xml *root)
{
	struct lookup *l = self;
	const struct xml *set = xml_child(root, l->set);

	for (const struct xml *i = set ? set->child : NULL; i && !l->found; i = i->next) {
		const struct xml *inner = l->nested ? xml_child(i, l->nested) : NULL;

		if (!l->nested && fits(l, i))
			l->found = i;
		for (const struct xml *k = inner ? inner->child : NULL; k && !l->found; k = k->next)
			if (fits(l, k))
				l->found = k;
	}
	return true;
}

/* l->found: the first item that fits, in the arena; NULL where there is none. */
static bool look_up(struct ec2_client *c, struct lookup *l, struct arena *arena, struct upstream_error *e)
{
	_cleanup_(buf_free) struct buf more = BUF_INIT(EC2_BODY_BYTES);
	struct ec2_listing listing = {.action = l->action,
				      .filter = l->terms[0].filter,
				      .values = &l->terms[0].value,
				      .n_values = 1,
				      .unpaged = l->unpaged,
				      .arena = arena,
				      .take = take_first,
				      .self = l};

	for (size_t i = 0; i < l->n_terms; i++)
		if (!given(l->terms[i].value, l->action, l->terms[i].filter, e))
			return false;
	if (!arena)
		return ec2_out_of_memory(e);
	buf_puts(&more, l->more ? l->more : "");
	for (size_t i = 1; i < l->n_terms; i++)
		ec2_put_filter(&more, i + 1, l->terms[i].filter, &l->terms[i].value, 1, false);
	if (more.failed)
		return ec2_out_of_memory(e);
	listing.more = more.data;
	return ec2_list(c, &listing, e);
}

bool ec2_find_subnet(struct ec2_client *c, const char *subnet, struct managed_subnet *ret,
		     struct upstream_error *e)
{
	_cleanup_(arena_freep) struct arena *arena = arena_new(TREE_BYTES);
	struct lookup l = {.action = "DescribeSubnets",
			   .set = "subnetSet",
			   .terms = {{"subnet-id", "subnetId", subnet}},
			   .n_terms = 1};
	struct managed_subnet found = {.id = ""};

	if (!look_up(c, &l, arena, e))
		return false;
	if (l.found && !manage_read_subnet(l.found, &found))
		return ec2_bad_answer(c, l.action, e, "a subnet that cannot be read");
	*ret = found;
	return true;
}

static bool find_instance(struct ec2_client *c, struct term term, struct managed_instance *ret,
			  struct upstream_error *e)
{
	_cleanup_(arena_freep) struct arena *arena = arena_new(TREE_BYTES);
	struct lookup l = {.action = "DescribeInstances",
			   .set = "reservationSet",
			   .nested = "instancesSet",
			   .terms = {term},
			   .n_terms = 1};
	struct managed_instance found = {.id = ""};

	if (!look_up(c, &l, arena, e))
		return false;
	if (l.found && !manage_read_instance(l.found, &found))
		return ec2_bad_answer(c, l.action, e, "an instance that cannot be read");
	*ret = found;
	return true;
}

bool ec2_find_instance(struct ec2_client *c, const char *instance, struct managed_instance *ret,
		       struct upstream_error *e)
{
	return find_instance(c, (struct term){"instance-id", "instanceId", instance}, ret, e);
}

bool ec2_find_launched(struct ec2_client *c, const char *client_token, struct managed_instance *ret,
		       struct upstream_error *e)
{
	return find_instance(c, (struct term){"client-token", "clientToken", client_token}, ret, e);
}

static bool find_address(struct ec2_client *c, struct term term, struct managed_address *ret,
			 struct upstream_error *e)
{
	_cleanup_(arena_freep) struct arena *arena = arena_new(TREE_BYTES);
	struct lookup l = {.action = "DescribeAddresses",
			   .set = "addressesSet",
			   .unpaged = true,
			   .terms = {term},
			   .n_terms = 1};
	struct managed_address found = {.allocation = ""};

	if (!look_up(c, &l, arena, e))
		return false;
	if (l.found && !manage_read_address(l.found, &found))
		return ec2_bad_answer(c, l.action, e, "an address that cannot be read");
	*ret = found;
	return true;
}

bool ec2_find_address(struct ec2_client *c, const char *allocation, struct managed_address *ret,
		      struct upstream_error *e)
{
	return find_address(c, (struct term){"allocation-id", "allocationId", allocation}, ret, e);
}

bool ec2_find_tagged_address(struct ec2_client *c, const struct managed_tag *tag, struct managed_address *ret,
			     struct upstream_error *e)
{
	char filter[160]; /* a key has at most 128 characters */

	if (!given(tag->key, "DescribeAddresses", "tag key", e))
		return false;
	if ((size_t)snprintf(filter, sizeof(filter), "tag:%s", tag->key) >= sizeof(filter))
		return needed(false, "DescribeAddresses", "tag key of fit length", e);
	return find_address(c, (struct term){filter, NULL, tag->value}, ret, e);
}

bool ec2_find_address_of(struct ec2_client *c, const char *instance, struct managed_address *ret,
			 struct upstream_error *e)
{
	return find_address(c, (struct term){"instance-id", "instanceId", instance}, ret, e);
}

bool ec2_find_group(struct ec2_client *c, const char *id, const char *vpc, const char *name,
		    struct arena *arena, struct managed_group *ret, struct upstream_error *e)
{
	struct lookup l = {.action = "DescribeSecurityGroups",
			   .set = "securityGroupInfo",
			   .terms = {{"group-id", "groupId", id}},
			   .n_terms = 1};
	struct managed_group found = {.id = ""};

	if (!id) {
		l.terms[0] = (struct term){"group-name", "groupName", name};
		l.terms[1] = (struct term){"vpc-id", "vpcId", vpc};
		l.n_terms = 2;
	}
	if (!look_up(c, &l, arena, e))
		return false;
	if (l.found && !manage_read_group(l.found, arena, &found))
		return ec2_bad_answer(c, l.action, e, "a security group that cannot be read");
	*ret = found;
	return true;
}

/* Whether there is an item that fits. */
static bool exists(struct ec2_client *c, struct lookup *l, bool *ret, struct upstream_error *e)
{
	_cleanup_(arena_freep) struct arena *arena = arena_new(TREE_BYTES);

	if (!look_up(c, l, arena, e))
		return false;
	*ret = l->found != NULL;
	return true;
}

bool ec2_find_key_pair(struct ec2_client *c, const char *name, bool *ret, struct upstream_error *e)
{
	struct lookup l = {.action = "DescribeKeyPairs",
			   .set = "keySet",
			   .unpaged = true,
			   .terms = {{"key-name", "keyName", name}},
			   .n_terms = 1};

	return exists(c, &l, ret, e);
}

bool ec2_type_offered(struct ec2_client *c, const char *type, const char *zone, bool *ret,
		      struct upstream_error *e)
{
	struct lookup l = {.action = "DescribeInstanceTypeOfferings",
			   .set = "instanceTypeOfferingSet",
			   .more = "&LocationType=availability-zone",
			   .terms = {{"instance-type", "instanceType", type}, {"location", "location", zone}},
			   .n_terms = 2};

	return exists(c, &l, ret, e);
}

/* --- images ------------------------------------------------------------------------------------------------------ */

struct gathering {
	struct managed_image *images;
	size_t n, cap;
	bool unreadable;
};

static bool gather(struct gathering *g, const struct xml *item)
{
	if (g->n == g->cap) {
		size_t cap = g->cap ? 2 * g->cap : 16;
		struct managed_image *grown = reallocarray(g->images, cap, sizeof(*grown));

		if (!grown)
			return false;
		g->images = grown;
		g->cap = cap;
	}
	if (manage_read_image(item, &g->images[g->n]))
		g->n++;
	else
		g->unreadable = true;
	return true;
}

static bool take_images(void *self, const struct xml *root)
{
	const struct xml *set = xml_child(root, "imagesSet");

	for (const struct xml *i = set ? set->child : NULL; i; i = i->next)
		if (!gather(self, i))
			return false;
	return true;
}

static bool list_images(struct ec2_client *c, const char *name, const char *more, struct gathering *g,
			struct upstream_error *e)
{
	_cleanup_(arena_freep) struct arena *arena = arena_new(LIMIT_REPORT_BYTES);
	const struct ec2_listing l = {.action = "DescribeImages",
				      .filter = "name",
				      .values = &name,
				      .n_values = 1,
				      .wildcards = true,
				      .more = more,
				      .arena = arena,
				      .take = take_images,
				      .self = g};

	g->n = 0;
	g->unreadable = false;
	return arena ? ec2_list(c, &l, e) : ec2_out_of_memory(e);
}

/* Deprecated ones too: AWS deprecates public images after two years, and a platform may run an older version. */
static void put_image_filters(struct buf *b, const char *owner)
{
	static const char *const available = "available";

	aws_put_pair(b, "Owner.1", owner);
	buf_puts(b, "&IncludeDeprecated=true");
	ec2_put_filter(b, 2, "state", &available, 1, false);
}

bool ec2_find_images(struct ec2_client *c, const char *owner, const char *name, struct managed_image **ret,
		     size_t *ret_n, struct upstream_error *e)
{
	_cleanup_(buf_free) struct buf more = BUF_INIT(EC2_BODY_BYTES);
	struct gathering g = {.images = NULL};
	bool good;

	if (!given(owner, "DescribeImages", "owner", e) || !given(name, "DescribeImages", "name", e))
		return false;
	put_image_filters(&more, owner);
	if (more.failed)
		return ec2_out_of_memory(e);
	good = list_images(c, name, more.data, &g, e);
	if (!good && ec2_error_wants_first_page(e->code))
		good = list_images(c, name, more.data, &g, e);
	if (good && g.unreadable)
		good = ec2_bad_answer(c, "DescribeImages", e, "an image that cannot be read");
	if (!good) {
		free(g.images);
		return false;
	}
	*ret = g.images;
	*ret_n = g.n;
	return true;
}

/* --- changes ----------------------------------------------------------------------------------------------------- */

/*
 * One change from its body to its outcome; frees the body. true with the answer's root, or with none (*ret_root NULL) where nothing was left
 * to do: a dry run that would be permitted, a rule that is there already.
 */
static bool change(struct ec2_client *c, const struct ec2_change *what, struct buf *body, bool dry_run,
		   const struct xml **ret_root, struct upstream_error *e)
{
	const struct xml *root = NULL;
	bool good;

	*ret_root = NULL;
	if (dry_run)
		manage_put_dry_run(body);
	good = what->arena ? ec2_change(c, what, &root, e) : ec2_out_of_memory(e);
	buf_free(body);
	if (good && dry_run)
		return ec2_bad_answer(c, what->action, e,
				      "the dry run was answered as if it were carried out");
	if (good && !strcmp(xml_text(root, "return"), "false"))
		return ec2_bad_answer(c, what->action, e, "the answer says that nothing was done");
	if (!good && !dry_run && !strcmp(e->code, "DryRunOperation"))
		return ec2_bad_answer(c, what->action, e, "answered as a dry run");
	*ret_root = good ? root : NULL;
	/* Right after its launch an instance is unknown to some of EC2: that is no proof of absence. */
	if (!good && !strcmp(e->code, "InvalidInstanceID.NotFound"))
		e->class = UPSTREAM_WAIT;
	return good || e->class == UPSTREAM_OK;
}

/* A change whose answer holds nothing to keep. */
static bool plain_change(struct ec2_client *c, const char *action, enum ec2_bucket bucket, struct buf *body,
			 bool dry_run, struct upstream_error *e)
{
	_cleanup_(arena_freep) struct arena *arena = arena_new(TREE_BYTES);
	const struct ec2_change what = {action, bucket, body, arena};
	const struct xml *root;

	return change(c, &what, body, dry_run, &root, e);
}

/* What is to go and is not there is gone; not in a dry run, which is about the permission. */
static bool gone(const struct upstream_error *e, bool dry_run)
{
	static const char *const codes[] = {
		"InvalidAllocationID.NotFound", "InvalidAddressID.NotFound",
		"InvalidAddress.NotFound",      "InvalidAssociationID.NotFound",
		"InvalidGroup.NotFound",        "InvalidSecurityGroupID.NotFound"};

	for (size_t i = 0; !dry_run && i < ARRAY_LEN(codes); i++)
		if (!strcmp(e->code, codes[i]))
			return true;
	return false;
}

static bool tags_given(const struct managed_tag *tags, size_t n, const char *action, struct upstream_error *e)
{
	for (size_t i = 0; i < n; i++)
		if (!given(tags[i].key, action, "tag key", e))
			return false;
	return true;
}

/* --- instances --------------------------------------------------------------------------------------------------- */

static bool launch_given(const struct managed_launch *l, struct upstream_error *e)
{
	for (size_t i = 0; i < l->n_groups; i++)
		if (!given(l->groups[i], MANAGE_LAUNCH, "security group", e))
			return false;
	return given(l->image, MANAGE_LAUNCH, "image", e) && given(l->type, MANAGE_LAUNCH, "type", e) &&
	       given(l->tenancy, MANAGE_LAUNCH, "tenancy", e) &&
	       given(l->subnet, MANAGE_LAUNCH, "subnet", e) &&
	       given(l->client_token, MANAGE_LAUNCH, "client token", e) &&
	       needed(l->n_groups > 0, MANAGE_LAUNCH, "security group", e) &&
	       tags_given(l->tags, l->n_tags, MANAGE_LAUNCH, e);
}

bool ec2_launch(struct ec2_client *c, const struct managed_launch *l, bool dry_run,
		struct managed_instance *ret, struct upstream_error *e)
{
	_cleanup_(arena_freep) struct arena *arena = arena_new(TREE_BYTES);
	struct buf body = BUF_INIT(EC2_BODY_BYTES);
	const struct ec2_change what = {MANAGE_LAUNCH, EC2_BUCKET_LAUNCH, &body, arena};
	const struct xml *root, *set;

	if (!launch_given(l, e))
		return false;
	manage_put_launch(&body, l);
	if (!change(c, &what, &body, dry_run, &root, e))
		return false;
	if (dry_run)
		return true;
	set = xml_child(root, "instancesSet");
	if (!set || !set->child || !manage_read_instance(set->child, ret))
		return ec2_bad_answer(c, MANAGE_LAUNCH, e, "the answer does not name the new instance");
	return true;
}

bool ec2_terminate(struct ec2_client *c, const char *instance, bool dry_run, struct upstream_error *e)
{
	_cleanup_(arena_freep) struct arena *arena = arena_new(TREE_BYTES);
	struct buf body = BUF_INIT(EC2_BODY_BYTES);
	const struct ec2_change what = {MANAGE_TERMINATE, EC2_BUCKET_TERMINATE, &body, arena};
	const struct xml *root, *set;

	if (!given(instance, MANAGE_TERMINATE, "instance", e))
		return false;
	manage_put_id(&body, MANAGE_TERMINATE, "InstanceId.1", instance);
	if (!change(c, &what, &body, dry_run, &root, e))
		return false;
	if (dry_run)
		return true;
	set = xml_child(root, "instancesSet");
	for (const struct xml *i = set ? set->child : NULL; i; i = i->next)
		if (!strcmp(xml_text(i, "instanceId"), instance))
			return true;
	return ec2_bad_answer(c, MANAGE_TERMINATE, e, "the answer does not name the instance");
}

static bool set_attribute(struct ec2_client *c, const char *instance, const char *attribute,
			  const char *value, bool dry_run, struct upstream_error *e)
{
	struct buf body = BUF_INIT(EC2_BODY_BYTES);

	if (!given(instance, MANAGE_MODIFY, "instance", e) || !given(value, MANAGE_MODIFY, attribute, e))
		return false;
	manage_put_attribute(&body, instance, attribute, value);
	return plain_change(c, MANAGE_MODIFY, EC2_BUCKET_CHANGE, &body, dry_run, e);
}

bool ec2_set_type(struct ec2_client *c, const char *instance, const char *type, bool dry_run,
		  struct upstream_error *e)
{
	return set_attribute(c, instance, "InstanceType.Value", type, dry_run, e);
}

bool ec2_set_ena(struct ec2_client *c, const char *instance, bool dry_run, struct upstream_error *e)
{
	return set_attribute(c, instance, "EnaSupport.Value", "true", dry_run, e);
}

/* --- tags -------------------------------------------------------------------------------------------------------- */

bool ec2_tag(struct ec2_client *c, const char *resource, const struct managed_tag *tags, size_t n,
	     bool dry_run, struct upstream_error *e)
{
	struct buf body = BUF_INIT(EC2_BODY_BYTES);

	if (!given(resource, MANAGE_TAG, "resource", e) || !needed(n > 0, MANAGE_TAG, "tag", e) ||
	    !tags_given(tags, n, MANAGE_TAG, e))
		return false;
	manage_put_tag(&body, resource, tags, n);
	return plain_change(c, MANAGE_TAG, EC2_BUCKET_TAG, &body, dry_run, e);
}

bool ec2_untag(struct ec2_client *c, const char *resource, const char *key, bool dry_run,
	       struct upstream_error *e)
{
	struct buf body = BUF_INIT(EC2_BODY_BYTES);

	if (!given(resource, MANAGE_UNTAG, "resource", e) || !given(key, MANAGE_UNTAG, "tag key", e))
		return false;
	manage_put_untag(&body, resource, key);
	return plain_change(c, MANAGE_UNTAG, EC2_BUCKET_TAG, &body, dry_run, e);
}

/* --- addresses --------------------------------------------------------------------------------------------------- */

bool ec2_allocate_address(struct ec2_client *c, const struct managed_tag *tags, size_t n, bool dry_run,
			  struct managed_address *ret, struct upstream_error *e)
{
	_cleanup_(arena_freep) struct arena *arena = arena_new(TREE_BYTES);
	struct buf body = BUF_INIT(EC2_BODY_BYTES);
	const struct ec2_change what = {MANAGE_ALLOCATE, EC2_BUCKET_CHANGE, &body, arena};
	const struct xml *root;

	if (!needed(n > 0, MANAGE_ALLOCATE, "tag", e) || !tags_given(tags, n, MANAGE_ALLOCATE, e))
		return false;
	manage_put_allocate(&body, tags, n);
	if (!change(c, &what, &body, dry_run, &root, e))
		return false;
	if (dry_run)
		return true;
	if (!root || !manage_read_address(root, ret))
		return ec2_bad_answer(c, MANAGE_ALLOCATE, e, "the answer does not name the new address");
	return true;
}

bool ec2_associate_address(struct ec2_client *c, const char *allocation, const char *instance, bool dry_run,
			   struct upstream_error *e)
{
	struct buf body = BUF_INIT(EC2_BODY_BYTES);

	if (!given(allocation, MANAGE_ASSOCIATE, "allocation", e) ||
	    !given(instance, MANAGE_ASSOCIATE, "instance", e))
		return false;
	manage_put_associate(&body, allocation, instance);
	return plain_change(c, MANAGE_ASSOCIATE, EC2_BUCKET_CHANGE, &body, dry_run, e);
}

/* Ends one thing by its id. */
static bool end(struct ec2_client *c, const char *action, const char *parameter, const char *id, bool dry_run,
		struct upstream_error *e)
{
	struct buf body = BUF_INIT(EC2_BODY_BYTES);

	if (!given(id, action, parameter, e))
		return false;
	manage_put_id(&body, action, parameter, id);
	return plain_change(c, action, EC2_BUCKET_CHANGE, &body, dry_run, e) || gone(e, dry_run);
}

bool ec2_disassociate_address(struct ec2_client *c, const char *association, bool dry_run,
			      struct upstream_error *e)
{
	return end(c, MANAGE_DISASSOCIATE, "AssociationId", association, dry_run, e);
}

bool ec2_release_address(struct ec2_client *c, const char *allocation, bool dry_run, struct upstream_error *e)
{
	return end(c, MANAGE_RELEASE, "AllocationId", allocation, dry_run, e);
}

/* --- security groups --------------------------------------------------------------------------------------------- */

bool ec2_create_group(struct ec2_client *c, const char *name, const char *description, const char *vpc,
		      const struct managed_tag *tags, size_t n, bool dry_run, char ret_id[EC2_ID_SIZE],
		      struct upstream_error *e)
{
	_cleanup_(arena_freep) struct arena *arena = arena_new(TREE_BYTES);
	struct buf body = BUF_INIT(EC2_BODY_BYTES);
	const struct ec2_change what = {MANAGE_CREATE_GROUP, EC2_BUCKET_CHANGE, &body, arena};
	const struct xml *root;

	if (!given(name, MANAGE_CREATE_GROUP, "name", e) ||
	    !given(description, MANAGE_CREATE_GROUP, "description", e) ||
	    !given(vpc, MANAGE_CREATE_GROUP, "VPC", e) || !tags_given(tags, n, MANAGE_CREATE_GROUP, e))
		return false;
	manage_put_create_group(&body, name, description, vpc, tags, n);
	if (!change(c, &what, &body, dry_run, &root, e))
		return false;
	if (dry_run)
		return true;
	if (!root || !manage_read_id(root, "groupId", ret_id))
		return ec2_bad_answer(c, MANAGE_CREATE_GROUP, e, "the answer does not name the new group");
	return true;
}

static bool rules_given(const struct group_rule *rules, size_t n, struct upstream_error *e)
{
	if (!needed(n > 0, MANAGE_INGRESS, "rule", e))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!given(rules[i].protocol, MANAGE_INGRESS, "protocol", e) ||
		    !given(rules[i].group ? rules[i].group : rules[i].cidr, MANAGE_INGRESS, "peer", e) ||
		    !needed(rules[i].egress == rules[0].egress, MANAGE_INGRESS, "single direction", e))
			return false;
	return true;
}

static bool change_rules(struct ec2_client *c, const char *action, const char *group,
			 const struct group_rule *rules, size_t n, bool dry_run, struct upstream_error *e)
{
	struct buf body = BUF_INIT(EC2_BODY_BYTES);

	e->code[0] = '\0';
	manage_put_rules(&body, action, group, rules, n);
	return plain_change(c, action, EC2_BUCKET_CHANGE, &body, dry_run, e);
}

static bool authorize(struct ec2_client *c, const char *group, const struct group_rule *rules, size_t n,
		      bool dry_run, struct upstream_error *e)
{
	const char *action = rules[0].egress ? MANAGE_EGRESS : MANAGE_INGRESS;
	bool good = change_rules(c, action, group, rules, n, dry_run, e);

	/* As an instance after its launch. */
	if (!good && !strcmp(e->code, "InvalidGroup.NotFound"))
		e->class = UPSTREAM_WAIT;
	return good;
}

/* EC2 adds none of the rules where it has one of them already: then each goes for itself. */
bool ec2_authorize(struct ec2_client *c, const char *group, const struct group_rule *rules, size_t n,
		   bool dry_run, struct upstream_error *e)
{
	if (!given(group, MANAGE_INGRESS, "security group", e) || !rules_given(rules, n, e) ||
	    !authorize(c, group, rules, n, dry_run, e))
		return false;
	if (n == 1 || strcmp(e->code, "InvalidPermission.Duplicate") != 0)
		return true;
	for (size_t i = 0; i < n; i++)
		if (!authorize(c, group, &rules[i], 1, dry_run, e))
			return false;
	return true;
}

static bool lacks_rule(const struct upstream_error *e, bool dry_run)
{
	return !dry_run && !strcmp(e->code, "InvalidPermission.NotFound");
}

/* EC2 takes none of the rules where it lacks one of them: then each goes for itself. */
bool ec2_revoke(struct ec2_client *c, const char *group, const struct group_rule *rules, size_t n,
		bool dry_run, struct upstream_error *e)
{
	const char *action;

	if (!given(group, MANAGE_NO_INGRESS, "security group", e) || !rules_given(rules, n, e))
		return false;
	action = rules[0].egress ? MANAGE_NO_EGRESS : MANAGE_NO_INGRESS;
	if (change_rules(c, action, group, rules, n, dry_run, e) || gone(e, dry_run))
		return true;
	if (!lacks_rule(e, dry_run))
		return false;
	for (size_t i = 0; n > 1 && i < n; i++)
		if (!change_rules(c, action, group, &rules[i], 1, dry_run, e) && !gone(e, dry_run) &&
		    !lacks_rule(e, dry_run))
			return false;
	return true;
}

bool ec2_delete_group(struct ec2_client *c, const char *group, bool dry_run, struct upstream_error *e)
{
	return end(c, MANAGE_DELETE_GROUP, "GroupId", group, dry_run, e);
}
