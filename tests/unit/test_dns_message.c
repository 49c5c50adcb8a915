// SPDX-License-Identifier: BSD-3-Clause
#include "dns_draft.h"

static void query_is_read(void)
{
	struct draft draft;
	struct dns_message message;

	draft_start(&draft, DNS_FLAG_RD | DNS_FLAG_CD);
	CU_ASSERT_EQUAL(draft_read(&message, &draft), DNS_READ_GOOD);
	CU_ASSERT_EQUAL(message.id, 0x1234);
	CU_ASSERT_EQUAL(message.flags, DNS_FLAG_RD | DNS_FLAG_CD);
	CU_ASSERT_EQUAL(message.opcode, DNS_OPCODE_QUERY);
	CU_ASSERT_EQUAL(message.rcode, 0);
	CU_ASSERT_EQUAL(message.question_count, 1);
	CU_ASSERT_EQUAL(message.question.name_length, QUESTION_NAME_BYTES);
	CU_ASSERT_EQUAL(message.question.type, TYPE_A);
	CU_ASSERT_EQUAL(message.question.class_, 1);
	CU_ASSERT_EQUAL(message.question_end, QUESTION_END);
	CU_ASSERT_EQUAL(message.answer_end, QUESTION_END);
	CU_ASSERT_EQUAL(message.authority_end, QUESTION_END);
	CU_ASSERT_FALSE(message.edns.is_present);
}

static void reply_sections_are_found(void)
{
	struct draft draft;
	struct dns_message message;

	draft_reply(&draft, 4, 6, 4);
	CU_ASSERT_EQUAL(draft_read(&message, &draft), DNS_READ_GOOD);
	CU_ASSERT_EQUAL(message.answer_count, 2);
	CU_ASSERT_EQUAL(message.authority_count, 1);
	CU_ASSERT_EQUAL(message.additional_count, 3);
	CU_ASSERT_EQUAL(message.question_end, QUESTION_END);
	CU_ASSERT_EQUAL(message.answer_end, QUESTION_END + 2 * 16);
	CU_ASSERT_EQUAL(message.authority_end, QUESTION_END + 2 * 16 + 18);
	CU_ASSERT_TRUE(message.edns.is_present);
	CU_ASSERT_TRUE(message.edns.do_bit);
	CU_ASSERT_EQUAL(message.edns.version, 0);
	CU_ASSERT_EQUAL(message.edns.udp_size, 1400);
	CU_ASSERT_EQUAL(message.edns.offset, QUESTION_END + 2 * 16 + 18 + 19);
	CU_ASSERT_EQUAL(message.edns.length, 19);
}

static void header_fields_are_read(void)
{
	static const uint8_t bytes[12] = {0xab, 0xcd, 0xaf, 0x93, 0, 2, 0, 3, 0, 4, 0, 5};
	struct dns_message message;

	CU_ASSERT_TRUE(dns_message_read_header(&message, bytes, sizeof(bytes)));
	CU_ASSERT_EQUAL(message.id, 0xabcd);
	CU_ASSERT_EQUAL(message.flags, 0xaf93);
	CU_ASSERT_EQUAL(message.opcode, 5);
	CU_ASSERT_EQUAL(message.rcode, 3);
	CU_ASSERT_EQUAL(message.question_count, 2);
	CU_ASSERT_EQUAL(message.answer_count, 3);
	CU_ASSERT_EQUAL(message.authority_count, 4);
	CU_ASSERT_EQUAL(message.additional_count, 5);
}

static void less_than_a_header_is_short(void)
{
	static const uint8_t bytes[DNS_HEADER_BYTES] = {0};
	struct dns_message message;

	for (size_t length = 0; length < DNS_HEADER_BYTES; length++) {
		CU_ASSERT_FALSE(dns_message_read_header(&message, bytes, length));
		CU_ASSERT_EQUAL(read_copy(&message, bytes, length), DNS_READ_SHORT);
	}
	CU_ASSERT_EQUAL(dns_message_read(&message, NULL, 0), DNS_READ_SHORT);
}

