/* What is known about AWS's regions and partitions (docs/upstream.md, "Regions"). Pure. */
#ifndef BURSTD_CLIENTS_EC2_REGION_H
#define BURSTD_CLIENTS_EC2_REGION_H

#include <stdbool.h>

/* Whether an account must enable the region before its keys work there. */
bool ec2_region_opt_in(const char *region);

#endif
