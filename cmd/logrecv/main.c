/*
 * logrecv - HTTP server: checks events and appends them, one JSON object a
 * line, to a buffer file; a 2xx means that they are durable.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sysexits.h>
#include <unistd.h>

#include <event2/event.h>

#include "json.h"
#include "log.h"
#include "options.h"
#include "ways.h"
#include "worker.h"

#define WORKERS_MAX 64
/* Operators' own address, where none is asked for. */
#define ADMIN_LISTEN "127.0.0.1:8090"
#define METRICS_NS (5 * CLOCK_NS_PER_S)
/* Of a commit; then we are not ready. */
#define STALLED_NS (5 * CLOCK_NS_PER_S)
/* Descriptors that are not for clients. */
#define KEEP_BASE 40 /* operators' spare ones among them */
#define KEEP_WORKER 8

static struct {
	struct option_list listen, admin_listen, trust_proxy;
	const char *spool;
	uint64_t workers, spool_limit, min_free;
	unsigned ack, bad, log_level;
} options;

static const char admin_listen[] = ADMIN_LISTEN;
static struct server server;
static struct spool spool;
static struct gate gate;
static struct stats stats;
static struct worker workers[WORKERS_MAX];

static const struct option_spec option_specs[] = {
    OPTION_HEADING_ROW("Where to"),
    {"listen", OPTION_LIST, &options.listen, "127.0.0.1:8080",
	"ADDRESS[,OPTION]...",
	"where events come in: ADDR:PORT, unix:PATH or systemd; options are "
	"tls, proxy, mode=MODE, group=GROUP; may be repeated",
	NULL, 0, 0},
    {"admin-listen", OPTION_LIST, &options.admin_listen, NULL,
	"ADDRESS[,OPTION]...",
	"where operators come in, for /metrics; " ADMIN_LISTEN
	" if not given and free; may be repeated",
	NULL, 0, 0},
    {"tls-cert", OPTION_STRING, &server.tls.cert, NULL, "FILE",
	"certificate of listeners with tls, and those that vouch for it, PEM",
	NULL, 0, 0},
    {"tls-key", OPTION_STRING, &server.tls.key, NULL, "FILE",
	"its key, PEM; both are read anew on SIGHUP", NULL, 0, 0},
    {"trust-proxy", OPTION_LIST, &options.trust_proxy, NULL, "LIST",
	"networks of proxies, and unix, whose X-Forwarded-For or Forwarded is "
	"believed; may be repeated",
	NULL, 0, 0},
    {"spool", OPTION_STRING, &options.spool, NULL, "DIR",
	"the spool directory (required); created where missing", NULL, 0, 0},
    {"workers", OPTION_COUNT, &options.workers, "0", "N",
	"event loops, each with a buffer file of its own; 0: one for two CPUs",
	NULL, 0, WORKERS_MAX},
    OPTION_HEADING_ROW("What to promise and take"),
    {"ack", OPTION_ENUM, &options.ack, "synced", NULL,
	"answer 200 when events are synced to disk, or already when written, "
	"which a power cut may undo",
	"synced|written", 0, 0},
    {"bad", OPTION_ENUM, &options.bad, "reject", NULL,
	"bad events among good ones: put aside, in the end in rejected/, or a "
	"reason to refuse the whole request",
	"reject|refuse", 0, 0},
    {"client-member", OPTION_STRING, &server.events.client_member, NULL, "NAME",
	"adds a member of this name to each event: the client's address", NULL,
	0, 0},
    {"host", OPTION_STRING, &server.access.hosts, NULL, "LIST",
	"names, with or without a port, that a request's Host may be; any if "
	"not given",
	NULL, 0, 0},
    {"cors-origin", OPTION_STRING, &server.access.origins, NULL, "LIST",
	"origins whose web pages may send, or *; others: 403", NULL, 0, 0},
    OPTION_HEADING_ROW("Limits"),
    {"max-body", OPTION_SIZE, &server.max_body, "10MB", "SIZE",
	"largest request body; over it: 413", NULL, 1, 1ULL << 31},
    {"max-event", OPTION_SIZE, &server.events.event_bytes, "1MB", "SIZE",
	"largest event; over it: a bad one, alone 413", NULL, 2, 1ULL << 31},
    {"max-depth", OPTION_COUNT, &server.events.depth, "32", "N",
	"deepest nesting of an event; over it: a bad one, alone 400", NULL, 1,
	JSON_DEPTH_MOST},
    {"max-header", OPTION_SIZE, &server.max_header, "16KiB", "SIZE",
	"largest request header, or trailer; over it: 431", NULL, 256,
	128 << 10},
    {"max-in-flight", OPTION_SIZE, &server.budget.max, "32MiB", "SIZE",
	"bytes held at once for all clients: bodies, unsynced lines, answers; "
	"over it the slowest are ended, else 503",
	NULL, 1, 0},
    {"max-connections", OPTION_COUNT, &server.max_connections, "10000", "N",
	"clients at once; over it the longest idle one is ended, else 503",
	NULL, 1, 1000000},
    {"spool-limit", OPTION_SIZE, &options.spool_limit, "10GB", "SIZE",
	"bytes in buffer/ and ready/ over which events are refused with 503; "
	"0: none",
	NULL, 0, 0},
    {"min-free", OPTION_SIZE, &options.min_free, "256MB", "SIZE",
	"bytes free on the disk under which events are refused with 503; 0: "
	"none",
	NULL, 0, 0},
    OPTION_HEADING_ROW("Times"),
    {"idle-timeout", OPTION_DURATION, &server.idle_ns, "75s", "TIME",
	"ends a connection that sends no request", NULL, CLOCK_NS_PER_MS, 0},
    {"request-timeout", OPTION_DURATION, &server.request_ns, "30s", "TIME",
	"time for a whole request to arrive; over it: 408", NULL,
	CLOCK_NS_PER_MS, 0},
    {"min-rate", OPTION_SIZE, &server.min_rate, "1kB", "SIZE",
	"bytes of a body in a second, over ten; under it: 408; 0: none", NULL,
	0, 1 << 30},
    {"drain-timeout", OPTION_DURATION, &server.drain_ns, "5s", "TIME",
	"time for requests in work to finish after SIGTERM", NULL, 0, 0},
    OPTION_HEADING_ROW("Output"),
    {"log-level", OPTION_ENUM, &options.log_level, "info", NULL,
	"what is logged to stderr", "error|warn|info|debug", 0, 0},
    {NULL, OPTION_FLAG, NULL, NULL, NULL, NULL, NULL, 0, 0},
};

