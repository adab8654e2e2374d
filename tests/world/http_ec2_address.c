/* Elastic IPs: AllocateAddress, DescribeAddresses, AssociateAddress, DisassociateAddress, ReleaseAddress (docs/upstream.md). */
#include "tests/world/http_ec2.h"

/* By allocation; -1 = none in the region. */
static int32_t find(const struct ec2_call *c, const char *allocation)
{
	for (size_t i = 0; i < c->world->n_elastics; i++) {
		const struct elastic *e = &c->world->elastics[i];

		if (!e->gone && e->region == c->region && !strcmp(e->allocation, allocation))
			return (int32_t)i;
	}
	return -1;
}

/* The one named by AllocationId; -1 = none, which is told. */
static int32_t asked(struct ec2_call *c)
{
	const char *id = ec2_needed(c, "AllocationId");
	int32_t i = id ? find(c, id) : -1;

	if (id && i < 0)
		ec2_bad(c, "InvalidAllocationID.NotFound", "The allocation ID does not exist");
	return i;
}

void ec2_serve_allocate_address(struct ec2_call *c)
{
	struct world *w = c->world;
	struct buf *b = &c->reply->body;
	struct instance_tag *tags;
	size_t n_tags;
	int held = 0;

	if (!ec2_read_tags(c, "elastic-ip", &tags, &n_tags) || ec2_dry(c))
		return;
	for (size_t i = 0; i < w->n_elastics; i++)
		held += w->elastics[i].made && !w->elastics[i].gone && w->elastics[i].region == c->region;
	if (held >= ADDRESS_QUOTA) {
		ec2_bad(c, "AddressLimitExceeded", "The maximum number of addresses has been reached.");
		return;
	}
	int32_t index = elastic_add(w, c->region, -1, public_address_new(w));
	struct elastic *e = &w->elastics[index];

	e->made = true;
	e->tags = tags;
	e->n_tags = n_tags;
	ec2_open_answer(c);
	ec2_element(b, "publicIp", e->address);
	ec2_element(b, "domain", "vpc");
	ec2_element(b, "allocationId", e->allocation);
	ec2_element(b, "networkBorderGroup", w->regions[c->region].name);
	ec2_close_answer(c);
}

/* --- DescribeAddresses --- */

struct held {
	const struct elastic *elastic;
	const char *instance;        /* NULL = free */
	const char *private_address; /* NULL = free */
};

static const char *const filters[] = {"allocation-id", "association-id", "instance-id", "public-ip",
				      "private-ip-address"};

static bool matches(const char *name, const char *value, const void *row)
{
	const struct held *h = row;
	const struct {
		const char *name, *text;
	} texts[] = {{"allocation-id", h->elastic->allocation},
		     {"association-id", h->elastic->association},
		     {"instance-id", h->instance},
		     {"public-ip", h->elastic->address},
		     {"private-ip-address", h->private_address}};

	for (size_t k = 0; k < ARRAY_LEN(texts); k++)
		if (!strcmp(name, texts[k].name))
			return texts[k].text && ec2_matches(value, texts[k].text);
	return ec2_tags_match(name, value, h->elastic->tags, h->elastic->n_tags);
}

static void put(struct buf *b, const struct held *h)
{
	buf_puts(b, "<item>");
	ec2_element(b, "publicIp", h->elastic->address);
	ec2_element(b, "allocationId", h->elastic->allocation);
	ec2_element(b, "domain", "vpc");
	ec2_element(b, "instanceId", h->instance);
	ec2_element(b, "associationId", h->elastic->association);
	ec2_element(b, "privateIpAddress", h->private_address);
	ec2_put_tags(b, h->elastic->tags, h->elastic->n_tags);
	buf_puts(b, "</item>");
}

