/*
 * logload-framing.c - each format gives its events, with their numbers and
 * offsets, in whatever pieces the content comes and wherever reading goes on;
 * and what is none is named.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "../../cmd/logload/input/framing.h"
#include "tap.h"

#define MAX 60 /* bytes of an event */
#define KEEP 100
#define LISTED 65536
#define ROUNDS 3000

static struct reader reader;

/* Whole, or in pieces that end where `cut` says, each by itself in a packet. */
static int
content_fd(const char *data, size_t len, bool (*cut)(size_t at, size_t arg),
    size_t arg)
{
	int fd, ends[2], size = 1 << 20;

	if (cut == NULL) {
		fd = memfd_create("content", MFD_CLOEXEC);
		must(fd >= 0 && write(fd, data, len) == (ssize_t)len &&
		     lseek(fd, 0, SEEK_SET) == 0);
		return fd;
	}
	must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
	must(setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)) ==
	     0);
	for (size_t from = 0, to = 1; from < len; to++) {
		if (to < len && !cut(to, arg))
			continue;
		must(send(ends[1], data + from, to - from, MSG_DONTWAIT) ==
		     (ssize_t)(to - from));
		from = to;
	}
	must(close(ends[1]) == 0);
	return ends[0];
}

static bool
cut_at(size_t at, size_t arg)
{
	return at == arg;
}

static bool
cut_each(size_t at, size_t arg)
{
	return at % arg == 0;
}

static bool
cut_random(size_t at, size_t seed)
{
	return (at * 2654435761U ^ seed * 40503U) >> 7 & 1;
}

/* A line as text; returns its length. */
static size_t
list_line(char *out, size_t room, const struct line *line)
{
	int n = snprintf(out, room, "%s%ju@%ju ", line->number > 1 ? "|" : "",
	    (uintmax_t)line->number, (uintmax_t)line->offset);

	must(n > 0 && (size_t)n + MAX + 40 < room);
	if (line->text == NULL)
		n += snprintf(out + n, 40, "%s %ju",
		    line->hole ? "hole" : "long", (uintmax_t)line->len);
	for (size_t i = 0; line->text != NULL && i < line->len; i++)
		out[n++] = line->text[i] == '\0' ? '0' : line->text[i];
	if (!line->ended)
		out[n++] = '~';
	out[n] = '\0';
	return (size_t)n;
}

/*
 * All that is left, as text. again: each line is read, forgotten, and read once
 * more, as after a rollback or a new start.
 */
static void
list(const struct framing *f, struct source *s, bool again, char *out)
{
	struct error err = {.text = ""};
	size_t len = 0;
	struct line line;
	int rc;

	out[0] = '\0';
	do {
		uint64_t at = reader.at, number = reader.number;

		rc = framing_read(f, &reader, &line, &err);
		if (again) {
			reader_begin(&reader, s, at, number);
			rc = framing_read(f, &reader, &line, &err);
			source_forget(s, reader.at);
		}
		if (rc > 0)
			len += list_line(out + len, LISTED - len, &line);
		if (rc > 0 && again)
			reader_begin(&reader, s, reader.at, reader.number);
	} while (rc > 0);
	if (rc < 0)
		(void)snprintf(out + len, LISTED - len, "|%s: %s",
		    reader.unfit ? "unfit" : "error", err.text);
}

/* Finds the framing of that content, and lists all of it. */
static const struct framing *
read_all(int fd, bool again, char *out)
{
	const struct framing *f;
	struct source s;
	struct error err;

	must(source_open(&s, fd, -1, &err) == 0);
	reader.passed.to = 0;
	f = framing_find(&reader, &s, &err);
	if (f != NULL) {
		reader_begin(&reader, &s, 0, 0);
		list(f, &s, again, out);
	} else {
		(void)snprintf(out, LISTED, "%s: %s",
		    reader.unfit ? "unfit" : "error", err.text);
	}
	source_close(&s);
	return f;
}

