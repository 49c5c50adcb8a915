// SPDX-License-Identifier: BSD-3-Clause
#include "config_text.h"

#include "base/compiler.h"
#include "config/log_directive.h"

static void expect_log(const struct config_log *log, uint16_t number, const char *format,
	uint8_t classes, const char *first_name)
{
	char text[DNS_NAME_TEXT];

	CU_ASSERT_EQUAL(log->number, number);
	CU_ASSERT_STRING_EQUAL(log->format, format);
	CU_ASSERT_EQUAL(log->classes, classes);
	CU_ASSERT_FATAL(log->name_count > 0);
	CU_ASSERT_STRING_EQUAL(dns_name_format(&log->names[0], text), first_name);
}

static void rules_are_read(void)
{
	struct config *config = config_accept(
		". {\nlog\nlog a.test b.test\nlog {combined}\nlog c.test \"x {common} {y}\" {\n"
		"class denial error\nclass denial\n}\nerrors\n}\n"
		"d.test e.test {\nlog . {\nclass all success\n}\nerrors stdout {\n}\n}\nf.test "
		"{\n}\n");
	size_t count;
	const struct config_log *const *logs = config_logs(config, &count);
	const struct config_server *servers;

	CU_ASSERT_EQUAL_FATAL(count, 5);
	expect_log(logs[0], 0, CONFIG_LOG_COMMON, CONFIG_LOG_ALL, ".");
	expect_log(logs[1], 1, CONFIG_LOG_COMMON, CONFIG_LOG_ALL, "a.test.");
	CU_ASSERT_EQUAL(logs[1]->name_count, 2);
	expect_log(logs[2], 2, CONFIG_LOG_COMBINED, CONFIG_LOG_ALL, ".");
	expect_log(logs[3], 3, "x " CONFIG_LOG_COMMON " {y}", CONFIG_LOG_DENIAL | CONFIG_LOG_ERROR,
		"c.test.");
	expect_log(logs[4], 4, CONFIG_LOG_COMMON, CONFIG_LOG_ALL, ".");
	servers = config_servers(config, &count);
	CU_ASSERT_EQUAL_FATAL(count, 4);
	CU_ASSERT_EQUAL(servers[0].log_count, 4);
	CU_ASSERT_PTR_EQUAL(servers[1].logs[0], logs[4]);
	CU_ASSERT_PTR_EQUAL(servers[2].logs[0], logs[4]);
	CU_ASSERT_EQUAL(servers[3].log_count, 0);
	CU_ASSERT(servers[0].errors && servers[1].errors && servers[1].errors == servers[2].errors);
	CU_ASSERT_PTR_NULL(servers[3].errors);
	config_destroy(config);
}

static void wrong_ones_are_refused(void)
{
	static const struct config_refusal refusals[] = {
		{". {\nlog a..b\n}\n", "Corefile:2: 'a..b' is not a domain name"},
		{". {\nlog . {\nclass\n}\n}\n", "Corefile:3: 'class' needs an argument"},
		{". {\nlog . {\nclass some\n}\n}\n",
			"Corefile:3: class 'some' is not success, denial, error or all"},
		{". {\nlog . {\nformat x\n}\n}\n", "Corefile:3: unknown option 'format' of log"},
		{". {\nerrors\nerrors\n}\n", "Corefile:3: a second 'errors' in one block"},
		{". {\nerrors stderr\n}\n", "Corefile:2: errors 'stderr' is not stdout"},
		{". {\nerrors stdout more\n}\n",
			"Corefile:2: too many arguments for 'errors': 'more'"},
		{". {\nerrors {\nconsolidate 5m\n}\n}\n",
			"Corefile:3: 'consolidate' needs more arguments"},
		{". {\nerrors {\nconsolidate 5 a\n}\n}\n",
			"Corefile:3: consolidate '5' needs a unit, as in '30s'"},
		{". {\nerrors {\nconsolidate 0s a\n}\n}\n",
			"Corefile:3: consolidate '0s' must be more than 0"},
		{". {\nerrors {\nconsolidate 5m a loud\n}\n}\n",
			"Corefile:3: consolidate 'loud' is not error, warning, info, debug or "
			"show_first"},
		{". {\nerrors {\nconsolidate 5m a show_first info\n}\n}\n",
			"Corefile:3: consolidate 'info' is too much"},
		{". {\nerrors {\nconsolidate 5m a(\n}\n}\n",
			"Corefile:3: consolidate 'a(' is not a regular expression: Unmatched ( or "
			"\\("},
		{". {\nerrors {\nconsolidate 5m \"\\d+\"\n}\n}\n",
			"Corefile:3: consolidate '\\d+' has a backslash before a letter or digit, "
			"which stands for nothing in a POSIX extended regular expression"},
		{". {\nerrors {\nconsolidate 5m (a)\\1\n}\n}\n",
			"Corefile:3: consolidate '(a)\\1' has a backslash before a letter or "
			"digit, "
			"which stands for nothing in a POSIX extended regular expression"},
		{". {\nerrors {\nconsolidate 5m \"a{1,1001}\"\n}\n}\n",
			"Corefile:3: consolidate 'a{1,1001}' repeats too much"},
		{". {\nerrors {\nconsolidate 5m \"((a{20}){20}){3,}\"\n}\n}\n",
			"Corefile:3: consolidate '((a{20}){20}){3,}' repeats too much"},
		{". {\nerrors {\nstacktrace\n}\n}\n",
			"Corefile:3: unknown option 'stacktrace' of errors"},
	};

	config_refuse_each(refusals, BASE_ARRAY_SIZE(refusals));
}

