/*
 * The real clients of life-cycle operations against the world in memory: what one writes the other understands, from the image to a
 * synced node and back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "clients/ec2/manage.h"
#include "clients/infinity/bootstrap.h"
#include "clients/infinity/resource.h"
#include "tests/world/transport.h"

#define SUBNET "subnet-0world00000000001"
#define GROUP  "sg-0world00000000001"
#define URL    "http://bootstrap.world/{address}"

struct bench {
	struct world *w;
	struct world_http *h;
	struct clock clock;
	struct credentials *credentials;
	struct ec2_limiter *limiter;
	struct ec2_client *ec2;
	struct infinity_client *infinity;
	struct transport node;
};

static void no_pause(void *self, int64_t ms)
{
	(void)self;
	(void)ms;
}

static void open_clients(struct bench *b)
{
	struct world_http_options keys = world_http_options_default();
	const struct credentials_options co = {.clock = &b->clock,
					       .transport = world_transport(b->h, WORLD_FACE_EC2)};
	struct upstream_error e = {0};

	b->credentials = credentials_new(&co);
	credentials_set_static(b->credentials, keys.lifecycle_access_key, keys.lifecycle_secret_key);
	b->limiter = ec2_limiter_new(&b->clock, 1);
	b->ec2 = ec2_client_new(
		&(struct ec2_client_options){.region = "eu-west-1",
					     .endpoint = world_http_url(b->h, WORLD_FACE_EC2),
					     .transport = world_transport(b->h, WORLD_FACE_EC2),
					     .credentials = b->credentials,
					     .limiter = b->limiter,
					     .clock = &b->clock,
					     .time_scale = 1,
					     .pause = no_pause});
	b->infinity = infinity_client_new(
		&(struct infinity_client_options){.url = world_http_url(b->h, WORLD_FACE_INFINITY),
						  .user = "admin",
						  .password = "world-password",
						  .transport = world_transport(b->h, WORLD_FACE_INFINITY),
						  .clock = &b->clock,
						  .time_scale = 1,
						  .pause = no_pause},
		&e);
	assert_non_null(b->ec2);
	assert_non_null(b->infinity);
}

static int setup(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));
	struct world_options o = world_options_default(31);
	struct world_http_options ho = world_http_options_default();

	o.traffic = o.throttle = false;
	o.ec2_lag_ms = 0;
	b->w = world_new(&o);
	b->h = world_http_new_silent(b->w, &ho);
	b->clock = world_clock(b->w);
	open_clients(b);
	b->node = world_transport(b->h, WORLD_FACE_BOOTSTRAP);
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;

	infinity_client_free(b->infinity);
	ec2_client_free(b->ec2);
	ec2_limiter_free(b->limiter);
	credentials_free(b->credentials);
	world_http_stop(b->h);
	world_free(b->w);
	free(b);
	return 0;
}

static void good(bool ok, const struct upstream_error *e)
{
	if (!ok)
		fail_msg("%s: %s", e->code, e->message);
}

static void pass(struct bench *b, int seconds)
{
	world_advance(b->w, world_now(b->w) + seconds * 1000);
}

static const char *const groups[] = {GROUP};
static const struct managed_tag tags[] = {{"Name", "new-1"}, {"burstd-operation", "token-1"}};

static struct managed_instance launch(struct bench *b)
{
	struct managed_launch l = {.image = "ami-0feedfacecafe0001",
				   .type = "c5.2xlarge",
				   .tenancy = "dedicated",
				   .subnet = SUBNET,
				   .groups = groups,
				   .n_groups = 1,
				   .key_name = "node-key",
				   .public_address = true,
				   .client_token = "token-1",
				   .tags = tags,
				   .n_tags = 2};
	struct managed_instance i = {0}, again = {0};
	struct upstream_error e = {0};

	good(ec2_launch(b->ec2, &l, true, &i, &e), &e);
	good(ec2_launch(b->ec2, &l, false, &i, &e), &e);
	good(ec2_launch(b->ec2, &l, false, &again, &e), &e);
	assert_string_equal(i.id, again.id);
	pass(b, 60);
	good(ec2_find_launched(b->ec2, "token-1", &i, &e), &e);
	assert_int_equal(i.state, INSTANCE_RUNNING);
	return i;
}

static void the_surroundings_are_found(void **state)
{
	struct bench *b = *state;
	struct managed_image *images = NULL;
	struct managed_subnet subnet = {0};
	struct managed_group group = {0};
	struct arena *arena = arena_new(1 << 20);
	struct upstream_error e = {0};
	bool yes = false;
	size_t n = 0;

	good(ec2_find_images(b->ec2, "686087431763", "Pexip Infinity Conferencing Node 38 *", &images, &n,
			     &e),
	     &e);
	assert_int_equal(n, 1);
	assert_string_equal(images[0].id, "ami-0feedfacecafe0001");
	assert_true(images[0].ena);
	free(images);
	good(ec2_find_subnet(b->ec2, SUBNET, &subnet, &e), &e);
	assert_string_equal(subnet.cidr, "172.31.0.0/20");
	assert_string_equal(subnet.zone, "eu-west-1a");
	good(ec2_find_subnet(b->ec2, "subnet-00000000000000000", &subnet, &e), &e);
	assert_string_equal(subnet.id, "");
	good(ec2_find_group(b->ec2, GROUP, NULL, NULL, arena, &group, &e), &e);
	assert_string_equal(group.vpc, "vpc-0world00000000001");
	assert_true(group.n_rules > 5);
	good(ec2_find_group(b->ec2, NULL, "vpc-0world00000000001", "none", arena, &group, &e), &e);
	assert_string_equal(group.id, "");
	good(ec2_find_key_pair(b->ec2, "node-key", &yes, &e), &e);
	assert_true(yes);
	good(ec2_find_key_pair(b->ec2, "none", &yes, &e), &e);
	assert_false(yes);
	good(ec2_type_offered(b->ec2, "c4.2xlarge", "eu-west-1b", &yes, &e), &e);
	assert_false(yes);
	good(ec2_type_offered(b->ec2, "c5.2xlarge", "eu-west-1b", &yes, &e), &e);
	assert_true(yes);
	arena_free(arena);
}

static void a_launched_instance_tells_everything(void **state)
{
	struct bench *b = *state;
	struct managed_instance i = launch(b);
	struct upstream_error e = {0};
	const struct managed_tag tag = {"pexip-cloud", "mgr01"};

	assert_string_equal(i.image, "ami-0feedfacecafe0001");
	assert_string_equal(i.type, "c5.2xlarge");
	assert_string_equal(i.tenancy, "dedicated");
	assert_string_equal(i.subnet, SUBNET);
	assert_string_equal(i.vpc, "vpc-0world00000000001");
	assert_string_equal(i.key_name, "node-key");
	assert_string_equal(i.client_token, "token-1");
	assert_true(i.ena && i.public_address[0] && i.private_address[0]);
	good(ec2_tag(b->ec2, i.id, &tag, 1, true, &e), &e);
	good(ec2_tag(b->ec2, i.id, &tag, 1, false, &e), &e);
	good(ec2_find_instance(b->ec2, i.id, &i, &e), &e);
	assert_string_equal(i.tag_value, "mgr01");
	good(ec2_untag(b->ec2, i.id, "pexip-cloud", false, &e), &e);
	good(ec2_terminate(b->ec2, i.id, true, &e), &e);
	good(ec2_terminate(b->ec2, i.id, false, &e), &e);
	pass(b, 120);
	good(ec2_find_instance(b->ec2, i.id, &i, &e), &e);
	assert_int_equal(i.state, INSTANCE_TERMINATED);
	assert_false(i.tagged);
}

static void an_address_is_held_and_given_back(void **state)
{
	struct bench *b = *state;
	struct managed_instance i = launch(b);
	struct managed_address a = {0}, found = {0};
	struct upstream_error e = {0};

	good(ec2_allocate_address(b->ec2, &tags[1], 1, true, &a, &e), &e);
	good(ec2_allocate_address(b->ec2, &tags[1], 1, false, &a, &e), &e);
	good(ec2_associate_address(b->ec2, a.allocation, i.id, false, &e), &e);
	good(ec2_find_tagged_address(b->ec2, &tags[1], &found, &e), &e);
	assert_string_equal(found.instance, i.id);
	good(ec2_find_address_of(b->ec2, i.id, &found, &e), &e);
	assert_string_equal(found.allocation, a.allocation);
	assert_false(ec2_release_address(b->ec2, a.allocation, false, &e));
	assert_string_equal(e.code, "InvalidIPAddress.InUse");
	good(ec2_disassociate_address(b->ec2, found.association, false, &e), &e);
	good(ec2_release_address(b->ec2, a.allocation, false, &e), &e);
	good(ec2_find_address(b->ec2, a.allocation, &found, &e), &e);
	assert_string_equal(found.allocation, "");
}

static void a_group_is_made_and_filled(void **state)
{
	struct bench *b = *state;
	struct arena *arena = arena_new(1 << 20);
	struct managed_group group = {0};
	struct upstream_error e = {0};
	char id[EC2_ID_SIZE];
	struct group_rule rules[] = {{.protocol = "tcp", .from = 443, .to = 443, .cidr = "192.0.2.0/24"},
				     {.protocol = "udp", .from = 500, .to = 500, .group = id},
				     {.protocol = "-1", .from = -1, .to = -1, .group = id}};

	good(ec2_create_group(b->ec2, "nodes", "nodes", "vpc-0world00000000001", &tags[1], 1, false, id, &e),
	     &e);
	good(ec2_authorize(b->ec2, id, rules, 3, false, &e), &e);
	good(ec2_authorize(b->ec2, id, rules, 3, false, &e), &e);
	good(ec2_find_group(b->ec2, NULL, "vpc-0world00000000001", "nodes", arena, &group, &e), &e);
	assert_string_equal(group.id, id);
	assert_int_equal(group.n_rules, 4); /* and the one that lets everything out */
	good(ec2_delete_group(b->ec2, id, false, &e), &e);
	arena_free(arena);
}

