// SPDX-License-Identifier: BSD-3-Clause
// Memory that is given back all at once: a configuration has one, and so has each reading of one.
// Management lcore only.
#pragma once

#include <stddef.h>

struct config_arena_chunk;

struct config_arena {
	struct config_arena_chunk *chunks; // newest first; all zero is an empty arena
};

// `size` zeroed bytes, aligned for any type, or NULL with errno ENOMEM.
void *config_arena_allocate(struct config_arena *arena, size_t size);

// A copy of `length` bytes of text with a zero behind it, or NULL with errno ENOMEM.
char *config_arena_copy_text(struct config_arena *arena, const char *text, size_t length);

// The array, or a larger copy of it, with room for one element behind its `count`; start with
// NULL and 0. NULL with errno ENOMEM, and the old array is as it was.
void *config_arena_grow(struct config_arena *arena, void *array, size_t count, size_t size);

void config_arena_free(struct config_arena *arena);
