// SPDX-License-Identifier: BSD-3-Clause
#include "cache/store_file_format.h"
#include "cache/store_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SECONDS_MOST ((uint32_t)1 << 30) // that an answer may be old, or last

enum load_phase {
	LOAD_CHECKS, // the whole file, with nothing stored
	LOAD_STORES,
};

struct cache_load {
	struct cache_store *store;
	char *path;
	int file;
	enum load_phase phase;
	cache_value_check check;
	uint64_t elapsed; // seconds since the file was written
	uint32_t start; // second that this was in the store's time, set by the first step
	bool has_start;
	uint64_t header_checksum;
	off_t offset; // of the next block
	uint64_t block_number;
	uint64_t records; // in the blocks read
	uint64_t count; // stored
	uint32_t block_bytes; // of records
	uint32_t block_records;
	uint32_t block_at; // the next record
	uint8_t block[CACHE_FILE_BUFFER_BYTES] base_aligned(8);
};

static enum cache_file_progress fail(
	const struct cache_load *load, struct cache_file_error *error, const char *what)
{
	(void)snprintf(error->text, sizeof(error->text), "%s: %s", load->path, what);
	return CACHE_FILE_FAILED;
}

// As many bytes as there are, up to `length`; -errno.
static ssize_t read_at(const struct cache_load *load, uint8_t *bytes, size_t length, off_t offset)
{
	size_t done = 0;

	while (done < length) {
		ssize_t count =
			pread(load->file, bytes + done, length - done, offset + (off_t)done);

		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return -errno;
		if (count == 0)
			break;
		done += (size_t)count;
	}
	return (ssize_t)done;
}

// NULL, or what is wrong with the header.
static const char *read_header(struct cache_load *load, uint32_t value_version, uint64_t wall)
{
	uint8_t header[CACHE_FILE_HEADER_BYTES] base_aligned(8);
	ssize_t length = read_at(load, header, sizeof(header), 0);
	uint64_t written;

	if (length < 0)
		return strerror((int)-length);
	if (length != sizeof(header) || cache_file_load_u64(header) != CACHE_FILE_MAGIC)
		return "not a file of the cache";
	load->header_checksum = cache_file_load_u64(header + 24);
	if (load->header_checksum != cache_file_header_checksum(header))
		return "the checksum of its header is wrong";
	if (bytes_load_u32(header + 8) != CACHE_FILE_VERSION)
		return "written by another version";
	if (bytes_load_u32(header + 12) != value_version)
		return "its answers have the form of another version";
	written = cache_file_load_u64(header + 16);
	// A clock that was set back says nothing: then no time has gone by.
	load->elapsed = wall > written ? wall - written : 0;
	load->offset = sizeof(header);
	return NULL;
}

struct cache_load *cache_load_open(struct cache_store *store, const char *path,
	uint32_t value_version, cache_value_check check, uint64_t wall,
	struct cache_file_error *error)
{
	struct cache_load *load = malloc(sizeof(*load));
	const char *wrong = NULL;
	int number = ENOMEM;

	if (!load) {
		(void)snprintf(error->text, sizeof(error->text), "%s: %s", path, strerror(ENOMEM));
		errno = ENOMEM;
		return NULL;
	}
	*load = (struct cache_load){
		.store = store, .path = strdup(path), .file = -1, .check = check};
	if (load->path)
		load->file = open(path, O_RDONLY | O_CLOEXEC);
	if (load->file < 0) {
		number = load->path ? errno : ENOMEM;
		wrong = strerror(number);
		goto out;
	}
	number = EBADMSG;
	wrong = read_header(load, value_version, wall);
out:
	if (wrong) {
		(void)snprintf(error->text, sizeof(error->text), "%s: %s", path, wrong);
		cache_load_close(load);
		errno = number;
		return NULL;
	}
	return load;
}

// NULL, or what is wrong with the next block.
static const char *read_block(struct cache_load *load)
{
	uint8_t *records = load->block + CACHE_FILE_BLOCK_HEADER_BYTES;
	ssize_t length = read_at(load, load->block, CACHE_FILE_BLOCK_HEADER_BYTES, load->offset);

	if (length < 0)
		return strerror((int)-length);
	if (length != CACHE_FILE_BLOCK_HEADER_BYTES)
		return "it ends too soon";
	load->block_bytes = bytes_load_u32(load->block);
	load->block_records = bytes_load_u32(load->block + 4);
	load->block_at = 0;
	if (load->block_bytes > CACHE_FILE_BLOCK_BYTES_MOST || load->block_bytes % 8)
		return "a block has a wrong length";
	length = read_at(
		load, records, load->block_bytes, load->offset + CACHE_FILE_BLOCK_HEADER_BYTES);
	if (length < 0)
		return strerror((int)-length);
	if (length != (ssize_t)load->block_bytes)
		return "it ends too soon";
	if (cache_file_load_u64(load->block + 8) !=
		cache_file_block_checksum(load->block, load->block_bytes, load->header_checksum,
			load->block_number++))
		return "the checksum of a block is wrong";
	load->offset += CACHE_FILE_BLOCK_HEADER_BYTES + (off_t)load->block_bytes;
	return NULL;
}

// The block without records: NULL, or what is wrong with the end.
static const char *check_end(const struct cache_load *load)
{
	uint8_t more;

	if (load->block_bytes != 8 ||
		cache_file_load_u64(load->block + CACHE_FILE_BLOCK_HEADER_BYTES) != load->records)
		return "it does not have as many answers as it says";
	return read_at(load, &more, 1, load->offset) ? "there is more behind its end" : NULL;
}

