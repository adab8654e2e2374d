/*
 * The initial platform configuration against a small Infinity in memory that a killed process leaves behind: compared, applied, applied
 * again, with each answer lost, killed after each call, refused at each step, and undone.
 */
#define _GNU_SOURCE /* memmem */
#include "tests/unit/reconcile_fixture.h"

#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "lifecycle/lifecycle.h"

#define BASE   "https://manager.example.com"
#define CONFIG "/api/admin/configuration/v1/"
#define WORDS  "This is not possible here, says Infinity."
#define KILLED 7

/* --- a small Infinity --------------------------------------------------------------------------------------------------------- */

struct object {
	char resource[24];
	int64_t id;
	char json[1500];
};

/* In shared memory: what a killed process has done stays done. */
struct world {
	struct object objects[64];
	size_t n;
	int64_t last_id;
	int64_t now;
	int calls;
	int changes;
	int kill_after;        /* this call; 0 = never */
	int lose;              /* the answer to this change; 0 = none */
	bool lose_request;     /* it does not even arrive */
	const char *refuse;    /* a resource whose changes answer 400 */
	enum http_method verb; /* of what is refused */
	char subject[64];      /* of the certificate */
	char end_date[32];
};

struct bench {
	struct rig *g;
	struct world *w;
	struct clock clock;
	char *request;
	char *pem;
	struct infinity_client *infinity;
	struct store *store;
	struct lifecycle *l;
	int64_t operation;
};

static bool is_of(const struct object *o, const char *resource)
{
	return !strcmp(o->resource, resource);
}

static json_t *parsed(const struct object *o)
{
	json_t *object = json_loads(o->json, 0, NULL);

	assert_non_null(object);
	return object;
}

static void write_object(struct object *o, json_t *object)
{
	char *text = json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS);

	assert_true(strlen(text) < sizeof(o->json));
	(void)snprintf(o->json, sizeof(o->json), "%s", text);
	free(text);
}

/* Adds the object with an id of its own; steals it. */
static int64_t world_add(struct world *w, const char *resource, json_t *object)
{
	struct object *o = &w->objects[w->n++];
	char id[24];

	assert_true(w->n <= ARRAY_LEN(w->objects));
	o->id = ++w->last_id;
	(void)snprintf(o->resource, sizeof(o->resource), "%s", resource);
	(void)snprintf(id, sizeof(id), "%lld", (long long)o->id);
	if (!strcmp(resource, "licence"))
		json_object_set_new(object, "fulfillment_id", json_string(id));
	else
		json_object_set_new(object, "id", json_integer(o->id));
	write_object(o, object);
	json_decref(object);
	return o->id;
}

static int64_t world_put(struct world *w, const char *resource, const char *text)
{
	json_t *object = json_loads(text, 0, NULL);

	assert_non_null(object);
	return world_add(w, resource, object);
}

static struct object *world_get(struct world *w, const char *resource, int64_t id)
{
	for (size_t i = 0; i < w->n; i++)
		if (is_of(&w->objects[i], resource) && w->objects[i].id == id)
			return &w->objects[i];
	return NULL;
}

static bool has_text(const struct object *o, const char *field, const char *value)
{
	json_t *object = parsed(o);
	const char *text = json_string_value(json_object_get(object, field));
	bool same = text && !strcasecmp(text, value);

	json_decref(object);
	return same;
}

static struct object *world_find(struct world *w, const char *resource, const char *field, const char *value)
{
	for (size_t i = 0; i < w->n; i++)
		if (is_of(&w->objects[i], resource) && has_text(&w->objects[i], field, value))
			return &w->objects[i];
	return NULL;
}

static int count_of(const struct world *w, const char *resource)
{
	int n = 0;

	for (size_t i = 0; i < w->n; i++)
		n += is_of(&w->objects[i], resource);
	return n;
}

static const char *key_of(const char *resource)
{
	if (!strcmp(resource, "dns_server") || !strcmp(resource, "ntp_server"))
		return "address";
	if (!strcmp(resource, "conference_alias"))
		return "alias";
	return strcmp(resource, "licence") && strcmp(resource, "tls_certificate") ? "name" : NULL;
}

static void add_aliases(struct world *w, json_t *conference, int64_t id)
{
	json_t *alias;
	size_t i;

	json_array_foreach(json_object_get(conference, "aliases"), i, alias)
	{
		json_t *made = json_deep_copy(alias);

		json_object_set_new(made, "conference",
				    json_sprintf(CONFIG "conference/%lld/", (long long)id));
		(void)world_add(w, "conference_alias", made);
	}
}

