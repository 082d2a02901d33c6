/*
 * identity.c - see identity.h.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "clock.h"
#include "hash.h"
#include "identity.h"
#include "naming.h"

#define LINES (3 * KIN_LOOKS) /* of up to three ranges of names */

/* What is needed to find one. */
struct finder {
	struct identity *id;
	struct worker *w;
	struct kin *kin;
	const struct settings *s;
	struct error *err;
	uint64_t changed_us; /* the file's ctime */
	char base[PATH_MAX], unrotated[PATH_MAX];
	char numbered[PATH_MAX]; /* the front of base, up to its number */
	struct db_file lines[LINES];
	struct source_mark marks[LINES]; /* where each of them ends */
	unsigned count;
};

static enum load_verdict find_by_content(struct finder *, struct source *);
static enum load_verdict gather_lines(struct finder *);
static enum load_verdict pick_known(struct finder *, bool *picked);
static bool pick_front(struct finder *);
static enum load_verdict find_free_name(struct finder *);
static enum load_verdict find_forced(struct finder *);

/* Is it the file of that name in ready/? */
static bool
is_ready(const struct spool *spool, const struct source *s, const char *base)
{
	struct stat in_ready, ours;

	return spool != NULL && spool_name_is_loadable(base) &&
	       fstatat(spool->dir[SPOOL_READY], base, &in_ready,
		   AT_SYMLINK_NOFOLLOW) == 0 &&
	       fstat(s->fd, &ours) == 0 && in_ready.st_dev == ours.st_dev &&
	       in_ready.st_ino == ours.st_ino;
}

/* What somebody has put there gets a name of its own, as when it is followed.
 */
static int
adopt(struct finder *f, struct spool *spool)
{
	char own[SPOOL_NAME_MAX];
	int rc;

	if (spool_name_parse(f->base, NULL))
		return 0;
	rc = spool_adopt(spool, -1, f->base, own, f->err);
	if (rc == 0)
		return error_set(f->err, "somebody is writing to it");
	(void)snprintf(f->base, sizeof(f->base), "%s", own);
	return rc < 0 ? -1 : 0;
}

static enum load_verdict
find(struct finder *f, struct spool *spool, const char *path,
    struct source *source)
{
	struct identity *id = f->id;
	bool standard = strcmp(path, "-") == 0;

	id->stream = standard || !source->regular || f->s->name != NULL;
	if (f->s->name != NULL) {
		id->waits = true;
		(void)snprintf(id->name, sizeof(id->name), "%s", f->s->name);
		return f->s->force ? find_forced(f) : find_free_name(f);
	}
	if (!standard && is_ready(spool, source, f->base) &&
	    adopt(f, spool) < 0)
		return LOAD_IO;
	if (!standard && spool_name_parse(f->base, NULL)) {
		id->stream = false;
		id->spooled = spool_name_may_be_torn(f->base);
		(void)snprintf(id->name, sizeof(id->name), "%.*s",
		    SPOOL_NAME_MAX, f->base);
		return f->s->force ? find_forced(f) : LOAD_DONE;
	}
	if (id->stream) {
		naming_once(
		    id->name, sizeof(id->name), standard ? "stdin" : "pipe");
		return LOAD_DONE;
	}
	id->by_content = id->waits = true;
	return find_by_content(f, source);
}

enum load_verdict
identity_find(struct identity *id, struct worker *w, struct kin *kin,
    const struct settings *s, struct spool *spool, const char *path,
    struct source *source, struct error *err)
{
	struct finder *f = calloc(1, sizeof(*f));
	enum load_verdict verdict;

	memset(id, 0, sizeof(*id));
	if (f == NULL) {
		(void)error_errno(err, "read");
		return LOAD_IO;
	}
	*f = (struct finder){.id = id, .w = w, .kin = kin, .s = s, .err = err};
	naming_base(path, f->base);
	verdict = find(f, spool, path, source);
	id->sum.marks = NULL;
	id->sum.mark_count = 0;
	free(f);
	return verdict;
}

void
identity_load(const struct identity *id, struct load *load,
    struct loader *loader, struct source *source)
{
	char whole[LOAD_NAME_MAX + sizeof(SPOOL_SUFFIX)];

	load_init(load, loader, source, id->name, id->spooled);
	/* Else NAME and NAME.ndjson would be one in rejected/. */
	(void)snprintf(whole, sizeof(whole), "%s" SPOOL_SUFFIX, id->name);
	if (id->stream)
		naming_stem(load->stem, sizeof(load->stem), whole);
	load->sum = id->by_content ? &id->sum : NULL;
	load->front = &id->front;
	load->stream = id->stream;
	load->waits = id->waits;
}

static bool
may_ask(const struct finder *f)
{
	return f->w->loader.db != NULL;
}

/*
 * By content
 */

