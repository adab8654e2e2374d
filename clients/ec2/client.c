/*
 * Owns the course of a call to EC2: pace, keys, send, sort the outcome, try again where that is right. It touches no XML
 * and no wire form: request.c builds, parse.c reads, errors.c sorts.
 *
 * One client per thread and region; credentials and limiter are shared and lock themselves.
 */
#include "clients/ec2/ec2.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/crypto.h"
#include "base/limits.h"
#include "clients/ec2/errors.h"
#include "clients/ec2/limiter.h"
#include "clients/ec2/listing.h"
#include "clients/ec2/parse.h"
#include "clients/ec2/query.h"
#include "clients/ec2/region.h"
#include "clients/ec2/request.h"

#define ATTEMPTS            3
#define RETRY_BASE_MS       100.0  /* first backoff after a failure in transit or at AWS */
#define THROTTLED_BASE_MS   1000.0 /* first backoff after a throttle */
#define BACKOFF_MOST_MS     20000.0
#define OFFSET_TOLERANCE_MS 2000 /* the Date header has whole seconds: less cannot be told from none */
#define CHANGE_ANSWER_MAX   (256 * 1024)

struct ec2_client {
	struct ec2_client_options o;
	char region[64];
	char url[300];
	char sigv4[80]; /* in full: libcurl would guess region and service from the host name */
	int64_t server_offset;
};

/* One request: what is asked, and what becomes of its answer. */
struct request {
	const char *action;
	enum ec2_bucket bucket;
	const struct buf *body;
	size_t answer_max;
	enum ec2_answer_kind expected;
	struct ec2_builder *into;          /* of a describe of instances */
	const struct ec2_listing *listing; /* of any other describe */
	const char *instance_id;           /* of a start or stop */
	bool once;                         /* not even libcurl may send it twice */
};

/* --- life -------------------------------------------------------------------------------------------------------- */

struct ec2_client *ec2_client_new(const struct ec2_client_options *o)
{
	_cleanup_(ec2_client_freep) struct ec2_client *c = calloc(1, sizeof(*c));

	if (!c || strlen(o->region) >= sizeof(c->region))
		return NULL;
	c->o = *o;
	(void)snprintf(c->region, sizeof(c->region), "%s", o->region);
	(void)snprintf(c->sigv4, sizeof(c->sigv4), "aws:amz:%s:ec2", c->region);
	c->o.region = c->region;
	if (c->o.time_scale <= 0)
		c->o.time_scale = 1;
	if (!aws_endpoint_url(o->endpoint, "ec2", c->region, c->url, sizeof(c->url)))
		return NULL;
	return take_ptr(c);
}

void ec2_client_free(struct ec2_client *c)
{
	free(c);
}

/* --- failures of no call ---------------------------------------------------------------------------------------- */

bool ec2_out_of_memory(struct upstream_error *e)
{
	upstream_error_set(e, UPSTREAM_RETRY, 0, "memory", "ec2_answer", "give the machine more memory",
			   "out of memory");
	return false;
}

bool ec2_bad_answer(const struct ec2_client *c, const char *action, struct upstream_error *e, const char *why)
{
	upstream_error_set(e, UPSTREAM_RETRY, 200, "bad_answer", "ec2_answer", "", "%s in %s: %s", action,
			   c->region, why);
	return false;
}

static bool too_large(struct upstream_error *e)
{
	upstream_error_set(e, UPSTREAM_BUG, 0, "request", "ec2_request", "shorten the tag value",
			   "the request would be too large");
	return false;
}

/* --- waiting ----------------------------------------------------------------------------------------------------- */

static void pause_ms(const struct ec2_client *c, int64_t ms)
{
	struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	if (ms <= 0)
		return;
	if (c->o.pause)
		c->o.pause(c->o.pause_self, ms);
	else
		(void)nanosleep(&t, NULL);
}

