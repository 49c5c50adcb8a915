// SPDX-License-Identifier: BSD-3-Clause
#include "forward/cached.h"
#include "forward/check.h"
#include "forward/query_log.h"

// An answer of our own goes back in the frame that brought the query.
static void query_refuse(struct forward_lcore *lcore, const struct forward_query *query,
	enum dns_read_result read, enum dns_rcode rcode, uint16_t bufsize,
	struct query_record *record)
{
	struct net_frame *frame = query->frame;
	struct forward_destination destination;

	forward_query_destination(query, &destination);
	net_frame_payload_rewritten(frame,
		dns_message_make_error(net_frame_payload(frame), net_frame_payload_room(frame),
			read, &query->message, rcode, DNS_EDE_NONE, bufsize));
	forward_log_answer(lcore, record, frame);
	forward_answer_send(lcore, frame, &destination);
}

void forward_query_drop(
	struct forward_lcore *lcore, const struct forward_query *query, enum stats_counter verdict)
{
	if (base_unlikely(query->stream))
		lcore->sink.leave_unanswered(lcore->sink.context, &query->stream->client);
	forward_frame_drop(lcore, query->frame, verdict);
}

// How a query that was started ends without a reply.
struct query_end {
	enum dns_rcode rcode;
	enum dns_extended_error extended;
	enum stats_counter verdict;
};

// The payload is the query as the client sent it, which no cache knows of.
static void query_end_with(struct forward_lcore *lcore, uint32_t slot, struct net_frame *frame,
	const struct query_end *end, uint64_t now)
{
	const struct forward_client *client = forward_client_of(lcore->proxy, slot);
	struct query_record *record = forward_log_pending(lcore, slot);
	struct forward_destination destination = client->destination;
	struct dns_message query;
	enum dns_read_result read =
		dns_message_read(&query, net_frame_payload(frame), frame->payload_length);

	net_frame_payload_rewritten(frame,
		dns_message_make_error(net_frame_payload(frame), net_frame_payload_room(frame),
			read, &query, end->rcode, end->extended, client->bufsize));
	stats_count(&lcore->counters, end->verdict);
	proxy_query_finish(lcore->proxy, slot, now);
	forward_log_answer(lcore, record, frame);
	forward_answer_send(lcore, frame, &destination);
}

// No more is tried for a query that was started: the payload is the query as the client sent it. Of a
// reply that it went on from there is the rcode, which tells more than a SERVFAIL of ours.
static void query_give_up(
	struct forward_lcore *lcore, uint32_t slot, struct net_frame *frame, uint64_t now)
{
	const struct proxy_pending *pending = proxy_pending_at(&lcore->proxy->pending, slot);
	uint16_t left_rcode = forward_client_of(lcore->proxy, slot)->left_rcode;
	struct query_end end = {
		.rcode = DNS_RCODE_SERVFAIL,
		.extended = pending->last_failure == PROXY_FAILURE_GARBAGE
				    ? DNS_EDE_NETWORK_ERROR
				    : DNS_EDE_NO_REACHABLE_AUTHORITY,
		.verdict = forward_query_failed_verdict(pending),
	};

	if (left_rcode) {
		end.rcode = (enum dns_rcode)left_rcode;
		end.extended = DNS_EDE_NONE;
	}
	forward_log_failure(lcore, slot);
	if (forward_client_of(lcore->proxy, slot)->cache != FORWARD_NO_CACHE)
		forward_cached_give_up(lcore, slot, frame, end.rcode, end.extended, now);
	else
		query_end_with(lcore, slot, frame, &end, now);
}

bool forward_query_adds_opt(
	const struct forward_client *client, const struct proxy_pending *pending)
{
	return client->cache != FORWARD_NO_CACHE && !client->edns_offset &&
	       !client->is_asked_as_sent && !pending->failed_attempts;
}

// For a cache: AD, so that what is kept tells those who ask later, too (RFC 6840, section 5.7), and
// OPT, so that it is whole.
static void query_widen(struct forward_lcore *lcore, uint32_t slot, struct net_frame *frame)
{
	const struct forward_client *client = forward_client_of(lcore->proxy, slot);

	if (forward_query_adds_opt(client, proxy_pending_at(&lcore->proxy->pending, slot)))
		net_frame_payload_rewritten(frame,
			dns_message_append_opt(net_frame_payload(frame), frame->payload_length,
				net_frame_payload_room(frame), client->bufsize));
	net_frame_payload_store_u16(
		frame, DNS_FLAGS_OFFSET, (uint16_t)(client->flags | DNS_FLAG_AD));
}

