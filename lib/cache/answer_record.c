// SPDX-License-Identifier: BSD-3-Clause
#include "cache/answer_record.h"

#include "cache/answer_fields.h"

void cache_answer_key(
	struct cache_key *key, const uint8_t *query_bytes, const struct dns_message *query)
{
	uint8_t flags = 0;

	if (query->edns.do_bit)
		flags |= CACHE_KEY_DO;
	if (query->flags & DNS_FLAG_CD)
		flags |= CACHE_KEY_CD;
	cache_key_make(key, query_bytes + DNS_HEADER_BYTES, (uint8_t)query->question.name_length,
		query->question.type, query->question.class_, flags);
}

enum cache_kind cache_answer_store_kind(enum cache_answer_kind kind)
{
	switch (kind) {
	case CACHE_ANSWER_NXDOMAIN:
	case CACHE_ANSWER_NODATA:
		return CACHE_KIND_DENIAL;
	case CACHE_ANSWER_FAILURE:
		return CACHE_KIND_SERVFAIL;
	default:
		return CACHE_KIND_SUCCESS;
	}
}

// Whether an answer of this rcode is ever kept as that kind.
static bool rcode_has_kind(uint16_t rcode, enum cache_kind kind)
{
	switch (rcode) {
	case DNS_RCODE_NOERROR:
		return kind == CACHE_KIND_SUCCESS || kind == CACHE_KIND_DENIAL;
	case DNS_RCODE_NXDOMAIN:
		return kind == CACHE_KIND_DENIAL;
	case DNS_RCODE_SERVFAIL:
	case DNS_RCODE_NOTIMP:
		return kind == CACHE_KIND_SERVFAIL;
	default:
		return false;
	}
}

bool cache_answer_record_is_good(const struct cache_record *record)
{
	const uint8_t *key = record->key->bytes;

	return record->value_length >= CACHE_ANSWER_HEADER_BYTES &&
	       rcode_has_kind(bytes_load_u16(record->value + ANSWER_FLAGS) & 0xf, record->kind) &&
	       cache_answer_is_whole(record->value, record->value_length, cache_key_name(key),
		       cache_key_name_length(key), cache_key_type(key), cache_key_class(key));
}

bool cache_answer_copy(const void *context, uint32_t offset, void *to, uint32_t length)
{
	return cache_view_copy(context, offset, to, length);
}
