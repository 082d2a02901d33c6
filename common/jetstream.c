/*
 * jetstream.c - see jetstream.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "jetstream_own.h"

#define HEADERS_ROOM 512 /* of what a message may have, for its headers */
#define REPLICAS 3
#define STREAM_NAME_MAX 32

void
jetstream_options(struct jetstream_config *c,
    struct option_spec rows[JETSTREAM_OPTIONS_COUNT])
{
	const struct option_spec all[] = {
	    {"server", OPTION_LIST, &c->servers, NULL, "URL",
		"a server: nats://HOST:PORT, or tls://; once for each", NULL, 0,
		0},
	    {"monitor", OPTION_LIST, &c->monitors, NULL, "URL",
		"a server's monitoring port, http://HOST:PORT, to be asked "
		"whether it syncs",
		NULL, 0, 0},
	    {"stream", OPTION_STRING, &c->stream, "LOGS", "NAME",
		"the stream's name", NULL, 0, 0},
	    {"wait", OPTION_DURATION, &c->wait_ns, "5s", "TIME",
		"for an answer of a server; then the next is asked", NULL,
		100 * CLOCK_NS_PER_MS, 300 * CLOCK_NS_PER_S},
	    {"credentials", OPTION_STRING, &c->credentials, NULL, "FILE",
		"a file of credentials (JWT and seed)", NULL, 0, 0},
	    {"user", OPTION_STRING, &c->user, NULL, "NAME", "a user's name",
		NULL, 0, 0},
	    {"password", OPTION_SECRET, &c->password, NULL, "PASSWORD",
		"the user's password", NULL, 0, 0},
	    {"tls-ca", OPTION_STRING, &c->ca, NULL, "FILE",
		"certificates of those who sign the servers'", NULL, 0, 0},
	    {"tls-cert", OPTION_STRING, &c->cert, NULL, "FILE",
		"our certificate, where the servers ask for one", NULL, 0, 0},
	    {"tls-key", OPTION_STRING, &c->key, NULL, "FILE", "its key", NULL,
		0, 0},
	};

	_Static_assert(sizeof(all) == sizeof(*rows) * JETSTREAM_OPTIONS_COUNT,
	    "each row has its place");
	memcpy(rows, all, sizeof(all));
}

/* The host of a server's URL, without brackets. */
static int
copy_host(const char *url, char *out, size_t size)
{
	const char *host = strstr(url, "://"), *at;
	size_t len;

	if (host == NULL)
		return -1;
	host += 3;
	at = strchr(host, '@');
	if (at != NULL)
		return -1;
	if (*host == '[')
		len = strcspn(++host, "]");
	else
		len = strcspn(host, ":/");
	if (len == 0 || len >= size)
		return -1;
	memcpy(out, host, len);
	out[len] = '\0';
	return 0;
}

int
jetstream_check_config(const struct jetstream_config *c, struct error *err)
{
	size_t len = strlen(c->stream);
	char host[256];

	if (c->servers.count == 0)
		return error_set(err, "--server is missing");
	for (unsigned i = 0; i < c->servers.count; i++) {
		const char *url = c->servers.items[i];

		if ((strncmp(url, "nats://", 7) != 0 &&
			strncmp(url, "tls://", 6) != 0) ||
		    copy_host(url, host, sizeof(host)) < 0)
			return error_set(err,
			    "--server %u is not nats://HOST:PORT or "
			    "tls://HOST:PORT; a user stands in --user",
			    i + 1);
	}
	for (unsigned i = 0; i < c->monitors.count; i++) {
		const char *url = c->monitors.items[i];
		const char *colon = strrchr(url, ':');

		if (strncmp(url, "http://", 7) != 0 ||
		    copy_host(url, host, sizeof(host)) < 0 || colon < url + 8 ||
		    colon[1] == '\0' ||
		    strspn(colon + 1, "0123456789") != strlen(colon + 1))
			return error_set(
			    err, "--monitor %u is not http://HOST:PORT", i + 1);
	}
	if (len == 0 || len > STREAM_NAME_MAX ||
	    strspn(c->stream, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuv"
			      "wxyz0123456789-_") != len)
		return error_set(err,
		    "--stream: '%s' is not 1 to %d letters, digits, - and _",
		    c->stream, STREAM_NAME_MAX);
	if ((c->cert == NULL) != (c->key == NULL))
		return error_set(err, "--tls-cert and --tls-key go together");
	return 0;
}

struct jetstream *
jetstream_new(const struct jetstream_config *config)
{
	struct jetstream *s = calloc(1, sizeof(*s));

	if (s != NULL)
		s->config = config;
	return s;
}

static void
disconnect(struct jetstream *s)
{
	natsSubscription_Destroy(s->alive);
	jsCtx_Destroy(s->context);
	natsConnection_Destroy(s->connection);
	s->alive = NULL;
	s->context = NULL;
	s->connection = NULL;
}

