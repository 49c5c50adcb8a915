// SPDX-License-Identifier: BSD-3-Clause
// RSS as a NIC does it: the Toeplitz hash of addresses and ports, and a table of 128 entries that
// the queues fill in turn. The hash is linear in its input's bits, so it is the XOR of what each
// byte gives alone, looked up in tables.
#pragma once

#include <stdint.h>
#include <string.h>

#include "options.h"

#define TOEPLITZ_INPUT_BYTES 12 // source, destination, source port, destination port of IPv4
#define TOEPLITZ_TABLE 128

struct toeplitz {
	uint32_t bytes[TOEPLITZ_INPUT_BYTES][256];
};

void toeplitz_init(struct toeplitz *toeplitz, const uint8_t key[OPTION_RSS_KEY_BYTES]);

// Of addresses and ports, in the order and the bytes of the frame.
static inline uint32_t toeplitz_hash(
	const struct toeplitz *toeplitz, const uint8_t input[TOEPLITZ_INPUT_BYTES])
{
	uint32_t hash = 0;

	for (int i = 0; i < TOEPLITZ_INPUT_BYTES; i++)
		hash ^= toeplitz->bytes[i][input[i]];
	return hash;
}

// The queue of a frame with an IPv4 header without options, and a UDP header.
static inline uint16_t toeplitz_queue(
	const struct toeplitz *toeplitz, const uint8_t *frame, uint16_t queue_count)
{
	return (uint16_t)(toeplitz_hash(toeplitz, frame + 26) % TOEPLITZ_TABLE % queue_count);
}