/* As Infinity keeps it: secrets are not shown again, entitlements neither. */
static void hide(struct world *w, const char *resource, json_t *object)
{
	static const char *const hidden[] = {"key", "pin", "guest_pin"};

	for (size_t i = 0; i < ARRAY_LEN(hidden); i++)
		if (json_object_get(object, hidden[i]))
			json_object_set_new(object, hidden[i], json_string("$~!1xyz"));
	(void)json_object_del(object, "entitlement_id");
	(void)json_object_del(object, "aliases");
	if (strcmp(resource, "tls_certificate") != 0)
		return;
	json_object_clear(object);
	json_object_set_new(object, "subject_name", json_string(w->subject));
	json_object_set_new(object, "end_date", json_string(w->end_date));
}

static int world_post(struct world *w, const char *resource, const char *body, struct http_answer *ret)
{
	json_t *object = json_loads(body, JSON_REJECT_DUPLICATES, NULL);
	json_t *shown = json_deep_copy(object);
	const char *key = key_of(resource);
	const char *value = key ? json_string_value(json_object_get(object, key)) : NULL;
	int64_t id = 0;

	assert_non_null(object);
	hide(w, resource, shown);
	if (!value || !world_find(w, resource, key, value))
		id = world_add(w, resource, json_incref(shown));
	if (id && !strcmp(resource, "conference"))
		add_aliases(w, object, id);
	if (id)
		(void)snprintf(ret->location, sizeof(ret->location), BASE CONFIG "%s/%lld/", resource,
			       (long long)id);
	else
		buf_printf(&ret->body, "{\"%s\":{\"%s\":[\"already exists.\"]}}", resource, key);
	json_decref(object);
	json_decref(shown);
	return id ? 201 : 400;
}

static int world_patch(struct world *w, const char *resource, int64_t id, const char *body)
{
	struct object *o = world_get(w, resource, id);
	json_t *change = json_loads(body, JSON_REJECT_DUPLICATES, NULL);
	json_t *object = o ? parsed(o) : NULL;

	if (o) {
		json_object_update(object, change);
		write_object(o, object);
	}
	json_decref(object);
	json_decref(change);
	return o ? 202 : 404;
}

static int world_delete(struct world *w, const char *resource, int64_t id)
{
	struct object *o = world_get(w, resource, id);
	char reference[64];

	if (!o)
		return 404;
	memmove(o, o + 1, (size_t)(w->objects + w->n - o - 1) * sizeof(*o));
	w->n--;
	(void)snprintf(reference, sizeof(reference), CONFIG "conference/%lld/", (long long)id);
	if (!strcmp(resource, "conference"))
		while ((o = world_find(w, "conference_alias", "conference", reference)))
			(void)world_delete(w, "conference_alias", o->id);
	return 204;
}

static int world_list(const struct world *w, const char *resource, struct buf *out)
{
	const char *comma = "";

	buf_printf(
		out,
		"{\"meta\":{\"limit\":500,\"next\":null,\"offset\":0,\"previous\":null,\"total_count\":%d},"
		"\"objects\":[",
		count_of(w, resource));
	for (size_t i = 0; i < w->n; i++)
		if (is_of(&w->objects[i], resource)) {
			buf_printf(out, "%s%s", comma, w->objects[i].json);
			comma = ",";
		}
	buf_puts(out, "]}");
	return 200;
}

static int world_do(struct world *w, const struct http_call *call, struct http_answer *ret)
{
	const char *at = call->url + strlen(BASE CONFIG);
	char resource[24];
	int64_t id;

	assert_int_equal(strncmp(call->url, BASE CONFIG, strlen(BASE CONFIG)), 0);
	(void)snprintf(resource, sizeof(resource), "%.*s", (int)strcspn(at, "/"), at);
	id = strtoll(at + strlen(resource) + 1, NULL, 10);
	if (call->method == METHOD_GET)
		return world_list(w, resource, &ret->body);
	if (w->refuse && !strcmp(w->refuse, resource) && call->method == w->verb) {
		buf_printf(&ret->body, "{\"%s\":{\"field\":[\"" WORDS "\"]}}", resource);
		return 400;
	}
	if (call->method == METHOD_POST)
		return world_post(w, resource, call->body, ret);
	return call->method == METHOD_PATCH ? world_patch(w, resource, id, call->body)
					    : world_delete(w, resource, id);
}

static bool world_perform(void *self, const struct http_call *call, struct http_answer *ret,
			  struct upstream_error *e)
{
	struct world *w = self;
	bool change = call->method != METHOD_GET;
	bool lost;

