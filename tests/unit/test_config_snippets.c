// SPDX-License-Identifier: BSD-3-Clause
#include "config_text.h"

#include "base/compiler.h"

static void snippets_stand_for_their_lines(void)
{
	struct config *config = config_accept("(timing) {\n\texpire 3s\n\tmax_age 7s\n}\n"
					      "(upstream) {\n"
					      "\tforward . 192.0.2.1 {\n\t\timport timing\n\t}\n"
					      "}\n"
					      "(servers) {\n"
					      "\tb.example {\n\t\timport upstream\n\t}\n"
					      "}\n"
					      "a.example {\n\timport upstream\n\tbufsize 700\n}\n"
					      "import servers\n");
	size_t count;
	const struct config_forward *const *forwards = config_forwards(config, &count);
	const struct config_server *servers;
	char text[DNS_NAME_TEXT];

	CU_ASSERT_EQUAL_FATAL(count, 2);
	CU_ASSERT_EQUAL(forwards[0]->expire, UINT64_C(3000000000));
	CU_ASSERT_EQUAL(forwards[1]->max_age, UINT64_C(7000000000));
	CU_ASSERT_EQUAL(forwards[0]->line, 6);
	servers = config_servers(config, &count);
	CU_ASSERT_EQUAL_FATAL(count, 2);
	CU_ASSERT_STRING_EQUAL(dns_name_format(&servers[0].zone, text), "a.example.");
	CU_ASSERT_STRING_EQUAL(dns_name_format(&servers[1].zone, text), "b.example.");
	CU_ASSERT_EQUAL(servers[0].bufsize, 700);
	config_destroy(config);
	config_destroy(config_accept("(empty) {\n}\n. {\nimport empty\n}\n"));
}

static void faulty_snippets_are_refused(void)
{
	static const struct config_refusal refusals[] = {
		{"(a) {\n", "Corefile:1: '{' is not closed"},
		{"(a) {\nb {\n}\n", "Corefile:1: '{' is not closed"},
		{"(a)\n", "Corefile:1: '{' is missing after the snippet '(a)'"},
		{"(a) b {\n}\n", "Corefile:1: unexpected 'b' after the snippet's name"},
		{"() {\n}\n", "Corefile:1: '()' is not a snippet's name: write '(name)'"},
		{"(a {\n}\n", "Corefile:1: '(a' is not a snippet's name: write '(name)'"},
		{"(a) {\n}\n(b) {\n}\n(a) {\n}\n", "Corefile:5: snippet '(a)' is defined twice"},
		{". {\n(a) {\n}\n}\n", "Corefile:2: unknown directive '(a)'"},
		{"(a) {\nimport a\n}\n. {\nimport a\n}\n", "Corefile:2: import 'a' is nested more "
							   "than 16 deep: does it import itself?"},
		{"(a) {\nimport b\n}\n(b) {\nimport a\n}\n. {\nimport b\n}\n",
			"Corefile:2: import 'b' is nested more than 16 deep: does it import "
			"itself?"},
		{"(a) {\nbanana\n}\n. {\n\n\nimport a\n}\n",
			"Corefile:2: unknown directive 'banana'"},
		{"(a) {\nforward . 192.0.2.1 {\n}\n. {\nimport a\n}\n",
			"Corefile:1: '{' is not closed"},
		{". {\nimport\n}\n", "Corefile:2: 'import' needs a file, a pattern or a snippet"},
		{". {\nimport \"\"\n}\n",
			"Corefile:2: 'import' needs a file, a pattern or a snippet"},
		{"(a) {\n}\n. {\nimport a b\n}\n",
			"Corefile:4: 'import' takes one argument, but 'b' follows"},
		{"(a) {\n}\n. {\nimport a {\n}\n}\n", "Corefile:4: 'import' takes no block"},
		{". {\nimport later\n}\n(later) {\n}\n",
			"Corefile:2: import 'later': No such file or directory"},
	};

	config_refuse_each(refusals, BASE_ARRAY_SIZE(refusals));
}

// Each snippet imports the one before twice: 2^15 imports without a bound on all of them.
static void snippets_that_multiply_are_bounded(void)
{
	char text[2048];
	size_t length = 0;

	length += (size_t)snprintf(text, sizeof(text), "(s0) {\n}\n");
	for (int i = 1; i < 15; i++)
		length += (size_t)snprintf(text + length, sizeof(text) - length,
			"(s%d) {\nimport s%d\nimport s%d\n}\n", i, i - 1, i - 1);
	snprintf(text + length, sizeof(text) - length, ". {\nimport s14\n}\n");
	config_refuse(text, "Corefile:8: import 's1' is beyond 1000 imports");
}

// 999 imports of 1,100 words each are more than a million words.
static void imported_words_are_bounded(void)
{
	static char text[200000];
	size_t length = (size_t)snprintf(text, sizeof(text), "(s) {\n");

	for (int i = 0; i < 1100; i++)
		length += (size_t)snprintf(text + length, sizeof(text) - length, "bufsize\n");
	length += (size_t)snprintf(text + length, sizeof(text) - length, "}\n. {\n");
	for (int i = 0; i < 999; i++)
		length += (size_t)snprintf(text + length, sizeof(text) - length, "import s\n");
	snprintf(text + length, sizeof(text) - length, "}\n");
	config_refuse(text, "Corefile:483: 'bufsize' is beyond 1000000 words with all imports");
}

static const struct unit_case cases[] = {
	{"snippets stand for their lines", snippets_stand_for_their_lines},
	{"faulty snippets are refused", faulty_snippets_are_refused},
	{"snippets that multiply are bounded", snippets_that_multiply_are_bounded},
	{"imported words are bounded", imported_words_are_bounded},
};

UNIT_MAIN("config snippets", cases)
