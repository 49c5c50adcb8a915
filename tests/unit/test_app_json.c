// SPDX-License-Identifier: BSD-3-Clause
// What millracectl reads and how it shows that.
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "base/compiler.h"

static void refuses(const char *text)
{
	struct json_value *value = json_read(text, strlen(text));

	if (value)
		fprintf(stderr, "\n%s is accepted\n", text);
	CU_ASSERT_PTR_NULL(value);
	json_free(value);
}

static void test_refusals(void)
{
	static const char *const texts[] = {"", " ", "{", "}", "[", "{\"a\"}", "{\"a\":}", "{a:1}",
		"{\"a\":1,}", "[1,]", "[1 2]", "\"a", "\"\\", "\"\\u12", "\"\\u12g4\"", "\"\\x\"",
		"tru", "nul", "1x", "{}{}", "\"\n\"", "[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]"};

	for (size_t i = 0; i < BASE_ARRAY_SIZE(texts); i++)
		refuses(texts[i]);
	CU_ASSERT_PTR_NULL(json_read("[1\0]", 4));
}

// Every beginning of a good text is none, whatever stands behind it in memory.
static void test_prefixes(void)
{
	static const char whole[] =
		"{\"a\":[1,-2.5e3,true,false,null],\"b\":{\"c\":\"d\\u0041\\n\\\"\"}}";
	struct json_value *value = json_read(whole, strlen(whole));
	const struct json_value *b;

	CU_ASSERT_PTR_NOT_NULL_FATAL(value);
	b = json_find(value, "b");
	CU_ASSERT_PTR_NOT_NULL_FATAL(b);
	CU_ASSERT_STRING_EQUAL(json_find(b, "c")->text, "dA?\"");
	CU_ASSERT_PTR_NULL(json_find(value, "c"));
	json_free(value);
	for (size_t length = 0; length < strlen(whole); length++) {
		char *copy = malloc(length + 1);

		CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
		memcpy(copy, whole, length);
		value = json_read(copy, length);
		CU_ASSERT_PTR_NULL(value);
		json_free(value);
		free(copy);
	}
}

static void shows(const char *text, const char *expected)
{
	struct json_value *value = json_read(text, strlen(text));
	char *shown = NULL;
	size_t length;
	FILE *file = open_memstream(&shown, &length);

	CU_ASSERT_PTR_NOT_NULL_FATAL(value);
	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	answer_print(file, value);
	fclose(file);
	if (strcmp(shown, expected) != 0)
		fprintf(stderr, "\nexpected:\n%s\ngot:\n%s\n", expected, shown);
	CU_ASSERT_STRING_EQUAL(shown, expected);
	free(shown);
	json_free(value);
}

static void test_tables(void)
{
	shows("{\"state\":\"serving\",\"workers\":3}",
		"state                serving\nworkers              3\n");
	shows("{\"lcores\":[{\"lcore\":0,\"kind\":\"worker\",\"busy\":1.5},"
	      "{\"lcore\":12,\"kind\":\"stream\",\"busy\":100.25}]}",
		"lcore  kind      busy\n    0  worker     1.5\n   12  stream  100.25\n");
	shows("{\"upstreams\":[]}", "upstreams: none\n");
	shows("{\"upstreams\":[{\"to\":\"a\",\"why\":{\"x\":1},\"on\":[{\"lcore\":0}]}]}",
		"to                   a\nwhy\n    x                1\nlcore\n    0\n");
	shows("{\"done\":true}", "done                 yes\n");
	// Rows that lack something, and ones that have more.
	shows("{\"a\":[{\"b\":\"x\",\"c\":\"y\"},{\"c\":[1]},{\"d\":1}]}",
		"b  c\nx  y\n   \n   \n");
}

static const struct unit_case cases[] = {
	{"refuses what is no JSON", test_refusals},
	{"reads nothing behind the end", test_prefixes},
	{"shows lines and tables", test_tables},
};

UNIT_MAIN("app: millracectl", cases)
