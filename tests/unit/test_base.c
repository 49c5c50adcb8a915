// SPDX-License-Identifier: BSD-3-Clause
#include "unit.h"

#include "base/bytes.h"
#include "base/handle_ring.h"
#include "base/random.h"
#include "base/table_memory.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static void reader_fails_at_the_end_and_stays_failed(void)
{
	static const uint8_t bytes[] = {1, 2, 3, 4, 5};
	struct byte_reader reader = byte_reader_make(bytes, sizeof(bytes));

	CU_ASSERT_EQUAL(byte_reader_take_u32(&reader), 0x01020304);
	CU_ASSERT_EQUAL(byte_reader_take_u16(&reader), 0);
	CU_ASSERT_TRUE(reader.failed);
	CU_ASSERT_EQUAL(byte_reader_take_u8(&reader), 0);
	CU_ASSERT_EQUAL(byte_reader_left(&reader), 0);
}

static void reader_seeks_within_its_bytes_only(void)
{
	static const uint8_t bytes[] = {1, 2, 3};
	struct byte_reader reader = byte_reader_make(bytes, sizeof(bytes));

	byte_reader_seek(&reader, 2);
	CU_ASSERT_EQUAL(byte_reader_take_u8(&reader), 3);
	byte_reader_seek(&reader, 3);
	CU_ASSERT_FALSE(reader.failed);
	byte_reader_seek(&reader, 4);
	CU_ASSERT_TRUE(reader.failed);
}

static void writer_never_writes_past_its_room(void)
{
	uint8_t bytes[5] = {0, 0, 0, 0, 0xee};
	struct byte_writer writer = byte_writer_make(bytes, 4);

	byte_writer_put_u16(&writer, 0x0102);
	byte_writer_put_u8(&writer, 3);
	byte_writer_put_u16(&writer, 0xffff);
	CU_ASSERT_TRUE(writer.failed);
	CU_ASSERT_EQUAL(byte_writer_length(&writer), 3);
	byte_writer_put_u8(&writer, 9);
	CU_ASSERT_EQUAL(byte_writer_length(&writer), 3);
	CU_ASSERT_EQUAL(memcmp(bytes, "\x01\x02\x03\x00\xee", 5), 0);
}

static void random_streams_repeat_by_seed_and_only_by_seed(void)
{
	uint8_t seed[RANDOM_SEED_BYTES] = {7};
	struct random_stream *a = random_stream_create(seed);
	struct random_stream *b = random_stream_create(seed);
	struct random_stream *kernel = random_stream_create(NULL);
	int different = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(a);
	CU_ASSERT_PTR_NOT_NULL_FATAL(b);
	CU_ASSERT_PTR_NOT_NULL_FATAL(kernel);
	for (int i = 0; i < 10000; i++) {
		uint64_t value = random_stream_u64(a);

		CU_ASSERT_EQUAL(value, random_stream_u64(b));
		different += value != random_stream_u64(kernel);
	}
	CU_ASSERT_EQUAL(different, 10000);
	random_stream_destroy(a);
	random_stream_destroy(b);
	random_stream_destroy(kernel);
}

static void random_below_covers_its_range_evenly(void)
{
	uint8_t seed[RANDOM_SEED_BYTES] = {1};
	struct random_stream *stream = random_stream_create(seed);
	int counts[10] = {0};

	CU_ASSERT_PTR_NOT_NULL_FATAL(stream);
	for (int i = 0; i < 100000; i++)
		counts[random_stream_below(stream, 10)]++;
	for (int i = 0; i < 10; i++)
		CU_ASSERT_TRUE(counts[i] > 9500 && counts[i] < 10500);
	CU_ASSERT_EQUAL(random_stream_below(stream, 0), 0);
	random_stream_destroy(stream);
}

