// SPDX-License-Identifier: BSD-3-Clause
// What a full store keeps: hit ratios on traces with a fixed seed, floods, budgets, memory.
#include "cache_fixture.h"

#include <math.h>

// An A answer of 60 bytes has a name of 28: a key of 40 bytes and a value of 42. The fixture's keys
// are 8 shorter.
#define ANSWER_BYTES (42 + 8)
#define ZIPF_EXPONENT 0.9
#define TRACE_LENGTH 800000u
#define CAPACITY 8000u // answers, about: what STORE_BYTES hold
#define NAMES (10 * CAPACITY)
#define STORE_BYTES (CAPACITY * 205)
#define POLL_EVERY 32
#define FLOOD_NAMES 0x40000000u // and above: names that nobody else asks for

// A small generator: the trace must be the same everywhere and for ever.
static uint64_t next_random(uint64_t *state)
{
	uint64_t mixed = *state += UINT64_C(0x9e3779b97f4a7c15);

	mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
	return mixed ^ mixed >> 31;
}

static uint32_t *make_trace(uint32_t names, uint32_t length)
{
	double *sums = malloc(names * sizeof(*sums));
	uint32_t *trace = malloc(length * sizeof(*trace));
	uint64_t state = 1;
	double sum = 0;

	CU_ASSERT_FATAL(sums && trace);
	for (uint32_t i = 0; i < names; i++)
		sums[i] = sum += pow(i + 1.0, -ZIPF_EXPONENT);
	for (uint32_t i = 0; i < length; i++) {
		double point = (double)(next_random(&state) >> 11) / 9007199254740992.0 * sum;
		uint32_t low = 0;
		uint32_t high = names - 1;

		while (low < high) {
			uint32_t middle = (low + high) / 2;

			if (sums[middle] < point)
				low = middle + 1;
			else
				high = middle;
		}
		trace[i] = low;
	}
	free(sums);
	return trace;
}

// Exact least recently used, over names 1 to NAMES.
struct lru {
	uint32_t *newer; // towards the most recent; 0 is the end of both ways
	uint32_t *older;
	uint8_t *is_held;
	uint32_t held;
	uint32_t most;
};

static void lru_unlink(struct lru *lru, uint32_t name)
{
	lru->newer[lru->older[name]] = lru->newer[name];
	lru->older[lru->newer[name]] = lru->older[name];
}

static bool lru_ask(struct lru *lru, uint32_t name)
{
	bool is_hit = lru->is_held[name];

	if (is_hit) {
		lru_unlink(lru, name);
	} else if (lru->held == lru->most) {
		uint32_t oldest = lru->newer[0];

		lru_unlink(lru, oldest);
		lru->is_held[oldest] = 0;
	} else {
		lru->held++;
	}
	lru->is_held[name] = 1;
	lru->older[name] = lru->older[0];
	lru->newer[name] = 0;
	lru->newer[lru->older[0]] = name;
	lru->older[0] = name;
	return is_hit;
}

static double lru_hit_ratio(const uint32_t *trace, uint32_t most)
{
	struct lru lru = {
		.newer = calloc(NAMES + 1, sizeof(uint32_t)),
		.older = calloc(NAMES + 1, sizeof(uint32_t)),
		.is_held = calloc(NAMES + 1, 1),
		.most = most,
	};
	uint32_t hits = 0;

	for (uint32_t i = 0; i < TRACE_LENGTH; i++) {
		bool is_hit = lru_ask(&lru, trace[i] + 1);

		hits += is_hit && i >= TRACE_LENGTH / 2;
	}
	free(lru.newer);
	free(lru.older);
	free(lru.is_held);
	return (double)hits / (TRACE_LENGTH - TRACE_LENGTH / 2);
}

static bool ask(struct cache_fixture *fixture, uint32_t name, enum cache_kind kind)
{
	struct cache_view view;
	struct cache_key key;
	uint16_t lcore;

	// Answers are stored where they belong, so that no ring is in the way of the figures.
	cache_fixture_key(&key, name);
	lcore = (uint16_t)((cache_store_hash(fixture->store, &key) >> 48) * fixture->lcore_count >>
			   16);
	if (cache_fixture_lookup_key(fixture, lcore, &key, &view) != CACHE_MISSED)
		return true;
	CU_ASSERT_EQUAL(
		cache_fixture_insert(fixture, lcore, name, kind, ANSWER_BYTES), CACHE_INSERTED);
	return false;
}

struct flood {
	uint32_t rate; // queries for each of the trace
	enum cache_kind kind;
};

// The hit ratio of the trace's second half, when the store is full and steady.
static double store_hit_ratio(
	struct cache_fixture *fixture, const uint32_t *trace, const struct flood *flood)
{
	uint32_t flooded = FLOOD_NAMES;
	uint32_t hits = 0;

