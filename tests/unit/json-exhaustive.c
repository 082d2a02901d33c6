/*
 * json-exhaustive.c - every short text over a small alphabet, against small
 * recognisers that are written from the grammar in other ways than json.c.
 */
#include "json.h"
#include "members.h"
#include "tap.h"

/*
 * Numbers (RFC 8259, section 6): a table of states. A column is a class of
 * byte: '-', '+', '0', '1'-'9', '.', 'e'.
 */
enum { START, MINUS, ZERO, WHOLE, POINT, FRACTION, E, SIGN, EXPONENT, NO };

static const unsigned char step[NO][6] = {
    [START] = {MINUS, NO, ZERO, WHOLE, NO, NO},
    [MINUS] = {NO, NO, ZERO, WHOLE, NO, NO},
    [ZERO] = {NO, NO, NO, NO, POINT, E},
    [WHOLE] = {NO, NO, WHOLE, WHOLE, POINT, E},
    [POINT] = {NO, NO, FRACTION, FRACTION, NO, NO},
    [FRACTION] = {NO, NO, FRACTION, FRACTION, NO, E},
    [E] = {SIGN, SIGN, EXPONENT, EXPONENT, NO, NO},
    [SIGN] = {NO, NO, EXPONENT, EXPONENT, NO, NO},
    [EXPONENT] = {NO, NO, EXPONENT, EXPONENT, NO, NO},
};

static bool
is_number_text(const unsigned *digits, size_t len)
{
	unsigned state = START;

	for (size_t i = 0; i < len && state != NO; i++)
		state = step[state][digits[i]];
	return state == ZERO || state == WHOLE || state == FRACTION ||
	       state == EXPONENT;
}

static bool
accepts(const char *text, size_t len)
{
	struct json_error err;
	bool breaks = false;
	const char *end = text + len, *p, *begin = json_skip_space(text, end);

	p = json_check(begin, end, 16, &breaks, &err);
	must(members_agree(begin, end, 16, p, &err));
	return p != NULL && json_skip_space(p, end) == end;
}

/* Counts `digits` up in base `base`; false after the last one. */
static bool
next_text(unsigned *digits, size_t len, unsigned base)
{
	for (size_t i = 0; i < len; i++) {
		if (++digits[i] < base)
			return true;
		digits[i] = 0;
	}
	return false;
}

static void
test_numbers(void)
{
	static const char alphabet[] = "-+07.e";
	struct tap_all all = {0};

	for (size_t len = 1; len <= 8; len++) {
		unsigned digits[8] = {0};

		do {
			char text[8];

			for (size_t i = 0; i < len; i++)
				text[i] = alphabet[digits[i]];
			tap_case(&all,
			    accepts(text, len) == is_number_text(digits, len),
			    "%.*s", (int)len, text);
		} while (next_text(digits, len, 6));
	}
	tap_all(&all, "numbers: every text of up to 8 of "
		      "-+07.e");
}

/*
 * Structure: the grammar of sections 2 to 5 as functions that call each other,
 * each from a position to the one after, or to NULL.
 */
static const char *value(const char *p);

static const char *
space(const char *p)
{
	return p == NULL ? NULL : p + strspn(p, " \n");
}

/* A token and the white space around it. */
static const char *
token(const char *p, char c)
{
	p = space(p);
	return p != NULL && *p == c ? space(p + 1) : NULL;
}

/* The alphabet has no escapes. */
static const char *
string(const char *p)
{
	if (p == NULL || *p != '"')
		return NULL;
	p += 1 + strcspn(p + 1, "\n\"");
	return *p == '"' ? p + 1 : NULL;
}

static const char *
item(const char *p, bool object)
{
	return space(value(object ? token(string(p), ':') : p));
}

static const char *
nested(const char *p, bool object)
{
	char end = object ? '}' : ']';
	const char *q = token(p, object ? '{' : '[');

	if (q == NULL)
		return NULL;
	if (*q == end)
		return q + 1;
	q = item(q, object);
	while (q != NULL && *q == ',')
		q = item(token(q, ','), object);
	return q != NULL && *q == end ? q + 1 : NULL;
}

