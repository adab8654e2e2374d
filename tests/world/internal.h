/*
 * Inside of the world's model, shared by its files and by the HTTP face. Nothing outside tests/world/
 * includes it.
 *
 * Invariants: ids are index + 1 (locations, nodes), so a look-up is an array access. A node's load never
 * changes without machine_settle before it, so that its status shows what was true at the moment of its last
 * report. Strings given to reports live in `strings` until the world ends.
 */
#ifndef BURSTD_TESTS_WORLD_INTERNAL_H
#define BURSTD_TESTS_WORLD_INTERNAL_H

#include <jansson.h>
#include <string.h>

#include "base/arena.h"

#include "tests/world/world.h"

/* --- chance.c: seeded random numbers (splitmix64, xoshiro256**) --- */

struct chance {
	uint64_t s[4];
};
void chance_seed(struct chance *, uint64_t seed);
uint64_t chance_next(struct chance *);
double chance_unit(struct chance *); /* [0, 1) */
double chance_between(struct chance *, double least, double most);
double chance_exp(struct chance *, double mean);
uint64_t chance_below(struct chance *, uint64_t n); /* n > 0 */
uint64_t chance_hash(uint64_t);                     /* stateless mix */

/* --- queue.c: the scheduled things, a binary heap by time, then by order of entry --- */

enum sched_kind {
	SCHED_CALL_END,     /* a = slot, b = generation */
	SCHED_ARRIVAL,      /* a = location, b = generation: the random generator's next call */
	SCHED_CURVE,        /* a = location: look at the curve */
	SCHED_INSTANCE,     /* a = instance, b = generation: pending or stopping is over */
	SCHED_BOOTED,       /* a = instance, b = generation: its node may sync */
	SCHED_SUSPEND,      /* a = node, b = generation of its instance */
	SCHED_REPLICATE,    /* a = node, b = the change */
	SCHED_FAULT_BEGIN,  /* a = index of planned fault */
	SCHED_FAULT_END,    /* a = kind, b = target */
	SCHED_FAULT_RANDOM, /* a = kind */
	SCHED_RESTARTED,    /* a = node, b = its restarts so far: it is back after a change of its location */
};
struct scheduled {
	int64_t at;
	uint64_t order;
	enum sched_kind kind;
	int32_t a;
	int64_t b;
};
struct queue {
	struct scheduled *heap;
	size_t n, cap;
	uint64_t order;
};
void queue_add(struct queue *, int64_t at, enum sched_kind, int32_t a, int64_t b);
bool queue_take(struct queue *, int64_t up_to, struct scheduled *ret); /* false: nothing up to then */

/* --- the model --- */

#define SHARDS_PER_LOCATION 3 /* facts: at most three media nodes per location for one conference */
#define SHARDS_MOST         9 /* principal, primary and secondary overflow */
#define VIEWS               16
#define TOKENS_PER_HD       19
#define REGIONS_MOST        8

struct shard {
	int32_t node;
	int32_t calls;
	bool backplane; /* not the conference's first node: costs one HD call more */
};
struct conference {
	int32_t location;
	int32_t calls; /* 0 = slot is free */
	int32_t place; /* in the location's list */
	int32_t n_shards;
	struct shard shards[SHARDS_MOST];
};
struct call {
	int64_t serial; /* order of arrival */
	int32_t generation;
	int32_t location;
	int32_t conference; /* -1 = slot is free */
	int32_t media;      /* node */
	int32_t signalling; /* node */
};
struct pool { /* free slots of an array, newest first */
	int32_t *free;
	size_t n_free, cap_free;
};

