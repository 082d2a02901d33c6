/*
 * logload-retain.c - what --retain takes for too old, whatever the clocks say:
 * none that is wrong by itself removes what is young. Over a database that only
 * says what time it is, and notes what is deleted.
 */
#include "../../cmd/logload/db/period.h"
#include "../../cmd/logload/retain.h"
#include "clock.h"
#include "tap.h"

#define DAY_US (86400 * (int64_t)CLOCK_US_PER_S)
#define RETAIN_DAYS 30

static struct {
	int64_t wall_us;   /* of our clock */
	int64_t theirs_us; /* of the database's */
	int64_t newest_us; /* 0: the table is empty */
	char
	    deleted[DB_INSTANT_LEN + 1]; /* what was before that; "": nothing */
	bool held;                       /* the table held is, by others */
	unsigned tried;                  /* statements for it */
} fake;

uint64_t __wrap_clock_wall_us(void);

uint64_t
__wrap_clock_wall_us(void)
{
	return (uint64_t)fake.wall_us;
}

static enum db_verdict
fake_run(struct db *db, const char *sql, size_t len)
{
	static const char what[] =
	    "DELETE FROM \"logs\" WHERE \"received_at\"<'";

	db->changed = 0;
	if (memmem(sql, len, "\"held\"", 6) != NULL && len > 8 &&
	    memcmp(sql, "DELETE", 6) == 0) {
		fake.tried++;
		return fake.held ? DB_CONFLICT : DB_OK;
	}
	if (len >= sizeof(what) + DB_INSTANT_LEN &&
	    memcmp(sql, what, sizeof(what) - 1) == 0)
		memcpy(fake.deleted, sql + sizeof(what) - 1, DB_INSTANT_LEN);
	return DB_OK;
}

static enum db_verdict
fake_ask(struct db *db, const char *sql, size_t len, struct db_answer *answer)
{
	static char text[DB_INSTANT_LEN + 1];
	char whole[512];
	int64_t us;

	(void)db;
	(void)snprintf(whole, sizeof(whole), "%.*s", (int)len, sql);
	memset(answer, 0, sizeof(*answer));
	if (strcmp(whole, "tables") == 0) {
		*answer = (struct db_answer){true, {"held\n"}};
		return DB_OK;
	}
	if (strstr(whole, "\"line\" FROM") != NULL)
		return DB_OK; /* fewer rows than a step has */
	us = strstr(whole, "FROM") == NULL   ? fake.theirs_us
	     : strstr(whole, "DESC") != NULL ? fake.newest_us
					     : DAY_US; /* the oldest */
	if (us == 0)
		return DB_OK;
	value_stamp(us, text);
	answer->found = true;
	answer->fields[0] = text;
	return DB_OK;
}

static const struct db_driver driver = {.dialect = {.name_quote = '"',
					    .escaped = "",
					    .begin = "BEGIN",
					    .now = "now",
					    .tables = "tables",
					    .nth = " LIMIT 1 OFFSET %u"},
    .run = fake_run,
    .ask = fake_ask};

/* One turn after so many days, by each clock. The age of what is deleted. */
static int
turn(struct retain *r, int days, int theirs)
{
	struct db_table tables[] = {
	    {.name = "held", .ready = fake.held, .own_key = true},
	    {.name = "logs", .ready = true, .own_key = true}};
	struct db db = {.driver = &driver,
	    .config = &r->settings->db,
	    .open = true,
	    .opened_ns = clock_monotonic_ns(),
	    .tables = tables,
	    .table_count = 2,
	    .table = &tables[1]};
	static const int64_t now_us = 20000 * DAY_US;
	int age = -1;

	fake.wall_us = now_us + days * DAY_US;
	fake.theirs_us = now_us + theirs * DAY_US;
	fake.deleted[0] = '\0';
	r->due_ns = 0;
	retain_turn(r, &db);
	if (fake.deleted[0] != '\0')
		age = (int)((now_us + 1000 * DAY_US + DAY_US / 2 -
				instant_us(fake.deleted)) /
			    DAY_US) -
		      1000;
	buf_release(&db.sql);
	return age;
}

