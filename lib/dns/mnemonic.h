// SPDX-License-Identifier: BSD-3-Clause
// Types, classes and rcodes as people write them. Any lcore; nothing allocates.
#pragma once

#include <stdint.h>

#define DNS_MNEMONIC_TEXT 16 // bytes that hold any of them, with the zero

// "A", "AAAA", or "TYPE65280" (RFC 3597, section 5).
const char *dns_type_format(uint16_t type, char text[DNS_MNEMONIC_TEXT]);
// In any case. 0, or -EINVAL.
int dns_type_parse(const char *text, uint16_t *type);

// "IN", "CH", "ANY", or "CLASS4".
const char *dns_class_format(uint16_t class_, char text[DNS_MNEMONIC_TEXT]);

// "NOERROR", "SERVFAIL", "BADVERS", or the number.
const char *dns_rcode_format(uint16_t rcode, char text[DNS_MNEMONIC_TEXT]);
