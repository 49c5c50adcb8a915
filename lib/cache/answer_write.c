// SPDX-License-Identifier: BSD-3-Clause
// From a value to the answer of one client: what every hit costs.
#include "cache/answer_fields.h"

#include <endian.h>

#include "dns/edns_option.h"

#define OPT_BYTES 11 // RFC 6891, section 6.1.2
#define OPT_DO 0x8000
#define OPT_EXTENDED_ERROR_BYTES 6 // code, length, info-code
#define OPT_SUBNET_BYTES 8 // code, length, family, two prefix lengths; the address follows

// What of a value goes into one answer.
struct answer_shape {
	uint16_t flags;
	uint16_t counts[3];
	uint16_t records_length;
	uint16_t opt_bytes; // 0: no OPT
	uint16_t subnet_bytes; // of them; 0: no such option
	int extended_error;
};

static inline bool value_copy(
	const struct cache_answer_value *value, uint32_t offset, void *to, uint32_t length)
{
	if (base_likely(offset + length <= value->here_length)) {
		memcpy(to, value->here + offset, length);
		return true;
	}
	return offset + length <= value->length && value->here_length < value->length &&
	       value->copy(value->context, offset, to, length);
}

static inline uint16_t value_field(const struct cache_answer_value *value, enum answer_field field)
{
	return bytes_load_u16(value->here + field);
}

// Which error to tell of (RFC 8914, sections 4.4 and 4.20).
static inline int answer_extended_error(
	const struct cache_answer_value *value, uint16_t flags, uint32_t stale_ttl)
{
	uint16_t stored = value_field(value, ANSWER_EXTENDED_ERROR);

	if (base_unlikely(stale_ttl))
		return (flags & 0xf) == DNS_RCODE_NXDOMAIN ? DNS_EDE_STALE_NXDOMAIN_ANSWER
							   : DNS_EDE_STALE_ANSWER;
	return stored == ANSWER_NO_EXTENDED_ERROR ? DNS_EDE_NONE : stored;
}

// Drops whole sections from the last on until the rest fits, and options of OPT, and OPT.
static void shape_truncate(
	struct answer_shape *shape, const struct cache_answer_value *value, size_t room)
{
	uint16_t authority_end = value_field(value, ANSWER_AUTHORITY_END);
	uint16_t answer_end = value_field(value, ANSWER_ANSWER_END);

	shape->flags |= DNS_FLAG_TC;
	shape->counts[DNS_SECTION_ADDITIONAL] = 0;
	shape->records_length = authority_end;
	if (shape->records_length + shape->opt_bytes > room) {
		shape->counts[DNS_SECTION_AUTHORITY] = 0;
		shape->records_length = answer_end;
	}
	if (shape->records_length + shape->opt_bytes > room) {
		shape->counts[DNS_SECTION_ANSWER] = 0;
		shape->records_length = 0;
	}
	if (shape->opt_bytes > room) {
		shape->extended_error = DNS_EDE_NONE;
		shape->subnet_bytes = 0;
		shape->opt_bytes = room < OPT_BYTES ? 0 : OPT_BYTES;
	}
}

static inline uint16_t subnet_address_bytes(const struct dns_client_subnet *subnet)
{
	return (uint16_t)((subnet->source_length + 7) / 8);
}

// Those of the upstream and those of the client.
static inline uint16_t answer_flags(
	const struct cache_answer_client *client, const struct cache_answer_value *value)
{
	uint16_t kept = DNS_FLAG_RD | DNS_FLAG_CD;
	uint16_t stored = value_field(value, ANSWER_FLAGS) & ANSWER_FLAGS_KEPT;

	if (!client->do_bit && !(client->flags & DNS_FLAG_AD))
		stored &= (uint16_t)~DNS_FLAG_AD;
	return (uint16_t)(stored | (client->flags & kept));
}

static inline void shape_take_counts(
	struct answer_shape *shape, const struct cache_answer_value *value)
{
	const uint8_t *counts = value->here + ANSWER_COUNTS;

	shape->counts[DNS_SECTION_ANSWER] = bytes_load_u16(counts);
	shape->counts[DNS_SECTION_AUTHORITY] = bytes_load_u16(counts + 2);
	shape->counts[DNS_SECTION_ADDITIONAL] = bytes_load_u16(counts + 4);
}