static const struct option_tool tool = {
    .name = "logrecv",
    .synopsis = "--spool=DIR [option]...",
    .summary =
	"Takes JSON events over HTTP (POST /log) and appends them, one a line, "
	"to\nbuffer files in the spool. A 200 means that they are on disk.",
    .epilogue =
	"Example:\n"
	"  logrecv --spool=/var/spool/logs --listen=:8080\n"
	"  curl -d '{\"event\":\"user_login\"}' http://localhost:8080/log\n\n"
	"Exit status: 0 stopped by a signal, 64 usage, 74 I/O error, or the "
	"spool was\ntaken away, 75 an address is in use, 78 an address that "
	"cannot be bound to, or\na spool that others may write to.",
    .options = option_specs,
    .takes_arguments = false,
};

/* As many descriptors as connections may need, as far as we may. */
static void
raise_descriptor_limit(void)
{
	struct rlimit limit;
	rlim_t kept = KEEP_BASE + KEEP_WORKER * options.workers +
		      server.listeners.count * (options.workers + 1);
	rlim_t wanted = server.max_connections + kept;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	if (limit.rlim_cur < wanted) {
		limit.rlim_cur =
		    limit.rlim_max < wanted ? limit.rlim_max : wanted;
		if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
			log_warn("raise the limit of open files: %s",
			    strerror(errno));
	}
	if (limit.rlim_cur >= wanted)
		return;
	/* The spool needs descriptors too: clients may not take the last. */
	server.max_connections =
	    limit.rlim_cur > 2 * kept ? limit.rlim_cur - kept : kept;
	log_warn("the limit of open files, %llu, allows %llu connections at "
		 "most",
	    (unsigned long long)limit.rlim_cur,
	    (unsigned long long)server.max_connections);
}

