/*
 * One line a record on stderr: logfmt, or JSON. Values are quoted and control characters escaped, so that nothing from
 * outside can forge a record. Never pass a secret. Any thread; a record is one write(2).
 */
#ifndef BURSTD_BASE_LOG_H
#define BURSTD_BASE_LOG_H

#include <stdbool.h>

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };

/* Call once before threads start. Records below `least` are dropped. */
void log_setup(enum log_level least, bool json);

/*
 * log_event(LOG_LEVEL_INFO, "node started", "node", name, "rule", "S3", NULL): message, then pairs of key and value
 * (both const char *), closed by NULL. A pair with a NULL value is left out.
 */
void log_event(enum log_level level, const char *message, ...) __attribute__((sentinel));

#define log_debug(...) log_event(LOG_LEVEL_DEBUG, __VA_ARGS__, NULL)
#define log_info(...)  log_event(LOG_LEVEL_INFO, __VA_ARGS__, NULL)
#define log_warn(...)  log_event(LOG_LEVEL_WARN, __VA_ARGS__, NULL)
#define log_error(...) log_event(LOG_LEVEL_ERROR, __VA_ARGS__, NULL)

#endif
