/* Files that are built into the binary, gzip'ed, as the Makefile has them in build/assets. */
#ifndef BURSTD_HANDLERS_BUILT_IN_H
#define BURSTD_HANDLERS_BUILT_IN_H

#include "server/http.h"

/* Takes build/assets/FILE.gz in; `file` is a string literal below that folder. */
#define BUILT_IN(symbol, file)                                                                               \
	extern const char symbol##_begin[];                                                                  \
	extern const char symbol##_end[];                                                                    \
	__asm__(".section .rodata\n"                                                                         \
		".global " #symbol "_begin\n"                                                                \
		".global " #symbol "_end\n" #symbol "_begin:\n"                                              \
		".incbin \"build/assets/" file ".gz\"\n" #symbol "_end:\n"                                   \
		".byte 0\n"                                                                                  \
		".previous\n")

struct built_in {
	const char *name;
	const char *media;
	const char *begin;
	const char *end;
};
#define BUILT_IN_ROW(symbol, name_, media_)                                                                  \
	{                                                                                                    \
		.name = (name_), .media = (media_), .begin = symbol##_begin, .end = symbol##_end             \
	}
#define MEDIA_HTML   "text/html; charset=utf-8"
#define MEDIA_SCRIPT "text/javascript; charset=utf-8"
#define MEDIA_STYLE  "text/css; charset=utf-8"
#define MEDIA_IMAGE  "image/svg+xml"

/* 200 or 304 with the file. */
static inline struct done *reply_built_in(struct req *r, const struct built_in *f)
{
	return reply_asset(r, f->media, f->begin, (size_t)(f->end - f->begin));
}

#endif
