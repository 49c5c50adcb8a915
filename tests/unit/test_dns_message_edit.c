// SPDX-License-Identifier: BSD-3-Clause
#include "dns_draft.h"

static void id_flags_and_udp_size_are_set_in_place(void)
{
	struct draft draft;
	struct draft before;
	struct dns_message message;

	draft_reply(&draft, 4, 6, 4);
	CU_ASSERT_EQUAL_FATAL(draft_read(&message, &draft), DNS_READ_GOOD);
	before = draft;
	dns_bytes_set_id(draft.bytes, 0xfeed);
	dns_bytes_set_flags(draft.bytes, DNS_FLAG_QR | DNS_FLAG_AA);
	dns_message_set_udp_size(draft.bytes, &message, 1232);
	CU_ASSERT_EQUAL_FATAL(draft_read(&message, &draft), DNS_READ_GOOD);
	CU_ASSERT_EQUAL(message.id, 0xfeed);
	CU_ASSERT_EQUAL(message.flags, DNS_FLAG_QR | DNS_FLAG_AA);
	CU_ASSERT_EQUAL(message.edns.udp_size, 1232);
	dns_bytes_set_id(draft.bytes, 0x1234);
	dns_bytes_set_flags(draft.bytes, bytes_load_u16(before.bytes + 2));
	dns_message_set_udp_size(draft.bytes, &message, 1400);
	CU_ASSERT_EQUAL(memcmp(draft.bytes, before.bytes, draft_length(&draft)), 0);
}

static void opt_is_appended_where_it_fits(void)
{
	struct draft draft;
	struct dns_message message;
	uint16_t length;

	draft_start(&draft, DNS_FLAG_RD);
	length = draft_length(&draft);
	CU_ASSERT_EQUAL(dns_message_append_opt(draft.bytes, length, length + 10U, 1400), length);
	CU_ASSERT_EQUAL_FATAL(read_copy(&message, draft.bytes, length), DNS_READ_GOOD);
	CU_ASSERT_EQUAL(
		dns_message_append_opt(draft.bytes, length, length + 11U, 1400), length + 11);
	CU_ASSERT_EQUAL_FATAL(read_copy(&message, draft.bytes, length + 11U), DNS_READ_GOOD);
	CU_ASSERT_TRUE(message.edns.is_present);
	CU_ASSERT_FALSE(message.edns.do_bit);
	CU_ASSERT_EQUAL(message.edns.version, 0);
	CU_ASSERT_EQUAL(message.edns.udp_size, 1400);
	CU_ASSERT_EQUAL(message.edns.offset, length);
	CU_ASSERT_EQUAL(message.edns.length, 11);
	CU_ASSERT_EQUAL(message.flags, DNS_FLAG_RD);
}

// Truncates in a heap buffer of just the message's bytes, copies the result back, and expects it
// to be a good message that says what `message` says. Returns the new length.
static uint16_t draft_truncate(struct draft *draft, struct dns_message *message, uint16_t room)
{
	uint16_t length = draft_length(draft);
	uint8_t *copy = malloc(length);
	struct dns_message again;

	CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
	memcpy(copy, draft->bytes, length);
	CU_ASSERT_EQUAL_FATAL(dns_message_read(message, copy, length), DNS_READ_GOOD);
	length = dns_message_truncate(copy, length, message, room);
	CU_ASSERT_TRUE(length <= room);
	if (length) {
		CU_ASSERT_EQUAL_FATAL(read_copy(&again, copy, length), DNS_READ_GOOD);
		again.edns.udp_size = message->edns.udp_size;
		CU_ASSERT_EQUAL(again.flags, message->flags);
		CU_ASSERT_EQUAL(again.answer_count, message->answer_count);
		CU_ASSERT_EQUAL(again.answer_end, message->answer_end);
		CU_ASSERT_EQUAL(again.authority_count, message->authority_count);
		CU_ASSERT_EQUAL(again.authority_end, message->authority_end);
		CU_ASSERT_EQUAL(again.additional_count, message->additional_count);
		CU_ASSERT_EQUAL(again.edns.is_present, message->edns.is_present);
		CU_ASSERT_EQUAL(again.edns.offset, message->edns.offset);
		CU_ASSERT_EQUAL(again.edns.length, message->edns.length);
		// Header but flags and counts, question and what is kept behind it stay.
		CU_ASSERT_EQUAL(memcmp(copy, draft->bytes, 2), 0);
		CU_ASSERT_EQUAL(memcmp(copy + DNS_HEADER_BYTES, draft->bytes + DNS_HEADER_BYTES,
					message->authority_end - DNS_HEADER_BYTES),
			0);
	}
	memcpy(draft->bytes, copy, length);
	free(copy);
	return length;
}

