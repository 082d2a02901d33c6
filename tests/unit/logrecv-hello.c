/*
 * logrecv-hello.c - how much a client's hello claims, seen at its header,
 * however the bytes are cut into messages, records and pieces.
 */
#include "../../cmd/logrecv/front/hello.h"
#include "tap.h"

enum { CHANGE = 20, ALERT = 21, HANDSHAKE = 22, DATA = 23 };

static unsigned char text[1 << 18];
static size_t text_len;

static void
add(unsigned char byte)
{
	must(text_len < sizeof(text));
	text[text_len++] = byte;
}

/* A record's header, and where `filled`, as many bytes. */
static void
add_record(unsigned char type, size_t len, bool filled)
{
	add(type);
	add(3);
	add(3);
	add((unsigned char)(len >> 8));
	add((unsigned char)len);
	for (size_t i = 0; filled && i < len; i++)
		add(1); /* as a ClientHello's first byte */
}

/* A message of this type and length, in records of so many bytes each. */
static void
add_message(unsigned char type, size_t len, size_t record)
{
	unsigned char head[] = {type, (unsigned char)(len >> 16),
	    (unsigned char)(len >> 8), (unsigned char)len};

	for (size_t i = 0; i < sizeof(head) + len; i++) {
		if (i % record == 0) {
			size_t left = sizeof(head) + len - i;

			add_record(
			    HANDSHAKE, left < record ? left : record, false);
		}
		add(i < sizeof(head) ? head[i] : 1);
	}
}

/*
 * How many bytes it takes before it has seen enough, in pieces of each of some
 * sizes; text_len: nothing is wrong with it.
 */
static size_t
look(bool is_tls_1_3)
{
	static const size_t pieces[] = {1, 2, 3, 7, 4096, sizeof(text)};
	size_t seen = 0, at;

	for (size_t i = 0; i < sizeof(pieces) / sizeof(*pieces); i++) {
		struct hello h = {0};
		bool small = true;

		for (at = 0; at < text_len && small; at += pieces[i]) {
			size_t left = text_len - at;

			small = hello_is_small(&h, text + at,
			    left < pieces[i] ? left : pieces[i], is_tls_1_3);
		}
		if (small)
			at = text_len;
		if (pieces[i] == 1)
			seen = at;
		else
			must((at < text_len) == (seen < text_len) || !small);
	}
	return seen;
}

static void
test_one(void)
{
	static const size_t records[] = {1, 2, 3, 4, 5, 100, 16384};

	for (size_t i = 0; i < sizeof(records) / sizeof(*records); i++) {
		size_t headers =
		    records[i] < 4 ? (4 + records[i] - 1) / records[i] : 1;

		text_len = 0;
		add_message(1, HELLO_MAX, records[i]);
		ok(look(true) == text_len, "16 KiB in records of %zu bytes",
		    records[i]);
		text_len = 0;
		add_message(1, HELLO_MAX + 1, records[i]);
		ok(look(true) == 4 + 5 * headers,
		    "one byte more is seen at its claim");
	}
	text_len = 0;
	add_message(11, 100000, 16384);
	is_number(look(true), text_len, "other messages are not ours to judge");
}

static void
test_second(void)
{
	size_t first;

	text_len = 0;
	add_message(1, 300, 16384);
	add_record(CHANGE, 1, true);
	add_record(ALERT, 2, true);
	add_record(DATA, 5000, true);
	add_record(HANDSHAKE, 0, true);
	first = text_len;
	add_message(1, 131000, 16384);
	is_number(look(true), first + 9, "a second hello is seen, too");
	text_len = first;
	add_message(1, 500, 10);
	is_number(look(true), text_len, "which may be a small one");

	text_len = 0;
	add_message(1, 300, 16384);
	add_message(16, 33, 16384);
	add_record(CHANGE, 1, true);
	add_record(HANDSHAKE, 40, true);
	is_number(look(false), text_len,
	    "behind a change of ciphers nothing is read");
}

int
main(void)
{
	test_one();
	test_second();
	return tap_end();
}
