// SPDX-License-Identifier: BSD-3-Clause
// What replies leave in the caches, and failures.
#include "cache/answer_subnet.h"
#include "forward/cached_answer.h"

struct cached_reply {
	const struct forward_cache *cache;
	struct cache_lcore *store;
	struct cache_key key; // of what there is, and then of what is kept
	uint64_t hash;
	uint32_t opaque;
	bool has_subnet;
	struct dns_client_subnet subnet;
	const uint8_t *query_bytes;
	struct dns_message query;
};

void forward_cached_prefetch_reply(const struct forward_lcore *lcore, uint32_t slot)
{
	const struct forward_cached *cached = lcore->cached;
	const struct forward_client *client = forward_client_of(lcore->proxy, slot);

	if (client->cache >= cached->caches->count)
		return;
	forward_questions_prefetch(&cached->questions, client->hash);
	cache_insert_prefetch(cached->stores[client->cache], client->hash);
}

// The query of a pending slot again: it was read as good when it came.
static void reply_begin(
	struct forward_lcore *lcore, uint32_t slot, struct cached_reply *reply, uint64_t now)
{
	struct proxy_pending_table *table = &lcore->proxy->pending;
	struct proxy_pending *pending = proxy_pending_at(table, slot);
	const struct forward_client *client = forward_client_at(table, slot);

	reply->cache = &lcore->cached->caches->caches[client->cache];
	reply->store = lcore->cached->stores[client->cache];
	reply->hash = client->hash;
	reply->query_bytes = proxy_pending_message(table, pending);
	(void)dns_message_read(&reply->query, reply->query_bytes, pending->message_length);
	(void)forward_cached_make_key(
		&reply->key, reply->query_bytes, &reply->query, &reply->has_subnet, &reply->subnet);
	reply->opaque = 0;
	if (base_likely(!reply->has_subnet))
		return;
	cache_answer_key_choose(
		&reply->key, &reply->subnet, reply->cache->store, reply->store, now);
	reply->hash = cache_store_hash(reply->cache->store, &reply->key);
}

// It is kept for all of its scope.
static void reply_narrow(struct cached_reply *reply, const struct dns_client_subnet *scope)
{
	if (base_likely(!reply->has_subnet))
		return;
	cache_answer_key(&reply->key, reply->query_bytes, &reply->query);
	reply->opaque = cache_answer_key_narrow(&reply->key, &reply->subnet, scope);
	reply->hash = cache_store_hash(reply->cache->store, &reply->key);
}

static uint32_t wall_seconds(const struct forward_lcore *lcore, uint64_t now)
{
	return cache_seconds(now) + base_load(&lcore->cached->caches->wall_offset);
}

// The answer that is past its end, or at least not replaced by a failure.
static bool find_stale(const struct cached_reply *reply, struct cache_lookup *lookup, uint64_t now)
{
	if (!reply->cache->rules->stale_up_to)
		return false;
	*lookup = (struct cache_lookup){.key = &reply->key, .hash = reply->hash};
	cache_lookup_prefetch(reply->store, lookup->hash);
	cache_lookup_burst(reply->store, lookup, 1, now);
	if (lookup->state != CACHE_STALE)
		return false;
	cache_view_use(reply->store, &lookup->view, now);
	return true;
}

// `disable success` and `disable denial`.
static bool is_disabled(const struct cached_reply *reply, enum cache_kind kind)
{
	const struct config_cache *rules = reply->cache->rules;
	const struct config_cache_part *part =
		kind == CACHE_KIND_DENIAL ? &rules->denial : &rules->success;
	struct byte_reader reader = byte_reader_make(reply->query_bytes, reply->query.question_end);
	struct dns_name name;

	if (base_likely(!part->disabled_count) || kind == CACHE_KIND_SERVFAIL)
		return false;
	byte_reader_seek(&reader, DNS_HEADER_BYTES);
	if (dns_name_read(&reader, &name))
		return true;
	for (size_t i = 0; i < part->disabled_count; i++) {
		if (dns_name_is_below(&name, &part->disabled[i]))
			return true;
	}
	return false;
}

static void store(const struct cached_reply *reply, enum cache_kind kind, uint32_t ttl,
	const uint8_t *value, uint16_t length, uint64_t now)
{
	uint32_t seconds = cache_seconds(now);
	uint32_t stale = kind == CACHE_KIND_SERVFAIL ? 0 : reply->cache->stale_seconds;
	struct cache_record record = {
		.key = &reply->key,
		.hash = reply->hash,
		.kind = kind,
		.stored_at = seconds,
		.expires_at = seconds + ttl,
		.stale_until = seconds + ttl + stale,
		.opaque = reply->opaque,
		.value = value,
		.value_length = length,
	};

	if (is_disabled(reply, kind))
		return;
	// What is dropped is counted there.
	(void)cache_store_insert(reply->store, &record, now);
}

