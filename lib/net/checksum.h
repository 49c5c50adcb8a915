// SPDX-License-Identifier: BSD-3-Clause
// The Internet checksum (RFC 1071). Sums are of 16-bit words as they stand in memory, so that no
// byte is swapped: a folded sum is copied into a header, never converted. A sum starts at 0 and
// may run over any number of pieces up to 2^32 words of 32 bits. Any lcore, no state.
#pragma once

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define NET_CHECKSUM_GOOD 0xffff // the folded sum of what includes its own checksum

// Adds `length` bytes of any alignment. After an odd length, which counts as padded with a zero,
// nothing more may be added.
uint64_t net_checksum_add(uint64_t sum, const void *bytes, size_t length);

static inline uint32_t net_checksum_word(const uint8_t *bytes)
{
	uint32_t word;

	memcpy(&word, bytes, sizeof(word));
	return word;
}

// A sum and itself with its halves exchanged: the carry out of the lower half is the one that
// comes round, and so the upper half of the result is the one's complement sum of both.
static inline uint16_t net_checksum_fold(uint64_t sum)
{
	uint32_t half;

	sum += sum << 32 | sum >> 32;
	half = (uint32_t)(sum >> 32);
	half += half << 16 | half >> 16;
	return (uint16_t)(half >> 16);
}

// The folded sum of bytes that begin at `offset` of what is summed: from an odd one on, they count
// in the other halves of their words (RFC 1071, section 2, part B).
static inline uint16_t net_checksum_at(uint16_t folded, size_t offset)
{
	return offset % 2 ? __builtin_bswap16(folded) : folded;
}

// An IPv4 header without its options.
static inline uint64_t net_checksum_ipv4_header(const uint8_t header[20])
{
	return (uint64_t)net_checksum_word(header) + net_checksum_word(header + 4) +
	       net_checksum_word(header + 8) + net_checksum_word(header + 12) +
	       net_checksum_word(header + 16);
}

// The pseudo headers of RFC 768 and RFC 8200, section 8.1; `length` is of the upper layer.
static inline uint64_t net_checksum_ipv4_pseudo(
	const uint8_t source[4], const uint8_t destination[4], uint8_t protocol, uint16_t length)
{
	return (uint64_t)net_checksum_word(source) + net_checksum_word(destination) +
	       htobe32((uint32_t)protocol << 16 | length);
}

static inline uint64_t net_checksum_ipv6_pseudo(
	const uint8_t source[16], const uint8_t destination[16], uint8_t protocol, uint16_t length)
{
	uint64_t sum = htobe32((uint32_t)protocol << 16 | length);

	for (int i = 0; i < 16; i += 4)
		sum += (uint64_t)net_checksum_word(source + i) + net_checksum_word(destination + i);
	return sum;
}
