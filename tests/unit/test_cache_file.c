// SPDX-License-Identifier: BSD-3-Clause
// Answers go to a file and come back older; a file that is not whole is refused before any does.
#include "cache_fixture.h"

#include "cache/store_file.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#define STORE_BYTES (4u << 20)
#define VERSION 7
#define WALL UINT64_C(1800000000)
#define ANSWERS 600u
#define STEPS_MOST 100000

struct folder {
	char path[64];
	char file[96];
};

static void folder_make(struct folder *folder)
{
	(void)snprintf(folder->path, sizeof(folder->path), "/tmp/millrace-cache-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder->path));
	(void)snprintf(folder->file, sizeof(folder->file), "%s/cache", folder->path);
}

static void folder_remove(const struct folder *folder)
{
	(void)unlink(folder->file);
	// Nothing else is in it.
	CU_ASSERT_EQUAL(rmdir(folder->path), 0);
}

static void open_store(struct cache_fixture *fixture, uint16_t lcores)
{
	const struct cache_store_options options = cache_fixture_options(STORE_BYTES, lcores);

	cache_fixture_open(fixture, &options);
}

static bool has_fixture_value(const struct cache_record *record)
{
	static uint8_t wanted[CACHE_VALUE_BYTES_MOST];
	uint32_t number = 0;

	for (int i = 2; i < 12; i++)
		number = number * 10 + (uint32_t)(cache_key_name(record->key->bytes)[i] - '0');
	cache_fixture_fill(wanted, record->value_length, number, 0);
	return memcmp(wanted, record->value, record->value_length) == 0;
}

static uint64_t dump(struct cache_fixture *fixture, const char *path)
{
	struct cache_file_error error = {0};
	struct cache_dump *dump =
		cache_dump_open(fixture->store, path, VERSION, fixture->now, WALL, &error);
	enum cache_file_progress progress = CACHE_FILE_MORE;
	uint64_t count;

	CU_ASSERT_PTR_NOT_NULL_FATAL(dump);
	for (int i = 0; i < STEPS_MOST && progress == CACHE_FILE_MORE; i++) {
		progress = cache_dump_step(dump, 50, &error);
		cache_fixture_poll(fixture);
	}
	CU_ASSERT_EQUAL(progress, CACHE_FILE_DONE);
	count = cache_dump_count(dump);
	cache_dump_close(dump);
	return count;
}

// The count of answers stored, or -1 with *error.
static int64_t load(struct cache_fixture *fixture, const char *path, uint64_t wall,
	cache_value_check check, struct cache_file_error *error)
{
	struct cache_load *load =
		cache_load_open(fixture->store, path, VERSION, check, wall, error);
	enum cache_file_progress progress = CACHE_FILE_MORE;
	int64_t count;

	if (!load)
		return -1;
	for (int i = 0; i < STEPS_MOST && progress == CACHE_FILE_MORE; i++) {
		progress = cache_load_step(load, 20, fixture->now, error);
		cache_fixture_poll(fixture);
	}
	CU_ASSERT_NOT_EQUAL(progress, CACHE_FILE_MORE);
	count = progress == CACHE_FILE_DONE ? (int64_t)cache_load_count(load) : -1;
	// Nothing of a file that is refused was stored.
	CU_ASSERT(count >= 0 || cache_load_count(load) == 0);
	cache_load_close(load);
	return count;
}

static uint16_t length_of(uint32_t number)
{
	return (uint16_t)(number % 100 == 99 ? 60000 : number % 400);
}

static void fill_store(struct cache_fixture *fixture, uint32_t answers)
{
	for (uint32_t i = 0; i < answers; i++) {
		enum cache_kind kind = i % 10 == 0 ? CACHE_KIND_DENIAL : CACHE_KIND_SUCCESS;

		(void)cache_fixture_insert(fixture, 0, i, kind, length_of(i));
		cache_fixture_poll(fixture);
	}
}

static void answers_come_back_older(void)
{
	struct cache_file_error error = {0};
	struct cache_fixture fixture;
	struct cache_view view;
	struct folder folder;

	folder_make(&folder);
	open_store(&fixture, 1);
	fill_store(&fixture, ANSWERS);
	fixture.now += 10 * CLOCK_SECOND;
	CU_ASSERT_EQUAL(dump(&fixture, folder.file), ANSWERS);
	cache_fixture_close(&fixture);
	// Another process, with a clock that has just begun.
	open_store(&fixture, 1);
	fixture.now = 3 * CLOCK_SECOND;
	CU_ASSERT_EQUAL(load(&fixture, folder.file, WALL + 20, has_fixture_value, &error), ANSWERS);
	for (uint32_t i = 0; i < ANSWERS; i++) {
		CU_ASSERT_EQUAL_FATAL(cache_fixture_lookup(&fixture, 0, i, &view), CACHE_FRESH);
		CU_ASSERT_EQUAL(view.kind, i % 10 == 0 ? CACHE_KIND_DENIAL : CACHE_KIND_SUCCESS);
		CU_ASSERT_EQUAL(view.opaque, length_of(i));
		CU_ASSERT_EQUAL(view.value_length, length_of(i));
		CU_ASSERT_TRUE(cache_fixture_has_value(&view, i, 0));
		CU_ASSERT_EQUAL(cache_seconds(fixture.now) - view.stored_at, 30);
		CU_ASSERT_EQUAL(
			cache_seconds_until(view.expires_at, cache_seconds(fixture.now)), 30);
		CU_ASSERT_EQUAL(
			cache_seconds_until(view.stale_until, cache_seconds(fixture.now)), 90);
	}
	cache_fixture_close(&fixture);
	folder_remove(&folder);
}

static void owners_take_what_is_loaded_at_their_pace(void)
{
	struct cache_file_error error = {0};
	struct cache_fixture fixture;
	struct folder folder;
	struct cache_load *loading;
	uint64_t stored;

	folder_make(&folder);
	open_store(&fixture, 1);
	for (uint32_t i = 0; i < 5000; i++) {
		(void)cache_fixture_insert(&fixture, 0, i, CACHE_KIND_SUCCESS, 100);
		cache_fixture_poll(&fixture);
	}
	CU_ASSERT_EQUAL(dump(&fixture, folder.file), 5000);
	cache_fixture_close(&fixture);
	open_store(&fixture, 2);
	loading = cache_load_open(
		fixture.store, folder.file, VERSION, has_fixture_value, WALL, &error);
	CU_ASSERT_PTR_NOT_NULL_FATAL(loading);
	// Nobody polls: it stops at a full ring, and drops nothing.
	for (int i = 0; i < 1000; i++)
		CU_ASSERT_EQUAL(cache_load_step(loading, 20, fixture.now, &error), CACHE_FILE_MORE);
	stored = cache_load_count(loading);
	CU_ASSERT(stored > 0 && stored < 5000);
	for (int i = 0; i < STEPS_MOST &&
			cache_load_step(loading, 20, fixture.now, &error) == CACHE_FILE_MORE;
		i++)
		cache_fixture_poll(&fixture);
	cache_fixture_poll(&fixture);
	CU_ASSERT_EQUAL(cache_load_count(loading), 5000);
	CU_ASSERT_EQUAL(cache_fixture_count(&fixture, CACHE_COUNT_DROPPED_RING_FULL), 0);
	CU_ASSERT_EQUAL(cache_fixture_count(&fixture, CACHE_COUNT_INSERTED_SUCCESS), 5000);
	cache_load_close(loading);
	cache_fixture_close(&fixture);
	folder_remove(&folder);
}

static void what_ended_meanwhile_is_left_out(void)
{
	static const struct {
		uint64_t later;
		int64_t count;
		enum cache_state state;
	} wanted[] = {{59, 2, CACHE_FRESH}, {60, 2, CACHE_STALE}, {119, 2, CACHE_STALE},
		{120, 0, CACHE_MISSED}, {UINT64_C(1) << 33, 0, CACHE_MISSED}};
	struct cache_file_error error = {0};
	struct cache_fixture fixture;
	struct cache_view view;
	struct folder folder;

	folder_make(&folder);
	open_store(&fixture, 1);
	(void)cache_fixture_insert(&fixture, 0, 9, CACHE_KIND_SUCCESS, 100);
	// Not even written: past its time.
	fixture.now += 120 * CLOCK_SECOND;
	(void)cache_fixture_insert(&fixture, 0, 1, CACHE_KIND_SUCCESS, 100);
	(void)cache_fixture_insert(&fixture, 0, 2, CACHE_KIND_DENIAL, 100);
	CU_ASSERT_EQUAL(dump(&fixture, folder.file), 2);
	cache_fixture_close(&fixture);
	for (size_t i = 0; i < BASE_ARRAY_SIZE(wanted); i++) {
		open_store(&fixture, 1);
		CU_ASSERT_EQUAL(load(&fixture, folder.file, WALL + wanted[i].later,
					has_fixture_value, &error),
			wanted[i].count);
		CU_ASSERT_EQUAL(cache_fixture_lookup(&fixture, 0, 1, &view), wanted[i].state);
		cache_fixture_close(&fixture);
	}
	// A clock that was set back: no time has gone by.
	open_store(&fixture, 1);
	CU_ASSERT_EQUAL(load(&fixture, folder.file, WALL - 1000, has_fixture_value, &error), 2);
	CU_ASSERT_EQUAL(cache_fixture_lookup(&fixture, 0, 1, &view), CACHE_FRESH);
	CU_ASSERT_EQUAL(cache_seconds_until(view.expires_at, cache_seconds(fixture.now)), 60);
	cache_fixture_close(&fixture);
	folder_remove(&folder);
}

static size_t read_file(const char *path, uint8_t *bytes, size_t most)
{
	FILE *file = fopen(path, "rb");
	size_t length;

	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	length = fread(bytes, 1, most, file);
	CU_ASSERT_EQUAL(fclose(file), 0);
	return length;
}

static void write_file(const char *path, const uint8_t *bytes, size_t length)
{
	FILE *file = fopen(path, "wb");

	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	CU_ASSERT_EQUAL(fwrite(bytes, 1, length, file), length);
	CU_ASSERT_EQUAL(fclose(file), 0);
}

// A refusal tells the file and why, and leaves the store as it was.
static void expect_refusal(struct cache_fixture *fixture, const struct folder *folder,
	const uint8_t *bytes, size_t length)
{
	struct cache_file_error error = {0};

	write_file(folder->file, bytes, length);
	CU_ASSERT_EQUAL(load(fixture, folder->file, WALL, has_fixture_value, &error), -1);
	CU_ASSERT_EQUAL(strncmp(error.text, folder->file, strlen(folder->file)), 0);
	CU_ASSERT(strlen(error.text) > strlen(folder->file) + 2);
	CU_ASSERT_EQUAL(cache_fixture_count(fixture, CACHE_COUNT_INSERTED_SUCCESS), 0);
}

static void damaged_file_is_refused_whole(void)
{
	static uint8_t bytes[8192];
	struct cache_fixture fixture;
	struct folder folder;
	size_t length;

	folder_make(&folder);
	open_store(&fixture, 1);
	for (uint32_t i = 0; i < 5; i++)
		(void)cache_fixture_insert(&fixture, 0, i, CACHE_KIND_SUCCESS, (uint16_t)(i * 9));
	(void)dump(&fixture, folder.file);
	cache_fixture_close(&fixture);
	length = read_file(folder.file, bytes, sizeof(bytes));
	CU_ASSERT(length > 300 && length < sizeof(bytes) - 1);
	open_store(&fixture, 1);
	for (size_t i = 0; i < length; i++) {
		bytes[i] ^= (uint8_t)(1 << i % 8);
		expect_refusal(&fixture, &folder, bytes, length);
		bytes[i] ^= (uint8_t)(1 << i % 8);
		expect_refusal(&fixture, &folder, bytes, i);
	}
	expect_refusal(&fixture, &folder, bytes, length + 1);
	cache_fixture_close(&fixture);
	folder_remove(&folder);
}

static void blocks_in_another_order_are_refused(void)
{
	static uint8_t bytes[2 << 20];
	static uint8_t moved[2 << 20];
	struct cache_fixture fixture;
	struct folder folder;
	size_t length;
	size_t first;
	size_t second;

	folder_make(&folder);
	open_store(&fixture, 1);
	fill_store(&fixture, ANSWERS);
	(void)dump(&fixture, folder.file);
	cache_fixture_close(&fixture);
	length = read_file(folder.file, bytes, sizeof(bytes));
	first = 16 + bytes_load_u32(bytes + 32);
	second = 16 + bytes_load_u32(bytes + 32 + first);
	CU_ASSERT_FATAL(32 + first + second < length && length < sizeof(bytes));
	open_store(&fixture, 1);
	// The second before the first.
	memcpy(moved, bytes, length);
	memcpy(moved + 32, bytes + 32 + first, second);
	memcpy(moved + 32 + second, bytes + 32, first);
	expect_refusal(&fixture, &folder, moved, length);
	// Without the first.
	memcpy(moved, bytes, 32);
	memcpy(moved + 32, bytes + 32 + first, length - 32 - first);
	expect_refusal(&fixture, &folder, moved, length - first);
	cache_fixture_close(&fixture);
	folder_remove(&folder);
}

static bool refuses_number_three(const struct cache_record *record)
{
	return cache_key_name(record->key->bytes)[11] != '3';
}

static void values_are_checked_before_any_is_stored(void)
{
	struct cache_file_error error = {0};
	struct cache_fixture fixture;
	struct folder folder;

	folder_make(&folder);
	open_store(&fixture, 1);
	for (uint32_t i = 0; i < 5; i++)
		(void)cache_fixture_insert(&fixture, 0, i, CACHE_KIND_SUCCESS, 10);
	(void)dump(&fixture, folder.file);
	cache_fixture_close(&fixture);
	open_store(&fixture, 1);
	CU_ASSERT_EQUAL(load(&fixture, folder.file, WALL, refuses_number_three, &error), -1);
	CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "an answer is broken"));
	CU_ASSERT_PTR_NULL(cache_load_open(
		fixture.store, folder.file, VERSION + 1, has_fixture_value, WALL, &error));
	CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "another version"));
	cache_fixture_close(&fixture);
	folder_remove(&folder);
}

