/*
 * row.c - see row.h.
 *
 * One walk over an event's top-level members notes the last value of each name
 * that some column wants; then the columns take theirs.
 */
#include <stdlib.h>
#include <string.h>

#include "row.h"

static void note_head(struct row_maker *, const struct json_member *);
static void take_column(struct row_maker *, unsigned index, struct value *);

int
row_maker_init(struct row_maker *m, const struct columns *columns)
{
	size_t size = 0;

	memset(m, 0, sizeof(*m));
	m->columns = columns;
	for (unsigned i = 0; i < columns->count; i++) {
		const struct column *c = &columns->list[i];

		m->offsets[i] = size;
		size += c->type == COLUMN_VARCHAR ? (size_t)c->width * 4
						  : VALUE_SCRATCH;
	}
	m->scratch = malloc(size + 1);
	return m->scratch == NULL ? -1 : 0;
}

void
row_maker_release(struct row_maker *m)
{
	free(m->scratch);
	m->scratch = NULL;
}

void
row_maker_begin(struct row_maker *m, uint64_t wall_us)
{
	value_stamp((int64_t)wall_us, m->received_at);
}

/* Most events have the stamp of the one before: they came together. */
static bool
convert_stamp(struct row_maker *m, struct json_text quoted)
{
	if (quoted.len == m->stamp_source_len &&
	    memcmp(quoted.p, m->stamp_source, quoted.len) == 0)
		return true;
	m->stamp_source_len = 0;
	if (value_datetime(quoted.p + 1, quoted.len - 2, m->stamp) == 0)
		return false;
	if (quoted.len <= sizeof(m->stamp_source)) {
		memcpy(m->stamp_source, quoted.p, quoted.len);
		m->stamp_source_len = quoted.len;
	}
	return true;
}

void
row_make(struct row_maker *m, const char *event, size_t len, uint64_t line,
    struct db_row *row)
{
	const struct row_head *received = &m->heads[COLUMN_HEAD_RECEIVED];
	const char *cursor = event, *end = event + len;
	struct json_member member;

	m->event++;
	while (json_next_member(&cursor, end, &member))
		note_head(m, &member);
	row->received_at = m->received_at;
	if (received->event == m->event && received->kind == JSON_STRING &&
	    convert_stamp(m, received->value))
		row->received_at = m->stamp;
	row->line = line;
	for (unsigned i = 0; i < m->columns->count; i++)
		take_column(m, i, &row->columns[i]);
	row->payload.p = event;
	row->payload.len = len;
}

static void
note_head(struct row_maker *m, const struct json_member *member)
{
	const struct columns *c = m->columns;

	/* Most are ruled out by the length of their name as it is written. */
	if ((c->lengths >> member->name.len % 64 & 1) == 0 &&
	    !member->name_escapes)
		return;
	for (unsigned i = 0; i < c->head_count; i++) {
		if (!json_name_is(member, c->heads[i].p, c->heads[i].len))
			continue;
		m->heads[i].value = member->value;
		m->heads[i].kind = member->kind;
		m->heads[i].event = m->event;
		return;
	}
}

/* The last member of that name within an object. */
static bool
find_member(struct row_head *at, struct column_name name)
{
	const char *cursor = at->value.p, *end = cursor + at->value.len;
	struct json_member member;
	struct row_head found;
	bool any = false;

	if (at->kind != JSON_OBJECT)
		return false;
	while (json_next_member(&cursor, end, &member)) {
		if (!json_name_is(&member, name.p, name.len))
			continue;
		found.value = member.value;
		found.kind = member.kind;
		any = true;
	}
	if (any) {
		at->value = found.value;
		at->kind = found.kind;
	}
	return any;
}

static bool
find_path(const struct row_maker *m, const struct column_path *path,
    struct row_head *at)
{
	*at = m->heads[path->head];
	if (at->event != m->event)
		return false;
	for (unsigned i = 0; i < path->depth; i++) {
		if (!find_member(at, path->rest[i]))
			return false;
	}
	return true;
}

/* The first alternative that is there and fits; NULL where none does. */
static void
take_column(struct row_maker *m, unsigned index, struct value *out)
{
	const struct column *c = &m->columns->list[index];
	bool misfits = false;
	struct row_head at;

	for (unsigned i = 0; i < c->path_count; i++) {
		enum value_verdict verdict;

		if (!find_path(m, &c->paths[i], &at))
			continue;
		verdict = value_convert(
		    c, at.value, at.kind, m->scratch + m->offsets[index], out);
		if (verdict == VALUE_FITS)
			return;
		if (verdict == VALUE_MISFITS)
			misfits = true;
	}
	out->p = NULL;
	out->len = 0;
	m->misfits += misfits;
}
