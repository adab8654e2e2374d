/*
 * EC2's Query API over the model: DescribeInstances with filters and pages, StartInstances, StopInstances, and the front of all actions:
 * signature, policy, buckets, faults, DryRun, errors in EC2's envelope (docs/upstream.md, "Answers" and "Errors"). Elements come without white space, as EC2 has sent them since 2025.
 */
#include "tests/world/http_ec2.h"

#define XMLNS "http://ec2.amazonaws.com/doc/2016-11-15/"

/* --- XML --- */

static void put_escaped(struct buf *b, const char *text)
{
	for (; *text; text++) {
		if (*text == '<')
			buf_puts(b, "&lt;");
		else if (*text == '>')
			buf_puts(b, "&gt;");
		else if (*text == '&')
			buf_puts(b, "&amp;");
		else
			buf_append(b, text, 1);
	}
}

void ec2_element(struct buf *b, const char *name, const char *text)
{
	if (!text)
		return;
	buf_printf(b, "<%s>", name);
	put_escaped(b, text);
	buf_printf(b, "</%s>", name);
}

void ec2_refuse(struct ec2_call *c, struct verdict v)
{
	struct buf *b = &c->reply->body;

	c->reply->status = v.status;
	buf_reset(b);
	buf_puts(b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error>");
	ec2_element(b, "Code", v.code);
	ec2_element(b, "Message", v.message);
	buf_puts(b, "</Error></Errors>");
	ec2_element(b, "RequestID", c->reply->request_id);
	buf_puts(b, "</Response>");
}

void ec2_bad(struct ec2_call *c, const char *code, const char *message)
{
	ec2_refuse(c, (struct verdict){code, 400, message});
}

void ec2_number(struct buf *b, const char *name, long long number)
{
	buf_printf(b, "<%s>%lld</%s>", name, number, name);
}

void ec2_put_tags(struct buf *b, const struct instance_tag *tags, size_t n)
{
	buf_puts(b, n ? "<tagSet>" : "<tagSet/>");
	for (size_t t = 0; t < n; t++) {
		buf_puts(b, "<item>");
		ec2_element(b, "key", tags[t].key);
		ec2_element(b, "value", tags[t].value);
		buf_puts(b, "</item>");
	}
	if (n)
		buf_puts(b, "</tagSet>");
}

void ec2_open_answer(struct ec2_call *c)
{
	buf_printf(&c->reply->body,
		   "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<%sResponse xmlns=\"" XMLNS "\">", c->action);
	ec2_element(&c->reply->body, "requestId", c->reply->request_id);
}

void ec2_close_answer(struct ec2_call *c)
{
	buf_printf(&c->reply->body, "</%sResponse>", c->action);
}

void ec2_done(struct ec2_call *c)
{
	ec2_open_answer(c);
	ec2_element(&c->reply->body, "return", "true");
	ec2_close_answer(c);
}

bool ec2_dry(struct ec2_call *c)
{
	if (c->dry_run)
		ec2_refuse(c, (struct verdict){"DryRunOperation", 412,
					       "Request would have succeeded, but DryRun flag is set."});
	return c->dry_run;
}

void ec2_put_state(struct buf *b, const char *name, enum instance_state state)
{
	buf_printf(b, "<%s><code>%d</code><name>%s</name></%s>", name, (int)state, instance_state_text(state),
		   name);
}

/* --- parameters and filters --- */

bool ec2_matches(const char *pattern, const char *text)
{
	if (!*pattern)
		return !*text;
	if (*pattern == '*')
		return ec2_matches(pattern + 1, text) || (*text && ec2_matches(pattern, text + 1));
	if (!*text)
		return false;
	if (*pattern == '?')
		return ec2_matches(pattern + 1, text + 1);
	if (*pattern == '\\' && pattern[1])
		pattern++;
	return *pattern == *text && ec2_matches(pattern + 1, text + 1);
}

bool ec2_tags_match(const char *name, const char *value, const struct instance_tag *tags, size_t n)
{
	for (size_t t = 0; t < n; t++)
		if ((!strcmp(name, "tag-key") && ec2_matches(value, tags[t].key)) ||
		    (!strncmp(name, "tag:", 4) && !strcmp(name + 4, tags[t].key) &&
		     ec2_matches(value, tags[t].value)))
			return true;
	return false;
}

const char *ec2_numbered(const struct ec2_call *c, const char *format, int n, int m)
{
	char name[128];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	(void)snprintf(name, sizeof(name), format, n, m);
#pragma GCC diagnostic pop
	return form_get(&c->form, name);
}

const char *ec2_needed(struct ec2_call *c, const char *name)
{
	const char *value = form_get(&c->form, name);
	char message[160];

	if (value && *value)
		return value;
	(void)snprintf(message, sizeof(message), "The request must contain the parameter %s", name);
	ec2_bad(c, "MissingParameter", message);
	return NULL;
}

bool ec2_is_listed(const struct ec2_call *c, const char *name, const char *value)
{
	char format[64];
	const char *listed;

	(void)snprintf(format, sizeof(format), "%s.%%d", name);
	if (!ec2_numbered(c, format, 1, 0))
		return true;
	for (int n = 1; (listed = ec2_numbered(c, format, n, 0)); n++)
		if (!strcmp(listed, value))
			return true;
	return false;
}

bool ec2_passes(const struct ec2_call *c, ec2_matcher *match, const void *row)
{
	const char *name;

	for (int n = 1; (name = ec2_numbered(c, "Filter.%d.Name", n, 0)); n++) {
		const char *value;
		bool hit = false;

		for (int m = 1; !hit && (value = ec2_numbered(c, "Filter.%d.Value.%d", n, m)); m++)
			hit = match(name, value, row);
		if (!hit)
			return false;
	}
	return true;
}

static bool is_filter(const char *name, const char *const *known, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(name, known[i]))
			return true;
	return !strcmp(name, "tag-key") || (!strncmp(name, "tag:", 4) && name[4]);
}

