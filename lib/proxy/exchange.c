// SPDX-License-Identifier: BSD-3-Clause
#include "proxy/exchange.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/table_memory.h"
#include "proxy/exchange_private.h"
#include "proxy/hedge.h"
#include "proxy/policy.h"
#include "rcu/rcu.h"

static int partners_init(struct proxy_lcore *lcore)
{
	lcore->partners =
		table_memory_allocate_zeroed(lcore->pending.slot_count * sizeof(*lcore->partners));
	return lcore->partners ? 0 : -ENOMEM;
}

static int proxy_lcore_fill(
	struct proxy_lcore *lcore, struct proxy_set *set, const struct proxy_lcore_options *options)
{
	const struct proxy_pools_options pools = {
		.first_port = options->first_port,
		.port_count = options->port_count,
		.lcore_count = options->lcore_count,
		.lcore_index = options->lcore_index,
	};
	int error;

	lcore->groups =
		table_memory_allocate_zeroed((set->group_capacity + 1u) * sizeof(*lcore->groups));
	lcore->counts = table_memory_allocate_zeroed(
		(set->upstream_capacity + 1u) * sizeof(*lcore->counts));
	if (!lcore->groups || !lcore->counts)
		return -ENOMEM;
	error = proxy_health_link_init(&lcore->health);
	if (!error)
		error = proxy_pending_table_init(
			&lcore->pending, options->pending_count, options->port_count);
	if (!error)
		error = partners_init(lcore);
	if (!error)
		error = timer_wheel_init(&lcore->wheel, lcore->pending.slot_count, options->now);
	if (!error)
		error = proxy_pools_init(&lcore->pools, set, lcore->random, &pools);
	if (!error)
		proxy_lcore_adopt(lcore, set);
	return error;
}

struct proxy_lcore *proxy_lcore_create(struct proxy_set *set, struct random_stream *random,
	const struct proxy_lcore_options *options)
{
	struct proxy_lcore *lcore;
	int error;

	if (!options->pending_count || !options->lcore_count) {
		errno = EINVAL;
		return NULL;
	}
	lcore = table_memory_allocate_zeroed(sizeof(*lcore));
	if (!lcore)
		return NULL;
	lcore->random = random;
	lcore->lcore_count = options->lcore_count;
	lcore->lcore_index = options->lcore_index;
	error = proxy_lcore_fill(lcore, set, options);
	if (error) {
		proxy_lcore_destroy(lcore);
		errno = -error;
		return NULL;
	}
	return lcore;
}

void proxy_lcore_destroy(struct proxy_lcore *lcore)
{
	if (!lcore)
		return;
	proxy_pools_fini(&lcore->pools);
	proxy_pending_table_fini(&lcore->pending);
	proxy_health_link_fini(&lcore->health);
	timer_wheel_fini(&lcore->wheel);
	free(lcore->partners);
	free(lcore->counts);
	free(lcore->groups);
	free(lcore);
}

static struct proxy_order pending_order(
	struct proxy_lcore *lcore, struct proxy_pending *pending, uint64_t now)
{
	const struct proxy_group *group = &lcore->set->groups[pending->group];
	enum proxy_policy policy = group->settings.policy;
	uint32_t question = 0;

	if (base_likely(policy <= PROXY_POLICY_SEQUENTIAL))
		return proxy_order_start(group, &lcore->groups[pending->group].turn, lcore->random);
	if (policy == PROXY_POLICY_HASH)
		question = proxy_question_hash(
			proxy_pending_message(&lcore->pending, pending), pending->question_end);
	return proxy_policy_choose(lcore, pending->group, question, now);
}

// Its upstreams are as new to the query.
static void pending_enter_group(
	struct proxy_lcore *lcore, struct proxy_pending *pending, uint16_t group, uint64_t now)
{
	struct proxy_group_state *state = &lcore->groups[group];

	base_store(&state->in_flight, state->in_flight + 1);
	if (lcore->set->groups[group].settings.hedge)
		state->hedge_tokens += state->hedge_tokens < PROXY_HEDGE_TOKENS_MOST;
	pending->group = group;
	pending->order = pending_order(lcore, pending, now);
	pending->passed = 0;
	pending->failed_attempts = 0;
	pending->last_failure = PROXY_FAILURE_TIMEOUT;
	pending->has_tried_down = false;
	pending->met_failfast = false;
}

