/*
 * logload-columns.c - what a column is asked for by: paths, types, and what
 * becomes of a value that does not fit. Whatever an operator writes, and
 * whatever an event holds, ends in a value, NULL, or an error that says why.
 */
#include <fcntl.h>

#include "../../cmd/logload/row/row.h"
#include "tap.h"

/* "NAME=" is in front; want NULL: SQL NULL, "!": the event is rejected. */
static const struct {
	const char *spec, *event, *want;
} cases[] = {
    /* paths */
    {"a.b:text", "{\"a\":{\"b\":\"x\"}}", "x"},
    {"a\\.b:text", "{\"a.b\":\"x\",\"a\":{\"b\":\"y\"}}", "x"},
    {"\"a.b\":text", "{\"a.b\":\"x\"}", "x"},
    {"\"a.b\".\"c|d\":text", "{\"a.b\":{\"c|d\":\"x\"}}", "x"},
    {"\"a\\\"b\":text", "{\"a\\\"b\":\"x\"}", "x"},
    {"\"a:int\":text", "{\"a:int\":\"x\"}", "x"},
    {"a:b:text", "{\"a:b\":\"x\"}", "x"},
    {"\"\":text", "{\"\":\"x\"}", "x"},
    {"it's:text", "{\"it's\":\"x\"}", "x"},
    {"a[0]:text", "{\"a\":[\"x\",\"y\"]}", "x"},
    {"a[1].b:int", "{\"a\":[1,{\"b\":7}]}", "7"},
    {"a[1][0]:int", "{\"a\":[1, [ 8 ] ]}", "8"},
    {"a[-1]:text", "{\"a\":[\"x\",\"y\"]}", "y"},
    {"a[-2]:text", "{\"a\":[\"x\",\"y\"]}", "x"},
    {"a[-3]:text", "{\"a\":[\"x\",\"y\"]}", NULL},
    {"a[2]:text", "{\"a\":[\"x\",\"y\"]}", NULL},
    {"a[0]:text", "{\"a\":[]}", NULL},
    {"a[0]:text", "{\"a\":{\"0\":1}}", NULL},
    {"a\\[0]:text", "{\"a[0]\":\"x\"}", "x"},
    {"a|b:text", "{\"b\":\"x\"}", "x"},
    {"a|b:int", "{\"a\":\"x\",\"b\":2}", "2"},
    {"a|'none':text", "{}", "none"},
    {"a|'':text", "{}", ""},
    {"'it\\'s: \"it\"':text", "{}", "it's: \"it\""},
    {"a|42:int", "{\"a\":null}", "42"},
    {"-1.5:double", "{}", "-1.5"},
    {"'2026-11-22T07:33:51Z':timestamp", "{}", "2026-11-22 07:33:51.000000"},
    {"\"42\":int", "{\"42\":1}", "1"},
    {"$:json", "{\"a\":1}", "{\"a\":1}"},
    {"$:text", "{\"a\":1}", "{\"a\":1}"},
    {"$:text(5)", "{\"a\":1}", NULL},
    {"$:int", "{\"a\":1}", NULL},
    {"\"$\":int", "{\"$\":1}", "1"},
    {"t.$date:text", "{\"t\":{\"$date\":\"x\"}}", "x"},
    /* texts */
    {"a:text(3)", "{\"a\":\"\xc3\xa4\xc3\xb6\xc3\xbc\"}",
	"\xc3\xa4\xc3\xb6\xc3\xbc"},
    {"a:text(3)", "{\"a\":\"abcd\"}", NULL},
    {"a:varchar(3)", "{\"a\":\"abc\"}", "abc"},
    {"a:text(3):cut", "{\"a\":\"\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f\"}",
	"\xc3\xa4\xc3\xb6\xc3\xbc"},
    {"a:text(3):cut", "{\"a\":\"\\u00e4\\n\\\"dd\"}", "\xc3\xa4\n\""},
    {"a:text", "{\"a\":1.50}", "1.50"},
    {"a:text", "{\"a\":true}", "true"},
    {"a:text", "{\"a\":[1]}", NULL},
    {"a:text", "{\"a\":{}}", NULL},
    {"a:text", "{\"a\":\"\\ud800\"}", NULL},
    /* whole numbers */
    {"a:int", "{\"a\":2147483647}", "2147483647"},
    {"a:int", "{\"a\":2147483648}", NULL},
    {"a:int", "{\"a\":-2147483648}", "-2147483648"},
    {"a:int", "{\"a\":-2147483649}", NULL},
    {"a:INTEGER", "{\"a\":\"12\"}", "12"},
    {"a:int", "{\"a\":1.5}", NULL},
    {"a:int:cut", "{\"a\":-1.9}", "-1"},
    {"a:int:cut", "{\"a\":\"x\"}", NULL},
    {"a:int", "{\"a\":true}", "1"},
    {"a:int", "{\"a\":\"\"}", NULL},
    {"a:bigint", "{\"a\":9007199254740993.0}", NULL},
    {"a:unsigned", "{\"a\":18446744073709551615}", "18446744073709551615"},
    {"a:unsigned", "{\"a\":18446744073709551616}", NULL},
    {"a:unsigned", "{\"a\":184467440737095516150}", NULL},
    {"a:unsigned:cut", "{\"a\":18446744073709551616}", NULL},
    {"a:unsigned:cut", "{\"a\":\"+18446744073709551617\"}", NULL},
    {"a:unsigned", "{\"a\":-1}", NULL},
    {"a:unsigned", "{\"a\":-0}", "0"},
    /* others */
    {"a:double", "{\"a\":1e-300}", "1e-300"},
    {"a:double", "{\"a\":9007199254740993}", NULL},
    {"a:double", "{\"a\":100000000000000000000}", "1e+20"},
    {"a:double", "{\"a\":1e-400}", NULL},
    {"a:double", "{\"a\":1e400}", NULL},
    {"a:decimal(5,2)", "{\"a\":123.45}", "123.45"},
    {"a:decimal(5,2)", "{\"a\":123.450}", "123.45"},
    {"a:decimal(5,2)", "{\"a\":123.456}", NULL},
    {"a:decimal(5,2):cut", "{\"a\":-123.459}", "-123.45"},
    {"a:decimal(5,2):cut", "{\"a\":-0.001}", "0"},
    {"a:decimal(5,2):cut", "{\"a\":1234}", NULL},
    {"a:decimal(5,2)", "{\"a\":1e2}", "100"},
    {"a:decimal(5,2)", "{\"a\":\"-1.5E-1\"}", "-0.15"},
    {"a:decimal(5,2)", "{\"a\":0e999}", "0"},
    {"a:decimal(5,2)", "{\"a\":-0.000}", "0"},
    {"a:decimal(5,2)", "{\"a\":1000}", NULL},
    {"a:decimal(5,5)", "{\"a\":0.00001}", "0.00001"},
    {"a:numeric(9)", "{\"a\":123456789}", "123456789"},
    {"a:decimal(65,30)",
	"{\"a\":12345678901234567890123456789012345."
	"123456789012345678901234567891}",
	"12345678901234567890123456789012345.123456789012345678901234567891"},
    {"a:bool", "{\"a\":\"True\"}", "1"},
    {"a:boolean", "{\"a\":0}", "0"},
    {"a:bool", "{\"a\":2}", NULL},
    {"a:timestamp(+01:00)", "{\"a\":\"2026-11-22 07:33:51\"}",
	"2026-11-22 06:33:51.000000"},
    {"a:timestamp(+01:00)", "{\"a\":\"2026-11-22 07:33:51Z\"}",
	"2026-11-22 07:33:51.000000"},
    {"a:timestamp(-0330)", "{\"a\":\"Sun Nov 22 07:33:51 2026\"}",
	"2026-11-22 11:03:51.000000"},
    {"a:timestamp(+01:00)", "{\"a\":1700000000}", "2023-11-14 22:13:20.000000"},
    {"a:datetime(UTC)", "{\"a\":\"2026/11/22 07:33:51\"}",
	"2026-11-22 07:33:51.000000"},
    {"a:json", "{\"a\":{\"b\":[1, \"x\"]}}", "{\"b\":[1, \"x\"]}"},
    {"a:json", "{\"a\":\"x\"}", "\"x\""},
    {"a:json", "{\"a\":null}", NULL},
    {"a:ip", "{\"a\":\"192.0.2.1\"}", "192.0.2.1"},
    {"a:ip", "{\"a\":\"2001:DB8:0:0::1\"}", "2001:db8::1"},
    {"a:ip", "{\"a\":\"::ffff:192.0.2.1\"}", "::ffff:192.0.2.1"},
    {"a:ip", "{\"a\":\"192.0.2.01\"}", NULL},
    {"a:ip", "{\"a\":\"192.0.2.1:80\"}", NULL},
    {"a:ip", "{\"a\":\"fe80::1%eth0\"}", NULL},
    {"a:ip", "{\"a\":\"1.2.3.4\\u0000\"}", NULL},
    {"a:ip", "{\"a\":1}", NULL},
    {"a:uuid", "{\"a\":\"F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6\"}",
	"f81d4fae-7dec-11d0-a765-00a0c91e6bf6"},
    {"a:uuid", "{\"a\":\"{f81d4fae7dec11d0a76500a0c91e6bf6}\"}",
	"f81d4fae-7dec-11d0-a765-00a0c91e6bf6"},
    {"a:uuid", "{\"a\":\"f81d4fae-7dec-11d0-a765-00a0c91e6bf\"}", NULL},
    {"a:uuid", "{\"a\":\"f81d4fae-7dec-11d0-a765-00a0c91e6bfg\"}", NULL},
    {"a:uuid", "{\"a\":\"f81d4fae7-dec-11d0-a765-00a0c91e6bf6\"}", NULL},
    /* what does not fit */
    {"a:int:null", "{\"a\":\"x\"}", NULL},
    {"a:int:reject", "{\"a\":\"x\"}", "!"},
    {"a:int:reject", "{}", NULL},
    {"a:int:reject", "{\"a\":null}", NULL},
    {"a|b:int:reject", "{\"a\":\"x\",\"b\":1}", "1"},
    {"a:int:default=-1", "{\"a\":\"x\"}", "-1"},
    {"a:int:default=-1", "{}", NULL},
    {"a:text(9):default=a:b", "{\"a\":{}}", "a:b"},
    {"a:json:default={\"b\":1}", "{\"a\":1}", "1"},
    {"a:uuid:default=null", "{\"a\":1}", NULL},
};

