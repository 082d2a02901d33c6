/*
 * logrecv-forwarded.c - who is behind the proxies that are trusted, whatever a
 * client has written in front of what they wrote; and which addresses are of a
 * network.
 */
#include "../../cmd/logrecv/front/forwarded.h"
#include "tap.h"

static const char trusted_list[] = "10.0.0.0/8, 192.0.2.1,2001:db8:1::/48,unix";

static struct networks
networks(const char *list)
{
	struct networks ns = {.count = 0};
	struct error err;

	must(networks_add(&ns, list, &err) == 0);
	return ns;
}

static struct address
address(const char *text)
{
	struct address a = {{0}};

	must(strcmp(text, "unix") == 0 ||
	     address_parse(&a, text, strlen(text)) == 0);
	return a;
}

/* Who has connected, the fields, and who the client is. */
static const struct {
	const char *peer, *fields, *client;
} cases[] = {
    {"10.0.0.1", "", "10.0.0.1"},
    {"10.0.0.1", "X-Forwarded-For: 198.51.100.7\r\n", "198.51.100.7"},
    {"unix", "x-forwarded-for:198.51.100.7\r\n", "198.51.100.7"},
    {"10.0.0.1", "X-Forwarded-For: 2001:db8:2::1\r\n", "2001:db8:2::1"},
    {"10.0.0.1", "X-Forwarded-For: [2001:db8:2::1]:80\r\n", "2001:db8:2::1"},
    {"10.0.0.1", "X-Forwarded-For: 198.51.100.7:1234\r\n", "198.51.100.7"},
    {"10.0.0.1", "X-Forwarded-For: ::ffff:198.51.100.7\r\n", "198.51.100.7"},
    /* One who is not trusted says what he likes. */
    {"198.51.100.9", "X-Forwarded-For: 198.51.100.7\r\n", "198.51.100.9"},
    {"192.0.2.2", "Forwarded: for=198.51.100.7\r\n", "192.0.2.2"},
    /* The last one that is not trusted, whatever was in front of it. */
    {"10.0.0.1", "X-Forwarded-For: 1.1.1.1, 198.51.100.7, 10.9.9.9\r\n",
	"198.51.100.7"},
    {"10.0.0.1",
	"X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 198.51.100.7\r\n",
	"198.51.100.7"},
    {"10.0.0.1",
	"X-Forwarded-For: 198.51.100.7\r\nX-Forwarded-For: 10.0.0.2\r\n",
	"198.51.100.7"},
    {"10.0.0.1", "X-Forwarded-For: 10.0.0.3, 10.0.0.2\r\n", "10.0.0.3"},
    {"10.0.0.1", "X-Forwarded-For: ,, 198.51.100.7 ,\t,\r\n", "198.51.100.7"},
    /* Who cannot be told hides those before him. */
    {"10.0.0.1", "X-Forwarded-For: 198.51.100.7, unknown\r\n", "10.0.0.1"},
    {"10.0.0.1", "X-Forwarded-For: 198.51.100.7, x, 10.0.0.2\r\n", "10.0.0.2"},
    {"10.0.0.1", "X-Forwarded-For: unknown, 198.51.100.7\r\n", "198.51.100.7"},
    {"10.0.0.1", "X-Forwarded-For: ::\r\n", "10.0.0.1"},
    {"10.0.0.1", "X-Forwarded-For: \r\n", "10.0.0.1"},
    {"10.0.0.1", "X-Forwarded-Fort: 198.51.100.7\r\n", "10.0.0.1"},
    /* RFC 7239 */
    {"10.0.0.1", "Forwarded: for=198.51.100.7\r\n", "198.51.100.7"},
    {"10.0.0.1", "Forwarded: For=\"[2001:db8:2::1]:4711\"\r\n",
	"2001:db8:2::1"},
    {"10.0.0.1", "forwarded: for=198.51.100.7;proto=http;by=203.0.113.43\r\n",
	"198.51.100.7"},
    {"10.0.0.1", "Forwarded: proto=\"a,b;for=1.1.1.1\";for=198.51.100.7\r\n",
	"198.51.100.7"},
    {"10.0.0.1", "Forwarded: for=1.1.1.1, for=198.51.100.7,for=10.0.0.2\r\n",
	"198.51.100.7"},
    {"10.0.0.1", "Forwarded: for=1.1.1.1\r\nForwarded: for=198.51.100.7\r\n",
	"198.51.100.7"},
    {"10.0.0.1", "Forwarded: for=198.51.100.7:80\r\n", "198.51.100.7"},
    {"10.0.0.1", "Forwarded: for=1.1.1.1, for=_hidden\r\n", "10.0.0.1"},
    {"10.0.0.1", "Forwarded: for=1.1.1.1, for=\"unknown\"\r\n", "10.0.0.1"},
    {"10.0.0.1", "Forwarded: for=1.1.1.1, proto=https\r\n", "10.0.0.1"},
    {"10.0.0.1", "Forwarded: for=1.1.1.1;for=2.2.2.2\r\n", "10.0.0.1"},
    {"10.0.0.1", "Forwarded: for=\"1.1.1.1, for=198.51.100.7\r\n", "10.0.0.1"},
    {"10.0.0.1", "Forwarded: for=6.6.6.6;by=\", for=198.51.100.7\r\n",
	"10.0.0.1"},
    {"10.0.0.1", "Forwarded: for=\"1.1.1\\.1\"\r\n", "10.0.0.1"},
    {"10.0.0.1", "Forwarded: for 1.1.1.1\r\n", "10.0.0.1"},
    {"10.0.0.1", "Forwarded: =1.1.1.1\r\n", "10.0.0.1"},
    {"10.0.0.1", "Forwarded: for=\r\n", "10.0.0.1"},
    {"10.0.0.1", "Forwarded: for\r\n", "10.0.0.1"},
    {"10.0.0.1", "Forwarded: for=\"\r\n", "10.0.0.1"},
    {"10.0.0.1", "Forwarded: for=1.1.1.1;\r\n", "10.0.0.1"},
    /* Both: only where they say the same. */
    {"10.0.0.1",
	"X-Forwarded-For: 198.51.100.7\r\nForwarded: for=198.51.100.7\r\n",
	"198.51.100.7"},
    {"10.0.0.1", "Forwarded: for=6.6.6.6\r\nX-Forwarded-For: 198.51.100.7\r\n",
	"10.0.0.1"},
    {"10.0.0.1", "Forwarded: for=_x\r\nX-Forwarded-For: 198.51.100.7\r\n",
	"10.0.0.1"},
};

