#include "handlers/acknowledged.h"

#include <string.h>

/* They are few: each was written by a person. */
#define ACKNOWLEDGEMENTS_MAX 100000

enum err acknowledgements_load(struct store *store, int64_t now, struct acknowledgements *ret,
			       struct error *e)
{
	return store_acknowledgements(store, now, false, 0, ACKNOWLEDGEMENTS_MAX, &ret->rows, &ret->n, e);
}

void acknowledgements_free(struct acknowledgements *a)
{
	store_acknowledgements_free(a->rows, a->n);
}

const struct acknowledgement *acknowledged(const struct acknowledgements *a, const struct issue *i)
{
	for (size_t k = 0; k < a->n; k++)
		if (!strcmp(a->rows[k].check, i->id) && !strcmp(a->rows[k].subject, i->subject))
			return &a->rows[k];
	return NULL;
}