static const char *
value(const char *p)
{
	if (p == NULL)
		return NULL;
	switch (*p) {
	case '{':
		return nested(p, true);
	case '[':
		return nested(p, false);
	case '"':
		return string(p);
	case '1':
		return p + strspn(p, "1");
	default:
		return NULL;
	}
}

static bool
is_document(const char *text)
{
	const char *p = space(value(space(text)));

	return p != NULL && *p == '\0';
}

static void
test_structure(void)
{
	static const char alphabet[] = "{}[],:\"1\n";
	struct tap_all all = {0};
	unsigned long documents = 0;

	for (size_t len = 0; len <= 7; len++) {
		unsigned digits[8] = {0};

		do {
			char text[8] = "";
			bool want;

			for (size_t i = 0; i < len; i++)
				text[i] = alphabet[digits[i]];
			want = is_document(text);
			documents += want;
			tap_case(&all, accepts(text, len) == want, "%s", text);
		} while (next_text(digits, len, 9));
	}
	tap_all(&all, "structure: every text of up to 7 of {}[],:\"1 and LF");
	ok(documents > 1000, "%lu of them are documents", documents);
}

/*
 * UTF-8: a sequence is well-formed if its bits give a code point that has no
 * shorter form and is no surrogate (RFC 3629, section 3).
 */
static size_t
utf8_length(const unsigned char *p, size_t len)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t need = p[0] < 0x80             ? 1
		      : (p[0] & 0xe0) == 0xc0 ? 2
		      : (p[0] & 0xf0) == 0xe0 ? 3
		      : (p[0] & 0xf8) == 0xf0 ? 4
					      : 0;
	uint32_t cp;

	if (need == 0 || need > len)
		return 0;
	cp = need == 1 ? p[0] : p[0] & (0x7fu >> need);
	for (size_t i = 1; i < need; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		cp = cp << 6 | (p[i] & 0x3f);
	}
	return cp < least[need] || cp > 0x10ffff || (cp >> 11) == 0x1b ? 0
								       : need;
}

static bool
is_utf8(const unsigned char *p, size_t len)
{
	while (len > 0) {
		size_t n = utf8_length(p, len);

		if (n == 0)
			return false;
		p += n;
		len -= n;
	}
	return true;
}

static void
compare_utf8(struct tap_all *all, const unsigned char *bytes, size_t len)
{
	char quoted[6] = {'"'};
	bool want = is_utf8(bytes, len);

	tap_case(all, json_is_utf8((const char *)bytes, len) == want,
	    "%02x %02x %02x %02x of %zu", bytes[0], bytes[1], bytes[2],
	    bytes[3], len);
	for (size_t i = 0; i < len; i++) {
		if (bytes[i] < 0x20 || bytes[i] == '"' || bytes[i] == '\\')
			return;
	}
	memcpy(quoted + 1, bytes, len);
	quoted[len + 1] = '"';
	tap_case(all, accepts(quoted, len + 2) == want,
	    "in a string: %02x %02x %02x %02x of %zu", bytes[0], bytes[1],
	    bytes[2], bytes[3], len);
}

static void
test_utf8(void)
{
	/* At a third or fourth place only these make a difference. */
	static const unsigned char edges[] = {0x00, 0x41, 0x7f, 0x80, 0x8f,
	    0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc2, 0xdf, 0xe0, 0xed, 0xf0, 0xf4,
	    0xff};
	const size_t n = sizeof(edges);
	struct tap_all all = {0};

	for (unsigned a = 0; a < 256; a++) {
		for (unsigned b = 0; b < 256; b++) {
			unsigned char bytes[4] = {
			    (unsigned char)a, (unsigned char)b};

			compare_utf8(&all, bytes, 1);
			compare_utf8(&all, bytes, 2);
			for (size_t i = 0; i < n * n; i++) {
				bytes[2] = edges[i / n];
				bytes[3] = edges[i % n];
				compare_utf8(&all, bytes, 3);
				compare_utf8(&all, bytes, 4);
			}
		}
	}
	tap_all(&all, "UTF-8: every beginning, with every edge after it");
}

int
main(void)
{
	test_numbers();
	test_structure();
	test_utf8();
	return tap_end();
}
