/*
 * Licences (guide, "Configuring the Pexip Infinity platform", 3). Infinity never shows the entitlement of a licence, so burstd writes
 * down which licence came of which (PLATFORM_LICENCES; a mark, not the entitlement's id itself) and looks there, in this operation and
 * in earlier ones. After a POST without an answer the licences are compared with those that were there before.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "lifecycle/platform.h"

#define MARK_LEN   16
#define MAKING_MAX (64 * 1024)

static const struct platform_kind licence_kind = {
	.resource = RESOURCE_LICENCE, .name = "licence", .key = "fulfillment_id"};

struct mark {
	char text[MARK_LEN + 1];
};

static struct mark mark_of(const json_t *wanted)
{
	const char *entitlement = json_string_value(json_object_get(wanted, "entitlement_id"));
	char hex[SHA256_HEX_SIZE];
	struct mark mark;

	sha256_hex(entitlement ? entitlement : "", entitlement ? strlen(entitlement) : 0, hex);
	(void)snprintf(mark.text, sizeof mark.text, "%.*s", MARK_LEN, hex);
	return mark;
}

static bool has_licence(const json_t *there, int64_t id)
{
	const json_t *licence;
	size_t i;

	json_array_foreach(there, i, licence) if (platform_id(&licence_kind, licence) == id) return true;
	return false;
}

static bool note_licence(struct job *job, struct mark mark, int64_t id)
{
	char entry[64];

	(void)snprintf(entry, sizeof entry, "%s/%lld", mark.text, (long long)id);
	return platform_note(job, VALUE_PLATFORM_LICENCES, entry);
}

/* The entry of the mark: its licence is there still, or nobody knows which it is (0). */
static bool stands(const char *entries, struct mark mark, const json_t *there)
{
	const char *at = entries ? strstr(entries, mark.text) : NULL;
	int64_t id;

	if (!at)
		return false;
	id = strtoll(at + MARK_LEN + 1, NULL, 10);
	return id == 0 || has_licence(there, id);
}

/* True: of the entitlement there is a licence already, as far as burstd knows. */
static bool recorded(struct job *job, struct mark mark, const json_t *there)
{
	_cleanup_(freep) char *earlier = NULL;
	struct error e = {0};

	if (stands(operation_text(job->op, VALUE_PLATFORM_LICENCES), mark, there))
		return true;
	if (store_value_find(job->store, VALUE_PLATFORM_LICENCES, mark.text, &earlier, &e))
		job->lost = true;
	return stands(earlier, mark, there);
}

/* --- one licence -------------------------------------------------------------------------------------------------------------- */

/* "licence/MARK 140266102 140266103": what is asked for, and the licences there are before. */
static bool write_making(struct job *job, struct mark mark, const json_t *there)
{
	_cleanup_(buf_free) struct buf text = BUF_INIT(MAKING_MAX);
	const json_t *licence;
	size_t i;

	buf_printf(&text, "%s/%s", licence_kind.name, mark.text);
	json_array_foreach(there, i, licence)
		buf_printf(&text, " %lld", (long long)platform_id(&licence_kind, licence));
	return !text.failed && operation_set(job->op, VALUE_PLATFORM_MAKING, text.data);
}

static bool was_there(const char *before, int64_t id)
{
	for (char *end; *before; before = end)
		if (strtoll(before, &end, 10) == id || end == before)
			return end != before;
	return false;
}

/* After a POST without an answer: RESULT_DONE when it is known, or cannot be known any better, what came of it. */
static enum step_result settle_uncertain(struct job *job, const json_t *there)
{
	const char *making = operation_text(job->op, VALUE_PLATFORM_MAKING);
	size_t n = strlen(licence_kind.name) + 1, anew = 0, i;
	const json_t *licence;
	struct mark mark;
	int64_t id = 0;
	bool good = true;

