/* The world's scheduled things: a binary heap by time; things of one instant keep the order they were added in. */
#include "tests/world/internal.h"

static bool before(const struct scheduled *x, const struct scheduled *y)
{
	return x->at != y->at ? x->at < y->at : x->order < y->order;
}

void queue_add(struct queue *q, int64_t at, enum sched_kind kind, int32_t a, int64_t b)
{
	GROW(q->heap, q->n, q->cap);

	struct scheduled item = {.at = at, .order = q->order++, .kind = kind, .a = a, .b = b};
	size_t i = q->n++;

	for (; i > 0 && before(&item, &q->heap[(i - 1) / 2]); i = (i - 1) / 2)
		q->heap[i] = q->heap[(i - 1) / 2];
	q->heap[i] = item;
}

static void sink(struct queue *q, struct scheduled item)
{
	size_t i = 0;

	for (;;) {
		size_t child = 2 * i + 1;

		if (child >= q->n)
			break;
		if (child + 1 < q->n && before(&q->heap[child + 1], &q->heap[child]))
			child++;
		if (before(&item, &q->heap[child]))
			break;
		q->heap[i] = q->heap[child];
		i = child;
	}
	q->heap[i] = item;
}

bool queue_take(struct queue *q, int64_t up_to, struct scheduled *ret)
{
	if (!q->n || q->heap[0].at > up_to)
		return false;
	*ret = q->heap[0];
	q->n--;
	if (q->n)
		sink(q, q->heap[q->n]);
	return true;
}
