/* DescribeImages, DescribeKeyPairs, DescribeInstanceTypeOfferings (docs/upstream.md): what catalog.c offers, in every region. */
#include <stdio.h>

#include "tests/world/http_ec2.h"

/* --- images --- */

static const char *const image_filters[] = {"name",     "state",    "architecture",
					    "owner-id", "image-id", "ena-support"};

static bool image_matches(const char *name, const char *value, const void *row)
{
	const struct world_image *i = row;
	const struct {
		const char *name, *text;
	} texts[] = {{"name", i->name},      {"state", i->state}, {"architecture", "x86_64"},
		     {"owner-id", i->owner}, {"image-id", i->id}, {"ena-support", i->ena ? "true" : "false"}};

	for (size_t k = 0; k < ARRAY_LEN(texts); k++)
		if (!strcmp(name, texts[k].name))
			return ec2_matches(value, texts[k].text);
	return false;
}

static void put_image(struct buf *b, const struct world_image *i)
{
	buf_puts(b, "<item>");
	ec2_element(b, "imageId", i->id);
	buf_printf(b, "<imageLocation>%s/%s</imageLocation>", i->owner, i->name);
	ec2_element(b, "imageState", i->state);
	ec2_element(b, "imageOwnerId", i->owner);
	ec2_element(b, "isPublic", "true");
	ec2_element(b, "architecture", "x86_64");
	ec2_element(b, "imageType", "machine");
	ec2_element(b, "name", i->name);
	ec2_element(b, "rootDeviceType", "ebs");
	ec2_element(b, "rootDeviceName", "/dev/sda1");
	buf_puts(b, "<blockDeviceMapping><item><deviceName>/dev/sda1</deviceName><ebs><snapshotId>snap-0123</"
		    "snapshotId><volumeSize>50</volumeSize></ebs></item></blockDeviceMapping>");
	ec2_element(b, "virtualizationType", "hvm");
	ec2_element(b, "enaSupport", i->ena ? "true" : NULL);
	ec2_element(b, "creationDate", i->created);
	buf_puts(b, "</item>");
}

void ec2_serve_describe_images(struct ec2_call *c)
{
	size_t n;
	const struct world_image *images = catalog_images(&n);
	struct buf *b = &c->reply->body;

	if (!ec2_filters_good(c, image_filters, ARRAY_LEN(image_filters)))
		return;
	if (form_get(&c->form, "ImageId.1") && !image_find(form_get(&c->form, "ImageId.1"))) {
		ec2_bad(c, "InvalidAMIID.NotFound", "The image id does not exist");
		return;
	}
	ec2_open_answer(c);
	buf_puts(b, "<imagesSet>");
	for (size_t i = 0; i < n; i++)
		if (ec2_is_listed(c, "Owner", images[i].owner) && ec2_is_listed(c, "ImageId", images[i].id) &&
		    ec2_passes(c, image_matches, &images[i]))
			put_image(b, &images[i]);
	buf_puts(b, "</imagesSet>");
	ec2_close_answer(c);
}

/* --- key pairs --- */

static const char *const key_filters[] = {"key-name"};

static bool key_matches(const char *name, const char *value, const void *row)
{
	return !strcmp(name, "key-name") && ec2_matches(value, row);
}

void ec2_serve_describe_key_pairs(struct ec2_call *c)
{
	static const char *const names[] = {"node-key", "admin-key"};
	struct buf *b = &c->reply->body;
	const char *name;

	if (!ec2_filters_good(c, key_filters, ARRAY_LEN(key_filters)))
		return;
	for (int n = 1; (name = ec2_numbered(c, "KeyName.%d", n, 0)); n++) {
		if (!key_pair_exists(name)) {
			ec2_bad(c, "InvalidKeyPair.NotFound", "The key pair does not exist");
			return;
		}
	}
	ec2_open_answer(c);
	buf_puts(b, "<keySet>");
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (!ec2_is_listed(c, "KeyName", names[i]) || !ec2_passes(c, key_matches, names[i]))
			continue;
		buf_printf(b, "<item><keyPairId>key-0world0000000000%zu</keyPairId>", i + 1);
		ec2_element(b, "keyName", names[i]);
		ec2_element(b, "keyType", "ed25519");
		buf_puts(b, "</item>");
	}
	buf_puts(b, "</keySet>");
	ec2_close_answer(c);
}

/* --- instance type offerings --- */

struct offering {
	const char *type, *location;
};

static const char *const offering_filters[] = {"instance-type", "location"};

static bool offering_matches(const char *name, const char *value, const void *row)
{
	const struct offering *o = row;

	return ec2_matches(value, !strcmp(name, "location") ? o->location : o->type);
}

static void put_offering(struct ec2_call *c, const struct offering *o, const char *location_type)
{
	struct buf *b = &c->reply->body;

	if (!ec2_passes(c, offering_matches, o))
		return;
	buf_puts(b, "<item>");
	ec2_element(b, "instanceType", o->type);
	ec2_element(b, "locationType", location_type);
	ec2_element(b, "location", o->location);
	buf_puts(b, "</item>");
}

static void put_offerings(struct ec2_call *c, const char *location_type)
{
	bool by_zone = !strcmp(location_type, "availability-zone");
	const char *region = c->world->regions[c->region].name;
	size_t n_types, n_subnets;
	const struct world_type *types = catalog_types(&n_types);
	const struct world_subnet *subnets = catalog_subnets(&n_subnets);
	char zone[64];

	for (size_t t = 0; t < n_types; t++) {
		/* the first two subnets are the two zones */
		for (size_t s = 0; by_zone && s < 2; s++) {
			(void)snprintf(zone, sizeof(zone), "%s%c", region, subnets[s].zone);
			if (type_offered(&types[t], &subnets[s]))
				put_offering(c, &(struct offering){types[t].name, zone}, location_type);
		}
		if (!by_zone)
			put_offering(c, &(struct offering){types[t].name, region}, location_type);
	}
}

void ec2_serve_describe_offerings(struct ec2_call *c)
{
	const char *asked = form_get(&c->form, "LocationType");
	const char *location_type = asked ? asked : "region";

	if (!ec2_filters_good(c, offering_filters, ARRAY_LEN(offering_filters)))
		return;
	if (strcmp(location_type, "region") != 0 && strcmp(location_type, "availability-zone") != 0) {
		ec2_bad(c, "InvalidParameterValue", "LocationType must be region or availability-zone here");
		return;
	}
	ec2_open_answer(c);
	buf_puts(&c->reply->body, "<instanceTypeOfferingSet>");
	put_offerings(c, location_type);
	buf_puts(&c->reply->body, "</instanceTypeOfferingSet>");
	ec2_close_answer(c);
}
