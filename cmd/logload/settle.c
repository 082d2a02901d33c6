/*
 * settle.c - see settle.h.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "lock.h"
#include "log.h"
#include "retry.h"
#include "room.h"
#include "settle.h"

#define GO_MOST 1024     /* oldest files that one look finds */
#define TURN_SHARE 20    /* a turn takes at most this share of the time */
#define TURN_PART 32     /* and is due each such part of --settle at most */
#define SOON_US 1000000  /* or so, where the disk is nearly full */
#define STUCK_US 5000000 /* so long nearly full, and nobody could ask */

/* A round of questions, and what follows. */
struct turn {
	struct settle *s;
	struct db *db;  /* NULL: nobody is asked */
	const char *at; /* what loaded/ is at, so that files go early */
	bool lacks;     /* the disk's end it is */
	uint64_t now_us;
	struct age age;
	bool all;                   /* asks also about what is not due */
	bool again;                 /* and only about what was retried */
	bool cut;                   /* stop was asked meanwhile */
	bool held;                  /* somebody is at one that is missing */
	uint64_t eldest_us;         /* age, of what is not due */
	enum db_verdict verdict;    /* not DB_OK: the session is lost */
	uint64_t gone_bytes;        /* no longer in loaded/ */
	uint64_t back, back_bytes;  /* of these, went back to be loaded */
	uint64_t unasked;           /* files that went early so */
	char first[SPOOL_NAME_MAX]; /* that went back */
	unsigned count;             /* to be asked about: */
	struct kept {
		struct spool_file file;
		char ledger[LOAD_NAME_MAX + 1];
		bool goes, missing;
	} kept[DB_NAMES_MAX];
};

static int count(void *, const struct spool_file *);
static int see_file(void *, const struct spool_file *);
static void ask_about(struct turn *);
static void make_room(struct turn *, struct spool_list *, size_t *next);
static void finish(struct turn *, bool whole);
static void tell(const struct turn *);

static uint64_t
now_us(void)
{
	return clock_monotonic_ns() / 1000;
}

int
settle_init(struct settle *s, const struct settings *settings,
    struct spool *spool, struct meters *meters, struct stop *stop)
{
	struct error err;
	uint64_t aliens;

	s->spool = spool;
	s->meters = meters;
	s->stop = stop;
	s->for_us = settings->settle_ns / 1000;
	s->keep = settings->keep;
	s->oldest.by_move = true;
	s->claims = spool_claims_open(spool, &err);
	if (pthread_mutex_init(&s->turn, NULL) != 0 ||
	    pthread_mutex_init(&s->lock, NULL) != 0)
		return -1;
	s->limit_option = s->keep         ? "--keep-limit"
			  : s->for_us > 0 ? "--settle-limit"
					  : NULL;
	if (s->limit_option != NULL)
		s->limit = room_bound_told(spool,
		    s->keep ? settings->keep_limit : settings->settle_limit,
		    s->limit_option);
	meter_set(meters, METER_LOADED_LIMIT, (int64_t)s->limit);
	age_init(&s->age, spool, s->for_us);
	if (s->limit_option != NULL && age_mark(&s->age, spool, &err) < 0)
		log_warn("%s", err.text);
	if (spool_walk(spool, SPOOL_LOADED, count, s, &aliens, &err) < 0)
		log_warn("%s", err.text);
	if (s->limit_option != NULL && s->archived > 0)
		log_info("left alone in loaded/, where --keep has kept them: "
			 "files=%llu",
		    (unsigned long long)s->archived);
	s->due_us = s->files > 0 ? 0 : UINT64_MAX;
	return 0;
}

/* Of what is an archive, to one that does not keep, the number alone. */
static int
count(void *context, const struct spool_file *file)
{
	struct settle *s = context;
	bool ours;

	lock_take(&s->lock);
	ours = s->keep || !age_is_archive(&s->age, file->moved_us);
	s->archived += !ours;
	s->files += ours;
	s->bytes += ours ? file->bytes : 0;
	lock_release(&s->lock);
	return 0;
}

