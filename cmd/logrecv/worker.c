/*
 * worker.c - see worker.h.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <event2/event.h>
#include <event2/listener.h>

#include "conn.h"
#include "crowd.h"
#include "format.h"
#include "log.h"
#include "reply.h"
#include "stream.h"
#include "worker.h"

#define SWEEP_MS 500

#define ACCEPT_MAX 64 /* in a turn: those that are there have theirs too */
#define RETRY_MAX_S 8
#define TOLD_NS (10 * CLOCK_NS_PER_S) /* between two who are refused */
/* Connections over --max-connections that operators can have. */
#define OPERATORS_SPARE 16

static const char too_many[] = "{\"error\":\"over --max-connections clients\"}";

static void *start_loop(void *);
static void *stand_by(void *);
static void on_accept(struct evconnlistener *, evutil_socket_t,
    struct sockaddr *, int len, void *);
static void on_accept_error(struct evconnlistener *, void *);
static void on_stop(evutil_socket_t, short what, void *);
static void on_done(evutil_socket_t, short what, void *);
static void on_sweep(evutil_socket_t, short what, void *);

/*
 * Setting up
 */

static int
create_events(struct worker *w)
{
	struct timeval sweep = {.tv_usec = SWEEP_MS * 1000L};

	w->stop_event =
	    event_new(w->base, w->stop_fd, EV_READ | EV_PERSIST, on_stop, w);
	w->done_event = event_new(
	    w->base, w->commit.done_fd, EV_READ | EV_PERSIST, on_done, w);
	w->sweep_event = event_new(w->base, -1, EV_PERSIST, on_sweep, w);
	if (w->stop_event == NULL || w->done_event == NULL ||
	    w->sweep_event == NULL)
		return -1;
	return event_add(w->stop_event, NULL) < 0 ||
		       event_add(w->done_event, NULL) < 0 ||
		       event_add(w->sweep_event, &sweep) < 0
		   ? -1
		   : 0;
}

static int
create_ears(struct worker *w, struct error *err)
{
	struct listeners *ls = &w->server->listeners;

	for (unsigned i = 0; i < ls->count; i++) {
		struct ear *ear = &w->ears[i];
		int fd = listener_socket(&ls->all[i], err);

		if (fd < 0)
			return -1;
		ear->worker = w;
		ear->listener = &ls->all[i];
		ear->events = evconnlistener_new(w->base, on_accept, ear,
		    LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC |
			LEV_OPT_DISABLED,
		    0, fd);
		if (ear->events == NULL) {
			(void)close(fd); /* nothing was sent */
			return error_set(err, "listen: out of memory");
		}
		evconnlistener_set_error_cb(ear->events, on_accept_error);
		w->ear_count++;
	}
	return 0;
}

static void
free_ears(struct worker *w)
{
	while (w->ear_count > 0)
		evconnlistener_free(w->ears[--w->ear_count].events);
}

int
worker_init(struct worker *w, struct server *server, struct error *err)
{
	memset(w, 0, sizeof(*w));
	TAILQ_INIT(&w->conns);
	TAILQ_INIT(&w->dead);
	TAILQ_INIT(&w->due);
	w->random = clock_monotonic_ns() | 1;
	w->server = server;
	w->stop_fd = -1;
	if (commit_init(&w->commit, server->spool, server->sync,
		&server->stats->table[STAT_SYNC_SECONDS], err) < 0)
		return -1;
	w->base = event_base_new();
	w->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	(void)error_set(err, "create an event loop: out of memory");
	if (w->base != NULL && w->stop_fd >= 0 && create_events(w) == 0 &&
	    buf_reserve(&w->room, STREAM_ROOM) == 0 && create_ears(w, err) == 0)
		return 0;
	worker_destroy(w);
	return -1;
}

void
worker_destroy(struct worker *w)
{
	struct event *events[] = {w->stop_event, w->done_event, w->sweep_event};

	for (int i = 0; i < 3; i++) {
		if (events[i] != NULL)
			event_free(events[i]);
	}
	free_ears(w);
	if (w->base != NULL)
		event_base_free(w->base);
	if (w->stop_fd >= 0)
		(void)close(w->stop_fd); /* carries nothing */
	buf_release(&w->room);
	buf_release(&w->answer);
	for (int i = 0; i < EVENT_SCRATCHES; i++)
		buf_release(&w->scratch[i]);
	buf_release(&w->note);
	buf_release(&w->one);
	commit_destroy(&w->commit);
}

