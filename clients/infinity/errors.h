/*
 * What an answer of Infinity that cannot be used means to an operator: class, issue, remedy. Pure; any
 * thread.
 */
#ifndef BURSTD_CLIENTS_INFINITY_ERRORS_H
#define BURSTD_CLIENTS_INFINITY_ERRORS_H

#include <jansson.h>
#include <stdbool.h>

#include "clients/transport.h"

/* What a request is for: the same status means different things on a list, on one node, on a start, on a location and so on. */
enum infinity_aim { AIM_READ, AIM_NODE, AIM_START, AIM_LOCATION, AIM_RESOURCE };

/*
 * Any 2xx with something else than a page for a browser in it; a 201 with anything, as that of a Conferencing Node brings its
 * configuration document, and nobody promises how it is labelled.
 */
bool infinity_answer_usable(const struct http_answer *);

/*
 * Fills `e` from an answer that is not usable. `resource` as an operator reads it ("status/participant");
 * `oauth` tells which credentials a 401 is about. `sent` is the object that was sent, NULL = none: words that repeat a secret of
 * it are left out.
 */
void infinity_error_answer(const struct http_answer *, enum infinity_aim aim, const char *resource,
			   const json_t *sent, bool oauth, struct upstream_error *e);

/* A 2xx whose content is not what the API promises: issue "infinity_answer", code "wrong_answer". Returns
 * false. */
bool infinity_error_content(struct upstream_error *e, const char *resource, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Out of memory or over LIMIT_REPORT_BYTES while reading `resource`. Returns false. */
bool infinity_error_memory(struct upstream_error *e, const char *resource);

#define INFINITY_TEXT_SIZE 201
/*
 * Foreign text made fit for a message: at most 200 bytes, control characters and broken UTF-8 out, runs of
 * white space as one blank. Returns `out`.
 */
const char *infinity_clean_text(const char *text, char out[INFINITY_TEXT_SIZE]);

/* Length of the longest prefix of `text` of at most `max` bytes that does not cut a UTF-8 character. */
size_t infinity_utf8_prefix(const char *text, size_t max);

#endif
