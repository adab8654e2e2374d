/*
 * systemd's watchdog: a beat says that every thread that burstd cannot do without was heard of in time. Where one is late no beat
 * is sent; when systemd has waited for it long enough it ends the process and starts it anew, which is safe at any moment.
 */
#ifndef BURSTD_SERVER_WATCHDOG_H
#define BURSTD_SERVER_WATCHDOG_H

#include "server/pulse.h"

struct watched {
	const char *who; /* for the log */
	const struct pulse *pulses;
	size_t n;
};

struct watchdog {
	const struct watched *rows; /* borrowed */
	size_t n;
	const char *late; /* who was late at the last beat, so that the log says it once; NULL = nobody */
};

/* Sends WATCHDOG=1 unless one of the rows is late at `now` (monotonic_ms()); returns whether it did. One thread at a time. */
bool watchdog_beat(struct watchdog *, int64_t now);

#endif
