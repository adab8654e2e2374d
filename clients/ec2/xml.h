/*
 * A small XML document as a tree, for EC2's rare and short answers (the long one, DescribeInstances of the observers, is read
 * without a tree: parse.h). DOCTYPE is refused before any entity is expanded, depth and text are capped (base/limits.h). Pure.
 */
#ifndef BURSTD_CLIENTS_EC2_XML_H
#define BURSTD_CLIENTS_EC2_XML_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"

struct xml {
	const char *name;
	const char *text; /* of an element without children, blanks at its ends removed; else "" */
	struct xml *child;
	struct xml *next; /* the element's next sibling */
};

/* The root, in the arena with everything below. NULL: not well-formed, a DOCTYPE or a limit; `why` (>= 160 bytes) says so. */
struct xml *xml_read(struct arena *, const char *data, size_t len, char *why, size_t why_size);

/* The first child of that name, NULL without one. NULL in, NULL out. */
const struct xml *xml_child(const struct xml *, const char *name);
/* The text of the first child of that name; "" without one. */
const char *xml_text(const struct xml *, const char *name);
/* The first child's number from -1 to 65535, as ports are; `otherwise` where it is missing or none of these. */
int xml_number(const struct xml *, const char *name, int otherwise);
/* How many children an element has. */
size_t xml_count(const struct xml *list);

#endif
