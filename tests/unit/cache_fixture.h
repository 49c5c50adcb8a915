// SPDX-License-Identifier: BSD-3-Clause
// A store with a clock of its own and numbered names, for one thread that plays every lcore.
#pragma once

#include "unit.h"

#include <stdlib.h>

#include "base/random.h"
#include "cache/store.h"

#define FIXTURE_NAME_BYTES 18 // "n" and ten digits, "test", the root
#define FIXTURE_TYPE 1

struct cache_fixture {
	struct cache_store *store;
	uint64_t now;
	uint16_t lcore_count;
};

static inline struct cache_store_options cache_fixture_options(uint64_t bytes, uint16_t lcores)
{
	struct cache_store_options options = {
		.bytes = bytes,
		.owner_count = lcores,
		.lcore_count = lcores,
	};

	// The hash asks for bytes that are all random.
	for (size_t i = 0; i < sizeof(options.secret); i++)
		options.secret[i] = (uint8_t)(i * 151 + i / 7 * 29 + 7);
	return options;
}

static inline void cache_fixture_open(
	struct cache_fixture *fixture, const struct cache_store_options *options)
{
	*fixture = (struct cache_fixture){
		.store = cache_store_create(options),
		.now = 1000 * CLOCK_SECOND,
		.lcore_count = options->lcore_count,
	};
	CU_ASSERT_PTR_NOT_NULL_FATAL(fixture->store);
}

static inline void cache_fixture_close(struct cache_fixture *fixture)
{
	cache_store_destroy(fixture->store);
}

static inline void cache_fixture_key(struct cache_key *key, uint32_t number)
{
	uint8_t name[FIXTURE_NAME_BYTES] = {11, 'n'};

	for (int i = 11; i > 1; i--) {
		name[i] = (uint8_t)('0' + number % 10);
		number /= 10;
	}
	name[12] = 4;
	memcpy(name + 13, "test", 5);
	cache_key_make(key, name, FIXTURE_NAME_BYTES, FIXTURE_TYPE, 1, 0);
}

// Every byte of a value tells which name and which version it belongs to.
static inline void cache_fixture_fill(
	uint8_t *value, uint32_t length, uint32_t number, uint32_t version)
{
	uint32_t mixed = (number * 2654435761u) ^ (version * 40503u);

	for (uint32_t i = 0; i < length; i++)
		value[i] = (uint8_t)((mixed >> (i % 4 * 8)) + i / 4);
}

static inline enum cache_insert_result cache_fixture_insert_key(struct cache_fixture *fixture,
	uint16_t lcore, const struct cache_key *key, enum cache_kind kind, const uint8_t *value,
	uint16_t length)
{
	uint32_t second = cache_seconds(fixture->now);
	const struct cache_record record = {
		.key = key,
		.hash = cache_store_hash(fixture->store, key),
		.kind = kind,
		.stored_at = second,
		.expires_at = second + 60,
		.stale_until = second + 120,
		.opaque = length,
		.value = value,
		.value_length = length,
	};

	return cache_store_insert(cache_store_lcore(fixture->store, lcore), &record, fixture->now);
}

static inline enum cache_insert_result cache_fixture_insert(struct cache_fixture *fixture,
	uint16_t lcore, uint32_t number, enum cache_kind kind, uint16_t length)
{
	static uint8_t value[CACHE_VALUE_BYTES_MOST];
	struct cache_key key;

	cache_fixture_fill(value, length, number, 0);
	cache_fixture_key(&key, number);
	return cache_fixture_insert_key(fixture, lcore, &key, kind, value, length);
}

static inline enum cache_state cache_fixture_lookup_key(struct cache_fixture *fixture,
	uint16_t lcore, const struct cache_key *key, struct cache_view *view)
{
	struct cache_lookup lookup = {
		.key = key,
		.hash = cache_store_hash(fixture->store, key),
	};

	cache_lookup_prefetch(cache_store_lcore(fixture->store, lcore), lookup.hash);
	cache_lookup_burst(cache_store_lcore(fixture->store, lcore), &lookup, 1, fixture->now);
	*view = lookup.view;
	return lookup.state;
}

static inline enum cache_state cache_fixture_lookup(
	struct cache_fixture *fixture, uint16_t lcore, uint32_t number, struct cache_view *view)
{
	struct cache_key key;

	cache_fixture_key(&key, number);
	return cache_fixture_lookup_key(fixture, lcore, &key, view);
}

static inline bool cache_fixture_has_value(
	const struct cache_view *view, uint32_t number, uint32_t version)
{
	static uint8_t wanted[CACHE_VALUE_BYTES_MOST];
	static uint8_t value[CACHE_VALUE_BYTES_MOST];

	cache_fixture_fill(wanted, view->value_length, number, version);
	return cache_view_copy(view, 0, value, view->value_length) &&
	       memcmp(value, wanted, view->value_length) == 0;
}

// Every owner's turn, with a grace period after it and before the next turn.
static inline void cache_fixture_poll(struct cache_fixture *fixture)
{
	for (int turn = 0; turn < 2; turn++) {
		for (uint16_t i = 0; i < fixture->lcore_count; i++)
			(void)cache_owner_poll(cache_store_lcore(fixture->store, i), UINT32_MAX,
				NULL, 0, fixture->now);
		(void)cache_store_tick(fixture->store);
	}
	for (uint16_t i = 0; i < fixture->lcore_count; i++)
		(void)cache_owner_poll(
			cache_store_lcore(fixture->store, i), UINT32_MAX, NULL, 0, fixture->now);
}

static inline uint64_t cache_fixture_count(
	const struct cache_fixture *fixture, enum cache_counter counter)
{
	uint64_t sum = cache_counters_read(
		cache_lcore_counters(cache_store_manager(fixture->store)), counter);

	for (uint16_t i = 0; i < fixture->lcore_count; i++)
		sum += cache_counters_read(
			cache_lcore_counters(cache_store_lcore(fixture->store, i)), counter);
	return sum;
}

// What is held is what was inserted less what was replaced and removed.
static inline bool cache_fixture_adds_up(const struct cache_fixture *fixture)
{
	struct cache_usage usage;
	uint64_t removed = cache_fixture_count(fixture, CACHE_COUNT_REPLACED);
	uint64_t inserted = cache_fixture_count(fixture, CACHE_COUNT_INSERTED_SUCCESS) +
			    cache_fixture_count(fixture, CACHE_COUNT_INSERTED_DENIAL) +
			    cache_fixture_count(fixture, CACHE_COUNT_INSERTED_SERVFAIL);

	for (int i = 0; i < CACHE_COUNTERS; i++) {
		if (cache_counter_group((enum cache_counter)i) == CACHE_GROUP_REMOVED)
			removed += cache_fixture_count(fixture, (enum cache_counter)i);
	}
	cache_store_usage(fixture->store, &usage);
	return usage.answers[0] + usage.answers[1] + usage.answers[2] == inserted - removed;
}
