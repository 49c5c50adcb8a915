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
	CU_ASSERT(servers[0].logs_errors && servers[1].logs_errors && servers[2].logs_errors);
	CU_ASSERT(!servers[3].logs_errors);
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
		{". {\nerrors {\nconsolidate 5m \".*\"\n}\n}\n",
			"Corefile:3: 'consolidate' is not supported yet"},
		{". {\nerrors {\nstacktrace\n}\n}\n",
			"Corefile:3: unknown option 'stacktrace' of errors"},
	};

	config_refuse_each(refusals, BASE_ARRAY_SIZE(refusals));
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
};

UNIT_MAIN("config: log and errors", cases)
