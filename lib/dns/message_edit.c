// SPDX-License-Identifier: BSD-3-Clause
// Changing messages in place, and answers of our own.
#include "dns/message.h"

#include "dns/edns_option.h"
#include "dns/message_fields.h"

void dns_message_set_udp_size(uint8_t *bytes, const struct dns_message *message, uint16_t size)
{
	bytes_store_u16(bytes + message->edns.offset + DNS_OPT_UDP_SIZE_OFFSET, size);
}

// RFC 6891, section 6.1.2: root, type, size, rcode and version, flags, length.
static void query_put_opt(struct byte_writer *writer, uint16_t udp_size, bool do_bit)
{
	byte_writer_put_u8(writer, 0);
	byte_writer_put_u16(writer, DNS_TYPE_OPT);
	byte_writer_put_u16(writer, udp_size);
	byte_writer_put_u16(writer, 0);
	byte_writer_put_u16(writer, do_bit ? DNS_OPT_DO : 0);
	byte_writer_put_u16(writer, 0);
}

uint16_t dns_message_append_opt(uint8_t *bytes, uint16_t length, size_t room, uint16_t udp_size)
{
	struct byte_writer writer = byte_writer_make(bytes, room);

	if ((size_t)length + DNS_OPT_BYTES > room)
		return length;
	byte_writer_reserve(&writer, length);
	query_put_opt(&writer, udp_size, false);
	bytes_store_u16(bytes + 10, (uint16_t)(bytes_load_u16(bytes + 10) + 1));
	return (uint16_t)(length + DNS_OPT_BYTES);
}

static void message_store_counts(uint8_t *bytes, const struct dns_message *message)
{
	bytes_store_u16(bytes + 4, message->question_count);
	bytes_store_u16(bytes + 6, message->answer_count);
	bytes_store_u16(bytes + 8, message->authority_count);
	bytes_store_u16(bytes + 10, message->additional_count);
}

// The end of the last section that `limit` leaves room for; the others are marked empty.
static uint16_t message_drop_sections(struct dns_message *message, size_t limit)
{
	if (message->authority_end <= limit)
		return message->authority_end;
	message->authority_count = 0;
	if (message->answer_end <= limit) {
		message->authority_end = message->answer_end;
		return message->answer_end;
	}
	message->answer_count = 0;
	message->answer_end = message->question_end;
	message->authority_end = message->question_end;
	return message->question_end;
}

// Moves OPT to `offset`, without its options or not at all where `room` does not hold them.
// Returns the message's length. OPT stands behind authority, so it only ever moves up.
static uint16_t message_move_opt(
	uint8_t *bytes, struct dns_message *message, uint16_t offset, uint16_t room)
{
	struct dns_edns *edns = &message->edns;

	message->additional_count = 0;
	if (!edns->is_present)
		return offset;
	if (offset + DNS_OPT_BYTES > room) {
		*edns = (struct dns_edns){0};
		return offset;
	}
	if (offset + edns->length > room) {
		bytes_store_u16(bytes + edns->offset + DNS_OPT_DATA_LENGTH_OFFSET, 0);
		edns->length = DNS_OPT_BYTES;
	}
	memmove(bytes + offset, bytes + edns->offset, edns->length);
	edns->offset = offset;
	message->additional_count = 1;
	return (uint16_t)(offset + edns->length);
}

uint16_t dns_message_truncate(
	uint8_t *bytes, uint16_t length, struct dns_message *message, uint16_t room)
{
	size_t opt_length = message->edns.is_present ? message->edns.length : 0;
	uint16_t end;

	if (length <= room)
		return length;
	if (message->question_end > room)
		return 0;
	end = message_drop_sections(message, room > opt_length ? room - opt_length : 0);
	length = message_move_opt(bytes, message, end, room);
	message->flags |= DNS_FLAG_TC;
	dns_bytes_set_flags(bytes, message->flags);
	message_store_counts(bytes, message);
	return length;
}

