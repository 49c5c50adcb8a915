// SPDX-License-Identifier: BSD-3-Clause
#include "config_folder.h"
#include "config_text.h"

#include "base/compiler.h"
#include "config/lexer.h"
#include "config/lines.h"

// The file's error after the folder's path and a '/' is `expected`.
static void refuse_file(const struct config_folder *folder, const char *name, const char *expected)
{
	struct config_error error = {0};
	char path[2 * CONFIG_FOLDER_PATH];
	struct config *config = config_read_file(config_folder_path(folder, name, path), &error);
	size_t length = strlen(folder->path) + 1;
	char whole[CONFIG_ERROR_TEXT];

	snprintf(whole, sizeof(whole), "%s/%s", folder->path, expected);
	if (config || strcmp(error.text, whole) != 0)
		fprintf(stderr, "\nexpected: %s\ngot:      %s\n", whole, error.text);
	CU_ASSERT_PTR_NULL(config);
	CU_ASSERT_EQUAL(strncmp(error.text, folder->path, length - 1), 0);
	CU_ASSERT_STRING_EQUAL(error.text + length, expected);
	config_destroy(config);
}

static struct config *accept_file(const struct config_folder *folder, const char *name)
{
	struct config_error error = {0};
	char path[2 * CONFIG_FOLDER_PATH];
	struct config *config = config_read_file(config_folder_path(folder, name, path), &error);

	if (!config)
		fprintf(stderr, "\n%s\n", error.text);
	CU_ASSERT_PTR_NOT_NULL_FATAL(config);
	return config;
}

static void expect_upstreams(const struct config *config, size_t index, const char *expected)
{
	size_t count;
	const struct config_forward *const *forwards = config_forwards(config, &count);
	char found[512] = "";
	char text[NET_ENDPOINT_TEXT];
	size_t length = 0;

	CU_ASSERT_TRUE_FATAL(index < count);
	for (size_t i = 0; i < forwards[index]->upstream_count; i++)
		length += (size_t)snprintf(found + length, sizeof(found) - length, "%s ",
			net_endpoint_format(&forwards[index]->upstreams[i].endpoint, text));
	CU_ASSERT_STRING_EQUAL(found, expected);
}

static void files_are_imported_from_the_folder_of_the_importer(void)
{
	struct config_folder folder;
	struct config *config;
	size_t count;
	const struct config_server *servers;

	config_folder_create(&folder);
	config_folder_add_folder(&folder, "inner");
	config_folder_write(&folder, "Corefile", "import inner/blocks\n. {\nimport options\n}\n");
	config_folder_write(&folder, "options", "bufsize 600\n");
	config_folder_write(&folder, "inner/blocks",
		"(kept) {\nbufsize 700\n}\n"
		"a.example {\nimport options\n}\nb.example {\nimport kept\n}\n"
		"c.example {\nforward . 192.0.2.1 {\nimport timing\n}\n}\n");
	config_folder_write(&folder, "inner/options", "bufsize 800\n");
	config_folder_write(&folder, "inner/timing", "expire 1s");
	config = accept_file(&folder, "Corefile");
	servers = config_servers(config, &count);
	CU_ASSERT_EQUAL_FATAL(count, 4);
	CU_ASSERT_EQUAL(servers[0].bufsize, 800);
	CU_ASSERT_EQUAL(servers[1].bufsize, 700);
	CU_ASSERT_EQUAL(servers[2].forwards[0]->expire, 1000000000);
	CU_ASSERT_EQUAL(servers[3].bufsize, 600);
	config_destroy(config);
	config_folder_destroy(&folder);
}

static void patterns_are_imported_in_the_order_of_names(void)
{
	struct config_folder folder;
	struct config *config;
	size_t count;
	const struct config_server *servers;

	config_folder_create(&folder);
	config_folder_add_folder(&folder, "inner");
	config_folder_write(&folder, "Corefile",
		"import inner/*.conf\nimport inner/?.none\n. {\nbufsize 512\n}\n");
	config_folder_write(&folder, "inner/2.conf", "two.example {\nbufsize 602\n}\n");
	config_folder_write(&folder, "inner/1.conf", "one.example {\nbufsize 601\n}\n");
	config_folder_write(&folder, "inner/3.other", "banana {\n");
	config = accept_file(&folder, "Corefile");
	servers = config_servers(config, &count);
	CU_ASSERT_EQUAL_FATAL(count, 3);
	CU_ASSERT_EQUAL(servers[0].bufsize, 601);
	CU_ASSERT_EQUAL(servers[1].bufsize, 602);
	CU_ASSERT_EQUAL(servers[2].bufsize, 512);
	config_destroy(config);
	config_folder_destroy(&folder);
}

