/*
 * retry.c - see retry.h.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"
#include "naming.h"
#include "retry.h"

#define MARK "@retry-"
#define KEPT "@retried-" /* in the name of one that lies in loaded/ */
#define DIGITS 32        /* of the hash, in a name */
#define STEM_MOST 120    /* so that all of a name fits, see spool.h */

static enum retry_state open_file(struct retry *, bool lock, struct error *);
static enum retry_state read_head(struct retry *, struct error *);
static bool is_replaced(const struct retry *);
static void find_basis(struct retry *, uint64_t offset);

enum retry_state
retry_open(struct retry *r, const char *path, bool lock, struct error *err)
{
	const char *slash = strrchr(path, '/');
	size_t len = slash == NULL ? 0 : (size_t)(slash - path) + 1;
	const char *base = path + len;
	char dir[PATH_MAX] = ".";
	enum retry_state state;

	memset(r, 0, sizeof(*r));
	r->source.fd = -1;
	if (slash != NULL)
		(void)snprintf(dir, sizeof(dir), "%.*s", (int)len, path);
	r->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r->dir < 0) {
		(void)error_errno(err, "open");
		return RETRY_FAILED;
	}
	(void)snprintf(r->base, sizeof(r->base), "%s", base);
	state = open_file(r, lock, err);
	return state == RETRY_READY ? read_head(r, err) : state;
}

void
retry_close(struct retry *r)
{
	source_close(&r->source); /* lets the lock go */
	if (r->dir >= 0)
		(void)close(r->dir); /* only read from */
}

static enum retry_state
open_file(struct retry *r, bool lock, struct error *err)
{
	int fd = openat(
	    r->dir, r->base, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0) {
		enum retry_state state =
		    errno == ENOENT ? RETRY_GONE : RETRY_FAILED;

		(void)error_errno(err, "open");
		return state;
	}
	if (lock && flock(fd, LOCK_EX | LOCK_NB) < 0) {
		(void)error_set(err, "another process is at it");
		(void)close(fd); /* only read from */
		return RETRY_LATER;
	}
	if (source_open(&r->source, fd, -1, err) < 0)
		return RETRY_FAILED;
	if (lock && is_replaced(r)) {
		(void)error_set(err, "it has gone, or was replaced");
		return RETRY_GONE;
	}
	if (!r->source.plain) {
		(void)error_set(err, "it is compressed, or no regular file");
		return RETRY_FAILED;
	}
	return RETRY_READY;
}

/* Whose events it has, as the first record tells. */
static enum retry_state
read_head(struct retry *r, struct error *err)
{
	struct event_record first;
	char head[EVENT_HEAD_MAX];
	ssize_t n;
	long len;

	do {
		n = pread(r->source.fd, head, sizeof(head), 0);
	} while (n < 0 && errno == EINTR);
	if (n < 0) {
		(void)error_errno(err, "read");
		return RETRY_FAILED;
	}
	if (!event_record_parse(&first, head, (size_t)n) ||
	    first.file.len >= sizeof(r->origin_text) ||
	    (len = json_string_decode(first.file, r->origin, LOAD_NAME_MAX)) <
		1 ||
	    memchr(r->origin, '\0', (size_t)len) != NULL) {
		(void)error_set(err, "it has no records of rejected events");
		return RETRY_FAILED;
	}
	r->origin[len] = '\0';
	memcpy(r->origin_text, first.file.p, first.file.len);
	r->origin_text[first.file.len] = '\0';
	find_basis(r, first.offset);
	return RETRY_READY;
}

/* Before it was locked: see reject_publish. */
static bool
is_replaced(const struct retry *r)
{
	struct stat named, opened;

	return fstat(r->source.fd, &opened) < 0 ||
	       fstatat(r->dir, r->base, &named, AT_SYMLINK_NOFOLLOW) < 0 ||
	       named.st_ino != opened.st_ino || named.st_dev != opened.st_dev;
}

/*
 * Names
 */

/*
 * Where MARK stands in the name of a file that a retry has written, and the
 * offset of its chunk; or NULL.
 */
