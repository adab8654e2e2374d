/*
 * simulation [--seeds N] [--days D] [--seed FIRST] [--seeds-only] [--self-test] [--case TEXT] [--verbose]
 *
 * Runs the named cases, the self-test and the random seeds. Seeds are dealt to one process a core; each writes a record a seed
 * into a pipe of its own. A process that ends within a seed has crashed there, and that is told like any failure.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "tests/simulation/sim.h"

#define MOST_WORKERS 64

struct options {
	uint64_t first;
	int seeds;
	int days;
	bool verbose;
	bool cases;
	bool self_test;
	const char *only; /* cases whose name contains this */
};

/* One run that has ended. Smaller than PIPE_BUF would be enough for atomic writes, but each pipe has one writer anyway. */
struct result {
	uint64_t seed;
	int broken;
	char rules[200];
	char report[4096];
	struct world_counters counters;
	int64_t steps;
	int64_t kills;
};

/* --- the named cases --- */

static void run_cases(const struct options *o, const struct sim_case *list, size_t n, int *passed,
		      int *failed)
{
	for (size_t i = 0; i < n; i++) {
		_cleanup_(sim_freep) struct sim *s = NULL;
		struct sim_setup setup = sim_setup_default(i + 1);

		if (o->only && !strstr(list[i].name, o->only))
			continue;
		setup.verbose = o->verbose;
		list[i].run(&setup, &s);
		printf("%s  case: %s\n%s", s->broken ? "FAIL" : "ok  ", list[i].name, s->report);
		fflush(stdout);
		*(s->broken ? failed : passed) += 1;
	}
}

/* --- the seeds --- */

static void write_all(int fd, const void *data, size_t size)
{
	const char *at = data;

	while (size) {
		ssize_t n = write(fd, at, size);

		if (n <= 0)
			_exit(2);
		at += n;
		size -= (size_t)n;
	}
}

static bool read_all(int fd, void *data, size_t size)
{
	char *at = data;

	while (size) {
		ssize_t n = read(fd, at, size);

		if (n <= 0)
			return false;
		at += n;
		size -= (size_t)n;
	}
	return true;
}

static void run_seed(const struct options *o, uint64_t seed, struct result *r)
{
	_cleanup_(sim_freep) struct sim *s = seed_run(seed, o->days, o->verbose);

	r->broken = s->broken;
	memcpy(r->rules, s->rules, sizeof(r->rules));
	memcpy(r->report, s->report, sizeof(r->report));
	r->counters = world_counters(s->world);
	r->steps = s->steps;
	r->kills = s->kills;
}

/* Seeds first + worker, first + worker + workers, ... */
static void work(const struct options *o, int worker, int workers, int fd)
{
	for (int i = worker; i < o->seeds; i += workers) {
		struct result r = {.seed = o->first + (uint64_t)i};

		run_seed(o, r.seed, &r);
		write_all(fd, &r, sizeof(r));
	}
}

static int start_worker(const struct options *o, int worker, int workers)
{
	int ends[2];
	pid_t child;

	if (pipe(ends))
		abort();
	child = fork();
	if (child < 0)
		abort();
	if (child) {
		close(ends[1]);
		return ends[0];
	}
	close(ends[0]);
	work(o, worker, workers, ends[1]);
	exit(0);
}

struct total {
	int passed, failed;
	int64_t starts, stops, kills, steps, calls, faults;
};

static void add_up(struct total *t, const struct result *r)
{
	t->starts += r->counters.starts;
	t->stops += r->counters.stops;
	t->calls += r->counters.calls_placed;
	t->faults += r->counters.faults;
	t->kills += r->kills;
	t->steps += r->steps;
	if (!r->broken) {
		t->passed++;
		return;
	}
	t->failed++;
	printf("FAIL  seed %llu: %s\n%s", (unsigned long long)r->seed, r->rules, r->report);
	fflush(stdout);
}

/* Seeds that a worker did not come to have crashed it, or come behind one that did. */
static void worker_ended(const struct options *o, int next, int workers, struct total *t)
{
	if (next >= o->seeds)
		return;
	printf("FAIL  seed %llu: the process crashed\n", (unsigned long long)(o->first + (uint64_t)next));
	for (; next < o->seeds; next += workers)
		t->failed++;
}