/* The same in all pieces, and wherever it goes on? */
static bool
reads_alike(const char *data, size_t len, const char *want, size_t seed)
{
	static char got[LISTED];
	bool good = true;

	for (int again = 0; again < 2 && good; again++) {
		(void)read_all(content_fd(data, len, NULL, 0), again, got);
		good = strcmp(got, want) == 0;
		if (good)
			(void)read_all(content_fd(data, len, cut_random, seed),
			    again, got);
		good = good && strcmp(got, want) == 0;
	}
	if (!good)
		fprintf(stderr, "# want %s\n# got  %s\n", want, got);
	return good;
}

static void
test_format(const char *name, const char *data, size_t len, const char *want)
{
	static char got[LISTED];
	bool good = true;

	(void)read_all(content_fd(data, len, NULL, 0), false, got);
	is_text(got, want, name);
	for (size_t cut = 1; cut < len && good; cut++) {
		(void)read_all(content_fd(data, len, cut_at, cut), false, got);
		good = strcmp(got, want) == 0;
	}
	for (size_t each = 1; each < 4 && good; each++) {
		(void)read_all(
		    content_fd(data, len, cut_each, each), true, got);
		good = strcmp(got, want) == 0;
	}
	if (!good)
		fprintf(stderr, "# want %s\n# got  %s\n", want, got);
	ok(good && reads_alike(data, len, want, 7), "  however it comes");
}

#define FORMAT(name, data, want) test_format(name, data, sizeof(data) - 1, want)
#define LONG "0123456789012345678901234567890123456789"

static void
test_lines(void)
{
	FORMAT("lines", "{\"a\":1}\n\n{\"b\":2}\r\n{\"c\"",
	    "1@0 {\"a\":1}|2@8 |3@9 {\"b\":2}\r|4@18 {\"c\"~");
	FORMAT("nothing", "", "");
	FORMAT("white space", " \n", "1@0  ");
	FORMAT("a byte order mark", "\xef\xbb\xbf{\"a\":1}\n",
	    "1@0 \xef\xbb\xbf{\"a\":1}");
	FORMAT("a line too long", "{\"a\":\"" LONG LONG LONG LONG "\"}\n{}\n{}",
	    "1@0 long 168|2@169 {}|3@172 {}~");
	FORMAT("one that has no end", "{}\n{\"a\":\"" LONG LONG LONG LONG,
	    "1@0 {}|2@3 long 166~");
	FORMAT("a log that was truncated under its writer",
	    "\0\0\0\0{\"a\":1}\n", "1@0 hole 4|2@4 {\"a\":1}");
	FORMAT("what a crash leaves", "{\"a\":1\0\0\0{\"b\":2}\n\0\0\n{}\n",
	    "1@0 {\"a\":1|2@6 hole 3|3@9 {\"b\":2}|4@17 hole 2|5@20 {}");
	FORMAT("what is no hole", "{\"a\":\"x\0y\"}\n{}\n",
	    "1@0 {\"a\":\"x0y\"}|2@12 {}");
	FORMAT("a bad line, and good ones", "oops\n{\"a\":\n{}\n",
	    "1@0 oops|2@5 {\"a\":|3@11 {}");
	FORMAT("what logrecv makes of bad events", "[\"why\",0,\"{\"]\n{}\n",
	    "1@0 [\"why\",0,\"{\"]|2@14 {}");
}

