/*
 * pulse.c - see pulse.h.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "log.h"
#include "metrics.h"
#include "pulse.h"

#define LOOK_NS CLOCK_NS_PER_S
#define QUIET_NS (4 * CLOCK_NS_PER_S)  /* then it is asked */
#define SILENT_NS (7 * CLOCK_NS_PER_S) /* after the question */
#define PING_NS \
	(8 * CLOCK_NS_PER_S) /* for each step of beginning a session \
			      */
#define TELL_NS (60 * CLOCK_NS_PER_S)

static void *run(void *);

int
pulse_start(struct pulse *p, struct run *r, struct error *err)
{
	sigset_t all, before;
	int rc;

	p->run = r;
	p->config = r->settings->db;
	p->config.connect_ns = p->config.read_ns = p->config.write_ns = PING_NS;
	p->db = db_new(&p->config);
	if (p->db == NULL)
		return error_set(err, "watch the database: out of memory");
	/* Signals are the main thread's: no call here is to be interrupted. */
	(void)sigfillset(&all);                          /* cannot fail */
	(void)pthread_sigmask(SIG_BLOCK, &all, &before); /* nor this */
	rc = pthread_create(&p->thread, NULL, run, p);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL); /* nor this */
	if (rc == 0)
		return 0;
	db_free(p->db);
	p->db = NULL;
	return error_set(err, "watch the database: no thread is to be had");
}

void
pulse_end(struct pulse *p)
{
	if (p->db == NULL)
		return;
	stop_ask(p->run->stop);
	db_interrupt(p->db);                 /* or the session's time ends it */
	(void)pthread_join(p->thread, NULL); /* ends */
	db_free(p->db);
	spool_list_release(&p->list);
}

/* When the server was last heard, by anybody. */
static uint64_t
heard_ns(struct pulse *p)
{
	uint64_t heard = db_heard_ns(p->db);

	for (unsigned i = 0; i < p->run->crew.worker_count; i++) {
		uint64_t ns = db_heard_ns(p->run->crew.workers[i].loader.db);

		heard = ns > heard ? ns : heard;
	}
	return heard;
}

static bool
is_quiet(struct pulse *p, uint64_t ns)
{
	return clock_monotonic_ns() >= heard_ns(p) + ns;
}

/* The thread: while all who could ask wait for something else. */
static void *
run(void *argument)
{
	struct pulse *p = argument;
	struct run *r = p->run;
	uint64_t asked_ns = 0;
	bool silent;

	db_thread_begin();
	while (!stop_wait(r->stop, LOOK_NS)) {
		if (!is_quiet(p, QUIET_NS) ||
		    clock_monotonic_ns() < asked_ns + QUIET_NS ||
		    crew_look(&r->crew).idle ||
		    (patience_health(&r->patience, &silent) != HEALTH_GOOD &&
			!silent))
			continue;
		asked_ns = clock_monotonic_ns();
		if (db_ping(p->db, r->crew.workers[0].loader.db->host) == DB_OK)
			patience_hear(&r->patience, true);
	}
	db_thread_end();
	return NULL;
}

/* Has it left a question open, and said nothing else since? */
static bool
is_silent(struct pulse *p)
{
	uint64_t longest = db_silent_ns(p->db);

	for (unsigned i = 0; i < p->run->crew.worker_count; i++) {
		uint64_t ns = db_silent_ns(p->run->crew.workers[i].loader.db);

		longest = ns > longest ? ns : longest;
	}
	return longest >= SILENT_NS && is_quiet(p, longest);
}

/* "5 h": two digits or so of what is no more than a forecast. */
static void
put_span(char *out, size_t size, double seconds)
{
	static const struct {
		double seconds, most;
		const char *unit;
	} units[] = {{1, 120, "s"}, {60, 120, "min"}, {3600, 48, "h"},
	    {86400, 999, "d"}};
	int i = 0;

	while (i < 3 && seconds / units[i].seconds >= units[i].most)
		i++;
	seconds /= units[i].seconds;
	(void)snprintf(out, size, "%.0f %s",
	    seconds < units[i].most ? seconds : units[i].most, units[i].unit);
}

/* For how long more may come, as it has come since it is away; or "". */
static void
forecast(struct pulse *p, char *out, size_t size)
{
	uint64_t ns = clock_monotonic_ns() - p->away_ns;
	struct buf all = {0};
	char span[32];
	struct error err;
	double room;

	*out = '\0';
	if (p->list.all_bytes > p->away_bytes &&
	    metrics_collect(p->run->spool, NULL, NULL, &all, &err) == 0 &&
	    metrics_find(&all, "logrecv_room_bytes", &room)) {
		put_span(span, sizeof(span),
		    room * ((double)ns / (double)CLOCK_NS_PER_S) /
			(double)(p->list.all_bytes - p->away_bytes));
		(void)snprintf(out, size, ", and there is room for %s", span);
	}
	buf_release(&all);
}

/* What waits for a database that has been away for a minute, or more. */
static void
tell_waiting(struct pulse *p)
{
	uint64_t now = clock_monotonic_ns(), born = 0, us = clock_wall_us();
	char room[64], away[32];
	struct error err;

	if (p->health == HEALTH_UNKNOWN || p->health == HEALTH_GOOD) {
		p->away_ns = 0;
		return;
	}
	if (p->away_ns != 0 && now < p->told_ns + TELL_NS)
		return;
	if (spool_scan(p->run->spool, SPOOL_READY, NULL, 0, &p->list, &err) < 0)
		return; /* as the scans for work tell */
	p->told_ns = now;
	if (p->away_ns == 0) {
		p->away_ns = now;
		p->away_bytes = p->list.all_bytes;
		return;
	}
	if (!spool_name_parse(p->list.oldest, &born) || born > us)
		born = us;
	put_span(away, sizeof(away),
	    (double)(now - p->away_ns) / (double)CLOCK_NS_PER_S);
	forecast(p, room, sizeof(room));
	log_warn("the database has %s for %s%s files=%llu bytes=%llu "
		 "oldest_s=%llu",
	    p->health == HEALTH_AWAY ? "been away" : "refused", away, room,
	    (unsigned long long)p->list.all_files,
	    (unsigned long long)p->list.all_bytes,
	    (unsigned long long)((us - born) / CLOCK_US_PER_S));
}

bool
pulse_look(struct pulse *p)
{
	static const char *const turn = RETAIN_TURN; /* if due, and a session */
	struct run *r = p->run;
	enum health before = p->health;
	bool silent;

	if (p->db == NULL)
		return false;
	if (is_silent(p))
		patience_hear(&r->patience, false);
	p->health = patience_health(&r->patience, &silent);
	if (p->health == HEALTH_GOOD && crew_look(&r->crew).idle &&
	    is_quiet(p, QUIET_NS))
		crew_feed(&r->crew, &turn, 1);
	tell_waiting(p);
	return p->health != before;
}
