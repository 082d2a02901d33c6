/*
 * events.h - the reading side of a load: the events of its file, one by one.
 */
#ifndef LOGLOAD_EVENTS_H
#define LOGLOAD_EVENTS_H

#include "loader.h"

/*
 * Finds out what kind of file it is, if that is not known: LOAD_DONE, or why
 * it cannot be loaded.
 */
enum load_verdict events_open(struct load *);

/*
 * Passes over what is committed of a stream. -1, with the load's error: it
 * cannot be read, or is not what it begins with.
 */
int events_pass_front(struct load *);

/*
 * Of many tables, learns which there are, where that matters. Once the file's
 * line in the ledger is ours: what others have made for its events is there.
 */
enum db_verdict events_learn(struct load *);

/* Goes to where the chunk begins. What lies before it is committed. */
void events_begin(struct load *);

/*
 * Has the chunk room for another line? At the front of a file it has, as long
 * as none was an event.
 */
bool events_go_on(const struct load *);

/*
 * The next line that is an event, which load->event then is, or is not to be
 * passed over in silence. 1, 0 at the end of the content, -1.
 *
 * A file of which many lines, and none before them, are no events is none of
 * ours: that is -1 too, and as if it had not been read.
 */
int events_next(struct load *, struct line *, enum event_verdict *);

/* What was -1: reading, or the content itself. */
enum load_verdict events_failure(const struct load *);

/*
 * Makes load->row of the event in that line, and finds its table: where that is
 * not ready, load->wants says so, until the chunk is begun anew. ROW_REJECTED:
 * it is for rejected/, as the load's error says, for a value or since it has no
 * table, which is as if the database could not take the event.
 */
enum row_verdict events_make_row(struct load *, const struct line *);

#endif