/* Full jitter: anything between nothing and the doubled base (docs/upstream.md, "Throttling"). */
static void back_off(const struct ec2_client *c, int attempt, const struct upstream_error *e)
{
	double base = e->class == UPSTREAM_THROTTLED ? THROTTLED_BASE_MS : RETRY_BASE_MS;
	double most = base * (double)(1 << attempt);
	double ms = random_unit() * (most > BACKOFF_MOST_MS ? BACKOFF_MOST_MS : most);

	if (ms < (double)e->retry_after_ms)
		ms = (double)e->retry_after_ms > BACKOFF_MOST_MS ? BACKOFF_MOST_MS
								 : (double)e->retry_after_ms;
	pause_ms(c, (int64_t)(ms / c->o.time_scale));
}

/* --- one attempt ------------------------------------------------------------------------------------------------- */

/* One page of a short listing. */
static bool read_listing(const struct ec2_listing *l, const struct http_answer *a, struct ec2_answer *ret,
			 char *why, size_t why_size)
{
	const struct xml *root =
		xml_read(l->arena, a->body.data ? a->body.data : "", a->body.len, why, why_size);
	size_t len = root ? strlen(l->action) : 0;

	if (!root)
		return false;
	*ret = (struct ec2_answer){.kind = EC2_ANSWER_UNKNOWN};
	if (strncmp(root->name, l->action, len) != 0 || strcmp(root->name + len, "Response") != 0)
		return true;
	if (!l->take(l->self, root)) {
		(void)snprintf(why, why_size, "the answer is too large");
		return false;
	}
	ret->kind = EC2_ANSWER_LISTING;
	(void)snprintf(ret->next_token, sizeof(ret->next_token), "%s", xml_text(root, "nextToken"));
	return true;
}

static bool read_content(const struct request *r, const struct http_answer *a, bool ok,
			 struct ec2_answer *ret, char *why, size_t why_size)
{
	if (ok && r->listing)
		return read_listing(r->listing, a, ret, why, why_size);
	return ec2_parse(a->body.data ? a->body.data : "", a->body.len, ok ? r->into : NULL, r->instance_id,
			 ret, why, why_size);
}

/* A good status with the expected content is true; anything else is sorted into `e`. */
static bool read_answer(struct ec2_client *c, const struct request *r, const struct http_answer *a,
			struct ec2_answer *ret, struct upstream_error *e)
{
	struct ec2_answer error_answer = {.kind = EC2_ANSWER_UNKNOWN};
	int64_t offset = a->date_ms ? a->date_ms - clock_now(c->o.clock) : 0;
	char why[160] = "an answer of another kind";
	bool ok = a->status == 200;
	bool parsed = read_content(r, a, ok, ok ? ret : &error_answer, why, sizeof(why));
	const struct ec2_answer *got = ok ? ret : &error_answer;

	c->server_offset = llabs(offset) > OFFSET_TOLERANCE_MS ? offset : 0;
	if (parsed && ok && got->kind == r->expected)
		return true;
	bool told = parsed && got->kind == EC2_ANSWER_ERROR;
	const struct ec2_failure f = {
		.action = r->action,
		.region = c->region,
		.http_status = a->status,
		.code = told ? got->code : "",
		.message = told ? got->message : why,
		.request_id = told ? got->request_id : "",
		.html = !told && aws_answer_is_html(a),
		.skew_ms = -offset,
		.retry_after_ms = a->retry_after_ms,
	};

	ec2_error_fill(e, &f);
	return false;
}

static bool attempt(struct ec2_client *c, const struct request *r, const struct aws_keys *keys,
		    struct ec2_answer *ret, struct upstream_error *e)
{
	const struct aws_query query = {.url = c->url,
					.sigv4 = c->sigv4,
					.keys = keys,
					.body = r->body,
					.answer_max = r->answer_max,
					.once = r->once};
	struct http_answer a = {0};
	bool good;