static const char *
find_mark(const char *base, uint64_t *offset)
{
	const char *mark = NULL, *p = base;
	char *end;

	while ((p = strstr(p, MARK)) != NULL)
		mark = p++;
	if (mark == NULL)
		return NULL;
	p = mark + strlen(MARK);
	if (strspn(p, "0123456789abcdef") != DIGITS)
		return NULL;
	p += DIGITS;
	*offset = 0;
	if (p[0] == '+' && p[1] >= '0' && p[1] <= '9') {
		*offset = strtoull(p + 1, &end, 10);
		p = end;
	}
	return strcmp(p, SPOOL_SUFFIX) == 0 ? mark : NULL;
}

/* Records lie within their chunk, and the ledger's progress at its end. */
static void
find_basis(struct retry *r, uint64_t offset)
{
	const char *mark = find_mark(r->base, &r->offset);

	if (mark != NULL) {
		(void)snprintf(r->basis, sizeof(r->basis), "%.*s",
		    (int)(mark - r->base) + (int)strlen(MARK) + DIGITS,
		    r->base);
		return;
	}
	memcpy(r->basis, r->origin, sizeof(r->basis));
	r->offset = offset;
}

/* The name without what a retry has added, as the ledger can hold it. */
static void
make_stem(char *stem, size_t size, const char *base)
{
	char clean[NAME_MAX + 1];
	uint64_t offset;
	const char *mark = find_mark(base, &offset);

	(void)snprintf(clean, sizeof(clean), "%.*s",
	    mark == NULL ? NAME_MAX : (int)(mark - base), base);
	for (char *p = clean; *p != '\0'; p++) {
		if (*p < ' ' || *p > '~' || *p == ':')
			*p = '_';
	}
	naming_stem(stem, size, clean);
}

int
retry_name(struct retry *r, struct error *err)
{
	char stem[SPOOL_NAME_MAX];
	struct source_sum sum = {0};

	/*
	 * The content, so that a file that is written anew is not taken for
	 * the old one: each record tells its instant. And the name, so that
	 * a file is not taken for the one that it was loaded from.
	 */
	if (source_hash(&r->source, r->base, &sum, err) < 0)
		return -1;
	make_stem(stem, sizeof(stem), r->base);
	(void)snprintf(r->name, sizeof(r->name), "%.*s" MARK "%.*s", STEM_MOST,
	    stem, DIGITS, sum.all.sha256);
	return 0;
}

void
retry_load(struct retry *r, struct load *load, struct loader *loader)
{
	loader->reject.dir = r->dir;
	loader->reject.suffix = SPOOL_SUFFIX;
	load_init(load, loader, &r->source, r->name, false);
	/* A hash takes the place of the last one, see find_mark. */
	(void)snprintf(load->stem, sizeof(load->stem), "%.*s",
	    SPOOL_NAME_MAX - 1, r->name);
	load->framing = &framing_lines;
	load->rules.origin = r->origin;
	load->rules.origin_id = r->origin_id;
	load->rules.origin_text.p = r->origin_text;
	load->rules.origin_text.len = strlen(r->origin_text);
}

