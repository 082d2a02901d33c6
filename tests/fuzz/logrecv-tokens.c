/*
 * logrecv-tokens.c - files of tokens: of one that is taken, each token is its
 * line's, in each way to send it, and no other text is anybody's. One that is
 * not taken leaves all as it was.
 */
#include <openssl/evp.h>

#include "../../cmd/logrecv/format.h"
#include "../../cmd/logrecv/front/tokens.h"
#include "../../cmd/logrecv/ways.h"
#include "base64.h"
#include "fuzz.h"

static struct senders senders;
static struct tokens tokens = {.ways = ways, .senders = &senders};

static void
load(const char *text)
{
	char *copy = input_text((struct input){text, strlen(text)});
	struct error err;

	if (tokens.sha256 == NULL) {
		senders_init(&senders);
		tokens.sha256 = EVP_MD_fetch(NULL, "SHA2-256", NULL);
	}
	check(tokens.sha256 != NULL);
	/* Names are for ever: there is room for those of one file again. */
	senders.count = 0;
	check(tokens_parse(&tokens, copy, strlen(copy), &err) == 0);
	free(copy);
}

static bool
is_of(const char *scheme, const char *token, size_t len, const char *name)
{
	struct http_text value;
	struct sender *s;
	char text[2000];

	(void)snprintf(text, sizeof(text), "%s %.*s", scheme, (int)len, token);
	value = (struct http_text){text, strlen(text)};
	s = tokens_find(&tokens, value);
	return name == NULL ? s == NULL
			    : s != NULL && strcmp(s->name, name) == 0;
}

/* A line of a file that was taken. */
static void
check_line(char *line)
{
	char *name = line + strspn(line, " \t\r"), *token, packed[1600];
	char both[1100];
	size_t len;

	if (*name == '\0' || *name == '#')
		return;
	token = strchr(name, ':');
	check(token != NULL);
	*token++ = '\0';
	len = strcspn(token, " \t\r");
	check(len > 0 && strlen(name) <= SENDER_NAME_MAX);
	if (strncmp(token, "sha256:", 7) == 0) {
		check(len == 7 + 64);
		return;
	}
	check(len <= TOKEN_MAX);
	check(is_of("Bearer", token, len, name) &&
	      is_of("splunk", token, len, name));
	check(!is_of("Digest", token, len, name));
	len = (size_t)snprintf(both, sizeof(both), "x:%.*s", (int)len, token);
	base64_encode(both, len, packed);
	check(is_of("Basic", packed, base64_length(len), name) &&
	      is_of("ApiKey", packed, base64_length(len), name));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = input_of(data, size);
	char *file = input_text(in), *copy = input_text(in), *rest = copy;
	bool known = strstr(copy, "none-of-these") != NULL;
	char *line;
	struct error err = {.text = ""};

	load("kept:token-of-before");
	if (tokens_parse(&tokens, file, in.len, &err) < 0) {
		check(err.text[0] != '\0');
		check(is_of("Bearer", "token-of-before", 15, "kept"));
	} else {
		check(strlen(copy) == in.len);
		while ((line = strsep(&rest, "\n")) != NULL)
			check_line(line);
		check(known || is_of("Bearer", "none-of-these", 13, NULL));
	}
	free(file);
	free(copy);
	return 0;
}
