/*
 * fetch.c - see fetch.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "clock.h"
#include "fetch.h"
#include "log.h"

/* What could not be fetched, or is another's, is looked at again after this. */
#define RETRY_NS (5 * CLOCK_NS_PER_S)
/* A seal alone stays so long. */
#define SEAL_US (30 * 86400 * CLOCK_US_PER_S)

enum {
	STAT_FILES,
	STAT_BYTES,
	STAT_SEALED,
	STAT_TAKEN_OVER,
	STAT_ERRORS,
	STAT_WAITING,
	STAT_HELD,
	STAT_UP,
	STATS
};

struct metric fetch_stats[STATS + 1] = {
    [STAT_FILES] = METRIC_COUNTER(
	"logfetch_files_fetched_total", "Files brought into ready/."),
    [STAT_BYTES] = METRIC_COUNTER(
	"logfetch_bytes_fetched_total", "Bytes brought into ready/."),
    [STAT_SEALED] = METRIC_COUNTER("logfetch_orphans_sealed_total",
	"Files sealed here, since nobody wrote to them any more."),
    [STAT_TAKEN_OVER] = METRIC_COUNTER("logfetch_taken_over_total",
	"Files taken over from fetchers that do not answer."),
    [STAT_ERRORS] = METRIC_COUNTER("logfetch_errors_total",
	"Calls of the stream that failed, or were in doubt."),
    [STAT_WAITING] = METRIC_GAUGE(
	"logfetch_stream_files", "Files in the stream, at the last look."),
    [STAT_HELD] = METRIC_GAUGE("logfetch_held_files",
	"Files that are in ready/ here, and in the stream until they have "
	"left it."),
    [STAT_UP] = METRIC_GAUGE(
	"logfetch_stream_up", "1 if the stream answered last, else 0."),
};

