/*
 * Infinity's JSON into plain rows: one parser per resource, pure functions. Strict about the fields that
 * burstd uses (a wrong type is an error that names the field), blind to all others, since each version adds
 * some. Any thread.
 */
#ifndef BURSTD_CLIENTS_INFINITY_PARSE_H
#define BURSTD_CLIENTS_INFINITY_PARSE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "fleet/report.h"

#define PARSE_WHY_SIZE 160

/*
 * Parses one JSON document, not deeper than LIMIT_UPSTREAM_JSON_DEPTH; of duplicate keys the last one counts.
 * NULL fills `why` with a sentence. New reference.
 */
json_t *infinity_json_load(const char *text, size_t len, char why[PARSE_WHY_SIZE]);

/* configuration/worker_vm. Strings of all rows live in the arena given to the parser. */
struct node_row {
	int64_t id;
	const char *name;
	const char *address;
	int64_t location; /* 0 = null */
	enum node_role role;
	bool maintenance;
	const char *maintenance_reason; /* "" = none */
	const char *static_nat;         /* NULL = none */
	bool distributed_database;
};

/* configuration/system_location */
struct location_row {
	int64_t id;
	const char *name;
	const char *description; /* NULL = none */
	int64_t overflow1;       /* 0 = null */
	int64_t overflow2;
};

/* configuration/management_vm */
struct manager_row {
	const char *hostname; /* NULL = none */
	const char *address;  /* NULL = none */
	bool primary;
};

/* configuration/global/1 */
struct global_row {
	bool bursting_enabled;
	int bursting_threshold;     /* 0 = missing */
	int bursting_lifetime;      /* 0 = missing */
	const char *cloud_provider; /* NULL = missing */
	const char *aws_access_key; /* NULL = none */
	bool aws_secret_set;        /* the secret itself is not kept */
};

/* status/worker_vm; missing figures as in struct infinity_node */
struct status_row {
	int64_t node; /* configuration_id, the own id where that is missing */
	enum node_sync sync;
	const char *sync_text; /* NULL = none */
	bool maintenance;
	int64_t last_updated; /* Infinity's clock, 0 = never */
	int max_hd;
	int media_load;
	int64_t tokens_max;
	int64_t tokens_used;
	int signaling;
};

/* status/conference_shard */
struct shard_row {
	const char *node; /* address; NULL = not said */
};

/* status/participant; NULL = none */
struct participant_row {
	const char *media;
	const char *signalling;
	const char *proxy;
};

/* status/licensing; -1 = missing */
struct licence_row {
	int used;
	int total;
};

/* status/cloud_monitored_location and status/cloud_overflow_location; -1 = null */
struct monitor_row {
	int64_t location;
	int free_hd;
	int max_hd;
};

/* configuration/dns_server and configuration/ntp_server */
struct server_row {
	const char *address;
};

/* configuration/licence and configuration/tls_certificate */
struct term_row {
	const char *name;
	int64_t ends_at; /* 0 = does not end */
};

/* configuration/worker_vm, as a survey reads it; NULL = not said */
struct placement_row {
	const char *name;
	const char *address;
	const char *netmask;
	const char *gateway;
};

/*
 * One row a list: name, module, resource, type of its rows, whether its objects carry an id. parse_<name> is
 * its parser.
 */
#define INFINITY_LISTS(X)                                                                                    \
	X(node, configuration, worker_vm, struct node_row, true)                                             \
	X(location, configuration, system_location, struct location_row, true)                               \
	X(manager, configuration, management_vm, struct manager_row, true)                                   \
	X(status, status, worker_vm, struct status_row, true)                                                \
	X(shard, status, conference_shard, struct shard_row, true)                                           \
	X(participant, status, participant, struct participant_row, true)                                    \
	X(licence, status, licensing, struct licence_row, false)                                             \
	X(monitored, status, cloud_monitored_location, struct monitor_row, true)                             \
	X(overflow, status, cloud_overflow_location, struct monitor_row, true)                               \
	X(dns, configuration, dns_server, struct server_row, true)                                           \
	X(ntp, configuration, ntp_server, struct server_row, true)                                           \
	X(entitlement, configuration, licence, struct term_row, false)                                       \
	X(certificate, configuration, tls_certificate, struct term_row, true)                                \
	X(placement, configuration, worker_vm, struct placement_row, true)

enum infinity_list_id {
#define X(name, module, resource, type, keyed) LIST_##name,
	INFINITY_LISTS(X)
#undef X
		LIST_COUNT
};

struct infinity_list {
	const char *path;     /* "/api/admin/status/v1/worker_vm/" */
	const char *resource; /* "status/worker_vm", as an operator reads it */
	size_t row_size;
	const char *key; /* the field that every object has as its id; NULL = none */
	const char *const
		*fields; /* every field that the parser reads and the id, NULL at the end; NULL = all */
	const char *
		match_field; /* only objects with exactly this text there are parsed, the others leave a zeroed row; NULL = all */
	const char *match_text;
	/* One object into one zeroed row. false fills `why`; the arena running full does not count as a
	 * failure. */
	bool (*parse)(const json_t *object, struct arena *, void *ret_row, char why[PARSE_WHY_SIZE]);
	void (*drop)(void *row); /* what a row owns is released; NULL = nothing */
};
extern const struct infinity_list infinity_lists[LIST_COUNT];

/* The same for the answer to a list; of its objects the tree may have no more than the list's fields. */
json_t *infinity_json_load_list(const struct infinity_list *, const char *text, size_t len,
				char why[PARSE_WHY_SIZE]);

#define GLOBAL_PATH     "/api/admin/configuration/v1/global/1/"
#define GLOBAL_RESOURCE "configuration/global"
bool infinity_parse_global(const json_t *object, struct arena *, struct global_row *ret_row,
			   char why[PARSE_WHY_SIZE]);

#endif
