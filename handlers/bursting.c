/* /v1/bursting: the settings. Secrets are written here and never read: a reply only tells whether there is one. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "handlers/bursting.h"
#include "handlers/handlers.h"
#include "handlers/input.h"
#include "handlers/plan.h"
#include "handlers/views.h"

#define KEY_ID_MAX 128
#define SECRET_MAX 256
#define REASON_MAX 400

static json_t *view(const struct bursting_settings *s, const struct picture *p)
{
	json_t *v = json_object();

	put_bool(v, "enabled", s->enabled);
	put_text(v, "mode", burst_mode_text(s->mode));
#define X(name, least, most, preset) put_int(v, #name, s->name);
	BURSTING_NUMBERS(X)
#undef X
	put_text(v, "cloud_provider", "AWS");
	put_text(v, "tag_name", TAG_NAME);
	put_text(v, "tag_value", s->tag_value[0] ? s->tag_value : NULL);
	put_text(v, "tag_value_in_force", p->tag_value && *p->tag_value ? p->tag_value : NULL);
	put_text(v, "aws_access_key_id", s->aws_access_key_id[0] ? s->aws_access_key_id : NULL);
	put_bool(v, "aws_secret_access_key_set", s->aws_secret_access_key_set);
	put_bool(v, "allow_lifecycle", s->allow_lifecycle);
	put_text(v, "lifecycle_access_key_id",
		 s->lifecycle_access_key_id[0] ? s->lifecycle_access_key_id : NULL);
	put_bool(v, "lifecycle_secret_access_key_set", s->lifecycle_secret_access_key_set);
	return v;
}

struct done *bursting_get(struct req *r)
{
	struct bursting_settings s;
	struct error e;
	struct store *store = req_store(r, &e);

	if (!store || store_settings_get(store, &s, &e))
		return reply_error(r, &e);
	return reply_value(r, 200, view(&s, req_picture(r)));
}

/* --- reading a change ---------------------------------------------------------------------------------------- */

struct wanted {
	struct input_value enabled;
	struct input_value mode;
#define X(name, least, most, preset) struct input_value name;
	BURSTING_NUMBERS(X)
#undef X
	struct input_value tag_value;
	struct input_value key_id;
	struct input_value secret;
	struct input_value lifecycle; /* allow_lifecycle */
	struct input_value lifecycle_key_id;
	struct input_value lifecycle_secret;
};

static void check_read_only(struct input *in)
{
	struct input_value name = input_text(in, "tag_name", 1, 64, false);

	(void)input_choice(in, "cloud_provider", "AWS", false);
	if (name.given && strcmp(name.text, TAG_NAME) != 0)
		input_fail(in, "tag_name", "is read only: always " TAG_NAME);
	if (input_bool(in, "aws_secret_access_key_set", false).given)
		input_fail(in, "aws_secret_access_key_set", "is read only: set aws_secret_access_key");
	if (input_bool(in, "lifecycle_secret_access_key_set", false).given)
		input_fail(in, "lifecycle_secret_access_key_set",
			   "is read only: set lifecycle_secret_access_key");
	if (json_object_get(in->object, "tag_value_in_force"))
		input_fail(in, "tag_value_in_force", "is read only: set tag_value");
	(void)input_text(in, "tag_value_in_force", 0, TAG_VALUE_SIZE, true);
}

static void check_characters(struct input *in, const char *name, const struct input_value *v, bool word)
{
	const char *c = v->given ? v->text : NULL;

	for (; c && *c; c++) {
		bool fits = word ? isalnum((unsigned char)*c) || *c == '_' : *c > ' ' && *c < 0x7f;

		if (!fits) {
			input_fail(in, name,
				   word ? "may hold only letters, digits and _"
					: "may hold only printable ASCII without blanks");
			return;
		}
	}
}

static void read_keys(struct input *in, const char *id_name, const char *secret_name, struct input_value *id,
		      struct input_value *secret)
{
	*id = input_text(in, id_name, 1, KEY_ID_MAX, true);
	*secret = input_text(in, secret_name, 1, SECRET_MAX, true);
	check_characters(in, id_name, id, true);
	check_characters(in, secret_name, secret, false);
}

