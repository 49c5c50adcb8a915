// SPDX-License-Identifier: BSD-3-Clause
// The files of caches: whose is which, and what becomes of one that is not there or broken. What
// they hold is the matter of test_cache_file.c and of tests/functional/cache.
#include "unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cache_files.h"

#define PATH_BYTES 512
#define TURNS_MOST 100
#define WALL 1700000000

struct kept {
	char folder[64];
	struct config *config;
	struct forward_caches *caches;
	struct cache_files *files;
	char path[PATH_BYTES]; // of the first cache's file
};

static struct config *read_config(const char *text)
{
	struct config_error error;
	struct config *config = config_read_text("test.conf", text, &error);

	if (!config)
		fprintf(stderr, "%s\n", error.text);
	CU_ASSERT_PTR_NOT_NULL_FATAL(config);
	return config;
}

// The name of the file of the server's cache, with the servers in file order.
static void name_of(char name[CACHE_FILE_NAME_BYTES], const char *text, size_t server)
{
	struct config *config = read_config(text);
	size_t count;
	const struct config_server *servers = config_servers(config, &count);

	CU_ASSERT_FATAL(server < count);
	cache_file_name(name, config, servers[server].cache);
	config_destroy(config);
}

static void names_are_readable_and_stay(void)
{
	char name[CACHE_FILE_NAME_BYTES];
	char again[CACHE_FILE_NAME_BYTES];

	name_of(name, ". {\nforward . 192.0.2.1\ncache\n}\n", 0);
	CU_ASSERT_EQUAL(strncmp(name, "root.-53-", 9), 0);
	CU_ASSERT_EQUAL(strlen(name), 9 + 16 + strlen(".cache"));
	// What is asked of whom, and how, does not change the file.
	name_of(again, ". {\nforward . 192.0.2.2\ncache 60 {\nsize 8M\n}\n}\n", 0);
	CU_ASSERT_STRING_EQUAL(name, again);
	name_of(name, "Example.ORG:5353 {\nforward . 192.0.2.1\ncache\n}\n", 0);
	CU_ASSERT_EQUAL(strncmp(name, "example.org.-5353-", 18), 0);
}

static void zones_of_one_block_share_a_file(void)
{
	static const char text[] = "a.test b.test {\nforward . 192.0.2.1\ncache\n}\n"
				   "c.test {\nforward . 192.0.2.1\ncache\n}\n";
	char first[CACHE_FILE_NAME_BYTES];
	char second[CACHE_FILE_NAME_BYTES];
	char other[CACHE_FILE_NAME_BYTES];

	name_of(first, text, 0);
	name_of(second, text, 1);
	name_of(other, text, 2);
	CU_ASSERT_STRING_EQUAL(first, second);
	CU_ASSERT_STRING_NOT_EQUAL(first, other);
}

static void other_blocks_have_other_files(void)
{
	static const char *const texts[] = {
		"a.test {\nforward . 192.0.2.1\ncache\n}\n",
		"a.test:54 {\nforward . 192.0.2.1\ncache\n}\n",
		"a.test b.test {\nforward . 192.0.2.1\ncache\n}\n",
		"b.a.test {\nforward . 192.0.2.1\ncache\n}\n",
		"a.test {\nbind 192.0.2.9\nforward . 192.0.2.1\ncache\n}\n",
		"a.test {\nbind 192.0.2.8\nforward . 192.0.2.1\ncache\n}\n",
	};
	char names[BASE_ARRAY_SIZE(texts)][CACHE_FILE_NAME_BYTES];

	for (size_t i = 0; i < BASE_ARRAY_SIZE(texts); i++) {
		name_of(names[i], texts[i], 0);
		for (size_t j = 0; j < i; j++)
			CU_ASSERT_STRING_NOT_EQUAL(names[i], names[j]);
	}
}

static void names_are_safe_in_a_path(void)
{
	char label[64];
	char text[512];
	char name[CACHE_FILE_NAME_BYTES];

	name_of(name, "0/25.2.0.192.in-addr.arpa {\nforward . 192.0.2.1\ncache\n}\n", 0);
	CU_ASSERT_PTR_NULL(strchr(name, '/'));
	memset(label, 'x', 63);
	label[63] = '\0';
	(void)snprintf(text, sizeof(text), "%s.%s.%s {\nforward . 192.0.2.1\ncache\n}\n", label,
		label, label);
	name_of(name, text, 0);
	CU_ASSERT(strlen(name) < CACHE_FILE_NAME_BYTES - 1);
	CU_ASSERT_STRING_EQUAL(name + strlen(name) - 6, ".cache");
}