	pause_ms(c, ec2_limiter_take(c->o.limiter, r->bucket));
	good = aws_query_send(&c->o.transport, &query, &a, e) && read_answer(c, r, &a, ret, e);
	http_answer_free(&a);
	if (c->o.tally)
		counter_add(&c->o.tally->requests[good ? UPSTREAM_OK : e->class], 1);
	if (!good && e->class == UPSTREAM_THROTTLED)
		ec2_limiter_throttled(c->o.limiter);
	return good;
}

/* One attempt, and one more where fresh credentials may mend the refusal. */
static bool attempt_with_keys(struct ec2_client *c, const struct request *r, struct ec2_answer *ret,
			      struct upstream_error *e)
{
	struct aws_keys keys;
	bool good = false;

	for (int i = 0; i < 2 && !good; i++) {
		if (!credentials_get(c->o.credentials, &keys, e))
			return false;
		good = attempt(c, r, &keys, ret, e);
		if (good || !ec2_error_wants_fresh_keys(e->code, keys.session_token[0] != '\0'))
			break;
		credentials_expire(c->o.credentials, &keys);
	}
	explicit_bzero(&keys, sizeof(keys));
	return good;
}

/* --- describe ---------------------------------------------------------------------------------------------------- */

/* What is listed. */
struct listing {
	const char *tag_value;   /* or */
	const char *instance_id; /* or */
	const char *const *addresses;
	size_t n_addresses;
};

static void put_listing(struct buf *b, const struct listing *l, const char *token)
{
	if (l->tag_value)
		ec2_put_describe_tagged(b, l->tag_value, token);
	else if (l->instance_id)
		ec2_put_describe_instance(b, l->instance_id, token);
	else
		ec2_put_describe_addresses(b, l->addresses, l->n_addresses, token);
}

/* Up to ATTEMPTS times where that is right. */
static bool attempts(struct ec2_client *c, const struct request *r, struct ec2_answer *ret,
		     struct upstream_error *e)
{
	bool good = false;

	for (int i = 0; i < ATTEMPTS && !good && !r->body->failed; i++) {
		if (i > 0)
			back_off(c, i - 1, e);
		good = attempt_with_keys(c, r, ret, e);
		if (!good && e->class != UPSTREAM_RETRY && e->class != UPSTREAM_THROTTLED)
			break;
	}
	if (r->body->failed)
		return too_large(e);
	return good;
}

static bool describe_page(struct ec2_client *c, const struct listing *l, const char *token,
			  struct ec2_builder *into, struct ec2_answer *ret, struct upstream_error *e)
{
	struct buf body = BUF_INIT(EC2_BODY_BYTES);
	const struct request r = {
		.action = "DescribeInstances",
		.bucket = EC2_BUCKET_DESCRIBE,
		.body = &body,
		.answer_max = LIMIT_EC2_ANSWER_BYTES,
		.expected = EC2_ANSWER_INSTANCES,
		.into = into,
	};
	bool good;

	put_listing(&body, l, token);
	good = attempts(c, &r, ret, e);
	buf_free(&body);
	return good;
}

static bool endless(const struct ec2_client *c, const char *action, struct upstream_error *e)
{
	upstream_error_set(e, UPSTREAM_RETRY, 0, "too_many_pages", "ec2_answer",
			   "check the address of EC2: its listing does not end",
			   "%s in %s: more than %d pages", action, c->region, LIMIT_EC2_PAGES);
	return false;
}

/* Page by page; the token alone says whether there is more: a page may be empty and not the last. */
static bool describe_pages(struct ec2_client *c, const struct listing *l, struct ec2_builder *into,
			   struct upstream_error *e)
{
	struct ec2_answer answer = {.kind = EC2_ANSWER_UNKNOWN};
	char token[sizeof(answer.next_token)] = "";

	for (int pages = 0; pages < LIMIT_EC2_PAGES; pages++) {
		if (!describe_page(c, l, token, into, &answer, e))
			return false;
		if (!answer.next_token[0])
			return true;
		memcpy(token, answer.next_token, sizeof(token));
	}
	return endless(c, "DescribeInstances", e);
}

