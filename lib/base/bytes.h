// SPDX-License-Identifier: BSD-3-Clause
// The one bounded reader and writer: whatever comes from a wire is read through it.
//
// Both carry an error flag instead of a result for every call: a read past the end gives zero
// (or NULL) and sets `failed`, and so does everything after it, so that a parser reads all it
// needs and asks once. Integers are in network byte order on the wire.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/compiler.h"

struct byte_reader {
	const uint8_t *start;
	const uint8_t *at;
	const uint8_t *end;
	bool failed;
};

struct byte_writer {
	uint8_t *start;
	uint8_t *at;
	uint8_t *end;
	bool failed;
};

static inline struct byte_reader byte_reader_make(const void *bytes, size_t length)
{
	const uint8_t *start = bytes;

	return (struct byte_reader){.start = start, .at = start, .end = start + length};
}

static inline size_t byte_reader_left(const struct byte_reader *reader)
{
	return (size_t)(reader->end - reader->at);
}

static inline size_t byte_reader_offset(const struct byte_reader *reader)
{
	return (size_t)(reader->at - reader->start);
}

// The next `length` bytes, or NULL with the reader failed and at its end.
static inline const uint8_t *byte_reader_take(struct byte_reader *reader, size_t length)
{
	const uint8_t *bytes = reader->at;

	if (base_unlikely(byte_reader_left(reader) < length)) {
		reader->failed = true;
		reader->at = reader->end;
		return NULL;
	}
	reader->at += length;
	return bytes;
}

// memcpy() of some tens of bytes that do not overlap, without the start of a string instruction.
static inline void bytes_copy_short(uint8_t *to, const uint8_t *from, size_t length)
{
	size_t at = 0;

	if (base_unlikely(length < 16)) {
		for (; at < length; at++)
			to[at] = from[at];
		return;
	}
	for (; at + 16 <= length; at += 16)
		memcpy(to + at, from + at, 16);
	// The last piece overlaps the one before it.
	memcpy(to + length - 16, from + length - 16, 16);
}

static inline uint16_t bytes_load_u16(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static inline uint32_t bytes_load_u32(const uint8_t *bytes)
{
	return (uint32_t)bytes_load_u16(bytes) << 16 | bytes_load_u16(bytes + 2);
}

static inline void bytes_store_u16(uint8_t *bytes, uint16_t value)
{
	bytes[0] = (uint8_t)(value >> 8);
	bytes[1] = (uint8_t)value;
}

static inline void bytes_store_u32(uint8_t *bytes, uint32_t value)
{
	bytes_store_u16(bytes, (uint16_t)(value >> 16));
	bytes_store_u16(bytes + 2, (uint16_t)value);
}

static inline uint8_t byte_reader_take_u8(struct byte_reader *reader)
{
	const uint8_t *bytes = byte_reader_take(reader, 1);

	return bytes ? bytes[0] : 0;
}

static inline uint16_t byte_reader_take_u16(struct byte_reader *reader)
{
	const uint8_t *bytes = byte_reader_take(reader, 2);

	return bytes ? bytes_load_u16(bytes) : 0;
}

static inline uint32_t byte_reader_take_u32(struct byte_reader *reader)
{
	const uint8_t *bytes = byte_reader_take(reader, 4);

	return bytes ? bytes_load_u32(bytes) : 0;
}

// Moves to `offset` bytes from the start; past the end, the reader fails.
void byte_reader_seek(struct byte_reader *reader, size_t offset);

static inline struct byte_writer byte_writer_make(void *bytes, size_t room)
{
	uint8_t *start = bytes;

	return (struct byte_writer){.start = start, .at = start, .end = start + room};
}

static inline size_t byte_writer_length(const struct byte_writer *writer)
{
	return (size_t)(writer->at - writer->start);
}

// Room for `length` bytes to fill in, or NULL with the writer failed.
static inline uint8_t *byte_writer_reserve(struct byte_writer *writer, size_t length)
{
	uint8_t *bytes = writer->at;

	if (base_unlikely(writer->failed || (size_t)(writer->end - writer->at) < length)) {
		writer->failed = true;
		return NULL;
	}
	writer->at += length;
	return bytes;
}

void byte_writer_put(struct byte_writer *writer, const void *bytes, size_t length);
void byte_writer_put_u8(struct byte_writer *writer, uint8_t value);
void byte_writer_put_u16(struct byte_writer *writer, uint16_t value);
void byte_writer_put_u32(struct byte_writer *writer, uint32_t value);
