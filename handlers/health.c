/* /healthz: the process answers. /readyz: both upstream systems are heard, and the store can be written. */
#include "handlers/handlers.h"
#include "handlers/views.h"

struct done *health_get(struct req *r)
{
	return reply_value(r, 200, json_pack("{s:s}", "status", "ok"));
}

static json_t *view_store(struct req *r, bool *ret_writable)
{
	struct error e = {.code = ERR_OK};
	struct store *store = req_store(r, &e);
	json_t *v = json_object();

	*ret_writable = store && store_writable(store, &e) == ERR_OK;
	put_bool(v, "writable", *ret_writable);
	put_text(v, "error", *ret_writable ? NULL : e.detail);
	put_text(v, "remedy",
		 *ret_writable ? NULL : "Look at free space and permissions of the state directory.");
	return v;
}

/* Every source, and whether Infinity and EC2 are both among them, fresh. */
static json_t *view_sources(const struct picture *p, int64_t now, bool *ret_fresh)
{
	bool heard[SOURCE_STORE + 1] = {false};
	json_t *list = json_array();
	bool fresh = true;
	size_t i;

	for (i = 0; i < p->n_sources; i++) {
		heard[p->sources[i].kind] = true;
		fresh = fresh && view_source_fresh(p, &p->sources[i], now);
		(void)json_array_append_new(list, view_source(p, &p->sources[i], now));
	}
	*ret_fresh = fresh && heard[SOURCE_INFINITY] && heard[SOURCE_EC2];
	return list;
}

struct done *ready_get(struct req *r)
{
	bool fresh, writable;
	json_t *v = json_object();
	json_t *sources = view_sources(req_picture(r), r->now, &fresh);
	json_t *store = view_store(r, &writable);

	put_bool(v, "ready", fresh && writable);
	put(v, "sources", sources);
	put(v, "store", store);
	return reply_value(r, fresh && writable ? 200 : 503, v);
}
