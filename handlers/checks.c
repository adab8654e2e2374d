/*
 * /v1/checks: every finding of the checks on the present picture, errors first, each with what follows and what to do, and whether
 * somebody has acknowledged it. /v1/acknowledgements: known and accepted, with a reason, until a time.
 */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "handlers/acknowledged.h"
#include "handlers/handlers.h"
#include "handlers/input.h"
#include "handlers/paging.h"
#include "handlers/plan.h"
#include "handlers/views.h"

#define CURSOR_FINDING         'c'
#define ACKNOWLEDGEMENTS       "/v1/acknowledgements"
#define CURSOR_ACKNOWLEDGEMENT 'a'
#define ACKNOWLEDGE_MAX_MS     (366 * 24 * 60 * MS_PER_MINUTE) /* nobody knows what will be right in two years */
#define SUBJECT_MAX            300

/* --- the findings -------------------------------------------------------------------------------------------- */

struct query {
	struct paging paging;
	int severity;     /* enum severity, -1 = all */
	int acknowledged; /* 0 false, 1 true, -1 all */
	const char *id;   /* NULL = all */
	const char *subject;
};

/* One finding in the list, with its place in the order. */
struct placed {
	int64_t key;
	const struct issue *issue;
	const struct acknowledgement *acknowledgement; /* NULL = none in force */
};

/* FNV-1a, 64 bits. */
static uint64_t mix(uint64_t hash, const char *text)
{
	do
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3u;
	while (*text++);
	return hash;
}

/*
 * Errors first, then by check in the order of its table. What makes it one finding's own is a hash, so that a cursor keeps its
 * place while findings come and go.
 */
static int64_t key_of(const struct issue *i)
{
	uint64_t hash = mix(mix(0xcbf29ce484222325u, i->id), i->subject);

	return (int64_t)(SEVERITY_ERROR - i->severity + 1) << 60 | (int64_t)i->check << 50 |
	       (int64_t)(hash >> 14);
}

static int by_key(const void *a, const void *b)
{
	const struct placed *x = a, *y = b;

	return (x->key > y->key) - (x->key < y->key);
}

static bool wanted(const struct query *q, const struct placed *f)
{
	return f->key > q->paging.last &&
	       (q->severity < 0 || f->issue->severity == (enum severity)q->severity) &&
	       (q->acknowledged < 0 || (q->acknowledged == 1) == (f->acknowledgement != NULL)) &&
	       (!q->id || !strcmp(q->id, f->issue->id)) &&
	       (!q->subject || !strcmp(q->subject, f->issue->subject));
}

static struct placed *sorted(const struct picture *p, const struct query *q, const struct acknowledgements *a,
			     size_t *ret_n)
{
	struct placed *list = calloc(p->n_issues + 1, sizeof(*list));
	size_t n = 0;

	for (size_t i = 0; list && i < p->n_issues; i++) {
		const struct issue *issue = &p->issues[i];

		list[n] = (struct placed){key_of(issue), issue, acknowledged(a, issue)};
		n += wanted(q, &list[n]);
	}
	if (list)
		qsort(list, n, sizeof(*list), by_key);
	*ret_n = n;
	return list;
}

static json_t *view_acknowledgement(const struct acknowledgement *a)
{
	json_t *v = json_object();

	put_id(v, "id", a->id);
	put_text(v, "check", a->check);
	put_text(v, "subject", a->subject);
	put_text(v, "reason", a->reason);
	put_text(v, "actor", a->actor);
	put_time(v, "created_at", a->created_at);
	put_time(v, "until", a->until);
	return v;
}

static json_t *view_finding(const struct placed *f)
{
	const struct issue *i = f->issue;
	json_t *v = json_object();

	put_text(v, "id", i->id);
	put_text(v, "severity", severity_text(i->severity));
	put_text(v, "subject", i->subject);
	put_text(v, "what", i->message);
	put_text(v, "consequence", i->consequence);
	put_text(v, "remedy", i->remedy);
	put(v, "guide", i->section ? json_pack("{s:s, s:i}", "section", i->section, "page", i->page) : NULL);
	put_time(v, "since", i->since);
	put_time(v, "observed_at", i->observed_at);
	put(v, "acknowledgement", f->acknowledgement ? view_acknowledgement(f->acknowledgement) : NULL);
	return v;
}

