/*
 * The configuration document's way to the node: from Infinity's answer, through memory alone, to port 8443 of the instance. What
 * a crash takes with it is made anew (step back to create_node).
 */
#include <stdlib.h>
#include <string.h>

#include "clients/infinity/bootstrap.h"
#include "lifecycle/internal.h"

/* --- documents ------------------------------------------------------------------------------------------------------------ */

static struct held_document **place_of(struct lifecycle *l, int64_t operation)
{
	struct held_document **at = &l->held;

	while (*at && (*at)->operation != operation)
		at = &(*at)->next;
	return at;
}

struct buf *document_of(struct lifecycle *l, int64_t operation)
{
	struct held_document *d = *place_of(l, operation);

	return d ? &d->xml : NULL;
}

void document_drop(struct lifecycle *l, int64_t operation)
{
	struct held_document **at = place_of(l, operation);
	struct held_document *d = *at;

	if (!d)
		return;
	*at = d->next;
	buf_wipe(&d->xml);
	free(d);
}

bool document_keep(struct lifecycle *l, int64_t operation, struct buf *steal)
{
	struct held_document *d = calloc(1, sizeof(*d));

	if (!d || steal->failed) {
		free(d);
		return false;
	}
	document_drop(l, operation);
	*d = (struct held_document){.operation = operation, .xml = *steal, .next = l->held};
	*steal = (struct buf){.max = steal->max};
	l->held = d;
	return true;
}

/* --- the step --------------------------------------------------------------------------------------------------------------- */

#define CONTACT_MS (10 * MS_PER_MINUTE) /* a node that took its document is heard of within this */

/* Whether the Management Node has heard of it: it has its configuration. False: *ret_result. */
static bool contacted(struct job *job, bool *ret, enum step_result *ret_result)
{
	json_auto_t *status = NULL;
	struct upstream_error e = {0};
	const char *updated;

	if (!infinity_resource_get(job->l->o.infinity, RESOURCE_WORKER_VM_STATUS, job->op->intent.node,
				   &status, &e)) {
		*ret_result = job_failed(job, &e);
		return false;
	}
	updated = json_string_value(json_object_get(status, "last_updated"));
	*ret = updated && updated[0] && strcmp(updated, "Never") != 0;
	return true;
}

static const char *where_to(const struct job *job)
{
	return strcmp(operation_text(job->op, VALUE_UPLOAD_TO), "public")
		       ? operation_text(job->op, VALUE_ADDRESS)
		       : operation_text(job->op, VALUE_PUBLIC_ADDRESS);
}

/* Nobody holds the document any more: after a crash, or when Infinity never hears of the node. */
static enum step_result document_lost(struct job *job)
{
	int64_t tried_at = operation_number(job->op, VALUE_ATTEMPTED_AT);
	int64_t patience = (int64_t)((double)CONTACT_MS / job->l->o.time_scale);

	if (job->step->attempts && job->now < tried_at + patience)
		return job_later(job, POLL_MS,
				 "the document was sent, perhaps; waits until the node is heard of");
	job->step->attempts = 0;
	job->back = STEP_CREATE_NODE;
	(void)job_done(job, "the configuration document is lost and is made anew");
	return RESULT_BACK;
}

static enum step_result send_document(struct job *job, const struct buf *xml)
{
	const struct lifecycle_options *o = &job->l->o;
	enum step_result result = RESULT_DONE;
	struct managed_instance i = {0};
	struct upstream_error e = {0};

	if (!bootstrap_waits(&o->unverified, o->bootstrap_url, where_to(job), &e)) {
		if (!job_instance(job, &i, &result)) /* nobody is there to answer */
			return result;
		return job_later(job, POLL_MS,
				 "waits for port 8443 of %s (%.200s); the security group must let burstd's "
				 "host reach it",
				 where_to(job), e.message);
	}
	if (!job_attempt(job))
		return RESULT_LATER;
	if (!bootstrap_upload(&o->unverified, o->bootstrap_url, where_to(job), xml, &e))
		return job_failed(job, &e);
	document_drop(job->l, job->op->intent.id);
	return job_done(job, "the node at %s has its configuration", where_to(job));
}

enum step_result step_upload(struct job *job)
{
	enum step_result result = RESULT_DONE;
	struct buf *xml = document_of(job->l, job->op->intent.id);
	bool heard = false;

	if (!contacted(job, &heard, &result))
		return result;
	if (heard) {
		document_drop(job->l, job->op->intent.id);
		return job_done(job, "the node has its configuration");
	}
	return xml ? send_document(job, xml) : document_lost(job);
}
