// SPDX-License-Identifier: BSD-3-Clause
// DNS messages as a forwarder needs them: checked whole where they enter, changed in place, and
// otherwise left as the bytes they are (RFC 1035 section 4, RFC 6891 for EDNS). Any lcore; no
// function allocates, recurses, or reads or writes outside the bytes it is given.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dns/name.h"
#include "dns/record.h"

#define DNS_UDP_BYTES_WITHOUT_EDNS 512
#define DNS_MESSAGE_BYTES_MOST 65535

// Where a message has them.
#define DNS_ID_OFFSET 0
#define DNS_FLAGS_OFFSET 2
#define DNS_OPT_UDP_SIZE_OFFSET 3 // in the OPT record (RFC 6891, section 6.1.2)

enum dns_opcode {
	DNS_OPCODE_QUERY = 0,
};

enum dns_rcode {
	DNS_RCODE_NOERROR = 0,
	DNS_RCODE_FORMERR = 1,
	DNS_RCODE_SERVFAIL = 2,
	DNS_RCODE_NXDOMAIN = 3,
	DNS_RCODE_NOTIMP = 4,
	DNS_RCODE_REFUSED = 5,
	DNS_RCODE_BADVERS = 16, // extended: its upper bits stand in the OPT record
};

// The second 16 bits of the header.
enum dns_flag {
	DNS_FLAG_QR = 0x8000,
	DNS_FLAG_AA = 0x0400,
	DNS_FLAG_TC = 0x0200,
	DNS_FLAG_RD = 0x0100,
	DNS_FLAG_RA = 0x0080,
	DNS_FLAG_AD = 0x0020,
	DNS_FLAG_CD = 0x0010,
};

// RFC 8914, section 4.
enum dns_extended_error {
	DNS_EDE_NONE = -1,
	DNS_EDE_STALE_ANSWER = 3,
	DNS_EDE_STALE_NXDOMAIN_ANSWER = 19,
	DNS_EDE_NO_REACHABLE_AUTHORITY = 22,
	DNS_EDE_NETWORK_ERROR = 23,
};

// What the header and question say, wherever they can be read.
struct dns_question {
	uint16_t name_length; // the name stands at DNS_HEADER_BYTES, not compressed
	uint16_t type;
	uint16_t class_;
};

struct dns_edns {
	bool is_present;
	bool do_bit;
	uint8_t version;
	uint8_t rcode_high; // the rcode's bits above the four of the header
	uint16_t udp_size; // as it stands there; dns_message_udp_size() has the one that counts
	uint16_t offset; // of the OPT record (its root name) in the message
	uint16_t length; // of the whole record
};

// A message that was read: where things are in its bytes.
struct dns_message {
	uint16_t id;
	uint16_t flags;
	uint8_t opcode;
	uint8_t rcode; // the four bits of the header
	uint16_t question_count;
	uint16_t answer_count;
	uint16_t authority_count;
	uint16_t additional_count;
	struct dns_question question; // set when question_count is 1
	uint16_t question_end; // offset behind the question
	uint16_t answer_end; // offset behind the answer section
	uint16_t authority_end; // offset behind the authority section
	// A record of DS, RRSIG, NSEC, DNSKEY or NSEC3 stands in it (and maybe of APL, SSHFP,
	// IPSECKEY or DHCID, whose numbers stand between).
	bool may_have_dnssec;
	struct dns_edns edns;
};

enum dns_read_result {
	DNS_READ_GOOD,
	DNS_READ_SHORT, // no whole header: nothing can be said in return
	DNS_READ_BAD_QUESTION, // QDCOUNT is not 1, or the question can not be read
	DNS_READ_BAD_RECORDS, // a record, or the OPT record, is broken; or bytes are left over
};

// Reads the header only; false when there is none. The rest of `message` is not set.
bool dns_message_read_header(struct dns_message *message, const uint8_t *bytes, size_t length);

// Reads a whole query or reply. But for DNS_READ_SHORT the header is set, and but for
// DNS_READ_BAD_QUESTION the question too; the rest is zero unless DNS_READ_GOOD. A compressed
// name in the question is refused, as are a second OPT record, one outside the additional section,
// one with a name other than the root in one byte (RFC 6891, section 6.1.1), one of version 0
// whose options do not fill it, a message with bytes behind its last record, and one above
// DNS_MESSAGE_BYTES_MOST. The data of other records is not looked at. The time it
// takes is linear in the length: names of records that need more than a step for each byte behind
// the question, and 512 more, are refused (dns_name_skip_in_steps()).
enum dns_read_result dns_message_read(
	struct dns_message *message, const uint8_t *bytes, size_t length);

// True if both ask the same: name without case, type and class. Both have been read.
bool dns_message_same_question(const uint8_t *a_bytes, const struct dns_message *a,
	const uint8_t *b_bytes, const struct dns_message *b);

// The size of answer that the sender of this query can take over UDP, not above `most`: 512
// without EDNS or with less (RFC 6891, section 6.2.3).
uint16_t dns_message_udp_size(const struct dns_message *query, uint16_t most);

static inline void dns_bytes_set_id(uint8_t *bytes, uint16_t id)
{
	bytes_store_u16(bytes + DNS_ID_OFFSET, id);
}

static inline void dns_bytes_set_flags(uint8_t *bytes, uint16_t flags)
{
	bytes_store_u16(bytes + DNS_FLAGS_OFFSET, flags);
}

// Sets the UDP size of the OPT record in place. The message has one.
void dns_message_set_udp_size(uint8_t *bytes, const struct dns_message *message, uint16_t size);

// Writes an OPT record of ours, without DO, behind a good query that has none and ends with
// `length`. Its new length; `length`, with nothing written, where `room` does not hold it.
uint16_t dns_message_append_opt(uint8_t *bytes, uint16_t length, size_t room, uint16_t udp_size);

// Shortens a good reply to at most `room` bytes (512 or more): empties additional (but OPT), then
// authority, then answer, whole sections at a time, moves OPT up behind what is kept, sets TC and
// the counts, in `message` too. Without need it changes nothing. Returns the new length; where
// even question and OPT do not fit, OPT's options go, then OPT; 0 where the question does not fit.
uint16_t dns_message_truncate(
	uint8_t *bytes, uint16_t length, struct dns_message *message, uint16_t room);

// Turns the query in place into an answer of our own with `rcode`, its question kept where it
// could be read, all records gone, QR and RA set, AA, TC, AD clear, opcode, RD and CD kept. With
// EDNS in the query (and `query` good enough to say so) an OPT record of ours follows, `udp_size`
// in it, DO copied, the rcode's upper bits, and an EDE option unless DNS_EDE_NONE. `room` is what
// `bytes` may hold. Returns the answer's length; leaves out what does not fit (an rcode above 15
// without its OPT record becomes SERVFAIL). 0 for DNS_READ_SHORT or a room below a header.
uint16_t dns_message_make_error(uint8_t *bytes, size_t room, enum dns_read_result read,
	const struct dns_message *query, enum dns_rcode rcode, enum dns_extended_error extended,
	uint16_t udp_size);

// A query of our own.
struct dns_query_options {
	const uint8_t *name; // wire format, not compressed, good
	uint8_t name_length;
	uint16_t type;
	uint16_t class_;
	uint16_t flags; // RD, CD
	uint16_t udp_size; // in its OPT record; 0: it has none
	bool do_bit;
};

// Writes it with id 0. Its length; 0 where `room` does not hold it.
uint16_t dns_message_make_query(
	uint8_t *bytes, size_t room, const struct dns_query_options *options);
