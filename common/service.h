/*
 * service.h - a tool that takes turns over a spool until it is told to stop.
 */
#ifndef COMMON_SERVICE_H
#define COMMON_SERVICE_H

#include <stdint.h>

#include "metrics.h"
#include "spool.h"
#include "stop.h"

struct service {
	struct spool spool;
	struct stop stop;
	struct metrics_file metrics;
	struct metric *table; /* not owned */
	uint64_t metrics_ns;  /* of the last write */
};

/*
 * Opens the spool, tries what the work needs, takes a place for the metrics,
 * and catches SIGTERM and SIGINT: the first one asks to stop, the second one
 * kills. One a process. EX_OK, or the status to exit with, which was told.
 */
int service_start(struct service *, const char *tool, const char *spool,
    enum spool_work, struct metric *table);

/*
 * Calls `turn` until it was asked to stop, or returns another status than
 * EX_OK, each time after a pause. Returns that status.
 */
typedef int service_turn(void *context);
int
service_run(struct service *, uint64_t pause_ns, service_turn *, void *context);

/* Writes the metrics, where it is time; for turns that are long. */
void service_tell(struct service *);

void service_end(struct service *);

#endif