void ec2_serve_describe_addresses(struct ec2_call *c)
{
	struct world *w = c->world;
	const char *id;

	if (!ec2_filters_good(c, filters, ARRAY_LEN(filters)))
		return;
	for (int n = 1; (id = ec2_numbered(c, "AllocationId.%d", n, 0)); n++) {
		if (find(c, id) < 0) {
			ec2_bad(c, "InvalidAllocationID.NotFound", "The allocation ID does not exist");
			return;
		}
	}
	ec2_open_answer(c);
	buf_puts(&c->reply->body, "<addressesSet>");
	for (size_t i = 0; i < w->n_elastics; i++) {
		const struct elastic *e = &w->elastics[i];
		const struct ec2_instance *row = e->instance < 0 ? NULL : &w->instances[e->instance].row;
		struct held h = {e, row ? row->id : NULL, row ? row->addresses[0] : NULL};

		if (!e->gone && e->region == c->region && ec2_is_listed(c, "AllocationId", e->allocation) &&
		    ec2_is_listed(c, "PublicIp", e->address) && ec2_passes(c, matches, &h))
			put(&c->reply->body, &h);
	}
	buf_puts(&c->reply->body, "</addressesSet>");
	ec2_close_answer(c);
}

/* --- changes --- */

static struct verdict check_associate(struct ec2_call *c, int32_t elastic, int32_t instance)
{
	static const struct verdict taken = {"Resource.AlreadyAssociated", 400,
					     "The resource is already associated with another one"};
	const char *again = form_get(&c->form, "AllowReassociation");
	bool forbidden = again && !strcmp(again, "false");
	int32_t other = elastic_of(c->world, instance);
	enum instance_state state = vm_view(&c->world->instances[instance])->state;

	if (state != INSTANCE_RUNNING && state != INSTANCE_STOPPED && state != INSTANCE_STOPPING)
		return (struct verdict){"IncorrectInstanceState", 400,
					"The instance is not in a valid state."};
	if (c->world->instances[instance].row.n_addresses > 1)
		return (struct verdict){"InvalidInstanceID", 400,
					"The instance has several network interfaces."};
	if (forbidden && c->world->elastics[elastic].instance >= 0 &&
	    c->world->elastics[elastic].instance != instance)
		return taken;
	if (forbidden && other >= 0 && other != elastic)
		return taken;
	return (struct verdict){0};
}

void ec2_serve_associate_address(struct ec2_call *c)
{
	int32_t elastic = asked(c);
	int32_t instance = elastic < 0 ? -1 : ec2_instance(c, "InstanceId");
	struct world *w = c->world;

	if (instance < 0)
		return;
	struct verdict v = check_associate(c, elastic, instance);

	if (v.code)
		ec2_refuse(c, v);
	if (v.code || ec2_dry(c))
		return;
	if (w->elastics[elastic].instance != instance) {
		int32_t other = elastic_of(w, instance);

		if (other >= 0)
			elastic_detach(w, other);
		elastic_attach(w, elastic, instance);
	}
	ec2_open_answer(c);
	ec2_element(&c->reply->body, "return", "true");
	ec2_element(&c->reply->body, "associationId", w->elastics[elastic].association);
	ec2_close_answer(c);
}

void ec2_serve_disassociate_address(struct ec2_call *c)
{
	const char *id = ec2_needed(c, "AssociationId");
	struct world *w = c->world;
	int32_t found = -1;

	for (size_t i = 0; id && i < w->n_elastics; i++)
		if (!w->elastics[i].gone && w->elastics[i].region == c->region &&
		    w->elastics[i].association && !strcmp(w->elastics[i].association, id))
			found = (int32_t)i;
	if (id && found < 0)
		ec2_bad(c, "InvalidAssociationID.NotFound", "The association ID does not exist");
	if (found < 0 || ec2_dry(c))
		return;
	elastic_detach(w, found);
	ec2_done(c);
}

void ec2_serve_release_address(struct ec2_call *c)
{
	int32_t elastic = asked(c);

	if (elastic < 0)
		return;
	if (c->world->elastics[elastic].instance >= 0) {
		ec2_bad(c, "InvalidIPAddress.InUse", "The address is in use.");
		return;
	}
	if (ec2_dry(c))
		return;
	c->world->elastics[elastic].gone = true;
	ec2_done(c);
}
