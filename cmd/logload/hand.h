/*
 * hand.h - loads the files that were named, shows how far it is, and sums up.
 */
#ifndef LOGLOAD_HAND_H
#define LOGLOAD_HAND_H

#include "settings.h"
#include "spool.h"
#include "stop.h"

/* paths: see paths_find; spool may be NULL. The exit status. */
int hand_run(const struct settings *, struct spool *, struct stop *,
    char *const *paths, int count);

#endif
