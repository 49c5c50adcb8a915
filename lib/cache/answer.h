// SPDX-License-Identifier: BSD-3-Clause
// What is kept of a reply, and how it becomes the answer to another client. A reply is classified
// (may it be kept, as what, how long), encoded into a value for the store, and written from there
// into the frame of the next query with the same question. Any lcore; nothing here allocates, and
// replies, and values that came from a file, are taken for hostile.
//
// A value (all numbers in network byte order, so that it can be kept in files):
//
//   flags (2 bytes: QR, RA, AD, rcode), records of answer, authority and additional (2 each), the
//   ends of answer and authority and the length of all records (2 each), how many TTLs there are
//   (2), the upstream's extended error or 0xffff (2), the run of addresses that may be rotated:
//   the number of the first one's TTL (2), how many (2), bytes of each (2); the sum of the records
//   as in net/checksum.h, folded, but for their TTLs (2); then the records as they stood in the
//   reply, but for OPT and signatures of the message, and then where each record's TTL stands in
//   them (2 each).
//
// The records keep their compression pointers: the question before them is the client's own, which
// has the same length, so that names take on the case in which that client asked.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dns/client_subnet.h"
#include "dns/message.h"

#define CACHE_ANSWER_VERSION 2 // of the form above
#define CACHE_ANSWER_HEADER_BYTES 26
#define CACHE_ANSWER_BYTES_MOST 65535
#define CACHE_ANSWER_RECORDS_MOST 1024 // of one reply, or it is not kept

enum cache_answer_kind {
	CACHE_ANSWER_SUCCESS,
	CACHE_ANSWER_DELEGATION, // no answer but where to ask: kept as a success, for a short time
	CACHE_ANSWER_NXDOMAIN,
	CACHE_ANSWER_NODATA,
	CACHE_ANSWER_FAILURE, // SERVFAIL and NOTIMP
};

// Why a reply is not kept. X(constant, name, what it says)
#define CACHE_ANSWER_REFUSAL_LIST(X)                                                               \
	X(TRUNCATED, truncated, "the reply has TC")                                                \
	X(OPCODE, opcode, "the opcode is not QUERY, or QR is not set")                             \
	X(QUESTION, question, "the question is not the one asked")                                 \
	X(META, meta, "a transfer, or a type or class of no data")                                 \
	X(NOT_RECURSIVE, not_recursive, "asked without RD, which others do not get")               \
	X(RCODE, rcode, "an rcode that is not kept")                                               \
	X(NO_SOA, no_soa, "a denial without the SOA record that times it")                         \
	X(BROKEN, broken, "the data of a record, or a name in it, has not its form")               \
	X(RECORDS, records, "more records than are kept")                                          \
	X(SUBNET, subnet, "the client subnet is not the one asked with")                           \
	X(EXPIRED, expired, "a signature is no more valid")                                        \
	X(NO_TIME, no_time, "it may be kept for no time at all")

enum cache_answer_refusal {
	CACHE_ANSWER_KEPT,
#define X(constant, name, help) CACHE_ANSWER_REFUSED_##constant,
	CACHE_ANSWER_REFUSAL_LIST(X)
#undef X
	CACHE_ANSWER_REFUSALS,
};

// "kept", or a name of the list.
const char *cache_answer_refusal_name(enum cache_answer_refusal refusal);

// Seconds; a reply lives for the least of its records' TTLs (or the denial's, RFC 2308), raised to
// `least`, then lowered to `most`.
struct cache_answer_limits {
	uint32_t success_most;
	uint32_t success_least;
	uint32_t denial_most;
	uint32_t denial_least;
	uint32_t failure; // 0: failures are not kept
};

struct cache_answer_class {
	enum cache_answer_kind kind;
	uint32_t ttl; // seconds that it is fresh, above 0
	uint32_t ttl_most; // no record shows more
	bool removes_dnssec; // it was asked for without DO and has what only DO gets
	struct dns_client_subnet scope; // for whom it is (RFC 7871), masked; all zero: everybody
};

// True if a query may be answered from the cache, and its reply be kept: of opcode QUERY, for a
// type and class of data (ANY is one), with nothing but OPT behind the question (TSIG asks for an
// answer that is signed). The query was read as good.
bool cache_answer_may_serve(const struct dns_message *query);

