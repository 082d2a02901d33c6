/*
 * batch.c - see batch.h.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "batch.h"

#define VALUE_SPARE 12 /* of a value: its type, its length, a sign for NULL */
#define KEEP (1024 * 1024) /* bytes that stay allocated */

static int
init_texts(struct batch *b, unsigned rows)
{
	b->texts = calloc(b->text_count, sizeof(*b->texts));
	if (b->texts == NULL)
		return -1;
	for (unsigned i = 0; i < b->text_count; i++) {
		struct batch_texts *t = &b->texts[i];

		t->text = malloc(rows * sizeof(*t->text));
		t->len = malloc(rows * sizeof(*t->len));
		t->null = malloc(rows * sizeof(*t->null));
		if (t->text == NULL || t->len == NULL || t->null == NULL)
			return -1;
	}
	return 0;
}

int
batch_init(struct batch *b, const struct columns *columns, unsigned rows)
{
	memset(b, 0, sizeof(*b));
	b->payload = columns_has_payload(columns);
	b->text_count = 1 + columns->count + b->payload;
	b->file_id = malloc(rows * sizeof(*b->file_id));
	b->line = malloc(rows * sizeof(*b->line));
	b->place = malloc(rows * sizeof(*b->place));
	b->table = malloc(rows * sizeof(*b->table));
	if (init_texts(b, rows) == 0 && b->file_id != NULL && b->line != NULL &&
	    b->place != NULL && b->table != NULL)
		return 0;
	batch_release(b);
	return -1;
}

void
batch_release(struct batch *b)
{
	for (unsigned i = 0; b->texts != NULL && i < b->text_count; i++) {
		free(b->texts[i].text);
		free(b->texts[i].len);
		free(b->texts[i].null);
	}
	free(b->texts);
	free(b->file_id);
	free(b->line);
	free(b->place);
	free(b->table);
	free(b->order);
	free(b->sorted);
	buf_release(&b->bytes);
	memset(b, 0, sizeof(*b));
}

void
batch_clear(struct batch *b)
{
	b->count = 0;
	b->mixed = false;
	b->size = 0;
	buf_clear(&b->bytes, KEEP);
}

/* There is room for it. */
static void
put_text(struct batch *b, unsigned which, const char *text, size_t len)
{
	struct batch_texts *t = &b->texts[which];

	t->text[b->count] = b->bytes.data + b->bytes.len;
	t->len[b->count] = len;
	t->null[b->count] = text == NULL;
	if (text != NULL)
		memcpy(b->bytes.data + b->bytes.len, text, len);
	b->bytes.len += len;
}

int
batch_add(struct batch *b, const struct batch_limits *limits, uint64_t file_id,
    const struct row *row)
{
	unsigned columns = b->text_count - 1 - b->payload;
	size_t size = VALUE_DATETIME_LEN + (b->payload ? row->payload.len : 0) +
		      (b->text_count + 2) * VALUE_SPARE;

	for (unsigned i = 0; i < columns; i++)
		size += row->columns[i].len;
	if (b->count > 0 &&
	    (b->count >= limits->rows || b->size + size > limits->bytes))
		return 0;
	if (b->count == 0 &&
	    buf_reserve(
		&b->bytes, size > limits->bytes ? size : limits->bytes) < 0)
		return -1;
	put_text(b, 0, row->received_at, VALUE_DATETIME_LEN);
	for (unsigned i = 0; i < columns; i++) {
		put_text(b, i + 1, row->columns[i].p, row->columns[i].len);
		/* So it is refused, and not cut without a word. */
		if (row->widths != NULL &&
		    batch_has_blanks_beyond(
			&b->texts[i + 1], b->count, row->widths[i]))
			b->bytes.data[b->bytes.len - 1] = '.';
	}
	if (b->payload)
		put_text(b, columns + 1, row->payload.p, row->payload.len);
	b->file_id[b->count] = file_id;
	b->line[b->count] = row->line;
	b->place[b->count] = row->place;
	b->table[b->count] = row->table;
	b->mixed |= row->table != b->table[0];
	b->size += size;
	b->count++;
	return 1;
}

