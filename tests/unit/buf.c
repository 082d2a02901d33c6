/*
 * buf.c - bytes that grow at the end, and what a failure leaves of them.
 */
#include <errno.h>

#include "buf.h"
#include "error.h"
#include "tap.h"

static void
test_growth(void)
{
	struct buf b = {0};
	struct tap_all all = {0};
	size_t allocations = 0, cap = 0;
	char *data;

	for (int i = 0; i < 100000; i++) {
		must(buf_append(&b, "0123456789", 10) == 0);
		allocations += b.cap != cap;
		cap = b.cap;
	}
	is_number(b.len, 1000000, "100,000 times 10 bytes");
	ok(allocations < 20, "by doubling: %zu allocations", allocations);
	for (size_t i = 0; i < b.len; i++)
		tap_case(
		    &all, b.data[i] == (char)('0' + i % 10), "byte %zu", i);
	tap_all(&all, "the bytes are those that were added");

	data = b.data;
	b.len = 0;
	must(buf_reserve(&b, 1000000) == 0);
	ok(b.data == data && b.cap == cap, "room is kept when len is set back");
	b.len = 7;
	buf_clear(&b, cap);
	ok(b.len == 0 && b.data == data, "cleared, it keeps what it may");
	buf_clear(&b, cap - 1);
	ok(b.data == NULL && b.cap == 0, "and gives back what is more");
	must(buf_append(&b, "x", 1) == 0);
	buf_release(&b);
	ok(b.data == NULL && b.len == 0 && b.cap == 0,
	    "released, it is all zeros");
	buf_release(&b);
	is_number(
	    buf_append(&b, NULL, 0), 0, "nothing can be added to nothing");
	ok(b.data == NULL, "without an allocation");
}

static void
test_printf(void)
{
	struct buf b = {0};
	char longer[3001];

	must(buf_append(&b, "a", 1) == 0);
	is_number(buf_printf(&b, "%s=%d", "n", 7), 0, "printf");
	is_text(b.data, "an=7", "adds at the end, and a NUL after it");
	is_number(b.len, 4, "that does not count");
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	is_number(buf_printf(&b, "%s", longer), 0, "printf of 3,000 bytes");
	ok(b.len == 3004 && strcmp(b.data + 4, longer) == 0, "is whole");
	is_number(buf_printf(&b, "%s", ""), 0, "printf of nothing");
	is_number(b.len, 3004, "adds nothing");
	buf_release(&b);
}

static void
test_too_much(void)
{
	struct buf b = {0};

	must(buf_append(&b, "kept", 5) == 0);
	errno = 0;
	is_number(buf_reserve(&b, SIZE_MAX), -1, "more than there can be");
	is_number(errno, ENOMEM, "is ENOMEM");
	is_number(
	    buf_reserve(&b, SIZE_MAX / 2 - 5), -1, "and what malloc refuses");
	is_text(b.data, "kept", "a failed call leaves the contents");
	is_number(b.len, 5, "and the length");
	buf_release(&b);
}

static void
test_error(void)
{
	struct error err = {0};
	char longer[2 * ERROR_TEXT_MAX];

	is_number(error_set(&err, "open %s: %d", "/a", 3), -1,
	    "error_set returns -1");
	is_text(err.text, "open /a: 3", "has the text");
	is_number(err.code, 0, "has no code");
	errno = ENOSPC;
	is_number(
	    error_errno(&err, "write %s", "/a"), -1, "error_errno returns -1");
	is_text(err.text, "write /a: No space left on device",
	    "has the text and the reason");
	is_number(err.code, ENOSPC, "has the code");
	is_number(errno, ENOSPC, "leaves errno as it was");
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	error_set(&err, "%s", longer);
	is_number(strlen(err.text), ERROR_TEXT_MAX - 1,
	    "a text that is too long is cut");
	errno = EIO;
	error_errno(&err, "%s", longer);
	is_number(strlen(err.text), ERROR_TEXT_MAX - 1, "with a reason too");
}

int
main(void)
{
	test_growth();
	test_printf();
	test_too_much();
	test_error();
	return tap_end();
}
