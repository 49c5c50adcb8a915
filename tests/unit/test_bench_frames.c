// SPDX-License-Identifier: BSD-3-Clause
// The generator's frames: whole checksums against those made of parts, and every bit of an answer
// that is not as it should be.
#include "dns/message.h"
#include "frames.h"
#include "names.h"
#include "unit.h"

#include <stdio.h>

#define ID 0x1234

struct fixture {
	struct frame_template template;
	struct frame_client client;
	struct frame_key key;
	uint8_t frame[FRAMES_ANSWER_BYTES];
};

static void set_up(struct fixture *fixture, enum option_checksums checksums)
{
	const struct options options = {
		.checksums = checksums,
		.forwarder = net_address_from_ipv4((const uint8_t[]){10, 60, 0, 1}),
		.forwarder_mac = {{2, 0, 0, 0, 0x60, 1}},
	};

	memset(fixture, 0, sizeof(*fixture));
	frames_make_template(&fixture->template, &options);
	fixture->client = (struct frame_client){.address = 517, .port = 31, .id = ID};
	fixture->key = frames_key(UINT64_C(0x123456789ab));
	frames_write_query(&fixture->template, fixture->frame, &fixture->client, &fixture->key);
}

static void exchange(uint8_t *a, uint8_t *b, size_t length)
{
	uint8_t kept[NET_MAC_BYTES];

	memcpy(kept, a, length);
	memcpy(a, b, length);
	memcpy(b, kept, length);
}

// As a device does it that only turns addresses and ports.
static void turn(uint8_t *frame)
{
	exchange(frame, frame + 6, NET_MAC_BYTES);
	exchange(frame + FRAMES_IP + 12, frame + FRAMES_IP + 16, 4);
	exchange(frame + FRAMES_UDP, frame + FRAMES_UDP + 2, 2);
}

// The query's answer as it comes to the client.
static void make_answer(struct fixture *fixture)
{
	turn(fixture->frame);
	frames_turn_into_answer(&fixture->template, fixture->frame);
	turn(fixture->frame);
}

static enum frame_check check_answer(const struct fixture *fixture)
{
	return frames_check_answer(
		&fixture->template, fixture->frame, FRAMES_ANSWER_BYTES, &fixture->key);
}

static bool sums_are_good(const uint8_t *frame, uint16_t length)
{
	uint16_t udp_length = (uint16_t)(length - FRAMES_UDP);
	uint64_t sum = net_checksum_ipv4_pseudo(
		frame + FRAMES_IP + 12, frame + FRAMES_IP + 16, 17, udp_length);

	return net_checksum_fold(net_checksum_add(0, frame + FRAMES_IP, 20)) == NET_CHECKSUM_GOOD &&
	       net_checksum_fold(net_checksum_add(sum, frame + FRAMES_UDP, udp_length)) ==
		       NET_CHECKSUM_GOOD;
}

static void test_keys_are_digits(void)
{
	uint64_t state = 3;

	for (int i = 0; i < 10000; i++) {
		uint64_t number = names_random(&state) >> 20;
		struct frame_key key = frames_key(number);
		char digits[FRAMES_KEY_BYTES], bytes[FRAMES_KEY_BYTES];

		snprintf(digits, sizeof(digits), "%011llx", (unsigned long long)number);
		memcpy(bytes, &key, sizeof(bytes));
		CU_ASSERT_EQUAL(bytes[0], FRAMES_KEY_BYTES - 1);
		for (int j = 0; j < FRAMES_KEY_BYTES - 1; j++)
			CU_ASSERT_EQUAL_FATAL(bytes[1 + j], digits[FRAMES_KEY_BYTES - 2 - j]);
	}
}

static void test_query(void)
{
	struct fixture fixture;
	struct frame_client found;

	set_up(&fixture, OPTION_CHECKSUMS_FULL);
	CU_ASSERT_TRUE(sums_are_good(fixture.frame, FRAMES_QUERY_BYTES));
	CU_ASSERT_TRUE(frames_is_udp(fixture.frame, FRAMES_QUERY_BYTES));
	CU_ASSERT_TRUE(frames_is_to_upstream(fixture.frame));
	CU_ASSERT_TRUE(frames_is_query(&fixture.template, fixture.frame, FRAMES_QUERY_BYTES));
	turn(fixture.frame);
	found = frames_client(fixture.frame);
	CU_ASSERT_EQUAL(found.address, fixture.client.address);
	CU_ASSERT_EQUAL(found.port, fixture.client.port);
	CU_ASSERT_EQUAL(found.id, ID);
}

