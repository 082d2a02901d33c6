/*
 * url.c - see url.h.
 */
#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "hex.h"
#include "url.h"

static int parse_authority(struct url *, char *authority, struct error *);
static int parse_parameters(struct url *, char *query, struct error *);

/* Resolves %XX in place; an empty part counts as not given. */
static int
decode(char *part, const char **result, struct error *err)
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

static char *
skip_scheme(char *text)
{
	static const char *const schemes[] = {"mysql://", "mariadb://", NULL};

	for (int i = 0; schemes[i] != NULL; i++) {
		size_t len = strlen(schemes[i]);

		if (strncasecmp(text, schemes[i], len) == 0)
			return text + len;
	}
	return NULL;
}

int
url_parse(struct url *u, const char *text, struct error *err)
{
	char *p, *query, *path;

	memset(u, 0, sizeof(*u));
	u->text = strdup(text);
	if (u->text == NULL)
		return error_errno(err, "copy");
	p = skip_scheme(u->text);
	if (p == NULL) {
		(void)error_set(err, "it does not begin with mysql:// or "
				     "mariadb://, the databases known");
		goto fail;
	}
	query = strchr(p, '?');
	if (query != NULL)
		*query++ = '\0';
	path = strchr(p, '/');
	if (path != NULL)
		*path++ = '\0';
	if (path != NULL && decode(path, &u->database, err) < 0)
		goto fail;
	if (parse_authority(u, p, err) < 0 ||
	    (query != NULL && parse_parameters(u, query, err) < 0))
		goto fail;
	return 0;
fail:
	url_release(u);
	return -1;
}

void
url_release(struct url *u)
{
	if (u->text != NULL)
		explicit_bzero(u->text, strlen(u->text));
	free(u->text);
	memset(u, 0, sizeof(*u));
}

static int
parse_host(struct url *u, char *host, struct error *err)
{
	char *port = strrchr(host, ':'), *bracket = strchr(host, ']');

	if (*host == '[' && bracket != NULL) {
		port = bracket[1] == ':' ? bracket + 1 : NULL;
		*bracket = '\0';
		host++;
	}
	if (port != NULL) {
		*port++ = '\0';
		if (option_count(port, &u->port, err) < 0)
			return -1;
		if (u->port < 1 || u->port > 65535)
			return error_set(err, "the port is not 1 to 65535");
	}
	return decode(host, &u->host, err);
}

static int
parse_authority(struct url *u, char *authority, struct error *err)
{
	char *at = strrchr(authority, '@'), *colon;

	if (at == NULL)
		return parse_host(u, authority, err);
	*at = '\0';
	colon = strchr(authority, ':');
	if (colon != NULL) {
		*colon = '\0';
		if (decode(colon + 1, &u->password, err) < 0)
			return -1;
	}
	if (decode(authority, &u->user, err) < 0)
		return -1;
	return parse_host(u, at + 1, err);
}

static int
parse_parameters(struct url *u, char *query, struct error *err)
{
	const struct {
		const char *name;
		const char **target;
	} known[] = {{"socket", &u->socket}, {"ssl-mode", &u->ssl_mode},
	    {"ssl-ca", &u->ssl_ca}, {"ssl-cert", &u->ssl_cert},
	    {"ssl-key", &u->ssl_key}};
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
		if (decode(value, known[i].target, err) < 0)
			return -1;
	}
	return 0;
}
