// SPDX-License-Identifier: BSD-3-Clause
// DNS messages put together record by record, for the tests of lib/dns.
#pragma once

#include "unit.h"

#include "dns/message.h"

#include <stdlib.h>
#include <string.h>

#define TYPE_A 1
#define TYPE_NS 2
#define TYPE_OPT 41
#define TYPE_UNKNOWN 65280

// "www.example.org" as every message below asks for it, with A and IN.
#define QUESTION_NAME "\3www\7example\3org"
#define QUESTION_NAME_BYTES 17
#define QUESTION_END (DNS_HEADER_BYTES + QUESTION_NAME_BYTES + 4)

// A message under construction, in room enough.
struct draft {
	struct byte_writer writer;
	uint8_t bytes[8192];
};

static inline void draft_start(struct draft *draft, uint16_t flags)
{
	draft->writer = byte_writer_make(draft->bytes, sizeof(draft->bytes));
	byte_writer_put_u16(&draft->writer, 0x1234);
	byte_writer_put_u16(&draft->writer, flags);
	byte_writer_put_u16(&draft->writer, 1);
	byte_writer_put_u16(&draft->writer, 0);
	byte_writer_put_u32(&draft->writer, 0);
	byte_writer_put(&draft->writer, QUESTION_NAME, QUESTION_NAME_BYTES);
	byte_writer_put_u16(&draft->writer, TYPE_A);
	byte_writer_put_u16(&draft->writer, 1);
}

enum draft_section {
	ANSWER = 6, // where its count stands in the header
	AUTHORITY = 8,
	ADDITIONAL = 10,
};

static inline uint16_t draft_count(const struct draft *draft, enum draft_section section)
{
	return bytes_load_u16(draft->bytes + section);
}

static inline void draft_add(struct draft *draft, enum draft_section section, const char *name,
	size_t name_length, uint16_t type, size_t data_length)
{
	uint8_t *data;

	bytes_store_u16(draft->bytes + section, (uint16_t)(draft_count(draft, section) + 1));
	byte_writer_put(&draft->writer, name, name_length);
	byte_writer_put_u16(&draft->writer, type);
	byte_writer_put_u16(&draft->writer, 1);
	byte_writer_put_u32(&draft->writer, 300);
	byte_writer_put_u16(&draft->writer, (uint16_t)data_length);
	data = byte_writer_reserve(&draft->writer, data_length);
	CU_ASSERT_PTR_NOT_NULL_FATAL(data);
	memset(data, 0xdd, data_length);
}

// A record of `type` with the question's name.
static inline void draft_add_record(
	struct draft *draft, enum draft_section section, uint16_t type, size_t data_length)
{
	draft_add(draft, section, "\xc0\x0c", 2, type, data_length);
}

static inline void draft_add_opt(struct draft *draft, enum draft_section section, uint16_t udp_size,
	uint32_t ttl, const char *options, size_t options_length)
{
	bytes_store_u16(draft->bytes + section, (uint16_t)(draft_count(draft, section) + 1));
	byte_writer_put_u8(&draft->writer, 0);
	byte_writer_put_u16(&draft->writer, TYPE_OPT);
	byte_writer_put_u16(&draft->writer, udp_size);
	byte_writer_put_u32(&draft->writer, ttl);
	byte_writer_put_u16(&draft->writer, (uint16_t)options_length);
	byte_writer_put(&draft->writer, options, options_length);
}

static inline uint16_t draft_length(const struct draft *draft)
{
	return (uint16_t)byte_writer_length(&draft->writer);
}

// Reads a heap copy of just the bytes there are.
static inline enum dns_read_result read_copy(
	struct dns_message *message, const uint8_t *bytes, size_t length)
{
	uint8_t *copy = malloc(length ? length : 1);
	enum dns_read_result result;

	CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
	memcpy(copy, bytes, length);
	memset(message, 0xee, sizeof(*message));
	result = dns_message_read(message, copy, length);
	free(copy);
	return result;
}

static inline enum dns_read_result draft_read(
	struct dns_message *message, const struct draft *draft)
{
	CU_ASSERT_FALSE_FATAL(draft->writer.failed);
	return read_copy(message, draft->bytes, draft_length(draft));
}

// A reply with two answers, one authority record, two additional ones and OPT between those.
static inline void draft_reply(
	struct draft *draft, size_t answer, size_t authority, size_t additional)
{
	draft_start(draft, DNS_FLAG_QR | DNS_FLAG_RD | DNS_FLAG_RA);
	draft_add_record(draft, ANSWER, TYPE_A, answer);
	draft_add_record(draft, ANSWER, TYPE_A, answer);
	draft_add(draft, AUTHORITY, "\xc0\x10", 2, TYPE_NS, authority);
	draft_add(draft, ADDITIONAL, "\2ns\xc0\x10", 5, TYPE_A, additional);
	draft_add_opt(draft, ADDITIONAL, 1400, 0x8000, "\0\x0a\0\4cook", 8);
	draft_add_record(draft, ADDITIONAL, TYPE_UNKNOWN, additional);
}