	w->calls++;
	w->changes += change;
	lost = change && w->lose == w->changes;
	*ret = (struct http_answer){.body = BUF_INIT(1 << 20)};
	(void)snprintf(ret->content_type, sizeof(ret->content_type), "application/json");
	if (!lost || !w->lose_request)
		ret->status = world_do(w, call, ret);
	if (w->kill_after == w->calls)
		_exit(KILLED);
	if (!lost)
		return true;
	buf_free(&ret->body);
	upstream_error_set(e, UPSTREAM_RETRY, 0, "timeout", "infinity_unreachable", "", "no answer");
	return false;
}

/* --- the bench -------------------------------------------------------------------------------------------------------------- */

static int64_t bench_now(void *self)
{
	return ((struct world *)self)->now;
}

static void bench_pause(void *self, int64_t ms)
{
	((struct world *)self)->now += ms;
}

static void open_bench(struct bench *b)
{
	struct infinity_client_options options = {.url = BASE,
						  .user = "api",
						  .password = "secret-word",
						  .transport = {world_perform, b->w},
						  .clock = &b->clock,
						  .time_scale = 1,
						  .pause = bench_pause,
						  .pause_self = b->w};
	struct upstream_error e;

	b->store = fixture_open(b->g->f);
	raw(b->store->db, "PRAGMA synchronous = OFF"); /* processes are killed here, not machines */
	b->infinity = infinity_client_new(&options, &e);
	b->l = lifecycle_new(&(struct lifecycle_options){
		.reconciler = b->g->r, .clock = &b->clock, .time_scale = 1, .infinity = b->infinity});
	assert_non_null(b->infinity);
	assert_non_null(b->l);
}

static void close_bench(struct bench *b)
{
	lifecycle_free(b->l);
	infinity_client_free(b->infinity);
	store_close(b->store);
}

/* A self-signed certificate, in PEM; what Infinity will show of it is the world's. */
static char *new_certificate(struct world *w)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = X509_new();
	BIO *bio = BIO_new(BIO_s_mem());
	char *data, *pem;
	struct tm at;

	X509_set_version(cert, 2);
	X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
	X509_gmtime_adj(X509_getm_notAfter(cert), 86400);
	X509_set_pubkey(cert, key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
				   (const unsigned char *)"mgr.example.com", -1, -1, 0);
	X509_sign(cert, key, EVP_sha256());
	assert_int_equal(PEM_write_bio_X509(bio, cert), 1);
	pem = strndup(data, (size_t)BIO_get_mem_data(bio, &data));
	ASN1_TIME_to_tm(X509_get0_notAfter(cert), &at);
	(void)snprintf(w->subject, sizeof(w->subject), "mgr.example.com");
	(void)strftime(w->end_date, sizeof(w->end_date), "%Y-%m-%dT%H:%M:%S", &at);
	BIO_free(bio);
	X509_free(cert);
	EVP_PKEY_free(key);
	return pem;
}

/* Each of these is in the request, and must be nowhere in the end. */
static const char *const secrets[] = {
	"ntp-key-9x8y7z", "ENTITLE-1234-5678", "PRIVATE-KEY-BYTES", "PASSPHRASE-77", "471199", "220088"};

static char *new_request(const char *pem)
{
	json_t *request = json_pack(
		"{s:[{ss,ss},{ss}], s:[{ss},{ss,ss,si},{ss}], s:[{ss}], s:{ss,ss}, s:{ss,ss,ss},"
		" s:[{ss,ss,ss,ss,sb,s:[s,s]},{ss,s:[s]}]}",
		"dns_servers", "address", "10.0.0.53", "description", "core", "address", "10.0.1.53",
		"ntp_servers", "address", "0.ntp.example.com", "address", "1.ntp.example.com", "key",
		secrets[0], "key_id", 7, "address", "2.ntp.example.com", "licences", "entitlement_id",
		secrets[1], "location", "name", "Oslo", "description", "main", "tls_certificate",
		"certificate", pem, "private_key", secrets[2], "private_key_passphrase", secrets[3],
		"virtual_meeting_rooms", "name", "Board", "service_type", "conference", "pin", secrets[4],
		"guest_pin", secrets[5], "allow_guests", 1, "aliases", "board@example.com", "100", "name",
		"Styrerom \303\270st", "aliases", "east@example.com");
	char *text;

	assert_non_null(request);
	text = json_dumps(request, JSON_COMPACT);
	json_decref(request);
	return text;
}

