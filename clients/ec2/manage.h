/*
 * EC2 calls of life-cycle operations (docs/upstream.md): everything that launches, changes, tags, gives back or terminates.
 * Bursting never uses them (RULE E8): they have a client of their own, with credentials of their own. Signed and sent like the
 * calls of ec2.h; reads are tried three times, changes once, because their step holds the attempts.
 *
 * `dry_run` asks EC2 whether the call would be allowed and changes nothing: true = it would; false with code
 * "UnauthorizedOperation" = it is not permitted. One client per thread and region.
 *
 * All of them: false fills `e` and leaves what is returned untouched. An empty or missing id, name, token or tag key is refused
 * (UPSTREAM_BUG) before anything is sent. An instance that EC2 does not know (yet) is UPSTREAM_WAIT in a change.
 */
#ifndef BURSTD_CLIENTS_EC2_MANAGE_H
#define BURSTD_CLIENTS_EC2_MANAGE_H

#include "clients/ec2/ec2.h"

#define EC2_ID_SIZE      33 /* "i-0123456789abcdef0", "eipalloc-...", "sgr-..." */
#define EC2_ADDRESS_SIZE 16 /* IPv4 in text */

struct managed_tag {
	const char *key;
	const char *value;
};

struct managed_image {
	char id[EC2_ID_SIZE];
	char name[129];
	char created[33]; /* ISO 8601, sorts as text */
	bool ena;
};

struct managed_subnet {
	char id[EC2_ID_SIZE]; /* "" = there is none */
	char vpc[EC2_ID_SIZE];
	char zone[33];
	char cidr[20]; /* IPv4 */
	int free_addresses;
	bool public_on_launch;
};

struct managed_instance {
	char id[EC2_ID_SIZE]; /* "" = there is none, as far as EC2 shows yet */
	enum instance_state state;
	char reason[300]; /* of the state; "" = none */
	char type[33];
	char image[EC2_ID_SIZE];
	char tenancy[17];
	char subnet[EC2_ID_SIZE];
	char vpc[EC2_ID_SIZE];
	char zone[33];
	char key_name[129];
	char private_address[EC2_ADDRESS_SIZE];
	char public_address[EC2_ADDRESS_SIZE]; /* "" = none */
	char tag_value[257];                   /* of TAG_NAME */
	bool tagged;                           /* carries TAG_NAME */
	char client_token[65];
	int64_t launch_time;
	bool ena;
};

struct managed_launch {
	const char *image;
	const char *type;
	const char *tenancy; /* "dedicated", "default" */
	const char *subnet;
	const char *const *groups;
	size_t n_groups;
	const char *key_name; /* NULL or "" = launched without one */
	bool public_address;  /* auto-assigned; false = none, whatever the subnet says */
	const char *client_token;
	const struct managed_tag *tags; /* of the instance, its volumes and its network interface */
	size_t n_tags;
};

struct managed_address {
	char allocation[EC2_ID_SIZE]; /* "" = there is none */
	char association[EC2_ID_SIZE];
	char instance[EC2_ID_SIZE];
	char public_address[EC2_ADDRESS_SIZE];
};

struct managed_group {
	char id[EC2_ID_SIZE]; /* "" = there is none */
	char name[256];
	char vpc[EC2_ID_SIZE];
	struct group_rule *rules; /* of fleet/survey_report.h; in the arena given to the read */
	size_t n_rules;
};

/* --- reads --- */

/* Images of `owner` in state available whose name fits `name` ("*" and "?" are wildcards), deprecated ones too; malloc'ed, free(). */
bool ec2_find_images(struct ec2_client *, const char *owner, const char *name, struct managed_image **ret,
		     size_t *ret_n, struct upstream_error *e);
bool ec2_find_subnet(struct ec2_client *, const char *subnet, struct managed_subnet *ret,
		     struct upstream_error *e);
/* By id; by the client token of its launch. Terminated ones are shown as long as EC2 shows them. */
bool ec2_find_instance(struct ec2_client *, const char *instance, struct managed_instance *ret,
		       struct upstream_error *e);