static const struct {
	const char *spec, *why;
} errors[] = {
    {"a", "'a' is not NAME=PATH:TYPE"},
    {"=a:int", "a column's name has 1 to 64 bytes"},
    {"x=a", "column x: 'a' is not PATH:TYPE"},
    {"x=:int", "column x: ':int' is not PATH:TYPE"},
    {"x=a:", "column x: '' is not one of text(N), "},
    {"x=a:float", "column x: 'float' is not one of text(N), "},
    {"x=a:int(3)", "column x: 'int(3)' is not one of "},
    {"x=a:decimal", "column x: 'decimal' is not one of "},
    {"x=a:text(", "column x: 'text(' is not TYPE or TYPE:MISFIT"},
    {"x=a:text(0)", "column x: the width of 'text(0)' is not 1 to 16383"},
    {"x=a:text(99999999999)", "column x: the width of "},
    {"x=a:text(3)x", "column x: 'text(3)x' is not TYPE or TYPE:MISFIT"},
    {"x=a:decimal(66,0)", "column x: 'decimal(66,0)' is not (P,S) "},
    {"x=a:decimal(2,3)", "column x: 'decimal(2,3)' is not (P,S) "},
    {"x=a:timestamp(Europe/Nowhere)", "column x: 'timestamp(Europe/Nowhere)"},
    {"x=a:timestamp(../Europe/Berlin)", "column x: 'timestamp(../Europe"},
    {"x=a:int:refuse", "column x: 'refuse' is not null, reject, cut or "},
    {"x=a:ip:cut", "column x: 'cut' is not null, reject or default=VALUE"},
    {"x=a:int:default=y", "column x: 'y' does not fit the column's type, int"},
    {"x='y':int", "column x: 'y' does not fit the column's type, int"},
    {"x='y:int", "column x: ''y:int' has no ' at its end"},
    {"x=\"y:int", "column x: '\"y:int' has no \" at its end"},
    {"x=\"y\"z:int", "column x: a quote has to end its name"},
    {"x='y'z:int", "column x: a quote has to end its name"},
    {"x='y'.z:text", "column x: '.z' cannot stand in a path"},
    {"x=a..b:int", "column x: a path has an empty name"},
    {"x=a|:int", "column x: a path has an empty name"},
    {"x=a:int,b=b:int", "column x: a ',' stands in a path only in quotes"},
    {"x=a,b:text(9)", "column x: a ',' stands in a path only in quotes"},
    {"x=[0]:int", "column x: a path has an empty name"},
    {"x=a[]:int", "column x: behind '[' has to be a number "},
    {"x=a[1:int", "column x: behind '[' has to be a number "},
    {"x=a[-0]:int", "column x: behind '[' has to be a number "},
    {"x=a[1000001]:int", "column x: behind '[' has to be a number "},
    {"x=a[0]b:int", "column x: 'b' cannot stand in a path"},
    {"x=a.b.c.d.e.f.g.h.i.j:int", "column x: a path is over 9 deep"},
    {"line=a:int", "the column line is there always and cannot be set"},
    {"line=", "the column line is of the key, and can only have another"},
    {"nobody=", "'nobody=' takes away a column that is not there"},
};

