/*
 * logrecv-intake.c - all that comes in on a connection, through the limits, the
 * ways in and the decoders: the same requests, with the same verdicts and
 * bodies, in whatever pieces it comes.
 */
#include "../../cmd/logrecv/format.h"
#include "../../cmd/logrecv/intake.h"
#include "../../cmd/logrecv/ways.h"
#include "fuzz.h"

#define BODY_MOST 4000
#define HEAD_MOST 1500
#define BUDGET (64 << 20)

static struct stats stats;
static struct gate gate;
static struct server server = {.stats = &stats,
    .gate = &gate,
    .max_body = BODY_MOST,
    .max_header = HEAD_MOST,
    .access = {.origins = "https://a"}};

static void
begin(void)
{
	struct error err;

	if (server.ways != NULL)
		return;
	server.ways = ways;
	senders_init(&server.senders);
	check(budget_init(&server.budget, BUDGET) == 0);
	check(networks_add(&server.trusted, "10.0.0.0/8", &err) == 0);
}

/*
 * Of a body that cannot be decompressed the verdict may be another one: a limit
 * may be seen before or behind the fault.
 */
static void
note(const struct intake *i, struct buf *out)
{
	const struct request *r = &i->request;
	int status = r->verdict.status;

	if (status != 0 && r->coding != NULL)
		status = 400;
	check(
	    buf_printf(out, "%d %d %d\n", status, r->last, r->head_only) == 0);
	check(buf_append(out, r->client.ip, sizeof(r->client.ip)) == 0);
	if (r->cors != NULL)
		check(buf_printf(out, "%s", r->cors) == 0);
	if (status != 0)
		return;
	check(r->way != NULL && r->len <= BODY_MOST);
	check(buf_printf(out, "%td", r->way - ways) == 0);
	if (!way_takes_events(r->way))
		return; /* its body may have been passed over */
	check(buf_printf(out, " %.*s?%.*s\n", (int)r->name.len, r->name.p,
		  (int)r->query.len, r->query.p) == 0);
	check(buf_append(out, r->body, r->len) == 0);
}

static void
take(struct input in, bool proxy, uint32_t cuts, struct buf *out)
{
	static const struct address peer = {
	    {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 1}};
	struct listener listener = {.role = ROLE_EVENTS, .proxy = proxy};
	size_t have = 0, at = 0, taken, work;
	enum intake_result rc = INTAKE_WAIT;
	struct share share = {0};
	struct intake i;

	check(share_open(&share, &server.budget, &peer) == 0);
	intake_init(&i, &server, &share, &work, &listener, &peer);
	for (;;) {
		if (rc == INTAKE_WAIT || rc == INTAKE_CONTINUE) {
			if (have == in.len)
				break;
			have += input_piece(&cuts, in.len - have);
		}
		work = BODY_WORK_MAX;
		rc = intake_next(&i, in.p + at, have - at, &taken);
		check(taken <= have - at && rc != INTAKE_SHORT);
		at += taken;
		if (rc == INTAKE_REQUEST) {
			bool last = i.request.last;

			note(&i, out);
			intake_done(&i);
			if (last)
				break;
			check(taken > 0);
		} else if (rc == INTAKE_FOREIGN) {
			check(buf_printf(out, "foreign") == 0);
			break;
		}
	}
	intake_release(&i);
	check(share.held == 0);
	share_close(&share);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = input_of(data, size);
	unsigned cuts = input_byte(&in);
	struct buf whole = {0}, cut = {0};

	begin();
	take(in, cuts % 2 == 1, 0, &whole);
	take(in, cuts % 2 == 1, 1 + cuts, &cut);
	check(buf_is_same(&whole, &cut));
	buf_release(&whole);
	buf_release(&cut);
	return 0;
}
