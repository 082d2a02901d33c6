/*
 * exporter.h - the counters of a run as SPOOL/metrics/logsend.prom.
 */
#ifndef LOGSEND_EXPORTER_H
#define LOGSEND_EXPORTER_H

#include "error.h"
#include "metrics.h"
#include "sender.h"
#include "spool.h"

struct exporter {
	const struct sender *sender; /* not owned */
	struct spool spool;
	struct metrics_file file;
	struct metric *table;
};

/* Opens the spool in `path`; 0, or -1 with nothing left open. */
int exporter_open(
    struct exporter *, const struct sender *, const char *path, struct error *);

/* Writes what the sender has counted so far. */
int exporter_write(struct exporter *, struct error *);
void exporter_close(struct exporter *);

#endif