static enum row_verdict
make_row(
    struct row_maker *m, const char *event, struct row *row, struct error *err)
{
	const char *cursor = event, *end = event + strlen(event);
	struct json_member member;

	row_begin(m);
	while (json_next_member(&cursor, end, &member))
		row_note(m, &member);
	return row_make(m, event, strlen(event), 1, row, err);
}

static void
test_cases(void)
{
	struct tap_all all = {0};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *want = cases[i].want;
		struct columns columns;
		struct row_maker maker;
		char spec[300], got[200] = "NULL";
		struct error err = {0, ""};
		enum row_verdict made;
		struct row row;
		struct value *v;

		(void)snprintf(spec, sizeof(spec), "x=%s", cases[i].spec);
		must(columns_init(&columns, &err) == 0);
		if (columns_set(&columns, spec, &err) < 0 ||
		    columns_compile(&columns, &err) < 0) {
			tap_case(&all, false, "%s: %s", spec, err.text);
			columns_release(&columns);
			continue;
		}
		must(row_maker_init(&maker, &columns) == 0);
		made = make_row(&maker, cases[i].event, &row, &err);
		v = &row.columns[columns.count - 1];
		if (made == ROW_REJECTED)
			(void)snprintf(got, sizeof(got), "!");
		else if (v->p != NULL)
			(void)snprintf(
			    got, sizeof(got), "%.*s", (int)v->len, v->p);
		tap_case(&all, strcmp(got, want == NULL ? "NULL" : want) == 0,
		    "%s of %s: %s", spec, cases[i].event, got);
		row_maker_release(&maker);
		columns_release(&columns);
	}
	tap_all(&all, "values of columns");
}