static void consolidations_are_read(void)
{
	struct config *config = config_accept(
		". {\nerrors {\nconsolidate 5m \".* timeout$\" warning\nconsolidate 90s "
		"^10\\.53\nconsolidate 1h a{30} debug show_first\nconsolidate 1ms x "
		"show_first\n}\n}\n");
	size_t count;
	const struct config_errors *errors = config_servers(config, &count)->errors;

	CU_ASSERT_PTR_NOT_NULL_FATAL(errors);
	CU_ASSERT_EQUAL_FATAL(errors->count, 4);
	CU_ASSERT_STRING_EQUAL(errors->consolidations[0].expression, ".* timeout$");
	CU_ASSERT_EQUAL(errors->consolidations[0].period, UINT64_C(300000000000));
	CU_ASSERT_EQUAL(errors->consolidations[0].level, CONFIG_LEVEL_WARNING);
	CU_ASSERT_FALSE(errors->consolidations[0].shows_first);
	CU_ASSERT_STRING_EQUAL(errors->consolidations[1].expression, "^10\\.53");
	CU_ASSERT_EQUAL(errors->consolidations[1].level, CONFIG_LEVEL_ERROR);
	CU_ASSERT_EQUAL(errors->consolidations[2].level, CONFIG_LEVEL_DEBUG);
	CU_ASSERT_TRUE(errors->consolidations[2].shows_first);
	CU_ASSERT_EQUAL(errors->consolidations[3].level, CONFIG_LEVEL_ERROR);
	CU_ASSERT_TRUE(errors->consolidations[3].shows_first);
	config_destroy(config);
}

static void too_many_or_too_long_are_refused(void)
{
	char text[4096] = ". {\nerrors {\n";

	for (int i = 0; i < 65; i++)
		strcat(text, "consolidate 1s a\n");
	config_refuse(strcat(text, "}\n}\n"), "Corefile:67: more than 64 'consolidate'");
	strcpy(text, ". {\nerrors {\nconsolidate 1s ");
	for (int i = 0; i < 1001; i++)
		strcat(text, "a");
	config_refuse(strcat(text, "\n}\n}\n"), "Corefile:3: consolidate "
						"'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
						"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
						"aaaaaaaaaa' is too long");
}

// What stands for more than it is long must not be endless.
static void a_long_format_is_refused(void)
{
	char text[1024] = ". {\nlog \"";

	for (int i = 0; i < 60; i++)
		strcat(text, "{combined}");
	strcat(text, "\"\n}\n");
	config_refuse(text, "Corefile:2: the format of log is too long");
}

static const struct unit_case cases[] = {
	{"reads rules", rules_are_read},
	{"refuses what is wrong", wrong_ones_are_refused},
	{"bounds a format", a_long_format_is_refused},
	{"reads consolidations", consolidations_are_read},
	{"bounds consolidations", too_many_or_too_long_are_refused},
};

UNIT_MAIN("config: log and errors", cases)
