/* Owns the form of keys: which characters, and the JSON that link-local services give. */
#include "clients/ec2/keys.h"

#include <jansson.h>
#include <string.h>

#include "base/clock.h"

bool aws_token_valid(const char *session_token)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/+=_-";

	return session_token[strspn(session_token, allowed)] == '\0';
}

static bool copy_field(const json_t *object, const char *name, char *out, size_t size)
{
	const char *text = json_string_value(json_object_get(object, name));

	if (!text || !text[0] || strlen(text) >= size)
		return false;
	memcpy(out, text, strlen(text) + 1);
	return true;
}

bool aws_keys_from_json(const struct buf *body, struct aws_keys *ret)
{
	json_t *root = json_loadb(body->data ? body->data : "", body->len, 0, NULL);
	const json_t *code = json_object_get(root, "Code");
	struct aws_keys keys = {0};
	bool good = (!code || (json_is_string(code) && strcmp(json_string_value(code), "Success") == 0)) &&
		    copy_field(root, "AccessKeyId", keys.access_key, sizeof(keys.access_key)) &&
		    copy_field(root, "SecretAccessKey", keys.secret_key, sizeof(keys.secret_key)) &&
		    copy_field(root, "Token", keys.session_token, sizeof(keys.session_token)) &&
		    aws_token_valid(keys.session_token) &&
		    time_parse(json_string_value(json_object_get(root, "Expiration")), &keys.expires_at) == 0;

	if (good)
		*ret = keys;
	explicit_bzero(&keys, sizeof(keys));
	json_decref(root);
	return good;
}
