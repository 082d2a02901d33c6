/*
 * histogram.h - latencies, counted in buckets that grow with their value.
 *
 * Log-linear: each power of two is cut into 128 equal parts, so a percentile
 * is at most 1/128 (0.8 %) above the true value, in memory that does not grow
 * with the number of values. (Tene's HdrHistogram is the same idea; Debian's
 * library of it does far more than the forty lines that are needed here.)
 */
#ifndef LOGSEND_HISTOGRAM_H
#define LOGSEND_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_PART_BITS 7
#define HISTOGRAM_VALUE_BITS 44 /* 4.8 hours in nanoseconds */
#define HISTOGRAM_BUCKETS \
	((HISTOGRAM_VALUE_BITS - HISTOGRAM_PART_BITS + 1) \
	    << HISTOGRAM_PART_BITS)

/* Starts as all zeros. */
struct histogram {
	uint64_t count, sum, max;
	uint64_t buckets[HISTOGRAM_BUCKETS];
};

void histogram_add(struct histogram *, uint64_t value);

/*
 * The value that per_mille/1000 of all values do not exceed; 1000 gives the
 * greatest, exactly. 0 if there is none.
 */
uint64_t histogram_percentile(const struct histogram *, unsigned per_mille);

void histogram_clear(struct histogram *);

#endif