void
jetstream_free(struct jetstream *s)
{
	if (s == NULL)
		return;
	disconnect(s);
	free(s);
	nats_Close();
}

int64_t
jetstream_wait_ms(const struct jetstream *s)
{
	return (int64_t)(s->config->wait_ns / CLOCK_NS_PER_MS);
}

enum jetstream_verdict
jetstream_failed(struct jetstream *s, const char *what, natsStatus status,
    int code, struct error *err)
{
	const char *server = s->config->servers.items[s->server];
	const char *why = nats_GetLastError(NULL);

	(void)error_set(err, "%s at %s: %s", what, server,
	    why != NULL && *why != '\0' ? why : natsStatus_GetText(status));
	err->code = code;
	disconnect(s);
	s->server = (s->server + 1) % s->config->servers.count;
	return JETSTREAM_AWAY;
}

void
jetstream_subject(const struct jetstream *s, const char *kind, const char *name,
    char out[JETSTREAM_SUBJECT_MAX])
{
	int n = snprintf(
	    out, JETSTREAM_SUBJECT_MAX, "%s.%s.", s->config->stream, kind);
	char *to = out + n;

	for (const char *p = name;
	     *p != '\0' && to < out + JETSTREAM_SUBJECT_MAX - 4; p++) {
		if (*p == '.')
			*to++ = '=';
		else if (strchr("=%*> ", *p) != NULL)
			to += snprintf(to, 4, "%%%02X", (unsigned char)*p);
		else
			*to++ = *p;
	}
	*to = '\0';
}

/*
 * Connecting
 */

/* Has it all subjects of the kind? */
static bool
takes(const jsStreamConfig *c, const char *kind)
{
	char all[JETSTREAM_SUBJECT_MAX];

	(void)snprintf(all, sizeof(all), "%s.%s.>", c->Name, kind);
	for (int i = 0; i < c->SubjectsLen; i++) {
		if (strcmp(c->Subjects[i], all) == 0)
			return true;
	}
	return false;
}

/* Would this stream lose what it has acknowledged, or not do? */
static enum jetstream_verdict
check_stream(const jsStreamConfig *c, struct error *err)
{
	const struct {
		bool wrong;
		const char *why;
	} rules[] = {
	    {c->Storage != js_FileStorage,
		"keeps messages in memory; it must be storage: file"},
	    {c->Replicas < REPLICAS,
		"has fewer than 3 replicas: a lost disk would lose events"},
	    {c->Discard != js_DiscardNew,
		"drops its oldest messages when it is full; it must be "
		"discard: new"},
	    {c->Retention != js_LimitsPolicy,
		"drops messages that were delivered; it must be retention: "
		"limits"},
	    {c->MaxAge != 0, "drops messages by age; it must have no max_age"},
	    {c->MaxMsgs > 0, "has max_msgs; bound it by max_bytes"},
	    {c->MaxMsgsPerSubject > 0,
		"has max_msgs_per_subject, which a large file is over"},
	    {c->MaxMsgSize > 0, "has max_msg_size; bound it by max_payload"},
	    {c->Sealed || c->DenyPurge,
		"is sealed, or denies purging: what was fetched stays"},
	    {c->NoAck, "acknowledges nothing: no_ack"},
	    {c->SubjectsLen != 2 || !takes(c, "f") || !takes(c, "c"),
		"must have the subjects NAME.f.> and NAME.c.>, no other"},
	};

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		if (rules[i].wrong) {
			(void)error_set(
			    err, "the stream %s %s", c->Name, rules[i].why);
			return JETSTREAM_WRONG;
		}
	}
	return JETSTREAM_DONE;
}

static enum jetstream_verdict
look_at_stream(struct jetstream *s, struct error *err)
{
	jsStreamInfo *info = NULL;
	jsErrCode code = 0;
	natsStatus status =
	    js_GetStreamInfo(&info, s->context, s->config->stream, NULL, &code);
	enum jetstream_verdict verdict;

	if (code == JSStreamNotFoundErr) {
		(void)error_set(err,
		    "there is no stream %s; logship --init makes it",
		    s->config->stream);
		return JETSTREAM_WRONG;
	}
	if (status != NATS_OK)
		return jetstream_failed(
		    s, "ask for the stream", status, code, err);
	verdict = check_stream(info->Config, err);
	s->file_max = info->Config->MaxBytes <= 0
			  ? UINT64_MAX
			  : (uint64_t)info->Config->MaxBytes / 2;
	jsStreamInfo_Destroy(info);
	return verdict;
}

static void
answer_alive(natsConnection *c, natsSubscription *sub, natsMsg *msg, void *none)
{
	(void)sub, (void)none;
	/* Who asks takes no answer for what it is. */
	if (natsMsg_GetReply(msg) != NULL)
		(void)natsConnection_PublishString(
		    c, natsMsg_GetReply(msg), "yes");
	natsMsg_Destroy(msg);
}

