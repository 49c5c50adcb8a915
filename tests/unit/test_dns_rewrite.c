// SPDX-License-Identifier: BSD-3-Clause
// Messages made anew without some records: every record that stays is what it was.
#include "dns_reply.h"

#include "dns/rewrite.h"

#include <errno.h>

static struct reply reply;
static struct reply rewritten;
static const struct dns_asker plain;
static const struct dns_asker with_do = {.has_edns = true, .do_bit = true};

static bool all_stay(const struct dns_record *record, const uint8_t *bytes, const void *context)
{
	(void)record;
	(void)bytes;
	(void)context;
	return true;
}

static bool type_goes(const struct dns_record *record, const uint8_t *bytes, const void *context)
{
	(void)bytes;
	return record->type != *(const uint16_t *)context;
}

// From a heap buffer into one of `room` bytes; what comes of it is in `rewritten`.
static int rewrite_in(dns_record_filter *stays, const void *context, size_t room)
{
	uint8_t *copy = malloc(reply.length);
	uint8_t *out = malloc(room ? room : 1);
	int length;

	CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
	CU_ASSERT_PTR_NOT_NULL_FATAL(out);
	memcpy(copy, reply.bytes, reply.length);
	length = dns_message_rewrite(
		copy, reply.length, &reply.message, stays, context, out, room, &rewritten.message);
	CU_ASSERT_TRUE_FATAL(length <= (int)room);
	if (length >= 0) {
		struct dns_message message = rewritten.message;

		memcpy(rewritten.bytes, out, (size_t)length);
		rewritten.writer = byte_writer_make(rewritten.bytes, sizeof(rewritten.bytes));
		rewritten.writer.at += length;
		reply_finish(&rewritten);
		CU_ASSERT_EQUAL(message.question_end, rewritten.message.question_end);
		CU_ASSERT_EQUAL(message.answer_end, rewritten.message.answer_end);
		CU_ASSERT_EQUAL(message.authority_end, rewritten.message.authority_end);
		CU_ASSERT_EQUAL(message.edns.offset, rewritten.message.edns.offset);
	}
	free(copy);
	free(out);
	return length;
}

static int rewrite(dns_record_filter *stays, const void *context)
{
	return rewrite_in(stays, context, 65535);
}

static void expect_name(
	enum dns_section section, unsigned int number, int offset, const char *expected)
{
	struct dns_record record;
	char text[DNS_NAME_TEXT];

	CU_ASSERT_PTR_NOT_NULL_FATAL(reply_record(&rewritten, section, number, &record));
	CU_ASSERT_STRING_EQUAL(record_name(&rewritten, &record, offset, text), expected);
}

static void header_and_question_stay(void)
{
	reply_start(&reply, QR_RD_RA | DNS_FLAG_AA, "wWw.example.org", DNS_TYPE_A);
	reply_add_a(&reply, DNS_SECTION_ANSWER, "@", 300, 1);
	reply_finish(&reply);
	CU_ASSERT_EQUAL(rewrite(all_stay, NULL), (int)reply.length);
	CU_ASSERT_EQUAL(memcmp(rewritten.bytes, reply.bytes, reply.length), 0);
}

// Pointers to what went and to what moved.
static void names_of_what_stays_stay(void)
{
	uint16_t goes = DNS_TYPE_NSEC;
	size_t label;

	reply_start(&reply, QR_RD_RA, "www.example.org", DNS_TYPE_A);
	reply_add_nsec(&reply, DNS_SECTION_AUTHORITY, "gone.example.net", 300);
	label = byte_writer_length(&reply.writer) - 3 - 15 - 10 - 18;
	reply_open(&reply, DNS_SECTION_AUTHORITY, "@", DNS_TYPE_NS, 300);
	byte_writer_put_u16(&reply.writer, (uint16_t)(0xc000 | label));
	reply_close(&reply);
	label = byte_writer_length(&reply.writer);
	reply_add_name(&reply, DNS_SECTION_ADDITIONAL, "moved.example.net", DNS_TYPE_NS, 300, "a");
	reply_open(&reply, DNS_SECTION_ADDITIONAL, "@", DNS_TYPE_NS, 300);
	byte_writer_put_u16(&reply.writer, (uint16_t)(0xc000 | label));
	reply_close(&reply);
	reply_finish(&reply);
	CU_ASSERT_TRUE(rewrite(type_goes, &goes) > 0);
	CU_ASSERT_EQUAL(rewritten.message.authority_count, 1);
	CU_ASSERT_EQUAL(rewritten.message.additional_count, 2);
	expect_name(DNS_SECTION_AUTHORITY, 0, -1, "www.example.org.");
	expect_name(DNS_SECTION_AUTHORITY, 0, 0, "gone.example.net.");
	expect_name(DNS_SECTION_ADDITIONAL, 0, -1, "moved.example.net.");
	expect_name(DNS_SECTION_ADDITIONAL, 1, 0, "moved.example.net.");
}

