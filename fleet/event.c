#include "fleet/event.h"

#include <string.h>

static const char *const texts[EVENT_TYPE_COUNT] = {
#define X(name, text) [EVENT_##name] = (text),
	EVENT_TYPES(X)
#undef X
};

const char *event_type_text(enum event_type type)
{
	return texts[type];
}

int event_type_from_text(const char *text, enum event_type *ret)
{
	for (int i = 0; i < EVENT_TYPE_COUNT; i++)
		if (!strcmp(texts[i], text)) {
			*ret = (enum event_type)i;
			return 0;
		}
	return -1;
}