struct curve {
	struct world_curve_point *points;
	size_t n;
	double period, least, most; /* virtual minutes */
	int64_t from;
};
struct site { /* a system location */
	int64_t id;
	const char *name;
	const char *description;      /* NULL = none */
	json_t *fields;               /* what else the API gave it (http_location.c); NULL = nothing */
	bool gone;                    /* deleted: shown nowhere */
	int32_t overflow1, overflow2; /* index, -1 = none */
	int32_t *nodes;
	size_t n_nodes, cap_nodes;
	int32_t *conferences;
	size_t n_conferences, cap_conferences;
	int calls;   /* that arrived here */
	double peak; /* HD calls at the busiest, random generator; 0 = none */
	struct curve curve;
};

struct machine {                  /* a Conferencing Node */
	struct infinity_node row; /* configuration as it is; status as of the last report */
	int64_t status_at;        /* instant of that report */
	int64_t floor;            /* reports before this never happened (silent, frozen, down) */
	int64_t phase;
	uint64_t hash;
	int32_t site;
	int32_t instance; /* -1 = none */
	int max_hd;
	int used; /* HD calls, with backplanes */
	int media, signalling, participants, shards;
	bool up;    /* takes conferences */
	bool stuck; /* a boot that waits for the end of NEVER_SYNC */
	bool maintenance_known;
	int64_t maintenance_generation; /* changes made; those up to maintenance_voided came with a boot */
	int64_t maintenance_voided;
	int64_t boot_ms;
	int64_t fault_until[WORLD_FAULT_COUNT];

	bool gone;        /* deleted in Infinity: shown nowhere; its id is not given again */
	bool made;        /* through the API */
	json_t *fields;   /* what the API gave it (http_nodes.c); NULL = nothing */
	int32_t document; /* number of its configuration document; 0 = it was there at the beginning */
	int64_t restarts;
};

/* A configuration document as POST worker_vm gave it out, byte for byte. Its number is index + 1. */
struct document {
	const char *xml;
	int32_t node;
};

struct view { /* what describes show of an instance from `at` on */
	int64_t at;
	enum instance_state state;
	int64_t launch;
	const char *public_address;
	const char *reason_code, *reason_message;
};
struct vm {
	struct ec2_instance row; /* what never changes; the rest comes from a view */
	struct view views[VIEWS];
	int64_t n_views;
	int64_t generation; /* grows with every start and stop: scheduled things of older ones are void */
	int64_t on_since;
	int32_t node; /* -1 = none */
	int32_t region;
	bool elastic;
	bool fail_late;

	/* What RunInstances gave it; NULL and false in the instances that were there at the beginning. */
	const char *image, *key_name, *client_token;
	const char *fingerprint; /* of the launch, to tell the same token with other parameters */
	const struct world_subnet *subnet;
	const char **groups;
	size_t n_groups;
	bool made;
	bool fresh;            /* never ran yet: a late lack of capacity terminates it */
	int64_t born;          /* describes of an earlier moment do not show it */
	int64_t known_from;    /* until then its id is not known everywhere */
	int64_t terminated_at; /* 0 = it is there */
	bool automatic;        /* gets another public address at each start, unless it has an Elastic IP */
	bool no_ena;           /* its image lacks it, and nobody set it */
	bool manager;          /* a Management Node */
	bool wizard;           /* ... whose installation wizard a person has done */
	bool blank;            /* a Conferencing Node's image without configuration */
	bool booted;           /* since its last start */
	bool waits;            /* ... that has booted: port 8443 takes one */
	bool resized;          /* its node's capacity follows its type at the next boot */
	int32_t document;      /* number of the configuration it has; 0 as in machine */
};

/* An Elastic IP. */
struct elastic {
	const char *allocation;
	const char *association; /* of the present one; NULL = free */
	const char *address;
	int32_t region;
	int32_t instance; /* -1 = free */
	bool made;        /* through the API: these count for the quota */
	bool gone;
	struct instance_tag *tags;
	size_t n_tags;
};

