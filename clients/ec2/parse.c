/*
 * Owns the reading of EC2's XML.
 *
 * The known elements are a tree, one row each in ELEMENTS. While expat runs, `at` is the deepest known element that is
 * open and `depth` the true depth of the document: they differ exactly inside an unknown element, which is skipped by
 * counting alone. So an element costs a look at its siblings in the table and no string is built; the handler of text is
 * set only inside an element whose text is wanted.
 *
 * Not thread safe: one owner per builder. Strings of an instance go straight to the report's arena.
 */
#include "clients/ec2/parse.h"

#include <expat.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "fleet/report.h"

#define PIECE_BYTES 16384 /* keeps expat's own buffer small */

/*
 * id, parent, name, whether its text is wanted. Rows with the same parent stand together, parents before children.
 */
#define ELEMENTS(X)                                                                                          \
	X(DOCUMENT, DOCUMENT, "", false)                                                                     \
	X(DESCRIBE, DOCUMENT, "DescribeInstancesResponse", false)                                            \
	X(START, DOCUMENT, "StartInstancesResponse", false)                                                  \
	X(STOP, DOCUMENT, "StopInstancesResponse", false)                                                    \
	X(ERROR, DOCUMENT, "Response", false)                                                                \
	X(ERROR_STS, DOCUMENT, "ErrorResponse", false)                                                       \
	X(ASSUME, DOCUMENT, "AssumeRoleResponse", false)                                                     \
	X(WEB, DOCUMENT, "AssumeRoleWithWebIdentityResponse", false)                                         \
	X(DESCRIBE_REQUEST_ID, DESCRIBE, "requestId", true)                                                  \
	X(RESERVATIONS, DESCRIBE, "reservationSet", false)                                                   \
	X(NEXT_TOKEN, DESCRIBE, "nextToken", true)                                                           \
	X(START_REQUEST_ID, START, "requestId", true)                                                        \
	X(START_SET, START, "instancesSet", false)                                                           \
	X(STOP_REQUEST_ID, STOP, "requestId", true)                                                          \
	X(STOP_SET, STOP, "instancesSet", false)                                                             \
	X(ERRORS, ERROR, "Errors", false)                                                                    \
	X(ERROR_REQUEST_ID, ERROR, "RequestID", true)                                                        \
	X(ERROR_REQUEST_ID2, ERROR, "RequestId", true)                                                       \
	X(STS_ERROR, ERROR_STS, "Error", false)                                                              \
	X(STS_ERRORS, ERROR_STS, "Errors", false)                                                            \
	X(STS_REQUEST_ID, ERROR_STS, "RequestId", true)                                                      \
	X(STS_REQUEST_ID2, ERROR_STS, "RequestID", true)                                                     \
	X(ASSUME_RESULT, ASSUME, "AssumeRoleResult", false)                                                  \
	X(WEB_RESULT, WEB, "AssumeRoleWithWebIdentityResult", false)                                         \
	X(RESERVATION, RESERVATIONS, "item", false)                                                          \
	X(START_ITEM, START_SET, "item", false)                                                              \
	X(STOP_ITEM, STOP_SET, "item", false)                                                                \
	X(ERRORS_ERROR, ERRORS, "Error", false)                                                              \
	X(STS_CODE, STS_ERROR, "Code", true)                                                                 \
	X(STS_MESSAGE, STS_ERROR, "Message", true)                                                           \
	X(STS_ERRORS_ERROR, STS_ERRORS, "Error", false)                                                      \
	X(ASSUME_KEYS, ASSUME_RESULT, "Credentials", false)                                                  \
	X(WEB_KEYS, WEB_RESULT, "Credentials", false)                                                        \
	X(INSTANCES, RESERVATION, "instancesSet", false)                                                     \
	X(START_ID, START_ITEM, "instanceId", true)                                                          \
	X(START_CURRENT, START_ITEM, "currentState", false)                                                  \
	X(START_PREVIOUS, START_ITEM, "previousState", false)                                                \
	X(STOP_ID, STOP_ITEM, "instanceId", true)                                                            \
	X(STOP_CURRENT, STOP_ITEM, "currentState", false)                                                    \
	X(STOP_PREVIOUS, STOP_ITEM, "previousState", false)                                                  \
	X(ERRORS_CODE, ERRORS_ERROR, "Code", true)                                                           \
	X(ERRORS_MESSAGE, ERRORS_ERROR, "Message", true)                                                     \
	X(STS_ERRORS_CODE, STS_ERRORS_ERROR, "Code", true)                                                   \
	X(STS_ERRORS_MESSAGE, STS_ERRORS_ERROR, "Message", true)                                             \
	X(ASSUME_ACCESS, ASSUME_KEYS, "AccessKeyId", true)                                                   \
	X(ASSUME_SECRET, ASSUME_KEYS, "SecretAccessKey", true)                                               \
	X(ASSUME_TOKEN, ASSUME_KEYS, "SessionToken", true)                                                   \
	X(ASSUME_UNTIL, ASSUME_KEYS, "Expiration", true)                                                     \
	X(WEB_ACCESS, WEB_KEYS, "AccessKeyId", true)                                                         \
	X(WEB_SECRET, WEB_KEYS, "SecretAccessKey", true)                                                     \
	X(WEB_TOKEN, WEB_KEYS, "SessionToken", true)                                                         \
	X(WEB_UNTIL, WEB_KEYS, "Expiration", true)                                                           \
	X(INSTANCE, INSTANCES, "item", false)                                                                \
	X(START_CURRENT_CODE, START_CURRENT, "code", true)                                                   \
	X(START_CURRENT_NAME, START_CURRENT, "name", true)                                                   \
	X(START_PREVIOUS_CODE, START_PREVIOUS, "code", true)                                                 \
	X(START_PREVIOUS_NAME, START_PREVIOUS, "name", true)                                                 \
	X(STOP_CURRENT_CODE, STOP_CURRENT, "code", true)                                                     \
	X(STOP_CURRENT_NAME, STOP_CURRENT, "name", true)                                                     \
	X(STOP_PREVIOUS_CODE, STOP_PREVIOUS, "code", true)                                                   \
	X(STOP_PREVIOUS_NAME, STOP_PREVIOUS, "name", true)                                                   \
	X(INSTANCE_ID, INSTANCE, "instanceId", true)                                                         \
	X(INSTANCE_TYPE, INSTANCE, "instanceType", true)                                                     \
	X(INSTANCE_STATE, INSTANCE, "instanceState", false)                                                  \
	X(STATE_REASON, INSTANCE, "stateReason", false)                                                      \
	X(LAUNCH_TIME, INSTANCE, "launchTime", true)                                                         \
	X(PLACEMENT, INSTANCE, "placement", false)                                                           \
	X(PRIVATE_ADDRESS, INSTANCE, "privateIpAddress", true)                                               \
	X(PUBLIC_ADDRESS, INSTANCE, "ipAddress", true)                                                       \
	X(TAGS, INSTANCE, "tagSet", false)                                                                   \
	X(INTERFACES, INSTANCE, "networkInterfaceSet", false)                                                \
	X(STATE_CODE, INSTANCE_STATE, "code", true)                                                          \
	X(STATE_NAME, INSTANCE_STATE, "name", true)                                                          \
	X(REASON_CODE, STATE_REASON, "code", true)                                                           \
	X(REASON_MESSAGE, STATE_REASON, "message", true)                                                     \
	X(ZONE, PLACEMENT, "availabilityZone", true)                                                         \
	X(TENANCY, PLACEMENT, "tenancy", true)                                                               \
	X(TAG, TAGS, "item", false)                                                                          \
	X(INTERFACE, INTERFACES, "item", false)                                                              \
	X(TAG_KEY, TAG, "key", true)                                                                         \
	X(TAG_VALUE, TAG, "value", true)                                                                     \
	X(INTERFACE_ADDRESS, INTERFACE, "privateIpAddress", true)                                            \
	X(ASSOCIATION, INTERFACE, "association", false)                                                      \
	X(INTERFACE_ADDRESSES, INTERFACE, "privateIpAddressesSet", false)                                    \
	X(ASSOCIATION_ADDRESS, ASSOCIATION, "publicIp", true)                                                \
	X(ASSOCIATION_OWNER, ASSOCIATION, "ipOwnerId", true)                                                 \
	X(ADDRESS, INTERFACE_ADDRESSES, "item", false)                                                       \
	X(ADDRESS_ADDRESS, ADDRESS, "privateIpAddress", true)                                                \
	X(ADDRESS_ASSOCIATION, ADDRESS, "association", false)                                                \
	X(ADDRESS_PUBLIC, ADDRESS_ASSOCIATION, "publicIp", true)                                             \
	X(ADDRESS_OWNER, ADDRESS_ASSOCIATION, "ipOwnerId", true)

