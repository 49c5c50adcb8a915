// SPDX-License-Identifier: BSD-3-Clause
// Values that come from a file: one is taken only if it is, byte for byte, what its own records
// encode to.
#include "cache/answer_fields.h"

// The message that a value would be written into for a client without EDNS.
static size_t message_make(uint8_t *bytes, size_t room, const uint8_t *name, uint8_t name_length,
	uint16_t type, uint16_t class_, const uint8_t *value, size_t records_length)
{
	struct byte_writer writer = byte_writer_make(bytes, room);

	byte_writer_put_u16(&writer, 0);
	byte_writer_put(&writer, value + ANSWER_FLAGS, 2);
	byte_writer_put_u16(&writer, 1);
	byte_writer_put(&writer, value + ANSWER_COUNTS, 6);
	byte_writer_put(&writer, name, name_length);
	byte_writer_put_u16(&writer, type);
	byte_writer_put_u16(&writer, class_);
	byte_writer_put(&writer, value + CACHE_ANSWER_HEADER_BYTES, records_length);
	return writer.failed ? 0 : byte_writer_length(&writer);
}

bool cache_answer_is_whole(const uint8_t *value, size_t length, const uint8_t *name,
	uint8_t name_length, uint16_t type, uint16_t class_)
{
	// TTLs that no limit changes.
	const struct cache_answer_class any = {.ttl = 0, .ttl_most = INT32_MAX};
	uint8_t bytes[CACHE_ANSWER_BYTES_MOST];
	uint8_t again[CACHE_ANSWER_BYTES_MOST];
	struct dns_message message;
	size_t records_length;
	size_t message_length;
	uint16_t error;

	if (length < CACHE_ANSWER_HEADER_BYTES || length > CACHE_ANSWER_BYTES_MOST)
		return false;
	records_length = bytes_load_u16(value + ANSWER_RECORDS_LENGTH);
	if (records_length > length - CACHE_ANSWER_HEADER_BYTES)
		return false;
	message_length = message_make(
		bytes, sizeof(bytes), name, name_length, type, class_, value, records_length);
	if (!message_length || dns_message_read(&message, bytes, message_length) != DNS_READ_GOOD ||
		!(message.flags & DNS_FLAG_QR) || message.edns.is_present ||
		message.question.name_length != name_length ||
		dns_message_check_records(bytes, message_length, &message) != 0)
		return false;
	error = bytes_load_u16(value + ANSWER_EXTENDED_ERROR);
	return cache_answer_encode_plain(again, sizeof(again), &any, bytes, message_length,
		       &message,
		       error == ANSWER_NO_EXTENDED_ERROR ? DNS_EDE_NONE : error) == (int)length &&
	       memcmp(again, value, length) == 0;
}
