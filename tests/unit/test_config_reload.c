// SPDX-License-Identifier: BSD-3-Clause
// `reload`, and how a change of the files is seen.
#include "config_folder.h"
#include "config_text.h"

#define SECOND UINT64_C(1000000000)

static struct config *read_folder(const struct config_folder *folder)
{
	struct config_error error = {0};
	char path[2 * CONFIG_FOLDER_PATH];
	struct config *config =
		config_read_file(config_folder_path(folder, "Corefile", path), &error);

	if (!config)
		fprintf(stderr, "\n%s\n", error.text);
	CU_ASSERT_PTR_NOT_NULL_FATAL(config);
	return config;
}

static void expect_reload(const char *directive, uint64_t interval, uint64_t jitter)
{
	char text[256];
	struct config *config;

	snprintf(text, sizeof(text), ". {\nforward . 192.0.2.1\n%s\n}\n", directive);
	config = config_accept(text);
	CU_ASSERT_PTR_NOT_NULL_FATAL(config);
	CU_ASSERT_EQUAL(config_reload(config)->interval, interval);
	CU_ASSERT_EQUAL(config_reload(config)->jitter, jitter);
	config_destroy(config);
}

static void refuse_reload(const char *directive, const char *expected)
{
	char text[256];

	snprintf(text, sizeof(text), ". {\n%s\n}\n", directive);
	config_refuse(text, expected);
}

static void reload_has_defaults_and_bounds(void)
{
	expect_reload("", 0, 0);
	expect_reload("reload", 30 * SECOND, 15 * SECOND);
	expect_reload("reload 2s", 2 * SECOND, 1 * SECOND);
	expect_reload("reload 1m 10s", 60 * SECOND, 10 * SECOND);
	expect_reload("reload 10s 0s", 10 * SECOND, 0);
	expect_reload("reload 10s 9s", 10 * SECOND, 5 * SECOND);
	refuse_reload("reload 1s", "Corefile:2: reload '1s' must be 2s or more");
	refuse_reload("reload 10s 500ms", "Corefile:2: reload '500ms' must be 0s, or 1s or more");
	refuse_reload("reload 10", "Corefile:2: reload '10' needs a unit, as in '30s'");
	refuse_reload("reload -5s", "Corefile:2: reload '-5s' must not be negative");
	refuse_reload("reload 10s 5s 1s", "Corefile:2: too many arguments for 'reload': '1s'");
	refuse_reload("reload {\n}", "Corefile:2: 'reload' takes no block, but '{' follows");
}

// The configuration was read from the folder: whether its own files have changed by now, and those in TO.
static void expect_change(const struct config *config, bool of_sources, bool of_upstreams)
{
	struct config_sums read = config_sums(config);
	struct config_sums now = config_sums_now(config);

	CU_ASSERT_EQUAL(read.sources != now.sources, of_sources);
	CU_ASSERT_EQUAL(read.upstreams != now.upstreams, of_upstreams);
	CU_ASSERT_EQUAL(
		read.upstreams != config_sums_now_of_upstreams(config).upstreams, of_upstreams);
}

static void every_file_is_followed(void)
{
	static const char *const files[] = {"Corefile", "inner/one", "servers", "key.pem"};
	static const char *const texts[] = {
		"import inner/*\n. {\nforward . servers {\ntls key.pem\n}\n}\n",
		"one.example {\nforward . 192.0.2.9\n}\n", "nameserver 192.0.2.1\n", "a key\n"};
	struct config_folder folder;
	struct config *config;
	char changed[256];

	config_folder_create(&folder);
	config_folder_add_folder(&folder, "inner");
	for (size_t i = 0; i < BASE_ARRAY_SIZE(files); i++)
		config_folder_write(&folder, files[i], texts[i]);
	config = read_folder(&folder);
	CU_ASSERT_TRUE(config_sums(config).has_upstreams);
	expect_change(config, false, false);
	for (size_t i = 0; i < BASE_ARRAY_SIZE(files); i++) {
		snprintf(changed, sizeof(changed), "%s# more\n", texts[i]);
		config_folder_write(&folder, files[i], changed);
		expect_change(config, i != 2, i == 2);
		config_folder_write(&folder, files[i], texts[i]);
		expect_change(config, false, false);
	}
	// What a pattern did not stand for before.
	config_folder_write(&folder, "inner/two", "");
	expect_change(config, true, false);
	config_destroy(config);
	config_folder_destroy(&folder);
}