static void source_from_stale(struct cached_source *source, const struct cached_reply *reply,
	const struct cache_lookup *lookup)
{
	*source = (struct cached_source){
		.value = cache_answer_value_of(&lookup->view),
		.manner = {.stale_ttl = reply->cache->rules->stale_ttl},
		.verdict = STATS_QUERY_CACHED_STALE,
		.scope_length = cache_key_subnet_prefix(reply->key.bytes),
	};
}

static void source_from_value(struct cached_source *source, const struct cached_reply *reply,
	const uint8_t *value, uint16_t length)
{
	*source = (struct cached_source){
		.value = {.here = value, .here_length = length, .length = length},
		.extended = DNS_EDE_NONE,
		.verdict = STATS_QUERY_ANSWERED,
		.scope_length = cache_key_subnet_prefix(reply->key.bytes),
	};
}

// Encodes the reply into the lcore's own memory. Its length; 0 where it can not be.
static uint16_t encode(struct forward_lcore *lcore, const struct cache_answer_class *class_,
	const struct net_frame *frame, const struct dns_message *reply)
{
	struct forward_cached *cached = lcore->cached;
	int length = cache_answer_encode(cached->value, sizeof(cached->value), class_,
		net_frame_payload(frame), frame->payload_length, reply, cached->scratch);

	return length > 0 ? (uint16_t)length : 0;
}

// A failure that may be kept is, and everybody gets what is stale. False where there is nothing
// stale: nobody has been answered.
static bool answer_all_stale(struct forward_lcore *lcore, uint32_t slot, struct net_frame *frame,
	const struct cached_reply *reply, uint16_t failure_length, uint64_t now)
{
	const struct forward_cache *cache = reply->cache;
	struct cache_lookup lookup;
	struct cached_source source;
	bool has_stale = find_stale(reply, &lookup, now);
	// What is stale stays, and is not refreshed while the failure is fresh.
	uint32_t ttl = has_stale ? cache->recheck_seconds : cache->rules->servfail_ttl;

	if (failure_length && ttl)
		store(reply, CACHE_KIND_SERVFAIL, ttl, lcore->cached->value, failure_length, now);
	if (!has_stale)
		return false;
	source_from_stale(&source, reply, &lookup);
	forward_cached_answer_all(lcore, slot, frame, &source);
	return true;
}

// To be relayed and not kept. Those who wait get as much of it as can be encoded; with TC they are
// told to come over TCP.
static void reply_pass(struct forward_lcore *lcore, uint32_t slot, struct net_frame *frame,
	const struct cached_reply *reply, struct dns_message *message,
	enum cache_answer_refusal refusal, uint64_t now)
{
	struct forward_client *client = forward_client_of(lcore->proxy, slot);
	const struct cache_answer_class as_it_is = {
		.ttl_most = INT32_MAX, .removes_dnssec = !client->do_bit};
	struct cached_source source = {
		.extended = DNS_EDE_NONE, .verdict = STATS_QUERY_FAILED, .is_truncated = false};
	bool was_waiting = client->is_waiting;
	uint16_t length = 0;

	if (client->waiter_count && refusal != CACHE_ANSWER_REFUSED_TRUNCATED &&
		!message->edns.rcode_high)
		length = encode(lcore, &as_it_is, frame, message);
	if (length)
		source_from_value(&source, reply, lcore->cached->value, length);
	source.is_truncated = refusal == CACHE_ANSWER_REFUSED_TRUNCATED;
	if (source.is_truncated)
		source.verdict = STATS_QUERY_ANSWERED;
	client->is_waiting = false;
	forward_cached_answer_all(lcore, slot, NULL, &source);
	if (!was_waiting) {
		forward_frame_release(lcore, frame);
		forward_cached_finish(lcore, slot, now);
		return;
	}
	base_store(&lcore->cached->refreshing, lcore->cached->refreshing + 1);
	forward_reply_relay(lcore, slot, frame, message);
	forward_cached_finish(lcore, slot, now);
}

// An upstream that knows no EDNS says so (RFC 6891, section 7); it is asked again without.
static bool reply_refuses_opt(
	struct forward_lcore *lcore, uint32_t slot, const struct dns_message *message)
{
	return (message->rcode == DNS_RCODE_FORMERR || message->rcode == DNS_RCODE_NOTIMP ||
		       message->edns.rcode_high) &&
	       forward_query_adds_opt(forward_client_of(lcore->proxy, slot),
		       proxy_pending_at(&lcore->proxy->pending, slot));
}

bool forward_cached_ask_as_sent(struct forward_lcore *lcore, uint32_t slot, struct net_frame *frame,
	const struct dns_message *reply, uint64_t now)
{
	if (!reply_refuses_opt(lcore, slot, reply))
		return false;
	forward_client_of(lcore->proxy, slot)->is_asked_as_sent = true;
	proxy_attempt_finish(lcore->proxy, slot, now);
	forward_query_attempt_again(lcore, slot, frame, now);
	return true;
}

