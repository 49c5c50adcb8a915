// SPDX-License-Identifier: BSD-3-Clause
// One answer to all who wait for it.
#include "forward/cached_answer.h"
#include "forward/query_log.h"

// An rcode, or an empty answer with TC.
static uint16_t write_without_value(struct net_frame *frame,
	const struct cache_answer_client *client, const struct cached_source *source)
{
	uint8_t *bytes = net_frame_payload(frame);
	struct dns_message query;
	enum dns_read_result read = dns_message_read(&query, bytes, frame->payload_length);
	enum dns_extended_error extended = DNS_EDE_NONE;
	enum dns_rcode rcode = DNS_RCODE_NOERROR;
	uint16_t length;

	if (!source->is_truncated) {
		rcode = source->rcode ? source->rcode : DNS_RCODE_SERVFAIL;
		extended = source->extended;
	}
	length = dns_message_make_error(bytes, net_frame_payload_room(frame), read, &query, rcode,
		extended, client->udp_size);

	if (source->is_truncated)
		dns_bytes_set_flags(bytes, bytes_load_u16(bytes + DNS_FLAGS_OFFSET) | DNS_FLAG_TC);
	return length;
}

// A value that is not whole, which no upstream can cause, is as a failure.
static uint16_t write_answer(struct forward_lcore *lcore, struct net_frame *frame,
	const struct cache_answer_client *client, bool rotates, const struct cached_source *source,
	uint32_t *sum)
{
	const struct cache_answer_manner *manner = &source->manner;
	struct cache_answer_manner rotated;
	uint16_t length;

	*sum = 0;
	if (source->value.length) {
		if (base_unlikely(rotates)) {
			rotated = *manner;
			rotated.rotation = random_stream_u32(lcore->proxy->random);
			manner = &rotated;
		}
		length = cache_answer_write_summed(net_frame_payload(frame),
			net_frame_payload_room(frame), client, &source->value, manner, sum);
		if (base_likely(length))
			return length;
	}
	return write_without_value(frame, client, source);
}

void forward_cached_send(struct forward_lcore *lcore, struct net_frame *frame,
	const struct forward_destination *destination, const struct cache_answer_client *client,
	bool rotates, const struct cached_source *source, struct query_record *record)
{
	uint32_t sum;
	uint16_t length = write_answer(lcore, frame, client, rotates, source, &sum);

	net_frame_payload_replaced(frame, length, sum);
	stats_count(&lcore->counters, source->verdict);
	forward_log_answer(lcore, record, frame);
	if (base_likely(!destination))
		forward_frame_send_back(lcore, frame, STATS_SENT_ANSWERS);
	else
		forward_answer_send(lcore, frame, destination);
}

const struct dns_client_subnet *forward_cached_subnet(struct dns_client_subnet *subnet,
	bool has_subnet, const uint8_t *bytes, const struct dns_message *query,
	uint8_t scope_length)
{
	if (base_likely(!has_subnet) ||
		dns_client_subnet_read(subnet, bytes, query) != DNS_SUBNET_GOOD)
		return NULL;
	subnet->scope_length = scope_length;
	return subnet;
}

// The client of a slot gets its answer, in a frame with room for its query or in a new one.
static void slot_answer(struct forward_lcore *lcore, uint32_t slot, struct net_frame *frame,
	const struct cached_source *source)
{
	struct proxy_pending_table *table = &lcore->proxy->pending;
	struct proxy_pending *pending = proxy_pending_at(table, slot);
	const struct forward_client *asking = forward_client_at(table, slot);
	struct cache_answer_client client = {
		.id = asking->id,
		.flags = asking->flags,
		.question_end = pending->question_end,
		.answer_bytes = asking->udp_size,
		.udp_size = asking->bufsize,
		.has_edns = asking->edns_offset != 0,
		.do_bit = asking->do_bit,
	};
	struct forward_destination destination = asking->destination;
	struct dns_client_subnet subnet;
	struct dns_message query;
	struct net_frame fresh;

	if (!frame) {
		frame = &fresh;
		if (base_unlikely(!lcore->sink.allocate(lcore->sink.context, frame))) {
			stats_count(&lcore->counters, STATS_NO_FRAMES);
			stats_count(&lcore->counters, STATS_QUERY_NO_FRAME);
			forward_answer_leave_out(lcore, &destination);
			return;
		}
	}
	memcpy(net_frame_payload(frame), proxy_pending_message(table, pending),
		pending->message_length);
	net_frame_payload_rewritten(frame, pending->message_length);
	if (base_unlikely(asking->has_subnet)) {
		(void)dns_message_read(&query, net_frame_payload(frame), frame->payload_length);
		client.subnet = forward_cached_subnet(
			&subnet, true, net_frame_payload(frame), &query, source->scope_length);
	}
	forward_cached_send(lcore, frame, &destination, &client, asking->rotates_records, source,
		forward_log_pending(lcore, slot));
}

