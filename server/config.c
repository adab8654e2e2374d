/*
 * The configuration's parser. Three sources fill one array of raw texts, row by row of the table, the later
 * source over the earlier; only then are the texts converted, so that a value which is overridden is never
 * complained about.
 */
#include "server/config.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "clients/ec2/ec2.h"

#define FILE_MAX   (256 * 1024) /* a configuration file is some hundred bytes */
#define SECRET_MAX (64 * 1024)  /* the largest secret is a PEM key */
#define ARENA_MAX  (4 * 1024 * 1024)
#define WHERE_SIZE 160

enum option_type { OPTION_TEXT, OPTION_LIST, OPTION_BOOL, OPTION_NUMBER, OPTION_CHOICE, OPTION_SECRET };

struct option {
	enum option_type type;
	const char *key;
	const char *env;
	const char *flag;
	double least;
	double most;
	const char *preset;
	const char *choices;
	const char *help;
	size_t offset;
};

static const struct option options[] = {
#define X(type, field, env, flag, least, most, preset, choices, help)                                        \
	{OPTION_##type, #field, env,     flag, least,                                                        \
	 most,          preset, choices, help, offsetof(struct config, field)},
	CONFIG_OPTIONS(X)
#undef X
};
#define OPTION_COUNT ARRAY_LEN(options)

/* One option's text as a source gave it. */
struct raw {
	const char *value;
	bool is_path;      /* given as NAME_FILE: `value` is a path */
	const char *where; /* "BURSTD_LISTEN", "--listen", "burstd.conf:3: listen" */
	int source;        /* which pass set it, to find duplicates */
};

enum { SOURCE_PRESET, SOURCE_FILE, SOURCE_ENVIRONMENT, SOURCE_FLAGS };

struct loader {
	struct config *config;
	struct arena *arena;
	struct raw raws[OPTION_COUNT];
	const char *file;
	struct error *e;
};

static enum err refuse(struct loader *l, const char *where, const char *what)
{
	return error_set(l->e, ERR_BAD_REQUEST, "%s: %s", where, what);
}

static enum err out_of_memory(struct loader *l)
{
	return error_set(l->e, ERR_INTERNAL, "the configuration is too large");
}

/* Writes one source's text over what earlier sources said. */
static enum err raw_set(struct loader *l, size_t i, int source, bool is_path, const char *where,
			const char *value)
{
	struct raw *raw = &l->raws[i];

	if (raw->source == source)
		return refuse(l, where, "given twice");
	*raw = (struct raw){.value = arena_strdup(l->arena, value),
			    .is_path = is_path,
			    .where = arena_strdup(l->arena, where),
			    .source = source};
	return raw->value && raw->where ? ERR_OK : out_of_memory(l);
}

/* Compares `name` with `base`, or for a secret with base + suffix. */
static bool names_option(const struct option *o, const char *base, const char *suffix, const char *name,
			 bool *ret_is_path)
{
	size_t len = strlen(base);

	*ret_is_path = false;
	if (strcmp(name, base) == 0)
		return true;
	if (o->type != OPTION_SECRET || strncmp(name, base, len) != 0 || strcmp(name + len, suffix) != 0)
		return false;
	*ret_is_path = true;
	return true;
}

/* --- the file
 * ------------------------------------------------------------------------------------------------ */

static char *trim(char *text)
{
	size_t len;

	while (isspace((unsigned char)*text))
		text++;
	len = strlen(text);
	while (len > 0 && isspace((unsigned char)text[len - 1]))
		text[--len] = '\0';
	return text;
}

static enum err file_set(struct loader *l, const char *where, const char *key, const char *value)
{
	bool is_path;
	size_t i;

	for (i = 0; i < OPTION_COUNT; i++)
		if (names_option(&options[i], options[i].key, "_file", key, &is_path))
			return raw_set(l, i, SOURCE_FILE, is_path, where, value);
	return refuse(l, where, "unknown key");
}

static enum err file_line(struct loader *l, int number, char *line)
{
	char where[WHERE_SIZE + 64];
	char *key = trim(line);
	char *equals;

