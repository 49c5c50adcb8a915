// SPDX-License-Identifier: BSD-3-Clause
// Where a number stands in a struct, so that tables can name numbers that one function reads.
#pragma once

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "base/atomic.h"

// Of 1, 2, 4 or 8 bytes, which another lcore may write meanwhile.
struct number_field {
	size_t offset;
	size_t size;
};

#define NUMBER_FIELD(type, field)                                                                  \
	{                                                                                          \
		offsetof(type, field), sizeof(((type *)0)->field)                                  \
	}

static inline uint64_t number_field_read(const struct number_field *field, const void *numbers)
{
	const uint8_t *place = (const uint8_t *)numbers + field->offset;

	switch (field->size) {
	case sizeof(uint8_t):
		return base_load(place);
	case sizeof(uint16_t):
		return base_load((const uint16_t *)(const void *)place);
	case sizeof(uint32_t):
		return base_load((const uint32_t *)(const void *)place);
	default:
		assert(field->size == sizeof(uint64_t));
		return base_load((const uint64_t *)(const void *)place);
	}
}
