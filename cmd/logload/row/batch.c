/*
 * batch.c - see batch.h.
 */
#include <stdlib.h>
#include <string.h>

#include "batch.h"

#define VALUE_SPARE 12 /* of a value: its type, its length, a sign for NULL */
#define KEEP (1024 * 1024) /* bytes that stay allocated */

int
batch_init(struct batch *b, const struct columns *columns)
{
	memset(b, 0, sizeof(*b));
	b->payload = columns_has_payload(columns);
	b->text_count = 1 + columns->count + b->payload;
	b->texts = malloc(b->text_count * sizeof(*b->texts));
	b->file_id = malloc(BATCH_ROWS_MAX * sizeof(*b->file_id));
	b->line = malloc(BATCH_ROWS_MAX * sizeof(*b->line));
	b->place = malloc(BATCH_ROWS_MAX * sizeof(*b->place));
	if (b->texts != NULL && b->file_id != NULL && b->line != NULL &&
	    b->place != NULL)
		return 0;
	batch_release(b);
	return -1;
}

void
batch_release(struct batch *b)
{
	free(b->texts);
	free(b->file_id);
	free(b->line);
	free(b->place);
	buf_release(&b->bytes);
	memset(b, 0, sizeof(*b));
}

void
batch_clear(struct batch *b)
{
	b->count = 0;
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
	for (unsigned i = 0; i < columns; i++)
		put_text(b, i + 1, row->columns[i].p, row->columns[i].len);
	if (b->payload)
		put_text(b, columns + 1, row->payload.p, row->payload.len);
	b->file_id[b->count] = file_id;
	b->line[b->count] = row->line;
	b->place[b->count] = row->place;
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
	to->count = 1;
	return 0;
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
