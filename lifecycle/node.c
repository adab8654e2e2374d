/* The Conferencing Node in Infinity: made, waited for, moved, deleted. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lifecycle/internal.h"

/* --- the request (guide, "Generating, downloading and deploying the configuration file") ------------------------------------ */

static int put_text(json_t *o, const char *field, const char *text)
{
	return text[0] ? json_object_set_new(o, field, json_string(text)) : 0;
}

static int put_flag(json_t *o, const char *field, const struct operation *op, enum operation_value value)
{
	return operation_text(op, value)[0]
		       ? json_object_set_new(o, field, json_boolean(operation_flag(op, value)))
		       : 0;
}

static json_t *reference(enum infinity_resource resource, int64_t id)
{
	char text[128];

	infinity_reference(resource, id, text);
	return json_string(text);
}

/* Ids of objects that Infinity already has: the path is the field's own resource. */
static int put_references(json_t *o, const char *field, const char *path, const char *ids)
{
	json_t *list = json_array();
	int failed = 0;

	if (!ids[0]) {
		json_decref(list);
		return 0;
	}
	for (const char *at = ids; *at;) {
		char *end;
		long long id = strtoll(at, &end, 10);

		failed |= json_array_append_new(
			list, json_sprintf("/api/admin/configuration/v1/%s/%lld/", path, id));
		at = *end == ',' ? end + 1 : "";
	}
	return failed | json_object_set_new(o, field, list);
}

static json_t *worker_vm(struct job *job)
{
	const struct operation *op = job->op;
	json_t *o = json_object();
	int failed = 0;
	int64_t certificate = operation_number(op, VALUE_TLS_CERTIFICATE);

	failed |= put_text(o, "name", op->intent.node_name);
	failed |= put_text(o, "description", operation_text(op, VALUE_DESCRIPTION));
	failed |= put_text(o, "hostname", operation_text(op, VALUE_HOSTNAME));
	failed |= put_text(o, "domain", operation_text(op, VALUE_DOMAIN));
	failed |= put_text(o, "address", operation_text(op, VALUE_ADDRESS));
	failed |= put_text(o, "netmask", operation_text(op, VALUE_NETMASK));
	failed |= put_text(o, "gateway", operation_text(op, VALUE_GATEWAY));
	failed |= put_text(o, "ipv6_address", operation_text(op, VALUE_IPV6_ADDRESS));
	failed |= put_text(o, "ipv6_gateway", operation_text(op, VALUE_IPV6_GATEWAY));
	failed |= put_text(o, "static_nat_address", operation_text(op, VALUE_PUBLIC_ADDRESS));
	failed |= put_text(o, "alternative_fqdn", operation_text(op, VALUE_CONFIGURED_FQDN));
	failed |= put_text(o, "enable_ssh", operation_text(op, VALUE_ENABLE_SSH));
	failed |= put_text(o, "password", operation_text(op, VALUE_SSH_PASSWORD));
	failed |= put_flag(o, "enable_distributed_database", op, VALUE_DISTRIBUTED_DATABASE);
	failed |= put_flag(o, "ssh_authorized_keys_use_cloud", op, VALUE_SSH_AUTHORIZED_KEYS_USE_CLOUD);
	failed |= put_references(o, "static_routes", "static_route", operation_text(op, VALUE_STATIC_ROUTES));
	failed |= put_references(o, "ssh_authorized_keys", "ssh_authorized_key",
				 operation_text(op, VALUE_SSH_AUTHORIZED_KEYS));
	failed |= json_object_set_new(o, "deployment_type", json_string("MANUAL-PROVISION-ONLY"));
	failed |= json_object_set_new(o, "node_type",
				      json_string(strcmp(operation_text(op, VALUE_ROLE), "proxying")
							  ? "CONFERENCING"
							  : "PROXYING"));
	failed |= json_object_set_new(o, "system_location",
				      reference(RESOURCE_SYSTEM_LOCATION, op->intent.location));
	if (certificate)
		failed |= json_object_set_new(o, "tls_certificate",
					      reference(RESOURCE_TLS_CERTIFICATE, certificate));
	if (!failed)
		return o;
	json_decref(o);
	return NULL;
}

/* --- create ---------------------------------------------------------------------------------------------------------------------- */

/* The node of this name, if it is there. False: *ret_result. */
static bool find_by_name(struct job *job, json_t **ret, enum step_result *ret_result)
{
	struct upstream_error e = {0};

	if (infinity_resource_find(job->l->o.infinity, RESOURCE_WORKER_VM, "name", job->op->intent.node_name,
				   ret, &e))
		return true;
	*ret_result = job_failed(job, &e);
	return false;
}

/* One that an earlier attempt of ours has made: nobody else knew the address of our instance. */
static bool made_by_us(const struct job *job, const json_t *node)
{
	const char *address = json_string_value(json_object_get(node, "address"));

	return job->step->attempts && address && !strcmp(address, operation_text(job->op, VALUE_ADDRESS));
}

