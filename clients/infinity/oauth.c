/*
 * OAuth2 client credentials with a signed ES256 assertion. Owns the key and the token. The token's end is
 * counted by our own clock from before it was asked for, so that it never seems to live longer than it does.
 * Threads: one owner.
 */
#include "clients/infinity/oauth.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/crypto.h"
#include "clients/infinity/errors.h"
#include "clients/infinity/parse.h"

#define ASSERTION_SECONDS  300 /* short: it is used at once */
#define RENEW_BEFORE_MS    60000
#define TOKEN_LIFE_DEFAULT 3600
#define TOKEN_LIFE_MAX     86400
#define TOKEN_MAX          8192
#define TOKEN_ANSWER_MAX   (64 * 1024)
#define FORM_MAX           (32 * 1024)
#define COORDINATE_BYTES   32 /* P-256: r and s */
#define CLOCKS_APART_MS    30000
#define RESOURCE           "oauth/token"

struct oauth {
	char *token_url;
	char *client_id;
	char *audience;
	char *scope;
	EVP_PKEY *key;
	char *token; /* NULL = none */
	int64_t renew_at;
};

static void pkey_freep(EVP_PKEY **p)
{
	EVP_PKEY_free(*p);
}

static void bio_freep(BIO **p)
{
	BIO_free(*p);
}

static void digest_freep(EVP_MD_CTX **p)
{
	EVP_MD_CTX_free(*p);
}

static void signature_freep(ECDSA_SIG **p)
{
	ECDSA_SIG_free(*p);
}

static void secret_freep(char **p)
{
	secret_free(*p);
}

/* The answer holds the token. */
static void http_answer_wipe(struct http_answer *answer)
{
	buf_wipe(&answer->body);
	http_answer_free(answer);
}

/* OpenSSL would ask for the password of an encrypted key on the terminal. */
static int no_password(char *out, int size, int writing, void *arg)
{
	(void)out, (void)size, (void)writing, (void)arg;
	return -1;
}

static EVP_PKEY *load_key(const char *pem)
{
	_cleanup_(bio_freep) BIO *text = pem ? BIO_new_mem_buf(pem, -1) : NULL;
	_cleanup_(pkey_freep) EVP_PKEY *key =
		text ? PEM_read_bio_PrivateKey(text, NULL, no_password, NULL) : NULL;
	char group[32] = "";

	if (!key ||
	    EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof group, NULL) != 1)
		return NULL;
	return strcmp(group, "prime256v1") == 0 ? take_ptr(key) : NULL;
}

struct oauth *infinity_oauth_new(const struct oauth_options *options, struct upstream_error *e)
{
	_cleanup_(infinity_oauth_freep) struct oauth *oauth = calloc(1, sizeof *oauth);

	if (!oauth) {
		infinity_error_memory(e, RESOURCE);
		return NULL;
	}
	oauth->token_url = strdup(options->token_url);
	oauth->client_id = strdup(options->client_id);
	oauth->audience = strdup(options->audience ? options->audience : options->token_url);
	oauth->scope = strdup(options->scope ? options->scope : "is_admin use_api");
	if (!oauth->token_url || !oauth->client_id || !oauth->audience || !oauth->scope) {
		infinity_error_memory(e, RESOURCE);
		return NULL;
	}
	oauth->key = load_key(options->key_pem);
	if (!oauth->key) {
		upstream_error_set(
			e, UPSTREAM_OPERATOR, 0, "oauth_key", "infinity_oauth",
			"Give the private_key_jwt that Infinity showed when the OAuth2 client was made: an "
			"unencrypted PEM file. If it is lost, make a new OAuth2 client.",
			"the OAuth2 private key is not an EC P-256 key in PEM form");
		return NULL;
	}
	return take_ptr(oauth);
}

void infinity_oauth_free(struct oauth *oauth)
{
	if (!oauth)
		return;
	free(oauth->token_url);
	free(oauth->client_id);
	free(oauth->audience);
	free(oauth->scope);
	EVP_PKEY_free(oauth->key);
	secret_free(oauth->token);
	free(oauth);
}

void infinity_oauth_expire(struct oauth *oauth)
{
	secret_free(oauth->token);
	oauth->token = NULL;
}