int
worker_start(struct worker *w, struct error *err)
{
	int rc = pthread_create(&w->threads[1], NULL, stand_by, w);

	if (rc == 0) {
		rc = pthread_create(&w->threads[0], NULL, start_loop, w);
		if (rc == 0)
			return 0;
		commit_stop(&w->commit);
		(void)pthread_join(w->threads[1], NULL);
	}
	errno = rc;
	return error_errno(err, "create a thread");
}

void
worker_stop(struct worker *w)
{
	uint64_t one = 1;

	/* The counter cannot overflow, and nothing else can go wrong. */
	if (write(w->stop_fd, &one, sizeof(one)) < 0)
		log_error("stop a worker: %s", strerror(errno));
}

void
worker_join(struct worker *w)
{
	/* They are joinable, and not us. */
	(void)pthread_join(w->threads[0], NULL);
	(void)pthread_join(w->threads[1], NULL);
	worker_destroy(w);
}

/*
 * The loop
 */

/* Is there still a request to finish, and time for it? */
static bool
is_draining(struct worker *w)
{
	if (!commit_is_idle(&w->commit))
		return true; /* bounded by the disk, not by clients */
	return !TAILQ_EMPTY(&w->conns) && worker_now(w) < w->stop_by_ns;
}

/* Out of memory it does not work; the sweep tries again. */
static void
start_listening(struct worker *w)
{
	bool fails = false;

	for (unsigned i = 0; i < w->ear_count; i++)
		fails |= evconnlistener_enable(w->ears[i].events) < 0;
	if (fails && !w->deaf)
		log_warn("accept connections: out of memory: trying again");
	w->deaf = fails;
}

/*
 * Handles what is there, or waits for something. 0, or -1 after a message. Each
 * connection gets a bounded part: EVLOOP_NONBLOCK alone would go on for as long
 * as any of them has something.
 */
static int
turn(struct worker *w, bool waits)
{
	waits = waits && TAILQ_EMPTY(&w->due);
	w->clock_read = false;
	w->work = BODY_WORK_MAX / 2;
	if (event_base_loop(
		w->base, EVLOOP_ONCE | (waits ? 0 : EVLOOP_NONBLOCK)) < 0) {
		log_error("wait for events: %s", strerror(errno));
		return -1;
	}
	/* Whatever comes, as much is for those that have waited. */
	w->work += BODY_WORK_MAX / 2;
	conn_resume(w);
	if (w->accepted >= ACCEPT_MAX && !w->deaf && !w->stopping)
		start_listening(w);
	w->accepted = w->shaken = 0;
	return 0;
}

/*
 * Gathers a group: what comes in a turn, and, as long as each turn finds more
 * without waiting, in the next ones.
 */
static int
gather(struct worker *w)
{
	struct commit *c = &w->commit;
	uint64_t since;
	size_t before;

	if (turn(w, !commit_is_ready(c)) < 0)
		return -1;
	if (!commit_is_ready(c) || commit_has_enough(c))
		return 0;
	since = clock_monotonic_ns();
	do {
		before = commit_gathering(c)->waiter_count;
		if (turn(w, false) < 0)
			return -1;
	} while (commit_may_grow(c, before, since));
	return 0;
}

/* Most have come in the same turn. */
static void
count_times(struct metric *m, const struct group *g, uint64_t now)
{
	for (size_t i = 0, n; i < g->waiter_count; i += n) {
		uint64_t came = g->waiters[i].came_ns;

		for (n = 1; i + n < g->waiter_count &&
			    g->waiters[i + n].came_ns == came;
		     n++)
			continue;
		metric_observe_many(m, now > came ? now - came : 0, n);
	}
}

