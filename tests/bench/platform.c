/* Synthetic platforms (platform.h). Pairs of a principal and its overflow location; all figures follow from the numbers of location and node. */
#include "tests/bench/platform.h"

#include <string.h>

#include "tests/bench/bench.h"

#define REGION  "eu-west-1"
#define MANAGER "manager.example.net"
#define READ_MS 10000
#define NODE_HD 17
#define TOKENS  (NODE_HD * 1000)

static void *rows(struct arena *a, size_t n, size_t size)
{
	void *ret = arena_array(a, n + 1, size);

	if (!ret)
		bench_fail("out of memory");
	return ret;
}

static struct infinity_node *add_node(struct platform *p, int64_t location, const char *name, int index)
{
	struct infinity_report *r = p->infinity;
	struct infinity_node *n = &r->nodes[r->n_nodes++];

	*n = (struct infinity_node){
		.id = (int64_t)r->n_nodes,
		.name = arena_printf(r->arena, "%s-%d-%d", name, (int)location, index),
		.address = arena_printf(r->arena, "10.%d.%d.%d", (int)(r->n_nodes >> 16),
					(int)(r->n_nodes >> 8 & 255), (int)(r->n_nodes & 255)),
		.location = location,
		.maintenance_reason = "",
		.distributed_database = true,
		.sync = SYNC_SYNCED,
		.sync_text = "SYNCED",
		.last_updated = p->now - 3000,
		.max_hd = NODE_HD,
		.tokens_max = TOKENS,
	};
	return n;
}

static void make_busy(struct infinity_node *n, int calls)
{
	n->tokens_used = calls * 1000;
	n->media_load = calls * 100 / NODE_HD;
	n->conferences = n->participants = n->signaling = calls;
}

static void add_instance(struct platform *p, const struct infinity_node *n, enum instance_state state)
{
	struct ec2_report *r = p->ec2;
	struct ec2_instance *i = &r->instances[r->n_instances++];

	*i = (struct ec2_instance){
		.id = arena_printf(r->arena, "i-%017zx", r->n_instances),
		.type = "c5.2xlarge",
		.region = REGION,
		.zone = REGION "a",
		.state = state,
		.launch_time = p->now - 2 * 60 * MS_PER_MINUTE,
		.public_address = state == INSTANCE_RUNNING
					  ? arena_printf(r->arena, "203.0.%d.%d", (int)(n->id >> 8 & 255),
							 (int)(n->id & 255))
					  : NULL,
		.elastic = true,
		.tenancy = "default",
		.tag_value = MANAGER,
		.addresses = rows(r->arena, 1, sizeof(char *)),
		.n_addresses = 1,
		.tags = rows(r->arena, 2, sizeof(struct instance_tag)),
		.n_tags = 2,
	};
	i->addresses[0] = n->address;
	i->tags[0] = (struct instance_tag){TAG_NAME, MANAGER};
	i->tags[1] = (struct instance_tag){"Name", n->name};
}

static void add_burst_node(struct platform *p, int64_t location, int index)
{
	struct infinity_node *n = add_node(p, location, "burst", index);
	int turn = (int)(location + index) % 3;

	if (turn == 0)
		make_busy(n, NODE_HD - 2);
	if (turn == 2) {
		n->sync = SYNC_SUSPENDED;
		n->sync_text = "SUSPENDED";
	}
	add_instance(p, n, turn == 2 ? INSTANCE_STOPPED : INSTANCE_RUNNING);
}

static void add_pair(struct platform *p, const struct platform_size *size, int number)
{
	struct infinity_report *r = p->infinity;
	int64_t principal = 2 * number + 1, overflow = principal + 1;

	r->locations[r->n_locations++] =
		(struct infinity_location){.id = principal,
					   .name = arena_printf(r->arena, "Office %d", number + 1),
					   .overflow1 = overflow,
					   .overflow2 = 0};
	r->locations[r->n_locations++] =
		(struct infinity_location){.id = overflow,
					   .name = arena_printf(r->arena, "AWS burst %d", number + 1),
					   .overflow1 = 0,
					   .overflow2 = 0};
	for (int i = 0; i < size->always_on_nodes; i++)
		make_busy(add_node(p, principal, "node", i + 1), number % 2 ? NODE_HD : NODE_HD / 2);
	for (int i = 0; i < size->burst_nodes; i++)
		add_burst_node(p, overflow, i + 1);
}

void platform_make(struct platform *p, struct platform_size size)
{
	size_t pairs = (size_t)size.principals;
	size_t nodes = pairs * (size_t)(size.always_on_nodes + size.burst_nodes);

	*p = (struct platform){.now = clock_now(&clock_system),
			       .settings = bursting_defaults,
			       .infinity = infinity_report_new(),
			       .ec2 = ec2_report_new(REGION)};
	if (!p->infinity || !p->ec2)
		bench_fail("out of memory");
	p->settings.enabled = true;
	p->settings.mode = MODE_CONTROL;
	p->infinity->whole = p->ec2->whole = true;
	p->infinity->observed_at = p->infinity->finished_at = p->now - 500;
	p->ec2->observed_at = p->ec2->finished_at = p->now - 400;
	p->infinity->management_host = MANAGER;
	p->infinity->license_ports_used = p->infinity->license_ports_total = -1;
	p->infinity->locations = rows(p->infinity->arena, 2 * pairs, sizeof(struct infinity_location));
	p->infinity->nodes = rows(p->infinity->arena, nodes, sizeof(struct infinity_node));
	p->ec2->instances = rows(p->ec2->arena, nodes, sizeof(struct ec2_instance));
	for (int i = 0; i < size.principals; i++)
		add_pair(p, &size, i);
}

void platform_free(struct platform *p)
{
	infinity_report_free(p->infinity);
	ec2_report_free(p->ec2);
	track_table_free(&p->tracks);
}

struct picture *platform_join(const struct platform *p, struct track_table *tracks)
{
	const struct source sources[] = {
		{.name = "infinity", .kind = SOURCE_INFINITY, .observed_at = p->infinity->observed_at},
		{.name = "ec2:" REGION, .kind = SOURCE_EC2, .observed_at = p->ec2->observed_at}};
	const struct ec2_report *lists[] = {p->ec2};
	const struct join_input in = {.now = p->now,
				      .tick = p->infinity->observed_at,
				      .time_scale = 1,
				      .settings = &p->settings,
				      .infinity = p->infinity,
				      .ec2 = lists,
				      .n_ec2 = 1,
				      .sources = sources,
				      .n_sources = 2,
				      .tracks = &p->tracks};
	struct picture *picture = NULL;
	struct event *events;
	size_t n_events;
	struct error e;

	if (fleet_join(&in, tracks, &picture, &events, &n_events, &e))
		bench_fail("%s", e.detail);
	return picture;
}

/* The next read: everything the same, only newer. */
static void read_again(struct platform *p)
{
	p->now += READ_MS;
	p->infinity->observed_at += READ_MS;
	p->infinity->finished_at += READ_MS;
	p->ec2->observed_at += READ_MS;
	p->ec2->finished_at += READ_MS;
	for (size_t i = 0; i < p->infinity->n_nodes; i++)
		p->infinity->nodes[i].last_updated += READ_MS;
}

struct picture *platform_picture(struct platform *p)
{
	struct picture *picture = NULL;

	for (int read = 0; read < 3; read++) {
		struct track_table next = {0};

		picture_unref(picture);
		picture = platform_join(p, &next);
		track_table_free(&p->tracks);
		p->tracks = next;
		if (read < 2)
			read_again(p);
	}
	picture->seq = 1;
	return picture;
}
