/* Owns the reading of files with secrets. */
#include "clients/ec2/file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

static void fclosep(FILE **f)
{
	if (*f)
		(void)fclose(*f);
}

enum aws_file_outcome aws_file_read(const char *path, struct buf *text, char *why, size_t why_size)
{
	char piece[4096];
	size_t n;
	_cleanup_(fclosep) FILE *f = fopen(path, "re");

	if (!f && (errno == ENOENT || errno == ENOTDIR)) {
		(void)snprintf(why, why_size, "it does not exist");
		return AWS_FILE_ABSENT;
	}
	if (f)
		(void)setvbuf(f, NULL, _IONBF, 0); /* no copy of a secret stays in stdio's buffer */
	while (f && (n = fread(piece, 1, sizeof(piece), f)) > 0)
		buf_append(text, piece, n);
	explicit_bzero(piece, sizeof(piece));
	if (f && !ferror(f) && !text->failed)
		return AWS_FILE_READ;
	(void)snprintf(why, why_size, "%.90s", text->failed ? "it is too large" : strerror(errno));
	return AWS_FILE_FAILED;
}

bool aws_token_read(const char *path, struct buf *text, char *why, size_t why_size)
{
	if (aws_file_read(path, text, why, why_size) != AWS_FILE_READ)
		return false;
	while (text->len && strchr(" \t\r\n", text->data[text->len - 1]))
		text->data[--text->len] = '\0';
	if (text->len == 0) {
		(void)snprintf(why, why_size, "it is empty");
		return false;
	}
	for (size_t i = 0; i < text->len; i++) {
		if (text->data[i] > 0x20 && text->data[i] < 0x7f)
			continue;
		(void)snprintf(why, why_size, "it holds blanks, line breaks or characters that no token has");
		return false;
	}
	return true;
}
