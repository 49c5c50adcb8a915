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