	for (uint32_t i = 0; i < TRACE_LENGTH; i++) {
		bool is_hit = ask(fixture, trace[i], CACHE_KIND_SUCCESS);

		hits += is_hit && i >= TRACE_LENGTH / 2;
		for (uint32_t j = 0; j < flood->rate; j++)
			(void)ask(fixture, flooded++, flood->kind);
		if (i % POLL_EVERY == 0)
			cache_fixture_poll(fixture);
	}
	CU_ASSERT_TRUE(cache_fixture_adds_up(fixture));
	return (double)hits / (TRACE_LENGTH - TRACE_LENGTH / 2);
}

static const struct flood no_flood;

static void keeps_at_least_what_exact_lru_keeps(void)
{
	const struct cache_store_options options = cache_fixture_options(STORE_BYTES, 2);
	uint32_t *trace = make_trace(NAMES, TRACE_LENGTH);
	struct cache_fixture fixture;
	struct cache_usage usage;
	double ratio;
	double lru;

	cache_fixture_open(&fixture, &options);
	ratio = store_hit_ratio(&fixture, trace, &no_flood);
	cache_store_usage(fixture.store, &usage);
	lru = lru_hit_ratio(trace, (uint32_t)usage.answers[CACHE_KIND_SUCCESS]);
	printf("%.2f %%, LRU of %llu answers %.2f %% ... ", 100 * ratio,
		(unsigned long long)usage.answers[CACHE_KIND_SUCCESS], 100 * lru);
	CU_ASSERT(ratio >= lru);
	cache_fixture_close(&fixture);
	free(trace);
}

static void check_flood(const struct flood *flood, double most_lost)
{
	const struct cache_store_options options = cache_fixture_options(STORE_BYTES, 2);
	uint32_t *trace = make_trace(NAMES, TRACE_LENGTH);
	struct cache_fixture fixture;
	double calm;
	double flooded;

	cache_fixture_open(&fixture, &options);
	calm = store_hit_ratio(&fixture, trace, &no_flood);
	cache_fixture_close(&fixture);
	cache_fixture_open(&fixture, &options);
	flooded = store_hit_ratio(&fixture, trace, flood);
	cache_fixture_close(&fixture);
	printf("%.2f %%, calm %.2f %% ... ", 100 * flooded, 100 * calm);
	CU_ASSERT(flooded > calm - most_lost);
	free(trace);
}

static void flood_of_denials_costs_under_two_points(void)
{
	check_flood(&(struct flood){2, CACHE_KIND_DENIAL}, 0.02);
}

// Wildcards: every name of the flood has an answer. It goes through the small queue, which the good
// names then pass in a third of the time, and are remembered when they come again.
static void flood_of_positive_answers_costs_under_two_points(void)
{
	check_flood(&(struct flood){2, CACHE_KIND_SUCCESS}, 0.02);
}

static void one_lcores_hits_keep_an_answer_in_anothers_partition(void)
{
	const struct cache_store_options options = cache_fixture_options(2 << 20, 4);
	struct cache_fixture fixture;
	struct cache_usage usage;
	struct cache_view view;
	uint32_t held = 0;

	cache_fixture_open(&fixture, &options);
	cache_store_usage(fixture.store, &usage);
	// Each of the first hundred names is asked for on one lcore, whoever owns it.
	for (uint32_t name = 0; name < 20 * usage.cells; name++) {
		(void)ask(&fixture, 1000 + name, CACHE_KIND_SUCCESS);
		if (name % 16 == 0)
			cache_fixture_poll(&fixture);
		if (name % (usage.cells / 40) == 0) {
			for (uint32_t i = 0; i < 100; i++) {
				if (cache_fixture_lookup(&fixture, i % 4, i, &view) == CACHE_MISSED)
					(void)ask(&fixture, i, CACHE_KIND_SUCCESS);
			}
		}
	}
	for (uint32_t i = 0; i < 100; i++)
		held += cache_fixture_lookup(&fixture, 0, i, &view) == CACHE_FRESH;
	CU_ASSERT_EQUAL(held, 100);
	cache_fixture_close(&fixture);
}

static void fill(struct cache_fixture *fixture, uint32_t names, enum cache_kind kind)
{
	for (uint32_t i = 0; i < names; i++) {
		(void)ask(fixture, (uint32_t)kind << 28 | i, kind);
		if (i % POLL_EVERY == 0)
			cache_fixture_poll(fixture);
	}
	cache_fixture_poll(fixture);
}