static void names_are_compressed_again(void)
{
	size_t before;

	reply_start(&reply, QR_RD_RA, "www.example.org", DNS_TYPE_A);
	for (uint32_t i = 0; i < 20; i++)
		reply_add_name(&reply, DNS_SECTION_ANSWER, "www.example.org", DNS_TYPE_NS, 300,
			"a.name.that.is.long.example.org");
	reply_finish(&reply);
	before = reply.length;
	CU_ASSERT_TRUE(rewrite(all_stay, NULL) > 0);
	// Each as two pointers, but for the first.
	CU_ASSERT_EQUAL(rewritten.length,
		33 + 20 * 14 + 20); // the labels before example.org once
	CU_ASSERT_TRUE(rewritten.length < before);
	expect_name(DNS_SECTION_ANSWER, 19, 0, "a.name.that.is.long.example.org.");
}

// Sixty names, each twice: the table has room for all.
static void many_names_are_compressed_again(void)
{
	char name[32];

	reply_start(&reply, QR_RD_RA, "www.example.org", DNS_TYPE_A);
	for (uint32_t i = 0; i < 60; i++) {
		size_t target;

		snprintf(name, sizeof(name), "host%02u", i);
		reply_open(&reply, DNS_SECTION_ANSWER, "@", DNS_TYPE_NS, 300);
		target = byte_writer_length(&reply.writer);
		byte_writer_put_u8(&reply.writer, 6);
		byte_writer_put(&reply.writer, name, 6);
		byte_writer_put_u16(&reply.writer, 0xc010);
		reply_close(&reply);
		reply_open(&reply, DNS_SECTION_ANSWER, "@", DNS_TYPE_NS, 300);
		byte_writer_put_u16(&reply.writer, (uint16_t)(0xc000 | target));
		reply_close(&reply);
	}
	reply_finish(&reply);
	CU_ASSERT_EQUAL(rewrite(all_stay, NULL), (int)reply.length);
	CU_ASSERT_EQUAL(memcmp(rewritten.bytes, reply.bytes, reply.length), 0);
}

static void the_case_of_names_stays(void)
{
	reply_start(&reply, QR_RD_RA, "www.example.org", DNS_TYPE_A);
	reply_add_name(
		&reply, DNS_SECTION_ANSWER, "WWW.example.org", DNS_TYPE_NS, 300, "Ns.Example.ORG");
	reply_add_name(
		&reply, DNS_SECTION_ANSWER, "www.example.org", DNS_TYPE_NS, 300, "ns.example.org");
	reply_finish(&reply);
	CU_ASSERT_TRUE(rewrite(all_stay, NULL) > 0);
	expect_name(DNS_SECTION_ANSWER, 0, -1, "WWW.example.org.");
	expect_name(DNS_SECTION_ANSWER, 0, 0, "Ns.Example.ORG.");
	expect_name(DNS_SECTION_ANSWER, 1, -1, "www.example.org.");
	expect_name(DNS_SECTION_ANSWER, 1, 0, "ns.example.org.");
}