static int bench_setup(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));
	void *part;

	assert_non_null(b);
	rig_setup(&part);
	b->g = part;
	b->w = mmap(NULL, sizeof(*b->w), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(b->w != MAP_FAILED);
	b->w->now = SCENE_NOW;
	b->clock = (struct clock){bench_now, b->w};
	b->pem = new_certificate(b->w);
	b->request = new_request(b->pem);
	(void)world_put(b->w, "management_vm",
			"{\"name\":\"mgr01\",\"primary\":true,\"tls_certificate\":null}");
	open_bench(b);
	*state = b;
	return 0;
}

static int bench_teardown(void **state)
{
	struct bench *b = *state;
	void *part = b->g;

	close_bench(b);
	rig_teardown(&part);
	munmap(b->w, sizeof(*b->w));
	free(b->request);
	free(b->pem);
	free(b);
	return 0;
}

#define T(name) cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)

/* As it was before anything was done, and a database of its own. */
static void start_over(struct bench *b, const struct world *before)
{
	char command[300];

	close_bench(b);
	(void)snprintf(command, sizeof(command), "rm -f '%s'*", b->g->f->path);
	assert_int_equal(system(command), 0);
	*b->w = *before;
	open_bench(b);
}

/* --- operations -------------------------------------------------------------------------------------------------------------- */

static void ask_for(struct bench *b, const char *apply, const char *request)
{
	_cleanup_(operation_freep) struct operation *op = calloc(1, sizeof(*op));

	assert_non_null(op);
	op->intent = (struct intent){.kind = INTENT_CONFIGURE_PLATFORM,
				     .state = INTENT_WORKING,
				     .actor = "alice",
				     .reason = "why",
				     .created_at = b->w->now,
				     .entered_at = b->w->now};
	assert_true(operation_set(op, VALUE_PLATFORM, request));
	assert_true(operation_set(op, VALUE_APPLY, apply));
	operation_plan(op);
	assert_ok(store_operation_add(b->store, op, E));
	b->operation = op->intent.id;
}

static struct operation *read_operation(struct bench *b)
{
	struct operation *op = NULL;

	assert_ok(store_operation_get(b->store, b->operation, true, &op, E));
	return op;
}

static enum intent_state state_of(struct bench *b)
{
	_cleanup_(operation_freep) struct operation *op = read_operation(b);

	return op->intent.state;
}

/* Until it is at its end, or halted. */
static enum intent_state run(struct bench *b)
{
	for (int passes = 0; passes < 500; passes++) {
		enum intent_state state = state_of(b);
		int64_t next_at;

		if (state != INTENT_WORKING && state != INTENT_UNDOING)
			return state;
		(void)lifecycle_step(b->l, b->store, &next_at);
		b->w->now = next_at > b->w->now ? next_at : b->w->now + 1;
	}
	fail_msg("the operation comes to no end");
	return INTENT_STATE_COUNT;
}

static void ends(struct bench *b, enum intent_state wanted)
{
	enum intent_state state = run(b);
	_cleanup_(operation_freep) struct operation *op = read_operation(b);

	if (state != wanted)
		fail_msg("the operation is %s: %s", intent_state_text(state), op->intent.error);
}

static void ask_undo(struct bench *b)
{
	_cleanup_(operation_freep) struct operation *op = read_operation(b);
	enum intent_state from = op->intent.state;

	op->intent.state = INTENT_UNDOING;
	op->intent.next_at = 0;
	assert_ok(store_operation_move(b->store, op, from, op->intent.attempts, E));
}

static void tells(struct bench *b, enum step_name name, const char *words)
{
	_cleanup_(operation_freep) struct operation *op = read_operation(b);

	for (size_t i = 0; i < op->n_steps; i++)
		if (op->steps[i].name == name && !strstr(op->steps[i].detail, words))
			fail_msg("%s: \"%s\" does not say \"%s\"", step_text(name), op->steps[i].detail,
				 words);
}

