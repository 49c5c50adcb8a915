// SPDX-License-Identifier: BSD-3-Clause
// Lookups and hits. What is kept, waited for and served stale: cached_reply.c; refreshes:
// cached_refresh.c.
#include "forward/cached.h"

#include <errno.h>
#include <stdlib.h>

#include "base/table_memory.h"
#include "cache/answer_subnet.h"
#include "dns/message_fields.h"
#include "forward/cached_answer.h"
#include "forward/query_log.h"
#include "net/checksum.h"

struct forward_cached *forward_cached_create(const struct forward_shared *shared, uint16_t lcore,
	struct proxy_lcore *proxy, uint64_t now)
{
	struct forward_caches *caches = shared->caches;
	struct forward_cached *cached = table_memory_allocate_zeroed(sizeof(*cached));
	int error;

	if (!cached)
		return NULL;
	cached->caches = caches;
	cached->is_owner = lcore < shared->worker_count;
	cached->stores = calloc(caches->count, sizeof(struct cache_lcore *));
	error = cached->stores ? 0 : -ENOMEM;
	for (uint16_t i = 0; i < caches->count && !error; i++)
		cached->stores[i] = cache_store_lcore(caches->caches[i].store, lcore);
	if (!error)
		error = forward_questions_init(&cached->questions, &proxy->pending);
	if (!error)
		error = timer_wheel_init(&cached->stale_alarms, proxy->pending.slot_count, now);
	if (!error)
		return cached;
	forward_cached_destroy(cached);
	errno = -error;
	return NULL;
}

void forward_cached_destroy(struct forward_cached *cached)
{
	if (!cached)
		return;
	timer_wheel_fini(&cached->stale_alarms);
	forward_questions_fini(&cached->questions);
	free(cached->stores);
	free(cached);
}

bool forward_cached_make_key(struct cache_key *key, const uint8_t *bytes,
	const struct dns_message *message, bool *has_subnet, struct dns_client_subnet *subnet)
{
	cache_answer_key(key, bytes, message);
	*has_subnet = false;
	if (base_likely(!message->edns.is_present || message->edns.length == DNS_OPT_BYTES))
		return true;
	switch (dns_client_subnet_read(subnet, bytes, message)) {
	case DNS_SUBNET_NONE:
		return true;
	case DNS_SUBNET_GOOD:
		*has_subnet = true;
		return true;
	case DNS_SUBNET_BAD:
		break;
	}
	return false;
}

// Makes the key of a query.
static void lookup_prepare(
	struct forward_lcore *lcore, struct forward_query *query, uint16_t place, uint64_t now)
{
	struct forward_cached *cached = lcore->cached;
	struct cache_key *key = &cached->keys[place];
	struct cache_lookup *lookup = &cached->lookups[place];
	struct cache_store *store = cached->caches->caches[query->match.cache].store;
	struct dns_client_subnet subnet;

	query->may_be_cached = cache_answer_may_serve(&query->message) &&
			       forward_cached_make_key(key, net_frame_payload(query->frame),
				       &query->message, &query->has_subnet, &subnet);
	if (base_unlikely(!query->may_be_cached))
		return;
	if (base_unlikely(query->has_subnet))
		cache_answer_key_choose(
			key, &subnet, store, cached->stores[query->match.cache], now);
	query->lookup = place;
	query->hash = cache_store_hash(store, key);
	lookup->key = key;
	lookup->hash = query->hash;
}

// Looks up all queries of the piece for one cache, from `place` on; returns the place behind.
static uint16_t look_up_in_cache(struct forward_lcore *lcore, struct forward_piece *piece,
	uint16_t cache, uint16_t place, uint64_t now)
{
	uint16_t first = place;

	for (uint16_t i = 0; i < piece->query_count; i++) {
		struct forward_query *query = &piece->queries[i];

		if (query->match.cache != cache)
			continue;
		lookup_prepare(lcore, query, place, now);
		place += query->may_be_cached;
	}
	// One right after the other: each may miss the TLB, and a CPU goes on past a few such misses
	// only as long as there is little work in between.
	for (uint16_t i = first; i < place; i++)
		cache_lookup_prefetch(lcore->cached->stores[cache], lcore->cached->lookups[i].hash);
	if (place > first)
		cache_lookup_burst(lcore->cached->stores[cache], &lcore->cached->lookups[first],
			place - first, now);
	return place;
}

static bool cache_is_seen_before(const struct forward_piece *piece, uint16_t at)
{
	for (uint16_t i = 0; i < at; i++) {
		if (piece->queries[i].match.cache == piece->queries[at].match.cache)
			return true;
	}
	return false;
}

static void look_up(struct forward_lcore *lcore, struct forward_piece *piece, uint64_t now)
{
	uint16_t place = 0;

	for (uint16_t i = 0; i < piece->query_count; i++) {
		uint16_t cache = piece->queries[i].match.cache;

		if (cache != FORWARD_NO_CACHE && !cache_is_seen_before(piece, i))
			place = look_up_in_cache(lcore, piece, cache, place, now);
	}
}

// The end is near, and so many ask that it shall not come.
static void hit_ask_for_refresh(struct forward_lcore *lcore, const struct forward_query *query,
	const struct cache_view *view, uint64_t now)
{
	const struct forward_cache *cache = &lcore->cached->caches->caches[query->match.cache];
	struct cache_lcore *store = lcore->cached->stores[query->match.cache];
	const struct config_cache *rules = cache->rules;
	uint64_t ttl = view->expires_at - view->stored_at;
	int64_t left = cache_seconds_until(view->expires_at, cache_seconds(now));

	if (base_likely(!rules->prefetch_amount || view->is_refresh_claimed ||
			left * 100 > (int64_t)(ttl * rules->prefetch_percentage)))
		return;
	if (cache_view_is_popular(store, view, rules->prefetch_amount, now))
		cache_refresh_ask(store, view, FORWARD_REFRESH_SECONDS, now);
}

