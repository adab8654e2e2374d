/*
 * AWS's shared files: ~/.aws/credentials and ~/.aws/config with their profiles (docs/upstream.md, "Credentials"). Read anew at each call, so
 * a changed file counts at once. Any thread.
 */
#ifndef BURSTD_CLIENTS_EC2_PROFILE_H
#define BURSTD_CLIENTS_EC2_PROFILE_H

#include <stdbool.h>
#include <stddef.h>

#include "clients/ec2/credentials.h"

enum aws_file { AWS_FILE_CREDENTIALS, AWS_FILE_CONFIG };

enum profile_outcome {
	PROFILE_ABSENT,     /* no such profile, or it says nothing about credentials */
	PROFILE_KEYS,       /* keys found */
	PROFILE_INCOMPLETE, /* one key without the other, or a value that is too long */
	PROFILE_UNSUPPORTED, /* the profile wants another way (`ret_way`: "role_arn", "credential_process", ...) */
};

/*
 * Looks for the profile in the text of a file; the kinds differ in how a section is named ("[x]", "[profile x]"). Pure. Keys are
 * filled in only with PROFILE_KEYS. *ret_found (may be NULL) says whether the section exists.
 */
enum profile_outcome profile_parse(const char *text, size_t len, enum aws_file kind, const char *profile,
				   struct aws_keys *ret, const char **ret_way, bool *ret_found);

/*
 * Keys of the profile that the environment names (AWS_PROFILE, else "default") from the files that it names
 * (AWS_SHARED_CREDENTIALS_FILE, AWS_CONFIG_FILE, else below HOME); the credentials file wins. *ret_found: true with keys.
 * Returns false and fills `e` where something is configured but cannot be used.
 */
bool profile_load(struct aws_keys *ret, bool *ret_found, struct upstream_error *e);

#endif
