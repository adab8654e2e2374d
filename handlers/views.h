/*
 * The resources as JSON, each made in one place, so that a list, a page and a single object never differ.
 *
 * The published picture is a moment old; what was written through the API since then is laid over it (`struct overlay`), so
 * that a client reads its own writes.
 */
#ifndef BURSTD_HANDLERS_VIEWS_H
#define BURSTD_HANDLERS_VIEWS_H

#include <jansson.h>

#include "fleet/picture.h"
#include "store/lifecycle.h"

/* What operators set, as the store has it now. */
struct overlay {
	struct bursting_settings settings;
	struct location_threshold *thresholds;
	size_t n_thresholds;
	struct node_wish *wishes;
	size_t n_wishes;
	struct location_wish *location_wishes;
	size_t n_location_wishes;
	struct intent *intents;        /* the open ones */
	struct operation **operations; /* of each intent its steps and values; NULL where its kind has none */
	size_t n_intents;
	struct store *store; /* borrowed: what all this was read from */
};

/* Reads all of it; overlay_free also after a failure. */
enum err overlay_load(struct store *, struct overlay *ret, struct error *e);
void overlay_free(struct overlay *);

/* --- pieces: null where there is nothing to tell; a text that is not UTF-8 is null too --- */
void put(json_t *object, const char *key, json_t *value); /* steals */
void put_text(json_t *object, const char *key, const char *text);
void put_int(json_t *object, const char *key, int64_t value);
void put_known(json_t *object, const char *key, int64_t value); /* null when negative */
void put_id(json_t *object, const char *key, int64_t id);       /* null when 0 */
void put_bool(json_t *object, const char *key, bool value);
void put_time(json_t *object, const char *key, int64_t ms); /* null when 0 */

/*
 * Minutes until the location comes down to `threshold` at the pace of its samples before the picture, so the same for the same
 * picture. NaN where it does not come down, where they do not tell, cannot be read, or Infinity's data are not fresh.
 */
double location_minutes_left(const struct picture *, const struct location *, int threshold, struct store *);

/* --- resources; new references --- */
json_t *view_location(const struct picture *, const struct overlay *, const struct location *);
/* The fields that the change names, by their names in the API. */
json_t *view_location_change(const struct location_change *);
json_t *view_node(const struct picture *, const struct overlay *, const struct node *);
json_t *view_wishes(const struct node_wish *);
/* `steps`: the same operation with its steps and values, NULL where its kind has none. Never a secret. */
json_t *view_operation(const struct picture *, const struct intent *, const struct operation *steps);
/* The i-th of the open ones. */
json_t *view_open_operation(const struct picture *, const struct overlay *, size_t i);
json_t *view_hold(const struct hold *);
/* Age and freshness as of `now`, which may be later than the picture. */
json_t *view_source(const struct picture *, const struct source *, int64_t now);
bool view_source_fresh(const struct picture *, const struct source *, int64_t now);

#endif