/* A token that EC2 no longer knows: once more from the first page, without what came before. */
static bool describe_all(struct ec2_client *c, const struct listing *l, struct ec2_builder *into,
			 struct upstream_error *e)
{
	size_t before = ec2_builder_count(into);

	if (describe_pages(c, l, into, e))
		return true;
	if (!ec2_error_wants_first_page(e->code))
		return false;
	ec2_builder_rewind(into, before);
	return describe_pages(c, l, into, e);
}

static bool finish(struct ec2_client *c, struct ec2_builder *b, int64_t observed_at, struct ec2_report **ret,
		   struct upstream_error *e)
{
	struct ec2_report *r = ec2_builder_finish(b);

	if (!r) {
		upstream_error_set(e, UPSTREAM_OPERATOR, 0, "too_large", "ec2_answer",
				   "use a tag value that fewer instances carry",
				   "DescribeInstances in %s: the list does not fit into memory", c->region);
		return false;
	}
	r->observed_at = observed_at;
	r->finished_at = clock_now(c->o.clock);
	r->whole = true;
	*ret = r;
	return true;
}

static bool describe(struct ec2_client *c, const struct listing *l, struct ec2_report **ret,
		     struct upstream_error *e)
{
	_cleanup_(ec2_builder_freep) struct ec2_builder *b = ec2_builder_new(c->region);
	int64_t observed_at = clock_now(c->o.clock);

	if (!b)
		return ec2_out_of_memory(e);
	return describe_all(c, l, b, e) && finish(c, b, observed_at, ret, e);
}

bool ec2_describe_tagged(struct ec2_client *c, const char *tag_value, struct ec2_report **ret_report,
			 struct upstream_error *e)
{
	return describe(c, &(struct listing){.tag_value = tag_value}, ret_report, e);
}

bool ec2_describe_instance(struct ec2_client *c, const char *instance_id, struct ec2_report **ret_report,
			   struct upstream_error *e)
{
	return describe(c, &(struct listing){.instance_id = instance_id}, ret_report, e);
}

bool ec2_describe_addresses(struct ec2_client *c, const char *const *addresses, size_t n,
			    struct ec2_report **ret_report, struct upstream_error *e)
{
	_cleanup_(ec2_builder_freep) struct ec2_builder *b = ec2_builder_new(c->region);
	int64_t observed_at = clock_now(c->o.clock);

	if (!b)
		return ec2_out_of_memory(e);
	for (size_t done = 0; done < n; done += LIMIT_EC2_FILTER_VALUES) {
		size_t part = n - done > LIMIT_EC2_FILTER_VALUES ? LIMIT_EC2_FILTER_VALUES : n - done;

		if (!describe_all(c, &(struct listing){.addresses = addresses + done, .n_addresses = part}, b,
				  e))
			return false;
	}
	return finish(c, b, observed_at, ret_report, e);
}

/* --- short listings ---------------------------------------------------------------------------------------------- */

static void put_short_listing(struct buf *b, const struct ec2_listing *l, const char *token)
{
	ec2_put_action(b, l->action);
	ec2_put_filter(b, 1, l->filter, l->values, l->n_values, l->wildcards);
	buf_puts(b, l->more ? l->more : "");
	if (!l->unpaged)
		ec2_put_page(b, token);
}

static bool listing_page(struct ec2_client *c, const struct ec2_listing *l, const char *token,
			 struct ec2_answer *ret, struct upstream_error *e)
{
	struct buf body = BUF_INIT(EC2_BODY_BYTES);
	const struct request r = {
		.action = l->action,
		.bucket = EC2_BUCKET_DESCRIBE,
		.body = &body,
		.answer_max = LIMIT_EC2_ANSWER_BYTES,
		.expected = EC2_ANSWER_LISTING,
		.listing = l,
	};
	bool good;

	put_short_listing(&body, l, token);
	good = attempts(c, &r, ret, e);
	buf_free(&body);
	return good;
}

