/*
 * Paging. Owns the rules by which a list counts as whole: every page arrived, no page was short, total_count
 * stayed the same, no object came twice, and as many arrived as were announced. Offset paging over live data
 * cannot prove more: one that leaves and one that comes between two pages look like nothing, which is why
 * RULE E1 asks for two reads. Threads: those of the client.
 */
#define _GNU_SOURCE /* tdestroy */
#include "clients/infinity/list.h"

#include <inttypes.h>
#include <search.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"

#define PATH_MAX_BYTES 3600 /* a filter by a name of 250 characters, each of four bytes, escaped */

/* One pass over all pages. */
struct pass {
	struct infinity_client *client;
	const struct infinity_list *list;
	struct arena *arena;
	struct rows *rows;
	void *ids;                 /* tsearch tree of the ids seen, texts in the arena */
	int64_t total;             /* total_count of the first page, -1 before */
	char next[PATH_MAX_BYTES]; /* path of the page to read, "" = no more */
	char moved[120];           /* first sign that the list moved, "" = none */
};

/* "meta" of one page. */
struct meta {
	int64_t limit; /* the server's own, 0 = not said */
	int64_t total;
	const char *next; /* NULL = last page */
};

void infinity_rows_free(struct rows *rows)
{
	free(rows->items);
	*rows = (struct rows){0};
}

void infinity_rows_clear(const struct infinity_list *list, struct rows *rows)
{
	for (size_t i = 0; list->drop && i < rows->n; i++)
		list->drop((char *)rows->items + i * list->row_size);
	rows->n = 0;
	rows->partial[0] = '\0';
}

static void keep_node(void *node)
{
	(void)node;
}

static void pass_end(struct pass *pass)
{
	tdestroy(pass->ids, keep_node);
}

static int compare_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

__attribute__((format(printf, 2, 3))) static void note_moved(struct pass *pass, const char *format, ...)
{
	va_list args;

	if (pass->moved[0])
		return;
	va_start(args, format);
	(void)vsnprintf(pass->moved, sizeof pass->moved, format, args);
	va_end(args);
}

/* `list` NULL = not the page of a list. */
static json_t *get(struct infinity_client *client, const char *path, const char *resource,
		   const struct infinity_list *list, struct upstream_error *e)
{
	_cleanup_(http_answer_free) struct http_answer answer = {0};
	char why[PARSE_WHY_SIZE];
	struct infinity_request request = {
		.method = METHOD_GET, .path = path, .resource = resource, .aim = AIM_READ};
	json_t *ret;

	if (!infinity_exchange(client, &request, &answer, e))
		return NULL;
	ret = list ? infinity_json_load_list(list, answer.body.data, answer.body.len, why)
		   : infinity_json_load(answer.body.data, answer.body.len, why);
	if (!ret)
		infinity_error_content(e, resource, "%s", why);
	return ret;
}

json_t *infinity_get(struct infinity_client *client, const char *path, const char *resource,
		     struct upstream_error *e)
{
	return get(client, path, resource, NULL, e);
}

/* Zeroed room for one more row; NULL when out of memory. Valid until the next call. */
static void *rows_add(struct rows *rows, size_t size)
{
	if (rows->n == rows->cap) {
		size_t cap = rows->cap ? 2 * rows->cap : 64;
		void *items = reallocarray(rows->items, cap, size);

		if (!items)
			return NULL;
		rows->items = items;
		rows->cap = cap;
	}
	return memset((char *)rows->items + rows->n * size, 0, size);
}

/*
 * `next` may lead on only within the list that is being read: as a path, or as an address on the very server
 * that was asked. Anything else would let an answer send our credentials elsewhere.
 */
static bool take_next(struct pass *pass, const char *next, struct upstream_error *e)
{
	const char *resource = pass->list->resource;
	size_t base = strlen(pass->client->base);
	size_t path = strlen(pass->list->path);

	if (strncmp(next, pass->client->base, base) == 0)
		next += base;
	if (strncmp(next, pass->list->path, path) != 0 || next[path] != '?')
		return infinity_error_content(e, resource, "the next page is said to be elsewhere: %s", next);
	for (const char *p = next; *p; p++)
		if (*p <= 0x20 || *p >= 0x7F || *p == '#')
			return infinity_error_content(e, resource, "the next page's address is malformed");
	if (strlen(next) >= sizeof pass->next)
		return infinity_error_content(e, resource, "the next page's address is too long");
	(void)snprintf(pass->next, sizeof pass->next, "%s", next);
	return true;
}

static bool read_meta(const struct pass *pass, const json_t *page, struct meta *ret, struct upstream_error *e)
{
	const json_t *meta = json_object_get(page, "meta");
	const json_t *total = json_object_get(meta, "total_count");
	const json_t *next = json_object_get(meta, "next");

	if (!json_is_object(meta) || !json_is_array(json_object_get(page, "objects")))
		return infinity_error_content(e, pass->list->resource,
					      "the answer is not a list with \"meta\" and "
					      "\"objects\"");
	if (!json_is_integer(total) || json_integer_value(total) < 0)
		return infinity_error_content(e, pass->list->resource, "\"total_count\" is not a count");
	if (next && !json_is_null(next) && !json_is_string(next))
		return infinity_error_content(e, pass->list->resource, "\"next\" is neither a path nor null");
	*ret = (struct meta){.limit = json_integer_value(json_object_get(meta, "limit")),
			     .total = json_integer_value(total),
			     .next = json_string_value(next)};
	return true;
}