static void each_kind_has_its_own_share(void)
{
	const struct cache_store_options options = cache_fixture_options(STORE_BYTES, 2);
	struct cache_fixture fixture;
	struct cache_usage usage;
	uint64_t before;

	cache_fixture_open(&fixture, &options);
	fill(&fixture, 2 * CAPACITY, CACHE_KIND_SUCCESS);
	cache_store_usage(fixture.store, &usage);
	before = usage.answers[CACHE_KIND_SUCCESS];
	fill(&fixture, 2 * CAPACITY, CACHE_KIND_DENIAL);
	fill(&fixture, 2 * CAPACITY, CACHE_KIND_SERVFAIL);
	cache_store_usage(fixture.store, &usage);
	// None but the few that alone filled a bucket of the index.
	CU_ASSERT(usage.answers[CACHE_KIND_SUCCESS] >= before - before / 100);
	CU_ASSERT(usage.cells_used[CACHE_KIND_SUCCESS] > usage.cells * 78 / 100);
	CU_ASSERT(usage.cells_used[CACHE_KIND_DENIAL] > usage.cells * 17 / 100);
	CU_ASSERT(usage.cells_used[CACHE_KIND_DENIAL] < usage.cells * 19 / 100);
	CU_ASSERT(usage.cells_used[CACHE_KIND_SERVFAIL] > usage.cells / 100);
	CU_ASSERT(usage.cells_used[CACHE_KIND_SERVFAIL] < usage.cells * 3 / 100);
	CU_ASSERT_TRUE(cache_fixture_adds_up(&fixture));
	cache_fixture_close(&fixture);
}

static void capacity_bounds_the_answers_of_a_kind(void)
{
	struct cache_store_options options = cache_fixture_options(STORE_BYTES, 2);
	struct cache_fixture fixture;
	struct cache_usage usage;

	options.kinds[CACHE_KIND_SUCCESS].capacity = 1000;
	options.kinds[CACHE_KIND_DENIAL].capacity = 1;
	cache_fixture_open(&fixture, &options);
	fill(&fixture, 5000, CACHE_KIND_SUCCESS);
	fill(&fixture, 100, CACHE_KIND_DENIAL);
	cache_store_usage(fixture.store, &usage);
	CU_ASSERT_EQUAL(usage.answers[CACHE_KIND_SUCCESS], 1000);
	// One for each owner: nobody has less.
	CU_ASSERT_EQUAL(usage.answers[CACHE_KIND_DENIAL], 2);
	CU_ASSERT_TRUE(cache_fixture_adds_up(&fixture));
	cache_fixture_close(&fixture);
}

static void expired_answers_leave_first(void)
{
	const struct cache_store_options options = cache_fixture_options(1 << 20, 1);
	struct cache_fixture fixture;
	struct cache_view view;
	struct cache_usage usage;
	uint32_t names;

	cache_fixture_open(&fixture, &options);
	cache_store_usage(fixture.store, &usage);
	names = (uint32_t)(usage.cells / 2);
	for (uint32_t i = 0; i < names; i++)
		(void)ask(&fixture, i, CACHE_KIND_SUCCESS);
	// All of them are well used, and then of no use.
	for (uint32_t i = 0; i < 4 * names; i++)
		(void)cache_fixture_lookup(&fixture, 0, i % names, &view);
	fixture.now += 120 * CLOCK_SECOND;
	fill(&fixture, names, CACHE_KIND_SUCCESS);
	CU_ASSERT_EQUAL(cache_fixture_count(&fixture, CACHE_COUNT_EVICTED_MAIN), 0);
	CU_ASSERT_TRUE(cache_fixture_adds_up(&fixture));
	cache_fixture_close(&fixture);
}

// All told, as the bytes that the store was given.
static void short_answer_takes_under_256_bytes(void)
{
	const struct cache_store_options options = cache_fixture_options(64 << 20, 16);
	struct cache_fixture fixture;
	struct cache_usage usage;
	uint64_t each;

	cache_fixture_open(&fixture, &options);
	cache_store_usage(fixture.store, &usage);
	CU_ASSERT(usage.bytes <= options.bytes);
	fill(&fixture, (uint32_t)usage.cells, CACHE_KIND_SUCCESS);
	fill(&fixture, (uint32_t)usage.cells, CACHE_KIND_DENIAL);
	fill(&fixture, (uint32_t)usage.cells, CACHE_KIND_SERVFAIL);
	cache_store_usage(fixture.store, &usage);
	each = usage.bytes / (usage.answers[0] + usage.answers[1] + usage.answers[2]);
	printf("%llu bytes with 16 lcores ... ", (unsigned long long)each);
	CU_ASSERT(each < 256);
	cache_fixture_close(&fixture);
}

static const struct unit_case cases[] = {
	{"keeps at least what exact LRU keeps", keeps_at_least_what_exact_lru_keeps},
	{"a flood of denials costs under two points", flood_of_denials_costs_under_two_points},
	{"a flood of positive answers costs under two points",
		flood_of_positive_answers_costs_under_two_points},
	{"one lcore's hits keep an answer in another's partition",
		one_lcores_hits_keep_an_answer_in_anothers_partition},
	{"each kind has its own share", each_kind_has_its_own_share},
	{"capacity bounds the answers of a kind", capacity_bounds_the_answers_of_a_kind},
	{"expired answers leave first", expired_answers_leave_first},
	{"a short answer takes under 256 bytes", short_answer_takes_under_256_bytes},
};

UNIT_MAIN("cache eviction", cases)