static void folders_named_like_patterns_are_none(void)
{
	struct config_folder folder;
	char path[2 * CONFIG_FOLDER_PATH];
	char odd[2 * CONFIG_FOLDER_PATH];
	struct config_error error;
	struct config *config;
	size_t count = 0;

	config_folder_create(&folder);
	config_folder_add_folder(&folder, "inner");
	config_folder_write(&folder, "inner/Corefile", "import *.conf\n");
	config_folder_write(&folder, "inner/a.conf", "a.example {\n}\n");
	config_folder_path(&folder, "inner", path);
	config_folder_path(&folder, "o[d]d*", odd);
	CU_ASSERT_EQUAL_FATAL(rename(path, odd), 0);
	strcat(odd, "/Corefile");
	config = config_read_file(odd, &error);
	CU_ASSERT_PTR_NOT_NULL(config);
	if (config)
		(void)config_servers(config, &count);
	CU_ASSERT_EQUAL(count, 1);
	config_destroy(config);
	*strrchr(odd, '/') = '\0';
	CU_ASSERT_EQUAL_FATAL(rename(odd, path), 0);
	config_folder_destroy(&folder);
}

static void faulty_imports_are_refused(void)
{
	struct config_folder folder;

	config_folder_create(&folder);
	config_folder_add_folder(&folder, "inner");
	config_folder_write(&folder, "missing", "\nimport inner/none\n");
	config_folder_write(&folder, "loop", "import loop\n");
	config_folder_write(&folder, "loop-pattern", "import loop-p*\n");
	config_folder_write(&folder, "folders", "import inn*\n");
	config_folder_write(&folder, "unclosed", ". {\nimport opens\n}\n");
	config_folder_write(&folder, "opens", "bufsize\n\nforward . 192.0.2.1 {\n");
	config_folder_write(&folder, "closing", ". {\nimport closes\n");
	config_folder_write(&folder, "closes", "bufsize\n}\n");
	config_folder_write(&folder, "halves", "import inner/*\n");
	config_folder_write(&folder, "inner/1", ". {\n");
	config_folder_write(&folder, "inner/2", "}\n");
	config_folder_write(&folder, "fruit", ". {\nimport banana\n}\n");
	config_folder_write(&folder, "banana", "bufsize\nbanana\n");
	{
		char expected[CONFIG_ERROR_TEXT];
		const char *path = folder.path;

		snprintf(expected, sizeof(expected),
			"missing:2: import '%s/inner/none': No such file or directory", path);
		refuse_file(&folder, "missing", expected);
		snprintf(expected, sizeof(expected), "folders:1: import '%s/inner': Is a directory",
			path);
		refuse_file(&folder, "folders", expected);
	}
	refuse_file(&folder, "loop",
		"loop:1: import 'loop' is nested more than 16 deep: does it import itself?");
	refuse_file(&folder, "loop-pattern",
		"loop-pattern:1: import 'loop-p*' is nested more than 16 deep: does it import "
		"itself?");
	refuse_file(&folder, "unclosed", "opens:3: '{' is not closed");
	refuse_file(&folder, "closing", "closes:2: '}' closes no block");
	refuse_file(&folder, "halves", "inner/1:1: '{' is not closed");
	refuse_file(&folder, "fruit", "banana:2: unknown directive 'banana'");
	config_folder_destroy(&folder);
}

static void unreadable_files_say_why(void)
{
	static char large[CONFIG_FILE_BYTES + 1];
	struct config_folder folder;

	config_folder_create(&folder);
	config_folder_add_folder(&folder, "inner");
	refuse_file(&folder, "none", "none: No such file or directory");
	refuse_file(&folder, "inner", "inner: Is a directory");
	config_folder_write(&folder, "empty", "");
	refuse_file(&folder, "empty", "empty: no server block");
	memset(large, '\n', sizeof(large));
	config_folder_write_bytes(&folder, "large", large, sizeof(large));
	refuse_file(&folder, "large", "large: File too large");
	config_folder_write_bytes(&folder, "fits", large, sizeof(large) - 1);
	refuse_file(&folder, "fits", "fits: no server block");
	config_folder_write_bytes(&folder, "nul", ". {\n\0}\n", 7);
	refuse_file(&folder, "nul", "nul:2: NUL byte '\\0' in the text");
	config_folder_destroy(&folder);
}