void forward_cached_reply(struct forward_lcore *lcore, uint32_t slot, struct net_frame *frame,
	struct dns_message *message, uint64_t now)
{
	struct forward_cached *cached = lcore->cached;
	struct cache_answer_class class_;
	enum cache_answer_refusal refusal;
	struct cached_source source;
	struct cached_reply reply;
	uint16_t length = 0;

	reply_begin(lcore, slot, &reply, now);
	refusal = cache_answer_classify(&class_, reply.query_bytes, &reply.query,
		net_frame_payload(frame), frame->payload_length, message, &reply.cache->limits,
		wall_seconds(lcore, now));
	base_store(&cached->refused[refusal], cached->refused[refusal] + 1);
	if (refusal == CACHE_ANSWER_KEPT)
		length = encode(lcore, &class_, frame, message);
	if (base_unlikely(message->rcode == DNS_RCODE_SERVFAIL)) {
		if (answer_all_stale(lcore, slot, frame, &reply, length, now)) {
			forward_cached_finish(lcore, slot, now);
			return;
		}
	} else if (length) {
		reply_narrow(&reply, &class_.scope);
		store(&reply, cache_answer_store_kind(class_.kind), class_.ttl, cached->value,
			length, now);
	}
	if (base_unlikely(!length)) {
		reply_pass(lcore, slot, frame, &reply, message, refusal, now);
		return;
	}
	source_from_value(&source, &reply, cached->value, length);
	forward_cached_answer_all(lcore, slot, frame, &source);
	forward_cached_finish(lcore, slot, now);
}

// The value of a failure of ours, which is kept as one of the upstream's is (RFC 9520): SERVFAIL
// without a record. Its length.
static uint16_t encode_failure(struct forward_lcore *lcore, const struct cached_reply *reply)
{
	struct forward_cached *cached = lcore->cached;
	const struct cache_answer_class class_ = {.kind = CACHE_ANSWER_FAILURE};
	uint8_t bytes[DNS_HEADER_BYTES + DNS_NAME_BYTES + 4];
	struct dns_message failure;
	int length;

	memcpy(bytes, reply->query_bytes, reply->query.question_end);
	memset(bytes + 4, 0, 8);
	bytes_store_u16(bytes + 4, 1);
	dns_bytes_set_flags(bytes, DNS_FLAG_QR | DNS_FLAG_RA | DNS_RCODE_SERVFAIL);
	if (dns_message_read(&failure, bytes, reply->query.question_end) != DNS_READ_GOOD)
		return 0;
	length = cache_answer_encode(cached->value, sizeof(cached->value), &class_, bytes,
		reply->query.question_end, &failure, cached->scratch);
	return length > 0 ? (uint16_t)length : 0;
}

void forward_cached_give_up(struct forward_lcore *lcore, uint32_t slot, struct net_frame *frame,
	enum dns_rcode rcode, enum dns_extended_error extended, uint64_t now)
{
	const struct cached_source failed = {
		.rcode = rcode,
		.extended = extended,
		.verdict = forward_query_failed_verdict(
			proxy_pending_at(&lcore->proxy->pending, slot)),
	};
	struct cached_reply reply;
	uint16_t length = 0;

	reply_begin(lcore, slot, &reply, now);
	if (rcode == DNS_RCODE_SERVFAIL)
		length = encode_failure(lcore, &reply);
	if (!answer_all_stale(lcore, slot, frame, &reply, length, now))
		forward_cached_answer_all(lcore, slot, frame, &failed);
	forward_cached_finish(lcore, slot, now);
}

void forward_cached_refuse(
	struct forward_lcore *lcore, uint32_t slot, struct net_frame *frame, uint64_t now)
{
	const struct cached_source refused = {.rcode = DNS_RCODE_REFUSED,
		.extended = DNS_EDE_NONE,
		.verdict = STATS_QUERY_CONCURRENT};

	forward_cached_answer_all(lcore, slot, frame, &refused);
	forward_cached_finish(lcore, slot, now);
}

void forward_cached_arm(struct forward_lcore *lcore, uint32_t slot, uint64_t now)
{
	struct forward_cached *cached = lcore->cached;
	struct forward_client *client = forward_client_of(lcore->proxy, slot);
	const struct config_cache *rules = cached->caches->caches[client->cache].rules;

	if (!rules->stale_up_to || !rules->stale_verify_timeout ||
		timer_wheel_is_armed(&cached->stale_alarms, slot))
		return;
	timer_wheel_arm(&cached->stale_alarms, slot, now + rules->stale_verify_timeout);
	client->has_stale_alarm = true;
}

// Who waits longer than a client should gets what is stale; the query goes on (RFC 8767,
// section 5).
void forward_cached_alarm(struct forward_lcore *lcore, uint32_t slot, uint64_t now)
{
	struct cache_lookup lookup;
	struct cached_source source;
	struct cached_reply reply;

	reply_begin(lcore, slot, &reply, now);
	if (!find_stale(&reply, &lookup, now))
		return;
	source_from_stale(&source, &reply, &lookup);
	forward_cached_answer_all(lcore, slot, NULL, &source);
}
