/*
 * Content codings (RFC 9110 8.4 and 12.5.3): whether a client would rather have gzip, and gzip itself, which is zlib's. Only replies
 * to GETs are compressed: what a POST answers may hold a new token beside a name that its sender chose, and the length of the two
 * compressed together would tell of both.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <zlib.h>

#include "server/http_internal.h"

/* What Accept-Encoding says of the codings that there are; -1 = nothing. */
struct wishes {
	double gzip;
	double identity;
	double any;
};

static double *wish_of(struct wishes *w, const char *name, size_t len)
{
	const struct {
		const char *name;
		double *weight;
	} known[] = {{"gzip", &w->gzip}, {"x-gzip", &w->gzip}, {"identity", &w->identity}, {"*", &w->any}};
	size_t i;

	for (i = 0; i < ARRAY_LEN(known); i++)
		if (strlen(known[i].name) == len && strncasecmp(known[i].name, name, len) == 0)
			return known[i].weight;
	return NULL;
}

bool encoding_prefers_gzip(const char *header)
{
	struct wishes w = {-1, -1, -1};
	size_t len, name;
	double *weight;

	for (; header && *header; header += len) {
		header += strspn(header, " \t,");
		len = strcspn(header, ",");
		name = strcspn(header, "; \t,");
		weight = wish_of(&w, header, name);
		if (weight)
			*weight = header_weight(header + name, len - name);
	}
	if (w.gzip < 0)
		w.gzip = w.any;
	return w.gzip > 0 && w.gzip >= w.identity;
}

#define GZIP_WINDOW 15
#define GZIP_FORM   16 /* added to the window: gzip's header and trailer instead of zlib's */
#define GZIP_MEMORY 8

char *encoding_gzip(const char *data, size_t len, enum gzip_effort effort, size_t *ret_len)
{
	z_stream z = {.next_in = (Bytef *)(uintptr_t)data, .avail_in = (uInt)len};
	int level = effort == GZIP_ONCE ? Z_DEFAULT_COMPRESSION : Z_BEST_SPEED;
	char *out = NULL;
	size_t bound;

	if (len > UINT32_MAX || deflateInit2(&z, level, Z_DEFLATED, GZIP_WINDOW + GZIP_FORM, GZIP_MEMORY,
					     Z_DEFAULT_STRATEGY) != Z_OK)
		return NULL;
	bound = deflateBound(&z, len);
	out = malloc(bound);
	z.next_out = (Bytef *)out;
	z.avail_out = (uInt)bound;
	if (out && deflate(&z, Z_FINISH) == Z_STREAM_END) {
		*ret_len = z.total_out;
	} else {
		free(out);
		out = NULL;
	}
	(void)deflateEnd(&z);
	return out;
}

/* What stands at the end of gzip data (RFC 1952 2.3.1): the length of the data, little-endian. */
static size_t length_within(const char *gzip, size_t len)
{
	const uint8_t *end = (const uint8_t *)gzip + len - 4;

	return (size_t)end[0] | (size_t)end[1] << 8 | (size_t)end[2] << 16 | (size_t)end[3] << 24;
}

char *encoding_plain(const char *gzip, size_t len, size_t *ret_len)
{
	size_t size = length_within(gzip, len);
	z_stream z = {.next_in = (Bytef *)(uintptr_t)gzip, .avail_in = (uInt)len};
	char *out = malloc(size + 1);

	z.next_out = (Bytef *)out;
	z.avail_out = (uInt)size;
	if (!out || inflateInit2(&z, GZIP_WINDOW + GZIP_FORM) != Z_OK) {
		free(out);
		return NULL;
	}
	if (inflate(&z, Z_FINISH) != Z_STREAM_END) {
		free(out);
		out = NULL;
	}
	(void)inflateEnd(&z);
	*ret_len = size;
	return out;
}
