// SPDX-License-Identifier: BSD-3-Clause
// What a client gets of an answer that is kept.
#include "cache_answer_fixture.h"

#include "dns/edns_option.h"

static const struct cache_answer_manner fresh;
static struct reply query;
static struct reply reply;
static struct reply answered;

// A success of one address, asked for with the flags and with OPT, as the reply is kept.
static void keep_address(struct kept_value *kept, uint16_t reply_flags, bool has_opt)
{
	query_make(&query, DNS_FLAG_RD, "www.example.org", DNS_TYPE_A);
	reply_start(&reply, (uint16_t)(QR_RD_RA | reply_flags), "www.example.org", DNS_TYPE_A);
	reply_add_a(&reply, DNS_SECTION_ANSWER, "@", 300, 0xc0000201);
	if (has_opt)
		reply_add_opt(&reply, 4096, 0,
			"\0\x0a\0\x08"
			"cookies!",
			12);
	reply_finish(&reply);
	keep(kept, &query, &reply);
}

static uint16_t answered_flags(void)
{
	return bytes_load_u16(answered.bytes + 2);
}

static void the_header_is_the_clients(void)
{
	struct kept_value kept;

	keep_address(&kept, DNS_FLAG_AA | DNS_FLAG_CD | 0x40, false);
	query_make(&query, DNS_FLAG_RD, "www.example.org", DNS_TYPE_A);
	bytes_store_u16(query.bytes, 0xbeef);
	reply_finish(&query);
	answer(&kept, &query, fresh, &answered);
	CU_ASSERT_EQUAL(answered.message.id, 0xbeef);
	// AA, CD and Z of the upstream are gone.
	CU_ASSERT_EQUAL(answered_flags(), QR_RD_RA);
	CU_ASSERT_EQUAL(answered.length, reply.length);
	query_make(&query, DNS_FLAG_CD, "www.example.org", DNS_TYPE_A);
	answer(&kept, &query, fresh, &answered);
	CU_ASSERT_EQUAL(answered_flags(), DNS_FLAG_QR | DNS_FLAG_RA | DNS_FLAG_CD);
	kept_value_free(&kept);
}

static void the_case_is_the_clients(void)
{
	struct dns_record record;
	struct kept_value kept;
	char text[DNS_NAME_TEXT];

	keep_address(&kept, 0, false);
	query_make(&query, DNS_FLAG_RD, "wWw.eXAMPLE.org", DNS_TYPE_A);
	answer(&kept, &query, fresh, &answered);
	CU_ASSERT_PTR_NOT_NULL_FATAL(reply_record(&answered, DNS_SECTION_ANSWER, 0, &record));
	CU_ASSERT_STRING_EQUAL(record_name(&answered, &record, -1, text), "wWw.eXAMPLE.org.");
	CU_ASSERT_EQUAL(bytes_load_u32(answered.bytes + record.data_offset), 0xc0000201);
	kept_value_free(&kept);
}

static void ad_is_for_those_who_sent_ad_or_do(void)
{
	struct kept_value kept;

	keep_address(&kept, DNS_FLAG_AD, false);
	answer(&kept, &query, fresh, &answered);
	CU_ASSERT_FALSE(answered_flags() & DNS_FLAG_AD);
	query_make_edns(&query, DNS_FLAG_RD, "www.example.org", DNS_TYPE_A, 0);
	answer(&kept, &query, fresh, &answered);
	CU_ASSERT_FALSE(answered_flags() & DNS_FLAG_AD);
	query_make(&query, DNS_FLAG_RD | DNS_FLAG_AD, "www.example.org", DNS_TYPE_A);
	answer(&kept, &query, fresh, &answered);
	CU_ASSERT_TRUE(answered_flags() & DNS_FLAG_AD);
	query_make_edns(&query, DNS_FLAG_RD, "www.example.org", DNS_TYPE_A, 0x8000);
	answer(&kept, &query, fresh, &answered);
	CU_ASSERT_TRUE(answered_flags() & DNS_FLAG_AD);
	kept_value_free(&kept);
	// What the upstream did not say nobody gets.
	keep_address(&kept, 0, false);
	query_make(&query, DNS_FLAG_RD | DNS_FLAG_AD, "www.example.org", DNS_TYPE_A);
	answer(&kept, &query, fresh, &answered);
	CU_ASSERT_FALSE(answered_flags() & DNS_FLAG_AD);
	kept_value_free(&kept);
}