	if (strncmp(making, "licence/", n))
		return RESULT_DONE;
	(void)snprintf(mark.text, sizeof mark.text, "%.*s", MARK_LEN, making + n);
	json_array_foreach(there, i, licence)
	{
		if (was_there(making + n + strlen(mark.text), platform_id(&licence_kind, licence)))
			continue;
		id = platform_id(&licence_kind, licence);
		anew++;
	}
	if (!anew && !job_settled(job))
		return job_later(job, POLL_MS, "waits for Infinity to show whether a licence was added");
	if (anew)
		good = note_licence(job, mark, anew == 1 ? id : 0);
	if (anew == 1)
		good = good && platform_made(job, &licence_kind, id);
	good = good && operation_set(job->op, VALUE_PLATFORM_MAKING, NULL);
	return good ? RESULT_DONE : platform_memory(job);
}

static enum step_result add(struct job *job, const json_t *wanted, json_t *there)
{
	struct mark mark = mark_of(wanted);
	struct upstream_error e = {0};
	char text[32];
	int64_t id = 0;

	if (!write_making(job, mark, there))
		return platform_memory(job);
	if (!job_attempt(job))
		return RESULT_LATER;
	if (!infinity_resource_create(job->l->o.infinity, RESOURCE_LICENCE, wanted, &id, NULL, &e)) {
		if (e.class != UPSTREAM_RETRY)
			(void)operation_set(job->op, VALUE_PLATFORM_MAKING, NULL);
		return job_failed(job, &e);
	}
	(void)snprintf(text, sizeof text, "%lld", (long long)id);
	if (!note_licence(job, mark, id) || !platform_made(job, &licence_kind, id) ||
	    json_array_append_new(there, json_pack("{ss}", "fulfillment_id", text)))
		return platform_memory(job);
	return RESULT_DONE;
}

/* --- the step ------------------------------------------------------------------------------------------------------------------- */

static size_t count_made(const struct job *job, const json_t *there)
{
	const json_t *licence;
	size_t i, n = 0;
	char entry[96];

	json_array_foreach(there, i, licence)
	{
		platform_entry(&licence_kind, platform_id(&licence_kind, licence), entry);
		n += platform_noted(job, VALUE_PLATFORM_MADE, entry);
	}
	return n;
}

static enum step_result tell(struct job *job, const json_t *there, size_t missing)
{
	return job_done(job,
			"wanted and missing: %zu; added by this operation: %zu; Infinity has %zu in all. It "
			"does not show "
			"of which entitlement a licence is: burstd knows those that it added itself, and "
			"after a lost "
			"answer goes by the number of licences",
			missing, count_made(job, there), json_array_size(there));
}

static enum step_result add_missing(struct job *job, const json_t *wanted, json_t *there)
{
	enum step_result result = settle_uncertain(job, there);
	size_t missing = 0, i;
	const json_t *licence;

	json_array_foreach(wanted, i, licence)
	{
		if (result != RESULT_DONE)
			return result;
		if (recorded(job, mark_of(licence), there))
			continue;
		if (job->lost) /* the store cannot be read */
			return RESULT_LATER;
		if (platform_compares(job))
			missing++;
		else
			result = add(job, licence, there);
	}
	return result == RESULT_DONE ? tell(job, there, missing) : result;
}

enum step_result step_licence(struct job *job)
{
	enum step_result result = RESULT_DONE;
	json_auto_t *request = platform_request(job, &result);
	const json_t *wanted = json_object_get(request, "licences");
	json_auto_t *there = NULL;
	struct upstream_error e = {0};

	if (!request)
		return result;
	if (!json_array_size(wanted))
		return job_skip(job, "not asked for");
	if (!infinity_resource_list(job->l->o.infinity, RESOURCE_LICENCE, &there, &e))
		return job_failed(job, &e);
	return add_missing(job, wanted, there);
}

enum step_result undo_licence(struct job *job)
{
	json_auto_t *there = NULL;
	struct upstream_error e = {0};
	enum step_result result = RESULT_DONE;

	if (*operation_text(job->op, VALUE_PLATFORM_MAKING)) {
		if (!infinity_resource_list(job->l->o.infinity, RESOURCE_LICENCE, &there, &e))
			return job_failed(job, &e);
		result = settle_uncertain(job, there);
	}
	return result == RESULT_DONE ? platform_undo(job, &licence_kind, "") : result;
}
