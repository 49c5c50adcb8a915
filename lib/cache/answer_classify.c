// SPDX-License-Identifier: BSD-3-Clause
// May a reply be kept, as what, and how long?
#include "cache/answer_fields.h"

#include "dns/edns_option.h"
#include "dns/rewrite.h"

#define TTL_MOST INT32_MAX // RFC 2181, section 8
#define SOA_MINIMUM_BYTES 4 // at the end of its data
#define DELEGATION_TTL 5
#define RRSIG_EXPIRATION_OFFSET 8 // RFC 4034, section 3.1

// RFC 6895: numbers that stand in questions or messages, and for no data.
#define TYPE_META_FIRST 128
#define TYPE_META_LAST 255
#define CLASS_META_FIRST 128
#define CLASS_META_LAST 255

#define RCODE_MASK 0xf

const char *cache_answer_refusal_name(enum cache_answer_refusal refusal)
{
	static const char *const names[] = {[CACHE_ANSWER_KEPT] = "kept",
#define X(constant, name, help) [CACHE_ANSWER_REFUSED_##constant] = #name,
		CACHE_ANSWER_REFUSAL_LIST(X)
#undef X
	};

	return names[refusal];
}

static bool question_is_meta(const struct dns_question *question)
{
	uint16_t type = question->type;
	uint16_t class_ = question->class_;

	if (type == 0 || type == DNS_TYPE_OPT || type == UINT16_MAX || class_ == 0 ||
		class_ == UINT16_MAX)
		return true;
	return (type >= TYPE_META_FIRST && type <= TYPE_META_LAST && type != DNS_TYPE_ANY) ||
	       (class_ >= CLASS_META_FIRST && class_ <= CLASS_META_LAST);
}

bool cache_answer_may_serve(const struct dns_message *query)
{
	return query->opcode == DNS_OPCODE_QUERY && !(query->flags & DNS_FLAG_QR) &&
	       query->answer_count == 0 && query->authority_count == 0 &&
	       query->additional_count == (query->edns.is_present ? 1 : 0) &&
	       !question_is_meta(&query->question);
}

// What a walk over the records of a reply finds.
struct answer_census {
	uint32_t ttl; // the least
	uint32_t record_count;
	uint32_t denial_ttl; // of the first SOA of authority
	bool has_soa;
	bool has_ns; // in authority
	bool is_expired;
};

// RFC 2308, section 5.
static void census_take_soa(
	struct answer_census *census, const struct dns_record *record, const uint8_t *bytes)
{
	const uint8_t *end = bytes + record->data_offset + record->data_length;
	uint32_t minimum = bytes_load_u32(end - SOA_MINIMUM_BYTES);

	if (census->has_soa)
		return;
	census->has_soa = true;
	census->denial_ttl = minimum > TTL_MOST ? 0 : minimum;
}

// The expiration is compared as a serial number (RFC 4034, section 3.1.5).
static void census_take_signature(struct answer_census *census, const struct dns_record *record,
	const uint8_t *bytes, uint32_t wall)
{
	const uint8_t *data = bytes + record->data_offset;
	int32_t left = (int32_t)(bytes_load_u32(data + RRSIG_EXPIRATION_OFFSET) - wall);

	if (left <= 0)
		census->is_expired = true;
	else if ((uint32_t)left < census->ttl)
		census->ttl = (uint32_t)left;
}

// The records were checked, so that data is as long as its type needs in class IN; other classes
// may have other data under the same number.
static void census_take(struct answer_census *census, const struct dns_record *record,
	const uint8_t *bytes, uint32_t wall)
{
	uint32_t ttl = record->ttl > TTL_MOST ? 0 : record->ttl;

	if (record->type == DNS_TYPE_OPT || dns_record_signs_message(record, bytes))
		return;
	census->record_count++;
	if (ttl < census->ttl)
		census->ttl = ttl;
	if (record->type == DNS_TYPE_RRSIG && record->class_ == DNS_CLASS_IN)
		census_take_signature(census, record, bytes, wall);
	if (record->section != DNS_SECTION_AUTHORITY)
		return;
	if (record->type == DNS_TYPE_SOA && record->class_ == DNS_CLASS_IN)
		census_take_soa(census, record, bytes);
	if (record->type == DNS_TYPE_NS)
		census->has_ns = true;
}

static struct answer_census answer_count_records(
	const uint8_t *bytes, size_t length, const struct dns_message *reply, uint32_t wall)
{
	struct answer_census census = {.ttl = TTL_MOST};
	struct dns_record_walk walk;
	struct dns_record record;

	dns_record_walk_start(&walk, bytes, length, reply);
	while (dns_record_walk_next(&walk, &record))
		census_take(&census, &record, bytes, wall);
	return census;
}

static uint32_t ttl_limit(uint32_t ttl, uint32_t least, uint32_t most)
{
	if (ttl < least)
		ttl = least;
	return ttl < most ? ttl : most;
}