int
batch_copy(struct batch *to, const struct batch *b, unsigned row)
{
	to->size = batch_size(b, row, 1);
	if (buf_reserve(&to->bytes, to->size) < 0)
		return -1;
	for (unsigned i = 0; i < b->text_count; i++) {
		const struct batch_texts *t = &b->texts[i];

		put_text(
		    to, i, t->null[row] ? NULL : t->text[row], t->len[row]);
	}
	to->file_id[0] = b->file_id[row];
	to->line[0] = b->line[row];
	to->place[0] = b->place[row];
	to->table[0] = b->table[row];
	to->count = 1;
	return 0;
}

/* Where each row comes from: those of the lowest table first. */
static void
find_order(struct batch *b)
{
	unsigned next, table = 0, at = 0;

	for (; at < b->count; table = next) {
		next = UINT_MAX;
		for (unsigned i = 0; i < b->count; i++) {
			if (b->table[i] == table)
				b->order[at++] = i;
			else if (b->table[i] > table && b->table[i] < next)
				next = b->table[i];
		}
	}
}

static void
put_in_order(const struct batch *b, void *values, size_t size)
{
	char *out = b->sorted;

	for (unsigned i = 0; i < b->count; i++)
		memcpy(
		    out + i * size, (char *)values + b->order[i] * size, size);
	memcpy(values, out, b->count * size);
}

int
batch_sort(struct batch *b)
{
	if (!b->mixed)
		return 0;
	if (b->order == NULL)
		b->order = malloc(BATCH_ROWS_MAX * sizeof(*b->order));
	if (b->sorted == NULL)
		b->sorted = malloc(BATCH_ROWS_MAX * sizeof(*b->place));
	if (b->order == NULL || b->sorted == NULL)
		return -1;
	find_order(b);
	for (unsigned i = 0; i < b->text_count; i++) {
		struct batch_texts *t = &b->texts[i];

		put_in_order(b, t->text, sizeof(*t->text));
		put_in_order(b, t->len, sizeof(*t->len));
		put_in_order(b, t->null, sizeof(*t->null));
	}
	put_in_order(b, b->file_id, sizeof(*b->file_id));
	put_in_order(b, b->line, sizeof(*b->line));
	put_in_order(b, b->place, sizeof(*b->place));
	put_in_order(b, b->table, sizeof(*b->table));
	return 0;
}

unsigned
batch_of_table(const struct batch *b, unsigned from)
{
	unsigned end = from;

	if (!b->mixed)
		return b->count - from;
	while (end < b->count && b->table[end] == b->table[from])
		end++;
	return end - from;
}

size_t
batch_size(const struct batch *b, unsigned from, unsigned count)
{
	size_t size = (size_t)count * (b->text_count + 2) * VALUE_SPARE;

	for (unsigned i = 0; i < b->text_count; i++) {
		for (unsigned k = from; k < from + count; k++)
			size += b->texts[i].len[k];
	}
	return size;
}

bool
batch_has_blanks_beyond(
    const struct batch_texts *t, unsigned row, unsigned width)
{
	size_t before = 0, len = t->len[row], end = len;
	const char *text = t->text[row];
	bool bytes = (width & BATCH_BYTES_WIDE) != 0;

	width &= ~BATCH_BYTES_WIDE;
	if (width == 0 || t->null[row] != 0 || len <= width ||
	    text[len - 1] != ' ')
		return false;
	while (end > 0 && text[end - 1] == ' ')
		end--;
	for (size_t i = 0; i < end; i++)
		before += bytes || ((unsigned char)text[i] & 0xc0) != 0x80;
	return before <= width && before + len - end > width;
}