enum element {
#define X(id, parent, name, text) EL_##id,
	ELEMENTS(X)
#undef X
		EL_COUNT,
};

struct element_row {
	enum element parent;
	const char *name;
	bool text;
};

static const struct element_row rows[EL_COUNT] = {
#define X(id, parent, name, text) [EL_##id] = {EL_##parent, (name), (text)},
	ELEMENTS(X)
#undef X
};

/* The children of an element: rows first to first + n - 1; `letters` has a bit per first letter (its low five bits). */
struct children {
	uint32_t letters;
	uint16_t first;
	uint16_t n;
};

/* An array of any type that grows; items are copied in. */
struct list {
	void *items;
	size_t n;
	size_t cap;
};

struct association {
	const char *address;
	bool elastic;
};

struct ec2_builder {
	struct ec2_report *report; /* owns the arena; its instances are set at the end */
	struct list instances;     /* struct ec2_instance */
	struct list tags;          /* struct instance_tag, of the present instance */
	struct list addresses;     /* const char *, of the present instance */
	struct list associations;  /* struct association, of the present instance */
	const char *
		last[EL_COUNT]; /* the value before, used again when it repeats (type, zone, tag keys, ...) */
	struct children children[EL_COUNT];
};

struct parse {
	XML_Parser expat;
	struct ec2_builder *b;
	const char *wanted_id; /* of a state change */
	struct ec2_answer *answer;
	struct aws_keys *keys; /* of STS, or NULL */
	enum element at;
	int depth;    /* open elements */
	int at_depth; /* depth of `at` */
	size_t text_len;

