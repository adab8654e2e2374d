/*
 * Cursors: base64url (RFC 4648 5, without padding) of the list's letter and the id in decimal, or of both numbers of the key
 * with a point between them.
 */
#include "handlers/paging.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "handlers/json_text.h"

#define PAGE_DEFAULT 100
#define CURSOR_TEXT  44 /* letter, twice 19 digits, point, NUL */
#define CURSOR_CODED 64

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void encode(const char *text, char out[CURSOR_CODED])
{
	unsigned bits = 0;
	int held = 0;
	size_t n = 0;

	for (; *text; text++) {
		bits = bits << 8 | (unsigned char)*text;
		for (held += 8; held >= 6; held -= 6)
			out[n++] = alphabet[bits >> (held - 6) & 63];
	}
	if (held > 0)
		out[n++] = alphabet[bits << (6 - held) & 63];
	out[n] = '\0';
}

static bool decode(const char *coded, char out[CURSOR_TEXT])
{
	unsigned bits = 0;
	const char *place;
	int held = 0;
	size_t n = 0;

	for (; *coded; coded++) {
		place = strchr(alphabet, *coded);
		if (!place || n + 1 >= CURSOR_TEXT)
			return false;
		bits = bits << 6 | (unsigned)(place - alphabet);
		held += 6;
		if (held >= 8) {
			held -= 8;
			out[n++] = (char)(bits >> held & 255);
		}
	}
	out[n] = '\0';
	return n > 0;
}

static bool is_positive(const char *digits)
{
	return *digits >= '1' && *digits <= '9';
}

/* Decodes, and insists on the one form that encode() gives. */
static bool cursor_read(const char *cursor, char kind, bool pair, struct paging *ret)
{
	char text[CURSOR_TEXT], again[CURSOR_CODED];
	char *end = NULL;

	if (!decode(cursor, text) || text[0] != kind || !is_positive(text + 1))
		return false;
	encode(text, again);
	ret->last = strtoll(text + 1, &end, 10);
	if (pair && *end == '.' && is_positive(end + 1))
		ret->also = strtoll(end + 1, &end, 10);
	return *end == '\0' && (ret->also != 0) == pair && strcmp(again, cursor) == 0;
}

static bool read_page(struct req *r, char kind, bool pair, struct paging *ret, struct error *e)
{
	const char *limit = req_query(r, "limit");
	const char *cursor = req_query(r, "cursor");
	char *end = NULL;
	long value = PAGE_DEFAULT;

	ret->last = ret->also = 0;
	if (limit)
		value = *limit >= '1' && *limit <= '9' ? strtol(limit, &end, 10) : 0;
	if (value < 1 || value > LIMIT_PAGE_ITEMS || (end && *end != '\0')) {
		(void)error_set(e, ERR_BAD_REQUEST,
				"the query parameter \"limit\" must be an integer from 1 to %d",
				LIMIT_PAGE_ITEMS);
		return false;
	}
	ret->limit = (int)value;
	if (!cursor || cursor_read(cursor, kind, pair, ret))
		return true;
	(void)error_set(e, ERR_BAD_REQUEST,
			"the query parameter \"cursor\" must be the \"next\" of an earlier page of "
			"this list");
	return false;
}

bool paging_read(struct req *r, char kind, struct paging *ret, struct error *e)
{
	return read_page(r, kind, false, ret, e);
}

bool paging_read_pair(struct req *r, char kind, struct paging *ret, struct error *e)
{
	return read_page(r, kind, true, ret, e);
}

json_t *paging_body(json_t *items, char kind, int64_t next_last)
{
	return paging_body_pair(items, kind, next_last, 0);
}

static void cursor_make(char kind, int64_t last, int64_t also, char out[CURSOR_CODED])
{
	char text[CURSOR_TEXT];

	(void)snprintf(text, sizeof text, also ? "%c%lld.%lld" : "%c%lld", kind, (long long)last,
		       (long long)also);
	encode(text, out);
}

void paging_put_next(struct buf *b, char kind, int64_t next_last)
{
	char coded[CURSOR_CODED];

	if (next_last)
		cursor_make(kind, next_last, 0, coded);
	json_put_text(b, next_last ? coded : NULL);
}

json_t *paging_body_pair(json_t *items, char kind, int64_t next_last, int64_t next_also)
{
	char coded[CURSOR_CODED];

	if (!next_last)
		return json_pack("{s:o, s:n}", "items", items, "next");
	cursor_make(kind, next_last, next_also, coded);
	return json_pack("{s:o, s:s}", "items", items, "next", coded);
}
