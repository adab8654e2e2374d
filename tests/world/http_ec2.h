/*
 * EC2's Query API, shared by the files that answer it: http_ec2.c (instances, start, stop, the front), http_ec2_launch.c,
 * http_ec2_address.c, http_ec2_network.c, http_ec2_catalog.c. Nothing else includes it.
 */
#ifndef BURSTD_TESTS_WORLD_HTTP_EC2_H
#define BURSTD_TESTS_WORLD_HTTP_EC2_H

#include "tests/world/http_internal.h"

struct ec2_call {
	struct request *request;
	struct reply *reply;
	struct world *world;
	struct form form;
	int32_t region;
	const char *action;
	enum policy scope;
	bool dry_run;
	bool late; /* fail_next: RunInstances is accepted, then pending -> terminated */
};

#define WORLD_IMAGE  "ami-0feedfacecafe0001" /* of the instances of the beginning */
#define WORLD_SUBNET "subnet-0world00000000001"
#define WORLD_GROUP  "sg-0world00000000001"

/* <name>text</name>, escaped; nothing at all for NULL. */
void ec2_element(struct buf *, const char *name, const char *text);
void ec2_number(struct buf *, const char *name, long long number);
void ec2_put_tags(struct buf *, const struct instance_tag *, size_t n);
void ec2_open_answer(struct ec2_call *);
void ec2_close_answer(struct ec2_call *);
void ec2_done(struct ec2_call *); /* <return>true</return> */
void ec2_refuse(struct ec2_call *, struct verdict);
void ec2_bad(struct ec2_call *, const char *code, const char *message); /* status 400 */
/* What a call that may and could be done answers to DryRun; false = it is no dry run. */
bool ec2_dry(struct ec2_call *);

/* A field by name with numbers in it ("Filter.%d.Value.%d"); NULL = none. */
const char *ec2_numbered(const struct ec2_call *, const char *format, int n, int m);
/* A field that is needed; NULL = missing, which is told. */
const char *ec2_needed(struct ec2_call *, const char *name);
/* Whether NAME.N lists it, or lists nothing. */
bool ec2_is_listed(const struct ec2_call *, const char *name, const char *value);
/* `*` and `?` as EC2 has them; a backslash takes the next character as it is. */
bool ec2_matches(const char *pattern, const char *text);
/* The name ("tag:KEY", "tag-key") and value of a filter against tags. */
bool ec2_tags_match(const char *name, const char *value, const struct instance_tag *, size_t n);
typedef bool ec2_matcher(const char *name, const char *value, const void *row);
/* Filters AND, the values of one OR. */
bool ec2_passes(const struct ec2_call *, ec2_matcher *, const void *row);
/* Whether every filter is one of these or about tags, and they are not too many; told otherwise. */
bool ec2_filters_good(struct ec2_call *, const char *const *known, size_t n);

/* The tags of TagSpecification.N for this type of resource, in the world's strings; false = refused. */
bool ec2_read_tags(struct ec2_call *, const char *resource_type, struct instance_tag **ret, size_t *ret_n);

/* An instance named by this parameter; -1 = there is none, or not permitted, which is told. */
int32_t ec2_instance(struct ec2_call *, const char *parameter);
void ec2_put_state(struct buf *, const char *name, enum instance_state);
void ec2_put_instance(const struct ec2_call *, const struct ec2_instance *, const struct vm *);
/* What an instance tells of its place: VPC, subnet, key pair, security groups. */
void ec2_put_place(const struct ec2_call *, const struct ec2_instance *, const struct vm *);
struct group *ec2_group(struct ec2_call *, const char *id); /* NULL = none in the region */

/* One an action. */
void ec2_serve_run_instances(struct ec2_call *);
void ec2_serve_terminate_instances(struct ec2_call *);
void ec2_serve_modify_instance(struct ec2_call *);
void ec2_serve_create_tags(struct ec2_call *);
void ec2_serve_delete_tags(struct ec2_call *);
void ec2_serve_allocate_address(struct ec2_call *);
void ec2_serve_describe_addresses(struct ec2_call *);
void ec2_serve_associate_address(struct ec2_call *);
void ec2_serve_disassociate_address(struct ec2_call *);
void ec2_serve_release_address(struct ec2_call *);
void ec2_serve_describe_groups(struct ec2_call *);
void ec2_serve_create_group(struct ec2_call *);
void ec2_serve_delete_group(struct ec2_call *);
void ec2_serve_authorize(struct ec2_call *);
void ec2_serve_revoke(struct ec2_call *);
void ec2_serve_describe_subnets(struct ec2_call *);
void ec2_serve_describe_acls(struct ec2_call *);
void ec2_serve_describe_images(struct ec2_call *);
void ec2_serve_describe_key_pairs(struct ec2_call *);
void ec2_serve_describe_offerings(struct ec2_call *);

#endif
