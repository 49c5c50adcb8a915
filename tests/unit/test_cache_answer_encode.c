// SPDX-License-Identifier: BSD-3-Clause
// What of a reply is kept, and that a value from a file is taken only if it could be one.
#include "cache_answer_fixture.h"

#include <errno.h>

static const struct cache_answer_manner fresh;
static struct reply query;
static struct reply reply;
static struct reply answered;

static void start(uint16_t type, uint32_t do_bit)
{
	query_make_edns(&query, DNS_FLAG_RD, "www.example.org", type, do_bit);
	reply_start(&reply, QR_RD_RA, "www.example.org", type);
}

static void finish(struct kept_value *kept)
{
	reply_finish(&reply);
	keep(kept, &query, &reply);
	answer(kept, &query, fresh, &answered);
}

static void the_usual_answer_takes_44_bytes(void)
{
	struct kept_value kept;

	start(DNS_TYPE_A, 0);
	reply_add_a(&reply, DNS_SECTION_ANSWER, "@", 300, 1);
	reply_add_opt(&reply, 1232, 0, NULL, 0);
	finish(&kept);
	CU_ASSERT_EQUAL(kept.length, CACHE_ANSWER_HEADER_BYTES + 16 + 2);
	kept_value_free(&kept);
}

static void opt_is_not_kept(void)
{
	struct kept_value kept;

	start(DNS_TYPE_A, 0);
	reply_add_a(&reply, DNS_SECTION_ANSWER, "@", 300, 1);
	reply_add_a(&reply, DNS_SECTION_ADDITIONAL, "a.example.org", 300, 2);
	reply_add_opt(&reply, 4096, 0, "\0\x0a\0\4cook", 8);
	finish(&kept);
	CU_ASSERT_EQUAL(answered.message.additional_count, 2);
	CU_ASSERT_EQUAL(answered.message.edns.length, 11);
	CU_ASSERT_EQUAL(answered.length, reply.length - 8);
	kept_value_free(&kept);
}

// Pointers into what stands behind OPT are set anew.
static void opt_in_the_middle_is_not_kept(void)
{
	char text[DNS_NAME_TEXT];
	struct dns_record record;
	struct kept_value kept;
	size_t label;

	start(DNS_TYPE_A, 0);
	reply_add_a(&reply, DNS_SECTION_ANSWER, "@", 300, 1);
	reply_add_opt(&reply, 4096, 0, "\0\x0a\0\4cook", 8);
	label = byte_writer_length(&reply.writer);
	reply_add_a(&reply, DNS_SECTION_ADDITIONAL, "ns.example.net", 300, 2);
	reply_open(&reply, DNS_SECTION_ADDITIONAL, "@", DNS_TYPE_NS, 300);
	byte_writer_put_u16(&reply.writer, (uint16_t)(0xc000 | label));
	reply_close(&reply);
	finish(&kept);
	CU_ASSERT_EQUAL(answered.message.additional_count, 3);
	CU_ASSERT_PTR_NOT_NULL_FATAL(reply_record(&answered, DNS_SECTION_ADDITIONAL, 1, &record));
	CU_ASSERT_STRING_EQUAL(record_name(&answered, &record, 0, text), "ns.example.net.");
	CU_ASSERT_PTR_NOT_NULL_FATAL(reply_record(&answered, DNS_SECTION_ADDITIONAL, 2, &record));
	CU_ASSERT_EQUAL(record.type, DNS_TYPE_OPT);
	kept_value_free(&kept);
}