enum proxy_start proxy_query_start(struct proxy_lcore *lcore, uint16_t group,
	const uint8_t *message, uint16_t length, uint16_t question_end, uint64_t now,
	uint32_t *slot)
{
	struct proxy_group_state *state = &lcore->groups[group];
	struct proxy_pending *pending;

	if (state->in_flight >= state->limit)
		return PROXY_START_CONCURRENT;
	*slot = proxy_pending_allocate(&lcore->pending, message, length);
	if (*slot == PROXY_PENDING_NONE)
		return PROXY_START_NO_ROOM;
	pending = proxy_pending_at(&lcore->pending, *slot);
	pending->deadline = now + PROXY_QUERY_DEADLINE;
	pending->question_end = question_end;
	pending_enter_group(lcore, pending, group, now);
	pending->client_carrier = PROXY_CARRIER_DATAGRAM;
	pending->is_check = false;
	return PROXY_START_GOOD;
}

void proxy_query_set_carrier(struct proxy_lcore *lcore, uint32_t slot, enum proxy_carrier carrier)
{
	proxy_pending_at(&lcore->pending, slot)->client_carrier = (uint8_t)carrier;
}

// The next upstream of its group is the one to be asked.
static void pending_pass(const struct proxy_lcore *lcore, struct proxy_pending *pending)
{
	proxy_order_next(&pending->order, &lcore->set->groups[pending->group]);
	pending->passed += pending->passed < UINT16_MAX;
}

static void attempt_count_failure(struct proxy_lcore *lcore, struct proxy_pending *pending,
	enum proxy_failure failure, uint64_t now)
{
	const struct proxy_settings *settings = &lcore->set->groups[pending->group].settings;
	struct proxy_upstream_counts *counts = &lcore->counts[pending->upstream];

	base_store(&counts->failed[failure], counts->failed[failure] + 1);
	if (proxy_failure_is_of_upstream(failure)) {
		proxy_load_failed(&counts->load, settings->read_timeout, now);
		proxy_health_tell_failure(&lcore->health, lcore->set, pending->upstream);
	}
	pending->failed_attempts++;
	pending->last_failure = (uint8_t)failure;
	pending_pass(lcore, pending);
}

// The next query to this upstream will most likely take this connection.
static void attempt_prefetch_next(const struct proxy_lcore *lcore, uint16_t upstream)
{
	uint16_t next = proxy_pool_next(&lcore->pools, upstream);

	if (next == PROXY_SLOT_NONE)
		return;
	base_prefetch_write(&lcore->pools.connections[next]);
	proxy_pending_prefetch(&lcore->pending, next);
}

// FORWARD.md: TLS is always TLS; else as told, or as the client came.
static bool attempt_wants_stream(const struct proxy_settings *settings,
	const struct proxy_upstream *upstream, const struct proxy_pending *pending)
{
	if (base_unlikely(upstream->is_tls || settings->force_tcp))
		return true;
	return base_unlikely(pending->client_carrier == PROXY_CARRIER_STREAM) &&
	       !settings->prefer_udp;
}

void proxy_attempt_start_stream(
	struct proxy_lcore *lcore, struct proxy_pending *pending, struct proxy_attempt *attempt)
{
	pending->connection = PROXY_SLOT_STREAM;
	pending->stream_attempt = ++lcore->stream_attempts;
	*attempt = (struct proxy_attempt){
		.upstream = &lcore->set->upstreams[pending->upstream],
		.carrier = PROXY_CARRIER_STREAM,
		.stream_attempt = pending->stream_attempt,
	};
}

bool proxy_attempt_start_datagram(struct proxy_lcore *lcore, uint32_t slot, uint16_t connection,
	const struct net_path *path, uint64_t now, struct proxy_attempt *attempt)
{
	struct proxy_pending *pending = proxy_pending_at(&lcore->pending, slot);

	if (base_unlikely(!proxy_pending_file(&lcore->pending, slot, connection, lcore->random))) {
		proxy_pool_give_back(&lcore->pools, connection, now);
		return false;
	}
	pending->local_address = path->source;
	*attempt = (struct proxy_attempt){
		.upstream = &lcore->set->upstreams[pending->upstream],
		.path = path,
		.local_port = proxy_pools_local_port(&lcore->pools, connection),
		.id = pending->id,
	};
	return true;
}

