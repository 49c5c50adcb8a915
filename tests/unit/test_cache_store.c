// SPDX-License-Identifier: BSD-3-Clause
// What goes into the store comes out of it, and each way in that is closed has its counter.
#include "cache_fixture.h"

#include <errno.h>

#define STORE_BYTES (2u << 20)

static void open_default(struct cache_fixture *fixture, uint16_t lcores)
{
	const struct cache_store_options options = cache_fixture_options(STORE_BYTES, lcores);

	cache_fixture_open(fixture, &options);
}

static void bad_options_are_refused(void)
{
	const struct cache_store_options good = cache_fixture_options(STORE_BYTES, 2);
	struct cache_store_options bad[6];

	for (int i = 0; i < 6; i++)
		bad[i] = good;
	bad[0].owner_count = 0;
	bad[1].owner_count = 3;
	bad[2].lcore_count = CACHE_LCORES_MOST + 1;
	bad[3].bytes = 0;
	bad[4].bytes = 64 << 10;
	bad[5].popularity_gap = 8192;
	for (int i = 0; i < 6; i++) {
		errno = 0;
		CU_ASSERT_PTR_NULL(cache_store_create(&bad[i]));
		CU_ASSERT_EQUAL(errno, EINVAL);
	}
	cache_store_destroy(NULL);
}

static void values_of_every_length_come_back(void)
{
	struct cache_store_options options = cache_fixture_options(64 << 20, 1);
	struct cache_fixture fixture;
	struct cache_view view;

	cache_fixture_open(&fixture, &options);
	for (uint32_t length = 0; length <= CACHE_VALUE_BYTES_MOST;
		length += length < 1200 ? 1 : 9419) {
		uint8_t part[40];
		uint32_t offset = length > 40 ? length - 40 : 0;
		uint32_t least = length < CACHE_VALUE_HERE_LEAST ? length : CACHE_VALUE_HERE_LEAST;

		CU_ASSERT_EQUAL(cache_fixture_insert(
					&fixture, 0, length, CACHE_KIND_SUCCESS, (uint16_t)length),
			CACHE_INSERTED);
		CU_ASSERT_EQUAL_FATAL(
			cache_fixture_lookup(&fixture, 0, length, &view), CACHE_FRESH);
		CU_ASSERT_EQUAL(view.value_length, length);
		CU_ASSERT_EQUAL(view.opaque, length);
		CU_ASSERT(view.value_here >= least && view.value_here <= length);
		CU_ASSERT_EQUAL((uintptr_t)view.value % 8, 0);
		CU_ASSERT_TRUE(cache_fixture_has_value(&view, length, 0));
		CU_ASSERT_TRUE(cache_view_copy(&view, offset, part, length - offset));
		CU_ASSERT_FALSE(cache_view_copy(&view, length, part, 1));
		CU_ASSERT_FALSE(cache_view_copy(&view, UINT32_MAX, part, 2));
		CU_ASSERT_TRUE(cache_view_copy(&view, length, part, 0));
		cache_fixture_poll(&fixture);
	}
	cache_fixture_close(&fixture);
}

// The key's end and the value's start fall on every place of a cell.
static void names_of_every_length_come_back(void)
{
	static const uint16_t lengths[] = {0, 1, 24, 31, 32, 33, 100, 200, 700};
	struct cache_fixture fixture;
	struct cache_view view;
	struct cache_key key;
	struct cache_key stored;
	uint8_t value[700];

	open_default(&fixture, 1);
	for (uint32_t length = 1; length <= DNS_NAME_BYTES; length++) {
		uint16_t value_length = lengths[length % BASE_ARRAY_SIZE(lengths)];
		uint32_t least = value_length < CACHE_VALUE_HERE_LEAST ? value_length
								       : CACHE_VALUE_HERE_LEAST;
		uint8_t name[DNS_NAME_BYTES];

		// The store does not look at labels.
		memset(name, 'a', sizeof(name));
		cache_key_make(&key, name, (uint8_t)length, 1, 1, 0);
		cache_fixture_fill(value, value_length, length, 0);
		CU_ASSERT_EQUAL(cache_fixture_insert_key(
					&fixture, 0, &key, CACHE_KIND_SUCCESS, value, value_length),
			CACHE_INSERTED);
		CU_ASSERT_EQUAL_FATAL(
			cache_fixture_lookup_key(&fixture, 0, &key, &view), CACHE_FRESH);
		CU_ASSERT(view.value_here >= least);
		CU_ASSERT_EQUAL(view.value_length, value_length);
		CU_ASSERT_TRUE(cache_fixture_has_value(&view, length, 0));
		cache_view_key(&view, &stored);
		CU_ASSERT_EQUAL(stored.length, key.length);
		CU_ASSERT_EQUAL(memcmp(stored.bytes, key.bytes, key.length), 0);
	}
	cache_fixture_close(&fixture);
}

