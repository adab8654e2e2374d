/* The table of addresses: searched in full, which only wrong tokens cause, and guarded by one lock. */
#include "server/throttle.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define ADDRESS_BYTES 9 /* the family, then 4 bytes of IPv4 or the first 8 of IPv6 */

struct slot {
	uint8_t address[ADDRESS_BYTES];
	int wrong; /* 0 = free */
	int64_t since;
};

struct throttle {
	pthread_mutex_t lock; /* slots */
	int64_t window;
	struct slot slots[THROTTLE_SLOTS];
};

struct throttle *throttle_new(double time_scale)
{
	struct throttle *t = calloc(1, sizeof *t);

	if (!t)
		return NULL;
	t->window = (int64_t)(THROTTLE_WINDOW_MS / time_scale);
	(void)pthread_mutex_init(&t->lock, NULL);
	return t;
}

void throttle_free(struct throttle *t)
{
	if (!t)
		return;
	(void)pthread_mutex_destroy(&t->lock);
	free(t);
}

static void address_key(const struct sockaddr *address, uint8_t out[ADDRESS_BYTES])
{
	memset(out, 0, ADDRESS_BYTES);
	out[0] = (uint8_t)address->sa_family;
	if (address->sa_family == AF_INET)
		memcpy(out + 1, &((const struct sockaddr_in *)(const void *)address)->sin_addr, 4);
	else if (address->sa_family == AF_INET6)
		memcpy(out + 1, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, 8);
}

/* A wall clock that was set back ends a window too: it would last for no one knows how long. */
static bool is_open(const struct throttle *t, const struct slot *s, int64_t now)
{
	return s->wrong && now >= s->since && now - s->since < t->window;
}

/* The address's slot, else one that is free or over, else the oldest one. Locked. */
static struct slot *slot_of(struct throttle *t, const uint8_t key[ADDRESS_BYTES], int64_t now)
{
	struct slot *best = &t->slots[0];
	struct slot *s;

	for (s = t->slots; s < t->slots + THROTTLE_SLOTS; s++) {
		bool open = is_open(t, s, now);

		if (open && memcmp(s->address, key, ADDRESS_BYTES) == 0)
			return s;
		if (is_open(t, best, now) && (!open || s->since < best->since))
			best = s;
	}
	memcpy(best->address, key, ADDRESS_BYTES);
	best->wrong = 0;
	best->since = now;
	return best;
}

int throttle_wrong(struct throttle *t, const struct sockaddr *address, int64_t now)
{
	uint8_t key[ADDRESS_BYTES];
	struct slot *s;
	int64_t left = 0;

	if (!address)
		return 0;
	address_key(address, key);
	(void)pthread_mutex_lock(&t->lock);
	s = slot_of(t, key, now);
	if (s->wrong < THROTTLE_FAILURES)
		s->wrong++;
	else
		left = s->since + t->window - now;
	(void)pthread_mutex_unlock(&t->lock);
	return (int)((left + MS_PER_SECOND - 1) / MS_PER_SECOND);
}
