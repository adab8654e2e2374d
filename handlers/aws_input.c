/*
 * Fields that name things of AWS. What they are called in AWS is checked by their form alone: whether they exist is the first
 * thing that the operation looks at (STEP_CHECK).
 */
#include "handlers/aws_input.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "fleet/report.h"

#define LOWER  "abcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"

#define TYPE_MAX      32
#define KEY_NAME_MAX  255
#define VERSION_MAX   32
#define GROUPS_MAX    5 /* EC2: as many on one network interface, unless a quota is raised */
#define TAGS_MAX      20
#define TAG_KEY_MAX   128
#define TAG_VALUE_MAX 256

/* --- pieces -------------------------------------------------------------------------------------------------------- */

void input_needs(struct input *in, const char *name, const char *what)
{
	if (!in->object || !json_object_get(in->object, name))
		input_fail(in, name, "is missing: %s", what);
}

bool input_characters(struct input *in, const char *name, const char *text, const char *allowed,
		      const char *must)
{
	if (!text[strspn(text, allowed)])
		return true;
	input_fail(in, name, "%s", must);
	return false;
}

bool input_clean(struct input *in, const char *name, const char *text)
{
	size_t len = strlen(text);

	if (len && (text[0] == ' ' || text[len - 1] == ' ')) {
		input_fail(in, name, "must not begin or end with a blank");
		return false;
	}
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f) {
			input_fail(in, name, "may not hold control characters");
			return false;
		}
	return true;
}

void aws_set(struct input *in, const char *name, struct operation *op, enum operation_value value,
	     const char *text)
{
	if (!operation_set(op, value, text))
		input_fail(in, name, "there is no memory left for it");
}

static bool is_id(const char *text, const char *prefix)
{
	size_t len = strlen(prefix);
	size_t digits = text && !strncmp(text, prefix, len) ? strlen(text + len) : 0;

	return (digits == 8 || digits == 17) && strspn(text + len, LOWER DIGITS) == digits;
}

void aws_read_id(struct input *in, struct operation *op, const char *name, const char *prefix,
		 enum operation_value value)
{
	struct input_value v = input_text(in, name, 1, 64, false);

	if (v.given && !is_id(v.text, prefix))
		input_fail(in, name, "must be an id such as %s0123456789abcdef0", prefix);
	else if (v.given)
		aws_set(in, name, op, value, v.text);
}

void aws_read_type(struct input *in, struct operation *op)
{
	struct input_value v = input_text(in, "instance_type", 3, TYPE_MAX, false);
	const char *dot = v.given ? strchr(v.text, '.') : NULL;

	if (v.given && (!dot || dot == v.text || !dot[1] || strchr(dot + 1, '.') ||
			v.text[strspn(v.text, LOWER DIGITS "-.")]))
		input_fail(in, "instance_type", "must be an instance type such as c5.2xlarge");
	else if (v.given)
		aws_set(in, "instance_type", op, VALUE_INSTANCE_TYPE, v.text);
}

/* --- where ------------------------------------------------------------------------------------------------------------ */

static bool configured(const struct config *c, const char *region)
{
	for (size_t i = 0; i < c->aws_regions.n; i++)
		if (!strcmp(c->aws_regions.items[i], region))
			return true;
	return false;
}

void aws_read_region(struct input *in, struct operation *op, const struct config *c)
{
	struct input_value v = input_text(in, "region", 1, sizeof op->intent.region - 1, false);
	const char *region = v.given ? v.text : c->aws_regions.n == 1 ? c->aws_regions.items[0] : "";

	if (v.given && !strncmp(region, "cn-", 3))
		input_fail(in, "region",
			   "AWS deployments in China are not supported by Pexip Infinity (guide, page 6)");
	else if (v.given && !configured(c, region))
		input_fail(in, "region", "is not one of the configured regions (BURSTD_AWS_REGIONS)");
	else if (!*region && !json_object_get(in->object, "region"))
		input_fail(in, "region",
			   c->aws_regions.n
				   ? "is missing: several regions are configured, so one must be named"
				   : "cannot be chosen: no region is configured (BURSTD_AWS_REGIONS)");
	(void)snprintf(op->intent.region, sizeof op->intent.region, "%s", region);
}

/* --- lists and objects -------------------------------------------------------------------------------------------------- */

static bool named_before(const json_t *list, size_t i, const char *text)
{
	while (i-- > 0) {
		const char *other = json_string_value(json_array_get(list, i));

		if (other && !strcmp(other, text))
			return true;
	}
	return false;
}

