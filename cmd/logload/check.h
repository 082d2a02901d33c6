/*
 * check.h - looks at a spool and says what is where and what is wrong with it,
 * and, if a database was named, what its ledger says of each file. Changes
 * nothing, creates nothing, and keeps nobody from his work; what moves on
 * while it is looked at is not an error.
 *
 * "wrong": an event is lost, or may be, or waits until somebody does something.
 * All else that is told, which comes right by itself or does no harm, is a
 * "note".
 */
#ifndef LOGLOAD_CHECK_H
#define LOGLOAD_CHECK_H

#include "settings.h"
#include "spool.h"
#include "stop.h"

/* dir: -1 where there is none. The exit status, the report is on stdout. */
int check_run(const struct settings *, struct spool *, struct stop *);

#endif
