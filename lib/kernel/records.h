// SPDX-License-Identifier: BSD-3-Clause
// A growing array of records of one size, found by a hash of their key. Adding and removing
// cost the same however many there are. Inside lib/kernel only.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

// The first member of every record.
struct kernel_record {
	uint32_t hash;
	uint32_t next; // in the chain of records, or of free ones
	uint32_t is_used;
};

struct kernel_records {
	size_t record_bytes;
	uint8_t *memory;
	uint32_t *buckets; // `capacity` of them, each the first record of a chain
	uint32_t capacity; // a power of two, or 0
	uint32_t touched; // records from here on have never been used
	uint32_t free; // the first free record below `touched`
};

void kernel_records_init(struct kernel_records *records, size_t record_bytes);
void kernel_records_fini(struct kernel_records *records);

// A zeroed record, or NULL without memory. Moves all other records.
void *kernel_records_add(struct kernel_records *records, uint32_t hash);
// Moves no other record.
void kernel_records_remove(struct kernel_records *records, void *record);

// The records of this hash, in no order.
void *kernel_records_first(const struct kernel_records *records, uint32_t hash);
void *kernel_records_next(const struct kernel_records *records, const void *record);

// All records: `for (i = 0; i < records->touched; i++)`; NULL for a free one.
void *kernel_records_at(const struct kernel_records *records, uint32_t number);

// Mixes bytes into a hash; `hash` is that of the bytes before, or 0.
uint32_t kernel_hash(uint32_t hash, const void *bytes, size_t length);
