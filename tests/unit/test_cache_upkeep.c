// SPDX-License-Identifier: BSD-3-Clause
// Popularity and the claim of a refresh; flushes and walks.
#include "cache_fixture.h"

#include <errno.h>

#define STORE_BYTES (2u << 20)
#define GAP 60

static void open_with(struct cache_fixture *fixture, uint16_t lcores, uint32_t gap)
{
	struct cache_store_options options = cache_fixture_options(STORE_BYTES, lcores);

	options.popularity_gap = gap;
	cache_fixture_open(fixture, &options);
}

static bool use(struct cache_fixture *fixture, uint16_t lcore, uint32_t number, uint32_t times,
	uint32_t popular_hits)
{
	struct cache_view view = {0};

	for (uint32_t i = 0; i < times; i++)
		CU_ASSERT_NOT_EQUAL_FATAL(
			cache_fixture_lookup(fixture, lcore, number, &view), CACHE_MISSED);
	return cache_view_is_popular(
		cache_store_lcore(fixture->store, lcore), &view, popular_hits, fixture->now);
}

static void insert_long_lived(struct cache_fixture *fixture, uint16_t lcore, uint32_t number)
{
	struct cache_key key;
	struct cache_record record = {
		.key = &key,
		.stored_at = cache_seconds(fixture->now),
		.expires_at = cache_seconds(fixture->now) + 100000,
		.stale_until = cache_seconds(fixture->now) + 100000,
	};

	cache_fixture_key(&key, number);
	record.hash = cache_store_hash(fixture->store, &key);
	CU_ASSERT_NOT_EQUAL(
		cache_store_insert(cache_store_lcore(fixture->store, lcore), &record, fixture->now),
		CACHE_DROPPED);
	cache_fixture_poll(fixture);
}

static void hits_of_all_lcores_make_an_answer_popular(void)
{
	struct cache_fixture fixture;

	open_with(&fixture, 3, GAP);
	insert_long_lived(&fixture, 0, 1);
	CU_ASSERT_FALSE(use(&fixture, 0, 1, 3, 10));
	CU_ASSERT_FALSE(use(&fixture, 1, 1, 3, 10));
	CU_ASSERT_FALSE(use(&fixture, 2, 1, 3, 10));
	CU_ASSERT_TRUE(use(&fixture, 2, 1, 1, 10));
	// Hits count to a limit, and asking for more is asking for that.
	CU_ASSERT_FALSE(use(&fixture, 2, 1, 1, UINT32_MAX));
	CU_ASSERT_TRUE(use(&fixture, 2, 1, CACHE_HITS_MOST, UINT32_MAX));
	cache_fixture_close(&fixture);
}

static void gap_ends_a_run(void)
{
	struct cache_fixture fixture;

	open_with(&fixture, 1, GAP);
	insert_long_lived(&fixture, 0, 1);
	CU_ASSERT_FALSE(use(&fixture, 0, 1, 4, 5));
	fixture.now += (GAP - 1) * CLOCK_SECOND;
	CU_ASSERT_TRUE(use(&fixture, 0, 1, 1, 5));
	fixture.now += GAP * CLOCK_SECOND;
	CU_ASSERT_FALSE(use(&fixture, 0, 1, 4, 5));
	CU_ASSERT_TRUE(use(&fixture, 0, 1, 1, 5));
	// The numbers noted wrap after 16384 seconds; a gap of that long is the one that is not seen.
	fixture.now += (uint64_t)(16384 - GAP) * CLOCK_SECOND;
	CU_ASSERT_FALSE(use(&fixture, 0, 1, 1, 2));
	cache_fixture_close(&fixture);
}

static void lcore_with_a_part_of_the_queries_may_have_longer_gaps(void)
{
	struct cache_fixture fixture;

	open_with(&fixture, 3, GAP);
	insert_long_lived(&fixture, 0, 1);
	CU_ASSERT_FALSE(use(&fixture, 0, 1, 1, 2));
	fixture.now += (3 * GAP - 1) * CLOCK_SECOND;
	CU_ASSERT_TRUE(use(&fixture, 0, 1, 1, 2));
	fixture.now += (uint64_t)3 * GAP * CLOCK_SECOND;
	CU_ASSERT_FALSE(use(&fixture, 1, 1, 1, 2));
	cache_fixture_close(&fixture);
}

