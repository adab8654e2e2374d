/*
 * GET /docs and its files: the contract in a form to read, by Swagger UI (web/docs). They hold nothing secret and are open, because
 * a browser that opens a page sends no token; the contract itself the page asks for with the token that its reader gives.
 */
#include <assert.h>
#include <string.h>

#include "handlers/built_in.h"
#include "handlers/handlers.h"

BUILT_IN(docs_page, "docs/index.html");
BUILT_IN(docs_script, "docs/docs.js");
BUILT_IN(docs_style, "docs/docs.css");
BUILT_IN(docs_renderer, "docs/swagger-ui.js");
BUILT_IN(docs_renderer_style, "docs/swagger-ui.css");

static const struct built_in files[] = {
	BUILT_IN_ROW(docs_page, "/docs", MEDIA_HTML),
	BUILT_IN_ROW(docs_script, "/docs/docs.js", MEDIA_SCRIPT),
	BUILT_IN_ROW(docs_style, "/docs/docs.css", MEDIA_STYLE),
	BUILT_IN_ROW(docs_renderer, "/docs/swagger-ui.js", MEDIA_SCRIPT),
	BUILT_IN_ROW(docs_renderer_style, "/docs/swagger-ui.css", MEDIA_STYLE),
};

struct done *docs_get(struct req *r)
{
	const struct built_in *f = files;

	while (strcmp(f->name, r->route->path) != 0) {
		f++;
		assert(f < files + ARRAY_LEN(files)); /* each of its routes has a row here */
	}
	return reply_built_in(r, f);
}
