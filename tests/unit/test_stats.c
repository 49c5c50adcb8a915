// SPDX-License-Identifier: BSD-3-Clause
#include "unit.h"

#include <ctype.h>
#include <string.h>

#include "stats/counters.h"
#include "stats/stages.h"

static void test_names(void)
{
	for (int i = 0; i < STATS_COUNTERS; i++) {
		const char *name = stats_counter_name((enum stats_counter)i);

		CU_ASSERT(strlen(stats_counter_help((enum stats_counter)i)) > 0);
		CU_ASSERT(strlen(name) > 0 && strlen(name) < 32);
		for (const char *at = name; *at; at++)
			CU_ASSERT(islower((unsigned char)*at) || *at == '_');
		for (int j = 0; j < i; j++)
			CU_ASSERT_STRING_NOT_EQUAL(name, stats_counter_name((enum stats_counter)j));
	}
}

// A verdict says by its name to which sum it belongs.
static void test_groups(void)
{
	static const char *const prefixes[] = {
		[STATS_GROUP_INPUT] = "frames_",
		[STATS_GROUP_STREAM] = "stream_",
		[STATS_GROUP_FRAME] = "frame_",
		[STATS_GROUP_QUERY] = "query_",
		[STATS_GROUP_REPLY] = "reply_",
		[STATS_GROUP_ICMP] = "icmp_",
	};

	for (int i = 0; i < STATS_COUNTERS; i++) {
		enum stats_group group = stats_counter_group((enum stats_counter)i);
		const char *name = stats_counter_name((enum stats_counter)i);

		for (size_t j = 0; j < BASE_ARRAY_SIZE(prefixes); j++)
			CU_ASSERT_EQUAL(
				strncmp(name, prefixes[j], strlen(prefixes[j])) == 0, j == group);
	}
}

static void test_sums(void)
{
	struct stats_counters counters = {{0}};
	uint64_t all = 0;

	for (int i = 0; i < STATS_COUNTERS; i++) {
		stats_count_many(&counters, (enum stats_counter)i, (uint64_t)i << 33);
		stats_count(&counters, (enum stats_counter)i);
		CU_ASSERT_EQUAL(
			stats_read(&counters, (enum stats_counter)i), ((uint64_t)i << 33) + 1);
	}
	for (int group = STATS_GROUP_INPUT; group <= STATS_GROUP_LOOP; group++)
		all += stats_group_sum(&counters, (enum stats_group)group);
	CU_ASSERT_EQUAL(
		all, ((uint64_t)STATS_COUNTERS * (STATS_COUNTERS - 1) / 2 << 33) + STATS_COUNTERS);
	CU_ASSERT_EQUAL(stats_group_sum(&counters, STATS_GROUP_INPUT),
		stats_read(&counters, STATS_FRAMES_RECEIVED) +
			stats_read(&counters, STATS_FRAMES_HOPPED_IN));
}

// The first mark counts from 0, which the test does not look at.
static void test_stages(void)
{
	struct stats_stages stages = {0};

	stats_stages_mark(&stages, STATS_STAGE_IDLE);
	stats_stages_mark(&stages, STATS_STAGE_PARSE);
	stats_stages_mark(&stages, STATS_STAGE_PARSE);
#ifdef MILLRACE_CYCLE_COUNTERS
	CU_ASSERT(stats_stages_read(&stages, STATS_STAGE_PARSE) > 0);
#else
	CU_ASSERT_EQUAL(stats_stages_read(&stages, STATS_STAGE_IDLE), 0);
#endif
	CU_ASSERT_EQUAL(stats_stages_read(&stages, STATS_STAGE_SEND), 0);
	for (int i = 1; i < STATS_STAGES; i++)
		CU_ASSERT_STRING_NOT_EQUAL(stats_stage_name((enum stats_stage)i),
			stats_stage_name((enum stats_stage)(i - 1)));
}

static const struct unit_case cases[] = {
	{"names each counter once", test_names},
	{"groups counters by their names", test_groups},
	{"sums up groups", test_sums},
	{"counts cycles in builds for that alone", test_stages},
};

UNIT_MAIN("stats", cases)
