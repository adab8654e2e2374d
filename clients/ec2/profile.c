/* Owns the reading of AWS's shared files. Secrets pass through a buffer that is wiped. */
#include "clients/ec2/profile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "clients/ec2/file.h"

#define FILE_MOST (1024 * 1024) /* far above any real one */
#define BLANKS    " \t\r"

/* A piece of the file's text. */
struct span {
	const char *at;
	size_t len;
};

static struct span trimmed(struct span s)
{
	while (s.len && memchr(BLANKS, s.at[0], sizeof(BLANKS) - 1)) {
		s.at++;
		s.len--;
	}
	while (s.len && memchr(BLANKS, s.at[s.len - 1], sizeof(BLANKS) - 1))
		s.len--;
	return s;
}

static bool span_is(struct span s, const char *text)
{
	return s.len == strlen(text) && memcmp(s.at, text, s.len) == 0;
}

/* A value ends where a comment begins: a blank, then # or ;. */
static struct span without_comment(struct span s)
{
	for (size_t i = 1; i < s.len; i++) {
		if ((s.at[i] != '#' && s.at[i] != ';') || !memchr(BLANKS, s.at[i - 1], sizeof(BLANKS) - 1))
			continue;
		s.len = i;
		break;
	}
	return trimmed(s);
}

/* The profile that a line like "[profile x]" opens; empty for any other section. */
static struct span section_name(struct span line, enum aws_profile_file kind)
{
	const char *end = memchr(line.at, ']', line.len);
	struct span name = {line.at + 1, end ? (size_t)(end - line.at) - 1 : 0};

	name = trimmed(name);
	if (kind == PROFILE_FILE_CONFIG && !span_is(name, "default")) {
		if (name.len < 8 || memcmp(name.at, "profile", 7) != 0 ||
		    !memchr(BLANKS, name.at[7], sizeof(BLANKS) - 1))
			return (struct span){"", 0};
		name = trimmed((struct span){name.at + 8, name.len - 8});
	}
	if (name.len >= 2 && (name.at[0] == '"' || name.at[0] == '\'') && name.at[name.len - 1] == name.at[0])
		name = (struct span){name.at + 1, name.len - 2};
	return name;
}

/* --- settings ---------------------------------------------------------------------------------------------------- */

/* Every setting that is kept, and where. */
#define SETTING(key, member)                                                                                 \
	{                                                                                                    \
		(key), offsetof(struct aws_profile, member), sizeof(((struct aws_profile *)0)->member)       \
	}
static const struct setting {
	const char *key;
	size_t offset;
	size_t size;
} settings[] = {
	SETTING("aws_access_key_id", keys.access_key),
	SETTING("aws_secret_access_key", keys.secret_key),
	SETTING("aws_session_token", keys.session_token),
	SETTING("role_arn", role_arn),
	SETTING("source_profile", source_profile),
	SETTING("credential_source", credential_source),
	SETTING("external_id", external_id),
	SETTING("role_session_name", role_session_name),
	SETTING("duration_seconds", duration_seconds),
	SETTING("web_identity_token_file", web_identity_token_file),
	SETTING("mfa_serial", mfa_serial),
};
#define KEY_SETTINGS 3 /* the first of them */

/* Ways to credentials that burstd does not know. */
static const char *const other_ways[] = {"credential_process", "sso_session", "sso_start_url",
					 "login_session"};

static char *text_of(struct aws_profile *p, const struct setting *s)
{
	return (char *)p + s->offset;
}

static void take_setting(struct aws_profile *p, struct span name, struct span value)
{
	for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
		if (!span_is(name, settings[i].key))
			continue;
		if (value.len >= settings[i].size) {
			p->too_long = settings[i].key;
			return;
		}
		memset(text_of(p, &settings[i]), 0, settings[i].size);
		memcpy(text_of(p, &settings[i]), value.at, value.len);
	}
	for (size_t i = 0; i < ARRAY_LEN(other_ways); i++)
		if (span_is(name, other_ways[i]))
			p->other_way = other_ways[i];
}

/* Lines that begin with a blank belong to a nested setting; none of them matters here. */
static void take_line(struct aws_profile *p, struct span line)
{
	const char *equals;

	if (line.len == 0 || memchr(BLANKS "#;", line.at[0], sizeof(BLANKS "#;") - 1))
		return;
	equals = memchr(line.at, '=', line.len);
	if (!equals)
		return;
	size_t before = (size_t)(equals - line.at);

	take_setting(p, trimmed((struct span){line.at, before}),
		     without_comment((struct span){equals + 1, line.len - before - 1}));
}