static void question_count_is_one(void)
{
	static const uint16_t counts[] = {0, 2, 3, 256, 65535};
	struct draft draft;
	struct dns_message message;

	draft_start(&draft, DNS_FLAG_RD);
	for (size_t i = 0; i < BASE_ARRAY_SIZE(counts); i++) {
		bytes_store_u16(draft.bytes + 4, counts[i]);
		CU_ASSERT_EQUAL(draft_read(&message, &draft), DNS_READ_BAD_QUESTION);
		CU_ASSERT_EQUAL(message.id, 0x1234);
		CU_ASSERT_EQUAL(message.question_count, counts[i]);
		CU_ASSERT_EQUAL(message.question.name_length, 0);
	}
	// No question, and nothing behind the header.
	bytes_store_u16(draft.bytes + 4, 0);
	CU_ASSERT_EQUAL(read_copy(&message, draft.bytes, 12), DNS_READ_BAD_QUESTION);
}

static void question_name_is_checked(void)
{
	static const struct {
		const char *bytes;
		size_t length;
	} bad[] = {
		{"\xc0\x0c\0\1\0\1", 6}, // compressed: itself
		{"\3www\xc0\x0c\0\1\0\1", 10}, // compressed: its start
		{"\xc0\x04\0\1\0\1", 6}, // compressed: the header
		{"\x41www\0\0\1\0\1", 9},
		{"\x80www\0\0\1\0\1", 9},
		{"\3www", 4},
		{"\3www\0\0\1\0", 8},
		{"\x3f", 1},
	};
	uint8_t bytes[64] = {0x12, 0x34, 1, 0, 0, 1};
	struct dns_message message;

	for (size_t i = 0; i < BASE_ARRAY_SIZE(bad); i++) {
		memcpy(bytes + DNS_HEADER_BYTES, bad[i].bytes, bad[i].length);
		CU_ASSERT_EQUAL(read_copy(&message, bytes, DNS_HEADER_BYTES + bad[i].length),
			DNS_READ_BAD_QUESTION);
		CU_ASSERT_EQUAL(message.id, 0x1234);
	}
}

static void question_names_go_to_255_bytes(void)
{
	uint8_t bytes[DNS_HEADER_BYTES + 300] = {0x12, 0x34, 1, 0, 0, 1};
	struct dns_message message;

	for (size_t i = 0; i < 127; i++) {
		bytes[DNS_HEADER_BYTES + 2 * i] = 1;
		bytes[DNS_HEADER_BYTES + 2 * i + 1] = 'a';
	}
	CU_ASSERT_EQUAL(read_copy(&message, bytes, DNS_HEADER_BYTES + 259), DNS_READ_GOOD);
	CU_ASSERT_EQUAL(message.question.name_length, 255);
	bytes[DNS_HEADER_BYTES + 252] = 2; // one byte longer
	bytes[DNS_HEADER_BYTES + 254] = 'a';
	CU_ASSERT_EQUAL(read_copy(&message, bytes, DNS_HEADER_BYTES + 260), DNS_READ_BAD_QUESTION);
}

static void question_may_be_the_root(void)
{
	static const uint8_t bytes[] = {0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1};
	struct dns_message message;

	CU_ASSERT_EQUAL(read_copy(&message, bytes, sizeof(bytes)), DNS_READ_GOOD);
	CU_ASSERT_EQUAL(message.question.name_length, 1);
	CU_ASSERT_EQUAL(message.question.type, TYPE_NS);
	CU_ASSERT_EQUAL(message.question_end, sizeof(bytes));
}

static void messages_cut_anywhere_are_refused(void)
{
	struct draft draft;
	struct dns_message message;

	draft_reply(&draft, 4, 6, 4);
	for (size_t length = 0; length < draft_length(&draft); length++) {
		enum dns_read_result result = read_copy(&message, draft.bytes, length);

		CU_ASSERT_EQUAL(result, length < DNS_HEADER_BYTES ? DNS_READ_SHORT
					: length < QUESTION_END   ? DNS_READ_BAD_QUESTION
								  : DNS_READ_BAD_RECORDS);
		CU_ASSERT_FALSE(message.edns.is_present);
		if (result == DNS_READ_BAD_RECORDS)
			CU_ASSERT_EQUAL(message.question.name_length, QUESTION_NAME_BYTES);
	}
	CU_ASSERT_EQUAL(draft_read(&message, &draft), DNS_READ_GOOD);
}

static void bytes_left_over_are_refused(void)
{
	struct draft draft;
	struct dns_message message;

	draft_start(&draft, DNS_FLAG_RD);
	byte_writer_put_u8(&draft.writer, 0);
	CU_ASSERT_EQUAL(draft_read(&message, &draft), DNS_READ_BAD_RECORDS);
	draft_reply(&draft, 4, 6, 4);
	byte_writer_put_u8(&draft.writer, 0);
	CU_ASSERT_EQUAL(draft_read(&message, &draft), DNS_READ_BAD_RECORDS);
	CU_ASSERT_FALSE(message.edns.is_present);
}

