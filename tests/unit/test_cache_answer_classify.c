// SPDX-License-Identifier: BSD-3-Clause
// Which replies are kept, as what, and how long.
#include "dns_reply.h"

#include "cache/answer.h"

#define WALL 1700000000U

static const struct cache_answer_limits defaults = {
	.success_most = 3600,
	.success_least = 5,
	.denial_most = 1800,
	.denial_least = 5,
	.failure = 5,
};

static struct reply query;
static struct reply reply;

static enum cache_answer_refusal classify(
	struct cache_answer_class *class_, const struct cache_answer_limits *limits)
{
	uint8_t *copy;
	enum cache_answer_refusal refusal;

	reply_finish(&reply);
	// On the heap, so that a sanitizer sees any byte read outside.
	copy = malloc(reply.length);
	CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
	memcpy(copy, reply.bytes, reply.length);
	memset(class_, 0xee, sizeof(*class_));
	refusal = cache_answer_classify(class_, query.bytes, &query.message, copy, reply.length,
		&reply.message, limits, WALL);
	free(copy);
	return refusal;
}

static void expect_kept(enum cache_answer_kind kind, uint32_t ttl)
{
	struct cache_answer_class class_;

	CU_ASSERT_EQUAL(classify(&class_, &defaults), CACHE_ANSWER_KEPT);
	CU_ASSERT_EQUAL(class_.kind, kind);
	CU_ASSERT_EQUAL(class_.ttl, ttl);
}

static void expect_refused(enum cache_answer_refusal expected)
{
	struct cache_answer_class class_;
	enum cache_answer_refusal refusal = classify(&class_, &defaults);

	if (refusal != expected)
		fprintf(stderr, "\n%s, not %s\n", cache_answer_refusal_name(refusal),
			cache_answer_refusal_name(expected));
	CU_ASSERT_EQUAL(refusal, expected);
}

// A reply to a query of its own question, with RD.
static void start(uint16_t rcode, uint16_t type)
{
	query_make(&query, DNS_FLAG_RD, "www.example.org", type);
	reply_start(&reply, QR_RD_RA | rcode, "www.example.org", type);
}

static void start_with_do(uint16_t rcode, uint16_t type)
{
	query_make_edns(&query, DNS_FLAG_RD, "www.example.org", type, 0x8000);
	reply_start(&reply, QR_RD_RA | rcode, "www.example.org", type);
}

static void a_success_lives_for_its_least_ttl(void)
{
	start(0, DNS_TYPE_A);
	reply_add_a(&reply, DNS_SECTION_ANSWER, "@", 300, 1);
	reply_add_a(&reply, DNS_SECTION_ANSWER, "@", 200, 2);
	expect_kept(CACHE_ANSWER_SUCCESS, 200);
	reply_add_name(&reply, DNS_SECTION_AUTHORITY, "example.org", DNS_TYPE_NS, 150, "@");
	expect_kept(CACHE_ANSWER_SUCCESS, 150);
	reply_add_a(&reply, DNS_SECTION_ADDITIONAL, "ns.example.org", 100, 2);
	expect_kept(CACHE_ANSWER_SUCCESS, 100);
	// OPT has flags where others have a TTL.
	reply_add_opt(&reply, 1232, 0, NULL, 0);
	expect_kept(CACHE_ANSWER_SUCCESS, 100);
}

static void ttls_have_a_cap_and_a_floor(void)
{
	struct cache_answer_limits limits = defaults;
	struct cache_answer_class class_;

	start(0, DNS_TYPE_A);
	reply_add_a(&reply, DNS_SECTION_ANSWER, "@", 86400, 1);
	expect_kept(CACHE_ANSWER_SUCCESS, 3600);
	start(0, DNS_TYPE_A);
	reply_add_a(&reply, DNS_SECTION_ANSWER, "@", 0, 1);
	expect_kept(CACHE_ANSWER_SUCCESS, 5);
	// Above 2^31 it is none (RFC 2181, section 8).
	start(0, DNS_TYPE_A);
	reply_add_a(&reply, DNS_SECTION_ANSWER, "@", 0x80000000, 1);
	expect_kept(CACHE_ANSWER_SUCCESS, 5);
	// The cap counts where both collide.
	limits.success_most = 3;
	CU_ASSERT_EQUAL(classify(&class_, &limits), CACHE_ANSWER_KEPT);
	CU_ASSERT_EQUAL(class_.ttl, 3);
	limits.success_least = 0;
	CU_ASSERT_EQUAL(classify(&class_, &limits), CACHE_ANSWER_REFUSED_NO_TIME);
}

