#include "clients/ec2/manage_parse.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "clients/ec2/listing.h"
#include "clients/ec2/parse.h"

/* A text that is compared or parsed later: whole or not at all. "" where the element is missing. */
static bool exact(const struct xml *item, const char *name, char *out, size_t size)
{
	const char *text = xml_text(item, name);

	if (strlen(text) >= size)
		return false;
	(void)snprintf(out, size, "%s", text);
	return true;
}

/* A text for people. */
static void words(const char *text, char *out, size_t size)
{
	(void)snprintf(out, size, "%s", text);
	utf8_tidy(out);
}

static bool flag(const struct xml *item, const char *name)
{
	return !strcmp(xml_text(item, name), "true");
}

bool manage_read_id(const struct xml *item, const char *name, char ret[EC2_ID_SIZE])
{
	return exact(item, name, ret, EC2_ID_SIZE) && *ret;
}

/* --- instances --------------------------------------------------------------------------------------------------- */

static bool read_state(const struct xml *item, enum instance_state *ret)
{
	const struct xml *state = xml_child(item, "instanceState");

	return !instance_state_from_text(xml_text(state, "name"), ret) ||
	       ec2_state_from_code(xml_text(state, "code"), ret);
}

/* The message says more than the free text of `reason`, which is often empty. */
static void read_reason(const struct xml *item, char *out, size_t size)
{
	const struct xml *reason = xml_child(item, "stateReason");
	const char *message = xml_text(reason, "message");
	const char *code = xml_text(reason, "code");

	words(*message ? message : *code ? code : xml_text(item, "reason"), out, size);
}

/* Of the instance, else of the first interface that has one. */
static bool read_public_address(const struct xml *item, char out[EC2_ADDRESS_SIZE])
{
	const struct xml *interfaces = xml_child(item, "networkInterfaceSet");
	bool fits = exact(item, "ipAddress", out, EC2_ADDRESS_SIZE);

	for (const struct xml *i = interfaces ? interfaces->child : NULL; fits && !*out && i; i = i->next)
		fits = exact(xml_child(i, "association"), "publicIp", out, EC2_ADDRESS_SIZE);
	return fits;
}

static bool read_place(const struct xml *item, struct managed_instance *ret)
{
	const struct xml *placement = xml_child(item, "placement");

	if (!exact(placement, "tenancy", ret->tenancy, sizeof(ret->tenancy)))
		return false;
	if (!*ret->tenancy)
		(void)snprintf(ret->tenancy, sizeof(ret->tenancy), "default");
	return exact(placement, "availabilityZone", ret->zone, sizeof(ret->zone)) &&
	       exact(item, "subnetId", ret->subnet, sizeof(ret->subnet)) &&
	       exact(item, "vpcId", ret->vpc, sizeof(ret->vpc)) &&
	       exact(item, "privateIpAddress", ret->private_address, sizeof(ret->private_address)) &&
	       read_public_address(item, ret->public_address);
}

bool manage_read_instance(const struct xml *item, struct managed_instance *ret)
{
	struct managed_instance i = {.ena = flag(item, "enaSupport")};
	const char *tag_value = ec2_tag_of(item, TAG_NAME);

	if (!manage_read_id(item, "instanceId", i.id) || !read_state(item, &i.state) ||
	    !exact(item, "instanceType", i.type, sizeof(i.type)) ||
	    !exact(item, "imageId", i.image, sizeof(i.image)) ||
	    !exact(item, "clientToken", i.client_token, sizeof(i.client_token)) || !read_place(item, &i))
		return false;
	if (time_parse(xml_text(item, "launchTime"), &i.launch_time) < 0)
		i.launch_time = 0;
	read_reason(item, i.reason, sizeof(i.reason));
	words(xml_text(item, "keyName"), i.key_name, sizeof(i.key_name));
	words(tag_value ? tag_value : "", i.tag_value, sizeof(i.tag_value));
	i.tagged = tag_value != NULL;
	*ret = i;
	return true;
}

/* --- images, subnets, addresses, security groups ----------------------------------------------------------------- */

bool manage_read_image(const struct xml *item, struct managed_image *ret)
{
	struct managed_image i = {.ena = flag(item, "enaSupport")};

	if (!manage_read_id(item, "imageId", i.id) ||
	    !exact(item, "creationDate", i.created, sizeof(i.created)))
		return false;
	words(xml_text(item, "name"), i.name, sizeof(i.name));
	*ret = i;
	return true;
}

bool manage_read_subnet(const struct xml *item, struct managed_subnet *ret)
{
	struct managed_subnet s = {
		.free_addresses = xml_number(item, "availableIpAddressCount", 0),
		.public_on_launch = flag(item, "mapPublicIpOnLaunch"),
	};

	if (!manage_read_id(item, "subnetId", s.id) || !exact(item, "vpcId", s.vpc, sizeof(s.vpc)) ||
	    !exact(item, "availabilityZone", s.zone, sizeof(s.zone)) ||
	    !exact(item, "cidrBlock", s.cidr, sizeof(s.cidr)))
		return false;
	*ret = s;
	return true;
}

bool manage_read_address(const struct xml *item, struct managed_address *ret)
{
	struct managed_address a;

	if (!manage_read_id(item, "allocationId", a.allocation) ||
	    !exact(item, "associationId", a.association, sizeof(a.association)) ||
	    !exact(item, "instanceId", a.instance, sizeof(a.instance)) ||
	    !exact(item, "publicIp", a.public_address, sizeof(a.public_address)) || !*a.public_address)
		return false;
	*ret = a;
	return true;
}

bool manage_read_group(const struct xml *item, struct arena *arena, struct managed_group *ret)
{
	struct managed_group g = {.n_rules = ec2_rules_of(item, NULL)};

	g.rules = arena_array(arena, g.n_rules + 1, sizeof(*g.rules));
	if (!g.rules || !manage_read_id(item, "groupId", g.id) || !exact(item, "vpcId", g.vpc, sizeof(g.vpc)))
		return false;
	words(xml_text(item, "groupName"), g.name, sizeof(g.name));
	(void)ec2_rules_of(item, g.rules);
	*ret = g;
	return true;
}