static void truncation_without_need_changes_nothing(void)
{
	struct draft draft;
	struct draft before;
	struct dns_message message;

	draft_reply(&draft, 100, 100, 100);
	before = draft;
	CU_ASSERT_EQUAL(
		draft_truncate(&draft, &message, draft_length(&draft)), draft_length(&draft));
	CU_ASSERT_EQUAL(memcmp(before.bytes, draft.bytes, draft_length(&draft)), 0);
	CU_ASSERT_EQUAL(message.flags & DNS_FLAG_TC, 0);
	CU_ASSERT_EQUAL(message.additional_count, 3);
}

static void expect_truncated(const struct draft *draft, const struct dns_message *message,
	uint16_t answer_count, uint16_t authority_count)
{
	const uint8_t *opt = draft->bytes + message->edns.offset;

	CU_ASSERT_EQUAL(message->flags, DNS_FLAG_QR | DNS_FLAG_RD | DNS_FLAG_RA | DNS_FLAG_TC);
	CU_ASSERT_EQUAL(message->answer_count, answer_count);
	CU_ASSERT_EQUAL(message->authority_count, authority_count);
	CU_ASSERT_EQUAL(message->additional_count, 1);
	CU_ASSERT_EQUAL(message->edns.offset, message->authority_end);
	CU_ASSERT_EQUAL(memcmp(opt, "\0\0\x29\x05\x78\0\0\x80\0\0\x08\0\x0a\0\4cook", 19), 0);
}

// The question ends at 33, the answers at 257, authority at 369; OPT has 19 bytes.
static void truncation_empties_additional_then_authority_then_answer(void)
{
	static const struct {
		uint16_t room;
		uint16_t length;
		uint16_t answer_count;
		uint16_t authority_count;
	} rows[] = {
		{600, 388, 2, 1},
		{388, 388, 2, 1},
		{387, 276, 2, 0},
		{276, 276, 2, 0},
		{275, 52, 0, 0},
		{52, 52, 0, 0},
	};
	struct draft draft;
	struct dns_message message;

	for (size_t i = 0; i < BASE_ARRAY_SIZE(rows); i++) {
		draft_reply(&draft, 100, 100, 200);
		CU_ASSERT_EQUAL_FATAL(draft_length(&draft), 369 + 215 + 19 + 212);
		CU_ASSERT_EQUAL(draft_truncate(&draft, &message, rows[i].room), rows[i].length);
		expect_truncated(&draft, &message, rows[i].answer_count, rows[i].authority_count);
		CU_ASSERT_EQUAL(message.edns.offset + message.edns.length, rows[i].length);
	}
}

static void truncation_drops_options_then_opt_then_all(void)
{
	static const struct {
		uint16_t room;
		uint16_t length;
	} rows[] = {{52, 52}, {51, 44}, {44, 44}, {43, 33}, {33, 33}, {32, 0}, {12, 0}, {0, 0}};
	struct draft draft;
	struct dns_message message;

	for (size_t i = 0; i < BASE_ARRAY_SIZE(rows); i++) {
		draft_reply(&draft, 100, 100, 100);
		CU_ASSERT_EQUAL(draft_truncate(&draft, &message, rows[i].room), rows[i].length);
		if (rows[i].length)
			CU_ASSERT_EQUAL(message.additional_count, rows[i].length > 33);
	}
}

