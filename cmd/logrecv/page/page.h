/*
 * page.h - the status page, where operators come in.
 *
 * It is made of the files here, which are in the program (files.c). The script,
 * page.js, asks every two seconds for three things:
 *
 *   /metrics       the numbers of all tools
 *   /status.json   what is no number: who runs, why events are refused, what
 *                  was rejected last
 *   /history.json  what some of the numbers were: see history.h
 *
 * and puts it into words: another sentence is a function of words.js, another
 * plot a line of page.js.
 */
#ifndef LOGRECV_PAGE_H
#define LOGRECV_PAGE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "../board.h"
#include "../http.h"
#include "history.h"
#include "rejected.h"

struct gate;
struct spool;
struct stats;

struct page {
	struct stats *stats; /* these are not owned */
	struct gate *gate;
	struct spool *spool;
	struct history history;
	struct rejected rejected;
	struct board status, past; /* the two texts */
	struct buf draft;          /* of either */
	bool begun;                /* there is one of each */
	_Atomic uint64_t asked_ns; /* when a browser last did, monotonic */
};

void page_open(struct page *, struct spool *, struct stats *, struct gate *);
void page_close(struct page *);

/*
 * Makes both texts anew, as far as they are due; each second, from one thread,
 * once the metrics are. `unready`: why events are not taken now, or NULL.
 * `last`: the process ends.
 */
void page_refresh(struct page *, const char *unready, bool last);

/* Somebody looks at it: from any thread. */
void page_ask(struct page *);

struct page_file {
	const char *name; /* behind /page/; "": the page itself */
	const char *type;
	const char *data, *end;
};

/* NULL: there is none of that name. */
const struct page_file *page_find(struct http_text name);

/* Fields of all these answers: nothing of another host, and no copies. */
extern const char page_fields[];

#endif
