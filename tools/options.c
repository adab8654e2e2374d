/*
 * Prints the table of options of server/config.h for the manual: `options markdown` is the table of docs/configuration.md,
 * `options man` the list in burstd(8). One table in the code, no second one to fall behind.
 */
#include <stdio.h>
#include <string.h>

#include "server/config.h"

enum kind { TEXT, LIST, BOOL, NUMBER, CHOICE, SECRET };

struct row {
	enum kind kind;
	const char *key;
	const char *env;
	const char *flag;
	double least;
	double most;
	const char *preset;
	const char *choices;
	const char *help;
};

static const struct row rows[] = {
#define X(type, field, env, flag, least, most, preset, choices, help)                                        \
	{type, #field, env, flag, least, most, preset, choices, help},
	CONFIG_OPTIONS(X)
#undef X
};

/* Text as it is, but for the characters that the format gives a meaning. */
static void escaped(const char *text, const char *special, const char *escape)
{
	for (; *text; text++)
		printf("%s%c", strchr(special, *text) ? escape : "", *text);
}

static void markdown_range(const struct row *r)
{
	if (r->choices) {
		printf("; ");
		escaped(r->choices, "|", "\\");
	}
	if (r->kind == NUMBER)
		printf("; %g to %g", r->least, r->most);
}

static void markdown(const struct row *r)
{
	const char *star = r->kind == SECRET ? " *" : "";

	printf("| `%s`%s | `%s` | `%s%s` |", r->key, star, r->env, r->flag, r->kind == SECRET ? "-file" : "");
	if (r->preset)
		printf(" `%s`", r->preset);
	printf(" | ");
	escaped(r->help, "|", "\\");
	markdown_range(r);
	printf(" |\n");
}

/* In roff a minus is written "\-". */
static void man(const struct row *r)
{
	printf(".TP\n.B ");
	escaped(r->flag, "-", "\\");
	if (r->kind == SECRET)
		printf("\\-file");
	if (r->kind != BOOL)
		printf(" \\fI%s\\fP", r->kind == SECRET ? "path" : "value");
	printf("\n(%s, ", r->key);
	printf("%s%s)\n", r->env, r->kind == SECRET ? " or the same with _FILE" : "");
	escaped(r->help, "-", "\\");
	printf(".\n");
	if (r->choices)
		printf("One of %s.\n", r->choices);
	if (r->kind == NUMBER)
		printf("From %g to %g.\n", r->least, r->most);
	if (r->preset)
		printf("Default: %s.\n", r->preset);
}

int main(int argc, char **argv)
{
	bool as_man = argc == 2 && !strcmp(argv[1], "man");

	if (!as_man && !(argc == 2 && !strcmp(argv[1], "markdown"))) {
		fprintf(stderr, "usage: options markdown|man\n");
		return 2;
	}
	if (!as_man)
		printf("| file key | environment | flag | default | |\n|---|---|---|---|---|\n");
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		(as_man ? man : markdown)(&rows[i]);
	return 0;
}
