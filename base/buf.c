/*
 * Owns the growing byte buffer.
 *
 * Invariants: len <= max; data[len] is 0 once there is data; after a refusal the content stays what it was,
 * so that no half append can be mistaken for a whole one.
 */
#include "base/buf.h"

#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CAP_LEAST 256u

/* realloc() that leaves nothing behind. */
static char *move(struct buf *b, size_t cap)
{
	char *data = malloc(cap);

	if (!data)
		return NULL;
	if (b->data)
		memcpy(data, b->data, b->len + 1);
	buf_wipe(&(struct buf){.data = b->data, .cap = b->cap});
	return data;
}

/* The slow part of reserve(). */
static bool grow(struct buf *b, size_t more)
{
	if (b->len > b->max || more > b->max - b->len || b->max == SIZE_MAX) {
		b->failed = true;
		return false;
	}
	size_t need = b->len + more + 1;
	size_t cap = b->cap > b->max / 2 ? b->max + 1 : b->cap * 2;

	if (cap < need)
		cap = need;
	if (cap < CAP_LEAST && b->max >= CAP_LEAST)
		cap = CAP_LEAST;
	char *data = b->secret ? move(b, cap) : realloc(b->data, cap);

	if (!data) {
		b->failed = true;
		return false;
	}
	b->data = data;
	b->cap = cap;
	return true;
}

/* Makes room for `more` bytes and the closing NUL; false (and marked) when refused. */
static inline bool reserve(struct buf *b, size_t more)
{
	if (b->failed)
		return false;
	if (more < b->cap - b->len) /* cap never exceeds max + 1 */
		return true;
	return grow(b, more);
}

void buf_append(struct buf *b, const void *data, size_t len)
{
	if (!reserve(b, len))
		return;
	if (len)
		memcpy(b->data + b->len, data, len);
	b->len += len;
	b->data[b->len] = '\0';
}

void buf_puts(struct buf *b, const char *text)
{
	buf_append(b, text, strlen(text));
}

void buf_printf(struct buf *b, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	int len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (len < 0)
		b->failed = true;
	if (len < 0 || !reserve(b, (size_t)len))
		return;
	va_start(args, format);
	(void)vsnprintf(b->data + b->len, (size_t)len + 1, format, args);
	va_end(args);
	b->len += (size_t)len;
}

/* Not isalnum(): the set of RFC 3986 does not depend on a locale. */
static bool unreserved(unsigned char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
	       c == '.' || c == '_' || c == '~';
}

void buf_put_urlencoded(struct buf *b, const char *text)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t len = strlen(text);
	size_t grown = len;

	for (size_t i = 0; i < len; i++)
		if (!unreserved((unsigned char)text[i]))
			grown += 2;
	if (!reserve(b, grown))
		return;
	char *out = b->data + b->len;

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (unreserved(c)) {
			*out++ = (char)c;
			continue;
		}
		*out++ = '%';
		*out++ = hex[c >> 4];
		*out++ = hex[c & 15];
	}
	*out = '\0';
	b->len += grown;
}

void buf_reset(struct buf *b)
{
	b->len = 0;
	b->failed = false;
	if (b->data)
		b->data[0] = '\0';
}

void buf_free(struct buf *b)
{
	if (b->secret && b->data)
		OPENSSL_cleanse(b->data, b->cap);
	free(b->data);
	*b = (struct buf){.max = b->max, .secret = b->secret};
}

void buf_wipe(struct buf *b)
{
	if (b->data)
		OPENSSL_cleanse(b->data, b->cap);
	buf_free(b);
}
