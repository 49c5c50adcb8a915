// SPDX-License-Identifier: BSD-3-Clause
#include "kernel/records.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define NO_RECORD UINT32_MAX
#define SMALLEST_CAPACITY 16u
#define LARGEST_CAPACITY (1u << 30)

static struct kernel_record *record_at(const struct kernel_records *records, uint32_t number)
{
	return (struct kernel_record *)(void *)(records->memory +
						(size_t)number * records->record_bytes);
}

static uint32_t number_of(const struct kernel_records *records, const void *record)
{
	return (uint32_t)((size_t)((const uint8_t *)record - records->memory) /
			  records->record_bytes);
}

void kernel_records_init(struct kernel_records *records, size_t record_bytes)
{
	*records = (struct kernel_records){.record_bytes = record_bytes, .free = NO_RECORD};
}

void kernel_records_fini(struct kernel_records *records)
{
	free(records->memory);
	free(records->buckets);
	kernel_records_init(records, records->record_bytes);
}

static void link_record(struct kernel_records *records, uint32_t number)
{
	struct kernel_record *record = record_at(records, number);
	uint32_t *bucket = &records->buckets[record->hash & (records->capacity - 1)];

	record->next = *bucket;
	*bucket = number;
}

// Doubles the room. Only called with every record in use.
static bool grow(struct kernel_records *records)
{
	uint32_t capacity = records->capacity ? records->capacity * 2 : SMALLEST_CAPACITY;
	uint32_t *buckets;
	uint8_t *memory;

	if (capacity > LARGEST_CAPACITY)
		return false;
	buckets = malloc(capacity * sizeof(*buckets));
	memory = realloc(records->memory, capacity * records->record_bytes);
	if (memory)
		records->memory = memory;
	if (!memory || !buckets) {
		free(buckets);
		return false;
	}
	free(records->buckets);
	records->buckets = buckets;
	records->capacity = capacity;
	memset(buckets, 0xff, capacity * sizeof(*buckets)); // NO_RECORD
	for (uint32_t i = 0; i < records->touched; i++)
		link_record(records, i);
	return true;
}

void *kernel_records_add(struct kernel_records *records, uint32_t hash)
{
	uint32_t number = records->free;
	struct kernel_record *record;

	if (number == NO_RECORD) {
		if (records->touched == records->capacity && !grow(records))
			return NULL;
		number = records->touched++;
	} else {
		records->free = record_at(records, number)->next;
	}
	record = record_at(records, number);
	memset(record, 0, records->record_bytes);
	record->hash = hash;
	record->is_used = 1;
	link_record(records, number);
	return record;
}

void kernel_records_remove(struct kernel_records *records, void *gone)
{
	struct kernel_record *record = gone;
	uint32_t number = number_of(records, record);
	uint32_t *link = &records->buckets[record->hash & (records->capacity - 1)];

	while (*link != number)
		link = &record_at(records, *link)->next;
	*link = record->next;
	record->is_used = 0;
	record->next = records->free;
	records->free = number;
}

static void *find_in_chain(const struct kernel_records *records, uint32_t number, uint32_t hash)
{
	while (number != NO_RECORD && record_at(records, number)->hash != hash)
		number = record_at(records, number)->next;
	return number != NO_RECORD ? record_at(records, number) : NULL;
}

void *kernel_records_first(const struct kernel_records *records, uint32_t hash)
{
	if (!records->capacity)
		return NULL;
	return find_in_chain(records, records->buckets[hash & (records->capacity - 1)], hash);
}

void *kernel_records_next(const struct kernel_records *records, const void *record)
{
	const struct kernel_record *header = record;

	return find_in_chain(records, header->next, header->hash);
}

void *kernel_records_at(const struct kernel_records *records, uint32_t number)
{
	struct kernel_record *record = record_at(records, number);

	return record->is_used ? record : NULL;
}

// FNV-1a over the bytes, then a finalizer, since the low bits choose the bucket.
uint32_t kernel_hash(uint32_t hash, const void *bytes, size_t length)
{
	const uint8_t *byte = bytes;

	hash ^= 2166136261u;
	for (size_t i = 0; i < length; i++)
		hash = (hash ^ byte[i]) * 16777619u;
	hash ^= hash >> 16;
	hash *= 0x85ebca6bu;
	hash ^= hash >> 13;
	return hash;
}
