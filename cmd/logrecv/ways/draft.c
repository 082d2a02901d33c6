/*
 * draft.c - see draft.h.
 */
#include <math.h>

#include "base64.h"
#include "clock.h"
#include "double.h"
#include "draft.h"
#include "scan.h"
#include "utf8.h"

static const char digits[] = "0123456789abcdef";

void
draft_fail(struct draft *d, enum event_fault fault, const char *reason)
{
	if (d->failed)
		return;
	d->failed = true;
	d->fault = fault;
	d->reason = reason;
}

int
draft_give(struct draft *d, size_t from, struct event_writer *w, const char *p,
    const char *stop)
{
	struct event_flaw flaw = {d->fault, p, d->reason, stop};

	if (!d->failed)
		return event_put(
		    w, d->text->data + from, d->text->len - from, p);
	if (d->at != NULL)
		flaw.at = d->at;
	if (!event_is_own_flaw(w, &flaw))
		return event_fail(w, &flaw) == NULL ? -1 : 0;
	if (event_spend(w, d->text->len - from) < 0)
		return -1;
	return event_reject(w, p, stop, &flaw) == NULL ? -1 : 0;
}

char *
draft_grow(struct draft *d, size_t n)
{
	if (d->text->len > d->max || n > d->max - d->text->len)
		draft_fail(d, EVENT_TOO_LARGE, NULL);
	else if (buf_reserve(d->text, n) < 0)
		draft_fail(d, EVENT_NO_MEMORY, NULL);
	return d->failed ? NULL : d->text->data + d->text->len;
}

/* A character that cannot stand for itself (RFC 8259, section 7). */
static void
put_escape(struct draft *d, char c)
{
	static const char plain[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
	const char *short_one = c == '\0' ? NULL : strchr(plain, c);
	char text[6] = {
	    '\\', 'u', '0', '0', digits[c >> 4 & 15], digits[c & 15]};

	if (short_one == NULL) {
		draft_put(d, text, 6);
		return;
	}
	text[1] = letters[short_one - plain];
	draft_put(d, text, 2);
}

void
draft_string(struct draft *d, const char *text, size_t len)
{
	const char *p = text, *end = text + len, *next;

	draft_put(d, "\"", 1);
	while (p < end && !d->failed) {
		next = scan_plain(p, end, true);
		while (
		    next != NULL && next < end && (unsigned char)*next >= 0x80)
			next = utf8_next(next, end);
		if (next == NULL) {
			draft_fail(d, EVENT_UNFIT, "a text is not UTF-8");
			return;
		}
		if (next > p)
			draft_put(d, p, (size_t)(next - p));
		else
			put_escape(d, *next++);
		p = next;
	}
	draft_put(d, "\"", 1);
}

void
draft_base64(struct draft *d, const char *bytes, size_t len)
{
	size_t n = base64_length(len);
	char *to = draft_room(d, n + 2);

	if (to == NULL)
		return;
	*to = to[n + 1] = '"';
	base64_encode(bytes, len, to + 1);
	d->text->len += n + 2;
}

void
draft_hex(struct draft *d, const char *bytes, size_t len)
{
	char *to = draft_room(d, 2 * len + 2);

	if (to == NULL)
		return;
	*to++ = '"';
	for (size_t i = 0; i < len; i++) {
		*to++ = digits[(unsigned char)bytes[i] >> 4];
		*to++ = digits[bytes[i] & 15];
	}
	*to = '"';
	d->text->len += 2 * len + 2;
}

void
draft_unsigned(struct draft *d, uint64_t value)
{
	char text[20];
	size_t i = sizeof(text);

	do {
		text[--i] = (char)('0' + value % 10);
		value /= 10;
	} while (value > 0);
	draft_put(d, text + i, sizeof(text) - i);
}

void
draft_signed(struct draft *d, int64_t value)
{
	if (value < 0)
		draft_put(d, "-", 1);
	draft_unsigned(d, value < 0 ? -(uint64_t)value : (uint64_t)value);
}

void
draft_double(struct draft *d, double value)
{
	char text[DOUBLE_TEXT_MAX];
	size_t len;

	if (isfinite(value)) {
		len = double_format(value, text);
		draft_put(d, text, len);
		return;
	}
	draft_text(d, isnan(value) ? "\"NaN\""
		      : value > 0  ? "\"Infinity\""
				   : "\"-Infinity\"");
}

void
draft_instant(struct draft *d, int64_t seconds, int64_t nanos)
{
	char *to = draft_room(d, CLOCK_STAMP_LEN + 6);

	/* The years 1 to 9999. */
	if (seconds < -62135596800 || seconds > 253402300799 || nanos < 0 ||
	    nanos >= (int64_t)CLOCK_NS_PER_S) {
		draft_fail(d, EVENT_UNFIT, "a time is out of range");
		return;
	}
	if (to == NULL)
		return;
	*to++ = '"';
	clock_stamp(seconds * (int64_t)CLOCK_US_PER_S + nanos / 1000, to);
	to += CLOCK_STAMP_LEN - 1; /* the Z */
	for (int64_t scale = 100; scale > 0; scale /= 10)
		*to++ = (char)('0' + nanos / scale % 10);
	*to++ = 'Z';
	*to = '"';
	d->text->len += CLOCK_STAMP_LEN + 5;
}
