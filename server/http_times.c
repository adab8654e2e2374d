/* How long requests take and how they end, counted without a lock: HTTP threads add, /metrics reads. */
#include "server/http_internal.h"

const struct meter_bounds http_time_bounds = {
	{100, 250, 500, 1000, 2500, 5000, 10000, 25000, 100000, 250000, 1000000, 5000000}};

void times_add(struct exchange *x)
{
	struct http_server *s = x->server;
	size_t row = x->req.route ? (size_t)(x->req.route - s->routes.rows) : s->routes.n;

	if (x->status < 100 || x->status > 599)
		return; /* the client went away before it had a reply */
	meter_add(&s->times[row], &http_time_bounds, monotonic_us() - x->started_us);
	counter_add(&s->replies[x->status / 100], 1);
}

bool req_times(struct req *r, size_t row, struct http_times *ret)
{
	const struct http_server *s = exchange_of(r)->server;

	if (row > s->routes.n)
		return false;
	ret->operation = row < s->routes.n ? s->routes.rows[row].operation : "none";
	ret->times = meter_read(&s->times[row]);
	return true;
}

uint64_t req_replies(struct req *r, int hundreds)
{
	return counter_read(&exchange_of(r)->server->replies[hundreds]);
}
