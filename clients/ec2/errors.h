/* What EC2's errors mean: one table from code to class, issue and remedy (docs/upstream.md, "Errors"). Pure. */
#ifndef BURSTD_CLIENTS_EC2_ERRORS_H
#define BURSTD_CLIENTS_EC2_ERRORS_H

#include <stdbool.h>
#include <stdint.h>

#include "fleet/upstream.h"

/* What is known about one failed call. */
struct ec2_failure {
	const char *action; /* "StartInstances" */
	const char *region;
	int http_status;
	const char *code;       /* "" = the answer held none */
	const char *message;    /* AWS's words, "" = none */
	const char *request_id; /* "" = none */
	bool html;              /* the answer was a web page: something other than AWS spoke */
	int64_t skew_ms;        /* our clock minus AWS's; 0 when unknown */
	long retry_after_ms;
};

/* Fills `e` with class, issue, message and remedy for an operator. */
void ec2_error_fill(struct upstream_error *e, const struct ec2_failure *);

/* Whether fresh credentials may mend it: expired keys, and refusals of temporary keys. */
bool ec2_error_wants_fresh_keys(const char *code, bool temporary_keys);

/* A page token that EC2 no longer knows: the listing begins again. */
bool ec2_error_wants_first_page(const char *code);

#endif
