/*
 * hello.h - how large are the hellos by which a client begins TLS?
 *
 * OpenSSL takes memory for as much as the first bytes of a message claim, up to
 * 128 KiB of a ClientHello, and waits for it. This looks at the bytes before
 * it does, at those of a second hello (RFC 8446, section 4.1.4) too. Other
 * messages have limits of OpenSSL's.
 *
 * A pure function over bytes in memory, in pieces as they come.
 */
#ifndef LOGRECV_HELLO_H
#define LOGRECV_HELLO_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes; those of browsers have 2,000, with tickets and keys for all times. */
#define HELLO_MAX (16 << 10)

/* Starts as all zeros. */
struct hello {
	unsigned char record[5], message[4]; /* headers, and what is here of */
	unsigned record_len, message_len;    /* them */
	size_t record_left, message_left;
	bool over; /* from here on it is encrypted */
};

/*
 * Looks at the next bytes of a client's handshake. Before TLS 1.3 a change of
 * ciphers ends what can be looked at. False: a hello is over HELLO_MAX.
 */
bool hello_is_small(
    struct hello *, const unsigned char *p, size_t len, bool is_tls_1_3);

#endif
