// SPDX-License-Identifier: BSD-3-Clause
// Numbers of connections that something is to be done for this turn. Whether one stands in the list is
// a flag of the connection, so that each is there once.
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/table_memory.h"

struct stream_slots {
	uint32_t *slots;
	uint32_t count;
};

// For `count` connections. 0 or -ENOMEM.
static inline base_must_check int stream_slots_init(struct stream_slots *list, uint32_t count)
{
	// Those worked off stay in front until all are, while they may be added anew.
	list->slots = table_memory_allocate(2 * (size_t)count * sizeof(*list->slots));
	list->count = 0;
	return list->slots ? 0 : -ENOMEM;
}

static inline void stream_slots_fini(struct stream_slots *list)
{
	free(list->slots);
	list->slots = NULL;
}

static inline void stream_slots_add(struct stream_slots *list, uint32_t slot, bool *is_there)
{
	if (*is_there)
		return;
	*is_there = true;
	list->slots[list->count++] = slot;
}

// Takes the first `count` out; what was added behind them waits for the next turn.
static inline void stream_slots_take(struct stream_slots *list, uint32_t count)
{
	list->count -= count;
	memmove(list->slots, list->slots + count, list->count * sizeof(*list->slots));
}
