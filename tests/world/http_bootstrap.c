/*
 * Ports of the instances themselves, as URL/ADDRESS: port 8443 of a Conferencing Node's image that waits for its configuration, and the
 * management API of a new Management Node once a person has done its installation wizard. Where nobody listens the connection is dropped.
 */
#include <strings.h>

#include "tests/world/http_internal.h"

#define UPLOAD "/configuration/bootstrap"

/* Splits "/ADDRESS/rest"; returns the rest, with its slash, "" where there is none. */
static const char *take_address(const char *path, char *address, size_t size)
{
	size_t len = strcspn(path + 1, "/");

	(void)snprintf(address, size, "%.*s", (int)len, path + 1);
	return path + 1 + len;
}

static void upload(struct request *r, struct vm *v, struct reply *reply)
{
	const char *type = request_header(r, "Content-Type");

	reply->type = "text/plain";
	if (!type || strncasecmp(type, "text/xml", strlen("text/xml")) != 0 ||
	    !vm_configure(r->world, v, r->body.data ? r->body.data : "", r->body.len)) {
		reply->status = 400;
		buf_puts(&reply->body, "This is no configuration of a Conferencing Node.");
		return;
	}
	buf_puts(&reply->body, "The configuration is being applied.");
}

static void serve_node(struct request *r, struct vm *v, const char *rest, struct reply *reply)
{
	if (!v->waits) {
		reply->drop = true;
	} else if (!strcmp(rest, UPLOAD)) {
		if (!strcmp(r->method, "POST"))
			upload(r, v, reply);
		else
			reply->status = 405;
	} else if (strcmp(r->method, "GET") != 0 || (*rest && strcmp(rest, "/") != 0)) {
		reply_html(reply, 404);
	} else {
		reply->type = "text/html";
		buf_puts(&reply->body, "<html><body>Upload the configuration of this node.</body></html>");
	}
}

static void serve_at(struct request *r, struct reply *reply)
{
	char address[64];
	const char *rest = take_address(r->path, address, sizeof(address));
	int32_t index = vm_at_address(r->world, address);
	struct vm *v = index < 0 ? NULL : &r->world->instances[index];

	if (!v || vm_view(v)->state != INSTANCE_RUNNING || !v->booted || (v->manager && !v->wizard)) {
		reply->drop = true;
		return;
	}
	if (v->manager)
		reply_json(reply, 401,
			   json_pack("{s:s}", "error", "Authentication credentials were not provided."));
	else
		serve_node(r, v, rest, reply);
}

void bootstrap_serve(struct request *r, struct reply *reply)
{
	const struct failing *f = failing_take(r, NULL);

	if (f && f->how == FAIL_ANSWER) {
		reply->status = f->status;
		buf_puts(&reply->body, f->code);
	} else if (!f || f->how != FAIL_DROP) {
		serve_at(r, reply);
	}
	reply->drop |= f && f->how != FAIL_ANSWER;
}
