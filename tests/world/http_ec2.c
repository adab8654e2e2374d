/*
 * EC2's Query API over the model: DescribeInstances with filters and pages, StartInstances, StopInstances, DryRun of both, the network (http_ec2_network.c),
 * errors in EC2's envelope (docs/upstream.md, "Answers" and "Errors"). Elements come without white space, as EC2 has sent them since 2025.
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

static void bad(struct ec2_call *c, const char *code, const char *message)
{
	ec2_refuse(c, (struct verdict){code, 400, message});
}

void ec2_open_answer(struct ec2_call *c, const char *action)
{
	buf_printf(&c->reply->body,
		   "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<%sResponse xmlns=\"" XMLNS "\">", action);
	ec2_element(&c->reply->body, "requestId", c->reply->request_id);
}

static void put_state(struct buf *b, const char *name, enum instance_state state)
{
	buf_printf(b, "<%s><code>%d</code><name>%s</name></%s>", name, (int)state, instance_state_text(state),
		   name);
}

/* --- DescribeInstances --- */

/* `*` and `?` as EC2 has them; a backslash takes the next character as it is. */
static bool matches(const char *pattern, const char *text)
{
	if (!*pattern)
		return !*text;
	if (*pattern == '*')
		return matches(pattern + 1, text) || (*text && matches(pattern, text + 1));
	if (!*text)
		return false;
	if (*pattern == '?')
		return matches(pattern + 1, text + 1);
	if (*pattern == '\\' && pattern[1])
		pattern++;
	return *pattern == *text && matches(pattern + 1, text + 1);
}

static bool filter_matches(const char *name, const char *value, const struct ec2_instance *i)
{
	bool hit = false;

	if (!strcmp(name, "instance-id"))
		return matches(value, i->id);
	if (!strcmp(name, "instance-state-name"))
		return matches(value, instance_state_text(i->state));
	if (!strcmp(name, "private-ip-address"))
		return matches(value, i->addresses[0]);
	if (!strcmp(name, "network-interface.addresses.private-ip-address"))
		for (size_t a = 0; a < i->n_addresses; a++)
			hit |= matches(value, i->addresses[a]);
	for (size_t t = 0; t < i->n_tags; t++)
		if (!strcmp(name, "tag-key"))
			hit |= matches(value, i->tags[t].key);
		else if (!strncmp(name, "tag:", 4) && !strcmp(name + 4, i->tags[t].key))
			hit |= matches(value, i->tags[t].value);
	return hit;
}

static bool is_filter(const char *name)
{
	static const char *const known[] = {"instance-id", "instance-state-name", "private-ip-address",
					    "tag-key", "network-interface.addresses.private-ip-address"};

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (!strcmp(name, known[i]))
			return true;
	return !strncmp(name, "tag:", 4) && name[4];
}

static const char *numbered(const struct ec2_call *c, const char *format, int n, int m)
{
	char name[64];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	(void)snprintf(name, sizeof(name), format, n, m);
#pragma GCC diagnostic pop
	return form_get(&c->form, name);
}

/* Filters AND, the values of one OR. */
static bool passes_filters(const struct ec2_call *c, const struct ec2_instance *i)
{
	const char *name;

	for (int n = 1; (name = numbered(c, "Filter.%d.Name", n, 0)); n++) {
		const char *value;
		bool hit = false;

		for (int m = 1; !hit && (value = numbered(c, "Filter.%d.Value.%d", n, m)); m++)
			hit = filter_matches(name, value, i);
		if (!hit)
			return false;
	}
	return true;
}

static bool filters_good(struct ec2_call *c)
{
	const char *name;

	for (int n = 1; (name = numbered(c, "Filter.%d.Name", n, 0)); n++) {
		if (!is_filter(name)) {
			bad(c, "InvalidParameterValue", "The filter is invalid");
			return false;
		}
		if (n > 50 || numbered(c, "Filter.%d.Value.%d", n, 201)) {
			bad(c, "FilterLimitExceeded", "Too many filters or filter values");
			return false;
		}
	}
	return true;
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
	buf_puts(b, i->n_tags ? "<tagSet>" : "<tagSet/>");
	for (size_t t = 0; t < i->n_tags; t++) {
		buf_puts(b, "<item>");
		ec2_element(b, "key", i->tags[t].key);
		ec2_element(b, "value", i->tags[t].value);
		buf_puts(b, "</item>");
	}
	buf_puts(b, i->n_tags ? "</tagSet><networkInterfaceSet>" : "<networkInterfaceSet>");
	for (size_t n = 0; n < i->n_addresses; n++)
		put_interface(b, i, n);
	buf_puts(b, "</networkInterfaceSet>");
}

