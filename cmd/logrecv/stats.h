/*
 * stats.h - what logrecv counts, and the table that shows it.
 */
#ifndef LOGRECV_STATS_H
#define LOGRECV_STATS_H

#include "board.h"
#include "buf.h"
#include "error.h"
#include "event.h"
#include "front/senders.h"
#include "metrics.h"
#include "spool.h"

enum stat {
	STAT_REQUESTS,
	STAT_ACKED_REQUESTS,
	STAT_EVENTS,
	STAT_BODY_BYTES,
	STAT_CODED_BYTES,
	STAT_LINE_BYTES,
	STAT_GROUPS,
	/* logrecv_rejected_events_total: the reasons of enum event_fault */
	STAT_REJECTED_JSON,
	STAT_REJECTED_OBJECT,
	STAT_REJECTED_DEPTH,
	STAT_REJECTED_EVENT_SIZE,
	STAT_REJECTED_UNFIT,
	STAT_REJECTED_DROPPED,
	STAT_CLIENT_STAMPS,
	/* logrecv_refused_total, likewise, and those of whole requests */
	STAT_REFUSED_JSON,
	STAT_REFUSED_OBJECT,
	STAT_REFUSED_DEPTH,
	STAT_REFUSED_EVENT_SIZE,
	STAT_REFUSED_UNFIT,
	STAT_REFUSED_EMPTY,
	STAT_REFUSED_BODY_SIZE,
	STAT_REFUSED_HEAD_SIZE,
	STAT_REFUSED_FRAMING,
	STAT_REFUSED_PATH,
	STAT_REFUSED_METHOD,
	STAT_REFUSED_CODING,
	STAT_REFUSED_TYPE,
	STAT_REFUSED_SPOOL,
	STAT_REFUSED_IN_FLIGHT,
	STAT_REFUSED_STORE,
	STAT_REFUSED_MEMORY,
	STAT_REFUSED_TIMEOUT,
	STAT_REFUSED_METRICS,
	STAT_REFUSED_CONNECTIONS,
	STAT_REFUSED_ORIGIN,
	STAT_REFUSED_NO_TOKEN,
	STAT_REFUSED_TOKEN,
	STAT_REFUSED_WAY,
	STAT_REFUSED_RATE,
	STAT_REFUSED_HOST,
	STAT_REFUSED_PROXY,
	STAT_REFUSED_TLS,
	/* logrecv_ended_connections_total, likewise */
	STAT_ENDED_PLACE,
	STAT_ENDED_ROOM,
	STAT_SYNC_SECONDS,
	STAT_REQUEST_SECONDS,
	STAT_EVENT_BYTES,
	STAT_STORE_ERRORS,
	STAT_ACCEPT_ERRORS,
	STAT_CONNECTIONS,
	STAT_IN_FLIGHT,
	STAT_COMMIT_AGE,
	STAT_READY,
	STAT_BUFFER_FILES,
	STAT_BUFFER_BYTES,
	STAT_READY_FILES,
	STAT_READY_BYTES,
	STAT_OLDEST_AGE,
	STAT_DISK_FREE,
	STAT_ROOM,
	STAT_LAST_SUCCESS,
	STAT_COUNT
};

struct stats {
	struct metric table[STAT_COUNT + 1];
	struct metric_histogram sync_seconds, request_seconds, event_bytes;
	struct metrics_file file;
	struct spool *spool; /* not owned, nor are the */
	struct senders *senders;
	struct metric *all; /* the table, and rows of the senders behind it */
	struct buf draft;   /* of the */
	struct board board; /* of all tools, for GET /metrics */
};

/* 0; or -1 where there is no file of them, for now: see metrics_open. */
int
stats_open(struct stats *, struct spool *, struct senders *, struct error *);
void stats_close(struct stats *);

/* Writes SPOOL/metrics/logrecv.prom; for one thread alone: see metrics_write.
 */
int stats_write(struct stats *, struct error *);

/*
 * Makes the text of the metrics of all tools, on the board, anew; for the same
 * thread. 0, or -1 and there is none.
 */
int stats_publish(struct stats *, struct error *);

/* What became of a request whose events are to be stored. */
void stats_add_sizes(struct stats *, const struct event_tally *);

/* Bad events in good company, which are stored. */
void stats_add_bad(struct stats *, const struct event_tally *);

static inline void
stat_add(struct stats *s, enum stat which, uint64_t n)
{
	metric_add(&s->table[which], n);
}

static inline void
stat_set(struct stats *s, enum stat which, int64_t value)
{
	metric_set(&s->table[which], value);
}

#endif