// RFC 3597, section 4: read as compressed, written whole.
static void names_of_later_types_are_written_whole(void)
{
	struct dns_record record;

	reply_start(&reply, QR_RD_RA, "www.example.org", TYPE_SRV);
	reply_add(&reply, DNS_SECTION_ANSWER, "@", TYPE_SRV, 300, "\0\1\0\2\0\3\1a\xc0\x0c", 10);
	reply_add(&reply, DNS_SECTION_ANSWER, "@", TYPE_NAPTR, 300, "\0\1\0\2\1u\3E2U\0\1b\xc0\x0c",
		15);
	reply_add(&reply, DNS_SECTION_ANSWER, "@", TYPE_MX, 300, "\0\1\1a\xc0\x0c", 6);
	reply_finish(&reply);
	CU_ASSERT_TRUE(rewrite(all_stay, NULL) > 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(reply_record(&rewritten, DNS_SECTION_ANSWER, 0, &record));
	CU_ASSERT_EQUAL(record.data_length, 6 + 19);
	CU_ASSERT_EQUAL(memcmp(rewritten.bytes + record.data_offset,
				"\0\1\0\2\0\3\1a\3www\7example\3org\0", 25),
		0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(reply_record(&rewritten, DNS_SECTION_ANSWER, 1, &record));
	CU_ASSERT_EQUAL(record.data_length, 11 + 19);
	expect_name(DNS_SECTION_ANSWER, 1, 11, "b.www.example.org.");
	// MX may point, also into the data of the others.
	CU_ASSERT_PTR_NOT_NULL_FATAL(reply_record(&rewritten, DNS_SECTION_ANSWER, 2, &record));
	CU_ASSERT_EQUAL(record.data_length, 4);
	expect_name(DNS_SECTION_ANSWER, 2, 2, "a.www.example.org.");
}

static void data_of_other_types_is_copied(void)
{
	struct dns_record record;

	reply_start(&reply, QR_RD_RA, "www.example.org", TYPE_UNKNOWN);
	reply_add(&reply, DNS_SECTION_ANSWER, "@", TYPE_UNKNOWN, 300, "\xc0\x0c\xff", 3);
	reply_add(&reply, DNS_SECTION_ANSWER, "@", TYPE_TXT, 300, "\2hi", 3);
	reply_add(&reply, DNS_SECTION_ANSWER, "@", TYPE_UNKNOWN, 300, "", 0);
	reply_add_soa(&reply, "example.org", 300, 60);
	reply_add_opt(&reply, 1232, 0x8000, "\0\x0a\0\1x", 5);
	reply_finish(&reply);
	CU_ASSERT_TRUE(rewrite(all_stay, NULL) > 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(reply_record(&rewritten, DNS_SECTION_ANSWER, 0, &record));
	CU_ASSERT_EQUAL(record.data_length, 3);
	CU_ASSERT_EQUAL(memcmp(rewritten.bytes + record.data_offset, "\xc0\x0c\xff", 3), 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(reply_record(&rewritten, DNS_SECTION_ANSWER, 2, &record));
	CU_ASSERT_EQUAL(record.data_length, 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(reply_record(&rewritten, DNS_SECTION_AUTHORITY, 0, &record));
	CU_ASSERT_EQUAL(
		bytes_load_u32(rewritten.bytes + record.data_offset + record.data_length - 4), 60);
	CU_ASSERT_EQUAL(rewritten.message.edns.udp_size, 1232);
	CU_ASSERT_TRUE(rewritten.message.edns.do_bit);
	CU_ASSERT_EQUAL(rewritten.message.edns.length, 16);
}

static void data_of_other_classes_is_copied(void)
{
	struct dns_record record;

	reply_start(&reply, QR_RD_RA, "www.example.org", DNS_TYPE_A);
	reply_add(&reply, DNS_SECTION_ANSWER, "@", DNS_TYPE_A, 300, "\1a\0\4\0", 5);
	bytes_store_u16(reply.writer.at - 5 - 8, 3);
	reply_finish(&reply);
	CU_ASSERT_EQUAL(dns_message_check_records(reply.bytes, reply.length, &reply.message), 0);
	CU_ASSERT_EQUAL(rewrite(all_stay, NULL), (int)reply.length);
	CU_ASSERT_PTR_NOT_NULL_FATAL(reply_record(&rewritten, DNS_SECTION_ANSWER, 0, &record));
	CU_ASSERT_EQUAL(record.class_, 3);
	CU_ASSERT_EQUAL(memcmp(rewritten.bytes + record.data_offset, "\1a\0\4\0", 5), 0);
}

static void broken_data_is_refused(void)
{
	static const struct {
		uint16_t type;
		const char *data;
		size_t length;
	} list[] = {
		{DNS_TYPE_A, "\1\2\3", 3},
		{DNS_TYPE_A, "\1\2\3\4\5", 5},
		{DNS_TYPE_NS, "\1a", 2},
		{DNS_TYPE_NS, "\1a\0x", 4},
		{DNS_TYPE_NS, "", 0},
		{DNS_TYPE_SOA, "\0\0", 2},
		{TYPE_MX, "\0", 1},
		{TYPE_NAPTR, "\0\0\0\0\5", 5},
		{DNS_TYPE_RRSIG, "\0\1", 2},
	};

	for (size_t i = 0; i < BASE_ARRAY_SIZE(list); i++) {
		reply_start(&reply, QR_RD_RA, "www.example.org", DNS_TYPE_A);
		reply_add(&reply, DNS_SECTION_ANSWER, "@", list[i].type, 300, list[i].data,
			list[i].length);
		reply_finish(&reply);
		CU_ASSERT_EQUAL(rewrite(all_stay, NULL), -EBADMSG);
		CU_ASSERT_EQUAL(
			dns_message_check_records(reply.bytes, reply.length, &reply.message),
			-EBADMSG);
	}
}

static void no_byte_is_written_beyond_the_room(void)
{
	reply_start(&reply, QR_RD_RA, "www.example.org", TYPE_SRV);
	reply_add(&reply, DNS_SECTION_ANSWER, "@", TYPE_SRV, 300, "\0\1\0\2\0\3\1a\xc0\x0c", 10);
	reply_add_soa(&reply, "example.org", 300, 60);
	reply_finish(&reply);
	CU_ASSERT_TRUE_FATAL(rewrite(all_stay, NULL) > 0);
	for (size_t room = 0; room < rewritten.length; room++)
		CU_ASSERT_EQUAL(rewrite_in(all_stay, NULL, room), -EMSGSIZE);
	CU_ASSERT_EQUAL(rewrite_in(all_stay, NULL, rewritten.length), (int)rewritten.length);
}

// Each name has 120 labels behind its pointer: that is more steps than a good message takes.
static void names_that_cost_too_much_are_refused(void)
{
	struct byte_writer *writer = &reply.writer;
	size_t label;

	reply_start(&reply, QR_RD_RA, "www.example.org", DNS_TYPE_A);
	reply_open(&reply, DNS_SECTION_ANSWER, "@", DNS_TYPE_NS, 300);
	label = byte_writer_length(writer);
	for (unsigned int i = 0; i < 120; i++)
		byte_writer_put(writer, "\1a", 2);
	byte_writer_put_u8(writer, 0);
	reply_close(&reply);
	for (unsigned int i = 0; i < 60; i++) {
		reply_open(&reply, DNS_SECTION_ANSWER, "@", DNS_TYPE_NS, 300);
		byte_writer_put_u16(writer, (uint16_t)(0xc000 | label));
		reply_close(&reply);
	}
	reply_finish(&reply);
	CU_ASSERT_EQUAL(rewrite(all_stay, NULL), -EBADMSG);
	CU_ASSERT_EQUAL(
		dns_message_check_records(reply.bytes, reply.length, &reply.message), -EBADMSG);
}

// Both have the same place and tag in the table.
static void names_of_one_hash_are_told_apart(void)
{
	reply_start(&reply, QR_RD_RA, "www.example.org", DNS_TYPE_A);
	reply_add_name(&reply, DNS_SECTION_ANSWER, "@", DNS_TYPE_NS, 300, "n033098");
	reply_add_name(&reply, DNS_SECTION_ANSWER, "@", DNS_TYPE_NS, 300, "n064490");
	reply_add_name(&reply, DNS_SECTION_ANSWER, "@", DNS_TYPE_NS, 300, "n033098");
	reply_finish(&reply);
	CU_ASSERT_TRUE(rewrite(all_stay, NULL) > 0);
	expect_name(DNS_SECTION_ANSWER, 0, 0, "n033098.");
	expect_name(DNS_SECTION_ANSWER, 1, 0, "n064490.");
	expect_name(DNS_SECTION_ANSWER, 2, 0, "n033098.");
	CU_ASSERT_EQUAL(rewritten.length, reply.length - 7);
}

// A pointer has 14 bits.
static void names_beyond_the_reach_of_pointers_are_written_whole(void)
{
	static const uint8_t data[250];

	reply_start(&reply, QR_RD_RA, "www.example.org", DNS_TYPE_A);
	for (unsigned int i = 0; i < 64; i++)
		reply_add(&reply, DNS_SECTION_ANSWER, "@", TYPE_UNKNOWN, 300, data, sizeof(data));
	reply_add_name(&reply, DNS_SECTION_ANSWER, "@", DNS_TYPE_NS, 300, "far.away.example.net");
	reply_add_name(&reply, DNS_SECTION_ANSWER, "@", DNS_TYPE_NS, 300, "far.away.example.net");
	reply_finish(&reply);
	CU_ASSERT_EQUAL(rewrite(all_stay, NULL), (int)reply.length);
	expect_name(DNS_SECTION_ANSWER, 65, 0, "far.away.example.net.");
}

static void dnssec_records_go_without_do(void)
{
	static const uint8_t ds[] = {0, 1, 8, 2, 1, 2, 3, 4};
	uint8_t out[2048];

	reply_start(&reply, QR_RD_RA, "www.example.org", DNS_TYPE_A);
	reply_add_a(&reply, DNS_SECTION_ANSWER, "@", 300, 1);
	reply_finish(&reply);
	CU_ASSERT_FALSE(reply.message.may_have_dnssec);
	CU_ASSERT_FALSE(dns_message_has_unasked_dnssec(reply.bytes, reply.length, &reply.message));
	reply_add_rrsig(&reply, DNS_SECTION_ANSWER, "@", DNS_TYPE_A, 300, 1);
	reply_add(&reply, DNS_SECTION_AUTHORITY, "@", DNS_TYPE_DS, 300, ds, sizeof(ds));
	reply_add_nsec(&reply, DNS_SECTION_AUTHORITY, "@", 300);
	reply_add(&reply, DNS_SECTION_AUTHORITY, "@", DNS_TYPE_NSEC3, 300, ds, sizeof(ds));
	reply_add(&reply, DNS_SECTION_AUTHORITY, "@", DNS_TYPE_DNSKEY, 300, ds, sizeof(ds));
	reply_add_soa(&reply, "example.org", 300, 60);
	reply_add_a(&reply, DNS_SECTION_ADDITIONAL, "a.example.org", 300, 1);
	reply_finish(&reply);
	CU_ASSERT_TRUE(reply.message.may_have_dnssec);
	CU_ASSERT_TRUE(dns_message_has_unasked_dnssec(reply.bytes, reply.length, &reply.message));
	CU_ASSERT_TRUE(dns_message_has_unasked(reply.bytes, reply.length, &reply.message, &plain));
	CU_ASSERT_FALSE(
		dns_message_has_unasked(reply.bytes, reply.length, &reply.message, &with_do));
	CU_ASSERT_TRUE(dns_message_remove_unasked(reply.bytes, reply.length, &reply.message, &plain,
			       out, sizeof(out), &rewritten.message) > 0);
	CU_ASSERT_EQUAL(rewritten.message.answer_count, 1);
	CU_ASSERT_EQUAL(rewritten.message.authority_count, 1);
	CU_ASSERT_EQUAL(rewritten.message.additional_count, 1);
	CU_ASSERT_FALSE(rewritten.message.may_have_dnssec);
}

static void dnssec_records_asked_for_stay(void)
{
	static const uint16_t types[] = {DNS_TYPE_RRSIG, DNS_TYPE_ANY};
	uint8_t out[2048];

	for (size_t i = 0; i < BASE_ARRAY_SIZE(types); i++) {
		reply_start(&reply, QR_RD_RA, "www.example.org", types[i]);
		reply_add_rrsig(&reply, DNS_SECTION_ANSWER, "@", DNS_TYPE_A, 300, 1);
		reply_finish(&reply);
		CU_ASSERT_FALSE(
			dns_message_has_unasked_dnssec(reply.bytes, reply.length, &reply.message));
	}
	reply_start(&reply, QR_RD_RA, "www.example.org", DNS_TYPE_NSEC);
	reply_add_nsec(&reply, DNS_SECTION_ANSWER, "@", 300);
	reply_add_rrsig(&reply, DNS_SECTION_ANSWER, "@", DNS_TYPE_NSEC, 300, 1);
	reply_finish(&reply);
	CU_ASSERT_TRUE(dns_message_has_unasked_dnssec(reply.bytes, reply.length, &reply.message));
	CU_ASSERT_TRUE(dns_message_has_unasked(reply.bytes, reply.length, &reply.message, &plain));
	CU_ASSERT_FALSE(
		dns_message_has_unasked(reply.bytes, reply.length, &reply.message, &with_do));
	CU_ASSERT_TRUE(dns_message_remove_unasked(reply.bytes, reply.length, &reply.message, &plain,
			       out, sizeof(out), &rewritten.message) > 0);
	CU_ASSERT_EQUAL(rewritten.message.answer_count, 1);
	CU_ASSERT_TRUE(rewritten.message.may_have_dnssec);
}

static void opt_goes_without_opt(void)
{
	static const struct dns_asker with_opt = {.has_edns = true};
	uint8_t out[2048];

	reply_start(&reply, QR_RD_RA, "www.example.org", DNS_TYPE_A);
	reply_add_a(&reply, DNS_SECTION_ANSWER, "@", 300, 1);
	reply_add_opt(&reply, 1232, false, NULL, 0);
	reply_add_a(&reply, DNS_SECTION_ADDITIONAL, "a.example.org", 300, 1);
	reply_finish(&reply);
	CU_ASSERT_FALSE(
		dns_message_has_unasked(reply.bytes, reply.length, &reply.message, &with_opt));
	CU_ASSERT_TRUE(dns_message_has_unasked(reply.bytes, reply.length, &reply.message, &plain));
	CU_ASSERT_TRUE(dns_message_remove_unasked(reply.bytes, reply.length, &reply.message, &plain,
			       out, sizeof(out), &rewritten.message) > 0);
	CU_ASSERT_FALSE(rewritten.message.edns.is_present);
	CU_ASSERT_EQUAL(rewritten.message.answer_count, 1);
	CU_ASSERT_EQUAL(rewritten.message.additional_count, 1);
}

static void pointers_must_lead_to_labels_of_names(void)
{
	size_t text;

	reply_start(&reply, QR_RD_RA, "www.example.org", DNS_TYPE_A);
	reply_add_a(&reply, DNS_SECTION_ANSWER, "@", 300, 1);
	reply_add_name(&reply, DNS_SECTION_ANSWER, "@", DNS_TYPE_NS, 300, "ns.example.org");
	reply_finish(&reply);
	CU_ASSERT_EQUAL(dns_message_check_records(reply.bytes, reply.length, &reply.message), 0);
	text = byte_writer_length(&reply.writer) + 2 + 10;
	reply_add(&reply, DNS_SECTION_ANSWER, "@", TYPE_TXT, 300, "\1a\0", 3);
	reply_open(&reply, DNS_SECTION_ANSWER, "@", DNS_TYPE_NS, 300);
	byte_writer_put_u16(&reply.writer, (uint16_t)(0xc000 | text));
	reply_close(&reply);
	reply_finish(&reply);
	CU_ASSERT_EQUAL(
		dns_message_check_records(reply.bytes, reply.length, &reply.message), -EBADMSG);
	// To the middle of a label that looks like one, as an owner.
	reply_start(&reply, QR_RD_RA, "\\002ab.example.org", DNS_TYPE_A);
	reply_add(&reply, DNS_SECTION_ANSWER, "@", TYPE_TXT, 300, "", 0);
	bytes_store_u16(reply.bytes + 12 + 17 + 4, 0xc00d);
	reply_finish(&reply);
	CU_ASSERT_EQUAL(
		dns_message_check_records(reply.bytes, reply.length, &reply.message), -EBADMSG);
}

static const struct unit_case cases[] = {
	{"header and question stay", header_and_question_stay},
	{"names of what stays stay", names_of_what_stays_stay},
	{"names are compressed again", names_are_compressed_again},
	{"many names are compressed again", many_names_are_compressed_again},
	{"the case of names stays", the_case_of_names_stays},
	{"names of later types are written whole", names_of_later_types_are_written_whole},
	{"data of other types is copied", data_of_other_types_is_copied},
	{"data of other classes is copied", data_of_other_classes_is_copied},
	{"broken data is refused", broken_data_is_refused},
	{"no byte is written beyond the room", no_byte_is_written_beyond_the_room},
	{"names that cost too much are refused", names_that_cost_too_much_are_refused},
	{"names of one hash are told apart", names_of_one_hash_are_told_apart},
	{"names beyond the reach of pointers are written whole",
		names_beyond_the_reach_of_pointers_are_written_whole},
	{"DNSSEC records go without DO", dnssec_records_go_without_do},
	{"DNSSEC records asked for stay", dnssec_records_asked_for_stay},
	{"OPT goes without OPT", opt_goes_without_opt},
	{"pointers must lead to labels of names", pointers_must_lead_to_labels_of_names},
};

UNIT_MAIN("dns rewrite", cases)
