#include "handlers/compat.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "handlers/views.h"

/* --- reading ------------------------------------------------------------------------------------------------------ */

/* 0 or more; `preset` where it is missing. The words are Tastypie's. */
static bool read_count(struct req *r, const char *name, int64_t preset, int64_t *ret, struct error *e)
{
	const char *text = req_query(r, name);
	size_t len = text ? strlen(text) : 0;

	*ret = preset;
	if (!text)
		return true;
	if (len < 1 || len > 9 || strspn(text, "0123456789") != len) {
		(void)error_set(e, ERR_BAD_REQUEST,
				"Invalid %s '%.40s' provided. Please provide a positive integer >= 0.", name,
				text);
		return false;
	}
	*ret = strtoll(text, NULL, 10);
	return true;
}

bool compat_format_read(struct req *r, struct error *e)
{
	const char *format = req_query(r, "format");

	if (!format || strcmp(format, "json") == 0)
		return true;
	(void)error_set(e, ERR_BAD_REQUEST, "The only format is json.");
	return false;
}

/* No filter is longer than the longest name that Infinity has. */
static bool lengths_read(struct req *r, struct error *e)
{
	const char *name = r->route->query;
	char key[64];

	while (*name) {
		const char *text;

		(void)snprintf(key, sizeof key, "%.*s", (int)strcspn(name, " "), name);
		name += strcspn(name, " ");
		name += strspn(name, " ");
		text = req_query(r, key);
		if (text && strlen(text) > COMPAT_TEXT_MOST) {
			(void)error_set(e, ERR_BAD_REQUEST, "%s has more than %d bytes.", key,
					COMPAT_TEXT_MOST);
			return false;
		}
	}
	return true;
}

bool compat_page_read(struct req *r, struct compat_page *ret, struct error *e)
{
	if (!compat_format_read(r, e) || !lengths_read(r, e))
		return false;
	if (!read_count(r, "limit", COMPAT_LIMIT_DEFAULT, &ret->limit, e) ||
	    !read_count(r, "offset", 0, &ret->offset, e))
		return false;
	if (ret->limit == 0 || ret->limit > COMPAT_LIMIT_MOST)
		ret->limit = COMPAT_LIMIT_MOST;
	return true;
}

/* The word in a space-separated list that `word` is, NULL where it is none. */
static const char *word_in(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (; *list; list += strcspn(list, " "), list += strspn(list, " "))
		if (strcspn(list, " ") == len && !memcmp(list, word, len))
			return list;
	return NULL;
}

bool compat_order_read(struct req *r, const char *fields, const char *preset, const char **ret_field,
		       bool *ret_falling, struct error *e)
{
	const char *text = req_query(r, "order_by");

	*ret_falling = text && text[0] == '-';
	*ret_field = word_in(fields, text ? text + *ret_falling : preset);
	if (*ret_field && !(text && strstr(text, "__")))
		return true;
	(void)error_set(e, ERR_BAD_REQUEST, "No matching '%.60s' field for ordering on. Known are: %s", text,
			fields);
	return false;
}

/* --- replies ------------------------------------------------------------------------------------------------------ */

static void put_parameter(struct buf *b, const char *name, size_t len, const char *value)
{
	if (!value)
		return;
	buf_printf(b, "%.*s=", (int)len, name);
	buf_put_urlencoded(b, value);
	buf_puts(b, "&");
}

/* The same list from another place on, as a path. */
static json_t *link_to(struct req *r, int64_t limit, int64_t offset)
{
	_cleanup_(buf_free) struct buf b = BUF_INIT(4 * LIMIT_URL_BYTES);
	const char *name = r->route->query;
	char key[64];
	size_t len;

	buf_printf(&b, "%s?", r->route->path);
	for (; *name; name += len, name += strspn(name, " ")) {
		len = strcspn(name, " ");
		(void)snprintf(key, sizeof key, "%.*s", (int)len, name);
		if (strcmp(key, "limit") != 0 && strcmp(key, "offset") != 0)
			put_parameter(&b, name, len, req_query(r, key));
	}
	buf_printf(&b, "limit=%lld&offset=%lld", (long long)limit, (long long)offset);
	return b.failed ? NULL : json_string(b.data);
}

struct done *compat_list(struct req *r, const struct compat_page *page, int64_t total, json_t *objects)
{
	int64_t limit = page->limit, offset = page->offset;
	json_t *next = offset + limit < total ? link_to(r, limit, offset + limit) : json_null();
	json_t *previous = offset >= limit ? link_to(r, limit, offset - limit) : json_null();

	return reply_value(r, 200,
			   json_pack("{s:{s:I, s:o, s:I, s:o, s:I}, s:o}", "meta", "limit", (json_int_t)limit,
				     "next", next, "offset", (json_int_t)offset, "previous", previous,
				     "total_count", (json_int_t)total, "objects", objects));
}

struct done *compat_error(struct req *r, const struct error *e)
{
	if (e->code == ERR_BAD_REQUEST || e->code == ERR_CONFLICT)
		return reply_value(r, 400, json_pack("{s:s}", "error", e->detail));
	if (e->code == ERR_NOT_FOUND)
		return reply_value(r, 404, json_pack("{s:s}", "error", e->detail));
	return reply_error(r, e);
}

void compat_put_time(json_t *object, const char *key, int64_t ms)
{
	char text[TIME_TEXT_SIZE];

	put_text(object, key, ms ? time_infinity(ms, text) : NULL);
}
