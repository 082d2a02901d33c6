/*
 * wire.c - see wire.h.
 */
#include <endian.h>
#include <string.h>

#include "wire.h"

static const char none[1];
const struct wire wire_none = {none, none};

size_t
wire_varint(uint64_t value, char out[WIRE_VARINT_MAX])
{
	size_t n = 0;

	for (; value >= 0x80; value >>= 7)
		out[n++] = (char)(value | 0x80);
	out[n++] = (char)value;
	return n;
}

/* A varint of several bytes, 7 bits in each, the lowest first. 0, or -1. */
static int
take_long_varint(struct wire *w, uint64_t *value)
{
	const char *p = w->p;
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 64 && p < w->end; shift += 7) {
		unsigned char c = (unsigned char)*p++;

		if (shift == 63 && c > 1)
			return -1; /* over 64 bits */
		v |= (uint64_t)(c & 0x7f) << shift;
		if (c < 0x80) {
			w->p = p;
			*value = v;
			return 0;
		}
	}
	return -1;
}

/* Most have one byte. */
static inline int
take_varint(struct wire *w, uint64_t *value)
{
	if (w->p == w->end || (unsigned char)*w->p >= 0x80)
		return take_long_varint(w, value);
	*value = (unsigned char)*w->p++;
	return 0;
}

int
wire_next(struct wire *w, struct wire_field *f)
{
	uint64_t len;
	uint32_t low;

	if (w->p == w->end)
		return 0;
	/* A number is from 1 to 2^29 - 1. */
	if (take_varint(w, &f->tag) < 0 || f->tag < 8 || f->tag > UINT32_MAX)
		return -1;
	switch (f->tag & 7) {
	case WIRE_VARINT:
		return take_varint(w, &f->value) < 0 ? -1 : 1;
	case WIRE_FIXED64:
		if (w->end - w->p < 8)
			return -1;
		memcpy(&f->value, w->p, 8);
		f->value = le64toh(f->value);
		w->p += 8;
		return 1;
	case WIRE_FIXED32:
		if (w->end - w->p < 4)
			return -1;
		memcpy(&low, w->p, 4);
		f->value = le32toh(low);
		w->p += 4;
		return 1;
	case WIRE_BYTES:
		if (take_varint(w, &len) < 0 || len > (uint64_t)(w->end - w->p))
			return -1;
		f->bytes = (struct wire){w->p, w->p + len};
		w->p += len;
		return 1;
	default:
		return -1; /* groups: none of our formats ever had one */
	}
}

int
wire_read(struct wire message, struct wire_field fields[], unsigned most)
{
	struct wire_field f;
	int rc;

	for (unsigned i = 0; i <= most; i++)
		fields[i].tag = 0;
	while ((rc = wire_next(&message, &f)) > 0) {
		if (f.tag >> 3 <= most)
			fields[f.tag >> 3] = f;
	}
	return rc;
}
