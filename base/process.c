/* Reads /proc/self, which a process may always do, also one that is not dumpable. */
#include "base/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* The start of a file, NUL-terminated; "" where it cannot be read. */
static const char *read_start(const char *path, char *out, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, out, size - 1) : -1;

	if (fd >= 0)
		(void)close(fd);
	out[n > 0 ? n : 0] = '\0';
	return out;
}

/*
 * Field `number` of /proc/self/stat (proc(5) counts from 1), which must be behind the program's name: that one may hold
 * spaces and brackets, so counting begins behind its last bracket, at field 3.
 */
static int64_t stat_field(const char *stat, int number)
{
	const char *place = strrchr(stat, ')');
	int field = 2;

	for (; place && field < number; field++)
		place = strchr(place + 1, ' ');
	return place ? strtoll(place, NULL, 10) : -1;
}

static double boot_time(void)
{
	char text[8192];
	const char *place = NULL;
	struct timespec up, now;

	(void)clock_gettime(CLOCK_BOOTTIME, &up);
	(void)clock_gettime(CLOCK_REALTIME, &now);
	place = strstr(read_start("/proc/stat", text, sizeof text), "\nbtime ");
	/* many cores make the file longer than the buffer: then by the clocks, which is right to the millisecond */
	return place ? strtod(place + strlen("\nbtime "), NULL)
		     : (double)(now.tv_sec - up.tv_sec) + (double)(now.tv_nsec - up.tv_nsec) / 1e9;
}

static int64_t count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	int64_t n = -3; /* ".", "..", and the directory itself */

	if (!d)
		return -1;
	while (readdir(d))
		n++;
	(void)closedir(d);
	return n;
}

struct process_figures process_figures(void)
{
	struct process_figures p = {.open_fds = count_fds(), .max_fds = -1};
	char stat[1024];
	struct timespec cpu;
	struct rlimit limit;
	int64_t ticks, pages;

	(void)read_start("/proc/self/stat", stat, sizeof stat);
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
	p.cpu_seconds = (double)cpu.tv_sec + (double)cpu.tv_nsec / 1e9;
	p.threads = stat_field(stat, 20);
	ticks = stat_field(stat, 22);
	p.virtual_bytes = stat_field(stat, 23);
	pages = stat_field(stat, 24);
	p.resident_bytes = pages < 0 ? -1 : pages * sysconf(_SC_PAGESIZE);
	p.started_at = ticks < 0 ? -1 : boot_time() + (double)ticks / (double)sysconf(_SC_CLK_TCK);
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
		p.max_fds = (int64_t)limit.rlim_cur;
	return p;
}
