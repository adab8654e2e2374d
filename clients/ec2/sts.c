/*
 * Owns the calls to STS: body, answer, and the words of its refusals. EC2's table of codes (errors.c) says what codes mean
 * that AWS's services share; the table here, what STS's own mean.
 *
 * The words of AWS are shown, for they name principals and roles; not where they quote a token or an external id.
 */
#include "clients/ec2/sts.h"

#include <stdio.h>
#include <string.h>

#include "clients/ec2/errors.h"
#include "clients/ec2/file.h"
#include "clients/ec2/parse.h"
#include "clients/ec2/query.h"
#include "clients/ec2/region.h"

#define TIMEOUT_MS 10000
#define ANSWER_MAX (64 * 1024)
#define BODY_MAX                                                                                             \
	(96 * 1024) /* a web identity token of 20,000 characters, all of them percent-encoded, is 60 kB */
#define WEB_TOKEN_MOST      20000                 /* STS */
#define WEB_TOKEN_FILE_MOST (WEB_TOKEN_MOST + 16) /* line ends at its end do not count */

#define TRUST_REMEDY                                                                                         \
	"let the role's trust policy name who asks (and the external_id it wants), and allow "               \
	"sts:AssumeRole "                                                                                    \
	"on the role in the IAM policy of the keys that ask"
#define WEB_TRUST_REMEDY                                                                                     \
	"let the role's trust policy name the identity provider, and the audience and subject of the token"
#define VALUE_REMEDY                                                                                         \
	"correct role_arn, role_session_name, external_id or duration_seconds (with the keys of another "    \
	"role, a role lasts an hour at most)"

/* What STS's own codes mean. */
static const struct refusal {
	const char *code;
	enum upstream_class class;
	const char *remedy;
	const char *web_remedy; /* of AssumeRoleWithWebIdentity, NULL = the same */
} refusals[] = {
	{"AccessDenied", UPSTREAM_OPERATOR, TRUST_REMEDY, WEB_TRUST_REMEDY},
	{"ValidationError", UPSTREAM_OPERATOR, VALUE_REMEDY, NULL},
	{"InvalidParameterValue", UPSTREAM_OPERATOR, VALUE_REMEDY, NULL},
	{"MalformedPolicyDocument", UPSTREAM_OPERATOR, VALUE_REMEDY, NULL},
	{"PackedPolicyTooLarge", UPSTREAM_OPERATOR,
	 "let the identity provider put fewer session tags into the token", NULL},
	{"RegionDisabledException", UPSTREAM_OPERATOR,
	 "activate STS for this region in the account settings of IAM, or put another region first in "
	 "aws_regions",
	 NULL},
	{"InvalidIdentityToken", UPSTREAM_OPERATOR,
	 "check what writes the token file, and that IAM knows its identity provider and audience", NULL},
	{"IDPRejectedClaim", UPSTREAM_OPERATOR,
	 "check with the identity provider why it refuses the token: it may be revoked or expired", NULL},
	{"IDPCommunicationError", UPSTREAM_RETRY,
	 "nothing at first: burstd tries again. If it stays, check that AWS can reach the identity provider",
	 NULL},
	{"ExpiredTokenException", UPSTREAM_OPERATOR, "renew the keys that ask for the role",
	 "check what renews the token file: its token has expired"},
	{"ExpiredToken", UPSTREAM_OPERATOR, "renew the keys that ask for the role",
	 "check what renews the token file: its token has expired"},
};

/* --- settings ---------------------------------------------------------------------------------------------------- */

#define ALNUM "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"

static bool fits(const char *text, size_t least, const char *allowed)
{
	size_t len = strlen(text);

	return len >= least && strspn(text, allowed) == len;
}

/* "profile nodes", or the environment. */
static const char *asker(const struct aws_role *r, char out[160])
{
	(void)snprintf(out, 160, "%s%s", r->profile[0] ? "profile " : "the environment", r->profile);
	return out;
}

