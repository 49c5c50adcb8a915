// SPDX-License-Identifier: BSD-3-Clause
// Options of an OPT record (RFC 6891, section 6.1.2). Any lcore.
#pragma once

#include "dns/message.h"

enum dns_option {
	DNS_OPTION_CLIENT_SUBNET = 8, // RFC 7871
	DNS_OPTION_EDE = 15, // RFC 8914
};

// The data of the first option with this code, of version 0, in a message that was read as good.
// False: there is none.
bool dns_edns_find_option(const uint8_t *bytes, const struct dns_message *message,
	enum dns_option code, struct byte_reader *data);

// The info-code of the first EDE option, or DNS_EDE_NONE. Its text is not looked at.
int dns_edns_extended_error(const uint8_t *bytes, const struct dns_message *message);
