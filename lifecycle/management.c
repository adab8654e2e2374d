/*
 * What only a person can do on a new Management Node (guide, "Deploying a Management Node in AWS", 11 to 14). The steps say it
 * exactly, and go on when the management API answers.
 */
#include <stdio.h>
#include <string.h>

#include "lifecycle/internal.h"

#define API_PATH "/api/admin/configuration/v1/"

static const char *reached_at(const struct job *job)
{
	const char *public = operation_text(job->op, VALUE_PUBLIC_ADDRESS);

	return public[0] ? public : operation_text(job->op, VALUE_ADDRESS);
}

/* https://ADDRESS, or what the request says, with {address} replaced. */
static void api_url(const struct job *job, char out[400])
{
	const char *given = operation_text(job->op, VALUE_MANAGEMENT_URL);
	const char *mark = strstr(given, "{address}");

	if (!given[0])
		(void)snprintf(out, 400, "https://%s" API_PATH, reached_at(job));
	else if (mark)
		(void)snprintf(out, 400, "%.*s%s%s" API_PATH, (int)(mark - given), given, reached_at(job),
			       mark + strlen("{address}"));
	else
		(void)snprintf(out, 400, "%s" API_PATH, given);
}

/* The API is there once it asks who we are. Another answer comes from a machine that is not installed yet. */
static bool api_answers(struct job *job)
{
	_cleanup_(http_answer_free) struct http_answer answer = {0};
	char url[400];
	struct http_call call = {
		.method = METHOD_GET, .url = url, .answer_max = 65536, .connect_timeout_ms = 2000};
	struct upstream_error e = {0};

	api_url(job, url);
	return job->l->o.unverified.perform(job->l->o.unverified.self, &call, &answer, &e) &&
	       (answer.status == 200 || answer.status == 401 || answer.status == 403);
}

enum step_result step_first_login(struct job *job)
{
	if (api_answers(job))
		return job_done(job, "the management API answers");
	return job_person(
		job,
		"Log in: ssh -i KEY admin@%s (KEY: the private key of %s). Enter a new UNIX password twice; "
		"you "
		"are logged out. Log in again, give that password to sudo, and complete the installation "
		"wizard: accept IP address, network mask and gateway.",
		reached_at(job), operation_text(job->op, VALUE_KEY_NAME));
}

enum step_result step_wizard(struct job *job)
{
	if (api_answers(job))
		return job_done(job, "the management API answers at %s", reached_at(job));
	return job_person(
		job,
		"Complete the installation wizard on %s: host name, domain, DNS and NTP servers that it can "
		"reach, web administrator's name and password. The node reboots; the API answers minutes "
		"later.",
		reached_at(job));
}