static void half_of_the_hits_are_carried_on(void)
{
	struct cache_fixture fixture;

	open_with(&fixture, 2, GAP);
	insert_long_lived(&fixture, 0, 1);
	(void)use(&fixture, 0, 1, 6, 1);
	(void)use(&fixture, 1, 1, 4, 1);
	insert_long_lived(&fixture, 0, 1);
	CU_ASSERT_FALSE(use(&fixture, 0, 1, 1, 7));
	CU_ASSERT_TRUE(use(&fixture, 0, 1, 1, 7));
	// A name that nobody asks for loses them.
	for (int i = 0; i < 4; i++)
		insert_long_lived(&fixture, 0, 1);
	CU_ASSERT_FALSE(use(&fixture, 0, 1, 1, 2));
	cache_fixture_close(&fixture);
}

static void without_a_gap_nothing_is_popular(void)
{
	struct cache_fixture fixture;

	open_with(&fixture, 1, 0);
	insert_long_lived(&fixture, 0, 1);
	CU_ASSERT_FALSE(use(&fixture, 0, 1, 100, 1));
	cache_fixture_close(&fixture);
}

// Every owner's turn; the last refresh handed out is in *view.
static uint32_t poll_refreshes(struct cache_fixture *fixture, struct cache_view *view)
{
	uint32_t sum = 0;

	for (uint16_t i = 0; i < fixture->lcore_count; i++) {
		struct cache_view views[4];
		uint32_t count = cache_owner_poll(
			cache_store_lcore(fixture->store, i), 32, views, 4, fixture->now);

		if (count)
			*view = views[count - 1];
		sum += count;
	}
	return sum;
}

static void one_refresh_a_name_is_begun(void)
{
	struct cache_fixture fixture;
	struct cache_view view;
	struct cache_view refresh;
	struct cache_key key;
	struct cache_key asked;

	open_with(&fixture, 3, 0);
	insert_long_lived(&fixture, 0, 1);
	for (int turn = 0; turn < 2; turn++) {
		for (uint16_t lcore = 0; lcore < 3; lcore++) {
			CU_ASSERT_EQUAL(
				cache_fixture_lookup(&fixture, lcore, 1, &view), CACHE_FRESH);
			CU_ASSERT_FALSE(view.is_refresh_claimed && turn == 0 && lcore == 0);
			cache_refresh_ask(
				cache_store_lcore(fixture.store, lcore), &view, 5, fixture.now);
		}
		CU_ASSERT_EQUAL(poll_refreshes(&fixture, &refresh), turn == 0);
	}
	cache_fixture_key(&key, 1);
	cache_view_key(&refresh, &asked);
	CU_ASSERT_EQUAL(memcmp(key.bytes, asked.bytes, key.length), 0);
	CU_ASSERT_EQUAL(cache_fixture_count(&fixture, CACHE_COUNT_REFRESH_ASKED), 6);
	CU_ASSERT_EQUAL(cache_fixture_count(&fixture, CACHE_COUNT_REFRESH_CLAIMED), 1);
	// All see the claim until its time is over, and then it is one again.
	fixture.now += 5 * CLOCK_SECOND - 1;
	CU_ASSERT_EQUAL(cache_fixture_lookup(&fixture, 2, 1, &view), CACHE_FRESH);
	CU_ASSERT_TRUE(view.is_refresh_claimed);
	fixture.now += 1;
	CU_ASSERT_EQUAL(cache_fixture_lookup(&fixture, 2, 1, &view), CACHE_FRESH);
	CU_ASSERT_FALSE(view.is_refresh_claimed);
	for (uint16_t lcore = 0; lcore < 3; lcore++)
		cache_refresh_ask(cache_store_lcore(fixture.store, lcore), &view, 5, fixture.now);
	CU_ASSERT_EQUAL(poll_refreshes(&fixture, &refresh), 1);
	// The new answer has no claim.
	insert_long_lived(&fixture, 1, 1);
	CU_ASSERT_EQUAL(cache_fixture_lookup(&fixture, 2, 1, &view), CACHE_FRESH);
	CU_ASSERT_FALSE(view.is_refresh_claimed);
	cache_fixture_close(&fixture);
}

