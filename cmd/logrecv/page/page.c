/*
 * page.c - see page.h.
 */
#include <string.h>

#include "../gate.h"
#include "../stats.h"
#include "clock.h"
#include "page.h"
#include "tools.h"

/* For so long somebody is looking who has asked. */
#define LOOKED_NS (10 * CLOCK_NS_PER_S)

void
page_open(
    struct page *p, struct spool *spool, struct stats *stats, struct gate *gate)
{
	memset(p, 0, sizeof(*p));
	p->spool = spool;
	p->stats = stats;
	p->gate = gate;
	board_init(&p->status);
	board_init(&p->past);
	history_open(&p->history, spool, stats->file.process == 1);
}

void
page_close(struct page *p)
{
	history_close(&p->history);
	rejected_release(&p->rejected);
	board_release(&p->status);
	board_release(&p->past);
	buf_release(&p->draft);
}

void
page_ask(struct page *p)
{
	atomic_store_explicit(
	    &p->asked_ns, clock_monotonic_ns(), memory_order_relaxed);
}

/* The reason is a text of ours, which needs no escapes. */
static int
put_status(struct page *p, const char *unready, uint64_t now_s)
{
	const char *quote = unready == NULL ? "" : "\"";
	const struct buf *rejected = &p->rejected.json;
	struct buf *out = &p->draft;

	if (buf_printf(out,
		"{\"version\":\"" VERSION "\",\"at\":%llu,"
		"\"refusing\":%s%s%s,\"spool_limit\":%llu,\"min_free\":%llu,",
		(unsigned long long)now_s, quote,
		unready == NULL ? "null" : unready, quote,
		(unsigned long long)p->gate->spool_limit,
		(unsigned long long)p->gate->min_free) < 0 ||
	    tools_put(p->spool, out) < 0 ||
	    buf_printf(out, ",\"rejected\":") < 0)
		return -1;
	if (rejected->len == 0)
		return buf_printf(out, "[]}");
	return buf_append(out, rejected->data, rejected->len) < 0
		   ? -1
		   : buf_printf(out, "}");
}

/* What could not be made for want of memory is not shown. */
static void
show(struct page *p, struct board *board, int rc)
{
	if (rc < 0)
		p->draft.len = 0;
	board_show(board, &p->draft);
	p->draft.len = 0;
}

void
page_refresh(struct page *p, const char *unready, bool last)
{
	uint64_t now_s = clock_wall_us() / CLOCK_US_PER_S;
	uint64_t asked_ns =
	    atomic_load_explicit(&p->asked_ns, memory_order_relaxed);
	const struct buf *metrics = board_read(&p->stats->board);
	bool kept;

	/* This thread alone changes it, and nobody is to wait for what follows:
	 * there may be megabytes to read. */
	board_done(&p->stats->board);
	kept = history_keep(&p->history, metrics, now_s, last);
	if (kept || !p->begun)
		show(p, &p->past, history_put(&p->history, now_s, &p->draft));
	p->begun = true;
	/* The one thing here that may be much work. */
	if (asked_ns != 0 && clock_monotonic_ns() < asked_ns + LOOKED_NS)
		rejected_refresh(&p->rejected, p->spool);
	show(p, &p->status, put_status(p, unready, now_s));
}
