/*
 * otlp_json.c - see otlp_json.h. The fields are those of opentelemetry-proto;
 * in JSON they are as protobuf's mapping has them (protobuf.dev/
 * programming-guides/json), but for ids, which are hexadecimal, and enums,
 * which are numbers (opentelemetry.io/docs/specs/otlp, "JSON Protobuf
 * Encoding"). Unknown names are passed over, as that says.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "hex.h"
#include "json_walk.h"
#include "otlp_json.h"
#include "wire.h"

#define LENGTH_BYTES 5 /* of a message whose length is known at its end */

enum kind {
	TEXT,
	BASE64,
	HEX,
	BOOL,
	INT64,  /* a varint, of two's complement */
	INT32,  /* likewise */
	UINT32, /* likewise */
	FIXED32,
	FIXED64,
	DOUBLE,
	MESSAGE,
	MESSAGES, /* an array of them */
};

struct field {
	const char *name;
	unsigned number;
	enum kind kind;
	enum otlp_message of;
};

#define FIELDS_MAX 12

/* Each ends with a number that is 0, or is full. */
static const struct field messages[][FIELDS_MAX] = {
    [OTLP_RESOURCE_LOGS] = {{"resource", 1, MESSAGE, OTLP_RESOURCE},
	{"schemaUrl", 3, TEXT, 0}},
    [OTLP_SCOPE_LOGS] = {{"scope", 1, MESSAGE, OTLP_SCOPE},
	{"schemaUrl", 3, TEXT, 0}},
    [OTLP_LOG_RECORD] = {{"timeUnixNano", 1, FIXED64, 0},
	{"observedTimeUnixNano", 11, FIXED64, 0},
	{"severityNumber", 2, INT32, 0}, {"severityText", 3, TEXT, 0},
	{"body", 5, MESSAGE, OTLP_ANY_VALUE},
	{"attributes", 6, MESSAGES, OTLP_KEY_VALUE},
	{"droppedAttributesCount", 7, UINT32, 0}, {"flags", 8, FIXED32, 0},
	{"traceId", 9, HEX, 0}, {"spanId", 10, HEX, 0},
	{"eventName", 12, TEXT, 0}},
    [OTLP_RESOURCE] = {{"attributes", 1, MESSAGES, OTLP_KEY_VALUE},
	{"droppedAttributesCount", 2, UINT32, 0}},
    [OTLP_SCOPE] = {{"name", 1, TEXT, 0}, {"version", 2, TEXT, 0},
	{"attributes", 3, MESSAGES, OTLP_KEY_VALUE},
	{"droppedAttributesCount", 4, UINT32, 0}},
    [OTLP_KEY_VALUE] = {{"key", 1, TEXT, 0},
	{"value", 2, MESSAGE, OTLP_ANY_VALUE}},
    [OTLP_ANY_VALUE] = {{"stringValue", 1, TEXT, 0}, {"boolValue", 2, BOOL, 0},
	{"intValue", 3, INT64, 0}, {"doubleValue", 4, DOUBLE, 0},
	{"arrayValue", 5, MESSAGE, OTLP_ARRAY},
	{"kvlistValue", 6, MESSAGE, OTLP_KEY_VALUES},
	{"bytesValue", 7, BASE64, 0}},
    [OTLP_ARRAY] = {{"values", 1, MESSAGES, OTLP_ANY_VALUE}},
    [OTLP_KEY_VALUES] = {{"values", 1, MESSAGES, OTLP_KEY_VALUE}},
};

