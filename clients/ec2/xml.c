#include "clients/ec2/xml.h"

#include <expat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/limits.h"

struct reading {
	XML_Parser expat;
	struct arena *arena;
	struct xml *root;
	struct xml *open[LIMIT_EC2_DEPTH];
	struct xml *last[LIMIT_EC2_DEPTH]; /* the latest child of the open element of that depth */
	size_t depth;
	struct buf text; /* of the innermost element */
	char *why;
	size_t why_size;
	bool failed;
};

static void stop(struct reading *r, const char *why)
{
	if (r->failed)
		return;
	r->failed = true;
	(void)snprintf(r->why, r->why_size, "%s", why);
	XML_StopParser(r->expat, XML_FALSE);
}

static void hang_up(struct reading *r, struct xml *node)
{
	size_t parent = r->depth - 1;

	if (!r->depth)
		r->root = node;
	else if (r->last[parent])
		r->last[parent]->next = node;
	else
		r->open[parent]->child = node;
	if (r->depth)
		r->last[parent] = node;
}

static void XMLCALL on_start(void *self, const XML_Char *name, const XML_Char **attributes)
{
	struct reading *r = self;
	struct xml *node;

	(void)attributes;
	if (r->failed)
		return;
	if (r->depth == LIMIT_EC2_DEPTH) {
		stop(r, "elements are nested too deep");
		return;
	}
	node = arena_alloc(r->arena, sizeof(*node));
	if (!node || !(node->name = arena_strdup(r->arena, name))) {
		stop(r, "the answer is too large");
		return;
	}
	node->text = "";
	hang_up(r, node);
	r->last[r->depth] = NULL;
	r->open[r->depth++] = node;
	buf_reset(&r->text);
}

static bool blank(char c)
{
	return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static void XMLCALL on_end(void *self, const XML_Char *name)
{
	struct reading *r = self;
	struct xml *node;
	const char *text;
	size_t len;

	(void)name;
	if (r->failed)
		return;
	node = r->open[--r->depth];
	if (node->child)
		return;
	text = r->text.data ? r->text.data : "";
	len = strlen(text);
	while (len && blank(text[len - 1]))
		len--;
	for (; len && blank(*text); len--)
		text++;
	node->text = arena_strndup(r->arena, text, len);
	if (!node->text)
		stop(r, "the answer is too large");
}

static void XMLCALL on_text(void *self, const XML_Char *text, int len)
{
	struct reading *r = self;

	buf_append(&r->text, text, (size_t)len);
	if (r->text.failed)
		stop(r, "an element's text is too long");
}

static void XMLCALL on_doctype(void *self, const XML_Char *name, const XML_Char *system_id,
			       const XML_Char *public_id, int has_internal_subset)
{
	(void)name;
	(void)system_id;
	(void)public_id;
	(void)has_internal_subset;
	stop(self, "a DOCTYPE, which EC2 never sends");
}

struct xml *xml_read(struct arena *arena, const char *data, size_t len, char *why, size_t why_size)
{
	struct reading r = {.arena = arena,
			    .text = BUF_INIT(LIMIT_EC2_TEXT_BYTES),
			    .why = why,
			    .why_size = why_size,
			    .expat = XML_ParserCreate("UTF-8")};

	if (!r.expat) {
		(void)snprintf(why, why_size, "out of memory");
		return NULL;
	}
	XML_SetUserData(r.expat, &r);
	XML_SetElementHandler(r.expat, on_start, on_end);
	XML_SetCharacterDataHandler(r.expat, on_text);
	XML_SetStartDoctypeDeclHandler(r.expat, on_doctype);
	if (XML_Parse(r.expat, data, (int)len, true) != XML_STATUS_OK && !r.failed) {
		r.failed = true;
		(void)snprintf(why, why_size, "not well-formed in line %lu: %s",
			       (unsigned long)XML_GetCurrentLineNumber(r.expat),
			       XML_ErrorString(XML_GetErrorCode(r.expat)));
	}
	XML_ParserFree(r.expat);
	buf_free(&r.text);
	return r.failed ? NULL : r.root;
}

const struct xml *xml_child(const struct xml *node, const char *name)
{
	const struct xml *child = node ? node->child : NULL;

	while (child && strcmp(child->name, name) != 0)
		child = child->next;
	return child;
}

const char *xml_text(const struct xml *node, const char *name)
{
	const struct xml *child = xml_child(node, name);

	return child ? child->text : "";
}

int xml_number(const struct xml *node, const char *name, int otherwise)
{
	const char *text = xml_text(node, name);
	char *end;
	long n = strtol(text, &end, 10);

	return end > text && !*end && n >= -1 && n <= 65535 ? (int)n : otherwise;
}

size_t xml_count(const struct xml *node)
{
	size_t n = 0;

	for (const struct xml *c = node ? node->child : NULL; c; c = c->next)
		n++;
	return n;
}