static void opt_is_rebuilt_for_those_who_sent_one(void)
{
	const struct dns_edns *edns = &answered.message.edns;
	struct kept_value kept;

	keep_address(&kept, 0, true);
	answer(&kept, &query, fresh, &answered);
	CU_ASSERT_FALSE(edns->is_present);
	query_make_edns(&query, DNS_FLAG_RD, "www.example.org", DNS_TYPE_A, 0);
	answer(&kept, &query, fresh, &answered);
	CU_ASSERT_TRUE(edns->is_present);
	CU_ASSERT_EQUAL(edns->udp_size, 1232);
	CU_ASSERT_EQUAL(edns->version, 0);
	CU_ASSERT_EQUAL(edns->length, 11);
	CU_ASSERT_FALSE(edns->do_bit);
	query_make_edns(&query, DNS_FLAG_RD, "www.example.org", DNS_TYPE_A, 0x8000);
	answer(&kept, &query, fresh, &answered);
	CU_ASSERT_TRUE(edns->do_bit);
	kept_value_free(&kept);
	keep_address(&kept, 0, false);
	answer(&kept, &query, fresh, &answered);
	CU_ASSERT_FALSE(edns->is_present);
	kept_value_free(&kept);
}

static uint32_t answered_ttl(enum dns_section section, unsigned int number)
{
	struct dns_record record;

	CU_ASSERT_PTR_NOT_NULL_FATAL(reply_record(&answered, section, number, &record));
	return record.ttl;
}

static void ttls_count_down_in_every_record(void)
{
	struct cache_answer_manner manner = {.age = 100};
	struct kept_value kept;

	query_make_edns(&query, DNS_FLAG_RD, "www.example.org", DNS_TYPE_A, 0x8000);
	reply_start(&reply, QR_RD_RA, "www.example.org", DNS_TYPE_A);
	reply_add_a(&reply, DNS_SECTION_ANSWER, "@", 300, 1);
	reply_add_name(&reply, DNS_SECTION_AUTHORITY, "@", DNS_TYPE_NS, 86400, "ns.example.org");
	reply_add_a(&reply, DNS_SECTION_ADDITIONAL, "ns.example.org", 1000, 2);
	reply_add_opt(&reply, 4096, 0x8000, NULL, 0);
	reply_finish(&reply);
	keep(&kept, &query, &reply);
	answer(&kept, &query, fresh, &answered);
	CU_ASSERT_EQUAL(answered_ttl(DNS_SECTION_ANSWER, 0), 300);
	CU_ASSERT_EQUAL(answered_ttl(DNS_SECTION_AUTHORITY, 0), 3600);
	CU_ASSERT_EQUAL(answered_ttl(DNS_SECTION_ADDITIONAL, 0), 1000);
	answer(&kept, &query, manner, &answered);
	CU_ASSERT_EQUAL(answered_ttl(DNS_SECTION_ANSWER, 0), 200);
	CU_ASSERT_EQUAL(answered_ttl(DNS_SECTION_AUTHORITY, 0), 3500);
	CU_ASSERT_EQUAL(answered_ttl(DNS_SECTION_ADDITIONAL, 0), 900);
	CU_ASSERT_EQUAL(answered_ttl(DNS_SECTION_ADDITIONAL, 1), 0x8000);
	// Never below 0.
	manner.age = 950;
	answer(&kept, &query, manner, &answered);
	CU_ASSERT_EQUAL(answered_ttl(DNS_SECTION_ANSWER, 0), 0);
	CU_ASSERT_EQUAL(answered_ttl(DNS_SECTION_ADDITIONAL, 0), 50);
	kept_value_free(&kept);
}