bool aws_role_valid(const struct aws_role *r, struct upstream_error *e)
{
	const char *wrong = NULL;
	char who[160];

	if (!fits(r->arn, 20, ALNUM "+=,.@/:-") || strncmp(r->arn, "arn:", 4) != 0 ||
	    !strstr(r->arn, ":role/"))
		wrong = "role_arn is not the ARN of a role, such as arn:aws:iam::111122223333:role/bursting";
	else if (!fits(r->session_name, 2, ALNUM "+=,.@-"))
		wrong = "role_session_name must have 2 to 64 letters, digits and _+=,.@-";
	else if (r->external_id[0] && !fits(r->external_id, 2, ALNUM "+=,.@:/-\\"))
		wrong = "external_id must have 2 to 1224 letters, digits and _+=,.@:\\/-";
	else if (r->duration_seconds && (r->duration_seconds < 900 || r->duration_seconds > 43200))
		wrong = "duration_seconds must be a number from 900 to 43200";
	if (!wrong)
		return true;
	upstream_error_set(e, UPSTREAM_OPERATOR, 0, "credentials_role", "ec2_credentials",
			   r->profile[0] ? "correct the profile in AWS's shared files"
					 : "correct the environment variable",
			   "%s: %s", asker(r, who), wrong);
	return false;
}

/* --- failures ---------------------------------------------------------------------------------------------------- */

/* One call, for its own words. */
struct sts_call {
	const struct sts *sts;
	const struct aws_role *role;
	const char *action;
	const char *secret; /* what was sent and is nobody's to read: the token, the external id; "" = none */
	bool web;
};

/* What happened in words of ours or of the transport, under the name of who asks and of what was tried. */
static void report(const struct sts_call *c, const struct upstream_error *why, const char *remedy,
		   enum upstream_class class, struct upstream_error *e)
{
	char who[160];
	struct upstream_error out;

	upstream_error_set(&out, class, why->http_status, why->code, "ec2_credentials", remedy, "%.60s: %s",
			   asker(c->role, who), why->message);
	out.retry_after_ms = why->retry_after_ms;
	*e = out;
}

static void report_unanswered(const struct sts_call *c, const struct upstream_error *why,
			      struct upstream_error *e)
{
	struct upstream_error told = *why;

	(void)snprintf(told.message, sizeof(told.message), "%s in %s: %.200s", c->action, c->sts->region,
		       why->message);
	report(c, &told, why->remedy, why->class, e);
}

static void report_refusal(const struct sts_call *c, const struct ec2_failure *f, struct upstream_error *e)
{
	struct upstream_error told;

	ec2_error_fill(&told, f);
	for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
		const struct refusal *r = &refusals[i];

		if (strcmp(r->code, f->code) != 0)
			continue;
		report(c, &told, c->web && r->web_remedy ? r->web_remedy : r->remedy, r->class, e);
		return;
	}
	report(c, &told, told.remedy, told.class, e);
}

static void report_local(const struct sts_call *c, const char *code, const char *remedy, const char *message,
			 struct upstream_error *e)
{
	struct upstream_error told;

	upstream_error_set(&told, UPSTREAM_OPERATOR, 0, code, "ec2_credentials", "", "%s", message);
	report(c, &told, remedy, UPSTREAM_OPERATOR, e);
}

/* --- the call ---------------------------------------------------------------------------------------------------- */

static void put_role(struct buf *b, const struct sts_call *c)
{
	const struct aws_role *r = c->role;

	buf_printf(b, "Action=%s&Version=2011-06-15", c->action);
	aws_put_pair(b, "RoleArn", r->arn);
	aws_put_pair(b, "RoleSessionName", r->session_name);
	if (r->duration_seconds)
		buf_printf(b, "&DurationSeconds=%d", r->duration_seconds);
	if (r->external_id[0] && !c->web)
		aws_put_pair(b, "ExternalId", r->external_id);
}

/* A ValidationError quotes the value that it complains of; its beginning tells. */
static const char *fit_to_show(const struct sts_call *c, const char *words)
{
	char start[17];

	(void)snprintf(start, sizeof(start), "%s", c->secret);
	return start[0] && strstr(words, start) ? "" : words;
}

/* Keys that have ended already would be asked for again and again. */
static bool read_answer(const struct sts_call *c, const struct http_answer *a, struct aws_keys *ret,
			struct upstream_error *e)
{
	struct ec2_answer answer = {.kind = EC2_ANSWER_UNKNOWN};
	struct aws_keys keys = {0};
	char why[160] = "an answer of another kind";
	const char *body = a->body.data ? a->body.data : "";
	bool parsed = sts_parse(body, a->body.len, &keys, &answer, why, sizeof(why));
	bool told = parsed && answer.kind == EC2_ANSWER_ERROR;
	bool good = parsed && a->status == 200 && answer.kind == EC2_ANSWER_KEYS &&
		    keys.expires_at > clock_now(c->sts->clock);

