/*
 * /v1/bursting/infinity, pull and push: burstd's settings beside those that Infinity's own bursting has. Nothing goes from one to
 * the other unasked. A push is an operation (lifecycle/), so that it survives a crash and is told in history; its values are the
 * settings at the time of the request. `enabled` is pushed only by name, because two controllers would act (RULE S9).
 */
#include <stdlib.h>
#include <string.h>

#include "handlers/bursting.h"
#include "handlers/handlers.h"
#include "handlers/input.h"
#include "handlers/node_actions.h"
#include "handlers/plan.h"
#include "handlers/views.h"
#include "store/lifecycle.h"

#define PROVIDER "AWS"

/* --- what Infinity has ------------------------------------------------------------------------------------------ */

static void differ(json_t *list, const char *field, json_t *ours, json_t *theirs)
{
	if (json_is_null(theirs) || json_equal(ours, theirs)) {
		json_decref(ours);
		json_decref(theirs);
		return;
	}
	(void)json_array_append_new(
		list, json_pack("{s:s, s:o, s:o}", "field", field, "burstd", ours, "infinity", theirs));
}

static json_t *number_or_null(int number)
{
	return number ? json_integer(number) : json_null();
}

static json_t *text_or_null(const char *text)
{
	return text && *text ? json_string(text) : json_null();
}

/* `enabled` is left out: one of the two is meant to be off. So are keys that burstd has no own ones to compare with. */
static json_t *differences(const struct bursting_settings *s, const struct picture *p)
{
	const struct infinity_settings *theirs = &p->infinity_settings;
	json_t *list = json_array();

	differ(list, "bursting_threshold", json_integer(s->bursting_threshold),
	       number_or_null(theirs->threshold));
	differ(list, "minimum_lifetime_minutes", json_integer(s->minimum_lifetime_minutes),
	       number_or_null(theirs->lifetime_minutes));
	differ(list, "cloud_provider", json_string(PROVIDER), text_or_null(theirs->provider));
	if (s->aws_access_key_id[0])
		differ(list, "aws_access_key_id", json_string(s->aws_access_key_id),
		       text_or_null(theirs->access_key));
	return list;
}

/* Without what changes by itself, so that a plan shows what would be written and nothing else. */
static json_t *view_settings(const struct picture *p)
{
	const struct infinity_settings *theirs = &p->infinity_settings;
	json_t *v = json_object();

	put(v, "enabled", p->infinity_at ? json_boolean(p->infinity_bursting) : json_null());
	put(v, "bursting_threshold", number_or_null(theirs->threshold));
	put(v, "minimum_lifetime_minutes", number_or_null(theirs->lifetime_minutes));
	put(v, "cloud_provider", text_or_null(theirs->provider));
	put(v, "aws_access_key_id", text_or_null(theirs->access_key));
	put(v, "aws_secret_access_key_set", p->infinity_at ? json_boolean(theirs->secret_set) : json_null());
	return v;
}

struct done *bursting_infinity_get(struct req *r)
{
	const struct picture *p = req_picture(r);
	struct bursting_settings s;
	struct error e;
	struct store *store = req_store(r, &e);
	json_t *v;

	if (!store || store_settings_get(store, &s, &e))
		return reply_error(r, &e);
	v = view_settings(p);
	put_time(v, "observed_at", p->infinity_at);
	put(v, "differences", differences(&s, p));
	return reply_value(r, 200, v);
}

/* --- which fields ------------------------------------------------------------------------------------------------ */

enum sync_field { SYNC_THRESHOLD, SYNC_LIFETIME, SYNC_PROVIDER, SYNC_KEYS, SYNC_ENABLED };
static const char *const sync_names[] = {[SYNC_THRESHOLD] = "bursting_threshold",
					 [SYNC_LIFETIME] = "minimum_lifetime_minutes",
					 [SYNC_PROVIDER] = "cloud_provider",
					 [SYNC_KEYS] = "aws_keys",
					 [SYNC_ENABLED] = "enabled"};