static void read_groups(struct input *in, struct operation *op)
{
	struct input_value v = input_array(in, "security_groups", 1, GROUPS_MAX);
	struct input item = {.object = NULL, .prefix = "/security_groups", .errors = in->errors};
	struct buf text = BUF_INIT(GROUPS_MAX * 32);
	json_t *value;
	size_t i;

	if (!v.given)
		return;
	json_array_foreach(v.list, i, value)
	{
		const char *id = json_string_value(value);
		char at[24];

		(void)snprintf(at, sizeof at, "%zu", i);
		if (!is_id(id, "sg-"))
			input_fail(&item, at, "must be an id such as sg-0123456789abcdef0");
		else if (named_before(v.list, i, id))
			input_fail(&item, at, "is named twice");
		else
			buf_printf(&text, "%s%s", text.len ? "," : "", id);
	}
	aws_set(in, "security_groups", op, VALUE_SECURITY_GROUPS, text.data ? text.data : "");
	buf_free(&text);
}

/* Those that burstd sets itself, and AWS's own. */
static bool reserved(const char *key)
{
	return !strcmp(key, "Name") || !strcmp(key, "burstd-operation") || !strcmp(key, TAG_NAME) ||
	       !strncmp(key, "aws:", 4);
}

static void check_tag(struct input *tags, const char *key, const json_t *value)
{
	const char *text = json_string_value(value);

	if (reserved(key))
		input_fail(tags, key, "is set by burstd, or belongs to AWS");
	else if (!*key || strlen(key) > TAG_KEY_MAX)
		input_fail(tags, key, "a tag's key has 1 to %d bytes", TAG_KEY_MAX);
	else if (!text || json_string_length(value) > TAG_VALUE_MAX)
		input_fail(tags, key, "must be a text of 0 to %d bytes", TAG_VALUE_MAX);
	else if (input_clean(tags, key, key))
		(void)input_clean(tags, key, text);
}

static void read_tags(struct input *in, struct operation *op)
{
	_cleanup_(freep) char *text = NULL;
	struct input tags;
	const char *key;
	json_t *value;

	if (!input_open_object(&tags, in, "tags", "/tags"))
		return;
	if (json_object_size(tags.object) > TAGS_MAX)
		input_fail(in, "tags", "there may be %d at most", TAGS_MAX);
	json_object_foreach(tags.object, key, value) check_tag(&tags, key, value);
	text = json_dumps(tags.object, JSON_COMPACT);
	aws_set(in, "tags", op, VALUE_TAGS, text);
}

/* --- the launch --------------------------------------------------------------------------------------------------------- */

static void read_key(struct input *in, struct operation *op)
{
	struct input_value v = input_text(in, "key_name", 1, KEY_NAME_MAX, false);

	/* guide, "Limitations": SSH needs a key, and it can only be given at the launch */
	input_needs(in, "key_name", "an SSH key pair must be assigned at launch time");
	if (v.given && input_clean(in, "key_name", v.text))
		aws_set(in, "key_name", op, VALUE_KEY_NAME, v.text);
}

static void read_version(struct input *in, struct operation *op)
{
	struct input_value v = input_text(in, "version", 1, VERSION_MAX, false);

	/* it becomes part of a filter, in which other characters are wildcards */
	if (v.given &&
	    input_characters(in, "version", v.text, DIGITS ".", "must be a version such as 38 or 38.1"))
		aws_set(in, "version", op, VALUE_VERSION, v.text);
}

static void read_addressing(struct input *in, struct operation *op)
{
	struct input_value v = input_choice(in, "public_addressing", "none|auto|elastic", false);
	const char *how = v.given ? v.text : "none";

	aws_set(in, "public_addressing", op, VALUE_PUBLIC_ADDRESSING, how);
	aws_read_id(in, op, "allocation_id", "eipalloc-", VALUE_ALLOCATION_ID);
	if (op->values[VALUE_ALLOCATION_ID] && strcmp(how, "elastic") != 0)
		input_fail(in, "allocation_id", "needs \"public_addressing\": \"elastic\"");
}

void aws_read_launch(struct input *in, struct operation *op, const struct config *c)
{
	struct input_value tenancy = input_choice(in, "tenancy", "dedicated|default", false);

	aws_read_region(in, op, c);
	aws_read_id(in, op, "subnet", "subnet-", VALUE_SUBNET);
	input_needs(in, "subnet", "the id of the subnet to launch into");
	read_groups(in, op);
	input_needs(in, "security_groups", "the ids of the instance's security groups");
	read_key(in, op);
	/* guide, "Dedicated versus standard instances" */
	aws_set(in, "tenancy", op, VALUE_TENANCY, tenancy.given ? tenancy.text : "dedicated");
	read_addressing(in, op);
	read_version(in, op);
	read_tags(in, op);
}
