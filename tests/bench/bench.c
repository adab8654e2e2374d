/* The benchmarks' common ground (bench.h). Processes are ended by their ids, at exit too; each also dies with its parent. */
#define _GNU_SOURCE
#include "tests/bench/bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <math.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CHILDREN_MAX 32
#define NAME_WIDTH   62
#define RECEIVE_S    20 /* no reply takes longer */

/* What this program has to clean up, wherever it ends. */
static struct {
	pid_t owner;
	pid_t children[CHILDREN_MAX];
	char directory[200];
} mess;

static int remove_one(const char *path, const struct stat *s, int kind, struct FTW *ftw)
{
	(void)s;
	(void)kind;
	(void)ftw;
	return remove(path);
}

static void clean_up(void)
{
	if (getpid() != mess.owner)
		return; /* a fork of us */
	for (size_t i = 0; i < CHILDREN_MAX; i++)
		if (mess.children[i])
			child_end(&(struct child){.pid = mess.children[i]});
	if (mess.directory[0])
		(void)nftw(mess.directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void clean_up_at_exit(void)
{
	if (!mess.owner) {
		mess.owner = getpid();
		(void)atexit(clean_up);
	}
}

void bench_fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)fputs("bench: ", stderr);
	(void)vfprintf(stderr, format, args);
	(void)fputc('\n', stderr);
	va_end(args);
	exit(1);
}

const char *bench_directory(void)
{
	const char *parent = getenv("TMPDIR");

	clean_up_at_exit();
	if (mess.directory[0])
		return mess.directory;
	(void)snprintf(mess.directory, sizeof mess.directory, "%s/burstd-bench-XXXXXX",
		       parent ? parent : P_tmpdir);
	if (!mkdtemp(mess.directory))
		bench_fail("no directory under %s: %s", parent ? parent : P_tmpdir, strerror(errno));
	return mess.directory;
}

/* --- samples and the table --------------------------------------------------------------------------------------- */

void sample(struct samples *s, double value)
{
	if (s->n < SAMPLES_MAX)
		s->values[s->n++] = value;
}

struct samples samples_ratio(const struct samples *a, const struct samples *b)
{
	struct samples ratio = {.n = 0};

	for (size_t i = 0; i < a->n && i < b->n; i++)
		sample(&ratio, b->values[i] > 0 ? a->values[i] / b->values[i] : 0);
	return ratio;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double samples_at(const struct samples *s, double share)
{
	struct samples sorted = *s;
	size_t rank = (size_t)ceil(share * (double)s->n);

	if (!s->n)
		return 0;
	qsort(sorted.values, sorted.n, sizeof(double), compare);
	return sorted.values[rank ? rank - 1 : 0];
}

static int decimals(double value)
{
	return value < 10 ? 2 : value < 100 ? 1 : 0;
}

void table_section(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)putchar('\n');
	(void)vprintf(format, args);
	(void)putchar('\n');
	va_end(args);
}

void table_note(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)fputs("  ", stdout);
	(void)vprintf(format, args);
	(void)putchar('\n');
	va_end(args);
}

static void print_row(const char *name, double figure, const char *unit, const char *range, enum goal goal,
		      double value)
{
	bool met = goal == GOAL_AT_MOST ? figure <= value : figure >= value;
	char text[64], wanted[64] = "";

	(void)snprintf(text, sizeof text, "%.*f %s", decimals(figure), figure, unit);
	if (goal)
		(void)snprintf(wanted, sizeof wanted, "%s %g %s", goal == GOAL_AT_MOST ? "<=" : ">=", value,
			       unit);
	(void)printf("  %-*s %11s  %-19s %-13s %s\n", NAME_WIDTH, name, text, range, wanted,
		     !goal ? ""
		     : met ? "met"
			   : "MISSED");
	(void)fflush(stdout);
}

void table_goal(const char *name, const struct samples *s, const char *unit, enum goal goal, double value)
{
	double least = samples_at(s, 0), most = samples_at(s, 1);
	char range[64];

	(void)snprintf(range, sizeof range, "%.*f - %.*f", decimals(least), least, decimals(most), most);
	print_row(name, samples_at(s, 0.5), unit, range, goal, value);
}

void table_row(const char *name, const struct samples *s, const char *unit)
{
	table_goal(name, s, unit, GOAL_NONE, 0);
}

