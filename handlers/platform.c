/*
 * POST /v1/platform: the seven steps of the guide's "Initial platform configuration" as one declarative request. The body is
 * checked field by field and kept as it came, sealed: it holds PINs, NTP keys and a private key.
 */
#include <arpa/inet.h>
#include <string.h>

#include "base/crypto.h"
#include "base/limits.h"
#include "fleet/guide.h"
#include "handlers/aws_input.h"
#include "handlers/handlers.h"
#include "handlers/lifecycle.h"
#include "handlers/plan.h"

/* Limits of Infinity's own fields, and of what one request may hold. */
#define LIST_MAX        20
#define ROOMS_MAX       50
#define NAME_MOST       250
#define ADDRESS_MAX     255
#define NTP_KEY_MAX     100
#define KEY_MAX         12288
#define CERTIFICATE_MAX 32768 /* a chain of several */
#define PASSPHRASE_MAX  250
#define ENTITLEMENT_MAX 100
#define ALIAS_MAX       250
#define PIN_LEAST       4
#define PIN_MAX         20
#define HOST_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:"

/* --- pieces ----------------------------------------------------------------------------------------------------------- */

static void clean_text(struct input *in, const char *name, size_t least, size_t most)
{
	struct input_value v = input_text(in, name, least, most, false);

	if (v.given)
		(void)input_clean(in, name, v.text);
}

/* Each object of the list in the field `name`, by `one`. */
static void read_list(struct input *in, const char *name, size_t most, void (*one)(struct input *))
{
	struct input_value v = input_array(in, name, 1, most);
	json_t *value;
	size_t i;

	if (!v.given)
		return;
	json_array_foreach(v.list, i, value)
	{
		char prefix[64], at[24];
		struct input list = {.prefix = prefix, .errors = in->errors};
		struct input item = {.object = value, .prefix = prefix, .errors = in->errors};

		(void)snprintf(at, sizeof at, "%zu", i);
		(void)snprintf(prefix, sizeof prefix, "%s/%s", in->prefix, name);
		if (!json_is_object(value)) {
			input_fail(&list, at, "must be an object");
			continue;
		}
		(void)snprintf(prefix, sizeof prefix, "%s/%s/%zu", in->prefix, name, i);
		one(&item);
		(void)input_end(&item);
	}
}

static bool is_address(const char *text)
{
	struct in6_addr any;

	return inet_pton(AF_INET, text, &any) == 1 || inet_pton(AF_INET6, text, &any) == 1;
}

/* Each text of the list in the field `name` has 1 to `most` bytes. */
static void read_texts(struct input *in, const char *name, size_t count, size_t most)
{
	struct input_value v = input_array(in, name, 1, count);
	char prefix[64];
	struct input list = {.prefix = prefix, .errors = in->errors};
	json_t *value;
	size_t i;

	if (!v.given)
		return;
	(void)snprintf(prefix, sizeof prefix, "%s/%s", in->prefix, name);
	json_array_foreach(v.list, i, value)
	{
		size_t len = json_string_length(value);
		char at[24];

		(void)snprintf(at, sizeof at, "%zu", i);
		if (!json_is_string(value) || len < 1 || len > most)
			input_fail(&list, at, "must be a text of 1 to %zu bytes", most);
		else
			(void)input_clean(&list, at, json_string_value(value));
	}
}

/* --- steps 1 to 4: DNS, NTP, licences, location ------------------------------------------------------------------------ */

static void read_dns(struct input *in)
{
	struct input_value v = input_text(in, "address", 1, ADDRESS_MAX, false);

	input_needs(in, "address", "the IP address of the server");
	if (v.given && !is_address(v.text))
		input_fail(in, "address", "must be an IP address");
	clean_text(in, "description", 0, NAME_MOST);
}

static void read_ntp(struct input *in)
{
	struct input_value address = input_text(in, "address", 1, ADDRESS_MAX, false);
	struct input_value id = input_int(in, "key_id", 1, 65535, false);

	input_needs(in, "address", "the name or IP address of the server");
	if (address.given)
		(void)input_characters(in, "address", address.text, HOST_CHARACTERS,
				       "must be a host name or an IP address");
	clean_text(in, "description", 0, NAME_MOST);
	clean_text(in, "key", 1, NTP_KEY_MAX);
	if (id.given != (json_object_get(in->object, "key") != NULL))
		input_fail(in, id.given ? "key" : "key_id", "key and key_id belong together");
}

static void read_licence(struct input *in)
{
	clean_text(in, "entitlement_id", 1, ENTITLEMENT_MAX);
	input_needs(in, "entitlement_id", "the activation key of the licence");
}

