// SPDX-License-Identifier: BSD-3-Clause
// Which names the generator asks for, and how often.
#include "names.h"
#include "unit.h"

#include <stdlib.h>

#define DRAWN 1000000u
#define COUNT 1000u

static void draw(enum option_names kind, uint64_t seed, uint32_t counts[COUNT])
{
	struct options options = {.names = kind, .name_count = COUNT};
	struct names names;

	CU_ASSERT_EQUAL_FATAL(names_init(&names, &options, seed), 0);
	for (uint32_t i = 0; i < COUNT; i++)
		counts[i] = 0;
	for (uint32_t i = 0; i < DRAWN; i++) {
		uint64_t name = names_next(&names);

		CU_ASSERT_TRUE_FATAL(name < COUNT);
		counts[name]++;
	}
	names_fini(&names);
}

// Within five standard deviations of what is expected, which is about the root of it.
static void check_count(double count, double expected)
{
	double off = count - expected;

	CU_ASSERT_TRUE(off * off < 25 * expected);
}

static void test_different(void)
{
	struct options options = {.names = OPTION_NAMES_DIFFERENT};
	struct names names;

	CU_ASSERT_EQUAL_FATAL(names_init(&names, &options, 77), 0);
	for (uint64_t i = 0; i < 100000; i++)
		CU_ASSERT_EQUAL_FATAL(names_next(&names), 77 + i);
	names_fini(&names);
}

static void test_uniform(void)
{
	uint32_t counts[COUNT];

	draw(OPTION_NAMES_UNIFORM, 1, counts);
	for (uint32_t i = 0; i < COUNT; i++)
		check_count(counts[i], (double)DRAWN / COUNT);
}

// The n-th is asked 1/n as often as the first.
static void test_zipf(void)
{
	uint32_t counts[COUNT];
	double harmonic = 0;

	for (uint32_t i = 0; i < COUNT; i++)
		harmonic += 1.0 / (i + 1);
	draw(OPTION_NAMES_ZIPF, 1, counts);
	for (uint32_t i = 0; i < COUNT; i++)
		check_count(counts[i], DRAWN / harmonic / (i + 1));
}

// So many of a hundred are new, each but once.
// Each of the set once for each time, and then as before.
static void test_fill(void)
{
	const struct options options = {.names = OPTION_NAMES_UNIFORM, .name_count = 100};
	struct names names, without;
	uint32_t asked[100] = {0};

	CU_ASSERT_EQUAL_FATAL(names_init(&names, &options, 5), 0);
	CU_ASSERT_EQUAL_FATAL(names_init(&without, &options, 5), 0);
	names.fill_left = 200;
	for (int i = 0; i < 200; i++)
		asked[names_next(&names)]++;
	for (int i = 0; i < 100; i++)
		CU_ASSERT_EQUAL(asked[i], 2);
	for (int i = 0; i < 1000; i++)
		CU_ASSERT_EQUAL(names_next(&names), names_next(&without));
	names_fini(&names);
	names_fini(&without);
}

static void test_new_names(void)
{
	struct options options = {
		.names = OPTION_NAMES_UNIFORM, .name_count = COUNT, .new_names = 10};
	uint64_t next = NAMES_NEW_FIRST;
	struct names names;

	CU_ASSERT_EQUAL_FATAL(names_init(&names, &options, 3), 0);
	for (uint32_t i = 0; i < DRAWN; i++) {
		uint64_t name = names_next(&names);

		if (name < COUNT)
			continue;
		CU_ASSERT_EQUAL_FATAL(name, next);
		next++;
	}
	check_count((double)(next - NAMES_NEW_FIRST), DRAWN / 10.0);
	names_fini(&names);
}

static void test_seed_decides(void)
{
	uint32_t first[COUNT], same[COUNT], other[COUNT];
	uint32_t differences = 0;

	draw(OPTION_NAMES_ZIPF, 5, first);
	draw(OPTION_NAMES_ZIPF, 5, same);
	draw(OPTION_NAMES_ZIPF, 6, other);
	for (uint32_t i = 0; i < COUNT; i++) {
		CU_ASSERT_EQUAL(first[i], same[i]);
		differences += first[i] != other[i];
	}
	CU_ASSERT_TRUE(differences > 0);
}

static const struct unit_case cases[] = {
	{"different", test_different},
	{"uniform", test_uniform},
	{"new names", test_new_names},
	{"fill", test_fill},
	{"zipf", test_zipf},
	{"the seed decides", test_seed_decides},
};

UNIT_MAIN("bench_names", cases)