static void ttls_are_raised_to_the_floor(void)
{
	struct cache_answer_manner manner = {.age = 3};
	struct kept_value kept;

	query_make(&query, DNS_FLAG_RD, "www.example.org", DNS_TYPE_A);
	reply_start(&reply, QR_RD_RA, "www.example.org", DNS_TYPE_A);
	reply_add_a(&reply, DNS_SECTION_ANSWER, "@", 0, 1);
	reply_add_a(&reply, DNS_SECTION_ANSWER, "@", 0xffffffff, 1);
	reply_finish(&reply);
	keep(&kept, &query, &reply);
	answer(&kept, &query, manner, &answered);
	CU_ASSERT_EQUAL(answered_ttl(DNS_SECTION_ANSWER, 0), 2);
	CU_ASSERT_EQUAL(answered_ttl(DNS_SECTION_ANSWER, 1), 2);
	kept_value_free(&kept);
}

static void denials_show_their_time_in_the_soa(void)
{
	struct cache_answer_manner manner = {.age = 10};
	struct kept_value kept;

	query_make(&query, DNS_FLAG_RD, "www.example.org", DNS_TYPE_A);
	reply_start(&reply, QR_RD_RA | DNS_RCODE_NXDOMAIN, "www.example.org", DNS_TYPE_A);
	reply_add_soa(&reply, "example.org", 900, 300);
	reply_finish(&reply);
	keep(&kept, &query, &reply);
	answer(&kept, &query, manner, &answered);
	CU_ASSERT_EQUAL(answered.message.rcode, DNS_RCODE_NXDOMAIN);
	CU_ASSERT_EQUAL(answered_ttl(DNS_SECTION_AUTHORITY, 0), 290);
	kept_value_free(&kept);
}

static void stale_answers_have_their_ttl_and_error(void)
{
	struct cache_answer_manner manner = {.age = 5000, .stale_ttl = 30};
	struct kept_value kept;

	keep_address(&kept, 0, false);
	query_make_edns(&query, DNS_FLAG_RD, "www.example.org", DNS_TYPE_A, 0);
	answer(&kept, &query, manner, &answered);
	CU_ASSERT_EQUAL(answered_ttl(DNS_SECTION_ANSWER, 0), 30);
	CU_ASSERT_EQUAL(dns_edns_extended_error(answered.bytes, &answered.message), 3);
	// Without EDNS there is no place to say so.
	query_make(&query, DNS_FLAG_RD, "www.example.org", DNS_TYPE_A);
	answer(&kept, &query, manner, &answered);
	CU_ASSERT_FALSE(answered.message.edns.is_present);
	kept_value_free(&kept);
	query_make_edns(&query, DNS_FLAG_RD, "www.example.org", DNS_TYPE_A, 0);
	reply_start(&reply, QR_RD_RA | DNS_RCODE_NXDOMAIN, "www.example.org", DNS_TYPE_A);
	reply_add_soa(&reply, "example.org", 900, 300);
	reply_finish(&reply);
	keep(&kept, &query, &reply);
	answer(&kept, &query, manner, &answered);
	CU_ASSERT_EQUAL(answered_ttl(DNS_SECTION_AUTHORITY, 0), 30);
	CU_ASSERT_EQUAL(dns_edns_extended_error(answered.bytes, &answered.message), 19);
	kept_value_free(&kept);
}

static void the_upstreams_extended_error_is_kept(void)
{
	struct kept_value kept;

	query_make_edns(&query, DNS_FLAG_RD, "www.example.org", DNS_TYPE_A, 0);
	reply_start(&reply, QR_RD_RA | DNS_RCODE_SERVFAIL, "www.example.org", DNS_TYPE_A);
	reply_add_opt(&reply, 1232, 0, "\0\x0a\0\1x\0\x0f\0\6\0\6text\0\x0f\0\2\0\7", 21);
	reply_finish(&reply);
	keep(&kept, &query, &reply);
	answer(&kept, &query, fresh, &answered);
	CU_ASSERT_EQUAL(answered.message.rcode, DNS_RCODE_SERVFAIL);
	// The first one, without its text.
	CU_ASSERT_EQUAL(dns_edns_extended_error(answered.bytes, &answered.message), 6);
	CU_ASSERT_EQUAL(answered.message.edns.length, 17);
	kept_value_free(&kept);
}

