/*
 * judge.h - what can be said of a request before its body is seen: by which way
 * it comes in, whose it is, and whether it may go on.
 */
#ifndef LOGRECV_JUDGE_H
#define LOGRECV_JUDGE_H

#include "intake.h"

/* Sets what the head tells of the request; or its verdict: why not. */
void
judge_head(struct intake *, const struct http_request *, struct http_text head);

/*
 * Is this many bytes of a body over a limit that it will never be under? Sets
 * the verdict if so.
 */
bool
judge_size(struct server *, const char *what, uint64_t len, struct verdict *);

#endif