static void refresh_of_what_has_gone_comes_to_nothing(void)
{
	struct cache_fixture fixture;
	struct cache_view view;
	struct cache_view refresh;

	open_with(&fixture, 1, 0);
	insert_long_lived(&fixture, 0, 1);
	CU_ASSERT_EQUAL(cache_fixture_lookup(&fixture, 0, 1, &view), CACHE_FRESH);
	// Claimed, and replaced before the next poll hands it out.
	cache_refresh_ask(cache_store_lcore(fixture.store, 0), &view, 5, fixture.now);
	(void)cache_fixture_insert(&fixture, 0, 1, CACHE_KIND_SUCCESS, 10);
	CU_ASSERT_EQUAL(poll_refreshes(&fixture, &refresh), 0);
	// Asked for by a view of what is replaced.
	cache_refresh_ask(cache_store_lcore(fixture.store, 0), &view, 5, fixture.now);
	CU_ASSERT_EQUAL(poll_refreshes(&fixture, &refresh), 0);
	CU_ASSERT_EQUAL(cache_fixture_count(&fixture, CACHE_COUNT_REFRESH_CLAIMED), 1);
	cache_fixture_close(&fixture);
}

static void refreshes_wait_for_room(void)
{
	struct cache_fixture fixture;
	struct cache_view view;
	uint32_t sum = 0;

	open_with(&fixture, 1, 0);
	for (uint32_t i = 0; i < 100; i++) {
		(void)cache_fixture_insert(&fixture, 0, i, CACHE_KIND_SUCCESS, 10);
		CU_ASSERT_EQUAL(cache_fixture_lookup(&fixture, 0, i, &view), CACHE_FRESH);
		cache_refresh_ask(cache_store_lcore(fixture.store, 0), &view, 5, fixture.now);
	}
	// As many as an owner keeps; the rest is asked for again at the next use.
	for (int i = 0; i < 50; i++)
		sum += poll_refreshes(&fixture, &view);
	CU_ASSERT_EQUAL(sum, 64);
	CU_ASSERT_EQUAL(cache_fixture_count(&fixture, CACHE_COUNT_REFRESH_CLAIMED), 64);
	cache_fixture_close(&fixture);
}

static void insert_name(struct cache_fixture *fixture, const char *text, uint16_t type)
{
	struct dns_name name;
	struct cache_key key;

	CU_ASSERT_EQUAL_FATAL(dns_name_parse_text(&name, text), 0);
	cache_key_make(&key, name.wire, name.length, type, 1, type % 2);
	CU_ASSERT_NOT_EQUAL(cache_fixture_insert_key(
				    fixture, 0, &key, CACHE_KIND_SUCCESS, (const uint8_t *)"", 1),
		CACHE_DROPPED);
}

static const char *const names[] = {"example.org", "www.example.org", "WWW.a.b.example.org",
	"example.com", "nexample.org", "org", ".", "example.org.example.net"};

static uint64_t flush(struct cache_fixture *fixture, enum cache_flush_scope scope, const char *text)
{
	struct dns_name name;
	uint64_t removed;

	for (size_t i = 0; i < BASE_ARRAY_SIZE(names); i++) {
		insert_name(fixture, names[i], 1);
		insert_name(fixture, names[i], 28);
	}
	cache_fixture_poll(fixture);
	CU_ASSERT_EQUAL_FATAL(dns_name_parse_text(&name, text), 0);
	CU_ASSERT_EQUAL(cache_store_flush(fixture->store, scope, &name, fixture->now), 0);
	CU_ASSERT_FALSE(cache_store_flush_is_done(fixture->store, &removed));
	CU_ASSERT_EQUAL(cache_store_flush(fixture->store, scope, &name, fixture->now), -EBUSY);
	for (int i = 0; i < 10000 && !cache_store_flush_is_done(fixture->store, &removed); i++)
		cache_fixture_poll(fixture);
	CU_ASSERT_TRUE(cache_store_flush_is_done(fixture->store, &removed));
	CU_ASSERT_TRUE(cache_fixture_adds_up(fixture));
	return removed;
}

