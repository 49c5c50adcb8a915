// SPDX-License-Identifier: BSD-3-Clause
// Options of OPT: the extended error, and the client subnet with the scope of an answer.
#include "dns_reply.h"

#include "dns/client_subnet.h"
#include "dns/edns_option.h"

static struct reply query;
static struct reply reply;

static void make(struct reply *message, uint32_t version, const void *options, size_t length)
{
	reply_start(message, DNS_FLAG_RD, "www.example.org", DNS_TYPE_A);
	if (options)
		reply_add_opt(message, 1232, version << 16, options, length);
	reply_finish(message);
}

static void options_are_found_by_code(void)
{
	struct byte_reader data;

	make(&query, 0, "\0\x0a\0\2hi\0\x0f\0\2\0\6\0\x0f\0\2\0\7", 18);
	CU_ASSERT_TRUE_FATAL(
		dns_edns_find_option(query.bytes, &query.message, DNS_OPTION_EDE, &data));
	CU_ASSERT_EQUAL(byte_reader_left(&data), 2);
	CU_ASSERT_EQUAL(byte_reader_take_u16(&data), 6);
	CU_ASSERT_FALSE(
		dns_edns_find_option(query.bytes, &query.message, DNS_OPTION_CLIENT_SUBNET, &data));
	make(&query, 0, NULL, 0);
	CU_ASSERT_FALSE(dns_edns_find_option(query.bytes, &query.message, DNS_OPTION_EDE, &data));
	// What a later version has there is not known.
	make(&query, 1, "\0\x0f\0\2\0\6", 6);
	CU_ASSERT_FALSE(dns_edns_find_option(query.bytes, &query.message, DNS_OPTION_EDE, &data));
}

static void the_extended_error_is_the_first(void)
{
	make(&reply, 0, "\0\x0f\0\6\0\6text\0\x0f\0\2\0\7", 16);
	CU_ASSERT_EQUAL(dns_edns_extended_error(reply.bytes, &reply.message), 6);
	make(&reply, 0, "\0\x0f\0\1\6", 5);
	CU_ASSERT_EQUAL(dns_edns_extended_error(reply.bytes, &reply.message), DNS_EDE_NONE);
	make(&reply, 0, "", 0);
	CU_ASSERT_EQUAL(dns_edns_extended_error(reply.bytes, &reply.message), DNS_EDE_NONE);
}

// A copy of the query's bytes with room behind them, changed.
struct changed {
	uint8_t bytes[2048];
	uint16_t length;
	struct dns_message message;
};

static struct changed copy_query(void)
{
	struct changed copy = {.length = (uint16_t)query.length, .message = query.message};

	memcpy(copy.bytes, query.bytes, query.length);
	return copy;
}

static void expect_options(struct changed *changed, const void *options, size_t length)
{
	CU_ASSERT_EQUAL_FATAL(dns_message_read(&changed->message, changed->bytes, changed->length),
		DNS_READ_GOOD);
	CU_ASSERT_EQUAL_FATAL(changed->message.edns.length, 11 + length);
	CU_ASSERT_EQUAL(
		memcmp(changed->bytes + changed->message.edns.offset + 11, options, length), 0);
}

static void options_are_removed(void)
{
	struct changed changed;

	make(&query, 0, "\0\x0b\0\0\0\x0a\0\2hi\0\x0b\0\2\0\6\0\x0c\0\1\0", 21);
	changed = copy_query();
	changed.length = dns_edns_remove_option(
		changed.bytes, changed.length, &changed.message, DNS_OPTION_KEEPALIVE);
	expect_options(&changed, "\0\x0a\0\2hi\0\x0c\0\1\0", 11);
	changed.length = dns_edns_remove_option(
		changed.bytes, changed.length, &changed.message, DNS_OPTION_KEEPALIVE);
	expect_options(&changed, "\0\x0a\0\2hi\0\x0c\0\1\0", 11);
	make(&query, 0, NULL, 0);
	changed = copy_query();
	CU_ASSERT_EQUAL(dns_edns_remove_option(changed.bytes, changed.length, &changed.message,
				DNS_OPTION_PADDING),
		query.length);
}