/* The id as text; false where an object has none. */
static bool id_text(const struct infinity_list *list, const json_t *object, char *out, size_t size)
{
	const json_t *id = json_object_get(object, list->key ? list->key : "id");

	if (json_is_integer(id))
		(void)snprintf(out, size, "%" JSON_INTEGER_FORMAT, json_integer_value(id));
	else if (json_is_string(id))
		(void)snprintf(out, size, "%s", json_string_value(id));
	else
		return false;
	return out[0] != '\0';
}

/* Sets *ret_new to whether the object's id was not seen before. */
static bool check_id(struct pass *pass, const json_t *object, bool *ret_new, struct upstream_error *e)
{
	char id[80];
	const char *key;

	*ret_new = true;
	if (!pass->list->key)
		return true;
	if (!id_text(pass->list, object, id, sizeof id))
		return infinity_error_content(e, pass->list->resource, "an object has no \"%s\"",
					      pass->list->key);
	if (tfind(id, &pass->ids, compare_text)) {
		note_moved(pass, "an object came twice");
		*ret_new = false;
		return true;
	}
	key = arena_strdup(pass->arena, id);
	if (!key || !tsearch(key, &pass->ids, compare_text))
		return infinity_error_memory(e, pass->list->resource);
	return true;
}

static bool matches(const struct infinity_list *list, const json_t *object)
{
	const json_t *value = list->match_field ? json_object_get(object, list->match_field) : NULL;

	return !list->match_field ||
	       (json_is_string(value) && json_string_length(value) == strlen(list->match_text) &&
		strcmp(json_string_value(value), list->match_text) == 0);
}

static bool take_object(struct pass *pass, const json_t *object, struct upstream_error *e)
{
	const struct infinity_list *list = pass->list;
	char why[PARSE_WHY_SIZE];
	char id[80] = "?";
	bool fresh = false;
	void *row;

	if (!json_is_object(object))
		return infinity_error_content(e, list->resource, "an entry of \"objects\" is not an object");
	if (!check_id(pass, object, &fresh, e))
		return false;
	if (!fresh)
		return true;
	row = rows_add(pass->rows, list->row_size);
	if (!row)
		return infinity_error_memory(e, list->resource);
	if (matches(list, object) && !list->parse(object, pass->arena, row, why)) {
		(void)id_text(list, object, id, sizeof id);
		return infinity_error_content(e, list->resource, "object %s: %s", id, why);
	}
	pass->rows->n++;
	return !arena_overflowed(pass->arena) || infinity_error_memory(e, list->resource);
}

static bool take_page(struct pass *pass, const json_t *page, struct upstream_error *e)
{
	const json_t *objects = json_object_get(page, "objects");
	size_t before = pass->rows->n;
	struct meta meta = {0};
	const json_t *object;
	size_t i;

	if (!read_meta(pass, page, &meta, e))
		return false;
	json_array_foreach(objects, i, object) if (!take_object(pass, object, e)) return false;
	if (pass->total >= 0 && meta.total != pass->total)
		note_moved(pass, "its length changed from %" PRId64 " to %" PRId64, pass->total, meta.total);
	pass->total = meta.total;
	pass->next[0] = '\0';
	if (!meta.next)
		return true;
	if (meta.limit > 0 && (int64_t)json_array_size(objects) < meta.limit)
		note_moved(pass, "a page in the middle was short");
	/* A page that brings nothing new would lead round in a circle. */
	return pass->rows->n == before || take_next(pass, meta.next, e);
}

static bool read_pages(struct pass *pass, const char *filter, struct upstream_error *e)
{
	const char *resource = pass->list->resource;

	if ((size_t)snprintf(pass->next, sizeof pass->next, "%s?limit=%d%s", pass->list->path,
			     LIMIT_INFINITY_PAGE, filter) >= sizeof pass->next)
		return infinity_error_content(e, resource, "its address is too long");
	for (int page = 0; pass->next[0]; page++) {
		if (page == LIMIT_INFINITY_PAGES)
			return infinity_error_content(e, resource, "more than %d pages",
						      LIMIT_INFINITY_PAGES);
		json_auto_t *answer = get(pass->client, pass->next, resource, pass->list, e);

		if (!answer || !take_page(pass, answer, e))
			return false;
	}
	if ((int64_t)pass->rows->n != pass->total)
		note_moved(pass, "%zu of %" PRId64 " objects arrived", pass->rows->n, pass->total);
	return true;
}

/* One pass; rows->partial tells whether the list held still. */
static bool read_once(struct infinity_client *client, const struct infinity_list *list, const char *filter,
		      struct arena *arena, struct rows *rows, struct upstream_error *e)
{
	_cleanup_(pass_end) struct pass pass = {
		.client = client, .list = list, .arena = arena, .rows = rows, .total = -1};

	infinity_rows_clear(list, rows);
	if (!read_pages(&pass, filter, e))
		return false;
	(void)snprintf(rows->partial, sizeof rows->partial, "%s", pass.moved);
	return true;
}

bool infinity_list_read(struct infinity_client *client, const struct infinity_list *list, struct arena *arena,
			struct rows *rows, struct upstream_error *e)
{
	return infinity_list_search(client, list, "", arena, rows, e);
}

bool infinity_list_search(struct infinity_client *client, const struct infinity_list *list,
			  const char *filter, struct arena *arena, struct rows *rows,
			  struct upstream_error *e)
{
	if (!read_once(client, list, filter, arena, rows, e))
		return false;
	return !rows->partial[0] || read_once(client, list, filter, arena, rows, e);
}
