/*
 * loki_labels.h - the labels of a stream, as Loki's protobuf has them.
 */
#ifndef LOGRECV_LOKI_LABELS_H
#define LOGRECV_LOKI_LABELS_H

#include "draft.h"

/*
 * Appends as a JSON object what a text such as {job="a", host="b\"c"} says:
 * names, or strings, an equals sign, and strings in any of the quotes of Go
 * (grafana.com/docs/loki, "Log stream selector"; go.dev/ref/spec, "String
 * literals"). Fails where it is none.
 */
void loki_put_labels(struct draft *, const char *text, size_t len);

#endif
