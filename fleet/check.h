/*
 * Every check there is, one row each: what is found in a set-up that is wrong, weak or surprising (RULE V5 and the prerequisites
 * of Pexip's deployment guide), what follows from it, and what to do about it. /v1/status, /v1/checks and `burstd check` all show
 * findings of this table. An id is stable: programs and acknowledgements refer to it.
 */
#ifndef BURSTD_FLEET_CHECK_H
#define BURSTD_FLEET_CHECK_H

#include <stdint.h>

enum severity { SEVERITY_INFO, SEVERITY_WARNING, SEVERITY_ERROR };
const char *severity_text(enum severity); /* "info", "warning", "error" */

/* name, id, severity, section and page of the guide (NULL, 0 = not from there), consequence, remedy */
/* clang-format off */
#define CHECKS(X) \
	/* the two systems: a source's own id and remedy replace those of SOURCE */ \
	X(SOURCE, "source_error", ERROR, NULL, 0, \
	  "Without fresh data nothing is stopped, and after 60 s nothing is started for load.", \
	  "See the source's error.") \
	X(STATUS_FROZEN, "status_frozen", ERROR, NULL, 0, \
	  "Figures that no longer move prove nothing: nothing is stopped or started for load.", \
	  "Check the Management Node: no Conferencing Node's status has been updated for minutes.") \
	X(INFINITY_PARTIAL, "infinity_partial", WARNING, NULL, 0, \
	  "A part of a list is not the list: nothing is stopped on this read.", \
	  "If it stays, check the Management Node's load and its API.") \
	X(TWO_CONTROLLERS, "two_controllers", ERROR, "Setting up your bursting nodes in AWS", 20, \
	  "burstd only observes: it starts nodes for holds and manual starts alone, and stops none.", \
	  "Turn \"Enable bursting to the cloud\" off in Infinity's global settings, or disable bursting in burstd.") \
	X(CLOCK_SKEW, "clock_skew", WARNING, "Configuring the Pexip Infinity platform", 14, \
	  "Ages of figures come out wrong; from five minutes on AWS refuses every request.", \
	  "Let burstd's machine and the Management Node follow NTP servers.") \
	X(CLOCK_FAR_OFF, "clock_far_off", ERROR, "Configuring the Pexip Infinity platform", 14, \
	  "AWS refuses every request that is signed with such a clock, and figures look fresh or stale that are not.", \
	  "Let burstd's machine and the Management Node follow NTP servers.") \
	/* nodes in doubt */ \
	X(NODE_UNKNOWN, "node_unknown", WARNING, NULL, 0, \
	  "A node in doubt is never stopped, and it does not count as capacity.", \
	  "Compare Platform > Conferencing Nodes with the EC2 console; if the node is dead, stop it with force.") \
	X(NODE_FAILED, "node_failed", ERROR, NULL, 0, \
	  "The node brings no capacity; another one is started if the rules want it.", \
	  "Check the node's deployment and its security group; an instance left running is still paid for.") \
	X(NODE_REFUSED, "node_refused", WARNING, NULL, 0, \
	  "The node rests and other candidates are tried first.", \
	  "If it repeats, use another availability zone or instance type for the node.") \
	X(DRAIN_HELD, "drain_held", INFO, "Temporarily removing (stopping) a Conferencing Node instance", 25, \
	  "The node is not stopped before its last call has ended.", \
	  "Wait, cancel the operation, or stop the node with force (which cuts the calls).") \
	X(MAINTENANCE_LEFTOVER, "maintenance_leftover", WARNING, NULL, 0, \
	  "The node takes no calls, and no operation of this burstd explains why.", \
	  "Clear maintenance mode in Infinity once it is known that no other burstd is draining the node.") \
	X(OPERATION_RETRYING, "operation_retrying", WARNING, NULL, 0, \
	  "The operation is tried again until it succeeds or is no longer wanted.", \
	  "See the operation's error.") \
	X(OPERATION_HALTED, "operation_halted", ERROR, NULL, 0, \
	  "It is half done: what its steps have made stands, is paid for, and serves nobody until it goes on.", \
	  "See the step's error in /v1/operations; mend what it names, then resume the operation, or undo it.") \
	X(DRIFT, "drift", INFO, NULL, 0, \
	  "The reconciler works on it, or cannot.", \
	  "See its wishes, its open operation and the other issues about it.") \
	X(LOCATION_REFUSED, "location_refused", WARNING, NULL, 0, \
	  "The location stays as it is in Infinity; burstd does not ask again by itself.", \
	  "Mend what Infinity names, then set the wish again, or release it.") \
	/* schedules (RULES S8 and V5) */ \
	X(LEAD_EXCEEDS_LIFETIME, "lead_exceeds_lifetime", WARNING, "Manually starting an overflow node", 23, \
	  "During the lead nothing but the schedule's hold keeps the nodes up: once it is taken back, they are stopped again " \
	  "before they are needed.", \
	  "Set minutes_in_advance to at most minimum_lifetime_minutes, or raise the latter in the bursting settings.") \
	X(SCHEDULE_WITHOUT_NODES, "schedule_without_nodes", WARNING, NULL, 0, \
	  "At its times fewer nodes are started than it says, or none.", \
	  "Give the schedule another location or other nodes, or fewer instances, or delete it.") \
	X(SCHEDULE_ZONE_UNKNOWN, "schedule_zone_unknown", ERROR, NULL, 0, \
	  "The schedule does not fire, and its present hold does not follow it.", \
	  "Update the time zone data of this system, or give the schedule another local_timezone.") \
	/* how the platform is set up for bursting */ \
	X(TAG_VALUE_UNKNOWN, "tag_value_unknown", WARNING, "Tag name and Tag value", 21, \
	  "No instance can be told to be a bursting node by an unknown tag value.", \
	  "Set tag_value in the bursting settings to the Tag value of Infinity's global settings.") \
	X(TAG_MISMATCH, "tag_mismatch", WARNING, "Setting up your bursting nodes in AWS", 20, \
	  "The node is not treated as a bursting node.", \
	  "Make the instance's tag pexip-cloud equal to the tag value in force.") \
	X(THRESHOLD_TOO_HIGH, "threshold_too_high", WARNING, "Configuring the bursting threshold", 22, \
	  "One overflow node can never lift the location above its threshold.", \
	  "Set the threshold below the HD capacity of one overflow node.") \
	X(ONLY_SECONDARY, "only_secondary_overflow", WARNING, "Setting up your bursting nodes in AWS", 21, \
	  "Its nodes are never started automatically.", \
	  "Make it the primary overflow location of an always-on location.") \
	X(MIXED_LOCATION, "mixed_location", WARNING, "Setting up your bursting nodes in AWS", 21, \
	  "Always-on capacity hides the need for more bursting nodes.", \
	  "Keep always-on and bursting nodes in separate locations.") \
	X(MIXED_ROLES, "mixed_roles", WARNING, "Generating, downloading and deploying the configuration file", 17, \
	  "Media may be sent to nodes that cannot transcode it.", \
	  "Keep proxying and transcoding nodes in separate locations.") \
	X(DISTRIBUTED_DATABASE, "distributed_database", WARNING, "Setting up your bursting nodes in AWS", 20, \
	  "A node that is often off holds up the replication of the distributed database.", \
	  "Disable \"Enable distributed database\" on the node; change one node at a time, minutes apart.") \
	X(STATIC_NAT_DIFFERS, "static_nat_differs", WARNING, "IP addressing", 7, \
	  "Endpoints outside send media to an address that is not the node's.", \
	  "Set the node's static NAT address to its present public address, or wish \"static_nat\": \"follow\" of the node: " \
	  "burstd then sets it after each start.") \
	X(NO_ELASTIC_IP, "no_elastic_ip", WARNING, "Assigning a persistent public IP address", 18, \
	  "The public address changes at each start, and the static NAT address is then wrong.", \
	  "Assign an Elastic IP to the instance, or wish \"static_nat\": \"follow\" of the node.") \
	X(LICENSES_LOW, "licenses_low", WARNING, "Configuring the Pexip Infinity platform", 14, \
	  "More nodes do not help when calls are refused for lack of licences.", \
	  "Add concurrent port licences in Infinity (Platform > Licenses).") \
	X(LARGE_INSTANCE, "large_instance", WARNING, "Recommended instance types and call capacity guidelines", 6, \
	  "Capacity does not grow in line with 36 or more vCPU.", \
	  "Use c5.2xlarge for transcoding nodes.") \
	X(SMALL_INSTANCE, "small_instance", WARNING, "Recommended instance types and call capacity guidelines", 6, \
	  "The node carries fewer calls than the guide counts on, or media suffers.", \
	  "Use c5.2xlarge for transcoding nodes, c5.xlarge or c5.2xlarge for proxying nodes.") \
	X(LOW_CAPACITY, "low_capacity", INFO, "Recommended instance types and call capacity guidelines", 6, \
	  "A burst brings less capacity than the instance type should.", \
	  "Check tenancy and instance type, and Infinity's own report of the node's hardware.") \
	X(SHARED_TENANCY, "shared_tenancy", WARNING, "Dedicated versus standard instances", 6, \
	  "Oversubscribed hardware can drop calls and hurt media quality.", \
	  "Run Conferencing Nodes with dedicated tenancy.") \
	X(REPLICATION_SLOW, "replication_slow", INFO, "Accessing the Pexip Infinity Administrator interface", 13, \
	  "Above 60 Conferencing Nodes configuration takes longer than a minute to reach a node: calls may be placed on a " \
	  "draining node after the wait is over, and its drain takes longer.", \
	  "Set replication_wait_seconds of the bursting settings to 180 or more.") \
	/* orphans */ \
	X(INSTANCE_WITHOUT_NODE, "instance_without_node", WARNING, "Permanently removing a Conferencing Node instance", 26, \
	  "The instance is paid for, is never started by bursting, and serves nobody.", \
	  "Terminate it if its node was removed; else deploy a Conferencing Node with its private address.") \
	X(NODE_WITHOUT_INSTANCE, "node_without_instance", WARNING, "Permanently removing a Conferencing Node instance", 26, \
	  "The node can never be started; it counts as overflow capacity that does not exist.", \
	  "Delete the node in Infinity if its instance was terminated; else make its address the instance's private one.") \
	X(TAGGED_ALWAYS_ON, "tagged_always_on", WARNING, "Converting between overflow and \"always on\" nodes", 23, \
	  "burstd treats the node as a bursting node and may stop it, and nothing ever starts it: no location overflows to its.", \
	  "Remove the tag pexip-cloud if the node shall be always on; else move it to the overflow location.") \
	X(NO_TAGGED_INSTANCE, "no_tagged_instance", WARNING, "Setting up your bursting nodes in AWS", 20, \
	  "There is nothing that could be started when the platform is full.", \
	  "Tag the instances of the bursting nodes, or set tag_value in /v1/bursting.") \
	X(INFINITY_BURSTS, "infinity_bursts", INFO, "Setting up your bursting nodes in AWS", 20, \
	  "burstd only observes: Infinity itself starts and stops the overflow nodes.", \
	  "Switch Infinity's own bursting off when burstd shall act.") \
	X(SETTINGS_DIFFER, "settings_differ", INFO, "Configuring the bursting threshold", 22, \
	  "Infinity bursts by its own figure: what burstd shows of thresholds and lifetimes is not what happens.", \
	  "Take Infinity's values over (POST /v1/bursting/pull), or write burstd's to Infinity (POST /v1/bursting/push).") \
	/* surveys: AWS */ \
	X(NOT_MADE, "check_not_made", WARNING, NULL, 0, \
	  "What it would have told is not known: nothing about it counts as being in order.", \
	  "Allow burstd to read it (/v1/aws/iam-policy; in Infinity the role of its account), or acknowledge the finding.") \
	X(GROUP_RULE_MISSING, "group_rule_missing", WARNING, "Inbound rules", 8, \
	  "Traffic that the guide counts on does not reach the node.", \
	  "Add the rule to one of the security groups; /v1/aws/security-group has all of them.") \
	X(GROUP_TUNNEL_BLOCKED, "group_tunnel_blocked", ERROR, "Inbound rules", 8, \
	  "The nodes cannot build their IPsec tunnels: a started node never becomes synced and takes no calls.", \
	  "Allow UDP 500 (IKE) from the security group itself, and from the networks of nodes outside of it.") \
	X(GROUP_TOO_OPEN, "group_too_open", WARNING, "Inbound rules", 8, \
	  "Anyone on the internet can try to log in to the node or to talk to its inner services.", \
	  "Restrict the rule to the management station's address or subnet, or to the platform's own security group.") \
	X(GROUP_EXTRA_OPEN, "group_extra_open", WARNING, "Inbound rules", 8, \
	  "Ports that Pexip Infinity does not need are open to the internet.", \
	  "Remove the rule, or restrict its source.") \
	X(ACL_BLOCKS, "network_acl_blocks", ERROR, "Network ACL rules for ESP (50)", 8, \
	  "Nodes in different subnets cannot talk to each other: a started node never becomes synced and takes no calls.", \
	  "Let IP protocol 50 (ESP) and UDP 500 (IKE) through in both directions, with a lower rule number than the denial.") \
	X(NETWORK_DIFFERS, "node_network_differs", WARNING, "Generating, downloading and deploying the configuration file", 17, \
	  "The node cannot reach nodes outside of its subnet, or none at all: it never becomes synced and takes no calls.", \
	  "Deploy the node anew with the network mask of its subnet and the subnet's first usable address as its gateway.") \
	X(NO_KEY_PAIR, "no_key_pair", INFO, "Limitations", 5, \
	  "Nobody can log in to the instance over SSH with a key of AWS, not even for diagnosis.", \
	  "Assign SSH authorized keys to the node in Infinity, or launch it anew with a key pair.") \
	X(SEVERAL_NETWORKS, "several_networks", INFO, "Inter-node communication requirements for multiple VPCs", 9, \
	  "Nodes in different VPCs or regions need a directly routable path without NAT: burstd cannot see whether it is there.", \
	  "Check that UDP 500 and IP protocol 50 pass between all nodes in both directions; then acknowledge the finding.") \
	X(START_DENIED, "iam_start_denied", ERROR, "Configuring an AWS user and policy", 21, \
	  "burstd cannot start overflow nodes: calls are refused when the platform is full.", \
	  "Attach the policy of /v1/aws/iam-policy to burstd's AWS user or role; the tag values must be equal.") \
	X(STOP_DENIED, "iam_stop_denied", ERROR, "Configuring an AWS user and policy", 21, \
	  "burstd cannot stop overflow nodes: they run, and are paid for, until somebody stops them.", \
	  "Attach the policy of /v1/aws/iam-policy to burstd's AWS user or role; the tag values must be equal.") \
	X(IAM_TOO_WIDE, "iam_too_wide", WARNING, "Configuring an AWS user and policy", 21, \
	  "Whoever gets hold of burstd's keys can start or stop machines that are not overflow nodes.", \
	  "Bind StartInstances and StopInstances to the tag, as in /v1/aws/iam-policy.") \
	X(MANAGEMENT_SMALL, "management_node_small", WARNING, "Recommended instance types and call capacity guidelines", 6, \
	  "The Management Node and its API become slow: figures come late, and bursting with them.", \
	  "Use m5.xlarge for up to 30 Conferencing Nodes, and a larger instance type for more.") \
	X(MANAGEMENT_SHARED, "management_node_shared", WARNING, "Dedicated versus standard instances", 6, \
	  "Oversubscribed hardware slows the Management Node and its API down: figures come late, and bursting with them.", \
	  "Run the Management Node as a dedicated instance: a standard one is for up to about 100 concurrent calls and little " \
	  "use of the management API.") \
	/* surveys: the platform */ \
	X(NO_DNS, "no_dns_server", ERROR, "Configuring the Pexip Infinity platform", 14, \
	  "Host names cannot be resolved: NTP, call routing and the AWS APIs fail.", \
	  "Add a DNS server (System > DNS Servers).") \
	X(FEW_NTP, "few_ntp_servers", WARNING, "Configuring the Pexip Infinity platform", 14, \
	  "Clocks drift apart: log entries of nodes do not line up, replication and certificates may fail.", \
	  "Configure at least three distinct NTP servers or pools (System > NTP Servers).") \
	X(NO_LICENCE, "no_licence", ERROR, "Configuring the Pexip Infinity platform", 14, \
	  "No calls can be placed to Pexip Infinity services, however many nodes are started.", \
	  "Install a system licence with sufficient concurrent call capacity (Platform > Licenses).") \
	X(LICENCE_EXPIRED, "licence_expired", ERROR, "Configuring the Pexip Infinity platform", 14, \
	  "Its calls are refused, however many nodes are started.", \
	  "Renew the licence (Platform > Licenses).") \
	X(LICENCE_ENDS_SOON, "licence_ends_soon", WARNING, "Configuring the Pexip Infinity platform", 14, \
	  "From then on its calls are refused, however many nodes are started.", \
	  "Renew the licence (Platform > Licenses).") \
	X(CERTIFICATE_EXPIRED, "certificate_expired", ERROR, "Configuring the Pexip Infinity platform", 14, \
	  "Clients and SIP peers refuse to connect to the nodes that present it.", \
	  "Upload a new TLS certificate (Certificates > TLS Certificates).") \
	/* this machine: `burstd check` alone */ \
	X(CONFIGURATION, "configuration", ERROR, NULL, 0, \
	  "burstd does not start.", "See `burstd --help` for every option.") \
	X(TLS_UNUSABLE, "tls_unusable", ERROR, NULL, 0, \
	  "burstd does not start.", "Give a PEM chain and its private key, 0600 or 0640.") \
	X(TLS_EXPIRED, "tls_expired", ERROR, NULL, 0, \
	  "Clients refuse to talk to burstd.", "Renew it, then send HUP.") \
	X(TLS_ENDS_SOON, "tls_ends_soon", WARNING, NULL, 0, \
	  "From then on clients refuse to talk to burstd.", "Renew it, then send HUP.") \
	X(STATE_UNUSABLE, "state_unusable", ERROR, NULL, 0, \
	  "burstd does not start.", "Make it a directory of mode 0700 that belongs to burstd's user.") \
	X(STATE_OPEN, "state_open", WARNING, NULL, 0, \
	  "Others on this machine may read its database.", "Make it a directory of mode 0700 that belongs to burstd's user.") \
	X(STATE_MISSING, "state_missing", WARNING, NULL, 0, \
	  "What was set over the API is not there.", "Nothing to do if burstd may make it.") \
	X(DATABASE_DAMAGED, "database_damaged", ERROR, NULL, 0, \
	  "burstd does not start.", "Restore a backup (docs/operations.md).") \
	X(DATABASE_NEWER, "database_newer", ERROR, NULL, 0, \
	  "burstd does not start.", "Run the newer burstd, or restore a backup.") \
	X(DATABASE_OLDER, "database_older", WARNING, NULL, 0, \
	  "An older burstd cannot read it afterwards.", "Make a backup before that: burstd backup FILE.") \
	X(KEY_MISSING, "key_missing", WARNING, NULL, 0, \
	  "Secrets in the database cannot be read.", "Restore the key file from your copy.") \
	X(KEY_WRONG, "key_wrong", ERROR, NULL, 0, \
	  "Secrets in the database cannot be read.", "Restore the key file, or set the AWS keys again over the API.") \
	X(AWS_KEYS, "aws_keys", ERROR, "Configuring an AWS user and policy", 21, \
	  "EC2 cannot be asked: no overflow node is seen, started or stopped.", \
	  "Set aws_access_key_id and aws_secret_access_key over the API, or put keys where AWS's own tools look for them.") \
	X(LIFECYCLE_KEYS, "lifecycle_keys", ERROR, "Configuring an AWS user and policy", 21, \
	  "Life-cycle operations are allowed, and halt at their first step.", \
	  "Set lifecycle_access_key_id and lifecycle_secret_access_key over the API, mend the profile of " \
	  "BURSTD_LIFECYCLE_AWS_PROFILE, or forbid them (allow_lifecycle).") \
	X(CLIENT, "client_unusable", ERROR, NULL, 0, \
	  "burstd cannot talk to the system.", "Check the option that is named, or the machine's memory.") \
	X(CERTIFICATE_ENDS_SOON, "certificate_ends_soon", WARNING, "Configuring the Pexip Infinity platform", 14, \
	  "From then on clients and SIP peers refuse to connect to the nodes that present it.", \
	  "Upload a new TLS certificate (Certificates > TLS Certificates).")

enum check_id {
#define X(name, id, severity, section, page, consequence, remedy) CHECK_##name,
	CHECKS(X)
#undef X
		CHECK_COUNT
};
/* clang-format on */

struct check {
	const char *id;
	enum severity severity;
	const char *section;
	int page;
	const char *consequence;
	const char *remedy;
};

/* Static. Any thread. */
const struct check *check_row(enum check_id);

/* What an offset between two clocks in milliseconds amounts to; CHECK_COUNT = nothing, below 2 s, because Date has whole seconds. */
enum check_id check_of_clocks(int64_t offset_ms);

#endif