static void signatures_of_the_message_are_not_kept(void)
{
	static const uint8_t sig[] = {0, 0, 8, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 0, 9};
	struct kept_value kept;

	start(DNS_TYPE_A, 0);
	reply_add_a(&reply, DNS_SECTION_ANSWER, "@", 300, 1);
	reply_add_opt(&reply, 4096, 0, NULL, 0);
	reply_add(&reply, DNS_SECTION_ADDITIONAL, "key", DNS_TYPE_TSIG, 0, "\0", 1);
	finish(&kept);
	CU_ASSERT_EQUAL(answered.message.additional_count, 1);
	CU_ASSERT_EQUAL(bytes_load_u32(kept.bytes + CACHE_ANSWER_HEADER_BYTES + 6), 300);
	kept_value_free(&kept);
	start(DNS_TYPE_A, 0);
	reply_add_a(&reply, DNS_SECTION_ANSWER, "@", 300, 1);
	reply_add(&reply, DNS_SECTION_ADDITIONAL, ".", DNS_TYPE_SIG, 0, sig, sizeof(sig));
	finish(&kept);
	CU_ASSERT_EQUAL(answered.message.additional_count, 1);
	kept_value_free(&kept);
	// One that covers a type signs that, and stays.
	start(DNS_TYPE_A, 0);
	reply_add_a(&reply, DNS_SECTION_ANSWER, "@", 300, 1);
	reply_open(&reply, DNS_SECTION_ADDITIONAL, ".", DNS_TYPE_SIG, 60);
	byte_writer_put_u16(&reply.writer, DNS_TYPE_A);
	byte_writer_put(&reply.writer, sig + 2, sizeof(sig) - 2);
	reply_close(&reply);
	finish(&kept);
	CU_ASSERT_EQUAL(answered.message.additional_count, 2);
	kept_value_free(&kept);
}

static void dnssec_records_are_kept_with_do_only(void)
{
	struct kept_value kept;

	for (uint32_t do_bit = 0; do_bit <= 0x8000; do_bit += 0x8000) {
		start(DNS_TYPE_A, do_bit);
		reply_add_a(&reply, DNS_SECTION_ANSWER, "@", 300, 1);
		reply_add_rrsig(&reply, DNS_SECTION_ANSWER, "@", DNS_TYPE_A, 300, 1800000000);
		reply_add_name(
			&reply, DNS_SECTION_AUTHORITY, "@", DNS_TYPE_NS, 300, "a.example.org");
		reply_add_opt(&reply, 1232, do_bit, NULL, 0);
		finish(&kept);
		CU_ASSERT_EQUAL(answered.message.answer_count, do_bit ? 2 : 1);
		CU_ASSERT_EQUAL(answered.message.authority_count, 1);
		CU_ASSERT_EQUAL(answered.message.additional_count, 1);
		kept_value_free(&kept);
	}
}

// With nothing that stays behind them.
static void dnssec_records_at_the_end_of_authority_go(void)
{
	struct kept_value kept;

	start(DNS_TYPE_A, 0);
	reply_add_soa(&reply, "example.org", 300, 60);
	reply_add_rrsig(
		&reply, DNS_SECTION_AUTHORITY, "example.org", DNS_TYPE_SOA, 300, 1800000000);
	reply_add_nsec(&reply, DNS_SECTION_AUTHORITY, "@", 300);
	reply_add_opt(&reply, 1232, 0, NULL, 0);
	finish(&kept);
	CU_ASSERT_EQUAL(answered.message.authority_count, 1);
	CU_ASSERT_EQUAL(answered.message.additional_count, 1);
	kept_value_free(&kept);
}

static void what_does_not_fit_is_not_written(void)
{
	static uint8_t scratch[CACHE_ANSWER_BYTES_MOST];
	struct cache_answer_class class_ = {.ttl = 1, .ttl_most = 1};
	struct kept_value kept;

	start(DNS_TYPE_A, 0);
	reply_add_a(&reply, DNS_SECTION_ANSWER, "@", 300, 1);
	finish(&kept);
	for (size_t room = 0; room <= kept.length; room++) {
		uint8_t *value = malloc(room ? room : 1);
		int length;

		CU_ASSERT_PTR_NOT_NULL_FATAL(value);
		length = cache_answer_encode(
			value, room, &class_, reply.bytes, reply.length, &reply.message, scratch);
		CU_ASSERT_EQUAL(length, room < kept.length ? -EMSGSIZE : (int)kept.length);
		free(value);
	}
	kept_value_free(&kept);
}

