/*
 * ways.h - the ways in: which paths there are, by which methods, and what each
 * makes of a request. A new one is a row of the table in ways.c.
 */
#ifndef LOGRECV_WAYS_H
#define LOGRECV_WAYS_H

#include "intake.h"

/* Ends with a path that is NULL. A path may have several. */
extern const struct way ways[];

#endif
