/* RFC 8259, section 7: what must be escaped is, in the form that jansson gives it, and nothing else. */
#include "handlers/json_text.h"

#include <stdbool.h>
#include <string.h>

#include "base/clock.h"
#include "base/utf8.h"

/* Bytes that stand for themselves; the rest, and the closing NUL, need a look. */
static const bool plain[256] = {[0x20 ... 0x21] = true, [0x23 ... 0x5b] = true, [0x5d ... 0x7f] = true};

/* One character; returns the bytes of it. */
static size_t put_special(struct buf *b, const char *text)
{
	static const char hex[] = "0123456789ABCDEF";
	static const char letters[0x20] = {
		['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'};
	unsigned char c = (unsigned char)*text;
	const char letter[] = {'\\', c < 0x20 ? letters[c] : (char)c};
	const char code[] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
	size_t len = utf8_length(text);

	if (len == 0)
		json_put_raw(b, "\xef\xbf\xbd");
	else if (c >= 0x80)
		buf_append(b, text, len);
	else if (letter[1])
		buf_append(b, letter, sizeof letter);
	else
		buf_append(b, code, sizeof code);
	return len ? len : 1;
}

void json_put_text(struct buf *b, const char *text)
{
	size_t n;

	if (!text) {
		json_put_raw(b, "null");
		return;
	}
	json_put_raw(b, "\"");
	while (*text) {
		for (n = 0; plain[(unsigned char)text[n]];)
			n++;
		buf_append(b, text, n);
		text += n;
		if (*text)
			text += put_special(b, text);
	}
	json_put_raw(b, "\"");
}

void json_put_int(struct buf *b, int64_t value)
{
	uint64_t rest = value < 0 ? -(uint64_t)value : (uint64_t)value;
	char digits[21];
	size_t at = sizeof digits;

	do {
		digits[--at] = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest);
	if (value < 0)
		digits[--at] = '-';
	buf_append(b, digits + at, sizeof digits - at);
}

void json_put_id(struct buf *b, int64_t id)
{
	if (id)
		json_put_int(b, id);
	else
		json_put_raw(b, "null");
}

void json_put_time(struct buf *b, int64_t ms)
{
	char text[TIME_TEXT_SIZE];

	json_put_text(b, ms ? time_rfc3339(ms, text) : NULL);
}

void json_put_stored(struct buf *b, const char *object)
{
	if (object && *object == '{')
		buf_puts(b, object);
	else
		json_put_raw(b, "null");
}
