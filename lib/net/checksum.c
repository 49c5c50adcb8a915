// SPDX-License-Identifier: BSD-3-Clause
#include "net/checksum.h"

#include "base/compiler.h"

#define CHECKSUM_STEP 32 // bytes of a turn of the main loop

static inline uint64_t load_u64(const uint8_t *bytes)
{
	uint64_t value;

	memcpy(&value, bytes, sizeof(value));
	return value;
}

static inline uint64_t add_with_carry_round(uint64_t a, uint64_t b)
{
	uint64_t sum;
	bool carry = __builtin_add_overflow(a, b, &sum);

	return sum + carry;
}

// The one's complement sum of 64-bit words folds to that of their 16-bit words (RFC 1071, section
// 2, part C). Two sums, so that one's carry is added while the other's word is loaded.
uint64_t net_checksum_add(uint64_t sum, const void *bytes, size_t length)
{
	const uint8_t *at = bytes;
	uint64_t other = 0;
	uint16_t pair;

	for (; length >= CHECKSUM_STEP; length -= CHECKSUM_STEP, at += CHECKSUM_STEP) {
		sum = add_with_carry_round(sum, load_u64(at));
		other = add_with_carry_round(other, load_u64(at + 8));
		sum = add_with_carry_round(sum, load_u64(at + 16));
		other = add_with_carry_round(other, load_u64(at + 24));
	}
	if (length & 16) {
		sum = add_with_carry_round(sum, load_u64(at));
		other = add_with_carry_round(other, load_u64(at + 8));
		at += 16;
	}
	if (length & 8) {
		sum = add_with_carry_round(sum, load_u64(at));
		at += 8;
	}
	sum = add_with_carry_round(sum, other);
	sum = (sum & 0xffffffff) + (sum >> 32);
	if (length & 4) {
		sum += net_checksum_word(at);
		at += 4;
	}
	if (length & 2) {
		memcpy(&pair, at, sizeof(pair));
		sum += pair;
		at += 2;
	}
	if (length & 1)
		sum += htole16(*at);
	return sum;
}
