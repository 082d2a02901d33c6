/*
 * forwarded.h - which client do proxies say that a request is of?
 *
 * By X-Forwarded-For, or by Forwarded (RFC 7239): each proxy adds whom it was
 * asked by behind what it was sent, and that may be a lie. So they are read
 * from the end, as far as trusted proxies have written them: the client is the
 * last one that is not one of these. If one of these does not say who asked it,
 * the client is that proxy.
 *
 * Of the two a proxy writes one, and hands on what a client wrote as the other:
 * where both are there and differ, neither is believed.
 */
#ifndef LOGRECV_FORWARDED_H
#define LOGRECV_FORWARDED_H

#include "../http.h"
#include "address.h"

/*
 * *client is who has sent the request's head, which was parsed; if that is one
 * of the trusted, it becomes the client behind it.
 */
void forwarded_find(const struct networks *trusted, struct http_text head,
    struct address *client);

#endif
