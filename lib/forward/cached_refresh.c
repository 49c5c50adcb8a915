// SPDX-License-Identifier: BSD-3-Clause
// What the caches do each turn, and queries that nobody asked.
#include "forward/cached_answer.h"
#include "rcu/rcu.h"

// What one turn does at most, so that a burst's time is bounded.
#define RECORDS_A_TURN 64
#define REFRESHES_A_TURN 8
#define ALARMS_A_TURN 64

// The subnet of an answer that is for one (RFC 7871) is told as it is kept: no more of it than the
// upstream said that its answer depends on.
static uint16_t query_put_subnet(struct net_frame *frame, uint16_t length, const uint8_t *key)
{
	struct dns_client_subnet subnet = {
		.family = cache_key_subnet_family(key),
		.source_length = cache_key_subnet_prefix(key),
	};

	if (base_likely(subnet.family == CACHE_SUBNET_NONE))
		return length;
	memcpy(subnet.address, cache_key_subnet_address(key), (subnet.source_length + 7U) / 8);
	return dns_client_subnet_append(
		net_frame_payload(frame), length, net_frame_payload_room(frame), &subnet);
}

static uint16_t query_write(struct net_frame *frame, const uint8_t *key, uint16_t bufsize)
{
	uint8_t flags = cache_key_flags(key);
	uint16_t length = dns_message_make_query(net_frame_payload(frame),
		net_frame_payload_room(frame),
		&(struct dns_query_options){
			.name = cache_key_name(key),
			.name_length = cache_key_name_length(key),
			.type = cache_key_type(key),
			.class_ = cache_key_class(key),
			.flags = (uint16_t)(DNS_FLAG_RD | (flags & CACHE_KEY_CD ? DNS_FLAG_CD : 0)),
			.udp_size = bufsize,
			.do_bit = flags & CACHE_KEY_DO,
		});

	return query_put_subnet(frame, length, key);
}

// Asks upstreams for what a view holds, for nobody.
static void refresh(
	struct forward_lcore *lcore, uint16_t cache, const struct cache_view *view, uint64_t now)
{
	const struct forward_snapshot *snapshot = rcu_pointer_read(lcore->shared->snapshot);
	struct forward_cached *cached = lcore->cached;
	struct net_frame frame;
	struct forward_query query = {.frame = &frame, .may_be_cached = true, .is_common = true};
	struct cache_key key;
	uint16_t length;

	cache_view_key(view, &key);
	query.has_subnet = cache_key_subnet_family(key.bytes) != CACHE_SUBNET_NONE;
	if (lcore->takes_no_queries ||
		!forward_snapshot_match_cache(snapshot, cache, cache_key_name(key.bytes),
			cache_key_name_length(key.bytes), &query.match))
		return;
	if (!lcore->sink.allocate(lcore->sink.context, &frame)) {
		stats_count(&lcore->counters, STATS_NO_FRAMES);
		return;
	}
	length = query_write(&frame, key.bytes, query.match.bufsize);
	net_frame_payload_rewritten(&frame, length);
	query.hash = cache_store_hash(cached->caches->caches[cache].store, &key);
	if (dns_message_read(&query.message, net_frame_payload(&frame), length) != DNS_READ_GOOD ||
		forward_questions_find(&cached->questions, query.hash, cache,
			net_frame_payload(&frame), &query.message) != PROXY_PENDING_NONE) {
		forward_frame_release(lcore, &frame);
		return;
	}
	forward_query_start_refresh(lcore, &query, now);
}

void forward_cached_turn(struct forward_lcore *lcore, uint64_t now)
{
	struct forward_cached *cached = lcore->cached;
	struct cache_view views[REFRESHES_A_TURN];
	uint32_t slot;

	for (uint16_t i = 0; cached->is_owner && i < cached->caches->count; i++) {
		uint32_t count = cache_owner_poll(
			cached->stores[i], RECORDS_A_TURN, views, REFRESHES_A_TURN, now);

		for (uint32_t j = 0; j < count; j++)
			refresh(lcore, i, &views[j], now);
	}
	for (int i = 0;
		i < ALARMS_A_TURN && timer_wheel_take_expired(&cached->stale_alarms, now, &slot);
		i++)
		forward_cached_alarm(lcore, slot, now);
}
