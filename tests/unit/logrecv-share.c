/*
 * logrecv-share.c - what clients hold is counted for each address and for all,
 * and given back to the byte.
 */
#include "../../cmd/logrecv/share.h"
#include "tap.h"

static struct budget budget;

static struct share
open_share(const char *address)
{
	struct address a;
	struct share s;

	must(address_parse(&a, address, strlen(address)) == 0);
	must(share_open(&s, &budget, &a) == 0);
	return s;
}

/* Are these two of one address? */
static bool
same(const char *one, const char *other)
{
	struct share a = open_share(one), b = open_share(other);
	bool is = a.peer == b.peer;

	is_number(a.peer->connections, is ? 2 : 1, "it counts them");
	share_close(&a);
	share_close(&b);
	return is;
}

static void
test_addresses(void)
{
	ok(same("192.0.2.1", "192.0.2.1"), "an IPv4 address is one");
	ok(!same("192.0.2.1", "192.0.2.2"), "another is another");
	ok(same("192.0.2.1", "::ffff:192.0.2.1"), "mapped it is the same");
	ok(!same("192.0.2.1", "::ffff:192.0.2.3"),
	    "mapped, another is another");
	ok(same("2001:db8::1", "2001:db8::ffff:1:2:3"), "64 bits of IPv6");
	ok(!same("2001:db8::1", "2001:db8:0:1::1"), "are all that counts");
	ok(!same("::1", "192.0.2.1"), "IPv6 is not IPv4");
}

static void
test_budget(void)
{
	struct share a = open_share("192.0.2.1"), b = open_share("192.0.2.2");

	is_number(budget_room(&budget), 1000, "all is left");
	ok(share_take(&a, 600, 0), "some is taken");
	ok(!share_take(&b, 600, 0), "more than is left is not");
	ok(!share_take(&b, 300, 200), "nor what would leave too little");
	ok(share_take(&b, 300, 100), "what leaves enough is");
	is_number(budget_room(&budget), 100, "the rest is left");
	is_number(a.held, 600, "a connection knows what it has");
	is_number(b.peer->held, 300, "and so does its address");
	share_give(&a, 100);
	is_number(budget_room(&budget), 200, "what is given back is left");
	share_close(&a);
	is_number(budget_room(&budget), 700, "all of it at the end");
	share_close(&a);
	share_close(&b);
	is_number(budget_room(&budget), 1000, "once");
}

/* A proxy says whose connection it is: what it holds is that one's. */
static void
test_move(void)
{
	struct share a = open_share("192.0.2.1"), b = open_share("192.0.2.1");
	struct share other = open_share("2001:db8::1");
	struct address to;

	must(share_take(&a, 300, 0) && share_take(&b, 100, 0));
	must(address_parse(&to, "2001:db8::2", 11) == 0);
	share_move(&a, &to);
	ok(a.peer == other.peer, "it is of the other address");
	is_number(b.peer->held, 100, "the first one has the rest");
	is_number(b.peer->connections, 1, "of the connections too");
	is_number(other.peer->held, 300, "the other one has what it holds");
	is_number(budget_room(&budget), 600, "of all no more and no less");
	share_move(&b, &to);
	share_move(&b, &to);
	is_number(other.peer->connections, 3, "and every connection, once");
	share_close(&other);
	share_close(&a);
	share_close(&b);
	is_number(budget_room(&budget), 1000, "all is given back");
}

/* More than there are buckets, and closed in another order. */
static void
test_many(void)
{
	static struct share many[3 * PEER_BUCKETS];
	char text[64];
	size_t count = sizeof(many) / sizeof(many[0]), left = 0;

	for (size_t i = 0; i < count; i++) {
		(void)snprintf(
		    text, sizeof(text), "10.%zu.%zu.1", i / 256 % 256, i % 256);
		many[i] = open_share(text);
		must(share_take(&many[i], 0, 0));
	}
	for (size_t i = 0; i < count; i++)
		share_close(&many[i * 7919 % count]);
	for (size_t i = 0; i < PEER_BUCKETS; i++)
		left += budget.peers[i] != NULL;
	is_number(left, 0, "no address is left of many");
}

int
main(void)
{
	must(budget_init(&budget, 1000) == 0);
	test_addresses();
	test_budget();
	test_move();
	test_many();
	budget_release(&budget);
	return tap_end();
}
