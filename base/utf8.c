/* Owns the check of UTF-8 and the tidying of texts from outside. */
#include "base/utf8.h"

#include <stdbool.h>
#include <string.h>

/* Length that the first byte promises; 0 for a byte that starts no character. */
static size_t promised(unsigned char first)
{
	if (first < 0x80)
		return 1;
	if (first >= 0xc2 && first <= 0xdf)
		return 2;
	if ((first & 0xf0) == 0xe0)
		return 3;
	return first >= 0xf0 && first <= 0xf4 ? 4 : 0;
}

/* Overlong forms, surrogates, what lies above U+10FFFF, and C1 controls. */
static bool forbidden(const unsigned char *s)
{
	return (s[0] == 0xc2 && s[1] < 0xa0) || (s[0] == 0xe0 && s[1] < 0xa0) ||
	       (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf0 && s[1] < 0x90) ||
	       (s[0] == 0xf4 && s[1] > 0x8f);
}

size_t utf8_length(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t len = promised(s[0]);

	for (size_t i = 1; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0; /* also stops at the closing NUL */
	return len > 1 && forbidden(s) ? 0 : len;
}

/* Whether the text ends within the character that starts at `s`. */
static bool cut_off(const char *s)
{
	size_t rest = strnlen(s, 4);

	for (size_t i = 1; i < rest; i++)
		if (((unsigned char)s[i] & 0xc0) != 0x80)
			return false;
	return rest < promised((unsigned char)s[0]);
}

void utf8_tidy(char *text)
{
	while (*text) {
		size_t len = utf8_length(text);

		if (len == 0 && cut_off(text)) {
			*text = '\0';
			return;
		}
		if (len == 0)
			*text = '?';
		else if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = ' ';
		text += len ? len : 1;
	}
}