/* All that was asked for is there, once. */
static void is_configured(struct bench *b)
{
	struct world *w = b->w;
	struct object *o = world_find(w, "system_location", "name", "Oslo");
	json_t *oslo, *manager;
	char reference[96];

	assert_int_equal(count_of(w, "dns_server"), 2);
	assert_int_equal(count_of(w, "ntp_server"), 3);
	assert_int_equal(count_of(w, "licence"), 1);
	assert_int_equal(count_of(w, "system_location"), 1);
	assert_int_equal(count_of(w, "tls_certificate"), 1);
	assert_int_equal(count_of(w, "conference"), 2);
	assert_int_equal(count_of(w, "conference_alias"), 3);
	oslo = parsed(o);
	assert_int_equal(json_array_size(json_object_get(oslo, "dns_servers")), 2);
	assert_int_equal(json_array_size(json_object_get(oslo, "ntp_servers")), 3);
	json_decref(oslo);
	manager = parsed(world_get(w, "management_vm", 1));
	o = world_find(w, "tls_certificate", "subject_name", "mgr.example.com");
	(void)snprintf(reference, sizeof(reference), CONFIG "tls_certificate/%lld/", (long long)o->id);
	assert_string_equal(json_string_value(json_object_get(manager, "tls_certificate")), reference);
	json_decref(manager);
}

/* The same objects with the same content, ids and order apart. */
static void is_as_before(const struct world *before, const struct world *w)
{
	assert_int_equal(w->n, before->n);
	for (size_t i = 0; i < before->n; i++) {
		const struct object *was = &before->objects[i], *is = NULL;

		for (size_t k = 0; k < w->n; k++)
			if (w->objects[k].id == was->id && is_of(&w->objects[k], was->resource))
				is = &w->objects[k];
		assert_non_null(is);
		assert_string_equal(is->json, was->json);
	}
}

static int count_changes(struct bench *b)
{
	struct world before = *b->w;
	int changes;

	ask_for(b, "true", b->request);
	ends(b, INTENT_DONE);
	changes = b->w->changes;
	start_over(b, &before);
	return changes;
}

/* --- what it does -------------------------------------------------------------------------------------------------------------- */

static void comparing_changes_nothing(void **state)
{
	struct bench *b = *state;

	ask_for(b, "false", b->request);
	ends(b, INTENT_DONE);
	assert_int_equal(b->w->changes, 0);
	tells(b, STEP_DNS, "missing: 10.0.0.53, 10.0.1.53");
	tells(b, STEP_NTP, "missing: 0.ntp.example.com");
	tells(b, STEP_LICENCE, "wanted and missing: 1");
	tells(b, STEP_LOCATION, "missing: Oslo");
	tells(b, STEP_CERTIFICATE, "not assigned to the Management Node mgr01; missing: mgr.example.com");
	tells(b, STEP_VMR, "missing: Board, Styrerom");
	tells(b, STEP_ALIAS, "missing: board@example.com, 100, east@example.com");
}

static void applied_to_an_empty_platform(void **state)
{
	struct bench *b = *state;

	ask_for(b, "true", b->request);
	ends(b, INTENT_DONE);
	is_configured(b);
	tells(b, STEP_DNS, "made: 10.0.0.53, 10.0.1.53");
	tells(b, STEP_CERTIFICATE, "assigned to the Management Node mgr01; made: mgr.example.com");
	tells(b, STEP_ALIAS, "there: board@example.com, 100, east@example.com");
}

static void applied_twice_changes_nothing(void **state)
{
	struct bench *b = *state;
	int changes;

	ask_for(b, "true", b->request);
	ends(b, INTENT_DONE);
	changes = b->w->changes;
	ask_for(b, "true", b->request);
	ends(b, INTENT_DONE);
	assert_int_equal(b->w->changes, changes);
	is_configured(b);
	tells(b, STEP_DNS, "there: 10.0.0.53, 10.0.1.53");
	tells(b, STEP_LICENCE, "wanted and missing: 0");
	/* and one that was removed since is made again */
	assert_int_equal(
		world_delete(b->w, "licence", world_find(b->w, "licence", "fulfillment_id", "7")->id), 204);
	ask_for(b, "true", b->request);
	ends(b, INTENT_DONE);
	is_configured(b);
}

static void parts_that_are_not_asked_for(void **state)
{
	struct bench *b = *state;

	ask_for(b, "true", "{}");
	ends(b, INTENT_DONE);
	assert_int_equal(b->w->calls, 0);
	tells(b, STEP_DNS, "not asked for");
}

static void few_time_servers(void **state)
{
	struct bench *b = *state;

	ask_for(b, "true", "{\"ntp_servers\":[{\"address\":\"a.example.com\"}]}");
	ends(b, INTENT_DONE);
	tells(b, STEP_NTP, "only 1 NTP server where the guide wants at least three");
	ask_for(b, "false",
		"{\"ntp_servers\":[{\"address\":\"b.example.com\"},{\"address\":\"C.example.com\"}]}");
	ends(b, INTENT_DONE);
	tells(b, STEP_NTP, "missing: b.example.com");
	assert_int_equal(b->w->changes, 1);
}

