// SPDX-License-Identifier: BSD-3-Clause
#include "answer_property.h"

#include "cache/answer.h"
#include "dns/rewrite.h"
#include "net/checksum.h"

#include <errno.h>
#include <stdlib.h>

#define WALL 1700000000

// Bits of a variation.
enum {
	VARIES_EDNS = 1 << 0,
	VARIES_DO = 1 << 1,
	VARIES_AD = 1 << 2,
	VARIES_CUT = 1 << 3,
	VARIES_STALE = 1 << 4,
	VARIES_ROTATION = 1 << 5,
};

struct property {
	struct answer_tally *tally;
	uint32_t variation;
	const uint8_t *bytes;
	size_t length;
	struct dns_message reply;
	uint8_t query_bytes[512];
	size_t query_length;
	struct dns_message query;
	struct cache_answer_class class_;
	uint8_t *value;
	size_t value_length;
};

static void *allocate(size_t size)
{
	void *memory = malloc(size ? size : 1);

	if (!memory)
		abort();
	return memory;
}

// The record with its names whole, but for its TTL, behind what the writer has.
static void put_canonical(struct byte_writer *writer, const uint8_t *bytes, size_t length,
	const struct dns_record *record)
{
	struct dns_data_layout layout = dns_data_layout(record->type, record->class_);
	struct byte_reader data =
		byte_reader_make(bytes, (size_t)record->data_offset + record->data_length);
	struct byte_reader owner = byte_reader_make(bytes, length);
	struct dns_name name = {0};
	size_t start;

	byte_reader_seek(&owner, record->offset);
	dns_name_read(&owner, &name);
	byte_writer_put(writer, name.wire, name.length);
	byte_writer_put_u8(writer, (uint8_t)record->section);
	byte_writer_put_u16(writer, record->type);
	byte_writer_put_u16(writer, record->class_);
	byte_reader_seek(&data, record->data_offset);
	byte_writer_put(writer, byte_reader_take(&data, layout.head), layout.head);
	start = byte_reader_offset(&data);
	for (unsigned int i = 0; i < layout.strings; i++)
		byte_reader_take(&data, byte_reader_take_u8(&data));
	byte_writer_put(writer, bytes + start, byte_reader_offset(&data) - start);
	for (unsigned int i = 0; i < layout.names; i++) {
		dns_name_read(&data, &name);
		byte_writer_put(writer, name.wire, name.length);
	}
	start = byte_reader_left(&data);
	byte_writer_put(writer, byte_reader_take(&data, start), start);
}

// The next record that a value keeps.
static bool next_kept(struct dns_record_walk *walk, struct dns_record *record, const uint8_t *bytes,
	bool keeps_dnssec, uint16_t question_type)
{
	while (dns_record_walk_next(walk, record)) {
		if (record->type == DNS_TYPE_OPT || dns_record_signs_message(record, bytes))
			continue;
		if (keeps_dnssec || !dns_record_is_dnssec(record, question_type))
			return true;
	}
	return false;
}

static bool same_record(const uint8_t *a_bytes, size_t a_length, const struct dns_record *a,
	const uint8_t *b_bytes, size_t b_length, const struct dns_record *b)
{
	static uint8_t a_text[70000];
	static uint8_t b_text[70000];
	struct byte_writer a_writer = byte_writer_make(a_text, sizeof(a_text));
	struct byte_writer b_writer = byte_writer_make(b_text, sizeof(b_text));

	put_canonical(&a_writer, a_bytes, a_length, a);
	put_canonical(&b_writer, b_bytes, b_length, b);
	return byte_writer_length(&a_writer) == byte_writer_length(&b_writer) &&
	       memcmp(a_text, b_text, byte_writer_length(&a_writer)) == 0;
}

// True if the records of `again` are those of the reply; up to where it ends with `may_end`.
static bool same_records(const struct property *property, bool keeps_dnssec, const uint8_t *bytes,
	size_t length, const struct dns_message *again, bool may_end)
{
	uint16_t type = property->reply.question.type;
	struct dns_record_walk walk;
	struct dns_record_walk again_walk;
	struct dns_record record;
	struct dns_record again_record;

	dns_record_walk_start(&walk, property->bytes, property->length, &property->reply);
	dns_record_walk_start(&again_walk, bytes, length, again);
	while (next_kept(&walk, &record, property->bytes, keeps_dnssec, type)) {
		if (!next_kept(&again_walk, &again_record, bytes, true, type))
			return may_end;
		if (!same_record(property->bytes, property->length, &record, bytes, length,
			    &again_record))
			return false;
	}
	return !next_kept(&again_walk, &again_record, bytes, true, type);
}

