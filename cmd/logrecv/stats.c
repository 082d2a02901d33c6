/*
 * stats.c - see stats.h.
 */
#include <stdlib.h>
#include <string.h>

#include "stats.h"

#define REFUSED(why) \
	METRIC_COUNTER("logrecv_refused_total", \
	    "Requests refused, by reason.", METRIC_LABEL("reason", why))

#define REJECTED(why) \
	METRIC_COUNTER("logrecv_rejected_events_total", \
	    "Bad events of requests that were taken, by reason.", \
	    METRIC_LABEL("reason", why))

#define ENDED(why) \
	METRIC_COUNTER("logrecv_ended_connections_total", \
	    "Connections ended to make room for others, by what was short.", \
	    METRIC_LABEL("reason", why))

#define OF_SPOOL(...) METRIC_GAUGE(__VA_ARGS__, .of_spool = true)

static const struct metric initial[STAT_COUNT + 1] = {
    [STAT_REQUESTS] = METRIC_COUNTER(
	"logrecv_requests_total", "Requests whose head was understood."),
    [STAT_ACKED_REQUESTS] =
	METRIC_COUNTER("logrecv_acknowledged_requests_total",
	    "Requests whose events were acknowledged."),
    [STAT_EVENTS] =
	METRIC_COUNTER("logrecv_events_total", "Events acknowledged."),
    [STAT_BODY_BYTES] = METRIC_COUNTER(
	"logrecv_body_bytes_total", "Bytes of request bodies taken in."),
    [STAT_CODED_BYTES] = METRIC_COUNTER("logrecv_compressed_bytes_total",
	"Bytes of compressed request bodies, before they are decompressed."),
    [STAT_LINE_BYTES] = METRIC_COUNTER(
	"logrecv_line_bytes_total", "Bytes of lines written and synced."),
    [STAT_GROUPS] = METRIC_COUNTER(
	"logrecv_groups_total", "Groups committed: one write and sync each."),
    [STAT_REJECTED_JSON] = REJECTED("json"),
    [STAT_REJECTED_OBJECT] = REJECTED("object"),
    [STAT_REJECTED_DEPTH] = REJECTED("depth"),
    [STAT_REJECTED_EVENT_SIZE] = REJECTED("event-size"),
    [STAT_REJECTED_UNFIT] = REJECTED("unfit"),
    [STAT_REJECTED_DROPPED] = METRIC_COUNTER("logrecv_rejected_dropped_total",
	"Bad events over 1000 of a request, which were counted and not kept."),
    [STAT_CLIENT_STAMPS] = METRIC_COUNTER("logrecv_client_stamps_total",
	"Members of events whose names are ours, which were taken out."),
    [STAT_REFUSED_JSON] = REFUSED("json"),
    [STAT_REFUSED_OBJECT] = REFUSED("object"),
    [STAT_REFUSED_DEPTH] = REFUSED("depth"),
    [STAT_REFUSED_EVENT_SIZE] = REFUSED("event-size"),
    [STAT_REFUSED_UNFIT] = REFUSED("unfit"),
    [STAT_REFUSED_EMPTY] = REFUSED("empty"),
    [STAT_REFUSED_BODY_SIZE] = REFUSED("body-size"),
    [STAT_REFUSED_HEAD_SIZE] = REFUSED("header-size"),
    [STAT_REFUSED_FRAMING] = REFUSED("framing"),
    [STAT_REFUSED_PATH] = REFUSED("path"),
    [STAT_REFUSED_METHOD] = REFUSED("method"),
    [STAT_REFUSED_CODING] = REFUSED("content-coding"),
    [STAT_REFUSED_TYPE] = REFUSED("content-type"),
    [STAT_REFUSED_SPOOL] = REFUSED("spool"),
    [STAT_REFUSED_IN_FLIGHT] = REFUSED("in-flight"),
    [STAT_REFUSED_STORE] = REFUSED("store"),
    [STAT_REFUSED_MEMORY] = REFUSED("memory"),
    [STAT_REFUSED_TIMEOUT] = REFUSED("timeout"),
    [STAT_REFUSED_METRICS] = REFUSED("metrics"),
    [STAT_REFUSED_CONNECTIONS] = REFUSED("connections"),
    [STAT_REFUSED_ORIGIN] = REFUSED("origin"),
    [STAT_REFUSED_NO_TOKEN] = REFUSED("no-token"),
    [STAT_REFUSED_TOKEN] = REFUSED("token"),
    [STAT_REFUSED_WAY] = REFUSED("way"),
    [STAT_REFUSED_RATE] = REFUSED("rate"),
    [STAT_REFUSED_HOST] = REFUSED("host"),
    [STAT_REFUSED_PROXY] = REFUSED("proxy"),
    [STAT_REFUSED_TLS] = REFUSED("tls"),
    [STAT_ENDED_PLACE] = ENDED("connections"),
    [STAT_ENDED_ROOM] = ENDED("in-flight"),
    [STAT_SYNC_SECONDS] = METRIC_HISTOGRAM(
	"logrecv_sync_seconds", "How long syncing a group took."),
    [STAT_REQUEST_SECONDS] = METRIC_HISTOGRAM("logrecv_request_seconds",
	"From a request's first byte to the acknowledgement of its events."),
    [STAT_EVENT_BYTES] = METRIC_HISTOGRAM("logrecv_event_bytes",
	"Sizes of events as they came.", .bounds = metric_sizes),
    [STAT_STORE_ERRORS] = METRIC_COUNTER(
	"logrecv_store_errors_total", "Groups that could not be stored."),
    [STAT_ACCEPT_ERRORS] = METRIC_COUNTER(
	"logrecv_accept_errors_total", "Failures to accept a connection."),
    [STAT_CONNECTIONS] =
	METRIC_GAUGE("logrecv_connections", "Connections that are open."),
    [STAT_IN_FLIGHT] = METRIC_GAUGE("logrecv_in_flight_bytes",
	"Bytes held for clients: input, lines not synced, answers not sent."),
    [STAT_COMMIT_AGE] = METRIC_GAUGE("logrecv_commit_age_seconds",
	"For how long the group that is being written has been.",
	.scale = 1e-3),
    [STAT_READY] =
	METRIC_GAUGE("logrecv_ready", "1 while events are taken, else 0."),
    [STAT_BUFFER_FILES] = OF_SPOOL("logrecv_buffer_files", "Files in buffer/."),
    [STAT_BUFFER_BYTES] = OF_SPOOL("logrecv_buffer_bytes", "Bytes in buffer/."),
    [STAT_READY_FILES] = OF_SPOOL("logrecv_ready_files", "Files in ready/."),
    [STAT_READY_BYTES] = OF_SPOOL("logrecv_ready_bytes", "Bytes in ready/."),
    [STAT_OLDEST_AGE] = OF_SPOOL(
	"logrecv_oldest_age_seconds", "Age of the oldest file in ready/."),
    [STAT_DISK_FREE] = OF_SPOOL(
	"logrecv_disk_free_bytes", "Bytes free on the spool's file system."),
    [STAT_ROOM] = OF_SPOOL("logrecv_room_bytes",
	"Bytes of events that may still come until they are refused, by "
	"--spool-limit and --min-free."),
    [STAT_LAST_SUCCESS] = METRIC_GAUGE("logrecv_last_success_timestamp_seconds",
	"When events were last acknowledged, since the epoch.", .scale = 1e-6),
};

