// SPDX-License-Identifier: BSD-3-Clause
// Where a query goes on when the reply to it is not the last word: to the same upstream again, to
// the next one (`failover`), or to the next forward of the block (`next`), in this order.
#include "dns/message_fields.h"
#include "forward/cached.h"
#include "rcu/rcu.h"

static uint16_t reply_rcode(const struct dns_message *reply)
{
	return (uint16_t)(reply->edns.rcode_high << 4 | reply->rcode);
}

static bool reply_is_among(const struct dns_message *reply, uint32_t rcodes)
{
	uint16_t rcode = reply_rcode(reply);

	return rcode < 32 && rcodes >> rcode & 1;
}

// A reply that was cut says nothing about what there is.
static bool reply_has_no_data(const struct dns_message *reply)
{
	return !reply->rcode && !reply->edns.rcode_high && !reply->answer_count &&
	       !(reply->flags & DNS_FLAG_TC);
}

// Another upstream may take the OPT record that this one did not.
static void query_ask_anew(
	struct forward_lcore *lcore, uint32_t slot, struct net_frame *frame, uint64_t now)
{
	forward_client_of(lcore->proxy, slot)->is_asked_as_sent = false;
	forward_query_attempt_again(lcore, slot, frame, now);
}

static bool query_fail_over(struct forward_lcore *lcore, uint32_t slot, struct net_frame *frame,
	const struct dns_message *reply, uint64_t now)
{
	if (!proxy_query_fail_over(lcore->proxy, slot, now))
		return false;
	stats_count(&lcore->counters, STATS_REPLY_FAILED_OVER);
	forward_client_of(lcore->proxy, slot)->left_rcode = reply_rcode(reply);
	query_ask_anew(lcore, slot, frame, now);
	return true;
}

static bool query_hand_over(
	struct forward_lcore *lcore, uint32_t slot, struct net_frame *frame, uint64_t now)
{
	const struct forward_snapshot *snapshot = rcu_pointer_read(lcore->shared->snapshot);
	struct proxy_pending *pending = proxy_pending_at(&lcore->proxy->pending, slot);
	const uint8_t *message = proxy_pending_message(&lcore->proxy->pending, pending);
	uint16_t next = forward_snapshot_next_group(snapshot, pending->group,
		message + DNS_HEADER_BYTES,
		(uint16_t)(pending->question_end - DNS_QUESTION_FIELD_BYTES - DNS_HEADER_BYTES));

	if (next == FORWARD_NO_GROUP || now >= pending->deadline)
		return false;
	stats_count(&lcore->counters, STATS_REPLY_HANDED_OVER);
	forward_client_of(lcore->proxy, slot)->left_rcode = DNS_RCODE_NOERROR;
	if (proxy_query_hand_over(lcore->proxy, slot, next, now))
		query_ask_anew(lcore, slot, frame, now);
	else
		forward_query_refuse_started(lcore, slot, frame, now);
	return true;
}

// The same upstream has a better answer.
static bool query_ask_again(struct forward_lcore *lcore, uint32_t slot, struct net_frame *frame,
	const struct dns_message *reply, uint64_t now)
{
	if (reply->flags & DNS_FLAG_TC && forward_query_ask_whole(lcore, slot, frame, now))
		return true;
	return forward_client_of(lcore->proxy, slot)->cache != FORWARD_NO_CACHE &&
	       forward_cached_ask_as_sent(lcore, slot, frame, reply, now);
}

bool forward_reply_ask_on(struct forward_lcore *lcore, uint32_t slot, struct net_frame *frame,
	const struct dns_message *reply, uint64_t now)
{
	uint16_t group = proxy_pending_at(&lcore->proxy->pending, slot)->group;
	const struct proxy_settings *settings = &lcore->proxy->set->groups[group].settings;

	if (query_ask_again(lcore, slot, frame, reply, now)) {
		stats_count(&lcore->counters, STATS_REPLY_RELAYED);
		return true;
	}
	if (reply_is_among(reply, settings->failover_rcodes) &&
		query_fail_over(lcore, slot, frame, reply, now))
		return true;
	return (reply_is_among(reply, settings->next_rcodes) ||
		       (settings->next_on_nodata && reply_has_no_data(reply))) &&
	       query_hand_over(lcore, slot, frame, now);
}

bool forward_reply_settle(struct forward_lcore *lcore, uint32_t *slot, struct net_frame *frame,
	const struct dns_message *reply, uint64_t now)
{
	uint16_t group = proxy_pending_at(&lcore->proxy->pending, *slot)->group;
	const struct proxy_settings *settings = &lcore->proxy->set->groups[group].settings;
	uint32_t own = proxy_hedge_own_slot(lcore->proxy, *slot);

	if (reply_is_among(reply, settings->failover_rcodes) &&
		proxy_hedge_leave(lcore->proxy, *slot, now)) {
		forward_client_of(lcore->proxy, own)->left_rcode = reply_rcode(reply);
		forward_frame_drop(lcore, frame, STATS_REPLY_FAILED_OVER);
		return true;
	}
	own = proxy_hedge_win(lcore->proxy, *slot, now);
	if (own != *slot)
		stats_count(&lcore->counters, STATS_HEDGES_WON);
	*slot = own;
	return false;
}