static void a_denial_lives_for_the_soa_minimum(void)
{
	start(DNS_RCODE_NXDOMAIN, DNS_TYPE_A);
	reply_add_soa(&reply, "example.org", 900, 300);
	expect_kept(CACHE_ANSWER_NXDOMAIN, 300);
	start(DNS_RCODE_NXDOMAIN, DNS_TYPE_A);
	reply_add_soa(&reply, "example.org", 200, 300);
	expect_kept(CACHE_ANSWER_NXDOMAIN, 200);
	start(0, DNS_TYPE_A);
	reply_add_soa(&reply, "example.org", 900, 300);
	expect_kept(CACHE_ANSWER_NODATA, 300);
	start(0, DNS_TYPE_A);
	reply_add_soa(&reply, "example.org", 86400, 86400);
	expect_kept(CACHE_ANSWER_NODATA, 1800);
	start(0, DNS_TYPE_A);
	reply_add_soa(&reply, "example.org", 86400, 400);
	reply_add_soa(&reply, "example.org", 86400, 300);
	expect_kept(CACHE_ANSWER_NODATA, 400); // the first one's
	start(0, DNS_TYPE_A);
	reply_add_soa(&reply, "example.org", 86400, 0);
	expect_kept(CACHE_ANSWER_NODATA, 5);
	start(0, DNS_TYPE_A);
	reply_add_soa(&reply, "example.org", 86400, 0xffffffff);
	expect_kept(CACHE_ANSWER_NODATA, 5);
}

static void a_denial_without_soa_is_not_kept(void)
{
	start(DNS_RCODE_NXDOMAIN, DNS_TYPE_A);
	expect_refused(CACHE_ANSWER_REFUSED_NO_SOA);
	start(0, DNS_TYPE_A);
	expect_refused(CACHE_ANSWER_REFUSED_NO_SOA);
	// In the answer it is no denial's.
	start(0, DNS_TYPE_A);
	reply_add(&reply, DNS_SECTION_ANSWER, "@", TYPE_TXT, 300, "\3abc", 4);
	expect_refused(CACHE_ANSWER_REFUSED_NO_SOA);
}

static void a_chain_of_cnames_that_ends_with_the_type_is_a_success(void)
{
	start(0, DNS_TYPE_A);
	reply_add_name(&reply, DNS_SECTION_ANSWER, "@", DNS_TYPE_CNAME, 300, "a.example.org");
	reply_add_name(
		&reply, DNS_SECTION_ANSWER, "A.example.org", DNS_TYPE_CNAME, 250, "b.example.org");
	reply_add_a(&reply, DNS_SECTION_ANSWER, "b.EXAMPLE.org", 400, 1);
	expect_kept(CACHE_ANSWER_SUCCESS, 250);
	// In any order.
	start(0, DNS_TYPE_A);
	reply_add_a(&reply, DNS_SECTION_ANSWER, "b.example.org", 400, 1);
	reply_add_name(
		&reply, DNS_SECTION_ANSWER, "a.example.org", DNS_TYPE_CNAME, 250, "b.example.org");
	reply_add_name(&reply, DNS_SECTION_ANSWER, "@", DNS_TYPE_CNAME, 300, "a.example.org");
	expect_kept(CACHE_ANSWER_SUCCESS, 250);
	// A CNAME is what is asked for itself.
	start(0, DNS_TYPE_CNAME);
	reply_add_name(&reply, DNS_SECTION_ANSWER, "@", DNS_TYPE_CNAME, 300, "a.example.org");
	expect_kept(CACHE_ANSWER_SUCCESS, 300);
	start(0, DNS_TYPE_ANY);
	reply_add_name(&reply, DNS_SECTION_ANSWER, "@", DNS_TYPE_CNAME, 300, "a.example.org");
	expect_kept(CACHE_ANSWER_SUCCESS, 300);
}

