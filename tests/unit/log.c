/*
 * log.c - a message is one line, whatever is in it, and one write(2).
 */
#include <fcntl.h>
#include <pthread.h>
#include <regex.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "log.h"
#include "tap.h"

static int messages[2]; /* what stderr is: each write is a message of its own */
static char line[2 * LOG_LINE_MAX];

/* The next write to stderr, in `line`; NULL if there is none. */
static const char *
take(void)
{
	ssize_t n = recv(messages[0], line, sizeof(line) - 1, MSG_DONTWAIT);

	if (n < 0)
		return NULL;
	line[n] = '\0';
	return line;
}

/* The next write without its stamp. */
static const char *
take_text(void)
{
	return take() == NULL ? NULL : strchr(line, ' ') + 1;
}

static void
test_form(void)
{
	regex_t form;

	must(regcomp(&form,
		 "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}"
		 "\\.[0-9]{6}Z info tool: rotated file=a bytes=7\n$",
		 REG_EXTENDED | REG_NOSUB) == 0);
	log_info("rotated file=%s bytes=%d", "a", 7);
	ok(take() != NULL && regexec(&form, line, 0, NULL, 0) == 0,
	    "a line: time, level, tool, message");
	ok(take() == NULL, "in one write");
	regfree(&form);
	log_error("x");
	is_text(take_text(), "error tool: x\n", "error");
	log_warn("x");
	is_text(take_text(), "warn tool: x\n", "warn");
	log_debug("x");
	ok(take() == NULL, "a level beyond the asked one is not shown");
	log_init("tool", LOG_LEVEL_DEBUG);
	log_debug("x");
	is_text(take_text(), "debug tool: x\n", "unless it is asked for");
}

static void
test_escapes(void)
{
	struct tap_all all = {0};

	log_info("%s", "a\nb\r\x1b[2J\t\x7f");
	is_text(take_text(), "info tool: a\\x0ab\\x0d\\x1b[2J\\x09\\x7f\n",
	    "control characters are escaped");
	log_info("%s", "\xc3\xa9\xff");
	is_text(take_text(), "info tool: \\xc3\\xa9\\xff\n",
	    "so is what is not ASCII");
	for (int c = 1; c < 256; c++) {
		char text[2] = {(char)c, '\0'};
		bool plain = c >= 0x20 && c < 0x7f;

		log_info("%s", text);
		must(take() != NULL);
		tap_case(&all, strchr(line, '\n') == line + strlen(line) - 1,
		    "byte %d: a line break within", c);
		tap_case(&all,
		    (strchr(line, '\\') == NULL) == (plain && c != '\\'),
		    "byte %d", c);
		for (const char *p = line; *p != '\0'; p++)
			tap_case(&all, *p == '\n' || (*p >= 0x20 && *p < 0x7f),
			    "byte %d: a byte %d in the line", c, *p);
	}
	tap_all(&all, "every byte leaves one line of printable ASCII");
}

static void
test_cut(void)
{
	char longer[3 * LOG_LINE_MAX];
	size_t len;

	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	log_info("%s", longer);
	must(take() != NULL);
	len = strlen(line);
	ok(len <= LOG_LINE_MAX && len > LOG_LINE_MAX - 8,
	    "a long message is cut at %d bytes (%zu)", LOG_LINE_MAX, len);
	ok(line[len - 1] == '\n' && line[len - 2] == 'x', "at the end of it");
	memset(longer, '\1', sizeof(longer) - 1);
	log_info("%s", longer);
	must(take() != NULL);
	len = strlen(line);
	ok(len <= LOG_LINE_MAX && line[len - 1] == '\n',
	    "so is one that grows by escapes (%zu)", len);
	is_text(line + len - 5, "\\x01\n", "and no escape is cut");
	ok(take() == NULL, "each is one write");
}

static void *
log_many(void *name)
{
	for (int i = 0; i < 500; i++)
		log_info("thread=%s n=%d", (char *)name, i);
	return NULL;
}

