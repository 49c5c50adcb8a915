// SPDX-License-Identifier: BSD-3-Clause
// Reading messages. message_edit.c changes them.
#include "dns/message.h"

#include "dns/message_fields.h"

#define POINTER_TO_QUESTION (0xc000 | DNS_HEADER_BYTES) // RFC 1035, section 4.1.4

static inline bool message_read_header(
	struct dns_message *message, const uint8_t *bytes, size_t length)
{
	if (base_unlikely(length < DNS_HEADER_BYTES))
		return false;
	message->id = bytes_load_u16(bytes);
	message->flags = bytes_load_u16(bytes + 2);
	message->opcode = (message->flags & DNS_FLAGS_OPCODE_MASK) >> DNS_FLAGS_OPCODE_SHIFT;
	message->rcode = message->flags & DNS_FLAGS_RCODE_MASK;
	message->question_count = bytes_load_u16(bytes + 4);
	message->answer_count = bytes_load_u16(bytes + 6);
	message->authority_count = bytes_load_u16(bytes + 8);
	message->additional_count = bytes_load_u16(bytes + 10);
	return true;
}

bool dns_message_read_header(struct dns_message *message, const uint8_t *bytes, size_t length)
{
	return message_read_header(message, bytes, length);
}

static inline bool message_read_question(struct dns_message *message, struct byte_reader *reader)
{
	const uint8_t *fields;
	size_t name_end;

	if (dns_name_skip_uncompressed(reader))
		return false;
	name_end = byte_reader_offset(reader);
	fields = byte_reader_take(reader, DNS_QUESTION_FIELD_BYTES);
	if (base_unlikely(!fields))
		return false;
	message->question.name_length = (uint16_t)(name_end - DNS_HEADER_BYTES);
	message->question.type = bytes_load_u16(fields);
	message->question.class_ = bytes_load_u16(fields + 2);
	message->question_end = (uint16_t)byte_reader_offset(reader);
	return true;
}

// RFC 6891, section 6.1.2: each option is a code, a length and so many bytes.
static bool options_fill(const uint8_t *bytes, size_t length)
{
	struct byte_reader reader = byte_reader_make(bytes, length);

	while (byte_reader_left(&reader)) {
		byte_reader_take_u16(&reader);
		byte_reader_take(&reader, byte_reader_take_u16(&reader));
	}
	return !reader.failed;
}

// `fields` stand behind a name that starts at `offset`; the record is whole.
static bool message_read_opt(
	struct dns_message *message, const uint8_t *start, const uint8_t *fields, size_t offset)
{
	struct dns_edns *edns = &message->edns;
	uint16_t data_length = bytes_load_u16(fields + 8);

	if (edns->is_present || fields != start + offset + 1)
		return false;
	edns->is_present = true;
	edns->udp_size = bytes_load_u16(fields + 2);
	edns->rcode_high = fields[4];
	edns->version = fields[5];
	edns->do_bit = bytes_load_u16(fields + 6) & DNS_OPT_DO;
	edns->offset = (uint16_t)offset;
	edns->length = (uint16_t)(DNS_OPT_BYTES + data_length);
	// What stands in another version's OPT is not known: BADVERS, not FORMERR, is due.
	return edns->version || options_fill(fields + DNS_RECORD_FIELD_BYTES, data_length);
}

// Most owner names are the root (of OPT), or just a pointer to the question's name, which was
// checked, or the pointer that the record before had (`checked`, which this keeps).
static inline void record_skip_name(
	struct byte_reader *reader, uint16_t *checked, uint32_t *steps_left)
{
	const uint8_t *name = reader->at;
	uint16_t first;

	if (base_unlikely(byte_reader_left(reader) < DNS_RECORD_BYTES_LEAST)) {
		byte_reader_take(reader, DNS_RECORD_BYTES_LEAST);
		return;
	}
	first = bytes_load_u16(name);
	if (name[0] == 0) {
		byte_reader_take(reader, 1);
	} else if (first == POINTER_TO_QUESTION || first == *checked) {
		byte_reader_take(reader, 2);
	} else if (dns_name_skip_in_steps(reader, steps_left) == 0 && reader->at == name + 2) {
		// Two bytes that are not the root alone: a pointer.
		*checked = first;
	}
}

