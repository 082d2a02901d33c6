/*
 * generate.h - makes events that look like real ones, the same ones for the
 * same seed (but for the time stamp).
 *
 *   {"id":"RUN-000000001","event":"user_login","user_id":4711,"level":"info",
 *    "timestamp":"2026-11-22T07:33:51.123456Z","message":"..."}
 *
 * The message fills the event up to the size asked for.
 */
#ifndef LOGSEND_GENERATE_H
#define LOGSEND_GENERATE_H

#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "error.h"

#define GENERATE_RUN_MAX 64

struct generator {
	uint64_t seed;
	size_t size; /* bytes an event */
	size_t run_len;
	const char *run; /* not owned; no byte of it needs an escape */
	char *words;     /* what messages are cut from */
};

/*
 * -1 if size is too small for the run's name, or with ENOMEM. Events have
 * exactly `size` bytes while their number has at most nine digits.
 */
int generator_open(struct generator *, const char *run, uint64_t seed,
    size_t size, struct error *);
void generator_close(struct generator *);

/*
 * Appends event number n, without a line break; stamp is RFC 3339 (clock.h).
 * 0, or -1 with ENOMEM.
 */
int generator_event(
    const struct generator *, uint64_t n, const char *stamp, struct buf *out);

/* Appends the id of number n: RUN-n, n with nine digits at least. */
int generate_id(const char *run, size_t run_len, uint64_t n, struct buf *out);

#endif
