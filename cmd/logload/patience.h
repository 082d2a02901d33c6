/*
 * patience.h - what to do while the database cannot be used.
 *
 * A passing error is waited out with exponential backoff and full jitter, from
 * 100 ms up to 30 s, a conflict up to 1 s; any other one is tried again each 30
 * to 60 s, and said loudly. By hand, patience has an end. The log tells each
 * change once, however many threads see it.
 */
#ifndef LOGLOAD_PATIENCE_H
#define LOGLOAD_PATIENCE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "load.h"

enum health {
	HEALTH_UNKNOWN,
	HEALTH_GOOD,
	HEALTH_AWAY,
	HEALTH_SCHEMA,
};

/* Shared by all threads. */
struct patience {
	pthread_mutex_t lock;
	enum health health;
	bool silent;           /* it is away, and no failure has told so */
	uint64_t said_ns;      /* when an error was last said */
	uint64_t conflict_ns;  /* when a conflict was; 0: never */
	struct meters *meters; /* not owned */
	struct stop *stop;     /* not owned */
	bool for_ever;         /* else a schema error is final at once, */
	uint64_t most_ns;      /* and a passing one is waited out so long */
};

/* One thread's. Starts as all zeros, but for shared and seed. */
struct trial {
	struct patience *shared;
	unsigned seed;
	unsigned failures; /* one after another */
	uint64_t since_ns; /* of the first of them */
	bool connecting;   /* the last one was no more than connecting */
};

int patience_init(struct patience *, struct meters *, struct stop *);
void patience_release(struct patience *);

/* *silent: it is away in that it does not answer. */
enum health patience_health(struct patience *, bool *silent);
/*
 * Whether the server answers what takes it no time, seen beside the work: one
 * that was well is away if not, and one that was away for that alone is well.
 */
void patience_hear(struct patience *, bool answers);

/* The database has done what was asked. */
void trial_succeeded(struct trial *);

/*
 * It has not: counts and says it, then waits. True: try again; false: stop was
 * asked, or patience is at its end.
 */
bool trial_failed(struct trial *, enum load_verdict, const struct error *);

/* Connects the loader, waiting as above. *verdict: why not, where false. */
bool trial_connect(struct trial *, struct loader *, enum load_verdict *verdict);

/*
 * Looks a name up in the ledger, connecting and waiting as above. LOAD_DONE, or
 * why not with err.
 */
enum load_verdict trial_find(struct trial *, struct loader *, const char *name,
    struct db_file *, bool *found, struct error *err);
/* The same for db_search. */
enum load_verdict
trial_search(struct trial *, struct loader *, const struct db_search *,
    unsigned skip, struct db_file *, bool *found, struct error *err);

#endif
