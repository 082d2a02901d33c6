/*
 * intake.h - makes requests out of the bytes that arrive on a connection.
 *
 *   what = intake_next(i, p, len, &taken);
 *   if (what == INTAKE_REQUEST) {
 *           ... i->request, its body included ...
 *           intake_done(i);
 *   }
 *   ... on with p + taken ...
 *
 * The strict parser and all limits on what comes in stand behind it; it knows
 * nothing of sockets and answers.
 */
#ifndef LOGRECV_INTAKE_H
#define LOGRECV_INTAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "body.h"
#include "chunked.h"
#include "http.h"
#include "server.h"

struct conn;
struct format;
struct request;

/* A way in. */
struct way {
	const char *path; /* a '*' in it stands for a name without a slash */
	unsigned roles;   /* of listeners: enum role */
	unsigned methods; /* an HTTP_BIT() each */
	void (*serve)(struct conn *, const struct request *);
	const struct format *format; /* NULL: serve alone knows */
};

/* Why a request is refused; status 0: it is not. */
struct verdict {
	int status;
	enum stat stat;
	unsigned retry_s; /* 429: after so many seconds */
	char text[200];   /* names the limit, where it is one */
};

struct request {
	const struct way *way;   /* NULL: it has a verdict */
	unsigned methods;        /* all that its path has; not with events */
	struct address client;   /* who it is from, as far as that is known */
	const char *sender_name; /* by its token or certificate; NULL: none */
	struct sender *sender;   /* what is known of it; NULL: nothing */
	enum http_type type;     /* of its body, where its format is typed */
	const struct coding *coding; /* of the body that comes; NULL: none */
	/* These are valid until intake_done, and may lie in the input. */
	struct http_text name;  /* of the path: what its way has a '*' for */
	struct http_text query; /* as it was sent; may be empty */
	const char *cors;       /* fields of the answer; NULL: none */
	const char *body;
	size_t len;       /* of the body, decoded */
	bool head_only;   /* HEAD: the answer has no body */
	bool persist_1_0; /* HTTP/1.0 that asked to be kept alive */
	bool last;        /* no request can follow on this connection */
	bool cut; /* it was refused before its end: there is more unread */
	struct verdict verdict; /* the last, for most have no text */
};

struct intake {
	struct server *server; /* these two are not owned */
	struct share *share;   /* of its connection */
	enum role role;        /* of the listener */
	struct address peer;   /* who has connected */
	bool tls;              /* goes on by TLS, from its first byte on */
	const char *name;      /* of its certificate; not owned; empty: none */
	struct sender *sender; /* of that name, once that was looked for */
	enum {
		INTAKE_PROXY,
		INTAKE_HELLO, /* of TLS */
		INTAKE_HEAD,
		INTAKE_BODY,
		INTAKE_CHUNKS
	} state;
	bool begun;     /* the first byte of a request has come, not its last */
	bool skip;      /* the body is refused, and thrown away */
	bool holds;     /* any of what is below the request */
	size_t scanned; /* of a head that is not whole */
	uint64_t left;  /* of the body; of a chunked one: what came */
	struct request request;
	struct http_chunked chunked;
	struct body body;  /* that is coded, or did not come with its head */
	struct buf target; /* then, the name and the query of that */
	struct buf cors;   /* the request's */
};

enum intake_result {
	INTAKE_WAIT,     /* needs more bytes */
	INTAKE_GREETED,  /* a proxy has said whom it is for: call again */
	INTAKE_SECURE,   /* what comes is TLS, until intake_secured */
	INTAKE_FOREIGN,  /* what comes is not for us: close the connection */
	INTAKE_CONTINUE, /* so does the client need "100 Continue" first */
	INTAKE_REQUEST,  /* i->request is complete, or refused */
	INTAKE_AGAIN,    /* call again in the next turn: others have theirs */
	INTAKE_SHORT,    /* intake_wants_room: make some, and call again, */
			 /* or intake_refuse it */
};

/*
 * For a connection that came in by this listener, from there. *work is what may
 * be done in this turn on compressed bodies: see body.h.
 */
void intake_init(struct intake *, struct server *, struct share *, size_t *work,
    const struct listener *, const struct address *peer);
void intake_release(struct intake *);

/*
 * Works on the bytes that have arrived: sets how many it has taken, which are
 * not to be given again. The others are, with more behind them.
 */
enum intake_result
intake_next(struct intake *, const char *p, size_t len, size_t *taken);
void intake_done(struct intake *);

/*
 * Bytes of the body that are still to come, where that is known, and they can
 * all be taken at once.
 */
size_t intake_wants(const struct intake *);

/* Bytes of the budget that are wanted, after INTAKE_SHORT. */
static inline size_t
intake_wants_room(const struct intake *i)
{
	return i->body.short_of;
}

/* Is a body coming in? */
static inline bool
intake_has_body(const struct intake *i)
{
	return i->state > INTAKE_HEAD;
}

/* Is a compressed body coming in? */
static inline bool
intake_decodes(const struct intake *i)
{
	return intake_has_body(i) && i->request.coding != NULL;
}

/*
 * From here on it is given what is in it. The name is of the client, by its
 * certificate, once there is a request; empty where it has none.
 */
static inline void
intake_secured(struct intake *i, const char *name)
{
	i->state = INTAKE_HEAD;
	i->name = name;
}

/* Must something come before any request? */
static inline bool
intake_wants_greeting(const struct intake *i)
{
	return i->state < INTAKE_HEAD;
}

/* Must a proxy say first for whom it connects? */
static inline bool
intake_wants_proxy(const struct intake *i)
{
	return i->state == INTAKE_PROXY;
}

/* Why the request in work is refused before all of it has come. */
enum intake_fault { INTAKE_TOO_LATE, INTAKE_TOO_SLOW, INTAKE_NO_ROOM };

/* Refuses the request in work, as INTAKE_REQUEST would. */
void intake_refuse(struct intake *, enum intake_fault);

void verdict_set(struct verdict *, int status, enum stat, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

#endif