static void put_server(struct world *w, const char *address)
{
	(void)world_add(w, "dns_server", json_pack("{ss, ss}", "address", address, "description", ""));
}

/* By address: some of the servers that are there. */
static void a_location_that_names_its_servers(void **state)
{
	struct bench *b = *state;
	json_t *oslo;

	put_server(b->w, "10.0.0.53");
	put_server(b->w, "10.0.1.53");
	ask_for(b, "true",
		"{\"location\":{\"name\":\"Oslo\",\"dns_servers\":[\"10.0.1.53\",\"10.0.9.53\"]},"
		"\"ntp_servers\":[{\"address\":\"a.example.com\"}]}");
	ends(b, INTENT_DONE);
	tells(b, STEP_LOCATION, "not among Infinity's servers: 10.0.9.53; made: Oslo");
	oslo = parsed(world_find(b->w, "system_location", "name", "Oslo"));
	assert_int_equal(json_array_size(json_object_get(oslo, "dns_servers")), 1);
	assert_string_equal(json_string_value(json_array_get(json_object_get(oslo, "dns_servers"), 0)),
			    CONFIG "dns_server/3/");
	assert_int_equal(json_array_size(json_object_get(oslo, "ntp_servers")), 1);
	json_decref(oslo);
}

/* Others have configured some of it already, in their own way. */
static void put_others_configuration(struct world *w)
{
	int64_t dns = world_put(w, "dns_server", "{\"address\":\"10.0.0.53\",\"description\":\"theirs\"}");
	int64_t other = world_put(w, "dns_server", "{\"address\":\"10.9.9.9\",\"description\":\"\"}");
	int64_t room = world_put(w, "conference",
				 "{\"name\":\"Board\",\"service_type\":\"lecture\",\"pin\":\"\","
				 "\"allow_guests\":true}");
	char text[400];

	(void)world_put(w, "ntp_server", "{\"address\":\"0.NTP.example.com\",\"key\":\"\",\"key_id\":null}");
	(void)world_put(w, "conference", "{\"name\":\"Other\"}");
	(void)snprintf(text, sizeof(text),
		       "{\"name\":\"Oslo\",\"description\":\"main\",\"dns_servers\":[{\"id\":%lld}],"
		       "\"ntp_servers\":[]}",
		       (long long)other);
	(void)world_put(w, "system_location", text);
	(void)snprintf(text, sizeof(text),
		       "{\"alias\":\"EAST@example.com\",\"conference\":\"" CONFIG "conference/%lld/\"}",
		       (long long)room + 2);
	(void)world_put(w, "conference_alias", text);
	(void)world_put(w, "tls_certificate",
			"{\"subject_name\":\"mgr.example.com\",\"end_date\":\"2020-01-01T00:00:00\"}");
	world_patch(w, "management_vm", 1, "{\"tls_certificate\":\"" CONFIG "tls_certificate/8/\"}");
	assert_int_equal(dns, 2);
}

static void what_is_there_is_left_and_told(void **state)
{
	struct bench *b = *state;
	struct object *o;
	json_t *oslo;

	put_others_configuration(b->w);
	ask_for(b, "true", b->request);
	ends(b, INTENT_DONE);
	tells(b, STEP_DNS, "made: 10.0.1.53; there, but not as asked for: 10.0.0.53 (description)");
	tells(b, STEP_NTP, "there: 0.ntp.example.com");
	tells(b, STEP_LOCATION, "servers assigned to it: 10.0.0.53, 10.0.1.53, 0.ntp.example.com");
	tells(b, STEP_VMR, "there, but not as asked for: Board (service_type, no pin)");
	tells(b, STEP_ALIAS,
	      "made: board@example.com, 100; there, but not as asked for: east@example.com "
	      "(conference)");
	o = world_find(b->w, "dns_server", "address", "10.0.0.53");
	assert_true(has_text(o, "description", "theirs"));
	assert_true(has_text(world_find(b->w, "conference", "name", "Board"), "service_type", "lecture"));
	oslo = parsed(world_find(b->w, "system_location", "name", "Oslo"));
	assert_int_equal(json_array_size(json_object_get(oslo, "dns_servers")), 3);
	assert_int_equal(json_array_size(json_object_get(oslo, "ntp_servers")), 3);
	json_decref(oslo);
	assert_int_equal(count_of(b->w, "tls_certificate"), 2); /* the old one is another */
}

/* --- secrets ---------------------------------------------------------------------------------------------------- */

