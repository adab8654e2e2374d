/*
 * Owns the table of EC2's error codes. The code decides, never the HTTP status alone: lack of capacity arrives as a 500,
 * and a 500 is otherwise worth a retry.
 */
#include "clients/ec2/errors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "clients/ec2/ec2.h"
#include "clients/ec2/region.h"

#define SKEW_SUSPECT_MS                                                                                      \
	240000 /* from here on a refused signature is blamed on the clock, as AWS's own SDKs do */

#define PERMISSION_SIZE 100
#define WORDS_MOST      180 /* of AWS's own; half of it where the permission is named before */

/* One kind of trouble: issue slug and what to do. put_remedy adds what depends on the call. */
#define TROUBLES(X)                                                                                          \
	X(NONE, "", "")                                                                                      \
	X(CREDENTIALS, "ec2_credentials",                                                                    \
	  "check the AWS access key and secret, and that their account may use this region")                 \
	X(EXPIRED, "ec2_credentials_expired",                                                                \
	  "renew the temporary AWS keys; keys of an instance role renew themselves: check the role and the " \
	  "clock")                                                                                           \
	X(CLOCK, "ec2_clock_skew",                                                                           \
	  "set this machine's clock (NTP): AWS refuses requests that are minutes off")                       \
	X(UNAUTHORIZED, "ec2_unauthorized", "")                                                              \
	X(ACCOUNT, "ec2_account",                                                                            \
	  "look at the state of the AWS account in the AWS console, or ask AWS support")                     \
	X(PROTECTED, "ec2_protected",                                                                        \
	  "take off the instance's stop or termination protection, or stop it by hand")                      \
	X(THROTTLED, "ec2_throttled",                                                                        \
	  "nothing at first: burstd slows down. If it stays, look for other users of this account's EC2 "    \
	  "API")                                                                                             \
	X(UNAVAILABLE, "ec2_unavailable",                                                                    \
	  "nothing at first: burstd tries again. If it stays, see AWS's health page")                        \
	X(CAPACITY, "ec2_capacity",                                                                          \
	  "AWS has no room for this instance type in its zone now: spread nodes over zones, or reserve "     \
	  "capacity")                                                                                        \
	X(QUOTA, "ec2_quota", "raise the account's quota in AWS Service Quotas, or stop something else")     \
	X(STATE, "ec2_state", "nothing at first: burstd looks at the instance's state again")                \
	X(CONFIGURATION, "ec2_configuration",                                                                \
	  "check the configuration of what the message names in the AWS console; start or stop an instance " \
	  "there to see the reason")                                                                         \
	X(ENA, "ec2_configuration",                                                                          \
	  "enable ENA support on the instance (ModifyInstanceAttribute), as its type needs it")              \
	X(NOT_FOUND, "ec2_not_found",                                                                        \
	  "check that what the message names still exists, in this region and account")                      \
	X(IMAGE, "ec2_image",                                                                                \
	  "check that the image is in this region, is shared with this account, and that the account's "     \
	  "allowed-images setting admits it")                                                                \
	X(LAUNCH_ENDED, "ec2_launch_ended",                                                                  \
	  "somebody terminated the instance that this operation launched: cancel the operation and begin a " \
	  "new one")                                                                                         \
	X(ADDRESS, "ec2_address",                                                                            \
	  "look at the Elastic IP in the AWS console: free it from what uses or locks it, or take another")  \
	X(GATEWAY, "ec2_gateway",                                                                            \
	  "attach an internet gateway to the VPC: without one no instance in it has a public address")       \
	X(GROUP, "ec2_group",                                                                                \
	  "use the security group of that name which is there already, or take another name")                \
	X(REQUEST, "ec2_request", "report this to the makers of burstd, with the request id")                \
	X(ANSWER, "ec2_answer",                                                                              \
	  "check the address of EC2 and whether a proxy or firewall answers in its place")

