/*
 * listener.h - where clients come in, and what each of these places is for.
 *
 *   ADDRESS[,OPTION]...
 *
 *   ADDR:PORT, [ADDR]:PORT   of IPv4 or IPv6, or a name; :PORT is all addresses
 *   unix:PATH                a socket in the file system; with mode=MODE and
 *                            group=GROUP
 *   systemd                  the sockets that systemd has passed (see
 *                            sd_listen_fds(3)): those named admin are for
 *                            operators, all others for events
 *   proxy                    an option: each connection begins with a header of
 *                            the PROXY protocol
 *   tls                      an option: TLS, behind such a header
 *
 * An address of IPv4 or IPv6 is bound once for each worker (SO_REUSEPORT), and
 * the kernel spreads the clients. Another socket is one that all workers accept
 * from.
 */
#ifndef LOGRECV_LISTENER_H
#define LOGRECV_LISTENER_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

#include "error.h"

/* Whom it is for. Also bits: a way in may be for both. */
enum role { ROLE_EVENTS = 1, ROLE_OPERATORS = 2 };

#define LISTENERS_MAX 32
#define LISTENER_TEXT_MAX 128

struct listener {
	enum role role;
	const char *text; /* as it was given; not owned */
	bool proxy, tls;
	bool passed; /* by systemd */
	union {
		struct sockaddr any;
		struct sockaddr_un path;
		struct sockaddr_storage storage;
	} address;
	socklen_t address_len;
	int fd; /* that all workers share; -1: none, or not open yet */
	/* unix:PATH */
	mode_t mode;
	gid_t group; /* (gid_t)-1: as it comes */
	dev_t made_dev;
	ino_t made_ino; /* what to remove; 0: nothing */
};

/* Starts as all zeros. */
struct listeners {
	struct listener all[LISTENERS_MAX];
	unsigned count;
};

/*
 * Adds what the text asks for. 0, or -1: it is wrong, with the code EAGAIN if
 * it may be right another time.
 */
int
listeners_add(struct listeners *, enum role, const char *text, struct error *);

/* Has systemd passed a socket for operators? */
bool listeners_have_passed_admin(void);

/* Closes the shared sockets, and removes those of the file system. */
void listeners_close(struct listeners *);

/*
 * Makes sure that the address is free, and opens the socket that is to be
 * shared, if it is one. 0, or -1 with an error that names the option.
 */
int listener_open(struct listener *, struct error *);

/*
 * A socket that listens, for one more worker; the caller closes it. The first
 * one of port 0 decides the address of the others. -1: the same.
 */
int listener_socket(struct listener *, struct error *);

/* The address that it is bound to, as people write it. */
void listener_format(const struct listener *, char text[LISTENER_TEXT_MAX]);

/* Is there one with TLS? */
bool listeners_have_tls(const struct listeners *);

/* Can it be reached from this machine alone? */
bool listener_is_local(const struct listener *);

/* "--listen 127.0.0.1:80": the option as it was given, for a message. */
const char *listener_option(const struct listener *);

#endif
