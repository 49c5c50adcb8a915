// SPDX-License-Identifier: BSD-3-Clause
#include "forward/lcore.h"

// An answer of our own goes back in the frame that brought the query.
static void query_refuse(struct forward_lcore *lcore, struct net_frame *frame,
	enum dns_read_result read, const struct dns_message *query, enum dns_rcode rcode,
	uint16_t bufsize)
{
	struct net_flow flow;

	net_frame_flow_back(frame, &flow);
	net_frame_payload_rewritten(frame,
		dns_message_make_error(net_frame_payload(frame), net_frame_payload_room(frame),
			read, query, rcode, DNS_EDE_NONE, bufsize));
	forward_frame_send(lcore, frame, &flow, STATS_SENT_ANSWERS);
}

// SERVFAIL for a query that was started: the payload is the query as the client sent it.
static void query_give_up(
	struct forward_lcore *lcore, uint32_t slot, struct net_frame *frame, uint64_t now)
{
	const struct proxy_pending *pending = proxy_pending_at(&lcore->proxy->pending, slot);
	const struct forward_client *client = forward_client_of(lcore->proxy, slot);
	enum dns_extended_error extended = pending->last_failure == PROXY_FAILURE_GARBAGE
						   ? DNS_EDE_NETWORK_ERROR
						   : DNS_EDE_NO_REACHABLE_AUTHORITY;
	struct net_flow flow = client->flow;
	struct dns_message query;
	enum dns_read_result read =
		dns_message_read(&query, net_frame_payload(frame), frame->payload_length);

	net_frame_payload_rewritten(frame,
		dns_message_make_error(net_frame_payload(frame), net_frame_payload_room(frame),
			read, &query, DNS_RCODE_SERVFAIL, extended, client->bufsize));
	stats_count(&lcore->counters, STATS_QUERY_FAILED);
	proxy_query_finish(lcore->proxy, slot, now);
	forward_frame_send(lcore, frame, &flow, STATS_SENT_ANSWERS);
}

void forward_query_attempt(
	struct forward_lcore *lcore, uint32_t slot, struct net_frame *frame, uint64_t now)
{
	const struct forward_client *client = forward_client_of(lcore->proxy, slot);
	struct proxy_attempt attempt;
	struct net_flow flow;

	if (base_unlikely(!proxy_attempt_start(lcore->proxy, slot, now, &attempt))) {
		query_give_up(lcore, slot, frame, now);
		return;
	}
	if (base_unlikely(proxy_pending_at(&lcore->proxy->pending, slot)->failed_attempts))
		stats_count(&lcore->counters, STATS_SENT_RETRIES);
	net_frame_payload_store_u16(frame, DNS_ID_OFFSET, attempt.id);
	// An answer that arrives in fragments would be lost: ask for none.
	if (client->edns_offset) {
		uint16_t size = (uint16_t)(client->edns_offset + DNS_OPT_UDP_SIZE_OFFSET);

		if (bytes_load_u16(net_frame_payload(frame) + size) > client->bufsize)
			net_frame_payload_store_u16(frame, size, client->bufsize);
	}
	flow = (struct net_flow){
		.source = {.address = attempt.path->source, .port = attempt.local_port},
		.destination = attempt.upstream->endpoint,
		.source_mac = attempt.path->source_mac,
		.destination_mac = attempt.path->next_hop_mac,
		.vlan = attempt.path->vlan,
		.port = attempt.path->port,
	};
	forward_frame_send(lcore, frame, &flow, STATS_SENT_ATTEMPTS);
}

void forward_query_attempt_again(
	struct forward_lcore *lcore, uint32_t slot, struct net_frame *frame, uint64_t now)
{
	struct proxy_pending *pending = proxy_pending_at(&lcore->proxy->pending, slot);
	struct net_frame fresh;

	if (frame && net_frame_payload_room(frame) < pending->message_length) {
		forward_frame_release(lcore, frame);
		frame = NULL;
	}
	if (!frame) {
		if (base_unlikely(!lcore->sink.allocate(lcore->sink.context, &fresh))) {
			stats_count(&lcore->counters, STATS_NO_FRAMES);
			stats_count(&lcore->counters, STATS_QUERY_NO_FRAME);
			proxy_query_finish(lcore->proxy, slot, now);
			return;
		}
		frame = &fresh;
	}
	memcpy(net_frame_payload(frame), proxy_pending_message(&lcore->proxy->pending, pending),
		pending->message_length);
	net_frame_payload_rewritten(frame, pending->message_length);
	forward_query_attempt(lcore, slot, frame, now);
}

static void query_start(struct forward_lcore *lcore, struct net_frame *frame,
	const struct dns_message *query, const struct forward_match *match, uint64_t now)
{
	enum proxy_start start;
	struct forward_client *client;
	uint32_t slot;

	start = proxy_query_start(lcore->proxy, match->group, net_frame_payload(frame),
		frame->payload_length, query->question_end, now, &slot);
	if (base_unlikely(start == PROXY_START_CONCURRENT)) {
		stats_count(&lcore->counters, STATS_QUERY_CONCURRENT);
		query_refuse(lcore, frame, DNS_READ_GOOD, query, DNS_RCODE_REFUSED, match->bufsize);
		return;
	}
	if (base_unlikely(start != PROXY_START_GOOD)) {
		stats_count(&lcore->counters, STATS_QUERY_NO_ROOM);
		query_refuse(
			lcore, frame, DNS_READ_GOOD, query, DNS_RCODE_SERVFAIL, match->bufsize);
		return;
	}
	client = forward_client_of(lcore->proxy, slot);
	net_frame_flow_back(frame, &client->flow);
	client->id = query->id;
	client->flags = query->flags;
	client->udp_size = dns_message_udp_size(query, match->bufsize);
	client->bufsize = match->bufsize;
	client->edns_offset = query->edns.is_present ? query->edns.offset : 0;
	forward_query_attempt(lcore, slot, frame, now);
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

void forward_query_receive(struct forward_lcore *lcore, struct net_frame *frame,
	const struct forward_listener *listener, uint64_t now)
{
	const uint8_t *message = net_frame_payload(frame);
	struct forward_match match;
	struct dns_message query;
	enum dns_read_result read = dns_message_read(&query, message, frame->payload_length);
	enum stats_counter verdict;
	enum dns_rcode rcode;

	if (base_unlikely(read == DNS_READ_SHORT)) {
		forward_frame_drop(lcore, frame, STATS_QUERY_SHORT);
		return;
	}
	if (base_unlikely(query.flags & DNS_FLAG_QR)) {
		forward_frame_drop(lcore, frame, STATS_QUERY_RESPONSE);
		return;
	}
	if (base_unlikely(lcore->takes_no_queries)) {
		forward_frame_drop(lcore, frame, STATS_QUERY_STOPPING);
		return;
	}
	if (base_unlikely(query_is_bad(&query, read, &rcode, &verdict))) {
		stats_count(&lcore->counters, verdict);
		query_refuse(lcore, frame, read, &query, rcode, DNS_UDP_BYTES_WITHOUT_EDNS);
		return;
	}
	match = forward_listener_match(
		listener, message + DNS_HEADER_BYTES, query.question.name_length);
	if (base_unlikely(match.group == FORWARD_NO_GROUP)) {
		stats_count(&lcore->counters, STATS_QUERY_NO_MATCH);
		query_refuse(lcore, frame, read, &query, DNS_RCODE_REFUSED, match.bufsize);
		return;
	}
	query_start(lcore, frame, &query, &match, now);
}
