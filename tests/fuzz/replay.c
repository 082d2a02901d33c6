/*
 * replay.c - a target of libFuzzer as a test: what must hold is asked of each
 * file of corpus/TARGET/, or of those that are given, and of nothing at all.
 *
 * Each text is a memory block of exactly its size, so that AddressSanitizer
 * sees a read beyond it.
 */
#include <dirent.h>
#include <libgen.h>

#include "../unit/tap.h"
#include "fuzz.h"

static void
replay(const char *path)
{
	FILE *file = fopen(path, "rb");
	long size;
	char *text;

	must(file != NULL && fseek(file, 0, SEEK_END) == 0);
	size = ftell(file);
	must(size >= 0 && fseek(file, 0, SEEK_SET) == 0);
	text = malloc((size_t)size + (size == 0));
	must(text != NULL);
	must(fread(text, 1, (size_t)size, file) == (size_t)size);
	must(fclose(file) == 0);
	fprintf(stderr, "# %s\n", path);
	ok(LLVMFuzzerTestOneInput((const uint8_t *)text, (size_t)size) == 0,
	    "%s", path);
	free(text);
}

static void
replay_corpus(char *program)
{
	char dir[PATH_MAX], path[2 * PATH_MAX];
	struct dirent **list;
	int count;

	(void)snprintf(
	    dir, sizeof(dir), "tests/fuzz/corpus/%s", basename(program));
	count = scandir(dir, &list, NULL, alphasort);
	must(count > 2);
	for (int i = 0; i < count; i++) {
		(void)snprintf(
		    path, sizeof(path), "%s/%s", dir, list[i]->d_name);
		if (list[i]->d_name[0] != '.')
			replay(path);
		free(list[i]);
	}
	free(list);
}

int
main(int argc, char **argv)
{
	ok(LLVMFuzzerTestOneInput((const uint8_t *)"", 0) == 0, "nothing");
	for (int i = 1; i < argc; i++)
		replay(argv[i]);
	if (argc == 1)
		replay_corpus(argv[0]);
	return tap_end();
}