/* Facts, 3.2: the document cannot be fetched again, so what is there has to go first. */
static enum step_result make_room(struct job *job, int64_t id)
{
	struct upstream_error e = {0};

	if (!job_attempt(job))
		return RESULT_LATER;
	if (!infinity_resource_delete(job->l->o.infinity, RESOURCE_WORKER_VM, id, &e) && e.http_status != 404)
		return job_failed(job, &e);
	job->op->intent.node = 0;
	return job_later(job, 1,
			 "made anew: the answer to the first request was lost, and with it the "
			 "node's configuration document");
}

static enum step_result post_node(struct job *job)
{
	_cleanup_(buf_wipe) struct buf xml = BUF_INIT(1024 * 1024);
	json_auto_t *body = worker_vm(job);
	struct upstream_error e = {0};
	int64_t id = 0;

	if (!body)
		return job_refuse(job, "memory", "Give the process more memory.", "out of memory");
	if (!job_attempt(job))
		return RESULT_LATER;
	if (!infinity_resource_create(job->l->o.infinity, RESOURCE_WORKER_VM, body, &id, &xml, &e))
		return job_failed(job, &e);
	if (!document_keep(job->l, job->op->intent.id, &xml))
		return job_later(job, POLL_MS, "memory");
	job->op->intent.node = id;
	return job_done(job, "node %lld, %s", (long long)id, operation_text(job->op, VALUE_ADDRESS));
}

enum step_result step_create_node(struct job *job)
{
	enum step_result result = RESULT_DONE;
	json_auto_t *node = NULL;
	int64_t id;

	if (!find_by_name(job, &node, &result))
		return result;
	if (!node)
		return post_node(job);
	id = json_integer_value(json_object_get(node, "id"));
	if (!made_by_us(job, node))
		return job_refuse(job, "name_taken", "Undo the operation and ask again with another name.",
				  "Infinity has another node named %s (%lld)", job->op->intent.node_name,
				  (long long)id);
	if (document_of(job->l, job->op->intent.id) && job->op->intent.node == id)
		return job_done(job, "node %lld, %s", (long long)id, operation_text(job->op, VALUE_ADDRESS));
	return make_room(job, id);
}

/* A node that was never heard of has no calls; any other is drained first. */
static enum step_result delete_drained(struct job *job, int64_t id)
{
	enum step_result result = RESULT_DONE;
	struct upstream_error e = {0};

	job->op->intent.node = id;
	if (!job_may_cut(job, &result))
		return result;
	if (!job_attempt(job))
		return RESULT_LATER;
	if (!infinity_resource_delete(job->l->o.infinity, RESOURCE_WORKER_VM, id, &e) && e.http_status != 404)
		return job_failed(job, &e);
	job_has_cut(job);
	return job_done(job, "node %s (%lld) is deleted in Infinity", job->op->intent.node_name,
			(long long)id);
}

/* Before a node that serves already can be deleted, it is taken out of service: undo has no step of its own for that. */
static enum step_result undo_with_drain(struct job *job, const json_t *node)
{
	int64_t id = json_integer_value(json_object_get(node, "id"));
	struct upstream_error e = {0};

	if (json_is_true(json_object_get(node, "maintenance_mode")) && job->op->intent.maintenance_at)
		return delete_drained(job, id);
	if (!job_attempt(job))
		return RESULT_LATER;
	if (!infinity_set_maintenance(job->l->o.infinity, id, true,
				      MAINTENANCE_REASON_PREFIX "the deployment is undone", &e))
		return job_failed(job, &e);
	reconciler_maintenance_set(job->l->o.reconciler, id, true);
	job->op->intent.maintenance_at = clock_now(job->l->o.clock);
	return job_later(job, POLL_MS, "takes the node out of service before it is deleted");
}

enum step_result undo_create_node(struct job *job)
{
	enum step_result result = RESULT_DONE;
	json_auto_t *node = NULL;

	document_drop(job->l, job->op->intent.id);
	if (!job->step->attempts)
		return job_done(job, "nothing to undo");
	if (!find_by_name(job, &node, &result))
		return result;
	if (!node && !job_settled(job))
		return job_later(job, POLL_MS, "waits for Infinity to show whether the node was made");
	if (!node || !made_by_us(job, node))
		return job_done(job, "there is no such node in Infinity");
	return undo_with_drain(job, node);
}

enum step_result step_delete_node(struct job *job)
{
	json_auto_t *node = NULL;
	struct upstream_error e = {0};

	if (!infinity_resource_get(job->l->o.infinity, RESOURCE_WORKER_VM, job->op->intent.node, &node, &e))
		return job_failed(job, &e);
	return node ? delete_drained(job, job->op->intent.node)
		    : job_done(job, "node %lld is deleted in Infinity", (long long)job->op->intent.node);
}

/* --- synced ----------------------------------------------------------------------------------------------------------------------- */