static bool keeps_all(const struct dns_record *record, const uint8_t *bytes, const void *context)
{
	(void)record;
	(void)bytes;
	(void)context;
	return true;
}

// Made anew it has the same records; all of them, and those that go without DO.
static const char *check_rewrite(struct property *property)
{
	size_t room = property->length + property->variation % 64;
	uint8_t *out = allocate(room);
	struct dns_message again;
	const char *wrong = NULL;
	const struct dns_asker asker = {.has_edns = true};
	int length = dns_message_rewrite(property->bytes, property->length, &property->reply,
		keeps_all, NULL, out, room, &again);

	if (length >= 0) {
		property->tally->rewritten++;
		if (!same_records(property, true, out, (size_t)length, &again, false) ||
			again.edns.is_present != property->reply.edns.is_present)
			wrong = "made anew with other records";
	} else if (length != -EBADMSG && length != -EMSGSIZE) {
		wrong = "made anew with another error";
	}
	length = dns_message_remove_unasked(
		property->bytes, property->length, &property->reply, &asker, out, room, &again);
	if (!wrong && length >= 0) {
		property->tally->stripped +=
			again.answer_count + again.authority_count + again.additional_count <
			property->reply.answer_count + property->reply.authority_count +
				property->reply.additional_count;
		if (!same_records(property, false, out, (size_t)length, &again, false) ||
			dns_message_has_unasked_dnssec(out, (size_t)length, &again))
			wrong = "without DNSSEC records it has others";
	}
	free(out);
	return wrong;
}

// A query with the reply's question.
static void make_query(struct property *property)
{
	struct byte_writer writer =
		byte_writer_make(property->query_bytes, sizeof(property->query_bytes));
	bool has_edns = property->variation & VARIES_EDNS;

	byte_writer_put_u16(&writer, 0x4711);
	byte_writer_put_u16(
		&writer, DNS_FLAG_RD | (property->variation & VARIES_AD ? DNS_FLAG_AD : 0));
	byte_writer_put_u16(&writer, 1);
	byte_writer_put_u32(&writer, 0);
	byte_writer_put_u16(&writer, has_edns);
	byte_writer_put(&writer, property->bytes + DNS_HEADER_BYTES,
		(size_t)property->reply.question_end - DNS_HEADER_BYTES);
	if (has_edns) {
		byte_writer_put(&writer, "\0\0\x29", 3);
		byte_writer_put_u16(&writer, (uint16_t)(512 + property->variation % 1024));
		byte_writer_put_u16(&writer, 0);
		byte_writer_put_u16(&writer, property->variation & VARIES_DO ? 0x8000 : 0);
		byte_writer_put_u16(&writer, 0);
	}
	property->query_length = byte_writer_length(&writer);
	dns_message_read(&property->query, property->query_bytes, property->query_length);
}

static bool copy_value(const void *context, uint32_t offset, void *to, uint32_t length)
{
	const struct property *property = context;

	if (offset + length > property->value_length)
		return false;
	memcpy(to, property->value + offset, length);
	return true;
}

// The TTLs of an answer are those that its manner says.
static bool has_ttls(const struct property *property, const uint8_t *bytes, size_t length,
	const struct dns_message *answer, const struct cache_answer_manner *manner)
{
	struct dns_record_walk walk;
	struct dns_record record;

	dns_record_walk_start(&walk, bytes, length, answer);
	while (dns_record_walk_next(&walk, &record)) {
		if (record.type == DNS_TYPE_OPT)
			continue;
		if (manner->stale_ttl ? record.ttl != manner->stale_ttl
				      : record.ttl + manner->age > property->class_.ttl_most)
			return false;
	}
	return true;
}

static const char *check_answer(struct property *property, const uint8_t *bytes, uint16_t length,
	const struct cache_answer_manner *manner)
{
	struct dns_message answer;
	bool is_truncated;

	if (dns_message_read(&answer, bytes, length) != DNS_READ_GOOD)
		return "an answer that does not read well";
	is_truncated = answer.flags & DNS_FLAG_TC;
	property->tally->truncated += is_truncated;
	if (answer.id != 0x4711 || answer.rcode != property->reply.rcode ||
		!dns_message_same_question(bytes, &answer, property->query_bytes, &property->query))
		return "an answer with another header or question";
	if (answer.edns.is_present != property->query.edns.is_present ||
		answer.edns.do_bit != property->query.edns.do_bit)
		return "an answer with another OPT";
	if (dns_message_check_records(bytes, length, &answer) != 0)
		return "an answer with broken records";
	if (!has_ttls(property, bytes, length, &answer, manner))
		return "an answer with other TTLs";
	if (!manner->rotation && !same_records(property, !property->class_.removes_dnssec, bytes,
					 length, &answer, is_truncated))
		return "an answer with other records";
	return NULL;
}

