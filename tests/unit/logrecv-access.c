/*
 * logrecv-access.c - which Origin and which Host may ask.
 */
#include "../../cmd/logrecv/access.h"
#include "tap.h"

static struct http_request
request(const char *host, const char *origin)
{
	struct http_request r = {.host = {host, strlen(host)}};

	if (origin != NULL)
		r.origin = (struct http_text){origin, strlen(origin)};
	return r;
}

static const struct {
	const char *list, *host, *origin;
	bool good;
} origins[] = {
    {NULL, "localhost:8080", NULL, true},
    {NULL, "localhost:8080", "http://localhost:8080", true},
    {NULL, "localhost:8080", "HTTP://LocalHost:8080", true},
    {NULL, "logs.example", "https://logs.example", true},
    {NULL, "logs.example:443", "https://logs.example", true},
    {NULL, "logs.example:80", "http://logs.example", true},
    {NULL, "logs.example:80", "https://logs.example", false},
    {NULL, "[::1]:8080", "http://[::1]:8080", true},
    {NULL, "[::1]:8080", "http://[::2]:8080", false},
    {NULL, "localhost:8080", "http://localhost:8081", false},
    {NULL, "localhost:8080", "http://localhost", false},
    {NULL, "localhost:8080", "http://localhost:80801", false},
    {NULL, "localhost:8080", "http://evil.example", false},
    {NULL, "localhost:8080", "null", false},
    {NULL, "localhost:8080", "", false},
    {NULL, "", "http://", false},
    {"https://a.example,https://b.example:444", "h", "https://a.example", true},
    {"https://a.example, https://b.example:444", "h", "https://b.example:444",
	true},
    {"https://a.example,https://b.example:444", "h", "https://b.example",
	false},
    {"https://a.example", "h", "https://a.example.evil", false},
    {"https://a.example", "h", "http://a.example", false},
    {"https://a.example", "h", "null", false},
    {"https://a.example:443", "h", "https://a.example", true},
    {"HTTP://A.example:80", "h", "http://a.example", true},
    {"https://a.example:80", "h", "https://a.example", false},
    {"*", "h", "http://evil.example", true},
    {"*", "h", "null", true},
};

static const struct {
	const char *list, *host;
	bool good;
} hosts[] = {
    {NULL, "anything", true},
    {"localhost", "localhost", true},
    {"localhost", "LOCALHOST:8080", true},
    {"localhost", "evil.example:8080", false},
    {"localhost", "localhost.evil.example", false},
    {"localhost", "", false},
    {"a,b:81", "b:81", true},
    {"a,b:81", "b:82", false},
    {"a,b:81", "b", false},
    {"a,b:81", "a:82", true},
    {"[::1]", "[::1]:8080", true},
    {"[::1]", "[::2]:8080", false},
};

/* Lists that can be of use, and such that cannot. */
static const struct {
	const char *origins, *hosts;
	bool good;
} lists[] = {
    {NULL, NULL, true},
    {"*", NULL, true},
    {"null,https://a.example, http://[::1]:8080", NULL, true},
    {"chrome-extension://abcdefgh", NULL, true},
    {"HTTPS://A-1.example:443", NULL, true},
    {"https://a.example/", NULL, false},
    {"https://a.example,https://b.example/app", NULL, false},
    {"https://a.example:", NULL, false},
    {"https://a.example?", NULL, false},
    {"https://u@a.example", NULL, false},
    {"https://*.example", NULL, false},
    {"https://\xc3\xa4.example", NULL, false},
    {"https://[::1", NULL, false},
    {"https://", NULL, false},
    {"https:/a", NULL, false},
    {"://a", NULL, false},
    {"a.example", NULL, false},
    {"a.example:443", NULL, false},
    {NULL, "localhost,a.example:8080 [::1]:80,[::1],a_b", true},
    {NULL, "https://a.example", false},
    {NULL, "a.example/", false},
    {NULL, "a.example:", false},
    {NULL, "*", false},
};

