// SPDX-License-Identifier: BSD-3-Clause
// The client subnet option (RFC 7871): for whom an answer is. Any lcore.
#pragma once

#include "dns/message.h"

#define DNS_SUBNET_ADDRESS_BYTES 16

// A prefix: bits of the address behind it are zero. All zero: everybody, of both families.
struct dns_client_subnet {
	uint8_t family; // 0; 1: IPv4; 2: IPv6
	uint8_t source_length; // bits of the address that the asker tells
	uint8_t scope_length; // bits that the answer is for; 0 in a query
	uint8_t address[DNS_SUBNET_ADDRESS_BYTES];
};

enum dns_subnet_result {
	DNS_SUBNET_NONE, // no such option
	DNS_SUBNET_GOOD,
	DNS_SUBNET_BAD, // RFC 7871, section 6: FORMERR to a query, and no use in a reply
};

enum dns_subnet_result dns_client_subnet_read(
	struct dns_client_subnet *subnet, const uint8_t *bytes, const struct dns_message *message);

// Shortens the prefix to `length` bits: the address is masked, and `scope_length` is `length`.
void dns_client_subnet_mask(struct dns_client_subnet *subnet, uint8_t length);

// For whom a reply to `query` is: in `scope`, masked; all zero for everybody, where the reply tells
// of no subnet, and with a length of 0 for all of a family. False when the
// reply's option, or the query's, is bad, or they are not about one subnet (RFC 7871, section
// 7.3): the reply may be relayed and must not be kept. A scope beyond what was asked with counts as
// that, and one that was not asked for as none.
bool dns_client_subnet_scope(struct dns_client_subnet *scope, const uint8_t *query_bytes,
	const struct dns_message *query, const uint8_t *reply_bytes,
	const struct dns_message *reply);

// Adds the option, with its scope_length, to a message that ends with an OPT record without
// options. The new length; 0 where `room` does not hold it.
uint16_t dns_client_subnet_append(
	uint8_t *bytes, uint16_t length, size_t room, const struct dns_client_subnet *subnet);
