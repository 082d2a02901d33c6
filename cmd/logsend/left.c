/*
 * left.c - see left.h.
 */
#include "left.h"

int
left_add(struct left *l, struct buf *body, unsigned events, struct error *err)
{
	l->events += events;
	if (l->file == NULL)
		return 0;
	if (body->data[body->len - 1] != '\n' && buf_append(body, "\n", 1) < 0)
		return error_errno(err, "write %s", l->file->path);
	return acked_add(l->file, body, err);
}

int
left_add_rest(struct left *l, struct source *source, struct error *err)
{
	enum source_verdict v = SOURCE_AGAIN;
	struct buf body = {0};
	unsigned events;
	int rc = 0;

	if (source_is_pipe(source))
		source_finish(source);
	while (source->from_lines && rc == 0 &&
	       (v == SOURCE_AGAIN || v == SOURCE_SOME)) {
		v = source_fill(source, &body, NULL, &events, err);
		if (v == SOURCE_SOME)
			rc = left_add(l, &body, events, err);
	}
	buf_release(&body);
	return rc;
}
