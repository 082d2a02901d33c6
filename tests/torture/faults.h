/*
 * faults.h - what the parts of the library of faults share. See faults.c.
 *
 *	struct rule *r = fault_hit("call", &subject);
 *
 *	OBEY(int, call, its, arguments);
 */
#ifndef TORTURE_FAULTS_H
#define TORTURE_FAULTS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Not for the program that the library is loaded into. */
#pragma GCC visibility push(hidden)

enum action {
	KILL_BEFORE = 1,
	KILL_AFTER,
	FAIL,       /* not done, and -1 with errno `arg` */
	FAIL_AFTER, /* done, but -1 all the same */
	SHORT,      /* half of it is written or read */
	SHORT_KILL, /* half of it is written, and then no more */
	DELAY_BEFORE,
	DELAY_AFTER, /* by `arg` ms */
	RESET,       /* the connection is shut, and ECONNRESET */
	SHIFT,       /* the wall clock is `arg` seconds back */
	LIE,         /* write, a statement: not done, but it succeeds */
};

struct rule {
	atomic_uint armed; /* set last */
	uint32_t action;
	uint32_t from, to; /* which of the matching calls, from 1 on */
	uint32_t arg;
	uint32_t chance;   /* per mille */
	atomic_uint fired; /* how often it was obeyed */
	atomic_uint seen;  /* matching calls since it was set */
	char tool[16];
	char call[24];
	char path[184];
};
_Static_assert(sizeof(struct rule) == 256, "as the driver packs it");

/* What a call is about. */
struct subject {
	int fd; /* or AT_FDCWD */
	const char *name;
	const void *data;
	size_t len;
};

/* The rule that this call has to obey, or NULL. Leaves errno alone. */
struct rule *fault_hit(const char *call, const struct subject *s);

/*
 * What a rule has done in place of the call, or after it. True: the call is not
 * to be made, or has failed for its caller though it was made; errno is set.
 */
bool fault_instead(const struct rule *r);
bool fault_afterwards(const struct rule *r);

bool fault_is_short(const struct rule *r);

/* The next library's function of that name; it must be there. */
void *fault_find(const char *name);

/* The same, looked up once. */
#define REAL(f) \
	__extension__({ \
		static __typeof__(&f) real_; \
		if (real_ == NULL) \
			real_ = (__typeof__(&f))fault_find(#f); \
		real_; \
	})

/* The body of a call that returns -1 where it fails. */
#define OBEY(type, call, ...) \
	do { \
		type rc_; \
		if (r == NULL) \
			return REAL(call)(__VA_ARGS__); \
		if (fault_instead(r)) \
			return -1; \
		rc_ = REAL(call)(__VA_ARGS__); \
		return fault_afterwards(r) ? -1 : rc_; \
	} while (0)

#pragma GCC visibility pop

#endif
