// SPDX-License-Identifier: BSD-3-Clause
// Bytes of a connection that are under way: there only while there are any, and limited in all.
#pragma once

#include <errno.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

// What all buffers of one owner hold together. Written by one lcore alone. Some buffers of the smallest
// size are kept for the next turn, which needs about as many.
struct stream_memory {
	size_t bytes;
	size_t bytes_most;
	void *kept; // each begins with a pointer to the next
	uint32_t kept_count;
};

struct stream_buffer {
	uint8_t *bytes; // NULL: empty
	uint32_t start; // of what was not taken yet
	uint32_t end;
	uint32_t room;
};

static inline size_t stream_buffer_length(const struct stream_buffer *buffer)
{
	return buffer->end - buffer->start;
}

static inline uint8_t *stream_buffer_at(const struct stream_buffer *buffer)
{
	return buffer->bytes + buffer->start;
}

// Frees what is kept.
void stream_memory_fini(struct stream_memory *memory);

// Room for `length` more bytes behind the end; moves what is there. -ENOBUFS: above the limit of all,
// or none to be had; the buffer is as it was.
base_must_check int stream_buffer_reserve(
	struct stream_memory *memory, struct stream_buffer *buffer, size_t length);

// Adds a copy. 0 or -ENOBUFS.
base_must_check int stream_buffer_append(struct stream_memory *memory, struct stream_buffer *buffer,
	const void *bytes, size_t length);

// Gives the memory back, with whatever is in it.
void stream_buffer_release(struct stream_memory *memory, struct stream_buffer *buffer);

// Takes `length` bytes away from the start; an empty buffer gives its memory back.
static inline void stream_buffer_take(
	struct stream_memory *memory, struct stream_buffer *buffer, size_t length)
{
	buffer->start += (uint32_t)length;
	if (buffer->start == buffer->end)
		stream_buffer_release(memory, buffer);
}