enum trouble {
#define X(name, issue, remedy) TROUBLE_##name,
	TROUBLES(X)
#undef X
};

static const struct {
	const char *issue;
	const char *remedy;
} troubles[] = {
#define X(name, issue, remedy) {(issue), (remedy)},
	TROUBLES(X)
#undef X
};

struct row {
	const char *code;
	enum upstream_class class;
	enum trouble trouble;
};

/* Identity, service, capacity and quota, state, not found, bad request (docs/upstream.md, "Errors"). */
static const struct row rows[] = {
	{"DryRunOperation", UPSTREAM_OK, TROUBLE_NONE},
	{"UnauthorizedOperation", UPSTREAM_OPERATOR, TROUBLE_UNAUTHORIZED},
	{"AuthFailure", UPSTREAM_OPERATOR, TROUBLE_CREDENTIALS},
	{"SignatureDoesNotMatch", UPSTREAM_OPERATOR, TROUBLE_CREDENTIALS},
	{"InvalidSignatureException", UPSTREAM_OPERATOR, TROUBLE_CREDENTIALS},
	{"InvalidClientTokenId", UPSTREAM_OPERATOR, TROUBLE_CREDENTIALS},
	{"UnrecognizedClientException", UPSTREAM_OPERATOR, TROUBLE_CREDENTIALS},
	{"ExpiredToken", UPSTREAM_OPERATOR, TROUBLE_EXPIRED},
	{"ExpiredTokenException", UPSTREAM_OPERATOR, TROUBLE_EXPIRED},
	{"RequestExpired", UPSTREAM_OPERATOR, TROUBLE_EXPIRED},
	{"RequestInTheFuture", UPSTREAM_OPERATOR, TROUBLE_CLOCK},
	{"RequestTimeTooSkewed", UPSTREAM_OPERATOR, TROUBLE_CLOCK},
	{"InvalidSecurity.RequestHasExpired", UPSTREAM_OPERATOR, TROUBLE_CLOCK},
	{"MissingAuthenticationToken", UPSTREAM_BUG, TROUBLE_REQUEST},
	{"IncompleteSignature", UPSTREAM_BUG, TROUBLE_REQUEST},
	{"OptInRequired", UPSTREAM_OPERATOR, TROUBLE_ACCOUNT},
	{"PendingVerification", UPSTREAM_OPERATOR, TROUBLE_ACCOUNT},
	{"Blocked", UPSTREAM_OPERATOR, TROUBLE_ACCOUNT},
	{"AccountDisabled", UPSTREAM_OPERATOR, TROUBLE_ACCOUNT},
	{"OperationNotPermitted", UPSTREAM_OPERATOR, TROUBLE_PROTECTED},
	{"TagPolicyViolation", UPSTREAM_OPERATOR, TROUBLE_CONFIGURATION},
	{"CustomerKeyHasBeenRevoked", UPSTREAM_OPERATOR, TROUBLE_CONFIGURATION},

	{"RequestLimitExceeded", UPSTREAM_THROTTLED, TROUBLE_THROTTLED},
	{"EC2ThrottledException", UPSTREAM_THROTTLED, TROUBLE_THROTTLED},
	{"Throttling", UPSTREAM_THROTTLED, TROUBLE_THROTTLED},
	{"ThrottlingException", UPSTREAM_THROTTLED, TROUBLE_THROTTLED},
	{"ThrottledException", UPSTREAM_THROTTLED, TROUBLE_THROTTLED},
	{"RequestThrottled", UPSTREAM_THROTTLED, TROUBLE_THROTTLED},
	{"RequestThrottledException", UPSTREAM_THROTTLED, TROUBLE_THROTTLED},
	{"TooManyRequestsException", UPSTREAM_THROTTLED, TROUBLE_THROTTLED},
	{"SlowDown", UPSTREAM_THROTTLED, TROUBLE_THROTTLED},
	{"BandwidthLimitExceeded", UPSTREAM_THROTTLED, TROUBLE_THROTTLED},
	{"InternalError", UPSTREAM_RETRY, TROUBLE_UNAVAILABLE},
	{"InternalFailure", UPSTREAM_RETRY, TROUBLE_UNAVAILABLE},
	{"ServerInternal", UPSTREAM_RETRY, TROUBLE_UNAVAILABLE},
	{"Unavailable", UPSTREAM_RETRY, TROUBLE_UNAVAILABLE},
	{"ServiceUnavailable", UPSTREAM_RETRY, TROUBLE_UNAVAILABLE},
	{"RequestTimeout", UPSTREAM_RETRY, TROUBLE_UNAVAILABLE},
	{"RequestTimeoutException", UPSTREAM_RETRY, TROUBLE_UNAVAILABLE},
	{"RetryableError", UPSTREAM_RETRY, TROUBLE_UNAVAILABLE},
	{"ConcurrentTagAccess", UPSTREAM_RETRY, TROUBLE_UNAVAILABLE},

	{"InsufficientInstanceCapacity", UPSTREAM_NEXT, TROUBLE_CAPACITY},
	{"InsufficientCapacity", UPSTREAM_NEXT, TROUBLE_CAPACITY},
	{"InsufficientReservedInstanceCapacity", UPSTREAM_NEXT, TROUBLE_CAPACITY},
	{"ReservationCapacityExceeded", UPSTREAM_NEXT, TROUBLE_CAPACITY},
	{"InsufficientHostCapacity", UPSTREAM_NEXT, TROUBLE_CAPACITY},
	{"InsufficientCapacityOnHost", UPSTREAM_NEXT, TROUBLE_CAPACITY},
	{"UnavailableHostRequirements", UPSTREAM_NEXT, TROUBLE_CAPACITY},
	{"IncompatibleHostRequirements", UPSTREAM_NEXT, TROUBLE_CAPACITY},
	{"InsufficientFreeAddressesInSubnet", UPSTREAM_NEXT, TROUBLE_CAPACITY},
	{"InsufficientAddressCapacity", UPSTREAM_NEXT, TROUBLE_CAPACITY},
	{"InsufficientVolumeCapacity", UPSTREAM_NEXT, TROUBLE_CAPACITY},
	{"Unsupported", UPSTREAM_NEXT, TROUBLE_CONFIGURATION},
	{"UnsupportedOperation", UPSTREAM_OPERATOR, TROUBLE_CONFIGURATION},
	{"VcpuLimitExceeded", UPSTREAM_OPERATOR, TROUBLE_QUOTA},
	{"InstanceLimitExceeded", UPSTREAM_OPERATOR, TROUBLE_QUOTA},
	{"ResourceLimitExceeded", UPSTREAM_OPERATOR, TROUBLE_QUOTA},
	{"VolumeLimitExceeded", UPSTREAM_OPERATOR, TROUBLE_QUOTA},
	{"MaxIOPSLimitExceeded", UPSTREAM_OPERATOR, TROUBLE_QUOTA},
	{"HostLimitExceeded", UPSTREAM_OPERATOR, TROUBLE_QUOTA},
	{"AttachmentLimitExceeded", UPSTREAM_OPERATOR, TROUBLE_QUOTA},
	{"NetworkInterfaceLimitExceeded", UPSTREAM_OPERATOR, TROUBLE_QUOTA},
	{"PrivateIpAddressLimitExceeded", UPSTREAM_OPERATOR, TROUBLE_QUOTA},
	{"AddressLimitExceeded", UPSTREAM_OPERATOR, TROUBLE_QUOTA},
	{"RulesPerSecurityGroupLimitExceeded", UPSTREAM_OPERATOR, TROUBLE_QUOTA},
	{"SecurityGroupLimitExceeded", UPSTREAM_OPERATOR, TROUBLE_QUOTA},
	{"SecurityGroupsPerInterfaceLimitExceeded", UPSTREAM_OPERATOR, TROUBLE_QUOTA},
	{"TagLimitExceeded", UPSTREAM_OPERATOR, TROUBLE_QUOTA},
	{"ResourceCountExceeded", UPSTREAM_BUG, TROUBLE_REQUEST},

	{"IncorrectInstanceState", UPSTREAM_WAIT, TROUBLE_STATE},
	{"IncorrectState", UPSTREAM_WAIT, TROUBLE_STATE},
	{"InvalidInstanceState", UPSTREAM_WAIT, TROUBLE_STATE},
	{"InvalidState", UPSTREAM_WAIT, TROUBLE_STATE},
	{"DependencyViolation", UPSTREAM_WAIT, TROUBLE_STATE},
	{"InvalidGroup.InUse", UPSTREAM_WAIT, TROUBLE_STATE},
	{"IdempotentInstanceTerminated", UPSTREAM_OPERATOR, TROUBLE_LAUNCH_ENDED},
	{"IdempotentParameterMismatch", UPSTREAM_BUG, TROUBLE_REQUEST},
	{"InvalidIPAddress.InUse", UPSTREAM_OPERATOR, TROUBLE_ADDRESS},
	{"InvalidNetworkInterface.InUse", UPSTREAM_OPERATOR, TROUBLE_CONFIGURATION},
	{"Resource.AlreadyAssociated", UPSTREAM_OPERATOR, TROUBLE_ADDRESS},
	{"Resource.AlreadyAssigned", UPSTREAM_OPERATOR, TROUBLE_ADDRESS},
	{"InvalidAddress.Locked", UPSTREAM_OPERATOR, TROUBLE_ADDRESS},
	{"Gateway.NotAttached", UPSTREAM_OPERATOR, TROUBLE_GATEWAY},

	{"InvalidInstanceID.NotFound", UPSTREAM_NEXT, TROUBLE_NOT_FOUND},
	{"InvalidInstanceID.Malformed", UPSTREAM_BUG, TROUBLE_REQUEST},
	{"InvalidInstanceID", UPSTREAM_OPERATOR, TROUBLE_CONFIGURATION},
	{"InvalidAMIID.NotFound", UPSTREAM_OPERATOR, TROUBLE_IMAGE},
	{"InvalidAMIID.Malformed", UPSTREAM_OPERATOR, TROUBLE_IMAGE},
	{"InvalidAMIID.Unavailable", UPSTREAM_OPERATOR, TROUBLE_IMAGE},
	{"InvalidAllocationID.NotFound", UPSTREAM_OPERATOR, TROUBLE_NOT_FOUND},
	{"InvalidAddressID.NotFound", UPSTREAM_OPERATOR, TROUBLE_NOT_FOUND},
	{"InvalidAddress.NotFound", UPSTREAM_OPERATOR, TROUBLE_NOT_FOUND},
	{"InvalidAssociationID.NotFound", UPSTREAM_OPERATOR, TROUBLE_NOT_FOUND},
	{"InvalidAddress.Malformed", UPSTREAM_OPERATOR, TROUBLE_CONFIGURATION},
	{"InvalidSubnetID.NotFound", UPSTREAM_OPERATOR, TROUBLE_NOT_FOUND},
	{"InvalidSubnetID.Malformed", UPSTREAM_OPERATOR, TROUBLE_CONFIGURATION},
	{"InvalidSubnet", UPSTREAM_OPERATOR, TROUBLE_CONFIGURATION},
	{"InvalidVpcID.NotFound", UPSTREAM_OPERATOR, TROUBLE_NOT_FOUND},
	{"InvalidVpcID.Malformed", UPSTREAM_OPERATOR, TROUBLE_CONFIGURATION},
	{"InvalidNetworkAclID.NotFound", UPSTREAM_OPERATOR, TROUBLE_NOT_FOUND},
	{"InvalidGroup.NotFound", UPSTREAM_OPERATOR, TROUBLE_NOT_FOUND},
	{"InvalidSecurityGroupID.NotFound", UPSTREAM_OPERATOR, TROUBLE_NOT_FOUND},
	{"InvalidGroupId.Malformed", UPSTREAM_OPERATOR, TROUBLE_CONFIGURATION},
	{"InvalidGroup.Duplicate", UPSTREAM_OPERATOR, TROUBLE_GROUP},
	{"InvalidGroup.Reserved", UPSTREAM_OPERATOR, TROUBLE_GROUP},
	{"InvalidSecurityGroupRuleId.NotFound", UPSTREAM_OPERATOR, TROUBLE_NOT_FOUND},
	{"InvalidSecurityGroupRuleId.Malformed", UPSTREAM_OPERATOR, TROUBLE_CONFIGURATION},
	{"InvalidKeyPair.NotFound", UPSTREAM_OPERATOR, TROUBLE_NOT_FOUND},
	{"InvalidNetworkInterfaceID.NotFound", UPSTREAM_OPERATOR, TROUBLE_NOT_FOUND},
	{"InvalidAvailabilityZone", UPSTREAM_OPERATOR, TROUBLE_CONFIGURATION},
	{"InvalidZone.NotFound", UPSTREAM_OPERATOR, TROUBLE_NOT_FOUND},
	{"ZonesMismatched", UPSTREAM_OPERATOR, TROUBLE_CONFIGURATION},
	{"InvalidID", UPSTREAM_OPERATOR, TROUBLE_NOT_FOUND},
	{"InvalidPermission.Duplicate", UPSTREAM_OK, TROUBLE_NONE},
	{"InvalidPermission.NotFound", UPSTREAM_OPERATOR, TROUBLE_NOT_FOUND},
	{"InvalidPermission.Malformed", UPSTREAM_BUG, TROUBLE_REQUEST},
	{"DefaultVpcDoesNotExist", UPSTREAM_OPERATOR, TROUBLE_CONFIGURATION},
	{"VPCIdNotSpecified", UPSTREAM_OPERATOR, TROUBLE_CONFIGURATION},
	{"VPCResourceNotSpecified", UPSTREAM_OPERATOR, TROUBLE_CONFIGURATION},

	{"InvalidParameterValue", UPSTREAM_BUG, TROUBLE_REQUEST},
	{"InvalidParameter", UPSTREAM_BUG, TROUBLE_REQUEST},
	{"InvalidParameterCombination", UPSTREAM_BUG, TROUBLE_REQUEST},
	{"InvalidParameterDependency", UPSTREAM_BUG, TROUBLE_REQUEST},
	{"MissingParameter", UPSTREAM_BUG, TROUBLE_REQUEST},
	{"UnknownParameter", UPSTREAM_BUG, TROUBLE_REQUEST},
	{"InvalidQueryParameter", UPSTREAM_BUG, TROUBLE_REQUEST},
	{"ValidationError", UPSTREAM_BUG, TROUBLE_REQUEST},
	{"InvalidCharacter", UPSTREAM_BUG, TROUBLE_REQUEST},
	{"InvalidAction", UPSTREAM_BUG, TROUBLE_REQUEST},
	{"MissingAction", UPSTREAM_BUG, TROUBLE_REQUEST},
	{"NoSuchVersion", UPSTREAM_BUG, TROUBLE_REQUEST},
	{"MalformedQueryString", UPSTREAM_BUG, TROUBLE_REQUEST},
	{"InvalidFilter", UPSTREAM_BUG, TROUBLE_REQUEST},
	{"FilterLimitExceeded", UPSTREAM_BUG, TROUBLE_REQUEST},
	{"InvalidMaxResults", UPSTREAM_BUG, TROUBLE_REQUEST},
	{"InvalidNextToken", UPSTREAM_BUG, TROUBLE_REQUEST},
	{"InvalidPaginationToken", UPSTREAM_BUG, TROUBLE_REQUEST},
	{"InvalidInstanceType", UPSTREAM_OPERATOR, TROUBLE_CONFIGURATION},
	{"InvalidInstanceAttributeValue", UPSTREAM_OPERATOR, TROUBLE_CONFIGURATION},
	{"UnsupportedInstanceAttribute", UPSTREAM_OPERATOR, TROUBLE_CONFIGURATION},
	{"InvalidBlockDeviceMapping", UPSTREAM_OPERATOR, TROUBLE_CONFIGURATION},
	{"InvalidTenancy", UPSTREAM_OPERATOR, TROUBLE_CONFIGURATION},
	{"UnsupportedTenancy", UPSTREAM_OPERATOR, TROUBLE_CONFIGURATION},
	{"UnsupportedHibernationConfiguration", UPSTREAM_OPERATOR, TROUBLE_CONFIGURATION},
	{"InvalidUserID.Malformed", UPSTREAM_OPERATOR, TROUBLE_CONFIGURATION},
	{"InvalidTagKey.Malformed", UPSTREAM_OPERATOR, TROUBLE_CONFIGURATION},
	{"InvalidClientToken", UPSTREAM_BUG, TROUBLE_REQUEST},
	{"InvalidRequest", UPSTREAM_BUG, TROUBLE_REQUEST},
};