// A chain of CNAMEs whose owners are pointers to the target before, signed, and an address.
static void start_compressed_chain(unsigned int cnames)
{
	uint16_t owner = 0xc00c;
	size_t at;

	start_with_do(0, DNS_TYPE_A);
	for (unsigned int i = 0; i < cnames; i++) {
		at = byte_writer_length(&reply.writer);
		reply_add_name(
			&reply, DNS_SECTION_ANSWER, "@", DNS_TYPE_CNAME, 300, "a.example.org");
		bytes_store_u16(reply.bytes + at, owner);
		reply.bytes[at + 13] = (uint8_t)('a' + i);
		owner = (uint16_t)(0xc000 | (at + 12));
		reply_add_rrsig(&reply, DNS_SECTION_ANSWER, "@", DNS_TYPE_CNAME, 300, WALL + 1000);
	}
	at = byte_writer_length(&reply.writer);
	reply_add_a(&reply, DNS_SECTION_ANSWER, "@", 200, 1);
	bytes_store_u16(reply.bytes + at, owner);
	reply_add_rrsig(&reply, DNS_SECTION_ANSWER, "@", DNS_TYPE_A, 300, WALL + 1000);
}

static void chains_as_servers_compress_them_are_successes(void)
{
	start_compressed_chain(0);
	expect_kept(CACHE_ANSWER_SUCCESS, 200);
	start_compressed_chain(3);
	expect_kept(CACHE_ANSWER_SUCCESS, 200);
	start_compressed_chain(16);
	expect_kept(CACHE_ANSWER_SUCCESS, 200);
	start_compressed_chain(17);
	expect_refused(CACHE_ANSWER_REFUSED_NO_SOA);
	// The address first, then a CNAME that leads elsewhere.
	start_compressed_chain(1);
	reply_add_name(&reply, DNS_SECTION_ANSWER, "@", DNS_TYPE_CNAME, 300, "z.example.org");
	expect_refused(CACHE_ANSWER_REFUSED_NO_SOA);
}

static void a_chain_that_ends_without_the_type_is_a_denial(void)
{
	start(0, DNS_TYPE_A);
	reply_add_name(&reply, DNS_SECTION_ANSWER, "@", DNS_TYPE_CNAME, 100, "a.example.org");
	reply_add_soa(&reply, "example.org", 900, 300);
	expect_kept(CACHE_ANSWER_NODATA, 100);
	start(DNS_RCODE_NXDOMAIN, DNS_TYPE_A);
	reply_add_name(&reply, DNS_SECTION_ANSWER, "@", DNS_TYPE_CNAME, 700, "a.example.org");
	reply_add_soa(&reply, "example.org", 900, 300);
	expect_kept(CACHE_ANSWER_NXDOMAIN, 300);
	// The address belongs to another name.
	start(0, DNS_TYPE_A);
	reply_add_name(&reply, DNS_SECTION_ANSWER, "@", DNS_TYPE_CNAME, 300, "a.example.org");
	reply_add_a(&reply, DNS_SECTION_ANSWER, "b.example.org", 300, 1);
	expect_refused(CACHE_ANSWER_REFUSED_NO_SOA);
}

static void records_of_another_class_answer_nothing(void)
{
	start(0, DNS_TYPE_A);
	reply_add_a(&reply, DNS_SECTION_ANSWER, "@", 300, 1);
	bytes_store_u16(reply.bytes + query.length + 4, 3);
	expect_refused(CACHE_ANSWER_REFUSED_NO_SOA);
	start(0, DNS_TYPE_A);
	reply_add_name(&reply, DNS_SECTION_ANSWER, "@", DNS_TYPE_CNAME, 300, "a.example.org");
	bytes_store_u16(reply.bytes + query.length + 4, 3);
	reply_add_a(&reply, DNS_SECTION_ANSWER, "a.example.org", 300, 1);
	expect_refused(CACHE_ANSWER_REFUSED_NO_SOA);
}

