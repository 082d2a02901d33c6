/*
 * history.h - what some metrics were in the last hour and in the last day, for
 * the status page: a new one is a row of the table in history.c.
 *
 * Two rings of samples, in memory, and in SPOOL/metrics/history, which has a
 * fixed size. Where a sample lies follows from its time, so nothing else has to
 * be kept with them. Each is written where it lies and not synced: one that a
 * crash has torn does not match its sum, and is passed over.
 */
#ifndef LOGRECV_PAGE_HISTORY_H
#define LOGRECV_PAGE_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"

struct spool;
struct history_sample;

enum { HISTORY_HOUR, HISTORY_DAY, HISTORY_RINGS };

struct history {
	struct history_sample *samples; /* of all rings; NULL: no memory */
	uint64_t last[HISTORY_RINGS];   /* the period of the youngest sample */
	int fd;                         /* -1: it is not written */
	bool failed;                    /* the last write: it was told of */
};

/*
 * Reads what is there; goes on without it where that cannot be. `writes`: of
 * several processes on a spool, one does.
 */
void history_open(struct history *, struct spool *, bool writes);
void history_close(struct history *);

/*
 * Keeps what the text of metrics has, if a sample is due at this time (s since
 * the epoch, by the wall clock), or, with `last`, since the process ends. True:
 * one was kept.
 */
bool history_keep(
    struct history *, const struct buf *text, uint64_t now_s, bool last);

/*
 * Appends {"hour":R,"day":R} with R = {"step":S,"at":[T...],"values":{NAME:
 * [V...]}}: as many values as times, or one where all are the same; null where
 * nobody told. 0, or -1: ENOMEM.
 */
int history_put(const struct history *, uint64_t now_s, struct buf *out);

#endif