#define SYNC_FIELDS  ARRAY_LEN(sync_names)
#define FIELD(name)  (1u << SYNC_##name)
#define PULL_FIELDS  (FIELD(THRESHOLD) | FIELD(LIFETIME) | FIELD(ENABLED))
#define PULL_DEFAULT (FIELD(THRESHOLD) | FIELD(LIFETIME))
#define PUSH_FIELDS  (FIELD(THRESHOLD) | FIELD(LIFETIME) | FIELD(PROVIDER) | FIELD(KEYS) | FIELD(ENABLED))
#define PUSH_DEFAULT (FIELD(THRESHOLD) | FIELD(LIFETIME) | FIELD(PROVIDER) | FIELD(KEYS))

static unsigned field_of(const char *name)
{
	for (size_t i = 0; name && i < SYNC_FIELDS; i++)
		if (!strcmp(sync_names[i], name))
			return 1u << i;
	return 0;
}

/* What `fields` names, of those that are allowed; 0 where it is not given, or wrong (then an error is recorded). */
static unsigned read_fields(struct input *in, unsigned allowed)
{
	struct input_value v = input_array(in, "fields", 1, SYNC_FIELDS);
	unsigned fields = 0;

	for (size_t i = 0; v.given && i < json_array_size(v.list); i++) {
		unsigned field = field_of(json_string_value(json_array_get(v.list, i)));

		if (!(field & allowed)) {
			input_fail(in, "fields", "item %zu is none of the fields that can be named here", i);
			return 0;
		}
		if (field & fields) {
			input_fail(in, "fields", "item %zu is named twice", i);
			return 0;
		}
		fields |= field;
	}
	return fields;
}

/* Nothing is copied to or from a platform that is not heard. */
static bool known(struct req *r, struct error *e)
{
	if (req_picture(r)->infinity_fresh)
		return true;
	(void)error_set(e, ERR_BUSY, "Infinity's settings are not known: its last read is old or not whole");
	return false;
}

/* --- pull --------------------------------------------------------------------------------------------------------- */

static const struct {
	const char *field;
	int least, most;
} ranges[] = {
#define X(name, least, most, preset) {#name, (least), (most)},
	BURSTING_NUMBERS(X)
#undef X
};

static bool within(const char *field, int value, struct error *e)
{
	for (size_t i = 0; i < ARRAY_LEN(ranges); i++)
		if (!strcmp(ranges[i].field, field) && (value < ranges[i].least || value > ranges[i].most)) {
			(void)error_set(e, ERR_CONFLICT, "Infinity's %s is %d; burstd takes %d to %d", field,
					value, ranges[i].least, ranges[i].most);
			return false;
		}
	return true;
}

/* What is asked for of Infinity's settings, in burstd's ranges. */
static bool take(const struct picture *p, unsigned fields, struct settings_taken *ret, struct error *e)
{
	const struct infinity_settings *theirs = &p->infinity_settings;

	*ret = (struct settings_taken){.take_enabled = fields & FIELD(ENABLED),
				       .enabled = p->infinity_bursting};
	if (fields & FIELD(THRESHOLD))
		ret->threshold = theirs->threshold;
	if (fields & FIELD(LIFETIME))
		ret->lifetime_minutes = theirs->lifetime_minutes;
	return (!(fields & FIELD(THRESHOLD)) || within(sync_names[SYNC_THRESHOLD], ret->threshold, e)) &&
	       (!(fields & FIELD(LIFETIME)) || within(sync_names[SYNC_LIFETIME], ret->lifetime_minutes, e));
}

struct done *bursting_pull(struct req *r)
{
	struct settings_taken taken;
	struct input_errors errors;
	struct input in;
	struct error e = {.code = ERR_OK};
	unsigned fields;

	if (!input_open(&in, &errors, r, false, &e))
		return reply_error(r, &e);
	fields = read_fields(&in, PULL_FIELDS);
	if (!input_end(&in))
		return reply_input(r, &errors);
	if (!known(r, &e) || !take(req_picture(r), fields ? fields : PULL_DEFAULT, &taken, &e))
		return reply_error(r, &e);
	return bursting_take(r, &taken);
}