/* Of each sender. */
static const struct metric of_sender[SENDER_COUNTS] = {
    [SENDER_REQUESTS] = METRIC_COUNTER("logrecv_sender_requests_total",
	"Requests with a token or certificate, by whose it is."),
    [SENDER_EVENTS] = METRIC_COUNTER("logrecv_sender_events_total",
	"Events of them that were acknowledged."),
    [SENDER_BYTES] = METRIC_COUNTER(
	"logrecv_sender_bytes_total", "Bytes of them, as they came in."),
};

int
stats_open(struct stats *s, struct spool *spool, struct senders *senders,
    struct error *err)
{
	memset(s, 0, sizeof(*s));
	memcpy(s->table, initial, sizeof(initial));
	s->table[STAT_SYNC_SECONDS].histogram = &s->sync_seconds;
	s->table[STAT_REQUEST_SECONDS].histogram = &s->request_seconds;
	s->table[STAT_EVENT_BYTES].histogram = &s->event_bytes;
	s->spool = spool;
	s->senders = senders;
	board_init(&s->board);
	return metrics_open(&s->file, spool, "logrecv", err);
}

void
stats_close(struct stats *s)
{
	metrics_close(&s->file);
	free(s->all);
	buf_release(&s->draft);
	board_release(&s->board);
}