static void chains_without_an_end_are_not_kept(void)
{
	char owner[16];
	char target[16];

	start(0, DNS_TYPE_A);
	reply_add_name(&reply, DNS_SECTION_ANSWER, "@", DNS_TYPE_CNAME, 300, "a.example.org");
	reply_add_name(&reply, DNS_SECTION_ANSWER, "a.example.org", DNS_TYPE_CNAME, 300, "@");
	expect_refused(CACHE_ANSWER_REFUSED_NO_SOA);
	// Two CNAMEs of one name, even if both end well; the same one twice is one.
	start(0, DNS_TYPE_A);
	reply_add_name(&reply, DNS_SECTION_ANSWER, "@", DNS_TYPE_CNAME, 300, "a.example.org");
	reply_add_name(&reply, DNS_SECTION_ANSWER, "@", DNS_TYPE_CNAME, 300, "A.example.org");
	reply_add_a(&reply, DNS_SECTION_ANSWER, "a.example.org", 300, 1);
	expect_kept(CACHE_ANSWER_SUCCESS, 300);
	reply_add_name(&reply, DNS_SECTION_ANSWER, "@", DNS_TYPE_CNAME, 300, "b.example.org");
	reply_add_a(&reply, DNS_SECTION_ANSWER, "b.example.org", 300, 1);
	expect_refused(CACHE_ANSWER_REFUSED_NO_SOA);
	start(0, DNS_TYPE_CNAME);
	reply_add_name(&reply, DNS_SECTION_ANSWER, "@", DNS_TYPE_CNAME, 300, "a.example.org");
	reply_add_name(&reply, DNS_SECTION_ANSWER, "@", DNS_TYPE_CNAME, 300, "b.example.org");
	expect_refused(CACHE_ANSWER_REFUSED_NO_SOA);
	// Longer than anyone follows.
	start(0, DNS_TYPE_A);
	reply_add_name(&reply, DNS_SECTION_ANSWER, "@", DNS_TYPE_CNAME, 300, "n0");
	for (unsigned int i = 0; i < 16; i++) {
		snprintf(owner, sizeof(owner), "n%u", i);
		snprintf(target, sizeof(target), "n%u", i + 1);
		reply_add_name(&reply, DNS_SECTION_ANSWER, owner, DNS_TYPE_CNAME, 300, target);
	}
	reply_add_a(&reply, DNS_SECTION_ANSWER, "n16", 300, 1);
	expect_refused(CACHE_ANSWER_REFUSED_NO_SOA);
}

static void a_delegation_is_kept_for_five_seconds(void)
{
	struct cache_answer_limits limits = defaults;
	struct cache_answer_class class_;

	start(0, DNS_TYPE_A);
	reply_add_name(&reply, DNS_SECTION_AUTHORITY, "example.org", DNS_TYPE_NS, 300, "ns.net");
	expect_kept(CACHE_ANSWER_DELEGATION, 5);
	limits.success_least = 60;
	CU_ASSERT_EQUAL(classify(&class_, &limits), CACHE_ANSWER_KEPT);
	CU_ASSERT_EQUAL(class_.ttl, 60);
}

static void failures_are_kept_as_long_as_told(void)
{
	struct cache_answer_limits limits = defaults;
	struct cache_answer_class class_;

	start(DNS_RCODE_SERVFAIL, DNS_TYPE_A);
	expect_kept(CACHE_ANSWER_FAILURE, 5);
	start(DNS_RCODE_NOTIMP, DNS_TYPE_A);
	expect_kept(CACHE_ANSWER_FAILURE, 5);
	limits.failure = 300;
	CU_ASSERT_EQUAL(classify(&class_, &limits), CACHE_ANSWER_KEPT);
	CU_ASSERT_EQUAL(class_.ttl, 300);
	limits.failure = 0;
	CU_ASSERT_EQUAL(classify(&class_, &limits), CACHE_ANSWER_REFUSED_NO_TIME);
}

