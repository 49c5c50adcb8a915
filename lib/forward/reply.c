// SPDX-License-Identifier: BSD-3-Clause
#include "forward/cached.h"
#include "forward/check.h"
#include "forward/query_log.h"

#include "dns/rewrite.h"

// The client's case of the name, which an upstream may have changed.
static void reply_restore_question(
	struct forward_lcore *lcore, struct proxy_pending *pending, struct net_frame *frame)
{
	const uint8_t *asked = proxy_pending_message(&lcore->proxy->pending, pending);
	uint8_t *message = net_frame_payload(frame);
	size_t length = (size_t)pending->question_end - DNS_HEADER_BYTES;

	if (base_likely(memcmp(message + DNS_HEADER_BYTES, asked + DNS_HEADER_BYTES, length) == 0))
		return;
	memcpy(message + DNS_HEADER_BYTES, asked + DNS_HEADER_BYTES, length);
	net_frame_payload_rewritten(frame, frame->payload_length);
}

// What an upstream sent unasked, and to a query that a cache widened, stops here. A reply whose
// names can not be written again is as a failure.
static void reply_remove_unasked(struct forward_lcore *lcore, const struct forward_client *client,
	struct net_frame *frame, struct dns_message *reply)
{
	const struct dns_asker asker = {
		.has_edns = client->edns_offset != 0, .do_bit = client->do_bit};
	uint8_t *bytes = net_frame_payload(frame);
	uint16_t room = net_frame_payload_room(frame);
	uint8_t *scratch = lcore->cached->scratch;
	bool rcode_fits = asker.has_edns || !reply->edns.rcode_high;
	struct dns_message rewritten;
	int length;

	if (!dns_message_has_unasked(bytes, frame->payload_length, reply, &asker))
		return;
	length = dns_message_remove_unasked(
		bytes, frame->payload_length, reply, &asker, scratch, room, &rewritten);
	if (base_likely(length > 0 && rcode_fits)) {
		memcpy(bytes, scratch, (size_t)length);
		*reply = rewritten;
	} else {
		length = dns_message_make_error(bytes, room,
			asker.has_edns ? DNS_READ_GOOD : DNS_READ_BAD_RECORDS, reply,
			DNS_RCODE_SERVFAIL, DNS_EDE_NONE, client->bufsize);
		(void)dns_message_read(reply, bytes, (size_t)length);
	}
	net_frame_payload_rewritten(frame, (uint16_t)length);
}

// The reply becomes the client's: its id and flags, its case of the name, and its size.
void forward_reply_relay(struct forward_lcore *lcore, uint32_t slot, struct net_frame *frame,
	struct dns_message *reply)
{
	struct proxy_pending *pending = proxy_pending_at(&lcore->proxy->pending, slot);
	const struct forward_client *client = forward_client_of(lcore->proxy, slot);
	const uint16_t kept = DNS_FLAG_RD | DNS_FLAG_CD;
	struct query_record *record = forward_log_pending(lcore, slot);
	struct forward_destination destination = client->destination;
	enum stats_counter verdict = STATS_QUERY_ANSWERED;

	if (client->removes_unasked)
		reply_remove_unasked(lcore, client, frame, reply);
	net_frame_payload_store_u16(frame, DNS_ID_OFFSET, client->id);
	reply->flags = (uint16_t)((reply->flags & ~kept) | (client->flags & kept));
	// AD was asked for in its name.
	if (client->cache != FORWARD_NO_CACHE && !client->do_bit && !(client->flags & DNS_FLAG_AD))
		reply->flags &= (uint16_t)~DNS_FLAG_AD;
	net_frame_payload_store_u16(frame, DNS_FLAGS_OFFSET, reply->flags);
	reply_restore_question(lcore, pending, frame);
	if (base_unlikely(frame->payload_length > client->udp_size)) {
		net_frame_payload_rewritten(
			frame, dns_message_truncate(net_frame_payload(frame), frame->payload_length,
				       reply, client->udp_size));
		verdict = STATS_QUERY_TRUNCATED;
	}
	stats_count(&lcore->counters, verdict);
	forward_log_answer(lcore, record, frame);
	forward_answer_send(lcore, frame, &destination);
}

