/*
 * The two files beside the database in the state directory: the key that seals secrets, and the lock that
 * makes one process the controller. Neither follows a symbolic link. Threads: call at start, from one.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/store.h"

#define KEY_NAME  "key"
#define LOCK_NAME "lock"

static void close_fd(const int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}

static enum err failed(struct error *e, const char *dir, const char *name, const char *what)
{
	return error_set(e, ERR_INTERNAL, "%.200s/%s: %s.", dir, name, what);
}

static enum err open_dir(const char *dir, int *ret_fd, struct error *e)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return error_set(e, ERR_INTERNAL, "State directory %.200s: %s.", dir, strerror(errno));
	*ret_fd = fd;
	return ERR_OK;
}

/* Reads up to `size` bytes. Returns the count, or -1 with errno. */
static ssize_t read_all(int fd, void *out, size_t size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = read(fd, (char *)out + done, size - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

static enum err key_read(int fd, const char *dir, uint8_t ret_key[SECRET_KEY_SIZE], struct error *e)
{
	uint8_t bytes[SECRET_KEY_SIZE + 1];
	struct stat info;
	ssize_t n;

	if (fstat(fd, &info) < 0)
		return failed(e, dir, KEY_NAME, strerror(errno));
	if (!S_ISREG(info.st_mode))
		return failed(e, dir, KEY_NAME, "not a regular file");
	if (info.st_mode & 077)
		return failed(
			e, dir, KEY_NAME,
			"others may read or write it: make it 0600 and replace the secrets that it protects");
	n = read_all(fd, bytes, sizeof(bytes));
	if (n == SECRET_KEY_SIZE)
		memcpy(ret_key, bytes, SECRET_KEY_SIZE);
	explicit_bzero(bytes, sizeof(bytes));
	if (n < 0)
		return failed(e, dir, KEY_NAME, strerror(errno));
	if (n != SECRET_KEY_SIZE)
		return failed(e, dir, KEY_NAME, "it must hold exactly 32 bytes");
	return ERR_OK;
}

/* Writes a new key into the open file `fd`, on disk when this returns. 0, or -1 with errno. */
static int key_write(int fd)
{
	uint8_t key[SECRET_KEY_SIZE];
	ssize_t n;

	random_bytes(key, sizeof(key));
	n = write(fd, key, sizeof(key));
	explicit_bzero(key, sizeof(key));
	if (n >= 0 && n != SECRET_KEY_SIZE) {
		errno = ENOSPC;
		return -1;
	}
	return n < 0 ? -1 : fsync(fd);
}

/*
 * Under another name first and then linked: a crash leaves either no key or a whole one, and of two processes
 * that start at once the second finds the first one's.
 */
static enum err key_make(int dir_fd, const char *dir, struct error *e)
{
	_cleanup_(close_fd) int fd = -1;
	char uuid[UUID_SIZE];
	char name[sizeof(KEY_NAME) + UUID_SIZE + 1];
	int failure = 0;

	random_uuid(uuid);
	(void)snprintf(name, sizeof(name), KEY_NAME ".%s", uuid);
	fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return failed(e, dir, KEY_NAME, strerror(errno));
	if (key_write(fd) < 0 || (linkat(dir_fd, name, dir_fd, KEY_NAME, 0) < 0 && errno != EEXIST))
		failure = errno;
	(void)unlinkat(dir_fd, name, 0);
	if (!failure && fsync(dir_fd) < 0)
		failure = errno;
	return failure ? failed(e, dir, KEY_NAME, strerror(failure)) : ERR_OK;
}

enum err store_key_load(const char *dir, uint8_t ret_key[SECRET_KEY_SIZE], struct error *e)
{
	_cleanup_(close_fd) int dir_fd = -1;
	_cleanup_(close_fd) int fd = -1;
	enum err err;

	if ((err = open_dir(dir, &dir_fd, e)))
		return err;
	/* O_NONBLOCK: a FIFO of that name must not hold up the start. */
	fd = openat(dir_fd, KEY_NAME, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT) {
		if ((err = key_make(dir_fd, dir, e)))
			return err;
		fd = openat(dir_fd, KEY_NAME, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	}
	if (fd < 0)
		return failed(e, dir, KEY_NAME,
			      errno == ELOOP ? "a symbolic link is not followed" : strerror(errno));
	return key_read(fd, dir, ret_key, e);
}

static enum err lock_refused(int fd, const char *dir, struct error *e)
{
	char pid[16] = "";
	ssize_t n = read_all(fd, pid, sizeof(pid) - 1);

	if (n < 0)
		n = 0;
	pid[n] = '\0';
	pid[strspn(pid, "0123456789")] = '\0'; /* what another program wrote there is not shown */
	return error_set(e, ERR_BUSY, "Another burstd (process %s) uses the state directory %.200s.",
			 *pid ? pid : "unknown", dir);
}

/* For people and for lock_refused only; what counts is the lock. */
static enum err lock_note(int fd, const char *dir, struct error *e)
{
	if (ftruncate(fd, 0) < 0 || dprintf(fd, "%ld\n", (long)getpid()) < 0 || fsync(fd) < 0)
		return failed(e, dir, LOCK_NAME, strerror(errno));
	return ERR_OK;
}

enum err store_lock(const char *dir, int *ret_fd, struct error *e)
{
	_cleanup_(close_fd) int dir_fd = -1;
	_cleanup_(close_fd) int fd = -1;
	struct stat info;
	enum err err;

	if ((err = open_dir(dir, &dir_fd, e)))
		return err;
	fd = openat(dir_fd, LOCK_NAME, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	if (fd < 0)
		return failed(e, dir, LOCK_NAME,
			      errno == ELOOP ? "a symbolic link is not followed" : strerror(errno));
	if (fstat(fd, &info) < 0 || !S_ISREG(info.st_mode))
		return failed(e, dir, LOCK_NAME, "not a regular file");
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? lock_refused(fd, dir, e)
					    : failed(e, dir, LOCK_NAME, strerror(errno));
	if ((err = lock_note(fd, dir, e)))
		return err;
	*ret_fd = fd;
	fd = -1;
	return ERR_OK;
}