static void truncation_drops_options_that_fill_the_room(void)
{
	struct draft draft;
	struct dns_message message;
	char options[604] = {0, 12, 2, 88}; // padding, 600 bytes

	draft_start(&draft, DNS_FLAG_QR);
	draft_add_record(&draft, ANSWER, TYPE_A, 4);
	draft_add_opt(&draft, ADDITIONAL, 4096, 0x8000, options, sizeof(options));
	CU_ASSERT_EQUAL(draft_truncate(&draft, &message, 512), QUESTION_END + 11);
	CU_ASSERT_EQUAL(message.answer_count, 0);
	CU_ASSERT_EQUAL(message.additional_count, 1);
	CU_ASSERT_TRUE(message.edns.do_bit);
	CU_ASSERT_EQUAL(message.edns.length, 11);
}

static void truncation_of_a_reply_without_opt(void)
{
	struct draft draft;
	struct dns_message message;

	draft_start(&draft, DNS_FLAG_QR);
	for (int i = 0; i < 60; i++)
		draft_add_record(&draft, ANSWER, TYPE_A, 4);
	CU_ASSERT_EQUAL(draft_truncate(&draft, &message, 512), QUESTION_END);
	CU_ASSERT_EQUAL(message.flags, DNS_FLAG_QR | DNS_FLAG_TC);
	CU_ASSERT_EQUAL(message.answer_count, 0);
	CU_ASSERT_EQUAL(message.additional_count, 0);
}

// Every room: the longest prefix of sections that fits stays, never more than the room.
static void truncation_to_every_room(void)
{
	struct draft whole;
	struct draft draft;
	struct dns_message message;

	draft_reply(&whole, 100, 100, 100);
	for (uint16_t room = 0; room <= draft_length(&whole); room++) {
		draft = whole;
		draft_truncate(&draft, &message, room);
		CU_ASSERT_EQUAL((message.flags & DNS_FLAG_TC) != 0,
			room >= QUESTION_END && room < draft_length(&whole));
	}
}

struct answer {
	uint8_t bytes[600];
	uint16_t length;
	struct dns_message message;
};

// What becomes of the draft as a query, in exactly `room` bytes. It is good, but where there is
// nothing of it or no question.
static void make_error(struct answer *answer, const struct draft *draft, size_t room,
	enum dns_rcode rcode, enum dns_extended_error extended)
{
	uint8_t *bytes = malloc(room ? room : 1);
	size_t length = draft_length(draft);
	enum dns_read_result read;
	struct dns_message query;

	CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
	CU_ASSERT_TRUE_FATAL(room <= sizeof(answer->bytes));
	read = read_copy(&query, draft->bytes, length);
	memcpy(bytes, draft->bytes, length < room ? length : room);
	answer->length = dns_message_make_error(bytes, room, read, &query, rcode, extended, 1232);
	CU_ASSERT_TRUE_FATAL(answer->length <= room);
	memcpy(answer->bytes, bytes, answer->length);
	free(bytes);
	if (answer->length == DNS_HEADER_BYTES) {
		CU_ASSERT_TRUE(
			dns_message_read_header(&answer->message, answer->bytes, answer->length));
	} else if (answer->length) {
		CU_ASSERT_EQUAL(
			read_copy(&answer->message, answer->bytes, answer->length), DNS_READ_GOOD);
	}
}

