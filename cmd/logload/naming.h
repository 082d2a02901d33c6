/*
 * naming.h - under which name the ledger knows a file that is loaded by hand.
 *
 * A file that a spool has named keeps its name, wherever it lies and however
 * it is packed: so a file from loaded/ or an archive is not loaded twice. Any
 * other one is known by its content, so that the same content under the same
 * name is skipped and a file that has changed is not. What can be read only
 * once gets a name of its own.
 */
#ifndef LOGLOAD_NAMING_H
#define LOGLOAD_NAMING_H

#include <stdbool.h>

#include "load.h"

struct naming {
	char name[LOAD_NAME_MAX + 1];
	bool spooled; /* made by a spool: its last line may be torn */
};

/*
 * path as the user gave it, "-" for standard input; force makes a name that was
 * never loaded. May read all of the source. Of that spool, which may be NULL, a
 * file in ready/ gets a name of its own, as when it is followed.
 */
int naming_find(struct naming *, const char *path, struct source *,
    struct spool *, bool force, struct error *);

/*
 * The name as files in rejected/ bear it: without the ending, the hash of a
 * content cut to what tells files apart, bounded, and such that the file can be
 * loaded in its turn (see spool_name_is_loadable). Of a name that is cut or
 * changed for this, a hash is added.
 */
void naming_stem(char *stem, size_t size, const char *name);

/* Is it a file in the buffer/ of a spool, which may still grow? */
bool naming_is_being_written(const char *path);

#endif
