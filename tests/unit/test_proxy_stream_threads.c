// SPDX-License-Identifier: BSD-3-Clause
// Two stream lcores have questions asked, answered and failed while the manager marks and closes
// their connections, all at once: the driver's state of a slot must be there for as long as its
// owner uses it, and each slot must come back. Under AddressSanitizer a connection that was closed
// is poisoned memory.
#include "proxy_stream_fixture.h"

#include "rcu/rcu.h"

#include <pthread.h>
#include <sched.h>

#define OWNERS 2
#define CONNECTIONS 300
#define OPENED_AN_OWNER UINT64_C(100000)
#define DRAIN_WAIT (30 * CLOCK_SECOND)

struct owner {
	struct stream_fixture *fixture;
	struct stream_tally tally;
	pthread_t thread;
	// Written by the owner, read by the manager.
	uint64_t now base_aligned(BASE_CACHE_LINE);
	bool is_finished;
};

struct manager_counts {
	uint64_t marked;
	uint64_t closed;
};

// The end of a turn: nothing of it is used any more.
static void owner_pass(struct owner *owner, uint64_t span)
{
	struct stream_fixture *fixture = owner->fixture;

	stream_pass(fixture, span);
	for (uint16_t slot = 0; slot < CONNECTIONS; slot++) {
		if (stream_is_in_use(fixture, slot) && !fixture->sockets[slot].is_opened)
			stream_opened(fixture, slot);
	}
	stream_tally_take(fixture, &owner->tally);
	base_store(&owner->now, fixture->now);
	rcu_reader_quiescent();
	(void)sched_yield();
}

// Busy for a while, and then so long without a question that what is idle is the sweep's.
static void owner_run(struct owner *owner)
{
	struct stream_fixture *fixture = owner->fixture;

	for (int i = 0; i < 20; i++) {
		stream_random_turn(fixture, &owner->tally);
		owner_pass(owner, random_stream_below(fixture->random, CLOCK_SECOND / 4));
	}
	for (int i = 0; i < 50; i++)
		owner_pass(owner, CLOCK_SECOND / 20);
}

// So that the end has something to stop.
static void owner_leave_one_idle(struct owner *owner)
{
	struct stream_fixture *fixture = owner->fixture;

	while (!stream_pool(fixture, 0)->idle_count) {
		owner->tally.asked += stream_ask_for(fixture, 1, 0, CLOCK_SECOND);
		for (uint32_t i = 0; i < fixture->opened_count; i++)
			stream_opened(fixture, fixture->opened[i]);
		for (uint32_t i = 0; i < fixture->sent_count; i++)
			stream_reply(fixture, i);
		if (!stream_pool(fixture, 0)->idle_count)
			owner_pass(owner, CLOCK_SECOND / 10);
	}
}

static void *owner_main(void *argument)
{
	struct owner *owner = argument;
	struct stream_fixture *fixture = owner->fixture;
	uint64_t until;

	rcu_reader_register();
	while (owner->tally.opened < OPENED_AN_OWNER)
		owner_run(owner);
	owner_leave_one_idle(owner);
	proxy_streams_stop(fixture->streams);
	until = clock_now() + DRAIN_WAIT;
	while (!proxy_streams_are_drained(fixture->streams) && clock_now() < until)
		owner_pass(owner, CLOCK_SECOND / 10);
	rcu_reader_unregister();
	base_store_release(&owner->is_finished, true);
	return NULL;
}

static void manager_run(struct owner owners[OWNERS], struct manager_counts *counts)
{
	static uint16_t scratch[OWNERS * CONNECTIONS];
	struct proxy_pools *const pools[OWNERS] = {
		proxy_streams_pools(owners[0].fixture->streams),
		proxy_streams_pools(owners[1].fixture->streams),
	};
	bool is_finished = false;

	while (!is_finished) {
		is_finished = true;
		for (int i = 0; i < OWNERS; i++) {
			is_finished &= base_load_acquire(&owners[i].is_finished);
			counts->marked += proxy_sweep_mark(pools[i], base_load(&owners[i].now));
		}
		counts->closed +=
			proxy_sweep_reap(pools, OWNERS, scratch, BASE_ARRAY_SIZE(scratch));
		(void)sched_yield();
	}
}

static void nothing_is_lost_while_the_manager_sweeps(void)
{
	static struct owner owners[OWNERS];
	struct manager_counts counts = {0};
	uint64_t destroyed = 0;

	for (int i = 0; i < OWNERS; i++) {
		owners[i].fixture = stream_fixture_open(&(struct stream_fixture_options){
			.settings = {.expire = CLOCK_SECOND,
				.max_age = 3 * CLOCK_SECOND / 2,
				.max_inflight = 4,
				.max_idle_conns = 10,
				.min_idle_conns = 3},
			.connections = CONNECTIONS,
			.questions = 4096,
		});
		owners[i].now = owners[i].fixture->now;
	}
	for (int i = 0; i < OWNERS; i++)
		CU_ASSERT_EQUAL_FATAL(
			pthread_create(&owners[i].thread, NULL, owner_main, &owners[i]), 0);
	manager_run(owners, &counts);
	for (int i = 0; i < OWNERS; i++) {
		const struct proxy_pool *pool = stream_pool(owners[i].fixture, 0);

		(void)pthread_join(owners[i].thread, NULL);
		stream_tally_check(owners[i].fixture, &owners[i].tally);
		for (int reason = 0; reason < PROXY_CLOSE_REASONS; reason++) {
			// Each way to a close was gone, but for those of reloads, checks and drains.
			CU_ASSERT((pool->closed[reason] > 0) ==
				  (reason != PROXY_CLOSE_RELOAD && reason != PROXY_CLOSE_CHECK &&
					  reason != PROXY_CLOSE_DRAIN));
		}
		destroyed += owners[i].fixture->destroyed_count;
		stream_fixture_close(owners[i].fixture);
	}
	CU_ASSERT_EQUAL(counts.closed, destroyed);
	CU_ASSERT(counts.marked > 0);
	printf("%llu connections, %llu marked ... ", (unsigned long long)destroyed,
		(unsigned long long)counts.marked);
}

static const struct unit_case cases[] = {
	{"nothing is lost while the manager sweeps", nothing_is_lost_while_the_manager_sweeps},
};

UNIT_MAIN("proxy stream threads", cases)
