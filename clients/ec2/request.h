/*
 * Builds the bodies of EC2's Query API: one pure function per action, text in a buffer. The caller checks buf.failed
 * once at the end. Any thread.
 */
#ifndef BURSTD_CLIENTS_EC2_REQUEST_H
#define BURSTD_CLIENTS_EC2_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

#define EC2_BODY_BYTES (64 * 1024) /* 200 addresses of a filter are about 8 KiB, a page token at most 8 KiB */

#define EC2_FILTER_ADDRESS "network-interface.addresses.private-ip-address" /* of all interfaces */

/* The parts of a body: how each begins; one filter, with its number; the page, last. */
void ec2_put_action(struct buf *, const char *action);
/* One to LIMIT_EC2_FILTER_VALUES values (asserts). Without `wildcards`, * and ? in them are escaped and mean themselves. */
void ec2_put_filter(struct buf *, size_t number, const char *name, const char *const *values, size_t n,
		    bool wildcards);
void ec2_put_page(struct buf *, const char *token);

/*
 * Any describe with one filter of one to LIMIT_EC2_FILTER_VALUES values (asserts): no value would mean everything. `token` is the page's
 * token, "" or NULL for the first page. Wildcards in values are escaped: they mean themselves.
 */
void ec2_put_describe(struct buf *, const char *action, const char *filter, const char *const *values,
		      size_t n, const char *token);
void ec2_put_describe_tagged(struct buf *, const char *tag_value, const char *token);
/* At most LIMIT_EC2_FILTER_VALUES addresses, at least one (asserts): no address would mean every instance. */
void ec2_put_describe_addresses(struct buf *, const char *const *addresses, size_t n, const char *token);
void ec2_put_describe_instance(struct buf *, const char *instance_id, const char *token);
void ec2_put_start(struct buf *, const char *instance_id, bool dry_run);
void ec2_put_stop(struct buf *, const char *instance_id, bool dry_run);

#endif