static void
test_values(void)
{
	FORMAT("an array on a line", "[{\"a\":[1,{}]},{\"b\":\"]}\"} , 5,{}]\n",
	    "1@1 {\"a\":[1,{}]}|2@14 {\"b\":\"]}\"}|3@27 5|4@29 {}");
	FORMAT("an array of lines", "[\n{\"a\":1},\n{\"b\":2}\n]\n",
	    "1@2 {\"a\":1}|2@11 {\"b\":2}");
	FORMAT("a pretty array",
	    "[\n  {\n    \"a\": 1\n  },\n  {\n    \"b\": 2\n  }\n]\n",
	    "1@4 {     \"a\": 1   }|2@24 {     \"b\": 2   }");
	FORMAT("an empty array", " [ ] ", "");
	FORMAT("an array in many parts", "[{}]\n[{},\n{}]\n",
	    "1@1 {}|2@6 {}|3@10 {}");
	FORMAT("an array that goes on", "[{\"a\":1},{\"b\":2}",
	    "1@1 {\"a\":1}|2@9 {\"b\":2}"
	    "|unfit: at byte 16: the array goes on, and the file ends");
	FORMAT("an array cut in an element", "[{\"a\":1},{\"b\":",
	    "1@1 {\"a\":1}"
	    "|unfit: at byte 9: the array goes on, and the file ends");
	FORMAT("pretty objects",
	    "{\n \"a\": 1\r\n}\r\n{\n \"b\": \"\\\"}\"\n}\n",
	    "1@0 {  \"a\": 1  }|2@14 {  \"b\": \"\\\"}\" }");
	FORMAT("objects one behind another", "{\"a\":1}{\"b\":2} {}\n",
	    "1@0 {\"a\":1}|2@7 {\"b\":2}|3@15 {}");
	FORMAT("lines with commas", "\xef\xbb\xbf{\"a\":1},\n{\"b\":2},\n",
	    "1@3 {\"a\":1}|2@12 {\"b\":2}");
	FORMAT("lines that end in CR", "{\"a\":1}\r{\"b\":2}\r",
	    "1@0 {\"a\":1}|2@8 {\"b\":2}");
	FORMAT("a sequence by RFC 7464",
	    "\x1e{\"a\":1}\n\x1e{\n\"b\":2\n}\n\x1e\x1e{}\n",
	    "1@1 {\"a\":1}|2@10 { \"b\":2 }|3@22 {}");
	FORMAT("an event too large",
	    "[{},\n{\"a\":\n\"" LONG LONG LONG LONG "\"},{}]",
	    "1@1 {}|2@5 long 169|3@175 {}");
	FORMAT("a hole among values", "{\n}\n\0\0\0{}",
	    "1@0 { }|2@4 hole 3|3@7 {}");
	FORMAT("the last one cut", "{\n}\n{\"a\":\n", "1@0 { }|2@4 {\"a\":~");
}

static void
test_flaws(void)
{
	FORMAT("an event that is none ends where it ends",
	    "[{\"a\":oops},{\"b\":01},{}]",
	    "1@1 {\"a\":oops}|2@12 {\"b\":01}|3@21 {}");
	FORMAT("one that was cut, in lines",
	    "[{\"a\":1},\n{\"b\":\"x\n{\"c\":{},\n{\"d\":[1}\n,{\"e\":5}]",
	    "1@1 {\"a\":1}|2@10 {\"b\":\"x|3@18 {\"c\":{},|4@27 {\"d\":[1}"
	    "|5@37 {\"e\":5}");
	FORMAT("two of them in a pretty array",
	    "[\n  {\n    \"a\": \"\n  },\n  {\n    \"b\": [}\n  },\n"
	    "  {\n    \"c\": [\n      {\n      }\n    ]\n  }\n]\n",
	    "1@4 {     \"a\": \"\n  },|2@24 {     \"b\": [}\n  },"
	    "|3@45 {     \"c\": [       {       }     ]   }");
	FORMAT("a sequence knows its own begin", "\x1e{\"a\":\x1e{}\n",
	    "1@1 {\"a\":|2@7 {}");
	FORMAT("one of which nothing tells the end", "[{},{\"a\":[1},{},{}]",
	    "1@1 {}|unfit: at byte 4: an event is broken, and nothing tells "
	    "where the next one begins");
	FORMAT("what is no object", "{}{} oops, 5 \"a\"\n[1],{}",
	    "1@0 {}|2@2 {}|3@5 oops|4@11 5 \"a\"|5@18 1|6@21 {}");
}

static void
test_kinds(void)
{
	static char tar[300] = "logs/";
	char got[LISTED];

	memcpy(tar + 257, "ustar", 5);
	for (size_t i = 0; i < 2; i++) {
		(void)read_all(
		    content_fd(tar, sizeof(tar), i == 0 ? NULL : cut_each, 100),
		    false, got);
		ok(strstr(got, "a tar archive") != NULL, "a tar archive");
	}
#define KIND(data, want) \
	do { \
		(void)read_all( \
		    content_fd(data, sizeof(data) - 1, NULL, 0), false, got); \
		ok(strncmp(got, "unfit: ", 7) == 0 && \
			strstr(got, want) != NULL, \
		    "%s", want); \
	} while (0)
	KIND("\xfd"
	     "7zXZ\0",
	    "xz -dc");
	KIND("BZh91AY", "bzip2 -dc");
	KIND("\x04\x22\x4d\x18", "lz4 -dc");
	KIND("PK\x03\x04", "unzip -p");
	KIND("\xff\xfe{\0", "UTF-16");
	KIND("{\0\"\0a\0", "UTF-16");
	KIND("\0{\0\"\0a", "UTF-16");
	KIND("Nov 22 07:33:51 host app: {}\n", "it is text");
	KIND("a,b\n\xe9,2\n", "it is text");
	KIND("\x01\x02\x03", "it is binary");
}