// False with the failure counted.
static bool attempt_try_datagram(
	struct proxy_lcore *lcore, uint32_t slot, uint64_t now, struct proxy_attempt *attempt)
{
	struct proxy_pending *pending = proxy_pending_at(&lcore->pending, slot);
	uint16_t index = pending->upstream;
	const struct net_path *path = rcu_pointer_read(lcore->set->upstreams[index].path);
	uint16_t connection;

	if (base_unlikely(!path || !path->is_usable)) {
		attempt_count_failure(lcore, pending, PROXY_FAILURE_NO_PATH, now);
		return false;
	}
	connection = proxy_pool_take(&lcore->pools, index, now);
	if (base_unlikely(
		    connection == PROXY_SLOT_NONE ||
		    !proxy_attempt_start_datagram(lcore, slot, connection, path, now, attempt))) {
		attempt_count_failure(lcore, pending, PROXY_FAILURE_NO_PORT, now);
		return false;
	}
	attempt_prefetch_next(lcore, index);
	return true;
}

// Tries the upstream whose turn it is. False with the failure counted.
static bool attempt_try_upstream(
	struct proxy_lcore *lcore, uint32_t slot, uint64_t now, struct proxy_attempt *attempt)
{
	struct proxy_pending *pending = proxy_pending_at(&lcore->pending, slot);
	const struct proxy_group *group = &lcore->set->groups[pending->group];

	pending->upstream = proxy_group_upstream(group, pending->order.position);
	if (base_unlikely(attempt_wants_stream(
		    &group->settings, &lcore->set->upstreams[pending->upstream], pending))) {
		proxy_attempt_start_stream(lcore, pending, attempt);
		return true;
	}
	return attempt_try_datagram(lcore, slot, now, attempt);
}

uint64_t proxy_attempt_until(const struct proxy_lcore *lcore, const struct proxy_pending *pending)
{
	uint64_t until =
		pending->sent_at + lcore->set->groups[pending->group].settings.read_timeout;

	return until < pending->deadline ? until : pending->deadline;
}

// When its timer is to go off: at the end, or while it has time left, for a first attempt that may
// get a second one beside it.
static uint64_t attempt_alarm(
	const struct proxy_lcore *lcore, struct proxy_pending *pending, uint64_t until)
{
	const struct proxy_group *group = &lcore->set->groups[pending->group];
	uint64_t hedge = group->settings.hedge;

	if (base_likely(!hedge && pending->hedge == PROXY_HEDGE_NONE))
		return until;
	if (pending->hedge == PROXY_HEDGE_SECOND)
		return until;
	pending->hedge = PROXY_HEDGE_NONE;
	if (!hedge || pending->passed || pending->is_check || group->upstream_count == 1 ||
		pending->sent_at + hedge >= until)
		return until;
	pending->hedge = PROXY_HEDGE_DUE;
	return pending->sent_at + hedge;
}

// The attempt is on its way: until when, and that it was sent.
static void attempt_arm(
	struct proxy_lcore *lcore, uint32_t slot, uint64_t now, struct proxy_attempt *attempt)
{
	struct proxy_pending *pending = proxy_pending_at(&lcore->pending, slot);
	struct proxy_upstream_counts *counts = &lcore->counts[pending->upstream];

	pending->sent_at = now;
	attempt->slot = slot;
	attempt->until = proxy_attempt_until(lcore, pending);
	timer_wheel_arm(&lcore->wheel, slot, attempt_alarm(lcore, pending, attempt->until));
	base_store(&counts->sent, counts->sent + 1);
	proxy_load_begin(&counts->load);
}

static bool attempt_may_be_made(
	const struct proxy_lcore *lcore, const struct proxy_pending *pending, uint64_t now)
{
	uint32_t most = lcore->set->groups[pending->group].settings.max_connect_attempts;

	return (!most || pending->failed_attempts < most) && now < pending->deadline;
}

// What a look at all upstreams, in the order of the query, found.
struct attempt_looks {
	struct proxy_order left_out; // the first that is on its way back, and takes few
	bool has_left_out;
	bool has_tried; // one or more that failed at once
};

