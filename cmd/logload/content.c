/*
 * content.c - see content.h.
 */
#include <errno.h>
#include <string.h>

#include "content.h"

#define PIECE (1024 * 1024)

int
content_pass_front(struct load *f)
{
	struct digest *front = &f->loader->front;
	char sha256[DIGEST_LEN + 1];

	if (f->at == 0)
		return digest_begin(front, &f->error);
	if (front->at == f->at)
		return 0;
	while (front->at < f->at) {
		uint64_t from = front->at, to = from + PIECE;

		if (source_digest(f->source, front, to < f->at ? to : f->at,
			&f->error) < 0)
			return -1;
		if (front->at == from)
			break;
		source_forget(f->source, front->at);
	}
	if (digest_tell(front, sha256, &f->error) < 0)
		return -1;
	if (front->at == f->at && strcmp(sha256, f->file.sha256) == 0)
		return 0;
	return error_set(&f->error,
	    "the name %s is that of another content, of which the ledger has "
	    "%llu bytes",
	    f->name, (unsigned long long)f->at);
}

bool
content_is_known(struct load *f)
{
	const char *has = f->file.sha256;

	if (f->sum == NULL || *has == '\0' ||
	    strcmp(has, f->sum->all.sha256) == 0 ||
	    strcmp(has, f->sum->lines.sha256) == 0 ||
	    strcmp(has, f->front->sha256) == 0)
		return true;
	(void)error_set(
	    &f->error, "another process is loading it, as %s", f->name);
	f->error.code = EAGAIN;
	return false;
}

int
content_note(struct load *f)
{
	struct loader *l = f->loader;
	const struct source_mark *mark;

	if (f->sum != NULL) {
		/* Of what ends elsewhere than a line the hash is not known. */
		mark = f->sum->lines.bytes == f->file.progress ? &f->sum->lines
							       : &f->sum->all;
		f->file.bytes = mark->bytes;
		memcpy(f->file.sha256, mark->sha256, sizeof(mark->sha256));
		return 0;
	}
	if (f->stream) {
		f->file.bytes = f->file.progress;
		return digest_copy(&l->ahead, &l->front, &f->error) < 0 ||
			       source_digest(f->source, &l->ahead,
				   f->file.progress, &f->error) < 0
			   ? -1
			   : digest_tell(&l->ahead, f->file.sha256, &f->error);
	}
	if (f->file.bytes < f->file.progress)
		f->file.bytes = f->file.progress; /* known only now */
	return 0;
}

void
content_advance(struct load *f)
{
	struct loader *l = f->loader;
	struct digest ahead = l->ahead;

	if (!f->stream)
		return;
	l->ahead = l->front;
	l->front = ahead;
}

void
content_set_received(struct load *f)
{
	const char *name = f->rules.origin != NULL ? f->rules.origin : f->name;
	uint64_t us = f->source->changed_us;

	/* What can be read only once has come when that began. */
	if (f->stream && strlen(f->file.started_at) == VALUE_DATETIME_LEN) {
		memcpy(f->loader->maker.received_at, f->file.started_at,
		    VALUE_DATETIME_LEN);
		return;
	}
	(void)spool_name_parse(name, &us); /* or else it stays */
	row_maker_begin(&f->loader->maker, us);
}
