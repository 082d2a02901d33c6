/*
 * members.h - an object checked a member a call, against json_check.
 */
#ifndef UNIT_MEMBERS_H
#define UNIT_MEMBERS_H

#include <string.h>

#include "json.h"

/*
 * Does json_check_member find what json_check did: `after`, or, where that is
 * NULL, the error? True for what is no object.
 */
static inline bool
members_agree(const char *p, const char *end, unsigned max_depth,
    const char *after, const struct json_error *want)
{
	struct json_member m;
	struct json_error err;
	int rc;

	if (p == end || *p != '{')
		return true;
	while ((rc = json_check_member(&p, end, max_depth, &m, &err)) > 0) {
		const char *escape = memchr(m.value.p, '\\', m.value.len);

		if (m.kind == JSON_STRING && m.escapes != (escape != NULL))
			return false;
	}
	if (rc == 0)
		return p == after;
	return after == NULL && err.at == want->at &&
	       strcmp(err.reason, want->reason) == 0 &&
	       err.too_deep == want->too_deep;
}

#endif