/* HOST-SPOOL: the same when it is started anew. */
static int
name_self(struct fetch *f, struct error *err)
{
	char host[HOST_NAME_MAX + 1] = "";
	struct stat st;

	(void)gethostname(host, sizeof(host) - 1); /* or "" */
	if (fstat(f->service.spool.dir[SPOOL_READY], &st) < 0)
		return error_errno(err, "look at %s", f->service.spool.path);
	(void)snprintf(f->id, sizeof(f->id), "%.40s-%llx-%llx", host,
	    (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
	jetstream_live_as(f->stream, f->id);
	return 0;
}

int
fetch_init(struct fetch *f, struct error *err)
{
	f->stream = jetstream_new(&f->settings->stream);
	if (f->stream == NULL)
		return error_set(err, "out of memory");
	if (name_self(f, err) < 0) {
		jetstream_free(f->stream);
		return -1;
	}
	spool_draft_sweep(f->service.spool.dir[SPOOL_READY]);
	return 0;
}

void
fetch_release(struct fetch *f)
{
	jetstream_free(f->stream);
	free(f->table.files);
	free(f->before.files);
}

/* EX_OK: it will come right by itself, or is told. */
static int
heard(struct fetch *f, enum jetstream_verdict verdict, const struct error *err)
{
	metric_set(&fetch_stats[STAT_UP], verdict == JETSTREAM_DONE);
	if (verdict == JETSTREAM_DONE) {
		if (f->away)
			log_info("the stream answers again");
		f->opened = true;
		f->away = false;
		return EX_OK;
	}
	f->left = true;
	metric_add(&fetch_stats[STAT_ERRORS], 1);
	if (verdict == JETSTREAM_WRONG && !f->opened)
		log_error("%s", err->text);
	else if (!f->away)
		log_warn("the stream does not answer: %s", err->text);
	f->away = true;
	return verdict == JETSTREAM_WRONG && !f->opened ? EX_CONFIG : EX_OK;
}

/*
 * The table of files
 */

static void
add_file(void *context, const char *name, uint64_t messages)
{
	struct table *t = context;

	if (t->count == t->cap) {
		size_t cap = t->cap == 0 ? 64 : 2 * t->cap;
		struct seen *files = realloc(t->files, cap * sizeof(*files));

		if (files == NULL) {
			t->failed = true;
			return;
		}
		t->files = files;
		t->cap = cap;
	}
	memset(&t->files[t->count], 0, sizeof(*t->files));
	(void)snprintf(t->files[t->count].name, SPOOL_NAME_MAX, "%s", name);
	t->files[t->count++].messages = messages;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(
	    ((const struct seen *)a)->name, ((const struct seen *)b)->name);
}

/* A file that is claimed was listed twice, its claim without messages. */
static void
drop_second_names(struct table *t)
{
	size_t kept = 0;

	for (size_t i = 0; i < t->count; i++) {
		if (kept == 0 ||
		    by_name(&t->files[kept - 1], &t->files[i]) != 0)
			t->files[kept++] = t->files[i];
		else
			t->files[kept - 1].messages += t->files[i].messages;
	}
	t->count = kept;
}

/* Lists them anew, and keeps what is known of each. */
static enum jetstream_verdict
list_files(struct fetch *f, struct error *err)
{
	struct table old = f->table;
	enum jetstream_verdict verdict;
	size_t o = 0;

	f->table = f->before;
	f->before = old;
	f->table.count = 0;
	f->table.failed = false;
	verdict = jetstream_list(f->stream, add_file, &f->table, err);
	if (verdict == JETSTREAM_DONE && f->table.failed) {
		(void)error_set(err, "out of memory");
		verdict = JETSTREAM_AWAY;
	}
	if (verdict != JETSTREAM_DONE) {
		f->before = f->table; /* what is known stays */
		f->table = old;
		return verdict;
	}
	if (f->table.count > 0)
		qsort(f->table.files, f->table.count, sizeof(*f->table.files),
		    by_name);
	drop_second_names(&f->table);
	for (size_t i = 0; i < f->table.count; i++) {
		struct seen *file = &f->table.files[i];
		uint64_t messages = file->messages;

		while (
		    o < old.count && strcmp(old.files[o].name, file->name) < 0)
			o++;
		if (o < old.count && strcmp(old.files[o].name, file->name) == 0)
			*file = old.files[o];
		file->messages = messages;
	}
	metric_set(&fetch_stats[STAT_WAITING], (int64_t)f->table.count);
	return JETSTREAM_DONE;
}

/*
 * Other fetchers
 */

static struct holder *
find_holder(struct fetch *f, const char *id)
{
	struct holder *h = f->holders;

	for (; h < f->holders + f->holder_count; h++) {
		if (strcmp(h->id, id) == 0)
			return h;
	}
	if (f->holder_count < HOLDERS_MAX) {
		f->holder_count++;
	} else {
		h = f->holders; /* one that holds nothing now, or the last */
		while (h->asked && h < f->holders + HOLDERS_MAX - 1)
			h++;
	}
	memset(h, 0, sizeof(*h));
	(void)snprintf(h->id, sizeof(h->id), "%s", id);
	return h;
}

/* Has that one been silent for long? */
static enum jetstream_verdict
is_dead(struct fetch *f, const char *id, bool *dead, struct error *err)
{
	struct holder *h = find_holder(f, id);
	uint64_t now = clock_monotonic_ns();
	bool alive;

	if (!h->asked) {
		enum jetstream_verdict verdict =
		    jetstream_is_alive(f->stream, id, &alive, err);

		if (verdict != JETSTREAM_DONE)
			return verdict;
		h->asked = true;
		if (alive)
			h->silent_ns = 0;
		else if (h->silent_ns == 0)
			h->silent_ns = now;
	}
	*dead =
	    h->silent_ns != 0 && now - h->silent_ns >= f->settings->orphan_ns;
	return JETSTREAM_DONE;
}

/* *ours: it is to be fetched here. */
static enum jetstream_verdict
claim(struct fetch *f, const char *name, bool *ours, struct error *err)
{
	struct jetstream_claim c;
	enum jetstream_verdict verdict =
	    jetstream_look_claim(f->stream, name, &c, err);
	char from[JETSTREAM_ID_MAX];
	bool dead = true;

	*ours = verdict == JETSTREAM_DONE && strcmp(c.id, f->id) == 0;
	if (verdict != JETSTREAM_DONE || *ours)
		return verdict;
	if (c.id[0] != '\0')
		verdict = is_dead(f, c.id, &dead, err);
	if (verdict != JETSTREAM_DONE || !dead)
		return verdict;
	memcpy(from, c.id, sizeof(from));
	verdict = jetstream_claim(f->stream, name, &c, f->id, err);
	if (verdict == JETSTREAM_RACED)
		return JETSTREAM_DONE;
	/*
	 * A full stream takes no claim, and is full until what it has was
	 * fetched. Without one, another may fetch it too, which is harmless.
	 */
	if (verdict == JETSTREAM_AWAY && err->code != 0)
		verdict = JETSTREAM_DONE;
	*ours = verdict == JETSTREAM_DONE;
	if (*ours && from[0] != '\0') {
		log_warn("takes over file=%s from=%s", name, from);
		metric_add(&fetch_stats[STAT_TAKEN_OVER], 1);
	}
	return verdict;
}

/*
 * Files
 */

static bool
is_in(struct fetch *f, enum spool_place place, const char *name)
{
	struct stat st;

	return fstatat(f->service.spool.dir[place], name, &st,
		   AT_SYMLINK_NOFOLLOW) == 0;
}

/* Was it loaded? Not where the spool has gone, or does not answer. */
static bool
has_left(struct fetch *f, const char *name)
{
	return !is_in(f, SPOOL_READY, name) && errno == ENOENT &&
	       spool_is_current(&f->service.spool);
}

static int
take_piece(void *draft, const void *piece, size_t len, struct error *err)
{
	return spool_draft_write(draft, piece, len, err);
}

/* Into ready/, durably. */
static enum jetstream_verdict
bring(struct fetch *f, const struct jetstream_file *file, struct error *err)
{
	struct spool_draft draft = SPOOL_DRAFT_INIT;
	enum jetstream_verdict verdict;

	if (spool_draft_open(
		&draft, f->service.spool.dir[SPOOL_READY], file->name, err) < 0)
		return JETSTREAM_BROKEN;
	verdict = jetstream_read(f->stream, file, take_piece, &draft, err);
	if (verdict != JETSTREAM_DONE) {
		spool_draft_discard(&draft);
		return verdict;
	}
	if (spool_draft_publish(&draft, true, err) < 0)
		return JETSTREAM_BROKEN;
	f->ready_bytes += file->bytes;
	metric_add(&fetch_stats[STAT_FILES], 1);
	metric_add(&fetch_stats[STAT_BYTES], file->bytes);
	log_debug("fetched file=%s bytes=%llu", file->name,
	    (unsigned long long)file->bytes);
	return JETSTREAM_DONE;
}

/*
 * Seals it, if it was the same for long. What somebody has named is no file of
 * lines, perhaps, and cannot be cut anywhere: its shipper alone seals it.
 */
static enum jetstream_verdict
watch_open(struct fetch *f, struct seen *seen, struct jetstream_file *file,
    struct error *err)
{
	uint64_t now = clock_monotonic_ns();
	enum jetstream_verdict verdict;

	if (seen->sequence != file->sequence || seen->since_ns == 0) {
		seen->sequence = file->sequence;
		seen->since_ns = now;
	}
	if (now - seen->since_ns < f->settings->orphan_ns ||
	    !spool_name_may_be_torn(file->name))
		return JETSTREAM_DONE;
	file->orphan = true;
	verdict = jetstream_seal(f->stream, file, err);
	if (verdict == JETSTREAM_RACED)
		return JETSTREAM_DONE; /* its writer lives, or it is done */
	if (verdict == JETSTREAM_AWAY && err->code != 0)
		return JETSTREAM_BROKEN; /* the stream is full: others first */
	if (verdict != JETSTREAM_DONE)
		return verdict;
	seen->sealed = seen->orphan = true;
	metric_add(&fetch_stats[STAT_SEALED], 1);
	log_warn("sealed, since nobody writes to it: file=%s bytes=%llu",
	    file->name, (unsigned long long)file->bytes);
	return JETSTREAM_DONE;
}

static enum jetstream_verdict
fetch_sealed(struct fetch *f, struct seen *seen, struct jetstream_file *file,
    struct error *err)
{
	enum jetstream_verdict verdict = claim(f, seen->name, &seen->ours, err);

	if (verdict == JETSTREAM_DONE && !seen->ours) /* another's */
		seen->again_ns = clock_monotonic_ns() + RETRY_NS;
	if (verdict != JETSTREAM_DONE || !seen->ours)
		return verdict;
	/* From before: then it is there whole, and is forgotten in its time. */
	if (is_in(f, SPOOL_READY, seen->name) ||
	    is_in(f, SPOOL_LOADED, seen->name))
		return JETSTREAM_DONE;
	/* It may have been forgotten before it was claimed. */
	verdict = jetstream_look(f->stream, file, err);
	if (verdict == JETSTREAM_DONE && file->sequence > 0)
		verdict = bring(f, file, err);
	seen->ours = verdict == JETSTREAM_DONE && file->sequence > 0;
	if (verdict == JETSTREAM_BROKEN) {
		struct error ignored;

		/* Others may be able to. If this fails, it stays ours. */
		(void)jetstream_unclaim(f->stream, seen->name, &ignored);
		if (spool_is_full(err->code)) /* no other one fits, either */
			f->ready_bytes = f->settings->ready_limit;
	}
	return verdict;
}

/* Is there no room in ready/ for this one? */
static bool
is_full(struct fetch *f, const struct seen *seen)
{
	return f->ready_bytes >= f->settings->ready_limit &&
	       !is_in(f, SPOOL_READY, seen->name);
}

/*
 * It was loaded. Of one whose writer did not seal it, the seal stays: else a
 * shipper that comes back would send it anew, longer than the ledger has it.
 */
static enum jetstream_verdict
forget(struct fetch *f, struct seen *seen, struct error *err)
{
	enum jetstream_verdict verdict =
	    seen->orphan ? jetstream_leave_seal(f->stream, seen->name, err)
			 : jetstream_forget(f->stream, seen->name, err);

	seen->ours = verdict != JETSTREAM_DONE;
	return verdict;
}

/* Was it loaded, so that only its seal is there? */
static bool
is_seal_alone(const struct seen *seen)
{
	return seen->sealed && seen->orphan && seen->messages == 1;
}

/* Does what is next for a file. */
static enum jetstream_verdict
tend(struct fetch *f, struct seen *seen, struct error *err)
{
	struct jetstream_file file;
	enum jetstream_verdict verdict;

	if (seen->ours)
		return has_left(f, seen->name) ? forget(f, seen, err)
					       : JETSTREAM_DONE;
	if (is_seal_alone(seen))
		return clock_wall_us() < seen->stored_us + SEAL_US
			   ? JETSTREAM_DONE
			   : jetstream_forget(f->stream, seen->name, err);
	if (seen->sealed && is_full(f, seen)) {
		f->left = true;
		return JETSTREAM_DONE;
	}
	(void)snprintf(file.name, sizeof(file.name), "%s", seen->name);
	verdict = jetstream_look(f->stream, &file, err);
	if (verdict != JETSTREAM_DONE)
		return verdict;
	/* A claim that a kill has left; a leader that is stale says it, too. */
	if (file.sequence == 0)
		return seen->messages == 0
			   ? jetstream_forget(f->stream, seen->name, err)
			   : JETSTREAM_DONE;
	seen->sealed = file.sealed;
	seen->orphan = file.orphan;
	seen->stored_us = file.stored_us;
	if (!file.sealed)
		verdict = watch_open(f, seen, &file, err);
	if (verdict == JETSTREAM_DONE && seen->sealed && !is_seal_alone(seen) &&
	    !is_full(f, seen))
		verdict = fetch_sealed(f, seen, &file, err);
	return verdict;
}

/* One that cannot be carried keeps no other back. */
static enum jetstream_verdict
tend_or_tell(struct fetch *f, struct seen *seen, struct error *err)
{
	uint64_t now = clock_monotonic_ns();
	enum jetstream_verdict verdict;

	if (now < seen->again_ns)
		return JETSTREAM_DONE;
	verdict = tend(f, seen, err);
	if (verdict != JETSTREAM_DONE)
		seen->again_ns = now + RETRY_NS;
	if (verdict != JETSTREAM_BROKEN)
		return verdict;
	if (!seen->told)
		log_error("fetch %s: %s", seen->name, err->text);
	seen->told = f->left = true;
	metric_add(&fetch_stats[STAT_ERRORS], 1);
	return JETSTREAM_DONE;
}

static int
measure(struct fetch *f)
{
	struct spool_list list = {0};
	struct error err;
	int rc =
	    spool_scan(&f->service.spool, SPOOL_READY, NULL, 0, &list, &err);

	f->ready_bytes = list.all_bytes;
	spool_list_release(&list);
	if (rc < 0)
		log_error("%s", err.text);
	return rc;
}

int
fetch_turn(void *context)
{
	struct fetch *f = context;
	enum jetstream_verdict verdict;
	int64_t held = 0;
	struct error err;

	f->left = false;
	if (measure(f) < 0)
		return EX_IOERR;
	for (unsigned i = 0; i < f->holder_count; i++)
		f->holders[i].asked = false;
	verdict = list_files(f, &err);
	for (size_t i = 0; i < f->table.count && verdict == JETSTREAM_DONE &&
			   !stop_asked(&f->service.stop);
	     i++) {
		verdict = tend_or_tell(f, &f->table.files[i], &err);
		held += f->table.files[i].ours;
		service_tell(&f->service);
	}
	if (verdict == JETSTREAM_DONE)
		metric_set(&fetch_stats[STAT_HELD], held);
	return heard(f, verdict, &err);
}
