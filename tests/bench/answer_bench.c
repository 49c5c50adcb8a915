// SPDX-License-Identifier: BSD-3-Clause
// What a hit costs, from a value at hand to the answer in its frame, and what keeping a reply
// costs. Each figure is the best of several rounds: what else the machine does only adds to it.
#include "base/clock.h"
#include "cache/answer.h"
#include "dns/rewrite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS 9
#define BURSTS 4000
#define FRAMES 32 // a burst
#define FRAME_BYTES 2112 // not a power of two, which would crowd a few sets of the CPU cache
#define WALL 1700000000
#define DO_BIT 0x8000

static const struct cache_answer_limits limits = {3600, 5, 1800, 5, 5};

// One kind of answer: its query, its reply, and the value kept of it.
struct subject {
	const char *name;
	void (*make)(struct byte_writer *reply);
	uint16_t flags; // of the reply
	bool has_edns;
	bool do_bit;
	bool is_cut; // only the header of the value is at hand
	bool is_rotated;
	uint8_t query_bytes[512];
	uint8_t reply_bytes[FRAME_BYTES];
	uint8_t value_bytes[FRAME_BYTES];
	size_t reply_length;
	struct dns_message query;
	struct dns_message reply;
	struct cache_answer_value value;
	struct cache_answer_class class_;
};

static uint8_t frames[FRAMES][FRAME_BYTES];
static uint8_t scratch[CACHE_ANSWER_BYTES_MOST];

static void put_record(struct byte_writer *writer, unsigned int section, const void *owner,
	size_t owner_length, uint16_t type, const void *data, size_t length)
{
	uint8_t *count = writer->start + 6 + 2 * section;

	bytes_store_u16(count, (uint16_t)(bytes_load_u16(count) + 1));
	byte_writer_put(writer, owner, owner_length);
	byte_writer_put_u16(writer, type);
	byte_writer_put_u16(writer, DNS_CLASS_IN);
	byte_writer_put_u32(writer, 300);
	byte_writer_put_u16(writer, (uint16_t)length);
	byte_writer_put(writer, data, length);
}

static void put_address(struct byte_writer *writer)
{
	put_record(writer, DNS_SECTION_ANSWER, "\xc0\x0c", 2, DNS_TYPE_A, "\xc0\0\2\1", 4);
}

static void make_four_addresses(struct byte_writer *writer)
{
	for (unsigned int i = 0; i < 4; i++)
		put_address(writer);
}

static void make_alias(struct byte_writer *writer)
{
	put_record(writer, DNS_SECTION_ANSWER, "\xc0\x0c", 2, DNS_TYPE_CNAME, "\3cdn\3net", 9);
	put_record(writer, DNS_SECTION_ANSWER, "\xc0\x2d", 2, DNS_TYPE_A, "\xc0\0\2\1", 4);
}

static void make_denial(struct byte_writer *writer)
{
	uint8_t data[2 + 5 + 20] = "\xc0\x10\2me\xc0\x10";

	data[sizeof(data) - 1] = 60;
	put_record(writer, DNS_SECTION_AUTHORITY, "\xc0\x10", 2, DNS_TYPE_SOA, data, sizeof(data));
}

static void make_signed(struct byte_writer *writer)
{
	uint8_t data[18 + 13 + 64] = {0};

	memcpy(data + 8, "\x7f\xff\xff\xff", 4);
	memcpy(data + 18, "\7example\3org", 13);
	put_address(writer);
	put_record(writer, DNS_SECTION_ANSWER, "\xc0\x0c", 2, DNS_TYPE_RRSIG, data, sizeof(data));
}

static void put_start(struct byte_writer *writer, uint16_t flags)
{
	byte_writer_put_u16(writer, 0x1234);
	byte_writer_put_u16(writer, flags);
	byte_writer_put_u16(writer, 1);
	byte_writer_put_u16(writer, 0);
	byte_writer_put_u32(writer, 0);
	byte_writer_put(writer, "\3www\7example\3org\0\0\1\0\1", 21);
}

static void put_opt(struct byte_writer *writer, bool do_bit)
{
	uint8_t *count = writer->start + 10;

	bytes_store_u16(count, (uint16_t)(bytes_load_u16(count) + 1));
	byte_writer_put(writer, "\0\0\x29\4\xd0\0\0", 7);
	byte_writer_put_u16(writer, do_bit ? DO_BIT : 0);
	byte_writer_put_u16(writer, 0);
}

static bool subject_copy(const void *context, uint32_t offset, void *to, uint32_t length)
{
	const struct subject *subject = context;

	memcpy(to, subject->value_bytes + offset, length);
	return true;
}

static void die(const char *text)
{
	fprintf(stderr, "answer_bench: %s\n", text);
	exit(1);
}

static int subject_keep(struct subject *subject)
{
	if (cache_answer_classify(&subject->class_, subject->query_bytes, &subject->query,
		    subject->reply_bytes, subject->reply_length, &subject->reply, &limits,
		    WALL) != CACHE_ANSWER_KEPT)
		die("a reply is not kept");
	return cache_answer_encode(subject->value_bytes, sizeof(subject->value_bytes),
		&subject->class_, subject->reply_bytes, subject->reply_length, &subject->reply,
		scratch);
}

