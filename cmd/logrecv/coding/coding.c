/*
 * coding.c - see coding.h.
 */
#include <string.h>
#include <strings.h>

#include "coding.h"

const struct coding codings[CODINGS_MAX] = {
    {"gzip", "x-gzip", gzip_open},
    {"deflate", NULL, deflate_open},
    {"zstd", NULL, zstd_open},
    {.name = NULL},
};

static bool
is_called(const char *name, struct http_text text)
{
	return name != NULL && strlen(name) == text.len &&
	       strncasecmp(name, text.p, text.len) == 0;
}

const struct coding *
coding_find(struct http_text name)
{
	for (const struct coding *c = codings; c->name != NULL; c++) {
		if (is_called(c->name, name) || is_called(c->alias, name))
			return c;
	}
	return NULL;
}
