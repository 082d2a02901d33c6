/*
 * row.c - see row.h.
 *
 * Of an event's top-level members the last one of each name that some column
 * wants is noted; then the columns take theirs.
 */
#include <stdlib.h>
#include <string.h>

#include "element.h"
#include "row.h"
#include "types.h"

_Static_assert(COLUMNS_MAX <= 32, "row.misfits has a bit for each");

static enum value_verdict take_column(
    struct row_maker *, unsigned index, struct row *, struct json_text *misfit);
static enum row_verdict reject(const struct row_maker *, unsigned index,
    const struct row *, const char *value, struct error *);

int
row_maker_init(struct row_maker *m, const struct columns *columns)
{
	memset(m, 0, sizeof(*m));
	m->columns = columns;
	for (unsigned i = 0; i < columns->count + columns->watched; i++) {
		if (buf_reserve(
			&m->scratch[i], type_scratch(&columns->list[i])) < 0) {
			row_maker_release(m);
			return -1;
		}
	}
	return 0;
}

void
row_maker_release(struct row_maker *m)
{
	for (unsigned i = 0; i < COLUMNS_MAX; i++)
		buf_release(&m->scratch[i]);
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
	if (value_datetime(quoted.p + 1, quoted.len - 2, NULL, m->stamp) > 0)
		row->received_at = m->stamp;
}

/* Notes the first value that has not fitted. */
static void
note_example(struct row_example *e, uint64_t line, struct json_text misfit)
{
	size_t len =
	    misfit.len < ROW_EXAMPLE_MAX ? misfit.len : ROW_EXAMPLE_MAX;

	e->line = line;
	memcpy(e->text, misfit.p, len);
	/* No character is cut. */
	while (len < misfit.len && len > 0 &&
	       ((unsigned char)misfit.p[len] & 0xc0) == 0x80)
		len--;
	e->text[len] = '\0';
}

enum row_verdict
row_make(struct row_maker *m, const char *event, size_t len, uint64_t line,
    struct row *row, struct error *err)
{
	const struct row_head *received = &m->heads[COLUMN_HEAD_RECEIVED];
	enum row_verdict made = ROW_MADE;

	row->received_at = m->received_at;
	if (received->event == m->event && received->member.kind == JSON_STRING)
		row_keep_stamp(m, received->member.value, row);
	row->line = line;
	row->payload = (struct value){event, len};
	row->misfits = 0;
	for (unsigned i = 0; i < m->columns->count + m->columns->watched; i++) {
		struct json_text misfit;
		enum value_verdict verdict = take_column(m, i, row, &misfit);

		if (verdict == VALUE_NO_MEMORY)
			return ROW_NO_MEMORY;
		if (verdict != VALUE_MISFITS || i == m->columns->count)
			continue;
		row->misfits |= 1U << i;
		if (m->examples[i].line == 0)
			note_example(&m->examples[i], line, misfit);
		if (m->columns->list[i].misfit == COLUMN_REJECT &&
		    made == ROW_MADE)
			made = reject(m, i, row, misfit.p, err);
	}
	return made;
}

static enum row_verdict
reject(const struct row_maker *m, unsigned index, const struct row *row,
    const char *value, struct error *err)
{
	const struct column *c = &m->columns->list[index];

	(void)error_set(err, "the value at byte %zu does not fit column %s, %s",
	    (size_t)(value - row->payload.p), c->name, type_word(c->type));
	return ROW_REJECTED;
}

/* Text that is no JSON at all the database refuses by itself. */
static bool
is_beyond(const struct row_bounds *b, const struct value *v, struct error *err)
{
	const char *end = v->p + v->len;
	struct json_error e;
	bool breaks;

	return json_check(v->p, end, JSON_DEPTH_MOST, &breaks, &e) == end &&
	       bounds_refuse(b, v->p, v->len, err);
}

enum row_verdict
row_bound(const struct row_maker *m, const struct row_bounds *b,
    struct row *row, struct error *err)
{
	for (uint32_t left = b->json; left != 0; left &= left - 1) {
		unsigned i = (unsigned)__builtin_ctz(left);
		const struct column *c = &m->columns->list[i];
		struct value *v = &row->columns[i];
		struct error why;

		if (v->p == NULL || !is_beyond(b->of_json, v, &why))
			continue;
		row->misfits |= 1U << i;
		if (c->misfit == COLUMN_REJECT) {
			(void)error_set(
			    err, "column %s has %.400s", c->name, why.text);
			return ROW_REJECTED;
		}
		*v = c->misfit == COLUMN_DEFAULT ? c->fallback
						 : (struct value){NULL, 0};
	}
	return ROW_MADE;
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

/* From an array to that element of it. */
static bool
go_to_element(struct json_member *at, int index)
{
	struct json_member array = *at;
	const char *cursor = array.value.p, *end = cursor + array.value.len;

	if (array.kind != JSON_ARRAY)
		return false;
	if (index < 0) { /* counts them */
		while (element_next(&cursor, end, at))
			index++;
		cursor = array.value.p;
	}
	for (; index >= 0 && element_next(&cursor, end, at); index--) {
		if (index == 0)
			return true;
	}
	return false;
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
		const struct column_step *step = &path->rest[i];

		if (step->name.p != NULL ? !go_to_member(found, step->name)
					 : !go_to_element(found, step->index))
			return NULL;
	}
	return found;
}

/*
 * The first alternative that is there and fits; else what the column has for a
 * value that does not, which *misfit then is, or NULL.
 */
static enum value_verdict
take_column(struct row_maker *m, unsigned index, struct row *row,
    struct json_text *misfit)
{
	const struct column *c = &m->columns->list[index];
	struct value *out = &row->columns[index];
	const struct json_member *at;
	struct json_member found;

	*misfit = (struct json_text){NULL, 0};
	for (unsigned i = 0; i < c->path_count; i++) {
		const struct column_path *path = &c->paths[i];
		bool surely = i >= c->plain_count;
		enum value_verdict verdict;

		if (path->source == COLUMN_MEMBER) {
			at = find_path(m, path, &found);
			if (at == NULL || at->kind == JSON_NULL)
				continue;
		} else if (path->source == COLUMN_WHOLE) {
			found = (struct json_member){.kind = JSON_OBJECT,
			    .value = {row->payload.p, row->payload.len}};
			at = &found;
		} else {
			*out = path->constant;
			return VALUE_FITS;
		}
		verdict = c->convert(c, at, surely, &m->scratch[index], out);
		if (verdict != VALUE_MISFITS)
			return verdict;
		if (!surely && misfit->p == NULL)
			*misfit = at->value;
	}
	*out = (struct value){NULL, 0};
	if (misfit->p == NULL)
		return VALUE_FITS; /* NULL always does */
	if (c->misfit == COLUMN_DEFAULT)
		*out = c->fallback;
	return VALUE_MISFITS;
}
