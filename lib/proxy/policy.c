// SPDX-License-Identifier: BSD-3-Clause
#include "proxy/policy.h"

#include <string.h>

// How often a draw that met an upstream that is down is repeated.
#define DRAWS_MOST 8

// A queue may be a quarter longer than the mean of all.
#define BOUND_NUMERATOR 5
#define BOUND_DENOMINATOR 4

// What a choice is made by.
struct choice {
	struct proxy_lcore *lcore;
	const struct proxy_group *group;
	uint32_t in_flight; // queries of the group, that which is chosen for among them
	uint32_t question;
	uint64_t now;
};

uint32_t proxy_question_hash(const uint8_t *message, uint16_t question_end)
{
	// Folds more than letters: what is equal stays equal.
	const uint64_t lower_case = UINT64_C(0x2020202020202020);
	uint64_t hash = question_end;

	for (size_t at = DNS_HEADER_BYTES; at < question_end; at += sizeof(uint64_t)) {
		size_t left = question_end - at;
		uint64_t word = 0;

		memcpy(&word, message + at, left < sizeof(word) ? left : sizeof(word));
		hash = (hash ^ (word | lower_case)) * UINT64_C(0x9e3779b97f4a7c15);
		hash ^= hash >> 32;
	}
	return (uint32_t)(hash * UINT64_C(0xc2b2ae3d27d4eb4f) >> 32);
}

static bool is_up(const struct choice *choice, uint16_t position)
{
	uint16_t upstream = proxy_group_upstream(choice->group, position);

	return !proxy_upstream_takes_none(&choice->lcore->set->upstreams[upstream]);
}

static struct proxy_load *load_at(const struct choice *choice, uint16_t position)
{
	return &choice->lcore->counts[proxy_group_upstream(choice->group, position)].load;
}

static uint16_t position_add(const struct choice *choice, uint32_t position, uint32_t more)
{
	uint16_t count = choice->group->upstream_count;

	position += more;
	return (uint16_t)(position < count ? position : position - count);
}

static uint16_t draw(const struct choice *choice)
{
	return (uint16_t)random_stream_below(choice->lcore->random, choice->group->upstream_count);
}

static uint16_t choose_weighted(const struct choice *choice)
{
	uint16_t position = 0;

	for (int draws = 0; draws < DRAWS_MOST; draws++) {
		position = draw(choice);
		if (random_stream_u32(choice->lcore->random) >=
			choice->group->aliases[position].threshold)
			position = choice->group->aliases[position].other;
		if (is_up(choice, position))
			break;
	}
	return position;
}

// Ties go to the first from a random start on, so that all have their turn.
static uint16_t choose_least_outstanding(const struct choice *choice)
{
	uint16_t start = draw(choice);
	uint16_t best = start;
	uint32_t least = UINT32_MAX;

	for (uint16_t looks = 0;
		looks < choice->group->upstream_count && looks < PROXY_POLICY_LOOKS_MOST; looks++) {
		uint16_t position = position_add(choice, start, looks);

		if (load_at(choice, position)->in_flight < least && is_up(choice, position)) {
			best = position;
			least = load_at(choice, position)->in_flight;
		}
	}
	return best;
}

// What one more query there costs.
static uint64_t load_cost(const struct proxy_load *load, uint64_t now)
{
	return (proxy_load_round_trip(load, now) + UINT64_C(1)) * (load->in_flight + UINT64_C(1));
}

// True if `a` is to be preferred. Before both have answered, the shorter queue is.
static bool is_faster(const struct proxy_load *a, const struct proxy_load *b, uint64_t now)
{
	if (!a->round_trip || !b->round_trip)
		return a->in_flight < b->in_flight;
	return load_cost(a, now) < load_cost(b, now);
}

// The better of two that are drawn: nearly as good as the best of all, and no herd follows one
// measurement.
static uint16_t choose_fastest(const struct choice *choice)
{
	uint16_t first = 0;

	for (int draws = 0; draws < DRAWS_MOST; draws++) {
		uint32_t apart = 1 + random_stream_below(choice->lcore->random,
					     (uint32_t)choice->group->upstream_count - 1);
		uint16_t second;

		first = draw(choice);
		second = position_add(choice, first, apart);
		if (!is_up(choice, second) && !is_up(choice, first))
			continue;
		if (!is_up(choice, first) ||
			(is_up(choice, second) && is_faster(load_at(choice, second),
							  load_at(choice, first), choice->now)))
			return second;
		return first;
	}
	return first;
}

