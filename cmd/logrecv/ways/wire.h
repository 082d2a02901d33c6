/*
 * wire.h - reads protobuf's wire format where it lies: nothing is unpacked,
 * copied or allocated, so that no message can grow, or nest, beyond its bytes.
 * (protobuf.dev/programming-guides/encoding)
 *
 *   struct wire w = {body, body + len};
 *   struct wire_field f;
 *   while ((rc = wire_next(&w, &f)) > 0)
 *           switch (f.tag) {
 *           case WIRE_TAG(1, BYTES): ... f.bytes ...
 *           case WIRE_TAG(2, VARINT): ... f.value ...
 *           }
 *
 * What a reader does not know, or knows as another type, it passes over.
 */
#ifndef LOGRECV_WIRE_H
#define LOGRECV_WIRE_H

#include <stddef.h>
#include <stdint.h>

#define WIRE_VARINT 0U
#define WIRE_FIXED64 1U
#define WIRE_BYTES 2U /* texts, bytes and messages */
#define WIRE_FIXED32 5U

#define WIRE_TAG(number, type) ((uint64_t)(number) << 3 | WIRE_##type)

/* A message, or what is left of it; or the bytes of a field. */
struct wire {
	const char *p, *end;
};

extern const struct wire wire_none; /* without a byte */

struct wire_field {
	uint64_t tag;
	uint64_t value;    /* of any type but BYTES */
	struct wire bytes; /* of BYTES; valid as long as the message */
};

#define WIRE_VARINT_MAX 10 /* bytes */

/* Writes one; returns its length. */
size_t wire_varint(uint64_t value, char out[WIRE_VARINT_MAX]);

/* Takes the next field: 1; 0: that was all; -1: no protobuf. */
int wire_next(struct wire *, struct wire_field *);

/*
 * Reads all of a message, of which each field up to the number `most` is set to
 * the last one of that number: of those that may stand there but once, it is
 * the one that counts. 0; or -1, with what stands before the error.
 */
int wire_read(struct wire, struct wire_field fields[], unsigned most);

/* What is in that field: empty, or 0, where none of this type was there. */
static inline struct wire
wire_bytes(const struct wire_field fields[], unsigned number)
{
	const struct wire_field *f = &fields[number];

	return f->tag == WIRE_TAG(number, BYTES) ? f->bytes : wire_none;
}

static inline uint64_t
wire_value(const struct wire_field fields[], unsigned number, unsigned type)
{
	const struct wire_field *f = &fields[number];

	return f->tag == ((uint64_t)number << 3 | type) ? f->value : 0;
}

#endif