static void other_rcodes_are_not_kept(void)
{
	for (uint16_t rcode = 1; rcode < 16; rcode++) {
		if (rcode == DNS_RCODE_SERVFAIL || rcode == DNS_RCODE_NXDOMAIN ||
			rcode == DNS_RCODE_NOTIMP)
			continue;
		start(rcode, DNS_TYPE_A);
		reply_add_a(&reply, DNS_SECTION_ANSWER, "@", 300, 1);
		expect_refused(CACHE_ANSWER_REFUSED_RCODE);
	}
	// BADVERS, whose lower bits are those of NOERROR.
	start(0, DNS_TYPE_A);
	reply_add_a(&reply, DNS_SECTION_ANSWER, "@", 300, 1);
	reply_add_opt(&reply, 1232, 0x01000000, NULL, 0);
	expect_refused(CACHE_ANSWER_REFUSED_RCODE);
}

static void truncated_replies_are_not_kept(void)
{
	start(DNS_FLAG_TC, DNS_TYPE_A);
	reply_add_a(&reply, DNS_SECTION_ANSWER, "@", 300, 1);
	expect_refused(CACHE_ANSWER_REFUSED_TRUNCATED);
}

static void other_opcodes_are_not_kept(void)
{
	start(4 << 11, DNS_TYPE_SOA);
	expect_refused(CACHE_ANSWER_REFUSED_OPCODE);
	start(0, DNS_TYPE_A);
	reply_start(&reply, DNS_FLAG_RD, "www.example.org", DNS_TYPE_A);
	reply_add_a(&reply, DNS_SECTION_ANSWER, "@", 300, 1);
	expect_refused(CACHE_ANSWER_REFUSED_OPCODE);
}

static void mismatched_questions_are_not_kept(void)
{
	start(0, DNS_TYPE_A);
	reply_start(&reply, QR_RD_RA, "wwx.example.org", DNS_TYPE_A);
	reply_add_a(&reply, DNS_SECTION_ANSWER, "@", 300, 1);
	expect_refused(CACHE_ANSWER_REFUSED_QUESTION);
	reply_start(&reply, QR_RD_RA, "www.example.org", TYPE_TXT);
	reply_add(&reply, DNS_SECTION_ANSWER, "@", TYPE_TXT, 300, "\3abc", 4);
	expect_refused(CACHE_ANSWER_REFUSED_QUESTION);
	// The case of letters is no difference.
	reply_start(&reply, QR_RD_RA, "wWw.eXample.org", DNS_TYPE_A);
	reply_add_a(&reply, DNS_SECTION_ANSWER, "@", 300, 1);
	expect_kept(CACHE_ANSWER_SUCCESS, 300);
}

static void transfers_and_meta_types_are_not_kept(void)
{
	static const uint16_t types[] = {0, DNS_TYPE_OPT, 128, 249, DNS_TYPE_TSIG, DNS_TYPE_IXFR,
		DNS_TYPE_AXFR, 253, 254, 65535};
	static const uint16_t classes[] = {0, 128, 254, 255, 65535};

	for (size_t i = 0; i < BASE_ARRAY_SIZE(types); i++) {
		start(0, types[i]);
		reply_add_a(&reply, DNS_SECTION_ANSWER, "@", 300, 1);
		expect_refused(CACHE_ANSWER_REFUSED_META);
		CU_ASSERT_FALSE(cache_answer_may_serve(&query.message));
	}
	for (size_t i = 0; i < BASE_ARRAY_SIZE(classes); i++) {
		start(0, DNS_TYPE_A);
		bytes_store_u16(query.bytes + query.length - 2, classes[i]);
		bytes_store_u16(reply.bytes + query.length - 2, classes[i]);
		reply_finish(&query);
		expect_refused(CACHE_ANSWER_REFUSED_META);
		CU_ASSERT_FALSE(cache_answer_may_serve(&query.message));
	}
}

