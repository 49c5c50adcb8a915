// SPDX-License-Identifier: BSD-3-Clause
#include "unit.h"

#include <stdbool.h>

#include "base/compiler.h"
#include "metrics_row.h"

struct subject {
	bool is_down;
	uint16_t small;
	uint32_t middle;
	uint64_t large;
	uint64_t reasons[3];
};

#define SUBJECT(field) NUMBER_FIELD(struct subject, field)

static const struct subject subject = {
	.is_down = true,
	.small = UINT16_MAX,
	.middle = UINT32_MAX,
	.large = UINT64_MAX,
	.reasons = {7, 8, 9},
};

static const struct stats_label subject_label = {"lcore", "1"};

static void expect_row(const struct metrics_row *row, size_t label_count, const char *expected)
{
	struct stats_text text = {0};
	struct stats_metric metric = metrics_row_begin(&text, row);

	metrics_row_write(&metric, row, &subject_label, label_count, &subject);
	stats_text_add(&text, "", 1);
	CU_ASSERT_STRING_EQUAL(text.bytes, expected);
	stats_text_fini(&text);
}

static void test_sizes(void)
{
	static const struct metrics_row rows[] = {
		{"m", STATS_METRIC_GAUGE, "Help.", SUBJECT(is_down)},
		{"m", STATS_METRIC_GAUGE, "Help.", SUBJECT(small)},
		{"m", STATS_METRIC_GAUGE, "Help.", SUBJECT(middle)},
		{"m", STATS_METRIC_GAUGE, "Help.", SUBJECT(large)},
		{"m", STATS_METRIC_GAUGE, "Help.", SUBJECT(reasons[2])},
	};
	static const char *const expected[] = {
		"# HELP m Help.\n# TYPE m gauge\nm{lcore=\"1\"} 1\n",
		"# HELP m Help.\n# TYPE m gauge\nm{lcore=\"1\"} 65535\n",
		"# HELP m Help.\n# TYPE m gauge\nm{lcore=\"1\"} 4294967295\n",
		"# HELP m Help.\n# TYPE m gauge\nm{lcore=\"1\"} 18446744073709551615\n",
		"# HELP m Help.\n# TYPE m gauge\nm{lcore=\"1\"} 9\n",
	};

	for (size_t i = 0; i < BASE_ARRAY_SIZE(rows); i++)
		expect_row(&rows[i], 1, expected[i]);
}

static const char *reason(int index)
{
	static const char *const names[] = {"first", NULL, "last"};

	return names[index];
}

// What has no name is left out.
static void test_array(void)
{
	static const struct metrics_row row = {"m_total", STATS_METRIC_COUNTER, "Help.",
		SUBJECT(reasons), .label = "reason", .value_of = reason};

	expect_row(&row, 1,
		"# HELP m_total Help.\n# TYPE m_total counter\n"
		"m_total{lcore=\"1\",reason=\"first\"} 7\n"
		"m_total{lcore=\"1\",reason=\"last\"} 9\n");
}

static void test_parts(void)
{
	static const struct metrics_row row = {"m_total", STATS_METRIC_COUNTER, "Help.",
		.label = "type",
		.parts = {{"a", SUBJECT(small)}, {"b", SUBJECT(is_down)},
			{"c", SUBJECT(reasons[1])}, {"d", SUBJECT(middle)}}};

	expect_row(&row, 0,
		"# HELP m_total Help.\n# TYPE m_total counter\n"
		"m_total{type=\"a\"} 65535\nm_total{type=\"b\"} 1\n"
		"m_total{type=\"c\"} 8\nm_total{type=\"d\"} 4294967295\n");
}

static const struct unit_case cases[] = {
	{"numbers of every size", test_sizes},
	{"an array whose elements have names", test_array},
	{"parts of their own", test_parts},
};

UNIT_MAIN("app_metrics_row", cases)
