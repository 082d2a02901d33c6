/*
 * histogram.c - see histogram.h.
 */
#include <string.h>

#include "histogram.h"

#define PARTS (1ULL << HISTOGRAM_PART_BITS)
#define VALUE_MAX ((1ULL << HISTOGRAM_VALUE_BITS) - 1)

/* Values under PARTS have a bucket each; then PARTS buckets an octave. */
static unsigned
bucket_of(uint64_t value)
{
	unsigned shift;

	if (value < PARTS)
		return (unsigned)value;
	shift = 63 - (unsigned)__builtin_clzll(value) - HISTOGRAM_PART_BITS;
	return (unsigned)(((uint64_t)shift << HISTOGRAM_PART_BITS) +
			  (value >> shift));
}

/* The greatest value that falls into a bucket. */
static uint64_t
bucket_end(unsigned bucket)
{
	uint64_t shift, part;

	if (bucket < PARTS)
		return bucket;
	shift = (bucket >> HISTOGRAM_PART_BITS) - 1;
	part = (bucket & (PARTS - 1)) + PARTS;
	return ((part + 1) << shift) - 1;
}

void
histogram_add(struct histogram *h, uint64_t value)
{
	if (value > h->max)
		h->max = value;
	h->count++;
	h->sum += value;
	h->buckets[bucket_of(value < VALUE_MAX ? value : VALUE_MAX)]++;
}

uint64_t
histogram_percentile(const struct histogram *h, unsigned per_mille)
{
	uint64_t rank, seen = 0, end;

	if (h->count == 0 || per_mille >= 1000)
		return h->max;
	/* The smallest rank that covers the share: rounded up, at least 1. */
	rank = h->count / 1000 * per_mille +
	       (h->count % 1000 * per_mille + 999) / 1000;
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		seen += h->buckets[i];
		if (seen >= rank && seen > 0) {
			end = bucket_end(i);
			return end < h->max ? end : h->max;
		}
	}
	return h->max;
}

void
histogram_clear(struct histogram *h)
{
	memset(h, 0, sizeof(*h));
}