static void answers_to_queries_without_rd_are_not_kept(void)
{
	start(0, DNS_TYPE_A);
	query_make(&query, 0, "www.example.org", DNS_TYPE_A);
	reply_add_a(&reply, DNS_SECTION_ANSWER, "@", 300, 1);
	expect_refused(CACHE_ANSWER_REFUSED_NOT_RECURSIVE);
	CU_ASSERT_TRUE(cache_answer_may_serve(&query.message));
}

static void broken_records_are_not_kept(void)
{
	// An address of three bytes.
	start(0, DNS_TYPE_A);
	reply_add(&reply, DNS_SECTION_ANSWER, "@", DNS_TYPE_A, 300, "\1\2\3", 3);
	expect_refused(CACHE_ANSWER_REFUSED_BROKEN);
	// A name with bytes behind it.
	start(0, DNS_TYPE_CNAME);
	reply_add(&reply, DNS_SECTION_ANSWER, "@", DNS_TYPE_CNAME, 300, "\1a\0x", 4);
	expect_refused(CACHE_ANSWER_REFUSED_BROKEN);
	// An SOA without numbers.
	start(0, DNS_TYPE_A);
	reply_add(&reply, DNS_SECTION_AUTHORITY, "@", DNS_TYPE_SOA, 300, "\0\0", 2);
	expect_refused(CACHE_ANSWER_REFUSED_BROKEN);
	// A signature shorter than its fields.
	start(0, DNS_TYPE_A);
	reply_add_a(&reply, DNS_SECTION_ANSWER, "@", 300, 1);
	reply_add(&reply, DNS_SECTION_ANSWER, "@", DNS_TYPE_RRSIG, 300, "\0\1", 2);
	expect_refused(CACHE_ANSWER_REFUSED_BROKEN);
}

// Of class ANY, whose data nobody knows: not even what a signature covers stands there.
static void a_signature_of_nothing_is_a_record_as_others(void)
{
	start(0, DNS_TYPE_A);
	reply_add_a(&reply, DNS_SECTION_ANSWER, "@", 300, 1);
	reply_add(&reply, DNS_SECTION_ADDITIONAL, ".", DNS_TYPE_SIG, 100, "", 0);
	bytes_store_u16(reply.writer.at - 8, 255);
	expect_kept(CACHE_ANSWER_SUCCESS, 100);
}

static void pointers_into_other_bytes_are_not_kept(void)
{
	size_t opt;

	// Into the options of OPT, where a label seems to stand.
	start(0, DNS_TYPE_A);
	reply_add_opt(&reply, 1232, 0, "\xfd\xe9\0\3\1a\0", 7);
	opt = byte_writer_length(&reply.writer) - 3;
	reply_open(&reply, DNS_SECTION_ADDITIONAL, "@", DNS_TYPE_NS, 300);
	byte_writer_put_u16(&reply.writer, (uint16_t)(0xc000 | opt));
	reply_close(&reply);
	expect_refused(CACHE_ANSWER_REFUSED_BROKEN);
	// Into a TTL, which will be counted down: 0x01610000.
	start(0, DNS_TYPE_A);
	reply_add_a(&reply, DNS_SECTION_ANSWER, "@", 0x01610000, 1);
	reply_open(&reply, DNS_SECTION_ADDITIONAL, "@", DNS_TYPE_NS, 300);
	byte_writer_put_u16(&reply.writer, (uint16_t)(0xc000 | (query.length + 6)));
	reply_close(&reply);
	expect_refused(CACHE_ANSWER_REFUSED_BROKEN);
}

static void more_records_than_are_kept_are_refused(void)
{
	start(0, DNS_TYPE_A);
	for (uint32_t i = 0; i < CACHE_ANSWER_RECORDS_MOST; i++)
		reply_add_a(&reply, DNS_SECTION_ANSWER, "@", 300, i);
	expect_kept(CACHE_ANSWER_SUCCESS, 300);
	reply_add_a(&reply, DNS_SECTION_ANSWER, "@", 300, 0);
	expect_refused(CACHE_ANSWER_REFUSED_RECORDS);
}

