/*
 * What an answer of Infinity that cannot be used means to an operator. Owns the table of statuses and the
 * reading of Infinity's several error bodies. Text from outside reaches a message only through
 * infinity_clean_text(). No state.
 */
#include "clients/infinity/errors.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/utf8.h"
#include "clients/infinity/parse.h"
#include "clients/infinity/secrets.h"

#define REMEDY_VERSION "Report this with the version of Infinity; burstd expects its management API v1."

static bool is_html(const struct http_answer *answer)
{
	const char *text = answer->body.data;

	if (strncasecmp(answer->content_type, "text/html", 9) == 0)
		return true;
	while (text && isspace((unsigned char)*text))
		text++;
	return text && *text == '<';
}

bool infinity_answer_usable(const struct http_answer *answer)
{
	return answer->status == 201 || (answer->status >= 200 && answer->status <= 299 && !is_html(answer));
}

const char *infinity_clean_text(const char *text, char out[INFINITY_TEXT_SIZE])
{
	size_t used = 0;
	bool gap = false;

	while (*text) {
		size_t length = utf8_length(text);

		if (!length || (unsigned char)*text <= 0x20 || *text == 0x7F) {
			gap = used > 0;
			text += length ? length : 1;
			continue;
		}
		if (used + gap + length >= INFINITY_TEXT_SIZE)
			break;
		if (gap)
			out[used++] = ' ';
		gap = false;
		memcpy(out + used, text, length);
		used += length;
		text += length;
	}
	out[used] = '\0';
	return out;
}

size_t infinity_utf8_prefix(const char *text, size_t max)
{
	size_t len = strnlen(text, max + 1);

	if (len <= max)
		return len;
	for (len = max; len && ((unsigned char)text[len] & 0xC0) == 0x80;)
		len--;
	return len;
}

/*
 * The first text somewhere in an error body: {"error": "..."} of commands, {"error_message": "..."} of the
 * framework,
 * {"field": ["..."]} of a validation, perhaps wrapped once more under the resource's name.
 */
static const char *first_text(const json_t *value, char *field, size_t field_size, int depth)
{
	const char *key;
	json_t *child;
	size_t i;

	if (json_is_string(value))
		return json_string_value(value);
	if (depth == 0)
		return NULL;
	json_array_foreach(value, i, child)
	{
		const char *text = first_text(child, field, field_size, depth - 1);

		if (text)
			return text;
	}
	json_object_foreach((json_t *)(uintptr_t)value, key, child)
	{
		const char *text = first_text(child, field, field_size, depth - 1);

		if (!text)
			continue;
		if (!field[0])
			(void)snprintf(field, field_size, "%s: ", key);
		return text;
	}
	return NULL;
}

static const char *named_text(const json_t *body)
{
	static const char *const names[] = {"error", "error_message", "message", "detail"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const char *text = json_string_value(json_object_get(body, names[i]));

		if (text && *text)
			return text;
	}
	return NULL;
}

/*
 * What the answer's body says, in at most 200 clean bytes. "" when it says nothing to a person, or when it is no JSON while a
 * secret was sent: whatever it is, it might be the request.
 */
static const char *body_text(const struct http_answer *answer, const json_t *sent,
			     char out[INFINITY_TEXT_SIZE])
{
	char raw[2 * INFINITY_TEXT_SIZE];
	char field[64] = "";
	char why[PARSE_WHY_SIZE];

	out[0] = '\0';
	if (!answer->body.len)
		return out;
	if (is_html(answer))
		return infinity_clean_text("an HTML page", out);
	json_auto_t *body = infinity_json_load(answer->body.data, answer->body.len, why);
	const char *text = body ? named_text(body) : NULL;

	if (!text)
		text = body ? first_text(body, field, sizeof field, 4) : NULL;
	if (!text)
		return infinity_holds_secret(sent) ? out : infinity_clean_text(answer->body.data, out);
	if (infinity_repeats_secret(sent, field))
		field[0] = '\0';
	if (infinity_repeats_secret(sent, text))
		text = "its words repeat a secret and are not shown";
	(void)snprintf(raw, sizeof raw, "%s%s", field, text);
	return infinity_clean_text(raw, out);
}

struct verdict {
	enum upstream_class class;
	const char *code;
	const char *issue;
	const char *meaning;
	const char *remedy;
};

static struct verdict verdict_unauthorized(bool oauth)
{
	if (oauth)
		return (struct verdict){
			UPSTREAM_OPERATOR, "unauthorized", "infinity_oauth",
			"a fresh OAuth2 token was refused",
			"Check that the OAuth2 client still exists on the Management Node and has a role."};
	return (struct verdict){
		UPSTREAM_OPERATOR, "unauthorized", "infinity_password", "user name or password were refused",
		"Set the user name and password of an Infinity administrator account that may use the API. "
		"If basic "
		"authentication is switched off on the Management Node, configure an OAuth2 client instead."};
}

