// SPDX-License-Identifier: BSD-3-Clause
// Two owners take and give back in bursts while the manager marks, unlinks and closes, all at
// once. Within a burst an owner goes on using pointers to connections that it has given back, as
// the stages of a real burst do: only the grace period keeps those good.
//
// Built with WITHOUT_GRACE_PERIOD the manager closes at once. That program must fail: by a report
// of AddressSanitizer, or because a connection was opened anew under a pointer that was held.
#include "proxy_fixture.h"

#include "base/clock.h"
#include "rcu/rcu.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#define OWNERS 2
#define UPSTREAMS 3
#define PORTS 40
#define TAKES_AN_OWNER UINT64_C(600000)
#define BURST_TAKES 32
#define HOLD_BURSTS 4 // an answer comes within this many bursts
#define DRAIN_WAIT (30 * CLOCK_SECOND)

// Ticks of an owner's clock, which goes one further with each take.
static const struct proxy_settings settings = {
	.expire = 60,
	.max_age = 400,
	.max_idle_conns = 10,
};

// A connection that was taken or given back in this burst, and what it was then.
struct touched {
	const struct proxy_connection *connection;
	uint64_t opened_at;
};

struct owner {
	struct proxy_fixture fixture;
	struct random_stream *random; // for the test's own choices
	uint16_t held[HOLD_BURSTS][BURST_TAKES]; // slots to give back, by burst
	uint32_t held_count[HOLD_BURSTS];
	struct touched touched[BURST_TAKES * (HOLD_BURSTS + 1)];
	uint32_t touched_count;
	uint64_t takes;
	uint64_t refused;
	uint64_t given_back;
	uint64_t closed_while_held;
	pthread_t thread;
	// Written by the owner, read by the manager.
	uint64_t now base_aligned(BASE_CACHE_LINE);
	bool is_finished;
};

struct manager_counts {
	uint64_t marked;
	uint64_t closed;
};

static void owner_touch(struct owner *owner, uint16_t slot)
{
	const struct proxy_connection *connection = &owner->fixture.pools.connections[slot];

	owner->touched[owner->touched_count++] =
		(struct touched){connection, base_load(&connection->opened_at)};
}

static void owner_take(struct owner *owner, uint32_t turn, uint16_t upstream)
{
	uint32_t hold = random_stream_below(owner->random, HOLD_BURSTS);
	uint32_t when = (turn + hold) % HOLD_BURSTS;
	uint16_t slot;

	if (owner->held_count[when] == BURST_TAKES)
		return;
	base_store(&owner->now, owner->now + 1);
	slot = proxy_pool_take(&owner->fixture.pools, upstream, owner->now);
	if (slot == PROXY_SLOT_NONE) {
		owner->refused++;
		return;
	}
	owner->takes++;
	owner->held[when][owner->held_count[when]++] = slot;
	owner_touch(owner, slot);
}

static void owner_give_back_turn(struct owner *owner, uint32_t turn)
{
	struct proxy_pools *pools = &owner->fixture.pools;

	while (owner->held_count[turn]) {
		uint16_t slot = owner->held[turn][--owner->held_count[turn]];

		owner_touch(owner, slot);
		if (random_stream_below(owner->random, 64) == 0)
			proxy_pool_retire(pools, slot, PROXY_CLOSE_ERROR);
		proxy_pool_give_back(pools, slot, owner->now);
		owner->given_back++;
	}
}

// The end of a burst: every pointer that it had is used once more, then let go.
static void owner_end_burst(struct owner *owner)
{
	for (uint32_t i = 0; i < owner->touched_count; i++)
		owner->closed_while_held += base_load(&owner->touched[i].connection->opened_at) !=
					    owner->touched[i].opened_at;
	owner->touched_count = 0;
	rcu_reader_quiescent();
}

