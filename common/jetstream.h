/*
 * jetstream.h - files in a replicated stream of NATS JetStream.
 *
 * A file is a subject of the stream, STREAM.f.NAME, each message a piece of it
 * with the header "Log-Bytes": how many bytes the file has with it. An empty
 * message seals it, and it never grows again. Each message is published on the
 * condition that the one before is the subject's last, so of two writers one
 * finds the other, and a piece that is sent twice is stored once.
 *
 * STREAM.c.NAME, where it is there, says who fetches a sealed file, and that
 * one answers at STREAM.alive.ID while it lives.
 *
 * This is the only module that includes the NATS library. One thread uses one
 * struct jetstream. What a call waits for is bounded by config->wait_ns a step;
 * after a failure the next call goes to the next server.
 */
#ifndef COMMON_JETSTREAM_H
#define COMMON_JETSTREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "options.h"
#include "spool.h"

#define JETSTREAM_ID_MAX 64 /* with its NUL */

enum jetstream_verdict {
	JETSTREAM_DONE,
	/*
	 * Not done, or nobody knows: look the file up before anything else is
	 * done to it. Waiting, or another server, may mend it. err->code is 0
	 * if there was no answer; else the server has refused, nothing is
	 * done.
	 */
	JETSTREAM_AWAY,
	/* There is no such stream, or it would lose events. */
	JETSTREAM_WRONG,
	/* Another writer was faster. Look it up; others are not concerned. */
	JETSTREAM_RACED,
	/* This file cannot be carried; others may be. */
	JETSTREAM_BROKEN,
};

struct jetstream_config {
	struct option_list servers; /* nats://HOST:PORT or tls://HOST:PORT */
	struct option_list
	    monitors;       /* http://HOST:PORT, to be asked at start */
	const char *stream; /* its name */
	const char *tool;   /* what the servers show us as */
	const char *user, *password, *credentials; /* NULL: none */
	const char *ca, *cert, *key;               /* of TLS; NULL: none */
	uint64_t wait_ns;                          /* for an answer */
};

/* The rows of a tool's table of options that fill in a config. */
#define JETSTREAM_OPTIONS_COUNT 10
void jetstream_options(struct jetstream_config *,
    struct option_spec rows[JETSTREAM_OPTIONS_COUNT]);
/* What no row can check: 0, or -1. */
int jetstream_check_config(const struct jetstream_config *, struct error *);

/*
 * Asks each monitor, if it answers: -1 where a server is too old, or does not
 * sync. What could not be asked is logged.
 */
int jetstream_check_servers(const struct jetstream_config *, struct error *);

struct jetstream;

/* config must outlive it. NULL: out of memory. */
struct jetstream *jetstream_new(const struct jetstream_config *);
void jetstream_free(struct jetstream *);

/*
 * Connects where that is needed, and looks whether the stream keeps what it
 * takes: its file storage, replicas, limits and what it discards. Each call
 * below does that first.
 */
enum jetstream_verdict jetstream_open(struct jetstream *, struct error *);

/* Makes the stream as it must be; one that is there stays as it is. */
enum jetstream_verdict
jetstream_make(struct jetstream *, uint64_t max_bytes, struct error *);

/* The most that one piece may have, once open. */
size_t jetstream_piece_max(const struct jetstream *);
/* And one file: it goes when it is sealed, which a full stream never takes. */
uint64_t jetstream_file_max(const struct jetstream *);

/* A file of the stream, as it was last seen. */
struct jetstream_file {
	char name[SPOOL_NAME_MAX];
	uint64_t sequence; /* of its last message; 0: it has none */
	uint64_t bytes;    /* that it has */
	bool sealed;
	/*
	 * By another one than its writer: set it before jetstream_seal. Then it
	 * may have more lines, which its writer alone knows.
	 */
	bool orphan;
	uint64_t stored_us; /* its last message, by a server's wall clock */
};

/* Fills in all but the name. */
enum jetstream_verdict
jetstream_look(struct jetstream *, struct jetstream_file *, struct error *);

/* Appends a piece, 1 byte or more, or seals; the file is as it is then. */
enum jetstream_verdict jetstream_append(struct jetstream *,
    struct jetstream_file *, const void *piece, size_t len, struct error *);
enum jetstream_verdict
jetstream_seal(struct jetstream *, struct jetstream_file *, struct error *);

/*
 * Reads a sealed file; `take` gets its pieces in order, and ends the reading by
 * -1 and an error of its own, which is JETSTREAM_BROKEN here. So is a file with
 * a gap in it.
 */
typedef int
jetstream_take(void *context, const void *piece, size_t len, struct error *);
enum jetstream_verdict
jetstream_read(struct jetstream *, const struct jetstream_file *,
    jetstream_take *, void *context, struct error *);

/* Takes a file, and who fetches it, out of the stream, at once. */
enum jetstream_verdict
jetstream_forget(struct jetstream *, const char *name, struct error *);

/* All but its seal, by which its writer sees how much of it was taken. */
enum jetstream_verdict
jetstream_leave_seal(struct jetstream *, const char *name, struct error *);

/*
 * Calls `visit` for each file, with how many messages it has, and with 0 for
 * each claim, in no order. A claim without a file is what a kill has left.
 */
typedef void
jetstream_visit(void *context, const char *name, uint64_t messages);
enum jetstream_verdict jetstream_list(
    struct jetstream *, jetstream_visit *, void *context, struct error *);

/*
 * Who fetches a file: "" in `id`, if nobody does. jetstream_claim takes the
 * place of that one, if it is still as it was looked up: JETSTREAM_AWAY if not.
 */
struct jetstream_claim {
	char id[JETSTREAM_ID_MAX];
	uint64_t sequence;
};
enum jetstream_verdict jetstream_look_claim(struct jetstream *,
    const char *name, struct jetstream_claim *, struct error *);
enum jetstream_verdict jetstream_claim(struct jetstream *, const char *name,
    struct jetstream_claim *, const char *id, struct error *);

/* Takes any claim on it away. */
enum jetstream_verdict
jetstream_unclaim(struct jetstream *, const char *name, struct error *);

/* Answers as that one from now on, also over connections to come. */
void jetstream_live_as(struct jetstream *, const char *id);
/* Does that one answer? */
enum jetstream_verdict jetstream_is_alive(
    struct jetstream *, const char *id, bool *alive, struct error *);

#endif
