/*
 * AWS's shared files: ~/.aws/credentials and ~/.aws/config with their profiles (docs/upstream.md, "Credentials"). Read anew at
 * each call, so a changed file counts at once. Any thread.
 */
#ifndef BURSTD_CLIENTS_EC2_PROFILE_H
#define BURSTD_CLIENTS_EC2_PROFILE_H

#include <stdbool.h>
#include <stddef.h>

#include "clients/ec2/keys.h"
#include "fleet/upstream.h"

enum aws_profile_file { PROFILE_FILE_CREDENTIALS, PROFILE_FILE_CONFIG };

#define PROFILE_NAME_SIZE 129

/* What one profile says. A text that is not set is "". Holds secrets: wipe it. */
struct aws_profile {
	char name[PROFILE_NAME_SIZE];
	bool found; /* the profile has a section in one of the files */
	struct aws_keys keys;
	char role_arn[2049];
	char source_profile[PROFILE_NAME_SIZE];
	char credential_source[32];
	char external_id[1225];
	char role_session_name[65];
	char duration_seconds[16];
	char web_identity_token_file[1024];
	char mfa_serial[257];
	const char
		*other_way; /* a way to keys that burstd does not know ("credential_process", ...), or NULL */
	const char *too_long; /* the setting whose value cannot be one, or NULL */
};

/*
 * Takes what the text of a file says about the profile *p, which is zeroed but for its name; the kinds differ in how a section is
 * named ("[x]", "[profile x]"). A setting that stands twice counts as the last one says. Pure.
 */
void aws_profile_parse(const char *text, size_t len, enum aws_profile_file kind, struct aws_profile *p);

/*
 * The profile from both files (AWS_SHARED_CREDENTIALS_FILE, AWS_CONFIG_FILE, else below HOME): the credentials file wins, setting by
 * setting, and for the keys as a whole. false fills `e`: a file cannot be read, a value is too long, half a pair of keys.
 * A profile that is in neither file is true with found == false.
 */
bool aws_profile_load(const char *name, struct aws_profile *ret, struct upstream_error *e);

/* Whether the profile has keys of its own. */
static inline bool aws_profile_has_keys(const struct aws_profile *p)
{
	return p->keys.access_key[0] != '\0';
}

#endif