static void kept_open(struct kept *kept)
{
	struct random_stream *random = random_stream_create(NULL);
	char name[CACHE_FILE_NAME_BYTES];
	size_t count;

	strcpy(kept->folder, "/tmp/test-cache-files-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(kept->folder));
	kept->config = read_config(". {\nforward . 192.0.2.1\ncache {\nsize 8M\n}\n}\n");
	kept->caches = forward_caches_create(kept->config, 1, 1, NULL, random);
	random_stream_destroy(random);
	CU_ASSERT_PTR_NOT_NULL_FATAL(kept->caches);
	kept->files = cache_files_create(kept->folder, kept->config, kept->caches);
	CU_ASSERT_PTR_NOT_NULL_FATAL(kept->files);
	cache_file_name(name, kept->config, config_servers(kept->config, &count)[0].cache);
	(void)snprintf(kept->path, sizeof(kept->path), "%s/%s", kept->folder, name);
}

static void kept_close(struct kept *kept)
{
	cache_files_destroy(kept->files);
	forward_caches_destroy(kept->caches);
	config_destroy(kept->config);
	CU_ASSERT_EQUAL(rmdir(kept->folder), 0);
}

// Turns until there is no more to do.
static void turn(struct kept *kept)
{
	int turns = 0;

	while (cache_files_turn(kept->files, 1000 * CLOCK_SECOND, WALL) && turns++ < TURNS_MOST)
		(void)forward_caches_tick(kept->caches);
	CU_ASSERT(turns < TURNS_MOST);
}

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	CU_ASSERT(fputs(text, file) >= 0);
	CU_ASSERT_EQUAL(fclose(file), 0);
}

static bool file_says(const char *path, const char *text)
{
	char said[64] = "";
	FILE *file = fopen(path, "r");

	if (!file)
		return false;
	(void)!fread(said, 1, sizeof(said) - 1, file);
	(void)fclose(file);
	return strcmp(said, text) == 0;
}

static void folder_has_to_be_there(void)
{
	char file[] = "/tmp/test-cache-files-XXXXXX";
	int descriptor = mkstemp(file);

	CU_ASSERT_FATAL(descriptor >= 0);
	close(descriptor);
	errno = 0;
	CU_ASSERT_PTR_NULL(cache_files_create(file, NULL, NULL));
	CU_ASSERT_EQUAL(errno, ENOTDIR);
	CU_ASSERT_EQUAL(unlink(file), 0);
	CU_ASSERT_PTR_NULL(cache_files_create(file, NULL, NULL));
	CU_ASSERT_EQUAL(errno, ENOENT);
	cache_files_destroy(NULL);
}

static void first_start_saves_at_its_end(void)
{
	struct kept kept;

	kept_open(&kept);
	turn(&kept);
	CU_ASSERT_EQUAL(cache_files_unsaved(kept.files), 0);
	CU_ASSERT_NOT_EQUAL(access(kept.path, F_OK), 0);
	cache_files_save(kept.files);
	CU_ASSERT_EQUAL(cache_files_unsaved(kept.files), 1);
	turn(&kept);
	CU_ASSERT_EQUAL(cache_files_unsaved(kept.files), 0);
	CU_ASSERT_EQUAL(unlink(kept.path), 0);
	kept_close(&kept);
}

static void broken_file_is_put_aside(void)
{
	char broken[PATH_BYTES + 8];
	struct kept kept;

	kept_open(&kept);
	(void)snprintf(broken, sizeof(broken), "%s.broken", kept.path);
	write_file(kept.path, "not ours");
	turn(&kept);
	CU_ASSERT_NOT_EQUAL(access(kept.path, F_OK), 0);
	CU_ASSERT_TRUE(file_says(broken, "not ours"));
	cache_files_save(kept.files);
	turn(&kept);
	CU_ASSERT_EQUAL(unlink(kept.path), 0);
	CU_ASSERT_TRUE(file_says(broken, "not ours"));
	CU_ASSERT_EQUAL(unlink(broken), 0);
	kept_close(&kept);
}

// A stop that comes before the load is done.
static void unread_file_is_left_as_it_is(void)
{
	struct kept kept;

	kept_open(&kept);
	write_file(kept.path, "kept from before");
	cache_files_save(kept.files);
	turn(&kept);
	CU_ASSERT_TRUE(file_says(kept.path, "kept from before"));
	CU_ASSERT_EQUAL(unlink(kept.path), 0);
	kept_close(&kept);
}

static const struct unit_case cases[] = {
	{"names are readable and stay", names_are_readable_and_stay},
	{"zones of one block share a file", zones_of_one_block_share_a_file},
	{"other blocks have other files", other_blocks_have_other_files},
	{"names are safe in a path", names_are_safe_in_a_path},
	{"the folder has to be there", folder_has_to_be_there},
	{"the first start saves at its end", first_start_saves_at_its_end},
	{"a broken file is put aside", broken_file_is_put_aside},
	{"an unread file is left as it is", unread_file_is_left_as_it_is},
};

UNIT_MAIN("app_cache_files", cases)
