/*
 * Signs of life: a thread that begins something says by when it will be heard again, and the main thread looks whether it was.
 * A thread that hangs, whatever it hangs at, is late by and by. Times are monotonic_ms(), given by the caller.
 */
#ifndef BURSTD_SERVER_PULSE_H
#define BURSTD_SERVER_PULSE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pulse {
	_Atomic int64_t due; /* 0 = nothing is owed */
};

/* The owner's thread: it will be heard of at `due` at the latest, or owes nothing any more. */
void pulse_owe(struct pulse *, int64_t due);
void pulse_rest(struct pulse *);

/*
 * For threads that nobody knows one by one: takes a pulse of the set that owes nothing, for a thread that is heard of at `due`
 * at the latest by pulse_rest. NULL where all are taken. Any thread.
 */
struct pulse *pulse_take(struct pulse *set, size_t n, int64_t due);

/* Whether one of the set should have been heard of before `now`. Any thread. */
bool pulses_late(const struct pulse *set, size_t n, int64_t now);

#endif
