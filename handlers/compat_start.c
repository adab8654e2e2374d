/* POST /api/admin/command/v1/platform/start_cloudnode/: RULE S7 in Infinity's words. */
#include <string.h>

#include "handlers/compat.h"
#include "handlers/handlers.h"
#include "handlers/input.h"
#include "handlers/node_actions.h"

#define INSTANCE_ID_MAX 64

static const struct node *node_of(const struct picture *p, const char *instance, struct error *e)
{
	for (size_t i = 0; i < p->n_nodes; i++)
		if (p->nodes[i].instance && !strcmp(p->nodes[i].instance->id, instance))
			return &p->nodes[i];
	if (p->infinity_at)
		(void)error_set(e, ERR_BAD_REQUEST, "instance_id: no Conferencing Node has the instance %s",
				instance);
	else
		(void)error_set(e, ERR_BUSY, "Infinity was not read yet");
	return NULL;
}

/* The first fault as one sentence, in Infinity's form. */
static struct done *refuse_input(struct req *r, const struct input_errors *errors)
{
	struct error e;

	(void)error_set(&e, ERR_BAD_REQUEST, "%s: %s", errors->list[0].pointer + 1, errors->list[0].detail);
	return compat_error(r, &e);
}

struct done *compat_start(struct req *r)
{
	struct input_errors errors;
	struct input_value id;
	struct input in;
	const struct node *n;
	struct error e = {.code = ERR_OK};

	if (!input_open(&in, &errors, r, true, &e))
		return compat_error(r, &e);
	id = input_text(&in, "instance_id", 1, INSTANCE_ID_MAX, false);
	if (!id.given && !errors.n)
		input_fail(&in, "instance_id", "This field is required.");
	if (!input_end(&in))
		return refuse_input(r, &errors);
	n = node_of(req_picture(r), id.text, &e);
	if (!n || node_start_ask(r, n, "asked for through start_cloudnode", &e))
		return compat_error(r, &e);
	return reply_value(r, 202, json_pack("{s:n, s:s}", "data", "status", "success"));
}