static struct verdict verdict_not_found(enum infinity_aim aim)
{
	if (aim == AIM_READ)
		return (struct verdict){UPSTREAM_OPERATOR, "not_found", "infinity_url",
					"no management API here: not a Management Node?",
					"Check Infinity's URL: it must be the https address of the "
					"Management Node, without a path."};
	if (aim == AIM_NODE)
		return (struct verdict){
			UPSTREAM_OPERATOR, "not_found", "infinity_object", "no such Conferencing Node",
			"The node was deleted on the Management Node; nothing is left to change."};
	if (aim == AIM_RESOURCE)
		return (struct verdict){UPSTREAM_OPERATOR, "not_found", "infinity_object", "no such object",
					"It was deleted on the Management Node; nothing is left to change."};
	if (aim == AIM_LOCATION)
		return (struct verdict){
			UPSTREAM_OPERATOR, "not_found", "infinity_object", "no such location",
			"The location was deleted on the Management Node; nothing is left to change."};
	return (struct verdict){
		UPSTREAM_NEXT, "not_found", "infinity_start_refused", "the start was refused",
		"Check on the Management Node's cloud bursting page whether it knows this instance."};
}

static struct verdict verdict_refused(enum infinity_aim aim, int status)
{
	if (aim == AIM_START)
		return (struct verdict){
			UPSTREAM_NEXT, "refused", "infinity_start_refused", "the start was refused",
			"Look at the Management Node's cloud bursting page for this instance."};
	if (aim == AIM_LOCATION)
		return (struct verdict){UPSTREAM_OPERATOR, "refused", "infinity_location_refused",
					"the change was refused",
					"Mend what the Management Node names, then ask again."};
	if (aim == AIM_RESOURCE)
		return (struct verdict){UPSTREAM_OPERATOR, "refused", "infinity_resource_refused",
					"the change was refused",
					"Mend what the Management Node names, then let the operation go on."};
	if (status == 409)
		return (struct verdict){UPSTREAM_WAIT, "conflict", "infinity_conflict",
					"the change does not fit the present state",
					"Nothing at once: burstd looks again and decides anew."};
	return (struct verdict){UPSTREAM_BUG, "refused", "infinity_request", "the request was refused",
				REMEDY_VERSION};
}

static struct verdict verdict_unavailable(const char *code)
{
	return (struct verdict){UPSTREAM_RETRY, code, "infinity_unavailable",
				"the Management Node is not ready",
				"Wait if it is restarting or being upgraded; otherwise look at its own "
				"status page. Check that "
				"Infinity's URL leads to it and not to a proxy."};
}

static struct verdict verdict_of(const struct http_answer *answer, enum infinity_aim aim, bool oauth)
{
	int status = answer->status;

	if (status == 401)
		return verdict_unauthorized(oauth);
	if (status == 403)
		return (struct verdict){UPSTREAM_OPERATOR, "forbidden", "infinity_permission",
					"the account lacks the permission", NULL};
	if (status == 404)
		return verdict_not_found(aim);
	if (status == 429)
		return (struct verdict){
			UPSTREAM_THROTTLED, "throttled", "infinity_throttled",
			"too many requests to the Management Node",
			"Poll less often, or find out who else uses the API: 1,000 requests a minute "
			"are allowed in all."};
	if (status >= 300 && status <= 399)
		return (struct verdict){UPSTREAM_OPERATOR, "redirect", "infinity_url",
					"redirected instead of answered",
					"Use the Management Node's own https address as Infinity's URL."};
	if (status >= 400 && status <= 499 && status != 408)
		return verdict_refused(aim, status);
	if (status >= 200 && status <= 299)
		return verdict_unavailable("html_answer");
	return verdict_unavailable(status == 408 ? "timeout" : "server_error");
}

void infinity_error_answer(const struct http_answer *answer, enum infinity_aim aim, const char *resource,
			   const json_t *sent, bool oauth, struct upstream_error *e)
{
	struct verdict v = verdict_of(answer, aim, oauth);
	char remedy[sizeof e->remedy];
	char said[INFINITY_TEXT_SIZE];

	body_text(answer, sent, said);
	(void)snprintf(remedy, sizeof remedy,
		       "Give the role of burstd's Infinity account the permission to %s %s, then wait for "
		       "the next poll.",
		       aim == AIM_READ ? "read" : "use", resource);
	upstream_error_set(e, v.class, answer->status, v.code, v.issue, v.remedy ? v.remedy : remedy,
			   "%s: %s (%d)%s%s", resource, v.meaning, answer->status, said[0] ? ": " : "", said);
	e->retry_after_ms = answer->retry_after_ms;
}

bool infinity_error_content(struct upstream_error *e, const char *resource, const char *format, ...)
{
	char why[sizeof e->message];
	char clean[INFINITY_TEXT_SIZE];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(why, sizeof why, format, args);
	va_end(args);
	upstream_error_set(e, UPSTREAM_OPERATOR, 200, "wrong_answer", "infinity_answer", REMEDY_VERSION,
			   "%s: %s", resource, infinity_clean_text(why, clean));
	return false;
}

bool infinity_error_memory(struct upstream_error *e, const char *resource)
{
	upstream_error_set(e, UPSTREAM_OPERATOR, 0, "too_large", "infinity_answer",
			   "Give burstd more memory, or report the size of the platform.",
			   "%s: more than burstd can hold", resource);
	return false;
}
