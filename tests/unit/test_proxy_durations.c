// SPDX-License-Identifier: BSD-3-Clause
#include "unit.h"

#include "proxy/durations.h"

#include <string.h>

// The bucket by comparing with each bound.
static uint32_t plain_bucket(uint64_t nanoseconds)
{
	uint32_t bucket = 0;

	while (bucket < PROXY_DURATION_BOUNDS && nanoseconds > proxy_duration_bound(bucket))
		bucket++;
	return bucket;
}

static void bounds_double(void)
{
	CU_ASSERT_EQUAL(proxy_duration_bound(0), 250000);
	for (uint32_t i = 1; i < PROXY_DURATION_BOUNDS; i++)
		CU_ASSERT_EQUAL(proxy_duration_bound(i), 2 * proxy_duration_bound(i - 1));
	CU_ASSERT_EQUAL(
		proxy_duration_bound(PROXY_DURATION_BOUNDS - 1), UINT64_C(8192) * 1000 * 1000);
}

static void each_duration_has_its_bucket(void)
{
	for (uint32_t i = 0; i < PROXY_DURATION_BOUNDS; i++) {
		uint64_t bound = proxy_duration_bound(i);

		CU_ASSERT_EQUAL(proxy_duration_bucket(bound - 1), i);
		CU_ASSERT_EQUAL(proxy_duration_bucket(bound), i);
		CU_ASSERT_EQUAL(proxy_duration_bucket(bound + 1), i + 1);
	}
	CU_ASSERT_EQUAL(proxy_duration_bucket(0), 0);
	CU_ASSERT_EQUAL(proxy_duration_bucket(1), 0);
	CU_ASSERT_EQUAL(proxy_duration_bucket(UINT64_MAX), PROXY_DURATION_BUCKETS - 1);
	for (int bit = 0; bit < 64; bit++) {
		uint64_t power = UINT64_C(1) << bit;

		for (uint64_t d = power - 1; d != power + 2; d++)
			CU_ASSERT_EQUAL(proxy_duration_bucket(d), plain_bucket(d));
	}
}

static void replies_count_under_their_rcode(void)
{
	static const struct {
		uint8_t rcode;
		uint8_t high;
		enum proxy_duration_rcode row;
	} replies[] = {
		{DNS_RCODE_NOERROR, 0, PROXY_DURATION_NOERROR},
		{DNS_RCODE_NXDOMAIN, 0, PROXY_DURATION_NXDOMAIN},
		{DNS_RCODE_SERVFAIL, 0, PROXY_DURATION_SERVFAIL},
		{DNS_RCODE_REFUSED, 0, PROXY_DURATION_REFUSED},
		{DNS_RCODE_FORMERR, 0, PROXY_DURATION_OTHER}, {15, 0, PROXY_DURATION_OTHER},
		{DNS_RCODE_NOERROR, 1, PROXY_DURATION_OTHER}, // BADVERS
	};

	for (size_t i = 0; i < BASE_ARRAY_SIZE(replies); i++) {
		struct proxy_durations durations;
		struct dns_message reply = {.rcode = replies[i].rcode};
		const struct proxy_duration_row *row = &durations.rows[replies[i].row];

		memset(&durations, 0, sizeof(durations));
		reply.edns.rcode_high = replies[i].high;
		proxy_durations_count(&durations, &reply, 300000);
		proxy_durations_count(&durations, &reply, 100000);
		CU_ASSERT_EQUAL(row->sum, 400000);
		CU_ASSERT_EQUAL(row->counts[0], 1);
		CU_ASSERT_EQUAL(row->counts[1], 1);
	}
}

static void rows_have_names(void)
{
	CU_ASSERT_STRING_EQUAL(proxy_duration_rcode_name(PROXY_DURATION_NOERROR), "NOERROR");
	CU_ASSERT_STRING_EQUAL(proxy_duration_rcode_name(PROXY_DURATION_OTHER), "other");
}

static const struct unit_case cases[] = {
	{"has bounds that double", bounds_double},
	{"finds the bucket of each duration", each_duration_has_its_bucket},
	{"counts replies under their rcode", replies_count_under_their_rcode},
	{"names its rows", rows_have_names},
};

UNIT_MAIN("proxy: durations", cases)
