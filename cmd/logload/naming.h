/*
 * naming.h - the names of files in the ledger and in rejected/.
 */
#ifndef LOGLOAD_NAMING_H
#define LOGLOAD_NAMING_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

/* Of a base: what is left beside a hash and endings. */
#define NAMING_MAX 140

#define NAMING_HASH "@sha256:" /* between a base and the hash of a content */
#define NAMING_FORCE "+force-" /* before the instant of a --force */

/* Takes the ending off a name of so many bytes, if it has it. */
bool naming_cut(const char *name, size_t *len, const char *ending);

/* The last part of the path, without what a packer has added. */
void naming_base(const char *path, char base[PATH_MAX]);

/*
 * A base as text, and so short that a hash and endings have room behind it:
 * what cannot stand in a name becomes '_'.
 */
void naming_clean(char *base);

/*
 * Without what logrotate(8) adds when it renames a file: numbers and dates
 * behind a dot or a hyphen, at the end or in front of the extension.
 */
void naming_unrotate(const char *base, char out[PATH_MAX]);

/* A name of its own for what has none: KIND, now, host, process. */
void naming_once(char *name, size_t size, const char *kind);

/*
 * The name as files in rejected/ bear it: without the ending, the hash of a
 * content cut to what tells files apart, bounded, and such that the file can be
 * loaded in its turn (see spool_name_is_loadable). Of a name that is cut or
 * changed for this, a hash is added.
 */
void naming_stem(char *stem, size_t size, const char *name);

/* Is it a file in the buffer/ of a spool, which may still grow? */
bool naming_is_being_written(const char *path);

#endif