/* Documents and stateReason carry a prefix that the wire form of an error does not have. */
static const char *bare(const char *code)
{
	if (strncmp(code, "Client.", 7) == 0 || strncmp(code, "Server.", 7) == 0)
		return code + 7;
	return code;
}

/* Calls fail rarely: a look at every row is cheap enough. */
static const struct row *row_of(const char *code)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (strcmp(rows[i].code, bare(code)) == 0)
			return &rows[i];
	return NULL;
}

/* An answer without a known code. */
static struct row row_by_status(int http_status)
{
	if (http_status == 429)
		return (struct row){"", UPSTREAM_THROTTLED, TROUBLE_THROTTLED};
	if (http_status == 407)
		return (struct row){"", UPSTREAM_OPERATOR, TROUBLE_ANSWER};
	if (http_status >= 500 || http_status == 0)
		return (struct row){"", UPSTREAM_RETRY, TROUBLE_UNAVAILABLE};
	if (http_status >= 400)
		return (struct row){"", UPSTREAM_OPERATOR, TROUBLE_CONFIGURATION};
	if (http_status >= 300)
		return (struct row){"", UPSTREAM_OPERATOR, TROUBLE_ANSWER};
	return (struct row){"", UPSTREAM_RETRY, TROUBLE_ANSWER}; /* "OK" with an unusable body */
}

