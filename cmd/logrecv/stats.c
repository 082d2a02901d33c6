/*
 * stats.c - see stats.h.
 */
#include <string.h>

#include "stats.h"

/* Name, help, type, labels, scale, in the order of enum stat. */
#define COUNTER(n, h) \
	{ \
		.name = n, .help = h, .type = METRIC_COUNTER \
	}
#define GAUGE(n, h) \
	{ \
		.name = n, .help = h, .type = METRIC_GAUGE \
	}
#define REFUSED(why) \
	{ \
		.name = "logrecv_refused_total", \
		.help = "Requests refused, by reason.", \
		.type = METRIC_COUNTER, .labels = "reason=\"" why "\"" \
	}

static const struct metric stats_table[STAT_COUNT + 1] = {
    COUNTER("logrecv_requests_total", "Requests whose head was understood."),
    COUNTER("logrecv_acknowledged_requests_total",
	"Requests whose events were acknowledged."),
    COUNTER("logrecv_events_total", "Events acknowledged."),
    COUNTER("logrecv_body_bytes_total", "Bytes of request bodies taken in."),
    COUNTER("logrecv_line_bytes_total", "Bytes of lines written and synced."),
    COUNTER(
	"logrecv_groups_total", "Groups committed: one write and sync each."),
    REFUSED("json"),
    REFUSED("object"),
    REFUSED("empty"),
    REFUSED("depth"),
    REFUSED("event-size"),
    REFUSED("body-size"),
    REFUSED("header-size"),
    REFUSED("framing"),
    REFUSED("path"),
    REFUSED("method"),
    REFUSED("content-coding"),
    REFUSED("spool"),
    REFUSED("in-flight"),
    REFUSED("store"),
    REFUSED("memory"),
    REFUSED("timeout"),
    REFUSED("metrics"),
    REFUSED("connections"),
    {.name = "logrecv_sync_seconds",
	.help = "How long syncing a group took.",
	.type = METRIC_HISTOGRAM},
    COUNTER("logrecv_store_errors_total", "Groups that could not be stored."),
    COUNTER("logrecv_accept_errors_total", "Failures to accept a connection."),
    GAUGE("logrecv_connections", "Connections that are open."),
    GAUGE("logrecv_in_flight_bytes",
	"Bytes of bodies being received and lines not yet synced."),
    GAUGE("logrecv_ready", "1 while events are taken, else 0."),
    GAUGE("logrecv_buffer_files", "Files in buffer/."),
    GAUGE("logrecv_buffer_bytes", "Bytes in buffer/."),
    GAUGE("logrecv_ready_files", "Files in ready/."),
    GAUGE("logrecv_ready_bytes", "Bytes in ready/."),
    GAUGE("logrecv_oldest_age_seconds", "Age of the oldest file in ready/."),
    GAUGE("logrecv_disk_free_bytes", "Bytes free on the spool's file system."),
    {.name = "logrecv_last_success_timestamp_seconds",
	.help = "When events were last acknowledged, since the epoch.",
	.type = METRIC_GAUGE,
	.scale = 1e-6},
    {.name = NULL},
};

int
stats_open(struct stats *s, struct spool *spool, struct error *err)
{
	memset(s, 0, sizeof(*s));
	memcpy(s->table, stats_table, sizeof(s->table));
	s->table[STAT_SYNC_SECONDS].histogram = &s->sync_seconds;

	return metrics_open(&s->file, spool, "logrecv", err);
}

void
stats_close(struct stats *s)
{
	metrics_close(&s->file);
}

int
stats_write(struct stats *s, struct error *err)
{
	return metrics_write(&s->file, s->table, err);
}