static inline bool message_read_section(struct dns_message *message, struct byte_reader *reader,
	uint16_t count, enum dns_section section, uint32_t *steps_left)
{
	uint16_t checked = POINTER_TO_QUESTION;

	for (unsigned int i = 0; i < count; i++) {
		size_t offset = byte_reader_offset(reader);
		const uint8_t *fields;
		uint16_t type;

		record_skip_name(reader, &checked, steps_left);
		fields = byte_reader_take(reader, DNS_RECORD_FIELD_BYTES);
		if (base_unlikely(!fields))
			return false;
		byte_reader_take(reader, bytes_load_u16(fields + 8));
		if (base_unlikely(reader->failed))
			return false;
		type = bytes_load_u16(fields);
		if (base_likely((uint16_t)(type - DNS_TYPE_OPT) > DNS_TYPE_NSEC3 - DNS_TYPE_OPT))
			continue;
		if (type != DNS_TYPE_OPT) {
			message->may_have_dnssec = true;
			continue;
		}
		if (section != DNS_SECTION_ADDITIONAL ||
			!message_read_opt(message, reader->start, fields, offset))
			return false;
	}
	return true;
}

static inline bool message_read_records(struct dns_message *message, struct byte_reader *reader)
{
	size_t count = (size_t)message->answer_count + message->authority_count +
		       message->additional_count;
	uint32_t steps_left = DNS_NAME_STEPS_LEAST + (uint32_t)byte_reader_left(reader);

	// As most queries: no record at all.
	if (count == 0) {
		message->answer_end = message->authority_end = message->question_end;
		return byte_reader_left(reader) == 0;
	}
	// Counts that can not be true end here, before any record is read.
	if (base_unlikely(count * DNS_RECORD_BYTES_LEAST > byte_reader_left(reader)))
		return false;
	if (!message_read_section(
		    message, reader, message->answer_count, DNS_SECTION_ANSWER, &steps_left))
		return false;
	message->answer_end = (uint16_t)byte_reader_offset(reader);
	if (!message_read_section(
		    message, reader, message->authority_count, DNS_SECTION_AUTHORITY, &steps_left))
		return false;
	message->authority_end = (uint16_t)byte_reader_offset(reader);
	if (!message_read_section(message, reader, message->additional_count,
		    DNS_SECTION_ADDITIONAL, &steps_left))
		return false;
	return byte_reader_left(reader) == 0;
}

enum dns_read_result dns_message_read(
	struct dns_message *message, const uint8_t *bytes, size_t length)
{
	struct byte_reader reader = byte_reader_make(bytes, length);

	*message = (struct dns_message){0};
	if (!message_read_header(message, bytes, length))
		return DNS_READ_SHORT;
	byte_reader_take(&reader, DNS_HEADER_BYTES);
	if (message->question_count != 1 || !message_read_question(message, &reader)) {
		message->question = (struct dns_question){0};
		return DNS_READ_BAD_QUESTION;
	}
	if (length > DNS_MESSAGE_BYTES_MOST || !message_read_records(message, &reader)) {
		message->may_have_dnssec = false;
		message->answer_end = 0;
		message->authority_end = 0;
		message->edns = (struct dns_edns){0};
		return DNS_READ_BAD_RECORDS;
	}
	return DNS_READ_GOOD;
}

bool dns_message_same_question(const uint8_t *a_bytes, const struct dns_message *a,
	const uint8_t *b_bytes, const struct dns_message *b)
{
	return a->question.name_length == b->question.name_length &&
	       a->question.type == b->question.type && a->question.class_ == b->question.class_ &&
	       dns_name_bytes_equal(a_bytes + DNS_HEADER_BYTES, b_bytes + DNS_HEADER_BYTES,
		       a->question.name_length);
}

uint16_t dns_message_udp_size(const struct dns_message *query, uint16_t most)
{
	uint16_t size = DNS_UDP_BYTES_WITHOUT_EDNS;

	if (query->edns.is_present && query->edns.udp_size > size)
		size = query->edns.udp_size;
	return size < most ? size : most;
}
