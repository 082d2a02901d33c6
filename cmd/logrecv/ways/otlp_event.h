/*
 * otlp_event.h - the event of a log record: a JSON object, with members that
 * are named as the record's fields are.
 *
 *   {"timestamp":"2026-11-22T07:33:51.123456789Z","severityText":"INFO",
 *    "body":"text","attributes":{"a":1},"resource":{"attributes":{...}},
 *    "scope":{"name":"lib"}}
 *
 * What is not set, or has protobuf's default, is left out.
 * (opentelemetry-proto's logs.proto, resource.proto and common.proto)
 */
#ifndef LOGRECV_OTLP_EVENT_H
#define LOGRECV_OTLP_EVENT_H

#include "draft.h"
#include "wire.h"

/*
 * Set up with limits and a buffer for text. That has the resource's members,
 * then the scope's, and behind these an event, which ends with a copy of both.
 */
struct otlp_event {
	const struct event_limits *limits;
	struct draft text;
	/* It, and its length, as it was behind the resource, and the scope. */
	struct draft after_resource, after_scope;
	size_t resource_len, scope_len;
};

/* The resource of a ResourceLogs, for the records to come. */
void otlp_put_resource(struct otlp_event *, struct wire message);
/* The scope of a ScopeLogs of that resource, likewise. */
void otlp_put_scope(struct otlp_event *, struct wire message);

/* The event of a LogRecord of that scope: it begins at scope_len. */
void otlp_put_record(struct otlp_event *, struct wire record);

#endif
