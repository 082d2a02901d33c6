/*
 * logload-source.c - any content, however it is packed and wherever reading
 * begins anew, gives the same lines with the same numbers and offsets.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <zlib.h>
#include <zstd.h>

#include "../../cmd/logload/input/framing.h"
#include "tap.h"

#define CONTENT_MAX 400000
#define LINE_MAX_HELD 1000 /* longer ones are told of without their text */
#define ROUNDS 60

enum packing { PLAIN, GZIP, ZSTD, PIPED, PACKINGS };

static const char *const packing_names[] = {"plain", "gzip", "zstd", "a pipe"};

static char content[CONTENT_MAX];
static size_t content_len;

/* Lines of all lengths, empty ones, some long, perhaps no break at the end. */
static void
make_content(unsigned *seed)
{
	size_t want = (size_t)rand_r(seed) % CONTENT_MAX;

	content_len = 0;
	while (content_len < want) {
		size_t len = (size_t)rand_r(seed) % 100;

		if (rand_r(seed) % 20 == 0)
			len = 0;
		if (rand_r(seed) % 50 == 0)
			len = (size_t)rand_r(seed) % 5000;
		if (rand_r(seed) % 2000 == 0)
			len = (size_t)rand_r(seed) % 200000;
		while (len-- > 0 && content_len < want)
			content[content_len++] =
			    (char)('!' + rand_r(seed) % 90);
		if (content_len < want)
			content[content_len++] = '\n';
	}
}

/* In two members or frames, cut anywhere. */
static size_t
pack_gzip(size_t cut, unsigned char *out, size_t cap)
{
	size_t len = 0;

	for (int i = 0; i < 2; i++) {
		z_stream z = {.zalloc = NULL};

		if (deflateInit2(&z, 1, Z_DEFLATED, 15 + 16, 8,
			Z_DEFAULT_STRATEGY) != Z_OK)
			abort();
		z.next_in = (Bytef *)(i == 0 ? content : content + cut);
		z.avail_in = (uInt)(i == 0 ? cut : content_len - cut);
		z.next_out = out + len;
		z.avail_out = (uInt)(cap - len);
		if (deflate(&z, Z_FINISH) != Z_STREAM_END)
			abort();
		len = cap - z.avail_out;
		(void)deflateEnd(&z);
	}
	return len;
}

static size_t
pack_zstd(size_t cut, unsigned char *out, size_t cap)
{
	size_t n = ZSTD_compress(out, cap, content, cut, 1);

	return n + ZSTD_compress(
		       out + n, cap - n, content + cut, content_len - cut, 1);
}

/* A descriptor that yields the content; a pipe's writer is a child. */
static int
packed(enum packing how, size_t cut)
{
	static unsigned char out[2 * CONTENT_MAX];
	const void *data = content;
	size_t len = content_len;
	int fd, ends[2];

	if (how == PIPED) {
		if (pipe2(ends, O_CLOEXEC) < 0)
			abort();
		if (fork() == 0) {
			(void)close(ends[0]);
			for (size_t at = 0; at < len;) {
				size_t n = len - at < 7777 ? len - at : 7777;

				if (write(ends[1], content + at, n) !=
				    (ssize_t)n)
					_exit(1);
				at += n;
			}
			_exit(0);
		}
		(void)close(ends[1]);
		return ends[0];
	}
	if (how != PLAIN) {
		len = how == GZIP ? pack_gzip(cut, out, sizeof(out))
				  : pack_zstd(cut, out, sizeof(out));
		data = out;
	}
	fd = memfd_create("content", MFD_CLOEXEC);
	if (fd < 0 || write(fd, data, len) != (ssize_t)len ||
	    lseek(fd, 0, SEEK_SET) != 0)
		abort();
	return fd;
}

/* Is it the line that begins at *at of the content? Moves behind it. */
static bool
is_next(const struct line *line, size_t *at, uint64_t *number)
{
	const char *begin = content + *at;
	const char *lf = memchr(begin, '\n', content_len - *at);
	size_t len = lf != NULL ? (size_t)(lf - begin) : content_len - *at;
	bool held = len <= LINE_MAX_HELD;

	if (line->offset != *at || line->number != ++*number ||
	    line->len != len || line->ended != (lf != NULL) ||
	    (line->text != NULL) != held ||
	    (held && memcmp(line->text, begin, len) != 0))
		return false;
	*at += len + line->ended;
	return true;
}