	struct ec2_instance instance;
	bool state_known;
	struct instance_tag tag;
	struct association association;
	char change_id[33];
	enum instance_state change_previous;
	enum instance_state change_current;
	bool has_error;

	char *why;
	size_t why_size;
	bool failed;
	char text[LIMIT_EC2_TEXT_BYTES + 1];
};

/* --- the builder ------------------------------------------------------------------------------------------------- */

static bool list_add(struct list *l, const void *item, size_t size)
{
	if (l->n == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 8;
		void *items = reallocarray(l->items, cap, size);

		if (!items)
			return false;
		l->items = items;
		l->cap = cap;
	}
	memcpy((char *)l->items + l->n * size, item, size);
	l->n++;
	return true;
}

/* From the rows of one parent, which stand together, to one range per parent. */
static void index_children(struct children *children)
{
	for (size_t id = 1; id < EL_COUNT; id++) {
		struct children *c = &children[rows[id].parent];

		if (c->n == 0)
			c->first = (uint16_t)id;
		c->n++;
		c->letters |= 1u << (rows[id].name[0] & 31);
	}
}

struct ec2_builder *ec2_builder_new(const char *region)
{
	_cleanup_(ec2_builder_freep) struct ec2_builder *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->report = ec2_report_new(region);
	if (!b->report)
		return NULL;
	index_children(b->children);
	return take_ptr(b);
}

void ec2_builder_free(struct ec2_builder *b)
{
	if (!b)
		return;
	ec2_report_free(b->report);
	free(b->instances.items);
	free(b->tags.items);
	free(b->addresses.items);
	free(b->associations.items);
	free(b);
}

size_t ec2_builder_count(const struct ec2_builder *b)
{
	return b->instances.n;
}

void ec2_builder_rewind(struct ec2_builder *b, size_t count)
{
	if (count < b->instances.n)
		b->instances.n = count;
}

struct ranked {
	const struct ec2_instance *instance;
	size_t order; /* of arrival */
};

