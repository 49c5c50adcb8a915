// SPDX-License-Identifier: BSD-3-Clause
// DNS messages as scenarios write them: words to bytes, and bytes to a text that two messages
// share when they say the same.
#pragma once

#include "scenario.h"

#include "dns/client_subnet.h"
#include "dns/message.h"

#define MESSAGE_BYTES 8192
#define MESSAGE_TEXT 16384
#define MESSAGE_RECORDS_MOST 16

struct message {
	uint16_t length;
	uint8_t bytes[MESSAGE_BYTES];
};

enum message_section {
	MESSAGE_ANSWER,
	MESSAGE_AUTHORITY,
	MESSAGE_ADDITIONAL,
	MESSAGE_SECTIONS,
};

// What the words of a line say about a message; the rest stands as its maker preset it.
struct message_shape {
	uint16_t id;
	uint16_t flags;
	uint16_t rcode; // 12 bits with EDNS
	uint8_t opcode;
	int question_count; // as the header has it
	struct dns_name name;
	uint16_t type;
	uint16_t class_;
	const char *records[MESSAGE_SECTIONS][MESSAGE_RECORDS_MOST];
	size_t record_counts[MESSAGE_SECTIONS];
	uint32_t fill_to; // answers are added until the message has this many bytes
	bool has_edns;
	bool do_bit;
	uint8_t version;
	uint16_t udp_size;
	int extended_error; // DNS_EDE_NONE, or the code of the option
	uint32_t padding; // bytes of a padding option (RFC 7830); 0: none
	bool has_subnet; // the option of RFC 7871
	struct dns_client_subnet subnet;
	uint32_t cut_to; // only the first bytes; 0: all
	uint32_t size; // that the message must come to have; 0: any
	size_t appended_length;
	uint8_t appended[512]; // behind the message
	bool is_raw; // `appended` is the whole message
};

// Name, type and perhaps class of a question.
void message_read_question(struct scenario_words *words, struct message_shape *shape);

// Reads what comes next if it is a word about messages; false when it is not.
bool message_read_word(struct scenario_words *words, struct message_shape *shape);

// Fails the words when a record can not be read or does not fit, or the size is another.
void message_build(
	struct scenario_words *words, const struct message_shape *shape, struct message *message);

// Everything in a message that is not its id or the order of bytes, one message one text.
// Returns `text`.
const char *message_format(const uint8_t *bytes, size_t length, char text[MESSAGE_TEXT]);
