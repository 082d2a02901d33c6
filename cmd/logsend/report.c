/*
 * report.c - see report.h.
 */
#include <assert.h>
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>

#include "clock.h"
#include "report.h"

#define LAG_NS (100 * CLOCK_NS_PER_MS)
#define LAG_SHARE 100 /* a hundredth of the time taken */

static const struct {
	const char *name;
	unsigned per_mille;
} percentiles[] = {
    {"p50", 500}, {"p90", 900}, {"p99", 990}, {"p999", 999}, {"max", 1000}};

#define PERCENTILES (sizeof(percentiles) / sizeof(percentiles[0]))

const char *
failure_name(enum failure why)
{
	static const char *const names[] = {[FAILURE_TIMEOUT] = "timeout",
	    [FAILURE_CLOSED] = "closed",
	    [FAILURE_MALFORMED] = "malformed",
	    [FAILURE_UNFINISHED] = "unfinished"};

	assert(why < FAILURES);
	return names[why];
}

uint64_t
report_refused(const struct sender_stats *stats)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < SENDER_STATUSES; i++)
		n += stats->refused[i];
	return n;
}

uint64_t
report_failed(const struct sender_stats *stats)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < FAILURES; i++)
		n += stats->failed[i];
	return n;
}

static double
seconds_of(uint64_t ns)
{
	return (double)ns / (double)CLOCK_NS_PER_S;
}

/* So far, or from the start to the end. */
static uint64_t
time_taken(const struct sender *s)
{
	uint64_t end = s->stats.end_ns;

	if (s->stats.start_ns == 0)
		return 0;
	return (end != 0 ? end : clock_monotonic_ns()) - s->stats.start_ns;
}

double
report_rate(const struct sender *s)
{
	uint64_t ns = time_taken(s);

	/* The last request of an open loop stands for an interval, too. */
	if (s->schedule.rate != 0 && s->stats.sent > 0)
		ns = s->stats.last_sent_ns - s->stats.start_ns +
		     CLOCK_NS_PER_S / s->schedule.rate;
	return ns == 0 ? 0 : (double)s->stats.sent / seconds_of(ns);
}

bool
report_held(const struct sender *s)
{
	uint64_t most = (s->stats.last_sent_ns - s->stats.start_ns) / LAG_SHARE;

	if (s->schedule.rate == 0 || s->stats.sent == 0 ||
	    s->stats.due != s->stats.sent)
		return false;
	return s->stats.lag_ns + s->schedule.shift_ns <=
	       (most > LAG_NS ? most : LAG_NS);
}

int
report_live(struct report *r, struct sender *s, struct buf *out)
{
	uint64_t now = clock_monotonic_ns();
	uint64_t refused = report_refused(&s->stats) + s->stats.mismatched;
	double span = seconds_of(now - r->last_ns);
	int rc;

	if (s->phase == SENDER_CONNECTING)
		return buf_printf(out, "connecting");
	rc = buf_printf(out,
	    "%.0f s: sent %llu, acked %llu, refused %llu, failed %llu, "
	    "%.0f/s, p99 %.1f ms",
	    seconds_of(time_taken(s)), (unsigned long long)s->stats.sent,
	    (unsigned long long)s->stats.acknowledged,
	    (unsigned long long)refused,
	    (unsigned long long)report_failed(&s->stats),
	    (double)(s->stats.sent - r->last_sent) / span,
	    seconds_of(histogram_percentile(&s->stats.recent, 990)) * 1e3);
	histogram_clear(&s->stats.recent);
	r->last_ns = now;
	r->last_sent = s->stats.sent;
	return rc;
}

/*
 * For people
 */

static int
text_rate(const struct sender *s, struct buf *out)
{
	/* Whoever ships lines has asked for no rate. */
	if (s->options.retry && s->source->from_lines)
		return buf_printf(
		    out, "rate          %.1f requests/s\n", report_rate(s));
	if (s->schedule.rate == 0)
		return buf_printf(out,
		    "rate          %.1f requests/s, as fast as %u connections "
		    "allowed (closed loop)\n",
		    report_rate(s), s->options.connections);
	return buf_printf(out,
	    "rate          %.1f requests/s of %llu asked for: %s, "
	    "at most %.1f ms late\n",
	    report_rate(s), (unsigned long long)s->schedule.rate,
	    report_held(s) ? "held" : "NOT held",
	    seconds_of(s->stats.lag_max_ns) * 1e3);
}