static natsStatus
set_options(const struct jetstream *s, natsOptions *o)
{
	const struct jetstream_config *c = s->config;
	const char *url = c->servers.items[s->server];
	natsStatus status = natsOptions_SetURL(o, url);
	char host[256];

	AND(natsOptions_SetName(o, c->tool));
	AND(natsOptions_SetTimeout(o, jetstream_wait_ms(s)));
	AND(natsOptions_SetAllowReconnect(o, false));
	AND(natsOptions_SetIgnoreDiscoveredServers(o, true));
	AND(natsOptions_SetSendAsap(o, true));
	if (c->user != NULL)
		AND(natsOptions_SetUserInfo(
		    o, c->user, c->password == NULL ? "" : c->password));
	if (c->credentials != NULL)
		AND(natsOptions_SetUserCredentialsFromFiles(
		    o, c->credentials, NULL));
	if (strncmp(url, "tls://", 6) == 0) {
		AND(natsOptions_SetSecure(o, true));
		if (copy_host(url, host, sizeof(host)) == 0)
			AND(natsOptions_SetExpectedHostname(o, host));
	}
	/* A server may want TLS of nats://, too. */
	if (c->ca != NULL)
		AND(natsOptions_LoadCATrustedCertificates(o, c->ca));
	if (c->cert != NULL)
		AND(natsOptions_LoadCertificatesChain(o, c->cert, c->key));
	return status;
}

static natsStatus
live(struct jetstream *s)
{
	char subject[JETSTREAM_SUBJECT_MAX];

	if (s->id[0] == '\0')
		return NATS_OK;
	jetstream_subject(s, "alive", s->id, subject);
	return natsConnection_Subscribe(
	    &s->alive, s->connection, subject, answer_alive, NULL);
}

static enum jetstream_verdict
connect_to(struct jetstream *s, struct error *err)
{
	natsOptions *o = NULL;
	natsStatus status = natsOptions_Create(&o);
	jsOptions js;
	int64_t max = 0;

	AND(set_options(s, o));
	AND(natsConnection_Connect(&s->connection, o));
	natsOptions_Destroy(o);
	AND(jsOptions_Init(&js));
	if (status == NATS_OK) {
		js.Wait = jetstream_wait_ms(s);
		status =
		    natsConnection_JetStream(&s->context, s->connection, &js);
	}
	AND(live(s));
	if (status == NATS_OK) {
		max = natsConnection_GetMaxPayload(s->connection);
		if (max <= HEADERS_ROOM)
			status = NATS_MAX_PAYLOAD;
	}
	if (status != NATS_OK)
		return jetstream_failed(s, "connect", status, 0, err);
	s->piece_max = (size_t)max - HEADERS_ROOM;
	return JETSTREAM_DONE;
}

enum jetstream_verdict
jetstream_open(struct jetstream *s, struct error *err)
{
	enum jetstream_verdict verdict;

	if (s->connection != NULL && !natsConnection_IsClosed(s->connection))
		return JETSTREAM_DONE;
	disconnect(s);
	verdict = connect_to(s, err);
	if (verdict == JETSTREAM_DONE)
		verdict = look_at_stream(s, err);
	if (verdict == JETSTREAM_WRONG)
		disconnect(s);
	return verdict;
}

enum jetstream_verdict
jetstream_make(struct jetstream *s, uint64_t max_bytes, struct error *err)
{
	enum jetstream_verdict verdict =
	    s->connection == NULL ? connect_to(s, err) : JETSTREAM_DONE;
	char files[JETSTREAM_SUBJECT_MAX], claims[JETSTREAM_SUBJECT_MAX];
	const char *subjects[] = {files, claims};
	jsErrCode code = 0;
	jsStreamConfig c;
	natsStatus status;

	if (verdict != JETSTREAM_DONE)
		return verdict;
	(void)snprintf(files, sizeof(files), "%s.f.>", s->config->stream);
	(void)snprintf(claims, sizeof(claims), "%s.c.>", s->config->stream);
	status = jsStreamConfig_Init(&c);
	c.Name = s->config->stream;
	c.Subjects = subjects;
	c.SubjectsLen = 2;
	c.Storage = js_FileStorage;
	c.Replicas = REPLICAS;
	c.Discard = js_DiscardNew;
	c.MaxBytes = (int64_t)max_bytes;
	AND(js_AddStream(NULL, s->context, &c, NULL, &code));
	if (status != NATS_OK && code != JSStreamNameExistErr)
		return jetstream_failed(
		    s, "make the stream", status, code, err);
	return look_at_stream(s, err);
}

uint64_t
jetstream_file_max(const struct jetstream *s)
{
	return s->file_max;
}

size_t
jetstream_piece_max(const struct jetstream *s)
{
	return s->piece_max;
}

void
jetstream_live_as(struct jetstream *s, const char *id)
{
	(void)snprintf(s->id, sizeof(s->id), "%s", id);
	disconnect(s);
}
