// SPDX-License-Identifier: BSD-3-Clause
#include "forwarder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/check.h"
#include "proxy/pause.h"
#include "proxy/sweep.h"

#define START (UINT64_C(1000) << 30) // a tick of the timer wheel begins here
#define SCRATCH_SLOTS 65536

static void ring_of_sent_append(
	struct forwarder *forwarder, uint16_t lcore, const struct net_frame *frame)
{
	size_t at = (forwarder->sent_head + forwarder->sent_count) % FORWARDER_SENT_MOST;

	if (forwarder->sent_count == FORWARDER_SENT_MOST) {
		fprintf(stderr, "more frames were sent than a test has room for\n");
		abort();
	}
	forwarder->sent_count++;
	forwarder->sent[at] = (struct forwarder_sent){.frame = *frame, .lcore = lcore};
	(void)net_frame_parse(&forwarder->sent[at].frame);
}

static bool sink_allocate(void *context, struct net_frame *frame)
{
	struct forwarder_port *port = context;

	return packet_allocate(&port->forwarder->packets, frame);
}

static void sink_send(void *context, struct net_frame *frame)
{
	struct forwarder_port *port = context;

	ring_of_sent_append(port->forwarder, port->lcore, frame);
}

static void sink_release(void *context, struct net_frame *frame)
{
	struct forwarder_port *port = context;

	packet_release(&port->forwarder->packets, frame);
}

static enum forward_handover sink_to_kernel(void *context, struct net_frame *frame)
{
	struct forwarder_port *port = context;

	// The kernel has no further part in a test: its frames are over, too.
	packet_release(&port->forwarder->packets, frame);
	return port->forwarder->kernel;
}

static enum forward_handover sink_to_lcore(void *context, struct net_frame *frame, uint16_t lcore)
{
	struct forwarder_port *port = context;
	struct forwarder *forwarder = port->forwarder;

	if (forwarder->hop_count >= forwarder->hop_room) {
		packet_release(&forwarder->packets, frame);
		return FORWARD_RING_FULL;
	}
	forwarder->hops[forwarder->hop_count++] =
		(struct forwarder_hop){.frame = *frame, .to = lcore};
	return FORWARD_HANDED_OVER;
}

static const struct net_address *local_of_version(
	const struct forwarder_options *options, const struct net_address *other)
{
	for (size_t i = 0; i < options->local_count; i++) {
		if (net_address_is_ipv4(&options->local[i]) == net_address_is_ipv4(other))
			return &options->local[i];
	}
	return NULL;
}

void forwarder_set_path(
	struct forwarder *forwarder, const struct net_address *address, const struct net_path *path)
{
	for (uint16_t i = 0; i < forwarder->set->upstream_count; i++) {
		struct proxy_upstream *upstream = &forwarder->set->upstreams[i];
		const struct proxy_group *group = &forwarder->set->groups[upstream->group];
		struct net_path own = *path;
		struct net_path *old;

		if (!net_address_equal(&upstream->endpoint.address, address))
			continue;
		if (group->has_source_address)
			own.source = group->source_address;
		if (proxy_upstream_set_path(upstream, &own, &old) < 0)
			abort();
		free(old);
	}
}

void forwarder_set_all_paths(struct forwarder *forwarder)
{
	for (uint16_t i = 0; i < forwarder->set->upstream_count; i++) {
		const struct net_address *address = &forwarder->set->upstreams[i].endpoint.address;
		const struct net_address *local = local_of_version(&forwarder->options, address);
		struct net_path path = {
			.is_usable = local != NULL,
			.vlan = NET_VLAN_NONE,
			.source_mac = packet_mac_of_port(0),
			.next_hop_mac = packet_mac_of(address),
		};

		if (local)
			path.source = *local;
		forwarder_set_path(forwarder, address, &path);
	}
}

static int create_lcore(struct forwarder *forwarder, uint16_t lcore)
{
	const uint8_t seed[RANDOM_SEED_BYTES] = {'r', 'e', 'p', 'l', 'a', 'y', (uint8_t)lcore};
	struct forward_lcore_options options = {
		.lcore = lcore,
		.pending_count = forwarder->options.pending_count,
		.now = forwarder->now,
		.sink =
			{
				.context = &forwarder->ports[lcore],
				.allocate = sink_allocate,
				.send = sink_send,
				.release = sink_release,
				.to_kernel = sink_to_kernel,
				.to_lcore = sink_to_lcore,
			},
	};

	forwarder->ports[lcore] = (struct forwarder_port){.forwarder = forwarder, .lcore = lcore};
	forwarder->randoms[lcore] = random_stream_create(seed);
	if (!forwarder->randoms[lcore])
		return -1;
	forwarder->lcores[lcore] = forward_lcore_create(
		&forwarder->shared, forwarder->set, forwarder->randoms[lcore], &options);
	if (!forwarder->lcores[lcore])
		return -1;
	forwarder->pools[lcore] = &forward_lcore_proxy(forwarder->lcores[lcore])->pools;
	forwarder->health_links[lcore] = &forward_lcore_proxy(forwarder->lcores[lcore])->health;
	return 0;
}

