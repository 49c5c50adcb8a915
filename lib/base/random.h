// SPDX-License-Identifier: BSD-3-Clause
// A stream of cryptographically strong random numbers, one an lcore: AES-256 in counter mode,
// its key replaced from its own output at every refill, so that what was given out can not be
// worked out from the state later (fast key erasure). The same seed gives the same stream.
#pragma once

#include <stdint.h>

#include "base/compiler.h"

#define RANDOM_SEED_BYTES 32

struct random_stream;

// A stream from a seed (tests) or from the kernel (seed NULL). NULL with errno: ENOMEM, or EIO
// when the kernel or the cipher gives nothing. One lcore at a time may draw from it.
struct random_stream *random_stream_create(const uint8_t seed[RANDOM_SEED_BYTES]);
void random_stream_destroy(struct random_stream *stream);

uint32_t random_stream_u32(struct random_stream *stream);
uint64_t random_stream_u64(struct random_stream *stream);

// Evenly in [0, limit), with a bias below limit / 2^32; 0 for a limit of 0. Divides nothing.
static inline uint32_t random_stream_below(struct random_stream *stream, uint32_t limit)
{
	return (uint32_t)((uint64_t)random_stream_u32(stream) * limit >> 32);
}
