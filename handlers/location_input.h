/* The fields of a location as a request gives them, and what stands against them. HTTP threads. */
#ifndef BURSTD_HANDLERS_LOCATION_INPUT_H
#define BURSTD_HANDLERS_LOCATION_INPUT_H

#include "handlers/input.h"
#include "handlers/views.h"

/* Where the fields are looked at from. */
struct location_scope {
	const struct picture *picture;
	int64_t self; /* the location that changes; 0 = a new one */
};

/* name, description, primary_overflow_location, secondary_overflow_location, into a zeroed change. Records errors in `in`. */
void location_read(struct input *in, const struct location_scope *, struct location_change *ret);
/* "release": ["name", ...], the wishes to be taken back, as bits. */
unsigned location_read_release(struct input *in);
/*
 * What only the other locations, their wishes and the operations under way tell: the name is free, no link leads to what is
 * being deleted, and of the links that would then be there (`effective`) not both are one. In the writing transaction.
 */
enum err location_check(const struct location_scope *, const struct overlay *, const struct location_change *,
			const struct location_change *effective, struct error *e);

#endif