void forward_cached_answer_all(struct forward_lcore *lcore, uint32_t slot, struct net_frame *frame,
	const struct cached_source *source)
{
	struct proxy_pending_table *table = &lcore->proxy->pending;
	struct forward_client *asking = forward_client_at(table, slot);
	struct cached_source to_waiters = *source;
	uint32_t waiter;

	if (source->verdict == STATS_QUERY_ANSWERED)
		to_waiters.verdict = STATS_QUERY_COALESCED;
	while ((waiter = forward_questions_take_waiter(&lcore->cached->questions, slot)) !=
		PROXY_PENDING_NONE) {
		slot_answer(lcore, waiter, NULL, &to_waiters);
		proxy_pending_free(table, waiter);
	}
	if (frame &&
		(!asking->is_waiting || net_frame_payload_room(frame) <
						proxy_pending_at(table, slot)->message_length)) {
		forward_frame_release(lcore, frame);
		frame = NULL;
	}
	if (!asking->is_waiting)
		return;
	slot_answer(lcore, slot, frame, source);
	asking->is_waiting = false;
	base_store(&lcore->cached->refreshing, lcore->cached->refreshing + 1);
}

void forward_cached_begin(
	struct forward_lcore *lcore, uint32_t slot, bool found_stale, uint64_t now)
{
	forward_questions_begin(&lcore->cached->questions, slot);
	if (found_stale)
		forward_cached_arm(lcore, slot, now);
}

// Its client, who is nobody, has been answered from the start.
void forward_cached_begin_refresh(struct forward_lcore *lcore, uint32_t slot)
{
	forward_questions_begin(&lcore->cached->questions, slot);
	forward_client_of(lcore->proxy, slot)->is_waiting = false;
	base_store(&lcore->cached->refreshing, lcore->cached->refreshing + 1);
}

void forward_cached_finish(struct forward_lcore *lcore, uint32_t slot, uint64_t now)
{
	struct forward_cached *cached = lcore->cached;

	// Whoever waited has been answered.
	base_store(&cached->refreshing, cached->refreshing - 1);
	if (base_unlikely(forward_client_of(lcore->proxy, slot)->has_stale_alarm))
		timer_wheel_cancel(&cached->stale_alarms, slot);
	forward_questions_end(&cached->questions, slot);
	proxy_query_finish(lcore->proxy, slot, now);
}

void forward_cached_wait(
	struct forward_lcore *lcore, uint32_t slot, const struct forward_query *query, uint64_t now)
{
	uint32_t waiter = forward_questions_wait(&lcore->cached->questions, slot,
		net_frame_payload(query->frame), &query->message, query->frame->payload_length);

	if (base_unlikely(waiter == PROXY_PENDING_NONE)) {
		stats_count(&lcore->counters, STATS_QUERY_WAITERS_FULL);
		forward_query_refuse(lcore, query, DNS_RCODE_SERVFAIL);
		return;
	}
	proxy_pending_at(&lcore->proxy->pending, waiter)->deadline = now + PROXY_QUERY_DEADLINE;
	forward_query_fill_client(lcore, query, waiter);
	forward_query_destination(query, &forward_client_of(lcore->proxy, waiter)->destination);
	if (query->found_stale)
		forward_cached_arm(lcore, slot, now);
	forward_frame_release(lcore, query->frame);
}
