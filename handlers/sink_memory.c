/* A table of nodes; of each the highest number, and a ring of bits for the SINK_WINDOW numbers up to it. */
#include "handlers/sink_memory.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct publisher {
	char node[SINK_NODE_SIZE];
	uint64_t heard;    /* grows with each event of any node: who was silent longest */
	int64_t highest;   /* -1 = none yet */
	double highest_at; /* its time; 0 = not said */
	int64_t started_seq;
	double started_at; /* of the eventsink_started that began this; 0 = none, or its time was not said */
	uint8_t seen[SINK_WINDOW / 8];
};

struct sink_memory {
	pthread_mutex_t lock; /* all below */
	size_t n;
	struct publisher *last; /* a bulk is of one node: found without a search */
	uint64_t heard;
	int64_t totals[SINK_RESULT_COUNT];
	struct publisher publishers[SINK_NODES];
};

const char *sink_result_text(enum sink_result result)
{
	static const char *const texts[SINK_RESULT_COUNT] = {
#define X(name, text) [SINK_##name] = (text),
		SINK_RESULTS(X)
#undef X
	};

	return texts[result];
}

struct sink_memory *sink_memory_new(void)
{
	struct sink_memory *m = calloc(1, sizeof *m);

	if (m)
		(void)pthread_mutex_init(&m->lock, NULL);
	return m;
}

void sink_memory_free(struct sink_memory *m)
{
	if (!m)
		return;
	(void)pthread_mutex_destroy(&m->lock);
	free(m);
}

/* --- one publisher --------------------------------------------------------------------------------------------- */

static void forget(struct publisher *p)
{
	p->highest = -1;
	p->highest_at = 0;
	p->started_seq = -1;
	p->started_at = 0;
	memset(p->seen, 0, sizeof p->seen);
}

static uint8_t *byte_of(struct publisher *p, int64_t seq)
{
	return &p->seen[seq % SINK_WINDOW / 8];
}

static uint8_t bit_of(int64_t seq)
{
	return (uint8_t)(1u << (seq % 8));
}

static bool was_seen(struct publisher *p, int64_t seq)
{
	return seq <= p->highest && (*byte_of(p, seq) & bit_of(seq));
}

/* The numbers between the highest one and this were not seen, whatever the ring holds from the round before. */
static void see(struct publisher *p, const struct sink_event *e)
{
	int64_t seq = e->seq - p->highest > SINK_WINDOW ? e->seq - SINK_WINDOW : p->highest;

	while (++seq <= e->seq)
		*byte_of(p, seq) &= (uint8_t)~bit_of(seq);
	*byte_of(p, e->seq) |= bit_of(e->seq);
	if (e->seq <= p->highest)
		return;
	p->highest = e->seq;
	p->highest_at = e->time;
}

/* Whether the event is of a publisher that began anew: the rules of the header. */
static bool has_restarted(const struct publisher *p, const struct sink_event *e)
{
	if (e->started && !(e->time > 0 && e->seq == p->started_seq && e->time == p->started_at))
		return true;
	if (e->seq > p->highest)
		return false;
	return p->highest - e->seq >= SINK_WINDOW ||
	       (p->highest_at > 0 && e->time > p->highest_at + SINK_RESTART_SECONDS);
}

static enum sink_result take(struct publisher *p, const struct sink_event *e)
{
	if (has_restarted(p, e))
		forget(p);
	if (was_seen(p, e->seq))
		return SINK_DUPLICATE;
	see(p, e);
	if (e->started) {
		p->started_seq = e->seq;
		p->started_at = e->time;
	}
	return e->load ? SINK_ACCEPTED : SINK_IGNORED;
}

/* --- the table ------------------------------------------------------------------------------------------------- */

/* The node's row; a new one, in the place of the one silent longest where there is no other. Locked. */
static struct publisher *publisher_of(struct sink_memory *m, const char *node)
{
	struct publisher *oldest = m->publishers;
	struct publisher *p;

	if (m->last && !strcmp(m->last->node, node))
		return m->last;
	for (p = m->publishers; p < m->publishers + m->n; p++) {
		if (!strcmp(p->node, node))
			return p;
		if (p->heard < oldest->heard)
			oldest = p;
	}
	p = m->n < SINK_NODES ? &m->publishers[m->n++] : oldest;
	(void)snprintf(p->node, sizeof p->node, "%s", node);
	forget(p);
	return p;
}

void sink_memory_take(struct sink_memory *m, const struct sink_event *events, size_t n,
		      int64_t counts[SINK_RESULT_COUNT])
{
	(void)pthread_mutex_lock(&m->lock);
	for (size_t i = 0; i < n; i++) {
		struct publisher *p = publisher_of(m, events[i].node);
		enum sink_result result = take(p, &events[i]);

		p->heard = ++m->heard;
		m->last = p;
		counts[result]++;
		m->totals[result]++;
	}
	(void)pthread_mutex_unlock(&m->lock);
}

void sink_memory_totals(struct sink_memory *m, int64_t ret[SINK_RESULT_COUNT])
{
	(void)pthread_mutex_lock(&m->lock);
	memcpy(ret, m->totals, sizeof m->totals);
	(void)pthread_mutex_unlock(&m->lock);
}
