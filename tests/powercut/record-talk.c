/*
 * record-talk.c - how logrecv speaks with its clients, and logload with the
 * database; see record.c.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "record.h"

/*
 * Clients of logrecv
 */

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

/*
 * The database
 */

struct st_mysql;
int mysql_real_query(struct st_mysql *, const char *, unsigned long);

static const char *
word_of(const char *sql, unsigned long len)
{
	static const struct {
		const char *begin, *word;
	} words[] = {{"START TRANSACTION", "begin"}, {"COMMIT", "commit"},
	    {"UPDATE `log_files`", "ledger"}, {"ROLLBACK", "rollback"}};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		size_t n = strlen(words[i].begin);

		/* ROLLBACK TO SAVEPOINT does not end the transaction. */
		if (len >= n && memcmp(sql, words[i].begin, n) == 0 &&
		    (len == n || words[i].begin[0] == 'U'))
			return words[i].word;
	}
	return NULL;
}

int
mysql_real_query(struct st_mysql *link, const char *sql, unsigned long len)
{
	static int (*real)(struct st_mysql *, const char *, unsigned long);
	const char *word = record_is_on() ? word_of(sql, len) : NULL;
	int rc;

	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "mysql_real_query");
	if (real == NULL)
		record_fail("mysql_real_query");
	if (word == NULL)
		return real(link, sql, len);
	record_delay();
	record_lock();
	if (strcmp(word, "ledger") == 0)
		record(word, "", sql, len, "-");
	else
		record(word, "", NULL, 0, "-");
	record_unlock(errno);
	rc = real(link, sql, len);
	if (strcmp(word, "commit") == 0) {
		record_delay();
		record_lock();
		record("committed", "", NULL, 0, "- %d", rc);
		record_unlock(errno);
	}
	record_delay();
	return rc;
}
