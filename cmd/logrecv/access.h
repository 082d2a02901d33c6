/*
 * access.h - from which web pages, and under which names, may we be asked?
 *
 * A browser sends what any page tells it to, to loopback addresses too: a
 * request that says it comes from a page of another origin (RFC 6454, section
 * 7) is refused unless that origin is allowed. And a page whose name is bound
 * to our address once it is loaded is of the same origin: only the name that
 * it asks for, the Host, tells that apart (RFC 9110, section 7.2).
 */
#ifndef LOGRECV_ACCESS_H
#define LOGRECV_ACCESS_H

#include <stdbool.h>

#include "buf.h"
#include "error.h"
#include "http.h"

struct access {
	const char *origins; /* --cors-origin: "A,B", or "*"; NULL: none */
	const char *hosts;   /* --host: "NAME,NAME:PORT"; NULL: any */
};

/*
 * Can each entry of the lists be what a client says? One that cannot would
 * refuse all without a word. 0, or -1.
 */
int access_check(const struct access *, struct error *);

/* Is it from the host that it asks, or from an origin that is allowed? */
bool access_from_here(const struct access *, const struct http_request *);

/*
 * The fields that an answer needs for such a page to read it (CORS: Fetch
 * Standard, section 3.3); of a preflight also those that allow it to send what
 * it asks for, by these methods. Appends them with a NUL behind, if the page is
 * of an origin that is allowed. 0, or -1: ENOMEM.
 */
int access_put_fields(const struct access *, const struct http_request *,
    struct http_text head, unsigned methods, struct buf *);

/* Is its Host one that we go by? A name without a port goes with any. */
bool access_to_here(const struct access *, const struct http_request *);

#endif
