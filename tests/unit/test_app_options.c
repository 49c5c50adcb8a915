// SPDX-License-Identifier: BSD-3-Clause
// The command line behind `--`, and what is said of a bad one.
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "forward/forward.h"
#include "options.h"

#define ARGUMENTS_MOST 16
#define SAID_BYTES 4096

// Parses a command line of words parted by single spaces. The words live in `line`.
static int parse_line(struct options *options, char *line)
{
	char *argv[ARGUMENTS_MOST + 1] = {NULL};
	int argc = 0;
	char *rest = line;
	char *word;

	while ((word = strsep(&rest, " "))) {
		CU_ASSERT_FATAL(argc < ARGUMENTS_MOST);
		argv[argc++] = word;
	}
	return options_parse(options, argc, argv);
}

// Runs `options_parse` (or the help, without a line) with a stream going to `said`.
static int parse_and_listen(struct options *options, const char *text, int stream, char *said)
{
	char line[512];
	FILE *file = tmpfile();
	int kept = dup(stream);
	int result = 0;
	ssize_t length;

	CU_ASSERT_FATAL(file && kept >= 0);
	fflush(NULL);
	CU_ASSERT_FATAL(dup2(fileno(file), stream) >= 0);
	if (text) {
		snprintf(line, sizeof(line), "%s", text);
		result = parse_line(options, line);
	} else {
		options_print_help();
	}
	fflush(NULL);
	CU_ASSERT_FATAL(dup2(kept, stream) >= 0);
	close(kept);
	length = pread(fileno(file), said, SAID_BYTES - 1, 0);
	CU_ASSERT_FATAL(length >= 0);
	said[length] = 0;
	fclose(file);
	return result;
}

static void refuse(const char *line, const char *expected)
{
	struct options options;
	char said[SAID_BYTES];
	char whole[SAID_BYTES];

	snprintf(whole, sizeof(whole), "millrace: error: %s\n", expected);
	CU_ASSERT_EQUAL(parse_and_listen(&options, line, STDERR_FILENO, said), -EINVAL);
	if (strcmp(said, whole) != 0)
		fprintf(stderr, "\n%s\n  expected: %s  got:      %s", line, whole, said);
	CU_ASSERT_STRING_EQUAL(said, whole);
}

static void accept_line(struct options *options, char *line)
{
	CU_ASSERT_EQUAL_FATAL(parse_line(options, line), 0);
}

static void test_defaults(void)
{
	char line[] = "millrace -l 0,1 --vdev=net_null0 -- --config FILE";
	struct options options;

	accept_line(&options, line);
	CU_ASSERT_STRING_EQUAL(options.config, "FILE");
	CU_ASSERT_PTR_NULL(options.drivers_folder);
	CU_ASSERT_EQUAL(options.queries, 262144);
	CU_ASSERT_EQUAL(options.local_port_first, FORWARD_LOCAL_PORT_FIRST);
	CU_ASSERT_EQUAL(options.local_port_last, FORWARD_LOCAL_PORT_LAST);
	CU_ASSERT_EQUAL(options.eal_argc, 4);
	CU_ASSERT_FALSE(options.has_stream_lcores);
	CU_ASSERT_FALSE(options.wants_check || options.wants_version || options.wants_help);
}

static void test_every_option(void)
{
	char line[] = "millrace -- --config=FILE --check --drivers-config FOLDER "
		      "--local-ports 1024-65534 --queries 1 --cache-folder KEPT "
		      "--stream-lcores 2";
	char again[] = "millrace -- --config A --queries 5 --config B --queries 8388608";
	struct options options;

	accept_line(&options, line);
	CU_ASSERT_STRING_EQUAL(options.config, "FILE");
	CU_ASSERT_STRING_EQUAL(options.drivers_folder, "FOLDER");
	CU_ASSERT_STRING_EQUAL(options.cache_folder, "KEPT");
	CU_ASSERT_TRUE(options.wants_check);
	CU_ASSERT_EQUAL(options.local_port_first, 1024);
	CU_ASSERT_EQUAL(options.local_port_last, 65534);
	CU_ASSERT_EQUAL(options.queries, 1);
	CU_ASSERT_TRUE(options.has_stream_lcores);
	CU_ASSERT_EQUAL(options.stream_lcores, 2);
	CU_ASSERT_EQUAL(options.eal_argc, 1);
	accept_line(&options, again);
	CU_ASSERT_STRING_EQUAL(options.config, "B");
	CU_ASSERT_EQUAL(options.queries, PROXY_PENDING_MOST);
	CU_ASSERT_FALSE(options.wants_check);
}