enum upstream_class ec2_error_class(const char *code, int http_status)
{
	const struct row *known = code ? row_of(code) : NULL;

	return known ? known->class : row_by_status(http_status).class;
}

bool ec2_error_wants_fresh_keys(const char *code, bool temporary_keys)
{
	const struct row *r = row_of(code);

	if (!r)
		return false;
	return r->trouble == TROUBLE_EXPIRED || (temporary_keys && r->trouble == TROUBLE_CREDENTIALS);
}

bool ec2_error_wants_first_page(const char *code)
{
	return strcmp(code, "InvalidNextToken") == 0 || strcmp(code, "InvalidPaginationToken") == 0;
}

/* What the code alone does not say. */
static struct row refine(struct row r, const struct ec2_failure *f)
{
	bool signature = r.trouble == TROUBLE_CREDENTIALS || r.trouble == TROUBLE_EXPIRED ||
			 r.trouble == TROUBLE_CLOCK;

	if (signature && llabs(f->skew_ms) >= SKEW_SUSPECT_MS)
		r.trouble = TROUBLE_CLOCK;
	if (strcmp(bare(f->code), "InvalidParameterCombination") == 0 && strstr(f->message, "ENA")) {
		r.class = UPSTREAM_OPERATOR;
		r.trouble = TROUBLE_ENA;
	}
	/* A refusal that is not EC2's own: something else spoke. */
	if (!*f->code && r.class == UPSTREAM_OPERATOR)
		r.trouble = TROUBLE_ANSWER;
	return r;
}