/* The front, which tells, is smaller than the first event. */
static void
test_large(void)
{
	static char data[200000];
	size_t len = (size_t)snprintf(data, sizeof(data), "{\n\"a\": [\n");
	char got[LISTED];

	for (; len < sizeof(data) - 20; len++)
		data[len] = len % 10 == 0 ? '\n' : len % 10 == 9 ? ',' : '1';
	len += (size_t)snprintf(data + len, 20, "\n\"b\"\n]\n}{}\n");
	(void)read_all(content_fd(data, len, NULL, 0), false, got);
	ok(strncmp(got, "1@0 long ", 9) == 0 && strstr(got, "|2@") != NULL,
	    "an object larger than the front");
}

/* What people do not have in their files, too. */
static void
test_random(void)
{
	static const char bytes[] = "{}[]\":,\\\n\r \x1e\0\0"
				    "a1\xef\xbb\xbf";
	static const char *const words[] = {"{\"a\":1}", "{\"b\":\"x\"},",
	    "{\n  \"c\": [\n  {\n", "\n  {\n", LONG};
	static char want[LISTED];
	struct tap_all all = {0};
	uint64_t seed = 11;

	for (size_t round = 0; round < ROUNDS; round++) {
		char data[400];
		size_t len = 0, most = tap_random(&seed) % 150;

		while (len < most) {
			const char *word = words[tap_random(&seed) % 5];

			if (tap_random(&seed) % 4 != 0) {
				data[len++] = bytes[tap_random(&seed) %
						    (sizeof(bytes) - 1)];
				continue;
			}
			memcpy(data + len, word, strlen(word));
			len += strlen(word);
		}
		(void)read_all(content_fd(data, len, NULL, 0), false, want);
		tap_case(
		    &all, reads_alike(data, len, want, round), "%zu", round);
	}
	tap_all(&all, "random bytes are read alike in all pieces");
}

/* Of a line without end neither memory nor disk holds much. */
static void
test_bomb(void)
{
	static char block[1 << 16];
	struct source s;
	struct error err;
	struct line line;
	struct stat st;
	int ends[2];

	must(pipe2(ends, O_CLOEXEC) == 0);
	if (fork() == 0) {
		(void)close(ends[0]);
		memset(block, 'x', sizeof(block));
		for (int i = 0; i < 500; i++) {
			if (write(ends[1], block, sizeof(block)) !=
			    sizeof(block))
				_exit(1);
		}
		_exit(write(ends[1], "\n{}\n", 4) != 4);
	}
	(void)close(ends[1]);
	must(source_open(&s, ends[0], -1, &err) == 0);
	for (int i = 0; i < 2; i++) {
		reader_begin(&reader, &s, 0, 0);
		ok(framing_read(&framing_lines, &reader, &line, &err) == 1 &&
			line.text == NULL && line.len == 500 * sizeof(block),
		    "a line without end is told of");
		ok(framing_read(&framing_lines, &reader, &line, &err) == 1 &&
			line.len == 2 && line.number == 2,
		    "and what follows is read");
	}
	must(fstat(s.held_fd, &st) == 0);
	ok(st.st_blocks * 512 < 4 << 20, "nor does it fill the disk");
	ok(source_read(&s, KEEP - 1, block, 1, &err) == 1 && *block == 'x',
	    "but its front is kept");
	source_close(&s);
}

int
main(void)
{
	must(reader_init(&reader, MAX, KEEP) == 0);
	test_lines();
	test_values();
	test_flaws();
	test_kinds();
	test_large();
	test_random();
	test_bomb();
	reader_release(&reader);
	return tap_end();
}