// Caches, whose secret is the same each time too. The wall clock starts at 2^31 seconds.
static int create_caches(struct forwarder *forwarder)
{
	const uint8_t seed[RANDOM_SEED_BYTES] = {'c', 'a', 'c', 'h', 'e'};
	struct random_stream *random = random_stream_create(seed);
	struct forward_caches *caches = NULL;

	if (random)
		caches = forward_caches_create(forwarder->config, forwarder->options.lcore_count,
			forwarder->options.lcore_count, NULL, random);
	random_stream_destroy(random);
	if (!caches)
		return -1;
	if (caches->count) {
		forwarder->shared.caches = caches;
		forward_caches_set_wall(caches, forwarder->now, UINT64_C(1) << 31);
	} else {
		forward_caches_destroy(caches);
	}
	return 0;
}

static int read_config(struct forwarder *forwarder)
{
	struct config_error error = {{0}};

	forwarder->config = config_read_text(
		forwarder->options.config_name, forwarder->options.config_text, &error);
	if (forwarder->config)
		return 0;
	memcpy(forwarder->error, error.text, sizeof(forwarder->error));
	return -1;
}

int forwarder_start(struct forwarder *forwarder, const struct forwarder_options *options)
{
	struct forward_snapshot *snapshot;

	*forwarder = (struct forwarder){
		.options = *options,
		.started = START,
		.now = START,
		.packets.left = UINT32_MAX,
		.hop_room = FORWARDER_SENT_MOST,
		.error = "no memory for a forwarder",
	};
	if (read_config(forwarder))
		return -1;
	forwarder->set = forward_proxy_set_create(forwarder->config);
	snapshot = forward_snapshot_create(forwarder->config, options->local, options->local_count);
	if (!forwarder->set || !snapshot ||
		forward_shared_init(
			&forwarder->shared, &(struct forward_shared_options){
						    .local_port_first = options->local_port_first,
						    .local_port_last = options->local_port_last,
						    .worker_count = options->lcore_count,
					    })) {
		forward_snapshot_destroy(snapshot);
		return -1;
	}
	forwarder->shared.snapshot = snapshot;
	if (create_caches(forwarder))
		return -1;
	for (uint16_t i = 0; i < options->lcore_count; i++) {
		if (create_lcore(forwarder, i))
			return -1;
	}
	forwarder_set_all_paths(forwarder);
	forwarder->health = proxy_health_create(forwarder->set);
	return forwarder->health ? 0 : -1;
}

void forwarder_end(struct forwarder *forwarder)
{
	while (forwarder->sent_count)
		forwarder_drop_sent(forwarder);
	for (uint16_t i = 0; i < FORWARDER_LCORES_MOST; i++) {
		forward_lcore_destroy(forwarder->lcores[i]);
		random_stream_destroy(forwarder->randoms[i]);
	}
	forward_caches_destroy(forwarder->shared.caches);
	forward_snapshot_destroy(forwarder->shared.snapshot);
	forward_shared_fini(&forwarder->shared);
	proxy_health_destroy(forwarder->health);
	proxy_set_destroy(forwarder->set);
	config_destroy(forwarder->config);
}

static void deliver_hops(struct forwarder *forwarder)
{
	// An lcore may pass on frames while it works on those that were passed to it.
	while (forwarder->hop_count) {
		struct forwarder_hop hop = forwarder->hops[0];

		memmove(forwarder->hops, forwarder->hops + 1, --forwarder->hop_count * sizeof(hop));
		forward_lcore_receive_hopped(
			forwarder->lcores[hop.to], &hop.frame, 1, forwarder->now);
	}
}

static void expire_all(struct forwarder *forwarder)
{
	for (uint16_t i = 0; i < forwarder->options.lcore_count; i++)
		forward_lcore_expire(forwarder->lcores[i], forwarder->now);
}

