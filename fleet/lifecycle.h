/*
 * Life-cycle operations: what the deployment guide tells a person to do by hand, as a table of steps per kind.
 *
 * An operation is an intent (fleet/intent.h) with values and steps. Its values are what was asked for and what its steps found or
 * made, by name; its steps are done one after the other, and each "ensures": it looks at the world, does what is missing and
 * looks again, so that a step that was cut short by a crash is simply run again. Carried out by lifecycle/runner.c.
 */
#ifndef BURSTD_FLEET_LIFECYCLE_H
#define BURSTD_FLEET_LIFECYCLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "fleet/intent.h"

/* The tag of everything that an operation launches or allocates: its value is the intent's token. */
#define TAG_OPERATION "burstd-operation"

/*
 * One row a value: name, text, kind. ASKED: of the request, shown. FOUND: by a step, shown. SECRET: of the request, sealed at
 * rest, never shown, forgotten when the operation ends. Lists are comma lists, flags "true" or "false".
 */
/* clang-format off */
#define OPERATION_VALUES(X) \
	X(DESCRIPTION, "description", ASKED) \
	X(ROLE, "role", ASKED) /* "transcoding", "proxying" */ \
	X(BURSTING, "bursting", ASKED) /* flag: an overflow node, else always on */ \
	X(HOSTNAME, "hostname", ASKED) \
	X(DOMAIN, "domain", ASKED) \
	X(CONFIGURED_FQDN, "configured_fqdn", ASKED) \
	X(TLS_CERTIFICATE, "tls_certificate", ASKED) /* Infinity's id */ \
	X(IPV6_ADDRESS, "ipv6_address", ASKED) \
	X(IPV6_GATEWAY, "ipv6_gateway", ASKED) \
	X(STATIC_ROUTES, "static_routes", ASKED) /* Infinity's ids */ \
	X(ENABLE_SSH, "enable_ssh", ASKED) /* "GLOBAL", "OFF", "ON" */ \
	X(SSH_AUTHORIZED_KEYS, "ssh_authorized_keys", ASKED) /* Infinity's ids */ \
	X(SSH_AUTHORIZED_KEYS_USE_CLOUD, "ssh_authorized_keys_use_cloud", ASKED) \
	X(DISTRIBUTED_DATABASE, "enable_distributed_database", ASKED) \
	X(SSH_PASSWORD, "ssh_password", SECRET) \
	X(VERSION, "version", ASKED) /* of the image; not given = the Management Node's */ \
	X(INSTANCE_TYPE, "instance_type", ASKED) \
	X(TENANCY, "tenancy", ASKED) /* "dedicated", "default" */ \
	X(SUBNET, "subnet", ASKED) \
	X(SECURITY_GROUPS, "security_groups", ASKED) \
	X(KEY_NAME, "key_name", ASKED) \
	X(PUBLIC_ADDRESSING, "public_addressing", ASKED) /* "none", "auto", "elastic" */ \
	X(ALLOCATION_ID, "allocation_id", ASKED) /* an Elastic IP that is there; not given = a new one */ \
	X(UPLOAD_TO, "upload_to", ASKED) /* "private", "public": which address the configuration goes to */ \
	X(TAGS, "tags", ASKED) /* JSON object text */ \
	X(MANAGEMENT_URL, "management_url", ASKED) /* where the new Management Node answers */ \
	X(MANAGED_NODES, "managed_nodes", ASKED) /* Conferencing Nodes it is to manage */ \
	X(TO, "to", ASKED) /* "overflow", "always_on" */ \
	X(RELEASE_ADDRESS, "release_address", ASKED) /* flag */ \
	X(VPC, "vpc", ASKED) \
	X(GROUP_NAME, "group_name", ASKED) \
	X(GROUP, "group", ASKED) /* an existing security group */ \
	X(MANAGEMENT_CIDR, "management_cidr", ASKED) \
	X(SIP_UDP, "sip_udp", ASKED) /* flag */ \
	X(APPLY, "apply", ASKED) /* flag: "false" compares alone */ \
	X(PLATFORM, "platform", SECRET) /* JSON object text: the initial platform configuration */ \
	X(PUSH, "push", ASKED) /* JSON object text: fields of Infinity's global settings, but the secret */ \
	X(PUSH_SECRET, "push_secret", SECRET) /* aws_secret_key */ \
	X(IMAGE, "image", FOUND) \
	X(IMAGE_NAME, "image_name", FOUND) \
	X(FOUND_VPC, "found_vpc", FOUND) \
	X(ADDRESS, "address", FOUND) /* private */ \
	X(NETMASK, "netmask", FOUND) \
	X(GATEWAY, "gateway", FOUND) \
	X(PUBLIC_ADDRESS, "public_address", FOUND) \
	X(ALLOCATION, "allocation", FOUND) \
	X(ALLOCATED, "allocated", FOUND) /* flag: by this operation */ \
	X(ASSOCIATION, "association", FOUND) \
	X(WAS_RUNNING, "was_running", FOUND) \
	X(MAINTENANCE_WAS_ON, "maintenance_was_on", FOUND) /* flag: somebody else's, left as it is */ \
	X(TAKEN_OUT, "taken_out", FOUND) /* flag: the undo has put the node into maintenance mode */ \
	X(PREVIOUS_TYPE, "previous_type", FOUND) \
	X(PREVIOUS_TAG, "previous_tag", FOUND) \
	X(PREVIOUS_LOCATION, "previous_location", FOUND) \
	X(PREVIOUS_DATABASE, "previous_distributed_database", FOUND) \
	X(PREVIOUS_NAT, "previous_static_nat_address", FOUND) \
	X(PREVIOUS_ENA, "previous_ena", FOUND) \
	X(MADE_GROUP, "made_group", FOUND) /* id of the security group this operation made */ \
	X(ADDED_RULES, "added_rules", FOUND) /* JSON array text: the security group rules this operation added */ \
	X(PLATFORM_MADE, "platform_made", FOUND) /* "dns_server/3", ...: the objects this operation made, in order */ \
	X(PLATFORM_MAKING, "platform_making", FOUND) /* "dns_server/192.0.2.53": the one it was about to make */ \
	X(PLATFORM_ADDED, "platform_added", FOUND) /* "dns_server/3", ...: servers it gave to a location that was there */ \
	X(PLATFORM_LICENCES, "platform_licences", FOUND) /* "MARK/140266102", ...: of which entitlement each licence is */ \
	X(ASSIGNED_CERTIFICATE, "assigned_certificate", FOUND) /* to the Management Node */ \
	X(PREVIOUS_CERTIFICATE, "previous_certificate", FOUND) /* the Management Node's; "0" = none */ \
	X(IDLE_SINCE, "idle_since", FOUND) /* milliseconds; the first of two idle reads in a row */ \
	X(ATTEMPTED_AT, "attempted_at", FOUND) /* milliseconds; when a deed was last tried */