static bool stays_down(const struct job *job)
{
	if (job->op->intent.kind == INTENT_CONVERT)
		return job_to_overflow(job);
	return (job->op->intent.kind == INTENT_RESIZE || job->op->intent.kind == INTENT_ENABLE_ENA) &&
	       !job_was_running(job);
}

/* A node that is not there any more is never heard of. False: *ret_result says so. */
static bool still_there(struct job *job, enum step_result *ret_result)
{
	json_auto_t *node = job_node(job, ret_result);
	struct managed_instance i = {0};

	return node && (!job->op->intent.instance[0] || job_instance(job, &i, ret_result));
}

/* Facts, 3.5: synced, and heard since the step began. Connectivity alarms meanwhile are normal. */
enum step_result step_await_synced(struct job *job)
{
	enum step_result result = RESULT_DONE;
	json_auto_t *status = NULL;
	struct upstream_error e = {0};
	const char *sync, *updated;
	int64_t at = 0;

	if (stays_down(job))
		return job_skip(job, "the instance is not running");
	if (!infinity_resource_get(job->l->o.infinity, RESOURCE_WORKER_VM_STATUS, job->op->intent.node,
				   &status, &e))
		return job_failed(job, &e);
	sync = json_string_value(json_object_get(status, "sync_status"));
	updated = json_string_value(json_object_get(status, "last_updated"));
	if (sync && !strcmp(sync, "SYNCED") && updated && !time_parse(updated, &at) &&
	    at > job->step->started_at)
		return job_done(job, "the node is synced");
	if (!still_there(job, &result))
		return result;
	return job_later(job, POLL_MS, "sync status %s, last updated %s", sync ? sync : "not known",
			 updated && updated[0] ? updated : "Never");
}

/* --- conversion ------------------------------------------------------------------------------------------------------------------- */

/* Facts, 2.1: a change of the location restarts the node and ends its calls. */
static enum step_result ensure_location(struct job *job, int64_t location)
{
	enum step_result result = RESULT_DONE;
	json_auto_t *node = job_node(job, &result);
	const char *present;

	if (!node)
		return result;
	present = json_string_value(json_object_get(node, "system_location"));
	if (present && infinity_reference_id(RESOURCE_SYSTEM_LOCATION, present) == location)
		return job_done(job, "the node is in location %lld", (long long)location);
	if (!job_may_cut(job, &result))
		return result;
	result = job_patch_node(job, "system_location", reference(RESOURCE_SYSTEM_LOCATION, location));
	if (result != RESULT_DONE)
		return result;
	job_has_cut(job);
	return job_done(job, "the node is in location %lld", (long long)location);
}

enum step_result step_set_location(struct job *job)
{
	return ensure_location(job, job->op->intent.location);
}

enum step_result undo_set_location(struct job *job)
{
	if (!job->step->attempts)
		return job_done(job, "nothing to undo");
	return ensure_location(job, operation_number(job->op, VALUE_PREVIOUS_LOCATION));
}

#define DATABASE_SPACING_MS                                                                                  \
	(5 * MS_PER_MINUTE) /* guide: "waiting a few minutes before updating the next node" */

/* Guide: one node at a time, with a few minutes between two. RESULT_DONE = now. */
static enum step_result database_turn(struct job *job)
{
	int64_t spacing = (int64_t)((double)DATABASE_SPACING_MS / job->l->o.time_scale);
	char time[TIME_TEXT_SIZE];
	struct error e = {0};
	int64_t last = 0;

	if (store_step_last(job->store, STEP_DISTRIBUTED_DATABASE, job->op->intent.id, &last, &e))
		return job_later(job, POLL_MS, "%.300s", e.detail);
	if (last == INT64_MAX)
		return job_later(job, POLL_MS, "another node's distributed database is being changed");
	if (job->now >= last + spacing)
		return RESULT_DONE;
	return job_later(job, POLL_MS,
			 "another node's distributed database was changed a moment ago: waits until %s",
			 time_rfc3339(last + spacing, time));
}

static enum step_result ensure_database(struct job *job, bool on)
{
	enum step_result result = RESULT_DONE;
	json_auto_t *node = job_node(job, &result);

	if (!node)
		return result;
	if (json_is_true(json_object_get(node, "enable_distributed_database")) == on)
		return job_done(job, "the distributed database is %s", on ? "enabled" : "disabled");
	result = database_turn(job);
	if (result == RESULT_DONE)
		result = job_patch_node(job, "enable_distributed_database", json_boolean(on));
	return result == RESULT_DONE
		       ? job_done(job, "the distributed database is %s", on ? "enabled" : "disabled")
		       : result;
}

enum step_result step_database(struct job *job)
{
	return ensure_database(job, !job_to_overflow(job));
}

enum step_result undo_database(struct job *job)
{
	if (!job->step->attempts)
		return job_done(job, "nothing to undo");
	return ensure_database(job, operation_flag(job->op, VALUE_PREVIOUS_DATABASE));
}
