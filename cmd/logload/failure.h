/*
 * failure.h - a chunk that is given up, and what follows.
 */
#ifndef LOGLOAD_FAILURE_H
#define LOGLOAD_FAILURE_H

#include "loader.h"

/*
 * Gives up the transaction, for load->error. LOAD_STOPPED: the chunk is to be
 * begun anew, with less at a time, or with what was missing.
 */
enum load_verdict failure_give_up(struct load *, enum load_verdict);
/* The same for the database's error. */
enum load_verdict failure_heard(struct load *, enum db_verdict);

#endif