/* Where clients come in, as the options have it. */
static int
add_listeners(const struct option_list *list, enum role role, struct error *err)
{
	for (unsigned i = 0; i < list->count; i++) {
		if (listeners_add(
			&server.listeners, role, list->items[i], err) < 0)
			return -1;
	}
	return 0;
}

/* What the options say of clients. 0, or -1: they are wrong. */
static int
know_clients(struct error *err)
{
	const char *member = server.events.client_member;
	struct error why;

	if (add_listeners(&options.listen, ROLE_EVENTS, err) < 0 ||
	    add_listeners(&options.admin_listen, ROLE_OPERATORS, err) < 0)
		return -1;
	if (options.admin_listen.count == 0 &&
	    listeners_add(&server.listeners, ROLE_OPERATORS,
		listeners_have_passed_admin() ? "systemd" : admin_listen,
		err) < 0)
		return -1;
	if (listeners_have_tls(&server.listeners) &&
	    (server.tls.cert == NULL || server.tls.key == NULL))
		return error_set(
		    err, "a listener with tls needs --tls-cert and --tls-key");
	/* Who gives these would be surprised by plain text. */
	if (!listeners_have_tls(&server.listeners) &&
	    (server.tls.cert != NULL || server.tls.key != NULL))
		return error_set(err,
		    "--tls-cert and --tls-key: no listener has the option tls");
	for (unsigned i = 0; i < options.trust_proxy.count; i++) {
		if (networks_add(&server.trusted, options.trust_proxy.items[i],
			&why) < 0)
			return error_set(err, "--trust-proxy: %s", why.text);
	}
	if (member == NULL || event_is_member(member))
		return 0;
	return error_set(err,
	    "--client-member: '%s' cannot be the name: it has 1 to %d bytes, "
	    "none of them a quote, a backslash or a control character",
	    member, EVENT_MEMBER_MAX);
}

/*
 * Operators' own address, where none was asked for, may be another's, such as a
 * second logrecv's: that stops no events. *why_not is empty if it is ours.
 */
static int
open_listeners(struct error *why_not, struct error *err)
{
	struct listeners *ls = &server.listeners;

	why_not->text[0] = '\0';
	for (unsigned i = 0; i < ls->count; i++) {
		if (listener_open(&ls->all[i], err) == 0)
			continue;
		if (ls->all[i].text != admin_listen)
			return -1;
		*why_not = *err;
		ls->count--; /* it is the last one */
	}
	return 0;
}

static void
say_listening(const struct error *why_not)
{
	const struct listeners *ls = &server.listeners;
	char text[LISTENER_TEXT_MAX];

	for (unsigned i = 0; i < ls->count; i++) {
		listener_format(&ls->all[i], text);
		if (ls->all[i].role == ROLE_OPERATORS)
			log_info("listening for operators address=%s", text);
		else
			log_info("listening address=%s workers=%llu spool=%s "
				 "ack=%s",
			    text, (unsigned long long)options.workers,
			    spool.path,
			    options.ack == 0 ? "synced" : "written");
	}
	if (why_not->text[0] != '\0')
		log_warn(
		    "%s (going on without it: nobody can ask for /metrics)",
		    why_not->text);
	for (unsigned i = 0; i < ls->count; i++) {
		if (!listener_is_local(&ls->all[i]))
			log_warn("%s %s: whoever reaches this address can %s: "
				 "there is %s authentication",
			    listener_option(&ls->all[i]), ls->all[i].text,
			    ls->all[i].role == ROLE_EVENTS ? "send events"
							   : "read the metrics",
			    ls->all[i].tls ? "no" : "neither encryption nor");
	}
}