static void
test_errors(void)
{
	struct tap_all all = {0};
	struct columns columns;
	struct error err;

	must(columns_init(&columns, &err) == 0);
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		int rc = columns_set(&columns, errors[i].spec, &err);

		tap_case(&all,
		    rc < 0 && strncmp(err.text, errors[i].why,
				  strlen(errors[i].why)) == 0,
		    "%s: %s", errors[i].spec, rc < 0 ? err.text : "taken");
	}
	tap_all(&all, "what is no column is told why");
	is_number(columns.count, 4, "and changes nothing");
	columns_release(&columns);
}

static void
test_rejection(void)
{
	static const char event[] = "{\"a\":1,\"b\":\"x\"}";
	struct columns columns;
	struct row_maker maker;
	struct error err;
	struct row row;

	must(columns_init(&columns, &err) == 0);
	must(columns_set(&columns, "x=b:int:reject", &err) == 0);
	must(columns_set(&columns, "y=a:uuid:default=null", &err) == 0);
	must(columns_compile(&columns, &err) == 0);
	must(row_maker_init(&maker, &columns) == 0);
	is_number(make_row(&maker, event, &row, &err), ROW_REJECTED,
	    "an event is rejected for a value");
	is_text(err.text, "the value at byte 11 does not fit column x, int",
	    "and the error says for which");
	is_number(row.misfits, 0x30, "each misfit is told");
	is_text(maker.examples[4].text, "\"x\"", "with an example");
	row_maker_release(&maker);
	columns_release(&columns);
}

static void
test_names(void)
{
	struct columns columns;
	struct error err;

	must(columns_init(&columns, &err) == 0);
	ok(columns_rename(&columns, "received_at=ts", &err) == 0 &&
		columns_has(&columns, "TS", 2) &&
		!columns_has(&columns, "received_at", 11),
	    "a column of the key has another name");
	ok(columns_set(&columns, "received_at=a:int", &err) == 0,
	    "and leaves its own to others");
	ok(columns_rename(&columns, "level=l", &err) < 0,
	    "no other is renamed");
	ok(columns_set(&columns, "payload=", &err) == 0 &&
		!columns_has_payload(&columns),
	    "the payload can be left out");
	must(columns_rename(&columns, "line=LEVEL", &err) == 0);
	ok(columns_compile(&columns, &err) < 0, "two columns of one name");
	is_text(err.text, "two columns have the name LEVEL", "are told of");
	columns_release(&columns);
}

