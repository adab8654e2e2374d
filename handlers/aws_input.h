/* The fields of requests that name things of AWS, strictly read into the values of an operation. HTTP threads. */
#ifndef BURSTD_HANDLERS_AWS_INPUT_H
#define BURSTD_HANDLERS_AWS_INPUT_H

#include "fleet/lifecycle.h"
#include "handlers/input.h"

/* Records that the field is missing, with `what` it is, where it was not given. After it was asked for. */
void input_needs(struct input *, const char *name, const char *what);
/* The characters of `text` are all among `allowed`; else an error that says `must`. false where it is one. */
bool input_characters(struct input *, const char *name, const char *text, const char *allowed,
		      const char *must);
/* No control character, and no blank at either end. */
bool input_clean(struct input *, const char *name, const char *text);

/* operation_set that records an error of the field where memory is short. */
void aws_set(struct input *, const char *name, struct operation *, enum operation_value, const char *text);

/* "subnet-0123456789abcdef0": the prefix and as many characters as EC2 gives, 8 or 17. */
void aws_read_id(struct input *, struct operation *, const char *name, const char *prefix,
		 enum operation_value);
/* "c5.2xlarge" */
void aws_read_type(struct input *, struct operation *);
/* `region`, one of those configured; without it the only one. Into intent.region. */
void aws_read_region(struct input *, struct operation *, const struct config *);
/*
 * What both deployments share: where the instance is launched and how it is reached. region, subnet, security_groups,
 * key_name, tenancy, public_addressing, allocation_id, version, tags.
 */
void aws_read_launch(struct input *, struct operation *, const struct config *);

#endif