// Whatever addresses, ports, ids and names there are.
static void test_sums_of_many(void)
{
	struct fixture fixture;
	uint64_t state = 4;

	set_up(&fixture, OPTION_CHECKSUMS_FULL);
	for (int i = 0; i < 10000; i++) {
		uint64_t random = names_random(&state);

		fixture.client = (struct frame_client){.address = random & 0xffff,
			.port = random >> 16 & 0x7fff,
			.id = (uint16_t)(random >> 32)};
		fixture.key = frames_key(names_random(&state));
		frames_write_query(&fixture.template, fixture.frame, &fixture.client, &fixture.key);
		CU_ASSERT_TRUE_FATAL(sums_are_good(fixture.frame, FRAMES_QUERY_BYTES));
		CU_ASSERT_TRUE_FATAL(
			frames_is_query(&fixture.template, fixture.frame, FRAMES_QUERY_BYTES));
		make_answer(&fixture);
		CU_ASSERT_TRUE_FATAL(sums_are_good(fixture.frame, FRAMES_ANSWER_BYTES));
		CU_ASSERT_EQUAL_FATAL(check_answer(&fixture), FRAME_GOOD);
	}
}

// As a forwarder with a cache sends it on; `size` changes the sum.
static uint16_t add_opt(struct fixture *fixture, uint16_t size)
{
	uint8_t *frame = fixture->frame;
	const uint16_t length = FRAMES_QUERY_BYTES + FRAMES_OPT_BYTES;
	const uint8_t opt[FRAMES_OPT_BYTES] = {
		0, 0, DNS_TYPE_OPT, (uint8_t)(size >> 8), (uint8_t)size};
	uint16_t checksum;

	memcpy(frame + FRAMES_QUERY_BYTES, opt, sizeof(opt));
	bytes_store_u16(frame + FRAMES_IP + 2, length - FRAMES_IP);
	bytes_store_u16(frame + FRAMES_UDP + 4, length - FRAMES_UDP);
	bytes_store_u16(frame + FRAMES_DNS + 10, 1);
	memset(frame + FRAMES_IP + 10, 0, 2);
	checksum = (uint16_t)~net_checksum_fold(net_checksum_add(0, frame + FRAMES_IP, 20));
	memcpy(frame + FRAMES_IP + 10, &checksum, sizeof(checksum));
	memset(frame + FRAMES_UDP + 6, 0, 2);
	checksum = (uint16_t)~net_checksum_fold(
		net_checksum_add(net_checksum_ipv4_pseudo(frame + FRAMES_IP + 12,
					 frame + FRAMES_IP + 16, 17, length - FRAMES_UDP),
			frame + FRAMES_UDP, length - FRAMES_UDP));
	memcpy(frame + FRAMES_UDP + 6, &checksum, sizeof(checksum));
	return length;
}

static void test_opt_is_removed(void)
{
	struct fixture fixture;
	uint16_t length;

	set_up(&fixture, OPTION_CHECKSUMS_FULL);
	for (uint32_t size = 0; size < 65536; size += 7) {
		frames_write_query(&fixture.template, fixture.frame, &fixture.client, &fixture.key);
		length = add_opt(&fixture, (uint16_t)size);
		CU_ASSERT_TRUE(sums_are_good(fixture.frame, length));
		CU_ASSERT_EQUAL(frames_remove_opt(&fixture.template, fixture.frame, length),
			FRAMES_QUERY_BYTES);
		CU_ASSERT_TRUE(sums_are_good(fixture.frame, FRAMES_QUERY_BYTES));
		CU_ASSERT_TRUE(
			frames_is_query(&fixture.template, fixture.frame, FRAMES_QUERY_BYTES));
	}
	// What is wrong stays wrong, and what is no OPT stays.
	length = add_opt(&fixture, 1232);
	fixture.frame[FRAMES_KEY + 3] ^= 1;
	CU_ASSERT_EQUAL(
		frames_remove_opt(&fixture.template, fixture.frame, length), FRAMES_QUERY_BYTES);
	CU_ASSERT_FALSE(frames_is_query(&fixture.template, fixture.frame, FRAMES_QUERY_BYTES));
	length = add_opt(&fixture, 1232);
	fixture.frame[FRAMES_QUERY_BYTES + 2]++;
	CU_ASSERT_EQUAL(frames_remove_opt(&fixture.template, fixture.frame, length), length);
}

// With another buffer, or without checksums, it is the same answer.
static void test_answers_are_the_same(void)
{
	struct fixture fixture;
	uint64_t state = 5;

	for (int i = 0; i < 1000; i++) {
		struct frame_asked asked;
		uint8_t other[FRAMES_ANSWER_BYTES];

		set_up(&fixture, i % 2 ? OPTION_CHECKSUMS_FULL : OPTION_CHECKSUMS_NONE);
		fixture.client.id = (uint16_t)names_random(&state);
		fixture.key = frames_key(names_random(&state));
		frames_write_query(&fixture.template, fixture.frame, &fixture.client, &fixture.key);
		turn(fixture.frame);
		asked = frames_read_asked(fixture.frame);
		frames_write_answer(&fixture.template, other, &asked);
		frames_turn_into_answer(&fixture.template, fixture.frame);
		CU_ASSERT_EQUAL_FATAL(memcmp(fixture.frame, other, sizeof(other)), 0);
	}
}