// Of the question, which stays in the frame: what the query's checksum told, less all else.
static uint32_t question_sum(const struct net_frame *frame, const struct dns_message *query)
{
	const uint8_t *bytes = net_frame_payload(frame);
	size_t end = query->question_end;
	uint64_t sum = frame->payload_sum;
	uint64_t header = (uint64_t)net_checksum_word(bytes) + net_checksum_word(bytes + 4) +
			  net_checksum_word(bytes + 8);

	if (base_unlikely(!sum))
		return 0;
	sum += (uint16_t)~net_checksum_fold(header);
	if (frame->payload_length > end) {
		uint64_t behind = net_checksum_add(0, bytes + end, frame->payload_length - end);

		sum += (uint16_t)~net_checksum_at(net_checksum_fold(behind), end);
	}
	return net_checksum_fold(sum);
}

static void query_answer(struct forward_lcore *lcore, const struct forward_query *query,
	const struct cache_view *view, uint32_t stale_ttl, uint64_t now)
{
	const struct forward_cache *cache = &lcore->cached->caches->caches[query->match.cache];
	struct cached_source source = {
		.manner = {.stale_ttl = stale_ttl},
		.verdict = stale_ttl ? STATS_QUERY_CACHED_STALE : STATS_QUERY_CACHED,
	};
	struct cache_answer_client client =
		cache_answer_client_make(&query->message, query->match.bufsize);
	struct dns_client_subnet subnet;
	struct forward_destination stream;

	client.answer_bytes = forward_query_answer_bytes(query);
	client.question_sum = question_sum(query->frame, &query->message);
	client.subnet = forward_cached_subnet(&subnet, query->has_subnet,
		net_frame_payload(query->frame), &query->message,
		cache_key_subnet_prefix(lcore->cached->keys[query->lookup].bytes));
	if (!cache->rules->keeps_ttl)
		source.manner.age = cache_seconds(now) - view->stored_at;
	source.value = cache_answer_value_of(view);
	if (base_unlikely(query->stream))
		forward_query_destination(query, &stream);
	forward_cached_send(lcore, query->frame, base_unlikely(query->stream) ? &stream : NULL,
		&client, query->match.rotates_records, &source, forward_log_query(lcore, query));
}

static bool stale_is_due_at_once(const struct config_cache *rules, const struct cache_view *view)
{
	return rules->stale_mode == CONFIG_STALE_IMMEDIATE || view->is_refresh_claimed;
}

// True if it was answered from what was found.
static bool query_try_found(struct forward_lcore *lcore, const struct forward_query *query,
	const struct cache_lookup *lookup, uint64_t now)
{
	const struct config_cache *rules = lcore->cached->caches->caches[query->match.cache].rules;
	struct cache_lcore *store = lcore->cached->stores[query->match.cache];

	if (lookup->state == CACHE_FRESH) {
		hit_ask_for_refresh(lcore, query, &lookup->view, now);
		query_answer(lcore, query, &lookup->view, 0, now);
		return true;
	}
	if (lookup->state != CACHE_STALE || !rules->stale_up_to ||
		!stale_is_due_at_once(rules, &lookup->view))
		return false;
	cache_view_use(store, &lookup->view, now);
	if (!lookup->view.is_refresh_claimed)
		cache_refresh_ask(store, &lookup->view, FORWARD_REFRESH_SECONDS, now);
	query_answer(lcore, query, &lookup->view, rules->stale_ttl, now);
	return true;
}

// Only askers with RD lead and follow: an upstream may answer others otherwise.
static bool query_is_common(const struct forward_query *query)
{
	return query->may_be_cached && query->message.flags & DNS_FLAG_RD;
}

static void query_ask(struct forward_lcore *lcore, struct forward_query *query, uint64_t now)
{
	struct forward_cached *cached = lcore->cached;
	uint32_t slot = PROXY_PENDING_NONE;

	query->is_common = query_is_common(query);
	if (query->is_common && !query->has_subnet)
		slot = forward_questions_find(&cached->questions, query->hash, query->match.cache,
			net_frame_payload(query->frame), &query->message);
	if (slot == PROXY_PENDING_NONE)
		forward_query_start(lcore, query, now);
	else
		forward_cached_wait(lcore, slot, query, now);
}

// Those that are not answered from a cache are asked for, or wait.
static void questions_prefetch(const struct forward_lcore *lcore, const struct forward_piece *piece)
{
	const struct forward_cached *cached = lcore->cached;

	for (uint16_t i = 0; i < piece->query_count; i++) {
		const struct forward_query *query = &piece->queries[i];

		if (query->may_be_cached && cached->lookups[query->lookup].state != CACHE_FRESH)
			forward_questions_prefetch(&cached->questions, query->hash);
	}
}

void forward_cached_receive(struct forward_lcore *lcore, struct forward_piece *piece, uint64_t now)
{
	look_up(lcore, piece, now);
	questions_prefetch(lcore, piece);
	for (uint16_t i = 0; i < piece->query_count; i++) {
		struct forward_query *query = &piece->queries[i];

		if (query->may_be_cached) {
			const struct cache_lookup *lookup = &lcore->cached->lookups[query->lookup];

			if (query_try_found(lcore, query, lookup, now))
				continue;
			query->found_stale = lookup->state == CACHE_STALE;
		}
		query_ask(lcore, query, now);
	}
}
