/*
 * logload-reject.c - a record in rejected/ gives back the line, whatever its
 * length and bytes: as event, raw or base64. Beginning anew forgets what was
 * added before.
 */
#include <fcntl.h>
#include <json-c/json.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "../../cmd/logload/reject.h"
#include "tap.h"

#define TEXT_MAX 150000
#define ROUNDS 300

static char text[TEXT_MAX];
static size_t text_len;

enum content { EVENT, TEXT, BYTES, CONTENTS };

static void
put(const char *piece, size_t len)
{
	if (text_len + len <= TEXT_MAX - 2) {
		memcpy(text + text_len, piece, len);
		text_len += len;
	}
}

/* Characters of all lengths, so that pieces end within them. */
static void
make_text(enum content how, unsigned *seed)
{
	static const char *const pieces[] = {
	    "a", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
	size_t want = (size_t)rand_r(seed) % TEXT_MAX;

	if (rand_r(seed) % 2 == 0)
		want %= 100;
	text_len = 0;
	if (how == EVENT)
		put("{\"x\":\"", 6);
	while (text_len < want && text_len < TEXT_MAX - 10) {
		const char *piece = pieces[rand_r(seed) % 4];

		put(piece, strlen(piece));
		if (how == TEXT && rand_r(seed) % 9 == 0)
			put("\"", 1);
	}
	if (how == EVENT)
		put("\"}", 2);
	if (how == TEXT)
		put("\\", 1);
	if (how == BYTES) {
		if (text_len == 0)
			put("a", 1);
		text[(size_t)rand_r(seed) % text_len] = (char)0xff;
	}
}

static int
digit_value(char c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";

	return (int)(strchr(digits, c) - digits);
}

/* RFC 4648, section 4. */
static bool
is_base64(const char *b, size_t len)
{
	size_t at = 0;

	for (size_t i = 0; i + 3 < len; i += 4) {
		unsigned bits = 0;
		int bytes = 3;

		for (int k = 0; k < 4; k++) {
			bits <<= 6;
			if (b[i + (size_t)k] == '=')
				bytes--;
			else
				bits |= (unsigned)digit_value(b[i + (size_t)k]);
		}
		for (int k = 0; k < bytes; k++, at++) {
			if (at == text_len || (unsigned char)text[at] !=
						  (bits >> (16 - 8 * k) & 255))
				return false;
		}
	}
	return len % 4 == 0 && at == text_len;
}

static bool
is_record(const char *line, enum content how)
{
	static const char *const names[] = {"event", "raw", "base64"};
	struct json_object *record = json_tokener_parse(line), *value;
	const char *got;
	size_t len;
	bool good = false;

	if (record != NULL &&
	    json_object_object_get_ex(record, names[how], &value)) {
		got = json_object_get_string(value);
		len = strlen(got);
		if (how == EVENT) /* as it was, not as json-c would write it */
			good = strlen(line) > text_len + 1 &&
			       memcmp(line + strlen(line) - text_len - 1, text,
				   text_len) == 0;
		else if (how == TEXT)
			good = len == text_len && memcmp(got, text, len) == 0;
		else
			good = is_base64(got, len);
	}
	json_object_put(record);
	return good;
}

static char *
read_all(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	struct stat st;
	char *data;

	must(fd >= 0 && fstat(fd, &st) == 0);
	data = calloc(1, (size_t)st.st_size + 1);
	must(data != NULL && read(fd, data, (size_t)st.st_size) == st.st_size);
	(void)close(fd);
	return data;
}

/* One line among others that are forgotten again. */
static bool
gives_back(int dir, enum content how, unsigned *seed)
{
	struct reject_reason why = {.code = "7", .text = "why \"not\""};
	struct source source = {.plain = true};
	struct line line = {.offset = 1, .number = 3};
	struct reject reject;
	struct error err;
	char *data, *end;
	bool good;

	make_text(how, seed);
	why.member = how == EVENT ? "event" : NULL;
	source.fd = memfd_create("line", MFD_CLOEXEC);
	must(source.fd >= 0 &&
	     pwrite(source.fd, text, text_len, 1) == (ssize_t)text_len);
	line.len = text_len;
	source.size = 1 + text_len;
	reject_init(&reject, dir, ".ndjson");
	for (int i = rand_r(seed) % 3; i >= 0; i--) {
		must(reject_begin(&reject, "file", "stem", 0, &err) == 0);
		must(reject_add(&reject, &source, &line, &why, &err) == 0);
	}
	must(reject_publish(&reject, &err) == 0);
	data = read_all(dir, "stem.ndjson");
	end = strchr(data, '\n');
	good = end != NULL && end[1] == '\0';
	if (good) {
		*end = '\0';
		good = is_record(data, how);
	}
	free(data);
	reject_release(&reject);
	(void)close(source.fd);
	return good;
}

int
main(void)
{
	static const char *const names[] = {"an event", "text", "bytes"};
	char path[] = "/tmp/logload-reject.XXXXXX";
	unsigned seed = 3;
	int dir;

	must(mkdtemp(path) != NULL);
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	must(dir >= 0);
	for (enum content how = EVENT; how < CONTENTS; how++) {
		struct tap_all all = {0};

		for (int i = 0; i < ROUNDS; i++) {
			bool good = gives_back(dir, how, &seed);

			tap_case(&all, good, "%s of %zu bytes", names[how],
			    text_len);
		}
		tap_all(&all, names[how]);
	}
	(void)unlinkat(dir, "stem.ndjson", 0);
	ok(rmdir(path) == 0, "nothing else is left in the directory");
	(void)close(dir);
	return tap_end();
}
