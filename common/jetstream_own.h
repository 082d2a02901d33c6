/*
 * jetstream_own.h - what the parts of jetstream.h share; nobody else's.
 */
#ifndef COMMON_JETSTREAM_OWN_H
#define COMMON_JETSTREAM_OWN_H

#include <nats/nats.h>

#include "jetstream.h"

#define JETSTREAM_SUBJECT_MAX (3 * SPOOL_NAME_MAX + 2 * JETSTREAM_ID_MAX)

/* Goes on where all was well. */
#define AND(call) \
	if (status == NATS_OK) \
	status = (call)

struct jetstream {
	const struct jetstream_config *config;
	natsConnection *connection; /* NULL: none */
	jsCtx *context;
	natsSubscription *alive; /* answers as `id` */
	char id[JETSTREAM_ID_MAX];
	unsigned server; /* of the config; of the connection, or to be tried */
	size_t piece_max;
	uint64_t file_max;
};

int64_t jetstream_wait_ms(const struct jetstream *);

/*
 * Closes the connection: the next server is asked next, since this one may sit
 * with a minority. JETSTREAM_AWAY; err->code is what the server said, 0 if it
 * did not answer.
 */
enum jetstream_verdict jetstream_failed(
    struct jetstream *, const char *what, natsStatus, int code, struct error *);

/*
 * STREAM.KIND.NAME: a dot of the name is written =, and what a subject cannot
 * have as %XX.
 */
void jetstream_subject(const struct jetstream *, const char *kind,
    const char *name, char out[JETSTREAM_SUBJECT_MAX]);

#endif
