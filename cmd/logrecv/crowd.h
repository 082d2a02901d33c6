/*
 * crowd.h - who gives way where there is not enough for all.
 *
 * Nobody is bound while there is enough. Then those give way that take most
 * for longest: of the address that has most, the one that has been quiet
 * longest; and of all, those that bring so little that what they hold would
 * take long to come at that pace. Only this worker's connections can be ended
 * from here, but the kernel spreads those of an address over all workers.
 */
#ifndef LOGRECV_CROWD_H
#define LOGRECV_CROWD_H

#include <stdbool.h>
#include <stdint.h>

struct conn;
struct worker;

/*
 * All connections are taken: ends one that waits for its client, or, of an
 * address that has more than half of all, any that no group knows. False: there
 * is none.
 */
bool crowd_make_place(struct worker *);

/*
 * So many bytes are wanted for this connection, `spare` of them to be left
 * over: ends others until there is room. False: nobody else is to give way.
 */
bool
crowd_make_room(struct worker *, struct conn *, uint64_t bytes, uint64_t spare);

#endif