/*
 * The permission that lacks. It may be another than the call's own: tags at launch need a permission of their own, and AWS's words say so
 * ("is not authorized to perform: ec2:...").
 */
static const char *missing_permission(const struct ec2_failure *f, char *out, size_t size)
{
	static const char lead[] = "not authorized to perform: ";
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";
	const char *said = strstr(f->message, lead);
	const char *permission = said ? said + strlen(lead) : "";
	size_t service = strspn(permission, letters);
	size_t name = permission[service] == ':' ? strspn(permission + service + 1, letters) : 0;

	if (service && name)
		(void)snprintf(out, size, "%.*s", (int)(service + 1 + name), permission);
	else
		(void)snprintf(out, size, "ec2:%s", f->action);
	return out;
}

static void put_remedy(const struct ec2_failure *f, enum trouble t, char *out, size_t size)
{
	char permission[PERMISSION_SIZE];

	if (t == TROUBLE_UNAUTHORIZED)
		(void)snprintf(out, size,
			       "allow %s in the IAM policy of these credentials; if the policy has a "
			       "condition on tags, check the "
			       "instance's tags",
			       missing_permission(f, permission, sizeof(permission)));
	else if (t == TROUBLE_CREDENTIALS && ec2_region_opt_in(f->region))
		(void)snprintf(out, size, "%s; %s is an opt-in region: check that the account has enabled it",
			       troubles[t].remedy, f->region);
	else
		(void)snprintf(out, size, "%s", troubles[t].remedy);
}

