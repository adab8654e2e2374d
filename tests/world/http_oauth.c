/*
 * Infinity's OAuth2: client credentials with an ES256 assertion (docs/upstream.md, "OAuth2"). The assertion is verified in full:
 * header, signature, iss, sub, aud, iat, exp and a jti that is new.
 */
#include "tests/world/http_internal.h"

#include <openssl/ecdsa.h>
#include <openssl/pem.h>
#include <openssl/rand.h>

#define TOKEN_SECONDS  3600
#define CLOCK_SLACK    60
#define ASSERTION_TYPE "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

/* base64url without padding; returns the length, -1 where it is not that. `out` has room for 3/4 of the text. */
static int base64url(const char *text, size_t len, unsigned char *out, size_t cap)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	unsigned bits = 0;
	int have = 0, n = 0;

	for (size_t i = 0; i < len; i++) {
		const char *digit = text[i] ? strchr(digits, text[i]) : NULL;

		if (!digit)
			return -1;
		bits = bits << 6 | (unsigned)(digit - digits);
		have += 6;
		if (have < 8)
			continue;
		if ((size_t)n == cap)
			return -1;
		have -= 8;
		out[n++] = (unsigned char)(bits >> have & 255);
	}
	return n;
}

static json_t *jwt_part(const char *text, size_t len)
{
	unsigned char plain[4096];
	int n = base64url(text, len, plain, sizeof(plain));

	return n < 0 ? NULL : json_loadb((const char *)plain, (size_t)n, 0, NULL);
}

/* The signature is r||s, 32 bytes each; OpenSSL wants DER. */
static bool signature_good(EVP_PKEY *key, const char *text, size_t len, const char *signature)
{
	unsigned char raw[64], *der = NULL;
	bool good = false;

	if (base64url(signature, strlen(signature), raw, sizeof(raw)) != 64)
		return false;
	ECDSA_SIG *sig = ECDSA_SIG_new();
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	if (sig && ctx && ECDSA_SIG_set0(sig, BN_bin2bn(raw, 32, NULL), BN_bin2bn(raw + 32, 32, NULL)) == 1) {
		int der_len = i2d_ECDSA_SIG(sig, &der);

		good = der_len > 0 && EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
		       EVP_DigestVerify(ctx, der, (size_t)der_len, (const unsigned char *)text, len) == 1;
	}
	OPENSSL_free(der);
	ECDSA_SIG_free(sig);
	EVP_MD_CTX_free(ctx);
	return good;
}

static bool is_text(json_t *object, const char *name, const char *wanted)
{
	const char *value = json_string_value(json_object_get(object, name));

	return value && !strcmp(value, wanted);
}

/* NULL = good, else what is wrong. */
static const char *claims_fault(struct request *r, json_t *claims)
{
	int64_t now = clock_now(r->server->clock) / 1000;
	int64_t iat = json_integer_value(json_object_get(claims, "iat"));
	int64_t exp = json_integer_value(json_object_get(claims, "exp"));
	char audience[128];

	(void)snprintf(audience, sizeof(audience), "%s/oauth/token/", r->server->urls[WORLD_FACE_INFINITY]);
	if (!is_text(claims, "iss", r->server->oauth_client) ||
	    !is_text(claims, "sub", r->server->oauth_client))
		return "invalid_claim: iss and sub must be the client_id";
	if (!is_text(claims, "aud", audience))
		return "invalid_claim: aud";
	if (iat > now + CLOCK_SLACK || exp <= now - CLOCK_SLACK || exp - iat > TOKEN_SECONDS)
		return "invalid_claim: iat or exp";
	if (!json_string_value(json_object_get(claims, "jti")))
		return "invalid_claim: jti";
	return NULL;
}

static const char *assertion_fault(struct request *r, const char *jwt)
{
	const char *dot1 = strchr(jwt, '.');
	const char *dot2 = dot1 ? strchr(dot1 + 1, '.') : NULL;
	const char *fault = "malformed assertion";

	if (!dot2)
		return fault;
	if (!r->server->oauth_key)
		return "unknown client";
	json_t *header = jwt_part(jwt, (size_t)(dot1 - jwt));
	json_t *claims = jwt_part(dot1 + 1, (size_t)(dot2 - dot1 - 1));

	if (header && claims && is_text(header, "alg", "ES256"))
		fault = signature_good(r->server->oauth_key, jwt, (size_t)(dot2 - jwt), dot2 + 1)
				? claims_fault(r, claims)
				: "bad signature";
	json_decref(header);
	json_decref(claims);
	return fault;
}

static void give_token(struct request *r, struct reply *reply)
{
	struct world_http *h = r->server;
	struct bearer *b = &h->bearers[h->n_bearers++ % TOKENS_MOST];
	char random[UUID_SIZE];

	random_uuid(random);
	sha256_hex(random, strlen(random), b->token);
	b->expires_at = clock_now(h->clock) + world_scaled(r->world, TOKEN_SECONDS * 1000.0);
	reply_json(reply, 200,
		   json_pack("{s:s, s:i, s:s}", "access_token", b->token, "expires_in", TOKEN_SECONDS,
			     "token_type", "Bearer"));
}

static bool is_field(const struct form *f, const char *name, const char *wanted)
{
	const char *value = form_get(f, name);

	return value && !strcmp(value, wanted);
}

void oauth_token(struct request *r, struct reply *reply)
{
	const char *fault = "malformed form";
	struct form f;

	if (form_parse(&f, r->body.data, r->body.len) && is_field(&f, "grant_type", "client_credentials") &&
	    is_field(&f, "client_assertion_type", ASSERTION_TYPE) && form_get(&f, "client_assertion"))
		fault = assertion_fault(r, form_get(&f, "client_assertion"));
	form_free(&f);
	if (fault)
		reply_json(reply, 400,
			   json_pack("{s:s, s:s}", "error", "invalid_client", "error_description", fault));
	else
		give_token(r, reply);
}

bool oauth_bearer_valid(struct request *r, const char *token)
{
	const struct world_http *h = r->server;

	for (size_t i = 0; i < TOKENS_MOST && i < h->n_bearers; i++)
		if (!strcmp(h->bearers[i].token, token) && h->bearers[i].expires_at > clock_now(h->clock))
			return true;
	return false;
}

json_t *oauth_new_client(struct world_http *h)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	BIO *bio = BIO_new(BIO_s_mem());
	char *pem = NULL;

	if (!key || !bio || PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1)
		abort();
	long len = BIO_get_mem_data(bio, &pem);

	EVP_PKEY_free(h->oauth_key);
	h->oauth_key = key;
	h->n_bearers = 0;
	random_uuid(h->oauth_client);
	json_t *client =
		json_pack("{s:s, s:s%}", "client_id", h->oauth_client, "private_key_jwt", pem, (size_t)len);

	BIO_free(bio);
	return client;
}