static void files_in_to_are_told_apart(void)
{
	struct config_folder folder;
	struct config *config;

	config_folder_create(&folder);
	config_folder_write(&folder, "Corefile", ". {\nforward . 192.0.2.1\n}\n");
	config = read_folder(&folder);
	CU_ASSERT_FALSE(config_sums(config).has_upstreams);
	expect_change(config, false, false);
	config_destroy(config);
	config_folder_destroy(&folder);
}

static void expect_first_upstream(const struct config *config, const char *expected)
{
	char text[NET_ENDPOINT_TEXT];
	size_t count;
	const struct config_forward *const *forwards = config_forwards(config, &count);

	CU_ASSERT_EQUAL_FATAL(count, 1);
	CU_ASSERT_STRING_EQUAL(
		net_endpoint_format(&forwards[0]->upstreams[0].endpoint, text), expected);
}

// As it was, whatever became of the files but for those in TO; twice, so that the second reading has
// its text from the first, which is gone by then.
static void only_files_in_to_are_read_again(void)
{
	struct config_error error = {0};
	struct config_folder folder;
	struct config *config;
	struct config *again;

	config_folder_create(&folder);
	config_folder_add_folder(&folder, "inner");
	config_folder_write(&folder, "Corefile", "import inner/*\n");
	config_folder_write(&folder, "inner/one", ". {\nforward . ../servers\n}\n");
	config_folder_write(&folder, "servers", "nameserver 192.0.2.1\n");
	config = read_folder(&folder);
	config_folder_write(&folder, "Corefile", "half a li");
	config_folder_write(&folder, "inner/one", "");
	config_folder_write(&folder, "inner/two", "half a li");
	config_folder_write(&folder, "servers", "nameserver 192.0.2.2\n");
	for (int i = 0; i < 2; i++) {
		again = config_read_again(config, NULL, &error);
		CU_ASSERT_PTR_NOT_NULL_FATAL(again);
		CU_ASSERT_EQUAL(config_sums(config).sources, config_sums(again).sources);
		config_destroy(config);
		config = again;
		expect_first_upstream(config, "192.0.2.2:53");
		expect_change(config, true, false);
	}
	config_folder_write(&folder, "servers", "nameserver x\n");
	CU_ASSERT_PTR_NULL(config_read_again(config, NULL, &error));
	CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "servers:1: 'x' is not an IP address"));
	config_destroy(config);
	config_folder_destroy(&folder);
}

static void a_file_in_to_stays_one(void)
{
	struct config_error error = {0};
	struct config_folder folder;
	struct config *config;
	char path[2 * CONFIG_FOLDER_PATH];

	config_folder_create(&folder);
	config_folder_write(&folder, "Corefile", ". {\nforward . servers\n}\n");
	config_folder_write(&folder, "servers", "nameserver 192.0.2.1\n");
	config = read_folder(&folder);
	CU_ASSERT_EQUAL(unlink(config_folder_path(&folder, "servers", path)), 0);
	CU_ASSERT_PTR_NULL(config_read_again(config, NULL, &error));
	CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "Corefile:2: 'servers': No such file"));
	config_destroy(config);
	config_folder_destroy(&folder);
}

static const struct unit_case cases[] = {
	{"reload has defaults and bounds", reload_has_defaults_and_bounds},
	{"every file is followed", every_file_is_followed},
	{"files in TO are told apart", files_in_to_are_told_apart},
	{"only files in TO are read again", only_files_in_to_are_read_again},
	{"a file in TO stays one", a_file_in_to_stays_one},
};

UNIT_MAIN("config reload", cases)
