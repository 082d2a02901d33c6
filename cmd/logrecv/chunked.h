/*
 * chunked.h - bodies in chunks, as strict as http.h (RFC 9112).
 */
#ifndef LOGRECV_CHUNKED_H
#define LOGRECV_CHUNKED_H

#include <stddef.h>
#include <stdint.h>

#include "http.h"

/*
 * Chunked bodies (section 7.1). Start as all zeros. `line_max` bounds a chunk
 * line, and all trailer fields together.
 */
struct http_chunked {
	enum {
		CHUNK_LINE,
		CHUNK_DATA,
		CHUNK_END,
		CHUNK_TRAILER,
		CHUNK_DONE
	} state;
	uint64_t left; /* of the chunk's data */
	size_t trailer_bytes;
};

/*
 * Takes the next piece: a chunk line, some data, or a trailer field. Returns
 * how many bytes it took, 0 if it needs more of them (or is done: see state),
 * or -1 with *err set. *data is the body's part of them, empty or within p.
 */
long http_chunked_next(struct http_chunked *, const char *p, size_t len,
    size_t line_max, struct http_text *data, struct http_error *err);

#endif