static void only_the_same_question_is_found(void)
{
	const uint8_t address[] = {192, 0, 2};
	struct cache_fixture fixture;
	struct cache_view view;
	struct cache_key key;
	struct cache_key other;

	open_default(&fixture, 2);
	CU_ASSERT_NOT_EQUAL(
		cache_fixture_insert(&fixture, 0, 7, CACHE_KIND_SUCCESS, 10), CACHE_DROPPED);
	cache_fixture_poll(&fixture);
	cache_fixture_key(&key, 7);
	CU_ASSERT_EQUAL(cache_fixture_lookup_key(&fixture, 1, &key, &view), CACHE_FRESH);
	for (int i = 0; i < 4; i++) {
		other = key;
		other.bytes[i == 3 ? 4 : i]++; // type, class, flags
		CU_ASSERT_EQUAL(cache_fixture_lookup_key(&fixture, 1, &other, &view), CACHE_MISSED);
	}
	other = key;
	CU_ASSERT_EQUAL(cache_key_set_subnet(&other, CACHE_SUBNET_IPV4, 24, address), 0);
	CU_ASSERT_EQUAL(cache_fixture_lookup_key(&fixture, 1, &other, &view), CACHE_MISSED);
	CU_ASSERT_EQUAL(cache_fixture_lookup(&fixture, 1, 8, &view), CACHE_MISSED);
	CU_ASSERT_EQUAL(cache_fixture_count(&fixture, CACHE_COUNT_HITS_SUCCESS), 1);
	CU_ASSERT_EQUAL(cache_fixture_count(&fixture, CACHE_COUNT_MISSES), 6);
	cache_fixture_close(&fixture);
}

// With the caller's hash the same for all, only the comparison tells questions apart.
static void same_hash_is_not_the_same_question(void)
{
	struct cache_fixture fixture;
	struct cache_lookup lookups[4] = {0};
	struct cache_key keys[4];
	uint8_t value[20];

	open_default(&fixture, 1);
	for (uint32_t i = 0; i < 4; i++) {
		struct cache_record record = {
			.key = &keys[i],
			.hash = 0x1234567890,
			.expires_at = cache_seconds(fixture.now) + 9,
			.stale_until = cache_seconds(fixture.now) + 9,
			.value = value,
			.value_length = sizeof(value),
		};

		cache_fixture_key(&keys[i], i);
		lookups[i] = (struct cache_lookup){.key = &keys[i], .hash = record.hash};
		cache_fixture_fill(value, sizeof(value), i, 0);
		if (i < 3)
			CU_ASSERT_EQUAL(cache_store_insert(cache_store_lcore(fixture.store, 0),
						&record, fixture.now),
				CACHE_INSERTED);
	}
	cache_lookup_burst(cache_store_lcore(fixture.store, 0), lookups, 4, fixture.now);
	for (uint32_t i = 0; i < 3; i++) {
		CU_ASSERT_EQUAL(lookups[i].state, CACHE_FRESH);
		CU_ASSERT_TRUE(cache_fixture_has_value(&lookups[i].view, i, 0));
	}
	CU_ASSERT_EQUAL(lookups[3].state, CACHE_MISSED);
	cache_fixture_close(&fixture);
}