static void owner_run_burst(struct owner *owner, uint32_t burst)
{
	// One upstream has all queries for a while: the others' connections are the sweep's.
	uint16_t upstream = (uint16_t)(burst / 64 % UPSTREAMS);
	uint32_t takes = 1 + random_stream_below(owner->random, BURST_TAKES);

	for (uint32_t i = 0; i < takes; i++) {
		owner_take(owner, burst % HOLD_BURSTS, upstream);
		if (i == takes / 2)
			owner_give_back_turn(owner, burst % HOLD_BURSTS);
		// Also in mid-burst: what is closed may be opened again.
		if (i % 8 == 0)
			proxy_pools_read_messages(&owner->fixture.pools, 64, owner->now);
	}
	owner_give_back_turn(owner, burst % HOLD_BURSTS);
	// Room for the manager to close what it should not.
	if (burst % 8 == 0) {
		(void)sched_yield();
		for (uint32_t i = 0; i < 8; i++) {
			proxy_pools_read_messages(&owner->fixture.pools, 64, owner->now);
			owner_take(owner, (burst + 1) % HOLD_BURSTS, upstream);
		}
	}
	owner_end_burst(owner);
}

static void *owner_main(void *argument)
{
	struct owner *owner = argument;
	struct proxy_pools *pools = &owner->fixture.pools;
	uint64_t until;

	rcu_reader_register();
	for (uint32_t burst = 0; owner->takes < TAKES_AN_OWNER; burst++)
		owner_run_burst(owner, burst);
	proxy_pools_stop(pools);
	for (uint32_t turn = 0; turn < HOLD_BURSTS; turn++)
		owner_give_back_turn(owner, turn);
	owner_end_burst(owner);
	until = clock_now() + DRAIN_WAIT;
	while (!proxy_pools_are_drained(pools) && clock_now() < until) {
		proxy_pools_read_messages(pools, UINT32_MAX, owner->now);
		rcu_reader_quiescent();
		(void)sched_yield();
	}
	rcu_reader_unregister();
	base_store_release(&owner->is_finished, true);
	return NULL;
}

static void manager_close(struct proxy_pools *const pools[], struct manager_counts *counts)
{
	static uint16_t scratch[OWNERS * PORTS];

#ifdef WITHOUT_GRACE_PERIOD
	for (int i = 0; i < OWNERS; i++) {
		uint32_t count = proxy_sweep_collect(pools[i], scratch, PORTS);

		proxy_sweep_close(pools[i], scratch, count);
		counts->closed += count;
	}
#else
	counts->closed += proxy_sweep_reap(pools, OWNERS, scratch, BASE_ARRAY_SIZE(scratch));
#endif
}

static void manager_run(struct owner owners[OWNERS], struct manager_counts *counts)
{
	struct proxy_pools *const pools[OWNERS] = {
		&owners[0].fixture.pools, &owners[1].fixture.pools};
	bool is_finished = false;

	while (!is_finished) {
		is_finished = true;
		for (int i = 0; i < OWNERS; i++) {
			is_finished &= base_load_acquire(&owners[i].is_finished);
			counts->marked += proxy_sweep_mark(pools[i], base_load(&owners[i].now));
		}
		manager_close(pools, counts);
		(void)sched_yield();
	}
	manager_close(pools, counts);
}

static struct owner *owners_start(struct manager_counts *counts)
{
	static struct owner owners[OWNERS];

	*counts = (struct manager_counts){0};
	for (int i = 0; i < OWNERS; i++) {
		const uint8_t seed[RANDOM_SEED_BYTES] = {(uint8_t)(i + 1)};

		owners[i] = (struct owner){.random = random_stream_create(seed)};
		CU_ASSERT_PTR_NOT_NULL_FATAL(owners[i].random);
		proxy_fixture_open(&owners[i].fixture, &settings, UPSTREAMS, PORTS);
	}
	for (int i = 0; i < OWNERS; i++)
		CU_ASSERT_EQUAL_FATAL(
			pthread_create(&owners[i].thread, NULL, owner_main, &owners[i]), 0);
	return owners;
}

static void owners_join(struct owner *owners)
{
	for (int i = 0; i < OWNERS; i++)
		(void)pthread_join(owners[i].thread, NULL);
}

