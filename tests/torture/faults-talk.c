/*
 * faults-talk.c - calls on connections; see faults.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "faults.h"

static void
reset_connection(int fd)
{
	(void)shutdown(fd, SHUT_RDWR);
	errno = ECONNRESET;
}

int
connect(int fd, __CONST_SOCKADDR_ARG address, socklen_t len)
{
	struct subject s = {.fd = fd};
	struct rule *r = fault_hit("connect", &s);

	OBEY(int, connect, fd, address, len);
}

int
accept4(int fd, __SOCKADDR_ARG address, socklen_t *restrict len, int flags)
{
	struct subject s = {.fd = fd};
	struct rule *r = fault_hit("accept4", &s);

	OBEY(int, accept4, fd, address, len, flags);
}

/* COM_STMT_BULK_EXECUTE: a packet's length, its number, and the command. */
static bool
is_array(const unsigned char *packet, size_t len)
{
	return len > 5 && packet[3] == 0 && packet[4] == 0xfa;
}

ssize_t
send(int fd, const void *data, size_t len, int flags)
{
	struct subject s = {.fd = fd,
	    .data = len > 5 ? (const char *)data + 5 : "",
	    .len = len > 5 ? len - 5 : 0};
	struct rule *r;

	if (is_array(data, len)) {
		s.data = "ARRAY";
		s.len = strlen(s.data);
	}
	r = fault_hit("send", &s);
	if (r != NULL && fault_is_short(r) && len > 1)
		len /= 2;
	if (r != NULL && r->action == RESET) {
		(void)REAL(send)(fd, data, len / 2, flags);
		reset_connection(fd);
		return -1;
	}
	OBEY(ssize_t, send, fd, data, len, flags);
}

ssize_t
recv(int fd, void *data, size_t len, int flags)
{
	struct subject s = {.fd = fd};
	struct rule *r = fault_hit("recv", &s);

	if (r != NULL && r->action == RESET) {
		reset_connection(fd);
		return -1;
	}
	if (r != NULL && fault_is_short(r) && len > 1)
		len = 1;
	OBEY(ssize_t, recv, fd, data, len, flags);
}

ssize_t
writev(int fd, const struct iovec *v, int n)
{
	struct subject s = {.fd = fd};
	struct rule *r = fault_hit("writev", &s);
	struct iovec part = n > 0 ? v[0] : (struct iovec){0};

	if (r != NULL && r->action == RESET) {
		reset_connection(fd);
		return -1;
	}
	if (r != NULL && fault_is_short(r) && part.iov_len > 1) {
		part.iov_len /= 2;
		OBEY(ssize_t, writev, fd, &part, 1);
	}
	OBEY(ssize_t, writev, fd, v, n);
}

int
poll(struct pollfd *fds, nfds_t n, int ms)
{
	struct rule *r = fault_hit("poll", NULL);

	OBEY(int, poll, fds, n, ms);
}