static int by_id_and_order(const void *a, const void *b)
{
	const struct ranked *x = a;
	const struct ranked *y = b;
	int ids = strcmp(x->instance->id, y->instance->id);

	return ids ? ids : (x->order > y->order) - (x->order < y->order);
}

/* Sorted by id, the last of equals only. */
static size_t put_sorted(const struct list *from, struct ranked *ranked, struct ec2_instance *to)
{
	const struct ec2_instance *instances = from->items;
	size_t n = 0;

	for (size_t i = 0; i < from->n; i++)
		ranked[i] = (struct ranked){&instances[i], i};
	qsort(ranked, from->n, sizeof(*ranked), by_id_and_order);
	for (size_t i = 0; i < from->n; i++)
		if (i + 1 == from->n || strcmp(ranked[i].instance->id, ranked[i + 1].instance->id) != 0)
			to[n++] = *ranked[i].instance;
	return n;
}

struct ec2_report *ec2_builder_finish(struct ec2_builder *b)
{
	_cleanup_(ec2_report_freep) struct ec2_report *r = take_ptr(b->report);
	_cleanup_(freep) struct ranked *ranked = calloc(b->instances.n + 1, sizeof(*ranked));

	r->instances = arena_array(r->arena, b->instances.n + 1, sizeof(*r->instances));
	if (!ranked || !r->instances || arena_overflowed(r->arena))
		return NULL;
	r->n_instances = put_sorted(&b->instances, ranked, r->instances);
	return take_ptr(r);
}

/* --- text and its use -------------------------------------------------------------------------------------------- */

static void stop(struct parse *p, const char *why)
{
	if (p->failed)
		return;
	p->failed = true;
	(void)snprintf(p->why, p->why_size, "%s", why);
	XML_StopParser(p->expat, XML_FALSE);
}

static void add(struct parse *p, struct list *l, const void *item, size_t size)
{
	if (!list_add(l, item, size))
		stop(p, "out of memory");
}

/* The text of the present element in the arena. A value that repeats from instance to instance is kept once. */
static const char *keep(struct parse *p)
{
	const char **last = &p->b->last[p->at];

	if (*last && strcmp(*last, p->text) == 0)
		return *last;
	const char *kept = arena_strndup(p->b->report->arena, p->text, p->text_len);

	if (!kept)
		stop(p, "the answers together are too large");
	*last = kept;
	return kept;
}

/* For elements that are absent or empty when there is nothing to say. */
static const char *keep_or_null(struct parse *p)
{
	return p->text_len ? keep(p) : NULL;
}

static void keep_address(struct parse *p)
{
	const char *const *known = p->b->addresses.items;

	if (p->text_len == 0)
		return;
	for (size_t i = 0; i < p->b->addresses.n; i++)
		if (strcmp(known[i], p->text) == 0)
			return;
	const char *address = keep(p);

	if (address)
		add(p, &p->b->addresses, &address, sizeof(address));
}

bool ec2_state_from_code(const char *text, enum instance_state *ret)
{
	char *end;
	long code = strtol(text, &end, 10);

	if (end == text || *end || code < 0 || code > 65535)
		return false;
	*ret = (enum instance_state)(code & 0xff);
	return true;
}

/* Cut where it does not fit: these texts are shown or compared, never parsed. */
static void copy_text(const struct parse *p, char *out, size_t size)
{
	size_t len = p->text_len < size - 1 ? p->text_len : size - 1;

	memcpy(out, p->text, len);
	out[len] = '\0';
}

/* Addresses, tags and reasons: what an instance has several of, or what may be absent. */
static void on_part_text(struct parse *p)
{
	switch (p->at) {
	case EL_REASON_CODE:
		p->instance.state_reason_code = keep_or_null(p);
		break;
	case EL_REASON_MESSAGE:
		p->instance.state_reason_message = keep_or_null(p);
		break;
	case EL_PRIVATE_ADDRESS:
	case EL_INTERFACE_ADDRESS:
	case EL_ADDRESS_ADDRESS:
		keep_address(p);
		break;
	case EL_TAG_KEY:
		p->tag.key = keep(p);
		break;
	case EL_TAG_VALUE:
		p->tag.value = keep(p);
		break;
	case EL_ASSOCIATION_ADDRESS:
	case EL_ADDRESS_PUBLIC:
		p->association.address = keep_or_null(p);
		break;
	case EL_ASSOCIATION_OWNER:
	case EL_ADDRESS_OWNER:
		/* "amazon" owns the addresses that come and go with the instance; an account owns an Elastic IP. */
		p->association.elastic = p->text_len && strcmp(p->text, "amazon") != 0;
		break;
	default:
		break;
	}
}

