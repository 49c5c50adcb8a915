// SPDX-License-Identifier: BSD-3-Clause
// From a reply to the value that is kept of it.
#include "cache/answer_fields.h"

#include "dns/edns_option.h"
#include "dns/rewrite.h"

#include <errno.h>

#define TTL_MOST INT32_MAX // RFC 2181, section 8

// Addresses of one name that stand together in the answer: their data may change places.
struct address_run {
	uint16_t first; // number of its record
	uint16_t count;
	uint16_t bytes; // of each address
};

// A value while it is written.
struct answer_encoder {
	const uint8_t *bytes;
	size_t length;
	uint8_t *records; // of the value
	size_t records_start; // in the message
	uint16_t ttl_offsets[CACHE_ANSWER_RECORDS_MOST];
	uint32_t ttl_count;
	struct address_run run; // of two or more, the first there is
	struct address_run last; // the one that goes on
	struct dns_record last_record;
};

static uint16_t address_bytes(const struct dns_record *record)
{
	if (record->section != DNS_SECTION_ANSWER || record->class_ != DNS_CLASS_IN)
		return 0;
	if (record->type == DNS_TYPE_A)
		return 4;
	return record->type == DNS_TYPE_AAAA ? 16 : 0;
}

static bool same_owner(const struct answer_encoder *encoder, const struct dns_record *a,
	const struct dns_record *b)
{
	struct byte_reader a_reader = byte_reader_make(encoder->bytes, encoder->length);
	struct byte_reader b_reader = a_reader;
	struct dns_name a_name, b_name;

	if (encoder->bytes[a->offset] >= 0xc0 && bytes_load_u16(encoder->bytes + a->offset) ==
							 bytes_load_u16(encoder->bytes + b->offset))
		return true;
	byte_reader_seek(&a_reader, a->offset);
	byte_reader_seek(&b_reader, b->offset);
	return dns_name_read(&a_reader, &a_name) == 0 && dns_name_read(&b_reader, &b_name) == 0 &&
	       dns_name_equal(&a_name, &b_name);
}

static void encoder_follow_run(struct answer_encoder *encoder, const struct dns_record *record)
{
	struct address_run *last = &encoder->last;
	uint16_t bytes = address_bytes(record);

	if (encoder->run.count && encoder->run.first != last->first)
		return;
	if (bytes && bytes == last->bytes && same_owner(encoder, &encoder->last_record, record))
		last->count++;
	else
		*last = (struct address_run){
			.first = (uint16_t)encoder->ttl_count, .count = 1, .bytes = bytes};
	encoder->last_record = *record;
	if (last->bytes && last->count >= 2)
		encoder->run = *last;
}

// Notes the record and sets its TTL to what clients are to see of it at first.
static int encoder_take(struct answer_encoder *encoder, const struct dns_record *record,
	const struct cache_answer_class *class_)
{
	uint16_t offset = (uint16_t)(record->ttl_offset - encoder->records_start);
	uint32_t ttl = record->ttl > TTL_MOST ? 0 : record->ttl;

	if (encoder->ttl_count == CACHE_ANSWER_RECORDS_MOST)
		return -EMSGSIZE;
	if (ttl > class_->ttl_most)
		ttl = class_->ttl_most;
	if (ttl < class_->ttl)
		ttl = class_->ttl;
	encoder_follow_run(encoder, record);
	encoder->ttl_offsets[encoder->ttl_count++] = offset;
	bytes_store_u32(encoder->records + offset, ttl);
	return 0;
}

// Of all records, less what their TTLs come to.
static uint16_t encoder_sum(const struct answer_encoder *encoder)
{
	uint64_t sum =
		net_checksum_add(0, encoder->records, encoder->length - encoder->records_start);

	for (uint32_t i = 0; i < encoder->ttl_count; i++) {
		uint32_t offset = encoder->ttl_offsets[i];
		uint16_t ttl = net_checksum_fold(net_checksum_word(encoder->records + offset));

		sum += (uint16_t)~net_checksum_at(ttl, offset);
	}
	return net_checksum_fold(sum);
}