static void flush_takes_a_name_or_a_zone(void)
{
	struct cache_fixture fixture;
	struct cache_usage usage;

	open_with(&fixture, 2, 0);
	CU_ASSERT_EQUAL(flush(&fixture, CACHE_FLUSH_NAME, "EXAMPLE.org"), 2);
	CU_ASSERT_EQUAL(flush(&fixture, CACHE_FLUSH_NAME, "b.example.org"), 0);
	CU_ASSERT_EQUAL(flush(&fixture, CACHE_FLUSH_NAME, "."), 2);
	CU_ASSERT_EQUAL(flush(&fixture, CACHE_FLUSH_ZONE, "Example.ORG"), 6);
	CU_ASSERT_EQUAL(flush(&fixture, CACHE_FLUSH_ZONE, "a.b.example.org"), 2);
	CU_ASSERT_EQUAL(flush(&fixture, CACHE_FLUSH_ZONE, "."), 16);
	cache_store_usage(fixture.store, &usage);
	CU_ASSERT_EQUAL(usage.answers[CACHE_KIND_SUCCESS], 0);
	CU_ASSERT_EQUAL(usage.cells_waiting, 0);
	cache_fixture_close(&fixture);
}

static void flush_of_expired_leaves_what_is_of_use(void)
{
	struct cache_fixture fixture;

	open_with(&fixture, 2, 0);
	(void)cache_fixture_insert(&fixture, 0, 1, CACHE_KIND_SUCCESS, 10);
	(void)cache_fixture_insert(&fixture, 0, 2, CACHE_KIND_DENIAL, 10);
	cache_fixture_poll(&fixture);
	fixture.now += 119 * CLOCK_SECOND;
	CU_ASSERT_EQUAL(flush(&fixture, CACHE_FLUSH_EXPIRED, "."), 0);
	fixture.now += 1 * CLOCK_SECOND;
	CU_ASSERT_EQUAL(flush(&fixture, CACHE_FLUSH_EXPIRED, "."), 2);
	CU_ASSERT_EQUAL(cache_fixture_count(&fixture, CACHE_COUNT_EVICTED_EXPIRED), 2);
	CU_ASSERT_EQUAL(cache_fixture_count(&fixture, CACHE_COUNT_FLUSHED), 0);
	cache_fixture_close(&fixture);
}

static void flush_of_all_is_seen_at_once(void)
{
	struct cache_fixture fixture;
	struct cache_view view;
	uint64_t removed;
	uint32_t first_passed = UINT32_MAX;

	open_with(&fixture, 2, 0);
	for (uint32_t i = 0; i < 100; i++)
		(void)cache_fixture_insert(&fixture, 0, i, CACHE_KIND_SUCCESS, 10);
	cache_fixture_poll(&fixture);
	// What is on its way over a ring goes too.
	for (uint32_t i = 100; i < 110; i++) {
		if (cache_fixture_insert(&fixture, 0, i, CACHE_KIND_SUCCESS, 10) == CACHE_PASSED)
			first_passed = first_passed < i ? first_passed : i;
	}
	CU_ASSERT_NOT_EQUAL(first_passed, UINT32_MAX);
	CU_ASSERT_EQUAL(cache_store_flush(fixture.store, CACHE_FLUSH_ALL, NULL, fixture.now), 0);
	for (uint32_t i = 0; i < 110; i++)
		CU_ASSERT_EQUAL(cache_fixture_lookup(&fixture, 1, i, &view), CACHE_MISSED);
	// New answers are stored while the old ones are taken away.
	(void)cache_fixture_insert(&fixture, 0, 5, CACHE_KIND_SUCCESS, 10);
	for (int i = 0; i < 10000 && !cache_store_flush_is_done(fixture.store, &removed); i++)
		cache_fixture_poll(&fixture);
	CU_ASSERT_TRUE(cache_store_flush_is_done(fixture.store, &removed));
	CU_ASSERT(removed >= 100);
	CU_ASSERT(cache_fixture_count(&fixture, CACHE_COUNT_DROPPED_FLUSHED) > 0);
	CU_ASSERT_EQUAL(cache_fixture_lookup(&fixture, 1, first_passed, &view), CACHE_MISSED);
	CU_ASSERT_EQUAL(cache_fixture_lookup(&fixture, 1, 5, &view), CACHE_FRESH);
	CU_ASSERT_TRUE(cache_fixture_adds_up(&fixture));
	cache_fixture_close(&fixture);
}

