/*
 * naming.c - see naming.h.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "hash.h"
#include "json.h"
#include "naming.h"

/* Of a name by content: what is left beside the hash and --force's ending. */
#define BASE_MAX 140
#define STEM_MAX 120 /* bytes of a name, in names in rejected/ */

/* The last part of the path, without what a packer has added. */
static void
base_name(const char *path, char *base, size_t size)
{
	static const char *const packed[] = {".gz", ".zst", NULL};
	const char *slash = strrchr(path, '/');
	size_t len;

	(void)snprintf(base, size, "%s", slash != NULL ? slash + 1 : path);
	len = strlen(base);
	for (int i = 0; packed[i] != NULL; i++) {
		size_t tail = strlen(packed[i]);

		if (len > tail && strcmp(base + len - tail, packed[i]) == 0) {
			base[len - tail] = '\0';
			return;
		}
	}
}

/* Is it the file of that name in ready/? */
static bool
is_ready(const struct spool *spool, const struct source *s, const char *base)
{
	struct stat in_ready, ours;

	return spool != NULL && spool_name_is_loadable(base) &&
	       fstatat(spool->dir[SPOOL_READY], base, &in_ready,
		   AT_SYMLINK_NOFOLLOW) == 0 &&
	       fstat(s->fd, &ours) == 0 && in_ready.st_dev == ours.st_dev &&
	       in_ready.st_ino == ours.st_ino;
}

/* Names in the ledger are text: other bytes become '_'. */
static void
make_text(char *base)
{
	if (strlen(base) > BASE_MAX) {
		size_t cut = BASE_MAX;

		while (cut > 0 && ((unsigned char)base[cut] & 0xc0) == 0x80)
			cut--;
		base[cut] = '\0';
	}
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

static void
name_once(struct naming *n, const char *kind)
{
	char stamp[CLOCK_COMPACT_LEN + 1], host[65];

	if (gethostname(host, sizeof(host)) < 0)
		(void)snprintf(host, sizeof(host), "localhost");
	host[sizeof(host) - 1] = '\0';
	make_text(host);
	clock_compact(clock_wall_us(), stamp);
	(void)snprintf(n->name, sizeof(n->name), "%s-%s-%s-%ld", kind, stamp,
	    host, (long)getpid());
}

int
naming_find(struct naming *n, const char *path, struct source *s,
    struct spool *spool, bool force, struct error *err)
{
	struct source_sum sum = {0};
	char base[PATH_MAX];
	size_t len;

	n->spooled = false;
	base_name(path, base, sizeof(base));
	if (strcmp(path, "-") == 0) {
		name_once(n, "stdin");
		return 0;
	}
	if (!spool_name_parse(base, NULL) && is_ready(spool, s, base)) {
		char own[SPOOL_NAME_MAX];
		int rc = spool_adopt(spool, -1, base, own, err);

		if (rc == 0)
			rc = error_set(err, "somebody is writing to it");
		if (rc < 0)
			return -1;
		(void)snprintf(base, sizeof(base), "%s", own);
	}
	if (spool_name_parse(base, NULL)) {
		n->spooled = spool_name_may_be_torn(base);
		(void)snprintf(
		    n->name, sizeof(n->name), "%.*s", SPOOL_NAME_MAX, base);
	} else if (!s->regular) {
		name_once(n, "pipe");
		return 0;
	} else {
		if (source_hash(s, "", &sum, err) < 0)
			return -1;
		make_text(base);
		(void)snprintf(n->name, sizeof(n->name), "%.*s@sha256:%s",
		    BASE_MAX, base, sum.all.sha256);
	}
	if (force) {
		char stamp[CLOCK_COMPACT_LEN + 1];

		clock_compact(clock_wall_us(), stamp);
		len = strlen(n->name);
		(void)snprintf(
		    n->name + len, sizeof(n->name) - len, "+force-%s", stamp);
	}
	return 0;
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
	static const char mark[] = "@sha256:";
	const char *hash = strstr(name, mark), *rest = "";
	size_t len = strlen(name), tail = strlen(SPOOL_SUFFIX);
	char front[LOAD_NAME_MAX + 1], cut[18] = "";

	if (hash != NULL) {
		len = (size_t)(hash - name);
		hash += sizeof(mark) - 1;
		rest = hash + strcspn(hash, "+");
	} else if (len > tail && strcmp(name + len - tail, SPOOL_SUFFIX) == 0) {
		len -= tail;
	}
	(void)snprintf(front, sizeof(front), "%.*s", (int)len, name);
	if (make_loadable(front) || len > STEM_MAX)
		(void)snprintf(cut, sizeof(cut), "-%016llx",
		    (unsigned long long)hash_name(name));
	(void)snprintf(stem, size, "%.*s%s%s%.*s%.40s",
	    (int)(STEM_MAX - strlen(cut)), front, cut, hash != NULL ? "@" : "",
	    hash != NULL ? 16 : 0, hash != NULL ? hash : "", rest);
}
