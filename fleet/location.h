/*
 * What someone wants of a location in Infinity's configuration: its name, its description and its overflow links. Plain data;
 * the clients send it, the store keeps it, the reconciler compares it with the world.
 */
#ifndef BURSTD_FLEET_LOCATION_H
#define BURSTD_FLEET_LOCATION_H

#include <stdbool.h>
#include <stdint.h>

#define LOCATION_NAME_MAX        250 /* bytes; Infinity allows as many characters */
#define LOCATION_DESCRIPTION_MAX 250

/* Bits of struct location_change .fields:  name, value, its name in our API */
#define LOCATION_FIELDS(X)                                                                                   \
	X(NAME, 1u, "name")                                                                                  \
	X(DESCRIPTION, 2u, "description")                                                                    \
	X(PRIMARY, 4u, "primary_overflow_location")                                                          \
	X(SECONDARY, 8u, "secondary_overflow_location")

enum location_field {
#define X(name, value, text) LOCATION_##name = (int)(value),
	LOCATION_FIELDS(X)
#undef X
};
#define LOCATION_FIELD_COUNT 4
#define LOCATION_ALL_FIELDS  15u
/* "primary_overflow_location" for a single bit; static. */
const char *location_field_text(unsigned field);

/* Values of the fields in `fields`; the others mean nothing. */
struct location_change {
	unsigned fields;
	char name[LOCATION_NAME_MAX + 1];
	char description[LOCATION_DESCRIPTION_MAX + 1];
	int64_t overflow1; /* id of the primary overflow location, 0 = none */
	int64_t overflow2; /* the secondary one */
};

/* Takes over the fields of `from`; those of `to` that it does not name stay. */
void location_change_merge(struct location_change *to, const struct location_change *from);
/* The fields of `wish` whose values `actual`, which has them all, does not have: the drift. */
unsigned location_drift(const struct location_change *wish, const struct location_change *actual);

/* The wishes of one location. A row stays when its last wish is released: its version must not start again. */
struct location_wish {
	int64_t location;
	struct location_change change;
	char actor[101];
	char refused
		[400]; /* Infinity's words when it refused them; then nobody asks again by itself. "" = it did not */
	int64_t applied_at; /* when Infinity last accepted them; 0 = never */
	int64_t version;
};

#endif