/* `at`: what is wrong. */
static void
fail(struct draft *d, const char *at, const char *reason)
{
	if (!d->failed)
		d->at = at;
	draft_fail(d, EVENT_UNFIT, reason);
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static void
put_varint(struct draft *d, uint64_t value)
{
	char bytes[WIRE_VARINT_MAX];
	size_t len = wire_varint(value, bytes);

	draft_put(d, bytes, len);
}

static void
put_fixed(struct draft *d, uint64_t value, size_t len)
{
	char bytes[8];

	for (size_t i = 0; i < len; i++)
		bytes[i] = (char)(value >> 8 * i);
	draft_put(d, bytes, len);
}

/* Begins a field of bytes; returns where they do. */
static size_t
open_bytes(struct draft *d, const struct field *f)
{
	static const char length[LENGTH_BYTES];

	put_varint(d, WIRE_TAG(f->number, BYTES));
	draft_put(d, length, sizeof(length));
	return d->text->len;
}

/* Its length, in as many bytes as were left for it. */
static void
close_bytes(struct draft *d, size_t begin)
{
	size_t len = d->text->len - begin;
	char *p;

	if (d->failed)
		return;
	if (len > UINT32_MAX)
		draft_fail(d, EVENT_TOO_LARGE, NULL);
	p = d->text->data + begin - LENGTH_BYTES;
	for (int i = 0; i < LENGTH_BYTES; i++, len >>= 7)
		p[i] = (char)((len & 0x7f) | (i < LENGTH_BYTES - 1 ? 0x80 : 0));
}

/*
 * Strings. Each of these decodes what is left in place: the draft ends with the
 * string's bytes, and no kind needs more than there are.
 */

static size_t
decode_hex(char *text, size_t len)
{
	for (size_t i = 0; i < len; i += 2) {
		int high = hex_digit(text[i]),
		    low = i + 1 < len ? hex_digit(text[i + 1]) : -1;

		if (high < 0 || low < 0)
			return SIZE_MAX;
		text[i / 2] = (char)(high << 4 | low);
	}
	return len / 2;
}

/* The value of a digit of base64, of either alphabet (RFC 4648); or -1. */
static int
base64_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (is_digit(c))
		return c - '0' + 52;
	if (c == '+' || c == '-')
		return 62;
	return c == '/' || c == '_' ? 63 : -1;
}

/* With padding or without. */
static size_t
decode_base64(char *text, size_t len)
{
	unsigned bits = 0, count = 0;
	size_t n = 0;

	if (len % 4 == 0) {
		for (int i = 0; i < 2 && len > 0 && text[len - 1] == '='; i++)
			len--;
	}
	for (size_t i = 0; i < len; i++) {
		int digit = base64_digit(text[i]);

		if (digit < 0)
			return SIZE_MAX;
		bits = bits << 6 | (unsigned)digit;
		count += 6;
		if (count < 8)
			continue;
		count -= 8;
		text[n++] = (char)(bits >> count);
	}
	return len % 4 == 1 ? SIZE_MAX : n;
}

static void
put_string(struct draft *d, const struct field *f, struct json_text quoted)
{
	size_t begin = open_bytes(d, f), len;
	char *to = draft_room(d, quoted.len);
	long n;

	if (to == NULL)
		return;
	n = json_string_decode(quoted, to, quoted.len);
	if (n < 0) {
		fail(d, quoted.p, "a lone surrogate is no text");
		return;
	}
	len = (size_t)n;
	if (f->kind == HEX)
		len = decode_hex(to, len);
	else if (f->kind == BASE64)
		len = decode_base64(to, len);
	if (len == SIZE_MAX) {
		fail(d, quoted.p,
		    f->kind == HEX ? "not hexadecimal" : "not base64");
		return;
	}
	d->text->len += len;
	close_bytes(d, begin);
}

/*
 * Numbers, which may stand in quotes
 */

/* What each kind may be, and how it is written. */
static const struct {
	int64_t least;
	uint64_t most;
	unsigned type;
} ranges[] = {
    [INT64] = {INT64_MIN, INT64_MAX, WIRE_VARINT},
    [INT32] = {INT32_MIN, INT32_MAX, WIRE_VARINT},
    [UINT32] = {0, UINT32_MAX, WIRE_VARINT},
    [FIXED32] = {0, UINT32_MAX, WIRE_FIXED32},
    [FIXED64] = {0, UINT64_MAX, WIRE_FIXED64},
    [DOUBLE] = {0, 0, WIRE_FIXED64},
};

/* Takes its quotes off; false: it is no number. */
static bool
unquote_number(struct json_text *text)
{
	struct json_error err;
	bool breaks;

	if (*text->p == '"') {
		text->p++;
		text->len -= 2;
	}
	return text->len > 0 && (*text->p == '-' || is_digit(*text->p)) &&
	       json_check(text->p, text->p + text->len, 0, &breaks, &err) ==
		   text->p + text->len;
}

