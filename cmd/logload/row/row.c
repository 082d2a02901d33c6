/*
 * row.c - see row.h.
 *
 * Of an event's top-level members the last one of each name that some column
 * wants is noted; then the columns take theirs.
 */
#include <stdlib.h>
#include <string.h>

#include "row.h"

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

void
row_begin(struct row_maker *m)
{
	m->event++;
}

void
row_note(struct row_maker *m, const struct json_member *member)
{
	const struct columns *c = m->columns;
	unsigned i;

	if (!member->name_escapes) {
		i = columns_head(c, member->name.p, member->name.len);
	} else {
		for (i = c->head_count; i > 0; i--) {
			const struct json_text *n = &c->heads[i - 1].name;

			if (json_name_is(member, n->p, n->len))
				break;
		}
	}
	if (i == 0)
		return;
	m->heads[i - 1].member = *member;
	m->heads[i - 1].event = m->event;
}

bool
row_has_nul(const struct row_maker *m, const struct row *row)
{
	for (unsigned i = 0; i < m->columns->count; i++) {
		const struct value *v = &row->columns[i];

		if (v->len > 0 && memchr(v->p, '\0', v->len) != NULL)
			return true;
	}
	return false;
}

void
row_keep_stamp(struct row_maker *m, struct json_text quoted, struct row *row)
{
	if (value_datetime(quoted.p + 1, quoted.len - 2, m->stamp) > 0)
		row->received_at = m->stamp;
}

void
row_make(struct row_maker *m, const char *event, size_t len, uint64_t line,
    struct row *row)
{
	const struct row_head *received = &m->heads[COLUMN_HEAD_RECEIVED];

	row->received_at = m->received_at;
	if (received->event == m->event && received->member.kind == JSON_STRING)
		row_keep_stamp(m, received->member.value, row);
	row->line = line;
	for (unsigned i = 0; i < m->columns->count; i++)
		take_column(m, i, &row->columns[i]);
	row->payload = (struct value){event, len};
}

/* From an object to its last member of that name; false: there is none. */
static bool
go_to_member(struct json_member *at, struct json_text name)
{
	struct json_member object = *at, member;
	const char *cursor = object.value.p, *end = cursor + object.value.len;
	bool any = false;

	while (object.kind == JSON_OBJECT &&
	       json_next_member(&cursor, end, &member)) {
		if (json_name_is(&member, name.p, name.len)) {
			*at = member;
			any = true;
		}
	}
	return any;
}

static const struct json_member *
find_path(const struct row_maker *m, const struct column_path *path,
    struct json_member *found)
{
	const struct row_head *head = &m->heads[path->head];

	if (head->event != m->event)
		return NULL;
	if (path->depth == 0)
		return &head->member;
	*found = head->member;
	for (unsigned i = 0; i < path->depth; i++) {
		if (!go_to_member(found, path->rest[i]))
			return NULL;
	}
	return found;
}

/* The first alternative that is there and fits; NULL where none does. */
static void
take_column(struct row_maker *m, unsigned index, struct value *out)
{
	const struct column *c = &m->columns->list[index];
	char *scratch = m->scratch + m->offsets[index];
	const struct json_member *at;
	struct json_member found;
	bool misfits = false;

	for (unsigned i = 0; i < c->path_count; i++) {
		enum value_verdict verdict;
		bool surely;

		at = find_path(m, &c->paths[i], &found);
		if (at == NULL)
			continue;
		surely = i >= c->plain_count;
		verdict = value_convert(c, at, surely, scratch, out);
		if (verdict == VALUE_FITS)
			return;
		if (verdict == VALUE_MISFITS && !surely)
			misfits = true;
	}
	out->p = NULL;
	out->len = 0;
	m->misfits += misfits;
}