static int
text_counts(const struct sender *s, struct buf *out)
{
	const struct sender_stats *stats = &s->stats;

	return buf_printf(out,
	    "sent          %llu requests, %llu events, %.1f MB\n"
	    "acknowledged  %llu requests, %llu events\n",
	    (unsigned long long)stats->sent,
	    (unsigned long long)stats->events_sent,
	    (double)stats->bytes_sent / 1e6,
	    (unsigned long long)stats->acknowledged,
	    (unsigned long long)stats->events_acknowledged);
}

/* Both lines are always there: none is what one wants to read. */
static int
text_losses(const struct sender_stats *stats, struct buf *out)
{
	const char *lead = ": ";
	int rc = buf_printf(out, "refused       %llu requests",
	    (unsigned long long)report_refused(stats));

	for (unsigned i = 0; i < SENDER_STATUSES && rc == 0; i++) {
		if (stats->refused[i] == 0)
			continue;
		rc = buf_printf(out, "%s%llu with %u", lead,
		    (unsigned long long)stats->refused[i], i);
		lead = ", ";
	}
	if (rc == 0)
		rc = buf_printf(out, "\nfailed        %llu requests",
		    (unsigned long long)report_failed(stats));
	lead = ": ";
	for (unsigned i = 0; i < FAILURES && rc == 0; i++) {
		if (stats->failed[i] == 0)
			continue;
		rc = buf_printf(out, "%s%llu %s", lead,
		    (unsigned long long)stats->failed[i],
		    failure_name((enum failure)i));
		lead = ", ";
	}
	return rc == 0 ? buf_printf(out, "\n") : rc;
}

/* What is worth a line only if it happened. */
static int
text_troubles(const struct sender *s, struct buf *out)
{
	const struct {
		const char *name;
		uint64_t count;
		const char *what;
	} lines[] = {
	    {"mismatched", s->stats.mismatched,
		"requests: another number of events was accepted"},
	    {"not sent", s->stats.due - s->stats.sent,
		"requests that were due"},
	    {"unsendable", s->source->unsendable, "lines of the input"},
	    {"unreachable", s->stats.unreachable, "attempts to connect failed"},
	    {"retries", s->stats.retries, "times a request was sent again"},
	    {"given up", s->left.events, "events that were not acknowledged"},
	};
	int rc = 0;

	if (s->stats.interrupted)
		rc = buf_printf(out, "%-14sby a signal\n", "interrupted");
	for (unsigned i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		if (rc == 0 && lines[i].count > 0)
			rc = buf_printf(out, "%-14s%llu %s\n", lines[i].name,
			    (unsigned long long)lines[i].count, lines[i].what);
	}
	return rc;
}

static int
text_latency(const struct histogram *h, struct buf *out)
{
	const char *lead = "";
	int rc = buf_printf(out, "%-14s", "latency");

	if (rc == 0 && h->count == 0)
		return buf_printf(out, "nothing was acknowledged\n");
	for (unsigned i = 0; i < PERCENTILES && rc == 0; i++) {
		const char *name = percentiles[i].per_mille == 999
				       ? "p99.9"
				       : percentiles[i].name;

		rc = buf_printf(out, "%s%s %.3f ms", lead, name,
		    seconds_of(
			histogram_percentile(h, percentiles[i].per_mille)) *
			1e3);
		lead = ", ";
	}
	return rc == 0 ? buf_printf(out, "\n") : rc;
}

int
report_text(const struct report *r, struct buf *out)
{
	const struct sender *s = r->sender;

	if (buf_printf(out, "%-14s%s\n%-14s%s\n%-14s%.3f s\n", "run", r->run,
		"target", r->url, "time", seconds_of(time_taken(s))) < 0 ||
	    text_rate(s, out) < 0 || text_counts(s, out) < 0 ||
	    text_losses(&s->stats, out) < 0 || text_troubles(s, out) < 0)
		return -1;
	return text_latency(&s->stats.latency, out);
}

/*
 * For machines
 */

static int
add(struct json_object *to, const char *key, struct json_object *value)
{
	if (value != NULL && json_object_object_add(to, key, value) == 0)
		return 0;
	json_object_put(value);
	return -1;
}

static int
add_count(struct json_object *to, const char *key, uint64_t n)
{
	return add(to, key, json_object_new_uint64(n));
}