/* --- push --------------------------------------------------------------------------------------------------------- */

struct push {
	struct req *r;
	unsigned fields; /* 0 = the usual ones */
	unsigned pushed; /* what is written */
	struct bursting_settings settings;
	struct operation *op;
};

/* Without keys of its own in its settings burstd has none to give; by default Infinity's then stay as they are. */
static enum err choose_fields(struct push *push, struct error *e)
{
	bool keys = push->settings.aws_access_key_id[0] && push->settings.aws_secret_access_key_set;

	push->pushed = push->fields ? push->fields : PUSH_DEFAULT;
	if (!push->fields && !keys)
		push->pushed &= ~FIELD(KEYS);
	if (push->pushed & FIELD(KEYS) && !keys)
		return error_field(e, ERR_CONFLICT, "/fields",
				   "there are no AWS keys in burstd's settings to write: its credentials "
				   "come from elsewhere");
	return ERR_OK;
}

/* By Infinity's names (docs/upstream.md): the body of the PATCH, without the secret. */
static json_t *global_fields(const struct push *push)
{
	const struct bursting_settings *s = &push->settings;
	json_t *v = json_object();

	if (push->pushed & FIELD(THRESHOLD))
		put_int(v, "bursting_threshold", s->bursting_threshold);
	if (push->pushed & FIELD(LIFETIME))
		put_int(v, "bursting_min_lifetime", s->minimum_lifetime_minutes);
	if (push->pushed & FIELD(PROVIDER))
		put_text(v, "cloud_provider", PROVIDER);
	if (push->pushed & FIELD(KEYS))
		put_text(v, "aws_access_key", s->aws_access_key_id);
	if (push->pushed & FIELD(ENABLED))
		put_bool(v, "bursting_enabled", s->enabled);
	return v;
}

static void name_fields(unsigned fields, char *out, size_t size)
{
	size_t len = 0;

	for (size_t i = 0; i < SYNC_FIELDS; i++)
		if (fields & (1u << i))
			len += (size_t)snprintf(out + len, size - len, "%s%s", len ? ", " : "",
						sync_names[i]);
}

static enum err fill_values(struct store *store, struct push *push, struct error *e)
{
	json_t *fields = global_fields(push);
	_cleanup_(freep) char *text = json_dumps(fields, JSON_COMPACT);
	char *secret = NULL;
	enum err err = ERR_OK;

	json_decref(fields);
	if (push->pushed & FIELD(KEYS))
		err = store_settings_secret(store, SETTINGS_AWS, &secret, e);
	if (!err && (!text || !operation_set(push->op, VALUE_PUSH, text) ||
		     !operation_set(push->op, VALUE_PUSH_SECRET, secret)))
		err = error_set(e, ERR_INTERNAL, "out of memory");
	secret_free(secret);
	return err;
}

static enum err tell(struct store *store, const struct push *push, struct error *e)
{
	const struct intent *in = &push->op->intent;
	struct event event = {.time = push->r->now,
			      .type = EVENT_OPERATION,
			      .node_name = "",
			      .actor = push->r->actor,
			      .reason = in->reason,
			      .rule = "",
			      .operation = in->id};
	int64_t id;

	return store_event_add(store, &event, &id, e);
}

static enum err push_tx(struct store *store, void *arg, struct error *e)
{
	struct push *push = arg;
	char names[120] = "";
	struct intent *in = &push->op->intent;
	enum err err = store_settings_get(store, &push->settings, e);

	err = err ? err : choose_fields(push, e);
	err = err ? err : fill_values(store, push, e);
	if (err)
		return err;
	*in = (struct intent){.kind = INTENT_PUSH_SETTINGS,
			      .state = INTENT_WORKING,
			      .created_at = push->r->now,
			      .entered_at = push->r->now};
	name_fields(push->pushed, names, sizeof names);
	(void)snprintf(in->actor, sizeof in->actor, "%s", push->r->actor);
	(void)snprintf(in->reason, sizeof in->reason, "%s written to Infinity's global settings by %.100s.",
		       names, push->r->actor);
	operation_plan(push->op);
	err = store_operation_add(store, push->op, e);
	return err ? err : tell(store, push, e);
}