static void owners_close(struct owner *owners)
{
	for (int i = 0; i < OWNERS; i++) {
		proxy_fixture_close(&owners[i].fixture);
		random_stream_destroy(owners[i].random);
	}
}

#ifdef WITHOUT_GRACE_PERIOD

// One run finds it almost always; a few more leave no doubt.
#define CONTROL_RUNS 20

static void fails_without_a_grace_period(void)
{
	uint64_t detected = 0;

	for (int run = 0; run < CONTROL_RUNS && !detected; run++) {
		struct manager_counts counts;
		struct owner *owners = owners_start(&counts);

		manager_run(owners, &counts);
		owners_join(owners);
		for (int i = 0; i < OWNERS; i++)
			detected += owners[i].closed_while_held;
		owners_close(owners);
	}
	CU_ASSERT_EQUAL(detected, 0);
}

static const struct unit_case cases[] = {
	{"fails without a grace period", fails_without_a_grace_period},
};

#else

static void check_owner(const struct owner *owner, uint64_t sums[PROXY_CLOSE_REASONS])
{
	const struct proxy_pools *pools = &owner->fixture.pools;
	uint64_t opened = 0;
	uint64_t closed = 0;
	uint64_t reused = 0;
	uint64_t shared = 0;

	for (int i = 0; i < UPSTREAMS; i++) {
		const struct proxy_pool *pool = &pools->pools[i];

		CU_ASSERT_EQUAL(pool->in_flight, 0);
		CU_ASSERT_EQUAL(pool->open_count, 0);
		CU_ASSERT_EQUAL(pool->idle_count, 0);
		CU_ASSERT_EQUAL(pool->slots_held, 0);
		opened += pool->opened;
		reused += pool->reused;
		shared += pool->shared;
		for (int reason = 0; reason < PROXY_CLOSE_REASONS; reason++) {
			closed += pool->closed[reason];
			sums[reason] += pool->closed[reason];
		}
	}
	CU_ASSERT_TRUE(proxy_pools_are_drained(pools));
	CU_ASSERT_EQUAL(pools->reserved, pools->guarantee * UPSTREAMS);
	CU_ASSERT(owner->takes >= TAKES_AN_OWNER);
	CU_ASSERT_EQUAL(opened + reused + shared, owner->takes);
	CU_ASSERT(reused > 0 && shared > 0);
	CU_ASSERT_EQUAL(owner->given_back, owner->takes);
	CU_ASSERT_EQUAL(opened, closed);
	CU_ASSERT_EQUAL(owner->closed_while_held, 0);
}

static void nothing_is_lost_and_nothing_used_after_its_close(void)
{
	uint64_t closed[PROXY_CLOSE_REASONS] = {0};
	struct manager_counts counts;
	struct owner *owners = owners_start(&counts);
	uint64_t sum = 0;

	manager_run(owners, &counts);
	owners_join(owners);
	for (int i = 0; i < OWNERS; i++)
		check_owner(&owners[i], closed);
	for (int reason = 0; reason < PROXY_CLOSE_REASONS; reason++) {
		// Each way to a close was gone, but for what a datagram can not tell, reloads,
		// checks and drains.
		CU_ASSERT((closed[reason] > 0) ==
			  (reason != PROXY_CLOSE_PEER && reason != PROXY_CLOSE_RELOAD &&
				  reason != PROXY_CLOSE_CHECK && reason != PROXY_CLOSE_DRAIN));
		sum += closed[reason];
	}
	CU_ASSERT_EQUAL(counts.closed, sum);
	CU_ASSERT(counts.marked > 0);
	printf("%llu takes, %llu refused, %llu closed, %llu marked ... ",
		(unsigned long long)(owners[0].takes + owners[1].takes),
		(unsigned long long)(owners[0].refused + owners[1].refused),
		(unsigned long long)counts.closed, (unsigned long long)counts.marked);
	owners_close(owners);
}

static const struct unit_case cases[] = {
	{"nothing is lost, and nothing used after its close",
		nothing_is_lost_and_nothing_used_after_its_close},
};

#endif

UNIT_MAIN("proxy threads", cases)
