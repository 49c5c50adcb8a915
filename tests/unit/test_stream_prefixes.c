// SPDX-License-Identifier: BSD-3-Clause
#include "unit.h"

#include <errno.h>

#include "stream/prefixes.h"

#define ENTRIES 1000

static struct net_address address(const char *text)
{
	struct net_address parsed;

	CU_ASSERT_EQUAL_FATAL(net_address_parse(text, &parsed), 0);
	return parsed;
}

static uint32_t take(struct stream_prefixes *prefixes, const char *text)
{
	struct net_address from = address(text);

	return stream_prefixes_take(prefixes, &from);
}

static void addresses_of_one_prefix_are_counted_together(void)
{
	struct stream_prefixes prefixes;
	uint32_t first;

	CU_ASSERT_EQUAL_FATAL(stream_prefixes_init(&prefixes, ENTRIES, 2, 23, 57, 7), 0);
	first = take(&prefixes, "192.0.2.1");
	CU_ASSERT_EQUAL(take(&prefixes, "192.0.3.255"), first);
	CU_ASSERT_EQUAL(take(&prefixes, "192.0.2.9"), STREAM_PREFIX_NONE);
	CU_ASSERT_NOT_EQUAL(take(&prefixes, "192.0.4.1"), STREAM_PREFIX_NONE);
	CU_ASSERT_NOT_EQUAL(take(&prefixes, "192.0.1.255"), STREAM_PREFIX_NONE);
	stream_prefixes_give_back(&prefixes, first);
	CU_ASSERT_EQUAL(take(&prefixes, "192.0.2.9"), first);
	first = take(&prefixes, "2001:db8:0:7f::1");
	CU_ASSERT_EQUAL(take(&prefixes, "2001:db8:0:00:ffff::2"), first);
	CU_ASSERT_EQUAL(take(&prefixes, "2001:db8:0:40::2"), STREAM_PREFIX_NONE);
	CU_ASSERT_NOT_EQUAL(take(&prefixes, "2001:db8:0:80::2"), first);
	stream_prefixes_fini(&prefixes);
}

static void whole_addresses_and_everything_are_prefixes_too(void)
{
	struct stream_prefixes prefixes;

	CU_ASSERT_EQUAL_FATAL(stream_prefixes_init(&prefixes, ENTRIES, 1, 32, 128, 7), 0);
	CU_ASSERT_NOT_EQUAL(take(&prefixes, "192.0.2.1"), STREAM_PREFIX_NONE);
	CU_ASSERT_NOT_EQUAL(take(&prefixes, "192.0.2.0"), STREAM_PREFIX_NONE);
	CU_ASSERT_EQUAL(take(&prefixes, "192.0.2.1"), STREAM_PREFIX_NONE);
	stream_prefixes_fini(&prefixes);
	CU_ASSERT_EQUAL_FATAL(stream_prefixes_init(&prefixes, ENTRIES, 1, 0, 0, 7), 0);
	CU_ASSERT_NOT_EQUAL(take(&prefixes, "192.0.2.1"), STREAM_PREFIX_NONE);
	CU_ASSERT_EQUAL(take(&prefixes, "10.0.0.1"), STREAM_PREFIX_NONE);
	CU_ASSERT_NOT_EQUAL(take(&prefixes, "2001:db8::1"), STREAM_PREFIX_NONE);
	CU_ASSERT_EQUAL(take(&prefixes, "fe80::1"), STREAM_PREFIX_NONE);
	stream_prefixes_fini(&prefixes);
}

static void as_many_prefixes_as_connections_and_all_come_back(void)
{
	struct stream_prefixes prefixes;
	uint32_t taken[ENTRIES];

	CU_ASSERT_EQUAL_FATAL(stream_prefixes_init(&prefixes, ENTRIES, 0, 24, 56, 7), 0);
	for (int round = 0; round < 3; round++) {
		for (uint32_t i = 0; i < ENTRIES; i++) {
			const uint8_t bytes[4] = {10, (uint8_t)(i >> 8), (uint8_t)i, 1};
			struct net_address from = net_address_from_ipv4(bytes);

			taken[i] = stream_prefixes_take(&prefixes, &from);
			CU_ASSERT_NOT_EQUAL(taken[i], STREAM_PREFIX_NONE);
		}
		CU_ASSERT_EQUAL(take(&prefixes, "192.0.2.1"), STREAM_PREFIX_NONE);
		CU_ASSERT_EQUAL(take(&prefixes, "10.0.0.2"), taken[0]);
		stream_prefixes_give_back(&prefixes, taken[0]);
		// In an order of its own, so that the middle and the ends of buckets go.
		for (uint32_t i = 0; i < ENTRIES; i++)
			stream_prefixes_give_back(&prefixes, taken[i * 7 % ENTRIES]);
	}
	stream_prefixes_fini(&prefixes);
}

static void impossible_prefixes_are_refused(void)
{
	struct stream_prefixes prefixes;

	CU_ASSERT_EQUAL(stream_prefixes_init(&prefixes, ENTRIES, 1, 33, 56, 7), -EINVAL);
	CU_ASSERT_EQUAL(stream_prefixes_init(&prefixes, ENTRIES, 1, 24, 129, 7), -EINVAL);
	CU_ASSERT_EQUAL(stream_prefixes_init(&prefixes, 0, 1, 24, 56, 7), -EINVAL);
}

static const struct unit_case cases[] = {
	{"addresses of one prefix are counted together",
		addresses_of_one_prefix_are_counted_together},
	{"whole addresses and everything are prefixes, too",
		whole_addresses_and_everything_are_prefixes_too},
	{"as many prefixes as connections, and all come back",
		as_many_prefixes_as_connections_and_all_come_back},
	{"impossible prefixes are refused", impossible_prefixes_are_refused},
};

UNIT_MAIN("stream_prefixes", cases)
