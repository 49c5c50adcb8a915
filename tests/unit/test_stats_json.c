// SPDX-License-Identifier: BSD-3-Clause
#include "unit.h"

#include <inttypes.h>
#include <string.h>

#include "stats/json.h"

static void expect_text(struct stats_text *text, const char *expected)
{
	CU_ASSERT_EQUAL(text->length, strlen(expected));
	if (text->length != strlen(expected) || memcmp(text->bytes, expected, text->length) != 0) {
		fprintf(stderr, "\nexpected: %s\ngot:      %.*s\n", expected, (int)text->length,
			text->bytes);
		CU_FAIL("another text");
	}
	stats_text_fini(text);
}

static void test_nesting(void)
{
	struct stats_text text = {0};
	struct stats_json json = {.text = &text};

	stats_json_open_object(&json, NULL);
	stats_json_number(&json, "a", -1);
	stats_json_open_array(&json, "b");
	stats_json_open_object(&json, NULL);
	stats_json_close_object(&json);
	stats_json_open_object(&json, NULL);
	stats_json_truth(&json, "yes", true);
	stats_json_truth(&json, "no", false);
	stats_json_close_object(&json);
	stats_json_number(&json, NULL, INT64_MAX);
	stats_json_close_array(&json);
	stats_json_fraction(&json, "c", 12005);
	stats_json_close_object(&json);
	expect_text(&text, "{\"a\":-1,\"b\":[{},{\"yes\":true,\"no\":false},9223372036854775807],"
			   "\"c\":12.005}");
}

static void test_escapes(void)
{
	struct stats_text text = {0};
	struct stats_json json = {.text = &text};

	stats_json_string(&json, "a\"b", "c\\d\n\x1b\x7f\xff e");
	expect_text(&text, "\"a\\\"b\":\"c\\\\d\\u000a\\u001b\\u007f\\u00ff e\"");
}

static const struct unit_case cases[] = {
	{"nests", test_nesting},
	{"escapes", test_escapes},
};

UNIT_MAIN("stats: JSON", cases)