static void
write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	must(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	must(close(fd) == 0);
}

static void
test_files(void)
{
	struct columns columns;
	char dir[64], path[80], want[160];
	struct error err;
	FILE *file;

	tap_scratch(dir);
	(void)snprintf(path, sizeof(path), "%s/columns", dir);
	must(columns_init(&columns, &err) == 0);
	write_file(path, "# a comment\n\n  status=http.status:int \r\n"
			 "user_id=\nlast=a:text");
	ok(columns_read(&columns, path, &err) == 0, "a file of columns");
	ok(columns_find(&columns, "status", 6) >= 0 &&
		columns_find(&columns, "last", 4) >= 0 &&
		columns_find(&columns, "user_id", 7) < 0,
	    "sets those, and takes away");
	write_file(path, "# a comment\nx=a:float\n");
	ok(columns_read(&columns, path, &err) < 0, "one that is wrong");
	(void)snprintf(
	    want, sizeof(want), "%s:2: column x: 'float' is not one of", path);
	ok(strncmp(err.text, want, strlen(want)) == 0,
	    "is told of with its line: %s", err.text);
	write_file(path, "\xef\xbb\xbf"
			 "marked=a:text\n");
	ok(columns_read(&columns, path, &err) == 0 &&
		columns_find(&columns, "marked", 6) >= 0,
	    "a mark of the byte order is no part of a name");
	file = fopen(path, "we");
	must(file != NULL && fwrite("x=a:int\0z", 1, 9, file) == 9 &&
	     fclose(file) == 0);
	ok(columns_read(&columns, path, &err) < 0,
	    "no line ends with a NUL: %s", err.text);
	(void)snprintf(path, sizeof(path), "%s/none", dir);
	ok(columns_read(&columns, path, &err) < 0, "so is a file that is not");
	columns_release(&columns);
	tap_remove_tree(dir);
}

/* Whatever is written: an error, or a column that any event can be given to. */
static void
test_random(void)
{
	static const char pieces[] = "ab.|[]()0-9'\"\\:$=, \xc3\xa4";
	static const char *const words[] = {":int", ":text(3)", ":json:reject",
	    ":decimal(5,2):cut", ":ip:default=::1", ":timestamp(UTC)"};
	static const char event[] =
	    "{\"a\":[1,{\"b\":\"\\u00e4\"},[]],\"b\":{\"a\":1.5},\"0\":\"x\"}";
	struct tap_all all = {0};
	uint64_t seed = 20261130;

	for (int i = 0; i < 20000; i++) {
		unsigned len = (unsigned)(tap_random(&seed) % 24);
		char spec[80] = "x=";
		struct columns columns;
		struct row_maker maker;
		struct error err = {0, ""};
		struct row row;

		for (unsigned k = 2; k < len + 2; k++)
			spec[k] =
			    pieces[tap_random(&seed) % (sizeof(pieces) - 1)];
		(void)snprintf(spec + len + 2, sizeof(spec) - len - 2, "%s",
		    words[tap_random(&seed) % 6]);
		memset(&columns, 0, sizeof(columns));
		if (columns_set(&columns, spec, &err) < 0) {
			tap_case(&all, err.text[0] != '\0', "%s", spec);
			columns_release(&columns);
			continue;
		}
		must(columns_compile(&columns, &err) == 0);
		must(row_maker_init(&maker, &columns) == 0);
		tap_case(&all,
		    make_row(&maker, event, &row, &err) != ROW_NO_MEMORY, "%s",
		    spec);
		row_maker_release(&maker);
		columns_release(&columns);
	}
	tap_all(&all, "whatever is asked for");
}

