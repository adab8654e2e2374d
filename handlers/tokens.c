/* /v1/tokens: who may call. A token's text is in the reply that makes it and nowhere else; the store has its hash. */
#include <stdlib.h>
#include <string.h>

#include "handlers/handlers.h"
#include "handlers/input.h"
#include "handlers/paging.h"
#include "handlers/plan.h"
#include "handlers/views.h"

#define CURSOR_KIND 't'
#define ROLES       "viewer|operator|admin" /* in the order of enum token_role, from TOKEN_VIEWER */

static json_t *view(const struct token_row *t)
{
	json_t *o = json_object();

	put_id(o, "id", t->id);
	put_text(o, "name", t->name);
	put_text(o, "role", token_role_text(t->role));
	put_time(o, "created_at", t->created_at);
	put_time(o, "last_used_at", t->last_used_at);
	put_time(o, "revoked_at", t->revoked_at);
	return o;
}

struct done *token_list(struct req *r)
{
	_cleanup_(freep) struct token_row *rows = NULL;
	struct paging paging;
	struct store *store;
	struct error e;
	json_t *items;
	bool revoked;
	size_t n = 0;
	size_t i;

	if (!paging_read(r, CURSOR_KIND, &paging, &e) || !query_bool(r, "revoked", false, &revoked, &e))
		return reply_error(r, &e);
	store = req_store(r, &e);
	if (!store || store_tokens_page(store, revoked, paging.last, paging.limit + 1, &rows, &n, &e))
		return reply_error(r, &e);
	items = json_array();
	for (i = 0; i < n && i < (size_t)paging.limit; i++)
		(void)json_array_append_new(items, view(&rows[i]));
	return reply_value(r, 200, paging_body(items, CURSOR_KIND, n > i ? rows[i - 1].id : 0));
}

struct done *token_get(struct req *r)
{
	struct token_row row;
	struct error e;
	struct store *store = req_store(r, &e);

	if (!store || store_token_get(store, r->number, &row, &e))
		return reply_error(r, &e);
	return reply_value(r, 200, view(&row));
}

static enum err tell(struct store *store, struct req *r, const struct token_row *t, const char *what,
		     struct error *e)
{
	char reason[400];
	struct event event = {.time = r->now,
			      .type = EVENT_SETTINGS,
			      .node_name = "",
			      .actor = r->actor,
			      .reason = reason,
			      .rule = ""};
	int64_t id;

	(void)snprintf(reason, sizeof reason, "Token %lld (%.100s, %s) was %s by %.100s.", (long long)t->id,
		       t->name, token_role_text(t->role), what, r->actor);
	return store_event_add(store, &event, &id, e);
}

/* --- making one ---------------------------------------------------------------------------------------------- */

struct making {
	struct req *r;
	const char *name;
	enum token_role role;
	char token[64];
	struct token_row row;
};

static enum err make_tx(struct store *store, void *arg, struct error *e)
{
	struct making *m = arg;
	enum err err = store_token_create(store, m->name, m->role, m->r->now, m->token, e);

	err = err ? err : store_token_named(store, m->name, &m->row, e);
	return err ? err : tell(store, m->r, &m->row, "made", e);
}

/* The token itself is not in it: it was rolled back before anyone saw it. */
static json_t *plan_making(const struct making *m)
{
	json_t *plan = plan_new();
	json_t *row = view(&m->row);

	put(row, "id", NULL);
	plan_change(plan, "/v1/tokens", NULL, row);
	json_decref(row);
	return plan;
}

static struct done *make(struct making *m)
{
	struct error e = {.code = ERR_OK};
	struct store *store = req_store(m->r, &e);
	struct done *done;
	char at[40];
	json_t *body;

	if (!store || store_tx(store, make_tx, m, &e))
		return reply_error(m->r, &e);
	if (m->r->dry_run) {
		explicit_bzero(m->token, sizeof m->token);
		return reply_plan(m->r, plan_making(m));
	}
	body = view(&m->row);
	put_text(body, "token", m->token);
	(void)snprintf(at, sizeof at, "/v1/tokens/%lld", (long long)m->row.id);
	req_tokens_changed(m->r);
	done = reply_value_at(m->r, 201, at, body);
	explicit_bzero(m->token, sizeof m->token);
	return done;
}

struct done *token_create(struct req *r)
{
	struct making m = {.r = r};
	struct input_errors errors;
	struct input in;
	struct input_value name, role;
	struct error e;

	if (!input_open(&in, &errors, r, true, &e))
		return reply_error(r, &e);
	name = input_text(&in, "name", 1, sizeof m.row.name - 1, false);
	role = input_choice(&in, "role", ROLES, false);
	if (!json_object_get(in.object, "name"))
		input_fail(&in, "name", "is missing: who or what will use the token");
	if (!json_object_get(in.object, "role"))
		input_fail(&in, "role", "is missing: viewer, operator or admin");
	if (!input_end(&in))
		return reply_input(r, &errors);
	m.name = name.text;
	m.role = (enum token_role)(role.number + TOKEN_VIEWER);
	return make(&m);
}

/* --- revoking one ---------------------------------------------------------------------------------------------- */

/* Without an admin's token nobody could make another one over the API. */
static enum err not_the_last(struct store *store, const struct token_row *t, struct error *e)
{
	int admins = 0;
	enum err err;

	if (t->role != TOKEN_ADMIN)
		return ERR_OK;
	err = store_admin_tokens(store, &admins, e);
	if (err || admins > 1)
		return err;
	return error_set(e, ERR_CONFLICT,
			 "%.100s is the last valid token of an admin: make another one first", t->name);
}

struct revoking {
	struct req *r;
	struct token_row before;
	struct token_row after;
};

static enum err revoke_tx(struct store *store, void *arg, struct error *e)
{
	struct revoking *m = arg;
	json_t *present;
	enum err err = store_token_get(store, m->r->number, &m->before, e);

	if (err)
		return err;
	m->after = m->before;
	present = view(&m->before);
	err = req_if_match(m->r, present, e);
	json_decref(present);
	if (err || m->before.revoked_at)
		return err;
	err = not_the_last(store, &m->before, e);
	err = err ? err : store_token_revoke(store, m->before.id, m->r->now, e);
	err = err ? err : tell(store, m->r, &m->before, "revoked", e);
	return err ? err : store_token_get(store, m->before.id, &m->after, e);
}

static json_t *plan_revoking(const struct revoking *m)
{
	json_t *plan = plan_new();
	json_t *before = view(&m->before);
	json_t *after = view(&m->after);
	char at[40];

	(void)snprintf(at, sizeof at, "/v1/tokens/%lld", (long long)m->before.id);
	plan_change(plan, at, before, after);
	if (!m->before.revoked_at)
		plan_consequence(plan, "Whoever uses the token %.100s is refused from then on.",
				 m->before.name);
	json_decref(before);
	json_decref(after);
	return plan;
}

struct done *token_delete(struct req *r)
{
	struct revoking m = {.r = r};
	struct error e = {.code = ERR_OK};
	struct store *store = req_store(r, &e);

	if (!store || store_tx(store, revoke_tx, &m, &e))
		return reply_error(r, &e);
	if (r->dry_run)
		return reply_plan(r, plan_revoking(&m));
	req_tokens_changed(r);
	return reply_empty(r, 204);
}
