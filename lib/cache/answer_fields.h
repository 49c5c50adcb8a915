// SPDX-License-Identifier: BSD-3-Clause
// The header of a value, for this module's files only: see answer.h.
#pragma once

#include "cache/answer.h"
#include "net/checksum.h"

#define ANSWER_NO_EXTENDED_ERROR UINT16_MAX

// Where each field stands.
enum answer_field {
	ANSWER_FLAGS = 0,
	ANSWER_COUNTS = 2, // three, as they stand in a message
	ANSWER_ANSWER_END = 8, // from the first record, as the next
	ANSWER_AUTHORITY_END = 10,
	ANSWER_RECORDS_LENGTH = 12,
	ANSWER_TTL_COUNT = 14,
	ANSWER_EXTENDED_ERROR = 16,
	ANSWER_ROTATED_FIRST = 18,
	ANSWER_ROTATED_COUNT = 20,
	ANSWER_ROTATED_BYTES = 22,
	ANSWER_RECORDS_SUM = 24, // in the order of memory
};

#define ANSWER_DATA_BEHIND_TTL 6 // the TTL itself and the data's length

#define ANSWER_FLAGS_KEPT (DNS_FLAG_QR | DNS_FLAG_RA | DNS_FLAG_AD | 0xf)

// True if the NOERROR reply has the type asked for at the end of the chain of CNAMEs that starts
// at the question's name (RFC 1034, section 3.6.2; RFC 2308, section 2.2). A name with two CNAMEs,
// a loop, or a chain longer than resolvers follow, answers nothing.
bool cache_answer_is_answered(const uint8_t *bytes, size_t length, const struct dns_message *reply);

// Writes the value of a message that has nothing to leave out from its `length` bytes.
int cache_answer_encode_plain(uint8_t *value, size_t room, const struct cache_answer_class *class_,
	const uint8_t *bytes, size_t length, const struct dns_message *message, int extended_error);