static void the_clients_subnet_comes_back_with_the_scope(void)
{
	struct dns_client_subnet subnet = {1, 20, 16, {192, 0, 32}};
	struct dns_client_subnet answered_subnet;
	struct cache_answer_manner manner = {.stale_ttl = 30};
	struct cache_answer_client client;
	struct cache_answer_value value;
	struct kept_value kept;
	uint8_t frame[512];

	keep_address(&kept, 0, false);
	query_make_edns(&query, DNS_FLAG_RD, "www.example.org", DNS_TYPE_A, 0);
	client = cache_answer_client_make(&query.message, 1232);
	client.subnet = &subnet;
	value = kept_value_view(&kept, SIZE_MAX);
	memcpy(frame, query.bytes, query.length);
	answered.writer = byte_writer_make(answered.bytes, sizeof(answered.bytes));
	answered.writer.at += cache_answer_write(frame, sizeof(frame), &client, &value, &manner);
	memcpy(answered.bytes, frame, sizeof(frame));
	reply_finish(&answered);
	CU_ASSERT_EQUAL(answered.message.edns.length, 11 + 11 + 6);
	CU_ASSERT_EQUAL(dns_client_subnet_read(&answered_subnet, frame, &answered.message),
		DNS_SUBNET_GOOD);
	CU_ASSERT_EQUAL(memcmp(&answered_subnet, &subnet, sizeof(subnet)), 0);
	CU_ASSERT_EQUAL(dns_edns_extended_error(frame, &answered.message), 3);
	free((void *)(uintptr_t)value.here);
	kept_value_free(&kept);
}

// Six hundred bytes of answer, three hundred of each other section.
static void keep_large(struct kept_value *kept)
{
	static const uint8_t text[300] = {255, [256] = 43};

	query_make_edns(&query, DNS_FLAG_RD, "www.example.org", TYPE_TXT, 0);
	reply_start(&reply, QR_RD_RA, "www.example.org", TYPE_TXT);
	reply_add(&reply, DNS_SECTION_ANSWER, "@", TYPE_TXT, 300, text, 300);
	reply_add(&reply, DNS_SECTION_ANSWER, "@", TYPE_TXT, 300, text, 300);
	reply_add(&reply, DNS_SECTION_AUTHORITY, "@", TYPE_TXT, 300, text, 300);
	reply_add(&reply, DNS_SECTION_ADDITIONAL, "@", TYPE_TXT, 300, text, 300);
	reply_finish(&reply);
	keep(kept, &query, &reply);
}

static void expect_truncated(struct kept_value *kept, uint16_t bufsize, uint16_t answers,
	uint16_t authority, uint16_t additional)
{
	struct cache_answer_manner manner = {.age = 1};
	uint16_t length = answer_in(kept, SIZE_MAX, 2048, &query, bufsize, manner, &answered);

	CU_ASSERT_TRUE(length > 0 && length <= bufsize);
	CU_ASSERT_EQUAL(answered.message.answer_count, answers);
	CU_ASSERT_EQUAL(answered.message.authority_count, authority);
	CU_ASSERT_EQUAL(answered.message.additional_count, additional);
	CU_ASSERT_EQUAL(answered_flags() & DNS_FLAG_TC ? 1 : 0,
		answers + authority + additional < 5 ? 1 : 0);
	CU_ASSERT_EQUAL(answer_in(kept, CACHE_ANSWER_HEADER_BYTES, 2048, &query, bufsize, manner,
				&answered),
		length);
}

static void what_does_not_fit_loses_sections(void)
{
	struct kept_value kept;

	keep_large(&kept);
	bytes_store_u16(query.bytes + query.message.edns.offset + 3, 4096);
	reply_finish(&query);
	expect_truncated(&kept, 1452, 2, 1, 2);
	// With the size of OPT it is just too much.
	expect_truncated(&kept, (uint16_t)(reply.length + 11), 2, 1, 2);
	expect_truncated(&kept, (uint16_t)(reply.length + 10), 2, 1, 1);
	expect_truncated(&kept, (uint16_t)(reply.length + 10 - 312), 2, 0, 1);
	expect_truncated(&kept, (uint16_t)(reply.length + 10 - 2 * 312), 0, 0, 1);
	expect_truncated(&kept, 512, 0, 0, 1);
	// The client's own size counts, and 512 without EDNS.
	query_make(&query, DNS_FLAG_RD, "www.example.org", TYPE_TXT);
	expect_truncated(&kept, 1452, 0, 0, 0);
	kept_value_free(&kept);
}

