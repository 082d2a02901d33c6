/*
 * watch.c - see watch.h.
 */
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "watch.h"

#define DRAW_MS 200
#define HURRY_MS 50
/*
 * A signal is answered within a second: what can end by itself has so long,
 * then the connections are broken, then the threads are left behind.
 */
#define BREAK_NS (250 * CLOCK_NS_PER_MS)
#define LEAVE_NS (700 * CLOCK_NS_PER_MS)

static bool hurry(struct watch *, uint64_t *stopped_ns);

void
watch_init(struct watch *w, struct run *run, struct report *report)
{
	memset(w, 0, sizeof(*w));
	w->run = run;
	w->report = report;
}

static void
draw(struct watch *w)
{
	const struct crew *c = &w->run->crew;
	struct progress_state state = {.bytes = atomic_load(&w->file_bytes),
	    .committed = atomic_load(&w->loaded_bytes),
	    .events =
		(uint64_t)meter_get(&w->run->meters, METER_EVENTS_LOADED)};

	for (unsigned i = 0; i < c->worker_count; i++) {
		const struct loader *l = &c->workers[i].loader;

		state.bytes += l->consumed;
		state.committed += l->committed;
		state.hashed += l->hashed;
	}
	progress_draw(&w->progress, &state);
}

bool
watch_run(struct watch *w)
{
	struct crew *c = &w->run->crew;
	uint64_t stopped_ns = 0;
	bool in_time = true;

	while (in_time && !crew_look(c).ended) {
		struct pollfd p[] = {{.fd = c->wake, .events = POLLIN},
		    {.fd = w->run->stop->fd, .events = POLLIN}};
		bool stopped = stop_asked(w->run->stop);
		uint64_t woken;

		draw(w);
		in_time = !stopped || hurry(w, &stopped_ns);
		(void)poll(p, stopped ? 1 : 2,
		    stopped          ? HURRY_MS
		    : w->progress.on ? DRAW_MS
				     : -1);
		(void)!read(c->wake, &woken, sizeof(woken)); /* only empties */
	}
	return in_time;
}

/* stopped_ns: when the signal was seen first. False: leave the threads. */
static bool
hurry(struct watch *w, uint64_t *stopped_ns)
{
	uint64_t now = clock_monotonic_ns();

	if (*stopped_ns == 0) {
		*stopped_ns = now;
		crew_close(&w->run->crew, true);
	}
	if (now - *stopped_ns >= BREAK_NS)
		run_interrupt(w->run);
	return now - *stopped_ns < LEAVE_NS;
}

void
watch_tell_stopped(const char *path)
{
	log_warn("stopped in the midst of a file, what is not committed is "
		 "rolled back: file=%s",
	    path);
}

void
watch_tell_left(struct watch *w)
{
	char path[PATH_MAX];

	run_note(w->run, OUTCOME_STOPPED);
	for (unsigned i = 0; i < w->run->crew.worker_count; i++) {
		if (!crew_at_work(&w->run->crew, i, path))
			continue;
		watch_tell_stopped(path);
		report_file(w->report,
		    &(struct report_file){.path = path, .verdict = "stopped"});
	}
}