/* Before the answers, so that nobody misses what he was told of. */
static void
count(struct stats *stats, const struct group *g, uint64_t now)
{
	if (g->result != 0) {
		stat_add(stats, STAT_STORE_ERRORS, 1);
		stat_add(stats, STAT_REFUSED_STORE, g->waiter_count);
		return;
	}
	stat_add(stats, STAT_GROUPS, 1);
	stat_add(stats, STAT_LINE_BYTES, g->lines.len);
	stat_set(stats, STAT_LAST_SUCCESS, (int64_t)clock_wall_us());
	stat_add(stats, STAT_ACKED_REQUESTS, g->waiter_count);
	stat_add(stats, STAT_EVENTS, g->events);
	count_times(&stats->table[STAT_REQUEST_SECONDS], g, now);
	for (size_t i = 0; i < g->waiter_count; i++) {
		const struct waiter *waiter = &g->waiters[i];

		if (waiter->sender != NULL)
			sender_count(
			    waiter->sender, SENDER_EVENTS, waiter->events);
		if (waiter->bad != NULL)
			stats_add_bad(stats, waiter->bad);
	}
}

/* A group is on disk, or could not be put there: its requests are answered. */
static void
settle(struct worker *w)
{
	struct group *g = commit_collect(&w->commit);

	if (g == NULL)
		return;
	w->clock_read = false;
	count(w->server->stats, g, worker_now(w)); /* the answers' date, too */
	if (g->result != 0) {
		gate_fail(w->server->gate);
		log_error("store %llu events: %s",
		    (unsigned long long)g->events, g->error.text);
	}
	for (size_t i = 0; i < g->waiter_count; i++)
		conn_settle(&g->waiters[i], g->result);
	commit_release(&w->commit, g);
	conn_resume(w);
}

/*
 * Its socket would keep its share of the clients, and answer none of them: the
 * process must end.
 */
static void
fail(struct worker *w)
{
	uint64_t one = 1;

	atomic_store(&w->server->failed, true);
	/* The counter cannot overflow, and nothing else can go wrong. */
	if (write(w->server->failed_fd, &one, sizeof(one)) < 0)
		log_error("tell of a failure: %s", strerror(errno));
}

/* Until the worker ends, or until the other thread has the loop: false. */
static bool
run_loop(struct worker *w)
{
	while (!w->stopping || is_draining(w)) {
		if (gather(w) < 0) {
			fail(w);
			break;
		}
		if (!commit_write(&w->commit))
			return false;
		settle(w);
		conn_bury(w);
	}
	conn_close_all(w);
	conn_bury(w);
	commit_stop(&w->commit);
	return true;
}

static void *
stand_by(void *arg)
{
	struct worker *w = arg;

	while (commit_stand_by(&w->commit) && !run_loop(w))
		continue;
	return NULL;
}

static void *
start_loop(void *arg)
{
	start_listening(arg);
	return run_loop(arg) ? NULL : stand_by(arg);
}

/* What most are answered: for the format of the first way. */
static void
prepare_one(struct worker *w)
{
	const struct format *format = w->server->ways[0].format;
	struct outcome o = {.status = 200, .events = 1};
	struct reply reply = {.vary = w->server->access.origins != NULL};

	w->one_format = NULL; /* out of memory, each is put together */
	w->scratch[0].len = w->one.len = 0;
	if (format_answer(format, &o, 0, &reply, &w->scratch[0]) == 0 &&
	    reply_format(&w->one, &reply, w->date) == 0)
		w->one_format = format;
}

uint64_t
worker_now(struct worker *w)
{
	uint64_t wall_us;
	struct tm tm;
	time_t seconds;

	if (w->clock_read)
		return w->now_ns;
	w->clock_read = true;
	w->now_ns = clock_monotonic_ns();
	wall_us = clock_wall_us();
	clock_stamp(wall_us, w->stamp);
	if (wall_us / CLOCK_US_PER_S == w->date_s)
		return w->now_ns;
	w->date_s = wall_us / CLOCK_US_PER_S;
	seconds = (time_t)w->date_s;
	/* The C locale is the only one we run in: names are English. */
	if (gmtime_r(&seconds, &tm) == NULL ||
	    strftime(w->date, sizeof(w->date), "%a, %d %b %Y %H:%M:%S GMT",
		&tm) == 0)
		w->date[0] = '\0';
	prepare_one(w);
	return w->now_ns;
}

