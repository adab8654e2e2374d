#include "server/watchdog.h"

#include "base/log.h"
#include "server/notify.h"

static const char *who_is_late(const struct watchdog *w, int64_t now)
{
	size_t i;

	for (i = 0; i < w->n; i++)
		if (pulses_late(w->rows[i].pulses, w->rows[i].n, now))
			return w->rows[i].who;
	return NULL;
}

bool watchdog_beat(struct watchdog *w, int64_t now)
{
	const char *late = who_is_late(w, now);

	if (late && late != w->late)
		log_error("a thread hangs: systemd's watchdog gets no beat", "thread", late);
	if (!late && w->late)
		log_info("the thread is heard of again: the watchdog gets its beat", "thread", w->late);
	w->late = late;
	if (late)
		return false;
	notify_send("WATCHDOG=1");
	return true;
}