bool ec2_filters_good(struct ec2_call *c, const char *const *known, size_t n_known)
{
	const char *name;

	for (int n = 1; (name = ec2_numbered(c, "Filter.%d.Name", n, 0)); n++) {
		if (!is_filter(name, known, n_known)) {
			ec2_bad(c, "InvalidParameterValue", "The filter is invalid");
			return false;
		}
		if (n > 50 || ec2_numbered(c, "Filter.%d.Value.%d", n, 201)) {
			ec2_bad(c, "FilterLimitExceeded", "Too many filters or filter values");
			return false;
		}
	}
	return true;
}

/* --- DescribeInstances --- */

/* An instance as seen at one moment, and what never changes of it. */
struct shown {
	struct ec2_instance row;
	const struct vm *vm;
};

static const char *const instance_filters[] = {
	"instance-id",        "instance-state-name",
	"private-ip-address", "network-interface.addresses.private-ip-address",
	"client-token",       "image-id",
	"subnet-id",          "instance-type",
	"ip-address"};

static bool instance_matches(const char *name, const char *value, const void *row)
{
	const struct shown *s = row;
	const struct ec2_instance *i = &s->row;
	const struct {
		const char *name, *text;
	} texts[] = {{"instance-id", i->id},
		     {"instance-state-name", instance_state_text(i->state)},
		     {"private-ip-address", i->n_addresses ? i->addresses[0] : NULL},
		     {"client-token", s->vm->client_token},
		     {"image-id", s->vm->image ? s->vm->image : WORLD_IMAGE},
		     {"subnet-id", s->vm->subnet ? s->vm->subnet->id : WORLD_SUBNET},
		     {"instance-type", i->type},
		     {"ip-address", i->public_address}};

	for (size_t k = 0; k < ARRAY_LEN(texts); k++)
		if (!strcmp(name, texts[k].name))
			return texts[k].text && ec2_matches(value, texts[k].text);
	if (!strcmp(name, "network-interface.addresses.private-ip-address"))
		for (size_t a = 0; a < i->n_addresses; a++)
			if (ec2_matches(value, i->addresses[a]))
				return true;
	return ec2_tags_match(name, value, i->tags, i->n_tags);
}

