// SPDX-License-Identifier: BSD-3-Clause
// Queries and replies put together from text, for tests of what is kept of them. A name is text
// ("www.example.org"), or "@": a pointer to the question's name.
#pragma once

#include "unit.h"

#include "dns/message.h"

#include <stdlib.h>
#include <string.h>

#define QR_RD_RA (DNS_FLAG_QR | DNS_FLAG_RD | DNS_FLAG_RA)
#define REPLY_ID 0x1234

enum {
	TYPE_PTR = 12,
	TYPE_MX = 15,
	TYPE_TXT = 16,
	TYPE_SRV = 33,
	TYPE_NAPTR = 35,
	TYPE_HTTPS = 65,
	TYPE_UNKNOWN = 65280,
};

// A message of the test, and what was read of it.
struct reply {
	struct byte_writer writer;
	uint8_t *data_length; // of the record that is open
	struct dns_message message;
	size_t length;
	uint8_t bytes[65535];
};

static inline void reply_put_name(struct reply *reply, const char *text)
{
	struct dns_name name;

	if (strcmp(text, "@") == 0) {
		byte_writer_put_u16(&reply->writer, 0xc00c);
		return;
	}
	CU_ASSERT_EQUAL_FATAL(dns_name_parse_text(&name, text), 0);
	byte_writer_put(&reply->writer, name.wire, name.length);
}

static inline void reply_start(struct reply *reply, uint16_t flags, const char *name, uint16_t type)
{
	reply->writer = byte_writer_make(reply->bytes, sizeof(reply->bytes));
	byte_writer_put_u16(&reply->writer, REPLY_ID);
	byte_writer_put_u16(&reply->writer, flags);
	byte_writer_put_u16(&reply->writer, 1);
	byte_writer_put_u16(&reply->writer, 0);
	byte_writer_put_u32(&reply->writer, 0);
	reply_put_name(reply, name);
	byte_writer_put_u16(&reply->writer, type);
	byte_writer_put_u16(&reply->writer, DNS_CLASS_IN);
}

// Begins a record; its data follows by the writer, and reply_close().
static inline void reply_open(struct reply *reply, enum dns_section section, const char *owner,
	uint16_t type, uint32_t ttl)
{
	uint8_t *count = reply->bytes + 6 + 2 * (size_t)section;

	bytes_store_u16(count, (uint16_t)(bytes_load_u16(count) + 1));
	reply_put_name(reply, owner);
	byte_writer_put_u16(&reply->writer, type);
	byte_writer_put_u16(&reply->writer, DNS_CLASS_IN);
	byte_writer_put_u32(&reply->writer, ttl);
	reply->data_length = byte_writer_reserve(&reply->writer, 2);
	CU_ASSERT_PTR_NOT_NULL_FATAL(reply->data_length);
}

static inline void reply_close(struct reply *reply)
{
	CU_ASSERT_FALSE_FATAL(reply->writer.failed);
	bytes_store_u16(reply->data_length, (uint16_t)(reply->writer.at - reply->data_length - 2));
}

static inline void reply_add(struct reply *reply, enum dns_section section, const char *owner,
	uint16_t type, uint32_t ttl, const void *data, size_t length)
{
	reply_open(reply, section, owner, type, ttl);
	byte_writer_put(&reply->writer, data, length);
	reply_close(reply);
}

static inline void reply_add_a(struct reply *reply, enum dns_section section, const char *owner,
	uint32_t ttl, uint32_t address)
{
	reply_open(reply, section, owner, DNS_TYPE_A, ttl);
	byte_writer_put_u32(&reply->writer, address);
	reply_close(reply);
}

static inline void reply_add_name(struct reply *reply, enum dns_section section, const char *owner,
	uint16_t type, uint32_t ttl, const char *target)
{
	reply_open(reply, section, owner, type, ttl);
	reply_put_name(reply, target);
	reply_close(reply);
}

