/*
 * logship - carries the files of a spool's ready/ into a replicated stream.
 *
 * A file is a subject, see jetstream.h. What of it is there already is looked
 * up before anything is sent, so this may be killed at any instant, and two may
 * be at one spool. A file is removed once it is sealed, and all of it is there.
 *
 * A fetcher seals a file whose shipper has been silent for long. If that one
 * comes back after all, the lines that are missing go as a file of their own:
 * NAME+from-OFFSET.ndjson, so named that it is the same one at each try.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "jetstream.h"
#include "log.h"
#include "options.h"
#include "service.h"

#define PAUSE_NS CLOCK_NS_PER_S
#define TELL_NS (60 * CLOCK_NS_PER_S) /* from one bad file to the next */
#define LIST_MAX 1000                 /* files of one turn */
#define INIT_NS (30 * CLOCK_NS_PER_S) /* for servers that begin, too */

enum { STAT_FILES, STAT_BYTES, STAT_ERRORS, STAT_UP, STATS };

static struct metric stats[STATS + 1] = {
    [STAT_FILES] = METRIC_COUNTER(
	"logship_files_shipped_total", "Files that the stream has whole."),
    [STAT_BYTES] = METRIC_COUNTER(
	"logship_bytes_shipped_total", "Bytes that the stream has taken."),
    [STAT_ERRORS] = METRIC_COUNTER("logship_errors_total",
	"Calls of the stream that failed, or were in doubt."),
    [STAT_UP] = METRIC_GAUGE(
	"logship_stream_up", "1 if the stream answered last, else 0."),
};

struct settings {
	struct jetstream_config stream;
	const char *spool;
	uint64_t max_bytes;
	bool init, once;
	unsigned log_level;
};

struct ship {
	const struct settings *settings;
	struct service service;
	struct jetstream *stream;
	struct spool_list list;
	int claims;
	char *piece; /* of piece_max bytes */
	size_t piece_max;
	bool opened; /* the stream was there once, as it must be */
	bool away;   /* told, and not answering since */
	bool left;   /* of this turn: something is to be done yet */
	char failed[SPOOL_NAME_MAX]; /* the file at which a turn ended, or "" */
	uint64_t told_ns; /* when a file that cannot be shipped was told */
};

/* A file of ready/ that is opened. */
struct local {
	int fd;
	uint64_t size;
	bool lines; /* it was written by a spool, so it has whole lines */
};

static enum option_verdict
read_settings(struct settings *, int argc, char **argv, int *status);
static int init(const struct settings *);
static int turn(void *context);

int
main(int argc, char **argv)
{
	static struct ship s = {.claims = -1};
	struct settings settings = {.stream.tool = "logship"};
	struct error err;
	int status;

	if (read_settings(&settings, argc, argv, &status) != OPTIONS_RUN)
		return status;
	log_init("logship", (enum log_level)settings.log_level);
	if (settings.init)
		return init(&settings);
	s.settings = &settings;
	status = service_start(
	    &s.service, "logship", settings.spool, SPOOL_SHIP, stats);
	if (status != EX_OK)
		return status;
	if (jetstream_check_servers(&settings.stream, &err) < 0) {
		log_error("%s", err.text);
		return EX_CONFIG;
	}
	s.stream = jetstream_new(&settings.stream);
	s.claims = spool_claims_open(&s.service.spool, &err);
	/* A full disk has no room for them, and is what a shipper is for. */
	if (s.stream == NULL || (s.claims < 0 && !spool_is_full(err.code))) {
		log_error("%s", s.stream == NULL ? "out of memory" : err.text);
		return EX_OSERR;
	}
	log_info("ready spool=%s stream=%s", s.service.spool.path,
	    settings.stream.stream);
	if (settings.once) {
		status = turn(&s);
		if (status == EX_OK && (s.left || s.away))
			status = EX_TEMPFAIL;
	} else {
		status = service_run(&s.service, PAUSE_NS, turn, &s);
	}
	service_end(&s.service);
	spool_list_release(&s.list);
	jetstream_free(s.stream);
	free(s.piece);
	return status;
}