static void put_instance(const struct ec2_call *c, const struct ec2_instance *i)
{
	struct buf *b = &c->reply->body;

	buf_puts(b, "<item>");
	ec2_element(b, "instanceId", i->id);
	ec2_element(b, "imageId", "ami-0feedfacecafe0001");
	put_state(b, "instanceState", i->state);
	ec2_element(b, "dnsName", i->public_address ? "ec2.example.net" : "");
	buf_puts(b, "<reason/>");
	ec2_element(b, "instanceType", i->type);
	put_time(c, "launchTime", i->launch_time);
	put_placement(b, i);
	ec2_element(b, "privateIpAddress", i->addresses[0]);
	ec2_element(b, "ipAddress", i->public_address);
	ec2_put_place(c, i);
	put_sets(b, i);
	buf_puts(b, "<enaSupport>true</enaSupport></item>");
}

/* A reservation holds two neighbours of a region: a page counts reservations, not instances. */
static void put_reservation(const struct ec2_call *c, const struct ec2_instance *i, size_t n, size_t number)
{
	struct buf *b = &c->reply->body;

	buf_printf(b,
		   "<item><reservationId>r-%017zu</reservationId><ownerId>111122223333</ownerId><groupSet/"
		   "><instancesSet>",
		   number);
	for (size_t k = 0; k < n; k++)
		put_instance(c, &i[k]);
	buf_puts(b, "</instancesSet></item>");
}

static bool is_named(const struct ec2_call *c, const char *id)
{
	const char *name;

	if (!form_get(&c->form, "InstanceId.1"))
		return true;
	for (int n = 1; (name = numbered(c, "InstanceId.%d", n, 0)); n++)
		if (!strcmp(name, id))
			return true;
	return false;
}

/* What is asked for, as seen now. */
static struct ec2_instance *collect(struct ec2_call *c, size_t *ret_n)
{
	struct world *w = c->world;
	struct ec2_instance *found = calloc(w->n_instances + 1, sizeof(*found));
	int64_t as_of = ec2_as_of(w);

	*ret_n = 0;
	if (!found)
		abort();
	for (size_t i = 0; i < w->n_instances; i++)
		if (w->instances[i].region == c->region && vm_show(w, (int32_t)i, as_of, &found[*ret_n]) &&
		    is_named(c, found[*ret_n].id) && passes_filters(c, &found[*ret_n]))
			++*ret_n;
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
		bad(c, "InvalidParameterCombination", "MaxResults cannot be combined with instance IDs");
		return 0;
	}
	if (size < 5 || size > 1000) {
		bad(c, "InvalidParameterValue", "MaxResults must be between 5 and 1000");
		return 0;
	}
	if (token && *token && sscanf(token, "page-%zu", ret_first) != 1) {
		bad(c, "InvalidNextToken", "The token is invalid");
		return 0;
	}
	if (fault_on(c->world, WORLD_EC2_PARTIAL))
		return 1;
	return forced && forced < (size_t)size ? forced : (size_t)size;
}

static bool named_exist(struct ec2_call *c)
{
	const char *id;

	for (int n = 1; (id = numbered(c, "InstanceId.%d", n, 0)); n++) {
		if (vm_find(c->world, c->region, id) < 0) {
			bad(c, "InvalidInstanceID.NotFound", "The instance ID does not exist");
			return false;
		}
	}
	return true;
}