static bool listing_pages(struct ec2_client *c, const struct ec2_listing *l, struct upstream_error *e)
{
	struct ec2_answer answer = {.kind = EC2_ANSWER_UNKNOWN};
	char token[sizeof(answer.next_token)] = "";

	for (int pages = 0; pages < LIMIT_EC2_PAGES; pages++) {
		if (!listing_page(c, l, token, &answer, e))
			return false;
		if (!answer.next_token[0])
			return true;
		memcpy(token, answer.next_token, sizeof(token));
	}
	return endless(c, l->action, e);
}

bool ec2_list(struct ec2_client *c, const struct ec2_listing *l, struct upstream_error *e)
{
	struct ec2_listing part = *l;

	for (size_t done = 0; done < l->n_values; done += part.n_values) {
		size_t left = l->n_values - done;

		part.values = l->values + done;
		part.n_values = left > LIMIT_EC2_FILTER_VALUES ? LIMIT_EC2_FILTER_VALUES : left;
		if (!listing_pages(c, &part, e))
			return false;
	}
	return true;
}

int64_t ec2_server_offset(const struct ec2_client *c)
{
	return c->server_offset;
}

/* --- changes ----------------------------------------------------------------------------------------------------- */

static bool keep_root(void *self, const struct xml *root)
{
	*(const struct xml **)self = root;
	return true;
}

bool ec2_change(struct ec2_client *c, const struct ec2_change *change, const struct xml **ret_root,
		struct upstream_error *e)
{
	const struct ec2_listing answer = {
		.action = change->action, .arena = change->arena, .take = keep_root, .self = ret_root};
	const struct request r = {
		.action = change->action,
		.bucket = change->bucket,
		.body = change->body,
		.answer_max = CHANGE_ANSWER_MAX,
		.expected = EC2_ANSWER_LISTING,
		.listing = &answer,
		.once = true, /* AllocateAddress has no token: twice sent is twice paid */
	};
	struct ec2_answer head;

	return change->body->failed ? too_large(e) : attempt_with_keys(c, &r, &head, e);
}

/* --- start and stop ---------------------------------------------------------------------------------------------- */

static bool power(struct ec2_client *c, const struct request *r, struct ec2_state_change *ret,
		  struct upstream_error *e)
{
	struct ec2_answer answer = {.kind = EC2_ANSWER_UNKNOWN};

	if (!attempt_with_keys(c, r, &answer, e))
		return e->class == UPSTREAM_OK; /* DryRunOperation: allowed, and nothing done */
	if (!answer.changed_id[0])
		return ec2_bad_answer(c, r->action, e, "the answer does not name the instance");
	*ret = (struct ec2_state_change){.previous = answer.previous, .current = answer.current};
	return true;
}

bool ec2_start_instance(struct ec2_client *c, const char *instance_id, bool dry_run,
			struct ec2_state_change *ret, struct upstream_error *e)
{
	struct buf body = BUF_INIT(EC2_BODY_BYTES);
	const struct request r = {
		.action = "StartInstances",
		.bucket = EC2_BUCKET_START,
		.body = &body,
		.answer_max = CHANGE_ANSWER_MAX,
		.expected = EC2_ANSWER_CHANGES,
		.instance_id = instance_id,
	};

	ec2_put_start(&body, instance_id, dry_run);
	bool good = body.failed ? ec2_out_of_memory(e) : power(c, &r, ret, e);

	buf_free(&body);
	return good;
}

bool ec2_stop_instance(struct ec2_client *c, const char *instance_id, bool dry_run,
		       struct ec2_state_change *ret, struct upstream_error *e)
{
	struct buf body = BUF_INIT(EC2_BODY_BYTES);
	const struct request r = {
		.action = "StopInstances",
		.bucket = EC2_BUCKET_STOP,
		.body = &body,
		.answer_max = CHANGE_ANSWER_MAX,
		.expected = EC2_ANSWER_CHANGES,
		.instance_id = instance_id,
	};

	ec2_put_stop(&body, instance_id, dry_run);
	bool good = body.failed ? ec2_out_of_memory(e) : power(c, &r, ret, e);

	buf_free(&body);
	return good;
}