/* Reads on, and then again, from a line's start; all before it is forgotten. */
static bool
reads_alike(enum packing how, uint64_t chunk, unsigned *seed)
{
	struct source source;
	struct reader reader;
	struct error err = {.text = ""};
	struct line line;
	uint64_t number = 0, from = 0;
	size_t at = 0;
	size_t cut = content_len > 0 ? (size_t)rand_r(seed) % content_len : 0;
	bool good = source_open(&source, packed(how, cut), -1, &err) == 0 &&
		    reader_init(&reader, LINE_MAX_HELD, CONTENT_MAX) == 0;
	int rc = 1;

	while (good && rc > 0) {
		uint64_t again = number;

		source_forget(&source, from);
		for (int i = 0; good && i < 2; i++) {
			at = (size_t)from;
			number = again;
			reader_begin(&reader, &source, from, number);
			while (good && at - from < chunk &&
			       (rc = framing_read(
				    &framing_lines, &reader, &line, &err)) > 0)
				good = is_next(&line, &at, &number);
			good = good && rc >= 0 && reader.at == at;
		}
		from = at;
	}
	if (good && from > 0 && how != PLAIN) {
		reader_begin(&reader, &source, 0, 0);
		good = framing_read(&framing_lines, &reader, &line, &err) < 0 ||
		       source.from == 0;
	}
	if (!good)
		fprintf(stderr, "# %s, chunk %ju, at %zu of %zu: %s\n",
		    packing_names[how], (uintmax_t)chunk, at, content_len,
		    err.text);
	reader_release(&reader);
	source_close(&source);
	return good && at == content_len;
}

/* Begins in the middle, as after a crash. */
static bool
resumes(enum packing how, unsigned *seed)
{
	size_t from = (size_t)rand_r(seed) % (content_len + 1), at;
	struct source source;
	struct reader reader;
	struct error err = {.text = ""};
	struct line line;
	uint64_t number = 5;
	bool good;

	while (from > 0 && content[from - 1] != '\n')
		from--;
	at = from;
	good = source_open(&source, packed(how, from), -1, &err) == 0 &&
	       reader_init(&reader, LINE_MAX_HELD, CONTENT_MAX) == 0;
	/* It may have begun at the front, before it was told. */
	reader_begin(&reader, &source, 0, 0);
	if (good && rand_r(seed) % 2 == 0)
		good = framing_read(&framing_lines, &reader, &line, &err) >= 0;
	if (good) {
		source_forget(&source, from);
		reader_begin(&reader, &source, from, number);
		good = framing_read(&framing_lines, &reader, &line, &err) == 0
			   ? at == content_len
			   : is_next(&line, &at, &number);
	}
	if (!good)
		fprintf(stderr, "# %s from %zu of %zu: %s\n",
		    packing_names[how], from, content_len, err.text);
	reader_release(&reader);
	source_close(&source);
	return good;
}

/* Behind the end of what is there, a file of that name was longer. */
static void
test_shorter(void)
{
	char byte;

	content_len = (size_t)snprintf(content, sizeof(content), "abc");
	for (enum packing how = PLAIN; how < PACKINGS; how++) {
		struct source source;
		struct error err = {.text = ""};

		must(source_open(&source, packed(how, 1), -1, &err) == 0);
		source_forget(&source, 3);
		ok(source_read(&source, 3, &byte, 1, &err) == 0, "%s: the end",
		    packing_names[how]);
		ok(source_read(&source, 4, &byte, 1, &err) < 0 &&
			strstr(err.text, "has 3 bytes, and 4 are") != NULL,
		    "%s: behind it", packing_names[how]);
		source_close(&source);
	}
}

static void
hash_all(enum packing how, struct source_sum *sum)
{
	struct source source;
	struct error err;
	char text[100];

	if (source_open(&source, packed(how, content_len / 2), -1, &err) < 0 ||
	    source_hash(&source, "", sum, &err) < 0)
		abort();
	tap_ok(source_read(&source, 0, text, sizeof(text), &err) > 0 &&
		   text[0] == content[0],
	    __FILE__, __LINE__, "it can be read after it was hashed");
	source_close(&source);
}