static void on_instance_text(struct parse *p)
{
	struct ec2_instance *i = &p->instance;

	switch (p->at) {
	case EL_INSTANCE_ID:
		i->id = keep_or_null(p);
		break;
	case EL_INSTANCE_TYPE:
		i->type = keep(p);
		break;
	case EL_LAUNCH_TIME:
		if (p->text_len && time_parse(p->text, &i->launch_time))
			stop(p, "a launch time is not a time");
		break;
	case EL_STATE_CODE:
		/* The name decides where both are there: names are the stable thing. */
		if (!p->state_known)
			p->state_known = ec2_state_from_code(p->text, &i->state);
		break;
	case EL_STATE_NAME:
		if (instance_state_from_text(p->text, &i->state) == 0)
			p->state_known = true;
		break;
	case EL_ZONE:
		i->zone = keep(p);
		break;
	case EL_TENANCY:
		i->tenancy = keep(p);
		break;
	case EL_PUBLIC_ADDRESS:
		i->public_address = keep_or_null(p);
		break;
	default:
		on_part_text(p);
	}
}

static void on_error_text(struct parse *p)
{
	struct ec2_answer *a = p->answer;

	switch (p->at) {
	case EL_ERRORS_CODE:
	case EL_STS_CODE:
	case EL_STS_ERRORS_CODE:
		if (!p->has_error)
			copy_text(p, a->code, sizeof(a->code));
		break;
	case EL_ERRORS_MESSAGE:
	case EL_STS_MESSAGE:
	case EL_STS_ERRORS_MESSAGE:
		if (!p->has_error)
			copy_text(p, a->message, sizeof(a->message));
		break;
	default:
		break;
	}
}

static void change_code(const struct parse *p, enum instance_state *state)
{
	if ((int)*state < 0)
		(void)ec2_state_from_code(p->text, state);
}

static void change_name(const struct parse *p, enum instance_state *state)
{
	(void)instance_state_from_text(p->text, state);
}

static void on_change_text(struct parse *p)
{
	switch (p->at) {
	case EL_START_ID:
	case EL_STOP_ID:
		copy_text(p, p->change_id, sizeof(p->change_id));
		break;
	case EL_START_CURRENT_CODE:
	case EL_STOP_CURRENT_CODE:
		change_code(p, &p->change_current);
		break;
	case EL_START_CURRENT_NAME:
	case EL_STOP_CURRENT_NAME:
		change_name(p, &p->change_current);
		break;
	case EL_START_PREVIOUS_CODE:
	case EL_STOP_PREVIOUS_CODE:
		change_code(p, &p->change_previous);
		break;
	case EL_START_PREVIOUS_NAME:
	case EL_STOP_PREVIOUS_NAME:
		change_name(p, &p->change_previous);
		break;
	default:
		break;
	}
}

static void on_head_text(struct parse *p)
{
	struct ec2_answer *a = p->answer;

	if (p->at == EL_NEXT_TOKEN)
		copy_text(p, a->next_token, sizeof(a->next_token));
	else
		copy_text(p, a->request_id, sizeof(a->request_id));
}

/* Half a key would be a wrong one. */
static void take_key(struct parse *p, char *out, size_t size)
{
	if (p->text_len >= size)
		stop(p, "a key is too long");
	else
		memcpy(out, p->text, p->text_len + 1);
}

