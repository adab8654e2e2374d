/*
 * One vocabulary of failure for the whole process.
 *
 * Three kinds are never mixed: the environment or a request failed (`enum err`, with the words in a
 * caller-owned `struct error`), we have a bug (assert), the peer misbehaved (ERR_UPSTREAM and friends).
 * A function either logs or returns an error, not both.
 */
#ifndef BURSTD_BASE_ERR_H
#define BURSTD_BASE_ERR_H

#include <stdarg.h>

/*   name            value  http  slug (the `type` of an RFC 9457 problem)  title */
#define ERR_CODES(X)                                                                                         \
	X(OK, 0, 200, "ok", "OK")                                                                            \
	X(BAD_REQUEST, -1, 400, "bad-request", "The request is not valid")                                   \
	X(UNAUTHORIZED, -2, 401, "unauthorized", "A valid token is needed")                                  \
	X(FORBIDDEN, -3, 403, "forbidden", "The token's role does not allow this")                           \
	X(NOT_FOUND, -4, 404, "not-found", "No such resource")                                               \
	X(METHOD, -5, 405, "method-not-allowed", "The method is not allowed here")                           \
	X(NOT_ACCEPTABLE, -6, 406, "not-acceptable", "None of the accepted media types is offered")          \
	X(CONFLICT, -7, 409, "conflict", "The state of the resource does not allow this")                    \
	X(PRECONDITION, -8, 412, "precondition-failed", "The resource has changed since it was read")        \
	X(TOO_LARGE, -9, 413, "too-large", "The body is too large")                                          \
	X(MEDIA_TYPE, -10, 415, "unsupported-media-type", "The body must be application/json")               \
	X(TOO_MANY, -11, 429, "too-many-requests", "Too many requests")                                      \
	X(INTERNAL, -12, 500, "internal", "Something failed inside burstd")                                  \
	X(UPSTREAM, -13, 502, "upstream", "An upstream system gave an answer that cannot be used")           \
	X(BUSY, -14, 503, "busy", "Not ready")                                                               \
	X(TIMEOUT, -15, 504, "upstream-timeout", "An upstream system did not answer in time")                \
	X(URI_TOO_LONG, -17, 414, "uri-too-long", "The address is too long")                                 \
	X(KEY_REUSED, -18, 422, "idempotency-key-reused", "The Idempotency-Key belongs to another request")  \
	X(PRECONDITION_REQUIRED, -19, 428, "precondition-required", "A change must say what it is based on") \
	X(LIFECYCLE_OFF, -20, 403, "lifecycle-off", "Life-cycle operations are not allowed")                 \
	X(MISDIRECTED, -16, 421, "misdirected", "The Host header names another server")

enum err {
#define X(name, value, http, slug, title) ERR_##name = (value),
	ERR_CODES(X)
#undef X
};

struct error {
	enum err code;
	char pointer[96]; /* JSON pointer of the field at fault, or "" */
	char detail[400]; /* a sentence for a person; never holds a secret */
};

/* Fills `e` (may be NULL) and returns `code`, so that a failing function ends in one line. Any thread. */
enum err error_set(struct error *e, enum err code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The same with the JSON pointer of the field at fault ("/bursting_threshold"). */
enum err error_field(struct error *e, enum err code, const char *pointer, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* HTTP status, stable slug and title of a code; static strings. */
int err_http_status(enum err code);
const char *err_slug(enum err code);
const char *err_title(enum err code);

#endif