	if (*key == '\0' || *key == '#')
		return ERR_OK;
	equals = strchr(key, '=');
	if (!equals) {
		(void)snprintf(where, sizeof where, "%.150s:%d", l->file, number);
		return refuse(l, where, "not of the form `key = value`");
	}
	*equals = '\0';
	key = trim(key);
	(void)snprintf(where, sizeof where, "%.150s:%d: %.40s", l->file, number, key);
	return file_set(l, where, key, trim(equals + 1));
}

/* Reads a whole file of at most `max` bytes into the arena. Returns 0, or an errno; EFBIG and EILSEQ (NUL
 * byte) included. */
static int slurp(struct arena *arena, const char *path, size_t max, char **ret, size_t *ret_len)
{
	FILE *f = fopen(path, "re");
	char *text;
	size_t len;
	int bad;

	if (!f)
		return errno;
	text = malloc(max + 2);
	len = text ? fread(text, 1, max + 1, f) : 0;
	bad = !text ? ENOMEM : ferror(f) ? EIO : len > max ? EFBIG : memchr(text, '\0', len) ? EILSEQ : 0;
	(void)fclose(f);
	if (!bad) {
		*ret = arena_strndup(arena, text, len);
		*ret_len = len;
		bad = *ret ? 0 : ENOMEM;
	}
	if (text)
		explicit_bzero(text, max + 2);
	free(text);
	return bad;
}

static enum err read_file(struct loader *l, bool named)
{
	char *text = NULL;
	char *line;
	size_t len = 0;
	int number = 0;
	int bad = slurp(l->arena, l->file, FILE_MAX, &text, &len);
	enum err err = ERR_OK;

	if (bad == ENOENT && !named)
		return ERR_OK;
	if (bad)
		return refuse(l, l->file, strerror(bad));
	while (!err && (line = strsep(&text, "\n")))
		err = file_line(l, ++number, line);
	return err;
}

/* --- the environment
 * ----------------------------------------------------------------------------------------- */

static enum err environment_set(struct loader *l, const char *name, const char *value)
{
	bool is_path;
	size_t i;

	for (i = 0; i < OPTION_COUNT; i++)
		if (names_option(&options[i], options[i].env, "_FILE", name, &is_path))
			return raw_set(l, i, SOURCE_ENVIRONMENT, is_path, name, value);
	return refuse(l, name, "unknown variable");
}

static enum err read_environment(struct loader *l, char *const envp[])
{
	enum err err = ERR_OK;
	char name[WHERE_SIZE];
	size_t len;

	for (; !err && *envp; envp++) {
		if (strncmp(*envp, "BURSTD_", 7) != 0)
			continue;
		len = strcspn(*envp, "=");
		(void)snprintf(name, sizeof name, "%.*s", len < 128 ? (int)len : 128, *envp);
		err = environment_set(l, name, (*envp)[len] ? *envp + len + 1 : "");
	}
	return err;
}

static const char *environment_get(char *const envp[], const char *name)
{
	size_t len = strlen(name);

	for (; *envp; envp++)
		if (strncmp(*envp, name, len) == 0 && (*envp)[len] == '=')
			return *envp + len + 1;
	return NULL;
}

/* --- the flags
 * ----------------------------------------------------------------------------------------------- */

/* Flags without a row in the table: they make no sense in a file. */
static enum err command_flag(struct loader *l, const char *name, const char *value, bool *ret_found)
{
	struct config *c = l->config;

	*ret_found = true;
	if (strcmp(name, "--config") == 0)
		return ERR_OK; /* read before everything else */
	if (strcmp(name, "--name") == 0)
		c->name = arena_strdup(l->arena, value);
	else if (strcmp(name, "--role") == 0)
		c->role = arena_strdup(l->arena, value);
	else if (strcmp(name, "--json") == 0 && strcmp(value, "1") != 0)
		return refuse(l, name, "takes no value");
	else if (strcmp(name, "--json") == 0)
		c->json = true;
	else
		*ret_found = false;
	return ERR_OK;
}

static enum err flag_set(struct loader *l, const char *name, const char *value)
{
	bool found;
	bool is_path;
	size_t i;
	enum err err = command_flag(l, name, value, &found);