static void subject_make(struct subject *subject)
{
	struct byte_writer query =
		byte_writer_make(subject->query_bytes, sizeof(subject->query_bytes));
	struct byte_writer reply =
		byte_writer_make(subject->reply_bytes, sizeof(subject->reply_bytes));
	int length;

	put_start(&query, DNS_FLAG_RD);
	put_start(&reply, DNS_FLAG_QR | DNS_FLAG_RD | DNS_FLAG_RA | subject->flags);
	subject->make(&reply);
	if (subject->has_edns) {
		put_opt(&query, subject->do_bit);
		put_opt(&reply, subject->do_bit);
	}
	subject->reply_length = byte_writer_length(&reply);
	if (dns_message_read(&subject->query, query.start, byte_writer_length(&query)) ||
		dns_message_read(&subject->reply, reply.start, subject->reply_length))
		die("a message is not good");
	length = subject_keep(subject);
	if (length < 0)
		die("a value does not fit");
	subject->value = (struct cache_answer_value){
		.here = subject->value_bytes,
		.here_length = subject->is_cut ? CACHE_ANSWER_HEADER_BYTES : (uint16_t)length,
		.length = (uint16_t)length,
		.copy = subject_copy,
		.context = subject,
	};
	for (unsigned int i = 0; i < FRAMES; i++)
		memcpy(frames[i], query.start, byte_writer_length(&query));
}

// Nanoseconds of one answer.
static double measure_write(struct subject *subject)
{
	struct cache_answer_client client = cache_answer_client_make(&subject->query, 1232);
	struct cache_answer_manner manner = {.age = 1};
	uint32_t rotation = subject->is_rotated ? UINT32_C(0x9e3779b9) : 0;
	uint64_t best = UINT64_MAX;

	for (unsigned int round = 0; round < ROUNDS; round++) {
		uint64_t began = clock_now();
		uint64_t spent;

		for (unsigned int i = 0; i < BURSTS * FRAMES; i++) {
			manner.rotation += rotation;
			if (!cache_answer_write(frames[i % FRAMES], FRAME_BYTES, &client,
				    &subject->value, &manner))
				die("no answer");
		}
		spent = clock_now() - began;
		best = spent < best ? spent : best;
	}
	return (double)best / (BURSTS * FRAMES);
}

// Nanoseconds from a reply that was read to its value.
static double measure_keep(struct subject *subject)
{
	uint64_t best = UINT64_MAX;

	for (unsigned int round = 0; round < ROUNDS; round++) {
		uint64_t began = clock_now();
		uint64_t spent;

		for (unsigned int i = 0; i < BURSTS; i++)
			(void)subject_keep(subject);
		spent = clock_now() - began;
		best = spent < best ? spent : best;
	}
	return (double)best / BURSTS;
}

// Nanoseconds of making the reply anew without its DNSSEC records.
static double measure_strip(const struct subject *subject)
{
	const struct dns_asker asker = {.has_edns = true};
	uint64_t best = UINT64_MAX;

	for (unsigned int round = 0; round < ROUNDS; round++) {
		uint64_t began = clock_now();
		struct dns_message again;
		uint64_t spent;

		for (unsigned int i = 0; i < BURSTS; i++) {
			if (dns_message_remove_unasked(subject->reply_bytes, subject->reply_length,
				    &subject->reply, &asker, scratch, sizeof(scratch), &again) < 0)
				die("not made anew");
		}
		spent = clock_now() - began;
		best = spent < best ? spent : best;
	}
	return (double)best / BURSTS;
}

int main(void)
{
	static struct subject subjects[] = {
		{.name = "address", .make = put_address},
		{.name = "address, EDNS", .make = put_address, .has_edns = true},
		{.name = "address, EDNS, in pieces",
			.make = put_address,
			.has_edns = true,
			.is_cut = true},
		{.name = "alias, EDNS", .make = make_alias, .has_edns = true},
		{.name = "four addresses, EDNS", .make = make_four_addresses, .has_edns = true},
		{.name = "four addresses, EDNS, rotated",
			.make = make_four_addresses,
			.has_edns = true,
			.is_rotated = true},
		{.name = "denial, EDNS",
			.make = make_denial,
			.flags = DNS_RCODE_NXDOMAIN,
			.has_edns = true},
		{.name = "signed address, DO",
			.make = make_signed,
			.has_edns = true,
			.do_bit = true},
	};

	printf("ns of                            answer    keep  without DNSSEC\n");
	for (size_t i = 0; i < BASE_ARRAY_SIZE(subjects); i++) {
		struct subject *subject = &subjects[i];

		subject_make(subject);
		printf("%-32s %6.1f  %6.0f  %14.0f\n", subject->name, measure_write(subject),
			measure_keep(subject), measure_strip(subject));
	}
	return 0;
}
