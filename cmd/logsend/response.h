/*
 * response.h - reads one HTTP/1.x response (RFC 9112) from the bytes received
 * so far.
 *
 * It keeps nothing between calls: while the answer is RESPONSE_MORE, call
 * again with all bytes from the response's first one on. Everything is
 * bounded: RESPONSE_HEAD_MAX bytes of head, RESPONSE_MAX in all.
 */
#ifndef LOGSEND_RESPONSE_H
#define LOGSEND_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RESPONSE_HEAD_MAX 16384
#define RESPONSE_MAX 131072
#define RESPONSE_BODY_KEPT 4096

enum response_verdict { RESPONSE_MORE, RESPONSE_DONE, RESPONSE_BAD };

struct response {
	unsigned status;      /* the final one: 1xx are skipped */
	bool close;           /* the connection takes no other request */
	unsigned retry_after; /* seconds (RFC 9110, 10.2.3); 0: not told so */
	size_t consumed;      /* bytes of the input that it took */
	const char *reason;   /* RESPONSE_BAD: a constant text */
	size_t body_len;      /* whole, also where less is kept */
	char body[RESPONSE_BODY_KEPT]; /* its beginning */
};

/* `eof`: the server will send no more than these bytes. */
enum response_verdict
response_parse(const char *bytes, size_t len, bool eof, struct response *);

/*
 * Does the body say {"accepted":N}, and of no event that it was rejected,
 * whatever else it says?
 */
bool response_accepts(const struct response *, uint64_t events);

/*
 * Does it say of each event whether it was accepted or rejected? logrecv keeps
 * those that it rejects, too.
 */
bool response_settles(const struct response *, uint64_t events);

#endif
