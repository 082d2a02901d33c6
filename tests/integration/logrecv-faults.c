/*
 * logrecv-faults.c - loaded before the C library (LD_PRELOAD), makes the system
 * of a program misbehave as told by files in the directory $FAULTS:
 *
 *	hold   while it exists, fdatasync(2) does not return
 *	fail   while it exists, fdatasync(2) fails with EIO
 *	publish  while it exists, fsync(2) of a directory "rejected" does not
 *	       return
 *	syncs  gets a byte for each fdatasync(2) that has succeeded
 *	deaf   while it exists, epoll_ctl(2) fails with ENOMEM to add a socket
 *	       that listens
 *	blind  while it exists, epoll_wait(2) fails with EBADF
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

int fdatasync(int fd);
int fsync(int fd);

static int
open_fault(const char *name, int flags)
{
	const char *dir = getenv("FAULTS");
	char path[4096];

	if (dir == NULL)
		return -1;
	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	return open(path, flags | O_CLOEXEC, 0600);
}

static int
exists(const char *name)
{
	int fd = open_fault(name, O_RDONLY);

	if (fd >= 0)
		(void)close(fd);
	return fd >= 0;
}

int
fdatasync(int fd)
{
	int (*next)(int);
	int log, rc;

	while (exists("hold"))
		(void)usleep(2000);
	if (exists("fail")) {
		errno = EIO;
		return -1;
	}
	*(void **)&next = dlsym(RTLD_NEXT, "fdatasync");
	rc = next(fd);
	log = open_fault("syncs", O_WRONLY | O_CREAT | O_APPEND);
	if (log >= 0) {
		if (rc == 0 && write(log, "s", 1) != 1)
			rc = -1;
		(void)close(log);
	}
	return rc;
}

int
fsync(int fd)
{
	int (*next)(int);
	char link[64], path[4096] = "";
	const char *name;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if (readlink(link, path, sizeof(path) - 1) < 0)
		path[0] = '\0';
	name = strrchr(path, '/');
	while (
	    name != NULL && strcmp(name, "/rejected") == 0 && exists("publish"))
		(void)usleep(2000);
	*(void **)&next = dlsym(RTLD_NEXT, "fsync");
	return next(fd);
}

static int
listens(int fd)
{
	int yes = 0;
	socklen_t len = sizeof(yes);

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &yes, &len) == 0 &&
	       yes;
}

int
epoll_ctl(int epoll, int op, int fd, struct epoll_event *event)
{
	int (*next)(int, int, int, struct epoll_event *);

	if (op == EPOLL_CTL_ADD && listens(fd) && exists("deaf")) {
		errno = ENOMEM;
		return -1;
	}
	*(void **)&next = dlsym(RTLD_NEXT, "epoll_ctl");
	return next(epoll, op, fd, event);
}

int
epoll_wait(int epoll, struct epoll_event *events, int most, int timeout)
{
	int (*next)(int, struct epoll_event *, int, int);

	*(void **)&next = dlsym(RTLD_NEXT, "epoll_wait");
	if (exists("blind")) {
		errno = EBADF;
		return -1;
	}
	return next(epoll, events, most, timeout);
}
