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

#include "log.h"
#include "page/page.h"
#include "secret.h"
#include "settings.h"
#include "ways.h"
#include "worker.h"

#define METRICS_NS (5 * CLOCK_NS_PER_S)
#define OPERATORS_MAX (16 << 20) /* bytes that are held for operators */
/* Of a commit; then we are not ready. */
#define STALLED_NS (5 * CLOCK_NS_PER_S)
/* Descriptors that are not for clients. */
#define KEEP_BASE 40 /* operators' spare ones among them */
#define KEEP_WORKER 8

static struct settings settings;
static struct server server;
static struct spool spool;
static struct gate gate;
static struct stats stats;
static struct page page;
static struct worker workers[WORKERS_MAX];

/* As many descriptors as connections may need, as far as we may. */
static void
raise_descriptor_limit(void)
{
	struct rlimit limit;
	rlim_t kept = KEEP_BASE + KEEP_WORKER * settings.workers +
		      server.listeners.count * (settings.workers + 1);
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
		if (ls->all[i].text != settings_admin_listen)
			return -1;
		*why_not = *err;
		ls->count--; /* it is the last one */
	}
	return 0;
}

/* What anybody can do at an address that others reach. */
static void
warn_of(const struct listener *l)
{
	bool events = l->role == ROLE_EVENTS;

	if (l->tls && server.tls.client_ca != NULL)
		return;
	if (!events || server.tokens.path == NULL)
		log_warn("%s %s: whoever reaches this address can %s: there is "
			 "%s authentication",
		    listener_option(l), l->text,
		    events ? "send events"
			   : "see the metrics and what was rejected",
		    l->tls ? "no" : "neither encryption nor");
	else if (!l->tls)
		log_warn("%s %s: whoever is on the way to this address can "
			 "read the tokens: there is no encryption",
		    listener_option(l), l->text);
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
			    text, (unsigned long long)settings.workers,
			    spool.path,
			    settings.ack == 0 ? "synced" : "written");
	}
	if (why_not->text[0] != '\0')
		log_warn("%s (going on without it: nobody can ask for /metrics "
			 "or see the status page)",
		    why_not->text);
	for (unsigned i = 0; i < ls->count; i++) {
		if (!listener_is_local(&ls->all[i]))
			warn_of(&ls->all[i]);
	}
}

/* The numbers that are looked up, not counted. */
static void
measure(void)
{
	uint64_t age_ns = 0;
	bool stalled;

	for (uint64_t i = 0; i < settings.workers; i++) {
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

/* What operators see, and from time to time the file; at last both. */
static void
show(bool file, bool last)
{
	struct error err;

	measure();
	if (stats_publish(&stats, &err) < 0)
		log_warn("%s", err.text);
	if (file && stats_write(&stats, &err) < 0)
		log_warn("%s", err.text);
	page_refresh(&page, server_unready(&server), last);
}

static int
load_tokens(struct error *err)
{
	if (tokens_load(&server.tokens, err) < 0)
		return -1;
	if (server.tokens.exposed)
		log_warn("--token-file %s: others may read or change it",
		    server.tokens.path);
	return 0;
}

/*
 * Certificates and tokens may have changed: for connections, and for
 * requests, from now on.
 */
static void
reload(int hangup_fd)
{
	const struct tls *tls = &server.tls;
	const char *const certificates[] = {
	    tls->cert, tls->key, tls->client_ca};
	struct signalfd_siginfo info;
	struct error err;

	if (read(hangup_fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (listeners_have_tls(&server.listeners)) {
		if (secret_are_files(certificates, 3, &err) < 0 ||
		    tls_load(&server.tls, &err) < 0)
			log_error("%s (going on with the last one)", err.text);
		else
			log_info("the certificates were read anew");
	}
	if (server.tokens.path != NULL) {
		if (secret_are_files(&server.tokens.path, 1, &err) < 0 ||
		    load_tokens(&err) < 0)
			log_error("%s (going on with the last ones)", err.text);
		else
			log_info("the tokens were read anew");
	}
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
		show(due, false);
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
		while (made < settings.workers &&
		       worker_init(&workers[made], &server, &err) == 0)
			made++;
	}
	if (made == settings.workers) {
		gate_check(&gate);
		show(true, false);
		say_listening(&why_not);
		while (started < made &&
		       worker_start(&workers[started], &err) == 0)
			started++;
	}
	if (started < settings.workers) {
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
	show(true, true);
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

int
main(int argc, char **argv)
{
	struct error err;
	int signal_fd, hangup_fd = -1, status;
	bool has_tls, has_tokens;

	status = settings_parse(&settings, &server, argc, argv);
	if (status >= 0)
		return status;
	log_init("logrecv", (enum log_level)settings.log_level);
	event_set_log_callback(on_libevent_log);
	raise_descriptor_limit();
	server.spool = &spool;
	server.gate = &gate;
	server.stats = &stats;
	server.page = &page;
	server.ways = server.tokens.ways = ways;
	server.tokens.senders = &server.senders;
	senders_init(&server.senders);
	server.failed_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	(void)signal(SIGPIPE, SIG_IGN); /* a client that has gone is EPIPE */
	(void)signal(SIGXFSZ, SIG_IGN); /* a file size limit is EFBIG */
	signal_fd = take_signals(SIGTERM, SIGINT, &err);
	if (signal_fd < 0 || server.failed_fd < 0 ||
	    budget_init(&server.budget, server.budget.max) < 0 ||
	    budget_init(&server.operators, OPERATORS_MAX) < 0) {
		log_error("start: %s", strerror(errno));
		return EX_OSERR;
	}
	if (spool_open(&spool, settings.spool, &err) < 0 ||
	    spool_try(&spool, SPOOL_RECEIVE, &err) < 0) {
		log_error("%s", err.text);
		return err.code == EPERM ? EX_CONFIG : EX_IOERR;
	}
	has_tls = listeners_have_tls(&server.listeners);
	has_tokens = server.tokens.path != NULL;
	if (has_tls || has_tokens)
		secret_keep();
	if ((has_tls && tls_load(&server.tls, &err) < 0) ||
	    (has_tokens && load_tokens(&err) < 0) ||
	    ((has_tls || has_tokens) &&
		(hangup_fd = take_signals(SIGHUP, SIGHUP, &err)) < 0)) {
		log_error("%s", err.text);
		return EX_CONFIG;
	}
	if (stats_open(&stats, &spool, &server.senders, &err) < 0)
		log_warn("%s (going on without that file)", err.text);
	gate_init(
	    &gate, &spool, &stats, settings.spool_limit, settings.min_free);
	page_open(&page, &spool, &stats, &gate);
	status = serve(signal_fd, hangup_fd);
	page_close(&page);
	gate_release(&gate);
	stats_close(&stats);
	tls_release(&server.tls);
	tokens_release(&server.tokens);
	budget_release(&server.budget);
	budget_release(&server.operators);
	spool_close(&spool);
	return status;
}