static enum load_verdict
find_by_content(struct finder *f, struct source *source)
{
	struct reader *r = &f->w->loader.reader;
	struct identity *id = f->id;
	enum load_verdict verdict;
	bool picked = false;
	struct stat st;

	if (fstat(source->fd, &st) < 0) {
		(void)error_errno(f->err, "stat");
		return LOAD_IO;
	}
	f->changed_us = (uint64_t)st.st_ctim.tv_sec * CLOCK_US_PER_S +
			(uint64_t)st.st_ctim.tv_nsec / 1000;
	/* An archive of many gigabytes is named for what it is at once. */
	if (source->plain && framing_find(r, source, f->err) == NULL)
		return r->unfit ? LOAD_UNFIT : LOAD_IO;
	naming_clean(f->base);
	/* Digests of others are no hash of this content. */
	for (char *p = f->base; (p = strstr(p, NAMING_HASH)) != NULL;)
		*p = '_';
	naming_unrotate(f->base, f->unrotated);
	verdict = gather_lines(f);
	if (verdict != LOAD_DONE)
		return verdict;
	id->sum.marks = f->marks;
	id->sum.mark_count = f->count;
	if (source_hash(source, "", &id->sum, f->err) < 0)
		return LOAD_IO;
	(void)snprintf(id->name, sizeof(id->name), "%.150s" NAMING_HASH "%s",
	    f->base, id->sum.all.sha256);
	if (f->s->force)
		return pick_front(f) ? LOAD_DONE : find_forced(f);
	verdict = pick_known(f, &picked);
	if (verdict == LOAD_DONE && !picked)
		verdict = find_free_name(f);
	if (verdict == LOAD_DONE && !picked)
		(void)pick_front(f);
	return verdict;
}

/* Of lines of older versions the name alone tells. */
static const char *
hash_of(const struct db_file *line)
{
	const char *hash = strstr(line->name, NAMING_HASH);

	if (line->sha256[0] != '\0' || hash == NULL)
		return line->sha256;
	return hash + strlen(NAMING_HASH);
}

static bool
is_of_content(const struct db_file *line, const char sha256[DIGEST_LEN + 1])
{
	return strncmp(hash_of(line), sha256, DIGEST_LEN) == 0 &&
	       sha256[0] != '\0';
}

/* Is it a line of that log? A --force goes on with one of its own alone. */
static bool
is_of_log(const struct finder *f, const struct db_file *line)
{
	const char *hash = strstr(line->name, NAMING_HASH);
	char base[PATH_MAX], unrotated[PATH_MAX];

	if (hash == NULL || line->bytes == 0 ||
	    (f->s->force && strstr(hash, NAMING_FORCE) == NULL))
		return false;
	(void)snprintf(
	    base, sizeof(base), "%.*s", (int)(hash - line->name), line->name);
	naming_unrotate(base, unrotated);
	return strcmp(base, f->base) == 0 ||
	       strcmp(unrotated, f->unrotated) == 0;
}

/* The lines whose names lie in that range, the newest ones. */
static enum load_verdict
gather_range(struct finder *f, struct kin *kin, const char *base,
    const char *from, const char *below)
{
	char first[LOAD_NAME_MAX + 1], last[LOAD_NAME_MAX + 1];
	struct db_search search = {
	    .from = first, .below = last, .unfinished = f->s->force};
	struct db_file lines[KIN_LOOKS];
	enum load_verdict verdict;
	unsigned count;

	(void)snprintf(first, sizeof(first), "%.200s%s", base, from);
	(void)snprintf(last, sizeof(last), "%.200s%s", base, below);
	verdict = kin_find(f->s->force ? NULL : kin, f->w, &search,
	    f->changed_us, lines, &count, f->err);
	for (unsigned i = 0; verdict == LOAD_DONE && i < count; i++) {
		if (!is_of_log(f, &lines[i]))
			continue;
		f->lines[f->count] = lines[i];
		f->marks[f->count++].bytes = lines[i].bytes;
	}
	return verdict;
}

/* With other numbers, where this one has its: behind all, or the stem. */
static enum load_verdict
gather_siblings(struct finder *f)
{
	size_t len = strlen(f->unrotated);
	const char *dot = strrchr(f->unrotated, '.');

	if (strncmp(f->base, f->unrotated, len) == 0)
		return gather_range(f, f->kin, f->unrotated, "-", "/");
	len = dot == NULL ? 0 : (size_t)(dot - f->unrotated) + 1;
	(void)snprintf(
	    f->numbered, sizeof(f->numbered), "%.*s", (int)len, f->base);
	return gather_range(f, f->kin, f->numbered, "0", ":");
}

/*
 * Of the log before it was renamed; and where it bears a number, of this one
 * and, where its number was another one, of those.
 */