static void put_interface(struct buf *b, const struct ec2_instance *i, size_t n)
{
	const char *public_address = n == 0 ? i->public_address : NULL;

	buf_printf(b, "<item><networkInterfaceId>eni-%s%zu</networkInterfaceId><status>in-use</status>",
		   i->id + 2, n);
	ec2_element(b, "privateIpAddress", i->addresses[n]);
	buf_printf(b, "<attachment><deviceIndex>%zu</deviceIndex><status>attached</status></attachment>", n);
	if (public_address) {
		buf_puts(b, "<association>");
		ec2_element(b, "publicIp", public_address);
		ec2_element(b, "ipOwnerId", i->elastic ? "111122223333" : "amazon");
		buf_puts(b, "</association>");
	}
	buf_puts(b, "<privateIpAddressesSet><item>");
	ec2_element(b, "privateIpAddress", i->addresses[n]);
	buf_puts(b, "<primary>true</primary></item></privateIpAddressesSet></item>");
}

/* launchTime has whole seconds; a compressed world needs its milliseconds. */
static void put_time(const struct ec2_call *c, const char *name, int64_t ms)
{
	char text[TIME_TEXT_SIZE];

	if (c->world->options.scale <= 1)
		ms -= ms % 1000;
	ec2_element(&c->reply->body, name, time_rfc3339(ms, text));
}

static void put_placement(struct buf *b, const struct ec2_instance *i)
{
	buf_puts(b, "<placement>");
	ec2_element(b, "availabilityZone", i->zone);
	buf_puts(b, "<groupName/>");
	ec2_element(b, "tenancy", i->tenancy);
	buf_puts(b, "</placement><monitoring><state>disabled</state></monitoring>");
}

static void put_sets(struct buf *b, const struct ec2_instance *i)
{
	if (i->state_reason_code) {
		buf_puts(b, "<stateReason>");
		ec2_element(b, "code", i->state_reason_code);
		ec2_element(b, "message", i->state_reason_message);
		buf_puts(b, "</stateReason>");
	}
	ec2_put_tags(b, i->tags, i->n_tags);
	buf_puts(b, "<networkInterfaceSet>");
	for (size_t n = 0; n < i->n_addresses; n++)
		put_interface(b, i, n);
	buf_puts(b, "</networkInterfaceSet>");
}

void ec2_put_instance(const struct ec2_call *c, const struct ec2_instance *i, const struct vm *v)
{
	struct buf *b = &c->reply->body;

	buf_puts(b, "<item>");
	ec2_element(b, "instanceId", i->id);
	ec2_element(b, "imageId", v->image ? v->image : WORLD_IMAGE);
	ec2_put_state(b, "instanceState", i->state);
	ec2_element(b, "dnsName", i->public_address ? "ec2.example.net" : "");
	buf_puts(b, "<reason/>");
	ec2_element(b, "instanceType", v->row.type);
	put_time(c, "launchTime", i->launch_time);
	put_placement(b, i);
	if (i->n_addresses) {
		ec2_element(b, "privateIpAddress", i->addresses[0]);
		ec2_element(b, "ipAddress", i->public_address);
		ec2_put_place(c, i, v);
	}
	put_sets(b, i);
	ec2_element(b, "clientToken", v->client_token);
	buf_puts(b, v->no_ena ? "</item>" : "<enaSupport>true</enaSupport></item>");
}

/* A reservation holds two neighbours of a region: a page counts reservations, not instances. */
static void put_reservation(const struct ec2_call *c, const struct shown *s, size_t n, size_t number)
{
	struct buf *b = &c->reply->body;

	buf_printf(b,
		   "<item><reservationId>r-%017zu</reservationId><ownerId>111122223333</ownerId><groupSet/"
		   "><instancesSet>",
		   number);
	for (size_t k = 0; k < n; k++)
		ec2_put_instance(c, &s[k].row, s[k].vm);
	buf_puts(b, "</instancesSet></item>");
}

/* What is asked for, as seen now. */
static struct shown *collect(struct ec2_call *c, size_t *ret_n)
{
	struct world *w = c->world;
	struct shown *found = calloc(w->n_instances + 1, sizeof(*found));
	int64_t as_of = ec2_as_of(w);
	struct shown *next = found;

