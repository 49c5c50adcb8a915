// SPDX-License-Identifier: BSD-3-Clause
// The generator's RSS against the vectors published for it.
#include "toeplitz.h"
#include "unit.h"

static const uint8_t key[OPTION_RSS_KEY_BYTES] base_aligned(4) = {0x6d, 0x5a, 0x56, 0xda, 0x25,
	0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb,
	0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7,
	0x3b, 0xbe, 0xac, 0x01, 0xfa};

struct vector {
	uint8_t source[4];
	uint8_t destination[4];
	uint16_t source_port;
	uint16_t destination_port;
	uint32_t hash;
};

// Microsoft, "Verifying the RSS Hash Calculation", IPv4 with TCP.
static const struct vector vectors[] = {
	{{66, 9, 149, 187}, {161, 142, 100, 80}, 2794, 1766, 0x51ccc178},
	{{199, 92, 111, 2}, {65, 69, 140, 83}, 14230, 4739, 0xc626b0ea},
	{{24, 19, 198, 95}, {12, 22, 207, 184}, 12898, 38024, 0x5c2b394a},
	{{38, 27, 205, 30}, {209, 142, 163, 6}, 48228, 2217, 0xafc7327f},
	{{153, 39, 163, 191}, {202, 188, 127, 2}, 44251, 1303, 0x10e828a2},
};

static void write_vector(const struct vector *vector, uint8_t input[TOEPLITZ_INPUT_BYTES])
{
	memcpy(input, vector->source, 4);
	memcpy(input + 4, vector->destination, 4);
	input[8] = (uint8_t)(vector->source_port >> 8);
	input[9] = (uint8_t)vector->source_port;
	input[10] = (uint8_t)(vector->destination_port >> 8);
	input[11] = (uint8_t)vector->destination_port;
}

static void test_published_vectors(void)
{
	static struct toeplitz toeplitz;

	toeplitz_init(&toeplitz, key);
	for (size_t i = 0; i < BASE_ARRAY_SIZE(vectors); i++) {
		uint8_t input[TOEPLITZ_INPUT_BYTES];

		write_vector(&vectors[i], input);
		CU_ASSERT_EQUAL(toeplitz_hash(&toeplitz, input), vectors[i].hash);
	}
}

static void test_queue_is_by_the_low_bits(void)
{
	static struct toeplitz toeplitz;
	uint8_t frame[64] = {0};

	toeplitz_init(&toeplitz, key);
	for (size_t i = 0; i < BASE_ARRAY_SIZE(vectors); i++) {
		write_vector(&vectors[i], frame + 26);
		CU_ASSERT_EQUAL(toeplitz_queue(&toeplitz, frame, 1), 0);
		CU_ASSERT_EQUAL(toeplitz_queue(&toeplitz, frame, 4), vectors[i].hash & 3);
		CU_ASSERT_EQUAL(toeplitz_queue(&toeplitz, frame, 3), (vectors[i].hash & 127) % 3);
	}
}

static const struct unit_case cases[] = {
	{"the published vectors", test_published_vectors},
	{"the queue is by the low bits", test_queue_is_by_the_low_bits},
};

UNIT_MAIN("bench_toeplitz", cases)
