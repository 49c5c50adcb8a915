// SPDX-License-Identifier: BSD-3-Clause
#include "unit.h"

#include <inttypes.h>
#include <string.h>

#include "base/compiler.h"
#include "stats/prometheus.h"

static void expect_text(struct stats_text *text, const char *expected)
{
	CU_ASSERT(!text->is_short);
	CU_ASSERT_EQUAL(text->length, strlen(expected));
	if (text->length != strlen(expected) || memcmp(text->bytes, expected, text->length) != 0) {
		fprintf(stderr, "\nexpected:\n%s\ngot:\n%.*s\n", expected, (int)text->length,
			text->bytes);
		CU_FAIL("another text");
	}
	stats_text_fini(text);
}

static void test_growth(void)
{
	struct stats_text text = {0};

	for (int i = 0; i < 100000; i++)
		stats_text_print(&text, "%05d", i);
	CU_ASSERT_EQUAL_FATAL(text.length, 500000);
	CU_ASSERT(memcmp(text.bytes, "00000000010000200003", 20) == 0);
	CU_ASSERT(memcmp(text.bytes + 499995, "99999", 5) == 0);
	stats_text_fini(&text);
	CU_ASSERT_PTR_NULL(text.bytes);
}

// What is too long for one print is not cut in silence.
static void test_long_print(void)
{
	struct stats_text text = {0};

	stats_text_print(&text, "%2000d", 1);
	CU_ASSERT(text.is_short);
	stats_text_add_string(&text, "more");
	CU_ASSERT_EQUAL(text.length, 0);
	stats_text_fini(&text);
}

static void test_numbers(void)
{
	const struct stats_label labels[] = {{"a", "1"}, {"b", "two"}};
	struct stats_text text = {0};
	struct stats_metric metric =
		stats_metric_begin(&text, "m_total", STATS_METRIC_COUNTER, "What it is.");

	stats_metric_number(&metric, NULL, 0, 0);
	stats_metric_number(&metric, labels, 1, 7);
	stats_metric_number(&metric, labels, 2, UINT64_MAX);
	metric = stats_metric_begin(&text, "g", STATS_METRIC_GAUGE, "Another.");
	stats_metric_duration(&metric, NULL, 0, 0);
	stats_metric_duration(&metric, NULL, 0, 1);
	stats_metric_duration(&metric, NULL, 0, 1500000000);
	stats_metric_duration(&metric, NULL, 0, UINT64_C(20000000000));
	expect_text(&text, "# HELP m_total What it is.\n# TYPE m_total counter\n"
			   "m_total 0\nm_total{a=\"1\"} 7\n"
			   "m_total{a=\"1\",b=\"two\"} 18446744073709551615\n"
			   "# HELP g Another.\n# TYPE g gauge\n"
			   "g 0\ng 0.000000001\ng 1.5\ng 20\n");
}

static void test_escapes(void)
{
	const struct stats_label label = {"zone", "a\\.b\"c\nd"};
	struct stats_text text = {0};
	struct stats_metric metric = {.text = &text, .name = "m"};

	stats_metric_number(&metric, &label, 1, 1);
	expect_text(&text, "m{zone=\"a\\\\.b\\\"c\\nd\"} 1\n");
}

static void test_histogram(void)
{
	static const uint64_t bounds[] = {250000, 500000};
	static const uint64_t counts[] = {3, 0, 2};
	const struct stats_histogram histogram = {
		.bounds = bounds, .counts = counts, .bound_count = 2, .sum = 1250000000};
	const struct stats_label label = {"to", "192.0.2.1:53"};
	struct stats_text text = {0};
	struct stats_metric metric =
		stats_metric_begin(&text, "d_seconds", STATS_METRIC_HISTOGRAM, "How long.");

	stats_metric_histogram(&metric, &label, 1, &histogram);
	stats_metric_histogram(&metric, NULL, 0, &histogram);
	expect_text(&text, "# HELP d_seconds How long.\n# TYPE d_seconds histogram\n"
			   "d_seconds_bucket{to=\"192.0.2.1:53\",le=\"0.00025\"} 3\n"
			   "d_seconds_bucket{to=\"192.0.2.1:53\",le=\"0.0005\"} 3\n"
			   "d_seconds_bucket{to=\"192.0.2.1:53\",le=\"+Inf\"} 5\n"
			   "d_seconds_sum{to=\"192.0.2.1:53\"} 1.25\n"
			   "d_seconds_count{to=\"192.0.2.1:53\"} 5\n"
			   "d_seconds_bucket{le=\"0.00025\"} 3\n"
			   "d_seconds_bucket{le=\"0.0005\"} 3\n"
			   "d_seconds_bucket{le=\"+Inf\"} 5\n"
			   "d_seconds_sum 1.25\nd_seconds_count 5\n");
}

static const struct unit_case cases[] = {
	{"grows", test_growth},
	{"does not cut", test_long_print},
	{"writes numbers and durations", test_numbers},
	{"escapes values of labels", test_escapes},
	{"writes histograms", test_histogram},
};

UNIT_MAIN("stats: prometheus", cases)
