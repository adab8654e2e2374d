/*
 * Configuration that Infinity only keeps: DNS and NTP servers, licences, certificates, conferences and their aliases, the Management Node and
 * the global settings. One table says what each takes; what is not in it is ignored, as Infinity does.
 */
#include <arpa/inet.h>
#include <openssl/pem.h>
#include <stdio.h>

#include "tests/world/http_nodes.h"

#define CONFIG "/api/admin/configuration/v1/"
#define DAY_MS (24 * 60 * MS_PER_MINUTE)

static const char *const names[OBJECT_KINDS] = {
#define X(name, text) [OBJECT_##name] = text,
	OBJECTS(X)
#undef X
};

enum form_of { TEXT, ADDRESS, HOST, BOOLEAN, NUMBER, LIST, SERVERS, PROVIDER, SERVICE, CONFERENCE, IPV4 };
enum { REQUIRED = 1, NULLABLE = 2, UNIQUE = 4, HIDDEN = 8, SECRET = 16 };

static const struct known_field {
	enum object_kind kind;
	const char *name;
	enum form_of form;
	json_int_t limit; /* characters at most; of a number the least */
	unsigned flags;
} fields[] = {
	{OBJECT_DNS_SERVER, "address", ADDRESS, 0, REQUIRED | UNIQUE},
	{OBJECT_DNS_SERVER, "description", TEXT, 250, 0},
	{OBJECT_NTP_SERVER, "address", HOST, 255, REQUIRED | UNIQUE},
	{OBJECT_NTP_SERVER, "description", TEXT, 250, 0},
	{OBJECT_NTP_SERVER, "key", TEXT, 100, SECRET},
	{OBJECT_NTP_SERVER, "key_id", NUMBER, 1, NULLABLE},
	{OBJECT_LICENCE, "entitlement_id", TEXT, 100, REQUIRED | UNIQUE | HIDDEN},
	{OBJECT_LICENCE, "offline_mode", BOOLEAN, 0, HIDDEN},
	{OBJECT_TLS_CERTIFICATE, "certificate", TEXT, 65536, REQUIRED | HIDDEN},
	{OBJECT_TLS_CERTIFICATE, "private_key", TEXT, 12288, REQUIRED | HIDDEN},
	{OBJECT_TLS_CERTIFICATE, "private_key_passphrase", TEXT, 100, HIDDEN},
	{OBJECT_TLS_CERTIFICATE, "parameters", TEXT, 12288, HIDDEN},
	{OBJECT_CONFERENCE, "name", TEXT, 250, REQUIRED | UNIQUE},
	{OBJECT_CONFERENCE, "service_type", SERVICE, 0, 0},
	{OBJECT_CONFERENCE, "description", TEXT, 250, 0},
	{OBJECT_CONFERENCE, "pin", TEXT, 20, 0},
	{OBJECT_CONFERENCE, "guest_pin", TEXT, 20, 0},
	{OBJECT_CONFERENCE, "allow_guests", BOOLEAN, 0, 0},
	{OBJECT_CONFERENCE, "participant_limit", NUMBER, 0, NULLABLE},
	{OBJECT_CONFERENCE, "tag", TEXT, 250, 0},
	{OBJECT_CONFERENCE, "aliases", LIST, 0, HIDDEN},
	{OBJECT_CONFERENCE_ALIAS, "alias", TEXT, 250, REQUIRED | UNIQUE},
	{OBJECT_CONFERENCE_ALIAS, "conference", CONFERENCE, 0, REQUIRED},
	{OBJECT_CONFERENCE_ALIAS, "description", TEXT, 250, 0},
	{OBJECT_MANAGEMENT_VM, "dns_servers", SERVERS, OBJECT_DNS_SERVER, 0},
	{OBJECT_MANAGEMENT_VM, "ntp_servers", SERVERS, OBJECT_NTP_SERVER, 0},
	{OBJECT_MANAGEMENT_VM, "description", TEXT, 250, 0},
	{OBJECT_MANAGEMENT_VM, "alternative_fqdn", TEXT, 255, 0},
	{OBJECT_MANAGEMENT_VM, "static_nat_address", IPV4, 0, NULLABLE},
	{OBJECT_MANAGEMENT_VM, "tls_certificate", TEXT, 255, NULLABLE},
	{OBJECT_GLOBAL, "bursting_enabled", BOOLEAN, 0, 0},
	{OBJECT_GLOBAL, "bursting_threshold", NUMBER, 1, 0},
	{OBJECT_GLOBAL, "bursting_min_lifetime", NUMBER, 5, 0},
	{OBJECT_GLOBAL, "cloud_provider", PROVIDER, 0, 0},
	{OBJECT_GLOBAL, "aws_access_key", TEXT, 40, NULLABLE},
	{OBJECT_GLOBAL, "aws_secret_key", TEXT, 100, NULLABLE | SECRET},
};

