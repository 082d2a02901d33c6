/*
 * logrecv-proxy.c - the PROXY protocol's headers, whole, in any pieces, with
 * anything behind them, and what is none.
 *
 * Each text lies in a memory block of exactly its size, so that
 * AddressSanitizer sees a read beyond it.
 */
#include "../../cmd/logrecv/front/proxy.h"
#include "tap.h"

#define V2 "\r\n\r\n\0\r\nQUIT\n"
#define IPV4 "\xc0\x00\x02\x07\xc0\x00\x02\x01\x30\x39\x01\xbb"
#define IPV6 \
	"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01" \
	"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x02\x30\x39\x01\xbb"

static long
parse(const char *text, size_t len, struct address *client)
{
	char *copy = malloc(len == 0 ? 1 : len);
	long n;

	must(copy != NULL);
	memcpy(copy, text, len);
	n = proxy_parse(copy, len, client);
	free(copy);
	return n;
}

#define TEXT(literal) literal, sizeof(literal) - 1

/* Headers, and the client that they tell; "-": none. */
static const struct {
	const char *text;
	size_t len;
	const char *client;
} headers[] = {
    {TEXT("PROXY TCP4 192.0.2.7 192.0.2.1 12345 443\r\n"), "192.0.2.7"},
    {TEXT("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n"),
	"255.255.255.255"},
    {TEXT("PROXY TCP4 1.2.3.4 5.6.7.8 0 00080\r\n"), "1.2.3.4"},
    {TEXT("PROXY TCP6 2001:db8::1 ::1 12345 443\r\n"), "2001:db8::1"},
    {TEXT("PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:fff1 "
	  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"),
	"ffff:ffff:ffff:ffff:ffff:ffff:ffff:fff1"},
    {TEXT("PROXY UNKNOWN\r\n"), "-"},
    {TEXT("PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
	  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"),
	"-"},
    {TEXT(V2 "\x21\x11\0\x0c" IPV4), "192.0.2.7"},
    {TEXT(V2 "\x21\x21\0\x24" IPV6), "2001:db8::1"},
    {TEXT(V2 "\x21\x11\0\x13" IPV4 "\x04\0\x04test"), "192.0.2.7"},
    {TEXT(V2 "\x21\0\0\0"), "-"},
    {TEXT(V2 "\x21\0\0\x03xyz"), "-"},
    {TEXT(V2 "\x20\0\0\0"), "-"},
    {TEXT(V2 "\x20\x11\0\x0c" IPV4), "-"},
    {TEXT(V2 "\x20\x11\0\0"), "-"},
    {TEXT(V2 "\x21\x12\0\x0c" IPV4), "-"},
};

/* What is none, whatever follows. */
static const struct {
	const char *text;
	size_t len;
} foreign[] = {
    {TEXT("GET / HTTP/1.1\r\n")},
    {TEXT("\r\nPOST /log")},
    {TEXT("\x16\x03\x01")},
    {TEXT("proxy TCP4 ")},
    {TEXT("PROXY\r\n")},
    {TEXT("PROXY \r\n")},
    {TEXT("PROXY TCP4\r\n")},
    {TEXT("PROXY TCP5 192.0.2.7 192.0.2.1 1 2\r\n")},
    {TEXT("PROXY TCP4 192.0.2.7 192.0.2.1 1 2\n")},
    {TEXT("PROXY TCP4  192.0.2.7 192.0.2.1 1 2\r\n")},
    {TEXT("PROXY TCP4 192.0.2.7 192.0.2.1 1 2 \r\n")},
    {TEXT("PROXY TCP4 192.0.2.7 192.0.2.1 1\r\n")},
    {TEXT("PROXY TCP4 192.0.2.7 192.0.2.1 1 2 3\r\n")},
    {TEXT("PROXY TCP4 192.0.2.7 192.0.2.1 1 65536\r\n")},
    {TEXT("PROXY TCP4 192.0.2.7 192.0.2.1 1 -2\r\n")},
    {TEXT("PROXY TCP4 192.0.2.7 192.0.2.1 000001 2\r\n")},
    {TEXT("PROXY TCP4 192.0.2.256 192.0.2.1 1 2\r\n")},
    {TEXT("PROXY TCP4 192.0.2.7 x 1 2\r\n")},
    {TEXT("PROXY TCP4 192.0.2.7\0 192.0.2.1 1 2\r\n")},
    {TEXT("PROXY TCP4 2001:db8::1 ::1 1 2\r\n")},
    {TEXT("PROXY TCP6 192.0.2.7 192.0.2.1 1 2\r\n")},
    {TEXT("PROXY TCP6 :: ::1 1 2\r\n")},
    {TEXT("PROXY UNKNOWNS\r\n")},
    {TEXT("PROXY UNKNOWN 1111111111111111111111111111111111111111111111111111"
	  "1111111111111111111111111111111111111111111")},
    {TEXT("\r\n\r\n\0\r\nQUIX")},
    {TEXT(V2 "\x11\x11\0\x0c")},
    {TEXT(V2 "\x22\x11\0\x0c")},
    {TEXT(V2 "\x21\x41\0\x0c")},
    {TEXT(V2 "\x21\x13\0\x0c")},
    {TEXT(V2 "\x21\x11\0\x0b")},
    {TEXT(V2 "\x21\x21\0\x23")},
    {TEXT(V2 "\x21\x31\0\xd7")},
    {TEXT(V2 "\x21\x11\xff\xff")},
    {TEXT(V2 "\x20\0\x0f\xf1")},
    {TEXT(V2 "\x21\x21\0\x24\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
	     "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0")},
};

static void
test_headers(void)
{
	static const struct address nobody = {{1}};
	struct tap_all whole = {0}, cut = {0}, more = {0};
	char long_one[600], text[ADDRESS_TEXT_MAX];

	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		size_t len = headers[i].len;
		struct address client = nobody;
		long n = parse(headers[i].text, len, &client);

		address_format(&client, text);
		if (memcmp(&client, &nobody, sizeof(client)) == 0)
			memcpy(text, "-", 2);
		tap_case(&whole,
		    n == (long)len && strcmp(text, headers[i].client) == 0,
		    "%zu: %ld %s", i, n, text);
		client = nobody;
		for (size_t k = 0; k < len; k++) {
			n = parse(headers[i].text, k, &client);
			tap_case(&cut,
			    n == 0 &&
				memcmp(&client, &nobody, sizeof(client)) == 0,
			    "%zu: %zu bytes: %ld", i, k, n);
		}
		memset(long_one, '\n', sizeof(long_one));
		memcpy(long_one, headers[i].text, len);
		tap_case(&more,
		    parse(long_one, sizeof(long_one), &client) == (long)len,
		    "%zu", i);
	}
	tap_all(&whole, "a header tells the client");
	tap_all(&cut, "a part of one waits for the rest");
	tap_all(&more, "what follows is not looked at");
}

static void
test_foreign(void)
{
	struct tap_all all = {0};
	struct address client = {{1}};

	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
		long n = parse(foreign[i].text, foreign[i].len, &client);

		tap_case(&all, n == -1 && client.ip[0] == 1, "%zu: %ld", i, n);
	}
	tap_all(&all, "what is no header is known as that");
}

