/*
 * GET /docs and its files: the contract in a form to read, by Swagger UI (web/docs). Built in, gzip'ed, as the Makefile has them
 * in build/docs. They hold nothing secret and are open, because a browser that opens a page sends no token; the contract itself
 * the page asks for with the token that its reader gives.
 */
#include <assert.h>
#include <string.h>

#include "handlers/handlers.h"

#define BUILT_IN(symbol, file)                                                                               \
	extern const char symbol##_begin[];                                                                  \
	extern const char symbol##_end[];                                                                    \
	__asm__(".section .rodata\n"                                                                         \
		".global " #symbol "_begin\n"                                                                \
		".global " #symbol "_end\n" #symbol "_begin:\n"                                              \
		".incbin \"build/docs/" file ".gz\"\n" #symbol "_end:\n"                                     \
		".byte 0\n"                                                                                  \
		".previous\n")

BUILT_IN(docs_page, "index.html");
BUILT_IN(docs_script, "docs.js");
BUILT_IN(docs_style, "docs.css");
BUILT_IN(docs_renderer, "swagger-ui.js");
BUILT_IN(docs_renderer_style, "swagger-ui.css");

static const struct file {
	const char *path;
	const char *media;
	const char *begin;
	const char *end;
} files[] = {
	{"/docs", "text/html; charset=utf-8", docs_page_begin, docs_page_end},
	{"/docs/docs.js", "text/javascript; charset=utf-8", docs_script_begin, docs_script_end},
	{"/docs/docs.css", "text/css; charset=utf-8", docs_style_begin, docs_style_end},
	{"/docs/swagger-ui.js", "text/javascript; charset=utf-8", docs_renderer_begin, docs_renderer_end},
	{"/docs/swagger-ui.css", "text/css; charset=utf-8", docs_renderer_style_begin,
	 docs_renderer_style_end},
};

struct done *docs_get(struct req *r)
{
	const struct file *f = files;

	while (strcmp(f->path, r->route->path) != 0) {
		f++;
		assert(f < files + ARRAY_LEN(files)); /* each of its routes has a row here */
	}
	return reply_asset(r, f->media, f->begin, (size_t)(f->end - f->begin));
}