void table_figure(const char *name, double figure, const char *unit, enum goal goal, double value)
{
	print_row(name, figure, unit, "", goal, value);
}

/* --- time -------------------------------------------------------------------------------------------------------- */

static double clock_us(clockid_t id)
{
	struct timespec t = {0};

	(void)clock_gettime(id, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

double wall_us(void)
{
	return clock_us(CLOCK_MONOTONIC);
}

double thread_cpu_us(void)
{
	return clock_us(CLOCK_THREAD_CPUTIME_ID);
}

double process_cpu_us(pid_t process)
{
	clockid_t id;

	if (clock_getcpuclockid(process, &id) != 0)
		bench_fail("process %d has ended", (int)process);
	return clock_us(id);
}

void bench_one_core(void)
{
	int core = sched_getcpu();
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(core < 0 ? 0 : (size_t)core, &set);
	if (sched_setaffinity(0, sizeof set, &set) != 0)
		bench_fail("cannot stay on one core: %s", strerror(errno));
}

/* --- processes --------------------------------------------------------------------------------------------------- */

static void remember(pid_t pid)
{
	for (size_t i = 0; i < CHILDREN_MAX; i++)
		if (!mess.children[i]) {
			mess.children[i] = pid;
			return;
		}
	bench_fail("more than %d processes", CHILDREN_MAX);
}

static void forget(pid_t pid)
{
	for (size_t i = 0; i < CHILDREN_MAX; i++)
		if (mess.children[i] == pid)
			mess.children[i] = 0;
}

static pid_t fork_child(void)
{
	pid_t parent = getpid(), pid;

	clean_up_at_exit();
	(void)fflush(stdout);
	pid = fork();
	if (pid < 0)
		bench_fail("fork: %s", strerror(errno));
	if (pid > 0) {
		remember(pid);
		return pid;
	}
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	return 0;
}

struct child child_serve(int (*start)(void *arg), void *arg)
{
	struct child c = {0};
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) != 0)
		bench_fail("pipe: %s", strerror(errno));
	c.pid = fork_child();
	if (!c.pid) {
		c.port = start(arg);
		if (write(ends[1], &c.port, sizeof c.port) != sizeof c.port)
			_exit(1);
		for (;;)
			(void)pause();
	}
	(void)close(ends[1]);
	if (read(ends[0], &c.port, sizeof c.port) != sizeof c.port || c.port <= 0)
		bench_fail("a server did not start");
	(void)close(ends[0]);
	return c;
}

struct child child_run(const char *path, char *const argv[], char *const envp[], int *ret_stderr)
{
	struct child c = {0};
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) != 0)
		bench_fail("pipe: %s", strerror(errno));
	c.pid = fork_child();
	if (!c.pid) {
		(void)dup2(ret_stderr ? ends[1] : open("/dev/null", O_WRONLY), STDERR_FILENO);
		(void)execve(path, argv, envp);
		_exit(127);
	}
	(void)close(ends[1]);
	if (ret_stderr)
		*ret_stderr = ends[0];
	else
		(void)close(ends[0]);
	return c;
}

void child_end(struct child *c)
{
	const struct timespec step = {.tv_nsec = 5000000};

	if (c->pid <= 0)
		return;
	(void)kill(c->pid, SIGTERM);
	for (int i = 0; i < 1000 && waitpid(c->pid, NULL, WNOHANG) == 0; i++) {
		if (i == 999)
			(void)kill(c->pid, SIGKILL);
		(void)nanosleep(&step, NULL);
	}
	(void)waitpid(c->pid, NULL, 0);
	forget(c->pid);
	c->pid = 0;
}

/* --- HTTP -------------------------------------------------------------------------------------------------------- */

static int connect_to(int port)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	const struct timeval limit = {.tv_sec = RECEIVE_S};
	const int on = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0)
		bench_fail("connect to port %d: %s", port, strerror(errno));
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	return fd;
}

static void send_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

		if (n <= 0)
			bench_fail("send: %s", strerror(errno));
		data += n;
		len -= (size_t)n;
	}
}

