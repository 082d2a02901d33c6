/*
 * naming.c - see naming.h.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "db/db.h"
#include "hash.h"
#include "json.h"
#include "naming.h"
#include "spool.h"
#include "utf8.h"

#define STEM_MAX 120 /* bytes of a name, in names in rejected/ */

bool
naming_cut(const char *name, size_t *len, const char *ending)
{
	size_t n = strlen(ending);

	if (*len <= n || memcmp(name + *len - n, ending, n) != 0)
		return false;
	*len -= n;
	return true;
}

void
naming_base(const char *path, char base[PATH_MAX])
{
	const char *slash = strrchr(path, '/');
	size_t len;

	(void)snprintf(base, PATH_MAX, "%s", slash != NULL ? slash + 1 : path);
	len = strlen(base);
	if (naming_cut(base, &len, ".gz") || naming_cut(base, &len, ".zst"))
		base[len] = '\0';
}

/* How much of it is left without numbers behind it. */
static size_t
strip_numbers(const char *base, size_t len)
{
	for (;;) {
		size_t i = len;

		while (i > 0 && isdigit((unsigned char)base[i - 1]))
			i--;
		if (i == len || i < 2 ||
		    (base[i - 1] != '.' && base[i - 1] != '-'))
			return len;
		len = i - 1;
	}
}

void
naming_unrotate(const char *base, char out[PATH_MAX])
{
	const char *dot = strrchr(base, '.'), *rest = "";
	size_t len = strlen(base), left = strip_numbers(base, len);

	if (left == len && dot != NULL) {
		left = strip_numbers(base, (size_t)(dot - base));
		rest = dot;
	}
	(void)snprintf(out, PATH_MAX, "%.*s%s", (int)left, base, rest);
}

void
naming_clean(char *base)
{
	if (strlen(base) > NAMING_MAX)
		base[utf8_cut(base, NAMING_MAX)] = '\0';
	if (!json_is_utf8(base, strlen(base))) {
		for (char *p = base; *p != '\0'; p++) {
			if ((unsigned char)*p >= 0x80)
				*p = '_';
		}
	}
	for (char *p = base; *p != '\0'; p++) {
		if ((unsigned char)*p < 0x20 || *p == 0x7f || *p == '/')
			*p = '_';
	}
}

bool
naming_is_being_written(const char *path)
{
	char real[PATH_MAX], *slash;
	struct stat st;

	if (realpath(path, real) == NULL)
		return false; /* opening it will tell why */
	slash = strrchr(real, '/');
	if (slash == NULL || !spool_name_parse(slash + 1, NULL))
		return false;
	*slash = '\0';
	slash = strrchr(real, '/');
	if (slash == NULL || strcmp(slash + 1, "buffer") != 0)
		return false;
	(void)snprintf(slash + 1, sizeof("buffer"), "ready");
	return stat(real, &st) == 0 && S_ISDIR(st.st_mode);
}

void
naming_once(char *name, size_t size, const char *kind)
{
	char stamp[CLOCK_COMPACT_LEN + 1], host[65];

	if (gethostname(host, sizeof(host)) < 0)
		(void)snprintf(host, sizeof(host), "localhost");
	host[sizeof(host) - 1] = '\0';
	naming_clean(host);
	clock_compact(clock_wall_us(), stamp);
	(void)snprintf(
	    name, size, "%s-%s-%s-%ld", kind, stamp, host, (long)getpid());
}

/* Bytes that the name of a loadable file has not become '_': were there any? */
static bool
make_loadable(char *name)
{
	bool changed = false;

	for (char *p = name; *p != '\0'; p++) {
		if (*p >= ' ' && *p <= '~' && !(p == name && *p == '.'))
			continue;
		*p = '_';
		changed = true;
	}
	return changed;
}

void
naming_stem(char *stem, size_t size, const char *name)
{
	const char *hash = strstr(name, NAMING_HASH), *rest = "";
	size_t len = strlen(name);
	char front[DB_NAME_MAX + 1], cut[18] = "";

	if (hash != NULL) {
		len = (size_t)(hash - name);
		hash += strlen(NAMING_HASH);
		rest = hash + strcspn(hash, "+");
	} else {
		(void)naming_cut(name, &len, SPOOL_SUFFIX);
	}
	(void)snprintf(front, sizeof(front), "%.*s", (int)len, name);
	if (make_loadable(front) || len > STEM_MAX)
		(void)snprintf(cut, sizeof(cut), "-%016llx",
		    (unsigned long long)hash_name(name));
	(void)snprintf(stem, size, "%.*s%s%s%.*s%.56s",
	    (int)(STEM_MAX - strlen(cut)), front, cut, hash != NULL ? "@" : "",
	    hash != NULL ? 16 : 0, hash != NULL ? hash : "", rest);
}
