// SPDX-License-Identifier: BSD-3-Clause
// Two owners exchange with upstreams while the manager goes from set to set, sweeps, and frees what
// was before: no query is lost, nothing is used after it was freed (which AddressSanitizer sees), and
// what left is drained.
#include "unit.h"

#include "base/clock.h"
#include "proxy/exchange.h"
#include "proxy/sweep.h"
#include "rcu/rcu.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#define OWNERS 2
#define FORWARDS 3
#define SERVERS 6 // of each forward, at the most
#define PORTS 600
#define PENDING 512
#define RELOADS 400
#define BURST_QUERIES 16
#define FOLLOW_WAIT (30 * CLOCK_SECOND)

// Ticks of the owners' clocks, which go one further with each burst.
static const struct proxy_settings settings = {
	.expire = 40,
	.max_age = 300,
	.max_idle_conns = 20,
	.read_timeout = 1000,
	.max_inflight = 1,
};

// What a snapshot says: the groups that take new queries.
struct view {
	uint16_t groups[FORWARDS];
	uint16_t group_count;
};

struct shared {
	// Written by the manager, under RCU.
	struct proxy_set *set;
	struct view *view;
	bool is_ended;
};

struct owner {
	struct shared *shared;
	struct proxy_lcore *lcore;
	struct random_stream *random;
	uint32_t slots[PENDING];
	uint32_t slot_count;
	uint64_t started;
	uint64_t finished;
	uint64_t failed_attempts;
	uint64_t given_up;
	pthread_t thread;
	// Written by the owner, read by the manager.
	uint64_t now base_aligned(BASE_CACHE_LINE);
	uint64_t followed;
	bool is_finished;
};

static const uint8_t query[] = {
	0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 'a', 4, 't', 'e', 's', 't', 0, 0, 1, 0, 1};

static void owner_follow(struct owner *owner)
{
	struct proxy_set *set = rcu_pointer_read(owner->shared->set);

	if (set->generation == owner->lcore->generation)
		return;
	proxy_lcore_adopt(owner->lcore, base_load_acquire(&owner->shared->set));
	base_store_release(&owner->followed, owner->lcore->generation);
}

// The query goes on its way, or is given up: where the manager is slow to close what has failed, all
// local ports may be used up. No other reason is good.
static void owner_attempt(struct owner *owner, uint32_t slot)
{
	struct proxy_attempt attempt;

	if (proxy_attempt_start(owner->lcore, slot, owner->now, &attempt)) {
		CU_ASSERT_NOT_EQUAL(attempt.upstream->presence, PROXY_FREE);
		owner->slots[owner->slot_count++] = slot;
		return;
	}
	CU_ASSERT_EQUAL(proxy_pending_at(&owner->lcore->pending, slot)->last_failure,
		PROXY_FAILURE_NO_PORT);
	proxy_query_finish(owner->lcore, slot, owner->now);
	owner->given_up++;
}

static void owner_ask(struct owner *owner)
{
	const struct view *view = rcu_pointer_read(owner->shared->view);
	uint16_t group = view->groups[random_stream_below(owner->random, view->group_count)];
	uint32_t slot;

	if (owner->slot_count == PENDING ||
		proxy_query_start(owner->lcore, group, query, sizeof(query), sizeof(query),
			owner->now, &slot) != PROXY_START_GOOD)
		return;
	owner->started++;
	owner_attempt(owner, slot);
}

// One of those on their way is answered, or fails and is asked again.
static void owner_answer(struct owner *owner)
{
	uint32_t at = random_stream_below(owner->random, owner->slot_count);
	uint32_t slot = owner->slots[at];

	owner->slots[at] = owner->slots[--owner->slot_count];
	if (random_stream_below(owner->random, 8)) {
		proxy_query_finish(owner->lcore, slot, owner->now);
		owner->finished++;
		return;
	}
	owner->failed_attempts++;
	proxy_attempt_fail(owner->lcore, slot, PROXY_FAILURE_TIMEOUT, owner->now);
	owner_attempt(owner, slot);
}

static void owner_burst(struct owner *owner, bool asks)
{
	owner_follow(owner);
	base_store(&owner->now, owner->now + 1);
	for (uint32_t i = 0; asks && i < random_stream_below(owner->random, BURST_QUERIES); i++)
		owner_ask(owner);
	for (uint32_t i = 0;
		owner->slot_count && i < random_stream_below(owner->random, BURST_QUERIES + 2); i++)
		owner_answer(owner);
	proxy_pools_read_messages(&owner->lcore->pools, UINT32_MAX, owner->now);
	rcu_reader_quiescent();
}