static void
test_threads(const char *path)
{
	char names[4][2] = {"a", "b", "c", "d"};
	int next[4] = {0};
	pthread_t threads[4];
	struct tap_all all = {0};
	FILE *file;
	int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	must(fd >= 0 && dup2(fd, STDERR_FILENO) >= 0);
	log_init("tool", LOG_LEVEL_INFO);
	for (int i = 0; i < 4; i++)
		must(
		    pthread_create(&threads[i], NULL, log_many, names[i]) == 0);
	for (int i = 0; i < 4; i++)
		must(pthread_join(threads[i], NULL) == 0);
	file = fdopen(fd, "r");
	must(file != NULL);
	rewind(file);
	while (fgets(line, sizeof(line), file) != NULL) {
		char who = '?';
		int n = -1;
		const char *text = strstr(line, "info tool: ");

		must(text != NULL);
		tap_case(&all,
		    sscanf(text, "info tool: thread=%c n=%d\n", &who, &n) ==
			    2 &&
			who >= 'a' && who <= 'd' && n == next[who - 'a']++,
		    "%s", line);
	}
	(void)fclose(file);
	for (int i = 0; i < 4; i++)
		tap_case(
		    &all, next[i] == 500, "thread %d: %d lines", i, next[i]);
	tap_all(&all, "four threads: each line is whole and in order");
}

/* How many lines there are to be read, the last one in `line`. */
static int
read_lines(int fd)
{
	char bytes[4096];
	ssize_t n;
	int lines = 0;
	size_t len = 0;

	while ((n = read(fd, bytes, sizeof(bytes))) > 0) {
		for (ssize_t i = 0; i < n; i++) {
			if (len < sizeof(line) - 1)
				line[len++] = bytes[i];
			if (bytes[i] != '\n')
				continue;
			line[len] = '\0';
			len = 0;
			lines++;
		}
	}
	return len == 0 ? lines : -1;
}

/*
 * Logs more than there is room for in what is read from ends[0], twice.
 * `closed`: it cannot be opened anew, for want of a descriptor.
 */
static void
test_full(int ends[2], bool closed, const char *what)
{
	struct rlimit usual;
	int got, said;

	must(fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0);
	must(dup2(ends[1], STDERR_FILENO) >= 0);
	must(getrlimit(RLIMIT_NOFILE, &usual) == 0);
	if (closed)
		must(setrlimit(RLIMIT_NOFILE,
			 &(struct rlimit){3, usual.rlim_max}) == 0);
	log_init("tool", LOG_LEVEL_INFO);
	must(setrlimit(RLIMIT_NOFILE, &usual) == 0);
	for (int turn = 1; turn <= 2; turn++) {
		for (int i = 0; i < 10000; i++)
			log_info("%0500d", i);
		got = read_lines(ends[0]);
		ok(got > 0 && got < 10000, "%s: no line is cut (%d)", what,
		    got);
		log_info("again");
		must(read(ends[0], line, sizeof(line) - 1) > 0);
		must(sscanf(strchr(line, ' '),
			 " warn tool: nobody read stderr: lines were lost "
			 "lines=%d\n",
			 &said) == 1);
		is_number(said, 10000 - got, "it says how many were lost");
		(void)read_lines(ends[0]);
	}
	log_info("more");
	is_number(read_lines(ends[0]), 1, "and goes on as before");
	ok((fcntl(STDERR_FILENO, F_GETFL) & O_NONBLOCK) == 0,
	    "what others share is as it was");
	(void)close(ends[0]);
	(void)close(ends[1]);
}

static void
test_nobody_reads(void)
{
	int ends[2];

	must(pipe2(ends, O_CLOEXEC) == 0);
	test_full(ends, false, "a pipe");
	must(pipe2(ends, O_CLOEXEC) == 0);
	test_full(ends, true, "a pipe that cannot be opened anew");
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
	test_full(ends, false, "a socket");
}

int
main(void)
{
	char scratch[64], path[80];
	int saved = dup(STDERR_FILENO);

	must(saved >= 0);
	must(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, messages) == 0);
	must(dup2(messages[1], STDERR_FILENO) >= 0);
	log_init("tool", LOG_LEVEL_INFO);
	test_form();
	log_init("tool", LOG_LEVEL_INFO);
	test_escapes();
	test_cut();
	tap_scratch(scratch);
	(void)snprintf(path, sizeof(path), "%s/log", scratch);
	test_threads(path);
	test_nobody_reads();
	must(dup2(saved, STDERR_FILENO) >= 0);
	log_init("tool", LOG_LEVEL_INFO);
	tap_remove_tree(scratch);
	return tap_end();
}