static void options_are_added(void)
{
	struct changed changed;

	make(&query, 0, "\0\x0a\0\2hi", 6);
	changed = copy_query();
	changed.length = dns_edns_add_option(changed.bytes, changed.length, sizeof(changed.bytes),
		&changed.message, DNS_OPTION_KEEPALIVE, "\0\x64", 2);
	expect_options(&changed, "\0\x0a\0\2hi\0\x0b\0\2\0\x64", 12);
	changed.length = dns_edns_add_option(changed.bytes, changed.length, sizeof(changed.bytes),
		&changed.message, DNS_OPTION_PADDING, NULL, 3);
	expect_options(&changed, "\0\x0a\0\2hi\0\x0b\0\2\0\x64\0\x0c\0\3\0\0\0", 19);
	// Not a byte too many, and not without OPT.
	changed = copy_query();
	CU_ASSERT_EQUAL(dns_edns_add_option(changed.bytes, changed.length, changed.length + 5u,
				&changed.message, DNS_OPTION_PADDING, NULL, 2),
		changed.length);
	CU_ASSERT_EQUAL(dns_edns_add_option(changed.bytes, changed.length, changed.length + 6u,
				&changed.message, DNS_OPTION_PADDING, NULL, 2),
		changed.length + 6);
	make(&query, 0, NULL, 0);
	changed = copy_query();
	CU_ASSERT_EQUAL(dns_edns_add_option(changed.bytes, changed.length, sizeof(changed.bytes),
				&changed.message, DNS_OPTION_PADDING, NULL, 2),
		changed.length);
}

struct subnet_case {
	const char *options;
	size_t length;
	enum dns_subnet_result result;
};

static void subnets_are_checked(void)
{
	static const struct subnet_case list[] = {
		{"\0\x08\0\7\0\1\x18\0\xc0\0\2", 11, DNS_SUBNET_GOOD},
		{"\0\x08\0\4\0\1\0\0", 8, DNS_SUBNET_GOOD},
		{"\0\x08\0\x08\0\1\x20\x20\xc0\0\2\1", 12, DNS_SUBNET_GOOD},
		{"\0\x08\0\x0a\0\2\x30\0\x20\1\xd\xb8\0\1", 14, DNS_SUBNET_GOOD},
		{"\0\x0a\0\0", 4, DNS_SUBNET_NONE},
		// Too short, and families that nobody has.
		{"\0\x08\0\3\0\1\0", 7, DNS_SUBNET_BAD},
		{"\0\x08\0\0", 4, DNS_SUBNET_BAD},
		{"\0\x08\0\4\0\0\0\0", 8, DNS_SUBNET_BAD},
		{"\0\x08\0\4\0\3\0\0", 8, DNS_SUBNET_BAD},
		{"\0\x08\0\4\1\1\0\0", 8, DNS_SUBNET_BAD},
		// Lengths beyond the address.
		{"\0\x08\0\x09\0\1\x21\0\xc0\0\2\1\x80", 13, DNS_SUBNET_BAD},
		{"\0\x08\0\7\0\1\x18\x21\xc0\0\2", 11, DNS_SUBNET_BAD},
		// More bytes or fewer than the length needs, and bits behind it.
		{"\0\x08\0\x08\0\1\x18\0\xc0\0\2\0", 12, DNS_SUBNET_BAD},
		{"\0\x08\0\6\0\1\x18\0\xc0\0", 10, DNS_SUBNET_BAD},
		{"\0\x08\0\7\0\1\x17\0\xc0\0\3", 11, DNS_SUBNET_BAD},
	};
	struct dns_client_subnet subnet;

	for (size_t i = 0; i < BASE_ARRAY_SIZE(list); i++) {
		make(&query, 0, list[i].options, list[i].length);
		CU_ASSERT_EQUAL(dns_client_subnet_read(&subnet, query.bytes, &query.message),
			list[i].result);
	}
	make(&query, 0, list[0].options, list[0].length);
	dns_client_subnet_read(&subnet, query.bytes, &query.message);
	CU_ASSERT_EQUAL(subnet.family, 1);
	CU_ASSERT_EQUAL(subnet.source_length, 24);
	CU_ASSERT_EQUAL(subnet.scope_length, 0);
	CU_ASSERT_EQUAL(memcmp(subnet.address, "\xc0\0\2\0\0\0\0\0\0\0\0\0\0\0\0\0", 16), 0);
}

static void masks_clear_bits(void)
{
	struct dns_client_subnet subnet = {.family = 2, .source_length = 128};
	static const struct dns_client_subnet family = {.family = 2};

	memset(subnet.address, 0xff, sizeof(subnet.address));
	dns_client_subnet_mask(&subnet, 128);
	CU_ASSERT_EQUAL(subnet.address[15], 0xff);
	CU_ASSERT_EQUAL(subnet.scope_length, 128);
	dns_client_subnet_mask(&subnet, 121);
	CU_ASSERT_EQUAL(subnet.address[15], 0x80);
	CU_ASSERT_EQUAL(subnet.source_length, 121);
	dns_client_subnet_mask(&subnet, 56);
	CU_ASSERT_EQUAL(subnet.address[6], 0xff);
	CU_ASSERT_EQUAL(subnet.address[7], 0);
	CU_ASSERT_EQUAL(subnet.address[15], 0);
	dns_client_subnet_mask(&subnet, 0);
	CU_ASSERT_EQUAL(memcmp(&subnet, &family, sizeof(subnet)), 0);
}

