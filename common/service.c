/*
 * service.c - see service.h.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sysexits.h>

#include "clock.h"
#include "log.h"
#include "service.h"

#define METRICS_NS (5 * CLOCK_NS_PER_S)

static struct stop *asked;

static void
on_stop(int number)
{
	if (stop_asked(asked)) {
		(void)signal(number, SIG_DFL);
		(void)raise(number);
		return;
	}
	stop_ask(asked);
}

static int
catch_signals(void)
{
	struct sigaction stop = {.sa_handler = on_stop};
	struct sigaction ignore = {.sa_handler = SIG_IGN};

	if (sigaction(SIGTERM, &stop, NULL) < 0 ||
	    sigaction(SIGINT, &stop, NULL) < 0 ||
	    sigaction(SIGIO, &ignore, NULL) < 0) /* see spool_find_writer */
		return -1;
	return sigaction(SIGPIPE, &ignore, NULL);
}

int
service_start(struct service *s, const char *tool, const char *spool,
    enum spool_work work, struct metric *table)
{
	struct error err;

	memset(s, 0, sizeof(*s));
	s->table = table;
	if (stop_init(&s->stop, &err) < 0) {
		log_error("%s", err.text);
		return EX_OSERR;
	}
	asked = &s->stop;
	if (catch_signals() < 0) {
		log_error("catch signals: %s", strerror(errno));
		return EX_OSERR;
	}
	if (spool_open(&s->spool, spool, &err) < 0 ||
	    spool_try(&s->spool, work, &err) < 0) {
		log_error("%s", err.text);
		return err.code == EPERM ? EX_CONFIG : EX_IOERR;
	}
	if (metrics_open(&s->metrics, &s->spool, tool, &err) < 0)
		log_warn("%s (going on without metrics)", err.text);
	return EX_OK;
}

void
service_tell(struct service *s)
{
	uint64_t now = clock_monotonic_ns();
	struct error err;

	if (s->metrics_ns != 0 && now - s->metrics_ns < METRICS_NS)
		return;
	s->metrics_ns = now;
	if (metrics_write(&s->metrics, s->table, &err) < 0)
		log_warn("%s (going on without metrics)", err.text);
}

int
service_run(
    struct service *s, uint64_t pause_ns, service_turn *turn, void *context)
{
	do {
		int status;

		if (!spool_is_current(&s->spool)) {
			log_error(
			    "%s: its directories were taken away or replaced",
			    s->spool.path);
			return EX_IOERR;
		}
		status = turn(context);
		if (status != EX_OK)
			return status;
		service_tell(s);
	} while (!stop_wait(&s->stop, pause_ns));
	log_info("stopped");
	return EX_OK;
}

void
service_end(struct service *s)
{
	s->metrics_ns = 0;
	service_tell(s);
	metrics_close(&s->metrics);
	spool_close(&s->spool);
}
