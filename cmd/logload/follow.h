/*
 * follow.h - loads what appears in ready/, for ever or until it is empty.
 */
#ifndef LOGLOAD_FOLLOW_H
#define LOGLOAD_FOLLOW_H

#include "settings.h"
#include "spool.h"
#include "stop.h"

/* Returns the exit status. */
int follow_run(const struct settings *, struct spool *, struct stop *);

#endif
