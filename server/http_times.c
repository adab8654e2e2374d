/* How long requests take and how they end, counted without a lock: HTTP threads add, /metrics reads. */
#include "server/http_internal.h"

static const int64_t bounds[] = HTTP_TIME_BOUNDS_US;
_Static_assert(ARRAY_LEN(bounds) == HTTP_TIME_BOUNDS, "one class per bound");

static void count(_Atomic uint64_t *counter, uint64_t by)
{
	(void)atomic_fetch_add_explicit(counter, by, memory_order_relaxed);
}

static uint64_t counted(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

void times_add(struct exchange *x)
{
	struct http_server *s = x->server;
	size_t row = x->req.route ? (size_t)(x->req.route - s->routes.rows) : s->routes.n;
	int64_t took = monotonic_us() - x->started_us;
	size_t i = 0;

	if (x->status < 100 || x->status > 599)
		return; /* the client went away before it had a reply */
	while (i < HTTP_TIME_BOUNDS && took > bounds[i])
		i++;
	count(&s->times[row].count[i], 1);
	count(&s->times[row].sum_us, took > 0 ? (uint64_t)took : 0);
	count(&s->replies[x->status / 100], 1);
}

bool req_times(struct req *r, size_t row, struct http_times *ret)
{
	const struct http_server *s = exchange_of(r)->server;
	size_t i;

	if (row > s->routes.n)
		return false;
	ret->operation = row < s->routes.n ? s->routes.rows[row].operation : "none";
	ret->sum_us = counted(&s->times[row].sum_us);
	for (i = 0; i <= HTTP_TIME_BOUNDS; i++)
		ret->count[i] = counted(&s->times[row].count[i]);
	return true;
}

uint64_t req_replies(struct req *r, int hundreds)
{
	return counted(&exchange_of(r)->server->replies[hundreds]);
}
