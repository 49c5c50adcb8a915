// SPDX-License-Identifier: BSD-3-Clause
// Records of a message one by one, and what their data is made of (RFC 1035 section 3.2.1, and
// RFC 3597 on types that nobody knows). Any lcore; nothing allocates, and nothing is touched
// outside the bytes given.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

struct dns_message;

#define DNS_CLASS_IN 1

enum dns_type {
	DNS_TYPE_A = 1,
	DNS_TYPE_NS = 2,
	DNS_TYPE_MD = 3,
	DNS_TYPE_MF = 4,
	DNS_TYPE_CNAME = 5,
	DNS_TYPE_SOA = 6,
	DNS_TYPE_MB = 7,
	DNS_TYPE_MG = 8,
	DNS_TYPE_MR = 9,
	DNS_TYPE_PTR = 12,
	DNS_TYPE_MINFO = 14,
	DNS_TYPE_MX = 15,
	DNS_TYPE_RP = 17,
	DNS_TYPE_AFSDB = 18,
	DNS_TYPE_RT = 21,
	DNS_TYPE_SIG = 24,
	DNS_TYPE_PX = 26,
	DNS_TYPE_AAAA = 28,
	DNS_TYPE_NXT = 30,
	DNS_TYPE_SRV = 33,
	DNS_TYPE_NAPTR = 35,
	DNS_TYPE_KX = 36,
	DNS_TYPE_DNAME = 39,
	DNS_TYPE_OPT = 41,
	DNS_TYPE_DS = 43,
	DNS_TYPE_RRSIG = 46,
	DNS_TYPE_NSEC = 47,
	DNS_TYPE_DNSKEY = 48,
	DNS_TYPE_NSEC3 = 50,
	DNS_TYPE_SVCB = 64,
	DNS_TYPE_HTTPS = 65,
	DNS_TYPE_TSIG = 250,
	DNS_TYPE_IXFR = 251,
	DNS_TYPE_AXFR = 252,
	DNS_TYPE_ANY = 255,
};

enum dns_section {
	DNS_SECTION_ANSWER,
	DNS_SECTION_AUTHORITY,
	DNS_SECTION_ADDITIONAL,
};

// Offsets are those in the message.
struct dns_record {
	enum dns_section section;
	uint32_t ttl;
	uint16_t type;
	uint16_t class_;
	uint16_t offset; // of the owner's name
	uint16_t ttl_offset;
	uint16_t data_offset;
	uint16_t data_length;
};

struct dns_record_walk {
	struct byte_reader reader;
	uint32_t left[3]; // records of each section
	enum dns_section section;
};

// Starts before the first record of a message that was read as good.
void dns_record_walk_start(struct dns_record_walk *walk, const uint8_t *bytes, size_t length,
	const struct dns_message *message);

// The next record; false behind the last.
bool dns_record_walk_next(struct dns_record_walk *walk, struct dns_record *record);

#define DNS_DATA_REST UINT8_MAX // any number of bytes

// What the data of a type begins with and ends with; character strings (RFC 1035, section 3.3)
// and names stand between.
struct dns_data_layout {
	bool is_known;
	bool may_be_compressed; // its names, when we write them (RFC 3597, section 4)
	uint8_t head; // bytes
	uint8_t strings;
	uint8_t names;
	uint8_t tail; // bytes, or DNS_DATA_REST
};

// All of the data is DNS_DATA_REST where the type is not known in this class.
struct dns_data_layout dns_data_layout(uint16_t type, uint16_t class_);

// True for a signature of the whole message (RFC 8945; RFC 2931), which holds for these bytes only.
bool dns_record_signs_message(const struct dns_record *record, const uint8_t *bytes);

// True for what only askers with DO may get, or those who ask for its type or for ANY (RFC 4035,
// section 3.2.1).
bool dns_record_is_dnssec(const struct dns_record *record, uint16_t question_type);

// Looks at what dns_message_read() passes over: the data of types that are known has their form,
// and each compressed name, in data too, points at a label of a name that stands before it in the
// question, an owner's place or data, so that no byte of another meaning is part of any name. 0, or
// -EBADMSG. The message was read as good; the time is linear in its length.
int dns_message_check_records(
	const uint8_t *bytes, size_t length, const struct dns_message *message);
