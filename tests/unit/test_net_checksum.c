// SPDX-License-Identifier: BSD-3-Clause
#include "unit.h"

#include "base/random.h"
#include "net/checksum.h"
#include "net_packets.h"

static unsigned big_endian(uint16_t sum)
{
	uint8_t bytes[2];

	memcpy(bytes, &sum, sizeof(sum));
	return (unsigned)bytes[0] << 8 | bytes[1];
}

static void sums_equal_the_reference_at_any_length_and_alignment(void)
{
	uint8_t seed[RANDOM_SEED_BYTES] = {3};
	struct random_stream *random = random_stream_create(seed);
	int wrong = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(random);
	for (size_t round = 0; round < 20000; round++) {
		size_t length = round < 4096 ? round / 8 : random_stream_below(random, 2000);
		size_t shift = round % 8;
		uint8_t *bytes = malloc(shift + length + 1);

		CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
		// The heap buffer ends with the summed bytes when the length is not 0.
		bytes = realloc(bytes, shift + length + (length == 0));
		CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
		for (size_t i = 0; i < length; i++)
			bytes[shift + i] = (uint8_t)random_stream_u32(random);
		wrong +=
			big_endian(net_checksum_fold(net_checksum_add(0, bytes + shift, length))) !=
			packet_reference_sum(0, bytes + shift, length);
		free(bytes);
	}
	CU_ASSERT_EQUAL(wrong, 0);
	random_stream_destroy(random);
}

static void all_ones_and_all_zeros_fold_right(void)
{
	static uint8_t bytes[65535];

	CU_ASSERT_EQUAL(net_checksum_fold(net_checksum_add(0, bytes, sizeof(bytes))), 0);
	memset(bytes, 0xff, sizeof(bytes));
	CU_ASSERT_EQUAL(net_checksum_fold(net_checksum_add(0, bytes, 65534)), 0xffff);
	CU_ASSERT_EQUAL(big_endian(net_checksum_fold(net_checksum_add(0, bytes, 65535))),
		packet_reference_sum(0, bytes, 65535));
	CU_ASSERT_EQUAL(net_checksum_fold(UINT64_MAX), 0xffff);
	CU_ASSERT_EQUAL(net_checksum_fold(0xffffffff00000001), 1);
	CU_ASSERT_EQUAL(net_checksum_fold(0x1fffffffe), 0xffff);
}

static void pieces_sum_like_the_whole(void)
{
	uint8_t bytes[200];
	uint16_t whole;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 37 + 5);
	whole = net_checksum_fold(net_checksum_add(0, bytes, sizeof(bytes)));
	for (size_t cut = 0; cut <= sizeof(bytes); cut += 2) {
		uint64_t sum = net_checksum_add(0, bytes, cut);

		sum = net_checksum_add(sum, bytes + cut, sizeof(bytes) - cut);
		CU_ASSERT_EQUAL(net_checksum_fold(sum), whole);
	}
	CU_ASSERT_EQUAL(net_checksum_fold(net_checksum_ipv4_header(bytes)),
		net_checksum_fold(net_checksum_add(0, bytes, 20)));
}

static void pseudo_headers_equal_the_reference(void)
{
	uint8_t ipv4[12] = {192, 0, 2, 1, 198, 51, 100, 7, 0, 17, 0x12, 0x34};
	uint8_t ipv6[40] = {0x20, 1, 0xd, 0xb8};

	memcpy(ipv6 + 16, "\xfd\x53 and further bytes", 16);
	memcpy(ipv6 + 32, "\0\0\x12\x34\0\0\0\x3a", 8);
	CU_ASSERT_EQUAL(
		big_endian(net_checksum_fold(net_checksum_ipv4_pseudo(ipv4, ipv4 + 4, 17, 0x1234))),
		packet_reference_sum(0, ipv4, sizeof(ipv4)));
	CU_ASSERT_EQUAL(big_endian(net_checksum_fold(
				net_checksum_ipv6_pseudo(ipv6, ipv6 + 16, 58, 0x1234))),
		packet_reference_sum(0, ipv6, sizeof(ipv6)));
}

static const struct unit_case cases[] = {
	{"sums equal the reference", sums_equal_the_reference_at_any_length_and_alignment},
	{"all ones and all zeros fold right", all_ones_and_all_zeros_fold_right},
	{"pieces sum like the whole", pieces_sum_like_the_whole},
	{"pseudo headers equal the reference", pseudo_headers_equal_the_reference},
};

UNIT_MAIN("net checksum", cases)
