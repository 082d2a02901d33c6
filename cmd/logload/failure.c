/*
 * failure.c - see failure.h.
 */
#include "db/known.h"
#include "failure.h"
#include "log.h"

#define CHUNK_LEAST (1024 * 1024) /* that a server must take at a time */
#define PREPARE_MOST 64           /* times for a chunk: it may not help */

/* The server refuses that much at a time: less from now on. LOAD_STOPPED. */
static enum load_verdict
shrink(struct load *f)
{
	struct load_limits *l = &f->loader->limits;
	uint64_t size = f->loader->reader.at - f->at;
	struct error why = f->error;

	if (size > l->chunk)
		size = l->chunk;
	if (size <= CHUNK_LEAST) {
		(void)error_set(&f->error,
		    "%llu bytes of events in one transaction are too many: %s",
		    (unsigned long long)size, why.text);
		f->loader->db->error = f->error;
		return LOAD_SCHEMA;
	}
	l->chunk = size / 2 > CHUNK_LEAST ? size / 2 : CHUNK_LEAST;
	log_warn("too large a transaction for the database, loading %llu bytes "
		 "at a time from now on: %s",
	    (unsigned long long)l->chunk, why.text);
	return LOAD_STOPPED;
}

/*
 * The database lacks something that DDL makes. First the transaction is given
 * up, for some databases would commit it with that; then the chunk is begun
 * anew. A crash in between leaves what was made, and it is found there.
 */
static enum load_verdict
prepare(struct load *f)
{
	struct db *db = f->loader->db;
	enum db_verdict said;

	if (f->prepared++ >= PREPARE_MOST)
		return LOAD_SCHEMA;
	db_rollback(db);
	if (f->crowded) {
		known_forget(db);
		store_begin_file(&f->loader->store, f->source,
		    f->rules.origin != NULL, f->witnessed);
		f->crowded = false;
	}
	said = db_prepare(db);
	if (said == DB_OK)
		return LOAD_STOPPED;
	f->error = db->error;
	return store_heard(said);
}

enum load_verdict
failure_give_up(struct load *f, enum load_verdict verdict)
{
	struct db *db = f->loader->db;

	reject_discard(&f->loader->reject);
	if (verdict == LOAD_TOO_LARGE)
		verdict = shrink(f);
	if (verdict == LOAD_PREPARE)
		verdict = prepare(f);
	if (verdict != LOAD_PASSING && verdict != LOAD_SCHEMA) {
		db_rollback(db); /* f->error says why */
		return verdict;
	}
	/*
	 * Connecting anew looks at the server's settings and the tables again:
	 * what a human puts right is seen.
	 */
	db_disconnect(db);
	return verdict;
}

enum load_verdict
failure_heard(struct load *f, enum db_verdict verdict)
{
	f->error = f->loader->db->error;
	return failure_give_up(f, store_heard(verdict));
}
