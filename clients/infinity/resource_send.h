/* Changes of Infinity's resources whose body is there as JSON text already: what resource.c and location.c have in common. */
#ifndef BURSTD_CLIENTS_INFINITY_RESOURCE_SEND_H
#define BURSTD_CLIENTS_INFINITY_RESOURCE_SEND_H

#include "clients/infinity/client.h"
#include "clients/infinity/resource.h"

/* What is sent. */
struct resource_text {
	const char *body;   /* JSON, NULL = none */
	const json_t *sent; /* as in struct infinity_request */
};

/* As infinity_resource_create. */
bool infinity_resource_post(struct infinity_client *, enum infinity_resource, const struct resource_text *,
			    int64_t *ret_id, struct buf *ret_body, struct upstream_error *e);
/* As infinity_resource_update and infinity_resource_delete: METHOD_PATCH or METHOD_DELETE. */
bool infinity_resource_change(struct infinity_client *, enum infinity_resource, enum http_method, int64_t id,
			      const struct resource_text *, struct upstream_error *e);

#endif
