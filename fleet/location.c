#include "fleet/location.h"

#include <string.h>

const char *location_field_text(unsigned field)
{
	switch ((enum location_field)field) {
#define X(name, value, text)                                                                                 \
	case LOCATION_##name:                                                                                \
		return (text);
		LOCATION_FIELDS(X)
#undef X
	}
	return "";
}

void location_change_merge(struct location_change *to, const struct location_change *from)
{
	to->fields |= from->fields;
	if (from->fields & LOCATION_NAME)
		memcpy(to->name, from->name, sizeof(to->name));
	if (from->fields & LOCATION_DESCRIPTION)
		memcpy(to->description, from->description, sizeof(to->description));
	if (from->fields & LOCATION_PRIMARY)
		to->overflow1 = from->overflow1;
	if (from->fields & LOCATION_SECONDARY)
		to->overflow2 = from->overflow2;
}

unsigned location_drift(const struct location_change *wish, const struct location_change *actual)
{
	unsigned drift = 0;

	if (strcmp(wish->name, actual->name))
		drift |= LOCATION_NAME;
	if (strcmp(wish->description, actual->description))
		drift |= LOCATION_DESCRIPTION;
	if (wish->overflow1 != actual->overflow1)
		drift |= LOCATION_PRIMARY;
	if (wish->overflow2 != actual->overflow2)
		drift |= LOCATION_SECONDARY;
	return drift & wish->fields;
}