static json_t *view_surveys(const struct picture *p)
{
	json_t *list = json_array();

	for (size_t i = 0; i < p->n_surveys; i++) {
		const struct survey_state *s = &p->surveys[i];
		json_t *v = json_object();

		put_text(v, "name", s->name);
		put_time(v, "observed_at", s->observed_at);
		put_known(v, "age_seconds",
			  s->observed_at ? (p->made_at - s->observed_at) / MS_PER_SECOND : -1);
		put_bool(v, "complete", s->observed_at && !s->unread);
		(void)json_array_append_new(list, v);
	}
	return list;
}

static bool query_read(struct req *r, struct query *q, struct error *e)
{
	bool acknowledged = false;

	q->id = req_query(r, "id");
	q->subject = req_query(r, "subject");
	if (!paging_read(r, CURSOR_FINDING, &q->paging, e) ||
	    !query_choice(r, "severity", "info|warning|error", &q->severity, e) ||
	    !query_bool(r, "acknowledged", false, &acknowledged, e))
		return false;
	q->acknowledged = req_query(r, "acknowledged") ? acknowledged : -1;
	return true;
}

struct done *check_list(struct req *r)
{
	_cleanup_(acknowledgements_free) struct acknowledgements a = {0};
	_cleanup_(freep) struct placed *list = NULL;
	const struct picture *p = req_picture(r);
	struct store *store;
	struct query q;
	struct error e;
	json_t *items, *body;
	size_t n, i;

	if (!query_read(r, &q, &e))
		return reply_error(r, &e);
	store = req_store(r, &e);
	if (!store || acknowledgements_load(store, r->now, &a, &e))
		return reply_error(r, &e);
	list = sorted(p, &q, &a, &n);
	if (!list)
		return reply_value(r, 200, NULL);
	items = json_array();
	for (i = 0; i < n && i < (size_t)q.paging.limit; i++)
		(void)json_array_append_new(items, view_finding(&list[i]));
	body = paging_body(items, CURSOR_FINDING, n > i ? list[i - 1].key : 0);
	put(body, "surveys", view_surveys(p));
	return reply_value(r, 200, body);
}

struct done *check_refresh(struct req *r)
{
	if (r->dry_run) {
		json_t *plan = plan_new();

		plan_consequence(
			plan, "Infinity and EC2 are asked for what moves seldom; nothing there is changed.");
		return reply_plan(r, plan);
	}
	r->app->survey(r->app->self);
	return reply_value(r, 202, json_pack("{s:o}", "surveys", view_surveys(req_picture(r))));
}

/* --- acknowledging -------------------------------------------------------------------------------------------- */

struct done *acknowledgement_list(struct req *r)
{
	_cleanup_(acknowledgements_free) struct acknowledgements a = {0};
	struct paging paging;
	struct store *store;
	struct error e;
	json_t *items;
	bool expired;
	size_t i;

	if (!paging_read(r, CURSOR_ACKNOWLEDGEMENT, &paging, &e) ||
	    !query_bool(r, "expired", false, &expired, &e))
		return reply_error(r, &e);
	store = req_store(r, &e);
	if (!store ||
	    store_acknowledgements(store, r->now, expired, paging.last, paging.limit + 1, &a.rows, &a.n, &e))
		return reply_error(r, &e);
	items = json_array();
	for (i = 0; i < a.n && i < (size_t)paging.limit; i++)
		(void)json_array_append_new(items, view_acknowledgement(&a.rows[i]));
	return reply_value(r, 200,
			   paging_body(items, CURSOR_ACKNOWLEDGEMENT, a.n > i ? a.rows[i - 1].id : 0));
}

struct done *acknowledgement_get(struct req *r)
{
	struct acknowledgement *a = NULL;
	struct error e;
	struct store *store = req_store(r, &e);
	json_t *body;

	if (!store || store_acknowledgement_get(store, r->number, &a, &e))
		return reply_error(r, &e);
	body = view_acknowledgement(a);
	store_acknowledgements_free(a, 1);
	return reply_value(r, 200, body);
}

static bool found_now(const struct picture *p, const struct acknowledgement *a)
{
	for (size_t i = 0; i < p->n_issues; i++)
		if (!strcmp(p->issues[i].id, a->check) && !strcmp(p->issues[i].subject, a->subject))
			return true;
	return false;
}

