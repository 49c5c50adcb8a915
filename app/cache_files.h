// SPDX-License-Identifier: BSD-3-Clause
// What caches keep over a restart: a file of each in one folder, loaded behind the start while
// queries are served already, and written at the end. Management lcore only, a piece a turn.
//
// A file that can not be used is said in the log and renamed to *.broken, so that the next save
// does not write over it; the start goes on without. A stop before a file was read to its end leaves it
// as it is.
#pragma once

#include "config/config.h"
#include "forward/caches.h"

#define CACHE_FILE_NAME_BYTES 128

struct cache_files;

// The file of a `cache` directive: named for the first zone and the port of its block, with a hash
// of all zones, ports and addresses that share it, so that a block that was changed finds the
// right file or none.
void cache_file_name(char name[CACHE_FILE_NAME_BYTES], const struct config *config,
	const struct config_cache *cache);

// For caches of `config` that both live longer, in a folder that is there and can be written.
// NULL with errno.
struct cache_files *cache_files_create(
	const char *folder, const struct config *config, struct forward_caches *caches);

// The configuration and its caches after a reload, with the same stores. Those that it has no more
// are not saved.
void cache_files_follow(
	struct cache_files *files, const struct config *config, struct forward_caches *caches);

// Gives up what is not done, and says so.
void cache_files_destroy(struct cache_files *files);

// Ends loading; from now on turns save. At the stop, when no more answers come.
void cache_files_save(struct cache_files *files);
uint32_t cache_files_unsaved(const struct cache_files *files); // caches; 0 before

// A piece of loading, or of saving. `wall`: seconds since 1970 at `now`. True if there is more.
bool cache_files_turn(struct cache_files *files, uint64_t now, uint64_t wall);