/* A permission of a security group towards one peer, as in EC2's forms. */
struct permission {
	bool egress;
	const char *protocol;
	int from, to;
	const char *cidr;  /* NULL = a group */
	const char *group; /* NULL = a CIDR */
};
struct group {
	const char *id, *name, *description, *vpc;
	int32_t region; /* -1 = there from the beginning, in every region: the guide's rules come to its own */
	bool gone;
	struct permission *rules;
	size_t n_rules, cap_rules;
	struct instance_tag *tags;
	size_t n_tags;
};
static inline struct view *vm_view(struct vm *i)
{
	return &i->views[(i->n_views - 1) % VIEWS];
}

struct bucket {
	double tokens;
	int64_t at;
};
struct region {
	struct world *world;
	const char *name;
	struct bucket describe, start, stop;
};

/* What is different from what the deployment guide wants; zeroed = nothing. */
struct world_network {
	char without_rule[40]; /* the guide's rule of this id is missing in the security group */
	char open_rule[40];    /* ... is open to the whole internet */
	int open_port;         /* so is this TCP port */
	char acl_denies[8];    /* the network ACL denies this protocol, by number */
	char unreadable[40];   /* this action is not permitted */
	bool no_key;           /* instances without a key pair */
	bool two_vpcs;
	bool wide_policy; /* what has no tag may be started and stopped as well */
};
struct world_platform {
	int dns, ntp;         /* servers */
	int licences;         /* each ends in licence_days */
	int licence_days;     /* from now, may be negative */
	int certificate_days; /* of the one certificate */
	bool unreadable;      /* none of it may be read: 403 */
	char gateway[16];     /* of every node; "" = its subnet's */
};

struct world {
	struct world_network network;
	struct world_platform platform;
	struct world_options options; /* its durations divided by scale already */
	int64_t now;
	struct chance traffic, faults,
		cloud; /* apart, so that what burstd does changes no arrival and no fault */
	struct queue queue;
	struct arena *strings;

	struct site *sites;
	size_t n_sites, cap_sites;
	struct machine *nodes;
	size_t n_nodes, cap_nodes;
	struct vm *instances;
	size_t n_instances, cap_instances;
	struct elastic *elastics;
	size_t n_elastics, cap_elastics;
	struct group *groups;
	size_t n_groups, cap_groups;
	struct document *documents;
	size_t n_documents, cap_documents;
	struct region regions[REGIONS_MOST];
	size_t n_regions;
	struct infinity_location *location_rows; /* shared with reports; NULL = to be made anew */
	size_t n_location_rows;

	struct call *calls;
	size_t n_calls, cap_calls;
	struct pool free_calls;
	struct conference *conferences;
	size_t n_conferences, cap_conferences;
	struct pool free_conferences;
	int64_t serial;
	bool random_traffic;
	int64_t traffic_generation;

	bool infinity_bursting;
	int64_t fault_until[WORLD_FAULT_COUNT];
	int64_t fault_value[WORLD_FAULT_COUNT];
	bool frozen;
	bool random_faults;
	struct world_fault *planned;
	size_t n_planned, cap_planned;

	struct world_counters counters;
	struct world_record *ledger;
	size_t n_ledger, cap_ledger;
};

