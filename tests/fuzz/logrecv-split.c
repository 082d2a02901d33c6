/*
 * logrecv-split.c - what a body is split into, split again: the good lines of
 * it are a body of as many events, and become the same lines; in an array they
 * do, too. And nothing that a client has sent gets lost: of all that is not
 * white space between events, each byte is in an event or in a bad one.
 */
#include "../unit/logrecv-append.h"
#include "fuzz.h"

static const struct event_origin here = {
    .stamp = "2026-11-22T07:33:51.123456Z"};
static const struct event_limits limits = {.event_bytes = 1 << 20, .depth = 20};

/* Takes the good lines, as they are, or as the elements of an array. */
static void
gather(const struct buf *lines, bool array, struct buf *out)
{
	const char *p = lines->data, *end = p + lines->len, *lf;

	for (; p < end; p = lf + 1) {
		size_t len;

		lf = memchr(p, '\n', (size_t)(end - p));
		check(lf != NULL);
		len = (size_t)(lf - p) + !array;
		if (*p != '{')
			continue;
		if (array)
			check(
			    buf_append(out, out->len == 0 ? "[" : ",", 1) == 0);
		check(buf_append(out, p, len) == 0);
	}
	if (array)
		check(buf_append(out, "]", 1) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = input_of(data, size);
	struct buf lines = {0}, good = {0}, body = {0}, again = {0};
	struct event_tally t, u;
	size_t bytes = 0;

	if (append_plain(in.len > 0 ? in.p : "", in.len, &here, &limits,
		UINT64_MAX, &lines, &t) == 0 &&
	    t.good > 0 && t.bad < EVENT_KEPT_MAX) {
		check(are_lines(&lines, &t));
		gather(&lines, false, &good);
		for (int array = 0; array < 2; array++) {
			body.len = again.len = 0;
			gather(&lines, array == 1, &body);
			check(append_plain(body.data, body.len, &here, &limits,
				  UINT64_MAX, &again, &u) == 0);
			check(u.good == t.good && u.bad == 0 &&
			      u.stamps == t.good);
			check(buf_is_same(&again, &good));
		}
		for (size_t i = 0; i < in.len; i++)
			bytes += strchr(" \t\r\n,[]\x1e", in.p[i]) == NULL;
		/* A stamp of the client's is left out. */
		check(t.stamps > 0 || bytes <= lines.len + 3);
	}
	buf_release(&lines);
	buf_release(&good);
	buf_release(&body);
	buf_release(&again);
	return 0;
}
