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

// The reply without those records, for an asker without DO (RFC 4035, section 3.2.1). As
// dns_message_rewrite().
int dns_message_remove_dnssec(const uint8_t *bytes, size_t length,
	const struct dns_message *message, uint8_t *out, size_t room,
	struct dns_message *rewritten);