/* Room for one more in a growing array; out of memory ends the test program. */
#define GROW(array, n, cap) ((array) = world_grow((array), (n), &(cap), sizeof(*(array))))
void *world_grow(void *array, size_t n, size_t *cap, size_t size);
int32_t pool_take(struct pool *); /* -1 = none free */
void pool_give(struct pool *, int32_t slot);
/* A real duration in wall-clock ms, divided by scale; at least 1. */
int64_t world_scaled(const struct world *, double ms);
const char *world_text(struct world *, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* --- catalog.c: what EC2 offers --- */

#define PEXIP_OWNER     "686087431763"
#define ADDRESS_QUOTA   5      /* Elastic IPs of a region that are made through the API */
#define TERMINATED_MS   3600e3 /* how long a terminated instance is shown */
#define FIRST_BOOT_MS   10e3   /* running -> port 8443 answers */
#define NODE_RESTART_MS 60e3   /* a node that is moved to another location */

struct world_image {
	const char *id, *name, *owner, *created;
	const char *state;
	bool ena;
};
struct world_subnet {
	const char *id, *vpc, *cidr;
	char zone;      /* behind the region's name */
	unsigned first; /* first address that launches take, host byte order */
	unsigned last;
	bool public_on_launch;
};
struct world_type {
	const char *name;
	int vcpu;
	bool ena; /* required */
};
const struct world_image *catalog_images(size_t *ret_n);
const struct world_subnet *catalog_subnets(size_t *ret_n);
const struct world_type *catalog_types(size_t *ret_n);
const struct world_image *image_find(const char *id); /* NULL = none, like these two */
const struct world_subnet *subnet_find(const char *id);
const struct world_type *type_find(const char *name);
bool type_offered(const struct world_type *, const struct world_subnet *);
bool key_pair_exists(const char *name);
void catalog_start(struct world *); /* the security group of the beginning */

/* --- nodes.c --- */

/* A machine without an instance; returns its index. */
int32_t machine_new(struct world *, const char *name, int32_t site, bool proxying, int max_hd,
		    const char *address);
void machine_move(struct world *, struct machine *, int32_t site); /* its calls are cut, it restarts */
void machine_restart(struct world *, struct machine *);            /* its calls are cut and counted */
void machine_restarted(struct world *, struct machine *, int64_t restart);
/* Deleted in Infinity: its calls are cut and counted, its instance is left alone. */
void machine_delete(struct world *, struct machine *);
/* Machines made through the API and the instances with their addresses find each other. */
void machines_tie(struct world *);
void machine_settle(struct world *, struct machine *); /* brings its status up to its last report */
void machine_up(struct world *, struct machine *);
/* Down at once; its calls are cut and counted. */
void machine_down(struct world *, struct machine *, bool outside);
void machine_replicate(struct world *, struct machine *, int64_t change);
void machine_suspend(struct world *, struct machine *, int64_t generation);
void machine_patch(struct world *, struct machine *, bool on, const char *reason, bool outside);
bool machine_takes_new(const struct world *, const struct machine *);
bool machine_fault(const struct world *, const struct machine *, enum world_fault_kind);
/* The monitor of Infinity's own bursting: figures of a location from its last reports. */
void monitor_show(const struct world *, int32_t site, struct infinity_monitor *ret);
int site_free_hd(const struct world *, int32_t site);
int site_pending_hd(const struct world *, int32_t site);
bool site_is_overflow(const struct world *, int32_t site);
bool site_is_principal(const struct world *, int32_t site);
void status_hold(struct world *); /* frozen: what was reported stays */
void status_resume(struct world *);

/* --- calls.c --- */
int64_t call_place(struct world *, int32_t site, int32_t conference, int64_t duration_ms);
void call_remove(struct world *, int32_t slot);
void call_ended(struct world *, int32_t slot, int64_t generation);
int calls_cut_on(struct world *, int32_t node);

/* --- traffic.c --- */
void traffic_start(struct world *, int32_t site);
void traffic_arrival(struct world *, int32_t site, int64_t generation);
void traffic_curve(struct world *, int32_t site);

/* --- instances.c: EC2 --- */

/* How EC2 answers a request; code NULL = done. */
struct verdict {
	const char *code;
	int status;
	const char *message;
};
/* As the API knows it: not yet where its launch has not spread, not any more an hour after its end. region -1 = any; -1 = none */
int32_t vm_find(const struct world *, int32_t region, const char *id);
int32_t region_find(const struct world *, const char *name); /* -1 = none */
int32_t region_get(struct world *, const char *name);
int32_t vm_add(struct world *, const struct world_node *, int32_t node, const char *address);
/* The buckets and the throttling fault. */
struct verdict ec2_admit(struct world *, int32_t region, struct bucket *, double capacity, double per_second);
struct verdict ec2_admit_describe(struct world *, int32_t region);
struct verdict ec2_admit_change(struct world *, int32_t region, enum world_deed);
/* Permission; the guide's policy wants the tag, unless whatever_tag. */
struct verdict ec2_may(struct world *, int32_t instance, bool whatever_tag);
/* Whether the deed could be done (records a refusal), and doing it. `how` is the ledger's deed. */
struct verdict ec2_check(struct world *, int32_t instance, enum world_deed how, bool whatever_tag);
struct ec2_state_change ec2_apply(struct world *, int32_t instance, enum world_deed how, bool outside);
void vm_moved_on(struct world *, int32_t instance, int64_t generation);
void vm_booted(struct world *, int32_t instance, int64_t generation);
/* When describes of this moment look; one draw per describe. */
int64_t ec2_as_of(struct world *);
/* The instance as seen then; false: this list lacks it. */
bool vm_show(struct world *, int32_t instance, int64_t as_of, struct ec2_instance *ret);
const char *vm_tag(const struct vm *, const char *key);
void vm_push(struct world *, struct vm *, struct view next);
void vm_set_tags(struct vm *, struct instance_tag *, size_t n); /* keeps them */
int64_t vm_about(struct world *, int64_t ms);                   /* 80 to 120 % */
const char *public_address_new(struct world *);

/* --- launch.c: instances that come and go through the API --- */

struct launch {
	int32_t region;
	const struct world_image *image;
	const struct world_type *type;
	const struct world_subnet *subnet;
	const char *tenancy, *key_name, *client_token, *fingerprint;
	const char **groups; /* in the world's strings, like all of it */
	size_t n_groups;
	struct instance_tag *tags;
	size_t n_tags;
	bool automatic;
	bool late; /* accepted, then pending -> terminated for lack of capacity */
};
/* -1: the subnet is full. */
int32_t vm_launch(struct world *, const struct launch *);
struct ec2_state_change vm_terminate(struct world *, int32_t instance, bool outside);
void vm_terminated(struct world *, struct vm *, struct view *next); /* writes the end into the view */
/* The instance that has this private or public address now; -1 = none. */
int32_t vm_at_address(struct world *, const char *address);
/* A document for the node, which is its own from now on: what was given before it is void. The world's. */
const char *document_new(struct world *, struct machine *);
/* The waiting instance takes the document and reboots; false: it is none that was ever given out. */
bool vm_configure(struct world *, struct vm *, const char *xml, size_t len);
/* Sets or removes (value NULL) one tag in a new array, since reports may hold the old one. */
void tags_set(struct world *, struct instance_tag **tags, size_t *n, const char *key, const char *value);

/* --- elastic.c: Elastic IPs --- */

int32_t elastic_add(struct world *, int32_t region, int32_t instance, const char *address);
int32_t elastic_of(const struct world *, int32_t instance); /* -1 = none */
void elastic_attach(struct world *, int32_t elastic, int32_t instance);
void elastic_detach(struct world *, int32_t elastic);

/* --- faults.c --- */
void faults_start(struct world *);
void fault_begin_planned(struct world *, int32_t index);
void fault_end(struct world *, enum world_fault_kind, int64_t target);
void fault_random(struct world *, enum world_fault_kind);
bool fault_on(const struct world *, enum world_fault_kind);

/* --- world.c --- */
struct world_record *ledger_add(struct world *, enum world_deed, struct machine *, struct vm *);
/* locations.c: what Infinity says against a change, by field ("error" = none). */
struct site_refusal {
	const char *field;
	const char *why;
};
/* id 0 makes one. False fills the refusal. */
bool site_write(struct world *, int64_t id, const struct location_change *, int64_t *ret_id,
		struct site_refusal *);
/* `id` is there. */
bool site_remove(struct world *, int64_t id, struct site_refusal *);
int64_t site_id(const struct world *, int32_t index); /* 0 for -1 */

int32_t site_index(const struct world *, int64_t id); /* -1 = none */
int32_t node_index(const struct world *, int64_t id);

#endif
