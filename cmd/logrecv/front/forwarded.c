/*
 * forwarded.c - see forwarded.h.
 */
#include <string.h>
#include <strings.h>

#include "../http_text.h"
#include "forwarded.h"

/* The way through one field, from its first line to its last. */
struct trail {
	const struct networks *trusted;
	struct address client; /* as it would be if this was the end */
	bool found;            /* else it is who has sent all that */
	bool there;            /* the field is */
};

typedef void pass_fn(struct trail *, const char *p, const char *end);

/* Somebody who cannot be told, and so nobody before him can. */
static void
pass_unknown(struct trail *t)
{
	t->found = false;
}

/* "192.0.2.1", "2001:db8::1", with a port, and in brackets, or not. */
static void
pass_node(struct trail *t, const char *p, size_t len)
{
	const char *close = memchr(p, ']', len), *colon = memchr(p, ':', len);
	struct address a;

	if (len > 0 && *p == '[' && close != NULL) {
		p++;
		len = (size_t)(close - p);
	} else if (colon != NULL &&
		   memchr(colon + 1, ':', len - (size_t)(colon + 1 - p)) ==
		       NULL) {
		len = (size_t)(colon - p);
	}
	if (address_parse(&a, p, len) < 0) {
		pass_unknown(t);
	} else if (!t->found || !networks_have(t->trusted, &a)) {
		t->client = a;
		t->found = true;
	}
}

/* "A, B": who asked A, who asked B, who asked the one that sent this. */
static void
pass_list(struct trail *t, const char *p, const char *end)
{
	while (p < end) {
		const char *stop = memchr(p, ',', (size_t)(end - p)), *last;

		if (stop == NULL)
			stop = end;
		p = pass_blanks(p, stop);
		for (last = stop; last > p && is_blank(last[-1]);)
			last--;
		if (last > p)
			pass_node(t, p, (size_t)(last - p));
		p = stop + 1;
	}
}

/*
 * A token or a quoted string; what is between the quotes, and where it ends, or
 * NULL. A token may also be what needs quotes by the letter, as a port does.
 */
static const char *
pass_value(const char *p, const char *end, struct http_text *value)
{
	if (p < end && *p == '"') {
		value->p = p + 1;
		p = memchr(p + 1, '"', (size_t)(end - p - 1));
		if (p == NULL)
			return NULL;
		value->len = (size_t)(p - value->p);
		/* No address has such a thing. */
		if (memchr(value->p, '\\', value->len) != NULL)
			return NULL;
		return p + 1;
	}
	value->p = p;
	while (p < end && *p != ',' && *p != ';' && *p != '"' && !is_blank(*p))
		p++;
	value->len = (size_t)(p - value->p);
	return p;
}

/* "for=A;proto=https": sets what is said of `for`; its end, or NULL. */
static const char *
pass_element(const char *p, const char *end, struct http_text *node)
{
	struct http_text name, value;

	for (;; p++) {
		name.p = p = pass_blanks(p, end);
		p = pass_token(p, end);
		name.len = (size_t)(p - name.p);
		if (name.len == 0 || p == end || *p != '=')
			return NULL;
		p = pass_value(p + 1, end, &value);
		if (p == NULL)
			return NULL;
		if (name.len == 3 && strncasecmp(name.p, "for", 3) == 0) {
			if (node->p != NULL)
				return NULL;
			*node = value;
		}
		p = pass_blanks(p, end);
		if (p == end || *p == ',')
			return p;
		if (*p != ';')
			return NULL;
	}
}

/* Section 4: "for=A;proto=https, for=B". */
static void
pass_forwarded(struct trail *t, const char *p, const char *end)
{
	while (p != NULL && p < end) {
		struct http_text node = {NULL, 0};

		if (*p == ',' || is_blank(*p)) {
			p++;
			continue;
		}
		/* Of what is malformed nobody knows who wrote it. */
		p = pass_element(p, end, &node);
		if (p == NULL || node.p == NULL)
			pass_unknown(t);
		else
			pass_node(t, node.p, node.len);
	}
}

static void
follow(struct trail *t, struct http_text head, const char *name, pass_fn *pass)
{
	struct http_text value;

	while (http_next_field(&head, name, &value)) {
		t->there = true;
		pass(t, value.p, value.p + value.len);
	}
}

static bool
is_same(const struct trail *a, const struct trail *b)
{
	return a->found == b->found &&
	       (!a->found ||
		   memcmp(&a->client, &b->client, sizeof(a->client)) == 0);
}

void
forwarded_find(const struct networks *trusted, struct http_text head,
    struct address *client)
{
	struct trail list = {.trusted = trusted}, rfc = list;

	if (!networks_have(trusted, client))
		return;
	follow(&list, head, "X-Forwarded-For", pass_list);
	follow(&rfc, head, "Forwarded", pass_forwarded);
	if (list.there && rfc.there && !is_same(&list, &rfc))
		return;
	if (list.found)
		*client = list.client;
	else if (rfc.found)
		*client = rfc.client;
}
