/*
 * A page of 50 events out of 1,000,000: the store alone, in this thread, against the whole way over HTTP. CPU of the thread
 * and of the server.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "server/config.h"
#include "store/sql.h"
#include "tests/bench/stack.h"

#define EVENTS    1000000
#define LOCATIONS 40
#define NODES     200
#define PAGE      50
#define ROUNDS    15
#define PAGES     800 /* in a round */

/* A page: what the store is asked, and what the server is. */
struct page {
	const char *name;
	const char *query;
	struct history_filter filter;
};
#define LAST        (PAGE + 2) /* behind it the oldest PAGE + 1 events */
#define LAST_CURSOR "aDUy"     /* "h52" */
static const struct page pages[] = {
	{"all events", "", {.type = -1}},
	{"one location", "&location=7", {.type = -1, .location = 7}},
	{"location and type", "&location=7&type=stop", {.type = EVENT_STOP, .location = 7}},
	{"the oldest", "&cursor=" LAST_CURSOR, {.type = -1, .before = LAST}},
};

/* Everything in one transaction. */
static enum err add_events(struct store *store, void *arg, struct error *e)
{
	int64_t now = clock_now(&clock_system);
	enum err err = ERR_OK;
	char name[32];

	(void)arg;
	for (int i = 0; !err && i < EVENTS; i++) {
		const struct event ev = {.time = now - (EVENTS - i) * MS_PER_MINUTE,
					 .type = (enum event_type)(i % EVENT_SETTINGS),
					 .node = i % NODES + 1,
					 .node_name = name,
					 .location = i % LOCATIONS + 1,
					 .actor = "controller",
					 .reason = "AWS burst can take 3 HD calls more and 0 are on their "
						   "way, its threshold is 5",
					 .rule = "S3",
					 .figures = "{\"free_hd_calls\":3,\"pending_hd_calls\":0,\"bursting_"
						    "threshold\":5,\"serving\":2}",
					 .operation = i / 4 + 1};

		(void)snprintf(name, sizeof name, "burst-%d", i % NODES + 1);
		err = store_event_add(store, &ev, NULL, e);
	}
	return err;
}

/* CPU microseconds of one page, out of `n_pages`. */
static double store_page_us(struct store *store, const struct history_filter *filter, int n_pages)
{
	double before = thread_cpu_us();

	for (int i = 0; i < n_pages; i++) {
		struct event *events = NULL;
		size_t n = 0;
		struct error e;

		/* one more than the page, as the handler asks, to know whether there is another page */
		if (store_events(store, filter, PAGE + 1, &events, &n, &e) || n != PAGE + 1)
			bench_fail("store: no full page");
		store_events_free(events, n);
	}
	return (thread_cpu_us() - before) / n_pages;
}

static void measure(struct store *store, const struct stack *stack, const struct page *page)
{
	struct samples alone = {.n = 0}, whole = {.n = 0}, unchanged = {.n = 0}, ratio;
	char path[100], headers[300], etag[80], line[80];
	struct load load, again;

	(void)snprintf(path, sizeof path, "/v1/history?limit=%d%s", PAGE, page->query);
	load_open(&load, stack->child.port, path, stack->headers);
	if (load.status != 200)
		bench_fail("%s: %s", path, load.reply);
	(void)snprintf(headers, sizeof headers, "%sIf-None-Match: %s\r\n", stack->headers,
		       load_header(&load, "ETag", etag, sizeof etag));
	load_open(&again, stack->child.port, path, headers);
	load_run(&load, PAGES); /* warm */
	(void)store_page_us(store, &page->filter, PAGES);
	for (int i = 0; i < ROUNDS; i++) {
		sample(&alone, store_page_us(store, &page->filter, PAGES));
		load_sample(&load, &stack->child, PAGES, &whole);
		load_sample(&again, &stack->child, PAGES, &unchanged);
	}
	ratio = samples_ratio(&alone, &whole);
	(void)snprintf(line, sizeof line, "the store alone, %s", page->name);
	table_row(line, &alone, "us");
	(void)snprintf(line, sizeof line, "GET /v1/history, %s, %.0f KB", page->name,
		       (double)load.body_len / 1000);
	table_row(line, &whole, "us");
	(void)snprintf(line, sizeof line, "pages over HTTP / pages of the store alone, %s", page->name);
	table_goal(line, &ratio, "", GOAL_AT_LEAST, 0.8);
	(void)snprintf(line, sizeof line, "GET /v1/history, %s, 304", page->name);
	table_row(line, &unchanged, "us");
	load_close(&load);
	load_close(&again);
}

int main(void)
{
	char dir[300], path[400];
	struct store *store = NULL;
	struct stack stack;
	struct error e;
	double began = wall_us(), took;

	bench_one_core();
	(void)snprintf(dir, sizeof dir, "%s/history", bench_directory());
	(void)snprintf(path, sizeof path, "%s/%s", dir, CONFIG_DATABASE);
	(void)mkdir(dir, 0700);
	/* The rows come in the order of nobody's index: with the cache of everyday use the filling takes minutes. */
	if (store_open(path, stack_key, &store, &e) ||
	    sql_script(store->db, "PRAGMA synchronous = OFF; PRAGMA cache_size = -262144", &e) ||
	    store_tx(store, add_events, NULL, &e))
		bench_fail("store: %s", e.detail);
	store_close(store);
	took = (wall_us() - began) / 1e6;
	stack_start(&stack, dir, NULL); /* history needs no picture */
	if (store_open(path, stack_key, &store, &e))
		bench_fail("store: %s", e.detail);
	table_section("History: a page of %d out of %d events (written in %.0f s); CPU for one page", PAGE,
		      EVENTS, took);
	for (size_t i = 0; i < ARRAY_LEN(pages); i++)
		measure(store, &stack, &pages[i]);
	child_end(&stack.child);
	store_close(store);
	return 0;
}