/* A unix socket's client has no address of a network. */
static void
test_unix(void)
{
	static char text[16 + 216] = V2 "\x21\x31\0\xd8";
	struct address client = {{1}};

	memset(text + 16, 'x', 216);
	ok(parse(text, sizeof(text), &client) == sizeof(text) &&
		address_is_unix(&client),
	    "a client of a unix socket is one");
}

/* Whatever comes: nothing beyond what is there is read, or taken. */
static void
test_random(void)
{
	struct tap_all all = {0};
	uint64_t state = 1;

	for (int i = 0; i < 200000; i++) {
		size_t which =
		    tap_random(&state) % (sizeof(headers) / sizeof(headers[0]));
		char text[256];
		size_t len = headers[which].len;
		struct address client;
		long n;

		memcpy(text, headers[which].text, len);
		for (uint64_t k = tap_random(&state) % 4; k > 0; k--)
			text[tap_random(&state) % len] =
			    (char)tap_random(&state);
		len = tap_random(&state) % 8 == 0 ? tap_random(&state) % len
						  : len;
		n = parse(text, len, &client);
		tap_case(&all, n >= -1 && n <= (long)len, "%ld", n);
	}
	tap_all(&all, "no bytes lead it astray");
}

int
main(void)
{
	test_headers();
	test_foreign();
	test_unix();
	test_random();
	return tap_end();
}
