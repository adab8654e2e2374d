/* AWS keys as plain data, and what a set of them must look like. Any thread. */
#ifndef BURSTD_CLIENTS_EC2_KEYS_H
#define BURSTD_CLIENTS_EC2_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/limits.h"

struct aws_keys {
	char access_key[129];
	char secret_key[257];
	char session_token[LIMIT_EC2_TEXT_BYTES + 1]; /* "" = long-term keys */
	int64_t expires_at;                           /* 0 = never */
	char provider
		[400]; /* where they come from, for people: "environment", "instance role", ...; no secret */
};

/*
 * Whether the session token can be sent: the signer checks no characters, and a line break in it would begin another header.
 * The signer's own rules for key and secret are the transport's (clients/transport.c).
 */
bool aws_token_valid(const char *session_token);

/*
 * Keys of the JSON that the metadata service and container endpoints give: AccessKeyId, SecretAccessKey, Token, Expiration,
 * all four; a Code other than "Success" is a refusal. `provider` is left empty. false: not that; *ret untouched.
 */
bool aws_keys_from_json(const struct buf *body, struct aws_keys *ret);

#endif
