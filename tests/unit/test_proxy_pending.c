// SPDX-License-Identifier: BSD-3-Clause
#include "unit.h"

#include "proxy/pending.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t some_message[20] = {1, 2, 3};

static struct random_stream *random_open(void)
{
	static const uint8_t seed[RANDOM_SEED_BYTES] = {5};
	struct random_stream *random = random_stream_create(seed);

	CU_ASSERT_PTR_NOT_NULL_FATAL(random);
	return random;
}

static uint32_t allocate_and_file(
	struct proxy_pending_table *table, uint16_t connection, struct random_stream *random)
{
	uint32_t slot = proxy_pending_allocate(table, some_message, sizeof(some_message));

	CU_ASSERT_FATAL(slot != PROXY_PENDING_NONE);
	CU_ASSERT_TRUE_FATAL(proxy_pending_file(table, slot, connection, random));
	return slot;
}

static void ids_on_one_port_are_distinct(void)
{
	enum {
		COUNT = 10000,
		PORTS = 1
	};
	struct random_stream *random = random_open();
	uint8_t *seen = calloc(1, UINT16_MAX + 1);
	struct proxy_pending_table table;

	CU_ASSERT_PTR_NOT_NULL_FATAL(seen);
	CU_ASSERT_EQUAL_FATAL(proxy_pending_table_init(&table, COUNT, PORTS), 0);
	for (uint32_t i = 0; i < COUNT; i++) {
		uint32_t slot = allocate_and_file(&table, 0, random);
		uint16_t id = proxy_pending_at(&table, slot)->id;

		CU_ASSERT_EQUAL_FATAL(seen[id], 0);
		seen[id] = 1;
	}
	CU_ASSERT_EQUAL(proxy_pending_allocate(&table, some_message, sizeof(some_message)),
		PROXY_PENDING_NONE);
	proxy_pending_table_fini(&table);
	free(seen);
	random_stream_destroy(random);
}

static void ids_are_drawn_from_all_there_are(void)
{
	struct random_stream *random = random_open();
	struct proxy_pending_table table;
	uint32_t bits[16] = {0};

	CU_ASSERT_EQUAL_FATAL(proxy_pending_table_init(&table, 4, 1), 0);
	for (int i = 0; i < 16000; i++) {
		uint32_t slot = allocate_and_file(&table, 0, random);

		for (int bit = 0; bit < 16; bit++)
			bits[bit] += proxy_pending_at(&table, slot)->id >> bit & 1;
		proxy_pending_unfile(&table, slot);
		proxy_pending_free(&table, slot);
	}
	// 8,000 expected, deviation 63.
	for (int bit = 0; bit < 16; bit++)
		CU_ASSERT(bits[bit] > 7700 && bits[bit] < 8300);
	CU_ASSERT_EQUAL(table.in_use, 0);
	proxy_pending_table_fini(&table);
	random_stream_destroy(random);
}

static void two_hundred_thousand_are_found_each(void)
{
	enum {
		COUNT = 200000,
		PORTS = 8000
	};
	struct random_stream *random = random_open();
	struct proxy_pending_table table;
	uint32_t lost = 0;

	CU_ASSERT_EQUAL_FATAL(proxy_pending_table_init(&table, COUNT, PORTS), 0);
	for (uint32_t i = 0; i < COUNT; i++)
		(void)allocate_and_file(&table, (uint16_t)(i % PORTS), random);
	CU_ASSERT_EQUAL(table.in_use, COUNT);
	for (uint32_t slot = 0; slot < COUNT; slot++) {
		const struct proxy_pending *pending = proxy_pending_at(&table, slot);

		lost += proxy_pending_find(&table, pending->connection, pending->id) != slot;
	}
	CU_ASSERT_EQUAL(lost, 0);
	// A guess is wrong where another in the row has the same 8 bits: 10 of 100 at most.
	for (uint32_t slot = 0; slot < COUNT; slot++) {
		const struct proxy_pending *pending = proxy_pending_at(&table, slot);

		lost += proxy_pending_guess(&table, pending->connection, pending->id) != slot;
	}
	CU_ASSERT(lost < COUNT / 100 * 10);
	lost = 0;
	for (uint32_t slot = 0; slot < COUNT; slot += 2)
		proxy_pending_unfile(&table, slot);
	for (uint32_t slot = 0; slot < COUNT; slot++) {
		const struct proxy_pending *pending = proxy_pending_at(&table, slot);
		uint32_t expected = slot & 1 ? slot : PROXY_PENDING_NONE;

		lost += proxy_pending_find(&table, pending->connection, pending->id) != expected;
	}
	CU_ASSERT_EQUAL(lost, 0);
	proxy_pending_table_fini(&table);
	random_stream_destroy(random);
}

