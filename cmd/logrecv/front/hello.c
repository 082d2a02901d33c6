/*
 * hello.c - see hello.h.
 */
#include "hello.h"

/* RFC 8446, section 5.1 and 4; a record's header has 5 bytes, a message's 4 */
#define CHANGE_CIPHER_SPEC 20
#define HANDSHAKE 22
#define CLIENT_HELLO 1

/* One more byte of a record's header. */
static void
begin_record(struct hello *h, unsigned char byte, bool is_tls_1_3)
{
	h->record[h->record_len++] = byte;
	if (h->record_len < sizeof(h->record))
		return;
	h->record_len = 0;
	h->record_left = (size_t)h->record[3] << 8 | h->record[4];
	h->over = h->record[0] == CHANGE_CIPHER_SPEC && !is_tls_1_3;
}

/* One more byte of a message's header. False: it claims too much. */
static bool
begin_message(struct hello *h, unsigned char byte)
{
	h->message[h->message_len++] = byte;
	if (h->message_len < sizeof(h->message))
		return true;
	h->message_len = 0;
	h->message_left = (size_t)h->message[1] << 16 |
			  (size_t)h->message[2] << 8 | h->message[3];
	return h->message[0] != CLIENT_HELLO || h->message_left <= HELLO_MAX;
}

bool
hello_is_small(
    struct hello *h, const unsigned char *p, size_t len, bool is_tls_1_3)
{
	const unsigned char *end = p + len;
	size_t n;

	while (p < end && !h->over) {
		n = (size_t)(end - p);
		if (h->record_left == 0) {
			begin_record(h, *p++, is_tls_1_3);
			continue;
		}
		if (n > h->record_left)
			n = h->record_left;
		if (h->record[0] == HANDSHAKE && h->message_left == 0) {
			if (!begin_message(h, *p))
				return false;
			n = 1;
		} else if (h->record[0] == HANDSHAKE) {
			if (n > h->message_left)
				n = h->message_left;
			h->message_left -= n;
		}
		p += n;
		h->record_left -= n;
	}
	return true;
}
