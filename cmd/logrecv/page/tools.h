/*
 * tools.h - which tools work on a spool, and what they have last warned of, for
 * the status page: by what metrics_write leaves beside the metrics.
 */
#ifndef LOGRECV_PAGE_TOOLS_H
#define LOGRECV_PAGE_TOOLS_H

#include "buf.h"
#include "spool.h"

/*
 * Appends
 * "tools":[{"name":…,"runs":…,"written":SECONDS},…],"warnings":[LINE,…], lines
 * as log.h has them. 0, or -1: ENOMEM.
 */
int tools_put(struct spool *, struct buf *out);

#endif
