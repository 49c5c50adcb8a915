// SPDX-License-Identifier: BSD-3-Clause
// Answers in the terms of the store: keys, kinds, and records that come from files.
#include "cache_answer_fixture.h"
#include "cache_fixture.h"

#include "cache/answer_record.h"

#include <errno.h>

static struct reply query;
static struct reply reply;

static struct cache_key key_of(uint16_t flags, const char *name, uint16_t type, uint32_t do_bit)
{
	struct cache_key key;

	query_make_edns(&query, flags, name, type, do_bit);
	cache_answer_key(&key, query.bytes, &query.message);
	return key;
}

static bool same_key(const struct cache_key *a, const struct cache_key *b)
{
	return a->length == b->length && memcmp(a->bytes, b->bytes, a->length) == 0;
}

static void keys_are_those_of_what_may_share_an_answer(void)
{
	struct cache_key key = key_of(DNS_FLAG_RD, "www.example.org", DNS_TYPE_A, 0);
	struct cache_key other = key_of(DNS_FLAG_AD, "wWw.EXAMPLE.org", DNS_TYPE_A, 0);

	CU_ASSERT_TRUE(same_key(&key, &other));
	query_make(&query, DNS_FLAG_RD, "www.example.org", DNS_TYPE_A);
	cache_answer_key(&other, query.bytes, &query.message);
	CU_ASSERT_TRUE(same_key(&key, &other));
	other = key_of(DNS_FLAG_RD, "www.example.org", DNS_TYPE_AAAA, 0);
	CU_ASSERT_FALSE(same_key(&key, &other));
	other = key_of(DNS_FLAG_RD, "wwx.example.org", DNS_TYPE_A, 0);
	CU_ASSERT_FALSE(same_key(&key, &other));
	other = key_of(DNS_FLAG_RD, "www.example.org", DNS_TYPE_A, 0x8000);
	CU_ASSERT_FALSE(same_key(&key, &other));
	CU_ASSERT_EQUAL(cache_key_flags(other.bytes), CACHE_KEY_DO);
	other = key_of(DNS_FLAG_RD | DNS_FLAG_CD, "www.example.org", DNS_TYPE_A, 0);
	CU_ASSERT_FALSE(same_key(&key, &other));
	CU_ASSERT_EQUAL(cache_key_flags(other.bytes), CACHE_KEY_CD);
	CU_ASSERT_EQUAL(cache_key_class(other.bytes), DNS_CLASS_IN);
	CU_ASSERT_EQUAL(cache_key_type(other.bytes), DNS_TYPE_A);
}

static void kinds_are_the_stores(void)
{
	CU_ASSERT_EQUAL(cache_answer_store_kind(CACHE_ANSWER_SUCCESS), CACHE_KIND_SUCCESS);
	CU_ASSERT_EQUAL(cache_answer_store_kind(CACHE_ANSWER_DELEGATION), CACHE_KIND_SUCCESS);
	CU_ASSERT_EQUAL(cache_answer_store_kind(CACHE_ANSWER_NXDOMAIN), CACHE_KIND_DENIAL);
	CU_ASSERT_EQUAL(cache_answer_store_kind(CACHE_ANSWER_NODATA), CACHE_KIND_DENIAL);
	CU_ASSERT_EQUAL(cache_answer_store_kind(CACHE_ANSWER_FAILURE), CACHE_KIND_SERVFAIL);
}

static void expect_kinds(uint16_t rcode, bool success, bool denial, bool servfail)
{
	const bool expected[] = {
		[CACHE_KIND_SUCCESS] = success,
		[CACHE_KIND_DENIAL] = denial,
		[CACHE_KIND_SERVFAIL] = servfail,
	};
	struct cache_key key = key_of(DNS_FLAG_RD, "www.example.org", DNS_TYPE_A, 0);
	struct cache_record record = {.key = &key};
	struct kept_value kept;

	reply_start(&reply, QR_RD_RA | rcode, "www.example.org", DNS_TYPE_A);
	reply_add_soa(&reply, "example.org", 300, 60);
	reply_finish(&reply);
	keep(&kept, &query, &reply);
	record.value = kept.bytes;
	record.value_length = (uint16_t)kept.length;
	for (unsigned int kind = 0; kind < CACHE_KINDS; kind++) {
		record.kind = (enum cache_kind)kind;
		CU_ASSERT_EQUAL(cache_answer_record_is_good(&record), expected[kind]);
	}
	kept_value_free(&kept);
}

static void records_have_the_kind_of_their_rcode(void)
{
	expect_kinds(DNS_RCODE_NOERROR, true, true, false);
	expect_kinds(DNS_RCODE_NXDOMAIN, false, true, false);
	expect_kinds(DNS_RCODE_SERVFAIL, false, false, true);
	expect_kinds(DNS_RCODE_NOTIMP, false, false, true);
}

