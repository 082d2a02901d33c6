/*
 * logload-naming.c - what files are called in the ledger and in rejected/: a
 * name that can be loaded in its turn, of two contents two names; and the name
 * of a log is the same before and after it is rotated.
 */
#include "../../cmd/logload/naming.h"
#include "fuzz.h"
#include "json.h"
#include "spool.h"

#define STEM_ROOM 300
#define A "aaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbb"

/* Writes the stem's file name, which can be loaded. */
static void
stem_of(const char *name, char out[STEM_ROOM + sizeof(SPOOL_SUFFIX)])
{
	char stem[STEM_ROOM];

	naming_stem(stem, sizeof(stem), name);
	(void)snprintf(
	    out, STEM_ROOM + sizeof(SPOOL_SUFFIX), "%s" SPOOL_SUFFIX, stem);
	check(spool_name_is_loadable(out));
}

static void
check_stem(char *base)
{
	char a[STEM_ROOM + sizeof(SPOOL_SUFFIX)], b[sizeof(a)], name[1000];

	/* A base has no hash in it: see find_by_content. */
	if (base[0] == '\0' || strstr(base, NAMING_HASH) != NULL)
		return;
	naming_clean(base);
	check(base[0] != '\0' && strlen(base) <= NAMING_MAX);
	check(json_is_utf8(base, strlen(base)) && strchr(base, '/') == NULL);
	stem_of(base, a);
	(void)snprintf(name, sizeof(name), "%s" NAMING_HASH A A A A, base);
	stem_of(name, a);
	(void)snprintf(name, sizeof(name), "%s" NAMING_HASH B B B B, base);
	stem_of(name, b);
	check(strcmp(a, b) != 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const ends[] = {
	    ".1", "-20261130", ".1.gz", ".2.zst"};
	char *path = input_text(input_of(data, size)), *rotated;
	char base[PATH_MAX], name[PATH_MAX], again[PATH_MAX];
	size_t len;

	if (strlen(path) > 1000)
		path[1000] = '\0';
	naming_base(path, base);
	check(strchr(base, '/') == NULL && strlen(base) <= strlen(path));
	naming_unrotate(base, name);
	len = strlen(name);
	check(len <= strlen(base) && (base[0] == '\0') == (len == 0));
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		/* What is packed, or ends in a number, is rotated already. */
		if (strcmp(base, name) != 0 || len == 0)
			break;
		rotated = malloc(len + 20);
		check(rotated != NULL);
		(void)snprintf(rotated, len + 20, "%s%s", name, ends[i]);
		naming_base(rotated, base);
		naming_unrotate(base, again);
		check(strcmp(again, name) == 0);
		free(rotated);
		(void)snprintf(base, sizeof(base), "%s", name);
	}
	check_stem(path);
	free(path);
	return 0;
}
