/* Which fields of Infinity's objects are secrets, and whether a text gives one away. Pure; any thread. */
#ifndef BURSTD_CLIENTS_INFINITY_SECRETS_H
#define BURSTD_CLIENTS_INFINITY_SECRETS_H

#include <jansson.h>
#include <stdbool.h>

/* Whether a field in it, at any depth, holds a secret that is not empty. NULL holds none. */
bool infinity_holds_secret(const json_t *object);
/*
 * Whether `text` has a secret of `object` in it, or eight bytes in a row of one. The frame of a PEM text ("-----BEGIN ...") is no
 * secret.
 */
bool infinity_repeats_secret(const json_t *object, const char *text);

#endif
