/*
 * settings.c - see settings.h.
 */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "json.h"
#include "settings.h"

#define ADMIN_LISTEN "127.0.0.1:8090"

const char settings_admin_listen[] = ADMIN_LISTEN;

/* Where clients come in, as the options have it. */
static int
add_listeners(struct server *server, const struct option_list *list,
    enum role role, struct error *err)
{
	for (unsigned i = 0; i < list->count; i++) {
		if (listeners_add(
			&server->listeners, role, list->items[i], err) < 0)
			return -1;
	}
	return 0;
}

/* The members that are to be added to events. 0, or -1. */
static int
check_members(const char *const members[EVENT_SOURCES], struct error *err)
{
	static const char *const options[EVENT_SOURCES] = {
	    [EVENT_CLIENT] = "--client-member",
	    [EVENT_SENDER] = "--sender-member",
	};

	for (int i = 0; i < EVENT_SOURCES; i++) {
		if (members[i] == NULL)
			continue;
		if (!event_is_member(members[i]))
			return error_set(err,
			    "%s: '%s' cannot be the name: it has 1 to %d "
			    "bytes, none of them a quote, a backslash or a "
			    "control character",
			    options[i], members[i], EVENT_MEMBER_MAX);
		for (int k = 0; k < i; k++) {
			if (members[k] != NULL &&
			    strcmp(members[k], members[i]) == 0)
				return error_set(err, "%s and %s are the same",
				    options[k], options[i]);
		}
	}
	return 0;
}