bool ec2_find_launched(struct ec2_client *, const char *client_token, struct managed_instance *ret,
		       struct upstream_error *e);
/* The Elastic IP with this allocation id; with this tag; of this instance. The first one where there are several. */
bool ec2_find_address(struct ec2_client *, const char *allocation, struct managed_address *ret,
		      struct upstream_error *e);
bool ec2_find_tagged_address(struct ec2_client *, const struct managed_tag *, struct managed_address *ret,
			     struct upstream_error *e);
bool ec2_find_address_of(struct ec2_client *, const char *instance, struct managed_address *ret,
			 struct upstream_error *e);
/* By id, or by name in a VPC (id NULL). Rules and their texts live in the arena. */
bool ec2_find_group(struct ec2_client *, const char *id, const char *vpc, const char *name, struct arena *,
		    struct managed_group *ret, struct upstream_error *e);
/* Whether there is a key pair of this name. */
bool ec2_find_key_pair(struct ec2_client *, const char *name, bool *ret, struct upstream_error *e);
/* Whether the type is offered in the Availability Zone. */
bool ec2_type_offered(struct ec2_client *, const char *type, const char *zone, bool *ret,
		      struct upstream_error *e);

/* --- changes --- */

/* RunInstances of one instance. The client token makes a repeat the same launch. */
bool ec2_launch(struct ec2_client *, const struct managed_launch *, bool dry_run,
		struct managed_instance *ret, struct upstream_error *e);
bool ec2_terminate(struct ec2_client *, const char *instance, bool dry_run, struct upstream_error *e);
/* Start and stop are those of ec2.h. */
bool ec2_set_type(struct ec2_client *, const char *instance, const char *type, bool dry_run,
		  struct upstream_error *e);
bool ec2_set_ena(struct ec2_client *, const char *instance, bool dry_run, struct upstream_error *e);
bool ec2_tag(struct ec2_client *, const char *resource, const struct managed_tag *, size_t n, bool dry_run,
	     struct upstream_error *e);
/* Removes the tag of this key, whatever its value. */
bool ec2_untag(struct ec2_client *, const char *resource, const char *key, bool dry_run,
	       struct upstream_error *e);
/* AllocateAddress has no token: its tags are how a lost answer is found again. */
bool ec2_allocate_address(struct ec2_client *, const struct managed_tag *, size_t n, bool dry_run,
			  struct managed_address *ret, struct upstream_error *e);
/* Fails where the address belongs to another instance (Resource.AlreadyAssociated). */
bool ec2_associate_address(struct ec2_client *, const char *allocation, const char *instance, bool dry_run,
			   struct upstream_error *e);
/* What is to be disassociated, released or deleted and is not there is done. */
bool ec2_disassociate_address(struct ec2_client *, const char *association, bool dry_run,
			      struct upstream_error *e);
bool ec2_release_address(struct ec2_client *, const char *allocation, bool dry_run, struct upstream_error *e);
bool ec2_create_group(struct ec2_client *, const char *name, const char *description, const char *vpc,
		      const struct managed_tag *, size_t n, bool dry_run, char ret_id[EC2_ID_SIZE],
		      struct upstream_error *e);
/* Adds rules of one direction, towards a CIDR or a group each. A rule that is there already (InvalidPermission.Duplicate) is no failure. */
bool ec2_authorize(struct ec2_client *, const char *group, const struct group_rule *, size_t n, bool dry_run,
		   struct upstream_error *e);
/* Takes rules of one direction back: the undo of ec2_authorize. A rule that is not there is gone already. */
bool ec2_revoke(struct ec2_client *, const char *group, const struct group_rule *, size_t n, bool dry_run,
		struct upstream_error *e);
/* DeleteSecurityGroup: for the undo of ec2_create_group. */
bool ec2_delete_group(struct ec2_client *, const char *group, bool dry_run, struct upstream_error *e);

#endif