/* One whole reply, malloc'ed and NUL-terminated; *ret_head is the length of its head. */
static char *receive_reply(int fd, size_t *ret_head, size_t *ret_len)
{
	size_t size = 1 << 16, len = 0, want = SIZE_MAX;
	char *data = malloc(size), *end = NULL, *declared;

	while (data && len < want) {
		ssize_t n;

		if (len + 1 == size)
			data = realloc(data, size *= 2);
		n = data ? recv(fd, data + len, size - len - 1, 0) : -1;
		if (n <= 0)
			bench_fail("no whole reply: %s", n ? strerror(errno) : "closed");
		data[len += (size_t)n] = '\0';
		end = strstr(data, "\r\n\r\n");
		if (!end || want != SIZE_MAX)
			continue;
		declared = strcasestr(data, "\r\nContent-Length:");
		*ret_head = (size_t)(end + 4 - data);
		want = *ret_head + (declared && declared < end ? strtoul(declared + 17, NULL, 10) : 0);
	}
	*ret_len = len;
	return data;
}

static void reconnect(struct load *l)
{
	for (size_t i = 0; i < LOAD_CONNECTIONS; i++) {
		if (l->fds[i])
			(void)close(l->fds[i]);
		l->fds[i] = connect_to(l->port);
	}
}

void load_open(struct load *l, int port, const char *path, const char *headers)
{
	size_t head = 0;

	*l = (struct load){.port = port};
	l->request_len = (size_t)snprintf(l->request, sizeof l->request,
					  "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n%s\r\n", path, headers);
	if (l->request_len >= sizeof l->request)
		bench_fail("the request is too long");
	reconnect(l);
	send_all(l->fds[0], l->request, l->request_len);
	l->reply = receive_reply(l->fds[0], &head, &l->reply_len);
	l->body_len = l->reply_len - head;
	l->status = (int)strtol(l->reply + strlen("HTTP/1.1 "), NULL, 10);
}

void load_close(struct load *l)
{
	for (size_t i = 0; i < LOAD_CONNECTIONS; i++)
		(void)close(l->fds[i]);
	free(l->reply);
}

void load_run(struct load *l, int requests)
{
	static char sink[1 << 18];

	for (int done = 0; done < requests; done += LOAD_CONNECTIONS) {
		for (size_t i = 0; i < LOAD_CONNECTIONS; i++)
			send_all(l->fds[i], l->request, l->request_len);
		for (size_t i = 0; i < LOAD_CONNECTIONS; i++)
			for (size_t left = l->reply_len; left > 0;) {
				ssize_t n = recv(l->fds[i], sink, left < sizeof sink ? left : sizeof sink, 0);

				if (n <= 0)
					bench_fail("a reply broke off");
				left -= (size_t)n;
			}
	}
}

void load_sample(struct load *l, const struct child *server, int requests, struct samples *s)
{
	int rounded = (requests + LOAD_CONNECTIONS - 1) / LOAD_CONNECTIONS * LOAD_CONNECTIONS;
	double before;

	reconnect(l);
	load_run(l, LOAD_CONNECTIONS); /* until all are accepted */
	before = process_cpu_us(server->pid);
	load_run(l, rounded);
	sample(s, (process_cpu_us(server->pid) - before) / rounded);
}

const char *load_header(const struct load *l, const char *name, char *out, size_t size)
{
	char wanted[80];
	const char *place;

	(void)snprintf(wanted, sizeof wanted, "\r\n%s: ", name);
	place = strcasestr(l->reply, wanted);
	(void)snprintf(out, size, "%.*s", place ? (int)strcspn(place + strlen(wanted), "\r") : 0,
		       place ? place + strlen(wanted) : "");
	return out;
}

char *http_get(int port, const char *path, const char *token)
{
	char request[1024];
	size_t head = 0, len = 0;
	int fd = connect_to(port), status;
	char *reply;

	(void)snprintf(request, sizeof request,
		       "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n%s%s%sConnection: close\r\n\r\n", path,
		       token ? "Authorization: Bearer " : "", token ? token : "", token ? "\r\n" : "");
	send_all(fd, request, strlen(request));
	reply = receive_reply(fd, &head, &len);
	(void)close(fd);
	status = (int)strtol(reply + strlen("HTTP/1.1 "), NULL, 10);
	memmove(reply, reply + head, len - head + 1);
	if (status == 200)
		return reply;
	free(reply);
	return NULL;
}