uint64_t
worker_stall_ns(const struct worker *w)
{
	return commit_age_ns(&w->commit);
}

unsigned
worker_retry_s(struct worker *w)
{
	/* xorshift64, by George Marsaglia: it need not be secret. */
	w->random ^= w->random << 13;
	w->random ^= w->random >> 7;
	w->random ^= w->random << 17;
	return 1 + (unsigned)(w->random % RETRY_MAX_S);
}

void
worker_refuse(struct worker *w, enum stat stat, const struct address *client,
    const char *why)
{
	char text[ADDRESS_TEXT_MAX];
	uint64_t now = worker_now(w);

	stat_add(w->server->stats, stat, 1);
	if (why == NULL)
		return;
	if (w->told_ns != 0 && now < w->told_ns + TOLD_NS) {
		w->untold++;
		return;
	}
	address_format(client, text);
	log_warn("refuse a client at its handshake: %s client=%s others=%llu",
	    why, text, (unsigned long long)w->untold);
	w->told_ns = now;
	w->untold = 0;
}

/* One too many: tells it so, as a courtesy that it may not get. */
static void
turn_away(struct worker *w, int fd, bool tls)
{
	struct reply reply = {.status = 503,
	    .retry_after = worker_retry_s(w),
	    .close = true,
	    .body = too_many,
	    .len = sizeof(too_many) - 1};

	(void)worker_now(w); /* brings the date up to date */
	w->answer.len = 0;
	if (!tls && reply_format(&w->answer, &reply, w->date) == 0)
		(void)send(fd, w->answer.data, w->answer.len,
		    MSG_DONTWAIT | MSG_NOSIGNAL);
	(void)close(fd); /* whatever was lost was not promised */
}

static void
on_accept(struct evconnlistener *listener, evutil_socket_t fd,
    struct sockaddr *sa, int len, void *arg)
{
	const struct ear *ear = arg;
	struct worker *w = ear->worker;
	struct server *s = w->server;
	uint64_t most = s->max_connections;
	int one = 1;

	(void)len;
	if (ear->listener->role == ROLE_OPERATORS)
		most += OPERATORS_SPARE;
	/* Back in the next turn. */
	if (++w->accepted >= ACCEPT_MAX)
		(void)evconnlistener_disable(listener);
	if (atomic_fetch_add(&s->connections, 1) >= most &&
	    !crowd_make_place(w)) {
		atomic_fetch_sub(&s->connections, 1);
		stat_add(s->stats, STAT_REFUSED_CONNECTIONS, 1);
		turn_away(w, fd, ear->listener->tls);
		return;
	}
	/* Answers are small and leave at once; without it they are slower. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (conn_open(w, fd, ear->listener, sa) < 0) {
		atomic_fetch_sub(&s->connections, 1);
		stat_add(s->stats, STAT_REFUSED_MEMORY, 1);
	}
}

/*
 * Out of descriptors, or the like: pauses until the next sweep, since trying at
 * once would spin.
 */
static void
on_accept_error(struct evconnlistener *listener, void *arg)
{
	const struct ear *ear = arg;
	struct worker *w = ear->worker;
	int code = EVUTIL_SOCKET_ERROR();

	stat_add(w->server->stats, STAT_ACCEPT_ERRORS, 1);
	log_warn("accept a connection: %s", strerror(code));
	(void)evconnlistener_disable(listener);
	w->deaf = true;
}

static void
on_stop(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;

	(void)fd;
	(void)what;
	w->stopping = true;
	w->stop_by_ns = worker_now(w) + w->server->drain_ns;
	(void)event_del(w->stop_event);
	free_ears(w);
	conn_drain(w);
}

/* A group that took long is done. */
static void
on_done(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;
	uint64_t count;

	(void)what;
	if (read(fd, &count, sizeof(count)) < 0)
		log_error("read an eventfd: %s", strerror(errno));
	settle(w);
}

static void
on_sweep(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;

	(void)fd;
	(void)what;
	conn_sweep(w);
	if (w->deaf && !w->stopping)
		start_listening(w);
}