/* Base64url without padding (RFC 7515 2). */
static void put_base64url(struct buf *out, const void *data, size_t len)
{
	size_t size = 4 * ((len + 2) / 3) + 1;
	_cleanup_(freep) char *text = malloc(size);

	if (!text) {
		out->failed = true;
		return;
	}
	EVP_EncodeBlock((unsigned char *)text, data, (int)len);
	for (char *p = text; *p; p++)
		*p = *p == '+' ? '-' : *p == '/' ? '_' : *p;
	buf_append(out, text, strcspn(text, "="));
}

static void put_claims(struct buf *out, const struct oauth *oauth, int64_t now)
{
	long long second = now / MS_PER_SECOND;
	char id[UUID_SIZE];

	random_uuid(id);
	json_auto_t *claims = json_pack("{s:s, s:s, s:s, s:I, s:I, s:s}", "iss", oauth->client_id, "sub",
					oauth->client_id, "aud", oauth->audience, "iat", second, "exp",
					second + ASSERTION_SECONDS, "jti", id);
	_cleanup_(freep) char *text = claims ? json_dumps(claims, JSON_COMPACT) : NULL;

	if (text)
		put_base64url(out, text, strlen(text));
	else
		out->failed = true;
}

/* JWS wants r and s side by side (RFC 7518 3.4); OpenSSL gives them as DER. */
static bool raw_signature(const unsigned char *der, size_t len, unsigned char out[2 * COORDINATE_BYTES])
{
	_cleanup_(signature_freep) ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &der, (long)len);

	return signature &&
	       BN_bn2binpad(ECDSA_SIG_get0_r(signature), out, COORDINATE_BYTES) == COORDINATE_BYTES &&
	       BN_bn2binpad(ECDSA_SIG_get0_s(signature), out + COORDINATE_BYTES, COORDINATE_BYTES) ==
		       COORDINATE_BYTES;
}

static bool sign(EVP_PKEY *key, const char *text, size_t len, unsigned char out[2 * COORDINATE_BYTES])
{
	_cleanup_(digest_freep) EVP_MD_CTX *digest = EVP_MD_CTX_new();
	unsigned char der[128];
	size_t der_len = sizeof der;

	return digest && EVP_DigestSignInit(digest, NULL, EVP_sha256(), NULL, key) == 1 &&
	       EVP_DigestSign(digest, der, &der_len, (const unsigned char *)text, len) == 1 &&
	       raw_signature(der, der_len, out);
}

char *infinity_oauth_assertion(const struct oauth *oauth, int64_t now)
{
	static const char header[] = "{\"alg\":\"ES256\",\"typ\":\"JWT\"}";
	_cleanup_(buf_wipe) struct buf jwt = BUF_INIT(FORM_MAX);
	unsigned char signature[2 * COORDINATE_BYTES];

	put_base64url(&jwt, header, strlen(header));
	buf_puts(&jwt, ".");
	put_claims(&jwt, oauth, now);
	if (jwt.failed || !sign(oauth->key, jwt.data, jwt.len, signature))
		return NULL;
	buf_puts(&jwt, ".");
	put_base64url(&jwt, signature, sizeof signature);
	return jwt.failed ? NULL : strdup(jwt.data);
}

