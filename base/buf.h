/*
 * Growing byte buffer with a maximum stated at creation. A refused append marks the buffer as failed and
 * later appends do nothing, so ten appends need one check. Always NUL-terminated. Not thread safe.
 */
#ifndef BURSTD_BASE_BUF_H
#define BURSTD_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

struct buf {
	char *data; /* NUL-terminated once anything was appended; NULL before */
	size_t len;
	size_t cap;
	size_t max;
	bool failed;
	bool secret; /* its memory is overwritten wherever it is given back, also when the buffer grows */
};

#define BUF_INIT(max_bytes) ((struct buf){.max = (max_bytes)})

void buf_append(struct buf *, const void *data, size_t len);
void buf_puts(struct buf *, const char *);
void buf_printf(struct buf *, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Percent-encodes everything outside A-Z a-z 0-9 - . _ ~ (RFC 3986 unreserved), upper-case hex. */
void buf_put_urlencoded(struct buf *, const char *);
void buf_reset(struct buf *); /* keeps the memory, empties it, clears `failed` */
void buf_free(struct buf *);  /* releases the memory; the buffer may be used again */
void buf_wipe(
	struct
	buf *); /* overwrites the content, then buf_free: for secrets; what growing left behind stays, see `secret` */

#endif
