/*
 * GET / and the files that it is made of: the dashboard (web/dashboard). Open like /docs: the page holds nothing secret, and asks
 * for everything that it shows with the token that is typed into it.
 */
#include <string.h>

#include "handlers/built_in.h"
#include "handlers/handlers.h"

/* symbol, file, media type; uplot is the charts' library, as web/dashboard/package-lock.json has it */
#define FILES(X)                                                                                             \
	X(ui_actions, "actions.js", MEDIA_SCRIPT)                                                            \
	X(ui_api, "api.js", MEDIA_SCRIPT)                                                                    \
	X(ui_app, "app.js", MEDIA_SCRIPT)                                                                    \
	X(ui_chart, "chart.js", MEDIA_SCRIPT)                                                                \
	X(ui_style, "dashboard.css", MEDIA_STYLE)                                                            \
	X(ui_deploy, "deploy.js", MEDIA_SCRIPT)                                                              \
	X(ui_dom, "dom.js", MEDIA_SCRIPT)                                                                    \
	X(ui_format, "format.js", MEDIA_SCRIPT)                                                              \
	X(ui_history, "history.js", MEDIA_SCRIPT)                                                            \
	X(ui_holds, "holds.js", MEDIA_SCRIPT)                                                                \
	X(ui_icon, "icon.svg", MEDIA_IMAGE)                                                                  \
	X(ui_lifecycle, "lifecycle.js", MEDIA_SCRIPT)                                                        \
	X(ui_live, "live.js", MEDIA_SCRIPT)                                                                  \
	X(ui_nodes, "nodes.js", MEDIA_SCRIPT)                                                                \
	X(ui_operations, "operations.js", MEDIA_SCRIPT)                                                      \
	X(ui_overview, "overview.js", MEDIA_SCRIPT)                                                          \
	X(ui_settings, "settings.js", MEDIA_SCRIPT)                                                          \
	X(ui_sync, "sync.js", MEDIA_SCRIPT)                                                                  \
	X(ui_uplot, "uplot.js", MEDIA_SCRIPT)                                                                \
	X(ui_uplot_style, "uplot.css", MEDIA_STYLE)

BUILT_IN(ui_page, "dashboard/index.html");
#define X(symbol, file, media) BUILT_IN(symbol, "dashboard/" file);
FILES(X)
#undef X

static const struct built_in page = BUILT_IN_ROW(ui_page, "/", MEDIA_HTML);
static const struct built_in files[] = {
#define X(symbol, file, media) BUILT_IN_ROW(symbol, file, media),
	FILES(X)
#undef X
};

struct done *dashboard_get(struct req *r)
{
	return reply_built_in(r, &page);
}

struct done *dashboard_file_get(struct req *r)
{
	struct error e;

	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		if (!strcmp(files[i].name, r->key))
			return reply_built_in(r, &files[i]);
	(void)error_set(&e, ERR_NOT_FOUND, "the dashboard has no such file");
	return reply_error(r, &e);
}