/* The table, with what the senders have sent; that is left out for want of
 * memory. */
static struct metric *
whole(struct stats *s)
{
	unsigned count = atomic_load(&s->senders->count);
	size_t size = STAT_COUNT + SENDER_COUNTS * (size_t)count + 1;
	struct metric *to;

	if (count == 0)
		return s->table;
	to = realloc(s->all, size * sizeof(*to));
	if (to == NULL)
		return s->table;
	s->all = to;
	memcpy(to, initial, sizeof(initial));
	for (int i = 0; i < STAT_COUNT; i++) {
		to[i].histogram = s->table[i].histogram;
		metric_set(&to[i], metric_get(&s->table[i]));
	}
	to += STAT_COUNT;
	for (int what = 0; what < SENDER_COUNTS; what++) {
		for (unsigned i = 0; i < count; i++, to++) {
			struct sender *from = &s->senders->all[i];

			*to = of_sender[what];
			to->labels = from->label;
			metric_set(
			    to, (int64_t)atomic_load(&from->counts[what]));
		}
	}
	*to = initial[STAT_COUNT]; /* the end */
	return s->all;
}

int
stats_write(struct stats *s, struct error *err)
{
	return metrics_write(&s->file, whole(s), err);
}

int
stats_publish(struct stats *s, struct error *err)
{
	int rc;

	s->draft.len = 0;
	rc = metrics_collect(s->spool, &s->file, whole(s), &s->draft, err);
	if (rc < 0)
		s->draft.len = 0;
	board_show(&s->board, &s->draft);
	return rc;
}

/* Of so many events with this number. */
static void
add_size(struct stats *s, unsigned size, uint64_t n)
{
	unsigned bucket = size - event_size_of(1);

	atomic_fetch_add_explicit(
	    &s->event_bytes
		 .buckets[bucket < METRIC_BUCKETS ? bucket : METRIC_BUCKETS],
	    n, memory_order_relaxed);
}

void
stats_add_sizes(struct stats *s, const struct event_tally *tally)
{
	if (tally->good == 1) /* most are alone */
		add_size(s, event_size_of(tally->bytes), 1);
	for (unsigned i = 0; i < EVENT_SIZES && tally->good > 1; i++) {
		if (tally->sizes[i] > 0)
			add_size(s, i, tally->sizes[i]);
	}
	atomic_fetch_add_explicit(
	    &s->event_bytes.sum, tally->bytes, memory_order_relaxed);
}

void
stats_add_bad(struct stats *s, const struct event_tally *tally)
{
	for (int i = 0; i < EVENT_FAULTS; i++)
		stat_add(
		    s, STAT_REJECTED_JSON + (enum stat)i, tally->faults[i]);
	if (tally->bad > EVENT_KEPT_MAX)
		stat_add(s, STAT_REJECTED_DROPPED, tally->bad - EVENT_KEPT_MAX);
}
