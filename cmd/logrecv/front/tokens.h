/*
 * tokens.h - --token-file: who may send, and how much, and which ways.
 *
 *   # NAME:TOKEN, or what `printf %s TOKEN | sha256sum` says, and what is
 *   # allowed, if that is not everything
 *   web:RUEe9kFfsuTz
 *   shop:sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
 *   mobile:Jq3tW0nDz requests=10 events=1000 bytes=1MB ways=log
 *
 * A name may be there again, for a second token: what is allowed stands on its
 * first line.
 *
 * A token comes as one of these (RFC 9110, section 11.4):
 *
 *   Authorization: Bearer TOKEN          (RFC 6750)
 *   Authorization: Splunk TOKEN
 *   Authorization: Basic BASE64          of ANYTHING:TOKEN (RFC 7617)
 *   Authorization: ApiKey BASE64         likewise, or
 *   Authorization: ApiKey TOKEN
 *
 * What is compared are digests, each with all that are known, and by a number
 * of steps that depends on nothing else.
 */
#ifndef LOGRECV_TOKENS_H
#define LOGRECV_TOKENS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "../http.h"
#include "error.h"
#include "senders.h"

struct evp_md_st;
struct token_list;
struct way;

#define TOKENS_MAX SENDERS_OWN
#define TOKEN_MAX 1024 /* bytes */

/* Starts as all zeros. */
struct tokens {
	const char *path; /* --token-file; NULL: none; not owned, as the */
	const struct way *ways; /* table, and */
	struct senders *senders;
	bool plain;   /* some stand there as they are */
	bool exposed; /* others may read those, or write new ones */
	struct evp_md_st *sha256;
	pthread_rwlock_t lock;
	struct token_list *list; /* under the lock */
};

/*
 * Reads the file anew: at first, and when it may have changed. What is wrong
 * leaves all as it was. 0, or -1 with an error that has the number of the line.
 */
int tokens_load(struct tokens *, struct error *);
void tokens_release(struct tokens *);

/* Likewise, of a text instead of the file; it is overwritten. */
int tokens_parse(struct tokens *, char *text, size_t len, struct error *);

/*
 * Whose token is in this value of the field Authorization? NULL: nobody's. Any
 * thread.
 */
struct sender *tokens_find(struct tokens *, struct http_text value);

#endif
