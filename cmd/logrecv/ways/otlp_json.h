/*
 * otlp_json.h - OTLP's JSON as protobuf: one message means the same in both,
 * so that its events are made once, of the one that is quicker to read.
 */
#ifndef LOGRECV_OTLP_JSON_H
#define LOGRECV_OTLP_JSON_H

#include "draft.h"

/* Those with a list that is walked are without it: scopeLogs, logRecords. */
enum otlp_message {
	OTLP_RESOURCE_LOGS,
	OTLP_SCOPE_LOGS,
	OTLP_LOG_RECORD,
	OTLP_RESOURCE,
	OTLP_SCOPE,
	OTLP_KEY_VALUE,
	OTLP_ANY_VALUE,
	OTLP_ARRAY,
	OTLP_KEY_VALUES,
};

/*
 * Appends the message of the value at p of checked JSON; fails where it is not
 * of its kind. Returns the byte after it in any case.
 */
const char *
otlp_encode(struct draft *, const char *p, const char *end, enum otlp_message);

#endif
