/*
 * Client of Infinity's management API (docs/upstream.md). GET, PATCH and DELETE of one object, POST on a list or a command are
 * all that can be expressed: a PUT, or a DELETE on a list, would replace or empty a whole collection, so there is no function
 * for it.
 * One client per thread.
 */
#ifndef BURSTD_CLIENTS_INFINITY_INFINITY_H
#define BURSTD_CLIENTS_INFINITY_INFINITY_H

#include "base/clock.h"
#include "clients/transport.h"
#include "fleet/location.h"
#include "fleet/report.h"
#include "fleet/survey_report.h"

struct infinity_client;
struct infinity_client_options {
	const char *url;  /* "https://manager.example.com", no path */
	const char *user; /* Basic, or NULL */
	const char *password;
	const char *oauth_client_id; /* OAuth2 with an ES256 client assertion, or NULL */
	const char *oauth_key_pem;   /* private key, PKCS#8 PEM, EC P-256 */
	const char *oauth_audience;  /* NULL = the token endpoint's URL */
	const char *oauth_scope;     /* NULL = "is_admin use_api" */
	struct transport transport;
	const struct clock *clock;
	double time_scale; /* waits between attempts are divided by it */
	void (*pause)(void *self, int64_t ms);
	void *pause_self;
	struct upstream_tally *tally; /* borrowed; NULL = nobody counts */
};
/* NULL fills `e` (unreadable key, ...). Copies all strings. */
struct infinity_client *infinity_client_new(const struct infinity_client_options *, struct upstream_error *e);
void infinity_client_free(struct infinity_client *);
/* How many requests of the management API it has sent so far, attempts counted one by one. */
int64_t infinity_client_requests(const struct infinity_client *);

/*
 * Reads configuration, status and the live lists into one report, the caller's. `participants` false leaves that list out
 * (its counts are -1). Lists are paged to the end, deduplicated by id and counted against total_count; a live list
 * that moves while it is read is read once more, then the report is marked as not whole. Any failed request fails the
 * whole read: false, `e` filled, nothing returned. Exceptions, because they decide nothing that the join cannot work out
 * itself: management_vm, licensing and (read only while Infinity's own bursting is on) cloud_monitored_location and
 * cloud_overflow_location may answer 403 or 404. The first two are read once a minute and remembered in between.
 */
bool infinity_observe(struct infinity_client *, bool participants, struct infinity_report **ret_report,
		      struct upstream_error *e);

/*
 * What a survey reads of the platform's own configuration: DNS and NTP servers, licences, certificates, the Management Node's address.
 * Reads that are refused to the account or fail later are noted in the report. false, `e` filled: nothing can be read at all.
 */
bool infinity_survey(struct infinity_client *, struct platform_report **ret, struct upstream_error *e);

/*
 * PATCH configuration/worker_vm/<id>/ {maintenance_mode, maintenance_mode_reason}. Safe to repeat. `reason` is UTF-8, NULL
 * for none, and cut to LIMIT_REASON_BYTES between two characters. One attempt; no reading back.
 */
bool infinity_set_maintenance(struct infinity_client *, int64_t node, bool on, const char *reason,
			      struct upstream_error *e);
/*
 * POST command/platform/start_cloudnode/ (RULE S9). "success" means accepted, not started. One attempt. A refusal is
 * UPSTREAM_NEXT, issue "infinity_start_refused".
 */
bool infinity_start_cloudnode(struct infinity_client *, const char *instance_id, struct upstream_error *e);

/*
 * GET configuration/system_location/?name=: the id of the location with exactly this name, 0 where there is none. Names are
 * unique in Infinity.
 */
bool infinity_find_location(struct infinity_client *, const char *name, int64_t *ret_id,
			    struct upstream_error *e);
/*
 * POST configuration/system_location/ with the fields that the change names; the name is one of them. One attempt: where the
 * answer is lost, or does not tell the id (UPSTREAM_RETRY), it may be there all the same, and is looked for by its name before
 * anyone asks again. A refusal has Infinity's words for the field in its message.
 */
bool infinity_create_location(struct infinity_client *, const struct location_change *, int64_t *ret_id,
			      struct upstream_error *e);
/* PATCH configuration/system_location/<id>/ with the fields that the change names. Safe to repeat. One attempt. */
bool infinity_update_location(struct infinity_client *, int64_t id, const struct location_change *,
			      struct upstream_error *e);
/* DELETE configuration/system_location/<id>/. One attempt; http_status 404 = it is gone already. */
bool infinity_delete_location(struct infinity_client *, int64_t id, struct upstream_error *e);

#endif
