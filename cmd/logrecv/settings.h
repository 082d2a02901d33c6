/*
 * settings.h - what the user has asked for: the option table, and what the
 * options come to.
 */
#ifndef LOGRECV_SETTINGS_H
#define LOGRECV_SETTINGS_H

#include <stdint.h>

#include "options.h"
#include "server.h"

#define WORKERS_MAX 64

struct settings {
	struct option_list listen, admin_listen, trust_proxy;
	const char *spool;
	uint64_t workers, spool_limit, min_free;
	unsigned ack, bad, log_level;
};

/* Operators' own address, where none is asked for: the text of its listener. */
extern const char settings_admin_listen[];

/*
 * Sets these, and what is the server's of them; both start as all zeros, and
 * keep pointers into argv and the environment. -1; or the exit status, and all
 * is said.
 */
int settings_parse(struct settings *, struct server *, int argc, char **argv);

#endif