void
settle_release(struct settle *s)
{
	spool_list_release(&s->oldest);
	if (s->claims >= 0)
		(void)close(s->claims);        /* no claim is left */
	(void)pthread_mutex_destroy(&s->turn); /* no thread is left */
	(void)pthread_mutex_destroy(&s->lock);
}

static void
begin(struct turn *t, struct settle *s, struct db *db)
{
	*t = (struct turn){.s = s, .db = db};
	lock_take(&s->lock);
	t->now_us = age_look(&s->age);
	t->age = s->age;
	t->all = db != NULL && db->opened_ns / 1000 > s->asked_us;
	lock_release(&s->lock);
}

/* Shall the worker who `could` take a turn now? True once for each. */
static bool
is_due(struct settle *s, bool could)
{
	uint64_t now;
	bool due;

	lock_take(&s->lock);
	now = age_look(&s->age);
	if (s->files + s->archived == 0 || s->limit_option == NULL ||
	    room_lack(s->spool) == 0)
		s->low_us = 0;
	else if (s->low_us == 0)
		s->low_us = s->due_us = now;
	else if (s->due_us > now + SOON_US)
		s->due_us = now + SOON_US;
	due = could && s->for_us > 0 && now >= s->due_us;
	if (due) /* for the one that is to come */
		s->due_us = now + SOON_US + s->for_us / TURN_PART;
	lock_release(&s->lock);
	return due;
}

void
settle_measure(struct settle *s)
{
	uint64_t covered = s->for_us, now = now_us();
	struct error err;

	lock_take(&s->lock);
	if (s->limit_option != NULL) /* failing, it was told of at the start */
		(void)age_mark(&s->age, s->spool, &err);
	if (s->lost_us > 0 && now - s->lost_us < covered)
		covered = now - s->lost_us;
	meter_set(s->meters, METER_LOADED_FILES, (int64_t)s->files);
	meter_set(s->meters, METER_LOADED_BYTES, (int64_t)s->bytes);
	meter_set(s->meters, METER_SETTLE_COVERED,
	    (int64_t)(covered / CLOCK_US_PER_S));
	lock_release(&s->lock);
}

/* A file that was moved then is there no longer. */
static void
lose(struct settle *s, uint64_t moved_us)
{
	lock_take(&s->lock);
	if (moved_us > s->lost_us)
		s->lost_us = moved_us;
	lock_release(&s->lock);
}

/* Also for files that come meanwhile, whose workers find the turn taken. */
static void
keep_within(struct settle *s, struct db *db)
{
	struct turn t = {.verdict = DB_OK};
	uint64_t seen = UINT64_MAX;
	bool over;

	while (t.verdict == DB_OK) {
		lock_take(&s->lock);
		over = s->puts != seen &&
		       (s->low_us > 0 || (s->limit > 0 && s->bytes > s->limit));
		seen = s->puts;
		lock_release(&s->lock);
		if (!over || pthread_mutex_trylock(&s->turn) != 0)
			return;
		begin(&t, s, s->for_us > 0 ? db : NULL);
		make_room(&t, &s->oldest, &s->next);
		tell(&t);
		lock_release(&s->turn);
	}
	db_disconnect(db); /* asked about when there is another */
}

int
settle_put(struct settle *s, struct db *db, const char *name, uint64_t bytes,
    struct error *err)
{
	if (s->limit_option == NULL)
		return spool_remove(s->spool, SPOOL_READY, name, err);
	if (s->limit > 0 && bytes > s->limit) {
		log_info("not kept in loaded/, being over %s: file=%s "
			 "bytes=%llu",
		    s->limit_option, name, (unsigned long long)bytes);
		lose(s, now_us());
		return spool_remove(s->spool, SPOOL_READY, name, err);
	}
	if (spool_keep(s->spool, name, err) < 0)
		return -1;
	lock_take(&s->lock);
	s->puts++;
	s->files++;
	s->bytes += bytes;
	if (s->for_us == 0)
		age_settle(&s->age, now_us());
	if (s->due_us == UINT64_MAX)
		s->due_us = now_us() + s->for_us;
	lock_release(&s->lock);
	keep_within(s, db);
	return 0;
}

