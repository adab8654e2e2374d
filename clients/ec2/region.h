/* What is known about AWS's regions and partitions (docs/upstream.md, "Regions"). Pure. */
#ifndef BURSTD_CLIENTS_EC2_REGION_H
#define BURSTD_CLIENTS_EC2_REGION_H

#include <stdbool.h>
#include <stddef.h>

/* Whether an account must enable the region before its keys work there. */
bool ec2_region_opt_in(const char *region);

/*
 * The address of a service ("ec2", "sts") in a region, with "/" at its end: the template with "{region}" replaced, or without a
 * template (NULL) the public one, "https://ec2.eu-west-2.amazonaws.com/". false when it does not fit.
 */
bool aws_endpoint_url(const char *template, const char *service, const char *region, char *out, size_t size);

#endif
