/*
 * Owns the names of the fields that are secrets: of worker_vm, management_vm, tls_certificate, conference, ntp_server, licence and
 * global. A name that merely looks like one of a secret counts as one: what is lost by that is some words of an error. No state.
 */
#define _GNU_SOURCE /* memmem */
#include "clients/infinity/secrets.h"

#include <stdint.h>
#include <string.h>

#include "base/cleanup.h"

#define TELLING 8 /* so many bytes of a secret in a row are more than chance */

/* NULL `text`: any secret will do. */
static bool find_secret(const json_t *value, bool secret, const char *text);

static bool is_secret(const char *name)
{
	static const char *const whole[] = {"key", "pin", "guest_pin", "entitlement_id"};
	static const char *const parts[] = {"password", "passphrase", "secret", "private_key", "community"};

	for (size_t i = 0; i < ARRAY_LEN(whole); i++)
		if (strcmp(name, whole[i]) == 0)
			return true;
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		if (strstr(name, parts[i]))
			return true;
	return false;
}

/* Whether the text has the line, or TELLING bytes in a row of it. */
static bool has_part(const char *text, const char *line, size_t len)
{
	size_t size = len < TELLING ? len : TELLING;

	for (size_t i = 0; size && i + size <= len; i++)
		if (memmem(text, strlen(text), line + i, size))
			return true;
	return false;
}

/* Line by line; of several lines, short ones tell nothing and the frame is no secret. */
static bool has_secret(const char *text, const char *secret)
{
	bool lines = strchr(secret, '\n') != NULL;

	for (const char *line = secret; *line;) {
		size_t len = strcspn(line, "\n");
		bool skip = lines && (len < TELLING || strncmp(line, "-----", 5) == 0);

		if (!skip && has_part(text, line, len))
			return true;
		line += len + (line[len] == '\n');
	}
	return false;
}

static bool find_in_members(const json_t *object, bool secret, const char *text)
{
	/* jansson iterates over what it is allowed to change. */
	json_t *members = (json_t *)(uintptr_t)object;
	const char *name;
	json_t *child;

	json_object_foreach(members, name,
			    child) if (find_secret(child, secret || is_secret(name), text)) return true;
	return false;
}

static bool find_secret(const json_t *value, bool secret, const char *text)
{
	const json_t *child;
	size_t i;

	if (json_is_string(value))
		return secret && json_string_length(value) > 0 &&
		       (!text || has_secret(text, json_string_value(value)));
	json_array_foreach(value, i, child) if (find_secret(child, secret, text)) return true;
	return json_is_object(value) && find_in_members(value, secret, text);
}

bool infinity_holds_secret(const json_t *object)
{
	return find_secret(object, false, NULL);
}

bool infinity_repeats_secret(const json_t *object, const char *text)
{
	return find_secret(object, false, text);
}
