// SPDX-License-Identifier: BSD-3-Clause
// A message made anew without some of its records: taking one out of the middle would leave the
// pointers behind it wrong, so that all names are read whole and compressed again. Any lcore; the
// time is bounded by the length, whatever the bytes are; nothing allocates.
#pragma once

#include "dns/message.h"

// True for a record that stays. OPT is asked about as the others are.
typedef bool dns_record_filter(
	const struct dns_record *record, const uint8_t *bytes, const void *context);

// Writes the message with the records that stay, in their order, into `out`, which must not
// overlap `bytes`; `rewritten` then says what stands there. Every record keeps its name with its
// case, its type, class, TTL and what its data means; the header is the same but for the counts.
// The message was read as good. Its new length; -EBADMSG where the data of a known type has not
// its form or names take more steps than the message has bytes twice over, and 1024; -EMSGSIZE where
// it does not fit into `room` (a message from a server that compresses well gets no longer).
int dns_message_rewrite(const uint8_t *bytes, size_t length, const struct dns_message *message,
	dns_record_filter *stays, const void *context, uint8_t *out, size_t room,
	struct dns_message *rewritten);

// True if the reply has records for askers with DO only, and the question is for another type.
bool dns_message_has_unasked_dnssec(
	const uint8_t *bytes, size_t length, const struct dns_message *message);

// What its query said of what it wants to see.
struct dns_asker {
	bool has_edns;
	bool do_bit;
};

// True if a reply has something that must not reach this asker: those records without DO (RFC
// 4035, section 3.2.1), OPT without OPT (RFC 6891, section 7).
bool dns_message_has_unasked(const uint8_t *bytes, size_t length, const struct dns_message *message,
	const struct dns_asker *asker);

// The reply without that. As dns_message_rewrite().
int dns_message_remove_unasked(const uint8_t *bytes, size_t length,
	const struct dns_message *message, const struct dns_asker *asker, uint8_t *out, size_t room,
	struct dns_message *rewritten);