/* What the clocks of a place show, in summer and winter. */
static void
test_zone(void)
{
	static const struct {
		const char *text, *want;
	} times[] = {{"2026-11-22 07:33:51.5", "2026-11-22 06:33:51.500000"},
	    {"2026-07-22 07:33:51", "2026-07-22 05:33:51.000000"},
	    {"2026-07-22 07:33:51Z", "2026-07-22 07:33:51.000000"},
	    {"2026-03-29 02:30:00", NULL}, {"2026-10-25 02:30:00", NULL},
	    {"2026-10-25 01:59:59", "2026-10-24 23:59:59.000000"},
	    {"2026-10-25 03:00:00", "2026-10-25 02:00:00.000000"},
	    {"1969-12-31 00:59:59", "1969-12-30 23:59:59.000000"},
	    {"Sun Nov 22 07:33:51 2026", "2026-11-22 06:33:51.000000"}};
	struct tap_all all = {0};
	struct columns columns;
	struct row_maker maker;
	struct error err;
	struct row row;

	must(columns_init(&columns, &err) == 0);
	if (access("/usr/share/zoneinfo/Europe/Berlin", R_OK) < 0) {
		ok(true, "# SKIP no zones here");
		columns_release(&columns);
		return;
	}
	must(columns_set(&columns, "x=a:timestamp(Europe/Berlin)", &err) == 0);
	must(columns_set(&columns, "y=a:timestamp(Europe/Berlin)", &err) == 0);
	ok(columns_set(&columns, "z=a:timestamp(Europe/Paris)", &err) < 0,
	    "one name of a zone at most");
	must(columns_compile(&columns, &err) == 0);
	must(row_maker_init(&maker, &columns) == 0);
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		const char *want = times[i].want;
		char event[80], got[80] = "NULL";
		struct value *v = &row.columns[4];

		(void)snprintf(
		    event, sizeof(event), "{\"a\":\"%s\"}", times[i].text);
		must(make_row(&maker, event, &row, &err) == ROW_MADE);
		if (v->p != NULL)
			(void)snprintf(
			    got, sizeof(got), "%.*s", (int)v->len, v->p);
		tap_case(&all, strcmp(got, want == NULL ? "NULL" : want) == 0,
		    "%s: %s", times[i].text, got);
	}
	tap_all(&all, "times of a zone with a name");
	row_maker_release(&maker);
	columns_release(&columns);
}

/* Any value in a column of any type: one that is whole, or none. */
static void
test_values(void)
{
	static const char *const types[] = {"text", "text(3)", "text(3):cut",
	    "int", "bigint:cut", "unsigned", "double", "decimal(9,3)",
	    "decimal(65,30):cut", "bool", "timestamp", "timestamp(+14:00)",
	    "json", "ip", "uuid:default=null"};
	static const char pieces[] = "0123456789.eE+-:TZ /fF\\u\"{}[],nt";
	struct tap_all all = {0};
	uint64_t seed = 20261201;

	for (size_t t = 0; t < sizeof(types) / sizeof(types[0]); t++) {
		struct columns columns;
		struct row_maker maker;
		struct error err;
		char spec[40];

		(void)snprintf(spec, sizeof(spec), "x=a:%s", types[t]);
		memset(&columns, 0, sizeof(columns));
		must(columns_set(&columns, spec, &err) == 0 &&
		     columns_compile(&columns, &err) == 0 &&
		     row_maker_init(&maker, &columns) == 0);
		for (int i = 0; i < 20000; i++) {
			unsigned len = (unsigned)(tap_random(&seed) % 40);
			char event[80] = "{\"a\":\"";
			size_t at = 5 + tap_random(&seed) % 2;
			bool text = at == 6, breaks;
			struct json_error e;
			struct row row;

			for (unsigned k = 0; k < len; k++)
				event[at++] = pieces[tap_random(&seed) %
						     (sizeof(pieces) - 1)];
			(void)snprintf(event + at, sizeof(event) - at, "%s}",
			    text ? "\"" : "");
			if (json_check(event, event + strlen(event), 100,
				&breaks, &e) == NULL)
				continue;
			must(make_row(&maker, event, &row, &err) == ROW_MADE);
			tap_case(&all,
			    row.columns[0].p == NULL ||
				json_is_utf8(
				    row.columns[0].p, row.columns[0].len),
			    "%s of %s", spec, event);
		}
		row_maker_release(&maker);
		columns_release(&columns);
	}
	tap_all(&all, "whatever is in an event");
}

int
main(void)
{
	test_zone();
	test_cases();
	test_errors();
	test_rejection();
	test_names();
	test_files();
	test_random();
	test_values();
	return tap_end();
}
