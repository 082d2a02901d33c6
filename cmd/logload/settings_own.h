/*
 * settings_own.h - what the parts of settings.h share; nobody else's.
 */
#ifndef LOGLOAD_SETTINGS_OWN_H
#define LOGLOAD_SETTINGS_OWN_H

#include "settings.h"

/* Puts the option before the error. EX_USAGE. */
int settings_usage(struct error *, const char *option);

/* Completes tables, columns and partitions. 0, or the status to exit with. */
int settings_tables(struct settings *, struct error *);

#endif
