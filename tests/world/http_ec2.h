/* EC2's Query API, shared by the files that answer it (http_ec2.c, http_ec2_network.c). Nothing else includes it. */
#ifndef BURSTD_TESTS_WORLD_HTTP_EC2_H
#define BURSTD_TESTS_WORLD_HTTP_EC2_H

#include "tests/world/http_internal.h"

struct ec2_call {
	struct request *request;
	struct reply *reply;
	struct world *world;
	struct form form;
	int32_t region;
};

#define WORLD_SUBNET "subnet-0world00000000001"
#define WORLD_GROUP  "sg-0world00000000001"

/* <name>text</name>, escaped; nothing at all for NULL. */
void ec2_element(struct buf *, const char *name, const char *text);
void ec2_open_answer(struct ec2_call *, const char *action);
void ec2_refuse(struct ec2_call *, struct verdict);

/* What an instance tells of its place: VPC, subnet, key pair, security groups. */
void ec2_put_place(const struct ec2_call *, const struct ec2_instance *);
/* DescribeSecurityGroups, DescribeSubnets, DescribeNetworkAcls; false: none of these. */
bool ec2_serve_network(struct ec2_call *, const char *action);

#endif