static const char *check_write(struct property *property)
{
	struct cache_answer_client client = cache_answer_client_make(&property->query, 1452);
	struct cache_answer_manner manner = {
		.age = property->variation % 5,
		.stale_ttl = property->variation & VARIES_STALE ? 30 : 0,
		.rotation = property->variation & VARIES_ROTATION ? UINT32_MAX / 3 : 0,
	};
	struct cache_answer_value value = {
		.here = property->value,
		.here_length = (uint16_t)property->value_length,
		.length = (uint16_t)property->value_length,
		.copy = copy_value,
		.context = property,
	};
	size_t room = 512 + property->variation % 1500;
	uint8_t *frame = allocate(room);
	const char *wrong;
	uint16_t length;
	uint32_t sum;

	if (property->variation & VARIES_CUT)
		value.here_length = CACHE_ANSWER_HEADER_BYTES;
	memcpy(frame, property->query_bytes, property->query_length);
	client.question_sum = net_checksum_fold(net_checksum_add(0, frame + DNS_HEADER_BYTES,
		property->query.question_end - (size_t)DNS_HEADER_BYTES));
	length = cache_answer_write_summed(frame, room, &client, &value, &manner, &sum);
	if (!length || length > room)
		wrong = "no answer";
	else if (sum &&
		 net_checksum_fold(sum) != net_checksum_fold(net_checksum_add(0, frame, length)))
		wrong = "an answer with another sum";
	else
		wrong = check_answer(property, frame, length, &manner);
	free(frame);
	return wrong;
}

static const char *check_value(struct property *property)
{
	uint8_t *scratch = allocate(CACHE_ANSWER_BYTES_MOST);
	const char *wrong = NULL;
	int length;

	property->value = allocate(CACHE_ANSWER_BYTES_MOST);
	length = cache_answer_encode(property->value, CACHE_ANSWER_BYTES_MOST, &property->class_,
		property->bytes, property->length, &property->reply, scratch);
	free(scratch);
	if (length >= 0) {
		property->tally->encoded++;
		property->value_length = (size_t)length;
		property->value = realloc(property->value, property->value_length);
		if (!cache_answer_is_whole(property->value, property->value_length,
			    property->query_bytes + DNS_HEADER_BYTES,
			    (uint8_t)property->query.question.name_length,
			    property->query.question.type, property->query.question.class_))
			wrong = "a value that is not whole";
		else
			wrong = check_write(property);
	} else if (length != -EBADMSG && length != -EMSGSIZE) {
		wrong = "a value with another error";
	}
	free(property->value);
	return wrong;
}

const char *answer_property(
	struct answer_tally *tally, const uint8_t *bytes, size_t length, uint32_t variation)
{
	static const struct cache_answer_limits limits = {3600, 5, 1800, 5, 5};
	struct property property = {
		.tally = tally, .variation = variation, .bytes = bytes, .length = length};
	const char *wrong;

	if (dns_message_read(&property.reply, bytes, length) != DNS_READ_GOOD)
		return NULL;
	tally->read++;
	wrong = check_rewrite(&property);
	make_query(&property);
	if (wrong)
		return wrong;
	if (cache_answer_classify(&property.class_, property.query_bytes, &property.query, bytes,
		    length, &property.reply, &limits, WALL) == CACHE_ANSWER_KEPT) {
		tally->kept++;
		if (!property.class_.ttl || property.class_.ttl > property.class_.ttl_most)
			return "a time out of its limits";
	} else {
		// Whatever the rules say, the bytes are good enough where the records are.
		property.class_ = (struct cache_answer_class){
			.ttl = 10,
			.ttl_most = 3600,
			.removes_dnssec = !property.query.edns.do_bit,
		};
	}
	if (dns_message_check_records(bytes, length, &property.reply) != 0 ||
		property.reply.edns.rcode_high || !(property.reply.flags & DNS_FLAG_QR))
		return NULL;
	tally->checked++;
	return check_value(&property);
}
