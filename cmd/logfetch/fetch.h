/*
 * fetch.h - what a fetcher knows, and its turns over the stream.
 */
#ifndef LOGFETCH_FETCH_H
#define LOGFETCH_FETCH_H

#include "jetstream.h"
#include "service.h"

#define HOLDERS_MAX 256 /* other fetchers that are watched */

struct settings {
	struct jetstream_config stream;
	const char *spool;
	uint64_t orphan_ns, ready_limit;
	bool once;
	unsigned log_level;
};

/* A file of the stream, from one look to the next. */
struct seen {
	char name[SPOOL_NAME_MAX];
	uint64_t messages;           /* that it has; 0: it is a claim alone */
	uint64_t sequence, since_ns; /* that its last message has been */
	uint64_t stored_us;          /* that message */
	uint64_t again_ns;           /* it is not looked at before */
	bool sealed, orphan;
	bool ours; /* claimed, and fetched once */
	bool told; /* that it cannot be fetched */
};

struct table {
	struct seen *files; /* by name */
	size_t count, cap;
	bool failed; /* no memory */
};

/* Another fetcher. */
struct holder {
	char id[JETSTREAM_ID_MAX];
	uint64_t silent_ns; /* since when; 0: it answers */
	bool asked;         /* in this turn */
};

struct fetch {
	const struct settings *settings;
	struct service service;
	struct jetstream *stream;
	char id[JETSTREAM_ID_MAX];
	struct table table, before;
	struct holder holders[HOLDERS_MAX];
	unsigned holder_count;
	uint64_t ready_bytes;
	bool opened; /* the stream was there once, as it must be */
	bool away;   /* told, and not answering since */
	bool left;   /* of this turn: something is to be done yet */
};

extern struct metric fetch_stats[];

/* The service and the settings are there. -1 with nothing to release. */
int fetch_init(struct fetch *, struct error *);
void fetch_release(struct fetch *);

/* Does what is next for each file of the stream. EX_OK, or a status to end
 * with. */
int fetch_turn(void *context);

#endif