static void
test_hash(void)
{
	struct source_sum sum = {0};

	content_len = (size_t)snprintf(content, sizeof(content), "abc");
	for (enum packing how = PLAIN; how <= ZSTD; how++) {
		hash_all(how, &sum);
		/* FIPS 180-2, appendix B.1. */
		tap_text(sum.all.sha256,
		    "ba7816bf8f01cfea414140de5dae2223"
		    "b00361a396177a9cb410ff61f20015ad",
		    __FILE__, __LINE__, "SHA-256 of the content");
		tap_ok(sum.all.bytes == 3 && sum.lines.bytes == 0, __FILE__,
		    __LINE__, "which has no line that ends");
	}
}

/* The hashes of fronts are those of contents that end there. */
static void
test_marks(void)
{
	enum { MARKS = 5 };
	unsigned seed = 4;

	for (int round = 0; round < 12; round++) {
		enum packing how = (enum packing)(round % PIPED);
		struct source_mark marks[MARKS] = {{0}}, beyond;
		struct source_sum sum = {.marks = marks, .mark_count = MARKS};
		struct source_sum front = {0};

		do {
			make_content(&seed);
		} while (content_len < 1000);
		content_len -= content[content_len - 1] == '\n';
		for (int i = 0; i < MARKS - 1; i++)
			marks[i].bytes =
			    1 + (unsigned)rand_r(&seed) % content_len;
		marks[0].bytes = content_len;
		marks[MARKS - 1].bytes = content_len + 1;
		hash_all(how, &sum);
		beyond = marks[MARKS - 1];
		marks[MARKS - 1] = sum.lines;
		for (int i = 0; i < MARKS; i++) {
			content_len = marks[i].bytes;
			hash_all(PLAIN, &front);
			tap_text(marks[i].sha256, front.all.sha256, __FILE__,
			    __LINE__, "the hash of a front");
		}
		tap_ok(content[content_len - 1] == '\n' &&
			   memchr(content + content_len, '\n',
			       sum.all.bytes - content_len) == NULL,
		    __FILE__, __LINE__, "one ends at the last line break");
		tap_text(beyond.sha256, "", __FILE__, __LINE__,
		    "what it has not is not hashed");
	}
}

static void
test_damage(void)
{
	static unsigned char out[2 * CONTENT_MAX];
	static char text[1000];
	struct source source;
	struct error err;
	unsigned seed = 9;

	do {
		make_content(&seed);
	} while (content_len < 100000);
	for (enum packing how = GZIP; how <= ZSTD; how++) {
		size_t len = how == GZIP ? pack_gzip(1, out, sizeof(out))
					 : pack_zstd(1, out, sizeof(out));
		int fd = memfd_create("cut", MFD_CLOEXEC);
		ssize_t n = 1;

		if (fd < 0 || write(fd, out, len / 2) != (ssize_t)(len / 2) ||
		    lseek(fd, 0, SEEK_SET) != 0 ||
		    source_open(&source, fd, -1, &err) < 0)
			abort();
		err.text[0] = '\0';
		for (uint64_t at = 0; n > 0; at += (uint64_t)n)
			n = source_read(&source, at, text, sizeof(text), &err);
		tap_ok(n < 0 && strstr(err.text, "too early") != NULL, __FILE__,
		    __LINE__, "%s that is cut short is an error",
		    packing_names[how]);
		source_close(&source);
	}
}

int
main(void)
{
	unsigned seed = 1;

	for (enum packing how = PLAIN; how < PACKINGS; how++) {
		bool good = true, resumed = true;

		for (int i = 0; i < ROUNDS; i++) {
			make_content(&seed);
			good = good &&
			       reads_alike(how,
				   1 + (uint64_t)rand_r(&seed) %
					   (i % 2 ? 2 * CONTENT_MAX : 3000),
				   &seed);
			resumed = resumed && resumes(how, &seed);
		}
		tap_ok(good, __FILE__, __LINE__, "%s: the same lines",
		    packing_names[how]);
		tap_ok(resumed, __FILE__, __LINE__, "%s: from within",
		    packing_names[how]);
	}
	test_shorter();
	test_hash();
	test_marks();
	test_damage();
	return tap_end();
}
