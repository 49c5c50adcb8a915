// SPDX-License-Identifier: BSD-3-Clause
// For libFuzzer: any bytes as a message, read and then changed in every way that lib/dns has. The
// first two bytes say the room for that; the rest is the message.
#include "dns/message.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

static void expect(bool condition)
{
	if (!condition)
		abort();
}

static uint8_t *copy_to_heap(const uint8_t *bytes, size_t length, size_t room)
{
	uint8_t *copy = malloc(room ? room : 1);

	expect(copy != NULL);
	memcpy(copy, bytes, length < room ? length : room);
	return copy;
}

static void make_error(const uint8_t *bytes, size_t length, size_t room,
	enum dns_read_result result, const struct dns_message *query)
{
	uint8_t *copy = copy_to_heap(bytes, length, room);
	struct dns_message answer;
	size_t answer_length = dns_message_make_error(
		copy, room, result, query, DNS_RCODE_BADVERS, DNS_EDE_NO_REACHABLE_AUTHORITY, 1232);

	expect(answer_length <= room);
	if (answer_length > DNS_HEADER_BYTES) {
		expect(dns_message_read(&answer, copy, answer_length) == DNS_READ_GOOD);
		expect(dns_message_same_question(bytes, query, copy, &answer));
	}
	free(copy);
}

static void truncate_and_set_size(
	const uint8_t *bytes, size_t length, size_t room, struct dns_message message)
{
	uint8_t *copy = copy_to_heap(bytes, length, length);
	struct dns_message again;
	uint16_t left = dns_message_truncate(copy, (uint16_t)length, &message, (uint16_t)room);

	expect(left <= room);
	if (left) {
		if (message.edns.is_present)
			dns_message_set_udp_size(copy, &message, 1232);
		expect(dns_message_read(&again, copy, left) == DNS_READ_GOOD);
		expect(again.edns.offset == message.edns.offset);
		expect(dns_message_same_question(bytes, &message, copy, &again));
	}
	free(copy);
}

// Any name that reads is one that its text gives back.
static void read_name(const uint8_t *bytes, size_t length, size_t offset)
{
	struct byte_reader reader = byte_reader_make(bytes, length);
	struct byte_reader skipper;
	struct dns_name name, again;
	char text[DNS_NAME_TEXT];
	int error;

	byte_reader_seek(&reader, offset);
	skipper = reader;
	error = dns_name_read(&reader, &name);
	expect(dns_name_skip(&skipper) == error && skipper.at == reader.at);
	if (error)
		return;
	expect(dns_name_parse_text(&again, dns_name_format(&name, text)) == 0);
	expect(again.label_count == name.label_count && dns_name_equal(&again, &name));
	dns_name_make_lower_case(&again);
	expect(dns_name_equal(&again, &name) && dns_name_is_below(&again, &name));
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	struct dns_message message;
	enum dns_read_result result;
	uint8_t *bytes;
	size_t length;
	size_t room;

	if (size < 2 || size - 2 > DNS_MESSAGE_BYTES_MOST)
		return 0;
	length = size - 2;
	room = bytes_load_u16(input) % 1500;
	bytes = copy_to_heap(input + 2, length, length);
	result = dns_message_read(&message, bytes, length);
	make_error(bytes, length, room, result, &message);
	if (result == DNS_READ_GOOD)
		truncate_and_set_size(bytes, length, room, message);
	read_name(bytes, length, room < length ? room : length);
	free(bytes);
	return 0;
}
