// SPDX-License-Identifier: BSD-3-Clause
#include "cache/store_file_format.h"
#include "cache/store_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEMPORARY_SUFFIX ".new"

struct cache_dump {
	struct cache_store *store;
	char *path;
	char *temporary;
	int file;
	int error; // errno of a write that failed; 0
	uint32_t second; // of the start
	uint64_t cursor;
	uint64_t count;
	uint64_t block_number;
	uint64_t header_checksum;
	uint32_t block_records;
	uint32_t block_bytes; // of records
	uint8_t block[CACHE_FILE_BUFFER_BYTES] base_aligned(8);
};

static void set_error(struct cache_file_error *error, const char *path, int number)
{
	(void)snprintf(error->text, sizeof(error->text), "%s: %s", path, strerror(number));
}

static int write_whole(int file, const uint8_t *bytes, size_t length)
{
	while (length) {
		ssize_t written = write(file, bytes, length);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return written ? errno : ENOSPC;
		bytes += written;
		length -= (size_t)written;
	}
	return 0;
}

static void write_header(struct cache_dump *dump, uint32_t value_version, uint64_t wall)
{
	uint8_t header[CACHE_FILE_HEADER_BYTES];

	cache_file_store_u64(header, CACHE_FILE_MAGIC);
	bytes_store_u32(header + 8, CACHE_FILE_VERSION);
	bytes_store_u32(header + 12, value_version);
	cache_file_store_u64(header + 16, wall);
	dump->header_checksum = cache_file_header_checksum(header);
	cache_file_store_u64(header + 24, dump->header_checksum);
	dump->error = write_whole(dump->file, header, sizeof(header));
}

static void write_block(struct cache_dump *dump)
{
	bytes_store_u32(dump->block, dump->block_bytes);
	bytes_store_u32(dump->block + 4, dump->block_records);
	cache_file_store_u64(
		dump->block + 8, cache_file_block_checksum(dump->block, dump->block_bytes,
					 dump->header_checksum, dump->block_number++));
	dump->error = write_whole(
		dump->file, dump->block, CACHE_FILE_BLOCK_HEADER_BYTES + dump->block_bytes);
	dump->block_bytes = 0;
	dump->block_records = 0;
}

static char *with_suffix(const char *path, const char *suffix)
{
	char *text;

	return asprintf(&text, "%s%s", path, suffix) < 0 ? NULL : text;
}

struct cache_dump *cache_dump_open(struct cache_store *store, const char *path,
	uint32_t value_version, uint64_t now, uint64_t wall, struct cache_file_error *error)
{
	struct cache_dump *dump = malloc(sizeof(*dump));
	int number = 0;

	if (!dump) {
		set_error(error, path, ENOMEM);
		return NULL;
	}
	*dump = (struct cache_dump){
		.store = store,
		.path = with_suffix(path, ""),
		.temporary = with_suffix(path, TEMPORARY_SUFFIX),
		.file = -1,
		.second = cache_seconds(now),
	};
	if (!dump->path || !dump->temporary) {
		number = ENOMEM;
		goto out;
	}
	dump->file = open(dump->temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
		S_IRUSR | S_IWUSR);
	if (dump->file < 0) {
		number = errno;
		goto out;
	}
	write_header(dump, value_version, wall);
	number = dump->error;
out:
	if (number) {
		set_error(error, dump->temporary ? dump->temporary : path, number);
		cache_dump_close(dump);
		return NULL;
	}
	return dump;
}

static bool write_answer(const struct cache_view *view, void *context)
{
	struct cache_dump *dump = context;
	uint8_t *record = dump->block + CACHE_FILE_BLOCK_HEADER_BYTES + dump->block_bytes;
	int32_t age = cache_seconds_until(dump->second, view->stored_at);
	struct cache_key key;
	uint32_t length;

	if (cache_seconds_until(view->stale_until, dump->second) <= 0)
		return true;
	cache_view_key(view, &key);
	length = cache_file_record_bytes(key.length, view->value_length);
	memset(record, 0, CACHE_FILE_RECORD_HEADER_BYTES);
	memset(record + length - 8, 0, 8);
	bytes_store_u16(record, key.length);
	bytes_store_u16(record + 2, view->value_length);
	record[4] = view->kind;
	// What was stored since the start has no age.
	bytes_store_u32(record + 8, age > 0 ? (uint32_t)age : 0);
	bytes_store_u32(record + 12, view->expires_at - dump->second);
	bytes_store_u32(record + 16, view->stale_until - dump->second);
	bytes_store_u32(record + 20, view->opaque);
	memcpy(record + CACHE_FILE_RECORD_HEADER_BYTES, key.bytes, key.length);
	(void)cache_view_copy(
		view, 0, record + CACHE_FILE_RECORD_HEADER_BYTES + key.length, view->value_length);
	dump->block_bytes += length;
	dump->block_records++;
	dump->count++;
	if (dump->block_bytes > CACHE_FILE_BLOCK_BYTES)
		write_block(dump);
	return !dump->error;
}

static void sync_folder(const char *path)
{
	char *folder = with_suffix(path, "");
	char *slash = folder ? strrchr(folder, '/') : NULL;
	int file;

	if (slash)
		slash[slash == folder] = '\0';
	file = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (file >= 0) {
		(void)fsync(file);
		close(file);
	}
	free(folder);
}

static void finish(struct cache_dump *dump)
{
	if (dump->block_records)
		write_block(dump);
	if (dump->error)
		return;
	cache_file_store_u64(dump->block + CACHE_FILE_BLOCK_HEADER_BYTES, dump->count);
	dump->block_bytes = 8;
	write_block(dump);
	if (dump->error)
		return;
	if (fsync(dump->file) || rename(dump->temporary, dump->path)) {
		dump->error = errno;
		return;
	}
	free(dump->temporary);
	dump->temporary = NULL;
	sync_folder(dump->path);
}

enum cache_file_progress cache_dump_step(
	struct cache_dump *dump, uint32_t most, struct cache_file_error *error)
{
	if (cache_store_walk(dump->store, &dump->cursor, most, write_answer, dump) && !dump->error)
		return CACHE_FILE_MORE;
	if (!dump->error)
		finish(dump);
	if (dump->error) {
		set_error(error, dump->path, dump->error);
		return CACHE_FILE_FAILED;
	}
	return CACHE_FILE_DONE;
}

uint64_t cache_dump_count(const struct cache_dump *dump)
{
	return dump->count;
}

void cache_dump_close(struct cache_dump *dump)
{
	if (!dump)
		return;
	if (dump->file >= 0) {
		close(dump->file);
		if (dump->temporary)
			(void)unlink(dump->temporary);
	}
	free(dump->temporary);
	free(dump->path);
	free(dump);
}
