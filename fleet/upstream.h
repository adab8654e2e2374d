/* How a call to Infinity or EC2 failed, in terms that the reconciler acts on and an operator understands. */
#ifndef BURSTD_FLEET_UPSTREAM_H
#define BURSTD_FLEET_UPSTREAM_H

#include <stdbool.h>

#include "base/meter.h"

/* facts: EC2 errors are sorted by their code, never by the HTTP status alone (lack of capacity arrives as 500). */
enum upstream_class {
	UPSTREAM_OK,
	UPSTREAM_RETRY, /* the same again, with backoff: network, 5xx, no answer. The effect is uncertain */
	UPSTREAM_THROTTLED, /* the same again, later; slow everything to this account and region down */
	UPSTREAM_WAIT,      /* the state does not fit yet: look at the world, then decide */
	UPSTREAM_NEXT,      /* this node cannot be used now: try the next candidate (RULE S6) */
	UPSTREAM_OPERATOR,  /* only a person can mend it */
	UPSTREAM_BUG,       /* our request was wrong */
};
#define UPSTREAM_CLASSES (UPSTREAM_BUG + 1)
const char *upstream_class_text(enum upstream_class);

/* How a client's requests ended, by class: each attempt counts. */
struct upstream_tally {
	_Atomic uint64_t requests[UPSTREAM_CLASSES];
};

/* All of them. Any thread. */
uint64_t upstream_requests(const struct upstream_tally *);

struct upstream_error {
	enum upstream_class class;
	int http_status;   /* 0 = no answer */
	char code[65];     /* EC2's error code, or a slug of ours ("timeout", "tls", "html_answer") */
	char issue[49];    /* stable slug of the issue to show: "ec2_credentials", "infinity_password", ... */
	char message[300]; /* what happened; never a secret */
	char remedy[300];  /* what to do */
	long retry_after_ms; /* 0 = not said */
};

/*
 * Whether the failure is about the account, the keys or the clock rather than about the node asked for: every candidate
 * would fail alike, so none of them is to blame, and the same deed is worth trying again once a person has mended it.
 */
bool upstream_account_wide(const struct upstream_error *);

/* Fills `e`; message by format. Any thread. */
void upstream_error_set(struct upstream_error *e, enum upstream_class class, int http_status,
			const char *code, const char *issue, const char *remedy, const char *format, ...)
	__attribute__((format(printf, 7, 8)));

#endif
