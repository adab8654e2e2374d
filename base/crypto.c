/*
 * Owns hashing, random numbers and the form of a sealed secret:
 *
 *   1 byte version (1) | 12 bytes nonce | 16 bytes GCM tag | ciphertext
 *
 * The nonce is random: with the few secrets of one installation a repetition within one key is out of reach.
 */
#include "base/crypto.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define SEAL_VERSION 1
#define NONCE_SIZE   12
#define TAG_SIZE     16
#define SEAL_HEAD    (1 + NONCE_SIZE + TAG_SIZE)
#define SECRET_MOST  (1024 * 1024) /* far above any secret; keeps lengths within OpenSSL's int */

DEFINE_FREEP(EVP_CIPHER_CTX, EVP_CIPHER_CTX_free)

static void put_hex(const unsigned char *bytes, size_t len, char *out)
{
	static const char hex[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++) {
		*out++ = hex[bytes[i] >> 4];
		*out++ = hex[bytes[i] & 15];
	}
	*out = '\0';
}

void sha256_hex(const void *data, size_t len, char out[SHA256_HEX_SIZE])
{
	unsigned char digest[32];

	if (!EVP_Digest(len ? data : "", len, digest, NULL, EVP_sha256(), NULL))
		abort(); /* only without memory or without the algorithm: nothing can go on */
	put_hex(digest, sizeof(digest), out);
}

void random_bytes(void *out, size_t len)
{
	unsigned char *at = out;

	while (len > 0) {
		int part = len > 65536 ? 65536 : (int)len;

		if (RAND_bytes(at, part) != 1)
			abort(); /* a predictable token is worse than no daemon */
		at += part;
		len -= (size_t)part;
	}
}

void random_uuid(char out[UUID_SIZE])
{
	unsigned char b[16];
	char hex[2 * sizeof(b) + 1];

	random_bytes(b, sizeof(b));
	b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
	b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
	put_hex(b, sizeof(b), hex);
	(void)snprintf(out, UUID_SIZE, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16,
		       hex + 20);
}

double random_unit(void)
{
	uint64_t bits;

	random_bytes(&bits, sizeof(bits));
	return (double)(bits >> 11) * 0x1p-53;
}

int base64_decode(const char *text, char *out, size_t size)
{
	size_t len = strlen(text);
	size_t data = strcspn(text, "=");
	size_t padding = strspn(text + data, "=");
	int n;

	/* EVP_DecodeBlock() overlooks white space at both ends, and takes padding for data */
	if (len % 4 || padding > 2 || data + padding != len || strcspn(text, " \t\r\n") != len)
		return -1;
	if (len / 4 * 3 >= size || len > INT_MAX)
		return -1;
	n = len ? EVP_DecodeBlock((unsigned char *)out, (const unsigned char *)text, (int)len) : 0;
	if (n < 0)
		return -1;
	n -= (int)padding;
	out[n] = '\0';
	return n;
}

bool crypto_equal(const void *a, const void *b, size_t len)
{
	return CRYPTO_memcmp(a, b, len) == 0;
}

static bool encrypt(const uint8_t *key, const char *label, const char *text, int len, uint8_t *sealed)
{
	_cleanup_(EVP_CIPHER_CTX_freep) EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	const uint8_t *nonce = sealed + 1;
	int n;

	return c && EVP_EncryptInit_ex(c, EVP_aes_256_gcm(), NULL, key, nonce) &&
	       EVP_EncryptUpdate(c, NULL, &n, (const unsigned char *)label, (int)strlen(label)) &&
	       EVP_EncryptUpdate(c, sealed + SEAL_HEAD, &n, (const unsigned char *)text, len) &&
	       EVP_EncryptFinal_ex(c, sealed + SEAL_HEAD + n, &n) &&
	       EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, TAG_SIZE, sealed + 1 + NONCE_SIZE);
}

static bool decrypt(const uint8_t *key, const char *label, const uint8_t *sealed, int len, char *text)
{
	_cleanup_(EVP_CIPHER_CTX_freep) EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	uint8_t tag[TAG_SIZE];
	int n;

	memcpy(tag, sealed + 1 + NONCE_SIZE, TAG_SIZE);
	return c && EVP_DecryptInit_ex(c, EVP_aes_256_gcm(), NULL, key, sealed + 1) &&
	       EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, TAG_SIZE, tag) &&
	       EVP_DecryptUpdate(c, NULL, &n, (const unsigned char *)label, (int)strlen(label)) &&
	       EVP_DecryptUpdate(c, (unsigned char *)text, &n, sealed + SEAL_HEAD, len) &&
	       EVP_DecryptFinal_ex(c, (unsigned char *)text + n, &n);
}

enum err secret_seal(const uint8_t key[SECRET_KEY_SIZE], const char *label, const char *text,
		     uint8_t **ret_sealed, size_t *ret_len, struct error *e)
{
	size_t len = strlen(text);

	if (len > SECRET_MOST)
		return error_set(e, ERR_TOO_LARGE, "a secret of more than %d bytes cannot be kept",
				 SECRET_MOST);
	_cleanup_(freep) uint8_t *sealed = malloc(SEAL_HEAD + len);

	if (!sealed)
		return error_set(e, ERR_INTERNAL, "out of memory while sealing a secret");
	sealed[0] = SEAL_VERSION;
	random_bytes(sealed + 1, NONCE_SIZE);
	if (!encrypt(key, label, text, (int)len, sealed))
		return error_set(e, ERR_INTERNAL, "a secret could not be encrypted");
	*ret_sealed = take_ptr(sealed);
	*ret_len = SEAL_HEAD + len;
	return ERR_OK;
}

enum err secret_open(const uint8_t key[SECRET_KEY_SIZE], const char *label, const uint8_t *sealed, size_t len,
		     char **ret_text, struct error *e)
{
	if (len < SEAL_HEAD || len > SEAL_HEAD + SECRET_MOST || sealed[0] != SEAL_VERSION)
		return error_set(e, ERR_INTERNAL, "the sealed secret \"%s\" has an unknown form", label);
	char *text = malloc(len - SEAL_HEAD + 1);

	if (!text)
		return error_set(e, ERR_INTERNAL, "out of memory while opening a secret");
	text[len - SEAL_HEAD] = '\0';
	if (!decrypt(key, label, sealed, (int)(len - SEAL_HEAD), text)) {
		/* OpenSSL has written the unauthenticated text already. */
		OPENSSL_cleanse(text, len - SEAL_HEAD);
		free(text);
		return error_set(
			e, ERR_INTERNAL,
			"the sealed secret \"%s\" does not open: it was changed, or sealed with another key",
			label);
	}
	*ret_text = text;
	return ERR_OK;
}

void secret_free(char *text)
{
	if (text)
		OPENSSL_cleanse(text, strlen(text));
	free(text);
}