static void
test_clients(void)
{
	struct networks trusted = networks(trusted_list);
	struct tap_all all = {0};
	char head[512], text[ADDRESS_TEXT_MAX];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct address client = address(cases[i].peer);
		int n = snprintf(head, sizeof(head),
		    "POST /log HTTP/1.1\r\nHost: a\r\n%s\r\n", cases[i].fields);
		char *copy = malloc((size_t)n);

		must(copy != NULL);
		memcpy(copy, head, (size_t)n);
		forwarded_find(
		    &trusted, (struct http_text){copy, (size_t)n}, &client);
		free(copy);
		address_format(&client, text);
		tap_case(&all, strcmp(text, cases[i].client) == 0, "%s: %s",
		    cases[i].fields, text);
	}
	tap_all(&all, "the client is the last one that is not trusted");
}

static void
test_networks(void)
{
	static const struct {
		const char *list, *address;
		bool has;
	} in[] = {
	    {"10.0.0.0/8", "10.255.0.1", true},
	    {"10.0.0.0/8", "11.0.0.0", false},
	    {"10.0.0.77/8", "10.1.1.1", true},
	    {"192.0.2.128/25", "192.0.2.128", true},
	    {"192.0.2.128/25", "192.0.2.127", false},
	    {"192.0.2.1", "192.0.2.1", true},
	    {"192.0.2.1", "192.0.2.2", false},
	    {"0.0.0.0/0", "192.0.2.2", true},
	    {"0.0.0.0/0", "2001:db8::1", false},
	    {"0.0.0.0/0", "unix", false},
	    {"::/0", "2001:db8::1", true},
	    {"::/0", "192.0.2.2", false},
	    {"::/0", "unix", false},
	    {"::1", "::1", true},
	    {"2001:db8::/33", "2001:db8:7fff::1", true},
	    {"2001:db8::/33", "2001:db8:8000::1", false},
	    {"::ffff:192.0.2.1", "192.0.2.1", true},
	    {"unix", "unix", true},
	    {"unix", "127.0.0.1", false},
	    {"10.0.0.0/8,unix", "unix", true},
	    {"", "10.0.0.1", false},
	};
	static const char *const bad[] = {"10.0.0", "10.0.0.0/33", "10.0.0.0/",
	    "10.0.0.0/x", "10.0.0.0/-1", "::/129", "::1/0128", "/8", "name",
	    "::", "10.0.0.0/8,x", "10.0.0.0/8/8", "unix/0"};
	struct tap_all all = {0}, wrong = {0};
	struct error err;

	for (size_t i = 0; i < sizeof(in) / sizeof(in[0]); i++) {
		struct networks ns = networks(in[i].list);
		struct address a = address(in[i].address);

		tap_case(&all, networks_have(&ns, &a) == in[i].has, "%s in %s",
		    in[i].address, in[i].list);
	}
	tap_all(&all, "an address is of a network or not");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct networks ns = {.count = 0};

		tap_case(
		    &wrong, networks_add(&ns, bad[i], &err) < 0, "%s", bad[i]);
	}
	tap_all(&wrong, "what is no network is refused");
}

int
main(void)
{
	test_clients();
	test_networks();
	return tap_end();
}
