/*
 * Slows guessing of tokens: counts the wrong ones of each remote address.
 *
 * A window of a minute opens with an address's first wrong token; after ten of them the answer to a wrong one is 429,
 * and the connection is closed, so that every further guess costs a connection of its own. A valid token is never
 * refused: its 256 random bits are not found at any speed, while a lock-out would let anyone behind the same proxy shut
 * out everyone else. A revoked token is no guess, and a missing one neither.
 *
 * Constant memory: THROTTLE_SLOTS addresses, the oldest window gives way. IPv6 is counted by /64, what one customer has.
 */
#ifndef BURSTD_SERVER_THROTTLE_H
#define BURSTD_SERVER_THROTTLE_H

#include <stdint.h>
#include <sys/socket.h>

#define THROTTLE_FAILURES  10
#define THROTTLE_WINDOW_MS 60000
#define THROTTLE_SLOTS     256

struct throttle;

/* `time_scale` divides the window. NULL when out of memory. */
struct throttle *throttle_new(double time_scale);
void throttle_free(struct throttle *); /* NULL is fine */
/*
 * Notes a wrong token at wall-clock `now`. 0 = answer it; else how many seconds are left of the window, at least 1.
 * NULL address = not counted. Any thread.
 */
int throttle_wrong(struct throttle *, const struct sockaddr *address, int64_t now);

#endif