	if (err || found)
		return err;
	for (i = 0; i < OPTION_COUNT; i++) {
		if (!names_option(&options[i], options[i].flag, "-file", name, &is_path))
			continue;
		if (options[i].type == OPTION_SECRET && !is_path)
			return refuse(l, name,
				      "a secret is not given on the command line: use the variable, the file "
				      "or the flag that ends in -file");
		return raw_set(l, i, SOURCE_FLAGS, is_path, name, value);
	}
	return refuse(l, name, "unknown flag");
}

static bool is_bool_flag(const char *name)
{
	size_t i;

	if (strcmp(name, "--json") == 0)
		return true;
	for (i = 0; i < OPTION_COUNT; i++)
		if (options[i].type == OPTION_BOOL && strcmp(options[i].flag, name) == 0)
			return true;
	return false;
}

/* Splits "--name=value" or "--name value"; *i moves past what was used. NULL value = missing. */
static const char *flag_value(int argc, char *const argv[], int *i, char name[WHERE_SIZE])
{
	const char *arg = argv[*i];
	size_t len = strcspn(arg, "=");

	(void)snprintf(name, WHERE_SIZE, "%.*s", len < 128 ? (int)len : 128, arg);
	if (arg[len] == '=')
		return arg + len + 1;
	if (is_bool_flag(name))
		return "1";
	return *i + 1 < argc ? argv[++*i] : NULL;
}

static enum err read_flags(struct loader *l, int argc, char *const argv[])
{
	const char **words = arena_array(l->arena, (size_t)argc + 1, sizeof *words);
	char name[WHERE_SIZE];
	const char *value;
	enum err err = words ? ERR_OK : out_of_memory(l);
	int i;

	for (i = 1; !err && i < argc; i++) {
		if (argv[i][0] != '-') {
			words[l->config->n_words++] = arena_strdup(l->arena, argv[i]);
			continue;
		}
		value = flag_value(argc, argv, &i, name);
		err = value ? flag_set(l, name, value) : refuse(l, name, "needs a value");
	}
	l->config->words = words;
	return err;
}

/* --config, --help and --version are looked for first: they decide what else is read. */
static enum err scan_flags(struct loader *l, int argc, char *const argv[], bool *ret_named)
{
	int i;

	for (i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			l->config->help = true;
		if (strcmp(argv[i], "--version") == 0)
			l->config->version = true;
		if (strncmp(argv[i], "--config=", 9) == 0)
			l->file = argv[i] + 9;
		else if (strcmp(argv[i], "--config") == 0 && i + 1 < argc)
			l->file = argv[++i];
		else
			continue;
		*ret_named = true;
	}
	return ERR_OK;
}

/* --- conversion
 * ---------------------------------------------------------------------------------------------- */

static enum err convert_bool(struct loader *l, const struct raw *raw, bool *ret)
{
	static const char *const words[] = {"0", "1", "false", "true", "no", "yes", "off", "on"};
	size_t i;

	for (i = 0; i < ARRAY_LEN(words); i++) {
		if (strcasecmp(raw->value, words[i]) != 0)
			continue;
		*ret = i % 2 == 1;
		return ERR_OK;
	}
	return refuse(l, raw->where, "must be 1 or 0");
}

static enum err convert_number(struct loader *l, const struct option *o, const struct raw *raw, double *ret)
{
	char *end = NULL;
	double value = strtod(raw->value, &end);

	if (end == raw->value || *end != '\0' || !isfinite(value) || value < o->least || value > o->most)
		return error_set(l->e, ERR_BAD_REQUEST, "%s: must be a number from %g to %g", raw->where,
				 o->least, o->most);
	*ret = value;
	return ERR_OK;
}

static enum err convert_choice(struct loader *l, const struct option *o, const struct raw *raw, int *ret)
{
	const char *choice = o->choices;
	size_t len;
	int i;

	for (i = 0; *choice; i++) {
		len = strcspn(choice, "|");
		if (strlen(raw->value) == len && strncmp(choice, raw->value, len) == 0) {
			*ret = i;
			return ERR_OK;
		}
		choice += choice[len] ? len + 1 : len;
	}
	return error_set(l->e, ERR_BAD_REQUEST, "%s: must be one of %s", raw->where, o->choices);
}

