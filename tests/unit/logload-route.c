/*
 * logload-route.c - which table an event goes to: what foreign text may be in
 * its name, and that no two values share one in silence.
 */
#include <stdio.h>
#include <string.h>

#include "../../cmd/logload/db/known.h"
#include "../../cmd/logload/route.h"
#include "log.h"
#include "tap.h"

#define STAMP "2026-11-22 07:33:51.123456"

static const char *there; /* names, a line each */

static enum db_verdict
fake_ask(struct db *db, const char *sql, size_t len, struct db_answer *answer)
{
	(void)db, (void)sql, (void)len;
	*answer = (struct db_answer){true, {there}};
	return DB_OK;
}

static const struct db_driver driver = {.dialect = {.name_quote = '"',
					    .escaped = "",
					    .name_bytes = 20,
					    .tables = "%s, %s, %s"},
    .ask = fake_ask};
static struct columns columns;
static struct db_config config;
static struct db db;
static struct error err;

static struct route *
make(
    const char *template, const char *allowed, const char *other, unsigned most)
{
	struct route *r;

	config = (struct db_config){.driver = &driver,
	    .table = template,
	    .ledger = "log_files",
	    .other_table = other,
	    .table_most = most,
	    .table_room = most};
	must(columns_init(&columns, &err) == 0);
	r = route_new(&config, allowed, &columns, &err);
	if (r == NULL) {
		columns_release(&columns);
		return NULL;
	}
	must(columns_compile(&columns, &err) == 0);
	memset(&db, 0, sizeof(db));
	db.config = &config;
	db.driver = &driver;
	must(known_init(&db) == 0);
	return r;
}

static void
end(struct route *r)
{
	free(db.tables);
	buf_release(&db.sql);
	route_free(r);
	columns_release(&columns);
}

/* The name of the table of an event with that value. */
static const char *
table_of(struct route *r, const char *value, size_t len, const char *stamp)
{
	struct row row = {.received_at = stamp};
	int number;

	row.columns[columns.count] = (struct value){value, len};
	number = route_row(r, &db, &row, &err);
	if (number == ROUTE_OVER)
		number = route_other(r, &db);
	return number == ROUTE_REFUSED ? "rejected/"
	       : number == ROUTE_FULL  ? "full"
				       : db.tables[number].name;
}

static void
of_value(struct route *r, const char *value, const char *want)
{
	is_text(table_of(r, value, value == NULL ? 0 : strlen(value), STAMP),
	    want, value == NULL ? "an event without a value" : value);
}

static void
test_values(void)
{
	struct route *r =
	    make("logs_{event}", "login, Log-out,order_*,f?les", "logs", 4);

	ok(r == NULL, "a blank is no part of a word");
	r = make("log_{event}", "login,Log-out,order_*,f?les", "logs", 4);
	must(r != NULL);
	of_value(r, "login", "log_login");
	of_value(r, "LogIn", "log_login");
	of_value(r, "log-out", "log_log-out");
	of_value(r, "log_out", "logs");
	of_value(r, "log.out", "logs");
	of_value(r, "order_", "log_order_");
	of_value(r, "order_x\"; DROP TABLE logs; --", "logs");
	of_value(r, "order_\xc3\xa4", "logs");
	of_value(r, "order_way_too_long_for_a_name", "logs");
	of_value(r, "*", "logs");
	of_value(r, "files", "logs"); /* the ledger */
	of_value(r, "FILES", "logs");
	of_value(r, "s", "logs");
	of_value(r, "", "logs");
	of_value(r, NULL, "logs");
	is_text(table_of(r, "login\0x", 7, STAMP), "logs", "one with a NUL");
	of_value(r, "order_1", "log_order_1");
	of_value(r, "order_2", "logs"); /* one too many */
	of_value(r, "order_1", "log_order_1");
	known_forget(&db);
	of_value(r, "order_2", "logs"); /* in whatever session */
	of_value(r, "order_", "log_order_");
	end(r);
	r = make("log_{event}", "*,login", "logs", 3);
	must(r != NULL);
	of_value(r, "a", "log_a");
	of_value(r, "b", "log_b");
	of_value(r, "c", "logs");
	of_value(r, "login", "log_login"); /* has its own place */
	end(r);
	r = make("logs_{event}", "login", NULL, 4);
	must(r != NULL);
	of_value(r, "login", "logs_login");
	of_value(r, "other", "rejected/");
	ok(strstr(err.text, "--tables") != NULL, "the reason names the option");
	of_value(r, NULL, "rejected/");
	end(r);
}

static void
test_times(void)
{
	struct route *r = make("db.l%%_{e.f}%H%d_%m%Y", "*", "logs", 2);

	must(r != NULL);
	is_text(table_of(r, "x", 1, STAMP), "db.l%_x0722_112026",
	    "parts of the instant");
	is_text(table_of(r, "x", 1, "2027-11-22 07:33:51.123456"),
	    "db.l%_x0722_112027", "of another one");
	is_text(table_of(r, "x", 1, "2028-11-22 07:33:51.123456"), "full",
	    "as many as may be at a time");
	is_number(route_other(r, &db), 0, "then there is the other one");
	known_forget(&db);
	is_text(table_of(r, "x", 1, "2028-11-22 07:33:51.123456"),
	    "db.l%_x0722_112028", "or all are forgotten");
	end(r);
}