static void signatures_end_the_time(void)
{
	start_with_do(0, DNS_TYPE_A);
	reply_add_a(&reply, DNS_SECTION_ANSWER, "@", 300, 1);
	reply_add_rrsig(&reply, DNS_SECTION_ANSWER, "@", DNS_TYPE_A, 300, WALL + 100);
	expect_kept(CACHE_ANSWER_SUCCESS, 100);
	reply_add_rrsig(&reply, DNS_SECTION_ANSWER, "@", DNS_TYPE_A, 300, WALL);
	expect_refused(CACHE_ANSWER_REFUSED_EXPIRED);
	// Nobody without DO looks at them.
	query_make(&query, DNS_FLAG_RD, "www.example.org", DNS_TYPE_A);
	expect_kept(CACHE_ANSWER_SUCCESS, 100);
}

static void dnssec_records_stay_only_with_do(void)
{
	struct cache_answer_class class_;

	start(0, DNS_TYPE_A);
	reply_add_a(&reply, DNS_SECTION_ANSWER, "@", 300, 1);
	CU_ASSERT_EQUAL(classify(&class_, &defaults), CACHE_ANSWER_KEPT);
	CU_ASSERT_FALSE(class_.removes_dnssec);
	reply_add_rrsig(&reply, DNS_SECTION_ANSWER, "@", DNS_TYPE_A, 300, WALL + 1000);
	CU_ASSERT_EQUAL(classify(&class_, &defaults), CACHE_ANSWER_KEPT);
	CU_ASSERT_TRUE(class_.removes_dnssec);
	query_make_edns(&query, DNS_FLAG_RD, "www.example.org", DNS_TYPE_A, 0x8000);
	CU_ASSERT_EQUAL(classify(&class_, &defaults), CACHE_ANSWER_KEPT);
	CU_ASSERT_FALSE(class_.removes_dnssec);
	// What was asked for by its type is not removed, nor anything from ANY.
	start(0, DNS_TYPE_RRSIG);
	reply_add_rrsig(&reply, DNS_SECTION_ANSWER, "@", DNS_TYPE_A, 300, WALL + 1000);
	CU_ASSERT_EQUAL(classify(&class_, &defaults), CACHE_ANSWER_KEPT);
	CU_ASSERT_FALSE(class_.removes_dnssec);
	start(0, DNS_TYPE_ANY);
	reply_add_rrsig(&reply, DNS_SECTION_ANSWER, "@", DNS_TYPE_A, 300, WALL + 1000);
	CU_ASSERT_EQUAL(classify(&class_, &defaults), CACHE_ANSWER_KEPT);
	CU_ASSERT_FALSE(class_.removes_dnssec);
}

static void queries_with_more_than_opt_are_not_served(void)
{
	query_make_edns(&query, DNS_FLAG_RD, "www.example.org", DNS_TYPE_A, 0);
	CU_ASSERT_TRUE(cache_answer_may_serve(&query.message));
	reply_start(&query, DNS_FLAG_RD, "www.example.org", DNS_TYPE_A);
	reply_add(&query, DNS_SECTION_ADDITIONAL, "key", DNS_TYPE_TSIG, 0, "", 0);
	reply_finish(&query);
	CU_ASSERT_FALSE(cache_answer_may_serve(&query.message));
	reply_start(&query, DNS_FLAG_RD, "www.example.org", DNS_TYPE_A);
	reply_add_a(&query, DNS_SECTION_ANSWER, "@", 0, 1);
	reply_finish(&query);
	CU_ASSERT_FALSE(cache_answer_may_serve(&query.message));
	query_make(&query, 4 << 11, "www.example.org", DNS_TYPE_A);
	CU_ASSERT_FALSE(cache_answer_may_serve(&query.message));
	query_make(&query, DNS_FLAG_QR, "www.example.org", DNS_TYPE_A);
	CU_ASSERT_FALSE(cache_answer_may_serve(&query.message));
}

