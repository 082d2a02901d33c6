/*
 * logrecv-forwarded.c - whatever a client writes, a proxy that is trusted adds
 * whom it was asked by behind it: that is the client, or the proxy itself, and
 * nobody else ever. Without a proxy what is written says nothing.
 */
#include "../../cmd/logrecv/front/forwarded.h"
#include "../../cmd/logrecv/http.h"
#include "fuzz.h"

#define PROXY "10.0.0.1"
#define CLIENT "198.51.100.7"

static struct address
address(const char *text)
{
	struct address a;

	check(address_parse(&a, text, strlen(text)) == 0);
	return a;
}

/*
 * Who it is to be, by a head with these fields. False: it is none that our
 * parser takes, and so nobody is asked.
 */
static bool
find(const char *fields, const char *peer, struct address *client)
{
	static const char front[] = "GET / HTTP/1.1\r\nHost: a\r\n";
	static struct networks trusted;
	size_t len = strlen(front) + strlen(fields) + 2, scanned = 0;
	char *head = malloc(len + 1);
	struct http_request req;
	struct http_error err;
	bool good;

	if (trusted.count == 0) {
		struct error error;

		check(networks_add(&trusted, "10.0.0.0/8", &error) == 0);
	}
	check(head != NULL);
	(void)snprintf(head, len + 1, "%s%s\r\n", front, fields);
	*client = address(peer);
	good = http_head_length(head, len, &scanned, &err) == (long)len &&
	       http_parse_head(head, len, &req, &err) == 0;
	if (good)
		forwarded_find(&trusted, (struct http_text){head, len}, client);
	free(head);
	return good;
}

static bool
is(const struct address *a, const char *text)
{
	struct address b = address(text);

	return memcmp(a, &b, sizeof(b)) == 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* In front of what the client writes, and what the proxy adds. */
	static const char *const adds[][2] = {
	    {"", "\r\nX-Forwarded-For: " CLIENT "\r\n"},
	    {"X-Forwarded-For: ", ", " CLIENT "\r\n"},
	    {"", "\r\nForwarded: for=" CLIENT ";proto=https\r\n"},
	    {"Forwarded: ", ", for=\"" CLIENT ":80\"\r\n"},
	};
	char *text = input_text(input_of(data, size));
	size_t room = strlen(text) + 100;
	char *fields = malloc(room);
	struct address client;

	check(fields != NULL);
	for (size_t i = 0; i < sizeof(adds) / sizeof(adds[0]); i++) {
		bool list = i % 2 == 1;

		if (list && strchr(text, '\n') != NULL)
			continue; /* that is another field */
		(void)snprintf(
		    fields, room, "%s%s%s", adds[i][0], text, adds[i][1]);
		if (!find(fields, PROXY, &client))
			continue;
		check(is(&client, CLIENT) || is(&client, PROXY));
		/* No quote of a client's can swallow what is added to this. */
		check(i != 1 || is(&client, CLIENT));
		check(find(fields, "192.0.2.9", &client) &&
		      is(&client, "192.0.2.9"));
	}
	free(fields);
	free(text);
	return 0;
}
