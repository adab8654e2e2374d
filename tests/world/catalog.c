/*
 * What EC2 offers in every region of the world: images, instance types, two subnets in one VPC, key pairs, and the security group of
 * the beginning. The images hold what a search must not fall for: other versions, another owner's, one that is not available.
 */
#include "tests/world/internal.h"

static const struct world_image images[] = {
	{"ami-0feedfacecafe0001", "Pexip Infinity Conferencing Node 38 build 81234", PEXIP_OWNER,
	 "2025-07-01T10:00:00.000Z", "available", true},
	{"ami-0feedfacecafe0002", "Pexip Infinity Management Node 38 build 81234", PEXIP_OWNER,
	 "2025-07-01T10:05:00.000Z", "available", true},
	{"ami-0feedfacecafe0003", "Pexip Infinity Conferencing Node 37 build 80100", PEXIP_OWNER,
	 "2025-02-11T10:00:00.000Z", "available", true},
	{"ami-0feedfacecafe0004", "Pexip Infinity Management Node 37 build 80100", PEXIP_OWNER,
	 "2025-02-11T10:05:00.000Z", "available", true},
	{"ami-0feedfacecafe0005", "Pexip Infinity Conferencing Node 39 build 82500", PEXIP_OWNER,
	 "2025-11-20T10:00:00.000Z", "available", true},
	{"ami-0feedfacecafe0006", "Pexip Infinity Management Node 39 build 82500", PEXIP_OWNER,
	 "2025-11-20T10:05:00.000Z", "available", true},
	{"ami-0feedfacecafe0007", "Pexip Infinity Conferencing Node 16 build 37800", PEXIP_OWNER,
	 "2017-06-01T10:00:00.000Z", "available", false},
	{"ami-0feedfacecafe0008", "Pexip Infinity Conferencing Node 38 build 81234", "999900001111",
	 "2025-12-24T10:00:00.000Z", "available", true},
	{"ami-0feedfacecafe0009", "Pexip Infinity Conferencing Node 38 build 81234", PEXIP_OWNER,
	 "2025-12-24T11:00:00.000Z", "failed", true},
};

#define HOST(a, b, c, d) ((unsigned)(a) << 24 | (unsigned)(b) << 16 | (unsigned)(c) << 8 | (unsigned)(d))

/* The nodes of the beginning have the lower half of the first subnet. */
static const struct world_subnet subnets[] = {
	{"subnet-0world00000000001", "vpc-0world00000000001", "172.31.0.0/20", 'a', HOST(172, 31, 8, 4),
	 HOST(172, 31, 15, 254), false},
	{"subnet-0world00000000002", "vpc-0world00000000001", "172.31.16.0/20", 'b', HOST(172, 31, 16, 4),
	 HOST(172, 31, 31, 254), true},
	{"subnet-0world00000000003", "vpc-0world00000000001", "172.31.32.0/29", 'a', HOST(172, 31, 32, 4),
	 HOST(172, 31, 32, 6), false},
};

static const struct world_type types[] = {
	{"c4.large", 2, false},    {"c4.xlarge", 4, false},    {"c4.2xlarge", 8, false},
	{"c4.4xlarge", 16, false}, {"c4.8xlarge", 36, false},  {"c5.large", 2, true},
	{"c5.xlarge", 4, true},    {"c5.2xlarge", 8, true},    {"c5.4xlarge", 16, true},
	{"c5.9xlarge", 36, true},  {"c5.12xlarge", 48, true},  {"c5.18xlarge", 72, true},
	{"m4.large", 2, false},    {"m4.xlarge", 4, false},    {"m4.2xlarge", 8, false},
	{"m4.4xlarge", 16, false}, {"m4.10xlarge", 40, false}, {"m5.large", 2, true},
	{"m5.xlarge", 4, true},    {"m5.2xlarge", 8, true},    {"m5.4xlarge", 16, true},
	{"m5.8xlarge", 32, true},  {"m5.12xlarge", 48, true},
};

const struct world_image *catalog_images(size_t *ret_n)
{
	*ret_n = ARRAY_LEN(images);
	return images;
}

const struct world_subnet *catalog_subnets(size_t *ret_n)
{
	*ret_n = ARRAY_LEN(subnets);
	return subnets;
}

const struct world_type *catalog_types(size_t *ret_n)
{
	*ret_n = ARRAY_LEN(types);
	return types;
}

const struct world_image *image_find(const char *id)
{
	for (size_t i = 0; i < ARRAY_LEN(images); i++)
		if (!strcmp(images[i].id, id))
			return &images[i];
	return NULL;
}

const struct world_subnet *subnet_find(const char *id)
{
	for (size_t i = 0; i < ARRAY_LEN(subnets); i++)
		if (!strcmp(subnets[i].id, id))
			return &subnets[i];
	return NULL;
}

const struct world_type *type_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (!strcmp(types[i].name, name))
			return &types[i];
	return NULL;
}

/* The old families and c5.12xlarge are sold in the first zone only. */
bool type_offered(const struct world_type *t, const struct world_subnet *s)
{
	return s->zone == 'a' || (t->ena && strcmp(t->name, "c5.12xlarge") != 0);
}

bool key_pair_exists(const char *name)
{
	return !strcmp(name, "node-key") || !strcmp(name, "admin-key");
}

void catalog_start(struct world *w)
{
	GROW(w->groups, w->n_groups, w->cap_groups);
	w->groups[w->n_groups++] = (struct group){.id = "sg-0world00000000001",
						  .name = "conferencing-nodes",
						  .description = "traffic of Conferencing Nodes",
						  .vpc = subnets[0].vpc,
						  .region = -1};
}