static void the_scope_is_the_upstreams(void)
{
	struct cache_answer_class class_;

	start(0, DNS_TYPE_A);
	reply_start(&query, DNS_FLAG_RD, "www.example.org", DNS_TYPE_A);
	reply_add_opt(&query, 1232, 0, "\0\x08\0\7\0\1\x18\0\xc0\0\2", 11);
	reply_finish(&query);
	reply_add_a(&reply, DNS_SECTION_ANSWER, "@", 300, 1);
	CU_ASSERT_EQUAL(classify(&class_, &defaults), CACHE_ANSWER_KEPT);
	CU_ASSERT_EQUAL(class_.scope.family, 0);
	reply_add_opt(&reply, 1232, 0, "\0\x08\0\7\0\1\x18\x10\xc0\0\2", 11);
	CU_ASSERT_EQUAL(classify(&class_, &defaults), CACHE_ANSWER_KEPT);
	CU_ASSERT_EQUAL(class_.scope.family, 1);
	CU_ASSERT_EQUAL(class_.scope.scope_length, 16);
	CU_ASSERT_EQUAL(memcmp(class_.scope.address, "\xc0\0\0\0", 4), 0);
	// Of another subnet.
	reply_start(&reply, QR_RD_RA, "www.example.org", DNS_TYPE_A);
	reply_add_a(&reply, DNS_SECTION_ANSWER, "@", 300, 1);
	reply_add_opt(&reply, 1232, 0, "\0\x08\0\7\0\1\x18\x10\xc0\0\3", 11);
	expect_refused(CACHE_ANSWER_REFUSED_SUBNET);
}

static void refusals_have_names(void)
{
	CU_ASSERT_STRING_EQUAL(cache_answer_refusal_name(CACHE_ANSWER_KEPT), "kept");
	CU_ASSERT_STRING_EQUAL(
		cache_answer_refusal_name(CACHE_ANSWER_REFUSED_TRUNCATED), "truncated");
	CU_ASSERT_STRING_EQUAL(cache_answer_refusal_name(CACHE_ANSWER_REFUSALS - 1), "no_time");
}

static const struct unit_case cases[] = {
	{"a success lives for its least TTL", a_success_lives_for_its_least_ttl},
	{"TTLs have a cap and a floor", ttls_have_a_cap_and_a_floor},
	{"a denial lives for the SOA minimum", a_denial_lives_for_the_soa_minimum},
	{"a denial without SOA is not kept", a_denial_without_soa_is_not_kept},
	{"a chain of CNAMEs that ends with the type is a success",
		a_chain_of_cnames_that_ends_with_the_type_is_a_success},
	{"chains as servers compress them are successes",
		chains_as_servers_compress_them_are_successes},
	{"a chain that ends without the type is a denial",
		a_chain_that_ends_without_the_type_is_a_denial},
	{"records of another class answer nothing", records_of_another_class_answer_nothing},
	{"chains without an end are not kept", chains_without_an_end_are_not_kept},
	{"a delegation is kept for five seconds", a_delegation_is_kept_for_five_seconds},
	{"failures are kept as long as told", failures_are_kept_as_long_as_told},
	{"other rcodes are not kept", other_rcodes_are_not_kept},
	{"truncated replies are not kept", truncated_replies_are_not_kept},
	{"other opcodes are not kept", other_opcodes_are_not_kept},
	{"mismatched questions are not kept", mismatched_questions_are_not_kept},
	{"transfers and meta types are not kept", transfers_and_meta_types_are_not_kept},
	{"answers to queries without RD are not kept", answers_to_queries_without_rd_are_not_kept},
	{"broken records are not kept", broken_records_are_not_kept},
	{"a signature of nothing is a record as others",
		a_signature_of_nothing_is_a_record_as_others},
	{"pointers into other bytes are not kept", pointers_into_other_bytes_are_not_kept},
	{"more records than are kept are refused", more_records_than_are_kept_are_refused},
	{"signatures end the time", signatures_end_the_time},
	{"DNSSEC records stay only with DO", dnssec_records_stay_only_with_do},
	{"queries with more than OPT are not served", queries_with_more_than_opt_are_not_served},
	{"the scope is the upstream's", the_scope_is_the_upstreams},
	{"refusals have names", refusals_have_names},
};

UNIT_MAIN("cache answer classify", cases)