static void a_node_from_its_image_to_sync(void **state)
{
	struct bench *b = *state;
	struct managed_instance i = launch(b);
	struct upstream_error e = {0};
	struct buf xml = BUF_INIT(1 << 16);
	int64_t id = 0;
	json_t *status = NULL;
	json_t *body =
		json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:b}", "name", "new-1", "hostname",
			  "new-1", "domain", "example.net", "address", i.private_address, "netmask",
			  "255.255.240.0", "gateway", "172.31.0.1", "static_nat_address", i.public_address,
			  "system_location", "/api/admin/configuration/v1/system_location/4/",
			  "deployment_type", "MANUAL-PROVISION-ONLY", "enable_distributed_database", 0);

	good(bootstrap_waits(&b->node, URL, i.public_address, &e), &e);
	good(infinity_resource_create(b->infinity, RESOURCE_WORKER_VM, body, &id, &xml, &e), &e);
	json_decref(body);
	good(bootstrap_upload(&b->node, URL, i.private_address, &xml, &e), &e);
	assert_false(bootstrap_waits(&b->node, URL, i.private_address, &e));
	good(infinity_resource_get(b->infinity, RESOURCE_WORKER_VM_STATUS, id, &status, &e), &e);
	assert_true(!status || json_is_null(json_object_get(status, "last_updated")));
	json_decref(status);
	pass(b, 400);
	good(infinity_resource_get(b->infinity, RESOURCE_WORKER_VM_STATUS, id, &status, &e), &e);
	assert_string_equal(json_string_value(json_object_get(status, "sync_status")), "SYNCED");
	json_decref(status);
	good(infinity_resource_find(b->infinity, RESOURCE_WORKER_VM, "name", "new-1", &status, &e), &e);
	assert_int_equal(json_integer_value(json_object_get(status, "id")), id);
	json_decref(status);
	good(infinity_resource_delete(b->infinity, RESOURCE_WORKER_VM, id, &e), &e);
	buf_free(&xml);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_surroundings_are_found, setup, teardown),
		cmocka_unit_test_setup_teardown(a_launched_instance_tells_everything, setup, teardown),
		cmocka_unit_test_setup_teardown(an_address_is_held_and_given_back, setup, teardown),
		cmocka_unit_test_setup_teardown(a_group_is_made_and_filled, setup, teardown),
		cmocka_unit_test_setup_teardown(a_node_from_its_image_to_sync, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