/* An integer, which may also be written as 1e3 or 10.0. 0, or -1. */
static int
read_integer(struct json_text text, enum kind kind, uint64_t *value)
{
	double number;
	bool negative;
	char *end;

	if (!unquote_number(&text))
		return -1;
	negative = *text.p == '-';
	errno = 0;
	/* What follows a number in JSON ends it for strtod(3), too. */
	*value = strtoull(text.p + negative, &end, 10);
	if (errno != 0)
		return -1;
	if (end != text.p + text.len) {
		number = strtod(text.p + negative, NULL);
		if (number > 0x1p53)
			return -1;
		*value = (uint64_t)number;
		if (number != (double)*value)
			return -1;
	}
	if (negative ? *value > -(uint64_t)ranges[kind].least
		     : *value > ranges[kind].most)
		return -1;
	if (negative)
		*value = -*value;
	return 0;
}

static int
read_double(struct json_text text, uint64_t *bits)
{
	static const struct {
		const char *text;
		double value;
	} words[] = {{"\"NaN\"", NAN}, {"\"Infinity\"", INFINITY},
	    {"\"-Infinity\"", -INFINITY}};
	struct json_text number = text;
	double value = INFINITY;
	size_t i = 0;

	if (unquote_number(&number)) {
		value = strtod(number.p, NULL);
		if (isinf(value))
			return -1;
	} else {
		while (
		    i < 3 && (text.len != strlen(words[i].text) ||
				 memcmp(text.p, words[i].text, text.len) != 0))
			i++;
		if (i == 3)
			return -1;
		value = words[i].value;
	}
	memcpy(bits, &value, sizeof(*bits));
	return 0;
}

static void
put_number(struct draft *d, const struct field *f, struct json_text text)
{
	unsigned type = ranges[f->kind].type;
	uint64_t value = 0; /* or so gcc thinks, with a sanitizer */

	if (f->kind == DOUBLE ? read_double(text, &value) < 0
			      : read_integer(text, f->kind, &value) < 0) {
		fail(d, text.p,
		    f->kind == DOUBLE ? "not a number of 64 bits"
				      : "not an integer, or out of its range");
		return;
	}
	put_varint(d, (uint64_t)f->number << 3 | type);
	if (type == WIRE_VARINT)
		put_varint(d, value);
	else
		put_fixed(d, value, type == WIRE_FIXED32 ? 4 : 8);
}

/*
 * Messages
 */

static void
put_scalar(struct draft *d, const struct field *f, struct json_text text)
{
	switch (f->kind) {
	case TEXT:
	case HEX:
	case BASE64:
		if (*text.p == '"')
			put_string(d, f, text);
		else
			fail(d, text.p, "not a string");
		break;
	case BOOL:
		if (*text.p != 't' && *text.p != 'f')
			fail(d, text.p, "neither true nor false");
		put_varint(d, WIRE_TAG(f->number, VARINT));
		put_varint(d, *text.p == 't');
		break;
	default:
		put_number(d, f, text);
	}
}

static const char *
put_message(
    struct draft *d, const char *p, const char *end, const struct field *f)
{
	size_t begin = open_bytes(d, f);

	p = otlp_encode(d, p, end, f->of);
	close_bytes(d, begin);
	return p;
}

static const char *
put_field(
    struct draft *d, const char *p, const char *end, const struct field *f)
{
	const char *stop;

	if (f->kind == MESSAGE)
		return put_message(d, p, end, f);
	if (f->kind == MESSAGES && *p == '[') {
		while (json_walk_element(&p, end))
			p = put_message(d, p, end, f);
		return p;
	}
	stop = json_pass(p, end);
	if (f->kind == MESSAGES)
		fail(d, p, "not an array");
	else
		put_scalar(d, f, (struct json_text){p, (size_t)(stop - p)});
	return stop;
}

static const struct field *
find_field(enum otlp_message of, const struct json_member *m)
{
	const struct field *f = messages[of];

	for (int i = 0; i < FIELDS_MAX && f[i].number != 0; i++) {
		/* Most differ in their first letter. */
		if (!m->name_escapes && *m->name.p != *f[i].name)
			continue;
		if (json_name_is(m, f[i].name, strlen(f[i].name)))
			return &f[i];
	}
	return NULL;
}

const char *
otlp_encode(
    struct draft *d, const char *p, const char *end, enum otlp_message of)
{
	struct json_member m;
	const struct field *f;

	if (*p != '{') {
		fail(d, p, "not an object");
		return json_pass(p, end);
	}
	while (json_walk_member(&p, end, &m)) {
		f = find_field(of, &m);
		/* null is as if it was not there */
		p = f == NULL || *p == 'n' ? json_pass(p, end)
					   : put_field(d, p, end, f);
	}
	return p;
}
