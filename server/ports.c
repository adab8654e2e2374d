/* The reconciler's ports over the real clients: each function hands its arguments on. */
#include "server/ports.h"

#include "clients/infinity/infinity.h"

static bool port_observe(void *self, bool participants, struct infinity_report **ret,
			 struct upstream_error *e)
{
	return infinity_observe(self, participants, ret, e);
}

static bool port_maintenance(void *self, int64_t node, bool on, const char *reason, struct upstream_error *e)
{
	return infinity_set_maintenance(self, node, on, reason, e);
}

static bool port_start_cloudnode(void *self, const char *instance, struct upstream_error *e)
{
	return infinity_start_cloudnode(self, instance, e);
}

static bool port_find_location(void *self, const char *name, int64_t *ret_id, struct upstream_error *e)
{
	return infinity_find_location(self, name, ret_id, e);
}

static bool port_create_location(void *self, const struct location_change *c, int64_t *ret_id,
				 struct upstream_error *e)
{
	return infinity_create_location(self, c, ret_id, e);
}

static bool port_update_location(void *self, int64_t id, const struct location_change *c,
				 struct upstream_error *e)
{
	return infinity_update_location(self, id, c, e);
}

static bool port_delete_location(void *self, int64_t id, struct upstream_error *e)
{
	return infinity_delete_location(self, id, e);
}

static bool port_describe_tagged(void *self, const char *tag, struct ec2_report **ret,
				 struct upstream_error *e)
{
	return ec2_describe_tagged(self, tag, ret, e);
}

static bool port_describe_addresses(void *self, const char *const *addresses, size_t n,
				    struct ec2_report **ret, struct upstream_error *e)
{
	return ec2_describe_addresses(self, addresses, n, ret, e);
}

static bool port_describe_instance(void *self, const char *id, struct ec2_report **ret,
				   struct upstream_error *e)
{
	return ec2_describe_instance(self, id, ret, e);
}

static bool port_start(void *self, const char *id, struct ec2_state_change *ret, struct upstream_error *e)
{
	return ec2_start_instance(self, id, false, ret, e);
}

static bool port_stop(void *self, const char *id, struct ec2_state_change *ret, struct upstream_error *e)
{
	return ec2_stop_instance(self, id, false, ret, e);
}

static bool port_platform(void *self, struct platform_report **ret, struct upstream_error *e)
{
	return infinity_survey(self, ret, e);
}

static bool port_network(void *self, const char *const *addresses, size_t n, struct network_report **ret,
			 struct upstream_error *e)
{
	return ec2_survey_network(self, addresses, n, ret, e);
}

static bool port_may_start(void *self, const char *id, struct upstream_error *e)
{
	struct ec2_state_change unused;

	return ec2_start_instance(self, id, true, &unused, e);
}

static bool port_may_stop(void *self, const char *id, struct upstream_error *e)
{
	struct ec2_state_change unused;

	return ec2_stop_instance(self, id, true, &unused, e);
}

struct infinity_port port_of_infinity(struct infinity_client *client)
{
	return (struct infinity_port){
		port_observe,         port_maintenance,     port_start_cloudnode, port_find_location,
		port_create_location, port_update_location, port_delete_location, client};
}

struct infinity_survey_port survey_port_of_infinity(struct infinity_client *client)
{
	return (struct infinity_survey_port){port_platform, client};
}

struct ec2_port port_of_ec2(struct ec2_client *client)
{
	return (struct ec2_port){port_describe_tagged,
				 port_describe_addresses,
				 port_describe_instance,
				 port_start,
				 port_stop,
				 client};
}

struct ec2_survey_port survey_port_of_ec2(struct ec2_client *client)
{
	return (struct ec2_survey_port){port_network, port_may_start, port_may_stop, client};
}