// Against a plain array of what should be found, on few ports so that ids collide.
static void does_as_an_array_does(void)
{
	enum {
		SLOTS = 3000,
		PORTS = 2
	};
	static uint32_t expected[PORTS][UINT16_MAX + 1];
	static bool is_filed[SLOTS];
	struct random_stream *random = random_open();
	struct proxy_pending_table table;

	memset(expected, 0xff, sizeof(expected));
	CU_ASSERT_EQUAL_FATAL(proxy_pending_table_init(&table, SLOTS, PORTS), 0);
	for (uint32_t step = 0; step < 1000000; step++) {
		uint16_t port = (uint16_t)random_stream_below(random, PORTS);
		uint16_t id = (uint16_t)random_stream_u32(random);
		uint32_t slot = random_stream_below(random, SLOTS);

		CU_ASSERT_EQUAL_FATAL(proxy_pending_find(&table, port, id), expected[port][id]);
		if (is_filed[slot]) {
			port = proxy_pending_at(&table, slot)->connection;
			id = proxy_pending_at(&table, slot)->id;
			CU_ASSERT_EQUAL_FATAL(proxy_pending_find(&table, port, id), slot);
			proxy_pending_unfile(&table, slot);
			proxy_pending_free(&table, slot);
			expected[port][id] = PROXY_PENDING_NONE;
			is_filed[slot] = false;
			continue;
		}
		slot = allocate_and_file(&table, port, random);
		id = proxy_pending_at(&table, slot)->id;
		CU_ASSERT_EQUAL_FATAL(expected[port][id], PROXY_PENDING_NONE);
		expected[port][id] = slot;
		is_filed[slot] = true;
	}
	proxy_pending_table_fini(&table);
	random_stream_destroy(random);
}

static void a_full_row_refuses(void)
{
	enum {
		PORTS = 100,
		SHARE = 32 // twice 1,000 / 100, in whole lines
	};
	struct random_stream *random = random_open();
	struct proxy_pending_table table;
	uint32_t slot = PROXY_PENDING_NONE;

	CU_ASSERT_EQUAL_FATAL(proxy_pending_table_init(&table, 1000, PORTS), 0);
	for (uint32_t i = 0; i < SHARE; i++)
		(void)allocate_and_file(&table, 7, random);
	slot = proxy_pending_allocate(&table, some_message, sizeof(some_message));
	CU_ASSERT_FATAL(slot != PROXY_PENDING_NONE);
	CU_ASSERT_FALSE(proxy_pending_file(&table, slot, 7, random));
	CU_ASSERT_TRUE(proxy_pending_file(&table, slot, 8, random));
	proxy_pending_unfile(&table, 0);
	CU_ASSERT_TRUE(proxy_pending_file(&table, 0, 7, random));
	proxy_pending_table_fini(&table);
	random_stream_destroy(random);
}

static void messages_are_kept_whatever_their_length(void)
{
	struct random_stream *random = random_open();
	uint8_t message[PROXY_LONG_MESSAGE_BYTES + 1];
	struct proxy_pending_table table;
	uint32_t slots[20];

	CU_ASSERT_EQUAL_FATAL(proxy_pending_table_init(&table, 20, 1), 0);
	for (uint32_t round = 0; round < 2; round++) {
		// Sixteen long ones and four short ones are room for all.
		for (uint32_t i = 0; i < 20; i++) {
			uint16_t length = (uint16_t)(i < 16 ? PROXY_LONG_MESSAGE_BYTES - i
							    : PROXY_INLINE_MESSAGE_BYTES);

			memset(message, (int)i, sizeof(message));
			slots[i] = proxy_pending_allocate(&table, message, length);
			CU_ASSERT_FATAL(slots[i] != PROXY_PENDING_NONE);
		}
		for (uint32_t i = 0; i < 20; i++) {
			struct proxy_pending *pending = proxy_pending_at(&table, slots[i]);
			const uint8_t *bytes = proxy_pending_message(&table, pending);

			memset(message, (int)i, sizeof(message));
			CU_ASSERT_EQUAL(memcmp(bytes, message, pending->message_length), 0);
		}
		for (uint32_t i = 0; i < 20; i++)
			proxy_pending_free(&table, slots[i]);
	}
	proxy_pending_table_fini(&table);
	random_stream_destroy(random);
}

static void long_messages_have_limits(void)
{
	struct random_stream *random = random_open();
	uint8_t message[PROXY_LONG_MESSAGE_BYTES + 1] = {0};
	struct proxy_pending_table table;

	CU_ASSERT_EQUAL_FATAL(proxy_pending_table_init(&table, 64, 1), 0);
	CU_ASSERT_EQUAL(
		proxy_pending_allocate(&table, message, sizeof(message)), PROXY_PENDING_NONE);
	for (uint32_t i = 0; i < 16; i++)
		CU_ASSERT_NOT_EQUAL(
			proxy_pending_allocate(&table, message, PROXY_LONG_MESSAGE_BYTES),
			PROXY_PENDING_NONE);
	CU_ASSERT_EQUAL(proxy_pending_allocate(&table, message, PROXY_INLINE_MESSAGE_BYTES + 1),
		PROXY_PENDING_NONE);
	CU_ASSERT_EQUAL(table.in_use, 16);
	CU_ASSERT_NOT_EQUAL(proxy_pending_allocate(&table, message, PROXY_INLINE_MESSAGE_BYTES),
		PROXY_PENDING_NONE);
	proxy_pending_table_fini(&table);
	CU_ASSERT_EQUAL(proxy_pending_table_init(&table, 0, 1), -EINVAL);
	CU_ASSERT_EQUAL(proxy_pending_table_init(&table, PROXY_PENDING_MOST + 1, 1), -EINVAL);
	random_stream_destroy(random);
}

static const struct unit_case cases[] = {
	{"ids on one port are distinct", ids_on_one_port_are_distinct},
	{"ids are drawn from all there are", ids_are_drawn_from_all_there_are},
	{"two hundred thousand are found, each", two_hundred_thousand_are_found_each},
	{"does as an array does", does_as_an_array_does},
	{"a full row refuses", a_full_row_refuses},
	{"messages are kept, whatever their length", messages_are_kept_whatever_their_length},
	{"long messages have limits", long_messages_have_limits},
};

UNIT_MAIN("proxy pending queries", cases)