static bool read_body(struct input *in, struct wanted *w)
{
	w->enabled = input_bool(in, "enabled", false);
	w->mode = input_choice(in, "mode", "observe|control", false);
#define X(name, least, most, preset) w->name = input_int(in, #name, least, most, false);
	BURSTING_NUMBERS(X)
#undef X
	w->tag_value = input_text(in, "tag_value", 0, TAG_VALUE_SIZE - 1, true);
	w->lifecycle = input_bool(in, "allow_lifecycle", false);
	read_keys(in, "aws_access_key_id", "aws_secret_access_key", &w->key_id, &w->secret);
	read_keys(in, "lifecycle_access_key_id", "lifecycle_secret_access_key", &w->lifecycle_key_id,
		  &w->lifecycle_secret);
	check_read_only(in);
	return input_end(in);
}

static void set_text(char *out, size_t size, const struct input_value *v)
{
	if (v->given)
		(void)snprintf(out, size, "%s", v->null ? "" : v->text);
}

static void settings_apply(struct bursting_settings *s, const struct wanted *w)
{
	if (w->enabled.given)
		s->enabled = w->enabled.flag;
	if (w->mode.given)
		s->mode = w->mode.number == 0 ? MODE_OBSERVE : MODE_CONTROL;
#define X(name, least, most, preset)                                                                         \
	if (w->name.given)                                                                                   \
		s->name = (int)w->name.number;
	BURSTING_NUMBERS(X)
#undef X
	set_text(s->tag_value, sizeof s->tag_value, &w->tag_value);
	set_text(s->aws_access_key_id, sizeof s->aws_access_key_id, &w->key_id);
	if (w->secret.given)
		s->aws_secret_access_key_set = !w->secret.null;
	if (w->lifecycle.given)
		s->allow_lifecycle = w->lifecycle.flag;
	set_text(s->lifecycle_access_key_id, sizeof s->lifecycle_access_key_id, &w->lifecycle_key_id);
	if (w->lifecycle_secret.given)
		s->lifecycle_secret_access_key_set = !w->lifecycle_secret.null;
}

/* --- telling it ---------------------------------------------------------------------------------------------- */

struct telling {
	json_t *changes; /* field -> {old, new} */
	char reason[REASON_MAX];
	size_t len;
};

static void tell_text(struct telling *t, const char *field, const char *old, const char *new)
{
	int n = snprintf(t->reason + t->len, sizeof t->reason - t->len, "%s%s: %.40s -> %.40s",
			 t->len ? ", " : "", field, old, new);

	/* a list that does not fit ends before the field that is cut; `figures` has them all */
	if (n < 0 || t->len + (size_t)n >= sizeof t->reason)
		t->reason[t->len] = '\0';
	else
		t->len += (size_t)n;
}

/* One field's old and new value; both are given up. Equal ones are left out. */
static void tell_field(struct telling *t, const char *field, json_t *old, json_t *new)
{
	_cleanup_(freep) char *was = json_dumps(old, JSON_ENCODE_ANY);
	_cleanup_(freep) char *is = json_dumps(new, JSON_ENCODE_ANY);

	if (json_equal(old, new)) {
		json_decref(old);
		json_decref(new);
		return;
	}
	tell_text(t, field, was ? was : "?", is ? is : "?");
	(void)json_object_set_new(t->changes, field, json_pack("{s:o, s:o}", "old", old, "new", new));
}

static json_t *text_or_null(const char *text)
{
	return *text ? json_string(text) : json_null();
}

/* Of a secret only that it changed. */
static void tell_secret(struct telling *t, const char *field, bool was, bool is)
{
	tell_field(t, field, was ? json_string("set") : json_null(),
		   is ? json_string("set anew") : json_null());
}

/* Whether each secret is written anew. */
struct new_secrets {
	bool is[SETTINGS_SECRETS];
};

