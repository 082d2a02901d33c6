/*
 * jetstream_files.c - files and claims as messages; see jetstream.h.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "jetstream_own.h"

#define BYTES_HEADER "Log-Bytes"
#define ORPHAN_HEADER "Log-Orphan"

/* Of servers newer than the library: the last sequence, of another leader. */
#define WRONG_LAST_SEQUENCE_CONSTANT 10164

/* The last one of a subject; *msg NULL: there is none. */
static enum jetstream_verdict
get_last(
    struct jetstream *s, const char *subject, natsMsg **msg, struct error *err)
{
	enum jetstream_verdict verdict = jetstream_open(s, err);
	jsErrCode code = 0;
	natsStatus status;

	*msg = NULL;
	if (verdict != JETSTREAM_DONE)
		return verdict;
	status = js_GetLastMsg(
	    msg, s->context, s->config->stream, subject, NULL, &code);
	if (status == NATS_OK || code == JSNoMessageFoundErr)
		return JETSTREAM_DONE;
	return jetstream_failed(s, "look a file up", status, code, err);
}

/* How many bytes a file has with this message. */
static int
read_bytes(natsMsg *msg, uint64_t *bytes, struct error *err)
{
	const char *text = NULL;

	if (natsMsgHeader_Get(msg, BYTES_HEADER, &text) == NATS_OK &&
	    option_count(text, bytes, err) == 0)
		return 0;
	return error_set(err, "a message of %s has no number in its header %s",
	    natsMsg_GetSubject(msg), BYTES_HEADER);
}

enum jetstream_verdict
jetstream_look(struct jetstream *s, struct jetstream_file *f, struct error *err)
{
	char subject[JETSTREAM_SUBJECT_MAX];
	enum jetstream_verdict verdict;
	const char *orphan;
	natsMsg *msg;

	jetstream_subject(s, "f", f->name, subject);
	verdict = get_last(s, subject, &msg, err);
	if (verdict != JETSTREAM_DONE)
		return verdict;
	f->sequence = f->bytes = f->stored_us = 0;
	f->sealed = f->orphan = false;
	if (msg == NULL)
		return JETSTREAM_DONE;
	f->sequence = natsMsg_GetSequence(msg);
	f->stored_us = (uint64_t)natsMsg_GetTime(msg) / 1000;
	f->orphan = natsMsgHeader_Get(msg, ORPHAN_HEADER, &orphan) == NATS_OK;
	f->sealed = natsMsg_GetDataLength(msg) == 0;
	if (read_bytes(msg, &f->bytes, err) < 0)
		verdict = JETSTREAM_BROKEN;
	natsMsg_Destroy(msg);
	return verdict;
}

/* Behind that sequence of its subject, which moves on. */
static enum jetstream_verdict
publish(
    struct jetstream *s, natsMsg *msg, uint64_t *sequence, struct error *err)
{
	jsPubOptions o;
	natsStatus status = jsPubOptions_Init(&o);
	jsPubAck *ack = NULL;
	jsErrCode code = 0;

	o.MaxWait = jetstream_wait_ms(s);
	o.ExpectStream = s->config->stream;
	o.ExpectLastSubjectSeq = *sequence;
	o.ExpectNoMessage = *sequence == 0;
	AND(js_PublishMsg(&ack, s->context, msg, &o, &code));
	if (status == NATS_OK)
		*sequence = ack->Sequence;
	jsPubAck_Destroy(ack);
	if (status == NATS_OK)
		return JETSTREAM_DONE;
	if (code == JSStreamWrongLastSequenceErr ||
	    code == WRONG_LAST_SEQUENCE_CONSTANT) {
		(void)error_set(err, "another writer was faster");
		return JETSTREAM_RACED;
	}
	return jetstream_failed(s, "publish", status, code, err);
}

enum jetstream_verdict
jetstream_append(struct jetstream *s, struct jetstream_file *f,
    const void *piece, size_t len, struct error *err)
{
	enum jetstream_verdict verdict = jetstream_open(s, err);
	char subject[JETSTREAM_SUBJECT_MAX], bytes[24];
	natsMsg *msg = NULL;
	natsStatus status;

	if (verdict != JETSTREAM_DONE)
		return verdict;
	jetstream_subject(s, "f", f->name, subject);
	(void)snprintf(bytes, sizeof(bytes), "%" PRIu64, f->bytes + len);
	status = natsMsg_Create(&msg, subject, NULL, piece, (int)len);
	AND(natsMsgHeader_Set(msg, BYTES_HEADER, bytes));
	if (f->orphan)
		AND(natsMsgHeader_Set(msg, ORPHAN_HEADER, "yes"));
	if (status == NATS_OK)
		verdict = publish(s, msg, &f->sequence, err);
	else
		verdict = jetstream_failed(s, "make a message", status, 0, err);
	natsMsg_Destroy(msg);
	if (verdict == JETSTREAM_DONE)
		f->bytes += len;
	return verdict;
}

