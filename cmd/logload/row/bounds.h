/*
 * bounds.h - what a payload cannot be in some database, whatever else it holds.
 */
#ifndef LOGLOAD_BOUNDS_H
#define LOGLOAD_BOUNDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "columns.h"
#include "error.h"

struct row_bounds {
	unsigned depth;          /* at most so many levels; 0: any number */
	bool no_lone_surrogates; /* \ud800 by itself */
	bool no_nul;             /* \u0000 */
	bool no_nul_value;       /* that, in the text of a column */
	/* Digits of a number before and behind its point; 0: any number. */
	unsigned digits_before, digits_behind;
	/* Both together, where an exponent makes them more than its text. */
	unsigned digits_grown;
	/*
	 * The width of a column that would lose blanks beyond it without a
	 * word, as batch_has_blanks_beyond has it.
	 */
	unsigned widths[COLUMNS_MAX];
	/* What these columns, a bit for each, cannot be; NULL: there is none.
	 */
	uint32_t json;
	const struct row_bounds *of_json;
};

/*
 * Is something in the text, which is JSON, that it cannot be? The error names
 * it and its limit. Depth, and values of columns, are looked at elsewhere.
 */
bool bounds_refuse(
    const struct row_bounds *, const char *text, size_t len, struct error *);

#endif
