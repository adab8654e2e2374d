/*
 * Samples of the published picture: one a location and minute, one where something other than the load has changed, and every
 * ten minutes their means. What is not known is not sampled (RULE D1): a gap in a chart is true, a zero would not be.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "reconcile/internal.h"

/* A day's worth of a large platform is cut off in an hour; a pass never stays long at it. */
#define PRUNE_ROWS 5000

struct batch {
	struct reconciler *r;
	int64_t now;
	struct sample *rows;
	size_t n;
	bool regular;
	bool means;
};

static const struct sample *sampled(const struct sampler *s, int64_t location)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->rows[i].location == location)
			return &s->rows[i];
	return NULL;
}

static bool due(const struct batch *b, const struct sample *now)
{
	const struct sample *before = sampled(&b->r->sampler, now->location);

	if (b->regular || !before)
		return true;
	return sample_differs(before, now) && now->time - before->time >= scaled(b->r, SAMPLE_CHANGE_MS);
}

static enum err batch_tx(struct store *store, void *arg, struct error *e)
{
	const struct batch *b = arg;
	int64_t kept = b->now - scaled(b->r, SAMPLE_KEEP_MS);
	enum err err = ERR_OK;

	for (size_t i = 0; !err && i < b->n; i++)
		err = store_sample_add(store, &b->rows[i], e);
	if (!err && b->means)
		err = store_samples_merge(store, b->now, kept, scaled(b->r, SAMPLE_MEAN_MS), e);
	if (!err && b->regular)
		err = store_samples_prune(store, kept, b->now - scaled(b->r, SAMPLE_KEEP_MEANS_MS),
					  PRUNE_ROWS, e);
	return err;
}

/* Regular samples are of all locations, so nothing is remembered of one that is gone. */
static void remember(struct sampler *s, struct batch *b)
{
	struct sample *rows;

	if (b->regular) {
		free(s->rows);
		s->rows = take_ptr(b->rows);
		s->n = b->n;
		return;
	}
	rows = reallocarray(s->rows, s->n + b->n, sizeof(*rows));
	if (!rows)
		return; /* sampled again at the next look, which the store leaves out */
	s->rows = rows;
	for (size_t i = 0; i < b->n; i++) {
		const struct sample *before = sampled(s, b->rows[i].location);

		rows[before ? (size_t)(before - rows) : s->n++] = b->rows[i];
	}
}

static void store_batch(struct reconciler *r, struct store *store, struct batch *b)
{
	struct sampler *s = &r->sampler;
	struct error e = {0};

	if (store_tx(store, batch_tx, b, &e)) {
		if (!s->failing)
			log_error("samples cannot be stored; charts have a gap", "error", e.detail);
		s->failing = true;
		return;
	}
	s->failing = false;
	if (b->regular)
		s->minute = b->now / scaled(r, SAMPLE_EVERY_MS);
	if (b->means)
		s->step = b->now / scaled(r, SAMPLE_MEAN_MS);
	remember(s, b);
}

void samples_record(struct reconciler *r, struct store *store, const struct picture *p)
{
	_cleanup_(freep) struct sample *rows = calloc(p->n_locations + 1, sizeof(*rows));
	struct batch b = {.r = r,
			  .now = p->made_at,
			  .rows = rows,
			  .regular = p->made_at / scaled(r, SAMPLE_EVERY_MS) != r->sampler.minute,
			  .means = p->made_at / scaled(r, SAMPLE_MEAN_MS) != r->sampler.step};

	for (size_t i = 0; rows && i < p->n_locations; i++)
		if (sample_make(p, &p->locations[i], &rows[b.n]) && due(&b, &rows[b.n]))
			b.n++;
	if (!b.n)
		return;
	store_batch(r, store, &b);
	rows = b.rows; /* NULL where they are remembered */
}
