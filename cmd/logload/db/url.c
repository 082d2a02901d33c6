/*
 * url.c - see url.h.
 */
#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "hex.h"
#include "url.h"

static int parse_authority(struct db_config *, char *authority, struct error *);
static int parse_parameters(struct db_config *, char *query, struct error *);

int
url_decode(char *part, const char **result, struct error *err)
{
	char *out = part;

	for (const char *in = part; *in != '\0'; in++) {
		int high, low;

		if (*in != '%') {
			*out++ = *in;
			continue;
		}
		high = hex_digit(in[1]);
		low = high < 0 ? -1 : hex_digit(in[2]);
		if (low < 0 || (high == 0 && low == 0))
			return error_set(err,
			    "a %% is not followed by the two hexadecimal "
			    "digits of a byte");
		*out++ = (char)(high << 4 | low);
		in += 2;
	}
	*out = '\0';
	*result = *part == '\0' ? NULL : part;
	return 0;
}

int
url_parse(const char *url, struct db_config *c, char **copy, struct error *err)
{
	size_t scheme_len;

	c->driver = db_find_driver(url, &scheme_len, err);
	if (c->driver == NULL)
		return -1;
	*copy = strdup(url);
	if (*copy == NULL)
		return error_errno(err, "copy");
	return c->driver->parse(c, *copy + scheme_len, err);
}

int
url_check_password(const char *rest, struct error *err)
{
	size_t len = strcspn(rest, "/?"), path = strcspn(rest + len, "?");
	const char *colon = memrchr(rest, ':', len);

	if (colon == NULL || strchr(rest + len, '@') == NULL)
		return 0;
	/* The parameters may have one, if the hosts are what they seem. */
	colon += 1 + strspn(colon + 1, "0123456789");
	if (memchr(rest + len, '@', path) == NULL &&
	    (memchr(rest, '@', len) != NULL || *rest == '[' ||
		colon == rest + len))
		return 0;
	return error_set(err,
	    "a '/' or '?' in the password, or an '@' behind the hosts: it has "
	    "to stand as %%2F, %%3F or %%40");
}

int
url_parse_server(struct db_config *c, char *rest, struct error *err)
{
	char *query = strchr(rest, '?'), *path;

	if (url_check_password(rest, err) < 0)
		return -1;
	if (query != NULL)
		*query++ = '\0';
	path = strchr(rest, '/');
	if (path != NULL)
		*path++ = '\0';
	if ((path != NULL && url_decode(path, &c->database, err) < 0) ||
	    parse_authority(c, rest, err) < 0)
		return -1;
	return query == NULL ? 0 : parse_parameters(c, query, err);
}

static int
parse_host(struct db_host *h, char *host, struct error *err)
{
	char *port = strrchr(host, ':'), *bracket = strchr(host, ']');

	if (*host == '[' && bracket != NULL) {
		port = bracket[1] == ':' ? bracket + 1 : NULL;
		*bracket = '\0';
		host++;
	}
	if (port != NULL) {
		*port++ = '\0';
		if (option_count(port, &h->port, err) < 0)
			return -1;
		if (h->port < 1 || h->port > 65535)
			return error_set(err, "the port is not 1 to 65535");
	}
	return url_decode(host, &h->name, err);
}

/* Those between commas. */
static int
parse_hosts(struct db_config *c, char *hosts, struct error *err)
{
	char *host;

	while ((host = strsep(&hosts, ",")) != NULL) {
		if (c->host_count == DB_HOSTS_MAX)
			return error_set(
			    err, "there are more than %d hosts", DB_HOSTS_MAX);
		if (parse_host(&c->hosts[c->host_count++], host, err) < 0)
			return -1;
	}
	return 0;
}

static int
parse_authority(struct db_config *c, char *authority, struct error *err)
{
	char *at = strrchr(authority, '@'), *colon;

	if (at == NULL)
		return parse_hosts(c, authority, err);
	*at = '\0';
	colon = strchr(authority, ':');
	if (colon != NULL) {
		*colon = '\0';
		if (url_decode(colon + 1, &c->password, err) < 0)
			return -1;
	}
	if (url_decode(authority, &c->user, err) < 0)
		return -1;
	return parse_hosts(c, at + 1, err);
}

static int
parse_parameters(struct db_config *c, char *query, struct error *err)
{
	const struct {
		const char *name;
		const char **target;
	} known[] = {{"socket", &c->socket}, {"ssl-mode", &c->ssl_mode},
	    {"ssl-ca", &c->ssl_ca}, {"ssl-cert", &c->ssl_cert},
	    {"ssl-key", &c->ssl_key}};
	char *parameter;

	while ((parameter = strsep(&query, "&")) != NULL) {
		char *value = strchr(parameter, '=');
		size_t i = 0;

		if (*parameter == '\0')
			continue;
		if (value != NULL)
			*value++ = '\0';
		while (i < sizeof(known) / sizeof(known[0]) &&
		       strcmp(parameter, known[i].name) != 0)
			i++;
		if (i == sizeof(known) / sizeof(known[0]) || value == NULL)
			return error_set(err,
			    "the parameter %s is not one of socket=, "
			    "ssl-mode=, ssl-ca=, ssl-cert=, ssl-key=",
			    parameter);
		if (url_decode(value, known[i].target, err) < 0)
			return -1;
		/* They may go into a file of lines. */
		if (strpbrk(value, "\r\n") != NULL)
			return error_set(err,
			    "the parameter %s has a line break", parameter);
	}
	return 0;
}