static void error_keeps_the_question_and_clears_the_rest(void)
{
	struct draft draft;
	struct answer answer;
	uint16_t opcode = 2 << 11;

	draft_start(&draft, 0xffff & ~DNS_FLAG_QR & ~0x7800);
	dns_bytes_set_flags(draft.bytes, (0xffff & ~DNS_FLAG_QR & ~0x7800) | opcode);
	draft_add_record(&draft, ANSWER, TYPE_A, 4);
	draft_add_record(&draft, AUTHORITY, TYPE_A, 4);
	draft_add_record(&draft, ADDITIONAL, TYPE_A, 4);
	make_error(&answer, &draft, 512, DNS_RCODE_REFUSED, DNS_EDE_NETWORK_ERROR);
	CU_ASSERT_EQUAL(answer.length, QUESTION_END);
	CU_ASSERT_EQUAL(answer.message.id, 0x1234);
	CU_ASSERT_EQUAL(answer.message.flags,
		DNS_FLAG_QR | DNS_FLAG_RA | DNS_FLAG_RD | DNS_FLAG_CD | opcode | DNS_RCODE_REFUSED);
	CU_ASSERT_EQUAL(answer.message.answer_count, 0);
	CU_ASSERT_EQUAL(answer.message.authority_count, 0);
	CU_ASSERT_EQUAL(answer.message.additional_count, 0);
	CU_ASSERT_EQUAL(memcmp(answer.bytes + DNS_HEADER_BYTES, draft.bytes + DNS_HEADER_BYTES,
				QUESTION_END - DNS_HEADER_BYTES),
		0);
	draft_start(&draft, 0);
	make_error(&answer, &draft, 512, DNS_RCODE_NOTIMP, DNS_EDE_NONE);
	CU_ASSERT_EQUAL(answer.message.flags, DNS_FLAG_QR | DNS_FLAG_RA | DNS_RCODE_NOTIMP);
}

static void error_has_edns_where_the_query_has(void)
{
	struct draft draft;
	struct answer answer;

	draft_start(&draft, DNS_FLAG_RD);
	draft_add_opt(&draft, ADDITIONAL, 4096, 0x8000, "\0\x0a\0\2xx", 6);
	make_error(&answer, &draft, 512, DNS_RCODE_SERVFAIL, DNS_EDE_NONE);
	CU_ASSERT_EQUAL(answer.length, QUESTION_END + 11);
	CU_ASSERT_EQUAL(answer.message.rcode, DNS_RCODE_SERVFAIL);
	CU_ASSERT_TRUE(answer.message.edns.is_present);
	CU_ASSERT_TRUE(answer.message.edns.do_bit);
	CU_ASSERT_EQUAL(answer.message.edns.udp_size, 1232);
	CU_ASSERT_EQUAL(answer.message.edns.version, 0);
	CU_ASSERT_EQUAL(memcmp(answer.bytes + QUESTION_END, "\0\0\x29\4\xd0\0\0\x80\0\0\0", 11), 0);
}

static void error_has_an_extended_error_where_the_query_has_edns(void)
{
	struct draft draft;
	struct answer answer;

	draft_start(&draft, DNS_FLAG_RD);
	draft_add_opt(&draft, ADDITIONAL, 512, 0, "", 0);
	make_error(&answer, &draft, 512, DNS_RCODE_SERVFAIL, DNS_EDE_NO_REACHABLE_AUTHORITY);
	CU_ASSERT_EQUAL(answer.length, QUESTION_END + 17);
	CU_ASSERT_FALSE(answer.message.edns.do_bit);
	CU_ASSERT_EQUAL(memcmp(answer.bytes + QUESTION_END,
				"\0\0\x29\4\xd0\0\0\0\0\0\6\0\x0f\0\2\0\x16", 17),
		0);
}

static void error_for_an_unknown_version_is_badvers(void)
{
	struct draft draft;
	struct answer answer;

	draft_start(&draft, DNS_FLAG_RD);
	draft_add_opt(&draft, ADDITIONAL, 512, 0x00630000, "?", 1);
	make_error(&answer, &draft, 512, DNS_RCODE_BADVERS, DNS_EDE_NONE);
	CU_ASSERT_EQUAL(answer.message.rcode, 0);
	CU_ASSERT_EQUAL(answer.message.edns.version, 0);
	CU_ASSERT_EQUAL(memcmp(answer.bytes + QUESTION_END, "\0\0\x29\4\xd0\1\0\0\0\0\0", 11), 0);
}