// The position of any of those that are down; false where all are in drain. They are two looks, and
// in between one may have changed: then it is the last that was found.
static bool group_draw_down(
	const struct proxy_lcore *lcore, const struct proxy_group *group, uint16_t *position)
{
	uint32_t count = 0;
	uint32_t drawn;

	for (uint16_t i = 0; i < group->upstream_count; i++)
		count += !proxy_upstream_is_in_drain(
			&lcore->set->upstreams[proxy_group_upstream(group, i)]);
	if (!count)
		return false;
	drawn = random_stream_below(lcore->random, count);
	for (uint16_t i = 0; i < group->upstream_count; i++) {
		if (proxy_upstream_is_in_drain(
			    &lcore->set->upstreams[proxy_group_upstream(group, i)]))
			continue;
		*position = i;
		if (!drawn--)
			break;
	}
	return true;
}

// No upstream took the query. True: it goes to one nevertheless, which pending.order is at.
static bool attempt_insist(
	struct proxy_lcore *lcore, struct proxy_pending *pending, const struct attempt_looks *looks)
{
	const struct proxy_group *group = &lcore->set->groups[pending->group];

	if (looks->has_left_out) {
		pending->order = looks->left_out;
		return true;
	}
	if (looks->has_tried || pending->has_tried_down)
		return false;
	base_store(&lcore->all_down, lcore->all_down + 1);
	pending->has_tried_down = true;
	pending->met_failfast = group->health.is_failfast ||
				!group_draw_down(lcore, group, &pending->order.position);
	return !pending->met_failfast;
}

bool proxy_attempt_start(
	struct proxy_lcore *lcore, uint32_t slot, uint64_t now, struct proxy_attempt *attempt)
{
	struct proxy_pending *pending = proxy_pending_at(&lcore->pending, slot);
	const struct proxy_group *group = &lcore->set->groups[pending->group];
	struct attempt_looks found = {0};
	// Who is on its way back is spared where a query comes first, and asked where others failed.
	bool is_first = pending->passed == 0;
	bool is_started = false;

	proxy_order_fit(&pending->order, group);
	// Upstreams that fail at once are each looked at once a call, whatever the settings say.
	for (uint16_t looks = 0; !is_started && looks < group->upstream_count; looks++) {
		const struct proxy_upstream *upstream =
			&lcore->set
				 ->upstreams[proxy_group_upstream(group, pending->order.position)];

		if (!attempt_may_be_made(lcore, pending, now))
			return false;
		if (base_likely(is_first) ? proxy_upstream_takes(upstream, lcore->random)
					  : !proxy_upstream_takes_none(upstream)) {
			found.has_tried = true;
			is_started = attempt_try_upstream(lcore, slot, now, attempt);
			continue;
		}
		if (!found.has_left_out && !proxy_upstream_takes_none(upstream)) {
			found.has_left_out = true;
			found.left_out = pending->order;
		}
		pending_pass(lcore, pending);
	}
	if (base_unlikely(!is_started) && attempt_may_be_made(lcore, pending, now) &&
		attempt_insist(lcore, pending, &found))
		is_started = attempt_try_upstream(lcore, slot, now, attempt);
	if (is_started)
		attempt_arm(lcore, slot, now, attempt);
	return is_started;
}

void proxy_attempt_end(struct proxy_lcore *lcore, uint32_t slot, uint64_t now)
{
	struct proxy_pending *pending = proxy_pending_at(&lcore->pending, slot);

	timer_wheel_cancel(&lcore->wheel, slot);
	proxy_load_end(&lcore->counts[pending->upstream].load);
	if (base_likely(pending->connection != PROXY_SLOT_STREAM)) {
		proxy_pending_unfile(&lcore->pending, slot);
		proxy_pool_give_back(&lcore->pools, pending->connection, now);
	}
	pending->connection = PROXY_SLOT_NONE;
}

bool proxy_attempt_start_again(
	struct proxy_lcore *lcore, uint32_t slot, uint64_t now, struct proxy_attempt *attempt)
{
	struct proxy_pending *pending = proxy_pending_at(&lcore->pending, slot);

	if (!lcore->set->groups[pending->group].settings.prefer_udp ||
		pending->connection == PROXY_SLOT_STREAM || now >= pending->deadline)
		return false;
	proxy_attempt_end(lcore, slot, now);
	proxy_attempt_start_stream(lcore, pending, attempt);
	attempt_arm(lcore, slot, now, attempt);
	return true;
}

