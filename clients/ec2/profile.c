/* Owns the reading of AWS's shared files. Secrets pass through a buffer that is wiped. */
#include "clients/ec2/profile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

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
static struct span section_name(struct span line, enum aws_file kind)
{
	const char *end = memchr(line.at, ']', line.len);
	struct span name = {line.at + 1, end ? (size_t)(end - line.at) - 1 : 0};

	name = trimmed(name);
	if (kind == AWS_FILE_CONFIG && !span_is(name, "default")) {
		if (name.len < 8 || memcmp(name.at, "profile", 7) != 0 ||
		    !memchr(BLANKS, name.at[7], sizeof(BLANKS) - 1))
			return (struct span){"", 0};
		name = trimmed((struct span){name.at + 8, name.len - 8});
	}
	if (name.len >= 2 && (name.at[0] == '"' || name.at[0] == '\'') && name.at[name.len - 1] == name.at[0])
		name = (struct span){name.at + 1, name.len - 2};
	return name;
}

struct reader {
	struct aws_keys *keys;
	const char *way;
	bool too_long;
};

/* Ways to credentials that burstd does not know. */
static const char *const other_ways[] = {
	"role_arn",      "credential_process",      "sso_session",
	"sso_start_url", "web_identity_token_file", "credential_source",
};

static void take_text(struct reader *r, struct span value, char *out, size_t size)
{
	if (value.len >= size) {
		r->too_long = true;
		return;
	}
	memcpy(out, value.at, value.len);
	out[value.len] = '\0';
}

static void take_setting(struct reader *r, struct span name, struct span value)
{
	struct aws_keys *k = r->keys;

	if (span_is(name, "aws_access_key_id"))
		take_text(r, value, k->access_key, sizeof(k->access_key));
	else if (span_is(name, "aws_secret_access_key"))
		take_text(r, value, k->secret_key, sizeof(k->secret_key));
	else if (span_is(name, "aws_session_token"))
		take_text(r, value, k->session_token, sizeof(k->session_token));
	for (size_t i = 0; i < ARRAY_LEN(other_ways); i++)
		if (span_is(name, other_ways[i]))
			r->way = other_ways[i];
}

/* Lines that begin with a blank belong to a nested setting; none of them matters here. */
static void take_line(struct reader *r, struct span line)
{
	const char *equals;

	if (line.len == 0 || memchr(BLANKS "#;", line.at[0], sizeof(BLANKS "#;") - 1))
		return;
	equals = memchr(line.at, '=', line.len);
	if (!equals)
		return;
	size_t before = (size_t)(equals - line.at);

	take_setting(r, trimmed((struct span){line.at, before}),
		     without_comment((struct span){equals + 1, line.len - before - 1}));
}

enum profile_outcome profile_parse(const char *text, size_t len, enum aws_file kind, const char *profile,
				   struct aws_keys *ret, const char **ret_way, bool *ret_found)
{
	struct aws_keys keys = {0};
	struct reader r = {.keys = &keys};
	enum profile_outcome outcome = PROFILE_ABSENT;
	bool inside = false;
	bool found = false;

	for (size_t at = 0; at < len;) {
		const char *end = memchr(text + at, '\n', len - at);
		struct span line = {text + at, end ? (size_t)(end - text) - at : len - at};

		at += line.len + 1;
		if (line.len && line.at[0] == '[') {
			inside = span_is(section_name(line, kind), profile);
			found |= inside;
		} else if (inside) {
			take_line(&r, line);
		}
	}
	if (r.too_long || !keys.access_key[0] != !keys.secret_key[0])
		outcome = PROFILE_INCOMPLETE;
	else if (keys.access_key[0])
		outcome = PROFILE_KEYS;
	else if (r.way)
		outcome = PROFILE_UNSUPPORTED;
	if (outcome == PROFILE_KEYS)
		*ret = keys;
	explicit_bzero(&keys, sizeof(keys));
	*ret_way = r.way;
	if (ret_found)
		*ret_found = found;
	return outcome;
}

/* --- the files --------------------------------------------------------------------------------------------------- */