static enum cache_answer_refusal class_set_denial(struct cache_answer_class *class_,
	enum cache_answer_kind kind, const struct answer_census *census,
	const struct cache_answer_limits *limits)
{
	uint32_t ttl = census->denial_ttl < census->ttl ? census->denial_ttl : census->ttl;

	if (!census->has_soa)
		return CACHE_ANSWER_REFUSED_NO_SOA;
	class_->kind = kind;
	class_->ttl = ttl_limit(ttl, limits->denial_least, limits->denial_most);
	class_->ttl_most = class_->ttl;
	return CACHE_ANSWER_KEPT;
}

static enum cache_answer_refusal class_set_success(struct cache_answer_class *class_,
	enum cache_answer_kind kind, uint32_t ttl, const struct cache_answer_limits *limits)
{
	class_->kind = kind;
	class_->ttl = ttl_limit(ttl, limits->success_least, limits->success_most);
	class_->ttl_most = limits->success_most;
	return CACHE_ANSWER_KEPT;
}

static enum cache_answer_refusal class_set_failure(
	struct cache_answer_class *class_, const struct cache_answer_limits *limits)
{
	class_->kind = CACHE_ANSWER_FAILURE;
	class_->ttl = limits->failure;
	class_->ttl_most = limits->failure;
	return CACHE_ANSWER_KEPT;
}

static enum cache_answer_refusal class_set_kind(struct cache_answer_class *class_,
	const uint8_t *bytes, size_t length, const struct dns_message *reply,
	const struct answer_census *census, const struct cache_answer_limits *limits)
{
	if (reply->edns.rcode_high)
		return CACHE_ANSWER_REFUSED_RCODE;
	switch (reply->rcode) {
	case DNS_RCODE_NXDOMAIN:
		return class_set_denial(class_, CACHE_ANSWER_NXDOMAIN, census, limits);
	case DNS_RCODE_SERVFAIL:
	case DNS_RCODE_NOTIMP:
		return class_set_failure(class_, limits);
	case DNS_RCODE_NOERROR:
		break;
	default:
		return CACHE_ANSWER_REFUSED_RCODE;
	}
	if (cache_answer_is_answered(bytes, length, reply))
		return class_set_success(class_, CACHE_ANSWER_SUCCESS, census->ttl, limits);
	if (reply->answer_count == 0 && !census->has_soa && census->has_ns)
		return class_set_success(class_, CACHE_ANSWER_DELEGATION,
			census->ttl < DELEGATION_TTL ? census->ttl : DELEGATION_TTL, limits);
	return class_set_denial(class_, CACHE_ANSWER_NODATA, census, limits);
}

// What the headers and questions say.
static enum cache_answer_refusal answer_check_headers(const uint8_t *query_bytes,
	const struct dns_message *query, const uint8_t *reply_bytes,
	const struct dns_message *reply)
{
	if (reply->opcode != DNS_OPCODE_QUERY || query->opcode != DNS_OPCODE_QUERY ||
		!(reply->flags & DNS_FLAG_QR))
		return CACHE_ANSWER_REFUSED_OPCODE;
	if (reply->flags & DNS_FLAG_TC)
		return CACHE_ANSWER_REFUSED_TRUNCATED;
	if (question_is_meta(&reply->question))
		return CACHE_ANSWER_REFUSED_META;
	if (!dns_message_same_question(query_bytes, query, reply_bytes, reply))
		return CACHE_ANSWER_REFUSED_QUESTION;
	if (!(query->flags & DNS_FLAG_RD))
		return CACHE_ANSWER_REFUSED_NOT_RECURSIVE;
	return CACHE_ANSWER_KEPT;
}

enum cache_answer_refusal cache_answer_classify(struct cache_answer_class *class_,
	const uint8_t *query_bytes, const struct dns_message *query, const uint8_t *reply_bytes,
	size_t reply_length, const struct dns_message *reply,
	const struct cache_answer_limits *limits, uint32_t wall)
{
	enum cache_answer_refusal refusal =
		answer_check_headers(query_bytes, query, reply_bytes, reply);
	struct answer_census census;

	if (refusal != CACHE_ANSWER_KEPT)
		return refusal;
	if (dns_message_check_records(reply_bytes, reply_length, reply) != 0)
		return CACHE_ANSWER_REFUSED_BROKEN;
	if (!dns_client_subnet_scope(&class_->scope, query_bytes, query, reply_bytes, reply))
		return CACHE_ANSWER_REFUSED_SUBNET;
	census = answer_count_records(reply_bytes, reply_length, reply, wall);
	if (census.record_count > CACHE_ANSWER_RECORDS_MOST)
		return CACHE_ANSWER_REFUSED_RECORDS;
	refusal = class_set_kind(class_, reply_bytes, reply_length, reply, &census, limits);
	if (refusal != CACHE_ANSWER_KEPT)
		return refusal;
	// Without DO nobody looks at signatures, and they are not kept.
	if (census.is_expired && query->edns.do_bit)
		return CACHE_ANSWER_REFUSED_EXPIRED;
	if (!class_->ttl)
		return CACHE_ANSWER_REFUSED_NO_TIME;
	class_->removes_dnssec = !query->edns.do_bit &&
				 dns_message_has_unasked_dnssec(reply_bytes, reply_length, reply);
	return CACHE_ANSWER_KEPT;
}