void proxy_attempt_fail(
	struct proxy_lcore *lcore, uint32_t slot, enum proxy_failure failure, uint64_t now)
{
	struct proxy_pending *pending = proxy_pending_at(&lcore->pending, slot);

	if (base_likely(pending->connection != PROXY_SLOT_STREAM))
		proxy_pool_retire(&lcore->pools, pending->connection, PROXY_CLOSE_ERROR);
	proxy_attempt_end(lcore, slot, now);
	attempt_count_failure(lcore, pending, failure, now);
}

void proxy_attempt_finish(struct proxy_lcore *lcore, uint32_t slot, uint64_t now)
{
	struct proxy_pending *pending = proxy_pending_at(&lcore->pending, slot);
	struct proxy_upstream_counts *counts = &lcore->counts[pending->upstream];

	base_store(&counts->answered, counts->answered + 1);
	proxy_load_answered(&counts->load, now - pending->sent_at, now);
	proxy_attempt_end(lcore, slot, now);
}

// It can be asked now, as far as is known.
static bool upstream_is_reachable(const struct proxy_lcore *lcore,
	const struct proxy_pending *pending, const struct proxy_order *order)
{
	const struct proxy_group *group = &lcore->set->groups[pending->group];
	const struct proxy_upstream *upstream =
		&lcore->set->upstreams[proxy_group_upstream(group, order->position)];
	const struct net_path *path;

	if (proxy_upstream_takes_none(upstream))
		return false;
	if (attempt_wants_stream(&group->settings, upstream, pending))
		return true;
	path = rcu_pointer_read(upstream->path);
	return path && path->is_usable;
}

bool proxy_order_find_next(const struct proxy_lcore *lcore, const struct proxy_pending *pending,
	struct proxy_order *order, uint16_t *passed)
{
	const struct proxy_group *group = &lcore->set->groups[pending->group];

	*order = pending->order;
	proxy_order_fit(order, group);
	for (uint32_t i = pending->passed + 1u; i < group->upstream_count; i++) {
		proxy_order_next(order, group);
		*passed = (uint16_t)i;
		if (upstream_is_reachable(lcore, pending, order))
			return true;
	}
	return false;
}

bool proxy_query_fail_over(struct proxy_lcore *lcore, uint32_t slot, uint64_t now)
{
	struct proxy_pending *pending = proxy_pending_at(&lcore->pending, slot);
	struct proxy_order order;
	uint16_t passed;

	if (now >= pending->deadline || !proxy_order_find_next(lcore, pending, &order, &passed))
		return false;
	proxy_attempt_finish(lcore, slot, now);
	pending->order = order;
	pending->passed = passed;
	return true;
}

bool proxy_attempt_start_there(
	struct proxy_lcore *lcore, uint32_t slot, uint64_t now, struct proxy_attempt *attempt)
{
	if (!attempt_try_upstream(lcore, slot, now, attempt))
		return false;
	attempt_arm(lcore, slot, now, attempt);
	return true;
}

bool proxy_query_hand_over(struct proxy_lcore *lcore, uint32_t slot, uint16_t group, uint64_t now)
{
	struct proxy_pending *pending = proxy_pending_at(&lcore->pending, slot);

	if (lcore->groups[group].in_flight >= lcore->groups[group].limit)
		return false;
	proxy_attempt_finish(lcore, slot, now);
	base_store(&lcore->groups[pending->group].in_flight,
		lcore->groups[pending->group].in_flight - 1);
	pending_enter_group(lcore, pending, group, now);
	return true;
}

void proxy_query_finish(struct proxy_lcore *lcore, uint32_t slot, uint64_t now)
{
	struct proxy_pending *pending = proxy_pending_at(&lcore->pending, slot);

	if (base_unlikely(proxy_query_is_hedged(lcore, slot)))
		proxy_hedge_abandon(lcore, slot, now);
	if (pending->connection != PROXY_SLOT_NONE)
		proxy_attempt_finish(lcore, slot, now);
	else
		timer_wheel_cancel(&lcore->wheel, slot); // of a pause
	base_store(&lcore->groups[pending->group].in_flight,
		lcore->groups[pending->group].in_flight - 1);
	proxy_pending_free(&lcore->pending, slot);
}