// Nine answers in a bucket of eight.
static void full_bucket_evicts_what_is_least_useful(void)
{
	struct cache_fixture fixture;
	struct cache_key keys[9];
	uint32_t found = 0;

	open_default(&fixture, 1);
	for (uint32_t i = 0; i < 9; i++) {
		struct cache_record record = {
			.key = &keys[i],
			.hash = (uint64_t)i << 32 | 77,
			.kind = i == 8 ? CACHE_KIND_DENIAL : CACHE_KIND_SUCCESS,
			.expires_at = cache_seconds(fixture.now) + 9,
			.stale_until = cache_seconds(fixture.now) + 9,
		};
		struct cache_lookup lookup = {.key = &keys[i], .hash = record.hash};

		cache_fixture_key(&keys[i], i);
		(void)cache_store_insert(cache_store_lcore(fixture.store, 0), &record, fixture.now);
		// All but the fourth are used.
		if (i != 3)
			cache_lookup_burst(
				cache_store_lcore(fixture.store, 0), &lookup, 1, fixture.now);
	}
	for (uint32_t i = 0; i < 9; i++) {
		struct cache_lookup lookup = {.key = &keys[i], .hash = (uint64_t)i << 32 | 77};

		cache_lookup_burst(cache_store_lcore(fixture.store, 0), &lookup, 1, fixture.now);
		found += lookup.state == CACHE_FRESH;
		CU_ASSERT_EQUAL(lookup.state, i == 3 ? CACHE_MISSED : CACHE_FRESH);
	}
	CU_ASSERT_EQUAL(found, 8);
	CU_ASSERT_EQUAL(cache_fixture_count(&fixture, CACHE_COUNT_EVICTED_BUCKET), 1);
	CU_ASSERT_TRUE(cache_fixture_adds_up(&fixture));
	cache_fixture_close(&fixture);
}

static void answers_are_fresh_then_stale_then_gone(void)
{
	struct cache_fixture fixture;
	struct cache_view view;
	// At the start, and where the seconds wrap.
	static const uint64_t starts[] = {0, (UINT64_C(1) << 32) - 30};

	for (size_t i = 0; i < BASE_ARRAY_SIZE(starts); i++) {
		uint64_t start = starts[i] * CLOCK_SECOND;

		open_default(&fixture, 1);
		fixture.now = start;
		(void)cache_fixture_insert(&fixture, 0, 1, CACHE_KIND_DENIAL, 10);
		fixture.now = start + 60 * CLOCK_SECOND - 1;
		CU_ASSERT_EQUAL(cache_fixture_lookup(&fixture, 0, 1, &view), CACHE_FRESH);
		CU_ASSERT_EQUAL(view.kind, CACHE_KIND_DENIAL);
		CU_ASSERT_EQUAL(view.expires_at - view.stored_at, 60);
		CU_ASSERT_EQUAL(view.stale_until - view.stored_at, 120);
		fixture.now = start + 60 * CLOCK_SECOND;
		CU_ASSERT_EQUAL(cache_fixture_lookup(&fixture, 0, 1, &view), CACHE_STALE);
		fixture.now = start + 120 * CLOCK_SECOND - 1;
		CU_ASSERT_EQUAL(cache_fixture_lookup(&fixture, 0, 1, &view), CACHE_STALE);
		fixture.now = start + 120 * CLOCK_SECOND;
		CU_ASSERT_EQUAL(cache_fixture_lookup(&fixture, 0, 1, &view), CACHE_MISSED);
		CU_ASSERT_EQUAL(cache_fixture_count(&fixture, CACHE_COUNT_HITS_DENIAL), 1);
		CU_ASSERT_EQUAL(cache_fixture_count(&fixture, CACHE_COUNT_FOUND_STALE), 2);
		CU_ASSERT_EQUAL(cache_fixture_count(&fixture, CACHE_COUNT_MISSES), 1);
		cache_fixture_close(&fixture);
	}
}

static void newer_answer_takes_the_place_of_the_older(void)
{
	struct cache_fixture fixture;
	struct cache_usage usage;
	struct cache_view old;
	struct cache_view view;
	struct cache_key key;
	uint8_t value[500];

	open_default(&fixture, 1);
	cache_fixture_key(&key, 5);
	(void)cache_fixture_insert(&fixture, 0, 5, CACHE_KIND_SUCCESS, 500);
	CU_ASSERT_EQUAL(cache_fixture_lookup(&fixture, 0, 5, &old), CACHE_FRESH);
	cache_fixture_fill(value, 100, 5, 1);
	(void)cache_fixture_insert_key(&fixture, 0, &key, CACHE_KIND_SUCCESS, value, 100);
	CU_ASSERT_EQUAL(cache_fixture_lookup(&fixture, 0, 5, &view), CACHE_FRESH);
	CU_ASSERT_TRUE(cache_fixture_has_value(&view, 5, 1));
	// Whoever found the older one before has it whole until its grace period is over.
	CU_ASSERT_TRUE(cache_fixture_has_value(&old, 5, 0));
	(void)cache_fixture_insert(&fixture, 0, 5, CACHE_KIND_DENIAL, 20);
	CU_ASSERT_EQUAL(cache_fixture_lookup(&fixture, 0, 5, &view), CACHE_FRESH);
	CU_ASSERT_EQUAL(view.kind, CACHE_KIND_DENIAL);
	CU_ASSERT_TRUE(cache_fixture_has_value(&old, 5, 0));
	cache_store_usage(fixture.store, &usage);
	CU_ASSERT_EQUAL(usage.answers[CACHE_KIND_SUCCESS], 0);
	CU_ASSERT_EQUAL(usage.cells_used[CACHE_KIND_SUCCESS], 0);
	CU_ASSERT_EQUAL(usage.answers[CACHE_KIND_DENIAL], 1);
	CU_ASSERT_EQUAL(cache_fixture_count(&fixture, CACHE_COUNT_REPLACED), 2);
	CU_ASSERT_TRUE(cache_fixture_adds_up(&fixture));
	cache_fixture_close(&fixture);
}

