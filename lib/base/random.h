// SPDX-License-Identifier: BSD-3-Clause
// A stream of cryptographically strong random numbers, one an lcore: AES-256 in counter mode,
// its key replaced from its own output at every refill, so that what was given out can not be
// worked out from the state later (fast key erasure). The same seed gives the same stream.
#pragma once

#include <stdint.h>
#include <string.h>

#include "base/compiler.h"

#define RANDOM_SEED_BYTES 32

#define RANDOM_BUFFER_BYTES 4096

struct random_stream {
	struct evp_cipher_ctx_st *cipher;
	size_t used; // bytes of the buffer given out or kept back as the next key
	uint8_t buffer[RANDOM_BUFFER_BYTES];
};

// A stream from a seed (tests) or from the kernel (seed NULL). NULL with errno: ENOMEM, or EIO
// when the kernel or the cipher gives nothing. One lcore at a time may draw from it.
struct random_stream *random_stream_create(const uint8_t seed[RANDOM_SEED_BYTES]);
void random_stream_destroy(struct random_stream *stream);

// The functions below call it when the buffer is used up.
void random_stream_refill(struct random_stream *stream);

// Where the next `length` bytes stand; who reads them wipes them.
static inline uint8_t *random_stream_take(struct random_stream *stream, size_t length)
{
	uint8_t *bytes;

	if (base_unlikely(stream->used + length > RANDOM_BUFFER_BYTES))
		random_stream_refill(stream);
	bytes = stream->buffer + stream->used;
	stream->used += length;
	return bytes;
}

static inline uint32_t random_stream_u32(struct random_stream *stream)
{
	uint32_t value;
	uint8_t *bytes = random_stream_take(stream, sizeof(value));

	memcpy(&value, bytes, sizeof(value));
	memset(bytes, 0, sizeof(value));
	return value;
}

static inline uint64_t random_stream_u64(struct random_stream *stream)
{
	uint64_t value;
	uint8_t *bytes = random_stream_take(stream, sizeof(value));

	memcpy(&value, bytes, sizeof(value));
	memset(bytes, 0, sizeof(value));
	return value;
}

// Evenly in [0, limit), with a bias below limit / 2^32; 0 for a limit of 0. Divides nothing.
static inline uint32_t random_stream_below(struct random_stream *stream, uint32_t limit)
{
	return (uint32_t)((uint64_t)random_stream_u32(stream) * limit >> 32);
}
