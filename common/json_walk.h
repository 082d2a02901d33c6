/*
 * json_walk.h - through JSON that json_check has taken, each byte once: where
 * json_next_member checks a member's whole value again, a walk leaves it to
 * whoever wants it, who may walk into it or pass over it.
 *
 *   const char *p = object;
 *   while (json_walk_member(&p, end, &m))
 *           p = is_wanted(&m) ? take(p, end) : json_pass(p, end);
 *
 * `end` is that of the checked text.
 */
#ifndef COMMON_JSON_WALK_H
#define COMMON_JSON_WALK_H

#include <stdbool.h>

#include "json.h"

/* The byte after the value that begins at p. */
const char *json_pass(const char *p, const char *end);

/*
 * Steps to the next member of an object: *p is at its '{', or behind the value
 * before, and then at the member's value. Sets its name alone, for
 * json_name_is. False: that was all, and *p is behind the '}'.
 */
bool json_walk_member(const char **p, const char *end, struct json_member *);

/* The same for the elements of an array. */
bool json_walk_element(const char **p, const char *end);

#endif
