/*
 * exporter.c - see exporter.h. The sender counts in plain numbers, which are
 * copied into the table when it is written.
 */
#include <stdlib.h>
#include <string.h>

#include "exporter.h"
#include "report.h"

enum {
	SENT,
	ACKNOWLEDGED,
	MISMATCHED,
	REFUSED,
	TIMEOUT,
	CLOSED,
	MALFORMED,
	UNFINISHED,
	EVENTS_SENT,
	EVENTS_ACKNOWLEDGED,
	BODY_BYTES,
	CONNECTS_FAILED,
	RETRIES,
	GIVEN_UP,
	P50,
	P99,
	MAX,
	METRICS
};

#define NS 1e-9
#define FAILED "logsend_requests_failed_total"
#define LATENCY "logsend_latency_seconds"

static const struct metric metrics[METRICS + 1] = {
    [SENT] = METRIC_COUNTER("logsend_requests_sent_total", "Requests sent."),
    [ACKNOWLEDGED] = METRIC_COUNTER("logsend_requests_acknowledged_total",
	"Requests whose events were all accepted."),
    [MISMATCHED] = METRIC_COUNTER("logsend_requests_mismatched_total",
	"Requests of which another number of events was accepted."),
    [REFUSED] = METRIC_COUNTER("logsend_requests_refused_total",
	"Requests that were answered with another status than 2xx."),
    [TIMEOUT] = METRIC_COUNTER(FAILED, "Requests that were not answered.",
	METRIC_LABEL("reason", "timeout")),
    [CLOSED] = METRIC_COUNTER(FAILED, NULL, METRIC_LABEL("reason", "closed")),
    [MALFORMED] =
	METRIC_COUNTER(FAILED, NULL, METRIC_LABEL("reason", "malformed")),
    [UNFINISHED] =
	METRIC_COUNTER(FAILED, NULL, METRIC_LABEL("reason", "unfinished")),
    [EVENTS_SENT] = METRIC_COUNTER("logsend_events_sent_total", "Events sent."),
    [EVENTS_ACKNOWLEDGED] = METRIC_COUNTER("logsend_events_acknowledged_total",
	"Events of acknowledged requests."),
    [BODY_BYTES] = METRIC_COUNTER("logsend_body_bytes_sent_total",
	"Bytes of the bodies of all requests sent."),
    [CONNECTS_FAILED] = METRIC_COUNTER(
	"logsend_connects_failed_total", "Attempts to connect that failed."),
    [RETRIES] = METRIC_COUNTER(
	"logsend_retries_total", "Times a request was sent again."),
    [GIVEN_UP] = METRIC_COUNTER("logsend_events_given_up_total",
	"Events that --retry sends no more, and that were not acknowledged."),
    [P50] = METRIC_GAUGE(LATENCY,
	"From when a request was due until it was acknowledged.",
	METRIC_LABEL("quantile", "0.5"), .scale = NS),
    [P99] = METRIC_GAUGE(
	LATENCY, NULL, METRIC_LABEL("quantile", "0.99"), .scale = NS),
    [MAX] =
	METRIC_GAUGE(LATENCY, NULL, METRIC_LABEL("quantile", "1"), .scale = NS),
};

int
exporter_open(struct exporter *e, const struct sender *sender, const char *path,
    struct error *err)
{
	memset(e, 0, sizeof(*e));
	e->sender = sender;
	e->table = malloc(sizeof(metrics));
	if (e->table == NULL)
		return error_errno(err, "open the metrics");
	memcpy(e->table, metrics, sizeof(metrics));
	if (spool_open(&e->spool, path, err) < 0)
		goto free_table;
	if (metrics_open(&e->file, &e->spool, "logsend", err) < 0)
		goto close_spool;
	return 0;
close_spool:
	spool_close(&e->spool);
free_table:
	free(e->table);
	e->table = NULL;
	return -1;
}

static void
set(struct exporter *e, unsigned which, uint64_t value)
{
	metric_set(&e->table[which], (int64_t)value);
}

int
exporter_write(struct exporter *e, struct error *err)
{
	const struct sender_stats *s = &e->sender->stats;

	set(e, SENT, s->sent);
	set(e, ACKNOWLEDGED, s->acknowledged);
	set(e, MISMATCHED, s->mismatched);
	set(e, REFUSED, report_refused(s));
	set(e, TIMEOUT, s->failed[FAILURE_TIMEOUT]);
	set(e, CLOSED, s->failed[FAILURE_CLOSED]);
	set(e, MALFORMED, s->failed[FAILURE_MALFORMED]);
	set(e, UNFINISHED, s->failed[FAILURE_UNFINISHED]);
	set(e, EVENTS_SENT, s->events_sent);
	set(e, EVENTS_ACKNOWLEDGED, s->events_acknowledged);
	set(e, BODY_BYTES, s->bytes_sent);
	set(e, CONNECTS_FAILED, s->unreachable);
	set(e, RETRIES, s->retries);
	set(e, GIVEN_UP, e->sender->left.events);
	set(e, P50, histogram_percentile(&s->latency, 500));
	set(e, P99, histogram_percentile(&s->latency, 990));
	set(e, MAX, s->latency.max);
	return metrics_write(&e->file, e->table, err);
}

void
exporter_close(struct exporter *e)
{
	metrics_close(&e->file);
	spool_close(&e->spool);
	free(e->table);
	e->table = NULL;
}
