// SPDX-License-Identifier: BSD-3-Clause
#include "dns/edns_option.h"

#include "dns/message_fields.h"

bool dns_edns_find_option(const uint8_t *bytes, const struct dns_message *message,
	enum dns_option code, struct byte_reader *data)
{
	const struct dns_edns *edns = &message->edns;
	struct byte_reader options;

	if (!edns->is_present || edns->version)
		return false;
	options = byte_reader_make(
		bytes + edns->offset + DNS_OPT_BYTES, (size_t)edns->length - DNS_OPT_BYTES);
	while (byte_reader_left(&options)) {
		uint16_t found = byte_reader_take_u16(&options);
		uint16_t length = byte_reader_take_u16(&options);
		const uint8_t *option = byte_reader_take(&options, length);

		if (option && found == code) {
			*data = byte_reader_make(option, length);
			return true;
		}
	}
	return false;
}

int dns_edns_extended_error(const uint8_t *bytes, const struct dns_message *message)
{
	struct byte_reader data;
	uint16_t code;

	if (!dns_edns_find_option(bytes, message, DNS_OPTION_EDE, &data))
		return DNS_EDE_NONE;
	code = byte_reader_take_u16(&data);
	return data.failed ? DNS_EDE_NONE : code;
}

static bool opt_is_last(uint16_t length, const struct dns_message *message)
{
	const struct dns_edns *edns = &message->edns;

	return edns->is_present && !edns->version && edns->offset + edns->length == length;
}

static void opt_store_end(uint8_t *bytes, const struct dns_message *message, uint16_t end)
{
	uint16_t data = (uint16_t)(end - message->edns.offset - DNS_OPT_BYTES);

	bytes_store_u16(bytes + message->edns.offset + DNS_OPT_DATA_LENGTH_OFFSET, data);
}

uint16_t dns_edns_remove_option(
	uint8_t *bytes, uint16_t length, const struct dns_message *message, enum dns_option code)
{
	uint16_t from = (uint16_t)(message->edns.offset + DNS_OPT_BYTES);
	uint16_t to = from;

	if (!opt_is_last(length, message))
		return length;
	// The options fill the record: it was read as good.
	while (from < length) {
		uint16_t option =
			(uint16_t)(DNS_OPTION_HEADER_BYTES + bytes_load_u16(bytes + from + 2));

		if (bytes_load_u16(bytes + from) != code) {
			memmove(bytes + to, bytes + from, option);
			to = (uint16_t)(to + option);
		}
		from = (uint16_t)(from + option);
	}
	opt_store_end(bytes, message, to);
	return to;
}

uint16_t dns_edns_add_option(uint8_t *bytes, uint16_t length, size_t room,
	const struct dns_message *message, enum dns_option code, const void *data,
	uint16_t data_length)
{
	struct byte_writer writer = byte_writer_make(bytes + length, room - length);
	uint8_t *at;

	if (!opt_is_last(length, message) ||
		(size_t)length + DNS_OPTION_HEADER_BYTES + data_length > room ||
		(size_t)length + DNS_OPTION_HEADER_BYTES + data_length > DNS_MESSAGE_BYTES_MOST)
		return length;
	byte_writer_put_u16(&writer, code);
	byte_writer_put_u16(&writer, data_length);
	at = byte_writer_reserve(&writer, data_length);
	if (data)
		memcpy(at, data, data_length);
	else
		memset(at, 0, data_length);
	length = (uint16_t)(length + DNS_OPTION_HEADER_BYTES + data_length);
	opt_store_end(bytes, message, length);
	return length;
}
