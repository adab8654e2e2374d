/*
 * Owns the rules about regions. New regions appear without a new burstd: the form of a name decides, not a list of
 * names. A region's name becomes part of a host name, so its characters are checked here.
 */
#include "clients/ec2/region.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "clients/ec2/ec2.h"

#define REGION_MOST 63 /* a label of a host name; libcurl's signer holds as many */

/* Partitions by the beginning of their regions' names; the last row is the rest. */
static const struct partition {
	const char *prefix;
	const char *name;    /* in an ARN */
	const char *suffix;  /* of host names */
	const char *refusal; /* NULL = supported */
} partitions[] = {
	{"cn-", "aws-cn", NULL, "AWS deployments in China are not supported by Pexip Infinity"},
	{"us-iso", "aws-iso", NULL, "AWS's isolated partitions are not supported"},
	{"eu-iso", "aws-iso-e", NULL, "AWS's isolated partitions are not supported"},
	{"us-gov-", "aws-us-gov", "amazonaws.com", NULL},
	{"eusc-", "aws-eusc", "amazonaws.eu", NULL},
	{"", "aws", "amazonaws.com", NULL},
};

static const char *const opt_in[] = {
	"af-south-1",     "ap-east-1",      "ap-east-2",      "ap-south-2",     "ap-southeast-3",
	"ap-southeast-4", "ap-southeast-5", "ap-southeast-6", "ap-southeast-7", "ca-west-1",
	"eu-central-2",   "eu-south-1",     "eu-south-2",     "il-central-1",   "me-central-1",
	"me-south-1",     "mx-central-1",
};

bool ec2_region_opt_in(const char *region)
{
	for (size_t i = 0; i < ARRAY_LEN(opt_in); i++)
		if (strcmp(opt_in[i], region) == 0)
			return true;
	return false;
}

static const struct partition *partition_of(const char *region)
{
	const struct partition *p = partitions;

	while (strncmp(region, p->prefix, strlen(p->prefix)) != 0)
		p++;
	return p;
}

const char *ec2_region_partition(const char *region)
{
	return partition_of(region)->name;
}

/* "eu-west-2": lower-case words and a number, with hyphens between. */
static bool well_formed(const char *region)
{
	size_t len = strlen(region);
	const char *last = strrchr(region, '-');

	return len <= REGION_MOST && last && last > region && last[1] && region[0] >= 'a' &&
	       region[0] <= 'z' && strspn(region, "abcdefghijklmnopqrstuvwxyz0123456789-") == len &&
	       !strstr(region, "--") && strspn(last + 1, "0123456789") == strlen(last + 1);
}

bool ec2_region_supported(const char *region, char *why, size_t why_size)
{
	const struct partition *p = partition_of(region);

	if (!well_formed(region)) {
		(void)snprintf(why, why_size, "\"%.70s\" is not the name of an AWS region, such as eu-west-2",
			       region);
		return false;
	}
	if (p->refusal)
		(void)snprintf(why, why_size, "%s: %s", region, p->refusal);
	return !p->refusal;
}

/* The path is always "/". */
bool aws_endpoint_url(const char *template, const char *service, const char *region, char *out, size_t size)
{
	static const char mark[] = "{region}";
	const char *suffix = partition_of(region)->suffix;
	const char *at = template ? strstr(template, mark) : NULL;
	size_t before = at ? (size_t)(at - template) : 0;
	int len;

	if (!template)
		len = snprintf(out, size, "https://%s.%s.%s", service, region,
			       suffix ? suffix : "amazonaws.com");
	else if (at)
		len = snprintf(out, size, "%.*s%s%s", (int)before, template, region, at + strlen(mark));
	else
		len = snprintf(out, size, "%s", template);
	if (len <= 0 || (size_t)len + 2 > size)
		return false;
	if (out[len - 1] != '/')
		memcpy(out + len, "/", 2);
	return true;
}