// By whoever has the streams. Without room there, nobody waits for some.
static void attempt_send_to_stream(struct forward_lcore *lcore, uint32_t slot,
	struct net_frame *frame, const struct proxy_attempt *attempt, uint64_t now)
{
	const struct proxy_pending *pending =
		proxy_pending_at(&lcore->proxy->pending, attempt->slot);
	const struct forward_stream_attempt stream = {
		.slot = attempt->slot,
		.stream_attempt = attempt->stream_attempt,
		.upstream = pending->upstream,
		.question_end = pending->question_end,
		.until = attempt->until,
	};

	if (base_likely(lcore->sink.ask(lcore->sink.context, frame, &stream))) {
		stats_count(&lcore->counters, STATS_SENT_STREAM_ATTEMPTS);
		return;
	}
	stats_count(&lcore->counters, STATS_SENT_STREAM_FULL);
	if (attempt->slot != slot) {
		proxy_hedge_cancel(lcore->proxy, attempt->slot, now);
		forward_frame_release(lcore, frame);
		return;
	}
	proxy_attempt_fail(lcore->proxy, slot, PROXY_FAILURE_NO_STREAM, now);
	query_give_up(lcore, slot, frame, now);
}

// The query in the frame becomes what the upstream is to see, but for its id.
static void attempt_prepare(struct forward_lcore *lcore, uint32_t slot, struct net_frame *frame)
{
	const struct forward_client *client = forward_client_of(lcore->proxy, slot);

	if (client->cache != FORWARD_NO_CACHE)
		query_widen(lcore, slot, frame);
	// An answer that arrives in fragments would be lost: ask for none.
	if (client->edns_offset) {
		uint16_t size = (uint16_t)(client->edns_offset + DNS_OPT_UDP_SIZE_OFFSET);

		if (bytes_load_u16(net_frame_payload(frame) + size) > client->bufsize)
			net_frame_payload_store_u16(frame, size, client->bufsize);
	}
}

// The payload is the query as the client sent it.
static void attempt_send(struct forward_lcore *lcore, uint32_t slot, struct net_frame *frame,
	const struct proxy_attempt *attempt, uint64_t now)
{
	struct net_flow flow;

	attempt_prepare(lcore, slot, frame);
	if (base_unlikely(attempt->carrier == PROXY_CARRIER_STREAM)) {
		attempt_send_to_stream(lcore, slot, frame, attempt, now);
		return;
	}
	net_frame_payload_store_u16(frame, DNS_ID_OFFSET, attempt->id);
	forward_attempt_fill_flow(attempt, &flow);
	forward_frame_send(lcore, frame, &flow, STATS_SENT_ATTEMPTS);
}

void forward_query_attempt(
	struct forward_lcore *lcore, uint32_t slot, struct net_frame *frame, uint64_t now)
{
	struct proxy_attempt attempt;

	if (base_unlikely(!proxy_attempt_start(lcore->proxy, slot, now, &attempt))) {
		query_give_up(lcore, slot, frame, now);
		return;
	}
	if (base_unlikely(proxy_pending_at(&lcore->proxy->pending, slot)->failed_attempts))
		stats_count(&lcore->counters, STATS_SENT_RETRIES);
	attempt_send(lcore, slot, frame, &attempt, now);
}

// Without a frame to ask with, there is none to answer with.
static void query_abandon(struct forward_lcore *lcore, uint32_t slot, uint64_t now)
{
	forward_log_failure(lcore, slot);
	if (forward_client_of(lcore->proxy, slot)->cache != FORWARD_NO_CACHE) {
		forward_cached_give_up(
			lcore, slot, NULL, DNS_RCODE_SERVFAIL, DNS_EDE_NO_REACHABLE_AUTHORITY, now);
		return;
	}
	forward_answer_leave_out(lcore, &forward_client_of(lcore->proxy, slot)->destination);
	stats_count(&lcore->counters, STATS_QUERY_NO_FRAME);
	proxy_query_finish(lcore->proxy, slot, now);
}

// The query as its client sent it, in `frame`, which is of no more use otherwise, or, where that is
// NULL or too small, in a new one, which `fresh` has room for. NULL: there is none.
static struct net_frame *query_refill(struct forward_lcore *lcore, uint32_t slot,
	struct net_frame *frame, struct net_frame *fresh)
{
	struct proxy_pending *pending = proxy_pending_at(&lcore->proxy->pending, slot);

	if (frame && net_frame_payload_room(frame) < pending->message_length) {
		forward_frame_release(lcore, frame);
		frame = NULL;
	}
	if (!frame) {
		if (base_unlikely(!lcore->sink.allocate(lcore->sink.context, fresh))) {
			stats_count(&lcore->counters, STATS_NO_FRAMES);
			return NULL;
		}
		frame = fresh;
	}
	memcpy(net_frame_payload(frame), proxy_pending_message(&lcore->proxy->pending, pending),
		pending->message_length);
	net_frame_payload_rewritten(frame, pending->message_length);
	return frame;
}