static bool is_whole(const struct kept_value *kept, size_t length, uint16_t type)
{
	uint8_t *copy = malloc(length ? length : 1);
	bool result;

	CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
	memcpy(copy, kept->bytes, length);
	result = cache_answer_is_whole(copy, length, query.bytes + DNS_HEADER_BYTES,
		(uint8_t)query.message.question.name_length, type, DNS_CLASS_IN);
	free(copy);
	return result;
}

static void keep_for_a_file(struct kept_value *kept)
{
	start(DNS_TYPE_A, 0x8000);
	reply_add_name(&reply, DNS_SECTION_ANSWER, "@", DNS_TYPE_CNAME, 60, "a.example.org");
	reply_add_a(&reply, DNS_SECTION_ANSWER, "a.example.org", 300, 1);
	reply_add_a(&reply, DNS_SECTION_ANSWER, "a.example.org", 300, 2);
	reply_add_rrsig(&reply, DNS_SECTION_ANSWER, "@", DNS_TYPE_CNAME, 300, 1800000000);
	reply_add_soa(&reply, "example.org", 300, 60);
	reply_add_opt(&reply, 1232, 0, "\0\x0f\0\2\0\6", 6);
	finish(kept);
}

static void whole_values_are_whole(void)
{
	struct kept_value kept;

	keep_for_a_file(&kept);
	CU_ASSERT_TRUE(is_whole(&kept, kept.length, DNS_TYPE_A));
	kept_value_free(&kept);
	// No record at all.
	start(DNS_TYPE_A, 0);
	bytes_store_u16(reply.bytes + 2, QR_RD_RA | DNS_RCODE_SERVFAIL);
	finish(&kept);
	CU_ASSERT_TRUE(is_whole(&kept, kept.length, DNS_TYPE_A));
	kept_value_free(&kept);
}

// Each bit of a value: what is taken still gives a message that reads well.
static void broken_values_are_not_whole(void)
{
	struct kept_value kept;
	uint32_t refused = 0;
	uint32_t taken = 0;

	keep_for_a_file(&kept);
	for (size_t length = 0; length < kept.length; length++)
		CU_ASSERT_FALSE(is_whole(&kept, length, DNS_TYPE_A));
	for (size_t bit = 0; bit < kept.length * 8; bit++) {
		kept.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (is_whole(&kept, kept.length, DNS_TYPE_A)) {
			answer(&kept, &query, fresh, &answered);
			CU_ASSERT_EQUAL(dns_message_check_records(
						answered.bytes, answered.length, &answered.message),
				0);
			taken++;
		} else {
			refused++;
		}
		kept.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	// An answer has QR.
	kept.bytes[0] ^= 0x80;
	CU_ASSERT_FALSE(is_whole(&kept, kept.length, DNS_TYPE_A));
	// Flags and TTLs may be any; of counts, lengths and records, the sum tells.
	CU_ASSERT_TRUE(refused > 800);
	CU_ASSERT_TRUE(taken > 100);
	kept_value_free(&kept);
}

static const struct unit_case cases[] = {
	{"the usual answer takes 44 bytes", the_usual_answer_takes_44_bytes},
	{"OPT is not kept", opt_is_not_kept},
	{"OPT in the middle is not kept", opt_in_the_middle_is_not_kept},
	{"signatures of the message are not kept", signatures_of_the_message_are_not_kept},
	{"DNSSEC records are kept with DO only", dnssec_records_are_kept_with_do_only},
	{"DNSSEC records at the end of authority go", dnssec_records_at_the_end_of_authority_go},
	{"what does not fit is not written", what_does_not_fit_is_not_written},
	{"whole values are whole", whole_values_are_whole},
	{"broken values are not whole", broken_values_are_not_whole},
};

UNIT_MAIN("cache answer encode", cases)