static void no_secret_in(const char *path)
{
	FILE *file = fopen(path, "rb");
	char *data = malloc(8 << 20);
	size_t len = file ? fread(data, 1, 8 << 20, file) : 0;

	for (size_t i = 0; i < ARRAY_LEN(secrets); i++)
		if (memmem(data, len, secrets[i], strlen(secrets[i])))
			fail_msg("%s holds %s", path, secrets[i]);
	if (file)
		(void)fclose(file);
	free(data);
}

/* In the database and its journal. */
static void no_secret_stored(struct bench *b)
{
	char wal[260];

	(void)snprintf(wal, sizeof(wal), "%s-wal", b->g->f->path);
	no_secret_in(b->g->f->path);
	no_secret_in(wal);
}

#define PATCH_AT 9 /* of the Management Node, among the changes */

/* --- lost answers and kills -------------------------------------------------------------------------------------------------- */

static void each_answer_lost(void **state)
{
	struct bench *b = *state;
	struct world before = *b->w;
	int64_t settle_ms = reconciler_params(b->g->r).settle_ms;
	int changes = count_changes(b);

	assert_int_equal(changes, 2 + 3 + 1 + 1 + 1 + 1 + 2);
	for (int i = 1; i <= changes; i++)
		for (int arrives = 0; arrives < 2; arrives++) {
			start_over(b, &before);
			b->w->lose = i;
			b->w->lose_request = !arrives;
			ask_for(b, "true", b->request);
			ends(b, INTENT_DONE);
			is_configured(b);
			assert_int_equal(b->w->changes, changes + !arrives);
			/* a POST on its way might arrive late: it is not sent again at once (the PATCH may be) */
			if (!arrives && i != PATCH_AT)
				assert_true(b->w->now - before.now >= settle_ms);
		}
}

/* A child does it and is killed after that call; true = it got so far. */
static bool killed_after(struct bench *b, int call)
{
	pid_t child;
	int status;

	close_bench(b);
	b->w->kill_after = call;
	child = fork();
	assert_true(child >= 0);
	if (!child) {
		open_bench(b);
		(void)run(b);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	b->w->kill_after = 0;
	open_bench(b);
	return WEXITSTATUS(status) == KILLED;
}

static void killed_after_each_call(void **state)
{
	struct bench *b = *state;
	struct world before = *b->w;
	int changes = count_changes(b);
	int call = 1;

	for (;; call++) {
		start_over(b, &before);
		ask_for(b, "true", b->request);
		if (!killed_after(b, b->w->calls + call))
			break;
		no_secret_stored(b);
		ends(b, INTENT_DONE);
		is_configured(b);
		if (b->w->changes > changes + 1) /* a PATCH may be made twice, a POST never */
			fail_msg("killed after call %d: %d changes", call, b->w->changes);
	}
	assert_true(call > changes);
}

/* --- refusals and undo ---------------------------------------------------------------------------------------------------------- */

static const struct {
	const char *resource;
	enum http_method verb;
	enum step_name step;
} refusals[] = {
	{"dns_server", METHOD_POST, STEP_DNS},
	{"ntp_server", METHOD_POST, STEP_NTP},
	{"licence", METHOD_POST, STEP_LICENCE},
	{"system_location", METHOD_PATCH, STEP_LOCATION},
	{"tls_certificate", METHOD_POST, STEP_CERTIFICATE},
	{"management_vm", METHOD_PATCH, STEP_CERTIFICATE},
	{"conference", METHOD_POST, STEP_VMR},
	{"conference_alias", METHOD_POST, STEP_ALIAS},
};

static void halted_at(struct bench *b, size_t i)
{
	_cleanup_(operation_freep) struct operation *op = NULL;

	b->w->refuse = refusals[i].resource;
	b->w->verb = refusals[i].verb;
	ask_for(b, "true", b->request);
	ends(b, INTENT_HALTED);
	op = read_operation(b);
	assert_int_equal(op->steps[operation_present(op)].name, refusals[i].step);
	if (!strstr(op->steps[operation_present(op)].error, WORDS))
		fail_msg("%s: %s", refusals[i].resource, op->steps[operation_present(op)].error);
	b->w->refuse = NULL;
}

static void refused_then_resumed(void **state)
{
	struct bench *b = *state;
	struct world before;

	put_others_configuration(b->w);
	before = *b->w;
	for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
		_cleanup_(operation_freep) struct operation *op = NULL;

		start_over(b, &before);
		halted_at(b, i);
		op = read_operation(b);
		op->intent.state = INTENT_WORKING;
		op->steps[operation_present(op)].state = STEP_RUNNING;
		assert_ok(store_operation_move(b->store, op, INTENT_HALTED, op->intent.attempts, E));
		ends(b, INTENT_DONE);
		assert_int_equal(count_of(b->w, "dns_server"), 3);
		assert_int_equal(count_of(b->w, "conference_alias"), 3);
	}
}

