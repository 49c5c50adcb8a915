// SPDX-License-Identifier: BSD-3-Clause
// Two owners and one lcore that owns nothing look up and insert in bursts, in a store so small that
// it evicts all the time, while the manager ends grace periods, flushes and walks. What an lcore
// found in a burst it reads again at the burst's end: only the grace period keeps that good.
//
// CACHE_THREADS_SECONDS in the environment: how long; without it, a number of bursts.
//
// Built with WITHOUT_GRACE_PERIOD the manager says that they are over at once. That program must
// fail: by a report of AddressSanitizer, or because an answer changed under a view that was held.
#include "cache_fixture.h"

#include "rcu/rcu.h"

#include <pthread.h>
#include <sched.h>

#define OWNERS 2
#define LCORES 3
#define STORE_BYTES (1u << 20)
#define NAMES 20000u
#define POPULAR_NAMES 200u
#define BURST 32
#define BURSTS 30000
#define VALUE_BYTES_MOST 900
#define DRAIN_MOST 32

struct reader {
	struct cache_fixture *fixture;
	struct cache_lcore *lcore;
	struct random_stream *random;
	pthread_t thread;
	uint16_t index;
	uint64_t changed; // views whose answer was not whole
	uint64_t hits;
	uint64_t refreshes;
	// Written by the reader, read by the manager.
	uint64_t bursts base_aligned(BASE_CACHE_LINE);
	bool is_finished;
};

struct bed {
	struct cache_fixture fixture;
	struct reader readers[LCORES];
	uint64_t until; // of the clock; 0: by bursts
	uint64_t flushes;
	uint64_t walked;
	uint64_t changed;
};

static bool is_whole(const struct cache_view *view, uint32_t number)
{
	uint8_t wanted[VALUE_BYTES_MOST];
	uint8_t value[VALUE_BYTES_MOST];

	if (view->value_length > VALUE_BYTES_MOST)
		return false;
	cache_fixture_fill(wanted, view->value_length, number, (uint32_t)view->opaque);
	return cache_view_copy(view, 0, value, view->value_length) &&
	       memcmp(value, wanted, view->value_length) == 0;
}

static void insert(struct reader *reader, const struct cache_lookup *lookup, uint32_t number)
{
	uint8_t value[VALUE_BYTES_MOST];
	uint32_t version = random_stream_u32(reader->random);
	uint32_t second = cache_seconds(reader->fixture->now);
	const struct cache_record record = {
		.key = lookup->key,
		.hash = lookup->hash,
		.kind = (enum cache_kind)(number % CACHE_KINDS),
		.stored_at = second,
		// Some are over at once.
		.expires_at = second + version % 4,
		.stale_until = second + version % 8,
		.opaque = version,
		.value = value,
		.value_length = (uint16_t)(number * 7919 % VALUE_BYTES_MOST),
	};

	cache_fixture_fill(value, record.value_length, number, version);
	(void)cache_store_insert(reader->lcore, &record, reader->fixture->now);
}

// Room for the manager, and other owners, to do what they should not.
static void pause_in_burst(struct reader *reader, uint64_t now)
{
	struct cache_view refreshes[4];

	for (int i = 0; i < 4; i++) {
		(void)sched_yield();
		if (reader->index < OWNERS)
			reader->refreshes +=
				cache_owner_poll(reader->lcore, DRAIN_MOST, refreshes, 4, now);
	}
}

static uint32_t choose_name(struct reader *reader)
{
	uint32_t most = random_stream_u32(reader->random) % 2 ? NAMES : POPULAR_NAMES;

	return random_stream_below(reader->random, most);
}

