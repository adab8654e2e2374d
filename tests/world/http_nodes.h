/* configuration/worker_vm/ and the other objects of Infinity's configuration, shared by the files that answer its management API. */
#ifndef BURSTD_TESTS_WORLD_HTTP_NODES_H
#define BURSTD_TESTS_WORLD_HTTP_NODES_H

#include "tests/world/http_internal.h"

/* --- http_nodes.c --- */
json_t *node_object(const struct world *, const struct machine *); /* as GET shows it; a new reference */
void node_create(struct request *, json_t *body, struct reply *);
void node_change(struct request *, int64_t id, json_t *body, struct reply *);
void node_delete(struct request *, int64_t id, struct reply *);
/* The id at the end of "/api/admin/configuration/v1/RESOURCE/ID/"; 0 = it is none. */
int64_t reference_id(const json_t *, const char *resource);

/* --- http_objects.c: what Infinity only keeps --- */
json_t *objects_list(struct request *, enum object_kind); /* as GET shows them; a new reference */
/* POST on the list, PATCH and DELETE of one (id ""), with the methods that the kind knows. */
void objects_write(struct request *, enum object_kind, const char *id, json_t *body, struct reply *);
/* The objects behind a list of references, for embedding; NULL where one is none. */
json_t *objects_embedded(const struct world_http *, enum object_kind, const json_t *references);
/* The methods of a list and of one object, for Allow. */
const char *objects_allow(enum object_kind, bool on_list);

#endif
