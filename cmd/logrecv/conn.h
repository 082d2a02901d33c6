/*
 * conn.h - one client's connection: requests in, answers out, in order.
 */
#ifndef LOGRECV_CONN_H
#define LOGRECV_CONN_H

#include <stdint.h>

struct conn;
struct error;
struct waiter;
struct worker;

/*
 * Takes over a connected, non-blocking socket. The connection frees itself. 0,
 * or -1 with ENOMEM and the socket closed.
 */
int conn_open(struct worker *, int fd);

/* The waiter's events are durable, or (result < 0) could not be stored. */
void conn_settle(const struct waiter *, int result);

/* Ends connections whose time is over; once a second or so. */
void conn_sweep(struct worker *);

/* The worker stops: ends the idle ones; the others after their request. */
void conn_drain(struct worker *);

/* Frees what was closed and is waited for by no group. */
void conn_bury(struct worker *);

/* Closes all, whatever they are at. */
void conn_close_all(struct worker *);

#endif