/* --- what a platform has at first --- */

static json_t *uri(enum object_kind kind, json_int_t id)
{
	return json_sprintf(CONFIG "%s/%lld/", names[kind], (long long)id);
}

static void seed_servers(struct world_http *h, enum object_kind kind, const char *network, int n)
{
	for (int i = 1; i <= n; i++)
		json_array_append_new(h->objects[kind],
				      json_pack("{s:i, s:o, s:s, s:o}", "id", i, "address",
						json_sprintf("%s.%d", network, i), "description", "",
						"resource_uri", uri(kind, i)));
}

static json_t *licence(const struct world *w, json_int_t id, int days)
{
	char end[TIME_TEXT_SIZE];

	(void)time_infinity(w->now + days * DAY_MS, end);
	return json_pack("{s:o, s:s, s:i, s:o, s:o}", "fulfillment_id", json_sprintf("%lld", (long long)id),
			 "product_id", "port", "concurrent", 10000, "expiration_date", json_stringn(end, 10),
			 "resource_uri", uri(OBJECT_LICENCE, id));
}

static void seed_certificate(struct world_http *h)
{
	char end[TIME_TEXT_SIZE];

	(void)time_infinity(h->world->now + h->world->platform.certificate_days * DAY_MS, end);
	json_array_append_new(h->objects[OBJECT_TLS_CERTIFICATE],
			      json_pack("{s:i, s:s, s:s, s:o}", "id", 11, "subject_name",
					"*.video.example.net", "end_date", end, "resource_uri",
					uri(OBJECT_TLS_CERTIFICATE, 11)));
}

static void seed_singletons(struct world_http *h)
{
	const char *host = h->world->options.management_host;

	json_array_append_new(
		h->objects[OBJECT_GLOBAL],
		json_pack("{s:i, s:b, s:i, s:i, s:s, s:n, s:n, s:b, s:s, s:o}", "id", 1, "bursting_enabled",
			  0, "bursting_threshold", 5, "bursting_min_lifetime", 50, "cloud_provider", "AWS",
			  "aws_access_key", "aws_secret_key", "enable_ssh", 1, "max_pixels_per_second", "hd",
			  "resource_uri", uri(OBJECT_GLOBAL, 1)));
	json_array_append_new(h->objects[OBJECT_MANAGEMENT_VM],
			      json_pack("{s:i, s:s, s:s, s:s, s:s, s:b, s:b, s:[], s:[], s:n, s:n, s:o}",
					"id", 1, "name", host, "hostname", host, "domain",
					"video.example.net", "address", "172.31.0.10", "primary", 1,
					"initializing", 0, "dns_servers", "ntp_servers", "static_nat_address",
					"tls_certificate", "resource_uri", uri(OBJECT_MANAGEMENT_VM, 1)));
}

void objects_seed(struct world_http *h)
{
	const struct world_platform *p = &h->world->platform;

	objects_free(h);
	for (int kind = 0; kind < OBJECT_KINDS; kind++)
		h->objects[kind] = json_array();
	h->last_object = 100;
	seed_servers(h, OBJECT_DNS_SERVER, "10.20.0", p->dns);
	seed_servers(h, OBJECT_NTP_SERVER, "10.20.1", p->ntp);
	for (int i = 1; i <= p->licences; i++)
		json_array_append_new(h->objects[OBJECT_LICENCE],
				      licence(h->world, 140266100 + i, p->licence_days));
	seed_certificate(h);
	seed_singletons(h);
}

void objects_free(struct world_http *h)
{
	for (int kind = 0; kind < OBJECT_KINDS; kind++) {
		json_decref(h->objects[kind]);
		h->objects[kind] = NULL;
	}
}

/* --- looking --- */

static const char *key_of(enum object_kind kind)
{
	return kind == OBJECT_LICENCE ? "fulfillment_id" : "id";
}