enum jetstream_verdict
jetstream_seal(struct jetstream *s, struct jetstream_file *f, struct error *err)
{
	enum jetstream_verdict verdict = jetstream_append(s, f, "", 0, err);

	f->sealed = verdict == JETSTREAM_DONE;
	return verdict;
}

/* Takes the messages of a sealed file up to its seal. */
static enum jetstream_verdict
take_pieces(struct jetstream *s, natsSubscription *sub,
    const struct jetstream_file *f, jetstream_take *take, void *context,
    struct error *err)
{
	uint64_t bytes = 0, told = 0;

	for (;;) {
		natsMsg *msg = NULL;
		natsStatus status =
		    natsSubscription_NextMsg(&msg, sub, jetstream_wait_ms(s));
		size_t len;
		int rc;

		if (status != NATS_OK)
			return jetstream_failed(
			    s, "read a file", status, 0, err);
		len = (size_t)natsMsg_GetDataLength(msg);
		bytes += len;
		rc = read_bytes(msg, &told, err);
		if (rc == 0 && told != bytes)
			rc = error_set(err,
			    "the file %s has a gap: %" PRIu64
			    " bytes of %" PRIu64,
			    f->name, bytes, told);
		if (rc == 0 && len > 0)
			rc = take(context, natsMsg_GetData(msg), len, err);
		natsMsg_Destroy(msg);
		if (rc < 0)
			return JETSTREAM_BROKEN;
		if (len == 0)
			return JETSTREAM_DONE;
	}
}

enum jetstream_verdict
jetstream_read(struct jetstream *s, const struct jetstream_file *f,
    jetstream_take *take, void *context, struct error *err)
{
	enum jetstream_verdict verdict = jetstream_open(s, err);
	natsSubscription *sub = NULL;
	char subject[JETSTREAM_SUBJECT_MAX];
	jsErrCode code = 0;
	jsSubOptions o;
	natsStatus status;

	if (verdict != JETSTREAM_DONE)
		return verdict;
	jetstream_subject(s, "f", f->name, subject);
	status = jsSubOptions_Init(&o);
	o.Stream = s->config->stream;
	o.Ordered = true;
	AND(js_SubscribeSync(&sub, s->context, subject, NULL, &o, &code));
	if (status != NATS_OK)
		return jetstream_failed(s, "read a file", status, code, err);
	verdict = take_pieces(s, sub, f, take, context, err);
	natsSubscription_Destroy(sub);
	return verdict;
}

/* Of the kind, "*" for all, down to the last so many messages. */
static enum jetstream_verdict
purge(struct jetstream *s, const char *kind, const char *name, uint64_t keep,
    struct error *err)
{
	enum jetstream_verdict verdict = jetstream_open(s, err);
	char subject[JETSTREAM_SUBJECT_MAX];
	jsErrCode code = 0;
	natsStatus status;
	jsOptions o;

	if (verdict != JETSTREAM_DONE)
		return verdict;
	jetstream_subject(s, kind, name, subject);
	status = jsOptions_Init(&o);
	o.Wait = jetstream_wait_ms(s);
	o.Stream.Purge.Subject = subject;
	o.Stream.Purge.Keep = keep;
	AND(js_PurgeStream(s->context, s->config->stream, &o, &code));
	if (status != NATS_OK)
		return jetstream_failed(s, "forget a file", status, code, err);
	return JETSTREAM_DONE;
}

enum jetstream_verdict
jetstream_forget(struct jetstream *s, const char *name, struct error *err)
{
	return purge(s, "*", name, 0, err);
}

enum jetstream_verdict
jetstream_leave_seal(struct jetstream *s, const char *name, struct error *err)
{
	enum jetstream_verdict verdict = purge(s, "f", name, 1, err);

	/* A kill here leaves a claim: it goes when the seal does. */
	return verdict == JETSTREAM_DONE ? jetstream_unclaim(s, name, err)
					 : verdict;
}

enum jetstream_verdict
jetstream_unclaim(struct jetstream *s, const char *name, struct error *err)
{
	return purge(s, "c", name, 0, err);
}