static enum option_verdict
read_settings(struct settings *s, int argc, char **argv, int *status)
{
	struct option_spec options[JETSTREAM_OPTIONS_COUNT + 6] = {
	    {.name = "spool",
		.type = OPTION_STRING,
		.target = &s->spool,
		.argument = "DIR",
		.help = "the spool whose ready/ is shipped"},
	    {.name = "once",
		.type = OPTION_FLAG,
		.target = &s->once,
		.help = "ship what is ready now, then exit"},
	    {.name = "init",
		.type = OPTION_FLAG,
		.target = &s->init,
		.help = "make the stream as it must be, and exit"},
	    {.name = "max-bytes",
		.type = OPTION_SIZE,
		.target = &s->max_bytes,
		.initial = "10GB",
		.argument = "SIZE",
		.help = "with --init: most that the stream holds; full, it "
			"takes nothing more",
		.min = 1000000,
		.max = INT64_MAX},
	    {.name = "log-level",
		.type = OPTION_ENUM,
		.target = &s->log_level,
		.initial = "info",
		.choices = "error|warn|info|debug",
		.help = "how much to say on stderr"},
	};
	const struct option_tool tool = {
	    .name = "logship",
	    .synopsis = "--spool=DIR --server=URL [option]...",
	    .summary = "Carries the files of SPOOL/ready/ into a replicated "
		       "stream of NATS JetStream.",
	    .epilogue = "Exit status: 0 stopped or done, 64 wrong usage, 74 "
			"the spool cannot be used,\n75 --once or --init could "
			"not reach the stream, or left something, 78 the\n"
			"stream would lose events, or others may write to the "
			"spool. See logship(8).",
	    .options = options,
	};
	enum option_verdict verdict;
	struct error err;
	int first;

	jetstream_options(&s->stream, &options[5]);
	verdict = options_parse(&tool, argc, argv, &first, &err);
	if (verdict == OPTIONS_RUN && !s->init &&
	    (s->spool == NULL || s->spool[0] == '\0')) {
		(void)error_set(&err, "--spool is missing");
		verdict = OPTIONS_USAGE;
	}
	if (verdict == OPTIONS_RUN &&
	    jetstream_check_config(&s->stream, &err) < 0)
		verdict = OPTIONS_USAGE;
	*status = EX_OK;
	if (verdict == OPTIONS_USAGE)
		*status = options_usage(&tool, &err);
	return verdict;
}

static int
init(const struct settings *settings)
{
	uint64_t until = clock_monotonic_ns() + INIT_NS;
	struct jetstream *stream = jetstream_new(&settings->stream);
	enum jetstream_verdict verdict = JETSTREAM_AWAY;
	struct timespec pause = {.tv_sec = 1};
	struct error err;

	(void)error_set(&err, "out of memory");
	while (stream != NULL &&
	       (verdict = jetstream_make(stream, settings->max_bytes, &err)) ==
		   JETSTREAM_AWAY &&
	       clock_monotonic_ns() < until)
		(void)nanosleep(&pause, NULL); /* a signal ends us */
	jetstream_free(stream);
	if (verdict == JETSTREAM_DONE) {
		log_info("the stream %s is there, as it must be",
		    settings->stream.stream);
		return EX_OK;
	}
	log_error("%s", err.text);
	return verdict == JETSTREAM_WRONG ? EX_CONFIG : EX_TEMPFAIL;
}

/* It stays, and keeps no other back. */
static int
pass_over(struct ship *s, const struct error *err)
{
	uint64_t now = clock_monotonic_ns();

	s->left = true;
	metric_add(&stats[STAT_ERRORS], 1);
	if (s->told_ns == 0 || now - s->told_ns >= TELL_NS) {
		log_error("%s", err->text);
		s->told_ns = now;
	}
	return EX_OK;
}

/* EX_OK: it will come right by itself, or is told. */
static int
heard(struct ship *s, enum jetstream_verdict verdict, const struct error *err)
{
	bool up = verdict != JETSTREAM_AWAY && verdict != JETSTREAM_WRONG;

	metric_set(&stats[STAT_UP], up);
	if (up) {
		if (s->away)
			log_info("the stream answers again");
		s->opened = true;
		s->away = false;
	}
	if (verdict == JETSTREAM_DONE)
		return EX_OK;
	if (verdict == JETSTREAM_BROKEN)
		return pass_over(s, err);
	s->left = true;
	if (verdict == JETSTREAM_RACED)
		return EX_OK; /* it is looked up in the next turn */
	metric_add(&stats[STAT_ERRORS], 1);
	if (verdict == JETSTREAM_WRONG && !s->opened)
		log_error("%s", err->text);
	else if (!s->away)
		log_warn("the stream does not take events, files wait: %s",
		    err->text);
	s->away = true;
	return verdict == JETSTREAM_WRONG && !s->opened ? EX_CONFIG : EX_OK;
}