static size_t find(const struct world_http *h, enum object_kind kind, const char *id)
{
	size_t i;
	json_t *one;

	json_array_foreach(h->objects[kind], i, one)
	{
		json_t *key = json_object_get(one, key_of(kind));
		char text[32];

		(void)snprintf(text, sizeof(text), "%lld", (long long)json_integer_value(key));
		if (!strcmp(json_is_string(key) ? json_string_value(key) : text, id))
			break;
	}
	return i;
}

static json_t *referenced(const struct world_http *h, enum object_kind kind, const json_t *reference)
{
	char id[32];

	(void)snprintf(id, sizeof(id), "%lld", (long long)reference_id(reference, names[kind]));
	return json_array_get(h->objects[kind], find(h, kind, id));
}

json_t *objects_embedded(const struct world_http *h, enum object_kind kind, const json_t *references)
{
	json_t *all = json_array();
	size_t i;
	json_t *one;

	json_array_foreach(references, i, one)
	{
		json_t *object = referenced(h, kind, one);

		if (!object) {
			json_decref(all);
			return NULL;
		}
		json_array_append(all, object);
	}
	return all;
}

static void add_aliases(const struct world_http *h, json_t *conference)
{
	json_t *aliases = json_array();
	size_t i;
	json_t *one;

	json_array_foreach(h->objects[OBJECT_CONFERENCE_ALIAS], i,
			   one) if (json_equal(json_object_get(one, "conference"),
					       json_object_get(conference, "resource_uri")))
		json_array_append(aliases, one);
	json_object_set_new(conference, "aliases", aliases);
}

json_t *objects_list(struct request *r, enum object_kind kind)
{
	json_t *all = json_deep_copy(r->server->objects[kind]);
	size_t i;
	json_t *one;

	json_array_foreach(all, i, one)
	{
		for (size_t f = 0; f < ARRAY_LEN(fields); f++)
			if (fields[f].kind == kind && fields[f].flags & HIDDEN)
				json_object_del(one, fields[f].name);
		if (kind == OBJECT_GLOBAL)
			json_object_set_new(one, "bursting_enabled",
					    json_boolean(r->world->infinity_bursting));
		if (kind == OBJECT_CONFERENCE)
			add_aliases(r->server, one);
	}
	return all;
}

/* --- validation --- */

static const char *check_word(const json_t *v, const char *const *words, size_t n)
{
	for (size_t i = 0; json_is_string(v) && i < n; i++)
		if (!strcmp(json_string_value(v), words[i]))
			return NULL;
	return "Not a valid choice.";
}

static const char *check_address(const json_t *v, bool also_ipv6)
{
	unsigned char raw[16];

	if (json_is_string(v) && (inet_pton(AF_INET, json_string_value(v), raw) == 1 ||
				  (also_ipv6 && inet_pton(AF_INET6, json_string_value(v), raw) == 1)))
		return NULL;
	return "Enter a valid IP address.";
}

static const char *check_servers(const struct world_http *h, enum object_kind kind, const json_t *v)
{
	json_t *all = json_is_array(v) ? objects_embedded(h, kind, v) : NULL;
	bool good = all != NULL;

	json_decref(all);
	return good ? NULL : "Invalid hyperlink - object does not exist.";
}

static const char *check_text(const struct known_field *f, const json_t *v)
{
	if (!json_is_string(v))
		return "Not a valid string.";
	if (f->flags & REQUIRED && !*json_string_value(v))
		return "This field may not be blank.";
	return (json_int_t)json_string_length(v) > f->limit ? "Ensure this value is not too long." : NULL;
}

/* NULL = good. */
static const char *check_form(const struct world_http *h, const struct known_field *f, const json_t *v)
{
	static const char *const providers[] = {"AWS", "AZURE", "GCP"};
	static const char *const services[] = {"conference", "lecture", "two_stage_dialing", "test_call",
					       "media_playback"};

	if (json_is_null(v))
		return f->flags & NULLABLE ? NULL : "This field may not be null.";
	switch (f->form) {
	case TEXT:
	case HOST:
		return check_text(f, v);
	case ADDRESS:
		return check_address(v, true);
	case IPV4:
		return check_address(v, false);
	case BOOLEAN:
		return json_is_boolean(v) ? NULL : "Enter a boolean.";
	case NUMBER:
		return json_is_integer(v) && json_integer_value(v) >= f->limit
			       ? NULL
			       : "Enter a number that is great enough.";
	case LIST:
		return json_is_array(v) ? NULL : "Expected a list of items.";
	case SERVERS:
		return check_servers(h, (enum object_kind)f->limit, v);
	case PROVIDER:
		return check_word(v, providers, ARRAY_LEN(providers));
	case SERVICE:
		return check_word(v, services, ARRAY_LEN(services));
	case CONFERENCE:
		return referenced(h, OBJECT_CONFERENCE, v) ? NULL
							   : "Invalid hyperlink - object does not exist.";
	}
	abort();
}

