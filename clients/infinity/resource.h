/*
 * Configuration resources of Infinity's management API, as JSON: for life-cycle operations, which make and change objects of
 * many kinds. GET, POST on a list, PATCH and DELETE of one object; nothing else can be expressed. Which resources may be written
 * at all stands in one table (resource.c). Threads: those of the client.
 */
#ifndef BURSTD_CLIENTS_INFINITY_RESOURCE_H
#define BURSTD_CLIENTS_INFINITY_RESOURCE_H

#include <jansson.h>

#include "base/buf.h"
#include "clients/infinity/infinity.h"

/*      name             path                                                write */
#define INFINITY_RESOURCES(X)                                                                                \
	X(WORKER_VM, "configuration/worker_vm", true)                                                        \
	X(WORKER_VM_STATUS, "status/worker_vm", false)                                                       \
	X(SYSTEM_LOCATION, "configuration/system_location", true)                                            \
	X(MANAGEMENT_VM, "configuration/management_vm", true)                                                \
	X(MANAGEMENT_VM_STATUS, "status/management_vm", false)                                               \
	X(DNS_SERVER, "configuration/dns_server", true)                                                      \
	X(NTP_SERVER, "configuration/ntp_server", true)                                                      \
	X(LICENCE, "configuration/licence", true)                                                            \
	X(TLS_CERTIFICATE, "configuration/tls_certificate", true)                                            \
	X(CONFERENCE, "configuration/conference", true)                                                      \
	X(CONFERENCE_ALIAS, "configuration/conference_alias", true)                                          \
	X(GLOBAL, "configuration/global", true)

enum infinity_resource {
#define X(name, path, write) RESOURCE_##name,
	INFINITY_RESOURCES(X)
#undef X
		RESOURCE_COUNT
};

/* "/api/admin/configuration/v1/worker_vm/7/": how one object refers to another. */
void infinity_reference(enum infinity_resource, int64_t id, char out[128]);
/* The id at the end of such a reference; 0 where it is none of that resource. */
int64_t infinity_reference_id(enum infinity_resource, const char *reference);

/* One object by id; *ret is a new reference, NULL where there is none (404). */
bool infinity_resource_get(struct infinity_client *, enum infinity_resource, int64_t id, json_t **ret,
			   struct upstream_error *e);
/* All objects, every page: *ret is a new array. A list that moves or breaks off is a failure (RULE D1). */
bool infinity_resource_list(struct infinity_client *, enum infinity_resource, json_t **ret,
			    struct upstream_error *e);
/* The first object whose field has exactly this text; *ret is a new reference, NULL where there is none. */
bool infinity_resource_find(struct infinity_client *, enum infinity_resource, const char *field,
			    const char *value, json_t **ret, struct upstream_error *e);
/*
 * POST on the list. *ret_id is the new object's. `ret_body` (may be NULL) gets the answer's body as it came: of worker_vm that is
 * the XML configuration document, which holds secrets and cannot be fetched again: the caller frees it (buf_free wipes it). One attempt:
 * with UPSTREAM_RETRY it may have been made all the same.
 */
bool infinity_resource_create(struct infinity_client *, enum infinity_resource, const json_t *object,
			      int64_t *ret_id, struct buf *ret_body, struct upstream_error *e);
/* PATCH of one object with these fields. Safe to repeat. One attempt. */
bool infinity_resource_update(struct infinity_client *, enum infinity_resource, int64_t id,
			      const json_t *fields, struct upstream_error *e);
/* DELETE of one object. One attempt; http_status 404 = it is gone already. */
bool infinity_resource_delete(struct infinity_client *, enum infinity_resource, int64_t id,
			      struct upstream_error *e);

#endif