static void undone_from_each_refusal(void **state)
{
	struct bench *b = *state;
	struct world before;

	put_others_configuration(b->w);
	before = *b->w;
	for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
		start_over(b, &before);
		halted_at(b, i);
		ask_undo(b);
		ends(b, INTENT_CANCELLED);
		assert_int_equal(b->w->n, before.n);
		if (refusals[i].step == STEP_ALIAS)
			tells(b, STEP_LOCATION, "the servers it got are taken back");
	}
}

static void undo_leaves_what_others_made(void **state)
{
	struct bench *b = *state;
	struct world before;

	put_others_configuration(b->w);
	before = *b->w;
	halted_at(b, ARRAY_LEN(refusals) - 1);
	assert_true(b->w->n > before.n);
	ask_undo(b);
	ends(b, INTENT_CANCELLED);
	/* the location's servers are references now */
	world_patch(b->w, "system_location", world_find(b->w, "system_location", "name", "Oslo")->id,
		    "{\"dns_servers\":[{\"id\":3}]}");
	is_as_before(&before, b->w);
}

static void undo_with_each_answer_lost(void **state)
{
	struct bench *b = *state;
	struct world before = *b->w;
	int done, changes = 0;

	for (int i = 0; i <= changes; i++) {
		start_over(b, &before);
		b->w->refuse = "management_vm";
		b->w->verb = METHOD_PATCH;
		ask_for(b, "true", b->request);
		ends(b, INTENT_HALTED);
		b->w->refuse = NULL;
		done = b->w->changes;
		b->w->lose = i ? done + i : 0;
		ask_undo(b);
		ends(b, INTENT_CANCELLED);
		is_as_before(&before, b->w);
		if (!i)
			changes = b->w->changes - done;
	}
	assert_int_equal(changes, 2 + 3 + 1 + 1 + 1);
}

static void undo_killed_after_each_call(void **state)
{
	struct bench *b = *state;
	struct world before = *b->w;
	bool more = true;

	for (int call = 1; more; call++) {
		start_over(b, &before);
		b->w->refuse = "conference";
		b->w->verb = METHOD_POST;
		ask_for(b, "true", b->request);
		ends(b, INTENT_HALTED);
		b->w->refuse = NULL;
		ask_undo(b);
		more = killed_after(b, b->w->calls + call);
		ends(b, INTENT_CANCELLED);
		is_as_before(&before, b->w);
	}
}

/* The POST was cut short by the kill, and then nobody wants to go on. */
static void undo_of_what_may_have_been_made(void **state)
{
	struct bench *b = *state;
	struct world before = *b->w;

	for (int call = 1;; call++) {
		start_over(b, &before);
		ask_for(b, "true", b->request);
		if (!killed_after(b, b->w->calls + call))
			break;
		ask_undo(b);
		ends(b, INTENT_CANCELLED);
		is_as_before(&before, b->w);
	}
}

static void secrets_are_nowhere(void **state)
{
	struct bench *b = *state;
	struct world before;

	put_others_configuration(b->w);
	before = *b->w;
	for (size_t i = 0; i <= ARRAY_LEN(refusals); i++) {
		start_over(b, &before);
		if (i < ARRAY_LEN(refusals)) {
			halted_at(b, i);
			ask_undo(b);
			ends(b, INTENT_CANCELLED);
		} else {
			ask_for(b, "true", b->request);
			ends(b, INTENT_DONE);
		}
		assert_int_equal(raw_number(b->store->db,
					    "SELECT count(*) FROM operation_value WHERE sealed IS NOT NULL"),
				 0);
		no_secret_stored(b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(comparing_changes_nothing),
		T(applied_to_an_empty_platform),
		T(applied_twice_changes_nothing),
		T(parts_that_are_not_asked_for),
		T(few_time_servers),
		T(a_location_that_names_its_servers),
		T(what_is_there_is_left_and_told),
		T(each_answer_lost),
		T(killed_after_each_call),
		T(refused_then_resumed),
		T(undone_from_each_refusal),
		T(undo_leaves_what_others_made),
		T(undo_with_each_answer_lost),
		T(undo_killed_after_each_call),
		T(undo_of_what_may_have_been_made),
		T(secrets_are_nowhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
