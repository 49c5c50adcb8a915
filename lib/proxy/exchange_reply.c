// SPDX-License-Identifier: BSD-3-Clause
// Which query something that came is about.
#include <string.h>

#include "proxy/check.h"
#include "proxy/exchange.h"

void proxy_reply_prefetch_connection(const struct proxy_lcore *lcore, uint16_t local_port)
{
	uint16_t connection = proxy_pools_slot(&lcore->pools, local_port);

	if (connection == PROXY_SLOT_NONE)
		return;
	proxy_pending_prefetch(&lcore->pending, connection);
	base_prefetch_write(&lcore->pools.connections[connection]);
}

static uint32_t reply_guess(const struct proxy_lcore *lcore, uint16_t local_port, uint16_t id)
{
	uint16_t connection = proxy_pools_slot(&lcore->pools, local_port);

	if (connection == PROXY_SLOT_NONE)
		return PROXY_PENDING_NONE;
	return proxy_pending_guess(&lcore->pending, connection, id);
}

// The query in flight on this port under this id, or PROXY_PENDING_NONE.
static uint32_t reply_find(const struct proxy_lcore *lcore, uint16_t local_port, uint16_t id)
{
	uint16_t connection = proxy_pools_slot(&lcore->pools, local_port);

	if (base_unlikely(connection == PROXY_SLOT_NONE))
		return PROXY_PENDING_NONE;
	return proxy_pending_find(&lcore->pending, connection, id);
}

void proxy_reply_prefetch_query(const struct proxy_lcore *lcore, uint16_t local_port, uint16_t id)
{
	uint32_t slot = reply_guess(lcore, local_port, id);
	const struct proxy_pending *pending;

	if (slot == PROXY_PENDING_NONE)
		return;
	pending = proxy_pending_at(&lcore->pending, slot);
	base_prefetch_write(pending);
	base_prefetch(pending->context);
	// The message begins at the end of the third line.
	base_prefetch(pending->message);
	base_prefetch(pending->message + BASE_CACHE_LINE);
	timer_wheel_prefetch(&lcore->wheel, slot);
}

uint32_t proxy_reply_prefetch_timer(
	const struct proxy_lcore *lcore, uint16_t local_port, uint16_t id)
{
	uint32_t slot = reply_guess(lcore, local_port, id);

	if (slot != PROXY_PENDING_NONE)
		timer_wheel_prefetch_neighbours(&lcore->wheel, slot);
	return slot;
}

// Name without case, type and class of the question that was sent.
static bool reply_asks_the_same(struct proxy_lcore *lcore, struct proxy_pending *pending,
	const uint8_t *bytes, const struct dns_message *message)
{
	const uint8_t *asked = proxy_pending_message(&lcore->pending, pending);
	uint16_t name_end = (uint16_t)(pending->question_end - 4);

	return message->question_end == pending->question_end &&
	       memcmp(asked + name_end, bytes + name_end, 4) == 0 &&
	       dns_name_bytes_equal(asked + DNS_HEADER_BYTES, bytes + DNS_HEADER_BYTES,
		       (size_t)name_end - DNS_HEADER_BYTES);
}

// What came for the query, of whom everything else is right.
static enum proxy_reply reply_read(struct proxy_lcore *lcore, struct proxy_pending *pending,
	const uint8_t *bytes, uint16_t length, struct dns_message *message)
{
	enum dns_read_result read = dns_message_read(message, bytes, length);

	if (base_unlikely(pending->is_check))
		return proxy_check_is_answered(read, message) ? PROXY_REPLY_CHECK
							      : PROXY_REPLY_GARBAGE;
	// A response has the opcode of the query (RFC 1035, section 4.1.1).
	if (read != DNS_READ_GOOD || message->opcode != DNS_OPCODE_QUERY)
		return PROXY_REPLY_GARBAGE;
	if (!reply_asks_the_same(lcore, pending, bytes, message))
		return PROXY_REPLY_MISMATCHED;
	return PROXY_REPLY_GOOD;
}

enum proxy_reply proxy_reply_match(struct proxy_lcore *lcore, const struct net_endpoint *source,
	const struct net_endpoint *destination, const uint8_t *bytes, uint16_t length,
	struct dns_message *message, uint32_t *slot)
{
	struct proxy_pending *pending;

	if (length < DNS_HEADER_BYTES || !(bytes[2] & DNS_FLAG_QR >> 8))
		return PROXY_REPLY_SHORT;
	*slot = reply_find(lcore, destination->port, bytes_load_u16(bytes));
	if (*slot == PROXY_PENDING_NONE)
		return PROXY_REPLY_LATE;
	pending = proxy_pending_at(&lcore->pending, *slot);
	if (!net_endpoint_equal(source, &lcore->set->upstreams[pending->upstream].endpoint) ||
		!net_address_equal(&destination->address, &pending->local_address))
		return PROXY_REPLY_FORGED;
	return reply_read(lcore, pending, bytes, length, message);
}

bool proxy_stream_attempt_is_on_way(
	const struct proxy_lcore *lcore, uint32_t slot, uint32_t stream_attempt)
{
	const struct proxy_pending *pending = proxy_pending_at(&lcore->pending, slot);

	return pending->connection == PROXY_SLOT_STREAM &&
	       pending->stream_attempt == stream_attempt;
}

enum proxy_reply proxy_stream_reply_match(struct proxy_lcore *lcore, uint32_t slot,
	const uint8_t *bytes, uint16_t length, struct dns_message *message)
{
	return reply_read(lcore, proxy_pending_at(&lcore->pending, slot), bytes, length, message);
}

uint32_t proxy_error_match(const struct proxy_lcore *lcore,
	const struct net_endpoint *quoted_destination, uint16_t local_port, uint16_t id)
{
	uint32_t slot = reply_find(lcore, local_port, id);
	const struct proxy_pending *pending;

	if (slot == PROXY_PENDING_NONE)
		return PROXY_PENDING_NONE;
	pending = proxy_pending_at(&lcore->pending, slot);
	if (!net_endpoint_equal(
		    quoted_destination, &lcore->set->upstreams[pending->upstream].endpoint))
		return PROXY_PENDING_NONE;
	return slot;
}
