/*
 * Inside clients/ec2: the bodies of the actions of manage.h. Pure; the caller checks buf.failed once at the end. Ids and names
 * are not empty: manage.c has refused those, because to EC2 an empty one may mean everything.
 */
#ifndef BURSTD_CLIENTS_EC2_MANAGE_REQUEST_H
#define BURSTD_CLIENTS_EC2_MANAGE_REQUEST_H

#include "base/buf.h"
#include "clients/ec2/manage.h"

#define MANAGE_LAUNCH       "RunInstances"
#define MANAGE_TERMINATE    "TerminateInstances"
#define MANAGE_MODIFY       "ModifyInstanceAttribute"
#define MANAGE_TAG          "CreateTags"
#define MANAGE_UNTAG        "DeleteTags"
#define MANAGE_ALLOCATE     "AllocateAddress"
#define MANAGE_ASSOCIATE    "AssociateAddress"
#define MANAGE_DISASSOCIATE "DisassociateAddress"
#define MANAGE_RELEASE      "ReleaseAddress"
#define MANAGE_CREATE_GROUP "CreateSecurityGroup"
#define MANAGE_DELETE_GROUP "DeleteSecurityGroup"
#define MANAGE_INGRESS      "AuthorizeSecurityGroupIngress"
#define MANAGE_EGRESS       "AuthorizeSecurityGroupEgress"
#define MANAGE_NO_INGRESS   "RevokeSecurityGroupIngress"
#define MANAGE_NO_EGRESS    "RevokeSecurityGroupEgress"

/* Without key pair where its name is NULL or "". The network interface's form, because only there public_address can be said. */
void manage_put_launch(struct buf *, const struct managed_launch *);
/* One id of the action's own parameter: "InstanceId.1", "AllocationId", ... */
void manage_put_id(struct buf *, const char *action, const char *parameter, const char *id);
/* The instance's attribute in its typed form: "InstanceType.Value". */
void manage_put_attribute(struct buf *, const char *instance, const char *attribute, const char *value);
void manage_put_tag(struct buf *, const char *resource, const struct managed_tag *, size_t n);
/* By key alone: removed whatever the value. */
void manage_put_untag(struct buf *, const char *resource, const char *key);
void manage_put_allocate(struct buf *, const struct managed_tag *, size_t n);
/* Never takes an address from another instance: AllowReassociation=false. */
void manage_put_associate(struct buf *, const char *allocation, const char *instance);
void manage_put_create_group(struct buf *, const char *name, const char *description, const char *vpc,
			     const struct managed_tag *, size_t n);
/* The action's rules, all of one direction. */
void manage_put_rules(struct buf *, const char *action, const char *group, const struct group_rule *,
		      size_t n);
void manage_put_dry_run(struct buf *);

#endif