/*
 * Files
 */

/* How much of the piece to send: up to its last line break, if there is one. */
static size_t
whole_lines(const struct ship *s, const struct local *l, size_t len)
{
	const char *end = l->lines ? memrchr(s->piece, '\n', len) : NULL;

	return end == NULL ? len : (size_t)(end - s->piece) + 1;
}

static enum jetstream_verdict
read_failed(const char *name, struct error *err)
{
	(void)error_errno(err, "read ready/%s", name);
	return JETSTREAM_BROKEN;
}

/* Sends what is missing of a file that begins at `base` of the local one. */
static enum jetstream_verdict
send_rest(struct ship *s, const struct local *l, struct jetstream_file *f,
    uint64_t base, struct error *err)
{
	enum jetstream_verdict verdict = JETSTREAM_DONE;
	size_t max = jetstream_piece_max(s->stream);

	if (max > s->piece_max)
		max = s->piece_max;
	while (verdict == JETSTREAM_DONE && base + f->bytes < l->size &&
	       !stop_asked(&s->service.stop)) {
		uint64_t at = base + f->bytes, left = l->size - at;
		ssize_t n = pread(l->fd, s->piece,
		    left < max ? (size_t)left : max, (off_t)at);
		size_t len;

		if (n <= 0) {
			errno = n == 0 ? EIO : errno;
			return read_failed(f->name, err);
		}
		len = (uint64_t)n == left ? (size_t)n
					  : whole_lines(s, l, (size_t)n);
		verdict = jetstream_append(s->stream, f, s->piece, len, err);
		if (verdict == JETSTREAM_DONE)
			metric_add(&stats[STAT_BYTES], len);
		service_tell(&s->service);
	}
	return verdict;
}

/* Where the line begins that the byte before `at` is in, or ends with. */
static int
find_line(const struct local *l, uint64_t *at)
{
	for (char c; *at > 0; (*at)--) {
		if (pread(l->fd, &c, 1, (off_t)(*at - 1)) != 1)
			return -1;
		if (c == '\n')
			break;
	}
	return 0;
}

/* All of it is in the stream and sealed, if the verdict is JETSTREAM_DONE. */
static enum jetstream_verdict
ship_opened(
    struct ship *s, struct local *l, const char *name, struct error *err)
{
	struct jetstream_file f;
	uint64_t base = 0;
	int len = (int)(strlen(name) - strlen(SPOOL_SUFFIX));

	if (l->size > jetstream_file_max(s->stream)) {
		(void)error_set(err,
		    "ready/%s is over half of what the stream may hold, its "
		    "max_bytes",
		    name);
		return JETSTREAM_BROKEN;
	}
	(void)snprintf(f.name, sizeof(f.name), "%s", name);
	for (;;) {
		enum jetstream_verdict verdict =
		    jetstream_look(s->stream, &f, err);

		if (verdict == JETSTREAM_DONE && !f.sealed)
			verdict = send_rest(s, l, &f, base, err);
		if (verdict != JETSTREAM_DONE ||
		    (!f.sealed && base + f.bytes < l->size))
			return verdict; /* or told to stop */
		if (!f.sealed)
			return jetstream_seal(s->stream, &f, err);
		if (base + f.bytes >= l->size)
			return JETSTREAM_DONE;
		/* By somebody else: see the head of this file. */
		base += f.bytes;
		if (find_line(l, &base) < 0 ||
		    (l->lines && find_line(l, &l->size) < 0))
			return read_failed(name, err);
		if (base == l->size)
			return JETSTREAM_DONE; /* but for a torn tail */
		log_warn("sealed by others file=%s, the rest goes as another "
			 "one, from=%llu",
		    f.name, (unsigned long long)base);
		if (snprintf(f.name, sizeof(f.name),
			"%.*s+from-%llu" SPOOL_SUFFIX, len, name,
			(unsigned long long)base) >= (int)sizeof(f.name)) {
			(void)error_set(err, "the name %s is too long", name);
			return JETSTREAM_BROKEN;
		}
	}
}