/* The beginning of the sentence: what is wrong in our words, where AWS's own are too dim. */
static void put_preface(const struct ec2_failure *f, enum trouble t, char *out, size_t size)
{
	long long seconds = llabs(f->skew_ms) / 1000;
	char permission[PERMISSION_SIZE];

	if (t == TROUBLE_UNAUTHORIZED)
		(void)snprintf(out, size, "missing permission: %s; ",
			       missing_permission(f, permission, sizeof(permission)));
	else if (t == TROUBLE_CLOCK && f->skew_ms)
		(void)snprintf(out, size, "this machine's clock is %lld seconds %s AWS's; ", seconds,
			       f->skew_ms > 0 ? "ahead of" : "behind");
	else if (!*f->code)
		(void)snprintf(out, size, "HTTP %d and %s instead of AWS's answer; ", f->http_status,
			       f->html ? "a web page" : "no XML of AWS");
	else
		out[0] = '\0';
}

void ec2_error_fill(struct upstream_error *e, const struct ec2_failure *f)
{
	const struct row *known = row_of(f->code);
	struct row r = refine(known ? *known : row_by_status(f->http_status), f);
	const char *code = *f->code ? f->code : f->html ? "html_answer" : "bad_answer";
	char remedy[300];
	char before[PERMISSION_SIZE + 40];

	put_remedy(f, r.trouble, remedy, sizeof(remedy));
	put_preface(f, r.trouble, before, sizeof(before));
	upstream_error_set(e, r.class, f->http_status, code, troubles[r.trouble].issue, remedy,
			   "%s in %s: %s%s%s%.*s%s%s%s", f->action, f->region, before, code,
			   *f->message ? ": " : "",
			   r.trouble == TROUBLE_UNAUTHORIZED ? WORDS_MOST / 2 : WORDS_MOST, f->message,
			   *f->request_id ? " (request " : "", f->request_id, *f->request_id ? ")" : "");
	e->retry_after_ms = f->retry_after_ms;
}