/* The path from the environment, else below the home directory; false when there is neither. */
static bool file_path(enum aws_file kind, char *out, size_t size)
{
	const char *set =
		getenv(kind == AWS_FILE_CREDENTIALS ? "AWS_SHARED_CREDENTIALS_FILE" : "AWS_CONFIG_FILE");
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
			       kind == AWS_FILE_CREDENTIALS ? "credentials" : "config");
	return len > 0 && (size_t)len < size;
}

static void fclosep(FILE **f)
{
	if (*f)
		(void)fclose(*f);
}

/* false with `e` filled when the file is there and cannot be read; a file that is not there is empty. */
static bool read_file(const char *path, struct buf *text, struct upstream_error *e)
{
	char piece[4096];
	size_t n;
	_cleanup_(fclosep) FILE *f = fopen(path, "re");

	if (!f && (errno == ENOENT || errno == ENOTDIR))
		return true;
	if (f)
		(void)setvbuf(f, NULL, _IONBF, 0); /* no copy of a secret stays in stdio's buffer */
	while (f && (n = fread(piece, 1, sizeof(piece), f)) > 0)
		buf_append(text, piece, n);
	explicit_bzero(piece, sizeof(piece));
	if (f && !ferror(f) && !text->failed)
		return true;
	upstream_error_set(e, UPSTREAM_OPERATOR, 0, "credentials_file", "ec2_credentials",
			   "make the file readable for burstd's user, or set AWS keys in burstd's settings",
			   "%.200s cannot be read: %s", path,
			   text->failed ? "it is too large" : strerror(errno));
	return false;
}

static const char *chosen_profile(void)
{
	const char *profile = getenv("AWS_PROFILE");

	return profile && profile[0] ? profile : "default";
}

static void report_profile(enum profile_outcome outcome, const char *path, const char *way,
			   struct upstream_error *e)
{
	if (outcome == PROFILE_INCOMPLETE)
		upstream_error_set(e, UPSTREAM_OPERATOR, 0, "credentials_incomplete", "ec2_credentials",
				   "give aws_access_key_id and aws_secret_access_key",
				   "profile %.60s in %.150s does not hold a whole pair of keys",
				   chosen_profile(), path);
	else
		upstream_error_set(e, UPSTREAM_OPERATOR, 0, "credentials_unsupported", "ec2_credentials",
				   "use keys, or an instance role",
				   "profile %.60s in %.150s uses %s, which burstd does not support",
				   chosen_profile(), path, way);
}

/* One file. *ret_outcome is ABSENT or KEYS on true. */
static bool load_file(enum aws_file kind, struct aws_keys *ret, enum profile_outcome *ret_outcome,
		      bool *ret_section, struct upstream_error *e)
{
	struct buf text = BUF_INIT(FILE_MOST);
	const char *way = NULL;
	char path[1024];
	bool good = true;

	*ret_outcome = PROFILE_ABSENT;
	*ret_section = false;
	if (!file_path(kind, path, sizeof(path)))
		return true;
	good = read_file(path, &text, e);
	if (good)
		*ret_outcome =
			profile_parse(text.data, text.len, kind, chosen_profile(), ret, &way, ret_section);
	buf_wipe(&text);
	if (*ret_outcome != PROFILE_INCOMPLETE && *ret_outcome != PROFILE_UNSUPPORTED)
		return good;
	report_profile(*ret_outcome, path, way, e);
	return false;
}

bool profile_load(struct aws_keys *ret, bool *ret_found, struct upstream_error *e)
{
	enum profile_outcome outcome;
	bool in_credentials;
	bool in_config = false;

	if (!load_file(AWS_FILE_CREDENTIALS, ret, &outcome, &in_credentials, e))
		return false;
	if (outcome == PROFILE_ABSENT && !load_file(AWS_FILE_CONFIG, ret, &outcome, &in_config, e))
		return false;
	*ret_found = outcome == PROFILE_KEYS;
	if (*ret_found)
		return true;
	const char *asked = getenv("AWS_PROFILE");

	if (!asked || !asked[0] || in_credentials || in_config)
		return true;
	/* Someone chose a profile: quietly using something else would be worse than an error. */
	upstream_error_set(e, UPSTREAM_OPERATOR, 0, "credentials_profile", "ec2_credentials",
			   "correct AWS_PROFILE, or add the profile to the credentials file",
			   "the profile %.100s of AWS_PROFILE does not exist", asked);
	return false;
}
