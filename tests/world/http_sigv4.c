/*
 * Signature Version 4 as EC2 checks it (docs/upstream.md, "Requests and signing"), written from the description and apart from any signer: the
 * canonical request is built anew from what arrived. Only POST / with an empty query is signed for EC2 here.
 */
#include "tests/world/http_internal.h"

#include <ctype.h>
#include <openssl/hmac.h>
#include <stdio.h>

#define SKEW_MS      (15 * 60 * 1000)
#define HEADERS_MOST 64

static const struct verdict incomplete = {"IncompleteSignature", 400,
					  "The Authorization header is not complete."};
static const struct verdict missing = {"MissingAuthenticationToken", 403,
				       "The request carries no signature."};
static const struct verdict unknown_key = {"InvalidClientTokenId", 403,
					   "The security token included in the request is invalid"};
static const struct verdict not_validated = {"AuthFailure", 401,
					     "AWS was not able to validate the provided access credentials"};
static const struct verdict mismatch = {
	"SignatureDoesNotMatch", 403,
	"The request signature we calculated does not match the signature provided"};
static const struct verdict expired = {"RequestExpired", 400, "Request has expired."};

/* The parts of the Authorization header, pointing into `text`. */
struct authorization {
	char text[1024];
	char *access_key, *date, *region, *service, *terminator;
	char *signed_headers, *signature;
};

static char *part_after(char *text, const char *name)
{
	char *at = strstr(text, name);

	return at ? at + strlen(name) : NULL;
}

static void end_at(char *text, const char *stops)
{
	text[strcspn(text, stops)] = '\0';
}

static bool parse_authorization(const char *header, struct authorization *a)
{
	static const char label[] = "AWS4-HMAC-SHA256 ";

	if (strncmp(header, label, sizeof(label) - 1) != 0 || strlen(header) >= sizeof(a->text))
		return false;
	memcpy(a->text, header, strlen(header) + 1);
	char *credential = part_after(a->text, "Credential=");

	a->signed_headers = part_after(a->text, "SignedHeaders=");
	a->signature = part_after(a->text, "Signature=");
	if (!credential || !a->signed_headers || !a->signature)
		return false;
	end_at(credential, ", ");
	end_at(a->signed_headers, ", ");
	end_at(a->signature, ", ");
	a->access_key = strsep(&credential, "/");
	a->date = strsep(&credential, "/");
	a->region = strsep(&credential, "/");
	a->service = strsep(&credential, "/");
	a->terminator = credential;
	return a->terminator != NULL;
}

/* Every header that arrived, lower-case names, in order of arrival. */
struct headers {
	struct {
		char name[64];
		const char *value;
	} items[HEADERS_MOST];
	size_t n;
};

static void collect(struct headers *h, const struct form_field *field)
{
	size_t i = 0;

	if (h->n == HEADERS_MOST)
		return;
	for (; field->name[i] && i + 1 < sizeof(h->items[0].name); i++)
		h->items[h->n].name[i] = (char)tolower((unsigned char)field->name[i]);
	h->items[h->n].name[i] = '\0';
	h->items[h->n++].value = field->value;
}

static bool is_listed(const char *list, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = list; (at = strstr(at, name)); at += len)
		if ((at == list || at[-1] == ';') && (at[len] == '\0' || at[len] == ';'))
			return true;
	return false;
}

/* host and every x-amz-* header that was sent must be signed. */
static bool all_needed_signed(const struct headers *h, const char *list)
{
	if (!is_listed(list, "host") || !is_listed(list, "x-amz-date"))
		return false;
	for (size_t i = 0; i < h->n; i++)
		if (!strncmp(h->items[i].name, "x-amz-", 6) && !is_listed(list, h->items[i].name))
			return false;
	return true;
}

/* Trimmed, inner runs of spaces as one. */
static void put_value(struct buf *b, const char *value)
{
	bool gap = false, any = false;

	for (; *value; value++) {
		if (*value == ' ' || *value == '\t') {
			gap = any;
			continue;
		}
		if (gap)
			buf_puts(b, " ");
		buf_append(b, value, 1);
		gap = false;
		any = true;
	}
}

/* One signed header with all its values; false: it did not arrive. */
static bool put_header(struct buf *b, const struct headers *h, const char *name)
{
	bool found = false;

	for (size_t i = 0; i < h->n; i++) {
		if (strcmp(h->items[i].name, name) != 0)
			continue;
		buf_puts(b, found ? "," : name);
		if (!found)
			buf_puts(b, ":");
		put_value(b, h->items[i].value);
		found = true;
	}
	buf_puts(b, "\n");
	return found;
}

static bool put_canonical(struct buf *b, const struct request *r, const struct headers *h, const char *list)
{
	char names[1024], hash[SHA256_HEX_SIZE];
	char *rest = names, *last = NULL;

	(void)snprintf(names, sizeof(names), "%s", list);
	buf_printf(b, "%s\n%s\n\n", r->method, r->path);
	for (char *name; (name = strsep(&rest, ";")); last = name)
		if ((last && strcmp(last, name) >= 0) || !put_header(b, h, name))
			return false; /* not sorted, or signed but never sent */
	sha256_hex(r->body.data ? r->body.data : "", r->body.len, hash);
	buf_printf(b, "\n%s\n%s", list, hash);
	return !b->failed;
}

static void hmac(const void *key, size_t key_len, const char *text, unsigned char out[32])
{
	unsigned len = 32;

	if (!HMAC(EVP_sha256(), key, (int)key_len, (const unsigned char *)text, strlen(text), out, &len))
		abort();
}