static void upstreams_are_read_from_files(void)
{
	struct config_folder folder;
	struct config *config;
	char text[2048];

	config_folder_create(&folder);
	config_folder_write(&folder, "resolv.conf",
		"# nameserver 192.0.2.9\nsearch example.org\r\n\nnameserver 192.0.2.1\r\n"
		"\tnameserver\t2001:db8::1 ; first\nnameservers 192.0.2.8\noptions rotate\n"
		"nameserver 192.0.2.2");
	config_folder_write(&folder, "empty.conf", "search example.org\n");
	snprintf(text, sizeof(text),
		". {\nforward . resolv.conf\n"
		"forward . 192.0.2.2 dns://%s/resolv.conf 192.0.2.3 empty.conf\n}\n",
		folder.path);
	config_folder_write(&folder, "Corefile", text);
	config = accept_file(&folder, "Corefile");
	expect_upstreams(config, 0, "192.0.2.1:53 [2001:db8::1]:53 192.0.2.2:53 ");
	expect_upstreams(config, 1, "192.0.2.2:53 192.0.2.1:53 [2001:db8::1]:53 192.0.2.3:53 ");
	config_destroy(config);
	config_folder_destroy(&folder);
}

static void faulty_upstream_files_are_refused(void)
{
	struct config_folder folder;

	config_folder_create(&folder);
	config_folder_add_folder(&folder, "inner");
	config_folder_write(&folder, "empty.conf", "search example.org\n");
	config_folder_write(&folder, "name.conf", "\n\nnameserver one.example\n");
	config_folder_write(&folder, "zone.conf", "nameserver fe80::1%eth0\n");
	config_folder_write(&folder, "half.conf", "nameserver # 192.0.2.1\n");
	config_folder_write(&folder, "zero.conf", "nameserver 0.0.0.0\n");
	config_folder_write(&folder, "1", ". {\nforward . empty.conf\n}\n");
	config_folder_write(&folder, "2", ". {\nforward . name.conf\n}\n");
	config_folder_write(&folder, "3", ". {\nforward . zone.conf\n}\n");
	config_folder_write(&folder, "4", ". {\nforward . half.conf\n}\n");
	config_folder_write(&folder, "5", ". {\nforward . zero.conf\n}\n");
	config_folder_write(&folder, "6", ". {\nforward . inner\n}\n");
	config_folder_write(&folder, "7", ". {\nforward . ./none\n}\n");
	refuse_file(&folder, "1", "1:2: 'empty.conf' names no upstream");
	refuse_file(&folder, "2", "name.conf:3: 'one.example' is not an IP address");
	refuse_file(&folder, "3", "zone.conf:1: 'fe80::1%eth0' is not an IP address");
	refuse_file(&folder, "4", "half.conf:1: 'nameserver' needs an address");
	refuse_file(&folder, "5", "zero.conf:1: '0.0.0.0' is not the address of a server");
	refuse_file(&folder, "6", "6:2: 'inner': Is a directory");
	refuse_file(&folder, "7", "7:2: './none': No such file or directory");
	config_folder_destroy(&folder);
}

// The end of a long path is what tells files apart, and the reason must still fit.
static void errors_of_long_paths_keep_the_reason(void)
{
	struct config_error error = {0};
	char name[1024];

	memset(name, 'd', sizeof(name) - 1);
	snprintf(name + 900, sizeof(name) - 900, "/Corefile");
	CU_ASSERT_PTR_NULL(config_read_text(name, ". {\nbanana\n}\n", &error));
	CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "dddd/Corefile:2: unknown directive 'banana'"));
	CU_ASSERT_EQUAL(strncmp(error.text, "...dddd", 7), 0);
}

static void the_default_configuration_is_good(void)
{
	struct config_error error = {0};
	struct config *config = config_read_file(SOURCE_FOLDER "/app/millrace.conf", &error);
	const struct config_forward *const *forwards;
	size_t count;

	CU_ASSERT_STRING_EQUAL(error.text, "");
	CU_ASSERT_PTR_NOT_NULL_FATAL(config);
	forwards = config_forwards(config, &count);
	CU_ASSERT_EQUAL_FATAL(count, 1);
	CU_ASSERT_EQUAL(forwards[0]->max_age, UINT64_C(30000000000));
	expect_upstreams(config, 0, "192.0.2.53:53 ");
	config_destroy(config);
}

static const struct unit_case cases[] = {
	{"files are imported from the folder of the importer",
		files_are_imported_from_the_folder_of_the_importer},
	{"patterns are imported in order", patterns_are_imported_in_the_order_of_names},
	{"folders named like patterns are none", folders_named_like_patterns_are_none},
	{"faulty imports are refused", faulty_imports_are_refused},
	{"unreadable files say why", unreadable_files_say_why},
	{"upstreams are read from files", upstreams_are_read_from_files},
	{"faulty upstream files are refused", faulty_upstream_files_are_refused},
	{"errors of long paths keep the reason", errors_of_long_paths_keep_the_reason},
	{"the default configuration is good", the_default_configuration_is_good},
};

UNIT_MAIN("config import", cases)