static enum load_verdict
take_turn(struct settle *s, struct db *db, bool due, struct error *err)
{
	uint64_t aliens;
	struct turn t;
	int rc = 0;

	/* Also amid a backlog, which may last for longer than --settle. */
	due = is_due(s, true) || due;
	lock_take(&s->lock);
	due = due || (s->for_us > 0 && db->opened_ns / 1000 > s->asked_us);
	lock_release(&s->lock);
	if (!due || pthread_mutex_trylock(&s->turn) != 0)
		return LOAD_DONE;
	begin(&t, s, db);
	/* What goes back to rejected/ goes first, see retry_drop. */
	for (int pass = t.all ? 0 : 1; pass < 2; pass++) {
		t.again = pass == 0;
		lock_take(&s->lock); /* others may add meanwhile */
		s->files = s->bytes = s->archived = 0;
		lock_release(&s->lock);
		rc = spool_walk(
		    s->spool, SPOOL_LOADED, see_file, &t, &aliens, err);
		ask_about(&t);
	}
	if (rc < 0)
		log_warn("%s", err->text);
	finish(&t, rc == 0 && !t.cut && !t.held && t.verdict == DB_OK);
	tell(&t);
	lock_release(&s->turn);
	if (t.verdict == DB_OK) {
		keep_within(s, db);
		return LOAD_DONE;
	}
	*err = db->error;
	db_disconnect(db);
	return store_heard(t.verdict);
}

bool
settle_connect(
    struct settle *s, struct worker *w, bool due, enum load_verdict *verdict)
{
	struct error err;

	do {
		if (!trial_connect(&w->trial, &w->loader, verdict))
			return false;
		*verdict = take_turn(s, w->loader.db, due, &err);
		if (*verdict == LOAD_DONE)
			return true;
	} while (trial_failed(&w->trial, *verdict, &err));
	return false;
}

/* Notes what is to be asked about. */
static void
note(struct turn *t, const struct spool_file *file, bool goes)
{
	struct kept *k = &t->kept[t->count];
	char base[SPOOL_NAME_MAX];

	if (!retry_find_kept(file->name, base, k->ledger)) {
		if (t->again)
			return;
		memcpy(k->ledger, file->name, sizeof(file->name));
	}
	k->file = *file;
	k->goes = goes;
	k->missing = false;
	if (++t->count == DB_NAMES_MAX)
		ask_about(t);
}

static int
see_file(void *context, const struct spool_file *file)
{
	struct turn *t = context;
	struct settle *s = t->s;
	uint64_t age;

	(void)count(s, file);
	/* What is left is counted, for the limit. */
	t->cut = t->cut || stop_asked(s->stop);
	if (t->cut || t->verdict != DB_OK ||
	    age_is_archive(&t->age, file->moved_us))
		return 0;
	age = age_of(&t->age, t->now_us, file->moved_us);
	if (age < s->for_us && age > t->eldest_us)
		t->eldest_us = age;
	if (age >= s->for_us || t->all)
		note(t, file, age >= s->for_us && !s->keep);
	return 0;
}

/* A walk has ended, having asked about all, or not: when is the next due? */
static void
finish(struct turn *t, bool whole)
{
	struct settle *s = t->s;
	uint64_t wait = s->for_us - t->eldest_us, pause = s->for_us / TURN_PART;
	uint64_t now = now_us();

	if (pause < (now - t->now_us) * TURN_SHARE)
		pause = (now - t->now_us) * TURN_SHARE;
	lock_take(&s->lock);
	if (whole && t->all)
		s->asked_us = t->now_us;
	if (whole && s->keep)
		age_settle(&s->age, t->now_us);
	s->due_us = now + (wait > pause ? wait : pause);
	if (whole && s->files == 0)
		s->due_us = UINT64_MAX;
	lock_release(&s->lock);
	s->next = s->oldest.count; /* what was listed may have gone */
}

