/*
 * What wakes a worker's loop: a flag under a mutex with a condition variable. Ringing a bell that is being served makes the
 * loop go round once more, so that no wake-up is lost.
 *
 * There are two ways to wake. A ring is served at once: an operator asked, a worker has news. A hint is served at once too,
 * but not before the time until which the loop asked for quiet: hints come from outside (Infinity's events) in any number,
 * and however many come meanwhile make one wake-up. Times are monotonic_ms().
 */
#ifndef BURSTD_SERVER_BELL_H
#define BURSTD_SERVER_BELL_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct bell {
	pthread_mutex_t mutex; /* all below; held for them alone */
	pthread_cond_t rung;
	bool flag;
	bool hinted;
	bool closed; /* the process ends */
	int64_t hinted_at;
	int64_t quiet_until;
};

void bell_make(struct bell *);
/* When nobody waits any more. */
void bell_destroy(struct bell *);
void bell_ring(struct bell *); /* any thread */
void bell_hint(struct bell *); /* any thread */
/* Hints wait until then. The loop's own thread. */
void bell_quiet(struct bell *, int64_t until);
/* When the last hint came; 0 = none ever. */
int64_t bell_hinted_at(struct bell *);
/* Ends every wait from now on. */
void bell_close(struct bell *);
/*
 * Waits for a ring or a hint, at most `ms`, and takes both; false = the bell is closed. With `keep` only closing ends the
 * wait early, and rings and hints stay for the loop's own wait.
 */
bool bell_wait(struct bell *, int64_t ms, bool keep);

#endif