static void server_failure_leaves_a_useful_answer(void)
{
	struct cache_fixture fixture;
	struct cache_view view;

	open_default(&fixture, 1);
	(void)cache_fixture_insert(&fixture, 0, 5, CACHE_KIND_SUCCESS, 50);
	fixture.now += 70 * CLOCK_SECOND;
	CU_ASSERT_EQUAL(
		cache_fixture_insert(&fixture, 0, 5, CACHE_KIND_SERVFAIL, 10), CACHE_DROPPED);
	CU_ASSERT_EQUAL(cache_fixture_count(&fixture, CACHE_COUNT_DROPPED_KEPT), 1);
	CU_ASSERT_EQUAL(cache_fixture_lookup(&fixture, 0, 5, &view), CACHE_STALE);
	CU_ASSERT_EQUAL(view.kind, CACHE_KIND_SUCCESS);
	// Nobody needs to ask again as long as the failure would have been remembered.
	CU_ASSERT_TRUE(view.is_refresh_claimed);
	// When the answer is of no use any more, the failure is stored.
	fixture.now += 60 * CLOCK_SECOND;
	CU_ASSERT_EQUAL(
		cache_fixture_insert(&fixture, 0, 5, CACHE_KIND_SERVFAIL, 10), CACHE_INSERTED);
	CU_ASSERT_EQUAL(cache_fixture_lookup(&fixture, 0, 5, &view), CACHE_FRESH);
	CU_ASSERT_EQUAL(view.kind, CACHE_KIND_SERVFAIL);
	CU_ASSERT_FALSE(view.is_refresh_claimed);
	// A good answer takes its place.
	CU_ASSERT_EQUAL(
		cache_fixture_insert(&fixture, 0, 5, CACHE_KIND_SUCCESS, 10), CACHE_INSERTED);
	CU_ASSERT_TRUE(cache_fixture_adds_up(&fixture));
	cache_fixture_close(&fixture);
}

// Cells come back only by a grace period; until then what is new is dropped, and nothing waits.
static void no_cell_is_used_again_before_its_grace_period(void)
{
	struct cache_fixture fixture;
	struct cache_usage usage;
	struct cache_view view;
	struct cache_lcore *lcore;
	uint32_t next = 0;

	open_default(&fixture, 1);
	lcore = cache_store_lcore(fixture.store, 0);
	while (cache_fixture_insert(&fixture, 0, next, CACHE_KIND_SUCCESS, 60) == CACHE_INSERTED)
		next++;
	CU_ASSERT_EQUAL(cache_fixture_count(&fixture, CACHE_COUNT_DROPPED_NO_CELL), 1);
	CU_ASSERT(next > 1000);
	CU_ASSERT_FALSE(cache_store_wants_grace_period(fixture.store));
	(void)cache_owner_poll(lcore, 1, NULL, 0, fixture.now);
	CU_ASSERT_TRUE(cache_store_wants_grace_period(fixture.store));
	CU_ASSERT_EQUAL(
		cache_fixture_insert(&fixture, 0, next, CACHE_KIND_SUCCESS, 60), CACHE_DROPPED);
	// One that has begun before is not enough for what is retired after: here it is.
	CU_ASSERT_TRUE(cache_store_tick(fixture.store));
	CU_ASSERT_FALSE(cache_store_wants_grace_period(fixture.store));
	CU_ASSERT_EQUAL(
		cache_fixture_insert(&fixture, 0, next, CACHE_KIND_SUCCESS, 60), CACHE_DROPPED);
	(void)cache_owner_poll(lcore, 1, NULL, 0, fixture.now);
	CU_ASSERT_EQUAL(
		cache_fixture_insert(&fixture, 0, next, CACHE_KIND_SUCCESS, 60), CACHE_INSERTED);
	CU_ASSERT_EQUAL(cache_fixture_lookup(&fixture, 0, next, &view), CACHE_FRESH);
	cache_store_usage(fixture.store, &usage);
	CU_ASSERT_TRUE(cache_fixture_adds_up(&fixture));
	cache_fixture_close(&fixture);
}

