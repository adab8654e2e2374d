/*
 * UTF-8 of unknown origin. Everything that burstd shows ends up in JSON, which must be valid UTF-8, and on terminals,
 * which must not be steered from outside. Any thread.
 */
#ifndef BURSTD_BASE_UTF8_H
#define BURSTD_BASE_UTF8_H

#include <stddef.h>

/*
 * Bytes of the character at `text` (NUL-terminated): 1 to 4; 0 where the bytes are not valid UTF-8 or a C1 control.
 * ASCII controls count as characters of one byte.
 */
size_t utf8_length(const char *text);

/*
 * Makes a text fit to show, in place: invalid bytes become '?', control characters a space, and a character that
 * was cut in the middle by the end of a fixed buffer goes.
 */
void utf8_tidy(char *text);

#endif