/*
 * One row a step: name, text, what it does (a sentence without its end), no return. No return: once it has been tried, the
 * operation can only go on; the text says why.
 */
#define OPERATION_STEPS(X) \
	X(CHECK, "check", "check that everything asked for is possible and permitted", NULL) \
	X(FIND_IMAGE, "find_image", "find Pexip's image of the platform's version", NULL) \
	X(LAUNCH, "launch", "launch the instance", NULL) \
	X(AWAIT_INSTANCE, "await_instance", "wait until the instance runs, and learn its addresses", NULL) \
	X(ALLOCATE_ADDRESS, "allocate_address", "allocate an Elastic IP address", NULL) \
	X(ASSOCIATE_ADDRESS, "associate_address", "associate the Elastic IP address with the instance", NULL) \
	X(CREATE_NODE, "create_node", "configure the Conferencing Node in Infinity", NULL) \
	X(UPLOAD, "upload", "upload the node's configuration to port 8443 of the instance", NULL) \
	X(AWAIT_SYNCED, "await_synced", "wait until the node is synced with the Management Node", NULL) \
	X(MAINTENANCE_ON, "maintenance_on", "put the node into maintenance mode", NULL) \
	X(DRAIN, "drain", "wait until no conference is left on the node", NULL) \
	X(STOP_INSTANCE, "stop_instance", "stop the instance", NULL) \
	X(START_INSTANCE, "start_instance", "start the instance", NULL) \
	X(STATIC_NAT, "static_nat", "set the node's static NAT address to its public address", NULL) \
	X(MAINTENANCE_OFF, "maintenance_off", "take the node out of maintenance mode", NULL) \
	X(TAG, "tag", "tag the instance for bursting", NULL) \
	X(UNTAG, "untag", "remove the bursting tag from the instance", NULL) \
	X(SET_LOCATION, "set_location", "move the node to its new system location", NULL) \
	X(DISTRIBUTED_DATABASE, "distributed_database", "set the node's distributed database, a few minutes after the last change of one", NULL) \
	X(SET_TYPE, "set_type", "change the instance type", NULL) \
	X(SET_ENA, "set_ena", "enable ENA support", NULL) \
	X(DELETE_NODE, "delete_node", "delete the Conferencing Node in Infinity", "the node is deleted in Infinity: only its instance is left to terminate") \
	X(TERMINATE, "terminate", "terminate the instance", "the instance is terminated") \
	X(RELEASE_ADDRESS, "release_address", "release the Elastic IP address", "the address is given back to AWS") \
	X(FIRST_LOGIN, "first_login", "wait for a person: first login over SSH, set the administrator password", NULL) \
	X(WIZARD, "wizard", "wait for a person: the installation wizard, then the management API", NULL) \
	X(SECURITY_GROUP, "security_group", "find or create the security group", NULL) \
	X(GROUP_RULES, "group_rules", "add the rules that the deployment guide wants and the group lacks", NULL) \
	X(DNS, "dns", "configure the DNS servers", NULL) \
	X(NTP, "ntp", "configure the NTP servers", NULL) \
	X(LICENCE, "licence", "add the licences", NULL) \
	X(LOCATION, "location", "configure the system location", NULL) \
	X(CERTIFICATE, "certificate", "upload the TLS certificate", NULL) \
	X(VMR, "vmr", "configure the Virtual Meeting Rooms", NULL) \
	X(ALIAS, "alias", "configure their aliases", NULL) \
	X(PUSH_SETTINGS, "push_settings", "write the bursting settings to Infinity's global settings", "the settings are written to Infinity: push others to change them")