/* RULE V3: old and new values of every field that changed. */
static void tell_all(struct telling *t, const struct bursting_settings *a, const struct bursting_settings *b,
		     const struct new_secrets *secrets)
{
	tell_field(t, "enabled", json_boolean(a->enabled), json_boolean(b->enabled));
	tell_field(t, "mode", json_string(burst_mode_text(a->mode)), json_string(burst_mode_text(b->mode)));
#define X(name, least, most, preset) tell_field(t, #name, json_integer(a->name), json_integer(b->name));
	BURSTING_NUMBERS(X)
#undef X
	tell_field(t, "tag_value", text_or_null(a->tag_value), text_or_null(b->tag_value));
	tell_field(t, "aws_access_key_id", text_or_null(a->aws_access_key_id),
		   text_or_null(b->aws_access_key_id));
	tell_field(t, "allow_lifecycle", json_boolean(a->allow_lifecycle), json_boolean(b->allow_lifecycle));
	tell_field(t, "lifecycle_access_key_id", text_or_null(a->lifecycle_access_key_id),
		   text_or_null(b->lifecycle_access_key_id));
	if (secrets->is[SETTINGS_AWS])
		tell_secret(t, "aws_secret_access_key", a->aws_secret_access_key_set,
			    b->aws_secret_access_key_set);
	if (secrets->is[SETTINGS_LIFECYCLE])
		tell_secret(t, "lifecycle_secret_access_key", a->lifecycle_secret_access_key_set,
			    b->lifecycle_secret_access_key_set);
}

struct change {
	struct req *r;
	const struct wanted *want;
	bool compares; /* it is a change by If-Match */
	bool wrote;
	struct bursting_settings before;
	struct bursting_settings after;
};

static enum err tell(struct store *store, const struct change *c, struct telling *t, struct error *e)
{
	json_t *figures = json_pack("{s:O}", "changes", t->changes);
	_cleanup_(freep) char *text = json_dumps(figures, JSON_COMPACT);
	struct event event = {.time = c->r->now,
			      .type = EVENT_SETTINGS,
			      .node_name = "",
			      .actor = c->r->actor,
			      .reason = t->reason,
			      .rule = "",
			      .figures = text};
	int64_t id;

	json_decref(figures);
	return store_event_add(store, &event, &id, e);
}

/* --- writing it ---------------------------------------------------------------------------------------------- */

/* NULL = not given, "" = taken back. */
static const char *secret_text(const struct input_value *v)
{
	return !v->given ? NULL : v->null ? "" : v->text;
}

/* A secret is compared with nothing: writing it is a change. Taking back one that is not there is none. */
static bool secret_changes(const struct input_value *v, bool was_set)
{
	return v->given && !(v->null && !was_set);
}

static enum err write_settings(struct store *store, struct change *c, const struct bursting_settings *before,
			       struct error *e)
{
	const struct wanted *w = c->want;
	struct settings_secrets secrets = {
		.text = {[SETTINGS_AWS] = secret_text(&w->secret),
			 [SETTINGS_LIFECYCLE] = secret_text(&w->lifecycle_secret)}};
	const struct new_secrets anew = {
		.is = {[SETTINGS_AWS] = secret_changes(&w->secret, before->aws_secret_access_key_set),
		       [SETTINGS_LIFECYCLE] = secret_changes(&w->lifecycle_secret,
							     before->lifecycle_secret_access_key_set)}};
	struct telling t = {.changes = json_object()};
	enum err err = ERR_OK;

	tell_all(&t, before, &c->after, &anew);
	c->wrote = json_object_size(t.changes) > 0;
	if (c->wrote)
		err = store_settings_put(store, &c->after, &secrets, &c->after.version, e);
	if (!err && c->wrote)
		err = tell(store, c, &t, e);
	json_decref(t.changes);
	return err;
}

static enum err check_pair(bool id, bool secret, const char *id_pointer, const char *secret_pointer,
			   struct error *e)
{
	if (id == secret)
		return ERR_OK;
	return error_field(e, ERR_BAD_REQUEST, secret ? id_pointer : secret_pointer,
			   "the key id and the secret key belong together: set both, or set both to null");
}

static enum err check_pairs(const struct bursting_settings *s, struct error *e)
{
	enum err err = check_pair(s->aws_access_key_id[0] != '\0', s->aws_secret_access_key_set,
				  "/aws_access_key_id", "/aws_secret_access_key", e);