static void counts_that_are_wrong_are_refused(void)
{
	static const enum draft_section sections[] = {ANSWER, AUTHORITY, ADDITIONAL};
	struct draft draft;
	struct dns_message message;

	for (size_t i = 0; i < BASE_ARRAY_SIZE(sections); i++) {
		draft_reply(&draft, 4, 6, 4);
		bytes_store_u16(draft.bytes + sections[i],
			(uint16_t)(draft_count(&draft, sections[i]) + 1));
		CU_ASSERT_EQUAL(draft_read(&message, &draft), DNS_READ_BAD_RECORDS);
		bytes_store_u16(draft.bytes + sections[i], 65535);
		CU_ASSERT_EQUAL(draft_read(&message, &draft), DNS_READ_BAD_RECORDS);
		bytes_store_u16(draft.bytes + sections[i], 0);
		CU_ASSERT_EQUAL(draft_read(&message, &draft), DNS_READ_BAD_RECORDS);
	}
}

// 196605 records promised and none there. Were each looked for, so many reads would take minutes,
// beyond the time this program has.
static void answer_count_bomb_ends_at_once(void)
{
	static const uint8_t header[] = {0, 1, 0x80, 0, 0, 1, 0xff, 0xff, 0, 0, 0, 0};
	struct draft draft;
	struct dns_message message;

	CU_ASSERT_EQUAL(read_copy(&message, header, sizeof(header)), DNS_READ_BAD_QUESTION);
	draft_start(&draft, DNS_FLAG_QR);
	bytes_store_u16(draft.bytes + ANSWER, 65535);
	bytes_store_u16(draft.bytes + AUTHORITY, 65535);
	bytes_store_u16(draft.bytes + ADDITIONAL, 65535);
	for (int i = 0; i < 1000000; i++) {
		if (dns_message_read(&message, draft.bytes, QUESTION_END) != DNS_READ_BAD_RECORDS)
			CU_FAIL_FATAL("a count bomb was read");
	}
}

static void record_names_are_checked(void)
{
	static const struct {
		const char *bytes;
		size_t length;
		enum dns_read_result result;
	} names[] = {
		{"\0", 1, DNS_READ_GOOD},
		{"\xc0\x0c", 2, DNS_READ_GOOD},
		{"\xc0\x10", 2, DNS_READ_GOOD},
		{"\4mail\xc0\x10", 7, DNS_READ_GOOD},
		{"\4mail\0", 6, DNS_READ_GOOD},
		{"\xc0\x0b", 2, DNS_READ_BAD_RECORDS}, // the header
		{"\xc0\x21", 2, DNS_READ_BAD_RECORDS}, // itself: it stands at 33
		{"\xc0\x23\0", 3, DNS_READ_BAD_RECORDS}, // forward
		{"\1a\xc0\x21", 4, DNS_READ_BAD_RECORDS}, // its own label
		{"\xc1\x0c", 2, DNS_READ_BAD_RECORDS}, // past the end
		{"\x42xx\0", 4, DNS_READ_BAD_RECORDS},
		{"\x81xx\0", 4, DNS_READ_BAD_RECORDS},
	};
	struct draft draft;
	struct dns_message message;

	for (size_t i = 0; i < BASE_ARRAY_SIZE(names); i++) {
		draft_start(&draft, DNS_FLAG_QR);
		CU_ASSERT_EQUAL_FATAL(draft_length(&draft), 0x21);
		draft_add(&draft, ANSWER, names[i].bytes, names[i].length, TYPE_A, 4);
		CU_ASSERT_EQUAL(draft_read(&message, &draft), names[i].result);
	}
}