static bool read_body(struct input *in, struct req *r, struct acknowledgement *a)
{
	struct input_value check = input_text(in, "check", 1, SUBJECT_MAX, false);
	struct input_value subject = input_text(in, "subject", 1, SUBJECT_MAX, false);
	struct input_value reason = input_text(in, "reason", 1, LIMIT_REASON_BYTES, false);
	struct input_value until = input_text(in, "until", 1, 40, false);
	static const char *const needed[] = {"check", "subject", "reason", "until"};

	for (size_t i = 0; i < ARRAY_LEN(needed); i++)
		if (!json_object_get(in->object, needed[i]))
			input_fail(in, needed[i], "is missing");
	a->check = check.text;
	a->subject = subject.text;
	a->reason = reason.text;
	if (until.given && time_parse_rfc3339(until.text, &a->until))
		input_fail(in, "until", "must be a time such as 2026-01-31T08:00:00Z");
	else if (until.given && (a->until <= r->now || a->until - r->now > ACKNOWLEDGE_MAX_MS))
		input_fail(in, "until", "must lie in the future, within 366 days");
	if (check.given && subject.given && !found_now(req_picture(r), a))
		input_fail(in, "subject", "there is no such finding now: see /v1/checks");
	return input_end(in);
}

/* A line of history, with the acknowledgement as its figures. */
static enum err tell(struct store *store, struct req *r, const struct acknowledgement *a, const char *what,
		     struct error *e)
{
	json_t *figures = view_acknowledgement(a);
	_cleanup_(freep) char *text = json_dumps(figures, JSON_COMPACT);
	char reason[900], until[TIME_TEXT_SIZE];
	struct event event = {.time = r->now,
			      .type = EVENT_SETTINGS,
			      .node_name = "",
			      .actor = r->actor,
			      .reason = reason,
			      .rule = "V5",
			      .figures = text};
	int64_t id;

	json_decref(figures);
	(void)snprintf(reason, sizeof reason, "The finding %s about %s %s, until %s: %s", a->check,
		       a->subject, what, time_rfc3339(a->until, until), a->reason);
	return store_event_add(store, &event, &id, e);
}

/* Takes over `before` and `after`, one of them NULL. */
static json_t *plan_of(const char *resource, json_t *before, json_t *after)
{
	json_t *plan = plan_new();

	plan_change(plan, resource, before, after);
	json_decref(before);
	json_decref(after);
	return plan;
}

struct making {
	struct req *r;
	struct acknowledgement *ack;
};

static enum err make_tx(struct store *store, void *arg, struct error *e)
{
	struct making *m = arg;
	enum err err = store_acknowledgement_add(store, m->ack, e);

	return err ? err : tell(store, m->r, m->ack, "was acknowledged", e);
}

struct done *acknowledgement_create(struct req *r)
{
	struct input_errors errors;
	struct input in;
	struct acknowledgement a = {.actor = r->actor, .created_at = r->now};
	struct making m = {.r = r, .ack = &a};
	struct error e = {.code = ERR_OK};
	struct store *store;
	char at[60];

	if (!input_open(&in, &errors, r, true, &e))
		return reply_error(r, &e);
	if (!read_body(&in, r, &a))
		return reply_input(r, &errors);
	store = req_store(r, &e);
	if (!store || store_tx(store, make_tx, &m, &e))
		return reply_error(r, &e);
	if (r->dry_run) {
		a.id = 0; /* the next one to come may get this id */
		return reply_plan(r, plan_of(ACKNOWLEDGEMENTS, NULL, view_acknowledgement(&a)));
	}
	req_changed(r);
	(void)snprintf(at, sizeof at, ACKNOWLEDGEMENTS "/%lld", (long long)a.id);
	return reply_value_at(r, 201, at, view_acknowledgement(&a));
}

struct removing {
	struct req *r;
	json_t *before;
};

static enum err remove_tx(struct store *store, void *arg, struct error *e)
{
	struct removing *m = arg;
	struct acknowledgement *a = NULL;
	enum err err = store_acknowledgement_get(store, m->r->number, &a, e);

	if (err)
		return err;
	json_decref(m->before);
	m->before = view_acknowledgement(a);
	err = req_if_match(m->r, m->before, e);
	err = err ? err : tell(store, m->r, a, "is no longer acknowledged", e);
	err = err ? err : store_acknowledgement_remove(store, m->r->number, e);
	store_acknowledgements_free(a, 1);
	return err;
}

struct done *acknowledgement_delete(struct req *r)
{
	struct removing m = {.r = r};
	struct error e;
	struct store *store = req_store(r, &e);
	enum err err = store ? store_tx(store, remove_tx, &m, &e) : e.code;
	char at[60];

	if (err) {
		json_decref(m.before);
		return reply_error(r, &e);
	}
	(void)snprintf(at, sizeof at, ACKNOWLEDGEMENTS "/%lld", (long long)r->number);
	if (r->dry_run)
		return reply_plan(r, plan_of(at, m.before, NULL));
	json_decref(m.before);
	req_changed(r);
	return reply_empty(r, 204);
}
