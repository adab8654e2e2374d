/*
 * Settings sync (rule S9): what POST /v1/bursting/push asked to be written to Infinity's global settings. The values are those of
 * the request, the secret is unsealed for this alone. A PATCH with the same values is safe to repeat.
 */
#include <string.h>

#include "lifecycle/internal.h"

#define GLOBAL_ID 1 /* the one object of its kind */

static bool there_already(const json_t *present, const json_t *wanted)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)wanted, key,
			    value) if (!json_equal(json_object_get(present, key), value)) return false;
	return true;
}

static void name_all(const json_t *fields, char *out, size_t size)
{
	const char *key;
	json_t *value;
	size_t len = 0;

	json_object_foreach((json_t *)(uintptr_t)fields, key, value)
	{
		int n = snprintf(out + len, size - len, "%s%s", len ? ", " : "", key);

		if (n < 0 || (size_t)n >= size - len)
			return;
		len += (size_t)n;
	}
}

static enum step_result patch(struct job *job, json_t *fields, const char *secret)
{
	struct upstream_error e = {0};
	char names[200] = "";
	bool written;

	name_all(fields, names, sizeof names);
	if (secret && json_object_set_new(fields, "aws_secret_key", json_string(secret)))
		return job_refuse(job, "memory", "Give the process more memory.", "out of memory");
	if (!job_attempt(job))
		return RESULT_LATER;
	written = infinity_resource_update(job->l->o.infinity, RESOURCE_GLOBAL, GLOBAL_ID, fields, &e);
	if (!written)
		return job_failed(job, &e);
	return job_done(job, "%s%s written", names, secret ? ", aws_secret_key" : "");
}

enum step_result step_push_settings(struct job *job)
{
	json_auto_t *fields = json_loads(operation_text(job->op, VALUE_PUSH), JSON_REJECT_DUPLICATES, NULL);
	const char *secret = job->op->values[VALUE_PUSH_SECRET];
	json_auto_t *present = NULL;
	struct upstream_error e = {0};

	if (!json_is_object(fields))
		return job_refuse(job, "push", "Ask for the push anew.",
				  "the operation does not say what to write");
	if (!infinity_resource_get(job->l->o.infinity, RESOURCE_GLOBAL, GLOBAL_ID, &present, &e))
		return job_failed(job, &e);
	if (!present)
		return job_refuse(
			job, "no_global",
			"Give burstd's Infinity account the permission to read the global settings.",
			"Infinity shows no global settings");
	if (!secret && there_already(present, fields)) /* a secret cannot be compared */
		return job_done(job, "Infinity has these values already");
	return patch(job, fields, secret);
}
