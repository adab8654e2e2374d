/*
 * A wire tap: a thread that stands between burstd and the embedded world, passes every byte on unchanged, and notes when
 * what crossed it. Signatures stay good, because burstd signs the tap's address and the world checks what it is told.
 */
#ifndef BURSTD_TESTS_BENCH_WIRE_H
#define BURSTD_TESTS_BENCH_WIRE_H

#include <stdbool.h>

enum wire_side { WIRE_INFINITY, WIRE_EC2, WIRE_SIDES };

struct wire;

/* Both `ports` are those of the world. */
struct wire *wire_start(const int ports[WIRE_SIDES]);
void wire_stop(struct wire *);
int wire_port(const struct wire *, enum wire_side);

/*
 * Before the next request for the nodes' status is passed on, `change` is called on the tap's thread: so the answer to that
 * request is the first that shows what `change` did. Any thread; one at a time.
 */
void wire_arm(struct wire *, void (*change)(void *arg), void *arg);
/*
 * Waits for a StartInstances after that; false = none came within `limit_ms`. *ret_us: from the moment that the answer's
 * first byte was passed on to burstd until the request had arrived here.
 */
bool wire_wait_start(struct wire *, int limit_ms, double *ret_us);

#endif