// No more in flight there than a quarter above the mean.
static bool is_within_bound(const struct choice *choice, uint32_t in_flight)
{
	return in_flight < PROXY_HASH_BUSY ||
	       (uint64_t)in_flight * choice->group->upstream_count * BOUND_DENOMINATOR <
		       (uint64_t)choice->in_flight * BOUND_NUMERATOR;
}

static bool may_take(const struct choice *choice, uint16_t position)
{
	return is_up(choice, position) &&
	       is_within_bound(choice, load_at(choice, position)->in_flight);
}

// The upstream of the question's bucket, or of the first other bucket, by the question as well,
// whose upstream is up and not too busy; else the next such upstream; else the next that is up.
static uint16_t choose_by_question(const struct choice *choice)
{
	const uint16_t *buckets = choice->group->buckets;
	uint32_t step = choice->question << 1 | 1;
	uint32_t bucket = choice->question >> (32 - PROXY_BUCKETS_SHIFT);
	uint16_t home = buckets[bucket];
	uint16_t best = home;

	for (int draws = 0; draws < DRAWS_MOST; draws++) {
		uint16_t position = buckets[bucket];

		if (base_likely(may_take(choice, position)))
			return position;
		bucket = (bucket + step) & (PROXY_BUCKETS - 1);
	}
	for (uint16_t looks = 0;
		looks < choice->group->upstream_count && looks < PROXY_POLICY_LOOKS_MOST; looks++) {
		uint16_t position = position_add(choice, home, looks);

		if (may_take(choice, position))
			return position;
		if (!is_up(choice, best))
			best = position;
	}
	return best;
}

// Left out while it fails; of those that come after the pause, one tries it.
static bool is_left_out(struct proxy_load *load, uint64_t now)
{
	if (base_likely(load->failures < PROXY_FAILING_AFTER))
		return false;
	if (proxy_load_time(now) - load->changed_at < PROXY_FAILING_PAUSE)
		return true;
	load->changed_at = proxy_load_time(now);
	return false;
}

static uint16_t choose_ordered(const struct choice *choice)
{
	uint16_t first_up = 0;
	bool has_first_up = false;

	for (uint16_t position = 0;
		position < choice->group->upstream_count && position < PROXY_POLICY_LOOKS_MOST;
		position++) {
		if (!is_up(choice, position))
			continue;
		if (!is_left_out(load_at(choice, position), choice->now))
			return position;
		if (!has_first_up)
			first_up = position;
		has_first_up = true;
	}
	return first_up;
}

static uint16_t choose_first(const struct choice *choice)
{
	switch (choice->group->settings.policy) {
	case PROXY_POLICY_LEAST_OUTSTANDING:
		return choose_least_outstanding(choice);
	case PROXY_POLICY_FASTEST:
		return choose_fastest(choice);
	case PROXY_POLICY_WEIGHTED:
		return choose_weighted(choice);
	case PROXY_POLICY_HASH:
		return choose_by_question(choice);
	case PROXY_POLICY_ORDERED:
		return choose_ordered(choice);
	case PROXY_POLICY_RANDOM:
	case PROXY_POLICY_ROUND_ROBIN:
	case PROXY_POLICY_SEQUENTIAL:
		break;
	}
	return 0;
}

struct proxy_order proxy_policy_choose(
	struct proxy_lcore *lcore, uint16_t group, uint32_t question, uint64_t now)
{
	const struct choice choice = {
		.lcore = lcore,
		.group = &lcore->set->groups[group],
		.in_flight = lcore->groups[group].in_flight,
		.question = question,
		.now = now,
	};
	enum proxy_policy policy = choice.group->settings.policy;
	uint16_t strides = choice.group->stride_count;
	struct proxy_order order = {.position = 0, .stride = 1};

	if (choice.group->upstream_count == 1)
		return order;
	order.position = choose_first(&choice);
	if (policy == PROXY_POLICY_HASH)
		order.stride =
			choice.group->strides[(uint64_t)(question * 0x9e3779b1u) * strides >> 32];
	else if (policy != PROXY_POLICY_ORDERED)
		order.stride = choice.group->strides[random_stream_below(lcore->random, strides)];
	return order;
}