static enum err convert_list(struct loader *l, const struct raw *raw, struct config_list *ret)
{
	char *rest = arena_strdup(l->arena, raw->value);
	struct config_list list = {0};
	char *item;

	list.items = arena_array(l->arena, strlen(raw->value) / 2 + 2, sizeof *list.items);
	if (!rest || !list.items)
		return out_of_memory(l);
	while ((item = strsep(&rest, ","))) {
		item = trim(item);
		if (*item == '\0' && (list.n > 0 || rest))
			return refuse(l, raw->where, "an item of the list is empty");
		if (*item)
			list.items[list.n++] = item;
	}
	*ret = list;
	return ERR_OK;
}

static enum err convert_secret(struct loader *l, const struct raw *raw, const char **ret)
{
	char *text = NULL;
	size_t len = 0;
	int bad;

	if (!raw->is_path) {
		*ret = raw->value;
		return ERR_OK;
	}
	bad = slurp(l->arena, raw->value, SECRET_MAX, &text, &len);
	if (bad)
		return error_set(l->e, ERR_BAD_REQUEST, "%s: cannot read %.200s: %s", raw->where, raw->value,
				 strerror(bad));
	while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
		text[--len] = '\0';
	if (len == 0)
		return error_set(l->e, ERR_BAD_REQUEST, "%s: %.200s is empty", raw->where, raw->value);
	*ret = text;
	return ERR_OK;
}

static enum err convert(struct loader *l, const struct option *o, const struct raw *raw)
{
	void *field = (char *)l->config + o->offset;

	if (!raw->value)
		return ERR_OK;
	switch (o->type) {
	case OPTION_TEXT:
		/* an empty text is how a container's environment says "not set" */
		*(const char **)field = *raw->value ? raw->value : NULL;
		return ERR_OK;
	case OPTION_LIST:
		return convert_list(l, raw, field);
	case OPTION_BOOL:
		return convert_bool(l, raw, field);
	case OPTION_NUMBER:
		return convert_number(l, o, raw, field);
	case OPTION_CHOICE:
		return convert_choice(l, o, raw, field);
	case OPTION_SECRET:
		return convert_secret(l, raw, field);
	}
	return ERR_OK;
}

/* --- checks of single values
 * --------------------------------------------------------------------------------- */