static void *owner_main(void *argument)
{
	struct owner *owner = argument;

	rcu_reader_register();
	while (!base_load(&owner->shared->is_ended)) {
		owner_burst(owner, true);
		if (owner->now % 16 == 0)
			(void)sched_yield();
	}
	while (owner->slot_count)
		owner_burst(owner, false);
	rcu_reader_unregister();
	base_store_release(&owner->is_finished, true);
	return NULL;
}

// The manager's.
struct manager {
	struct owner owners[OWNERS];
	struct shared shared;
	struct proxy_pools *pools[OWNERS];
	struct random_stream *random;
	uint64_t reused_numbers; // given to another after who had them was drained
	uint64_t came_back; // before they were drained
	uint64_t closed;
};

static bool is_upstream_drained(void *context, uint16_t upstream)
{
	const struct manager *manager = context;

	return proxy_lcore_upstream_is_drained(manager->owners[0].lcore, upstream) &&
	       proxy_lcore_upstream_is_drained(manager->owners[1].lcore, upstream);
}

static bool is_group_drained(void *context, uint16_t group)
{
	const struct manager *manager = context;

	return proxy_lcore_group_is_drained(manager->owners[0].lcore, group) &&
	       proxy_lcore_group_is_drained(manager->owners[1].lcore, group);
}

// Some forwards, the first always, with some servers each.
static struct proxy_set *make_set(struct manager *manager, const struct proxy_set *old)
{
	static const char *const identities[FORWARDS] = {"a", "b", "c"};
	static const struct net_path path = {.is_usable = true, .vlan = NET_VLAN_NONE};
	const struct proxy_drain drain = {manager, is_upstream_drained, is_group_drained};
	struct proxy_upstream_template servers[FORWARDS][SERVERS] = {0};
	struct proxy_group_template templates[FORWARDS] = {0};
	struct proxy_set *set;
	uint16_t count = 0;

	for (uint16_t i = 0; i < FORWARDS; i++) {
		struct proxy_group_template *template = &templates[count];

		if (i && random_stream_below(manager->random, 2))
			continue;
		*template = (struct proxy_group_template){.identity = identities[i],
			.settings = settings,
			.upstreams = servers[count]};
		for (uint16_t j = 0; j < SERVERS; j++) {
			if (template->upstream_count && random_stream_below(manager->random, 2))
				continue;
			servers[count][template->upstream_count++].endpoint.port =
				(uint16_t)(1 + random_stream_below(manager->random, 4) * SERVERS +
					   j);
		}
		count++;
	}
	set = old ? proxy_set_follow(old, templates, count, &drain)
		  : proxy_set_create(templates, count);
	CU_ASSERT_PTR_NOT_NULL_FATAL(set);
	for (uint16_t i = 0; i < set->upstream_count; i++) {
		struct net_path *none;

		if (set->upstreams[i].presence != PROXY_FREE)
			CU_ASSERT_EQUAL(
				proxy_upstream_set_path(&set->upstreams[i], &path, &none), 1);
	}
	return set;
}

static struct view *make_view(const struct proxy_set *set)
{
	struct view *view = calloc(1, sizeof(*view));

	CU_ASSERT_PTR_NOT_NULL_FATAL(view);
	for (uint16_t i = 0; i < set->group_count; i++) {
		if (set->groups[i].presence == PROXY_STAYS)
			view->groups[view->group_count++] = i;
	}
	return view;
}

static void sweep(struct manager *manager)
{
	static uint16_t scratch[OWNERS * PORTS];

	for (int i = 0; i < OWNERS; i++)
		(void)proxy_sweep_mark(manager->pools[i], base_load(&manager->owners[i].now));
	manager->closed +=
		proxy_sweep_reap(manager->pools, OWNERS, scratch, BASE_ARRAY_SIZE(scratch));
	(void)sched_yield();
}

static bool everybody_follows(const struct manager *manager, uint64_t generation)
{
	for (int i = 0; i < OWNERS; i++) {
		if (base_load_acquire(&manager->owners[i].followed) != generation)
			return false;
	}
	return true;
}

static void count_changes(
	struct manager *manager, const struct proxy_set *old, const struct proxy_set *set)
{
	for (uint16_t i = 0; i < set->upstream_count && i < old->upstream_count; i++) {
		bool left = old->upstreams[i].presence == PROXY_LEAVES;
		bool is_there = set->upstreams[i].presence == PROXY_STAYS;

		manager->reused_numbers +=
			left && is_there && set->upstreams_since[i] == set->generation;
		manager->came_back +=
			left && is_there && set->upstreams_since[i] != set->generation;
	}
}

