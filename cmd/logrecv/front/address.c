/*
 * address.c - see address.h.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "address.h"
#include "options.h"

#define IPV4_AT 12 /* where it stands in one of IPv6 */

static const unsigned char mapped[IPV4_AT] = {[10] = 0xff, [11] = 0xff};
static const struct address unix_address;

static void
set_ipv4(struct address *a, const void *four)
{
	memcpy(a->ip, mapped, IPV4_AT);
	memcpy(a->ip + IPV4_AT, four, 4);
}

void
address_of(struct address *a, const struct sockaddr *sa)
{
	const void *any = sa;

	*a = unix_address;
	if (sa->sa_family == AF_INET)
		set_ipv4(a, &((const struct sockaddr_in *)any)->sin_addr);
	else if (sa->sa_family == AF_INET6)
		memcpy(a->ip, &((const struct sockaddr_in6 *)any)->sin6_addr,
		    sizeof(a->ip));
}

int
address_parse(struct address *a, const char *text, size_t len)
{
	char copy[ADDRESS_TEXT_MAX];
	unsigned char four[4];

	if (len == 0 || len >= sizeof(copy) || memchr(text, '\0', len) != NULL)
		return -1;
	memcpy(copy, text, len);
	copy[len] = '\0';
	if (inet_pton(AF_INET, copy, four) == 1)
		set_ipv4(a, four);
	else if (inet_pton(AF_INET6, copy, a->ip) != 1 || address_is_unix(a))
		return -1; /* "::" is nobody's */
	return 0;
}

void
address_format(const struct address *a, char text[ADDRESS_TEXT_MAX])
{
	bool four = address_is_ipv4(a);

	if (address_is_unix(a)) {
		memcpy(text, "unix", 5);
		return;
	}
	/* There is room for any. */
	(void)inet_ntop(four ? AF_INET : AF_INET6,
	    four ? a->ip + IPV4_AT : a->ip, text, ADDRESS_TEXT_MAX);
}

bool
address_is_unix(const struct address *a)
{
	return memcmp(a, &unix_address, sizeof(*a)) == 0;
}

bool
address_is_ipv4(const struct address *a)
{
	return memcmp(a->ip, mapped, IPV4_AT) == 0;
}

bool
address_is_local(const struct address *a)
{
	static const struct address loopback = {.ip = {[15] = 1}};

	if (address_is_ipv4(a))
		return a->ip[IPV4_AT] == 127;
	return address_is_unix(a) || memcmp(a, &loopback, sizeof(*a)) == 0;
}

/*
 * Networks
 */

/* "ADDRESS", "ADDRESS/BITS" or "unix", without a NUL behind. */
static int
parse_network(struct network *n, const char *text, size_t len)
{
	const char *slash = memchr(text, '/', len);
	size_t address_len = slash == NULL ? len : (size_t)(slash - text);
	uint64_t bits, most;
	struct error err;
	char number[4];

	*n = (struct network){.bits = 128};
	if (len == 4 && memcmp(text, "unix", 4) == 0)
		return 0;
	/* As a network it is one: ::/0. */
	if ((address_len != 2 || memcmp(text, "::", 2) != 0 || slash == NULL) &&
	    address_parse(&n->base, text, address_len) < 0)
		return -1;
	if (slash == NULL)
		return 0;
	len -= address_len + 1;
	if (len >= sizeof(number))
		return -1;
	memcpy(number, slash + 1, len);
	number[len] = '\0';
	most = address_is_ipv4(&n->base) ? 32 : 128;
	if (option_count(number, &bits, &err) < 0 || bits > most)
		return -1;
	n->bits = (unsigned)(128 - most + bits);
	return 0;
}

int
networks_add(struct networks *ns, const char *list, struct error *err)
{
	size_t len;

	for (const char *p = list;; p += len) {
		p += strspn(p, ", ");
		len = strcspn(p, ", ");
		if (len == 0)
			return 0;
		if (ns->count == NETWORKS_MAX)
			return error_set(
			    err, "more than %d networks", NETWORKS_MAX);
		if (parse_network(&ns->all[ns->count], p, len) < 0)
			return error_set(err,
			    "'%.*s' is not ADDRESS, ADDRESS/BITS or unix",
			    (int)len, p);
		ns->count++;
	}
}

static bool
is_in(const struct network *n, const struct address *a)
{
	unsigned bytes = n->bits / 8, rest = n->bits % 8;

	if (memcmp(n->base.ip, a->ip, bytes) != 0)
		return false;
	if (rest > 0 && (n->base.ip[bytes] ^ a->ip[bytes]) >> (8 - rest) != 0)
		return false;
	/* Those that are only written as if they were of IPv6 are not of ::/0.
	 */
	return n->bits >= 96 || (!address_is_ipv4(a) && !address_is_unix(a));
}

bool
networks_have(const struct networks *ns, const struct address *a)
{
	for (unsigned i = 0; i < ns->count; i++) {
		if (is_in(&ns->all[i], a))
			return true;
	}
	return false;
}