	if (!found)
		abort();
	for (size_t i = 0; i < w->n_instances; i++) {
		next->vm = &w->instances[i];
		if (next->vm->region == c->region && vm_show(w, (int32_t)i, as_of, &next->row) &&
		    ec2_is_listed(c, "InstanceId", next->row.id) && ec2_passes(c, instance_matches, next))
			next++;
	}
	*ret_n = (size_t)(next - found);
	return found;
}

/* Reservations in a page; 0 and a refusal where MaxResults or the token is wrong. */
static size_t page_size(struct ec2_call *c, size_t *ret_first)
{
	const char *most = form_get(&c->form, "MaxResults");
	const char *token = form_get(&c->form, "NextToken");
	long size = most ? strtol(most, NULL, 10) : 1000;
	size_t forced = (size_t)c->request->server->ec2_page;

	*ret_first = 0;
	if (most && form_get(&c->form, "InstanceId.1")) {
		ec2_bad(c, "InvalidParameterCombination", "MaxResults cannot be combined with instance IDs");
		return 0;
	}
	if (size < 5 || size > 1000) {
		ec2_bad(c, "InvalidParameterValue", "MaxResults must be between 5 and 1000");
		return 0;
	}
	if (token && *token && sscanf(token, "page-%zu", ret_first) != 1) {
		ec2_bad(c, "InvalidNextToken", "The token is invalid");
		return 0;
	}
	if (fault_on(c->world, WORLD_EC2_PARTIAL))
		return 1;
	return forced && forced < (size_t)size ? forced : (size_t)size;
}

static bool named_exist(struct ec2_call *c)
{
	const char *id;

	for (int n = 1; (id = ec2_numbered(c, "InstanceId.%d", n, 0)); n++) {
		if (vm_find(c->world, c->region, id) < 0) {
			ec2_bad(c, "InvalidInstanceID.NotFound", "The instance ID does not exist");
			return false;
		}
	}
	return true;
}

static void describe_page(struct ec2_call *c, size_t first, size_t size)
{
	size_t n, pairs, last;
	struct shown *found = collect(c, &n);

	pairs = (n + 1) / 2;
	last = first + size < pairs ? first + size : pairs;
	ec2_open_answer(c);
	buf_puts(&c->reply->body, first < last ? "<reservationSet>" : "<reservationSet/>");
	for (size_t pair = first; pair < last; pair++)
		put_reservation(c, &found[2 * pair], 2 * pair + 1 < n ? 2 : 1, pair);
	if (first < last)
		buf_puts(&c->reply->body, "</reservationSet>");
	if (last < pairs)
		buf_printf(&c->reply->body, "<nextToken>page-%zu</nextToken>", last);
	ec2_close_answer(c);
	free(found);
}

static void describe_instances(struct ec2_call *c)
{
	size_t first, size;

	if (!ec2_filters_good(c, instance_filters, ARRAY_LEN(instance_filters)) || !named_exist(c))
		return;
	size = page_size(c, &first);
	if (!size)
		return;
	if (first && fault_on(c->world, WORLD_EC2_PARTIAL)) {
		reply_html(c->reply, 503);
		return;
	}
	describe_page(c, first, size);
}

/* --- StartInstances, StopInstances --- */

/* Whether the policy of the keys does without the tag of bursting: of what a life-cycle operation made, for instance. */
static bool may_untagged(const struct ec2_call *c, int32_t instance)
{
	return c->scope == SCOPE_LIFECYCLE ||
	       (c->scope == SCOPE_TAGGED && vm_tag(&c->world->instances[instance], "burstd-operation"));
}

static bool change_good(struct ec2_call *c, enum world_deed how)
{
	struct verdict v = {0};
	const char *id;

	for (int n = 1; !v.code && (id = ec2_numbered(c, "InstanceId.%d", n, 0)); n++) {
		int32_t i = vm_find(c->world, c->region, id);

		v = c->dry_run ? ec2_may(c->world, i, may_untagged(c, i))
			       : ec2_check(c->world, i, how, may_untagged(c, i));
	}
	if (v.code)
		ec2_refuse(c, v);
	return !v.code && !ec2_dry(c);
}

