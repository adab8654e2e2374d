/*
 * Which image: Pexip's own for the platform's version (guide, "Deploying a Conferencing Node in AWS": owner 686087431763, "Pexip
 * Infinity Conferencing Node <version> build <build_number>").
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lifecycle/internal.h"

#define IMAGE_OWNER "686087431763"

/* "38 (81234.0.0)" is version 38, build 81234. False where the text has another form. */
static bool version_read(const char *text, char version[32], char build[32])
{
	return sscanf(text, "%31[0-9.] (%31[0-9]", version, build) == 2;
}

/* The version that the Management Node runs; that of the request where one is given ("38", or "38 (81234.0.0)"). */
static bool version_wanted(struct job *job, char version[32], char build[32], enum step_result *ret_result)
{
	const char *asked = operation_text(job->op, VALUE_VERSION);
	struct upstream_error e = {0};
	json_auto_t *list = NULL;
	const char *text;

	(void)snprintf(build, 32, "*");
	if (asked[0]) {
		if (!version_read(asked, version, build))
			(void)snprintf(version, 32, "%.31s", asked);
		return true;
	}
	if (!infinity_resource_list(job->l->o.infinity, RESOURCE_MANAGEMENT_VM_STATUS, &list, &e)) {
		*ret_result = job_failed(job, &e);
		return false;
	}
	text = json_string_value(json_object_get(json_array_get(list, 0), "version"));
	if (text && version_read(text, version, build))
		return true;
	*ret_result = job_refuse(job, "version", "Give `version` in the request, for example \"38\".",
				 "the Management Node's version cannot be told");
	return false;
}

static const struct managed_image *newest(const struct managed_image *list, size_t n)
{
	const struct managed_image *best = NULL;

	for (size_t i = 0; i < n; i++)
		if (!best || strcmp(list[i].created, best->created) > 0)
			best = &list[i];
	return best;
}

bool job_image(struct job *job, struct managed_image *ret, enum step_result *ret_result)
{
	const char *role = job->op->intent.kind == INTENT_DEPLOY_NODE ? "Conferencing" : "Management";
	_cleanup_(freep) struct managed_image *list = NULL;
	char version[32], build[32], name[129];
	struct upstream_error e = {0};
	size_t n = 0;

	if (!version_wanted(job, version, build, ret_result))
		return false;
	(void)snprintf(name, sizeof name, "Pexip Infinity %s Node %s build %s", role, version, build);
	if (!ec2_find_images(job->ec2, IMAGE_OWNER, name, &list, &n, &e)) {
		*ret_result = job_failed(job, &e);
		return false;
	}
	if (n) {
		*ret = *newest(list, n);
		return true;
	}
	*ret_result = job_refuse(
		job, "no_image",
		"Give `version` as the image in AWS has it, or look whether \"Allowed AMIs\" hides it.",
		"no image \"%s\" of owner " IMAGE_OWNER " is in %s", name, job->op->intent.region);
	return false;
}

enum step_result step_find_image(struct job *job)
{
	enum step_result result = RESULT_DONE;
	struct managed_image image;

	if (operation_text(job->op, VALUE_IMAGE)[0])
		return job_done(job, "%s", operation_text(job->op, VALUE_IMAGE_NAME));
	if (!job_image(job, &image, &result))
		return result;
	if (!operation_set(job->op, VALUE_IMAGE, image.id) ||
	    !operation_set(job->op, VALUE_IMAGE_NAME, image.name))
		return job_later(job, POLL_MS, "memory");
	return job_done(job, "%s, %s", image.name, image.id);
}
