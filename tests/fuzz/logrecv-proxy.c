/*
 * logrecv-proxy.c - headers of the PROXY protocol: a part of one waits for the
 * rest, what is none stays so, what follows is not looked at; and the client is
 * who the C library finds in it.
 */
#include <arpa/inet.h>

#include "../../cmd/logrecv/front/proxy.h"
#include "fuzz.h"

#define TEXT_MOST 80

static const struct address nobody = {{1}};

/* The client of a whole header of version 1, as a text; "": it has none. */
static void
client_of_v1(const char *p, size_t len, char out[TEXT_MOST])
{
	char line[110], family[8], source[64], target[64];
	unsigned from, to;

	check(len < sizeof(line));
	memcpy(line, p, len);
	line[len] = '\0';
	out[0] = '\0';
	if (strncmp(line, "PROXY UNKNOWN", 13) == 0)
		return;
	check(sscanf(line, "PROXY %7s %63s %63s %5u %5u\r\n", family, source,
		  target, &from, &to) == 5);
	check(from <= 65535 && to <= 65535);
	(void)snprintf(out, TEXT_MOST, "%s%s",
	    strcmp(family, "TCP4") == 0 ? "::ffff:" : "", source);
}

static void
check_client(const char *p, size_t len, const struct address *client)
{
	char text[TEXT_MOST];
	unsigned char want[16];

	if (*p == 'P') {
		client_of_v1(p, len, text);
		if (text[0] == '\0') {
			check(memcmp(client, &nobody, sizeof(nobody)) == 0);
			return;
		}
		check(inet_pton(AF_INET6, text, want) == 1);
		check(memcmp(client->ip, want, sizeof(want)) == 0);
	} else if (p[12] == 0x21 && p[13] == 0x21) {
		check(memcmp(client->ip, p + 16, 16) == 0);
	} else if (p[12] == 0x21 && p[13] == 0x11) {
		check(address_is_ipv4(client) &&
		      memcmp(client->ip + 12, p + 16, 4) == 0);
	} else if (p[12] == 0x21 && p[13] == 0x31) {
		check(address_is_unix(client));
	} else {
		check(memcmp(client, &nobody, sizeof(nobody)) == 0);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = input_of(data, size);
	struct address client = nobody, part = nobody, again;
	long whole = proxy_parse(in.len > 0 ? in.p : "", in.len, &client), n;
	char text[ADDRESS_TEXT_MAX];
	size_t known = 0;

	check(whole >= -1 && whole <= (long)in.len);
	while (known < in.len && (n = proxy_parse(in.p, known, &part)) == 0) {
		check(memcmp(&part, &nobody, sizeof(part)) == 0);
		known++;
	}
	if (known < in.len)
		check(n == whole);
	if (whole <= 0) {
		check(memcmp(&client, &nobody, sizeof(client)) == 0);
		return 0;
	}
	check(known == (size_t)whole);
	check_client(in.p, (size_t)whole, &client);
	address_format(&client, text);
	if (!address_is_unix(&client))
		check(address_parse(&again, text, strlen(text)) == 0 &&
		      memcmp(&again, &client, sizeof(again)) == 0);
	return 0;
}