static void file_that_can_not_be_used_is_told(void)
{
	struct cache_file_error error = {0};
	struct cache_fixture fixture;
	struct folder folder;
	struct stat status;
	struct cache_dump *dump;

	folder_make(&folder);
	open_store(&fixture, 1);
	errno = 0;
	CU_ASSERT_PTR_NULL(cache_load_open(
		fixture.store, folder.file, VERSION, has_fixture_value, WALL, &error));
	CU_ASSERT_EQUAL(errno, ENOENT);
	CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "No such file"));
	CU_ASSERT_PTR_NULL(cache_dump_open(
		fixture.store, "/tmp/no/such/folder/cache", VERSION, 0, WALL, &error));
	CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "No such file"));
	// One that is given up leaves nothing, and what was there stays.
	write_file(folder.file, (const uint8_t *)"old", 3);
	dump = cache_dump_open(fixture.store, folder.file, VERSION, 0, WALL, &error);
	CU_ASSERT_PTR_NOT_NULL_FATAL(dump);
	cache_dump_close(dump);
	CU_ASSERT_EQUAL(stat(folder.file, &status), 0);
	CU_ASSERT_EQUAL(status.st_size, 3);
	cache_fixture_close(&fixture);
	folder_remove(&folder);
}

static void failed_rename_is_told(void)
{
	struct cache_file_error error = {0};
	struct cache_fixture fixture;
	struct folder folder;
	char temporary[128];
	struct cache_dump *dump;

	folder_make(&folder);
	(void)snprintf(temporary, sizeof(temporary), "%s.new", folder.file);
	open_store(&fixture, 1);
	(void)cache_fixture_insert(&fixture, 0, 1, CACHE_KIND_SUCCESS, 10);
	dump = cache_dump_open(fixture.store, folder.file, VERSION, fixture.now, WALL, &error);
	CU_ASSERT_PTR_NOT_NULL_FATAL(dump);
	// What it writes to goes away, so that it can not be renamed.
	CU_ASSERT_EQUAL(unlink(temporary), 0);
	CU_ASSERT_EQUAL(cache_dump_step(dump, UINT32_MAX, &error), CACHE_FILE_FAILED);
	CU_ASSERT_EQUAL(strncmp(error.text, folder.file, strlen(folder.file)), 0);
	cache_dump_close(dump);
	cache_fixture_close(&fixture);
	folder_remove(&folder);
}

static const struct unit_case cases[] = {
	{"answers come back older", answers_come_back_older},
	{"owners take what is loaded at their pace", owners_take_what_is_loaded_at_their_pace},
	{"what ended meanwhile is left out", what_ended_meanwhile_is_left_out},
	{"a damaged file is refused whole", damaged_file_is_refused_whole},
	{"blocks in another order are refused", blocks_in_another_order_are_refused},
	{"values are checked before any is stored", values_are_checked_before_any_is_stored},
	{"a file that can not be used is told", file_that_can_not_be_used_is_told},
	{"a failed rename is told", failed_rename_is_told},
};

UNIT_MAIN("cache file", cases)