/* The name in the subject of a file or a claim; false if it is none. */
static bool
take_name(const char *subject, char out[SPOOL_NAME_MAX], bool *claim)
{
	const char *p = strchr(subject, '.');
	size_t len = 0;

	if (p == NULL ||
	    (strncmp(p, ".f.", 3) != 0 && strncmp(p, ".c.", 3) != 0))
		return false;
	*claim = p[1] == 'c';
	for (p += 3; *p != '\0' && len < SPOOL_NAME_MAX - 1; p++) {
		unsigned code;

		if (*p == '=') {
			out[len++] = '.';
		} else if (*p == '%') {
			if (sscanf(p + 1, "%2X", &code) != 1)
				return false;
			out[len++] = (char)code;
			p += 2;
		} else {
			out[len++] = *p;
		}
	}
	out[len] = '\0';
	/* Another one would be given a new name at each fetch, and doubled. */
	return *p == '\0' && spool_name_parse(out, NULL);
}

enum jetstream_verdict
jetstream_list(struct jetstream *s, jetstream_visit *visit, void *context,
    struct error *err)
{
	enum jetstream_verdict verdict = jetstream_open(s, err);
	char filter[JETSTREAM_SUBJECT_MAX], name[SPOOL_NAME_MAX];
	jsStreamInfo *info = NULL;
	jsErrCode code = 0;
	natsStatus status;
	jsOptions o;
	bool claim;

	if (verdict != JETSTREAM_DONE)
		return verdict;
	(void)snprintf(filter, sizeof(filter), "%s.>", s->config->stream);
	status = jsOptions_Init(&o);
	o.Wait = jetstream_wait_ms(s);
	o.Stream.Info.SubjectsFilter = filter;
	AND(js_GetStreamInfo(&info, s->context, s->config->stream, &o, &code));
	if (status != NATS_OK)
		return jetstream_failed(s, "list the files", status, code, err);
	for (int i = 0;
	     info->State.Subjects != NULL && i < info->State.Subjects->Count;
	     i++) {
		const jsStreamStateSubject *of = &info->State.Subjects->List[i];

		if (take_name(of->Subject, name, &claim))
			visit(context, name, claim ? 0 : of->Msgs);
	}
	jsStreamInfo_Destroy(info);
	return JETSTREAM_DONE;
}

/*
 * Claims
 */

enum jetstream_verdict
jetstream_look_claim(struct jetstream *s, const char *name,
    struct jetstream_claim *c, struct error *err)
{
	char subject[JETSTREAM_SUBJECT_MAX];
	enum jetstream_verdict verdict;
	natsMsg *msg;

	jetstream_subject(s, "c", name, subject);
	verdict = get_last(s, subject, &msg, err);
	if (verdict != JETSTREAM_DONE)
		return verdict;
	memset(c, 0, sizeof(*c));
	if (msg == NULL)
		return JETSTREAM_DONE;
	c->sequence = natsMsg_GetSequence(msg);
	(void)snprintf(c->id, sizeof(c->id), "%.*s", natsMsg_GetDataLength(msg),
	    natsMsg_GetData(msg));
	natsMsg_Destroy(msg);
	return JETSTREAM_DONE;
}

enum jetstream_verdict
jetstream_claim(struct jetstream *s, const char *name,
    struct jetstream_claim *c, const char *id, struct error *err)
{
	enum jetstream_verdict verdict = jetstream_open(s, err);
	char subject[JETSTREAM_SUBJECT_MAX];
	natsMsg *msg = NULL;
	natsStatus status;

	if (verdict != JETSTREAM_DONE)
		return verdict;
	jetstream_subject(s, "c", name, subject);
	status = natsMsg_Create(&msg, subject, NULL, id, (int)strlen(id));
	if (status != NATS_OK)
		return jetstream_failed(s, "make a message", status, 0, err);
	verdict = publish(s, msg, &c->sequence, err);
	natsMsg_Destroy(msg);
	if (verdict == JETSTREAM_DONE)
		(void)snprintf(c->id, sizeof(c->id), "%s", id);
	return verdict;
}

enum jetstream_verdict
jetstream_is_alive(
    struct jetstream *s, const char *id, bool *alive, struct error *err)
{
	enum jetstream_verdict verdict = jetstream_open(s, err);
	char subject[JETSTREAM_SUBJECT_MAX];
	natsMsg *reply = NULL;
	natsStatus status;

	if (verdict != JETSTREAM_DONE)
		return verdict;
	jetstream_subject(s, "alive", id, subject);
	status = natsConnection_RequestString(
	    &reply, s->connection, subject, "", jetstream_wait_ms(s));
	natsMsg_Destroy(reply);
	*alive = status == NATS_OK;
	if (status == NATS_OK || status == NATS_NO_RESPONDERS ||
	    status == NATS_TIMEOUT)
		return JETSTREAM_DONE;
	return jetstream_failed(s, "ask for a fetcher", status, 0, err);
}
