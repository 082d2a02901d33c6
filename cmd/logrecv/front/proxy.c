/*
 * proxy.c - see proxy.h. Section numbers are those of proxy-protocol.txt.
 */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "proxy.h"

#define V1_MAX 107 /* bytes, its CR LF included */
#define V2_HEAD 16

static const char v1_begin[] = "PROXY ";
static const char v2_begin[] = "\r\n\r\n\0\r\nQUIT\n";

/* A piece of a line of version 1 up to the next space, which is passed. */
static bool
next_word(const char **p, const char *end, const char **word, size_t *len)
{
	const char *space = memchr(*p, ' ', (size_t)(end - *p));

	*word = *p;
	*len = (size_t)((space == NULL ? end : space) - *p);
	*p = space == NULL ? end : space + 1;
	return *len > 0;
}

/* At most five digits, at most 65535; the last word of the line or not. */
static bool
pass_port(const char **p, const char *end, bool last)
{
	const char *word;
	unsigned port = 0;
	size_t len;

	if (!next_word(p, end, &word, &len) || len > 5 ||
	    (word + len == end) != last)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (word[i] < '0' || word[i] > '9')
			return false;
		port = port * 10 + (unsigned)(word[i] - '0');
	}
	return port <= 65535;
}

static bool
pass_address(const char **p, const char *end, bool ipv4, struct address *a)
{
	const char *word;
	size_t len;

	return next_word(p, end, &word, &len) &&
	       address_parse(a, word, len) == 0 &&
	       (memchr(word, ':', len) == NULL) == ipv4;
}

/* Section 2.1: "PROXY TCP4 192.0.2.1 192.0.2.2 56324 443" and CR LF. */
static long
parse_v1(const char *p, size_t len, struct address *client)
{
	const char *lf = memchr(p, '\n', len < V1_MAX ? len : V1_MAX), *end;
	const char *word, *at = p + sizeof(v1_begin) - 1;
	struct address source, target;
	size_t n;
	bool ipv4;

	if (lf == NULL)
		return len < V1_MAX ? 0 : -1;
	if (lf[-1] != '\r')
		return -1;
	end = lf - 1;
	if (at > end || !next_word(&at, end, &word, &n))
		return -1;
	/* What may stand behind UNKNOWN is to be ignored. */
	if (n == 7 && memcmp(word, "UNKNOWN", 7) == 0)
		return lf + 1 - p;
	if (n != 4 || memcmp(word, "TCP", 3) != 0 ||
	    (word[3] != '4' && word[3] != '6'))
		return -1;
	ipv4 = word[3] == '4';
	if (!pass_address(&at, end, ipv4, &source) ||
	    !pass_address(&at, end, ipv4, &target) ||
	    !pass_port(&at, end, false) || !pass_port(&at, end, true))
		return -1;
	*client = source;
	return lf + 1 - p;
}

/* The address families of version 2, and the bytes of their addresses. */
static const struct {
	int family;
	size_t len;
} families[] = {{AF_UNSPEC, 0}, {AF_INET, 12}, {AF_INET6, 36}, {AF_UNIX, 216}};

/* Section 2.2. Behind the addresses come TLVs, which are passed over. */
static long
parse_v2(const char *text, size_t len, struct address *client)
{
	const unsigned char *p = (const void *)text;
	unsigned version, command, family, transport;
	struct address source = {{0}};
	size_t rest;

	if (len < V2_HEAD)
		return 0;
	version = p[12] >> 4;
	command = p[12] & 15;
	family = p[13] >> 4;
	transport = p[13] & 15;
	rest = (size_t)p[14] << 8 | p[15];
	if (version != 2 || command > 1 || family > 3 || transport > 2 ||
	    V2_HEAD + rest > PROXY_MAX)
		return -1;
	if (command == 1 && rest < families[family].len)
		return -1;
	if (len < V2_HEAD + rest)
		return 0;
	/* LOCAL: the proxy itself; UNSPEC, or no stream: it does not know. */
	if (command == 0 || family == 0 || transport != 1)
		return (long)(V2_HEAD + rest);
	p += V2_HEAD;
	if (families[family].family == AF_INET6) {
		memcpy(source.ip, p, 16);
		if (address_is_unix(&source)) /* "::" is nobody's */
			return -1;
	} else if (families[family].family == AF_INET) {
		source.ip[10] = source.ip[11] = 0xff;
		memcpy(source.ip + 12, p, 4);
	}
	*client = source;
	return (long)(V2_HEAD + rest);
}

/* Does the text begin with so much of the other as there is? */
static bool
may_begin(const char *p, size_t len, const char *with, size_t with_len)
{
	return memcmp(p, with, len < with_len ? len : with_len) == 0;
}

long
proxy_parse(const char *p, size_t len, struct address *client)
{
	if (may_begin(p, len, v2_begin, sizeof(v2_begin) - 1))
		return parse_v2(p, len, client);
	if (may_begin(p, len, v1_begin, sizeof(v1_begin) - 1))
		return parse_v1(p, len, client);
	return -1;
}
