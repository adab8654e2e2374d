#include "fleet/guide.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

const char *guide_peer_text(enum guide_peer peer)
{
	static const char *const texts[] = {"anywhere", "management", "own_group"};

	return texts[peer];
}

/* clang-format off */
#define IN  .direction = GUIDE_INBOUND, .section = "Inbound rules", .page = 8
#define OUT .direction = GUIDE_OUTBOUND, .section = "Outbound rules", .page = 8

static const struct guide_rule rules[] = {
	{IN, .id = "ssh", .protocol = "tcp", .from = 22, .to = 22, .peer = GUIDE_MANAGEMENT,
	 .why = "SSH: the Management Node's installation wizard, and diagnostics",
	 .missing = "Nobody can log in to install a Management Node or to diagnose a node."},
	{IN, .id = "https", .protocol = "tcp", .from = 443, .to = 443, .peer = GUIDE_ANYWHERE,
	 .why = "HTTPS: Pexip apps, WebRTC signalling, and the Administrator interface",
	 .missing = "Pexip apps and browsers cannot join a conference on the node."},
	{IN, .id = "h323", .protocol = "tcp", .from = 1720, .to = 1720, .peer = GUIDE_ANYWHERE,
	 .why = "H.323 call signalling (H.225)", .missing = "H.323 endpoints cannot call the node."},
	{IN, .id = "sip", .protocol = "tcp", .from = 5060, .to = 5060, .peer = GUIDE_ANYWHERE,
	 .why = "SIP over TCP", .missing = "SIP endpoints cannot call the node over TCP."},
	{IN, .id = "sip-tls", .protocol = "tcp", .from = 5061, .to = 5061, .peer = GUIDE_ANYWHERE,
	 .why = "SIP over TLS", .missing = "SIP endpoints cannot call the node over TLS."},
	{IN, .id = "provisioning", .protocol = "tcp", .from = 8443, .to = 8443, .peer = GUIDE_MANAGEMENT,
	 .why = "Upload of the configuration file to a new Conferencing Node",
	 .missing = "A new Conferencing Node cannot be given its configuration file."},
	{IN, .id = "media-tcp", .protocol = "tcp", .from = 33000, .to = 49999, .peer = GUIDE_ANYWHERE,
	 .why = "H.245 and TCP media", .missing = "H.323 calls fail to open their channels, and media over TCP does not arrive."},
	{IN, .id = "sip-udp", .protocol = "udp", .from = 5060, .to = 5060, .peer = GUIDE_ANYWHERE, .optional = true,
	 .why = "SIP over UDP; only where it is enabled in Infinity", .missing = "SIP endpoints cannot call the node over UDP."},
	{IN, .id = "media-udp", .protocol = "udp", .from = 40000, .to = 49999, .peer = GUIDE_ANYWHERE,
	 .why = "Audio and video (RTP, SRTP)", .missing = "Calls connect, and have no audio and no video."},
	{IN, .id = "ike", .protocol = "udp", .from = 500, .to = 500, .peer = GUIDE_OWN_GROUP,
	 .why = "IKE: the IPsec tunnels between the platform's nodes",
	 .missing = "The node cannot build its tunnels to the other nodes: it never becomes synced and takes no calls."},
	{IN, .id = "h323-ras", .protocol = "udp", .from = 1719, .to = 1719, .peer = GUIDE_ANYWHERE,
	 .why = "H.323 gatekeeper signalling (RAS)", .missing = "H.323 endpoints cannot register with the node."},
	{IN, .id = "icmp", .protocol = "icmp", .from = GUIDE_ALL_PORTS, .to = GUIDE_ALL_PORTS, .peer = GUIDE_MANAGEMENT,
	 .why = "ping and path MTU discovery from the management network",
	 .missing = "The node cannot be pinged when it has to be diagnosed."},
	{OUT, .id = "all", .protocol = "all", .from = GUIDE_ALL_PORTS, .to = GUIDE_ALL_PORTS, .peer = GUIDE_ANYWHERE,
	 .why = "Signalling, media, DNS, NTP and the other nodes",
	 .missing = "The node cannot reach endpoints, DNS, NTP or the other nodes freely: calls and synchronization may fail."},
	{.direction = GUIDE_NETWORK_ACL, .id = "esp", .protocol = "esp", .from = GUIDE_ALL_PORTS, .to = GUIDE_ALL_PORTS,
	 .peer = GUIDE_OWN_GROUP, .why = "IPsec ESP (IP protocol 50): all traffic between the platform's nodes, in both directions",
	 .missing = "Nodes cannot talk to each other: the node never becomes synced and takes no calls.",
	 .section = "Network ACL rules for ESP (50)", .page = 8},
	{.direction = GUIDE_NETWORK_ACL, .id = "ike", .protocol = "udp", .from = 500, .to = 500, .peer = GUIDE_OWN_GROUP,
	 .why = "IKE: the IPsec tunnels between the platform's nodes, in both directions",
	 .missing = "Nodes cannot build their tunnels: the node never becomes synced and takes no calls.",
	 .section = "Inter-node communication requirements for multiple VPCs", .page = 9},
};

