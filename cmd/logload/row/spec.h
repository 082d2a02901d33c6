/*
 * spec.h - reads what a column is asked for by: see columns.h.
 */
#ifndef LOGLOAD_SPEC_H
#define LOGLOAD_SPEC_H

#include "columns.h"

/*
 * PATH:TYPE, or PATH:TYPE:MISFIT, into a column that has a name and nothing
 * else. -1: nothing of it is to be released.
 */
int spec_parse(struct column *, const char *text, struct error *);

void spec_release(struct column *);

#endif
