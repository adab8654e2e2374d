#include "server/bell.h"

#include <time.h>

#include "base/clock.h"

void bell_make(struct bell *b)
{
	pthread_condattr_t attributes;

	*b = (struct bell){.flag = false};
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_mutex_init(&b->mutex, NULL);
	pthread_cond_init(&b->rung, &attributes);
	pthread_condattr_destroy(&attributes);
}

void bell_destroy(struct bell *b)
{
	pthread_mutex_destroy(&b->mutex);
	pthread_cond_destroy(&b->rung);
}

void bell_ring(struct bell *b)
{
	pthread_mutex_lock(&b->mutex);
	b->flag = true;
	pthread_cond_signal(&b->rung);
	pthread_mutex_unlock(&b->mutex);
}

void bell_hint(struct bell *b)
{
	int64_t now = monotonic_ms();

	pthread_mutex_lock(&b->mutex);
	b->hinted_at = now;
	if (!b->hinted)
		pthread_cond_signal(&b->rung);
	b->hinted = true;
	pthread_mutex_unlock(&b->mutex);
}

void bell_quiet(struct bell *b, int64_t until)
{
	pthread_mutex_lock(&b->mutex);
	b->quiet_until = until;
	pthread_mutex_unlock(&b->mutex);
}

int64_t bell_hinted_at(struct bell *b)
{
	int64_t at;

	pthread_mutex_lock(&b->mutex);
	at = b->hinted_at;
	pthread_mutex_unlock(&b->mutex);
	return at;
}

void bell_close(struct bell *b)
{
	pthread_mutex_lock(&b->mutex);
	b->closed = true;
	pthread_cond_broadcast(&b->rung);
	pthread_mutex_unlock(&b->mutex);
}

static struct timespec timespec_of(int64_t ms)
{
	return (struct timespec){.tv_sec = ms / MS_PER_SECOND, .tv_nsec = ms % MS_PER_SECOND * 1000000};
}

bool bell_wait(struct bell *b, int64_t ms, bool keep)
{
	int64_t end = monotonic_ms() + ms;
	bool open;

	pthread_mutex_lock(&b->mutex);
	while (!b->closed && !(b->flag && !keep)) {
		int64_t until = b->hinted && !keep && b->quiet_until < end ? b->quiet_until : end;
		struct timespec t;

		if (monotonic_ms() >= until)
			break;
		t = timespec_of(until);
		(void)pthread_cond_timedwait(&b->rung, &b->mutex, &t);
	}
	if (!keep)
		b->flag = b->hinted = false;
	open = !b->closed;
	pthread_mutex_unlock(&b->mutex);
	return open;
}