/* One is in loaded/ no longer. */
static void
count_gone(struct turn *t, const struct spool_file *file)
{
	struct settle *s = t->s;
	bool ours = s->keep || !age_is_archive(&t->age, file->moved_us);
	uint64_t bytes = ours ? file->bytes : 0;
	uint64_t *files = ours ? &s->files : &s->archived;

	t->gone_bytes += file->bytes;
	lock_take(&s->lock);
	*files -= *files > 0;
	s->bytes -= bytes < s->bytes ? bytes : s->bytes;
	lock_release(&s->lock);
}

static void
take_away(struct turn *t, const struct spool_file *file)
{
	struct error err;

	if (spool_remove(t->s->spool, SPOOL_LOADED, file->name, &err) < 0) {
		log_warn("%s", err.text);
		return;
	}
	count_gone(t, file);
	if (t->at != NULL)
		log_info("removed from loaded/, which is at %s: file=%s "
			 "bytes=%llu",
		    t->at, file->name, (unsigned long long)file->bytes);
}

/*
 * The ledger lacks it: back with it. True: it is, and claimed, so that nobody
 * loads it before the records that came of it are away.
 */
static bool
give_back(struct turn *t, const struct kept *k)
{
	const struct spool_file *file = &k->file;
	char base[SPOOL_NAME_MAX], ledger[LOAD_NAME_MAX + 1];
	bool retried = retry_find_kept(file->name, base, ledger);
	struct settle *s = t->s;
	struct error err;
	int rc = spool_claim(s->claims, file->name);

	/* Who has had it may have loaded it since the ledger was asked. */
	if (rc <= 0 || spool_has_moved(s->spool, SPOOL_LOADED, file)) {
		t->held = true; /* it is asked about again */
		if (rc > 0)
			spool_release(s->claims, file->name);
		return false;
	}
	rc = spool_give_back(s->spool, file->name,
	    retried ? SPOOL_REJECTED : SPOOL_READY, retried ? base : file->name,
	    &err);
	if (rc < 0)
		log_warn("%s", err.text);
	if (rc == 0 && k->goes) /* another file has its name */
		take_away(t, file);
	if (rc <= 0) {
		spool_release(s->claims, file->name);
		return false;
	}
	count_gone(t, file);
	meter_add(s->meters, METER_ASKED_BACK, 1);
	if (retried)
		log_warn("the database has forgotten that these events were "
			 "loaded again; run --retry-rejected once more: "
			 "file=rejected/%s",
		    base);
	else if (t->back++ == 0)
		memcpy(t->first, file->name, sizeof(t->first));
	t->back_bytes += retried ? 0 : file->bytes;
	return true;
}

/* Marks those of so many that the ledger lacks: few statements, if few. */
static enum db_verdict
find_missing(struct turn *t, unsigned from, unsigned count)
{
	const char *names[DB_NAMES_MAX] = {NULL};
	enum db_verdict verdict;
	uint64_t loaded;

	for (unsigned i = 0; i < count; i++)
		names[i] = t->kept[from + i].ledger;
	verdict = db_count_loaded(t->db, names, count, &loaded);
	if (verdict != DB_OK || loaded >= count)
		return verdict;
	if (loaded == 0) {
		for (unsigned i = 0; i < count; i++)
			t->kept[from + i].missing = true;
		return DB_OK;
	}
	verdict = find_missing(t, from, count / 2);
	from += count / 2;
	count -= count / 2;
	return verdict == DB_OK ? find_missing(t, from, count) : verdict;
}

