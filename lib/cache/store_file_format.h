// SPDX-License-Identifier: BSD-3-Clause
// The file that store_file.h writes and reads; for this module's store*.c files alone. Numbers are in
// network byte order, lengths multiples of 8.
//
//   header   magic (8), version (4), value version (4), wall time in seconds (8), checksum (8)
//   block    length of its records (4), how many (4), checksum (8), the records
//   record   key length (2), value length (2), kind (1), zeros (3), age (4), seconds left fresh (4)
//            and left stale (4), opaque (4), key, value, zeros up to a multiple of 8
//   last     a block of no record and 8 bytes: how many records the file has
//
// A checksum is XXH3 of what stands before it in its header, and of the records; its seed is made of
// the file's header and the block's number, so that no block fits in another place.
#pragma once

#include "base/bytes.h"
#include "cache/store_file.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#define CACHE_FILE_MAGIC UINT64_C(0x6d696c6c72616365) // "millrace"
#define CACHE_FILE_VERSION 1
#define CACHE_FILE_HEADER_BYTES 32
#define CACHE_FILE_BLOCK_HEADER_BYTES 16
#define CACHE_FILE_RECORD_HEADER_BYTES 24
#define CACHE_FILE_RECORD_BYTES_MOST                                                               \
	(CACHE_FILE_RECORD_HEADER_BYTES + CACHE_KEY_BYTES + CACHE_VALUE_BYTES_MOST + 1)
#define CACHE_FILE_BLOCK_BYTES (128u << 10) // of records, before one that does not fit any more
#define CACHE_FILE_BLOCK_BYTES_MOST (CACHE_FILE_BLOCK_BYTES + CACHE_FILE_RECORD_BYTES_MOST)
// Room for a block with its header.
#define CACHE_FILE_BUFFER_BYTES (CACHE_FILE_BLOCK_HEADER_BYTES + CACHE_FILE_BLOCK_BYTES_MOST)

static inline uint64_t cache_file_header_checksum(const uint8_t *header)
{
	return XXH3_64bits(header, CACHE_FILE_HEADER_BYTES - 8);
}

// `block` is the header and `length` bytes of records behind it.
static inline uint64_t cache_file_block_checksum(
	const uint8_t *block, uint32_t length, uint64_t header_checksum, uint64_t number)
{
	uint64_t seed = XXH3_64bits_withSeed(
		block, CACHE_FILE_BLOCK_HEADER_BYTES - 8, header_checksum ^ number);

	return XXH3_64bits_withSeed(block + CACHE_FILE_BLOCK_HEADER_BYTES, length, seed);
}

static inline uint64_t cache_file_load_u64(const uint8_t *bytes)
{
	return (uint64_t)bytes_load_u32(bytes) << 32 | bytes_load_u32(bytes + 4);
}

static inline void cache_file_store_u64(uint8_t *bytes, uint64_t value)
{
	bytes_store_u32(bytes, (uint32_t)(value >> 32));
	bytes_store_u32(bytes + 4, (uint32_t)value);
}

static inline uint32_t cache_file_record_bytes(uint32_t key_length, uint32_t value_length)
{
	return CACHE_FILE_RECORD_HEADER_BYTES + key_length + ((value_length + 7) & ~7u);
}
