/* The real HTTP side of burstd (routes, handlers, store) over a picture that never changes, in a process of its own. */
#ifndef BURSTD_TESTS_BENCH_STACK_H
#define BURSTD_TESTS_BENCH_STACK_H

#include "fleet/picture.h"
#include "store/store.h"
#include "tests/bench/bench.h"

extern const uint8_t stack_key[SECRET_KEY_SIZE];

struct stack {
	struct child child;
	char token[64];    /* viewer */
	char headers[128]; /* "Authorization: Bearer ...\r\n" */
};

/*
 * `state_dir` is made when it is not there; `picture` is borrowed for the call. Only while this process has one thread and no open
 * store.
 */
void stack_start(struct stack *, const char *state_dir, struct picture *picture);

#endif
