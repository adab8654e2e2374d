/*
 * Inside of the steps of configure_platform: objects of one kind in Infinity's configuration, wanted and there, compared by the
 * field that tells one from another.
 *
 * What is missing is made. What is there is left as it is, and differences are told. What this operation made it writes down
 * (PLATFORM_MADE), and what it is about to make before it asks for it (PLATFORM_MAKING), so that a POST whose answer is lost is
 * found again by that field, and an undo deletes exactly what was made.
 */
#ifndef BURSTD_LIFECYCLE_PLATFORM_H
#define BURSTD_LIFECYCLE_PLATFORM_H

#include "lifecycle/internal.h"

struct platform_kind {
	enum infinity_resource resource;
	const char *name;       /* "dns_server": in PLATFORM_MADE and PLATFORM_MAKING */
	const char *key;        /* the field that tells one from another */
	const char *also;       /* a second such field, or NULL */
	bool derived;           /* these fields are Infinity's own: they are not sent */
	bool folded;            /* in any letter case */
	const char *fields[4];  /* compared where they are wanted; NULL ends */
	const char *secrets[3]; /* Infinity hides them: compared is whether there is one at all */
};

#define PLATFORM_TEXT 400 /* as long as a step's detail */

struct platform_look {
	const struct platform_kind *kind;
	json_t *wanted; /* array of objects: their fields as they are sent */
	json_t *there;  /* array: what Infinity has, and what was made in this pass */
};
void platform_look_end(struct platform_look *);

/* "dns_server/3" */
void platform_entry(const struct platform_kind *, int64_t id, char out[96]);

/* The request, a new reference; NULL: *ret_result. */
json_t *platform_request(struct job *, enum step_result *ret_result);
/* Nothing is to be changed. */
bool platform_compares(const struct job *);
/* The id of an object, 0 where it has none. */
int64_t platform_id(const struct platform_kind *, const json_t *object);
/* Which of `objects` is the wanted one; NULL = none. Borrowed. */
json_t *platform_find(const struct platform_kind *, const json_t *wanted, const json_t *objects);
/* Reads what Infinity has into look->there. False: *ret_result. */
bool platform_read(struct job *, struct platform_look *, enum step_result *ret_result);
/*
 * Reads, and makes what is missing. RESULT_DONE: all that is wanted is there, or nothing is to be changed; platform_tell says so.
 * Anything else is what the step returns.
 */
enum step_result platform_ensure(struct job *, struct platform_look *);
/* RESULT_DONE with what was made, what is missing, what differs and what is there; `first` comes before that. */
enum step_result platform_tell(struct job *, const struct platform_look *, const char *first);
/* Deletes what this operation made of this kind, the newest first. `what` it has to say besides comes first. */
enum step_result platform_undo(struct job *, const struct platform_kind *, const char *what);

/* The operation's comma lists. False = out of memory. */
bool platform_note(struct job *, enum operation_value list, const char *entry);
bool platform_noted(const struct job *, enum operation_value list, const char *entry);
/* What was being made is there: it goes from PLATFORM_MAKING to PLATFORM_MADE. False = out of memory. */
bool platform_made(struct job *, const struct platform_kind *, int64_t id);
/* Why a step cannot go on without memory. */
enum step_result platform_memory(struct job *);

extern const struct platform_kind platform_dns, platform_ntp;

#endif
