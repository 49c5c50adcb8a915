// SPDX-License-Identifier: BSD-3-Clause
// Options of an OPT record (RFC 6891, section 6.1.2). Any lcore.
#pragma once

#include "dns/message.h"

#define DNS_OPTION_HEADER_BYTES 4 // code and length

enum dns_option {
	DNS_OPTION_CLIENT_SUBNET = 8, // RFC 7871
	DNS_OPTION_KEEPALIVE = 11, // RFC 7828
	DNS_OPTION_PADDING = 12, // RFC 7830
	DNS_OPTION_EDE = 15, // RFC 8914
};

// The data of the first option with this code, of version 0, in a message that was read as good.
// False: there is none.
bool dns_edns_find_option(const uint8_t *bytes, const struct dns_message *message,
	enum dns_option code, struct byte_reader *data);

// The info-code of the first EDE option, or DNS_EDE_NONE. Its text is not looked at.
int dns_edns_extended_error(const uint8_t *bytes, const struct dns_message *message);

// Changes of OPT in place, for messages that were read as good and whose OPT record is their last,
// which is so wherever it was ours; elsewhere they do nothing. Each returns the new length. The
// message has to be read again afterwards.

// Takes away every option with this code.
uint16_t dns_edns_remove_option(
	uint8_t *bytes, uint16_t length, const struct dns_message *message, enum dns_option code);

// Adds one with so much data; with NULL, so many zeros. Nothing is done where `room` does not hold it.
uint16_t dns_edns_add_option(uint8_t *bytes, uint16_t length, size_t room,
	const struct dns_message *message, enum dns_option code, const void *data,
	uint16_t data_length);
