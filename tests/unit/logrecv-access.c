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
	return tap_end();
}