static void grace_period_that_had_begun_is_not_enough(void)
{
	struct cache_fixture fixture;
	struct cache_usage usage;
	struct cache_lcore *lcore;

	open_default(&fixture, 1);
	lcore = cache_store_lcore(fixture.store, 0);
	cache_store_begin_grace_period(fixture.store);
	(void)cache_fixture_insert(&fixture, 0, 1, CACHE_KIND_SUCCESS, 40);
	(void)cache_fixture_insert(&fixture, 0, 1, CACHE_KIND_SUCCESS, 40);
	(void)cache_owner_poll(lcore, 1, NULL, 0, fixture.now);
	cache_store_end_grace_period(fixture.store);
	(void)cache_owner_poll(lcore, 1, NULL, 0, fixture.now);
	cache_store_usage(fixture.store, &usage);
	CU_ASSERT_EQUAL(usage.cells_waiting, 1);
	CU_ASSERT_TRUE(cache_store_wants_grace_period(fixture.store));
	// What comes later waits for a later one.
	cache_store_begin_grace_period(fixture.store);
	(void)cache_fixture_insert(&fixture, 0, 1, CACHE_KIND_SUCCESS, 40);
	(void)cache_owner_poll(lcore, 1, NULL, 0, fixture.now);
	cache_store_end_grace_period(fixture.store);
	(void)cache_owner_poll(lcore, 1, NULL, 0, fixture.now);
	cache_store_usage(fixture.store, &usage);
	CU_ASSERT_EQUAL(usage.cells_waiting, 1);
	CU_ASSERT_TRUE(cache_store_tick(fixture.store));
	(void)cache_owner_poll(lcore, 1, NULL, 0, fixture.now);
	cache_store_usage(fixture.store, &usage);
	CU_ASSERT_EQUAL(usage.cells_waiting, 0);
	CU_ASSERT_FALSE(cache_store_tick(fixture.store));
	cache_fixture_close(&fixture);
}

static void answers_of_others_come_over_the_ring(void)
{
	struct cache_fixture fixture;
	struct cache_view view;
	uint32_t passed = 0;

	open_default(&fixture, 4);
	for (uint32_t i = 0; i < 200; i++) {
		enum cache_insert_result result =
			cache_fixture_insert(&fixture, 1, i, CACHE_KIND_SUCCESS, (uint16_t)(i * 5));

		CU_ASSERT_NOT_EQUAL(result, CACHE_DROPPED);
		passed += result == CACHE_PASSED;
		// Not there until its owner took it.
		CU_ASSERT_EQUAL(cache_fixture_lookup(&fixture, 3, i, &view),
			result == CACHE_PASSED ? CACHE_MISSED : CACHE_FRESH);
		for (uint16_t lcore = 0; lcore < 4; lcore++)
			(void)cache_owner_poll(
				cache_store_lcore(fixture.store, lcore), 1, NULL, 0, fixture.now);
		CU_ASSERT_EQUAL_FATAL(cache_fixture_lookup(&fixture, 3, i, &view), CACHE_FRESH);
		CU_ASSERT_TRUE(cache_fixture_has_value(&view, i, 0));
	}
	CU_ASSERT(passed > 100 && passed < 190);
	CU_ASSERT_EQUAL(cache_fixture_count(&fixture, CACHE_COUNT_PASSED), passed);
	CU_ASSERT_EQUAL(cache_fixture_count(&fixture, CACHE_COUNT_INSERTED_SUCCESS), 200);
	cache_fixture_close(&fixture);
}