// True of few replies: those that forward_reply_ask_on() has to see.
static inline bool reply_may_ask_on(
	const struct forward_lcore *lcore, uint32_t slot, const struct dns_message *reply)
{
	uint16_t group = proxy_pending_at(&lcore->proxy->pending, slot)->group;
	const struct proxy_settings *settings = &lcore->proxy->set->groups[group].settings;

	return reply->rcode || reply->flags & DNS_FLAG_TC || reply->edns.rcode_high ||
	       settings->next_rcodes || settings->next_on_nodata;
}

void forward_reply_use(struct forward_lcore *lcore, uint32_t slot, struct net_frame *frame,
	struct dns_message *reply, uint64_t now)
{
	proxy_reply_count_duration(lcore->proxy, slot, reply, now);
	if (base_unlikely(proxy_query_is_hedged(lcore->proxy, slot)) &&
		forward_reply_settle(lcore, &slot, frame, reply, now))
		return;
	if (base_unlikely(reply_may_ask_on(lcore, slot, reply)) &&
		forward_reply_ask_on(lcore, slot, frame, reply, now))
		return;
	stats_count(&lcore->counters, STATS_REPLY_RELAYED);
	if (forward_client_of(lcore->proxy, slot)->cache != FORWARD_NO_CACHE) {
		forward_cached_reply(lcore, slot, frame, reply, now);
		return;
	}
	forward_reply_relay(lcore, slot, frame, reply);
	proxy_query_finish(lcore->proxy, slot, now);
}

void forward_reply_receive(struct forward_lcore *lcore, struct net_frame *frame, uint64_t now)
{
	struct dns_message reply;
	uint32_t slot;

	switch (proxy_reply_match(lcore->proxy, &frame->source, &frame->destination,
		net_frame_payload(frame), frame->payload_length, &reply, &slot)) {
	case PROXY_REPLY_GOOD:
		forward_reply_use(lcore, slot, frame, &reply, now);
		return;
	case PROXY_REPLY_GARBAGE:
		stats_count(&lcore->counters, STATS_REPLY_GARBAGE);
		forward_query_attempt_fail(lcore, slot, PROXY_FAILURE_GARBAGE, frame, now);
		return;
	case PROXY_REPLY_CHECK:
		stats_count(&lcore->counters, STATS_REPLY_CHECK);
		forward_check_answer(lcore, slot, frame, now);
		return;
	case PROXY_REPLY_SHORT:
		forward_frame_drop(lcore, frame, STATS_REPLY_SHORT);
		return;
	case PROXY_REPLY_LATE:
		forward_frame_drop(lcore, frame, STATS_REPLY_LATE);
		return;
	case PROXY_REPLY_FORGED:
		forward_frame_drop(lcore, frame, STATS_REPLY_FORGED);
		return;
	case PROXY_REPLY_MISMATCHED:
		forward_frame_drop(lcore, frame, STATS_REPLY_MISMATCHED);
		return;
	}
}

// A quote without the id could be about any query on that port, or about none: it counts for
// nothing.
void forward_error_receive(struct forward_lcore *lcore, struct net_frame *frame,
	const struct net_quoted_datagram *quoted, uint64_t now)
{
	uint32_t slot = PROXY_PENDING_NONE;

	if (quoted->payload_length >= sizeof(uint16_t))
		slot = proxy_error_match(lcore->proxy, &quoted->destination, quoted->source.port,
			bytes_load_u16(quoted->payload));
	if (slot == PROXY_PENDING_NONE) {
		forward_frame_drop(lcore, frame, STATS_ICMP_UNMATCHED);
		return;
	}
	stats_count(&lcore->counters, STATS_ICMP_MATCHED);
	forward_frame_release(lcore, frame);
	forward_query_attempt_fail(lcore, slot, PROXY_FAILURE_UNREACHABLE, NULL, now);
}