// Checks leave in the turn in which they are due.
static void check_health(struct forwarder *forwarder)
{
	proxy_health_turn(forwarder->health, forwarder->health_links,
		forwarder->options.lcore_count, forwarder->options.lcore_count, forwarder->now);
	expire_all(forwarder);
}

void forwarder_turn(struct forwarder *forwarder)
{
	deliver_hops(forwarder);
	expire_all(forwarder);
	if (forwarder->options.checks_health)
		check_health(forwarder);
	if (forwarder->shared.caches)
		(void)forward_caches_tick(forwarder->shared.caches);
}

void forwarder_receive(struct forwarder *forwarder, uint16_t lcore, struct net_frame *frame)
{
	forward_lcore_receive(forwarder->lcores[lcore], frame, 1, forwarder->now);
	forwarder_turn(forwarder);
}

void forwarder_advance(struct forwarder *forwarder, uint64_t nanoseconds)
{
	uint64_t until = forwarder->now + nanoseconds;

	while (forwarder->now < until) {
		uint64_t left = until - forwarder->now;

		forwarder->now += left < FORWARDER_STEP ? left : FORWARDER_STEP;
		forwarder_turn(forwarder);
	}
}

void forwarder_mark(struct forwarder *forwarder)
{
	for (uint16_t i = 0; i < forwarder->options.lcore_count; i++)
		(void)proxy_sweep_mark(forwarder->pools[i], forwarder->now);
}

// No thread is a registered reader, so the grace period is over at once.
void forwarder_reap(struct forwarder *forwarder)
{
	static uint16_t scratch[SCRATCH_SLOTS];

	(void)proxy_sweep_reap(
		forwarder->pools, forwarder->options.lcore_count, scratch, SCRATCH_SLOTS);
}

void forwarder_sweep(struct forwarder *forwarder)
{
	forwarder_mark(forwarder);
	forwarder_turn(forwarder);
	forwarder_reap(forwarder);
	forwarder_turn(forwarder);
}

bool forwarder_drain(struct forwarder *forwarder, uint16_t upstream)
{
	bool is_changed = proxy_health_drain(forwarder->health, upstream);

	for (uint16_t i = 0; i < forwarder->options.lcore_count; i++)
		proxy_sweep_look_anew(forwarder->pools[i]);
	return is_changed;
}

bool forwarder_undrain(struct forwarder *forwarder, uint16_t upstream)
{
	return proxy_health_undrain(forwarder->health, upstream, forwarder->now);
}

void forwarder_stop_queries(struct forwarder *forwarder)
{
	forwarder->options.checks_health = false;
	for (uint16_t i = 0; i < forwarder->options.lcore_count; i++)
		forward_lcore_stop_queries(forwarder->lcores[i]);
}

void forwarder_stop_pools(struct forwarder *forwarder)
{
	for (uint16_t i = 0; i < forwarder->options.lcore_count; i++)
		forward_lcore_stop_pools(forwarder->lcores[i]);
}

struct forwarder_sent *forwarder_oldest_sent(struct forwarder *forwarder)
{
	return forwarder->sent_count ? &forwarder->sent[forwarder->sent_head] : NULL;
}

void forwarder_drop_sent(struct forwarder *forwarder)
{
	packet_release(&forwarder->packets, &forwarder->sent[forwarder->sent_head].frame);
	forwarder->sent_head = (forwarder->sent_head + 1) % FORWARDER_SENT_MOST;
	forwarder->sent_count--;
}

uint64_t forwarder_counter(const struct forwarder *forwarder, enum stats_counter counter)
{
	uint64_t sum = 0;

	for (uint16_t i = 0; i < forwarder->options.lcore_count; i++)
		sum += stats_read(forward_lcore_counters(forwarder->lcores[i]), counter);
	return sum;
}

uint32_t forwarder_in_flight(const struct forwarder *forwarder)
{
	uint32_t sum = 0;

	for (uint16_t i = 0; i < forwarder->options.lcore_count; i++)
		sum += forward_lcore_in_flight(forwarder->lcores[i]);
	return sum;
}