/* As a process that starts when our clock is so many days off. */
static void
start(
    struct retain *r, struct meters *m, struct stop *stop, int days, int newest)
{
	static struct settings s = {
	    .db = {.driver = &driver,
		.table = "logs",
		.ledger = "log_files",
		.columns = &s.columns,
		.retain_ns = RETAIN_DAYS * 86400 * CLOCK_NS_PER_S}};
	struct error err;

	fake.wall_us = (20000 + days) * DAY_US;
	fake.newest_us = (20000 + newest) * DAY_US;
	memset(r, 0, sizeof(*r));
	columns_release(&s.columns); /* of the process before */
	must(columns_init(&s.columns, &err) == 0);
	must(retain_init(r, &s, NULL, m, stop) == 0);
}

/* Of many tables: the next session may not know those that this one knows. */
static void
test_sweep(struct retain *r, struct meters *m, struct stop *stop)
{
	static struct settings s; /* what r keeps */
	struct error err;

	start(r, m, stop, 0, 0);
	s = *r->settings;
	r->settings = &s;
	s.db.table = "{a}";
	s.db.table_most = s.db.table_room = 2;
	s.db.columns = &s.columns;
	must(columns_init(&s.columns, &err) == 0);
	s.route = route_new(&s.db, "*", &s.columns, &err);
	must(s.route != NULL && columns_compile(&s.columns, &err) == 0);
	is_number(turn(r, 0, 0), RETAIN_DAYS, "of many tables likewise");
	is_text(r->swept, "", "what one keeps keeps all lines of the ledger");
	retain_release(r);
	route_free(s.route);
	columns_release(&s.columns);
}

int
main(void)
{
	struct error err;
	struct meters m;
	struct retain r;
	struct stop stop;

	must(stop_init(&stop, &err) == 0);
	meters_init(&m);
	start(&r, &m, &stop, 0, 0);
	is_number(turn(&r, 0, 0), RETAIN_DAYS, "what is older goes");
	is_number(turn(&r, 27000, 0), RETAIN_DAYS,
	    "our clock is set to another century: as much");
	is_number(turn(&r, 27000, 27000), RETAIN_DAYS,
	    "and so is the database's: the time since the start counts");
	is_number(turn(&r, 0, 27000), RETAIN_DAYS, "the database's alone");
	is_number(
	    turn(&r, -10, 0), RETAIN_DAYS + 10, "ours is set back: less goes");
	is_number(turn(&r, 0, -10), RETAIN_DAYS + 10,
	    "the database's is behind: likewise");

	start(&r, &m, &stop, 27000, 0);
	is_number(turn(&r, 27000, 0), RETAIN_DAYS,
	    "wrong from the start, the database's is right");
	start(&r, &m, &stop, 27000, 0);
	is_number(turn(&r, 27000, 27000), -1,
	    "both are wrong from the start, and the newest event is old: none");
	fake.newest_us = (20000 + 27000) * DAY_US;
	is_number(
	    turn(&r, 27000, 27000), -1, "nor when events come with that time");
	start(&r, &m, &stop, 90, 0);
	is_number(turn(&r, 90, 90), RETAIN_DAYS - 90,
	    "a pause of months is none of that");

	start(&r, &m, &stop, 0, 0);
	fake.held = true;
	for (int i = 0; i < 4; i++)
		is_number(turn(&r, 0, 0), RETAIN_DAYS,
		    "a table that others have locked keeps none behind it");
	is_number(fake.tried, 2, "it is tried at each second turn");
	is_number(r.held_count, 1, "and told of once");
	test_sweep(&r, &m, &stop);
	stop_release(&stop);
	return tap_end();
}