static inline struct answer_shape shape_make(const struct cache_answer_client *client,
	const struct cache_answer_value *value, uint32_t stale_ttl, size_t room)
{
	struct answer_shape shape;

	shape.flags = answer_flags(client, value);
	shape.extended_error = answer_extended_error(value, shape.flags, stale_ttl);
	shape_take_counts(&shape, value);
	shape.records_length = value_field(value, ANSWER_RECORDS_LENGTH);
	shape.subnet_bytes = 0;
	shape.opt_bytes = 0;
	if (client->has_edns) {
		if (base_unlikely(client->subnet != NULL))
			shape.subnet_bytes =
				(uint16_t)(OPT_SUBNET_BYTES + subnet_address_bytes(client->subnet));
		shape.opt_bytes = (uint16_t)(OPT_BYTES + shape.subnet_bytes);
		if (base_unlikely(shape.extended_error != DNS_EDE_NONE))
			shape.opt_bytes += OPT_EXTENDED_ERROR_BYTES;
	}
	if (base_unlikely((size_t)shape.records_length + shape.opt_bytes > room))
		shape_truncate(&shape, value, room);
	return shape;
}

// Returns its sum. Each store is as wide as what is summed or sent of it at once.
static inline uint64_t answer_put_header(uint8_t *payload, const struct cache_answer_client *client,
	const struct answer_shape *shape)
{
	uint32_t additional = shape->counts[DNS_SECTION_ADDITIONAL] + (shape->opt_bytes ? 1u : 0u);
	uint64_t first = htobe64((uint64_t)client->id << 48 | (uint64_t)shape->flags << 32 |
				 1u << 16 | shape->counts[DNS_SECTION_ANSWER]);
	uint32_t rest = htobe32(
		(uint32_t)shape->counts[DNS_SECTION_AUTHORITY] << 16 | (additional & 0xffff));

	memcpy(payload, &first, sizeof(first));
	memcpy(payload + sizeof(first), &rest, sizeof(rest));
	return (first >> 32) + (first & UINT32_MAX) + rest;
}

static void answer_put_subnet(uint8_t *option, const struct dns_client_subnet *subnet)
{
	uint16_t bytes = subnet_address_bytes(subnet);

	bytes_store_u16(option, DNS_OPTION_CLIENT_SUBNET);
	bytes_store_u16(option + 2, (uint16_t)(bytes + OPT_SUBNET_BYTES - 4));
	bytes_store_u16(option + 4, subnet->family);
	option[6] = subnet->source_length;
	option[7] = subnet->scope_length;
	memcpy(option + OPT_SUBNET_BYTES, subnet->address, bytes);
}

// The record without its options, for which room is left. Returns its sum but for theirs.
static inline uint64_t answer_put_plain_opt(
	uint8_t *opt, const struct cache_answer_client *client, uint16_t opt_bytes)
{
	uint64_t first = htobe64((uint64_t)DNS_TYPE_OPT << 40 | (uint64_t)client->udp_size << 24 |
				 (client->do_bit ? OPT_DO >> 8 : 0));

	memcpy(opt, &first, sizeof(first));
	opt[8] = 0;
	bytes_store_u16(opt + 9, (uint16_t)(opt_bytes - OPT_BYTES));
	return (first >> 32) + (first & UINT32_MAX);
}

static void answer_put_opt(
	uint8_t *opt, const struct cache_answer_client *client, const struct answer_shape *shape)
{
	if (!shape->opt_bytes)
		return;
	(void)answer_put_plain_opt(opt, client, shape->opt_bytes);
	opt += OPT_BYTES;
	if (shape->subnet_bytes) {
		answer_put_subnet(opt, client->subnet);
		opt += shape->subnet_bytes;
	}
	if (shape->extended_error != DNS_EDE_NONE) {
		bytes_store_u16(opt, DNS_OPTION_EDE);
		bytes_store_u16(opt + 2, 2);
		bytes_store_u16(opt + 4, (uint16_t)shape->extended_error);
	}
}