/* Infinity's settings as they would be. */
static json_t *view_pushed(const struct push *push)
{
	const struct bursting_settings *s = &push->settings;
	json_t *v = view_settings(req_picture(push->r));

	if (push->pushed & FIELD(THRESHOLD))
		put_int(v, "bursting_threshold", s->bursting_threshold);
	if (push->pushed & FIELD(LIFETIME))
		put_int(v, "minimum_lifetime_minutes", s->minimum_lifetime_minutes);
	if (push->pushed & FIELD(PROVIDER))
		put_text(v, "cloud_provider", PROVIDER);
	if (push->pushed & FIELD(KEYS)) {
		put_text(v, "aws_access_key_id", s->aws_access_key_id);
		put_bool(v, "aws_secret_access_key_set", true);
	}
	if (push->pushed & FIELD(ENABLED))
		put_bool(v, "enabled", s->enabled);
	return v;
}

static void tell_consequences(json_t *plan, const struct push *push)
{
	const struct picture *p = req_picture(push->r);
	const char *provider = p->infinity_settings.provider;

	if (push->pushed & FIELD(ENABLED) && push->settings.enabled)
		plan_consequence(
			plan,
			"Infinity then bursts by itself: burstd starts nodes for holds and manual starts "
			"alone, and stops none (RULE S9).");
	if (push->pushed & FIELD(ENABLED) && !push->settings.enabled && p->infinity_bursting)
		plan_consequence(
			plan,
			"Infinity's own bursting is switched off, and burstd's is off too: nobody starts "
			"nodes for load.");
	if (push->pushed & FIELD(PROVIDER) && provider && strcmp(provider, PROVIDER) != 0)
		plan_consequence(
			plan,
			"Infinity bursts into one provider at a time: its own bursting into %.20s ends.",
			provider);
	if (push->pushed & FIELD(KEYS))
		plan_consequence(plan,
				 "The secret key is written too; what Infinity has now cannot be read back.");
	if (!(push->pushed & FIELD(KEYS)) && !push->fields)
		plan_consequence(plan,
				 "There are no AWS keys in burstd's settings: Infinity's stay as they are.");
}

static json_t *plan_of(const struct push *push)
{
	json_t *plan = plan_new();
	json_t *before = view_settings(req_picture(push->r));
	json_t *after = view_pushed(push);

	plan_operation(plan, &push->op->intent, true);
	plan_named_step(plan, step_text(STEP_PUSH_SETTINGS), step_does(STEP_PUSH_SETTINGS));
	plan_change(plan, "/v1/bursting/infinity", before, after);
	tell_consequences(plan, push);
	json_decref(before);
	json_decref(after);
	return plan;
}

struct done *bursting_push(struct req *r)
{
	_cleanup_(operation_freep) struct operation *op = calloc(1, sizeof(*op));
	struct push push = {.r = r, .op = op};
	struct input_errors errors;
	struct input in;
	struct error e = {.code = ERR_OK};
	struct store *store;

	if (!op) {
		(void)error_set(&e, ERR_INTERNAL, "out of memory");
		return reply_error(r, &e);
	}
	if (!input_open(&in, &errors, r, false, &e))
		return reply_error(r, &e);
	push.fields = read_fields(&in, PUSH_FIELDS);
	if (!input_end(&in))
		return reply_input(r, &errors);
	store = known(r, &e) ? req_store(r, &e) : NULL;
	if (!store || store_tx(store, push_tx, &push, &e))
		return reply_error(r, &e);
	if (r->dry_run)
		return reply_plan(r, plan_of(&push));
	req_changed(r);
	return reply_operation(r, 202, &op->intent, op);
}