static void describe_page(struct ec2_call *c, size_t first, size_t size)
{
	size_t n, pairs, last;
	struct ec2_instance *found = collect(c, &n);

	pairs = (n + 1) / 2;
	last = first + size < pairs ? first + size : pairs;
	ec2_open_answer(c, "DescribeInstances");
	buf_puts(&c->reply->body, first < last ? "<reservationSet>" : "<reservationSet/>");
	for (size_t pair = first; pair < last; pair++)
		put_reservation(c, &found[2 * pair], 2 * pair + 1 < n ? 2 : 1, pair);
	if (first < last)
		buf_puts(&c->reply->body, "</reservationSet>");
	if (last < pairs)
		buf_printf(&c->reply->body, "<nextToken>page-%zu</nextToken>", last);
	buf_puts(&c->reply->body, "</DescribeInstancesResponse>");
	free(found);
}

static void describe_instances(struct ec2_call *c)
{
	struct verdict v = ec2_admit_describe(c->world, c->region);
	size_t first, size;

	if (v.code) {
		ec2_refuse(c, v);
		return;
	}
	if (!filters_good(c) || !named_exist(c))
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

static bool change_good(struct ec2_call *c, enum world_deed how)
{
	bool dry = form_get(&c->form, "DryRun") && !strcmp(form_get(&c->form, "DryRun"), "true");
	struct verdict v = {0};
	const char *id;

	for (int n = 1; !v.code && (id = numbered(c, "InstanceId.%d", n, 0)); n++) {
		int32_t i = vm_find(c->world, c->region, id);

		v = dry ? ec2_may(c->world, i) : ec2_check(c->world, i, how);
	}
	if (!v.code && dry)
		v = (struct verdict){"DryRunOperation", 412,
				     "Request would have succeeded, but DryRun flag is set."};
	if (v.code)
		ec2_refuse(c, v);
	return !v.code;
}

/* One bad id, or one that may not be changed, fails the whole call. */
static void change_instances(struct ec2_call *c, const char *action, enum world_deed how)
{
	struct verdict v = ec2_admit_change(c->world, c->region, how);
	struct buf *b = &c->reply->body;
	const char *id;

	if (v.code) {
		ec2_refuse(c, v);
		return;
	}
	if (!form_get(&c->form, "InstanceId.1")) {
		bad(c, "MissingParameter", "The request must contain the parameter InstanceId");
		return;
	}
	if (!named_exist(c) || !change_good(c, how))
		return;
	ec2_open_answer(c, action);
	buf_puts(b, "<instancesSet>");
	for (int n = 1; (id = numbered(c, "InstanceId.%d", n, 0)); n++) {
		struct ec2_state_change s = ec2_apply(c->world, vm_find(c->world, c->region, id), how, false);

		buf_puts(b, "<item>");
		ec2_element(b, "instanceId", id);
		put_state(b, "currentState", s.current);
		put_state(b, "previousState", s.previous);
		buf_puts(b, "</item>");
	}
	buf_printf(b, "</instancesSet></%sResponse>", action);
	if (fault_on(c->world, WORLD_EC2_LOST)) {
		c->world->ledger[c->world->n_ledger - 1].code = "lost";
		c->reply->drop = true;
	}
}

/* --- the front --- */

static void act(struct ec2_call *c)
{
	const char *action = form_get(&c->form, "Action");

	if (!action)
		bad(c, "MissingAction", "The request must contain the parameter Action");
	else if (!form_get(&c->form, "Version") || strcmp(form_get(&c->form, "Version"), "2016-11-15") != 0)
		bad(c, "NoSuchVersion", "The requested version is not supported");
	else if (!strcmp(action, "DescribeInstances"))
		describe_instances(c);
	else if (!strcmp(action, "StartInstances"))
		change_instances(c, action, WORLD_START);
	else if (!strcmp(action, "StopInstances"))
		change_instances(c, action, WORLD_STOP);
	else if (!ec2_serve_network(c, action))
		bad(c, "InvalidAction", "The action is not valid for this web service");
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
		bad(&c, "MalformedQueryString", "This world takes POST / only");
		return;
	}

	struct verdict v = sigv4_verify(r, &c.region);

	if (v.code) {
		r->server->ec2_unsigned++;
		ec2_refuse(&c, v);
		return;
	}
	if (form_parse(&c.form, r->body.data, r->body.len))
		act(&c);
	else
		bad(&c, "MalformedQueryString", "The body is not a form");
	form_free(&c.form);
}