// What one record's name was found to be good for says nothing of another's.
static void record_names_are_checked_each(void)
{
	struct draft draft;
	struct dns_message message;

	draft_start(&draft, DNS_FLAG_QR);
	draft_add(&draft, ANSWER, "\4mail\xc0\x10", 7, TYPE_A, 4); // at 33
	draft_add(&draft, ANSWER, "\xc0\x21", 2, TYPE_A, 4); // at 54
	draft_add(&draft, ANSWER, "\xc0\x21", 2, TYPE_A, 4);
	draft_add(&draft, AUTHORITY, "\xc0\x21", 2, TYPE_A, 4);
	CU_ASSERT_EQUAL(draft_read(&message, &draft), DNS_READ_GOOD);
	draft_add(&draft, AUTHORITY, "\4mail\xc0\x10", 7, TYPE_A, 4);
	draft_add(&draft, AUTHORITY, "\4mail\xc0\x10", 7, TYPE_A, 4);
	CU_ASSERT_EQUAL(draft_read(&message, &draft), DNS_READ_GOOD);
	draft_add(&draft, AUTHORITY, "\xc0\x23", 2, TYPE_A, 4); // in the middle of "mail"
	CU_ASSERT_EQUAL(draft_read(&message, &draft), DNS_READ_BAD_RECORDS);
	draft_start(&draft, DNS_FLAG_QR);
	draft_add(&draft, ANSWER, "\xc0\x2f", 2, TYPE_A, 4); // forward, to the next record
	draft_add(&draft, ANSWER, "\0", 1, TYPE_A, 4);
	CU_ASSERT_EQUAL(draft_read(&message, &draft), DNS_READ_BAD_RECORDS);
}

// A name of 127 labels in the data of the first record, and `count` records below that.
static enum dns_read_result read_records_below_long_name(size_t count)
{
	struct draft draft;
	struct dns_message message;
	size_t data = QUESTION_END + 12;

	draft_start(&draft, DNS_FLAG_QR);
	draft_add_record(&draft, ANSWER, TYPE_UNKNOWN, 253);
	for (size_t at = data; at < data + 252; at += 2)
		memcpy(draft.bytes + at, "\1a", 2);
	draft.bytes[data + 252] = 0;
	for (size_t i = 0; i < count; i++) {
		char name[2];

		bytes_store_u16((uint8_t *)name, (uint16_t)(0xc000 | (data + 2 * (i & 1))));
		draft_add(&draft, ANSWER, name, 2, TYPE_A, 4);
	}
	return draft_read(&message, &draft);
}

// A record of 16 bytes takes 126 or 127 steps; 777 steps are there without any.
static void record_names_take_steps_by_the_byte(void)
{
	CU_ASSERT_EQUAL(read_records_below_long_name(7), DNS_READ_GOOD);
	CU_ASSERT_EQUAL(read_records_below_long_name(8), DNS_READ_BAD_RECORDS);
	CU_ASSERT_EQUAL(read_records_below_long_name(300), DNS_READ_BAD_RECORDS);
}

static void record_data_stays_inside_the_message(void)
{
	struct draft draft;
	struct dns_message message;

	draft_start(&draft, DNS_FLAG_QR);
	draft_add_record(&draft, ANSWER, TYPE_A, 4);
	bytes_store_u16(draft.bytes + QUESTION_END + 10, 5);
	CU_ASSERT_EQUAL(draft_read(&message, &draft), DNS_READ_BAD_RECORDS);
	bytes_store_u16(draft.bytes + QUESTION_END + 10, 65535);
	CU_ASSERT_EQUAL(draft_read(&message, &draft), DNS_READ_BAD_RECORDS);
	bytes_store_u16(draft.bytes + QUESTION_END + 10, 3);
	CU_ASSERT_EQUAL(draft_read(&message, &draft), DNS_READ_BAD_RECORDS); // left over
}

static void unknown_types_and_options_pass(void)
{
	struct draft draft;
	struct dns_message message;

	draft_start(&draft, DNS_FLAG_QR);
	bytes_store_u16(draft.bytes + QUESTION_END - 4, TYPE_UNKNOWN);
	bytes_store_u16(draft.bytes + QUESTION_END - 2, 0xfeed);
	draft_add_record(&draft, ANSWER, TYPE_UNKNOWN, 0);
	draft_add_record(&draft, AUTHORITY, TYPE_UNKNOWN + 1, 700);
	draft_add_opt(&draft, ADDITIONAL, 4096, 0, "\xff\xff\0\0\xfd\xe9\0\1x", 9);
	CU_ASSERT_EQUAL(draft_read(&message, &draft), DNS_READ_GOOD);
	CU_ASSERT_EQUAL(message.question.type, TYPE_UNKNOWN);
	CU_ASSERT_EQUAL(message.question.class_, 0xfeed);
	CU_ASSERT_FALSE(message.edns.do_bit);
}