// Version and help need neither a configuration nor `--`.
static void test_version_and_help(void)
{
	static const char *const versions[] = {"millrace --version", "millrace -- --version"};
	static const char *const helps[] = {
		"millrace --help", "millrace -h", "millrace -l 0,1 -- --help"};
	struct options options;
	char line[64];

	for (size_t i = 0; i < BASE_ARRAY_SIZE(versions); i++) {
		snprintf(line, sizeof(line), "%s", versions[i]);
		accept_line(&options, line);
		CU_ASSERT_TRUE(options.wants_version);
	}
	for (size_t i = 0; i < BASE_ARRAY_SIZE(helps); i++) {
		snprintf(line, sizeof(line), "%s", helps[i]);
		accept_line(&options, line);
		CU_ASSERT_TRUE(options.wants_help);
	}
}

static void test_refusals(void)
{
	static const char none[] = "no configuration: millrace [EAL options] -- --config FILE";

	refuse("millrace", none);
	refuse("millrace --", none);
	refuse("millrace --config FILE", none);
	refuse("millrace -- --check", none);
	refuse("millrace -- --config", "--config needs a value (--help lists the options)");
	refuse("millrace -- --queries", "--queries needs a value (--help lists the options)");
	refuse("millrace -- --nonsense", "unknown option --nonsense (--help lists the options)");
	refuse("millrace -- --check=yes", "unknown option --check=yes (--help lists the options)");
	refuse("millrace -- --config FILE -xy", "unknown option -x (--help lists the options)");
	refuse("millrace -- -c FILE", "unknown option -c (--help lists the options)");
	refuse("millrace -- -x --config FILE", "unknown option -x (--help lists the options)");
	refuse("millrace -- --config FILE word",
		"unexpected argument word (--help lists the options)");
}

static void test_bad_values(void)
{
	static const char *const queries[] = {
		"0", "8388609", "-1", "x", "1x", "99999999999999999999"};
	static const char *const ports[] = {"1023-2000", "1024", "1024-", "2000-1999", "-5-2000",
		"1024-65535", "1024-2000x", "a-b", "123456-200000"};
	char line[128];
	char expected[160];

	for (size_t i = 0; i < BASE_ARRAY_SIZE(queries); i++) {
		snprintf(line, sizeof(line), "millrace -- --config F --queries %s", queries[i]);
		snprintf(expected, sizeof(expected), "--queries %s: not a number from 1 to 8388608",
			queries[i]);
		refuse(line, expected);
	}
	for (size_t i = 0; i < BASE_ARRAY_SIZE(ports); i++) {
		snprintf(line, sizeof(line), "millrace -- --config F --local-ports=%s", ports[i]);
		snprintf(expected, sizeof(expected),
			"--local-ports %s: not FIRST-LAST within 1024-65534", ports[i]);
		refuse(line, expected);
	}
}

// The help names every option and the defaults that are.
static void test_help(void)
{
	static const char *const parts[] = {"--config FILE", "--check", "--cache-folder FOLDER",
		"--drivers-config FOLDER", "--local-ports FIRST-LAST", "--queries N", "--version",
		"--help"};
	char said[SAID_BYTES];
	char ports[32];

	CU_ASSERT_EQUAL(parse_and_listen(NULL, NULL, STDOUT_FILENO, said), 0);
	CU_ASSERT_EQUAL(strncmp(said, "usage: millrace", 15), 0);
	for (size_t i = 0; i < BASE_ARRAY_SIZE(parts); i++)
		CU_ASSERT_PTR_NOT_NULL(strstr(said, parts[i]));
	snprintf(
		ports, sizeof(ports), "(%u-%u)", FORWARD_LOCAL_PORT_FIRST, FORWARD_LOCAL_PORT_LAST);
	CU_ASSERT_PTR_NOT_NULL(strstr(said, ports));
	CU_ASSERT_PTR_NOT_NULL(strstr(said, "(262144)"));
}

static const struct unit_case cases[] = {
	{"has defaults", test_defaults},
	{"reads every option", test_every_option},
	{"needs nothing for version and help", test_version_and_help},
	{"refuses what it does not know", test_refusals},
	{"refuses bad values", test_bad_values},
	{"lists the options", test_help},
};

UNIT_MAIN("app_options", cases)