bool config_is_loopback(const char *host)
{
	struct in_addr v4;
	struct in6_addr v6;

	if (strcasecmp(host, "localhost") == 0)
		return true;
	if (inet_pton(AF_INET, host, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == 127;
	if (inet_pton(AF_INET6, host, &v6) != 1)
		return false;
	return IN6_IS_ADDR_LOOPBACK(&v6) || (IN6_IS_ADDR_V4MAPPED(&v6) && v6.s6_addr[12] == 127);
}

static const struct raw *raw_of(const struct loader *l, const char *key)
{
	size_t i;

	for (i = 0; i < OPTION_COUNT; i++)
		if (strcmp(options[i].key, key) == 0)
			return &l->raws[i];
	abort(); /* a key that the table does not have is a bug of this file */
}

/* "127.0.0.1:8080", "localhost:0", "[::1]:8080" -> numeric host and port. */
static bool split_listen(const char *text, char host[46], int *ret_port)
{
	struct in6_addr any;
	const char *colon = strrchr(text, ':');
	char *end = NULL;
	bool v6 = text[0] == '[';
	size_t len;
	long port;

	if (!colon || colon == text || (v6 && colon[-1] != ']'))
		return false;
	len = (size_t)(colon - text) - (v6 ? 2 : 0);
	if (len == 0 || len > 45)
		return false;
	(void)snprintf(host, 46, "%.*s", (int)len, text + (v6 ? 1 : 0));
	if (!v6 && strcasecmp(host, "localhost") == 0)
		(void)snprintf(host, 46, "127.0.0.1");
	port = isdigit((unsigned char)colon[1]) ? strtol(colon + 1, &end, 10) : -1;
	if (port < 0 || port > 65535 || *end != '\0')
		return false;
	*ret_port = (int)port;
	return inet_pton(v6 ? AF_INET6 : AF_INET, host, &any) == 1;
}

static enum err check_listen(struct loader *l)
{
	const char *where = raw_of(l, "listen")->where;
	struct config *c = l->config;

	if (!c->listen || !split_listen(c->listen, c->listen_host, &c->listen_port))
		return refuse(
			l, where,
			"must be ADDRESS:PORT with a numeric address, such as 127.0.0.1:8080 or [::1]:8080");
	if (!config_is_loopback(c->listen_host) && !c->behind_proxy && !c->tls_cert)
		return error_set(l->e, ERR_BAD_REQUEST,
				 "%s: %s is not a loopback address: set BURSTD_TLS_CERT and BURSTD_TLS_KEY, "
				 "or put a proxy that does TLS in front of it and set BURSTD_BEHIND_PROXY=1",
				 where, c->listen_host);
	return ERR_OK;
}

/* Digits to the end, from 1 to 65535. */
static bool is_port(const char *text)
{
	char *end = NULL;
	long port = isdigit((unsigned char)*text) ? strtol(text, &end, 10) : 0;

	return port >= 1 && port <= 65535 && *end == '\0';
}

/* "HOST", "HOST:PORT" or "[V6]:PORT", then perhaps one slash; the host without brackets goes into `host`. */
static bool split_authority(const char *text, char host[256])
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._";
	char authority[320];
	bool v6 = text[0] == '[';
	const char *rest;
	size_t len = strlen(text);

	len -= len > 0 && text[len - 1] == '/' ? 1 : 0;
	if (len == 0 || len >= sizeof authority)
		return false;
	(void)snprintf(authority, sizeof authority, "%.*s", (int)len, text);
	len = v6 ? strcspn(authority + 1, "]") : strspn(authority, allowed);
	if (len == 0 || len > 255 || (v6 && authority[len + 1] != ']'))
		return false;
	rest = authority + len + (v6 ? 2 : 0);
	(void)snprintf(host, 256, "%.*s", (int)len, authority + (v6 ? 1 : 0));
	return *rest == '\0' || (*rest == ':' && is_port(rest + 1));
}

/* NULL when the address can be used, else what is wrong with it. */
static const char *url_fault(const char *text)
{
	bool https = strncasecmp(text, "https://", 8) == 0;
	bool http = strncasecmp(text, "http://", 7) == 0;
	char host[256];

	if ((!https && !http) || !split_authority(text + (https ? 8 : 7), host))
		return "must be an address such as https://manager.example.com: scheme, host and port, "
		       "without path or user";
	if (http && !config_is_loopback(host))
		return "must be https: plain http is allowed to loopback only";
	return NULL;
}

static enum err check_infinity(struct loader *l)
{
	struct config *c = l->config;
	const char *fault = c->infinity_url ? url_fault(c->infinity_url) : NULL;
	size_t len;

	if (fault)
		return refuse(l, raw_of(l, "infinity_url")->where, fault);
	if (c->infinity_url) {
		len = strlen(c->infinity_url);
		if (c->infinity_url[len - 1] == '/')
			c->infinity_url = arena_strndup(l->arena, c->infinity_url, len - 1);
	}
	if (c->infinity_pinned_key && strncmp(c->infinity_pinned_key, "sha256//", 8) != 0)
		return refuse(l, raw_of(l, "infinity_pinned_key")->where, "must begin with sha256//");
	return ERR_OK;
}

static enum err check_regions(struct loader *l, char *const envp[])
{
	struct config *c = l->config;
	struct raw raw = *raw_of(l, "aws_regions");
	char why[200];
	size_t i;
	enum err err;

	if (c->aws_regions.n == 0) {
		raw.where = environment_get(envp, "AWS_REGION") ? "AWS_REGION" : "AWS_DEFAULT_REGION";
		raw.value = environment_get(envp, raw.where);
		err = raw.value ? convert_list(l, &raw, &c->aws_regions) : ERR_OK;
		if (err)
			return err;
	}
	for (i = 0; i < c->aws_regions.n; i++)
		if (!ec2_region_supported(c->aws_regions.items[i], why, sizeof why))
			return refuse(l, raw.where, why);
	return ERR_OK;
}

/* `each` where every region needs an address of its own. */
static enum err check_endpoint(struct loader *l, const char *field, const char *value, bool each)
{
	const char *where = raw_of(l, field)->where;
	const char *place = value ? strstr(value, "{region}") : NULL;
	const char *fault;
	const char *sample = value;

	if (!value)
		return ERR_OK;
	if (place)
		sample = arena_printf(l->arena, "%.*sregion%s", (int)(place - value), value,
				      place + strlen("{region}"));
	if (!sample)
		return out_of_memory(l);
	fault = url_fault(sample);
	if (fault)
		return refuse(l, where, fault);
	if (!place && each && l->config->aws_regions.n > 1)
		return refuse(l, where, "needs {region} in it when there is more than one region");
	return ERR_OK;
}

/* {address} stands for the node's, as host or within the path. */
static enum err check_bootstrap(struct loader *l)
{
	const char *where = raw_of(l, "bootstrap_url")->where;
	const char *url = l->config->bootstrap_url;
	const char *place = url ? strstr(url, "{address}") : NULL;
	const char *fault, *path;
	char *sample;

	if (!url)
		return ERR_OK;
	if (!place)
		return refuse(l, where, "needs {address} in it, where the address of the new node belongs");
	sample = arena_printf(l->arena, "%.*s192.0.2.1%s", (int)(place - url), url,
			      place + strlen("{address}"));
	if (!sample)
		return out_of_memory(l);
	path = strstr(sample, "://");
	if (path && (path = strchr(path + 3, '/')))
		sample[path - sample] = '\0';
	fault = url_fault(sample);
	return fault ? refuse(l, where, fault) : ERR_OK;
}

static enum err convert_all(struct loader *l, char *const envp[])
{
	enum err err = ERR_OK;
	size_t i;

	for (i = 0; !err && i < OPTION_COUNT; i++)
		err = convert(l, &options[i], &l->raws[i]);
	err = err ? err : check_listen(l);
	err = err ? err : check_infinity(l);
	err = err ? err : check_regions(l, envp);
	err = err ? err : check_endpoint(l, "ec2_endpoint", l->config->ec2_endpoint, true);
	err = err ? err : check_endpoint(l, "sts_endpoint", l->config->sts_endpoint, false);
	err = err ? err : check_bootstrap(l);
	if (!err && arena_overflowed(l->arena))
		return out_of_memory(l);
	return err;
}

/* --- outside
 * ------------------------------------------------------------------------------------------------- */

static enum err load(struct loader *l, int argc, char *const argv[], char *const envp[])
{
	bool named = false;
	enum err err;
	size_t i;

	for (i = 0; i < OPTION_COUNT; i++)
		l->raws[i] = (struct raw){.value = options[i].preset, .where = options[i].env};
	l->file = CONFIG_FILE_DEFAULT;
	err = scan_flags(l, argc, argv, &named);
	if (err || l->config->help || l->config->version)
		return err;
	err = read_file(l, named);
	err = err ? err : read_environment(l, envp);
	err = err ? err : read_flags(l, argc, argv);
	return err ? err : convert_all(l, envp);
}

enum err config_load(int argc, char *const argv[], char *const envp[], struct config **ret, struct error *e)
{
	_cleanup_(config_freep) struct config *c = calloc(1, sizeof *c);
	struct loader l = {.config = c, .e = e};
	enum err err;

	if (c)
		c->arena = l.arena = arena_new(ARENA_MAX);
	if (!c || !c->arena)
		return error_set(e, ERR_INTERNAL, "out of memory");
	err = load(&l, argc, argv, envp);
	if (err)
		return err;
	*ret = take_ptr(c);
	return ERR_OK;
}

static void wipe(const char *secret)
{
	if (secret)
		explicit_bzero((void *)(uintptr_t)secret, strlen(secret));
}

void config_free(struct config *c)
{
	if (!c)
		return;
	wipe(c->infinity_password);
	wipe(c->infinity_oauth_key);
	arena_free(c->arena);
	free(c);
}

enum err config_check_serve(const struct config *c, struct error *e)
{
	bool basic = c->infinity_user && c->infinity_password && *c->infinity_password;
	bool oauth = c->infinity_oauth_client_id && c->infinity_oauth_key && *c->infinity_oauth_key;

	if (c->n_words > 1)
		return error_set(e, ERR_BAD_REQUEST, "%s: unknown argument", c->words[1]);
	if (c->name || c->role)
		return error_set(e, ERR_BAD_REQUEST, "--%s: belongs to `burstd token create`",
				 c->name ? "name" : "role");
	if (!c->infinity_url)
		return error_set(e, ERR_BAD_REQUEST,
				 "BURSTD_INFINITY_URL: not set: the address of the Management Node");
	if (!basic && !oauth && (c->infinity_oauth_client_id || c->infinity_oauth_key))
		return error_set(e, ERR_BAD_REQUEST, "BURSTD_INFINITY_OAUTH_%s: not set",
				 c->infinity_oauth_client_id ? "KEY_FILE" : "CLIENT_ID");
	if (!basic && !oauth)
		return error_set(e, ERR_BAD_REQUEST,
				 "BURSTD_INFINITY_%s: not set (or set BURSTD_INFINITY_OAUTH_CLIENT_ID and "
				 "_OAUTH_KEY_FILE)",
				 c->infinity_user ? "PASSWORD" : "USER");
	if (basic && oauth)
		return error_set(e, ERR_BAD_REQUEST,
				 "BURSTD_INFINITY_USER: set together with BURSTD_INFINITY_OAUTH_CLIENT_ID: "
				 "choose one way");
	if (c->aws_regions.n == 0)
		return error_set(e, ERR_BAD_REQUEST,
				 "BURSTD_AWS_REGIONS: not set (nor AWS_REGION): the regions of the nodes");
	return ERR_OK;
}

const char *config_partition(const struct config *c, size_t region)
{
	return ec2_region_partition(c->aws_regions.items[region]);
}

const char *config_version(void)
{
	return BURSTD_VERSION;
}

static void usage_option(FILE *out, const struct option *o)
{
	bool secret = o->type == OPTION_SECRET;

	(void)fprintf(out, "  %s%s  %s%s%s", o->flag,
		      secret                   ? "-file PATH"
		      : o->type == OPTION_BOOL ? ""
					       : " VALUE",
		      o->env, secret ? " or " : "", secret ? o->env : "");
	(void)fprintf(out, "%s\n      %s.", secret ? "_FILE" : "", o->help);
	if (o->choices)
		(void)fprintf(out, " One of %s.", o->choices);
	if (o->type == OPTION_NUMBER)
		(void)fprintf(out, " From %g to %g.", o->least, o->most);
	if (o->preset)
		(void)fprintf(out, " Default: %s.", o->preset);
	(void)fprintf(out, "\n");
}

void config_usage(FILE *out)
{
	size_t i;

	(void)fprintf(
		out,
		"burstd %s: dynamic bursting of a Pexip Infinity platform into AWS\n\n"
		"  burstd [serve] [options]                       run the daemon\n"
		"  burstd token create --name N --role R          make a token: viewer, operator or admin\n"
		"  burstd token list                              list the tokens\n"
		"  burstd token revoke ID                         revoke one\n"
		"  burstd check [--json]                          look at the configuration, the state and "
		"both\n"
		"                                                 upstream systems; exit 1 on errors\n"
		"  burstd backup FILE                             copy the database into a new file, also "
		"while\n"
		"                                                 the daemon runs. The key file is not in "
		"it\n"
		"  burstd --version | --help\n\n"
		"Options, as flag and environment variable; the key in " CONFIG_FILE_DEFAULT " (or\n"
		"--config FILE) is the flag without dashes in front, with _ for -. A flag wins over the\n"
		"environment, the environment over the file.\n\n",
		BURSTD_VERSION);
	for (i = 0; i < OPTION_COUNT; i++)
		usage_option(out, &options[i]);
}
