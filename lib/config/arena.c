// SPDX-License-Identifier: BSD-3-Clause
#include "config/arena.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_CHUNK_BYTES 16384
#define ARENA_ALIGNMENT _Alignof(max_align_t)

struct config_arena_chunk {
	struct config_arena_chunk *next;
	size_t used;
	size_t room;
	_Alignas(max_align_t) uint8_t bytes[];
};

static struct config_arena_chunk *arena_add_chunk(struct config_arena *arena, size_t size)
{
	size_t room = size > ARENA_CHUNK_BYTES ? size : ARENA_CHUNK_BYTES;
	struct config_arena_chunk *chunk = calloc(1, sizeof(*chunk) + room);

	if (!chunk)
		return NULL;
	chunk->room = room;
	chunk->next = arena->chunks;
	arena->chunks = chunk;
	return chunk;
}

void *config_arena_allocate(struct config_arena *arena, size_t size)
{
	struct config_arena_chunk *chunk = arena->chunks;
	void *bytes;

	if (size > SIZE_MAX / 2) {
		errno = ENOMEM;
		return NULL;
	}
	size = (size + ARENA_ALIGNMENT - 1) / ARENA_ALIGNMENT * ARENA_ALIGNMENT;
	if (!chunk || chunk->room - chunk->used < size)
		chunk = arena_add_chunk(arena, size);
	if (!chunk)
		return NULL;
	bytes = chunk->bytes + chunk->used;
	chunk->used += size;
	return bytes;
}

char *config_arena_copy_text(struct config_arena *arena, const char *text, size_t length)
{
	char *copy = config_arena_allocate(arena, length + 1);

	if (copy)
		memcpy(copy, text, length);
	return copy;
}

void *config_arena_grow(struct config_arena *arena, void *array, size_t count, size_t size)
{
	void *larger;

	// The room is the power of two at or above the count.
	if (count & (count - 1))
		return array;
	if (count > SIZE_MAX / 4 / size) {
		errno = ENOMEM;
		return NULL;
	}
	larger = config_arena_allocate(arena, (count ? count * 2 : 1) * size);
	if (larger && count)
		memcpy(larger, array, count * size);
	return larger;
}

void config_arena_free(struct config_arena *arena)
{
	while (arena->chunks) {
		struct config_arena_chunk *chunk = arena->chunks;

		arena->chunks = chunk->next;
		free(chunk);
	}
}
