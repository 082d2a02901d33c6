/*
 * record-talk.c - how logrecv speaks with its clients; see record.c.
 */
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "record.h"

static bool
is_client(int fd)
{
	int domain = 0, error = errno;
	socklen_t len = sizeof(domain);

	if (!record_is_server() ||
	    getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) < 0)
		domain = 0;
	errno = error;
	return domain == AF_INET || domain == AF_INET6;
}

/* The first `len` bytes of what lies in the parts. */
static void
record_bytes(
    const char *word, int fd, const struct iovec *parts, int count, size_t len)
{
	int error = errno;

	record_lock();
	for (int i = 0; i < count && len > 0; i++) {
		size_t n = parts[i].iov_len < len ? parts[i].iov_len : len;

		record(word, "", parts[i].iov_base, n, "%d", fd);
		len -= n;
	}
	record_unlock(error);
}

static size_t
size_of(const struct iovec *parts, int count)
{
	size_t len = 0;

	for (int i = 0; i < count; i++)
		len += parts[i].iov_len;
	return len;
}

static void
record_sent(int fd, ssize_t n, size_t len)
{
	int error = errno;

	if (n >= 0 && (size_t)n == len)
		return;
	record_lock();
	record("sent", "", NULL, 0, "%d %zd %zu", fd, n < 0 ? 0 : n, len);
	record_unlock(error);
}

int
accept4(int fd, __SOCKADDR_ARG address, socklen_t *len, int flags)
{
	int got =
	    (int)syscall(SYS_accept4, fd, address.__sockaddr__, len, flags);

	if (got >= 0 && is_client(got)) {
		record_lock();
		record("accept", "", NULL, 0, "%d", got);
		record_unlock(0);
	}
	return got;
}

ssize_t
read(int fd, void *data, size_t len)
{
	ssize_t n = (ssize_t)syscall(SYS_read, fd, data, len);

	if (n > 0 && is_client(fd))
		record_bytes(
		    "receive", fd, &(struct iovec){data, len}, 1, (size_t)n);
	return n;
}

ssize_t
recv(int fd, void *data, size_t len, int flags)
{
	ssize_t n =
	    (ssize_t)syscall(SYS_recvfrom, fd, data, len, flags, NULL, NULL);

	if (n > 0 && (flags & MSG_PEEK) == 0 && is_client(fd))
		record_bytes(
		    "receive", fd, &(struct iovec){data, len}, 1, (size_t)n);
	return n;
}

ssize_t
send(int fd, const void *data, size_t len, int flags)
{
	struct iovec part = {(void *)(uintptr_t)data, len};
	bool client = is_client(fd);
	ssize_t n;

	if (client)
		record_bytes("send", fd, &part, 1, len);
	n = (ssize_t)syscall(SYS_sendto, fd, data, len, flags, NULL, 0);
	if (client)
		record_sent(fd, n, len);
	return n;
}

ssize_t
writev(int fd, const struct iovec *parts, int count)
{
	bool client = is_client(fd);
	size_t len = size_of(parts, count);
	ssize_t n;

	if (client)
		record_bytes("send", fd, parts, count, len);
	n = (ssize_t)syscall(SYS_writev, fd, parts, count);
	if (client)
		record_sent(fd, n, len);
	return n;
}
