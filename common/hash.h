/*
 * hash.h - FNV-1a, to tell names apart where nobody gains by two that collide,
 * and what is whole from what is not.
 */
#ifndef COMMON_HASH_H
#define COMMON_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t
hash_bytes(const void *bytes, size_t len)
{
	const unsigned char *p = bytes;
	uint64_t hash = 0xcbf29ce484222325;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ p[i]) * 0x100000001b3;
	return hash;
}

static inline uint64_t
hash_name(const char *name)
{
	return hash_bytes(name, strlen(name));
}

#endif