void aws_profile_parse(const char *text, size_t len, enum aws_profile_file kind, struct aws_profile *p)
{
	bool inside = false;

	for (size_t at = 0; at < len;) {
		const char *end = memchr(text + at, '\n', len - at);
		struct span line = {text + at, end ? (size_t)(end - text) - at : len - at};

		at += line.len + 1;
		if (line.len && line.at[0] == '[') {
			inside = span_is(section_name(line, kind), p->name);
			p->found |= inside;
		} else if (inside) {
			take_line(p, line);
		}
	}
}

/* What the credentials file leaves open is taken from the config file; keys are never put together from both. */
static void merge(struct aws_profile *to, struct aws_profile *from)
{
	bool own_keys = to->keys.access_key[0] || to->keys.secret_key[0];

	for (size_t i = own_keys ? KEY_SETTINGS : 0; i < ARRAY_LEN(settings); i++)
		if (!text_of(to, &settings[i])[0])
			memcpy(text_of(to, &settings[i]), text_of(from, &settings[i]), settings[i].size);
	to->found |= from->found;
	to->other_way = to->other_way ? to->other_way : from->other_way;
	to->too_long = to->too_long ? to->too_long : from->too_long;
}

/* --- the files --------------------------------------------------------------------------------------------------- */

/* The path from the environment, else below the home directory; false when there is neither. */
static bool file_path(enum aws_profile_file kind, char *out, size_t size)
{
	const char *set =
		getenv(kind == PROFILE_FILE_CREDENTIALS ? "AWS_SHARED_CREDENTIALS_FILE" : "AWS_CONFIG_FILE");
	const char *home = getenv("HOME");
	int len;

	if (set && set[0] && strncmp(set, "~/", 2) != 0)
		len = snprintf(out, size, "%s", set);
	else if (!home || !home[0])
		return false;
	else if (set && set[0])
		len = snprintf(out, size, "%s%s", home, set + 1);
	else
		len = snprintf(out, size, "%s/.aws/%s", home,
			       kind == PROFILE_FILE_CREDENTIALS ? "credentials" : "config");
	return len > 0 && (size_t)len < size;
}

static bool load_file(enum aws_profile_file kind, struct aws_profile *p, struct upstream_error *e)
{
	struct buf text = BUF_INIT(FILE_MOST);
	char path[1024];
	char why[100];
	enum aws_file_outcome outcome;

	if (!file_path(kind, path, sizeof(path)))
		return true;
	outcome = aws_file_read(path, &text, why, sizeof(why));
	if (outcome == AWS_FILE_READ && text.data)
		aws_profile_parse(text.data, text.len, kind, p);
	buf_wipe(&text);
	if (outcome != AWS_FILE_FAILED)
		return true;
	upstream_error_set(e, UPSTREAM_OPERATOR, 0, "credentials_file", "ec2_credentials",
			   "make the file readable for burstd's user, or set AWS keys in burstd's settings",
			   "%.180s cannot be read: %s", path, why);
	return false;
}

/* What no way to keys can be made of. */
static bool check_values(const struct aws_profile *p, struct upstream_error *e)
{
	if (p->too_long) {
		upstream_error_set(e, UPSTREAM_OPERATOR, 0, "credentials_profile", "ec2_credentials",
				   "correct the value in AWS's shared files",
				   "profile %.100s: the value of %s is longer than it can be", p->name,
				   p->too_long);
		return false;
	}
	if (!p->keys.access_key[0] == !p->keys.secret_key[0])
		return true;
	upstream_error_set(e, UPSTREAM_OPERATOR, 0, "credentials_incomplete", "ec2_credentials",
			   "give aws_access_key_id and aws_secret_access_key both, in one file",
			   "profile %.100s of AWS's shared files does not hold a whole pair of keys",
			   p->name);
	return false;
}

bool aws_profile_load(const char *name, struct aws_profile *ret, struct upstream_error *e)
{
	struct aws_profile p = {0};
	struct aws_profile config = {0};
	bool good = false;

	(void)snprintf(p.name, sizeof(p.name), "%s", name);
	(void)snprintf(config.name, sizeof(config.name), "%s", name);
	if (load_file(PROFILE_FILE_CREDENTIALS, &p, e) && load_file(PROFILE_FILE_CONFIG, &config, e)) {
		merge(&p, &config);
		good = check_values(&p, e);
	}
	if (good)
		*ret = p;
	explicit_bzero(&p, sizeof(p));
	explicit_bzero(&config, sizeof(config));
	return good;
}
