/*
 * identity.h - as what the ledger knows a file that is loaded by hand.
 *
 * A file that a spool has named keeps its name, wherever it lies and however
 * it is packed: so a file from loaded/ or an archive is not loaded twice. Any
 * other one is its content, and the table that it goes to: the same content
 * under another name is known, into another table it is not. A front of it that
 * the ledger has under that name, rotation numbers aside, is where it goes on,
 * for then it is a log that has grown. What can be read only once is known by
 * the name that --name gives it, else it is new each time.
 */
#ifndef LOGLOAD_IDENTITY_H
#define LOGLOAD_IDENTITY_H

#include "crew.h"
#include "kin.h"
#include "load.h"
#include "settings.h"
#include "spool.h"

struct identity {
	char name[LOAD_NAME_MAX + 1]; /* in the ledger */
	bool spooled; /* made by a spool: its last line may be torn */
	bool stream;  /* known by its name, and hashed as it comes */
	bool by_content;
	bool waits;            /* its last line may be in the making */
	struct source_sum sum; /* by content: what it is */
	/* Of that, what the ledger has under the name; or of 0 bytes. */
	struct source_mark front;
};

/*
 * path as the user gave it, "-" for standard input. Of that spool, which may be
 * NULL, a file in ready/ gets a name of its own, as when it is followed. Asks
 * the ledger, where a database was named. May read all of the source, which it
 * rewinds. LOAD_DONE; LOAD_SKIPPED: it is loaded, or the front of what is
 * loaded under that name; or why not.
 */
enum load_verdict identity_find(struct identity *, struct worker *,
    struct kin *, const struct settings *, struct spool *, const char *path,
    struct source *, struct error *);

/* Makes a load of it; both must outlive that. */
void identity_load(
    const struct identity *, struct load *, struct loader *, struct source *);

#endif
