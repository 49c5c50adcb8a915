// SPDX-License-Identifier: BSD-3-Clause
// When the generator's queries are due.
#include "pacer.h"
#include "unit.h"

#define FREQUENCY UINT64_C(2300000000)
#define START UINT64_C(123456789)

static void test_without_a_rate_all_are_due_now(void)
{
	struct pacer pacer;

	pacer_init(&pacer, 0, FREQUENCY);
	pacer_start(&pacer, START);
	CU_ASSERT_EQUAL(pacer_count_due(&pacer, 32, START), 32);
	CU_ASSERT_EQUAL(pacer_take(&pacer, START + 7), START + 7);
	CU_ASSERT_EQUAL(pacer_count_due(&pacer, 0, START + 7), 0);
}

// Takes what is due at `now`. How many that were.
static uint64_t take_due(struct pacer *pacer, uint32_t most, uint64_t now)
{
	uint32_t count = pacer_count_due(pacer, most, now);

	for (uint32_t i = 0; i < count; i++)
		CU_ASSERT_TRUE_FATAL(pacer_take(pacer, now) <= now);
	return count;
}

static void test_rate_is_kept(uint64_t rate, uint64_t step)
{
	struct pacer pacer;
	uint64_t taken = 0;

	pacer_init(&pacer, rate, FREQUENCY);
	pacer_start(&pacer, START);
	for (uint64_t now = START; now < START + FREQUENCY; now += step)
		taken += take_due(&pacer, UINT32_MAX, now);
	// The last step may end before the second does.
	CU_ASSERT_TRUE(taken <= rate + 1);
	CU_ASSERT_TRUE(taken + 2 + rate * step / FREQUENCY >= rate);
}

static void test_rates_are_kept(void)
{
	test_rate_is_kept(1, 1000003);
	test_rate_is_kept(999983, 23003);
	test_rate_is_kept(3000000, 4001);
	test_rate_is_kept(7654321, 300);
}

static void test_none_is_due_early(void)
{
	struct pacer pacer;

	pacer_init(&pacer, 1000000, FREQUENCY);
	pacer_start(&pacer, START);
	CU_ASSERT_EQUAL(take_due(&pacer, 32, START), 1);
	CU_ASSERT_EQUAL(take_due(&pacer, 32, START + 2298), 0);
	CU_ASSERT_EQUAL(take_due(&pacer, 32, START + 2302), 1);
}

// What waited for the sender is late, and not left out.
static void test_those_of_a_pause_are_late(void)
{
	struct pacer pacer;
	uint64_t now = START + 2300 * 100;

	pacer_init(&pacer, 1000000, FREQUENCY);
	pacer_start(&pacer, START);
	CU_ASSERT_EQUAL(pacer_count_due(&pacer, 32, now), 32);
	for (uint64_t i = 0; i <= 100; i++) {
		uint64_t due = pacer_take(&pacer, now);

		CU_ASSERT_TRUE(due + 1 >= START + 2300 * i && due <= START + 2300 * i + 1);
	}
	CU_ASSERT_EQUAL(pacer_count_due(&pacer, 32, now), 0);
}

static void test_start_begins_anew(void)
{
	struct pacer pacer;

	pacer_init(&pacer, 1000000, FREQUENCY);
	pacer_start(&pacer, START);
	CU_ASSERT_EQUAL(take_due(&pacer, UINT32_MAX, START + FREQUENCY), 1000001);
	pacer_start(&pacer, START + 2 * FREQUENCY);
	CU_ASSERT_EQUAL(take_due(&pacer, UINT32_MAX, START + 2 * FREQUENCY), 1);
}

static const struct unit_case cases[] = {
	{"without a rate all are due now", test_without_a_rate_all_are_due_now},
	{"rates are kept", test_rates_are_kept},
	{"none is due early", test_none_is_due_early},
	{"those of a pause are late", test_those_of_a_pause_are_late},
	{"start begins anew", test_start_begins_anew},
};

UNIT_MAIN("bench_pacer", cases)
