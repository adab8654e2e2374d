/*
 * Owns the form of a log record and its way to stderr.
 *
 * The setup is written once, before threads start, and only read afterwards. A record is built on the stack
 * and leaves in one write(2), so records of two threads never mix. A record that does not fit is cut, and
 * says so.
 */
#include "base/log.h"

#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/utf8.h"

#define RECORD_SIZE 4096
#define RECORD_TAIL 64 /* kept free for the mark of a cut record and its end */

static struct {
	enum log_level least;
	bool json;
} setup = {.least = LOG_LEVEL_INFO};

struct record {
	char text[RECORD_SIZE];
	size_t len;
	bool cut;
};

void log_setup(enum log_level least, bool json)
{
	setup.least = least;
	setup.json = json;
}

static const char *level_text(enum log_level level)
{
	switch (level) {
	case LOG_LEVEL_DEBUG:
		return "debug";
	case LOG_LEVEL_INFO:
		return "info";
	case LOG_LEVEL_WARN:
		return "warn";
	case LOG_LEVEL_ERROR:
		return "error";
	}
	return "error";
}

/* All or nothing, so that an escape sequence is never cut in the middle. */
static void put(struct record *r, const char *bytes, size_t len)
{
	if (r->cut || len + r->len > RECORD_SIZE - RECORD_TAIL) {
		r->cut = true;
		return;
	}
	memcpy(r->text + r->len, bytes, len);
	r->len += len;
}

static void put_text(struct record *r, const char *text)
{
	put(r, text, strlen(text));
}

/* One character of a quoted value; returns the bytes consumed. Escapes are those of JSON in both forms. */
static size_t put_char(struct record *r, const unsigned char *s)
{
	static const char hex[] = "0123456789abcdef";
	const char escape[] = {'\\', 'u', '0', '0', hex[s[0] >> 4], hex[s[0] & 15]};
	const char quoted[] = {'\\', (char)s[0]};
	size_t len = utf8_length((const char *)s);

	if (len == 0)
		put(r, "\\ufffd", 6);
	else if (s[0] == '\n')
		put(r, "\\n", 2);
	else if (s[0] == '"' || s[0] == '\\')
		put(r, quoted, sizeof(quoted));
	else if (s[0] < 0x20 || s[0] == 0x7f)
		put(r, escape, sizeof(escape));
	else
		put(r, (const char *)s, len);
	return len ? len : 1;
}

static void put_quoted(struct record *r, const char *value)
{
	const unsigned char *s = (const unsigned char *)value;

	put_text(r, "\"");
	while (*s && !r->cut)
		s += put_char(r, s);
	r->text[r->len++] = '"'; /* the tail has room: also a value that was cut ends */
}

/* A key is ours, a literal; a value is anything. False when not even the key fitted. */
static bool put_pair(struct record *r, const char *key, const char *value)
{
	if (r->cut)
		return false;
	if (setup.json) {
		put_text(r, r->len ? ",\"" : "{\"");
		put_text(r, key);
		put_text(r, "\":");
	} else {
		put_text(r, r->len ? " " : "");
		put_text(r, key);
		put_text(r, "=");
	}
	if (r->cut)
		return false;
	put_quoted(r, value);
	return true;
}

/* Into the reserved tail. A record cut between a key and its value is stepped back to the last whole pair. */
static void finish(struct record *r, size_t whole)
{
	const char *mark = setup.json ? ",\"cut\":\"yes\"" : " cut=\"yes\"";
	const char *end = setup.json ? "}\n" : "\n";

	if (r->cut) {
		r->len = whole;
		memcpy(r->text + r->len, mark, strlen(mark));
		r->len += strlen(mark);
	}
	memcpy(r->text + r->len, end, strlen(end));
	r->len += strlen(end);
}

void log_event(enum log_level level, const char *message, ...)
{
	struct record r = {.len = 0};
	char now[TIME_TEXT_SIZE];
	size_t whole;
	va_list args;

	if (level < setup.least)
		return;
	(void)put_pair(&r, "time", time_rfc3339(clock_now(&clock_system), now));
	(void)put_pair(&r, "level", level_text(level));
	(void)put_pair(&r, "msg", message);
	whole = r.len;
	va_start(args, message);
	for (const char *key = va_arg(args, const char *); key; key = va_arg(args, const char *)) {
		const char *value = va_arg(args, const char *);

		if (value && put_pair(&r, key, value))
			whole = r.len;
	}
	va_end(args);
	finish(&r, whole);
	(void)!write(STDERR_FILENO, r.text, r.len); /* nowhere to report it */
}
