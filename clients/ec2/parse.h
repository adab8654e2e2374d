/*
 * Reads the XML answers of EC2 and STS: bytes in, plain data out. No network, no clock, so it is tested, fuzzed and measured alone.
 *
 * DOCTYPE is refused before any entity is expanded; depth and text are capped (base/limits.h); elements are matched by
 * their full path, unknown ones are skipped whatever they hold. Any thread, one builder per thread.
 */
#ifndef BURSTD_CLIENTS_EC2_PARSE_H
#define BURSTD_CLIENTS_EC2_PARSE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"
#include "base/limits.h"
#include "clients/ec2/keys.h"
#include "fleet/report.h"

/* Gathers the instances of all pages of one listing, or of several requests that belong together. */
struct ec2_builder;
/* NULL when out of memory. */
struct ec2_builder *ec2_builder_new(const char *region);
void ec2_builder_free(struct ec2_builder *);
DEFINE_FREEP(struct ec2_builder, ec2_builder_free)
/*
 * The finished report, the caller's, with instances sorted by id and each once (of an instance that came twice, the later
 * form). NULL past LIMIT_REPORT_BYTES or out of memory. The builder is empty afterwards and can only be freed.
 */
struct ec2_report *ec2_builder_finish(struct ec2_builder *);

/* How many instances were gathered so far, and back to that point: what came later is forgotten. */
size_t ec2_builder_count(const struct ec2_builder *);
void ec2_builder_rewind(struct ec2_builder *, size_t count);

enum ec2_answer_kind {
	EC2_ANSWER_UNKNOWN,   /* well-formed, but none of the known roots */
	EC2_ANSWER_INSTANCES, /* DescribeInstances */
	EC2_ANSWER_CHANGES,   /* StartInstances, StopInstances */
	EC2_ANSWER_LISTING,   /* any other describe: read as a tree (listing.h), never by ec2_parse */
	EC2_ANSWER_ERROR,     /* Response or ErrorResponse: code and message */
	EC2_ANSWER_KEYS,      /* of STS: AssumeRole, AssumeRoleWithWebIdentity */
};

struct ec2_answer {
	enum ec2_answer_kind kind;
	char request_id[65];
	char next_token[LIMIT_EC2_TEXT_BYTES + 1]; /* "" = last page */
	char code[65];                             /* first error of the answer */
	char message[600];
	char changed_id[33]; /* the state change that was looked for; "" = not in the answer */
	enum instance_state previous;
	enum instance_state current;
};

/* The number of an instance state; its high byte is for AWS's own use. false: no number of 16 bits. */
bool ec2_state_from_code(const char *text, enum instance_state *ret);

/*
 * Reads one whole answer. Instances go to `into` (may be NULL: they are checked and dropped). Of a start or stop answer the
 * change of `instance_id` is kept (may be NULL: the first). false: not well-formed, a DOCTYPE, a limit, an instance without
 * an id or a state; `why` (>= 160 bytes) says so, and `into` is rewound to what it held before.
 */
bool ec2_parse(const char *data, size_t len, struct ec2_builder *into, const char *instance_id,
	       struct ec2_answer *ret, char *why, size_t why_size);

/*
 * Reads one whole answer of STS under the same rules. With EC2_ANSWER_KEYS *ret_keys is a whole set with its end; otherwise it is
 * untouched. false also for an answer with half a set.
 */
bool sts_parse(const char *data, size_t len, struct aws_keys *ret_keys, struct ec2_answer *ret, char *why,
	       size_t why_size);

#endif
