/*
 * What the benchmarks share: samples and the table that they are printed in, CPU time of other processes, servers in
 * processes of their own, and a bounded HTTP load.
 *
 * Every figure is a median over rounds, and things that are compared take turns within each round, so that a machine
 * which slows down slows both. Nothing is asserted: a goal that is missed is printed as missed. A benchmark that cannot
 * be carried out ends its program with a line that says why. One thread, unless a function says otherwise.
 */
#ifndef BURSTD_TESTS_BENCH_BENCH_H
#define BURSTD_TESTS_BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Ends the program, and with it every process that it started. */
_Noreturn void bench_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A directory of the program's own, removed with all that is in it at exit. Lives as long as the process. */
const char *bench_directory(void);

/* --- samples and the table --- */

#define SAMPLES_MAX 1024
struct samples {
	double values[SAMPLES_MAX]; /* in the order in which they were taken */
	size_t n;
};
void sample(struct samples *, double value); /* beyond SAMPLES_MAX they are dropped */
/* Sample by sample: a / b. */
struct samples samples_ratio(const struct samples *a, const struct samples *b);
/* The smallest value that `share` (0 to 1) of the samples do not exceed. */
double samples_at(const struct samples *, double share);

enum goal { GOAL_NONE, GOAL_AT_MOST, GOAL_AT_LEAST };
void table_section(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Median, least and most. `unit` "" = a ratio. */
void table_row(const char *name, const struct samples *, const char *unit);
void table_goal(const char *name, const struct samples *, const char *unit, enum goal, double value);
/* One figure that is not a median. */
void table_figure(const char *name, double figure, const char *unit, enum goal, double value);
void table_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* --- time --- */

double wall_us(void);       /* monotonic */
double thread_cpu_us(void); /* of the calling thread */
double process_cpu_us(
	pid_t process); /* all threads of a process, this one's children included only by their own id */

/*
 * Keeps this process, and what it starts from now on, on one core. A client on a core of its own sends while the server
 * already answers, so that chance decides how many requests one wake-up serves: the same server then costs 7 or 11 us.
 */
void bench_one_core(void);

/* --- processes --- */

struct child {
	pid_t pid;
	int port; /* on 127.0.0.1 */
};
/*
 * Forks; `start` runs in the child, returns the port that it serves on from threads of its own, and the child then sleeps until
 * child_end. Only while this process has one thread. A child dies with this process.
 */
struct child child_serve(int (*start)(void *arg), void *arg);
/*
 * Starts a program. *ret_stderr (may be NULL: its stderr is dropped) is the reading end of a pipe. Any number of threads. The
 * port is the caller's to find out.
 */
struct child child_run(const char *path, char *const argv[], char *const envp[], int *ret_stderr);
void child_end(struct child *); /* TERM by its id, KILL after 5 s; waits for it */

/* --- HTTP --- */

#define LOAD_CONNECTIONS 16

/* Keep-alive connections to one server that ask the same again and again. */
struct load {
	int port;
	int fds[LOAD_CONNECTIONS];
	char request[1024];
	size_t request_len;
	size_t reply_len; /* head and body; the same for each reply */
	size_t body_len;
	int status;
	char *reply; /* the first one; owned */
};
/* `headers`: each line with its CRLF, "" = none. Asks once, to learn the length of the reply. */
void load_open(struct load *, int port, const char *path, const char *headers);
void load_close(struct load *);
/* At least `requests`, one at a time on each connection. */
void load_run(struct load *, int requests);
/*
 * Runs it and samples the server's CPU microseconds for one request. On new connections each time: which of a server's
 * threads gets how many of them is chance.
 */
void load_sample(struct load *, const struct child *server, int requests, struct samples *);
/* A header of the first reply into `out`, "" where it is missing. */
const char *load_header(const struct load *, const char *name, char *out, size_t size);

/* One GET on a connection of its own; the body, NUL-terminated, malloc'ed; NULL where the status is not 200. */
char *http_get(int port, const char *path, const char *token);

#endif