/* One bad id, or one that may not be changed, fails the whole call. */
static void change_instances(struct ec2_call *c, enum world_deed how)
{
	struct buf *b = &c->reply->body;
	const char *id;

	if (!form_get(&c->form, "InstanceId.1")) {
		ec2_bad(c, "MissingParameter", "The request must contain the parameter InstanceId");
		return;
	}
	if (!named_exist(c) || !change_good(c, how))
		return;
	ec2_open_answer(c);
	buf_puts(b, "<instancesSet>");
	for (int n = 1; (id = ec2_numbered(c, "InstanceId.%d", n, 0)); n++) {
		struct ec2_state_change s = ec2_apply(c->world, vm_find(c->world, c->region, id), how, false);

		buf_puts(b, "<item>");
		ec2_element(b, "instanceId", id);
		ec2_put_state(b, "currentState", s.current);
		ec2_put_state(b, "previousState", s.previous);
		buf_puts(b, "</item>");
	}
	buf_puts(b, "</instancesSet>");
	ec2_close_answer(c);
	if (fault_on(c->world, WORLD_EC2_LOST))
		c->world->ledger[c->world->n_ledger - 1].code = "lost";
}

static void start_instances(struct ec2_call *c)
{
	change_instances(c, WORLD_START);
}

static void stop_instances(struct ec2_call *c)
{
	change_instances(c, WORLD_STOP);
}

int32_t ec2_instance(struct ec2_call *c, const char *parameter)
{
	const char *id = ec2_needed(c, parameter);
	int32_t i = id ? vm_find(c->world, c->region, id) : -1;
	struct verdict v;

	if (id && i < 0)
		ec2_bad(c, "InvalidInstanceID.NotFound", "The instance ID does not exist");
	if (i < 0)
		return -1;
	v = ec2_may(c->world, i, true);
	if (v.code)
		ec2_refuse(c, v);
	return v.code ? -1 : i;
}

/* --- the front --- */

enum throttle { NO_BUCKET, DESCRIBE_CALLS, START_CALLS, CHANGE_CALLS };

static const struct {
	const char *name;
	void (*serve)(struct ec2_call *);
	enum throttle throttle;
} actions[] = {
	{"DescribeInstances", describe_instances, DESCRIBE_CALLS},
	{"StartInstances", start_instances, START_CALLS},
	{"StopInstances", stop_instances, CHANGE_CALLS},
	{"DescribeSecurityGroups", ec2_serve_describe_groups, NO_BUCKET},
	{"DescribeSubnets", ec2_serve_describe_subnets, NO_BUCKET},
	{"DescribeNetworkAcls", ec2_serve_describe_acls, NO_BUCKET},
	{"DescribeImages", ec2_serve_describe_images, DESCRIBE_CALLS},
	{"DescribeKeyPairs", ec2_serve_describe_key_pairs, DESCRIBE_CALLS},
	{"DescribeInstanceTypeOfferings", ec2_serve_describe_offerings, DESCRIBE_CALLS},
	{"DescribeAddresses", ec2_serve_describe_addresses, DESCRIBE_CALLS},
	{"RunInstances", ec2_serve_run_instances, START_CALLS},
	{"TerminateInstances", ec2_serve_terminate_instances, CHANGE_CALLS},
	{"ModifyInstanceAttribute", ec2_serve_modify_instance, CHANGE_CALLS},
	{"CreateTags", ec2_serve_create_tags, CHANGE_CALLS},
	{"DeleteTags", ec2_serve_delete_tags, CHANGE_CALLS},
	{"AllocateAddress", ec2_serve_allocate_address, CHANGE_CALLS},
	{"AssociateAddress", ec2_serve_associate_address, CHANGE_CALLS},
	{"DisassociateAddress", ec2_serve_disassociate_address, CHANGE_CALLS},
	{"ReleaseAddress", ec2_serve_release_address, CHANGE_CALLS},
	{"CreateSecurityGroup", ec2_serve_create_group, CHANGE_CALLS},
	{"DeleteSecurityGroup", ec2_serve_delete_group, CHANGE_CALLS},
	{"AuthorizeSecurityGroupIngress", ec2_serve_authorize, CHANGE_CALLS},
	{"AuthorizeSecurityGroupEgress", ec2_serve_authorize, CHANGE_CALLS},
	{"RevokeSecurityGroupIngress", ec2_serve_revoke, CHANGE_CALLS},
	{"RevokeSecurityGroupEgress", ec2_serve_revoke, CHANGE_CALLS},
};