/* The numbers that are looked up, not counted. */
static void
measure(void)
{
	uint64_t age_ns = 0;
	bool stalled;

	for (uint64_t i = 0; i < options.workers; i++) {
		if (worker_stall_ns(&workers[i]) > age_ns)
			age_ns = worker_stall_ns(&workers[i]);
	}
	stalled = age_ns >= STALLED_NS;
	if (atomic_exchange(&server.stalled, stalled) != stalled)
		log_warn(stalled ? "not ready: the disk has not finished a "
				   "write for %llu s"
				 : "ready: the disk has finished its write",
		    (unsigned long long)(age_ns / CLOCK_NS_PER_S));
	stat_set(&stats, STAT_COMMIT_AGE, (int64_t)(age_ns / CLOCK_NS_PER_MS));
	stat_set(&stats, STAT_CONNECTIONS,
	    (int64_t)atomic_load(&server.connections));
	stat_set(
	    &stats, STAT_IN_FLIGHT, (int64_t)atomic_load(&server.budget.used));
}

/* What GET /metrics shows, and from time to time the file. */
static void
show(bool file)
{
	struct error err;

	measure();
	if (stats_publish(&stats, &err) < 0)
		log_warn("%s", err.text);
	if (file && stats_write(&stats, &err) < 0)
		log_warn("%s", err.text);
}

/* The certificate may have changed: it is for connections from now on. */
static void
reload(int hangup_fd)
{
	struct signalfd_siginfo info;
	struct error err;

	if (read(hangup_fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (tls_load(&server.tls, &err) < 0)
		log_error("%s (going on with the last one)", err.text);
	else
		log_info("the certificate was read anew");
}

/*
 * Until a signal, or until a worker has failed: each second looks at the disk
 * and at the workers, and shows what there is to see. False: the spool is not
 * the one that its path names any more.
 */
static bool
supervise(int signal_fd, int hangup_fd)
{
	struct pollfd pfd[] = {{.fd = signal_fd, .events = POLLIN},
	    {.fd = server.failed_fd, .events = POLLIN},
	    {.fd = hangup_fd, .events = POLLIN}}; /* -1 is passed over */
	uint64_t metrics_ns = 0, now;
	bool due;

	for (;;) {
		if (!spool_is_current(&spool)) {
			log_error("%s: its directories were taken away or "
				  "replaced",
			    spool.path);
			return false;
		}
		now = clock_monotonic_ns();
		if (now >= gate.next_ns)
			gate_check(&gate);
		due = now >= metrics_ns;
		show(due);
		if (due)
			metrics_ns = now + METRICS_NS;
		if (poll(pfd, 3, 1000) <= 0)
			continue;
		if (pfd[2].revents != 0)
			reload(hangup_fd);
		if (pfd[0].revents != 0 || pfd[1].revents != 0)
			return true;
	}
}

/* Takes nothing more, finishes, syncs. A second signal ends it at once. */
static void
stop(unsigned count, int signal_fd)
{
	struct signalfd_siginfo info;
	sigset_t set;

	if (read(signal_fd, &info, sizeof(info)) == sizeof(info))
		log_info("stopping signal=%s", strsignal((int)info.ssi_signo));
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)pthread_sigmask(SIG_UNBLOCK, &set, NULL); /* default: dies */
	/* Those that come from now on are not to wait for us. */
	listeners_close(&server.listeners);
	for (unsigned i = 0; i < count; i++)
		worker_stop(&workers[i]);
	for (unsigned i = 0; i < count; i++)
		worker_join(&workers[i]);
}

/* A descriptor that tells of these signals, which do nothing else any more. */
static int
take_signals(int one, int other, struct error *err)
{
	sigset_t set;
	int fd;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, one);
	(void)sigaddset(&set, other);
	(void)pthread_sigmask(SIG_BLOCK, &set, NULL); /* SIG_BLOCK is valid */
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? error_errno(err, "create a signalfd") : fd;
}

/* Why it could not begin, as an exit status. */
static int
exit_status(const struct error *err)
{
	switch (err->code) {
	case EADDRINUSE:
	case EAGAIN:
		return EX_TEMPFAIL;
	case EADDRNOTAVAIL:
	case EACCES:
	case EPERM:
	case EEXIST:
	case ENOENT:
	case ENOTDIR:
		return EX_CONFIG;
	default:
		return EX_IOERR;
	}
}