// Counts down the TTLs within what was copied, and adds them to the sum of the records; `stored` is
// the same bytes as they were. False where the value lies.
static inline bool answer_set_ttls(uint8_t *records, const uint8_t *stored,
	const struct answer_shape *shape, const uint8_t *offsets, uint32_t count,
	const struct cache_answer_manner *manner, uint64_t *sum)
{
	for (uint32_t i = 0; i < count; i++) {
		uint32_t offset = bytes_load_u16(offsets + 2 * i);
		uint32_t ttl;

		if (base_unlikely(offset + 4 > shape->records_length))
			// Of a section that was dropped, with all that follow.
			return shape->flags & DNS_FLAG_TC;
		ttl = bytes_load_u32(stored + offset);
		ttl = ttl > manner->age ? ttl - manner->age : 0;
		ttl = htobe32(manner->stale_ttl ? manner->stale_ttl : ttl);
		memcpy(records + offset, &ttl, sizeof(ttl));
		// One byte on, a word counts as if turned round by as much.
		*sum += offset % 2 ? ttl << 8 | ttl >> 24 : ttl;
	}
	return true;
}

// An address of IPv4 or IPv6, in a size that the compiler knows.
static inline bool address_copy(
	const struct cache_answer_value *value, uint32_t offset, uint8_t *to, uint32_t bytes)
{
	if (base_unlikely(value->here_length != value->length))
		return value_copy(value, offset, to, bytes);
	if (bytes == 4)
		memcpy(to, value->here + offset, 4);
	else
		memcpy(to, value->here + offset, 16);
	return true;
}

// Each record of the run gets the address of one further on.
static bool answer_rotate(uint8_t *records, const struct answer_shape *shape,
	const uint8_t *offsets, uint32_t ttl_count, const struct cache_answer_value *value,
	uint32_t rotation)
{
	uint32_t first = value_field(value, ANSWER_ROTATED_FIRST);
	uint32_t count = value_field(value, ANSWER_ROTATED_COUNT);
	uint32_t bytes = value_field(value, ANSWER_ROTATED_BYTES);
	uint32_t from = (uint32_t)((uint64_t)rotation * count >> 32);

	if (!shape->counts[DNS_SECTION_ANSWER] || !from)
		return true;
	if (base_unlikely(first + count > ttl_count || (bytes != 4 && bytes != 16)))
		return false;
	for (uint32_t to = 0; to < count; to++) {
		uint32_t source = bytes_load_u16(offsets + 2 * (first + from));
		uint32_t target = bytes_load_u16(offsets + 2 * (first + to));

		source += ANSWER_DATA_BEHIND_TTL;
		target += ANSWER_DATA_BEHIND_TTL;
		if (base_unlikely(target + bytes > shape->records_length ||
				  source + bytes > shape->records_length) ||
			!address_copy(
				value, CACHE_ANSWER_HEADER_BYTES + source, records + target, bytes))
			return false;
		from = from + 1 == count ? 0 : from + 1;
	}
	return true;
}

// The TTLs' offsets where they stand, or a copy of them; NULL where the value lies.
static inline const uint8_t *value_offsets(
	const struct cache_answer_value *value, uint32_t ttl_count, uint8_t *copy)
{
	uint32_t start = CACHE_ANSWER_HEADER_BYTES + value_field(value, ANSWER_RECORDS_LENGTH);

	if (base_likely(start + 2 * ttl_count <= value->here_length))
		return value->here + start;
	if (ttl_count > CACHE_ANSWER_RECORDS_MOST || !value_copy(value, start, copy, 2 * ttl_count))
		return NULL;
	return copy;
}

// Where the records can be read: those at hand, sooner than what was just written.
static inline const uint8_t *value_records(
	const struct cache_answer_value *value, const uint8_t *copied)
{
	return base_likely(value->here_length == value->length)
		       ? value->here + CACHE_ANSWER_HEADER_BYTES
		       : copied;
}

