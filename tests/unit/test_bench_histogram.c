// SPDX-License-Identifier: BSD-3-Clause
// The generator's quantiles against those of the sorted values.
#include "histogram.h"
#include "names.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#define VALUES 100000u

static int compare(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return (left > right) - (left < right);
}

// From some to 2^40, the more of a size the smaller it is.
static uint64_t next_value(uint64_t *state)
{
	uint64_t random = names_random(state);

	return (random >> 24) >> (random & 31);
}

static void check_quantiles(const struct histogram *histogram, uint64_t *values, uint32_t count)
{
	static const uint32_t parts[] = {1, 1000, 250000, 500000, 900000, 990000, 999000, 999990};

	qsort(values, count, sizeof(*values), compare);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		// The least value that so many do not exceed.
		uint64_t rank = ((uint64_t)count * parts[i] + 999999) / 1000000;
		uint64_t exact = values[rank - 1];
		uint64_t found = histogram_quantile(histogram, parts[i]);

		CU_ASSERT_TRUE(found >= exact);
		CU_ASSERT_TRUE(found - exact <= exact / HISTOGRAM_STEPS);
	}
}

static void test_quantiles(void)
{
	static struct histogram histogram;
	static uint64_t values[VALUES];
	uint64_t state = 1, most = 0;

	for (uint32_t i = 0; i < VALUES; i++) {
		values[i] = next_value(&state);
		most = values[i] > most ? values[i] : most;
		histogram_add(&histogram, values[i]);
	}
	CU_ASSERT_EQUAL(histogram.count, VALUES);
	CU_ASSERT_EQUAL(histogram.most, most);
	check_quantiles(&histogram, values, VALUES);
	CU_ASSERT_EQUAL(histogram_quantile(&histogram, 1000000), most);
}

static void test_small_values_are_exact(void)
{
	static struct histogram histogram;

	for (uint64_t value = 0; value < 256; value++)
		histogram_add(&histogram, value);
	for (uint32_t value = 0; value < 256; value++)
		CU_ASSERT_EQUAL(histogram_quantile(&histogram, (value + 1) * 1000000 / 256), value);
}

static void test_one_value(void)
{
	static struct histogram histogram;

	histogram_add(&histogram, 1234567);
	CU_ASSERT_EQUAL(histogram_quantile(&histogram, 1), 1234567);
	CU_ASSERT_EQUAL(histogram_quantile(&histogram, 500000), 1234567);
	CU_ASSERT_EQUAL(histogram_quantile(&histogram, 999999), 1234567);
}

static void test_largest_value_has_a_bucket(void)
{
	static struct histogram histogram;

	CU_ASSERT_TRUE_FATAL(histogram_bucket(UINT64_MAX) < HISTOGRAM_BUCKETS);
	histogram_add(&histogram, UINT64_MAX);
	CU_ASSERT_EQUAL(histogram_quantile(&histogram, 500000), UINT64_MAX);
}

static void test_empty(void)
{
	static struct histogram histogram;

	CU_ASSERT_EQUAL(histogram_quantile(&histogram, 500000), 0);
	CU_ASSERT_EQUAL(histogram_quantile(&histogram, 1000000), 0);
}

static void test_merge(void)
{
	static struct histogram whole, first, second;
	uint64_t state = 2;

	for (uint32_t i = 0; i < VALUES; i++) {
		uint64_t value = next_value(&state);

		histogram_add(&whole, value);
		histogram_add(i % 3 ? &first : &second, value);
	}
	histogram_merge(&first, &second);
	CU_ASSERT_EQUAL(memcmp(&first, &whole, sizeof(whole)), 0);
}

static const struct unit_case cases[] = {
	{"quantiles", test_quantiles},
	{"small values are exact", test_small_values_are_exact},
	{"one value", test_one_value},
	{"the largest value has a bucket", test_largest_value_has_a_bucket},
	{"empty", test_empty},
	{"merge", test_merge},
};

UNIT_MAIN("bench_histogram", cases)
