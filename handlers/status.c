/* GET /v1/status: the overview that a dashboard polls, made once per picture. */
#include "handlers/handlers.h"
#include "handlers/views.h"

static json_t *view_settings(const struct picture *p, const struct overlay *o)
{
	json_t *v = json_object();

	put_bool(v, "enabled", o->settings.enabled);
	put_text(v, "mode", burst_mode_text(o->settings.mode));
	put_int(v, "bursting_threshold", o->settings.bursting_threshold);
	put_int(v, "minimum_lifetime_minutes", o->settings.minimum_lifetime_minutes);
	put_bool(v, "infinity_bursting", p->infinity_bursting);
	put_text(v, "tag_value_in_force", p->tag_value && *p->tag_value ? p->tag_value : NULL);
	return v;
}

static json_t *view_locations(const struct picture *p, const struct overlay *o, enum location_kind kind)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < p->n_locations; i++)
		if (p->locations[i].kind == kind)
			(void)json_array_append_new(list, view_location(p, o, &p->locations[i]));
	return list;
}

static json_t *view_bursting_nodes(const struct picture *p, const struct overlay *o)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < p->n_nodes; i++)
		if (p->nodes[i].bursting)
			(void)json_array_append_new(list, view_node(p, o, &p->nodes[i]));
	return list;
}

static json_t *view_issues(const struct picture *p)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < p->n_issues; i++) {
		const struct issue *issue = &p->issues[i];
		json_t *v = json_object();

		put_text(v, "id", issue->id);
		put_text(v, "severity", severity_text(issue->severity));
		put_text(v, "subject", issue->subject);
		put_text(v, "message", issue->message);
		put_text(v, "consequence", issue->consequence);
		put_text(v, "remedy", issue->remedy);
		put_time(v, "since", issue->since);
		(void)json_array_append_new(list, v);
	}
	return list;
}

static json_t *view_sources(const struct picture *p)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < p->n_sources; i++)
		(void)json_array_append_new(list, view_source(p, &p->sources[i], p->made_at));
	return list;
}

static json_t *render(struct req *r, struct error *e)
{
	_cleanup_(overlay_free) struct overlay o = {0};
	const struct picture *p = req_picture(r);
	struct store *store = req_store(r, e);
	json_t *v;

	if (!store || overlay_load(store, &o, e))
		return NULL;
	v = json_object();
	put_time(v, "generated_at", p->made_at);
	put(v, "bursting", view_settings(p, &o));
	/* RULE V2: only principal locations are listed as principals */
	put(v, "principal_locations", view_locations(p, &o, LOCATION_PRINCIPAL));
	put(v, "overflow_locations", view_locations(p, &o, LOCATION_OVERFLOW));
	put(v, "overflow_nodes", view_bursting_nodes(p, &o));
	put(v, "issues", view_issues(p));
	put(v, "sources", view_sources(p));
	return v;
}

struct done *status_get(struct req *r)
{
	return reply_page(r, PAGE_STATUS, render);
}