/* A directory of the spool that it lies in, which the caller owns, or -1. */
static int
open_beside(const struct retry *r, const char *dir)
{
	struct stat named, opened;

	if (fstatat(r->dir, "../rejected", &named, AT_SYMLINK_NOFOLLOW) < 0 ||
	    fstat(r->dir, &opened) < 0 || named.st_ino != opened.st_ino ||
	    named.st_dev != opened.st_dev)
		return -1;
	return openat(
	    r->dir, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

/* Is there a loadable name in that directory for which `match` is true? */
typedef bool match(void *context, const char *name);

static bool
find_name(int dir, match *is, void *context)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *e = NULL;

	if (d == NULL) {
		if (fd >= 0)
			(void)close(fd); /* only read from */
		return false;
	}
	while ((e = readdir(d)) != NULL) {
		if (spool_name_is_loadable(e->d_name) && is(context, e->d_name))
			break;
	}
	(void)closedir(d); /* only read from */
	return e != NULL;
}

/* Is the file beside it loaded as its basis? */
static bool
is_basis(void *context, const char *name)
{
	struct retry *r = context;
	struct retry other = {.dir = r->dir, .source.fd = -1};
	char stem[SPOOL_NAME_MAX];
	struct error err;
	size_t len;
	bool is;

	make_stem(stem, sizeof(stem), name);
	len = strnlen(stem, STEM_MOST);
	if (strncmp(r->basis, stem, len) != 0 ||
	    strlen(r->basis) != len + strlen(MARK) + DIGITS ||
	    strcmp(r->base, name) == 0)
		return false;
	(void)snprintf(other.base, sizeof(other.base), "%s", name);
	is = open_file(&other, false, &err) == RETRY_READY &&
	     retry_name(&other, &err) == 0 && strcmp(other.name, r->basis) == 0;
	source_close(&other.source);
	return is;
}

/* Was the file of loaded/? */
static bool
was_basis(void *context, const char *name)
{
	struct retry *r = context;
	char base[SPOOL_NAME_MAX], ledger[LOAD_NAME_MAX + 1];

	return retry_find_kept(name, base, ledger) &&
	       strcmp(ledger, r->basis) == 0;
}

/* Is what it was read from where it is loaded from? */
static bool
comes_again(struct retry *r)
{
	bool first = strcmp(r->basis, r->origin) == 0, is;
	int ready = open_beside(r, "../ready");

	is = first ? ready >= 0 && spool_name_is_loadable(r->origin) &&
			 faccessat(
			     ready, r->origin, F_OK, AT_SYMLINK_NOFOLLOW) == 0
		   : find_name(r->dir, is_basis, r);
	if (ready >= 0)
		(void)close(ready); /* only read from */
	return is;
}

/* Is it in loaded/, from where it goes back, if it was forgotten? */
static bool
is_kept(struct retry *r)
{
	int loaded = open_beside(r, "../loaded");
	bool is = loaded >= 0 && find_name(loaded, was_basis, r);

	if (loaded >= 0)
		(void)close(loaded); /* only read from */
	return is;
}

enum retry_state
retry_wait(struct retry *r, const struct db_file *known, struct error *err)
{
	bool begun = known != NULL && strcmp(r->basis, r->origin) == 0;

	if (known != NULL && known->progress > r->offset)
		return RETRY_READY;
	if (!begun && !comes_again(r) && !is_kept(r))
		return RETRY_READY;
	(void)error_set(err,
	    "its part of %s is not committed yet, and will be loaded again",
	    r->basis);
	return RETRY_LATER;
}

int
retry_remove(struct retry *r, bool keep, struct error *err)
{
	const char *hash = strrchr(r->name, '-') + 1;
	int loaded = keep ? open_beside(r, "../loaded") : -1, dir = r->dir,
	    rc = -1;
	char name[NAME_MAX + sizeof(KEPT) + DIGITS];
	size_t stem = strlen(r->base);

	(void)naming_cut(r->base, &stem, SPOOL_SUFFIX);
	(void)snprintf(name, sizeof(name), "%.*s" KEPT "%s" SPOOL_SUFFIX,
	    (int)stem, r->base, hash);
	if (loaded >= 0 && spool_name_is_loadable(name) &&
	    renameat(r->dir, r->base, loaded, name) == 0)
		dir = loaded;
	else if (unlinkat(r->dir, r->base, 0) < 0 && errno != ENOENT)
		dir = -1;
	/* The new name's directory: a rename is whole or not at all. */
	if (dir < 0)
		(void)error_errno(err, "remove %s", r->base);
	else if (fsync(dir) < 0)
		(void)error_errno(err, "sync the directory of %s", r->base);
	else
		rc = 0;
	if (loaded >= 0)
		(void)close(loaded); /* only read from */
	return rc;
}

bool
retry_find_kept(
    const char *name, char base[SPOOL_NAME_MAX], char ledger[LOAD_NAME_MAX + 1])
{
	const char *mark = strstr(name, KEPT), *hash;
	char stem[SPOOL_NAME_MAX];

	if (mark == NULL)
		return false;
	hash = mark + strlen(KEPT);
	if (strspn(hash, "0123456789abcdef") != DIGITS ||
	    strcmp(hash + DIGITS, SPOOL_SUFFIX) != 0)
		return false;
	(void)snprintf(base, SPOOL_NAME_MAX, "%.*s" SPOOL_SUFFIX,
	    (int)(mark - name), name);
	make_stem(stem, sizeof(stem), base);
	(void)snprintf(ledger, LOAD_NAME_MAX + 1, "%.*s" MARK "%.*s", STEM_MOST,
	    stem, DIGITS, hash);
	return true;
}

/* What came of a load. */
struct trail {
	char stem[LOAD_NAME_MAX + 1];
	const char *origin; /* whose events it must have, or NULL */
};

struct trails {
	int dir;
	struct trail *all;
	unsigned count;
	bool dropped; /* some of it */
};

static bool
is_of(const struct trail *t, const char *name)
{
	size_t len = strlen(t->stem);

	return strncmp(name, t->stem, len) == 0 &&
	       strchr(".+@", name[len]) != NULL;
}

static void
drop_one(struct trails *t, const char *origin, const char *name)
{
	struct retry r = {.dir = t->dir, .source.fd = -1};
	struct error err;

	(void)snprintf(r.base, sizeof(r.base), "%s", name);
	if (open_file(&r, true, &err) == RETRY_READY &&
	    read_head(&r, &err) == RETRY_READY &&
	    (origin == NULL || strcmp(origin, r.origin) == 0) &&
	    unlinkat(t->dir, name, 0) == 0) {
		log_info("removed, since all of it comes again: file=%s", name);
		t->dropped = true;
	}
	source_close(&r.source);
}

static bool
drop(void *context, const char *name)
{
	struct trails *t = context;

	for (unsigned i = 0; i < t->count; i++) {
		if (is_of(&t->all[i], name))
			drop_one(t, t->all[i].origin, name);
	}
	return false;
}

static void
drop_trails(struct trails *t)
{
	(void)find_name(t->dir, drop, t);
	if (t->dropped && fsync(t->dir) < 0)
		log_warn("sync the directory of records: %s", strerror(errno));
}

void
retry_undo(struct retry *r)
{
	struct trail of = {.origin = NULL};
	struct trails t = {.dir = r->dir, .all = &of, .count = 1};

	memcpy(of.stem, r->name, sizeof(of.stem));
	drop_trails(&t);
	if (comes_again(r) && unlinkat(r->dir, r->base, 0) < 0)
		log_warn("remove %s: %s", r->base, strerror(errno));
}

void
retry_drop(struct spool *spool, const char *const *kept, unsigned count)
{
	struct trails t = {.dir = spool->dir[SPOOL_REJECTED],
	    .all = calloc(count + 1, sizeof(*t.all)),
	    .count = count};
	char base[SPOOL_NAME_MAX];

	if (t.all == NULL) {
		log_warn("remove records that come again: out of memory");
		return;
	}
	for (unsigned i = 0; i < count; i++) {
		struct trail *of = &t.all[i];

		if (retry_find_kept(kept[i], base, of->stem))
			continue;
		naming_stem(of->stem, sizeof(of->stem), kept[i]);
		of->origin = kept[i];
	}
	drop_trails(&t);
	free(t.all);
}

int
retry_list(struct spool *spool, char ***paths, size_t *count, struct error *err)
{
	struct spool_list list = {0};
	int rc;

	*paths = NULL;
	*count = 0;
	/* All at once: what is refused again must not be met in the same run.
	 */
	rc = spool_scan(spool, SPOOL_REJECTED, NULL, SIZE_MAX, &list, err);
	if (rc == 0 && list.aliens > 0)
		log_warn("left alone in rejected/: entries=%llu that are no "
			 "regular file named *%s in printable ASCII",
		    (unsigned long long)list.aliens, SPOOL_SUFFIX);
	if (rc == 0)
		*paths = calloc(list.count + 1, sizeof(**paths));
	for (; *paths != NULL && *count < list.count; (*count)++) {
		if (asprintf(&(*paths)[*count], "%s/rejected/%s", spool->path,
			list.files[*count].name) < 0)
			break;
	}
	if (rc == 0 && (*paths == NULL || *count < list.count))
		rc = error_set(err, "list rejected/: out of memory");
	spool_list_release(&list);
	return rc;
}