static void ring_refuses_when_full_and_when_empty(void)
{
	struct handle_ring ring;
	uint32_t handle = 0;

	CU_ASSERT_EQUAL_FATAL(handle_ring_init(&ring, 3), 0);
	CU_ASSERT_FALSE(handle_ring_pop(&ring, &handle));
	for (uint32_t i = 0; i < 4; i++)
		CU_ASSERT_TRUE(handle_ring_push(&ring, i));
	CU_ASSERT_FALSE(handle_ring_push(&ring, 4));
	for (uint32_t i = 0; i < 4; i++) {
		CU_ASSERT_TRUE(handle_ring_pop(&ring, &handle));
		CU_ASSERT_EQUAL(handle, i);
	}
	CU_ASSERT_FALSE(handle_ring_pop(&ring, &handle));
	handle_ring_fini(&ring);
}

#define RING_HANDLES 1000000

static void *ring_produce(void *argument)
{
	for (uint32_t i = 0; i < RING_HANDLES; i++) {
		while (!handle_ring_push(argument, i)) {
		}
	}
	return NULL;
}

static void ring_keeps_order_between_threads(void)
{
	struct handle_ring ring;
	pthread_t producer;
	uint32_t wrong = 0;

	CU_ASSERT_EQUAL_FATAL(handle_ring_init(&ring, 64), 0);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&producer, NULL, ring_produce, &ring), 0);
	for (uint32_t i = 0; i < RING_HANDLES; i++) {
		uint32_t handle = 0;

		while (!handle_ring_pop(&ring, &handle)) {
		}
		wrong += handle != i;
	}
	CU_ASSERT_EQUAL(wrong, 0);
	pthread_join(producer, NULL);
	handle_ring_fini(&ring);
}

static void table_memory_is_aligned_and_whole(void)
{
	static const size_t sizes[] = {0, 1, 100, 4096, (2u << 20) - 1, 2u << 20, (5u << 20) + 77};

	for (size_t i = 0; i < BASE_ARRAY_SIZE(sizes); i++) {
		uint8_t *memory = table_memory_allocate(sizes[i]);
		size_t alignment = sizes[i] >= 2u << 20 ? 2u << 20 : BASE_CACHE_LINE_PAIR;

		CU_ASSERT_PTR_NOT_NULL_FATAL(memory);
		CU_ASSERT_EQUAL((uintptr_t)memory % alignment, 0);
		memset(memory, 0x5a, sizes[i]);
		free(memory);
	}
}

// Neither before nor behind it.
static void table_memory_shares_no_pair_of_lines(void)
{
	enum {
		PIECES = 64
	};
	uint8_t *tables[PIECES];
	uint8_t *others[2 * PIECES];

	for (int i = 0; i < PIECES; i++) {
		others[2 * i] = malloc(1);
		tables[i] = table_memory_allocate_zeroed(1);
		others[2 * i + 1] = malloc(1);
		CU_ASSERT_PTR_NOT_NULL_FATAL(tables[i]);
		CU_ASSERT_EQUAL(*tables[i], 0);
	}
	for (int i = 0; i < PIECES; i++) {
		for (int j = 0; j < 2 * PIECES; j++)
			CU_ASSERT((uintptr_t)others[j] / BASE_CACHE_LINE_PAIR !=
				  (uintptr_t)tables[i] / BASE_CACHE_LINE_PAIR);
	}
	for (int i = 0; i < PIECES; i++) {
		free(tables[i]);
		free(others[2 * i]);
		free(others[2 * i + 1]);
	}
}

static const struct unit_case cases[] = {
	{"reader fails at the end and stays failed", reader_fails_at_the_end_and_stays_failed},
	{"reader seeks within its bytes only", reader_seeks_within_its_bytes_only},
	{"writer never writes past its room", writer_never_writes_past_its_room},
	{"random streams repeat by seed", random_streams_repeat_by_seed_and_only_by_seed},
	{"random below covers its range", random_below_covers_its_range_evenly},
	{"ring refuses when full and empty", ring_refuses_when_full_and_when_empty},
	{"table memory is aligned and whole", table_memory_is_aligned_and_whole},
	{"table memory shares no pair of lines", table_memory_shares_no_pair_of_lines},
	{"ring keeps order between threads", ring_keeps_order_between_threads},
};

UNIT_MAIN("base", cases)
