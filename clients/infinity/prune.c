/*
 * Owns one pass over JSON text that knows its structure and nothing more. `at` only moves forward; every reading function leaves it
 * behind what it has read and is false where that is not there.
 */
#include "clients/infinity/prune.h"

#include <string.h>

#include "base/limits.h"

#define BLANKS " \t\r\n"

struct scan {
	const char *at;
	const char *end;
	const char *copied; /* everything before it is in `out`, or left out */
	const char *const *fields;
	struct buf *out;
};

static void skip_blanks(struct scan *s)
{
	while (s->at < s->end && memchr(BLANKS, *s->at, sizeof BLANKS - 1))
		s->at++;
}

/* One character with blanks round it. */
static bool take(struct scan *s, char c)
{
	skip_blanks(s);
	if (s->at == s->end || *s->at != c)
		return false;
	s->at++;
	skip_blanks(s);
	return true;
}

static bool escaped(const char *quote, const char *start)
{
	const char *p = quote;

	while (p > start && p[-1] == '\\')
		p--;
	return (quote - p) % 2 != 0;
}

static bool skip_text(struct scan *s)
{
	const char *start = s->at + 1;

	if (s->at == s->end || *s->at != '"')
		return false;
	for (const char *quote = start; quote < s->end; quote++) {
		quote = memchr(quote, '"', (size_t)(s->end - quote));
		if (!quote)
			return false;
		if (escaped(quote, start))
			continue;
		s->at = quote + 1;
		return true;
	}
	return false;
}

/* Of an object or a list only where it ends. */
static bool skip_nested(struct scan *s)
{
	int depth = 0;

	while (s->at < s->end) {
		char c = *s->at;

		if (c == '"') {
			if (!skip_text(s))
				return false;
			continue;
		}
		s->at++;
		if ((c == '{' || c == '[') && ++depth > LIMIT_UPSTREAM_JSON_DEPTH)
			return false;
		if ((c == '}' || c == ']') && --depth == 0)
			return true;
	}
	return false;
}

static bool skip_value(struct scan *s)
{
	const char *start = s->at;

	if (s->at == s->end)
		return false;
	if (*s->at == '"')
		return skip_text(s);
	if (*s->at == '{' || *s->at == '[')
		return skip_nested(s);
	while (s->at < s->end && !memchr(",]}:\"[{" BLANKS, *s->at, sizeof ",]}:\"[{" BLANKS - 1))
		s->at++;
	return s->at > start;
}

/* `key` with its quotation marks. One with an escape may mean any name: it is kept. */
static bool wanted(const struct scan *s, const char *key, size_t len)
{
	for (const char *const *f = s->fields; *f; f++)
		if ((*f)[0] == key[1] && strlen(*f) == len - 2 && memcmp(*f, key + 1, len - 2) == 0)
			return true;
	return memchr(key, '\\', len) != NULL;
}

/* "key": value; `wanted` members are appended, after a comma where they are not the first. */
static bool prune_member(struct scan *s, bool *first)
{
	const char *key = s->at;

	if (!skip_text(s))
		return false;
	size_t len = (size_t)(s->at - key);

	if (!take(s, ':') || !skip_value(s))
		return false;
	if (!wanted(s, key, len))
		return true;
	buf_append(s->out, ",", *first ? 0 : 1);
	buf_append(s->out, key, (size_t)(s->at - key));
	*first = false;
	return true;
}

/* One entry of "objects". */
static bool prune_entry(struct scan *s)
{
	bool first = true;

	if (!take(s, '{'))
		return false;
	buf_append(s->out, s->copied, (size_t)(s->at - s->copied));
	if (s->at < s->end && *s->at != '}')
		do {
			if (!prune_member(s, &first))
				return false;
		} while (take(s, ','));
	s->copied = s->at;
	return take(s, '}');
}

static bool prune_entries(struct scan *s)
{
	if (!take(s, '['))
		return false;
	if (take(s, ']'))
		return true;
	do {
		if (!prune_entry(s))
			return false;
	} while (take(s, ','));
	return take(s, ']');
}

static bool is_objects(const char *key, size_t len)
{
	return len == 9 && memcmp(key, "\"objects\"", 9) == 0;
}

bool infinity_prune(const char *text, size_t len, const char *const *fields, struct buf *out)
{
	struct scan s = {.at = text, .end = text + len, .copied = text, .fields = fields, .out = out};

	if (!take(&s, '{'))
		return false;
	do {
		const char *key = s.at;

		if (!skip_text(&s))
			return false;
		bool list = is_objects(key, (size_t)(s.at - key));

		if (!take(&s, ':') || !(list ? prune_entries(&s) : skip_value(&s)))
			return false;
	} while (take(&s, ','));
	if (!take(&s, '}'))
		return false;
	buf_append(out, s.copied, (size_t)(s.end - s.copied));
	return !out->failed;
}
