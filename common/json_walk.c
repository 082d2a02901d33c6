/*
 * json_walk.c - see json_walk.h.
 */
#include "json_walk.h"
#include "scan.h"

/* From a string's quote to the byte after its end; *escapes: are there any? */
static const char *
pass_string(const char *p, const char *end, bool *escapes)
{
	*escapes = false;
	for (p = scan_plain(p + 1, end, false); *p == '\\';
	     p = scan_plain(p + 2, end, false))
		*escapes = true;
	return p + 1;
}

/* An object or array, in any depth; brackets in strings do not count. */
static const char *
pass_nested(const char *p, const char *end)
{
	unsigned depth = 0;
	bool escapes;

	do {
		if (*p == '"') {
			p = pass_string(p, end, &escapes);
			continue;
		}
		if (*p == '{' || *p == '[')
			depth++;
		else if (*p == '}' || *p == ']')
			depth--;
		p++;
	} while (depth > 0);
	return p;
}

const char *
json_pass(const char *p, const char *end)
{
	bool escapes;

	if (*p == '"')
		return pass_string(p, end, &escapes);
	if (*p == '{' || *p == '[')
		return pass_nested(p, end);
	while (p < end && *p != ',' && *p != '}' && *p != ']' && *p > ' ')
		p++;
	return p;
}

/*
 * From a bracket or from behind a value to the next value, or member's name.
 * False: to behind the closing bracket.
 */
static bool
walk(const char **cursor, const char *end, char open)
{
	const char *p = json_skip_space(*cursor, end);

	if (*p == open || *p == ',')
		p = json_skip_space(p + 1, end);
	*cursor = p;
	if (*p != open + 2)
		return true;
	(*cursor)++;
	return false;
}

bool
json_walk_member(const char **cursor, const char *end, struct json_member *m)
{
	const char *p;

	if (!walk(cursor, end, '{'))
		return false;
	m->name.p = *cursor + 1;
	p = pass_string(*cursor, end, &m->name_escapes);
	m->name.len = (size_t)(p - m->name.p) - 1;
	/* Nothing but a colon stands between white space there. */
	p = json_skip_space(json_skip_space(p, end) + 1, end);
	*cursor = p;
	return true;
}

bool
json_walk_element(const char **cursor, const char *end)
{
	return walk(cursor, end, '[');
}
