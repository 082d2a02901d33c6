/*
 * crowd.c - see crowd.h.
 */
#include "conn.h"
#include "crowd.h"
#include "worker.h"

/* Quiet for so long, it brings nothing for now. */
#define QUIET_NS (CLOCK_NS_PER_S / 4)
/* Bytes that are worth ending a connection for. */
#define LEAST_HELD 512
/*
 * Each look passes over all connections: so it makes room for the next ones
 * too, these parts of all connections and of the budget, and is not repeated
 * at once where it found nothing.
 */
#define PLACES_PART 256
#define ROOM_PART 16
#define ROUNDS_MAX 4
#define AGAIN_NS (CLOCK_NS_PER_S / 10)
/* See slowness: what it holds took 8 s and more, at this pace. */
#define SLOW 16

/* Would another one that waits for its client be ended before this one? */
static bool
is_behind(const struct conn *c, const struct conn *best)
{
	uint64_t mine, other;

	if (best == NULL)
		return true;
	mine = atomic_load_explicit(
	    &c->share.peer->connections, memory_order_relaxed);
	other = atomic_load_explicit(
	    &best->share.peer->connections, memory_order_relaxed);
	return mine != other ? mine > other : c->active_ns < best->active_ns;
}

/*
 * Does it wait for its client? For the next request; or, in the middle of
 * something, for longer than that should take: a head must come at once. Of an
 * address that has more than half of all, whatever it does.
 */
static bool
may_go(const struct conn *c, uint64_t now)
{
	const struct server *s = c->worker->server;

	if (c->pending > 0 || c->due)
		return false;
	if (c->waits == WAIT_REQUEST && c->kept == 0)
		return true;
	if (now - c->active_ns >= QUIET_NS)
		return true;
	if (c->waits == WAIT_REST && !intake_has_body(&c->intake) &&
	    now + s->request_ns >= c->deadline_ns + QUIET_NS)
		return true;
	return atomic_load_explicit(&c->share.peer->connections,
		   memory_order_relaxed) > s->max_connections / 2;
}

bool
crowd_make_place(struct worker *w)
{
	uint64_t now = worker_now(w), most, before_ns;
	uint64_t count = w->server->max_connections / PLACES_PART;
	struct conn *c, *next, *first = NULL;

	if (now < w->no_place_ns)
		return false;
	for (c = TAILQ_FIRST(&w->conns); c != NULL; c = TAILQ_NEXT(c, link)) {
		if (may_go(c, now) && is_behind(c, first))
			first = c;
	}
	if (first == NULL) {
		w->no_place_ns = now + AGAIN_NS;
		return false;
	}
	most = atomic_load(&first->share.peer->connections);
	before_ns = first->active_ns + (now - first->active_ns) / 2;
	stat_add(w->server->stats, STAT_ENDED_PLACE, 1);
	conn_close(first);
	/* And, of many, some more that are like it. */
	for (c = TAILQ_FIRST(&w->conns); c != NULL && count > 1; c = next) {
		next = TAILQ_NEXT(c, link);
		if (!may_go(c, now) || c->active_ns > before_ns ||
		    atomic_load_explicit(
			&c->share.peer->connections, memory_order_relaxed) +
			    1 <
			most)
			continue;
		stat_add(w->server->stats, STAT_ENDED_PLACE, 1);
		conn_close(c);
		count--;
	}
	return true;
}

/*
 * How much it holds for how little it brings: bytes held for each byte that
 * came in the last half second to second.
 */
static uint64_t
slowness(const struct conn *c, uint64_t now)
{
	if (now - c->active_ns >= QUIET_NS)
		return c->share.held;
	return c->share.held / (conn_pace(c) + 1);
}

/* Can it be ended for `asker`? `peer` NULL: whatever its address. */
static bool
may_end(const struct conn *c, const struct conn *asker, const struct peer *peer)
{
	return c != asker && c->pending == 0 && !c->due &&
	       c->share.budget == asker->share.budget &&
	       c->share.held >= LEAST_HELD &&
	       (peer == NULL || c->share.peer == peer);
}

/*
 * Ends the slowest ones, down to a quarter of the slowness of the slowest and
 * to `least`, until there is room. False: there are none.
 */
static bool
end_slowest(struct worker *w, const struct conn *asker, const struct peer *peer,
    uint64_t least, uint64_t room)
{
	struct budget *b = &w->server->budget;
	uint64_t now = worker_now(w), most = 0;
	struct conn *c, *next;

	for (c = TAILQ_FIRST(&w->conns); c != NULL; c = TAILQ_NEXT(c, link)) {
		if (may_end(c, asker, peer) && slowness(c, now) > most)
			most = slowness(c, now);
	}
	if (most < least)
		return false;
	if (most / 4 > least)
		least = most / 4;
	for (c = TAILQ_FIRST(&w->conns); c != NULL && budget_room(b) < room;
	     c = next) {
		next = TAILQ_NEXT(c, link);
		if (!may_end(c, asker, peer) || slowness(c, now) < least)
			continue;
		stat_add(w->server->stats, STAT_ENDED_ROOM, 1);
		conn_refuse(c, INTAKE_NO_ROOM);
	}
	return true;
}

/*
 * The address that holds most, if that is more than its part, and more than
 * twice what the asker's would.
 */
static const struct peer *
find_greedy(struct worker *w, const struct conn *asker, uint64_t bytes)
{
	const struct peer *mine = asker->share.peer, *greedy = NULL;
	uint64_t most = w->server->budget.max / ROOM_PART, held;
	const struct conn *c;

	held = 2 * (atomic_load(&mine->held) + bytes);
	if (held > most)
		most = held;
	for (c = TAILQ_FIRST(&w->conns); c != NULL; c = TAILQ_NEXT(c, link)) {
		held = atomic_load_explicit(
		    &c->share.peer->held, memory_order_relaxed);
		if (c->share.budget == asker->share.budget &&
		    c->share.peer != mine && held > most) {
			most = held;
			greedy = c->share.peer;
		}
	}
	return greedy;
}

bool
crowd_make_room(
    struct worker *w, struct conn *asker, uint64_t bytes, uint64_t spare)
{
	struct budget *b = &w->server->budget;
	uint64_t now = worker_now(w), room = b->max / ROOM_PART;
	const struct peer *greedy;

	if (now < w->no_room_ns && bytes + spare >= w->no_room)
		return false;
	room = spare + (bytes > room ? bytes : room);
	for (int i = 0; i < ROUNDS_MAX && budget_room(b) < room; i++) {
		if (end_slowest(w, asker, NULL, SLOW, room))
			continue;
		greedy = find_greedy(w, asker, bytes);
		if (greedy == NULL || !end_slowest(w, asker, greedy, 1, room))
			break;
	}
	if (budget_room(b) >= bytes + spare)
		return true;
	w->no_room_ns = now + AGAIN_NS;
	w->no_room = bytes + spare;
	return false;
}
