// SPDX-License-Identifier: BSD-3-Clause
#include "net/checksum.h"

#include "base/compiler.h"

#define CHECKSUM_STEP 32 // bytes of a turn of the main loop

// 32-bit words in 64-bit sums: carries gather in the upper halves and are folded once at the
// end (RFC 1071, section 2, parts B and C).
uint64_t net_checksum_add(uint64_t sum, const void *bytes, size_t length)
{
	const uint8_t *at = bytes;
	uint64_t other = 0;
	uint64_t last = 0;

	for (; length >= CHECKSUM_STEP; length -= CHECKSUM_STEP, at += CHECKSUM_STEP) {
		for (size_t i = 0; i < CHECKSUM_STEP; i += 8) {
			sum += net_checksum_word(at + i);
			other += net_checksum_word(at + i + 4);
		}
	}
	for (; length >= 8; length -= 8, at += 8) {
		sum += net_checksum_word(at);
		other += net_checksum_word(at + 4);
	}
	if (length & 4) {
		sum += net_checksum_word(at);
		at += 4;
	}
	if (length & 3) {
		memcpy(&last, at, length & 3);
		sum += last;
	}
	return sum + other;
}
