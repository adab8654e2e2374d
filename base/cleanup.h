/*
 * Scope cleanup. A variable declared with _cleanup_(fn) is released on every path out of its scope;
 * take_ptr() hands it on instead.
 */
#ifndef BURSTD_BASE_CLEANUP_H
#define BURSTD_BASE_CLEANUP_H

#include <stdlib.h>

#define _cleanup_(fn) __attribute__((cleanup(fn)))

/* Moves the pointer out of `p` and leaves NULL behind, so that a cleanup of `p` does nothing. */
#define take_ptr(p)                                                                                          \
	({                                                                                                   \
		__typeof__(p) *take_from_ = &(p);                                                            \
		__typeof__(p) taken_ = *take_from_;                                                          \
		*take_from_ = NULL;                                                                          \
		taken_;                                                                                      \
	})

/* Defines x_freep(), the cleanup form of `void x_free(struct x *)`. */
#define DEFINE_FREEP(type, fn)                                                                               \
	static inline void fn##p(type **p)                                                                   \
	{                                                                                                    \
		fn(*p);                                                                                      \
	}

static inline void freep(void *p)
{
	free(*(void **)p);
}

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#endif
