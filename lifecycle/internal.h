/* Inside of lifecycle/: one step of one operation at work, and what steps share. */
#ifndef BURSTD_LIFECYCLE_INTERNAL_H
#define BURSTD_LIFECYCLE_INTERNAL_H

#include <jansson.h>

#include "base/buf.h"
#include "clients/infinity/resource.h"
#include "fleet/guide.h"
#include "fleet/picture.h"
#include "lifecycle/lifecycle.h"

/* A configuration document between its creation in Infinity and its upload: it cannot be fetched again, and is never stored. */
struct held_document {
	int64_t operation;
	struct buf xml; /* wiped */
	struct held_document *next;
};

struct lifecycle {
	struct lifecycle_options o;
	struct held_document *held;
};

struct job {
	struct lifecycle *l;
	struct store *store;
	struct operation *op;
	struct operation_step *step; /* the present one */
	struct burst_params params;
	struct ec2_client *ec2; /* of the operation's region; NULL = the kind needs none */
	int64_t now;
	int64_t wait_ms;             /* of RESULT_LATER */
	enum step_name back;         /* of RESULT_BACK */
	struct upstream_error error; /* of RESULT_FAILED */
	enum intent_state from;      /* the intent as it is in the store */
	int from_attempts;
	bool changed; /* something outside was changed: news for the controller */
	bool lost;    /* somebody else moved the operation, or the store failed: nothing more is done */
};

enum step_result {
	RESULT_DONE,
	RESULT_SKIPPED, /* not asked for, or not needed */
	RESULT_LATER,   /* the step's detail says what it waits for; look again after wait_ms */
	RESULT_PERSON,  /* the same, and a person has to do it */
	RESULT_BACK,    /* the step `back` has to be done again */
	RESULT_FAILED,  /* `error` says why, and the remedy */
};

typedef enum step_result step_function(struct job *);

/* One row a step; steps.c has the table. A step without `undo` has left nothing that needs one. */
struct step_row {
	step_function *run;
	step_function *undo;
	int limit_minutes; /* real ones, from the step's beginning; 0 = as long as it takes */
};
extern const struct step_row step_rows[STEP_COUNT];

/* --- job.c: how a step ends, and what it may ask ---------------------------------------------------------------------- */

#define JOB_FORMAT(n) __attribute__((format(printf, n, n + 1)))
/* Each sets the step's detail and returns the result. */
enum step_result job_done(struct job *, const char *format, ...) JOB_FORMAT(2);
enum step_result job_skip(struct job *, const char *format, ...) JOB_FORMAT(2);
enum step_result job_later(struct job *, int64_t wait_ms /* real */, const char *format, ...) JOB_FORMAT(3);
enum step_result job_person(struct job *, const char *format, ...) JOB_FORMAT(2);
enum step_result job_refuse(struct job *, const char *code, const char *remedy, const char *format, ...)
	JOB_FORMAT(4);
/* After a failed call: later, with backoff, where the same may succeed; else it fails. */
enum step_result job_failed(struct job *, const struct upstream_error *);
/*
 * Commits that the step's deed is about to be tried. False: somebody else has moved the operation meanwhile (a cancel), so the deed
 * must not be done; the caller returns RESULT_LATER.
 */
bool job_attempt(struct job *);
/* Whether the deed was tried, and so long ago that the world's lists must show it (RULE D4). */
bool job_settled(const struct job *);

#define POLL_MS (5 * MS_PER_SECOND) /* how often a waiting step looks */

/* The node's configuration object (new reference; NULL with RESULT_LATER or RESULT_FAILED in *ret_result), which has to be there. */
json_t *job_node(struct job *, enum step_result *ret_result);
/* PATCH of the node with one field; steals `value`. RESULT_DONE when Infinity has taken it. */
enum step_result job_patch_node(struct job *, const char *field, json_t *value);
/* The instance as EC2 shows it. False: *ret_result says what to return. */
bool job_instance(struct job *, struct managed_instance *ret, enum step_result *ret_result);
/* After RESULT_FAILED: job_node or job_instance found nothing. An undo has nothing to put back there. */
bool job_gone(const struct job *);
bool instance_up(const struct managed_instance *);
bool instance_gone(const struct managed_instance *);
/* The instance was up when the operation began. */
bool job_was_running(const struct job *);
bool job_to_overflow(const struct job *); /* of a conversion */

/* --- drain.c ------------------------------------------------------------------------------------------------------- */

/*
 * RULE E1, right before anything that ends calls: a fresh read of Infinity. True: no conference can be on the node, or the
 * request says force. False: *ret_result says what to return.
 */
bool job_may_cut(struct job *, enum step_result *ret_result);
/* After the deed was accepted: counts the calls that a forced request has cut (docs/metrics.md). */
void job_has_cut(struct job *);
/*
 * For an undo that has to stop a node which serves already: maintenance mode, unless it is on or the request says force. True: it is on.
 * Back to what it was with job_put_back, once the node is down; it keeps the step's detail where there is nothing to do.
 */
bool job_take_out(struct job *, enum step_result *ret_result);
enum step_result job_put_back(struct job *);

/* --- documents (upload.c) ------------------------------------------------------------------------------------------ */

struct buf *document_of(struct lifecycle *, int64_t operation); /* NULL = none held */
bool document_keep(struct lifecycle *, int64_t operation, struct buf *steal);
void document_drop(struct lifecycle *, int64_t operation);

/* --- steps, by file -------------------------------------------------------------------------------------------------- */

/* check.c */
step_function step_check;
/* image.c, instance.c */
step_function step_find_image, step_launch, undo_launch, step_await_instance, step_stop, undo_stop,
	step_start, undo_start, step_terminate, step_set_type, undo_set_type, step_set_ena, step_tag,
	undo_tag, step_untag;
/* image.c: the image's name in AWS for the platform's version, with wildcards; false: *ret_result. */
bool job_image(struct job *, struct managed_image *ret, enum step_result *ret_result);
/* What a launch asks for, in memory of the job's operation; instance.c. */
bool launch_dry_run(struct job *, const char *image, struct upstream_error *);
/* address.c */
step_function step_allocate, undo_allocate, step_associate, undo_associate, step_release, step_static_nat,
	undo_static_nat;
/* node.c */
step_function step_create_node, undo_create_node, step_await_synced, step_set_location, undo_set_location,
	step_database, undo_database, step_delete_node;
/* upload.c */
step_function step_upload;
/* drain.c */
step_function step_maintenance_on, undo_maintenance_on, step_drain, step_maintenance_off,
	undo_maintenance_off;
/* management.c */
step_function step_first_login, step_wizard;
/* group.c */
step_function step_group, undo_group, step_group_rules, undo_group_rules;
/* platform_servers.c, platform_licence.c, platform_certificate.c, platform_rooms.c; platform.h has what they share */
step_function step_dns, undo_dns, step_ntp, undo_ntp, step_licence, undo_licence, step_location,
	undo_location, step_certificate, undo_certificate, step_vmr, undo_vmr, step_alias, undo_alias;
/* settings.c */
step_function step_push_settings;

/* follow.c: asks for the static NAT changes that operators wish (INTENT_FOLLOW_ADDRESS). */
void follow_addresses(struct lifecycle *, struct store *, bool *changed);

#endif