	return err ? err
		   : check_pair(s->lifecycle_access_key_id[0] != '\0', s->lifecycle_secret_access_key_set,
				"/lifecycle_access_key_id", "/lifecycle_secret_access_key", e);
}

static enum err change_tx(struct store *store, void *arg, struct error *e)
{
	struct change *c = arg;
	struct bursting_settings before;
	json_t *present;
	enum err err = store_settings_get(store, &before, e);

	if (err)
		return err;
	present = view(&before, req_picture(c->r));
	err = c->compares ? req_if_match(c->r, present, e) : ERR_OK;
	json_decref(present);
	if (err)
		return err;
	c->before = c->after = before;
	settings_apply(&c->after, c->want);
	err = check_pairs(&c->after, e);
	return err ? err : write_settings(store, c, &before, e);
}

/* --- telling what it would do --------------------------------------------------------------------------------- */

static bool acts(const struct bursting_settings *s)
{
	return s->enabled && s->mode == MODE_CONTROL;
}

static void plan_control(json_t *plan, const struct change *c)
{
	const struct picture *p = req_picture(c->r);

	if (acts(&c->after) && !acts(&c->before))
		plan_consequence(
			plan, p->infinity_bursting
				      ? "burstd decides, but stops nothing while Infinity's own bursting is "
					"on (RULE S9)."
				      : "burstd starts and stops bursting nodes by itself from then on.");
	if (!acts(&c->after) && acts(&c->before))
		plan_consequence(plan,
				 "burstd starts and stops nothing by itself any more; what is under way "
				 "is finished.");
}

/* RULE V5: a threshold that one node cannot lift a location above. */
static void plan_threshold(json_t *plan, const struct change *c)
{
	if (c->after.bursting_threshold != c->before.bursting_threshold &&
	    c->after.bursting_threshold >= c->after.node_capacity_hd)
		plan_consequence(plan,
				 "A threshold of %d is at or above what one node can take (%d HD calls): a "
				 "second node is started right after the first (RULE V5).",
				 c->after.bursting_threshold, c->after.node_capacity_hd);
}

static void plan_lifecycle(json_t *plan, const struct change *c)
{
	if (c->after.allow_lifecycle == c->before.allow_lifecycle)
		return;
	plan_consequence(
		plan,
		c->after.allow_lifecycle
			? "Nodes can be deployed, changed and removed over the API from then on."
			: "No life-cycle operation can be asked for or resumed any more; those under way "
			  "can be cancelled.");
}

static json_t *plan_of(const struct change *c)
{
	const struct picture *p = req_picture(c->r);
	json_t *plan = plan_new();
	json_t *before = view(&c->before, p);
	json_t *after = view(&c->after, p);

	plan_change(plan, "/v1/bursting", before, after);
	plan_control(plan, c);
	plan_threshold(plan, c);
	plan_lifecycle(plan, c);
	json_decref(before);
	json_decref(after);
	return plan;
}

static struct done *perform(struct change *c)
{
	struct error e = {.code = ERR_OK};
	struct store *store = req_store(c->r, &e);

	if (!store || store_tx(store, change_tx, c, &e))
		return reply_error(c->r, &e);
	if (c->r->dry_run)
		return reply_plan(c->r, plan_of(c));
	if (c->wrote)
		req_changed(c->r);
	return reply_value(c->r, 200, view(&c->after, req_picture(c->r)));
}

struct done *bursting_patch(struct req *r)
{
	struct input_errors errors;
	struct input in;
	struct wanted want;
	struct change c = {.r = r, .want = &want, .compares = true};
	struct error e = {.code = ERR_OK};

	if (!input_open(&in, &errors, r, true, &e))
		return reply_error(r, &e);
	if (!read_body(&in, &want))
		return reply_input(r, &errors);
	return perform(&c);
}

struct done *bursting_take(struct req *r, const struct settings_taken *t)
{
	struct wanted want = {
		.enabled = {.given = t->take_enabled, .flag = t->enabled},
		.bursting_threshold = {.given = t->threshold > 0, .number = t->threshold},
		.minimum_lifetime_minutes = {.given = t->lifetime_minutes > 0, .number = t->lifetime_minutes},
	};
	struct change c = {.r = r, .want = &want};

	return perform(&c);
}