static void run_burst(struct reader *reader, uint64_t now)
{
	struct cache_lookup lookups[BURST];
	struct cache_key keys[BURST];
	uint32_t numbers[BURST];

	for (int i = 0; i < BURST; i++) {
		numbers[i] = choose_name(reader);
		cache_fixture_key(&keys[i], numbers[i]);
		lookups[i] = (struct cache_lookup){
			.key = &keys[i],
			.hash = cache_store_hash(reader->fixture->store, &keys[i]),
		};
	}
	cache_lookup_burst(reader->lcore, lookups, BURST, now);
	for (int i = 0; i < BURST; i++) {
		if (lookups[i].state == CACHE_MISSED) {
			insert(reader, &lookups[i], numbers[i]);
			continue;
		}
		reader->hits++;
		reader->changed += !is_whole(&lookups[i].view, numbers[i]);
		if (numbers[i] % 16 == 0) {
			insert(reader, &lookups[i], numbers[i]);
			cache_refresh_ask(reader->lcore, &lookups[i].view, 1, now);
		}
	}
	if (reader->bursts % 8 == 0)
		pause_in_burst(reader, now);
	for (int i = 0; i < BURST; i++)
		reader->changed +=
			lookups[i].state != CACHE_MISSED && !is_whole(&lookups[i].view, numbers[i]);
}

static void *reader_main(void *argument)
{
	struct reader *reader = argument;
	const struct bed *bed = (const struct bed *)reader->fixture;
	const uint64_t now = reader->fixture->now;
	struct cache_view refreshes[8];

	rcu_reader_register();
	while (bed->until ? clock_now() < bed->until : reader->bursts < BURSTS) {
		run_burst(reader, now);
		if (reader->index < OWNERS)
			reader->refreshes +=
				cache_owner_poll(reader->lcore, DRAIN_MOST, refreshes, 8, now);
		base_store(&reader->bursts, reader->bursts + 1);
		rcu_reader_quiescent();
	}
	// Rings and flush have to come to an end with those who still run.
	base_store_release(&reader->is_finished, true);
	for (int i = 0; i < LCORES; i++) {
		while (!base_load_acquire(&bed->readers[i].is_finished)) {
			if (reader->index < OWNERS)
				(void)cache_owner_poll(
					reader->lcore, DRAIN_MOST, refreshes, 8, now);
			rcu_reader_quiescent();
			(void)sched_yield();
		}
	}
	rcu_reader_unregister();
	return NULL;
}

static void end_grace_period(struct cache_store *store)
{
#ifdef WITHOUT_GRACE_PERIOD
	cache_store_begin_grace_period(store);
	cache_store_end_grace_period(store);
#else
	(void)cache_store_tick(store);
#endif
}

static bool visit(const struct cache_view *view, void *context)
{
	struct bed *bed = context;
	struct cache_key key;
	uint32_t number = 0;

	cache_view_key(view, &key);
	for (int i = 2; i < 12; i++)
		number = number * 10 + (uint32_t)(cache_key_name(key.bytes)[i] - '0');
	bed->walked++;
	bed->changed += !is_whole(view, number);
	return true;
}

static void flush_something(struct bed *bed, uint64_t turn)
{
	static const enum cache_flush_scope scopes[] = {
		CACHE_FLUSH_EXPIRED, CACHE_FLUSH_NAME, CACHE_FLUSH_ZONE, CACHE_FLUSH_ALL};
	struct dns_name name;

	CU_ASSERT_EQUAL(dns_name_parse_text(&name, turn % 2 ? "n0000000016.test" : "test"), 0);
	bed->flushes +=
		!cache_store_flush(bed->fixture.store, scopes[turn % 4], &name, bed->fixture.now);
}

static void manager_run(struct bed *bed)
{
	bool is_finished = false;
	uint64_t cursor = 0;

	for (uint64_t turn = 0; !is_finished; turn++) {
		is_finished = true;
		for (int i = 0; i < LCORES; i++)
			is_finished &= base_load_acquire(&bed->readers[i].is_finished);
		end_grace_period(bed->fixture.store);
		if (!cache_store_walk(bed->fixture.store, &cursor, 64, visit, bed))
			cursor = 0;
		if (turn % 256 == 0)
			flush_something(bed, turn / 256);
		(void)sched_yield();
	}
}

