/* systemd's notification protocol (sd_notify(3)): one datagram to the socket named by NOTIFY_SOCKET. */
#ifndef BURSTD_SERVER_NOTIFY_H
#define BURSTD_SERVER_NOTIFY_H

#include <stdint.h>

/* Sends "READY=1", "WATCHDOG=1", "STOPPING=1"; does nothing when not run by systemd. Any thread. */
void notify_send(const char *state);

/* Half of the interval that systemd expects a WATCHDOG=1 in, in milliseconds; 0 = none wanted of this
 * process. */
int64_t notify_watchdog_ms(void);

#endif