/* One result of each worker in turn: a worker whose pipe is full would wait for the others' end. */
static void collect(const struct options *o, int *pipes, int workers, struct total *t)
{
	int next[MOST_WORKERS], open = workers;

	for (int i = 0; i < workers; i++)
		next[i] = i;
	for (int i = 0; open; i = (i + 1) % workers) {
		struct result r;

		if (pipes[i] < 0)
			continue;
		if (read_all(pipes[i], &r, sizeof(r))) {
			add_up(t, &r);
			next[i] += workers;
			continue;
		}
		worker_ended(o, next[i], workers, t);
		close(pipes[i]);
		pipes[i] = -1;
		open--;
	}
}

static void run_seeds(const struct options *o, int *passed, int *failed)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	int workers = cores < 1 ? 1 : cores > MOST_WORKERS ? MOST_WORKERS : (int)cores;
	int pipes[MOST_WORKERS];
	struct total t = {0};
	int64_t began = monotonic_ms();

	fflush(stdout);
	for (int i = 0; i < workers; i++)
		pipes[i] = start_worker(o, i, workers);
	collect(o, pipes, workers, &t);
	while (wait(NULL) > 0)
		;
	printf("seeds: %d of %d days each: %lld calls, %lld starts, %lld stops, %lld faults, %lld kills of "
	       "burstd, "
	       "%lld steps, %lld s\n",
	       o->seeds, o->days, (long long)t.calls, (long long)t.starts, (long long)t.stops,
	       (long long)t.faults, (long long)t.kills, (long long)t.steps,
	       (long long)((monotonic_ms() - began) / SECOND));
	*passed += t.passed;
	*failed += t.failed;
}

/* --- the command line --- */

static void usage(void)
{
	fprintf(stderr, "usage: simulation [--seeds N] [--days D] [--seed FIRST] [--seeds-only] "
			"[--self-test] [--verbose]\n");
	exit(2);
}

static uint64_t number(const char *text, uint64_t least)
{
	char *end;
	uint64_t n = text ? strtoull(text, &end, 10) : 0;

	if (!text || *end || n < least)
		usage();
	return n;
}

/* An option with a number takes the next argument too: returns how many were used. */
static int parse_one(struct options *o, const char *option, const char *value)
{
	if (!strcmp(option, "--seeds"))
		o->seeds = (int)number(value, 0);
	else if (!strcmp(option, "--seed"))
		o->first = number(value, 1);
	else if (!strcmp(option, "--days"))
		o->days = (int)number(value, 2);
	else if (!strcmp(option, "--case"))
		return o->only = value, o->self_test = false, o->seeds = 0, 2;
	else if (!strcmp(option, "--verbose"))
		return o->verbose = true, 1;
	else if (!strcmp(option, "--seeds-only"))
		return o->cases = o->self_test = false, 1;
	else if (!strcmp(option, "--self-test"))
		return o->cases = false, o->seeds = 0, 1;
	else
		usage();
	return 2;
}

static void parse(struct options *o, int argc, char **argv)
{
	for (int i = 1; i < argc;)
		i += parse_one(o, argv[i], i + 1 < argc ? argv[i + 1] : NULL);
}

int main(int argc, char **argv)
{
	struct options o = {.first = 1, .seeds = 200, .days = 7, .cases = true, .self_test = true};
	int passed = 0, failed = 0;

	log_setup((enum log_level)(LOG_LEVEL_ERROR + 1),
		  false); /* thousands of faults and kills are not worth a line */
	parse(&o, argc, argv);
	if (o.cases) {
		run_cases(&o, cases, n_cases, &passed, &failed);
		run_cases(&o, doubts, n_doubts, &passed, &failed);
	}
	if (o.self_test)
		failed += lies_run(&passed);
	if (o.seeds)
		run_seeds(&o, &passed, &failed);
	printf("simulation: %d passed, %d failed\n", passed, failed);
	return failed ? 1 : 0;
}
