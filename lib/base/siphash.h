// SPDX-License-Identifier: BSD-3-Clause
// SipHash-1-3: a hash of 64 bits under a secret of 16 bytes, for tables that strangers choose the
// keys of. Without the secret nobody can make keys that meet in a bucket, and what a table's
// timing gives away says nothing about the secret. Numbers are little-endian, as it defines them.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define SIPHASH_SECRET_BYTES 16

struct siphash {
	uint64_t v0, v1, v2, v3;
};

static inline uint64_t siphash_load(const uint8_t *bytes)
{
	uint64_t word;

	memcpy(&word, bytes, sizeof(word));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	word = __builtin_bswap64(word);
#endif
	return word;
}

static inline uint64_t siphash_turn(uint64_t word, unsigned int bits)
{
	return word << bits | word >> (64 - bits);
}

static inline void siphash_round(struct siphash *hash)
{
	hash->v0 += hash->v1;
	hash->v1 = siphash_turn(hash->v1, 13) ^ hash->v0;
	hash->v0 = siphash_turn(hash->v0, 32);
	hash->v2 += hash->v3;
	hash->v3 = siphash_turn(hash->v3, 16) ^ hash->v2;
	hash->v0 += hash->v3;
	hash->v3 = siphash_turn(hash->v3, 21) ^ hash->v0;
	hash->v2 += hash->v1;
	hash->v1 = siphash_turn(hash->v1, 17) ^ hash->v2;
	hash->v2 = siphash_turn(hash->v2, 32);
}

static inline void siphash_take(struct siphash *hash, uint64_t word)
{
	hash->v3 ^= word;
	siphash_round(hash);
	hash->v0 ^= word;
}

// `length` is a multiple of 8.
static inline uint64_t siphash_words(
	const uint8_t secret[SIPHASH_SECRET_BYTES], const uint8_t *bytes, size_t length)
{
	uint64_t key0 = siphash_load(secret);
	uint64_t key1 = siphash_load(secret + 8);
	struct siphash hash = {key0 ^ 0x736f6d6570736575, key1 ^ 0x646f72616e646f6d,
		key0 ^ 0x6c7967656e657261, key1 ^ 0x7465646279746573};

	for (size_t i = 0; i < length; i += 8)
		siphash_take(&hash, siphash_load(bytes + i));
	siphash_take(&hash, (uint64_t)length << 56);
	hash.v2 ^= 0xff;
	siphash_round(&hash);
	siphash_round(&hash);
	siphash_round(&hash);
	return hash.v0 ^ hash.v1 ^ hash.v2 ^ hash.v3;
}