static void a_small_frame_loses_options_and_opt(void)
{
	struct cache_answer_manner manner = {.stale_ttl = 30};
	size_t question_end;
	struct kept_value kept;

	keep_address(&kept, 0, false);
	query_make_edns(&query, DNS_FLAG_RD, "www.example.org", DNS_TYPE_A, 0);
	question_end = query.message.question_end;
	CU_ASSERT_EQUAL(
		answer_in(&kept, SIZE_MAX, question_end + 17, &query, 1232, manner, &answered),
		question_end + 17);
	CU_ASSERT_EQUAL(
		answer_in(&kept, SIZE_MAX, question_end + 16, &query, 1232, manner, &answered),
		question_end + 11);
	CU_ASSERT_TRUE(answered.message.edns.is_present);
	CU_ASSERT_EQUAL(
		answer_in(&kept, SIZE_MAX, question_end + 10, &query, 1232, manner, &answered),
		question_end);
	CU_ASSERT_EQUAL(answered.message.additional_count, 0);
	CU_ASSERT_TRUE(answered_flags() & DNS_FLAG_TC);
	CU_ASSERT_EQUAL(
		answer_in(&kept, SIZE_MAX, question_end - 1, &query, 1232, manner, &answered), 0);
	kept_value_free(&kept);
}

static uint32_t answered_address(unsigned int number)
{
	struct dns_record record;

	CU_ASSERT_PTR_NOT_NULL_FATAL(reply_record(&answered, DNS_SECTION_ANSWER, number, &record));
	return bytes_load_u32(answered.bytes + record.data_offset);
}

static void addresses_rotate_by_the_number_given(void)
{
	struct cache_answer_manner manner = {.age = 1};
	struct kept_value kept;

	query_make(&query, DNS_FLAG_RD, "www.example.org", DNS_TYPE_A);
	reply_start(&reply, QR_RD_RA, "www.example.org", DNS_TYPE_A);
	reply_add_name(&reply, DNS_SECTION_ANSWER, "@", DNS_TYPE_CNAME, 60, "a.example.org");
	reply_add_a(&reply, DNS_SECTION_ANSWER, "a.example.org", 300, 1);
	reply_add_a(&reply, DNS_SECTION_ANSWER, "A.example.org", 300, 2);
	reply_add_a(&reply, DNS_SECTION_ANSWER, "a.example.org", 300, 3);
	reply_add_a(&reply, DNS_SECTION_ADDITIONAL, "a.example.org", 300, 4);
	reply_finish(&reply);
	keep(&kept, &query, &reply);
	for (uint32_t i = 0; i < 3; i++) {
		// A third of all numbers each.
		manner.rotation = 1 + i * (UINT32_MAX / 3 + 1);
		answer(&kept, &query, manner, &answered);
		CU_ASSERT_EQUAL(answered_address(1), 1 + i % 3);
		CU_ASSERT_EQUAL(answered_address(2), 1 + (i + 1) % 3);
		CU_ASSERT_EQUAL(answered_address(3), 1 + (i + 2) % 3);
		CU_ASSERT_EQUAL(answered_ttl(DNS_SECTION_ANSWER, 1), 299);
	}
	// Off: as they came.
	manner.rotation = 0;
	answer(&kept, &query, manner, &answered);
	CU_ASSERT_EQUAL(answered_address(1), 1);
	kept_value_free(&kept);
}

static void addresses_of_ipv6_rotate_too(void)
{
	struct cache_answer_manner manner = {.rotation = UINT32_MAX};
	struct kept_value kept;
	struct dns_record record;

	query_make(&query, DNS_FLAG_RD, "www.example.org", DNS_TYPE_AAAA);
	reply_start(&reply, QR_RD_RA, "www.example.org", DNS_TYPE_AAAA);
	reply_add(&reply, DNS_SECTION_ANSWER, "@", DNS_TYPE_AAAA, 60, "aaaaaaaaaaaaaaaa", 16);
	reply_add(&reply, DNS_SECTION_ANSWER, "@", DNS_TYPE_AAAA, 60, "bbbbbbbbbbbbbbbb", 16);
	reply_finish(&reply);
	keep(&kept, &query, &reply);
	answer(&kept, &query, manner, &answered);
	CU_ASSERT_PTR_NOT_NULL_FATAL(reply_record(&answered, DNS_SECTION_ANSWER, 0, &record));
	CU_ASSERT_EQUAL(answered.bytes[record.data_offset], 'b');
	CU_ASSERT_PTR_NOT_NULL_FATAL(reply_record(&answered, DNS_SECTION_ANSWER, 1, &record));
	CU_ASSERT_EQUAL(answered.bytes[record.data_offset + 15], 'a');
	kept_value_free(&kept);
}

