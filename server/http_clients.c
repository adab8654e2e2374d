/* The list of connections and the thread that ends the overdue ones. See the header for the protocol. */
#include "server/http_clients.h"

#include <sys/socket.h>
#include <time.h>

#include "base/clock.h"

#define LOOK_MS 1000

/* The coarse clock: seconds count here, and every request pays for it. */
static int64_t now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	return t.tv_sec * MS_PER_SECOND + t.tv_nsec / 1000000;
}

static void end_overdue(struct clients *all)
{
	int64_t now = now_ms();
	struct client *c;
	int64_t since;

	for (c = all->first; c; c = c->next) {
		since = atomic_load_explicit(&c->owes_since, memory_order_relaxed);
		if (since && now - since >= all->limit_ms)
			(void)shutdown(c->fd, SHUT_RDWR);
	}
}

static struct timespec next_look(int64_t limit_ms)
{
	int64_t wait = limit_ms < LOOK_MS ? limit_ms : LOOK_MS;
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_nsec += wait % MS_PER_SECOND * 1000000;
	t.tv_sec += wait / MS_PER_SECOND + t.tv_nsec / 1000000000;
	t.tv_nsec %= 1000000000;
	return t;
}

static void *look(void *arg)
{
	struct clients *all = arg;
	struct timespec until;

	(void)pthread_mutex_lock(&all->lock);
	while (!all->closed) {
		end_overdue(all);
		until = next_look(all->limit_ms);
		(void)pthread_cond_timedwait(&all->closing, &all->lock, &until);
	}
	(void)pthread_mutex_unlock(&all->lock);
	return NULL;
}

bool clients_start(struct clients *all, int64_t limit_ms)
{
	pthread_condattr_t attributes;

	(void)pthread_condattr_init(&attributes);
	(void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	(void)pthread_mutex_init(&all->lock, NULL);
	(void)pthread_cond_init(&all->closing, &attributes);
	(void)pthread_condattr_destroy(&attributes);
	all->limit_ms = limit_ms;
	all->running = pthread_create(&all->thread, NULL, look, all) == 0;
	return all->running;
}

void clients_stop(struct clients *all)
{
	if (!all->running)
		return;
	(void)pthread_mutex_lock(&all->lock);
	all->closed = true;
	(void)pthread_cond_signal(&all->closing);
	(void)pthread_mutex_unlock(&all->lock);
	(void)pthread_join(all->thread, NULL);
	all->running = false;
}

void clients_add(struct clients *all, struct client *c, int fd)
{
	c->fd = fd;
	client_owes(c);
	(void)pthread_mutex_lock(&all->lock);
	c->previous = NULL;
	c->next = all->first;
	if (c->next)
		c->next->previous = c;
	all->first = c;
	(void)pthread_mutex_unlock(&all->lock);
}

void clients_remove(struct clients *all, struct client *c)
{
	(void)pthread_mutex_lock(&all->lock);
	if (c->next)
		c->next->previous = c->previous;
	if (c->previous)
		c->previous->next = c->next;
	else
		all->first = c->next;
	(void)pthread_mutex_unlock(&all->lock);
}

void client_owes(struct client *c)
{
	atomic_store_explicit(&c->owes_since, now_ms(), memory_order_relaxed);
}

void client_paid(struct client *c)
{
	atomic_store_explicit(&c->owes_since, 0, memory_order_relaxed);
}