static inline void reply_add_soa(
	struct reply *reply, const char *owner, uint32_t ttl, uint32_t minimum)
{
	reply_open(reply, DNS_SECTION_AUTHORITY, owner, DNS_TYPE_SOA, ttl);
	reply_put_name(reply, "ns.example.org");
	reply_put_name(reply, "hostmaster.example.org");
	for (uint32_t i = 0; i < 4; i++)
		byte_writer_put_u32(&reply->writer, 1 + i);
	byte_writer_put_u32(&reply->writer, minimum);
	reply_close(reply);
}

// A signature of `covered` that is valid until `expiration`.
static inline void reply_add_rrsig(struct reply *reply, enum dns_section section, const char *owner,
	uint16_t covered, uint32_t ttl, uint32_t expiration)
{
	reply_open(reply, section, owner, DNS_TYPE_RRSIG, ttl);
	byte_writer_put_u16(&reply->writer, covered);
	byte_writer_put_u16(&reply->writer, 0x0d03);
	byte_writer_put_u32(&reply->writer, ttl);
	byte_writer_put_u32(&reply->writer, expiration);
	byte_writer_put_u32(&reply->writer, expiration - 86400);
	byte_writer_put_u16(&reply->writer, 4711);
	reply_put_name(reply, "example.org");
	byte_writer_put(&reply->writer, "a signature of bytes", 20);
	reply_close(reply);
}

static inline void reply_add_nsec(
	struct reply *reply, enum dns_section section, const char *owner, uint32_t ttl)
{
	reply_open(reply, section, owner, DNS_TYPE_NSEC, ttl);
	reply_put_name(reply, "z.example.org");
	byte_writer_put(&reply->writer, "\0\1\x40", 3);
	reply_close(reply);
}

// `ttl` is the rcode's upper bits, the version and the flags.
static inline void reply_add_opt(
	struct reply *reply, uint16_t udp_size, uint32_t ttl, const void *options, size_t length)
{
	size_t start = byte_writer_length(&reply->writer);

	reply_open(reply, DNS_SECTION_ADDITIONAL, ".", DNS_TYPE_OPT, ttl);
	bytes_store_u16(reply->bytes + start + 3, udp_size);
	byte_writer_put(&reply->writer, options, length);
	reply_close(reply);
}

// Reads what was put together; it must be good.
static inline void reply_finish(struct reply *reply)
{
	CU_ASSERT_FALSE_FATAL(reply->writer.failed);
	reply->length = byte_writer_length(&reply->writer);
	CU_ASSERT_EQUAL_FATAL(
		dns_message_read(&reply->message, reply->bytes, reply->length), DNS_READ_GOOD);
}

// A query without EDNS.
static inline void query_make(struct reply *query, uint16_t flags, const char *name, uint16_t type)
{
	reply_start(query, flags, name, type);
	reply_finish(query);
}

// The same with an OPT record; `do_bit` is 0 or 0x8000.
static inline void query_make_edns(
	struct reply *query, uint16_t flags, const char *name, uint16_t type, uint32_t do_bit)
{
	reply_start(query, flags, name, type);
	reply_add_opt(query, 1232, do_bit, NULL, 0);
	reply_finish(query);
}

// The records of a section one by one. NULL: there is none of that number.
static inline const struct dns_record *reply_record(const struct reply *reply,
	enum dns_section section, unsigned int number, struct dns_record *record)
{
	struct dns_record_walk walk;

	dns_record_walk_start(&walk, reply->bytes, reply->length, &reply->message);
	while (dns_record_walk_next(&walk, record)) {
		if (record->section == section && !number--)
			return record;
	}
	return NULL;
}

// The owner's name, or the one that stands `offset` bytes into the data (-1: the owner's), as text.
static inline const char *record_name(const struct reply *reply, const struct dns_record *record,
	int offset, char text[DNS_NAME_TEXT])
{
	struct byte_reader reader = byte_reader_make(reply->bytes, reply->length);
	struct dns_name name;

	byte_reader_seek(
		&reader, offset < 0 ? record->offset : record->data_offset + (size_t)offset);
	CU_ASSERT_EQUAL_FATAL(dns_name_read(&reader, &name), 0);
	return dns_name_format(&name, text);
}