/* What the options say of clients. 0, or -1: they are wrong. */
static int
know_clients(const struct settings *s, struct server *server, struct error *err)
{
	struct error why;

	if (add_listeners(server, &s->listen, ROLE_EVENTS, err) < 0 ||
	    add_listeners(server, &s->admin_listen, ROLE_OPERATORS, err) < 0)
		return -1;
	if (s->admin_listen.count == 0 &&
	    listeners_add(&server->listeners, ROLE_OPERATORS,
		listeners_have_passed_admin() ? "systemd"
					      : settings_admin_listen,
		err) < 0)
		return -1;
	if (listeners_have_tls(&server->listeners) &&
	    (server->tls.cert == NULL || server->tls.key == NULL))
		return error_set(
		    err, "a listener with tls needs --tls-cert and --tls-key");
	/* Who gives these would be surprised by plain text. */
	if (!listeners_have_tls(&server->listeners) &&
	    (server->tls.cert != NULL || server->tls.key != NULL ||
		server->tls.client_ca != NULL))
		return error_set(err,
		    "--tls-cert, --tls-key and --tls-client-ca: no listener "
		    "has the option tls");
	for (unsigned i = 0; i < s->trust_proxy.count; i++) {
		if (networks_add(
			&server->trusted, s->trust_proxy.items[i], &why) < 0)
			return error_set(err, "--trust-proxy: %s", why.text);
	}
	if (access_check(&server->access, err) < 0)
		return -1;
	return check_members(server->events.members, err);
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
settings_parse(struct settings *s, struct server *server, int argc, char **argv)
{
	const struct option_spec specs[] = {
	    OPTION_HEADING_ROW("Where to"),
	    {"listen", OPTION_LIST, &s->listen, "127.0.0.1:8080",
		"ADDRESS[,OPTION]...",
		"where events come in: ADDR:PORT, unix:PATH or systemd; "
		"options are "
		"tls, proxy, mode=MODE, group=GROUP; may be repeated",
		NULL, 0, 0},
	    {"admin-listen", OPTION_LIST, &s->admin_listen, NULL,
		"ADDRESS[,OPTION]...",
		"where operators come in, for the status page and "
		"/metrics; " ADMIN_LISTEN
		" if not given and free; may be repeated",
		NULL, 0, 0},
	    {"tls-cert", OPTION_STRING, &server->tls.cert, NULL, "FILE",
		"certificate of listeners with tls, and those that vouch for "
		"it, PEM",
		NULL, 0, 0},
	    {"tls-key", OPTION_STRING, &server->tls.key, NULL, "FILE",
		"its key, PEM", NULL, 0, 0},
	    {"tls-client-ca", OPTION_STRING, &server->tls.client_ca, NULL,
		"FILE",
		"clients of listeners with tls need a certificate of these, "
		"PEM; all three are read anew on SIGHUP",
		NULL, 0, 0},
	    {"trust-proxy", OPTION_LIST, &s->trust_proxy, NULL, "LIST",
		"networks of proxies, and unix, whose X-Forwarded-For or "
		"Forwarded is "
		"believed; may be repeated",
		NULL, 0, 0},
	    {"spool", OPTION_STRING, &s->spool, NULL, "DIR",
		"the spool directory (required); created where missing", NULL,
		0, 0},
	    {"workers", OPTION_COUNT, &s->workers, "0", "N",
		"event loops, each with a buffer file of its own; 0: one for "
		"two CPUs",
		NULL, 0, WORKERS_MAX},
	    OPTION_HEADING_ROW("What to promise and take"),
	    {"ack", OPTION_ENUM, &s->ack, "synced", NULL,
		"answer 200 when events are synced to disk, or already when "
		"written, "
		"which a power cut may undo",
		"synced|written", 0, 0},
	    {"bad", OPTION_ENUM, &s->bad, "reject", NULL,
		"bad events among good ones: put aside, in the end in "
		"rejected/, or a "
		"reason to refuse the whole request",
		"reject|refuse", 0, 0},
	    {"token-file", OPTION_STRING, &server->tokens.path, NULL, "FILE",
		"who may send: NAME:TOKEN or NAME:sha256:HASH a line, and how "
		"much; others: 401; read anew on SIGHUP",
		NULL, 0, 0},
	    {"sender-member", OPTION_STRING,
		&server->events.members[EVENT_SENDER], NULL, "NAME",
		"adds a member of this name to each event: whose token it came "
		"with, or whose certificate",
		NULL, 0, 0},
	    {"client-member", OPTION_STRING,
		&server->events.members[EVENT_CLIENT], NULL, "NAME",
		"adds a member of this name to each event: the client's "
		"address",
		NULL, 0, 0},
	    {"host", OPTION_STRING, &server->access.hosts, NULL, "LIST",
		"names, with or without a port, that a request's Host may be; "
		"any if "
		"not given",
		NULL, 0, 0},
	    {"cors-origin", OPTION_STRING, &server->access.origins, NULL,
		"LIST", "origins whose web pages may send, or *; others: 403",
		NULL, 0, 0},
	    OPTION_HEADING_ROW("Limits"),
	    {"max-body", OPTION_SIZE, &server->max_body, "10MB", "SIZE",
		"largest request body; over it: 413", NULL, 1, 1ULL << 31},
	    {"max-event", OPTION_SIZE, &server->events.event_bytes, "1MB",
		"SIZE", "largest event; over it: a bad one, alone 413", NULL, 2,
		1ULL << 31},
	    {"max-depth", OPTION_COUNT, &server->events.depth, "32", "N",
		"deepest nesting of an event; over it: a bad one, alone 400",
		NULL, 1, JSON_DEPTH_MOST},
	    {"max-header", OPTION_SIZE, &server->max_header, "16KiB", "SIZE",
		"largest request header, or trailer; over it: 431", NULL, 256,
		128 << 10},
	    {"max-in-flight", OPTION_SIZE, &server->budget.max, "32MiB", "SIZE",
		"bytes held at once for all clients: bodies, unsynced lines, "
		"answers; "
		"over it the slowest are ended, else 503",
		NULL, 1, 0},
	    {"max-connections", OPTION_COUNT, &server->max_connections, "10000",
		"N",
		"clients at once; over it the longest idle one is ended, else "
		"503",
		NULL, 1, 1000000},
	    {"spool-limit", OPTION_SIZE, &s->spool_limit, "10GB", "SIZE",
		"bytes in buffer/ and ready/ over which events are refused "
		"with 503; "
		"0: none",
		NULL, 0, 0},
	    {"min-free", OPTION_SIZE, &s->min_free, "256MB", "SIZE",
		"bytes free on the disk under which events are refused with "
		"503; 0: "
		"none",
		NULL, 0, 0},
	    OPTION_HEADING_ROW("Times"),
	    {"idle-timeout", OPTION_DURATION, &server->idle_ns, "75s", "TIME",
		"ends a connection that sends no request", NULL,
		CLOCK_NS_PER_MS, 0},
	    {"request-timeout", OPTION_DURATION, &server->request_ns, "30s",
		"TIME", "time for a whole request to arrive; over it: 408",
		NULL, CLOCK_NS_PER_MS, 0},
	    {"min-rate", OPTION_SIZE, &server->min_rate, "1kB", "SIZE",
		"bytes of a body in a second, over ten; under it: 408; 0: none",
		NULL, 0, 1 << 30},
	    {"drain-timeout", OPTION_DURATION, &server->drain_ns, "5s", "TIME",
		"time for requests in work to finish after SIGTERM", NULL, 0,
		0},
	    OPTION_HEADING_ROW("Output"),
	    {"log-level", OPTION_ENUM, &s->log_level, "info", NULL,
		"what is logged to stderr", "error|warn|info|debug", 0, 0},
	    {NULL, OPTION_FLAG, NULL, NULL, NULL, NULL, NULL, 0, 0},
	};
	const struct option_tool tool = {
	    .name = "logrecv",
	    .synopsis = "--spool=DIR [option]...",
	    .summary = "Takes JSON events over HTTP (POST /log) and appends "
		       "them, one a line, "
		       "to\nbuffer files in the spool. A 200 means that they "
		       "are on disk.",
	    .epilogue =
		"Example:\n"
		"  logrecv --spool=/var/spool/logs --listen=:8080\n"
		"  curl -d '{\"event\":\"user_login\"}' "
		"http://localhost:8080/log\n\n"
		"Exit status: 0 stopped by a signal, 64 usage, 74 I/O error, "
		"or the "
		"spool was\ntaken away, 75 an address is in use, 78 an address "
		"that "
		"cannot be bound to, or\na spool that others may write to.",
	    .options = specs,
	    .takes_arguments = false,
	};
	struct error err;
	int first;

	switch (options_parse(&tool, argc, argv, &first, &err)) {
	case OPTIONS_DONE:
		return fflush(stdout) == 0 ? EX_OK : EX_IOERR;
	case OPTIONS_USAGE:
		return options_usage(&tool, &err);
	case OPTIONS_RUN:
		break;
	}
	if (s->spool == NULL) {
		(void)error_set(&err, "--spool is missing");
		return options_usage(&tool, &err);
	}
	if (know_clients(s, server, &err) < 0)
		return options_usage(&tool, &err);
	if (s->workers == 0)
		s->workers = default_workers();
	server->sync = s->ack == 0;
	server->events.refuse = s->bad == 1;
	server->events.body_bytes = server->max_body;
	return -1;
}