static int
add_decimal(struct json_object *to, const char *key, double value)
{
	char text[64];

	(void)snprintf(text, sizeof(text), "%.3f", value);
	return add(to, key, json_object_new_double_s(value, text));
}

static int
json_rate(const struct sender *s, struct json_object *to)
{
	bool open = s->schedule.rate != 0;

	if (add(to, "loop", json_object_new_string(open ? "open" : "closed")) <
		0 ||
	    add_count(to, "connections", s->options.connections) < 0 ||
	    add_count(to, "batch", s->source->batch) < 0 ||
	    add_decimal(to, "seconds", seconds_of(time_taken(s))) < 0 ||
	    add_count(to, "rate_asked", s->schedule.rate) < 0 ||
	    add_decimal(to, "rate", report_rate(s)) < 0 ||
	    (open ? add(to, "held", json_object_new_boolean(report_held(s)))
		  : json_object_object_add(to, "held", NULL)) < 0 ||
	    add_count(to, "late_max_us", s->stats.lag_max_ns / 1000) < 0)
		return -1;
	return add(
	    to, "interrupted", json_object_new_boolean(s->stats.interrupted));
}

static int
json_counts(const struct sender *s, struct json_object *to)
{
	const struct sender_stats *stats = &s->stats;
	const struct {
		const char *key;
		uint64_t count;
	} counts[] = {
	    {"requests_due", stats->due},
	    {"requests_sent", stats->sent},
	    {"requests_unsent", stats->due - stats->sent},
	    {"requests_acknowledged", stats->acknowledged},
	    {"requests_mismatched", stats->mismatched},
	    {"requests_refused", report_refused(stats)},
	    {"requests_failed", report_failed(stats)},
	    {"events_sent", stats->events_sent},
	    {"events_acknowledged", stats->events_acknowledged},
	    {"lines_unsendable", s->source->unsendable},
	    {"body_bytes_sent", stats->bytes_sent},
	    {"connects_failed", stats->unreachable},
	    {"retries", stats->retries},
	    {"events_given_up", s->left.events},
	};

	for (unsigned i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		if (add_count(to, counts[i].key, counts[i].count) < 0)
			return -1;
	}
	return 0;
}

static int
json_losses(const struct sender_stats *stats, struct json_object *to)
{
	struct json_object *refused = json_object_new_object();
	struct json_object *failed = json_object_new_object();
	char status[16];
	int rc = 0;

	/* Both are put under `to`, or freed, whatever fails. */
	if (add(to, "refused", refused) < 0) {
		json_object_put(failed);
		return -1;
	}
	if (add(to, "failed", failed) < 0)
		return -1;
	for (unsigned i = 0; i < SENDER_STATUSES && rc == 0; i++) {
		(void)snprintf(status, sizeof(status), "%u", i);
		if (stats->refused[i] > 0)
			rc = add_count(refused, status, stats->refused[i]);
	}
	for (unsigned i = 0; i < FAILURES && rc == 0; i++)
		rc = add_count(
		    failed, failure_name((enum failure)i), stats->failed[i]);
	return rc;
}

static int
json_latency(const struct histogram *h, struct json_object *to)
{
	struct json_object *latency = json_object_new_object();

	if (add(to, "latency_us", latency) < 0)
		return -1;
	for (unsigned i = 0; i < PERCENTILES; i++) {
		if (add_count(latency, percentiles[i].name,
			histogram_percentile(h, percentiles[i].per_mille) /
			    1000) < 0)
			return -1;
	}
	return add_count(
	    latency, "mean", h->count == 0 ? 0 : h->sum / h->count / 1000);
}

int
report_json(const struct report *r, struct buf *out)
{
	const struct sender *s = r->sender;
	struct json_object *all = json_object_new_object();
	const char *text;
	size_t len;
	int rc = -1;

	if (all == NULL ||
	    add(all, "run", json_object_new_string(r->run)) < 0 ||
	    add(all, "url", json_object_new_string(r->url)) < 0 ||
	    json_rate(s, all) < 0 || json_counts(s, all) < 0 ||
	    json_losses(&s->stats, all) < 0 ||
	    json_latency(&s->stats.latency, all) < 0)
		goto done;
	text = json_object_to_json_string_length(
	    all, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &len);
	if (text != NULL && buf_append(out, text, len) == 0)
		rc = buf_append(out, "\n", 1);
done:
	json_object_put(all);
	if (rc < 0)
		errno = ENOMEM;
	return rc;
}
