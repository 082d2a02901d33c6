/*
 * stream.h - a connection's bytes: those that arrive, those to be sent.
 *
 * In place of a bufferevent, which for each request asks how much there is,
 * allocates room for it, and reads 4,096 bytes at most. Here all streams of a
 * worker read into one large piece of memory; what is taken out at once, as
 * nearly everything is, is neither copied nor allocated for. Bytes to be sent
 * go straight to the socket, and are kept only where it has no room.
 *
 * TLS, if there is any, is between these buffers and the socket.
 */
#ifndef LOGRECV_STREAM_H
#define LOGRECV_STREAM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "buf.h"
#include "front/tls.h"

/*
 * Bytes that are read at a time: at least, which is the most that one reading
 * leaves to be kept; and where so many are known to belong together.
 */
#define STREAM_READ (64 << 10)
#define STREAM_ROOM (256 << 10)

/*
 * Bytes of a socket's buffers, as setsockopt(2) takes them; the kernel counts
 * twice as many. Its own choice would be up to 10 MB for each client. Set on
 * the socket that listens: those that it accepts inherit them. Wide is what
 * those have that are at work, up to WIDE_MAX at once.
 */
#define STREAM_RCVBUF 4096
#define STREAM_SNDBUF 4096
#define STREAM_RCVBUF_WIDE (64 << 10)
#define STREAM_WIDE_MAX ((64 << 20) / (2 * STREAM_RCVBUF_WIDE))

enum stream_event {
	STREAM_INPUT, /* there is more to take */
	STREAM_SENT,  /* what had to be kept has left */
	STREAM_END,   /* the client sends no more, but may still read */
	STREAM_BROKEN /* a reset, another error, or no memory */
};

typedef void stream_fn(void *arg, enum stream_event);

struct stream {
	int fd;                  /* -1: closed */
	struct tls_session *tls; /* NULL: none */
	struct buf *room;        /* not owned */
	const char *input;       /* not yet taken: in room or in kept */
	size_t input_len;
	struct buf kept;   /* input that was not taken in its turn */
	struct buf out;    /* had no room in the socket */
	size_t sent;       /* of out */
	size_t wanted;     /* so many bytes, if known, will all be taken */
	uint64_t received; /* bytes, since it was opened */
	bool reads;
	bool wide;  /* its socket takes in more at a time */
	bool ended; /* the client sends no more */
	struct event readable, writable;
	stream_fn *notify;
	void *arg;
};

/*
 * Takes over a connected, non-blocking socket and begins to read. `room` is
 * shared by all streams of the base; it holds STREAM_ROOM bytes. 0, or -1 with
 * ENOMEM and the socket closed.
 */
int stream_open(struct stream *, struct event_base *, int fd, struct buf *room,
    stream_fn *, void *arg);

/*
 * Goes on by TLS: the input so far belongs to the handshake. May be called by
 * notify. 0, or -1 with ENOMEM.
 */
int stream_secure(struct stream *, struct tls *);

/* Is a handshake still to be done? */
bool stream_shakes_hands(const struct stream *);

/* Who it is by its certificate: see tls_peer. Empty where it has none. */
const char *stream_peer(const struct stream *);

/* Why TLS has ended it, in constant text; NULL: it has not. */
const char *stream_fault(const struct stream *);

/* Tells the client that no more will be sent. */
void stream_finish(struct stream *);

/* Closes the socket; nothing is notified any more. May be called by notify. */
void stream_close(struct stream *);

/* Begins or stops to read; what has arrived stays. 0, or -1 with ENOMEM. */
int stream_read(struct stream *, bool);

/* Are there bytes that have arrived and were not read yet? */
bool stream_has_unread(const struct stream *);

/* Takes n bytes away from the front of the input: they are gone. */
void stream_take(struct stream *, size_t n);

/*
 * Lets the socket take in more at a time, as long as not too many do: without,
 * a body of some length takes many steps. Or as little as at first. `count` is
 * of those that are wide.
 */
void stream_widen(struct stream *, _Atomic uint64_t *count);
void stream_narrow(struct stream *, _Atomic uint64_t *count);

/* Bytes of memory that it keeps, or will after this turn. */
static inline size_t
stream_kept(const struct stream *s)
{
	size_t input = s->kept.cap > s->input_len ? s->kept.cap : s->input_len;

	return input + s->out.cap + (s->tls == NULL ? 0 : tls_kept(s->tls));
}

/* Sends, now or as soon as it can. 0, or -1: the client has gone, or ENOMEM. */
int stream_send(struct stream *, const void *data, size_t len);

/* Bytes that stream_send has kept. */
static inline size_t
stream_unsent(const struct stream *s)
{
	return s->out.len - s->sent;
}

#endif