static enum load_verdict
gather_lines(struct finder *f)
{
	bool rotated = strcmp(f->base, f->unrotated) != 0;
	enum load_verdict verdict = LOAD_DONE;

	if (may_ask(f))
		verdict = gather_range(
		    f, f->kin, f->unrotated, "@sha256:", "@sha256;");
	if (verdict == LOAD_DONE && rotated && may_ask(f))
		verdict =
		    gather_range(f, NULL, f->base, "@sha256:", "@sha256;");
	if (verdict == LOAD_DONE && rotated && may_ask(f))
		verdict = gather_siblings(f);
	return verdict;
}

static void
pick(struct finder *f, const struct db_file *line)
{
	(void)snprintf(f->id->name, sizeof(f->id->name), "%s", line->name);
	f->id->front.bytes = line->bytes;
	(void)snprintf(f->id->front.sha256, sizeof(f->id->front.sha256), "%s",
	    line->sha256);
}

/*
 * A line of that content, whatever its name is. Where nothing of it is left to
 * load, no transaction is needed to see that: LOAD_SKIPPED.
 */
static enum load_verdict
pick_content(struct finder *f, const struct source_mark *mark, bool *picked)
{
	struct db_search search = {.sha256 = mark->sha256};
	enum load_verdict verdict;
	struct db_file line;

	verdict = trial_search(
	    &f->w->trial, &f->w->loader, &search, 0, &line, picked, f->err);
	if (verdict != LOAD_DONE || !*picked)
		return verdict;
	pick(f, &line);
	return line.loaded && line.progress == f->id->sum.all.bytes
		   ? LOAD_SKIPPED
		   : LOAD_DONE;
}

/* All of it, but for a last line in the making. */
static enum load_verdict
pick_known(struct finder *f, bool *picked)
{
	const struct source_sum *sum = &f->id->sum;
	enum load_verdict verdict = LOAD_DONE;

	if (may_ask(f))
		verdict = pick_content(f, &sum->all, picked);
	if (verdict == LOAD_DONE && may_ask(f) && !*picked &&
	    sum->lines.bytes > 0 && sum->lines.bytes < sum->all.bytes)
		verdict = pick_content(f, &sum->lines, picked);
	return verdict;
}

/* The longest front of it that the ledger has; or false. */
static bool
pick_front(struct finder *f)
{
	const struct source_sum *sum = &f->id->sum;
	const struct db_file *best = NULL;

	for (unsigned i = 0; i < f->count; i++) {
		const struct db_file *line = &f->lines[i];

		if ((is_of_content(line, f->marks[i].sha256) ||
			is_of_content(line, sum->all.sha256)) &&
		    (best == NULL || line->bytes > best->bytes))
			best = line;
	}
	if (best != NULL)
		pick(f, best);
	return best != NULL;
}

/*
 * Names
 */

/* The line of that name may be of the same content in another table. */
static enum load_verdict
find_free_name(struct finder *f)
{
	const char *table = f->s->db.table;
	struct identity *id = f->id;
	size_t len = strlen(id->name);
	enum load_verdict verdict;
	struct db_file line;
	bool any;

	if (!may_ask(f))
		return LOAD_DONE;
	verdict = trial_find(
	    &f->w->trial, &f->w->loader, id->name, &line, &any, f->err);
	if (verdict != LOAD_DONE || !any)
		return verdict;
	if (line.table[0] == '\0' || strcmp(line.table, table) == 0)
		/* What has begun so has been found longer since. */
		return id->by_content && line.progress >= id->sum.all.bytes
			   ? LOAD_SKIPPED
			   : LOAD_DONE;
	(void)snprintf(id->name + len, sizeof(id->name) - len, "+into-%016llx",
	    (unsigned long long)hash_name(table));
	return LOAD_DONE;
}

/* The --force of it that was not finished, or a new one. */
static enum load_verdict
find_forced(struct finder *f)
{
	char from[LOAD_NAME_MAX + 1], below[LOAD_NAME_MAX + 1];
	struct db_search search = {
	    .from = from, .below = below, .unfinished = true};
	char stamp[CLOCK_COMPACT_LEN + 1];
	struct identity *id = f->id;
	size_t len = strlen(id->name);
	enum load_verdict verdict = LOAD_DONE;
	struct db_file line;
	bool found = false;

	(void)snprintf(from, sizeof(from), "%.220s" NAMING_FORCE, id->name);
	(void)snprintf(below, sizeof(below), "%.220s+force.", id->name);
	if (may_ask(f) && !f->id->by_content)
		verdict = trial_search(&f->w->trial, &f->w->loader, &search, 0,
		    &line, &found, f->err);
	if (verdict != LOAD_DONE)
		return verdict;
	if (found) {
		pick(f, &line);
		return LOAD_DONE;
	}
	clock_compact(clock_wall_us(), stamp);
	(void)snprintf(
	    id->name + len, sizeof(id->name) - len, NAMING_FORCE "%s", stamp);
	return LOAD_DONE;
}