/* clang-format on */

const struct guide_rule *guide_rules(size_t *ret_n)
{
	*ret_n = ARRAY_LEN(rules);
	return rules;
}

/* --- IAM --- */

/* clang-format off */
#define BURSTING  (1u << POLICY_BURSTING)
#define LIFECYCLE (1u << POLICY_LIFECYCLE)
#define TAGGED    {"StringEquals", "ec2:ResourceTag/pexip-cloud", POLICY_TAG_VALUE}
/* What a life-cycle operation made carries its mark: so that an always-on node, which has no tag of bursting, is in its hands too. */
#define MARKED    {"Null", "ec2:ResourceTag/burstd-operation", "false"}
#define MARKS     {"Null", "aws:RequestTag/burstd-operation", "false"}

#define GROUP_ACTIONS                                                                                                      \
	"ec2:AuthorizeSecurityGroupEgress ec2:AuthorizeSecurityGroupIngress ec2:RevokeSecurityGroupEgress "                \
	"ec2:RevokeSecurityGroupIngress"

/*
 * Reads know no resource, so no tag can narrow them; everything that changes an instance is bound to a tag. Tags may be given when
 * something is made, and the one tag that means bursting may be put on or taken off: nothing else can be retagged, because a free
 * CreateTags would walk round every condition here.
 */