static void test_damaged_query(void)
{
	struct fixture fixture;

	set_up(&fixture, OPTION_CHECKSUMS_FULL);
	// The Ethernet header is the link's.
	for (size_t bit = FRAMES_IP * 8; bit < FRAMES_QUERY_BYTES * 8; bit++) {
		fixture.frame[bit / 8] ^= (uint8_t)(1u << (bit % 8));
		CU_ASSERT_FALSE(
			frames_is_query(&fixture.template, fixture.frame, FRAMES_QUERY_BYTES));
		fixture.frame[bit / 8] ^= (uint8_t)(1u << (bit % 8));
	}
	CU_ASSERT_FALSE(frames_is_query(&fixture.template, fixture.frame, FRAMES_QUERY_BYTES - 1));
}

static bool is_rcode(size_t bit)
{
	return bit / 8 == FRAMES_DNS + 3 && bit % 8 < 4;
}

static void test_damaged_answer(void)
{
	struct fixture fixture;

	set_up(&fixture, OPTION_CHECKSUMS_FULL);
	make_answer(&fixture);
	CU_ASSERT_FALSE(frames_is_to_upstream(fixture.frame));
	for (size_t bit = 0; bit < FRAMES_ANSWER_BYTES * 8; bit++) {
		enum frame_check wanted = is_rcode(bit) ? FRAME_ERROR : FRAME_WRONG;

		// The ethertype was looked at before.
		if (bit / 8 == 12 || bit / 8 == 13)
			continue;
		fixture.frame[bit / 8] ^= (uint8_t)(1u << (bit % 8));
		CU_ASSERT_EQUAL(check_answer(&fixture), wanted);
		fixture.frame[bit / 8] ^= (uint8_t)(1u << (bit % 8));
	}
	CU_ASSERT_EQUAL(check_answer(&fixture), FRAME_GOOD);
}

static void test_answer_to_another(void)
{
	struct fixture fixture;

	set_up(&fixture, OPTION_CHECKSUMS_FULL);
	make_answer(&fixture);
	fixture.key = frames_key(1);
	CU_ASSERT_EQUAL(check_answer(&fixture), FRAME_WRONG);
}

static void test_length(void)
{
	struct fixture fixture;

	set_up(&fixture, OPTION_CHECKSUMS_FULL);
	make_answer(&fixture);
	CU_ASSERT_EQUAL(frames_check_answer(&fixture.template, fixture.frame,
				FRAMES_ANSWER_BYTES - 1, &fixture.key),
		FRAME_WRONG);
	CU_ASSERT_FALSE(frames_is_udp(fixture.frame, FRAMES_KEY - 1));
}

// A cache counts it down, and fixes the checksum; it never counts up.
static void test_ttl_counted_down(void)
{
	const uint16_t ttl = FRAMES_QUERY_BYTES + 6;
	struct fixture fixture;
	uint16_t checksum;

	set_up(&fixture, OPTION_CHECKSUMS_FULL);
	make_answer(&fixture);
	for (int step = -1; step <= 1; step += 2) {
		uint32_t now = bytes_load_u32(fixture.frame + ttl) + (uint32_t)step;

		bytes_store_u32(fixture.frame + ttl, now);
		CU_ASSERT_EQUAL(check_answer(&fixture), FRAME_WRONG);
		memcpy(&checksum, fixture.frame + FRAMES_UDP + 6, sizeof(checksum));
		checksum = (uint16_t)~net_checksum_fold(
			(uint64_t)(uint16_t)~checksum + htobe16((uint16_t)now) +
			(uint16_t)~htobe16((uint16_t)(now - (uint32_t)step)));
		memcpy(fixture.frame + FRAMES_UDP + 6, &checksum, sizeof(checksum));
		CU_ASSERT_TRUE(sums_are_good(fixture.frame, FRAMES_ANSWER_BYTES));
		CU_ASSERT_EQUAL(check_answer(&fixture), FRAME_GOOD);
	}
	bytes_store_u32(fixture.frame + ttl, 400);
	CU_ASSERT_EQUAL(check_answer(&fixture), FRAME_WRONG);
}

static void test_without_checksums(void)
{
	struct fixture fixture;

	set_up(&fixture, OPTION_CHECKSUMS_NONE);
	CU_ASSERT_EQUAL(bytes_load_u16(fixture.frame + FRAMES_UDP + 6), 0);
	CU_ASSERT_TRUE(frames_is_query(&fixture.template, fixture.frame, FRAMES_QUERY_BYTES));
	make_answer(&fixture);
	CU_ASSERT_EQUAL(bytes_load_u16(fixture.frame + FRAMES_UDP + 6), 0);
	CU_ASSERT_EQUAL(check_answer(&fixture), FRAME_GOOD);
}

static const struct unit_case cases[] = {
	{"keys are digits", test_keys_are_digits},
	{"TTLs are counted down", test_ttl_counted_down},
	{"query", test_query},
	{"sums of many", test_sums_of_many},
	{"answers are the same", test_answers_are_the_same},
	{"OPT is removed", test_opt_is_removed},
	{"damaged query", test_damaged_query},
	{"damaged answer", test_damaged_answer},
	{"answer to another", test_answer_to_another},
	{"length", test_length},
	{"without checksums", test_without_checksums},
};

UNIT_MAIN("bench_frames", cases)