static void full_ring_drops_and_a_poll_is_bounded(void)
{
	struct cache_fixture fixture;
	uint32_t passed = 0;
	uint32_t i;

	open_default(&fixture, 2);
	for (i = 0; cache_fixture_count(&fixture, CACHE_COUNT_DROPPED_RING_FULL) == 0; i++)
		passed += cache_fixture_insert(&fixture, 0, i, CACHE_KIND_SUCCESS, 60) ==
			  CACHE_PASSED;
	CU_ASSERT(passed > 20);
	CU_ASSERT_EQUAL(cache_fixture_count(&fixture, CACHE_COUNT_PASSED), passed);
	// Twenty a poll, and what is left is not forgotten though nobody rings again.
	for (uint32_t taken = 0; taken < passed;) {
		struct cache_lcore *lcore = cache_store_lcore(fixture.store, 1);
		const struct cache_counters *counters = cache_lcore_counters(lcore);

		(void)cache_owner_poll(lcore, 20, NULL, 0, fixture.now);
		taken = taken + 20 < passed ? taken + 20 : passed;
		CU_ASSERT_EQUAL_FATAL(
			cache_counters_read(counters, CACHE_COUNT_INSERTED_SUCCESS), taken);
	}
	CU_ASSERT_EQUAL(
		cache_fixture_insert(&fixture, 0, i - 1, CACHE_KIND_SUCCESS, 60), CACHE_PASSED);
	cache_fixture_close(&fixture);
}

static void too_long_answers_are_dropped(void)
{
	struct cache_store_options options = cache_fixture_options(STORE_BYTES, 2);
	struct cache_fixture fixture;
	uint32_t dropped = 0;

	options.kinds[CACHE_KIND_SUCCESS].share = 1;
	cache_fixture_open(&fixture, &options);
	// Longer than half of a ring, as it is in a small store; the lcore's own partition takes them.
	for (uint32_t i = 0; i < 20; i++)
		dropped += cache_fixture_insert(&fixture, 0, i, CACHE_KIND_SUCCESS, 60000) ==
			   CACHE_DROPPED;
	CU_ASSERT(dropped > 5 && dropped < 15);
	CU_ASSERT_EQUAL(cache_fixture_count(&fixture, CACHE_COUNT_INSERTED_SUCCESS), 20 - dropped);
	// Longer than the share of the kind.
	for (uint32_t i = 0; i < 20; i++) {
		(void)cache_fixture_insert(&fixture, 0, i, CACHE_KIND_DENIAL, 2000);
		cache_fixture_poll(&fixture);
	}
	CU_ASSERT_EQUAL(cache_fixture_count(&fixture, CACHE_COUNT_INSERTED_DENIAL), 0);
	CU_ASSERT_EQUAL(cache_fixture_count(&fixture, CACHE_COUNT_DROPPED_TOO_LONG), dropped + 20);
	cache_fixture_close(&fixture);
}

static void peek_leaves_no_trace(void)
{
	struct cache_fixture fixture;
	struct cache_view view;
	struct cache_key key;

	open_default(&fixture, 1);
	cache_fixture_key(&key, 1);
	CU_ASSERT_EQUAL(cache_store_peek(fixture.store, &key, fixture.now, &view), CACHE_MISSED);
	(void)cache_fixture_insert(&fixture, 0, 1, CACHE_KIND_SUCCESS, 600);
	CU_ASSERT_EQUAL(cache_store_peek(fixture.store, &key, fixture.now, &view), CACHE_FRESH);
	CU_ASSERT_TRUE(cache_fixture_has_value(&view, 1, 0));
	CU_ASSERT_EQUAL(cache_fixture_count(&fixture, CACHE_COUNT_HITS_SUCCESS), 0);
	CU_ASSERT_EQUAL(cache_fixture_count(&fixture, CACHE_COUNT_MISSES), 0);
	cache_fixture_close(&fixture);
}

static const struct unit_case cases[] = {
	{"bad options are refused", bad_options_are_refused},
	{"values of every length come back", values_of_every_length_come_back},
	{"names of every length come back", names_of_every_length_come_back},
	{"only the same question is found", only_the_same_question_is_found},
	{"the same hash is not the same question", same_hash_is_not_the_same_question},
	{"a full bucket evicts what is least useful", full_bucket_evicts_what_is_least_useful},
	{"answers are fresh, then stale, then gone", answers_are_fresh_then_stale_then_gone},
	{"a newer answer takes the place of the older", newer_answer_takes_the_place_of_the_older},
	{"a server failure leaves a useful answer", server_failure_leaves_a_useful_answer},
	{"no cell is used again before its grace period",
		no_cell_is_used_again_before_its_grace_period},
	{"a grace period that had begun is not enough", grace_period_that_had_begun_is_not_enough},
	{"answers of others come over the ring", answers_of_others_come_over_the_ring},
	{"a full ring drops, and a poll is bounded", full_ring_drops_and_a_poll_is_bounded},
	{"too long answers are dropped", too_long_answers_are_dropped},
	{"peek leaves no trace", peek_leaves_no_trace},
};

UNIT_MAIN("cache store", cases)