/* What a browser that asks so is told besides; "": nothing. */
static const struct {
	const char *list, *origin, *fields, *preflight;
} pages[] = {
    {NULL, "https://a.example", "", ""},
    {"https://a.example", NULL, "", ""},
    {"https://a.example", "https://b.example", "", ""},
    {"https://b.example", "null", "", ""},
    /* The origin as it came, for a browser compares each byte. */
    {"https://A.example", "https://a.example", "Origin: https://a.example\r\n",
	""},
    {"*", "null", "Origin: null\r\n", ""},
    {"*", "https://a.example",
	"Access-Control-Allow-Origin: https://a.example\r\n"
	"Access-Control-Allow-Credentials: true\r\n",
	"Access-Control-Request-Method: POST\r\n"},
    {"*", "https://a.example", "Access-Control-Allow-Methods: POST, PUT\r\n",
	"Access-Control-Request-Method: POST\r\n"},
    {"*", "https://a.example",
	"-Headers: Authorization, Content-Type, Content-Encoding\r\n",
	"Access-Control-Request-Method: POST\r\n"
	"Access-Control-Request-Headers:\r\n"},
    {"*", "https://a.example",
	"-Headers: Authorization, Content-Type, Content-Encoding, x-a,x-b\r\n",
	"Access-Control-Request-Method: POST\r\n"
	"Access-Control-Request-Headers: x-a,x-b\r\n"},
};

static void
test_pages(void)
{
	static char far[400];

	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
		struct access a = {.origins = pages[i].list};
		struct http_request r = request("h", pages[i].origin);
		const char *asks = pages[i].preflight;
		struct http_text head = {asks, strlen(asks)};
		struct buf out = {0};
		const char *want = pages[i].fields;

		r.method = *asks != '\0' ? HTTP_OPTIONS : HTTP_POST;
		must(access_put_fields(&a, &r, head,
			 HTTP_BIT(POST) | HTTP_BIT(PUT), &out) == 0);
		ok(*want == '\0' ? out.len == 0
				 : strstr(out.data, want) != NULL,
		    "a page of %s, allowed %s: %s",
		    pages[i].origin != NULL ? pages[i].origin : "none",
		    pages[i].list != NULL ? pages[i].list : "none",
		    *want == '\0' ? "nothing" : "told");
		buf_release(&out);
	}
	memset(far, 'a', sizeof(far) - 1);
	ok(!access_from_here(&(struct access){.origins = "*"},
	       &(struct http_request){.origin = {far, sizeof(far) - 1}}),
	    "an origin that is too long is none");
}

int
main(void)
{
	for (size_t i = 0; i < sizeof(origins) / sizeof(origins[0]); i++) {
		struct access a = {.origins = origins[i].list};
		struct http_request r =
		    request(origins[i].host, origins[i].origin);

		ok(access_from_here(&a, &r) == origins[i].good,
		    "Host %s, Origin %s, allowed %s: %s", origins[i].host,
		    origins[i].origin != NULL ? origins[i].origin : "none",
		    origins[i].list != NULL ? origins[i].list : "none",
		    origins[i].good ? "taken" : "refused");
	}
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		struct access a = {.hosts = hosts[i].list};
		struct http_request r = request(hosts[i].host, NULL);

		ok(access_to_here(&a, &r) == hosts[i].good,
		    "--host %s, Host %s: %s",
		    hosts[i].list != NULL ? hosts[i].list : "not given",
		    hosts[i].host, hosts[i].good ? "taken" : "refused");
	}
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		const struct access a = {lists[i].origins, lists[i].hosts};
		const char *of = a.origins != NULL ? a.origins : a.hosts;
		struct error err;

		ok((access_check(&a, &err) == 0) == lists[i].good,
		    "a list of %s: %s", of != NULL ? of : "nothing",
		    lists[i].good ? "taken" : "refused");
	}
	test_pages();
	return tap_end();
}
