/*
 * GET /openapi.json: the contract as JSON, made from the YAML that is built in. Made anew at each request, which takes a few
 * milliseconds and spares a copy that could differ; who asks often sends If-None-Match.
 *
 * Plain scalars are read by YAML 1.2's core schema (true, false, null, numbers); everything quoted is text.
 */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "handlers/contract.h"
#include "handlers/handlers.h"

static json_t *convert(yaml_document_t *document, int index);

static json_t *plain_scalar(const char *text)
{
	char *end = NULL;
	long long integer;
	double real;

	if (!strcmp(text, "true") || !strcmp(text, "false"))
		return json_boolean(text[0] == 't');
	if (!strcmp(text, "null") || !strcmp(text, "~") || !*text)
		return json_null();
	if (!strchr("+-.0123456789", *text))
		return json_string(text);
	errno = 0;
	integer = strtoll(text, &end, 10);
	if (*end == '\0' && errno == 0)
		return json_integer(integer);
	real = strtod(text, &end);
	return *end == '\0' ? json_real(real) : json_string(text);
}

static json_t *convert_scalar(const yaml_node_t *node)
{
	const char *text = (const char *)node->data.scalar.value;

	if (node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
		return plain_scalar(text);
	return json_stringn(text, node->data.scalar.length);
}

static json_t *convert_sequence(yaml_document_t *document, const yaml_node_t *node)
{
	const yaml_node_item_t *item;
	json_t *list = json_array();

	for (item = node->data.sequence.items.start; item < node->data.sequence.items.top; item++)
		if (json_array_append_new(list, convert(document, *item)) != 0) {
			json_decref(list);
			return NULL;
		}
	return list;
}

static json_t *convert_mapping(yaml_document_t *document, const yaml_node_t *node)
{
	const yaml_node_pair_t *pair;
	const yaml_node_t *key;
	json_t *object = json_object();

	for (pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top; pair++) {
		key = yaml_document_get_node(document, pair->key);
		if (key->type != YAML_SCALAR_NODE ||
		    json_object_set_new(object, (const char *)key->data.scalar.value,
					convert(document, pair->value)) != 0) {
			json_decref(object);
			return NULL;
		}
	}
	return object;
}

/* New reference; NULL where the node cannot be had as JSON. The document is ours: its depth is known to be small. */
static json_t *convert(yaml_document_t *document, int index)
{
	const yaml_node_t *node = yaml_document_get_node(document, index);

	switch (node->type) {
	case YAML_SCALAR_NODE:
		return convert_scalar(node);
	case YAML_SEQUENCE_NODE:
		return convert_sequence(document, node);
	case YAML_MAPPING_NODE:
		return convert_mapping(document, node);
	case YAML_NO_NODE:
		break;
	}
	return NULL;
}

static json_t *contract_json(void)
{
	yaml_parser_t parser;
	yaml_document_t document;
	json_t *v = NULL;

	if (!yaml_parser_initialize(&parser))
		return NULL;
	yaml_parser_set_input_string(&parser, (const unsigned char *)contract_begin, contract_length());
	if (yaml_parser_load(&parser, &document)) {
		v = yaml_document_get_root_node(&document) ? convert(&document, 1) : NULL;
		yaml_document_delete(&document);
	}
	yaml_parser_delete(&parser);
	return v;
}

struct done *contract_json_get(struct req *r)
{
	return reply_value(r, 200, contract_json());
}