// Classifies a reply to a query that may be served; both were read as good. `wall` is the seconds
// since 1970 (modulo 2^32), for signatures. `class_` is set for CACHE_ANSWER_KEPT only.
//
//   success     NOERROR with the type asked for at the end of the chain of CNAMEs, or ANY
//   NODATA      NOERROR without it, with SOA; NXDOMAIN with SOA, with or without CNAMEs before
//   delegation  NOERROR with no answer, no SOA, but NS in authority: for 5 s within the limits
//   failure     SERVFAIL, NOTIMP
//
// All else is refused. A denial lives for the least of all TTLs and the SOA's MINIMUM. Signatures
// (asked for with DO) end the time at their expiration.
enum cache_answer_refusal cache_answer_classify(struct cache_answer_class *class_,
	const uint8_t *query_bytes, const struct dns_message *query, const uint8_t *reply_bytes,
	size_t reply_length, const struct dns_message *reply,
	const struct cache_answer_limits *limits, uint32_t wall);

// Writes the value of a reply that was classified as kept. `scratch` is used where a record has
// to go from the middle, and has CACHE_ANSWER_BYTES_MOST bytes. The length of the value; -EMSGSIZE
// if `room` (or CACHE_ANSWER_BYTES_MOST) does not hold it, -EBADMSG if its names can not be written
// again.
int cache_answer_encode(uint8_t *value, size_t room, const struct cache_answer_class *class_,
	const uint8_t *reply_bytes, size_t reply_length, const struct dns_message *reply,
	uint8_t scratch[CACHE_ANSWER_BYTES_MOST]);

// True if the value is one that cache_answer_encode() could have made for this question. For what
// comes from a file; needs 200 KB of stack.
bool cache_answer_is_whole(const uint8_t *value, size_t length, const uint8_t *name,
	uint8_t name_length, uint16_t type, uint16_t class_);

// A value as the store has it: its first bytes at hand, and all of it by `copy`, which is not
// called where `here_length` is `length`. It gives false if there are not so many bytes.
struct cache_answer_value {
	const uint8_t *here;
	uint16_t here_length; // CACHE_ANSWER_HEADER_BYTES at least
	uint16_t length;
	bool (*copy)(const void *context, uint32_t offset, void *to, uint32_t length);
	const void *context;
};

// What of a query shapes its answer.
struct cache_answer_client {
	uint16_t id;
	uint16_t flags; // of the query's header
	uint16_t question_end;
	uint16_t answer_bytes; // the largest answer that it takes
	uint16_t udp_size; // ours, for the OPT record
	bool has_edns;
	bool do_bit;
	// Of the question, which stands behind the header, as in net/checksum.h; 0: not known.
	uint32_t question_sum;
	// What it told of its subnet, if it did, and the scope of this answer (RFC 7871, section
	// 7.2.1); NULL: it has none in its OPT record.
	const struct dns_client_subnet *subnet;
};

// Over UDP, with `bufsize` the server's, and without a subnet. The query was read as good.
static inline struct cache_answer_client cache_answer_client_make(
	const struct dns_message *query, uint16_t bufsize)
{
	return (struct cache_answer_client){
		.id = query->id,
		.flags = query->flags,
		.question_end = query->question_end,
		.answer_bytes = dns_message_udp_size(query, bufsize),
		.udp_size = bufsize,
		.has_edns = query->edns.is_present,
		.do_bit = query->edns.do_bit,
	};
}

// All zero: just stored.
struct cache_answer_manner {
	uint32_t age; // seconds that TTLs count down, never below 0; 0 with keepttl
	uint32_t stale_ttl; // above 0: the answer is stale, and every TTL is this (RFC 8767)
	uint32_t rotation; // random, for loadbalance; 0: records stay as stored
};

// Makes the answer at `payload`, where the client's question stands at DNS_HEADER_BYTES already
// (that of its query, usually, which the answer takes the place of); `room` is what it may hold.
// Id, RD and CD are the client's; AD is set only where it sent AD or DO (RFC 6840, section 5.7); AA
// is off; OPT is there exactly if the client sent one, with DO as sent, and with EDE 3 or 19 (RFC
// 8914) on a stale answer or else the upstream's extended error, and the client's subnet. What does not fit the client loses
// whole sections and has TC, as dns_message_truncate() has it. The answer's length; 0 where the
// question does not fit or the value is not whole.
uint16_t cache_answer_write(uint8_t *payload, size_t room, const struct cache_answer_client *client,
	const struct cache_answer_value *value, const struct cache_answer_manner *manner);

// The same, and the sum of the answer as struct net_frame has that of its payload: 0 where the
// answer or its question is not the usual one, and it has to be summed.
uint16_t cache_answer_write_summed(uint8_t *payload, size_t room,
	const struct cache_answer_client *client, const struct cache_answer_value *value,
	const struct cache_answer_manner *manner, uint32_t *sum);
