/*
 * JSON written straight into a buffer, for lists that are long and asked for often: building a tree of values and printing it
 * costs several times what reading the rows does. Keys and punctuation are the caller's, taken as they are.
 */
#ifndef BURSTD_HANDLERS_JSON_TEXT_H
#define BURSTD_HANDLERS_JSON_TEXT_H

#include <stdint.h>

#include "base/buf.h"

/* A literal, as it is. */
#define json_put_raw(b, literal) buf_append((b), (literal), sizeof(literal) - 1)
/* A string with its quotes, null for NULL; bytes that are no UTF-8 become U+FFFD. */
void json_put_text(struct buf *, const char *text);
void json_put_int(struct buf *, int64_t value);
/* null for 0. */
void json_put_id(struct buf *, int64_t id);
/* A time as text, null for 0. */
void json_put_time(struct buf *, int64_t ms);
/* The text of an object that burstd itself has stored; null where there is none. */
void json_put_stored(struct buf *, const char *object);

#endif
