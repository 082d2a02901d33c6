/*
 * scan.c - the ways to scan a string find the same byte, whatever it is and
 * wherever it stands.
 */
#include <string.h>

#include "scan.h"
#include "tap.h"

#define ROOM 80 /* some blocks of 16, and a rest */

/* The simplest that can be right. */
static const char *
find(const char *p, const char *end, bool strict)
{
	for (; p < end; p++) {
		unsigned char c = (unsigned char)*p;

		if (c == '"' || c == '\\' || (strict && (c < 0x20 || c > 0x7f)))
			break;
	}
	return p;
}

static bool
agree(const char *p, const char *end)
{
	const char *escape = p;

	while (escape < end && *escape != '\\' && (unsigned char)*escape > 31)
		escape++;
	if (scan_escape(p, end) != escape)
		return false;
	for (int strict = 0; strict < 2; strict++) {
		const char *want = find(p, end, strict != 0);

		if (scan_bytes(p, end, strict != 0) != want ||
		    scan_plain(p, end, strict != 0) != want)
			return false;
#ifdef __SSE2__
		if (scan_sse2(p, end, strict != 0) != want)
			return false;
#endif
	}
	return true;
}

/* Each byte at each place of texts of each length, begun anywhere. */
static bool
test_byte(int byte)
{
	char text[ROOM];

	memset(text, 'x', sizeof(text));
	for (size_t at = 0; at < ROOM; at++) {
		bool same = true;

		text[at] = (char)byte;
		for (size_t end = 0; end <= ROOM; end += 1 + end % 3)
			same = same && agree(text, text + end);
		for (size_t begin = 0; begin < ROOM; begin += 7)
			same = same && agree(text + begin, text + ROOM);
		text[at] = 'x';
		if (!same)
			return false;
	}
	return true;
}

int
main(void)
{
	char both[ROOM];

	for (int byte = 0; byte < 256; byte++)
		ok(test_byte(byte), "byte 0x%02x", (unsigned)byte);
	memset(both, 'x', sizeof(both));
	both[20] = '"';
	both[21] = '\\';
	is_number(scan_plain(both, both + ROOM, true) - both, 20,
	    "the first of two in one block");
	return tap_end();
}
