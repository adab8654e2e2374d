/*
 * Inside clients/ec2: one item of an answer into the plain data of manage.h. Pure. Elements come in any order, may be missing,
 * empty or new; false where what identifies the item is missing or does not fit. Texts for people are cut where they are too long.
 */
#ifndef BURSTD_CLIENTS_EC2_MANAGE_PARSE_H
#define BURSTD_CLIENTS_EC2_MANAGE_PARSE_H

#include "clients/ec2/manage.h"
#include "clients/ec2/xml.h"

/* Of instancesSet; false also without a state. */
bool manage_read_instance(const struct xml *item, struct managed_instance *ret);
bool manage_read_image(const struct xml *item, struct managed_image *ret);
bool manage_read_subnet(const struct xml *item, struct managed_subnet *ret);
/* Of addressesSet, or the root of AllocateAddress's answer: both name the parts alike. */
bool manage_read_address(const struct xml *item, struct managed_address *ret);
/* The rules live in the arena, their texts in the tree. false also when the arena is full. */
bool manage_read_group(const struct xml *item, struct arena *, struct managed_group *ret);
/* An id that fits into EC2_ID_SIZE; false without one. */
bool manage_read_id(const struct xml *item, const char *name, char ret[EC2_ID_SIZE]);

#endif