static void on_keys_text(struct parse *p)
{
	struct aws_keys *k = p->keys;

	switch (p->at) {
	case EL_ASSUME_ACCESS:
	case EL_WEB_ACCESS:
		take_key(p, k->access_key, sizeof(k->access_key));
		break;
	case EL_ASSUME_SECRET:
	case EL_WEB_SECRET:
		take_key(p, k->secret_key, sizeof(k->secret_key));
		break;
	case EL_ASSUME_TOKEN:
	case EL_WEB_TOKEN:
		take_key(p, k->session_token, sizeof(k->session_token));
		break;
	case EL_ASSUME_UNTIL:
	case EL_WEB_UNTIL:
		if (time_parse(p->text, &k->expires_at))
			stop(p, "the keys' end is not a time");
		break;
	default:
		break;
	}
}

static bool blank(char c)
{
	return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

/* A tag is kept as it is; anywhere else blanks at the ends are layout. */
static void finish_text(struct parse *p)
{
	size_t blanks = 0;

	p->text[p->text_len] = '\0';
	if (p->at == EL_TAG_KEY || p->at == EL_TAG_VALUE)
		return;
	while (p->text_len && blank(p->text[p->text_len - 1]))
		p->text[--p->text_len] = '\0';
	while (blank(p->text[blanks]))
		blanks++;
	p->text_len -= blanks;
	if (blanks)
		memmove(p->text, p->text + blanks, p->text_len + 1);
}

/* Which part of the tree an element with text belongs to. */
static void on_text_end(struct parse *p)
{
	finish_text(p);
	switch (p->at) {
	case EL_NEXT_TOKEN:
	case EL_DESCRIBE_REQUEST_ID:
	case EL_START_REQUEST_ID:
	case EL_STOP_REQUEST_ID:
	case EL_ERROR_REQUEST_ID:
	case EL_ERROR_REQUEST_ID2:
	case EL_STS_REQUEST_ID:
	case EL_STS_REQUEST_ID2:
		on_head_text(p);
		return;
	default:
		break;
	}
	if (p->at >= EL_INSTANCE_ID)
		on_instance_text(p);
	else if (p->answer->kind == EC2_ANSWER_ERROR)
		on_error_text(p);
	else if (p->answer->kind == EC2_ANSWER_CHANGES)
		on_change_text(p);
	else if (p->keys)
		on_keys_text(p);
}

/* --- begin and end of groups ------------------------------------------------------------------------------------- */

static void instance_begin(struct parse *p)
{
	p->instance = (struct ec2_instance){.region = p->b->report->region};
	p->state_known = false;
	p->b->tags.n = 0;
	p->b->addresses.n = 0;
	p->b->associations.n = 0;
}

static void *copy_list(struct parse *p, const struct list *l, size_t size)
{
	void *copy = arena_array(p->b->report->arena, l->n, size);

	if (!copy)
		stop(p, "the answers together are too large");
	else if (l->n)
		memcpy(copy, l->items, l->n * size);
	return copy;
}

/* The Elastic IP may belong to any interface; only the one behind the public address counts. */
static void settle_public_address(struct parse *p)
{
	const struct association *a = p->b->associations.items;

	for (size_t i = 0; i < p->b->associations.n; i++) {
		if (!p->instance.public_address)
			p->instance.public_address = a[i].address;
		if (strcmp(p->instance.public_address, a[i].address) == 0)
			p->instance.elastic |= a[i].elastic;
	}
}

static void instance_end(struct parse *p)
{
	struct ec2_instance *i = &p->instance;

	if (!i->id || !p->state_known) {
		stop(p, i->id ? "an instance without a state" : "an instance without an id");
		return;
	}
	if (!i->type)
		i->type = "";
	if (!i->zone)
		i->zone = "";
	if (!i->tenancy)
		i->tenancy = "default";
	settle_public_address(p);
	i->n_tags = p->b->tags.n;
	i->tags = copy_list(p, &p->b->tags, sizeof(struct instance_tag));
	i->n_addresses = p->b->addresses.n;
	i->addresses = copy_list(p, &p->b->addresses, sizeof(const char *));
	add(p, &p->b->instances, i, sizeof(*i));
}

static void tag_end(struct parse *p)
{
	if (!p->tag.key)
		return;
	if (!p->tag.value)
		p->tag.value = "";
	if (strcmp(p->tag.key, TAG_NAME) == 0)
		p->instance.tag_value = p->tag.value;
	add(p, &p->b->tags, &p->tag, sizeof(p->tag));
}

static void change_begin(struct parse *p)
{
	p->change_id[0] = '\0';
	p->change_previous = (enum instance_state) - 1;
	p->change_current = (enum instance_state) - 1;
}

static void change_end(struct parse *p)
{
	struct ec2_answer *a = p->answer;

	if ((int)p->change_previous < 0 || (int)p->change_current < 0 || !p->change_id[0] || a->changed_id[0])
		return;
	if (p->wanted_id && strcmp(p->wanted_id, p->change_id) != 0)
		return;
	memcpy(a->changed_id, p->change_id, sizeof(a->changed_id));
	a->previous = p->change_previous;
	a->current = p->change_current;
}

static void on_group_begin(struct parse *p)
{
	switch (p->at) {
	case EL_DESCRIBE:
		p->answer->kind = EC2_ANSWER_INSTANCES;
		break;
	case EL_START:
	case EL_STOP:
		p->answer->kind = EC2_ANSWER_CHANGES;
		break;
	case EL_ERROR:
	case EL_ERROR_STS:
		p->answer->kind = EC2_ANSWER_ERROR;
		break;
	case EL_ASSUME:
	case EL_WEB:
		p->answer->kind = EC2_ANSWER_KEYS;
		break;
	case EL_INSTANCE:
		instance_begin(p);
		break;
	case EL_START_ITEM:
	case EL_STOP_ITEM:
		change_begin(p);
		break;
	case EL_TAG:
		p->tag = (struct instance_tag){0};
		break;
	case EL_ASSOCIATION:
	case EL_ADDRESS_ASSOCIATION:
		p->association = (struct association){0};
		break;
	default:
		break;
	}
}

static void on_group_end(struct parse *p)
{
	switch (p->at) {
	case EL_INSTANCE:
		instance_end(p);
		break;
	case EL_START_ITEM:
	case EL_STOP_ITEM:
		change_end(p);
		break;
	case EL_TAG:
		tag_end(p);
		break;
	case EL_ASSOCIATION:
	case EL_ADDRESS_ASSOCIATION:
		if (p->association.address)
			add(p, &p->b->associations, &p->association, sizeof(p->association));
		break;
	case EL_ERRORS_ERROR:
	case EL_STS_ERROR:
	case EL_STS_ERRORS_ERROR:
		p->has_error = true;
		break;
	default:
		break;
	}
}

/* --- expat's handlers -------------------------------------------------------------------------------------------- */

static void XMLCALL on_text(void *self, const XML_Char *text, int len)
{
	struct parse *p = self;

	if (p->depth != p->at_depth || p->failed)
		return; /* inside an unknown child */
	size_t room = LIMIT_EC2_TEXT_BYTES - p->text_len;

	if ((size_t)len > room && p->answer->kind != EC2_ANSWER_ERROR) {
		stop(p, "an element's text is too long");
		return;
	}
	if ((size_t)len > room)
		len = (int)room; /* an encoded refusal can be long: its beginning says enough */
	memcpy(p->text + p->text_len, text, (size_t)len);
	p->text_len += (size_t)len;
}

/* The known child of that name, or EL_DOCUMENT. */
static enum element child_named(const struct children *c, const char *name)
{
	if (!(c->letters & 1u << (name[0] & 31)))
		return EL_DOCUMENT;
	for (size_t id = c->first; id < (size_t)c->first + c->n; id++)
		if (rows[id].name[0] == name[0] && rows[id].name[1] == name[1] &&
		    strcmp(rows[id].name, name) == 0)
			return (enum element)id;
	return EL_DOCUMENT;
}

static void XMLCALL on_start(void *self, const XML_Char *name, const XML_Char **attributes)
{
	struct parse *p = self;
	enum element child;

	(void)attributes;
	if (p->failed)
		return;
	if (++p->depth > LIMIT_EC2_DEPTH) {
		stop(p, "elements are nested too deep");
		return;
	}
	if (p->depth - 1 != p->at_depth)
		return;
	child = child_named(&p->b->children[p->at], name);
	if (child == EL_DOCUMENT)
		return;
	p->at = child;
	p->at_depth = p->depth;
	if (!rows[child].text) {
		on_group_begin(p);
		return;
	}
	p->text_len = 0;
	XML_SetCharacterDataHandler(p->expat, on_text);
}

static void XMLCALL on_end(void *self, const XML_Char *name)
{
	struct parse *p = self;

	(void)name;
	if (p->failed || p->depth-- != p->at_depth)
		return;
	if (rows[p->at].text) {
		XML_SetCharacterDataHandler(p->expat, NULL);
		on_text_end(p);
	} else {
		on_group_end(p);
	}
	p->at = rows[p->at].parent;
	p->at_depth--;
}

static void XMLCALL on_doctype(void *self, const XML_Char *name, const XML_Char *system_id,
			       const XML_Char *public_id, int has_internal_subset)
{
	(void)name;
	(void)system_id;
	(void)public_id;
	(void)has_internal_subset;
	stop(self, "a DOCTYPE, which EC2 never sends");
}

/* --- one answer -------------------------------------------------------------------------------------------------- */

static void feed(struct parse *p, const char *data, size_t len)
{
	size_t done = 0;

	do {
		size_t piece = len - done > PIECE_BYTES ? PIECE_BYTES : len - done;
		bool final = done + piece == len;

		if (XML_Parse(p->expat, data + done, (int)piece, final) != XML_STATUS_OK) {
			char why[160];

			(void)snprintf(why, sizeof(why), "not well-formed in line %lu: %s",
				       (unsigned long)XML_GetCurrentLineNumber(p->expat),
				       XML_ErrorString(XML_GetErrorCode(p->expat)));
			if (!p->failed)
				stop(p, why);
			return;
		}
		done += piece;
	} while (done < len);
}

/* *ret is filled on true. */
static bool parse_with(struct parse *p, const char *data, size_t len, struct ec2_answer *ret)
{
	struct ec2_answer answer = {.kind = EC2_ANSWER_UNKNOWN};

	/* The encoding is AWS's, whatever the document claims. */
	p->answer = &answer;
	p->expat = p->b ? XML_ParserCreate("UTF-8") : NULL;
	if (!p->expat) {
		(void)snprintf(p->why, p->why_size, "out of memory");
		return false;
	}
	size_t before = ec2_builder_count(p->b);

	XML_SetUserData(p->expat, p);
	XML_SetElementHandler(p->expat, on_start, on_end);
	XML_SetStartDoctypeDeclHandler(p->expat, on_doctype);
	feed(p, data, len);
	XML_ParserFree(p->expat);
	if (p->failed) {
		ec2_builder_rewind(p->b, before);
		return false;
	}
	*ret = answer;
	return true;
}

bool ec2_parse(const char *data, size_t len, struct ec2_builder *into, const char *instance_id,
	       struct ec2_answer *ret, char *why, size_t why_size)
{
	_cleanup_(ec2_builder_freep) struct ec2_builder *dropped = into ? NULL : ec2_builder_new("");
	struct parse p = {
		.b = into ? into : dropped,
		.wanted_id = instance_id,
		.why = why,
		.why_size = why_size,
	};

	return parse_with(&p, data, len, ret);
}

bool sts_parse(const char *data, size_t len, struct aws_keys *ret_keys, struct ec2_answer *ret, char *why,
	       size_t why_size)
{
	_cleanup_(ec2_builder_freep) struct ec2_builder *unused = ec2_builder_new("");
	struct aws_keys keys = {0};
	struct ec2_answer answer;
	struct parse p = {.b = unused, .keys = &keys, .why = why, .why_size = why_size};
	bool good = parse_with(&p, data, len, &answer);
	bool whole = keys.access_key[0] && keys.secret_key[0] && keys.session_token[0] &&
		     aws_token_valid(keys.session_token) && keys.expires_at > 0;

	if (good && answer.kind == EC2_ANSWER_KEYS && !whole) {
		(void)snprintf(why, why_size, "not a whole set of keys");
		good = false;
	}
	if (good && answer.kind == EC2_ANSWER_KEYS)
		*ret_keys = keys;
	if (good)
		*ret = answer;
	explicit_bzero(&keys, sizeof(keys));
	explicit_bzero(p.text, sizeof(p.text));
	return good;
}