static void encoder_put_header(const struct answer_encoder *encoder, uint8_t *value,
	const struct dns_message *message, int extended_error)
{
	uint16_t additional =
		(uint16_t)(encoder->ttl_count - message->answer_count - message->authority_count);
	uint16_t error = extended_error == DNS_EDE_NONE ? ANSWER_NO_EXTENDED_ERROR
							: (uint16_t)extended_error;
	uint16_t records_sum = encoder_sum(encoder);

	bytes_store_u16(value + ANSWER_FLAGS, message->flags & ANSWER_FLAGS_KEPT);
	bytes_store_u16(value + ANSWER_COUNTS, message->answer_count);
	bytes_store_u16(value + ANSWER_COUNTS + 2, message->authority_count);
	bytes_store_u16(value + ANSWER_COUNTS + 4, additional);
	bytes_store_u16(value + ANSWER_ANSWER_END,
		(uint16_t)(message->answer_end - encoder->records_start));
	bytes_store_u16(value + ANSWER_AUTHORITY_END,
		(uint16_t)(message->authority_end - encoder->records_start));
	bytes_store_u16(value + ANSWER_RECORDS_LENGTH,
		(uint16_t)(encoder->length - encoder->records_start));
	bytes_store_u16(value + ANSWER_TTL_COUNT, (uint16_t)encoder->ttl_count);
	bytes_store_u16(value + ANSWER_EXTENDED_ERROR, error);
	bytes_store_u16(value + ANSWER_ROTATED_FIRST, encoder->run.first);
	bytes_store_u16(value + ANSWER_ROTATED_COUNT, encoder->run.count);
	bytes_store_u16(value + ANSWER_ROTATED_BYTES, encoder->run.bytes);
	memcpy(value + ANSWER_RECORDS_SUM, &records_sum, sizeof(records_sum));
}

int cache_answer_encode_plain(uint8_t *value, size_t room, const struct cache_answer_class *class_,
	const uint8_t *bytes, size_t length, const struct dns_message *message, int extended_error)
{
	struct answer_encoder encoder;
	size_t records_length = length - message->question_end;
	struct byte_writer writer = byte_writer_make(
		value, room < CACHE_ANSWER_BYTES_MOST ? room : CACHE_ANSWER_BYTES_MOST);
	struct dns_record_walk walk;
	struct dns_record record;

	encoder.bytes = bytes;
	encoder.length = length;
	encoder.records_start = message->question_end;
	encoder.ttl_count = 0;
	encoder.run = (struct address_run){0};
	encoder.last = (struct address_run){0};
	encoder.last_record = (struct dns_record){0};
	byte_writer_reserve(&writer, CACHE_ANSWER_HEADER_BYTES);
	encoder.records = writer.at;
	byte_writer_put(&writer, bytes + message->question_end, records_length);
	if (writer.failed)
		return -EMSGSIZE;
	dns_record_walk_start(&walk, bytes, length, message);
	// The walk ends with the bytes, before what was cut off behind them.
	while (byte_reader_left(&walk.reader) && dns_record_walk_next(&walk, &record)) {
		int err = encoder_take(&encoder, &record, class_);

		if (err)
			return err;
	}
	for (uint32_t i = 0; i < encoder.ttl_count; i++)
		byte_writer_put_u16(&writer, encoder.ttl_offsets[i]);
	if (writer.failed)
		return -EMSGSIZE;
	encoder_put_header(&encoder, value, message, extended_error);
	return (int)byte_writer_length(&writer);
}

struct record_choice {
	const struct cache_answer_class *class_;
	uint16_t question_type;
};

static bool record_is_kept(
	const struct dns_record *record, const uint8_t *bytes, const void *context)
{
	const struct record_choice *choice = context;

	if (record->type == DNS_TYPE_OPT || dns_record_signs_message(record, bytes))
		return false;
	return !choice->class_->removes_dnssec ||
	       !dns_record_is_dnssec(record, choice->question_type);
}

// How many bytes of the message come before the first record that is not kept; false where one
// that is kept stands behind it.
static bool answer_find_tail(const uint8_t *bytes, size_t length, const struct dns_message *message,
	const struct record_choice *choice, size_t *kept)
{
	struct dns_record_walk walk;
	struct dns_record record;
	bool in_tail = false;

	*kept = length;
	dns_record_walk_start(&walk, bytes, length, message);
	while (dns_record_walk_next(&walk, &record)) {
		if (record_is_kept(&record, bytes, choice)) {
			if (in_tail)
				return false;
		} else if (!in_tail) {
			in_tail = true;
			*kept = record.offset;
			// Only counts of the last section are made up from what is kept.
			if (record.section != DNS_SECTION_ADDITIONAL)
				return false;
		}
	}
	return true;
}

int cache_answer_encode(uint8_t *value, size_t room, const struct cache_answer_class *class_,
	const uint8_t *reply_bytes, size_t reply_length, const struct dns_message *reply,
	uint8_t scratch[CACHE_ANSWER_BYTES_MOST])
{
	struct record_choice choice = {class_, reply->question.type};
	int extended_error = dns_edns_extended_error(reply_bytes, reply);
	struct dns_message rewritten;
	size_t kept;
	int length;

	if (answer_find_tail(reply_bytes, reply_length, reply, &choice, &kept))
		return cache_answer_encode_plain(
			value, room, class_, reply_bytes, kept, reply, extended_error);
	length = dns_message_rewrite(reply_bytes, reply_length, reply, record_is_kept, &choice,
		scratch, CACHE_ANSWER_BYTES_MOST, &rewritten);
	if (length < 0)
		return length;
	return cache_answer_encode_plain(
		value, room, class_, scratch, (size_t)length, &rewritten, extended_error);
}
