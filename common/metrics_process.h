/*
 * metrics_process.h - what the system knows of a process, as metrics of its
 * own: TOOL_build_info, and TOOL_process_ with start_time_seconds,
 * resident_memory_bytes, open_fds and max_fds.
 */
#ifndef COMMON_METRICS_PROCESS_H
#define COMMON_METRICS_PROCESS_H

#include <stdint.h>

#include "buf.h"

/*
 * Appends them, of this process, with labels such as process="2", or none (""),
 * and since when it runs (us since the epoch). What cannot be found out is left
 * out. 0, or -1: ENOMEM.
 */
int metrics_put_process(
    struct buf *, const char *tool, const char *labels, uint64_t started_us);

#endif