	if (parsed && answer.kind == EC2_ANSWER_KEYS)
		(void)snprintf(why, sizeof(why), "keys that have ended already: check this machine's clock");
	if (good)
		*ret = keys;
	explicit_bzero(&keys, sizeof(keys));
	if (good)
		return true;
	const struct ec2_failure f = {
		.action = c->action,
		.region = c->sts->region,
		.http_status = a->status,
		.code = told ? answer.code : "",
		.message = told ? fit_to_show(c, answer.message) : why,
		.request_id = told ? answer.request_id : "",
		.html = !told && aws_answer_is_html(a),
		.skew_ms = a->date_ms ? clock_now(c->sts->clock) - a->date_ms : 0,
		.retry_after_ms = a->retry_after_ms,
	};

	report_refusal(c, &f, e);
	return false;
}

static bool call_sts(const struct sts_call *c, const struct buf *body, const struct aws_keys *source,
		     struct aws_keys *ret, struct upstream_error *e)
{
	char url[300];
	char sigv4[80];
	struct http_answer a = {0};
	struct upstream_error unanswered;
	const struct aws_query q = {
		.url = url,
		.sigv4 = sigv4,
		.keys = source,
		.body = body,
		.answer_max = ANSWER_MAX,
		.timeout_ms = TIMEOUT_MS,
	};

	(void)snprintf(sigv4, sizeof(sigv4), "aws:amz:%.60s:sts", c->sts->region);
	if (body->failed || !aws_endpoint_url(c->sts->endpoint, "sts", c->sts->region, url, sizeof(url))) {
		report_local(c, "sts",
			     "shorten the address of STS (BURSTD_STS_ENDPOINT) or the web identity token",
			     "the request to STS would be too large", e);
		return false;
	}
	if (!aws_query_send(&c->sts->transport, &q, &a, &unanswered)) {
		report_unanswered(c, &unanswered, e);
		return false;
	}
	bool good = read_answer(c, &a, ret, e);

	buf_wipe(&a.body);
	return good;
}

static bool ready(const struct sts_call *c, struct upstream_error *e)
{
	if (c->sts->region)
		return aws_role_valid(c->role, e);
	report_local(c, "sts_region", "set BURSTD_AWS_REGIONS",
		     "a role is assumed at the STS of a region, and no region is configured", e);
	return false;
}

bool sts_assume_role(const struct sts *sts, const struct aws_role *role, const struct aws_keys *source,
		     struct aws_keys *ret, struct upstream_error *e)
{
	const struct sts_call c = {
		.sts = sts, .role = role, .action = "AssumeRole", .secret = role->external_id};
	struct buf body = BUF_INIT(BODY_MAX);

	if (!ready(&c, e))
		return false;
	put_role(&body, &c);
	bool good = call_sts(&c, &body, source, ret, e);

	buf_wipe(&body);
	return good;
}

bool sts_web_identity(const struct sts *sts, const struct aws_role *role, const char *token_file,
		      struct aws_keys *ret, struct upstream_error *e)
{
	struct sts_call c = {
		.sts = sts, .role = role, .action = "AssumeRoleWithWebIdentity", .secret = "", .web = true};
	struct buf token = BUF_INIT(WEB_TOKEN_FILE_MOST);
	struct buf body = BUF_INIT(BODY_MAX);
	char message[400];
	char why[100];
	bool good = false;

	if (!ready(&c, e))
		return false;
	if (aws_token_read(token_file, &token, why, sizeof(why))) {
		c.secret = token.data;
		put_role(&body, &c);
		aws_put_pair(&body, "WebIdentityToken", token.data);
		good = call_sts(&c, &body, NULL, ret, e);
	} else {
		(void)snprintf(message, sizeof(message),
			       "the web identity token file %.120s cannot be used: %s", token_file, why);
		report_local(&c, "web_identity_token",
			     "check that what writes the token file runs, and that burstd's user may read it",
			     message, e);
	}
	buf_wipe(&token);
	buf_wipe(&body);
	return good;
}
