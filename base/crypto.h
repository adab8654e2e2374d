/* Hashes, random and encryption at rest, all by OpenSSL. Any thread. */
#ifndef BURSTD_BASE_CRYPTO_H
#define BURSTD_BASE_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define SHA256_HEX_SIZE 65
/* Lower-case hex SHA-256 of `data`, NUL-terminated, into `out`. */
void sha256_hex(const void *data, size_t len, char out[SHA256_HEX_SIZE]);

/* Cryptographic random; aborts when the system has none. */
void random_bytes(void *out, size_t len);
#define UUID_SIZE 37
void random_uuid(char out[UUID_SIZE]); /* version 4, RFC 9562 */
double random_unit(void);              /* uniform in [0, 1) */

/*
 * Base64 with padding (RFC 4648 4), strictly: no spaces, nothing behind it. -1 where `text` is not that, or does not fit in
 * `size` bytes with a NUL behind them; else the number of bytes.
 */
int base64_decode(const char *text, char *out, size_t size);

/* Constant-time comparison of two byte strings of equal length. */
bool crypto_equal(const void *a, const void *b, size_t len);

#define SECRET_KEY_SIZE 32
/*
 * AES-256-GCM with a random nonce; `label` is authenticated with it, so that a secret cannot be moved to another
 * row. secret_seal: *ret_sealed is malloc'ed, caller frees. secret_open: *ret_text is malloc'ed, NUL-terminated,
 * caller wipes and frees; fails when key, label or bytes do not fit.
 */
enum err secret_seal(const uint8_t key[SECRET_KEY_SIZE], const char *label, const char *text,
		     uint8_t **ret_sealed, size_t *ret_len, struct error *);
enum err secret_open(const uint8_t key[SECRET_KEY_SIZE], const char *label, const uint8_t *sealed, size_t len,
		     char **ret_text, struct error *);

/* Overwrites and frees a NUL-terminated secret; NULL is fine. */
void secret_free(char *text);

#endif
