/* What the kernel says of this process, for /metrics. Any thread. */
#ifndef BURSTD_BASE_PROCESS_H
#define BURSTD_BASE_PROCESS_H

#include <stdint.h>

/* -1 where the kernel does not tell. */
struct process_figures {
	double cpu_seconds; /* user and system, all threads */
	int64_t resident_bytes;
	int64_t virtual_bytes;
	int64_t threads;
	int64_t open_fds;
	int64_t max_fds;
	double started_at; /* seconds since 1970 */
};

struct process_figures process_figures(void);

#endif
