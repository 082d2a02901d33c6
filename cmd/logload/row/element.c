/*
 * element.c - see element.h.
 */
#include <string.h>

#include "element.h"

static enum json_kind
kind_of(char first)
{
	static const char firsts[] = "{[\"tfn";
	static const enum json_kind kinds[] = {JSON_OBJECT, JSON_ARRAY,
	    JSON_STRING, JSON_TRUE, JSON_FALSE, JSON_NULL};
	const char *at = strchr(firsts, first);

	return at == NULL ? JSON_NUMBER : kinds[at - firsts];
}

bool
element_next(const char **cursor, const char *end, struct json_member *m)
{
	const char *p = *cursor;
	struct json_error err;
	bool breaks;

	if (*p == ']')
		return false;
	p = json_skip_space(p + 1, end); /* behind the bracket or a comma */
	if (p == end || *p == ']')
		return false;
	m->value.p = p;
	p = json_check(p, end, JSON_DEPTH_MOST, &breaks, &err);
	if (p == NULL)
		return false;
	m->value.len = (size_t)(p - m->value.p);
	m->kind = kind_of(*m->value.p);
	m->escapes = m->kind == JSON_STRING &&
		     memchr(m->value.p, '\\', m->value.len) != NULL;
	*cursor = json_skip_space(p, end);
	return true;
}