/* clang-format on */

enum operation_value {
#define X(name, text, kind) VALUE_##name,
	OPERATION_VALUES(X)
#undef X
		VALUE_COUNT
};
enum value_kind { VALUE_ASKED, VALUE_FOUND, VALUE_SECRET };

enum step_name {
#define X(name, text, does, no_return) STEP_##name,
	OPERATION_STEPS(X)
#undef X
		STEP_COUNT
};

enum step_state {
	STEP_WAITING, /* its turn has not come */
	STEP_RUNNING,
	STEP_DONE,
	STEP_SKIPPED, /* not asked for, or not needed */
	STEP_HALTED,  /* it cannot go on: see its error */
	STEP_UNDOING,
	STEP_UNDONE,
};
#define STEP_STATES (STEP_UNDONE + 1)

struct operation_step {
	enum step_name name;
	enum step_state state;
	int attempts; /* deeds tried; committed before each try */
	int64_t started_at;
	int64_t ended_at;
	char detail[400]; /* what was done, or what it waits for; for people */
	char error[640];  /* the last failure with its remedy; "" = none */
};
#define OPERATION_STEPS_MOST 20

struct operation {
	struct intent intent;
	char *values[VALUE_COUNT]; /* NULL = none; owned */
	struct operation_step steps[OPERATION_STEPS_MOST];
	size_t n_steps;
};
void operation_free(struct operation *); /* wipes the secrets; NULL is fine */
DEFINE_FREEP(struct operation, operation_free)

const char *operation_value_text(enum operation_value);
enum value_kind operation_value_kind(enum operation_value);
int operation_value_from_text(const char *, enum operation_value *ret); /* 0, or -1 */
const char *step_text(enum step_name);
const char *step_does(enum step_name);
const char *step_no_return(enum step_name); /* NULL = it can be undone, or there is nothing to undo */
int step_from_text(const char *, enum step_name *ret);
const char *step_state_text(enum step_state);
int step_state_from_text(const char *, enum step_state *ret);

/* Copies `text` (NULL takes the value back). false = out of memory. */
bool operation_set(struct operation *, enum operation_value, const char *text);
bool operation_setf(struct operation *, enum operation_value, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* "" where there is none. */
const char *operation_text(const struct operation *, enum operation_value);
bool operation_flag(const struct operation *, enum operation_value);      /* "true" */
int64_t operation_number(const struct operation *, enum operation_value); /* 0 where it is none */

/* Whether the intent is a life-cycle operation: it has steps. */
bool intent_has_steps(enum intent_kind);
/* Whether it may only be asked for while life-cycle operations are allowed (settings, allow_lifecycle). */
bool intent_needs_permission(enum intent_kind);
/* Puts the kind's steps into the operation, all waiting. `intent.kind` is set. */
void operation_plan(struct operation *);
/* The step that is not done yet, in the direction the operation goes; n_steps where there is none. */
size_t operation_present(const struct operation *);
/* Whether it is being undone: some step is undone, or on its way. */
bool operation_undoing(const struct operation *);
/* Why it cannot be called off any more; NULL = it can. */
const char *operation_no_return(const struct operation *);

#endif