static void read_place(struct input *in)
{
	struct input location;

	if (!input_open_object(&location, in, "location", "/location"))
		return;
	clean_text(&location, "name", 1, NAME_MOST);
	input_needs(&location, "name", "unique among the platform's locations");
	clean_text(&location, "description", 0, NAME_MOST);
	read_texts(&location, "dns_servers", LIST_MAX, ADDRESS_MAX);
	read_texts(&location, "ntp_servers", LIST_MAX, ADDRESS_MAX);
	(void)input_end(&location);
}

/* --- step 5: the TLS certificate ---------------------------------------------------------------------------------------- */

static void read_pem(struct input *in, const char *name, size_t most)
{
	struct input_value v = input_text(in, name, 1, most, false);

	input_needs(in, name, "in PEM form");
	if (v.given && !strstr(v.text, "-----BEGIN "))
		input_fail(in, name, "must be in PEM form: -----BEGIN ...");
}

static void read_certificate(struct input *in)
{
	struct input tls;

	if (!input_open_object(&tls, in, "tls_certificate", "/tls_certificate"))
		return;
	read_pem(&tls, "certificate", CERTIFICATE_MAX);
	read_pem(&tls, "private_key", KEY_MAX);
	clean_text(&tls, "private_key_passphrase", 1, PASSPHRASE_MAX);
	(void)input_end(&tls);
}

/* --- steps 6 and 7: rooms and their aliases ------------------------------------------------------------------------------- */

static void read_pin(struct input *in, const char *name)
{
	struct input_value v = input_text(in, name, PIN_LEAST, PIN_MAX, false);

	if (v.given)
		(void)input_characters(in, name, v.text, "0123456789", "must be digits");
}

static void read_room(struct input *in)
{
	struct input_value guests;

	clean_text(in, "name", 1, NAME_MOST);
	input_needs(in, "name", "unique among the platform's services");
	(void)input_choice(in, "service_type", "conference|lecture", false);
	read_pin(in, "pin");
	read_pin(in, "guest_pin");
	guests = input_bool(in, "allow_guests", false);
	if (json_object_get(in->object, "guest_pin") && !guests.flag)
		input_fail(in, "guest_pin", "needs \"allow_guests\": true");
	read_texts(in, "aliases", LIST_MAX, ALIAS_MAX);
}

/* --- the whole -------------------------------------------------------------------------------------------------------------- */

/* Sealed as one text; json_dumps keeps what was checked, field for field. */
static void keep(struct input *in, struct operation *op)
{
	char *text = json_dumps(in->object, JSON_COMPACT);

	aws_set(in, "", op, VALUE_PLATFORM, text);
	secret_free(text);
}

static bool asks_for_something(const struct input *in)
{
	return json_object_get(in->object, "dns_servers") || json_object_get(in->object, "ntp_servers") ||
	       json_object_get(in->object, "licences") || json_object_get(in->object, "location") ||
	       json_object_get(in->object, "tls_certificate") ||
	       json_object_get(in->object, "virtual_meeting_rooms");
}

static void read_platform(struct lifecycle_ask *a, struct input *in)
{
	struct input_value apply = input_bool(in, "apply", false);

	aws_set(in, "apply", a->op, VALUE_APPLY, apply.flag ? "true" : "false");
	read_list(in, "dns_servers", LIST_MAX, read_dns);
	read_list(in, "ntp_servers", LIST_MAX, read_ntp);
	read_list(in, "licences", LIST_MAX, read_licence);
	read_place(in);
	read_certificate(in);
	read_list(in, "virtual_meeting_rooms", ROOMS_MAX, read_room);
	a->reason = input_text(in, "reason", 1, LIMIT_REASON_BYTES, false).text;
	(void)snprintf(a->what, sizeof a->what, "Platform configuration %s",
		       apply.flag ? "applied" : "compared");
	if (!asks_for_something(in))
		input_fail(in, "dns_servers", "is missing: it, or another part of the configuration");
	keep(in, a->op);
}

static void tell_platform(const struct lifecycle_ask *a, json_t *plan)
{
	struct error e = {.code = ERR_OK};
	size_t ntp = json_array_size(json_object_get(req_body(a->r, &e), "ntp_servers"));

	if (!operation_flag(a->op, VALUE_APPLY))
		plan_consequence(
			plan,
			"Nothing is changed: the steps tell what differs. Ask again with {\"apply\": true}.");
	if (ntp > 0 && ntp < GUIDE_NTP_SERVERS)
		plan_consequence(
			plan,
			"%zu NTP server(s): the deployment guide strongly recommends %d or more (page 14).",
			ntp, GUIDE_NTP_SERVERS);
}

struct done *platform_configure(struct req *r)
{
	struct lifecycle_ask a = {.r = r, .tell = tell_platform};

	return lifecycle_ask_body(&a, INTENT_CONFIGURE_PLATFORM, read_platform);
}