static void error_without_question_is_a_header(void)
{
	struct draft draft;
	struct answer answer;

	draft_start(&draft, DNS_FLAG_RD);
	bytes_store_u16(draft.bytes + 4, 2);
	bytes_store_u16(draft.bytes + ANSWER, 7);
	make_error(&answer, &draft, 512, DNS_RCODE_FORMERR, DNS_EDE_NONE);
	CU_ASSERT_EQUAL(answer.length, DNS_HEADER_BYTES);
	CU_ASSERT_EQUAL(memcmp(answer.bytes, "\x12\x34\x81\x81\0\0\0\0\0\0\0\0", 12), 0);
}

static void error_for_broken_records_keeps_the_question(void)
{
	struct draft draft;
	struct answer answer;

	draft_start(&draft, DNS_FLAG_RD);
	draft_add_opt(&draft, ADDITIONAL, 1232, 0, "", 0);
	draft_add_opt(&draft, ADDITIONAL, 1232, 0, "", 0);
	make_error(&answer, &draft, 512, DNS_RCODE_FORMERR, DNS_EDE_NONE);
	CU_ASSERT_EQUAL(answer.length, QUESTION_END);
	CU_ASSERT_EQUAL(answer.message.question_count, 1);
	CU_ASSERT_FALSE(answer.message.edns.is_present);
}

static void error_for_less_than_a_header_is_nothing(void)
{
	uint8_t bytes[64] = {0};
	struct dns_message query;
	enum dns_read_result read = dns_message_read(&query, bytes, 11);

	CU_ASSERT_EQUAL(dns_message_make_error(bytes, sizeof(bytes), read, &query,
				DNS_RCODE_FORMERR, DNS_EDE_NONE, 1232),
		0);
}

static void error_leaves_out_what_does_not_fit(void)
{
	struct draft draft;
	struct answer answer;

	draft_start(&draft, DNS_FLAG_RD);
	draft_add_opt(&draft, ADDITIONAL, 512, 0x00010000, "", 0);
	for (size_t room = 0; room < QUESTION_END + 30; room++) {
		make_error(&answer, &draft, room, DNS_RCODE_BADVERS, DNS_EDE_NETWORK_ERROR);
		CU_ASSERT_EQUAL(answer.length, room < DNS_HEADER_BYTES    ? 0
					       : room < QUESTION_END      ? DNS_HEADER_BYTES
					       : room < QUESTION_END + 11 ? QUESTION_END
					       : room < QUESTION_END + 17 ? QUESTION_END + 11
									  : QUESTION_END + 17);
		if (answer.length == 0)
			continue;
		// Half of BADVERS would say that all is well.
		CU_ASSERT_EQUAL(answer.message.rcode,
			answer.length > QUESTION_END ? 0 : DNS_RCODE_SERVFAIL);
		CU_ASSERT_EQUAL(answer.message.additional_count, answer.length > QUESTION_END);
	}
}

static const struct unit_case cases[] = {
	{"id, flags and UDP size are set in place", id_flags_and_udp_size_are_set_in_place},
	{"OPT is appended where it fits", opt_is_appended_where_it_fits},
	{"truncation without need changes nothing", truncation_without_need_changes_nothing},
	{"truncation empties section by section",
		truncation_empties_additional_then_authority_then_answer},
	{"truncation drops options, OPT, all", truncation_drops_options_then_opt_then_all},
	{"truncation drops options that fill", truncation_drops_options_that_fill_the_room},
	{"truncation of a reply without OPT", truncation_of_a_reply_without_opt},
	{"truncation to every room", truncation_to_every_room},
	{"error keeps the question", error_keeps_the_question_and_clears_the_rest},
	{"error has EDNS where the query has", error_has_edns_where_the_query_has},
	{"error has an extended error", error_has_an_extended_error_where_the_query_has_edns},
	{"error for an unknown version is BADVERS", error_for_an_unknown_version_is_badvers},
	{"error without question is a header", error_without_question_is_a_header},
	{"error for broken records", error_for_broken_records_keeps_the_question},
	{"error for less than a header is nothing", error_for_less_than_a_header_is_nothing},
	{"error leaves out what does not fit", error_leaves_out_what_does_not_fit},
};

UNIT_MAIN("dns message edit", cases)
