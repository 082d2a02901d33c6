/*
 * logload-aside.c - a file that waits for room is tried when there is as much
 * as it needs, or in its turn; one that was refused after a while, if rows were
 * stored since, or in its turn; any other one always; and none is forgotten
 * while it is met.
 */
#include <stdio.h>

#include "../../cmd/logload/aside.h"
#include "clock.h"
#include "tap.h"

#define TURN (10 * CLOCK_NS_PER_S)
#define MANY 20000

static struct aside aside;
static uint64_t now = 1000 * CLOCK_NS_PER_S;
static uint64_t rows; /* stored so far */

static void
begin(uint64_t later)
{
	now += later;
	aside_begin_round(&aside, now);
}

static bool
may_try(const char *name, uint64_t left)
{
	struct aside_now state = {left, rows, now};

	return aside_may_try(&aside, name, &state);
}

static bool
is_due(uint64_t left, uint64_t later)
{
	struct aside_now state = {left, rows, now + later};

	return aside_is_due(&aside, &state);
}

static void
put(const char *name, uint64_t need)
{
	aside_put(&aside, name, "no room", need, now);
}

/* A round over a, b and c, which need 10 bytes: which are tried? */
static const char *
round_of(uint64_t later, uint64_t left)
{
	static char tried[4];
	char *p = tried;

	begin(later);
	for (const char *c = "abc"; *c != '\0'; c++) {
		char name[] = {*c, '\0'};

		if (may_try(name, left))
			*p++ = *c;
	}
	*p = '\0';
	return tried;
}

static void
test_need(void)
{
	begin(0);
	ok(may_try("new", 0), "a file that nobody knows");
	put("unread", 0);
	ok(may_try("unread", 0), "one that was not read");
	ok(!is_due(UINT64_MAX, 0), "nothing is due by itself");
	put("a", 10);
	put("b", 10);
	put("c", 10);
	is_number(aside.waiting, 3, "three wait");
	is_text(round_of(0, 9), "", "not enough room: none is tried");
	is_text(round_of(0, 10), "abc", "enough: all are");
	ok(!is_due(9, 0), "not enough: none is due");
	ok(is_due(10, 0), "enough: some are");
	put("d", UINT64_MAX);
	ok(!may_try("d", 1000000), "a disk is not measured");
	aside_done(&aside, "d");
}

static void
test_turns(void)
{
	ok(is_due(0, TURN), "after a while one is due");
	is_text(round_of(TURN, 0), "a", "the first");
	put("a", 10);
	is_text(round_of(0, 0), "", "and no other one then");
	is_text(round_of(TURN, 0), "b", "later the second");
	is_text(round_of(TURN, 0), "c", "and the third");
	is_text(round_of(TURN, 0), "", "nobody is left");
	is_text(round_of(TURN, 0), "a", "the first again");
	aside_done(&aside, "a");
	ok(may_try("b", 0), "it was loaded: the next at once");
	ok(!may_try("c", 0), "but one at a time");
	aside_done(&aside, "b");
	ok(is_due(0, 0), "that too: one more is due");
	is_number(aside.waiting, 1, "one waits");
	for (int i = 0; i < 3; i++)
		begin(0);
	is_number(aside.waiting, 0, "not met for long: forgotten");
}

static bool
is_witnessed(const char *name)
{
	struct aside_now state = {0, rows, now};

	return aside_is_witnessed(&aside, name, &state);
}

static void
test_refused(void)
{
	struct aside_now state = {0, rows, now};

	aside_refuse(&aside, "r", "1406", &state, now + 3 * TURN);
	is_number(aside.refused, 1, "one is refused");
	is_number(aside.waiting, 0, "which waits for no room");
	ok(!may_try("r", 9) && !is_witnessed("r"), "it is not tried at once");
	rows++;
	ok(is_witnessed("r"), "a row of another one is its witness");
	ok(!may_try("r", 9) && !is_due(9, TURN), "but it waits for a while");
	ok(is_due(9, 3 * TURN), "then it is due");
	begin(3 * TURN);
	ok(may_try("r", 9), "and tried");
	state = (struct aside_now){0, rows, now};
	aside_refuse(&aside, "r", "1406", &state, now);
	aside_refuse(&aside, "s", "1406", &state, now);
	begin(0);
	ok(!may_try("r", 9) && !is_witnessed("r"), "nothing stored since then");
	begin(TURN);
	ok(may_try("r", 9) && !may_try("s", 9), "a turn of its own");
	aside_done(&aside, "r");
	aside_done(&aside, "s");
	is_number(aside.refused, 0, "loaded");
}

static void
test_many(void)
{
	char name[32];
	struct tap_all all = {0};

	for (int i = 0; i < MANY; i++) {
		(void)snprintf(name, sizeof(name), "file-%d", i);
		put(name, 10);
	}
	is_number(aside.waiting, MANY, "many");
	for (int i = 0; i < MANY; i += 3) {
		(void)snprintf(name, sizeof(name), "file-%d", i);
		aside_done(&aside, name);
	}
	for (int round = 0; round < 4; round++) {
		begin(0);
		for (int i = 0; i < MANY; i++) {
			(void)snprintf(name, sizeof(name), "file-%d", i);
			tap_case(
			    &all, may_try(name, 9) == (i % 3 == 0), "%s", name);
		}
	}
	tap_all(&all, "each is known, but for those that were loaded");
}

int
main(void)
{
	/* What it says of them is not looked at here. */
	must(freopen("/dev/null", "w", stderr) != NULL);
	must(aside_init(&aside) == 0);
	test_need();
	test_turns();
	test_refused();
	test_many();
	aside_release(&aside);
	return tap_end();
}