static __attribute__((noinline)) uint16_t answer_write_any(uint8_t *payload, size_t room,
	const struct cache_answer_client *client, const struct cache_answer_value *value,
	const struct cache_answer_manner *manner)
{
	uint8_t *records = payload + client->question_end;
	uint8_t copy[2 * CACHE_ANSWER_RECORDS_MOST];
	struct answer_shape shape;
	const uint8_t *offsets;
	uint32_t ttl_count;
	uint64_t sum = 0;

	if (room > client->answer_bytes)
		room = client->answer_bytes;
	if (base_unlikely(
		    client->question_end > room || value->here_length < CACHE_ANSWER_HEADER_BYTES))
		return 0;
	shape = shape_make(client, value, manner->stale_ttl, room - client->question_end);
	ttl_count = value_field(value, ANSWER_TTL_COUNT);
	offsets = value_offsets(value, ttl_count, copy);
	if (base_unlikely(
		    !offsets || shape.records_length > room - client->question_end ||
		    !value_copy(value, CACHE_ANSWER_HEADER_BYTES, records, shape.records_length)) ||
		!answer_set_ttls(records, value_records(value, records), &shape, offsets, ttl_count,
			manner, &sum))
		return 0;
	if (base_unlikely(manner->rotation) &&
		!answer_rotate(records, &shape, offsets, ttl_count, value, manner->rotation))
		return 0;
	(void)answer_put_header(payload, client, &shape);
	answer_put_opt(records + shape.records_length, client, &shape);
	return (uint16_t)(client->question_end + shape.records_length + shape.opt_bytes);
}

// The usual answer: fresh, whole at hand, as stored, and nothing in OPT.
static inline bool answer_is_plain(const struct cache_answer_client *client,
	const struct cache_answer_value *value, const struct cache_answer_manner *manner)
{
	return value->here_length == value->length && value->length >= CACHE_ANSWER_HEADER_BYTES &&
	       value_field(value, ANSWER_EXTENDED_ERROR) == ANSWER_NO_EXTENDED_ERROR &&
	       !manner->stale_ttl && !manner->rotation && !client->subnet;
}

// What stands behind each other, each summed from an even place on: 0 where that of the question
// is not known.
static inline uint32_t answer_sum(const struct cache_answer_client *client,
	const struct answer_shape *shape, uint64_t header, uint64_t records, uint64_t opt)
{
	size_t records_start = client->question_end;

	if (base_unlikely(!client->question_sum))
		return 0;
	header += client->question_sum;
	header += net_checksum_at(net_checksum_fold(records), records_start);
	header += net_checksum_at(net_checksum_fold(opt), records_start + shape->records_length);
	return net_checksum_fold(header);
}

static inline uint64_t value_sum(const struct cache_answer_value *value)
{
	uint16_t sum;

	memcpy(&sum, value->here + ANSWER_RECORDS_SUM, sizeof(sum));
	return sum;
}

uint16_t cache_answer_write_summed(uint8_t *payload, size_t room,
	const struct cache_answer_client *client, const struct cache_answer_value *value,
	const struct cache_answer_manner *manner, uint32_t *sum)
{
	const uint8_t *stored = value->here + CACHE_ANSWER_HEADER_BYTES;
	uint8_t *records = payload + client->question_end;
	size_t length = client->question_end;
	uint64_t header_sum, records_sum, opt_sum = 0;
	struct answer_shape shape;
	const uint8_t *offsets;
	uint32_t ttl_count;

	*sum = 0;
	if (base_unlikely(!answer_is_plain(client, value, manner)))
		return answer_write_any(payload, room, client, value, manner);
	shape.flags = answer_flags(client, value);
	shape.records_length = value_field(value, ANSWER_RECORDS_LENGTH);
	shape.opt_bytes = client->has_edns ? OPT_BYTES : 0;
	ttl_count = value_field(value, ANSWER_TTL_COUNT);
	length += (size_t)shape.records_length + shape.opt_bytes;
	if (base_unlikely(length > room || length > client->answer_bytes ||
			  CACHE_ANSWER_HEADER_BYTES + shape.records_length + 2 * ttl_count !=
				  value->length))
		return answer_write_any(payload, room, client, value, manner);
	shape_take_counts(&shape, value);
	offsets = stored + shape.records_length;
	records_sum = value_sum(value);
	bytes_copy_short(records, stored, shape.records_length);
	if (!answer_set_ttls(records, stored, &shape, offsets, ttl_count, manner, &records_sum))
		return 0;
	header_sum = answer_put_header(payload, client, &shape);
	if (shape.opt_bytes)
		opt_sum = answer_put_plain_opt(records + shape.records_length, client, OPT_BYTES);
	*sum = answer_sum(client, &shape, header_sum, records_sum, opt_sum);
	return (uint16_t)length;
}

uint16_t cache_answer_write(uint8_t *payload, size_t room, const struct cache_answer_client *client,
	const struct cache_answer_value *value, const struct cache_answer_manner *manner)
{
	uint32_t sum;

	return cache_answer_write_summed(payload, room, client, value, manner, &sum);
}