static bool is_taken(const struct world_http *h, enum object_kind kind, const json_t *except,
		     const char *name, const json_t *value)
{
	size_t i;
	json_t *one;

	json_array_foreach(h->objects[kind], i,
			   one) if (one != except &&
				    json_equal(json_object_get(one, name), value)) return true;
	return false;
}

/* The first fault; `present` is the object to be changed, NULL = a new one. */
static const char *check_body(const struct world_http *h, enum object_kind kind, const json_t *present,
			      const json_t *body, const char **ret_field)
{
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		const struct known_field *f = &fields[i];
		const json_t *v = f->kind == kind ? json_object_get(body, f->name) : NULL;
		const char *why = v ? check_form(h, f, v) : NULL;

		*ret_field = f->name;
		if (f->kind == kind && !v && !present && f->flags & REQUIRED)
			return "This field is required.";
		if (why)
			return why;
		if (v && f->flags & UNIQUE && is_taken(h, kind, present, f->name, v))
			return "An object with this value already exists.";
	}
	return NULL;
}

/* --- certificates --- */

static void put_time(json_t *object, const char *name, const ASN1_TIME *t)
{
	struct tm tm;
	char text[32];

	if (ASN1_TIME_to_tm(t, &tm) == 1 && strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm))
		json_object_set_new(object, name, json_string(text));
}

static X509 *read_certificate(const json_t *body)
{
	BIO *bio = BIO_new_mem_buf(json_string_value(json_object_get(body, "certificate")), -1);
	X509 *x = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;

	BIO_free(bio);
	return x;
}

static bool key_fits(X509 *x, const json_t *body)
{
	const char *passphrase = json_string_value(json_object_get(body, "private_key_passphrase"));
	BIO *bio = BIO_new_mem_buf(json_string_value(json_object_get(body, "private_key")), -1);
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL,
						      (void *)(uintptr_t)(passphrase ? passphrase : ""))
			    : NULL;
	bool fits = key && X509_check_private_key(x, key) == 1;

	EVP_PKEY_free(key);
	BIO_free(bio);
	return fits;
}

/* What Infinity tells of a certificate; NULL = good. */
static const char *describe_certificate(json_t *object, const json_t *body)
{
	X509 *x = read_certificate(body);
	char name[256] = "";
	const char *why = NULL;

	if (!x)
		return "The certificate is not valid PEM.";
	if (!key_fits(x, body))
		why = "The private key does not belong to the certificate.";
	(void)X509_NAME_get_text_by_NID(X509_get_subject_name(x), NID_commonName, name, sizeof(name));
	json_object_set_new(object, "subject_name", json_string(name));
	put_time(object, "start_date", X509_get0_notBefore(x));
	put_time(object, "end_date", X509_get0_notAfter(x));
	X509_free(x);
	return why;
}

/* --- changes --- */

static json_t *stored(const struct world_http *h, const struct known_field *f, const json_t *v)
{
	char hash[SHA256_HEX_SIZE];

	if (f->form == SERVERS)
		return objects_embedded(h, (enum object_kind)f->limit, v);
	if (!(f->flags & SECRET) || !json_is_string(v) || !json_string_length(v))
		return json_deep_copy(v);
	sha256_hex(json_string_value(v), json_string_length(v), hash); /* never read back as it was written */
	return json_sprintf("$~!1%s", hash);
}

static void keep_fields(const struct world_http *h, enum object_kind kind, json_t *object, const json_t *body)
{
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		const json_t *v = fields[i].kind == kind ? json_object_get(body, fields[i].name) : NULL;

		if (v)
			json_object_set_new(object, fields[i].name, stored(h, &fields[i], v));
	}
}

static void invalid(struct reply *reply, enum object_kind kind, const char *field, const char *why)
{
	reply_json(reply, 400, json_pack("{s:{s:[s]}}", names[kind], field, why));
}