static void opt_stands_once(void)
{
	struct draft draft;
	struct dns_message message;

	draft_start(&draft, DNS_FLAG_RD);
	draft_add_opt(&draft, ADDITIONAL, 1232, 0, "", 0);
	CU_ASSERT_EQUAL(draft_read(&message, &draft), DNS_READ_GOOD);
	draft_add_opt(&draft, ADDITIONAL, 1232, 0, "", 0);
	CU_ASSERT_EQUAL(draft_read(&message, &draft), DNS_READ_BAD_RECORDS);
	CU_ASSERT_FALSE(message.edns.is_present);
}

static void opt_stands_in_additional_only(void)
{
	struct draft draft;
	struct dns_message message;

	draft_start(&draft, DNS_FLAG_RD);
	draft_add_opt(&draft, ANSWER, 1232, 0, "", 0);
	CU_ASSERT_EQUAL(draft_read(&message, &draft), DNS_READ_BAD_RECORDS);
	draft_start(&draft, DNS_FLAG_RD);
	draft_add_opt(&draft, AUTHORITY, 1232, 0, "", 0);
	CU_ASSERT_EQUAL(draft_read(&message, &draft), DNS_READ_BAD_RECORDS);
}

static void opt_has_the_name_of_the_root(void)
{
	struct draft draft;
	struct dns_message message;

	draft_start(&draft, DNS_FLAG_RD);
	draft_add(&draft, ADDITIONAL, "\xc0\x0c", 2, TYPE_OPT, 0);
	CU_ASSERT_EQUAL(draft_read(&message, &draft), DNS_READ_BAD_RECORDS);
	draft_start(&draft, DNS_FLAG_RD);
	draft_add(&draft, ADDITIONAL, "\1x\0", 3, TYPE_OPT, 0);
	CU_ASSERT_EQUAL(draft_read(&message, &draft), DNS_READ_BAD_RECORDS);
	// A pointer to the root byte of the question's name.
	draft_start(&draft, DNS_FLAG_RD);
	draft_add(&draft, ADDITIONAL, "\xc0\x1c", 2, TYPE_OPT, 0);
	CU_ASSERT_EQUAL(draft_read(&message, &draft), DNS_READ_BAD_RECORDS);
}

static void opt_options_fill_it(void)
{
	static const struct {
		const char *bytes;
		size_t length;
		enum dns_read_result result;
	} options[] = {
		{"", 0, DNS_READ_GOOD},
		{"\0\3\0\0", 4, DNS_READ_GOOD},
		{"\0\3\0\0\0\x0a\0\2xx", 10, DNS_READ_GOOD},
		{"\0", 1, DNS_READ_BAD_RECORDS},
		{"\0\3\0", 3, DNS_READ_BAD_RECORDS},
		{"\0\3\0\1", 4, DNS_READ_BAD_RECORDS},
		{"\0\3\0\0\0", 5, DNS_READ_BAD_RECORDS},
		{"\0\3\xff\xffxx", 6, DNS_READ_BAD_RECORDS},
	};
	struct draft draft;
	struct dns_message message;

	for (size_t i = 0; i < BASE_ARRAY_SIZE(options); i++) {
		draft_start(&draft, DNS_FLAG_RD);
		draft_add_opt(&draft, ADDITIONAL, 1232, 0, options[i].bytes, options[i].length);
		CU_ASSERT_EQUAL(draft_read(&message, &draft), options[i].result);
	}
	// Of another version nothing is known, so that BADVERS can be the answer.
	draft_start(&draft, DNS_FLAG_RD);
	draft_add_opt(&draft, ADDITIONAL, 1232, 0x00018000, "\0", 1);
	CU_ASSERT_EQUAL(draft_read(&message, &draft), DNS_READ_GOOD);
	CU_ASSERT_EQUAL(message.edns.version, 1);
	CU_ASSERT_TRUE(message.edns.do_bit);
}

static void message_above_65535_bytes_is_refused(void)
{
	size_t most = DNS_MESSAGE_BYTES_MOST;
	uint8_t *bytes = calloc(1, most + 1);
	struct dns_message message;
	struct draft draft;

	CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
	draft_start(&draft, DNS_FLAG_QR);
	draft_add_record(&draft, ANSWER, TYPE_A, 0);
	memcpy(bytes, draft.bytes, draft_length(&draft));
	bytes_store_u16(bytes + QUESTION_END + 10, (uint16_t)(most - draft_length(&draft)));
	CU_ASSERT_EQUAL(dns_message_read(&message, bytes, most), DNS_READ_GOOD);
	CU_ASSERT_EQUAL(message.answer_end, most);
	bytes_store_u16(bytes + QUESTION_END + 10, (uint16_t)(most + 1 - draft_length(&draft)));
	CU_ASSERT_EQUAL(dns_message_read(&message, bytes, most + 1), DNS_READ_BAD_RECORDS);
	free(bytes);
}