struct file_record {
	struct cache_key key;
	struct cache_record record;
	uint32_t bytes;
	uint32_t age;
};

// Reads the record at hand; false if it is broken. Times are left as seconds from the dump on.
static bool read_record(const struct cache_load *load, struct file_record *read)
{
	struct byte_reader reader =
		byte_reader_make(load->block + CACHE_FILE_BLOCK_HEADER_BYTES + load->block_at,
			load->block_bytes - load->block_at);
	const uint8_t *header = byte_reader_take(&reader, CACHE_FILE_RECORD_HEADER_BYTES);
	const uint8_t *key;
	const uint8_t *value;

	if (!header)
		return false;
	read->key.length = bytes_load_u16(header);
	read->age = bytes_load_u32(header + 8);
	read->record = (struct cache_record){
		.key = &read->key,
		.kind = (enum cache_kind)header[4],
		.expires_at = bytes_load_u32(header + 12),
		.stale_until = bytes_load_u32(header + 16),
		.opaque = bytes_load_u32(header + 20),
		.value_length = bytes_load_u16(header + 2),
	};
	read->bytes = cache_file_record_bytes(read->key.length, read->record.value_length);
	key = byte_reader_take(&reader, read->key.length);
	value = byte_reader_take(&reader, ((size_t)read->record.value_length + 7) & ~(size_t)7);
	if (!value || header[4] >= CACHE_KINDS || !cache_key_is_whole(key, read->key.length))
		return false;
	memcpy(read->key.bytes, key, read->key.length);
	read->record.value = value;
	// Answers may have been past their time already; no time is longer than years.
	return read->age <= SECONDS_MOST && read->record.stale_until - 1 < SECONDS_MOST &&
	       cache_seconds_until(read->record.stale_until, read->record.expires_at) >= 0 &&
	       read->record.expires_at + SECONDS_MOST <= 2 * SECONDS_MOST &&
	       load->check(&read->record);
}

// Sets the times as they are in this store; false if the answer is of no use any more.
static bool set_age(const struct cache_load *load, struct file_record *read, uint64_t now)
{
	uint32_t elapsed = (uint32_t)load->elapsed;

	if (load->elapsed >= read->record.stale_until)
		return false;
	read->record.stored_at = load->start - read->age - elapsed;
	read->record.expires_at += load->start - elapsed;
	read->record.stale_until += load->start - elapsed;
	return cache_seconds_until(read->record.stale_until, cache_seconds(now)) > 0;
}

// False if the owner's ring is full, and it has to be tried again.
static bool store_record(struct cache_load *load, struct file_record *read, uint64_t now)
{
	struct cache_lcore *manager = cache_store_manager(load->store);
	struct cache_arrival arrival;

	if (!set_age(load, read, now))
		return true;
	read->record.hash = cache_store_hash(load->store, &read->key);
	arrival = cache_arrival_make(manager, &read->record);
	switch (cache_pass(manager, &arrival, cache_store_owner(load->store, arrival.hash))) {
	case CACHE_PASS_FULL:
		return false;
	case CACHE_PASS_TOO_LONG:
		cache_count(manager, CACHE_COUNT_DROPPED_TOO_LONG);
		return true;
	case CACHE_PASS_DONE:
		break;
	}
	cache_count(manager, CACHE_COUNT_PASSED);
	load->count++;
	return true;
}

// From the check of the whole file to its first block again.
static void start_storing(struct cache_load *load)
{
	load->phase = LOAD_STORES;
	load->offset = CACHE_FILE_HEADER_BYTES;
	load->block_number = 0;
	load->records = 0;
	load->block_bytes = 0;
	load->block_records = 0;
	load->block_at = 0;
}

// Behind the last record of a block. CACHE_FILE_MORE: there is another one, or the second phase.
static enum cache_file_progress next_block(struct cache_load *load, struct cache_file_error *error)
{
	const char *wrong;

	if (load->block_records)
		return fail(load, error, "a block does not have as many answers as it says");
	wrong = read_block(load);
	if (!wrong && load->block_records)
		return CACHE_FILE_MORE;
	if (!wrong)
		wrong = check_end(load);
	if (wrong)
		return fail(load, error, wrong);
	if (load->phase == LOAD_STORES)
		return CACHE_FILE_DONE;
	start_storing(load);
	return CACHE_FILE_MORE;
}

enum cache_file_progress cache_load_step(
	struct cache_load *load, uint32_t most, uint64_t now, struct cache_file_error *error)
{
	enum cache_file_progress progress = CACHE_FILE_MORE;

	if (!load->has_start)
		load->start = cache_seconds(now);
	load->has_start = true;
	for (uint32_t i = 0; i < most && progress == CACHE_FILE_MORE; i++) {
		struct file_record read;

		if (load->block_at == load->block_bytes) {
			progress = next_block(load, error);
			continue;
		}
		if (!load->block_records || !read_record(load, &read))
			return fail(load, error, "an answer is broken");
		if (load->phase == LOAD_STORES && !store_record(load, &read, now))
			return CACHE_FILE_MORE;
		load->block_at += read.bytes;
		load->block_records--;
		load->records++;
	}
	return progress;
}

uint64_t cache_load_count(const struct cache_load *load)
{
	return load->count;
}

void cache_load_close(struct cache_load *load)
{
	if (!load)
		return;
	if (load->file >= 0)
		close(load->file);
	free(load->path);
	free(load);
}
