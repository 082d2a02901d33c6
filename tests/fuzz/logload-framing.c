/*
 * logload-framing.c - how events are told apart, in lines, arrays and values:
 * each stands in the content where it is said to, none twice; and it is the
 * same in whatever pieces the content comes, and wherever reading goes on.
 */
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../cmd/logload/input/framing.h"
#include "fuzz.h"

#define EVENT_MOST 60  /* bytes of an event that is held */
#define KEEP (1 << 20) /* of a pipe, more than all that comes */
#define PACKETS 8

static int
file_of(struct input in)
{
	int fd = memfd_create("content", MFD_CLOEXEC);

	check(fd >= 0);
	check(in.len == 0 || write(fd, in.p, in.len) == (ssize_t)in.len);
	check(lseek(fd, 0, SEEK_SET) == 0);
	return fd;
}

/* Each piece by itself: no more comes of one read. */
static int
packets_of(struct input in, uint32_t cuts)
{
	int ends[2];

	check(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
	for (int i = 1; in.len > 0; i++) {
		size_t n = i < PACKETS ? input_piece(&cuts, in.len) : in.len;

		check(send(ends[1], in.p, n, MSG_DONTWAIT) == (ssize_t)n);
		in.p += n;
		in.len -= n;
	}
	check(close(ends[1]) == 0);
	return ends[0];
}

/* Is it the content there? A line break between tokens became a space. */
static bool
stands_at(const struct line *line, struct input in)
{
	const char *p = in.p + line->offset;

	for (size_t i = 0; i < line->len; i++) {
		if (line->text[i] != p[i] &&
		    (line->text[i] != ' ' || (p[i] != '\n' && p[i] != '\r')))
			return false;
	}
	return true;
}

/* Of a text that was packed, where it stands is not where it was. */
static void
note(const struct line *line, struct input in, bool plain, struct buf *out)
{
	bool held = line->text != NULL;

	check(line->number > 0 && (!held || line->len <= EVENT_MOST));
	if (plain)
		check(line->offset + line->len <= in.len);
	check(!plain || !held || stands_at(line, in));
	check(buf_printf(out, "%ju@%ju+%ju %d%d ", (uintmax_t)line->number,
		  (uintmax_t)line->offset, (uintmax_t)line->len, line->ended,
		  line->hole) == 0);
	check(!held || buf_append(out, line->text, line->len) == 0);
	check(buf_append(out, "\n", 1) == 0);
}

/* All that comes; `again`: reading goes on anew behind each. */
static void
list(int fd, struct input in, bool again, struct buf *out)
{
	static struct reader reader;
	const struct framing *f;
	struct source s;
	struct error err = {.text = ""};
	struct line line;
	uint64_t number = 0, behind = 0;
	int rc = 0;

	check(
	    reader.buf != NULL || reader_init(&reader, EVENT_MOST, KEEP) == 0);
	reader.passed.to = 0;
	if (source_open(&s, fd, -1, &err) < 0) {
		check(err.text[0] != '\0');
		return;
	}
	f = framing_find(&reader, &s, &err);
	if (f != NULL) {
		reader_begin(&reader, &s, 0, 0);
		while ((rc = framing_read(f, &reader, &line, &err)) > 0) {
			check(line.number == ++number && line.offset >= behind);
			behind = line.offset + line.len;
			note(&line, in, s.plain, out);
			if (again) {
				source_forget(&s, reader.at);
				reader_begin(
				    &reader, &s, reader.at, reader.number);
			}
		}
	} else {
		rc = -1;
	}
	check(rc == 0 || err.text[0] != '\0');
	check(buf_printf(out, "%s", rc < 0 ? err.text : "end") == 0);
	source_close(&s);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = input_of(data, size);
	uint32_t cuts = input_byte(&in);
	struct buf want = {0}, got = {0};

	list(file_of(in), in, false, &want);
	for (int again = 0; again < 2; again++) {
		int fd = again ? file_of(in) : packets_of(in, 1 + cuts);

		got.len = 0;
		list(fd, in, again != 0, &got);
		check(buf_is_same(&got, &want));
	}
	buf_release(&want);
	buf_release(&got);
	return 0;
}
