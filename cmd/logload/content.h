/*
 * content.h - what the ledger knows of the content that is being loaded.
 */
#ifndef LOGLOAD_CONTENT_H
#define LOGLOAD_CONTENT_H

#include "loader.h"

/*
 * Passes over what is committed of a stream. -1, with the load's error: it
 * cannot be read, or is not what it begins with.
 */
int content_pass_front(struct load *);

/*
 * Is what the ledger has in its line still what was seen to be a front of the
 * content? If not, another process has loaded more; the error says so.
 */
bool content_is_known(struct load *);

/* Notes what the line is to have, with the chunk that is about to be saved. */
int content_note(struct load *);
/* That chunk is committed. */
void content_advance(struct load *);

/*
 * Sets when events have come that do not say it: at the birth in the file's
 * name, else when it was last changed, or, of a stream, was begun. It is a part
 * of their rows' key, and must be the same at each try.
 */
void content_set_received(struct load *);

#endif
