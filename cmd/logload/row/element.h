/*
 * element.h - steps over the elements of an array, as json.h does it over the
 * members of an object.
 */
#ifndef LOGLOAD_ELEMENT_H
#define LOGLOAD_ELEMENT_H

#include "json.h"

/*
 * Set *cursor to the '[' and call until false; that is also where what stands
 * there is no JSON. The member's name stays as it is.
 */
bool element_next(const char **cursor, const char *end, struct json_member *);

#endif