/* Tables that are there keep their places. */
static void
test_learning(void)
{
	struct route *r = make("logs_{event}", "*,word", "logs", 2);

	must(r != NULL);
	there = "logs_b\nlogs_A\nlogs_\nlog_c\nlogs_d e\nlogs";
	is_number(route_learn(r, &db, true), DB_PREPARE, "the other one, too");
	ok(db.tables[0].wanted, "is there");
	is_number(route_learn(r, &db, true), DB_OK, "once");
	of_value(r, "c", "logs");
	of_value(r, "b", "logs_b");
	of_value(r, "word", "logs_word");
	there = "logs_c\nlogs_b";
	is_number(route_learn(r, &db, false), DB_OK, "all, or not");
	of_value(r, "c", "logs");
	known_forget(&db);
	is_number(route_learn(r, &db, true), DB_OK, "one more has come");
	of_value(r, "c", "logs_c");
	end(r);
}

/* Which of these tables are of a time that is over, and of what time? */
static void
is_dated(const char *template, const char *allowed, const char *want)
{
	struct route *r = make(template, allowed, "logs_2001", 4);
	struct buf names = {0}, got = {0};

	there = "logs_2001\nlogs_2026\nlogs_2026x\nlogs_202\nlogs_20266\n"
		"Logs_2026\nlogs_20261130\nlogs_20260230\nlogs_20261301\n"
		"logs_2026113007\nlogs_2026113024\nlogs_a_2026\nlogs_b_2026\n"
		"logs_A_2026\nlogs_a_20 6\nxlogs_2026\nlogs_+026\nlogs_files";
	must(r != NULL && route_list(r, &db, &names) == DB_OK);
	for (size_t at = 0; at < names.len && route_is_dated(r);
	     at += strlen(names.data + at) + 1) {
		char text[2][VALUE_DATETIME_LEN + 1];
		int64_t from, to;

		route_period(r, names.data + at, &from, &to);
		value_stamp(from, text[0]);
		value_stamp(to, text[1]);
		must(buf_printf(&got, "%s %.13s %.13s\n", names.data + at,
			 text[0], text[1]) == 0);
	}
	must(buf_append(&got, "", 1) == 0);
	is_text(got.data, want, template);
	buf_release(&names);
	buf_release(&got);
	end(r);
}

static void
test_dated(void)
{
	is_dated("logs_%Y", NULL, "logs_2026 2026-01-01 00 2027-01-01 00\n");
	is_dated(
	    "logs_%Y%m%d", NULL, "logs_20261130 2026-11-30 00 2026-12-01 00\n");
	is_dated("logs_%Y%m%d%H", NULL,
	    "logs_2026113007 2026-11-30 07 2026-11-30 08\n");
	is_dated(
	    "logs_{e}_%Y", "a", "logs_a_2026 2026-01-01 00 2027-01-01 00\n");
	is_dated("logs_{e}", "*", "");
	is_dated("logs_%m%d", NULL, "");
	is_dated("logs_%H", NULL, "");
}

static void
test_list(void)
{
	static const char want[] = "logs_b\0logs_c-d";
	struct route *r = make("logs_{e}", "*", "logs_a", 4);
	struct buf names = {0};

	there = "logs_b\nlogs_a\nlogs_\nlogs_B\nlogs_c-d\nlogs_c d\nlog_b";
	must(r != NULL && route_list(r, &db, &names) == DB_OK);
	ok(names.len == sizeof(want) &&
		memcmp(names.data, want, names.len) == 0,
	    "what may have been made by a template, and is not the other one");
	buf_release(&names);
	end(r);
}

static void
test_templates(void)
{
	static const struct {
		const char *template, *allowed;
	} wrong[] = {{"logs_{event}", NULL}, {"logs_%Y", "login"},
	    {"logs_{event", "login"}, {"{a}_{b}", "login"}, {"{}", "login"},
	    {"logs_%y", NULL}, {"logs_%", NULL}, {"logs_{event}", ""},
	    {"logs_{event}", "log.in"}, {"a.b.c%Y", NULL}, {".logs%Y", NULL},
	    {"a_name_over_20_bytes%Y", NULL}};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		ok(make(wrong[i].template, wrong[i].allowed, "logs", 4) == NULL,
		    "%s is refused: %s", wrong[i].template, err.text);
	ok(!route_is_template("logs") && route_is_template("a{b}") &&
		route_is_template("a%Y"),
	    "what a template is");
}

static void
test_names(void)
{
	static const char want[] = "logs_a\0logs_b\0other";
	struct route *r = make("logs_{event}", "a,b,c*", "other", 4);
	struct buf b = {0};

	must(r != NULL && route_names(r, &b) == 0);
	ok(b.len == sizeof(want) && memcmp(b.data, want, b.len) == 0,
	    "the names that are known beforehand");
	buf_release(&b);
	end(r);
}

int
main(void)
{
	log_init("test", LOG_LEVEL_ERROR);
	test_values();
	test_times();
	test_learning();
	test_dated();
	test_list();
	test_templates();
	test_names();
	return tap_end();
}