static void same_question_is_name_without_case_type_and_class(void)
{
	struct draft a_draft, b_draft;
	struct dns_message a, b;

	draft_start(&a_draft, DNS_FLAG_RD);
	CU_ASSERT_EQUAL(draft_read(&a, &a_draft), DNS_READ_GOOD);
	draft_reply(&b_draft, 4, 4, 4);
	memcpy(b_draft.bytes + DNS_HEADER_BYTES, "\3WwW\7EXAMPLE\3oRg", QUESTION_NAME_BYTES);
	CU_ASSERT_EQUAL(draft_read(&b, &b_draft), DNS_READ_GOOD);
	CU_ASSERT_TRUE(dns_message_same_question(a_draft.bytes, &a, b_draft.bytes, &b));
	for (size_t at = DNS_HEADER_BYTES + 1; at < QUESTION_END; at++) {
		draft_start(&b_draft, DNS_FLAG_QR);
		b_draft.bytes[at] ^= 2;
		if (draft_read(&b, &b_draft) == DNS_READ_GOOD)
			CU_ASSERT_FALSE(
				dns_message_same_question(a_draft.bytes, &a, b_draft.bytes, &b));
	}
}

static void same_question_needs_the_same_length(void)
{
	static const uint8_t shorter[] = {
		0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 3, 'w', 'w', 'w', 0, 0, 1, 0, 1};
	struct draft draft;
	struct dns_message a, b;

	draft_start(&draft, DNS_FLAG_RD);
	CU_ASSERT_EQUAL(draft_read(&a, &draft), DNS_READ_GOOD);
	CU_ASSERT_EQUAL(read_copy(&b, shorter, sizeof(shorter)), DNS_READ_GOOD);
	CU_ASSERT_FALSE(dns_message_same_question(draft.bytes, &a, shorter, &b));
}

static void udp_size_is_between_512_and_most(void)
{
	struct dns_message query = {0};

	CU_ASSERT_EQUAL(dns_message_udp_size(&query, 1232), 512);
	query.edns.is_present = true;
	query.edns.udp_size = 0;
	CU_ASSERT_EQUAL(dns_message_udp_size(&query, 1232), 512);
	query.edns.udp_size = 513;
	CU_ASSERT_EQUAL(dns_message_udp_size(&query, 1232), 513);
	query.edns.udp_size = 65535;
	CU_ASSERT_EQUAL(dns_message_udp_size(&query, 1232), 1232);
}

static const struct unit_case cases[] = {
	{"query is read", query_is_read},
	{"reply sections are found", reply_sections_are_found},
	{"header fields are read", header_fields_are_read},
	{"less than a header is short", less_than_a_header_is_short},
	{"question count is one", question_count_is_one},
	{"question name is checked", question_name_is_checked},
	{"question names go to 255 bytes", question_names_go_to_255_bytes},
	{"question may be the root", question_may_be_the_root},
	{"messages cut anywhere are refused", messages_cut_anywhere_are_refused},
	{"bytes left over are refused", bytes_left_over_are_refused},
	{"counts that are wrong are refused", counts_that_are_wrong_are_refused},
	{"answer count bomb ends at once", answer_count_bomb_ends_at_once},
	{"record names are checked", record_names_are_checked},
	{"record names are checked each", record_names_are_checked_each},
	{"record names take steps by the byte", record_names_take_steps_by_the_byte},
	{"record data stays inside the message", record_data_stays_inside_the_message},
	{"unknown types and options pass", unknown_types_and_options_pass},
	{"OPT stands once", opt_stands_once},
	{"OPT stands in additional only", opt_stands_in_additional_only},
	{"OPT has the name of the root", opt_has_the_name_of_the_root},
	{"OPT options fill it", opt_options_fill_it},
	{"message above 65535 bytes is refused", message_above_65535_bytes_is_refused},
	{"same question without case", same_question_is_name_without_case_type_and_class},
	{"same question needs the same length", same_question_needs_the_same_length},
	{"UDP size is between 512 and most", udp_size_is_between_512_and_most},
};

UNIT_MAIN("dns message", cases)
