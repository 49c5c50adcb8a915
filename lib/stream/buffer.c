// SPDX-License-Identifier: BSD-3-Clause
#include "stream/buffer.h"

#include <stdlib.h>
#include <string.h>

#define ROOM_LEAST 2048u // the answers of one turn, mostly
#define ROOM_MOST (UINT32_MAX / 2)
#define KEPT_MOST 512u

static void *memory_take(struct stream_memory *memory)
{
	void *bytes = memory->kept;

	if (!bytes)
		return malloc(ROOM_LEAST);
	memcpy(&memory->kept, bytes, sizeof(memory->kept));
	memory->kept_count--;
	return bytes;
}

static void memory_give_back(struct stream_memory *memory, void *bytes, size_t room)
{
	if (!bytes || room != ROOM_LEAST || memory->kept_count == KEPT_MOST) {
		free(bytes);
		return;
	}
	memcpy(bytes, &memory->kept, sizeof(memory->kept));
	memory->kept = bytes;
	memory->kept_count++;
}

void stream_memory_fini(struct stream_memory *memory)
{
	while (memory->kept)
		free(memory_take(memory));
}

static void buffer_move_to_front(struct stream_buffer *buffer)
{
	size_t length = stream_buffer_length(buffer);

	if (buffer->start && length)
		memmove(buffer->bytes, buffer->bytes + buffer->start, length);
	buffer->start = 0;
	buffer->end = (uint32_t)length;
}

int stream_buffer_reserve(struct stream_memory *memory, struct stream_buffer *buffer, size_t length)
{
	size_t need = stream_buffer_length(buffer) + length;
	size_t room = buffer->room ? buffer->room : ROOM_LEAST;
	uint8_t *bytes;

	if (length <= buffer->room - buffer->end)
		return 0;
	if (need > ROOM_MOST)
		return -ENOBUFS;
	while (room < need)
		room *= 2;
	if (room > buffer->room) {
		if (memory->bytes + (room - buffer->room) > memory->bytes_most)
			return -ENOBUFS;
		bytes = room == ROOM_LEAST ? memory_take(memory) : realloc(buffer->bytes, room);
		if (!bytes)
			return -ENOBUFS;
		memory->bytes += room - buffer->room;
		buffer->bytes = bytes;
		buffer->room = (uint32_t)room;
	}
	buffer_move_to_front(buffer);
	return 0;
}

int stream_buffer_append(struct stream_memory *memory, struct stream_buffer *buffer,
	const void *bytes, size_t length)
{
	int error = stream_buffer_reserve(memory, buffer, length);

	if (error)
		return error;
	memcpy(buffer->bytes + buffer->end, bytes, length);
	buffer->end += (uint32_t)length;
	return 0;
}

void stream_buffer_release(struct stream_memory *memory, struct stream_buffer *buffer)
{
	memory->bytes -= buffer->room;
	memory_give_back(memory, buffer->bytes, buffer->room);
	*buffer = (struct stream_buffer){0};
}