void forward_query_attempt_again(
	struct forward_lcore *lcore, uint32_t slot, struct net_frame *frame, uint64_t now)
{
	struct net_frame fresh;

	frame = query_refill(lcore, slot, frame, &fresh);
	if (base_unlikely(!frame))
		query_abandon(lcore, slot, now);
	else
		forward_query_attempt(lcore, slot, frame, now);
}

void forward_query_attempt_fail(struct forward_lcore *lcore, uint32_t slot,
	enum proxy_failure failure, struct net_frame *frame, uint64_t now)
{
	if (base_unlikely(proxy_slot_is_check(lcore->proxy, slot))) {
		forward_check_fail(lcore, slot, failure, frame, now);
		return;
	}
	if (base_unlikely(proxy_hedge_fail(lcore->proxy, &slot, failure, now))) {
		if (frame)
			forward_frame_release(lcore, frame);
		return;
	}
	proxy_attempt_fail(lcore->proxy, slot, failure, now);
	if (base_unlikely(proxy_query_pause(lcore->proxy, slot, failure, now))) {
		if (frame)
			forward_frame_release(lcore, frame);
		return;
	}
	forward_query_attempt_again(lcore, slot, frame, now);
}

bool forward_query_ask_whole(
	struct forward_lcore *lcore, uint32_t slot, struct net_frame *frame, uint64_t now)
{
	struct proxy_attempt attempt;
	struct net_frame fresh;

	if (!proxy_attempt_start_again(lcore->proxy, slot, now, &attempt))
		return false;
	stats_count(&lcore->counters, STATS_SENT_AFTER_TC);
	frame = query_refill(lcore, slot, frame, &fresh);
	if (base_unlikely(!frame))
		query_abandon(lcore, slot, now);
	else
		attempt_send(lcore, slot, frame, &attempt, now);
	return true;
}

void forward_query_hedge(struct forward_lcore *lcore, uint32_t slot, uint64_t now)
{
	struct proxy_attempt attempt;
	struct net_frame fresh;
	struct net_frame *frame;

	if (!proxy_hedge_start(lcore->proxy, slot, now, &attempt))
		return;
	frame = query_refill(lcore, slot, NULL, &fresh);
	if (base_unlikely(!frame)) {
		proxy_hedge_cancel(lcore->proxy, attempt.slot, now);
		return;
	}
	stats_count(&lcore->counters, STATS_SENT_HEDGES);
	attempt_send(lcore, slot, frame, &attempt, now);
}

void forward_query_refuse_started(
	struct forward_lcore *lcore, uint32_t slot, struct net_frame *frame, uint64_t now)
{
	const struct query_end end = {.rcode = DNS_RCODE_REFUSED,
		.extended = DNS_EDE_NONE,
		.verdict = STATS_QUERY_CONCURRENT};
	struct net_frame fresh;

	if (forward_client_of(lcore->proxy, slot)->cache != FORWARD_NO_CACHE) {
		forward_cached_refuse(lcore, slot, frame, now);
		return;
	}
	frame = query_refill(lcore, slot, frame, &fresh);
	if (base_unlikely(!frame))
		query_abandon(lcore, slot, now);
	else
		query_end_with(lcore, slot, frame, &end, now);
}

void forward_query_refuse(
	struct forward_lcore *lcore, const struct forward_query *query, enum dns_rcode rcode)
{
	query_refuse(lcore, query, DNS_READ_GOOD, rcode, query->match.bufsize,
		forward_log_query(lcore, query));
}

uint16_t forward_query_answer_bytes(const struct forward_query *query)
{
	if (base_unlikely(query->stream))
		return DNS_MESSAGE_BYTES_MOST;
	return dns_message_udp_size(&query->message, query->match.bufsize);
}

void forward_query_fill_client(
	struct forward_lcore *lcore, const struct forward_query *query, uint32_t slot)
{
	struct forward_client *client = forward_client_of(lcore->proxy, slot);
	const struct dns_message *message = &query->message;

	client->id = message->id;
	client->flags = message->flags;
	client->udp_size = forward_query_answer_bytes(query);
	client->bufsize = query->match.bufsize;
	client->edns_offset = message->edns.is_present ? message->edns.offset : 0;
	client->do_bit = message->edns.do_bit;
	client->is_waiting = true;
	client->rotates_records = query->match.rotates_records;
	client->has_subnet = query->has_subnet;
	client->is_asked_as_sent = false;
	client->has_stale_alarm = false;
	client->removes_unasked = query->may_be_cached;
	client->cache = query->is_common ? query->match.cache : FORWARD_NO_CACHE;
	client->hash = query->hash;
	client->log = query->match.log;
	client->log_classes = query->match.log_classes;
	client->logs_errors = query->match.logs_errors;
	client->left_rcode = DNS_RCODE_NOERROR;
}

