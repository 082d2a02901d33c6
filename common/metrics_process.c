/*
 * metrics_process.c - see metrics_process.h.
 */
#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "metrics_process.h"

/* proc(5), statm: the second number, in pages. -1: it is not known. */
static long long
resident_bytes(void)
{
	FILE *f = fopen("/proc/self/statm", "re");
	long long size, resident = -1;

	if (f == NULL)
		return -1;
	if (fscanf(f, "%lld %lld", &size, &resident) != 2)
		resident = -1;
	(void)fclose(f); /* only read from */
	return resident < 0 ? -1 : resident * sysconf(_SC_PAGESIZE);
}

/* proc(5): the directory's size tells, from Linux 6.2 on. */
static long long
open_fds(void)
{
	struct dirent *entry;
	long long count = 0;
	struct stat st;
	DIR *dir;

	if (stat("/proc/self/fd", &st) == 0 && st.st_size > 0)
		return st.st_size;
	dir = opendir("/proc/self/fd");
	if (dir == NULL)
		return -1;
	while ((entry = readdir(dir)) != NULL)
		count += entry->d_name[0] != '.';
	(void)closedir(dir); /* only read from */
	return count - 1;    /* its own */
}

static long long
max_fds(void)
{
	struct rlimit limit;

	return getrlimit(RLIMIT_NOFILE, &limit) < 0 ||
		       limit.rlim_cur == RLIM_INFINITY
		   ? -1
		   : (long long)limit.rlim_cur;
}

int
metrics_put_process(
    struct buf *out, const char *tool, const char *labels, uint64_t started_us)
{
	const struct {
		const char *name, *help;
		double value;
	} rows[] = {
	    {"start_time_seconds", "When the process began, since the epoch.",
		(double)started_us / 1e6},
	    {"resident_memory_bytes", "Memory that it has.",
		(double)resident_bytes()},
	    {"open_fds", "Descriptors that are open.", (double)open_fds()},
	    {"max_fds", "Descriptors that may be open.", (double)max_fds()},
	};
	const char *open = *labels == '\0' ? "" : "{";
	const char *close = *labels == '\0' ? "" : "}";
	int rc = buf_printf(out,
	    "# HELP %s_build_info What is running; the value is 1.\n"
	    "# TYPE %s_build_info gauge\n"
	    "%s_build_info{version=\"" VERSION "\"%s%s} 1\n",
	    tool, tool, tool, *labels == '\0' ? "" : ",", labels);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]) && rc == 0; i++) {
		if (rows[i].value >= 0)
			rc = buf_printf(out,
			    "# HELP %s_process_%s %s\n"
			    "# TYPE %s_process_%s gauge\n"
			    "%s_process_%s%s%s%s %.15g\n",
			    tool, rows[i].name, rows[i].help, tool,
			    rows[i].name, tool, rows[i].name, open, labels,
			    close, rows[i].value);
	}
	return rc;
}
