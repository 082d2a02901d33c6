/*
 * rejected.c - see rejected.h.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "json.h"
#include "rejected.h"

#define FILES_MOST 4
#define RECORDS_MOST 20
#define TAIL_MOST (128 << 10) /* bytes of a file */
#define TAIL_LARGE (8 << 20)  /* where no record is whole in those */
#define VALUE_MOST 400        /* bytes of a value */
/* A large directory takes long to list: at most this share of the time goes. */
#define LIST_SHARE 20
#define TICK_S 2 /* of the clock that stamps files; enough for any */

static const char *const members[] = {
    "file", "line", "code", "text", "rejected_at", "event", "raw", "base64"};

#define MEMBERS (sizeof(members) / sizeof(members[0]))

struct youngest {
	struct spool_file files[FILES_MOST]; /* the youngest first */
	size_t count;
};

static int
keep_youngest(void *context, const struct spool_file *file)
{
	struct youngest *y = context;
	size_t at = y->count;

	while (at > 0 && y->files[at - 1].moved_us < file->moved_us)
		at--;
	if (at == FILES_MOST)
		return 0;
	if (y->count < FILES_MOST)
		y->count++;
	memmove(&y->files[at + 1], &y->files[at],
	    (y->count - at - 1) * sizeof(y->files[0]));
	y->files[at] = *file;
	return 0;
}

/* A value, or the beginning of its text. */
static int
put_value(struct buf *out, const char *name, struct json_text value)
{
	char text[6 * VALUE_MOST + 2];
	const char *before = out->data[out->len - 1] == '{' ? "" : ",";
	size_t len;

	if (buf_printf(out, "%s\"%s\":", before, name) < 0)
		return -1;
	if (value.len <= VALUE_MOST)
		return buf_append(out, value.p, value.len);
	len = json_string_encode(value.p, VALUE_MOST, text);
	return buf_append(out, text, len);
}

/* A line that is no record is passed over. 1: it is one; -1: ENOMEM. */
static int
put_record(struct buf *out, const char *line, const char *end)
{
	struct json_text found[MEMBERS] = {{NULL, 0}};
	struct json_member m;
	struct json_error err;
	const char *p = line;
	int rc;

	if (p == end || *p != '{')
		return 0;
	while (
	    (rc = json_check_member(&p, end, JSON_DEPTH_MOST, &m, &err)) == 1) {
		for (size_t i = 0; i < MEMBERS; i++) {
			if (json_name_is(&m, members[i], strlen(members[i])))
				found[i] = m.value;
		}
	}
	if (rc < 0 || json_skip_space(p, end) != end)
		return 0;
	if (buf_printf(out, "%s{", out->len > 1 ? "," : "") < 0)
		return -1;
	for (size_t i = 0; i < MEMBERS; i++) {
		if (found[i].p != NULL &&
		    put_value(out, members[i], found[i]) < 0)
			return -1;
	}
	return buf_append(out, "}", 1) < 0 ? -1 : 1;
}

/*
 * Appends the last records of a file, the last one first, of those that are
 * whole in as many bytes as `tail` has. How many, or -1.
 */
static int
put_file(struct buf *out, int dir, const char *name, char *tail, off_t size,
    int most)
{
	const char *begin = tail, *end, *line;
	int fd, count = 0, rc = 0;
	struct stat st;
	ssize_t n = 0;
	off_t from;

	fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return 0; /* gone meanwhile */
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
		from = st.st_size > size ? st.st_size - size : 0;
		n = pread(fd, tail, (size_t)size, from);
		/* It begins within a line, which is passed over. */
		if (n > 0 && from > 0) {
			begin = memchr(tail, '\n', (size_t)n);
			begin = begin == NULL ? tail + n : begin + 1;
		}
	}
	(void)close(fd); /* only read from */
	for (end = tail + (n > 0 ? n : 0); end > begin && count < most;
	     end = line) {
		line = memrchr(begin, '\n', (size_t)(end - 1 - begin));
		line = line == NULL ? begin : line + 1;
		rc = put_record(out, line, end[-1] == '\n' ? end - 1 : end);
		if (rc < 0)
			return -1;
		count += rc;
	}
	return count;
}

static int
put_files(struct buf *out, int dir, const struct youngest *y)
{
	char *tail = malloc(TAIL_LARGE); /* seldom touched behind TAIL_MOST */
	int count = 0, rc = tail == NULL ? -1 : buf_append(out, "[", 1);

	for (size_t i = 0; i < y->count && rc >= 0 && count < RECORDS_MOST;
	     i++) {
		const char *name = y->files[i].name;
		int most = RECORDS_MOST - count;

		rc = put_file(out, dir, name, tail, TAIL_MOST, most);
		if (rc == 0 && y->files[i].bytes > TAIL_MOST)
			rc = put_file(out, dir, name, tail, TAIL_LARGE, most);
		count += rc;
	}
	free(tail);
	return rc < 0 ? -1 : buf_append(out, "]", 1);
}

void
rejected_refresh(struct rejected *r, struct spool *spool)
{
	uint64_t began_ns = clock_monotonic_ns(), aliens;
	int dir = spool->dir[SPOOL_REJECTED];
	struct youngest y = {.count = 0};
	struct error err;
	struct stat st;

	/* Whatever comes or goes changes the directory's time, but not twice in
	 * one tick of the clock. */
	if (began_ns < r->next_ns || fstat(dir, &st) < 0 ||
	    (st.st_mtim.tv_sec == r->changed.tv_sec &&
		st.st_mtim.tv_nsec == r->changed.tv_nsec))
		return;
	r->json.len = 0;
	if (spool_walk(
		spool, SPOOL_REJECTED, keep_youngest, &y, &aliens, &err) < 0 ||
	    put_files(&r->json, dir, &y) < 0)
		r->json.len = 0; /* once more, next time */
	else if (clock_wall_us() >
		 (uint64_t)(st.st_mtim.tv_sec + TICK_S) * CLOCK_US_PER_S)
		r->changed = st.st_mtim;
	r->next_ns = began_ns + (clock_monotonic_ns() - began_ns) * LIST_SHARE;
}

void
rejected_release(struct rejected *r)
{
	buf_release(&r->json);
}