struct seen {
	uint8_t times[500];
	uint32_t stop_after;
};

static bool note_seen(const struct cache_view *view, void *context)
{
	struct seen *seen = context;

	seen->times[view->opaque]++;
	return --seen->stop_after != 0;
}

static void walk_sees_every_answer_once(void)
{
	struct cache_fixture fixture;
	struct seen seen = {.stop_after = UINT32_MAX};
	uint64_t cursor = 0;
	uint32_t steps = 1;

	open_with(&fixture, 3, 0);
	for (uint32_t i = 0; i < 500; i++) {
		(void)cache_fixture_insert(&fixture, 0, i, CACHE_KIND_SUCCESS, (uint16_t)i);
		cache_fixture_poll(&fixture);
	}
	while (cache_store_walk(fixture.store, &cursor, 50, note_seen, &seen)) {
		steps++;
		cache_fixture_poll(&fixture);
	}
	CU_ASSERT(steps >= 10);
	for (uint32_t i = 0; i < 500; i++)
		CU_ASSERT_EQUAL(seen.times[i], 1);
	// It stops when it is told to.
	seen = (struct seen){.stop_after = 3};
	cursor = 0;
	CU_ASSERT_FALSE(cache_store_walk(fixture.store, &cursor, UINT32_MAX, note_seen, &seen));
	CU_ASSERT_EQUAL(seen.stop_after, 0);
	// Flushed answers are not seen.
	CU_ASSERT_EQUAL(cache_store_flush(fixture.store, CACHE_FLUSH_ALL, NULL, fixture.now), 0);
	seen = (struct seen){.stop_after = 3};
	cursor = 0;
	(void)cache_store_walk(fixture.store, &cursor, UINT32_MAX, note_seen, &seen);
	CU_ASSERT_EQUAL(seen.stop_after, 3);
	cache_fixture_close(&fixture);
}

static const struct unit_case cases[] = {
	{"hits of all lcores make an answer popular", hits_of_all_lcores_make_an_answer_popular},
	{"a gap ends a run", gap_ends_a_run},
	{"an lcore with a part of the queries may have longer gaps",
		lcore_with_a_part_of_the_queries_may_have_longer_gaps},
	{"half of the hits are carried on", half_of_the_hits_are_carried_on},
	{"without a gap nothing is popular", without_a_gap_nothing_is_popular},
	{"one refresh a name is begun", one_refresh_a_name_is_begun},
	{"a refresh of what has gone comes to nothing", refresh_of_what_has_gone_comes_to_nothing},
	{"refreshes wait for room", refreshes_wait_for_room},
	{"a flush takes a name or a zone", flush_takes_a_name_or_a_zone},
	{"a flush of expired leaves what is of use", flush_of_expired_leaves_what_is_of_use},
	{"a flush of all is seen at once", flush_of_all_is_seen_at_once},
	{"a walk sees every answer once", walk_sees_every_answer_once},
};

UNIT_MAIN("cache upkeep", cases)