static const struct policy_statement statements[] = {
	{.id = "SeeNodes", .scopes = BURSTING | LIFECYCLE,
	 .actions = "ec2:DescribeInstances"},
	{.id = "CheckNetwork", .scopes = BURSTING | LIFECYCLE,
	 .actions = "ec2:DescribeSecurityGroups ec2:DescribeSubnets ec2:DescribeNetworkAcls"},
	{.id = "PowerTaggedNodes", .scopes = BURSTING | LIFECYCLE,
	 .actions = "ec2:StartInstances ec2:StopInstances", .resources = "instance/*", .conditions = {TAGGED}},
	{.id = "SeeWhatANodeNeeds", .scopes = LIFECYCLE,
	 .actions = "ec2:DescribeAddresses ec2:DescribeImages ec2:DescribeInstanceTypeOfferings ec2:DescribeKeyPairs"},
	{.id = "ChangeTaggedNodes", .scopes = LIFECYCLE,
	 .actions = "ec2:ModifyInstanceAttribute ec2:TerminateInstances",
	 .resources = "instance/*", .conditions = {TAGGED}},
	{.id = "ChangeMarkedNodes", .scopes = LIFECYCLE,
	 .actions = "ec2:ModifyInstanceAttribute ec2:StartInstances ec2:StopInstances ec2:TerminateInstances",
	 .resources = "instance/*", .conditions = {MARKED}},
	{.id = "LaunchMarkedNode", .scopes = LIFECYCLE, .actions = "ec2:RunInstances", .resources = "instance/*",
	 .conditions = {MARKS}},
	{.id = "LaunchParts", .scopes = LIFECYCLE, .actions = "ec2:RunInstances",
	 .resources = "key-pair/* network-interface/* security-group/* subnet/* volume/*"},
	{.id = "LaunchFromPexipImage", .scopes = LIFECYCLE, .actions = "ec2:RunInstances", .resources = "image/*",
	 .no_account = true, .conditions = {{"StringEquals", "ec2:Owner", "686087431763"}}},
	{.id = "LaunchFromSnapshot", .scopes = LIFECYCLE, .actions = "ec2:RunInstances", .resources = "snapshot/*",
	 .no_account = true},
	{.id = "TagWhatIsMade", .scopes = LIFECYCLE, .actions = "ec2:CreateTags",
	 .resources = "elastic-ip/* instance/* network-interface/* security-group/* volume/*",
	 .conditions = {{"StringEquals", "ec2:CreateAction", "RunInstances AllocateAddress CreateSecurityGroup"}}},
	{.id = "MakeNodesBursting", .scopes = LIFECYCLE, .actions = "ec2:CreateTags", .resources = "instance/*",
	 .conditions = {{"StringEquals", "aws:RequestTag/pexip-cloud", POLICY_TAG_VALUE},
			{"ForAllValues:StringEquals", "aws:TagKeys", "pexip-cloud"}}},
	{.id = "MarkTaggedNodes", .scopes = LIFECYCLE, .actions = "ec2:CreateTags", .resources = "instance/*",
	 .conditions = {TAGGED, {"ForAllValues:StringEquals", "aws:TagKeys", "burstd-operation"}}},
	{.id = "MakeNodesAlwaysOn", .scopes = LIFECYCLE, .actions = "ec2:DeleteTags", .resources = "instance/*",
	 .conditions = {TAGGED, {"ForAllValues:StringEquals", "aws:TagKeys", "pexip-cloud"}}},
	{.id = "MakeMarkedAddress", .scopes = LIFECYCLE, .actions = "ec2:AllocateAddress", .resources = "elastic-ip/*",
	 .conditions = {MARKS}},
	{.id = "UseTaggedAddress", .scopes = LIFECYCLE,
	 .actions = "ec2:AssociateAddress ec2:DisassociateAddress ec2:ReleaseAddress",
	 .resources = "elastic-ip/* instance/* network-interface/*", .conditions = {TAGGED}},
	{.id = "UseMarkedAddress", .scopes = LIFECYCLE,
	 .actions = "ec2:AssociateAddress ec2:DisassociateAddress ec2:ReleaseAddress",
	 .resources = "elastic-ip/* instance/* network-interface/*", .conditions = {MARKED}},
	{.id = "MakeMarkedGroup", .scopes = LIFECYCLE, .actions = "ec2:CreateSecurityGroup", .resources = "security-group/*",
	 .conditions = {MARKS}},
	{.id = "MakeGroupInVpc", .scopes = LIFECYCLE, .actions = "ec2:CreateSecurityGroup", .resources = "vpc/*"},
	{.id = "CompleteTaggedGroup", .scopes = LIFECYCLE, .actions = GROUP_ACTIONS, .resources = "security-group/*",
	 .conditions = {TAGGED}},
	{.id = "CompleteMarkedGroup", .scopes = LIFECYCLE, .actions = GROUP_ACTIONS " ec2:DeleteSecurityGroup",
	 .resources = "security-group/*", .conditions = {MARKED}},
	{.id = "AddGroupRules", .scopes = LIFECYCLE, .actions = GROUP_ACTIONS, .resources = "security-group-rule/*"},
};

/* clang-format on */

const struct policy_statement *guide_policy(size_t *ret_n)
{
	*ret_n = ARRAY_LEN(statements);
	return statements;
}

/* --- figures --- */

/* c4.8xlarge alone breaks the pattern of the families that the guide names. */
int guide_vcpu(const char *type)
{
	const char *size = strchr(type, '.');
	long times;
	char *end;

	if (!size)
		return 0;
	if (!strcmp(type, "c4.8xlarge"))
		return 36;
	if (!strcmp(size, ".metal"))
		return 96;
	if (!strcmp(size, ".large"))
		return 2;
	if (!strcmp(size, ".xlarge"))
		return 4;
	times = strtol(size + 1, &end, 10);
	return times > 0 && times < 1000 && !strcmp(end, "xlarge") ? (int)(4 * times) : 0;
}
