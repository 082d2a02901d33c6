/*
 * types.h - the types that a column may have: one table.
 */
#ifndef LOGLOAD_TYPES_H
#define LOGLOAD_TYPES_H

#include "columns.h"

/*
 * Sets what the column has of its type, such as "decimal(9,2)", of so many
 * bytes; a bracket in it is closed at its end. *known: at least the word is one
 * of a type.
 */
int type_parse(
    struct column *, const char *text, size_t len, bool *known, struct error *);

/* The word of its type. */
const char *type_word(enum column_type);

/* Can values be cut to fit it? */
bool type_cuts(enum column_type);

/* Bytes of scratch that converting to it needs to begin with. */
size_t type_scratch(const struct column *);

#endif
