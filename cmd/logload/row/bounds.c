/*
 * bounds.c - see bounds.h.
 */
#include <ctype.h>
#include <string.h>

#include "bounds.h"
#include "scan.h"

#define EXPONENT_MOST 100000000 /* a larger one says no more */
#define SHOWN 40                /* bytes of a number */

/* An escape that the database does not take. */
static bool
has_bad_escape(const struct row_bounds *b, const char *p, const char *end)
{
	for (; (p = memchr(p, '\\', (size_t)(end - p))) != NULL; p += 2) {
		bool high = false, low;

		if (p[1] != 'u')
			continue;
		if (b->no_nul && memcmp(p + 2, "0000", 4) == 0)
			return true;
		if (p[2] != 'd' && p[2] != 'D')
			continue;
		/* D800 to DBFF, with DC00 to DFFF behind it. */
		high = strchr("89abAB", p[3]) != NULL;
		low = end - p > 12 && p[6] == '\\' && p[7] == 'u' &&
		      (p[8] | ' ') == 'd' && strchr("cdefCDEF", p[9]) != NULL;
		if (high && low)
			p += 6;
		else if (b->no_lone_surrogates && (high || p[3] > '7'))
			return true;
	}
	return false;
}

struct number {
	long len;
	long before, behind; /* digits, with none for an exponent */
};

static struct number
measure(const char *text, const char *end)
{
	long digits = 0, zeros = 0, behind = 0, exponent = 0;
	const char *p = text + (*text == '-');
	bool point = false, any = false;

	for (; p < end && (isdigit((unsigned char)*p) || *p == '.'); p++) {
		if (*p == '.') {
			point = true;
			continue;
		}
		any = any || *p != '0';
		zeros += !any; /* in front */
		digits++;
		behind += point;
	}
	if (p < end && (*p == 'e' || *p == 'E')) {
		bool negative = p[1] == '-';

		p += p[1] == '-' || p[1] == '+' ? 2 : 1;
		for (; p < end && isdigit((unsigned char)*p); p++) {
			if (exponent < EXPONENT_MOST)
				exponent = 10 * exponent + (*p - '0');
		}
		exponent = negative ? -exponent : exponent;
	}
	if (!any)
		zeros--; /* one of them is the number */
	return (struct number){.len = p - text,
	    .before = digits - behind - zeros + exponent,
	    .behind = behind - exponent};
}

static bool
is_bad_number(const struct row_bounds *b, const struct number *n,
    const char *text, struct error *err)
{
	long before = n->before > 1 ? n->before : 1;
	long behind = n->behind > 0 ? n->behind : 0;
	int shown = n->len > SHOWN ? SHOWN : (int)n->len;
	const char *more = n->len > SHOWN ? "..." : "";

	if (before + behind > n->len && before + behind > b->digits_grown)
		(void)error_set(err,
		    "the number %.*s%s has %ld digits without its exponent, "
		    "and JSON in the database is to have %u at most of such "
		    "a one",
		    shown, text, more, before + behind, b->digits_grown);
	else if (before > b->digits_before || behind > b->digits_behind)
		(void)error_set(err,
		    "the number %.*s%s has more than the %u digits before, or "
		    "%u behind its point that JSON in the database may have",
		    shown, text, more, b->digits_before, b->digits_behind);
	else
		return false;
	return true;
}

static bool
has_bad_number(const struct row_bounds *b, const char *p, const char *end,
    struct error *err)
{
	for (; p < end; p++) {
		struct number n;

		if (*p == '"') { /* to the quote that ends it */
			while (*(p = scan_plain(p + 1, end, false)) == '\\')
				p++;
		} else if (*p == '-' || isdigit((unsigned char)*p)) {
			n = measure(p, end);
			if (is_bad_number(b, &n, p, err))
				return true;
			p += n.len - 1;
		}
	}
	return false;
}

bool
bounds_refuse(
    const struct row_bounds *b, const char *text, size_t len, struct error *err)
{
	const char *end = text + len;

	if (!b->no_nul && !b->no_lone_surrogates && b->digits_before == 0)
		return false;
	if (has_bad_escape(b, text, end)) {
		(void)error_set(err, "an escape that JSON may not have in the "
				     "database: \\u0000 or a lone surrogate");
		return true;
	}
	return b->digits_before > 0 && has_bad_number(b, text, end, err);
}