static const char *check_counters(const struct forward_lcore *lcore)
{
	const struct stats_counters *counters = forward_lcore_counters(lcore);

	if (stats_read(counters, STATS_FRAMES_RECEIVED) +
			stats_read(counters, STATS_FRAMES_HOPPED_IN) !=
		stats_group_sum(counters, STATS_GROUP_FRAME))
		return "a frame has no verdict, or two";
	if (stats_read(counters, STATS_FRAME_QUERY) + stats_read(counters, STATS_STREAM_QUERY) !=
		stats_group_sum(counters, STATS_GROUP_QUERY) + forward_lcore_in_flight(lcore) -
			forward_lcore_refreshing(lcore))
		return "a query has no verdict, or two";
	if (stats_read(counters, STATS_FRAME_REPLY) + stats_read(counters, STATS_STREAM_REPLY) !=
		stats_group_sum(counters, STATS_GROUP_REPLY))
		return "a reply has no verdict, or two";
	if (stats_read(counters, STATS_FRAME_ICMP_ERROR) !=
		stats_group_sum(counters, STATS_GROUP_ICMP))
		return "an ICMP error has no verdict, or two";
	return NULL;
}

// Between two attempts: with a timer, and no connection.
static uint32_t queries_that_pause(const struct proxy_lcore *proxy)
{
	uint32_t count = 0;

	for (uint32_t slot = 0; slot < proxy->pending.slot_count; slot++)
		count += timer_wheel_is_armed(&proxy->wheel, slot) &&
			 proxy_query_has_paused(proxy, slot);
	return count;
}

static const char *check_pools(const struct forwarder *forwarder, uint16_t lcore)
{
	const struct proxy_lcore *proxy = forward_lcore_proxy(forwarder->lcores[lcore]);
	const struct proxy_pools *pools = forwarder->pools[lcore];
	uint32_t in_flight = 0;

	for (uint16_t i = 0; i < forwarder->set->upstream_count; i++) {
		const struct proxy_pool *pool = &pools->pools[i];
		uint64_t closed = 0;

		for (int reason = 0; reason < PROXY_CLOSE_REASONS; reason++)
			closed += pool->closed[reason];
		if (pool->opened != closed + pool->open_count)
			return "a pool has opened more or less than it has closed and has open";
		if (pool->idle_count > pool->open_count)
			return "a pool has more idle connections than open ones";
		in_flight += pool->in_flight;
		if (proxy->counts[i].load.in_flight != pool->in_flight)
			return "a pool has another number in flight than its upstream";
	}
	// Two attempts of one query, or that of a second slot alone.
	if (proxy_hedges(proxy))
		return NULL;
	in_flight -= proxy_checks_in_flight(proxy);
	in_flight += queries_that_pause(proxy);
	if (in_flight + forward_lcore_waiting(forwarder->lcores[lcore]) !=
		forward_lcore_in_flight(forwarder->lcores[lcore]))
		return "pools have another number of queries in flight than there are";
	return NULL;
}

const char *forwarder_check(const struct forwarder *forwarder)
{
	for (uint16_t i = 0; i < forwarder->options.lcore_count; i++) {
		const char *wrong = check_counters(forwarder->lcores[i]);

		if (!wrong)
			wrong = check_pools(forwarder, i);
		if (wrong)
			return wrong;
	}
	if (forwarder->packets.live != forwarder->sent_count + forwarder->hop_count)
		return "a frame was lost, or freed twice";
	return NULL;
}

static uint32_t checks_in_flight(const struct forwarder *forwarder)
{
	uint32_t sum = 0;

	for (uint16_t i = 0; i < forwarder->options.lcore_count; i++)
		sum += proxy_checks_in_flight(forward_lcore_proxy(forwarder->lcores[i]));
	return sum;
}

const char *forwarder_check_end(struct forwarder *forwarder)
{
	const char *wrong = forwarder_check(forwarder);

	if (wrong)
		return wrong;
	forwarder_stop_queries(forwarder);
	for (int i = 0; i < 64 && (forwarder_in_flight(forwarder) || checks_in_flight(forwarder));
		i++) {
		forwarder_advance(forwarder, 100 * CLOCK_MILLISECOND);
		while (forwarder->sent_count)
			forwarder_drop_sent(forwarder);
	}
	if (forwarder_in_flight(forwarder))
		return "a query is in flight beyond its deadline";
	forwarder_stop_pools(forwarder);
	forwarder_sweep(forwarder);
	for (uint16_t i = 0; i < forwarder->options.lcore_count; i++) {
		if (!proxy_pools_are_drained(forwarder->pools[i]))
			return "a connection is open after the end";
		for (uint16_t j = 0; j < forwarder->set->upstream_count; j++) {
			const struct proxy_pool *pool = &forwarder->pools[i]->pools[j];

			if (pool->open_count || pool->idle_count || pool->in_flight)
				return "a pool counts connections after the end";
		}
	}
	if (forwarder->packets.live)
		return "a frame did not come back";
	return forwarder_check(forwarder);
}
