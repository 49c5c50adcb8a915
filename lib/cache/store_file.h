// SPDX-License-Identifier: BSD-3-Clause
// Answers to a file and back. Management lcore only, a piece at a time, with grace periods between
// the pieces as at any other time.
//
// The file: a header with a version, blocks of records each with a checksum, and a last block that
// tells how many there were. It is written to a temporary name beside its own and renamed when it
// is whole and on the disk. Times are kept as ages, so that the clocks of both processes matter
// only by the wall clock between them (`wall`: seconds since 1970).
#pragma once

#include "cache/store.h"

#define CACHE_FILE_ERROR_TEXT 256

struct cache_dump;
struct cache_load;

struct cache_file_error {
	char text[CACHE_FILE_ERROR_TEXT]; // "PATH: what is wrong", no newline
};

enum cache_file_progress {
	CACHE_FILE_MORE, // call again, after a grace period if one is wanted
	CACHE_FILE_DONE,
	CACHE_FILE_FAILED, // `error` says why
};

// `value_version` names the form of values and opaque; a file of another is refused. NULL with
// `error` filled in.
struct cache_dump *cache_dump_open(struct cache_store *store, const char *path,
	uint32_t value_version, uint64_t now, uint64_t wall, struct cache_file_error *error);

// Writes about `most` more answers that are fresh or may be served stale.
enum cache_file_progress cache_dump_step(
	struct cache_dump *dump, uint32_t most, struct cache_file_error *error);
uint64_t cache_dump_count(const struct cache_dump *dump); // answers written so far

// Also takes away the temporary file of one that was not done.
void cache_dump_close(struct cache_dump *dump);

// Whether the value of a record that came from a file can be used; it is hostile input until then.
typedef bool (*cache_value_check)(const struct cache_record *record);

// The whole file is checked before the first answer of it is stored. NULL with `error` filled in;
// errno is ENOENT if there is no such file.
struct cache_load *cache_load_open(struct cache_store *store, const char *path,
	uint32_t value_version, cache_value_check check, uint64_t wall,
	struct cache_file_error *error);

// Goes on by about `most` records, checking or storing; less when an owner's ring is full.
enum cache_file_progress cache_load_step(
	struct cache_load *load, uint32_t most, uint64_t now, struct cache_file_error *error);
uint64_t cache_load_count(const struct cache_load *load); // answers stored so far
void cache_load_close(struct cache_load *load);
