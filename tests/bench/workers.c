/*
 * workers.c - see workers.h.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "workers.h"

#define WORKERS_MAX 64
#define BACKLOG 4096

struct worker {
	serve_fn *serve;
	int fd;
};

static int listen_on(struct sockaddr_in *address);
static void *thread_main(void *);

int
workers_run(int argc, char **argv, serve_fn *serve)
{
	struct sockaddr_in address = {
	    .sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	long count = argc > 1 ? atol(argv[1]) : sysconf(_SC_NPROCESSORS_ONLN);
	static struct worker workers[WORKERS_MAX];
	pthread_t thread;

	if (count < 1 || count > WORKERS_MAX) {
		(void)fprintf(stderr, "usage: %s [WORKERS]\n", argv[0]);
		return 64;
	}
	(void)signal(SIGPIPE, SIG_IGN); /* cannot fail for this signal */
	/* All sockets before the first connection, which one would miss. */
	for (long i = 0; i < count; i++) {
		workers[i] = (struct worker){serve, listen_on(&address)};
		if (workers[i].fd < 0) {
			perror("listen");
			return 74;
		}
	}
	for (long i = 0; i < count; i++) {
		if (pthread_create(&thread, NULL, thread_main, &workers[i])) {
			(void)fprintf(stderr, "cannot create a thread\n");
			return 74;
		}
	}
	if (printf("listening address=127.0.0.1:%d\n",
		ntohs(address.sin_port)) < 0 ||
	    fflush(stdout) != 0)
		return 74;
	pthread_join(thread, NULL);
	return 70;
}

/* The first call takes any free port and sets it for the others. */
static int
listen_on(struct sockaddr_in *address)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	socklen_t len = sizeof(*address);
	int one = 1;

	if (fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)) < 0 ||
	    bind(fd, (struct sockaddr *)address, len) < 0 ||
	    listen(fd, BACKLOG) < 0 ||
	    getsockname(fd, (struct sockaddr *)address, &len) < 0) {
		if (fd >= 0)
			(void)close(fd); /* the first error is told */
		return -1;
	}
	return fd;
}

static void *
thread_main(void *arg)
{
	struct worker *w = arg;

	w->serve(w->fd);
	(void)fprintf(stderr, "a thread of the server ended\n");
	exit(70);
}
