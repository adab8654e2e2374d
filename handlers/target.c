#include "handlers/target.h"

void target_location(struct input *in, const struct picture *p, int64_t location, const char *count_name,
		     int64_t count)
{
	const struct location *l = picture_location(p, location);

	if (!l)
		input_fail(in, "location", "there is no location with the id %lld", (long long)location);
	else if (l->n_bursting == 0)
		input_fail(in, "location", "holds no bursting node");
	else if (count > l->n_bursting)
		input_fail(in, count_name, "the location has only %d bursting nodes", l->n_bursting);
}

static bool repeated(const int64_t *ids, size_t n, int64_t id)
{
	for (size_t i = 0; i < n; i++)
		if (ids[i] == id)
			return true;
	return false;
}

size_t target_nodes(struct input *in, const struct picture *p, const json_t *list, int64_t *room)
{
	struct input item = {.object = in->object, .prefix = "/nodes", .errors = in->errors};
	char name[24];
	size_t n = 0;
	const json_t *value;
	size_t i;

	json_array_foreach(list, i, value)
	{
		int64_t id = json_integer_value(value);
		const struct node *node = picture_node(p, id);

		(void)snprintf(name, sizeof name, "%zu", i);
		if (!json_is_integer(value) || id < 1)
			input_fail(&item, name, "must be the id of a node");
		else if (!node)
			input_fail(&item, name, "there is no node with the id %lld", (long long)id);
		else if (!node->bursting)
			input_fail(&item, name, "%.100s is not a bursting node", node->name);
		else if (repeated(room, n, id))
			input_fail(&item, name, "is listed twice");
		else
			room[n++] = id;
	}
	return n;
}