static void bed_run(struct bed *bed)
{
	struct cache_store_options options = cache_fixture_options(STORE_BYTES, LCORES);
	const char *seconds = getenv("CACHE_THREADS_SECONDS");

	*bed = (struct bed){0};
	options.owner_count = OWNERS;
	options.popularity_gap = 60;
	cache_fixture_open(&bed->fixture, &options);
	if (seconds)
		bed->until = clock_now() + strtoull(seconds, NULL, 10) * CLOCK_SECOND;
	for (uint16_t i = 0; i < LCORES; i++) {
		const uint8_t seed[RANDOM_SEED_BYTES] = {(uint8_t)(i + 1)};

		bed->readers[i] = (struct reader){
			.fixture = &bed->fixture,
			.lcore = cache_store_lcore(bed->fixture.store, i),
			.random = random_stream_create(seed),
			.index = i,
		};
		CU_ASSERT_PTR_NOT_NULL_FATAL(bed->readers[i].random);
	}
	for (int i = 0; i < LCORES; i++)
		CU_ASSERT_EQUAL_FATAL(pthread_create(&bed->readers[i].thread, NULL, reader_main,
					      &bed->readers[i]),
			0);
	manager_run(bed);
	for (int i = 0; i < LCORES; i++) {
		(void)pthread_join(bed->readers[i].thread, NULL);
		bed->changed += bed->readers[i].changed;
	}
}

static void bed_close(struct bed *bed)
{
	for (int i = 0; i < LCORES; i++)
		random_stream_destroy(bed->readers[i].random);
	cache_fixture_close(&bed->fixture);
}

#ifdef WITHOUT_GRACE_PERIOD

// One run finds it almost always; a few more leave no doubt.
#define CONTROL_RUNS 10

static void fails_without_a_grace_period(void)
{
	static struct bed bed;
	uint64_t changed = 0;

	for (int run = 0; run < CONTROL_RUNS && !changed; run++) {
		bed_run(&bed);
		changed += bed.changed;
		bed_close(&bed);
	}
	CU_ASSERT_EQUAL(changed, 0);
}

static const struct unit_case cases[] = {
	{"fails without a grace period", fails_without_a_grace_period},
};

#else

static void check_counts(const struct bed *bed)
{
	static const enum cache_counter must_happen[] = {CACHE_COUNT_HITS_SUCCESS,
		CACHE_COUNT_HITS_DENIAL, CACHE_COUNT_HITS_SERVFAIL, CACHE_COUNT_FOUND_STALE,
		CACHE_COUNT_MISSES, CACHE_COUNT_PASSED, CACHE_COUNT_REPLACED,
		CACHE_COUNT_REMEMBERED, CACHE_COUNT_EVICTED_SMALL, CACHE_COUNT_EVICTED_MAIN,
		CACHE_COUNT_EVICTED_EXPIRED, CACHE_COUNT_FLUSHED, CACHE_COUNT_REFRESH_CLAIMED};

	for (size_t i = 0; i < BASE_ARRAY_SIZE(must_happen); i++)
		CU_ASSERT(cache_fixture_count(&bed->fixture, must_happen[i]) > 0);
	CU_ASSERT(bed->flushes > 0);
	CU_ASSERT(bed->walked > 0);
}

static void nothing_changes_under_a_view(void)
{
	static struct bed bed;
	struct cache_usage usage;

	bed_run(&bed);
	CU_ASSERT_EQUAL(bed.changed, 0);
	check_counts(&bed);
	// With nobody else about: the rings run dry, the flush ends, all cells come back.
	bed.fixture.lcore_count = OWNERS;
	for (int i = 0; i < 100; i++)
		cache_fixture_poll(&bed.fixture);
	bed.fixture.lcore_count = LCORES;
	CU_ASSERT_TRUE(cache_fixture_adds_up(&bed.fixture));
	cache_store_usage(bed.fixture.store, &usage);
	CU_ASSERT_EQUAL(usage.cells_waiting, 0);
	printf("%llu hits, %llu inserted, %llu walked, %llu flushes ... ",
		(unsigned long long)(bed.readers[0].hits + bed.readers[1].hits +
				     bed.readers[2].hits),
		(unsigned long long)cache_fixture_count(&bed.fixture, CACHE_COUNT_INSERTED_SUCCESS),
		(unsigned long long)bed.walked, (unsigned long long)bed.flushes);
	bed_close(&bed);
}

static const struct unit_case cases[] = {
	{"nothing changes under a view", nothing_changes_under_a_view},
};

#endif

UNIT_MAIN("cache threads", cases)