static void the_first_run_of_addresses_rotates_alone(void)
{
	struct cache_answer_manner manner = {.rotation = UINT32_MAX};
	struct kept_value kept;
	struct dns_record record;

	query_make(&query, DNS_FLAG_RD, "www.example.org", DNS_TYPE_ANY);
	reply_start(&reply, QR_RD_RA, "www.example.org", DNS_TYPE_ANY);
	reply_add_a(&reply, DNS_SECTION_ANSWER, "@", 300, 1);
	reply_add_a(&reply, DNS_SECTION_ANSWER, "@", 300, 2);
	reply_add(&reply, DNS_SECTION_ANSWER, "@", DNS_TYPE_AAAA, 60, "aaaaaaaaaaaaaaaa", 16);
	reply_add(&reply, DNS_SECTION_ANSWER, "@", DNS_TYPE_AAAA, 60, "bbbbbbbbbbbbbbbb", 16);
	reply_finish(&reply);
	keep(&kept, &query, &reply);
	answer(&kept, &query, manner, &answered);
	CU_ASSERT_EQUAL(answered_address(0), 2);
	CU_ASSERT_EQUAL(answered_address(1), 1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(reply_record(&answered, DNS_SECTION_ANSWER, 2, &record));
	CU_ASSERT_EQUAL(answered.bytes[record.data_offset], 'a');
	kept_value_free(&kept);
}

static void other_records_do_not_rotate(void)
{
	struct cache_answer_manner manner = {.rotation = UINT32_MAX};
	struct kept_value kept;

	query_make(&query, DNS_FLAG_RD, "www.example.org", TYPE_MX);
	reply_start(&reply, QR_RD_RA, "www.example.org", TYPE_MX);
	reply_add(&reply, DNS_SECTION_ANSWER, "@", TYPE_MX, 60, "\0\x0a\1a\xc0\x0c", 6);
	reply_add(&reply, DNS_SECTION_ANSWER, "@", TYPE_MX, 60, "\0\x0a\1b\xc0\x0c", 6);
	// Not of one name.
	reply_add_a(&reply, DNS_SECTION_ANSWER, "a.www.example.org", 60, 1);
	reply_add_a(&reply, DNS_SECTION_ANSWER, "b.www.example.org", 60, 2);
	reply_finish(&reply);
	keep(&kept, &query, &reply);
	answer(&kept, &query, manner, &answered);
	CU_ASSERT_EQUAL(memcmp(answered.bytes + 4, reply.bytes + 4, reply.length - 4), 0);
	kept_value_free(&kept);
}

// Writes an answer, if any, into a frame with no byte to spare.
static void write_within(struct kept_value *kept, size_t here, size_t room)
{
	struct cache_answer_client client = cache_answer_client_make(&query.message, 1232);
	struct cache_answer_manner manner = {.age = 1, .rotation = UINT32_MAX};
	struct cache_answer_value value = kept_value_view(kept, here);
	uint8_t *frame = malloc(room);

	CU_ASSERT_PTR_NOT_NULL_FATAL(frame);
	memcpy(frame, query.bytes, query.length);
	CU_ASSERT_TRUE(cache_answer_write(frame, room, &client, &value, &manner) <= room);
	free((void *)(uintptr_t)value.here);
	free(frame);
}

// With the records at an even and at an odd place, and TTLs at both of them (the second owner has an
// odd length).
static void the_sum_of_the_usual_answer_is_told(void)
{
	static const char *const names[] = {"ww.example.org", "www.example.org"};
	static const uint8_t address[4] = {192, 0, 2, 1};
	struct kept_value kept;
	uint32_t answers = 0;

	for (uint32_t i = 0; i < 16; i++) {
		const char *name = names[i % 2];
		struct cache_answer_manner manner = {.age = i / 4 * 77};

		if (i & 2)
			query_make_edns(&query, DNS_FLAG_RD, name, DNS_TYPE_A, 0);
		else
			query_make(&query, DNS_FLAG_RD, name, DNS_TYPE_A);
		reply_start(&reply, QR_RD_RA, name, DNS_TYPE_A);
		reply_add(&reply, DNS_SECTION_ANSWER, "@", DNS_TYPE_A, 300, address, 4);
		reply_add(&reply, DNS_SECTION_ADDITIONAL, "abcd.example.net", DNS_TYPE_A, 65537,
			address, 4);
		reply_add(&reply, DNS_SECTION_ADDITIONAL, "abc.example.net", DNS_TYPE_A, 1, address,
			4);
		reply_finish(&reply);
		keep(&kept, &query, &reply);
		kept.sums = 0;
		CU_ASSERT_TRUE(
			answer_in(&kept, SIZE_MAX, 512, &query, 1232, manner, &answered) > 0);
		answers += kept.sums;
		kept_value_free(&kept);
	}
	CU_ASSERT_EQUAL(answers, 16);
}

static void values_that_lie_give_no_answer(void)
{
	struct kept_value kept;

	query_make(&query, DNS_FLAG_RD, "www.example.org", DNS_TYPE_A);
	reply_start(&reply, QR_RD_RA, "www.example.org", DNS_TYPE_A);
	reply_add_a(&reply, DNS_SECTION_ANSWER, "@", 300, 1);
	reply_add_a(&reply, DNS_SECTION_ANSWER, "@", 300, 2);
	reply_finish(&reply);
	keep(&kept, &query, &reply);
	for (size_t bit = 0; bit < 8 * kept.length; bit++) {
		kept.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		write_within(&kept, SIZE_MAX, 512);
		write_within(&kept, SIZE_MAX, reply.length);
		write_within(&kept, CACHE_ANSWER_HEADER_BYTES, reply.length);
		kept.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	// Each place that a TTL may be said to stand at.
	for (uint16_t offset = 0; offset < 64; offset++) {
		bytes_store_u16(kept.bytes + kept.length - 2, offset);
		write_within(&kept, SIZE_MAX, reply.length);
	}
	// Without its end.
	kept.length -= 1;
	CU_ASSERT_EQUAL(answer_in(&kept, SIZE_MAX, 512, &query, 1232, fresh, &answered), 0);
	CU_ASSERT_EQUAL(
		answer_in(&kept, CACHE_ANSWER_HEADER_BYTES, 512, &query, 1232, fresh, &answered),
		0);
	kept.length = CACHE_ANSWER_HEADER_BYTES - 1;
	CU_ASSERT_EQUAL(answer_in(&kept, SIZE_MAX, 512, &query, 1232, fresh, &answered), 0);
	kept_value_free(&kept);
}

static const struct unit_case cases[] = {
	{"the header is the client's", the_header_is_the_clients},
	{"the case is the client's", the_case_is_the_clients},
	{"AD is for those who sent AD or DO", ad_is_for_those_who_sent_ad_or_do},
	{"OPT is rebuilt for those who sent one", opt_is_rebuilt_for_those_who_sent_one},
	{"TTLs count down in every record", ttls_count_down_in_every_record},
	{"TTLs are raised to the floor", ttls_are_raised_to_the_floor},
	{"denials show their time in the SOA", denials_show_their_time_in_the_soa},
	{"stale answers have their TTL and error", stale_answers_have_their_ttl_and_error},
	{"the upstream's extended error is kept", the_upstreams_extended_error_is_kept},
	{"the client's subnet comes back with the scope",
		the_clients_subnet_comes_back_with_the_scope},
	{"what does not fit loses sections", what_does_not_fit_loses_sections},
	{"a small frame loses options and OPT", a_small_frame_loses_options_and_opt},
	{"addresses rotate by the number given", addresses_rotate_by_the_number_given},
	{"addresses of IPv6 rotate too", addresses_of_ipv6_rotate_too},
	{"the first run of addresses rotates alone", the_first_run_of_addresses_rotates_alone},
	{"other records do not rotate", other_records_do_not_rotate},
	{"the sum of the usual answer is told", the_sum_of_the_usual_answer_is_told},
	{"values that lie give no answer", values_that_lie_give_no_answer},
};

UNIT_MAIN("cache answer write", cases)
