/*
 * take.h - a file of ready/ for one worker alone: under a name that no other
 * file has, claimed, and open.
 */
#ifndef LOGLOAD_TAKE_H
#define LOGLOAD_TAKE_H

#include "crew.h"

enum taken {
	TAKEN,
	TAKEN_GONE,       /* from ready/ */
	TAKEN_BY_ANOTHER, /* or somebody still writes to it */
	TAKEN_NOT,        /* err says why */
	TAKEN_UNKNOWN,    /* the ledger, which was asked, did not answer */
};

/*
 * Sees to it that what somebody has put into ready/ has a name of its own,
 * `own` of SPOOL_NAME_MAX bytes, so that no other file is taken for it, now or
 * later. *name becomes that, where it is another one. With TAKEN_UNKNOWN *asked
 * says how that failed.
 */
enum taken take_name(struct spool *, struct worker *, const char **name,
    char *own, enum load_verdict *asked, struct error *err);

/*
 * Claims it, and opens it as a source, which is the caller's to close, before
 * he releases the claim.
 */
enum taken take_file(struct spool *, int claims, const char *name,
    struct source *, struct error *err);

#endif