/* 1: it may be shipped, and is the caller's to close. 0: not now. -1: why. */
static int
open_local(struct ship *s, const char *name, struct local *l, struct error *err)
{
	struct stat st;

	l->fd = openat(s->service.spool.dir[SPOOL_READY], name,
	    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (l->fd < 0)
		return errno == ENOENT
			   ? 0
			   : error_errno(err, "open ready/%s", name);
	l->lines = spool_name_may_be_torn(name);
	if ((l->lines ? spool_is_being_copied(l->fd)
		      : spool_find_writer(l->fd) == SPOOL_WRITER_THERE) ||
	    fstat(l->fd, &st) < 0) {
		(void)close(l->fd); /* only read from */
		return 0;
	}
	l->size = (uint64_t)st.st_size;
	return 1;
}

/* It is claimed. EX_OK, or a status to end with. */
static int
ship_claimed(struct ship *s, const char *name)
{
	enum jetstream_verdict verdict;
	struct local l = {.fd = -1};
	struct error err;
	int status, rc = open_local(s, name, &l, &err);

	if (rc == 0)
		s->left = true;
	if (rc <= 0)
		return rc < 0 ? pass_over(s, &err) : EX_OK;
	verdict = ship_opened(s, &l, name, &err);
	if (verdict == JETSTREAM_AWAY || verdict == JETSTREAM_WRONG)
		(void)snprintf(s->failed, sizeof(s->failed), "%s", name);
	status = heard(s, verdict, &err);
	if (verdict == JETSTREAM_DONE && !stop_asked(&s->service.stop)) {
		if (spool_remove(&s->service.spool, SPOOL_READY, name, &err) <
		    0) {
			log_error("%s", err.text);
			status = EX_IOERR;
		}
		metric_add(&stats[STAT_FILES], 1);
		log_debug("shipped file=%s bytes=%llu", name,
		    (unsigned long long)l.size);
	}
	(void)close(l.fd); /* only read from */
	return status;
}

static int
ship_file(struct ship *s, const char *listed)
{
	char own[SPOOL_NAME_MAX];
	const char *name = listed;
	struct error err;
	int status, rc = 1;

	if (!spool_name_parse(listed, NULL)) {
		rc = spool_adopt(
		    &s->service.spool, s->claims, listed, own, &err);
		name = own;
	}
	if (rc < 0 && err.code != ENOENT)
		return pass_over(s, &err);
	if (rc > 0)
		rc = spool_claim(s->claims, name);
	if (rc <= 0) {
		s->left = true;
		return EX_OK; /* another's, or being written */
	}
	status = ship_claimed(s, name);
	spool_release(s->claims, name);
	return status;
}

/* Memory for pieces, of the size that this server takes. */
static int
make_room(struct ship *s)
{
	size_t max = jetstream_piece_max(s->stream);
	char *piece;

	if (max <= s->piece_max)
		return 0;
	piece = realloc(s->piece, max);
	if (piece == NULL)
		return -1;
	s->piece = piece;
	s->piece_max = max;
	return 0;
}

static int
turn(void *context)
{
	struct ship *s = context;
	char after[SPOOL_NAME_MAX];
	int status = EX_OK;
	struct error err;

	s->left = false;
	/* One that the stream does not take keeps no other back. */
	memcpy(after, s->failed, sizeof(after));
	s->failed[0] = '\0';
	do {
		enum jetstream_verdict verdict;

		if (spool_scan(&s->service.spool, SPOOL_READY, after, LIST_MAX,
			&s->list, &err) < 0) {
			log_error("%s", err.text);
			return EX_IOERR;
		}
		verdict = jetstream_open(s->stream, &err);
		if (verdict != JETSTREAM_DONE)
			return heard(s, verdict, &err);
		if (make_room(s) < 0) {
			log_error("out of memory");
			return EX_OSERR;
		}
		s->opened = true;
		metric_set(&stats[STAT_UP], !s->away);
		for (size_t i = 0;
		     i < s->list.count && status == EX_OK &&
		     !stop_asked(&s->service.stop) && s->failed[0] == '\0';
		     i++)
			status = ship_file(s, s->list.files[i].name);
		if (s->list.count > 0)
			memcpy(after, s->list.files[s->list.count - 1].name,
			    sizeof(after));
	} while (status == EX_OK && s->list.count == LIST_MAX &&
		 s->failed[0] == '\0' && !stop_asked(&s->service.stop));
	return status;
}