/* Asks about what was noted, and does what the answer demands. */
static void
ask_about(struct turn *t)
{
	const char *names[DB_NAMES_MAX];
	unsigned back = 0;

	if (t->count > 0 && t->verdict == DB_OK)
		t->verdict = find_missing(t, 0, t->count);
	for (unsigned i = 0; t->verdict == DB_OK && i < t->count; i++) {
		const struct kept *k = &t->kept[i];

		if (k->missing && give_back(t, k))
			names[back++] = k->file.name;
		else if (!k->missing && k->goes)
			take_away(t, &k->file);
	}
	if (back > 0)
		retry_drop(t->s->spool, names, back);
	while (back > 0)
		spool_release(t->s->claims, names[--back]);
	t->count = 0;
}

/*
 * Making room
 */

static uint64_t
find_excess(struct turn *t)
{
	struct settle *s = t->s;
	uint64_t excess = 0, lack;

	lock_take(&s->lock);
	if (s->limit > 0 && s->bytes > s->limit)
		excess = s->bytes - s->limit;
	lack = s->low_us > 0 ? room_lack(s->spool) : 0;
	lock_release(&s->lock);
	t->lacks = lack > excess;
	t->at = t->lacks ? "the end of the disk" : s->limit_option;
	return lack > excess ? lack : excess;
}

/* One of the oldest goes early. */
static void
let_go(struct turn *t, const struct spool_file *file)
{
	struct settle *s = t->s;
	uint64_t age = age_of(&t->age, t->now_us, file->moved_us);

	if (age < s->for_us)
		lose(s, t->now_us - age);
	if (t->db != NULL && !age_is_archive(&t->age, file->moved_us)) {
		note(t, file, true);
		return;
	}
	t->unasked += age < s->for_us;
	take_away(t, file);
}

/*
 * The oldest go, from `next` of the list on, until there is no excess. What is
 * an archive to one that does not keep has no part in its limit.
 */
static void
make_room(struct turn *t, struct spool_list *list, size_t *next)
{
	uint64_t goal = t->gone_bytes + find_excess(t), found = UINT64_MAX;
	uint64_t from_us = t->s->keep || t->lacks ? 0 : t->age.archive_us + 1;
	struct error err;

	if (list->from_us != from_us)
		list->count = 0;
	list->from_us = from_us;
	while (t->gone_bytes < goal && t->verdict == DB_OK) {
		uint64_t bytes = t->gone_bytes;

		if (*next >= list->count) {
			if (found == t->gone_bytes)
				return; /* nothing of the last look has gone */
			*next = 0;
			found = t->gone_bytes;
			if (spool_scan(t->s->spool, SPOOL_LOADED, NULL, GO_MOST,
				list, &err) < 0) {
				log_warn("%s", err.text);
				list->count = 0;
				return;
			}
		}
		for (unsigned n = 0;
		     bytes < goal && *next < list->count && n < DB_NAMES_MAX;
		     n++) {
			bytes += list->files[*next].bytes;
			let_go(t, &list->files[(*next)++]);
		}
		ask_about(t);
	}
}

/* Nobody can ask. */
static void
give_way(struct settle *s)
{
	struct spool_list list = {.by_move = true};
	size_t next = 0;
	struct turn t;
	bool stuck;

	lock_take(&s->lock);
	stuck = s->low_us > 0 && now_us() - s->low_us >= STUCK_US;
	lock_release(&s->lock);
	if (!stuck)
		return;
	begin(&t, s, NULL);
	make_room(&t, &list, &next);
	spool_list_release(&list);
	tell(&t);
}

void
settle_look(struct settle *s, struct crew *crew)
{
	static const char *const turn = SETTLE_TURN;

	if (is_due(s, crew_look(crew).hungry))
		crew_feed(crew, &turn, 1);
	give_way(s);
}

static void
tell(const struct turn *t)
{
	if (t->back > 0)
		log_warn("the database has forgotten what it had committed, "
			 "which is loaded again: files=%llu bytes=%llu "
			 "first=%s",
		    (unsigned long long)t->back,
		    (unsigned long long)t->back_bytes, t->first);
	if (t->unasked > 0)
		log_warn("removed from loaded/, for want of disk, before "
			 "--settle was over and without asking the ledger: "
			 "files=%llu",
		    (unsigned long long)t->unasked);
}