static void records_answer_their_key(void)
{
	struct cache_key key = key_of(DNS_FLAG_RD, "www.example.org", DNS_TYPE_A, 0);
	struct cache_key longer;
	struct cache_record record = {.key = &key, .kind = CACHE_KIND_SUCCESS};
	struct kept_value kept;

	reply_start(&reply, QR_RD_RA, "www.example.org", DNS_TYPE_A);
	reply_add_a(&reply, DNS_SECTION_ANSWER, "@", 300, 1);
	reply_add_name(&reply, DNS_SECTION_AUTHORITY, "example.org", DNS_TYPE_NS, 300, "@");
	// From here on a pointer to "org" in the question.
	bytes_store_u16(reply.writer.at - 2, 0xc018);
	reply_finish(&reply);
	keep(&kept, &query, &reply);
	record.value = kept.bytes;
	record.value_length = (uint16_t)kept.length;
	CU_ASSERT_TRUE(cache_answer_record_is_good(&record));
	record.value_length--;
	CU_ASSERT_FALSE(cache_answer_record_is_good(&record));
	record.value_length = CACHE_ANSWER_HEADER_BYTES - 1;
	CU_ASSERT_FALSE(cache_answer_record_is_good(&record));
	record.value_length = (uint16_t)kept.length;
	record.value = kept.bytes;
	// Where no label of the name stands.
	longer = key_of(DNS_FLAG_RD, "w.wwexample.org", DNS_TYPE_A, 0);
	record.key = &longer;
	CU_ASSERT_TRUE(cache_answer_record_is_good(&record));
	longer = key_of(DNS_FLAG_RD, "www.exampleorgs", DNS_TYPE_A, 0);
	CU_ASSERT_FALSE(cache_answer_record_is_good(&record));
	kept_value_free(&kept);
}

// Through a store: the answer is the same as from the value itself.
static void expect_same_from_store(struct cache_fixture *fixture, struct kept_value *kept)
{
	struct cache_answer_client client = cache_answer_client_make(&query.message, 1452);
	struct cache_answer_manner manner = {.age = 7, .rotation = UINT32_MAX / 2};
	struct cache_answer_value value;
	static struct reply answered;
	struct cache_view view;
	struct cache_key key;
	uint8_t frame[1452];
	uint16_t length = answer_in(kept, SIZE_MAX, sizeof(frame), &query, 1452, manner, &answered);

	cache_answer_key(&key, query.bytes, &query.message);
	CU_ASSERT_EQUAL(cache_fixture_insert_key(fixture, 0, &key, CACHE_KIND_SUCCESS, kept->bytes,
				(uint16_t)kept->length),
		CACHE_INSERTED);
	CU_ASSERT_EQUAL_FATAL(cache_fixture_lookup_key(fixture, 0, &key, &view), CACHE_FRESH);
	value = cache_answer_value_of(&view);
	memcpy(frame, query.bytes, query.length);
	CU_ASSERT_EQUAL_FATAL(
		cache_answer_write(frame, sizeof(frame), &client, &value, &manner), length);
	CU_ASSERT_EQUAL(memcmp(frame, answered.bytes, length), 0);
}

static void answers_from_a_store_are_the_same(void)
{
	struct cache_store_options options = cache_fixture_options(4 << 20, 1);
	struct cache_fixture fixture;
	struct kept_value kept;

	cache_fixture_open(&fixture, &options);
	for (uint32_t count = 1; count <= 80; count++) {
		query_make_edns(&query, DNS_FLAG_RD, "www.example.org", DNS_TYPE_A, 0);
		bytes_store_u16(query.bytes + query.message.edns.offset + 3, 4096);
		reply_finish(&query);
		reply_start(&reply, QR_RD_RA, "www.example.org", DNS_TYPE_A);
		for (uint32_t i = 0; i < count; i++)
			reply_add_a(&reply, DNS_SECTION_ANSWER, "@", 300, i);
		reply_finish(&reply);
		keep(&kept, &query, &reply);
		expect_same_from_store(&fixture, &kept);
		kept_value_free(&kept);
	}
	cache_fixture_close(&fixture);
}

static const struct unit_case cases[] = {
	{"keys are those of what may share an answer", keys_are_those_of_what_may_share_an_answer},
	{"kinds are the store's", kinds_are_the_stores},
	{"records have the kind of their rcode", records_have_the_kind_of_their_rcode},
	{"records answer their key", records_answer_their_key},
	{"answers from a store are the same", answers_from_a_store_are_the_same},
};

UNIT_MAIN("cache answer record", cases)