static bool put_form(struct buf *form, const struct oauth *oauth, int64_t now)
{
	_cleanup_(secret_freep) char *assertion = infinity_oauth_assertion(oauth, now);

	if (!assertion)
		return false;
	buf_puts(form, "grant_type=client_credentials&client_assertion_type=");
	buf_put_urlencoded(form, "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
	buf_puts(form, "&client_assertion=");
	buf_put_urlencoded(form, assertion);
	if (oauth->scope[0]) {
		buf_puts(form, "&scope=");
		buf_put_urlencoded(form, oauth->scope);
	}
	return !form->failed;
}

/* Of a refusal only the two texts that OAuth2 defines are shown: the rest might repeat what we sent. */
static void refused(const struct http_answer *answer, int64_t now, struct upstream_error *e)
{
	char why[PARSE_WHY_SIZE];
	char code[INFINITY_TEXT_SIZE];
	char said[INFINITY_TEXT_SIZE];
	json_auto_t *body = infinity_json_load(answer->body.data, answer->body.len, why);
	const char *error = json_string_value(json_object_get(body, "error"));
	const char *detail = json_string_value(json_object_get(body, "error_description"));
	int64_t apart = answer->date_ms ? answer->date_ms - now : 0;
	const char *remedy =
		"Check OAuth2 client id and private key. If both are right, set the audience to the token "
		"address with the Management Node's own host name.";

	if (apart > CLOCKS_APART_MS || apart < -CLOCKS_APART_MS)
		remedy = "Set the clocks: those of burstd and of the Management Node differ, and a signed "
			 "request is valid "
			 "for five minutes only.";
	infinity_clean_text(error ? error : "no reason given", code);
	infinity_clean_text(detail ? detail : "", said);
	upstream_error_set(e, UPSTREAM_OPERATOR, answer->status, "invalid_client", "infinity_oauth", remedy,
			   "%s: no token (%d): %.80s%s%.150s", RESOURCE, answer->status, code,
			   said[0] ? ": " : "", said);
}

static bool token_fits_header(const char *token)
{
	size_t len = strlen(token);

	for (size_t i = 0; i < len; i++)
		if (token[i] <= 0x20 || token[i] >= 0x7F)
			return false;
	return len > 0 && len <= TOKEN_MAX;
}

static int64_t life_ms(const json_t *body)
{
	double seconds = json_number_value(json_object_get(body, "expires_in"));

	if (seconds <= 0)
		seconds = TOKEN_LIFE_DEFAULT;
	return (int64_t)(MS_PER_SECOND * (seconds > TOKEN_LIFE_MAX ? TOKEN_LIFE_MAX : seconds));
}

static bool take_token(struct oauth *oauth, const struct http_answer *answer, int64_t asked_at,
		       struct upstream_error *e)
{
	char why[PARSE_WHY_SIZE] = "";
	json_auto_t *body = infinity_json_load(answer->body.data, answer->body.len, why);
	const char *token = json_string_value(json_object_get(body, "access_token"));
	int64_t life = life_ms(body);

	/* jansson's words may quote the answer, which holds the token: they stay out of the error. */
	if (!token || !token_fits_header(token))
		return infinity_error_content(e, RESOURCE, "the answer holds no usable access_token");
	oauth->token = strdup(token);
	if (!oauth->token)
		return infinity_error_memory(e, RESOURCE);
	oauth->renew_at = asked_at + life - (life < 2 * RENEW_BEFORE_MS ? life / 2 : RENEW_BEFORE_MS);
	return true;
}

static bool fetch_token(struct oauth *oauth, const struct transport *transport, const struct clock *clock,
			struct upstream_error *e)
{
	static const char *const headers[] = {"Content-Type: application/x-www-form-urlencoded",
					      "Accept: application/json", NULL};
	_cleanup_(buf_wipe) struct buf form = BUF_INIT(FORM_MAX);
	_cleanup_(http_answer_wipe) struct http_answer answer = {0};
	int64_t now = clock_now(clock);

	if (!put_form(&form, oauth, now))
		return infinity_error_memory(e, RESOURCE);
	struct http_call call = {.method = METHOD_POST,
				 .url = oauth->token_url,
				 .headers = headers,
				 .body = form.data,
				 .body_len = form.len,
				 .answer_max = TOKEN_ANSWER_MAX};

	if (!transport->perform(transport->self, &call, &answer, e))
		return false;
	if (infinity_answer_usable(&answer))
		return take_token(oauth, &answer, now, e);
	if (answer.status == 400 || answer.status == 401 || answer.status == 403)
		refused(&answer, now, e);
	else
		infinity_error_answer(&answer, AIM_READ, RESOURCE, NULL, true, e);
	return false;
}

const char *infinity_oauth_token(struct oauth *oauth, const struct transport *transport,
				 const struct clock *clock, struct upstream_error *e)
{
	if (oauth->token && clock_now(clock) < oauth->renew_at)
		return oauth->token;
	infinity_oauth_expire(oauth);
	return fetch_token(oauth, transport, clock, e) ? oauth->token : NULL;
}
