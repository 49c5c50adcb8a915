// SPDX-License-Identifier: BSD-3-Clause
#include "proxy/check.h"

#include "proxy/exchange_private.h"
#include "rcu/rcu.h"

#define CHECK_BYTES_MOST (DNS_HEADER_BYTES + DNS_NAME_BYTES + 4)
#define TYPE_NS 2
#define CLASS_IN 1

_Static_assert(sizeof(struct proxy_check) <= PROXY_CONTEXT_BYTES, "a check fits its context");

static struct proxy_check *check_of(struct proxy_pending *pending)
{
	return (struct proxy_check *)pending->context;
}

bool proxy_check_take(struct proxy_lcore *lcore, struct proxy_check *check)
{
	uint32_t word;

	// It may have left since.
	while (handle_ring_pop(&lcore->health.to_lcore, &word)) {
		*check = proxy_check_of_word(word);
		if (check->upstream < lcore->set->upstream_count &&
			lcore->set->upstreams[check->upstream].presence == PROXY_STAYS)
			return true;
	}
	return false;
}

static void tell(struct proxy_lcore *lcore, struct proxy_check check, enum proxy_health_news news)
{
	(void)handle_ring_push(&lcore->health.to_manager, proxy_health_word(news, check));
}

static uint16_t check_write(
	const struct proxy_health_settings *settings, uint8_t bytes[CHECK_BYTES_MOST])
{
	static const uint8_t root[] = {0};
	const struct dns_name *name = &settings->name;

	return dns_message_make_query(bytes, CHECK_BYTES_MOST,
		&(struct dns_query_options){
			.name = name->length ? name->wire : root,
			.name_length = name->length ? name->length : sizeof(root),
			.type = TYPE_NS,
			.class_ = CLASS_IN,
			.flags = settings->asks_without_rd ? 0 : DNS_FLAG_RD,
		});
}

// A slot with all that is set before its attempt; PROXY_PENDING_NONE.
static uint32_t check_allocate(struct proxy_lcore *lcore, struct proxy_check check, uint64_t now)
{
	uint16_t group = lcore->set->upstreams[check.upstream].group;
	uint8_t bytes[CHECK_BYTES_MOST];
	uint16_t length = check_write(&lcore->set->groups[group].health, bytes);
	uint32_t slot = proxy_pending_allocate_reserved(&lcore->pending, bytes, length);
	struct proxy_pending *pending;

	if (slot == PROXY_PENDING_NONE)
		return slot;
	pending = proxy_pending_at(&lcore->pending, slot);
	pending->is_check = true;
	pending->hedge = PROXY_HEDGE_NONE;
	pending->upstream = check.upstream;
	pending->group = group;
	pending->question_end = length;
	pending->failed_attempts = 0;
	pending->sent_at = now;
	*check_of(pending) = check;
	base_store(&lcore->checks_in_flight, lcore->checks_in_flight + 1);
	proxy_load_begin(&lcore->counts[check.upstream].load);
	return slot;
}

// False, with *why, where it can not be sent.
static bool check_try_datagram(struct proxy_lcore *lcore, uint32_t slot, uint64_t now,
	struct proxy_attempt *attempt, enum proxy_health_news *why)
{
	uint16_t upstream = proxy_pending_at(&lcore->pending, slot)->upstream;
	const struct net_path *path = rcu_pointer_read(lcore->set->upstreams[upstream].path);
	uint16_t connection;

	// Without a way there, no query gets there either.
	*why = PROXY_NEWS_CHECK_FAILED;
	if (!path || !path->is_usable)
		return false;
	*why = PROXY_NEWS_CHECK_UNSENT;
	connection = proxy_pool_take_own(&lcore->pools, upstream, now);
	return connection != PROXY_SLOT_NONE &&
	       proxy_attempt_start_datagram(lcore, slot, connection, path, now, attempt);
}

// Handshakes take their time, and queries mostly find a connection that has done with them.
static uint64_t check_time(const struct proxy_settings *settings, bool is_stream)
{
	if (is_stream || settings->read_timeout > PROXY_CHECK_TIME_MOST)
		return PROXY_CHECK_TIME_MOST;
	return settings->read_timeout;
}

bool proxy_check_start(struct proxy_lcore *lcore, struct proxy_check check, uint64_t now,
	uint32_t *slot, struct proxy_attempt *attempt)
{
	const struct proxy_upstream *upstream = &lcore->set->upstreams[check.upstream];
	const struct proxy_settings *settings = &lcore->set->groups[upstream->group].settings;
	bool is_stream = upstream->is_tls || settings->force_tcp;
	enum proxy_health_news why;

	*slot = check_allocate(lcore, check, now);
	if (*slot == PROXY_PENDING_NONE) {
		tell(lcore, check, PROXY_NEWS_CHECK_UNSENT);
		return false;
	}
	if (is_stream) {
		proxy_attempt_start_stream(
			lcore, proxy_pending_at(&lcore->pending, *slot), attempt);
	} else if (!check_try_datagram(lcore, *slot, now, attempt, &why)) {
		proxy_check_finish(lcore, *slot, why, now);
		return false;
	}
	attempt->until = now + check_time(settings, is_stream);
	timer_wheel_arm(&lcore->wheel, *slot, attempt->until);
	return true;
}

void proxy_check_finish(
	struct proxy_lcore *lcore, uint32_t slot, enum proxy_health_news news, uint64_t now)
{
	struct proxy_pending *pending = proxy_pending_at(&lcore->pending, slot);

	timer_wheel_cancel(&lcore->wheel, slot);
	if (pending->connection < PROXY_SLOT_STREAM) {
		proxy_pending_unfile(&lcore->pending, slot);
		proxy_pool_give_back(&lcore->pools, pending->connection, now);
	}
	// What a stream says of it from now on comes too late.
	pending->connection = PROXY_SLOT_NONE;
	tell(lcore, *check_of(pending), news);
	base_store(&lcore->checks_in_flight, lcore->checks_in_flight - 1);
	proxy_load_end(&lcore->counts[pending->upstream].load);
	proxy_pending_free(&lcore->pending, slot);
}