static void signature_of(const char *secret, const struct authorization *a, const char *string_to_sign,
			 char out[SHA256_HEX_SIZE])
{
	char first[512];
	unsigned char k[2][32];
	int len = snprintf(first, sizeof(first), "AWS4%s", secret);

	hmac(first, (size_t)len, a->date, k[0]);
	hmac(k[0], 32, a->region, k[1]);
	hmac(k[1], 32, a->service, k[0]);
	hmac(k[0], 32, a->terminator, k[1]);
	hmac(k[1], 32, string_to_sign, k[0]);
	for (size_t i = 0; i < 32; i++)
		(void)snprintf(out + 2 * i, 3, "%02x", k[0][i]);
}

static bool is_signature_good(const struct request *r, const struct headers *h, const struct authorization *a,
			      const char *amz_date, const char *secret)
{
	struct buf canonical = BUF_INIT(BODY_MOST);
	char hash[SHA256_HEX_SIZE], wanted[SHA256_HEX_SIZE], to_sign[512];
	bool ok = put_canonical(&canonical, r, h, a->signed_headers);

	if (ok) {
		sha256_hex(canonical.data, canonical.len, hash);
		(void)snprintf(to_sign, sizeof(to_sign), "AWS4-HMAC-SHA256\n%s\n%s/%s/%s/%s\n%s", amz_date,
			       a->date, a->region, a->service, a->terminator, hash);
		signature_of(secret, a, to_sign, wanted);
		ok = !strcmp(wanted, a->signature);
	}
	buf_free(&canonical);
	return ok;
}

/* "20260102T030405Z" in ms, -1 = not of that form. */
static int64_t amz_time(const char *text)
{
	char iso[TIME_TEXT_SIZE];
	int64_t ms;

	if (strlen(text) != 16 || text[8] != 'T' || text[15] != 'Z')
		return -1;
	(void)snprintf(iso, sizeof(iso), "%.4s-%.2s-%.2sT%.2s:%.2s:%.2sZ", text, text + 4, text + 6, text + 9,
		       text + 11, text + 13);
	return time_parse(iso, &ms) == 0 ? ms : -1;
}

/* *ret_key: 0 = the first pair, 1 = the one of life-cycle operations. */
static struct verdict check_keys(const struct request *r, const char *access_key, int *ret_key)
{
	const struct world_http_options *o = &r->server->options;
	const char *token = request_header(r, "X-Amz-Security-Token");

	*ret_key = !strcmp(access_key, o->lifecycle_access_key);
	if (*ret_key)
		return token ? unknown_key : (struct verdict){0};
	if (strcmp(access_key, o->access_key) != 0)
		return unknown_key;
	if (o->session_token ? !token || strcmp(token, o->session_token) != 0 : token != NULL)
		return unknown_key;
	if (r->server->session_expired)
		return expired;
	return (struct verdict){0};
}

static const char *secret_of(const struct request *r, int key)
{
	return key ? r->server->options.lifecycle_secret_key : r->server->options.secret_key;
}

/* In memory there is no signature: the keys themselves are compared. */
static struct verdict verify_call(const struct request *r, int32_t *ret_region, int *ret_key)
{
	static const char scope[] = "aws:amz:";
	const struct http_call *call = r->call;
	char region[64];

	if (!call->sigv4 || !call->access_key || !call->secret_key)
		return missing;
	struct verdict v = check_keys(r, call->access_key, ret_key);

	if (v.code)
		return v;
	if (strncmp(call->sigv4, scope, strlen(scope)) != 0)
		return incomplete;
	(void)snprintf(region, sizeof(region), "%s", call->sigv4 + strlen(scope));
	end_at(region, ":");
	*ret_region = region_find(r->world, region);
	if (*ret_region < 0 || strcmp(call->sigv4 + strlen(scope) + strlen(region), ":ec2") != 0)
		return not_validated;
	return strcmp(call->secret_key, secret_of(r, *ret_key)) ? mismatch : (struct verdict){0};
}

struct verdict sigv4_verify(struct request *r, int32_t *ret_region, int *ret_key)
{
	if (r->call)
		return verify_call(r, ret_region, ret_key);

	const char *header = request_header(r, "Authorization");
	const char *amz_date = request_header(r, "X-Amz-Date");
	struct authorization a;
	struct headers h = {.n = 0};

	if (!header)
		return missing;
	if (!amz_date || amz_time(amz_date) < 0 || !parse_authorization(header, &a))
		return incomplete;

	struct verdict v = check_keys(r, a.access_key, ret_key);

	if (v.code)
		return v;
	*ret_region = region_find(r->world, a.region);
	if (*ret_region < 0 || strcmp(a.service, "ec2") != 0 || strcmp(a.terminator, "aws4_request") != 0)
		return not_validated;
	int64_t skew = amz_time(amz_date) - clock_now(r->server->clock);

	if (skew > SKEW_MS || skew < -SKEW_MS)
		return expired;
	for (size_t i = 0; i < r->headers.n; i++)
		collect(&h, &r->headers.fields[i]);
	if (strncmp(amz_date, a.date, 8) != 0 || strlen(a.date) != 8 ||
	    !all_needed_signed(&h, a.signed_headers) ||
	    !is_signature_good(r, &h, &a, amz_date, secret_of(r, *ret_key)))
		return mismatch;
	return (struct verdict){0};
}