/* Runs the server on an open spool; returns the exit status. */
static int
serve(int signal_fd, int hangup_fd)
{
	struct error err, why_not;
	unsigned made = 0, started = 0;
	bool there;

	if (open_listeners(&why_not, &err) == 0) {
		while (made < options.workers &&
		       worker_init(&workers[made], &server, &err) == 0)
			made++;
	}
	if (made == options.workers) {
		gate_check(&gate);
		show(true);
		say_listening(&why_not);
		while (started < made &&
		       worker_start(&workers[started], &err) == 0)
			started++;
	}
	if (started < options.workers) {
		log_error("%s", err.text);
		for (unsigned i = 0; i < started; i++) {
			worker_stop(&workers[i]);
			worker_join(&workers[i]);
		}
		for (unsigned i = started; i < made; i++)
			worker_destroy(&workers[i]);
		listeners_close(&server.listeners);
		return exit_status(&err);
	}
	there = supervise(signal_fd, hangup_fd);
	stop(started, signal_fd);
	show(true);
	log_info("stopped");
	return there && !atomic_load(&server.failed) ? EX_OK : EX_IOERR;
}

/* What libevent has to say is a line of our log too. */
static void
on_libevent_log(int severity, const char *text)
{
	if (severity >= EVENT_LOG_WARN)
		log_warn("libevent: %s", text);
	else
		log_debug("libevent: %s", text);
}

/*
 * Half the CPUs: the kernel needs about as much again for the network, the
 * loader and the database work beside, and fewer workers means more requests
 * that share a sync.
 */
static uint64_t
default_workers(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN) / 2;

	return n < 1 ? 1 : n > WORKERS_MAX ? WORKERS_MAX : (uint64_t)n;
}

int
main(int argc, char **argv)
{
	struct error err;
	int first, signal_fd, hangup_fd = -1, status;

	switch (options_parse(&tool, argc, argv, &first, &err)) {
	case OPTIONS_DONE:
		return fflush(stdout) == 0 ? EX_OK : EX_IOERR;
	case OPTIONS_USAGE:
		return options_usage(&tool, &err);
	case OPTIONS_RUN:
		break;
	}
	if (options.spool == NULL) {
		(void)error_set(&err, "--spool is missing");
		return options_usage(&tool, &err);
	}
	if (know_clients(&err) < 0)
		return options_usage(&tool, &err);
	log_init(tool.name, (enum log_level)options.log_level);
	event_set_log_callback(on_libevent_log);
	if (options.workers == 0)
		options.workers = default_workers();
	raise_descriptor_limit();
	server.spool = &spool;
	server.gate = &gate;
	server.stats = &stats;
	server.sync = options.ack == 0;
	server.ways = ways;
	server.events.refuse = options.bad == 1;
	server.failed_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	(void)signal(SIGPIPE, SIG_IGN); /* a client that has gone is EPIPE */
	(void)signal(SIGXFSZ, SIG_IGN); /* a file size limit is EFBIG */
	signal_fd = take_signals(SIGTERM, SIGINT, &err);
	if (signal_fd < 0 || server.failed_fd < 0 ||
	    budget_init(&server.budget, server.budget.max) < 0) {
		log_error("start: %s", strerror(errno));
		return EX_OSERR;
	}
	if (spool_open(&spool, options.spool, &err) < 0 ||
	    spool_try(&spool, SPOOL_RECEIVE, &err) < 0) {
		log_error("%s", err.text);
		return err.code == EPERM ? EX_CONFIG : EX_IOERR;
	}
	if (listeners_have_tls(&server.listeners)) {
		if (tls_load(&server.tls, &err) < 0 ||
		    (hangup_fd = take_signals(SIGHUP, SIGHUP, &err)) < 0) {
			log_error("%s", err.text);
			return EX_CONFIG;
		}
	}
	if (stats_open(&stats, &spool, &err) < 0)
		log_warn("%s (going on without that file)", err.text);
	gate_init(&gate, &spool, &stats, options.spool_limit, options.min_free);
	status = serve(signal_fd, hangup_fd);
	gate_release(&gate);
	stats_close(&stats);
	tls_release(&server.tls);
	budget_release(&server.budget);
	spool_close(&spool);
	return status;
}