#define ASKED "\0\x08\0\7\0\1\x18\0\xc0\0\2"

static void expect_scope(
	const char *options, size_t length, bool is_good, uint8_t family, uint8_t scope_length)
{
	struct dns_client_subnet scope;

	make(&query, 0, ASKED, 11);
	make(&reply, 0, options, length);
	CU_ASSERT_EQUAL(dns_client_subnet_scope(
				&scope, query.bytes, &query.message, reply.bytes, &reply.message),
		is_good);
	if (is_good) {
		CU_ASSERT_EQUAL(scope.scope_length, scope_length);
		CU_ASSERT_EQUAL(scope.family, family);
	}
}

// RFC 7871, section 7.3.
static void the_scope_is_that_of_the_reply(void)
{
	expect_scope("\0\x08\0\7\0\1\x18\x18\xc0\0\2", 11, true, 1, 24);
	expect_scope("\0\x08\0\7\0\1\x18\x08\xc0\0\2", 11, true, 1, 8);
	// For all of the family, or from one that knows nothing of it.
	expect_scope("\0\x08\0\7\0\1\x18\0\xc0\0\2", 11, true, 1, 0);
	expect_scope("", 0, true, 0, 0);
	// Longer than what was told.
	expect_scope("\0\x08\0\7\0\1\x18\x20\xc0\0\2", 11, true, 1, 24);
	// Another subnet, another length, another family, or none at all.
	expect_scope("\0\x08\0\7\0\1\x18\x18\xc0\0\3", 11, false, 0, 0);
	expect_scope("\0\x08\0\7\0\1\x17\x18\xc0\0\2", 11, false, 0, 0);
	expect_scope("\0\x08\0\7\0\2\x18\x18\xc0\0\2", 11, false, 0, 0);
	expect_scope("\0\x08\0\3\0\1\x18", 7, false, 0, 0);
}

static void a_scope_that_was_not_asked_for_is_none(void)
{
	struct dns_client_subnet scope;

	make(&query, 0, "", 0);
	make(&reply, 0, "\0\x08\0\7\0\1\x18\x18\xc0\0\2", 11);
	CU_ASSERT_TRUE(dns_client_subnet_scope(
		&scope, query.bytes, &query.message, reply.bytes, &reply.message));
	CU_ASSERT_EQUAL(scope.family, 0);
	make(&reply, 0, NULL, 0);
	CU_ASSERT_TRUE(dns_client_subnet_scope(
		&scope, query.bytes, &query.message, reply.bytes, &reply.message));
	CU_ASSERT_EQUAL(scope.family, 0);
	make(&query, 0, "\0\x08\0\4\0\7\0\0", 8);
	CU_ASSERT_FALSE(dns_client_subnet_scope(
		&scope, query.bytes, &query.message, reply.bytes, &reply.message));
}

static void a_subnet_is_appended_to_opt(void)
{
	struct dns_client_subnet subnet;
	uint16_t length;

	make(&query, 0, "", 0);
	length = (uint16_t)query.length;
	make(&reply, 0, ASKED, 11);
	CU_ASSERT_EQUAL(
		dns_client_subnet_read(&subnet, reply.bytes, &reply.message), DNS_SUBNET_GOOD);
	CU_ASSERT_EQUAL(dns_client_subnet_append(query.bytes, length, length + 10U, &subnet), 0);
	make(&query, 0, "", 0);
	CU_ASSERT_EQUAL(
		dns_client_subnet_append(query.bytes, length, length + 11U, &subnet), length + 11);
	CU_ASSERT_EQUAL(length + 11U, reply.length);
	CU_ASSERT_EQUAL(memcmp(query.bytes, reply.bytes, reply.length), 0);
}

static const struct unit_case cases[] = {
	{"options are removed", options_are_removed},
	{"options are added", options_are_added},
	{"options are found by code", options_are_found_by_code},
	{"the extended error is the first", the_extended_error_is_the_first},
	{"subnets are checked", subnets_are_checked},
	{"masks clear bits", masks_clear_bits},
	{"the scope is that of the reply", the_scope_is_that_of_the_reply},
	{"a subnet is appended to OPT", a_subnet_is_appended_to_opt},
	{"a scope that was not asked for is none", a_scope_that_was_not_asked_for_is_none},
};

UNIT_MAIN("dns EDNS option", cases)
