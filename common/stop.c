/*
 * stop.c - see stop.h.
 */
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "clock.h"
#include "stop.h"

int
stop_init(struct stop *s, struct error *err)
{
	atomic_init(&s->asked, false);
	s->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return s->fd < 0 ? error_errno(err, "create an eventfd") : 0;
}

void
stop_release(struct stop *s)
{
	(void)close(s->fd); /* holds nothing */
}

void
stop_ask(struct stop *s)
{
	uint64_t one = 1;

	atomic_store(&s->asked, true);
	/* It fails only where the count is at its end: readable all the same.
	 */
	if (write(s->fd, &one, sizeof(one)) < 0)
		return;
}

void
stop_reset(struct stop *s)
{
	uint64_t count;

	atomic_store(&s->asked, false);
	(void)!read(s->fd, &count, sizeof(count)); /* empties it */
}

bool
stop_wait(struct stop *s, uint64_t ns)
{
	uint64_t now = clock_monotonic_ns(), until = now + ns;

	while (!stop_asked(s) && now < until) {
		struct pollfd p = {.fd = s->fd, .events = POLLIN};
		uint64_t ms = (until - now) / CLOCK_NS_PER_MS + 1;

		(void)poll(&p, 1, ms > 1000000 ? 1000000 : (int)ms);
		now = clock_monotonic_ns();
	}
	return stop_asked(s);
}