static json_t *new_object(struct world_http *h, enum object_kind kind)
{
	json_int_t id = ++h->last_object;

	if (kind == OBJECT_LICENCE)
		return licence(h->world, 140266100 + id, 365);
	json_t *object = json_pack("{s:I, s:o}", "id", id, "resource_uri", uri(kind, id));

	if (kind == OBJECT_CONFERENCE)
		json_object_set_new(object, "service_type", json_string("conference"));
	return object;
}

/* [{"alias": "x"}] in the body of a conference. */
static void make_aliases(struct world_http *h, const json_t *conference, const json_t *body)
{
	size_t i;
	json_t *one;

	json_array_foreach(json_object_get(body, "aliases"), i, one)
	{
		json_t *alias = new_object(h, OBJECT_CONFERENCE_ALIAS);

		keep_fields(h, OBJECT_CONFERENCE_ALIAS, alias, one);
		json_object_set(alias, "conference", json_object_get(conference, "resource_uri"));
		json_array_append_new(h->objects[OBJECT_CONFERENCE_ALIAS], alias);
	}
}

static const char *aliases_fault(const struct world_http *h, const json_t *body)
{
	size_t i;
	json_t *one;

	json_array_foreach(json_object_get(body, "aliases"), i, one)
	{
		const json_t *alias = json_object_get(one, "alias");

		if (!json_is_string(alias) || !json_string_length(alias))
			return "An alias is needed.";
		if (is_taken(h, OBJECT_CONFERENCE_ALIAS, NULL, "alias", alias))
			return "Conference alias with this alias already exists.";
	}
	return NULL;
}

static void create(struct world_http *h, enum object_kind kind, const json_t *body, struct reply *reply)
{
	const char *field, *why = check_body(h, kind, NULL, body, &field);
	json_t *object;

	if (!why && kind == OBJECT_CONFERENCE) {
		field = "aliases";
		why = aliases_fault(h, body);
	}
	if (why) {
		invalid(reply, kind, field, why);
		return;
	}
	object = new_object(h, kind);
	why = kind == OBJECT_TLS_CERTIFICATE ? describe_certificate(object, body) : NULL;
	if (why) {
		json_decref(object);
		invalid(reply, kind, "certificate", why);
		return;
	}
	keep_fields(h, kind, object, body);
	if (kind == OBJECT_CONFERENCE)
		make_aliases(h, object, body);
	json_array_append_new(h->objects[kind], object);
	reply->status = 201;
	(void)snprintf(reply->location, sizeof(reply->location), "%s",
		       json_string_value(json_object_get(object, "resource_uri")));
}

static void update(struct request *r, enum object_kind kind, json_t *object, const json_t *body,
		   struct reply *reply)
{
	const char *field, *why = check_body(r->server, kind, object, body, &field);
	const json_t *on = json_object_get(body, "bursting_enabled");

	if (why) {
		invalid(reply, kind, field, why);
		return;
	}
	keep_fields(r->server, kind, object, body);
	if (kind == OBJECT_GLOBAL && on)
		world_set_infinity_bursting(r->world, json_is_true(on));
	reply->status = 202;
}

static void drop(struct world_http *h, enum object_kind kind, size_t index)
{
	json_t *aliases = h->objects[OBJECT_CONFERENCE_ALIAS];
	json_t *its = json_object_get(json_array_get(h->objects[kind], index), "resource_uri");

	for (size_t i = json_array_size(aliases); kind == OBJECT_CONFERENCE && i-- > 0;)
		if (json_equal(json_object_get(json_array_get(aliases, i), "conference"), its))
			json_array_remove(aliases, i);
	json_array_remove(h->objects[kind], index);
}

void objects_write(struct request *r, enum object_kind kind, const char *id, json_t *body,
		   struct reply *reply)
{
	struct world_http *h = r->server;
	size_t index = *id ? find(h, kind, id) : 0;

	if (!*id) {
		create(h, kind, body, reply);
	} else if (index == json_array_size(h->objects[kind])) {
		reply_html(reply, 404);
	} else if (!strcmp(r->method, "DELETE")) {
		drop(h, kind, index);
		reply->status = 204;
	} else {
		update(r, kind, json_array_get(h->objects[kind], index), body, reply);
	}
}

const char *objects_allow(enum object_kind kind, bool on_list)
{
	if (kind == OBJECT_GLOBAL || kind == OBJECT_MANAGEMENT_VM)
		return on_list ? "GET" : "GET, PATCH";
	if (kind == OBJECT_LICENCE)
		return on_list ? "GET, POST" : "GET, DELETE";
	return on_list ? "GET, POST" : "GET, PATCH, DELETE";
}