// An OPT record of ours (RFC 6891, section 6.1.3), with the option where it fits too. True if
// the record did.
static bool message_put_opt(struct byte_writer *writer, const struct dns_message *query,
	enum dns_rcode rcode, enum dns_extended_error extended, uint16_t udp_size)
{
	size_t left = (size_t)(writer->end - writer->at);
	bool has_option =
		extended != DNS_EDE_NONE && left >= DNS_OPT_BYTES + DNS_OPTION_HEADER_BYTES + 2;

	if (writer->failed || left < DNS_OPT_BYTES)
		return false;
	byte_writer_put_u8(writer, 0);
	byte_writer_put_u16(writer, DNS_TYPE_OPT);
	byte_writer_put_u16(writer, udp_size);
	byte_writer_put_u8(writer, (uint8_t)(rcode >> 4));
	byte_writer_put_u8(writer, 0); // the version we have
	byte_writer_put_u16(writer, query->edns.do_bit ? DNS_OPT_DO : 0);
	byte_writer_put_u16(writer, has_option ? DNS_OPTION_HEADER_BYTES + 2 : 0);
	if (has_option) {
		byte_writer_put_u16(writer, DNS_OPTION_EDE);
		byte_writer_put_u16(writer, 2);
		byte_writer_put_u16(writer, (uint16_t)extended);
	}
	return true;
}

// Flags of our answer to `query`.
static uint16_t flags_of_error(const struct dns_message *query, uint16_t rcode)
{
	uint16_t kept = DNS_FLAGS_OPCODE_MASK | DNS_FLAG_RD | DNS_FLAG_CD;

	return (query->flags & kept) | DNS_FLAG_QR | DNS_FLAG_RA | (rcode & DNS_FLAGS_RCODE_MASK);
}

uint16_t dns_message_make_error(uint8_t *bytes, size_t room, enum dns_read_result read,
	const struct dns_message *query, enum dns_rcode rcode, enum dns_extended_error extended,
	uint16_t udp_size)
{
	struct byte_writer writer = byte_writer_make(bytes, room);
	struct dns_message counts = {0};
	bool has_question = read == DNS_READ_GOOD || read == DNS_READ_BAD_RECORDS;

	if (read == DNS_READ_SHORT || !byte_writer_reserve(&writer, DNS_HEADER_BYTES))
		return 0;
	if (has_question &&
		byte_writer_reserve(&writer, query->question_end - (size_t)DNS_HEADER_BYTES))
		counts.question_count = 1;
	if (read == DNS_READ_GOOD && query->edns.is_present &&
		message_put_opt(&writer, query, rcode, extended, udp_size))
		counts.additional_count = 1;
	else if (rcode > DNS_FLAGS_RCODE_MASK)
		rcode = DNS_RCODE_SERVFAIL;
	dns_bytes_set_flags(bytes, flags_of_error(query, (uint16_t)rcode));
	message_store_counts(bytes, &counts);
	return (uint16_t)byte_writer_length(&writer);
}

uint16_t dns_message_make_query(
	uint8_t *bytes, size_t room, const struct dns_query_options *options)
{
	struct byte_writer writer = byte_writer_make(bytes, room);

	byte_writer_put_u16(&writer, 0);
	byte_writer_put_u16(&writer, options->flags);
	byte_writer_put_u16(&writer, 1);
	byte_writer_put_u16(&writer, 0);
	byte_writer_put_u16(&writer, 0);
	byte_writer_put_u16(&writer, options->udp_size ? 1 : 0);
	byte_writer_put(&writer, options->name, options->name_length);
	byte_writer_put_u16(&writer, options->type);
	byte_writer_put_u16(&writer, options->class_);
	if (options->udp_size)
		query_put_opt(&writer, options->udp_size, options->do_bit);
	return writer.failed ? 0 : (uint16_t)byte_writer_length(&writer);
}
