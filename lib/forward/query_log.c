// SPDX-License-Identifier: BSD-3-Clause
#include "forward/query_log.h"

#include "rcu/rcu.h"

#define ANSWER_COUNT_OFFSET 6 // RFC 1035, section 4.1.1

static struct query_record *take_place(struct forward_lcore *lcore)
{
	struct query_ring *records = rcu_pointer_read(lcore->records);
	struct query_record *record = records ? query_ring_place(records) : NULL;

	if (!record)
		stats_count(&lcore->counters, STATS_LOG_DROPPED);
	return record;
}

static void push(struct forward_lcore *lcore)
{
	query_ring_push(rcu_pointer_read(lcore->records));
	stats_count(&lcore->counters, STATS_LOG_RECORDS);
}

// From the query's bytes, which were read as good.
static void fill_question(struct query_record *record, const uint8_t *bytes, uint16_t question_end,
	uint16_t edns_offset)
{
	const uint8_t *behind_name = bytes + question_end - 4;

	record->id = bytes_load_u16(bytes + DNS_ID_OFFSET);
	record->type = bytes_load_u16(behind_name);
	record->class_ = bytes_load_u16(behind_name + 2);
	record->name_length = (uint16_t)(question_end - 4 - DNS_HEADER_BYTES);
	memcpy(record->name, bytes + DNS_HEADER_BYTES, record->name_length);
	record->bufsize =
		edns_offset ? bytes_load_u16(bytes + edns_offset + DNS_OPT_UDP_SIZE_OFFSET) : 0;
}

static void fill_client(struct query_record *record, const struct forward_destination *destination)
{
	record->is_stream = destination->carrier == PROXY_CARRIER_STREAM;
	record->client =
		record->is_stream ? destination->stream_peer : destination->flow.destination;
	record->local = record->is_stream ? destination->stream_local : destination->flow.source;
}

struct query_record *forward_log_begin(
	struct forward_lcore *lcore, const struct forward_query *query)
{
	const struct dns_message *message = &query->message;
	struct query_record *record = take_place(lcore);
	struct forward_destination destination;

	if (!record)
		return NULL;
	forward_query_destination(query, &destination);
	fill_client(record, &destination);
	fill_question(record, net_frame_payload(query->frame), message->question_end,
		message->edns.is_present ? message->edns.offset : 0);
	record->size = query->frame->payload_length;
	record->do_bit = message->edns.do_bit;
	record->rule = query->match.log;
	record->classes = query->match.log_classes;
	record->duration = 0;
	return record;
}

static void fill_pending(struct forward_lcore *lcore, uint32_t slot, struct query_record *record)
{
	struct proxy_pending_table *table = &lcore->proxy->pending;
	struct proxy_pending *pending = proxy_pending_at(table, slot);
	const struct forward_client *client = forward_client_at(table, slot);

	fill_client(record, &client->destination);
	fill_question(record, proxy_pending_message(table, pending), pending->question_end,
		client->edns_offset);
	record->id = client->id;
	record->size = pending->message_length;
	record->do_bit = client->do_bit;
	record->rule = client->log;
	record->classes = client->log_classes;
	record->duration = lcore->now - (pending->deadline - PROXY_QUERY_DEADLINE);
}

struct query_record *forward_log_begin_pending(struct forward_lcore *lcore, uint32_t slot)
{
	struct query_record *record = take_place(lcore);

	if (record)
		fill_pending(lcore, slot, record);
	return record;
}

static enum config_log_class class_of(const uint8_t *answer, uint16_t rcode)
{
	bool has_data = bytes_load_u16(answer + ANSWER_COUNT_OFFSET) > 0;

	if (rcode == DNS_RCODE_NXDOMAIN || (rcode == DNS_RCODE_NOERROR && !has_data))
		return CONFIG_LOG_DENIAL;
	return rcode == DNS_RCODE_NOERROR ? CONFIG_LOG_SUCCESS : CONFIG_LOG_ERROR;
}

void forward_log_write(
	struct forward_lcore *lcore, struct query_record *record, const struct net_frame *frame)
{
	const uint8_t *answer = net_frame_payload(frame);

	record->flags = bytes_load_u16(answer + DNS_FLAGS_OFFSET);
	record->rcode = record->flags & 15;
	if (!(record->classes & class_of(answer, record->rcode)))
		return;
	record->kind = QUERY_RECORD_ANSWER;
	record->answer_size = frame->payload_length;
	push(lcore);
}

void forward_log_failure(struct forward_lcore *lcore, uint32_t slot)
{
	const struct proxy_pending *pending = proxy_pending_at(&lcore->proxy->pending, slot);
	struct query_record *record;

	if (base_likely(!forward_client_of(lcore->proxy, slot)->logs_errors))
		return;
	record = take_place(lcore);
	if (!record)
		return;
	fill_pending(lcore, slot, record);
	record->kind = QUERY_RECORD_FAILURE;
	record->rcode = DNS_RCODE_SERVFAIL;
	record->group = pending->group;
	record->failure = pending->last_failure;
	record->upstream = lcore->proxy->set->upstreams[pending->upstream].endpoint;
	push(lcore);
}
