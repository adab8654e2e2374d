/* The HTTP side in a process of its own (stack.h): what server/main.c wires up, without workers, over one picture for ever. */
#include "tests/bench/stack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "handlers/handlers.h"
#include "handlers/sink_memory.h"
#include "server/http.h"
#include "server/stores.h"

const uint8_t stack_key[SECRET_KEY_SIZE] = "0123456789abcdef0123456789abcde";

struct setup {
	const char *state_dir;
	char database[300];
	struct picture *picture;
};

static struct picture *the_picture(void *self)
{
	return picture_ref(self);
}

static void no_wake(void *self)
{
	(void)self;
}

/* In the child: everything lives until it is ended. */
static int serve(void *arg)
{
	struct setup *s = arg;
	char listen[] = "BURSTD_LISTEN=127.0.0.1:0", level[] = "BURSTD_LOG_LEVEL=error", state[300];
	char name[] = "burstd", *argv[] = {name, NULL}, *envp[] = {listen, state, level, NULL};
	struct route_table routes = handlers_routes();
	struct config *config = NULL;
	struct http_server *server = NULL;
	struct error e;
	struct app app = {.clock = &clock_system,
			  .picture = the_picture,
			  .wake = no_wake,
			  .hint = no_wake,
			  .sink = sink_memory_new(),
			  .self = s->picture,
			  .store = stores_get,
			  .tallies = tallies_new(NULL, 0)};

	(void)snprintf(state, sizeof state, "BURSTD_STATE_DIR=%s", s->state_dir);
	app.store_self = stores_new(s->database, stack_key);
	if (!app.store_self || config_load(1, argv, envp, &config, &e))
		return -1;
	log_setup(config_log_level(config), false);
	app.config = config;
	return http_start(&app, &routes, &server, &e) ? -1 : http_port(server);
}

void stack_start(struct stack *stack, const char *state_dir, struct picture *picture)
{
	struct setup s = {.state_dir = state_dir, .picture = picture};
	struct store *store = NULL;
	struct error e;

	(void)mkdir(state_dir, 0700);
	(void)snprintf(s.database, sizeof s.database, "%s/%s", state_dir, CONFIG_DATABASE);
	if (store_open(s.database, stack_key, &store, &e) ||
	    store_token_create(store, "bench", TOKEN_VIEWER, clock_now(&clock_system), stack->token, &e))
		bench_fail("%s", e.detail);
	store_close(store);
	stack->child = child_serve(serve, &s);
	(void)snprintf(stack->headers, sizeof stack->headers, "Authorization: Bearer %s\r\n", stack->token);
}