static void reload(struct manager *manager)
{
	struct proxy_set *old = manager->shared.set;
	struct view *old_view = manager->shared.view;
	struct proxy_set *set = make_set(manager, old);
	uint64_t until = clock_now() + FOLLOW_WAIT;

	count_changes(manager, old, set);
	rcu_pointer_publish(manager->shared.set, set);
	for (int i = 0; i < OWNERS; i++)
		proxy_sweep_follow(manager->pools[i], set);
	while (!everybody_follows(manager, set->generation) && clock_now() < until)
		sweep(manager);
	CU_ASSERT_TRUE_FATAL(everybody_follows(manager, set->generation));
	rcu_pointer_publish(manager->shared.view, make_view(set));
	rcu_wait_grace_period();
	proxy_set_destroy(old);
	free(old_view);
	for (uint32_t i = random_stream_below(manager->random, 24); i; i--)
		sweep(manager);
}

static void owner_open(struct manager *manager, uint16_t index)
{
	const uint8_t seed[RANDOM_SEED_BYTES] = {(uint8_t)(index + 1)};
	struct owner *owner = &manager->owners[index];
	const struct proxy_lcore_options options = {
		.pending_count = PENDING,
		.first_port = (uint16_t)(20000 + index * PORTS),
		.port_count = PORTS,
		.lcore_count = OWNERS,
		.lcore_index = index,
	};

	*owner = (struct owner){.shared = &manager->shared, .random = random_stream_create(seed)};
	CU_ASSERT_PTR_NOT_NULL_FATAL(owner->random);
	owner->lcore = proxy_lcore_create(manager->shared.set, owner->random, &options);
	CU_ASSERT_PTR_NOT_NULL_FATAL(owner->lcore);
	manager->pools[index] = &owner->lcore->pools;
}

static void owner_check(const struct owner *owner)
{
	CU_ASSERT_EQUAL(owner->started, owner->finished + owner->given_up);
	CU_ASSERT(owner->finished > RELOADS);
	CU_ASSERT(owner->failed_attempts > RELOADS);
	CU_ASSERT_EQUAL(proxy_in_flight(owner->lcore), 0);
	for (uint16_t i = 0; i < owner->lcore->set->group_count; i++)
		CU_ASSERT_EQUAL(owner->lcore->groups[i].in_flight, 0);
	for (uint16_t i = 0; i < owner->lcore->set->upstream_count; i++)
		CU_ASSERT_EQUAL(owner->lcore->counts[i].load.in_flight, 0);
}

static void nothing_is_lost_over_reloads(void)
{
	static const uint8_t seed[RANDOM_SEED_BYTES] = {9};
	static struct manager manager;
	bool is_finished = false;

	manager = (struct manager){.random = random_stream_create(seed)};
	CU_ASSERT_PTR_NOT_NULL_FATAL(manager.random);
	manager.shared.set = make_set(&manager, NULL);
	manager.shared.view = make_view(manager.shared.set);
	for (uint16_t i = 0; i < OWNERS; i++)
		owner_open(&manager, i);
	for (int i = 0; i < OWNERS; i++)
		CU_ASSERT_EQUAL_FATAL(pthread_create(&manager.owners[i].thread, NULL, owner_main,
					      &manager.owners[i]),
			0);
	for (int i = 0; i < RELOADS; i++)
		reload(&manager);
	base_store(&manager.shared.is_ended, true);
	while (!is_finished) {
		sweep(&manager);
		is_finished = base_load_acquire(&manager.owners[0].is_finished) &&
			      base_load_acquire(&manager.owners[1].is_finished);
	}
	for (int i = 0; i < OWNERS; i++) {
		(void)pthread_join(manager.owners[i].thread, NULL);
		owner_check(&manager.owners[i]);
	}
	printf("%llu queries, %llu numbers reused, %llu came back, %llu closed ... ",
		(unsigned long long)(manager.owners[0].started + manager.owners[1].started),
		(unsigned long long)manager.reused_numbers, (unsigned long long)manager.came_back,
		(unsigned long long)manager.closed);
	CU_ASSERT(manager.reused_numbers > RELOADS / 4);
	CU_ASSERT(manager.came_back > 0);
	for (int i = 0; i < OWNERS; i++) {
		proxy_lcore_destroy(manager.owners[i].lcore);
		random_stream_destroy(manager.owners[i].random);
	}
	proxy_set_destroy(manager.shared.set);
	free(manager.shared.view);
	random_stream_destroy(manager.random);
}

static const struct unit_case cases[] = {
	{"nothing is lost over reloads", nothing_is_lost_over_reloads},
};

UNIT_MAIN("proxy reload threads", cases)