static struct verdict admit(struct ec2_call *c, enum throttle throttle)
{
	switch (throttle) {
	case NO_BUCKET:
		break;
	case DESCRIBE_CALLS:
		return ec2_admit_describe(c->world, c->region);
	case START_CALLS:
		return ec2_admit_change(c->world, c->region, WORLD_START);
	case CHANGE_CALLS:
		return ec2_admit_change(c->world, c->region, WORLD_STOP);
	}
	return (struct verdict){0};
}

static bool is_read(const char *action)
{
	return !strncmp(action, "Describe", strlen("Describe"));
}

/* What the policy of the keys says before any resource is looked at. */
static bool is_permitted(const struct ec2_call *c)
{
	if (!strcmp(c->world->network.unreadable, c->action))
		return false;
	return c->scope != SCOPE_BURSTING || is_read(c->action) || !strcmp(c->action, "StartInstances") ||
	       !strcmp(c->action, "StopInstances");
}

/* A good answer to a change gets lost. */
static void lose(struct ec2_call *c, const struct failing *f)
{
	bool changed = c->reply->status == 200 && !is_read(c->action);

	c->reply->drop |= changed && fault_on(c->world, WORLD_EC2_LOST);
	c->reply->drop |= f && f->how == FAIL_LOST;
}

static void serve_action(struct ec2_call *c, void (*serve)(struct ec2_call *), enum throttle throttle)
{
	const struct failing *f = c->dry_run ? NULL : failing_take(c->request, c->action);
	struct verdict v = admit(c, throttle);

	c->late = f && f->how == FAIL_LATE;
	if (v.code) {
		ec2_refuse(c, v);
	} else if (!is_permitted(c)) {
		ec2_refuse(c, (struct verdict){"UnauthorizedOperation", 403,
					       "You are not authorized to perform this operation."});
	} else if (is_read(c->action) && ec2_dry(c)) {
		return; /* a change looks at its parameters before */
	} else if (f && f->how == FAIL_ANSWER) {
		ec2_refuse(c, (struct verdict){f->code, f->status, "This is what the test wants."});
	} else if (f && f->how == FAIL_DROP) {
		c->reply->drop = true;
	} else {
		serve(c);
		lose(c, f);
	}
}

static void act(struct ec2_call *c)
{
	const char *version = form_get(&c->form, "Version");

	c->action = form_get(&c->form, "Action");
	c->dry_run = form_get(&c->form, "DryRun") && !strcmp(form_get(&c->form, "DryRun"), "true");
	if (!c->action) {
		ec2_bad(c, "MissingAction", "The request must contain the parameter Action");
		return;
	}
	if (!version || strcmp(version, "2016-11-15") != 0) {
		ec2_bad(c, "NoSuchVersion", "The requested version is not supported");
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(actions); i++) {
		if (strcmp(actions[i].name, c->action) != 0)
			continue;
		serve_action(c, actions[i].serve, actions[i].throttle);
		return;
	}
	ec2_bad(c, "InvalidAction", "The action is not valid for this web service");
}

void ec2_serve(struct request *r, struct reply *reply)
{
	struct ec2_call c = {.request = r, .reply = reply, .world = r->world};

	r->server->ec2_requests++;
	reply->type = "text/xml;charset=UTF-8";
	random_uuid(reply->request_id);
	if (fault_on(r->world, WORLD_EC2_DOWN)) {
		reply->drop = true;
		return;
	}
	if (strcmp(r->method, "POST") != 0 || strcmp(r->path, "/") != 0) {
		ec2_bad(&c, "MalformedQueryString", "This world takes POST / only");
		return;
	}

	int key = 0;
	struct verdict v = sigv4_verify(r, &c.region, &key);

	if (v.code) {
		r->server->ec2_unsigned++;
		ec2_refuse(&c, v);
		return;
	}
	c.scope = r->server->scopes[key];
	if (form_parse(&c.form, r->body.data, r->body.len))
		act(&c);
	else
		ec2_bad(&c, "MalformedQueryString", "The body is not a form");
	form_free(&c.form);
}