static enum proxy_start query_allocate(struct forward_lcore *lcore,
	const struct forward_query *query, uint64_t now, uint32_t *slot)
{
	return proxy_query_start(lcore->proxy, query->match.group, net_frame_payload(query->frame),
		query->frame->payload_length, query->message.question_end, now, slot);
}

void forward_query_start(
	struct forward_lcore *lcore, const struct forward_query *query, uint64_t now)
{
	uint32_t slot;

	switch (query_allocate(lcore, query, now, &slot)) {
	case PROXY_START_GOOD:
		break;
	case PROXY_START_CONCURRENT:
		stats_count(&lcore->counters, STATS_QUERY_CONCURRENT);
		forward_query_refuse(lcore, query, DNS_RCODE_REFUSED);
		return;
	case PROXY_START_NO_ROOM:
		stats_count(&lcore->counters, STATS_QUERY_NO_ROOM);
		forward_query_refuse(lcore, query, DNS_RCODE_SERVFAIL);
		return;
	}
	forward_query_fill_client(lcore, query, slot);
	forward_query_destination(query, &forward_client_of(lcore->proxy, slot)->destination);
	if (base_unlikely(query->stream))
		proxy_query_set_carrier(lcore->proxy, slot, PROXY_CARRIER_STREAM);
	if (query->is_common)
		forward_cached_begin(lcore, slot, query->found_stale, now);
	forward_query_attempt(lcore, slot, query->frame, now);
}

void forward_query_start_refresh(
	struct forward_lcore *lcore, const struct forward_query *query, uint64_t now)
{
	uint32_t slot;

	if (query_allocate(lcore, query, now, &slot) != PROXY_START_GOOD) {
		stats_count(&lcore->counters, STATS_REFRESH_NO_ROOM);
		forward_frame_release(lcore, query->frame);
		return;
	}
	stats_count(&lcore->counters, STATS_REFRESH_SENT);
	forward_query_fill_client(lcore, query, slot);
	forward_cached_begin_refresh(lcore, slot);
	forward_query_attempt(lcore, slot, query->frame, now);
}

// What is wrong with a query, in the order in which the sender hears of it.
static bool query_is_bad(const struct dns_message *query, enum dns_read_result read,
	enum dns_rcode *rcode, enum stats_counter *verdict)
{
	if (query->opcode != DNS_OPCODE_QUERY) {
		*rcode = DNS_RCODE_NOTIMP;
		*verdict = STATS_QUERY_NOTIMP;
	} else if (read != DNS_READ_GOOD) {
		*rcode = DNS_RCODE_FORMERR;
		*verdict = STATS_QUERY_FORMERR;
	} else if (query->edns.is_present && query->edns.version) {
		*rcode = DNS_RCODE_BADVERS;
		*verdict = STATS_QUERY_BADVERS;
	} else {
		return false;
	}
	return true;
}

bool forward_query_accept(struct forward_lcore *lcore, const struct forward_listener *listener,
	struct forward_query *query)
{
	const uint8_t *bytes = net_frame_payload(query->frame);
	struct dns_message *message = &query->message;
	enum dns_read_result read = dns_message_read(message, bytes, query->frame->payload_length);
	enum stats_counter verdict;
	enum dns_rcode rcode;

	query->hash = 0;
	query->may_be_cached = false;
	query->has_subnet = false;
	query->is_common = false;
	query->found_stale = false;
	if (base_unlikely(read == DNS_READ_SHORT)) {
		forward_query_drop(lcore, query, STATS_QUERY_SHORT);
		return false;
	}
	if (base_unlikely(message->flags & DNS_FLAG_QR)) {
		forward_query_drop(lcore, query, STATS_QUERY_RESPONSE);
		return false;
	}
	if (base_unlikely(lcore->takes_no_queries)) {
		forward_query_drop(lcore, query, STATS_QUERY_STOPPING);
		return false;
	}
	if (base_unlikely(query_is_bad(message, read, &rcode, &verdict))) {
		stats_count(&lcore->counters, verdict);
		query_refuse(lcore, query, read, rcode, DNS_UDP_BYTES_WITHOUT_EDNS, NULL);
		return false;
	}
	query->match = forward_listener_match(
		listener, bytes + DNS_HEADER_BYTES, message->question.name_length);
	if (base_unlikely(query->match.group == FORWARD_NO_GROUP)) {
		stats_count(&lcore->counters, STATS_QUERY_NO_MATCH);
		query_refuse(lcore, query, read, DNS_RCODE_REFUSED, query->match.bufsize,
			forward_log_query(lcore, query));
		return false;
	}
	return true;
}
