/* Reads small files that may hold secrets: AWS's shared files and tokens. Any thread. */
#ifndef BURSTD_CLIENTS_EC2_FILE_H
#define BURSTD_CLIENTS_EC2_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

enum aws_file_outcome { AWS_FILE_READ, AWS_FILE_ABSENT, AWS_FILE_FAILED };

/*
 * Appends the file's content to `text`, whose maximum is the file's; the caller wipes it. With AWS_FILE_FAILED `why` (>= 100
 * bytes) says what is wrong. No copy of the content stays in a buffer of stdio.
 */
enum aws_file_outcome aws_file_read(const char *path, struct buf *text, char *why, size_t why_size);

/*
 * A file that holds one token: blanks and line ends at its end do not count, and every other character must be printable
 * ASCII. false: `why` (>= 100 bytes) says what is wrong, never with the content.
 */
bool aws_token_read(const char *path, struct buf *text, char *why, size_t why_size);

#endif
