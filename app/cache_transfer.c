// SPDX-License-Identifier: BSD-3-Clause
#include "cache_transfer.h"

#include <errno.h>
#include <inttypes.h>

#include "base/log.h"
#include "cache/answer_record.h"

// What is loaded is checked as hostile input.
#define LOADED_A_STEP 256u
#define DUMPED_A_STEP 1024u

int cache_transfer_dump(
	struct cache_transfer *transfer, struct cache_store *store, uint64_t now, uint64_t wall)
{
	transfer->began = now;
	transfer->count = 0;
	transfer->dump = cache_dump_open(
		store, transfer->path, CACHE_ANSWER_VERSION, now, wall, &transfer->error);
	return transfer->dump ? 0 : -EIO;
}

int cache_transfer_load(
	struct cache_transfer *transfer, struct cache_store *store, uint64_t now, uint64_t wall)
{
	transfer->began = now;
	transfer->count = 0;
	transfer->load = cache_load_open(store, transfer->path, CACHE_ANSWER_VERSION,
		cache_answer_record_is_good, wall, &transfer->error);
	return transfer->load ? 0 : -errno;
}

enum cache_file_progress cache_transfer_step(struct cache_transfer *transfer, uint64_t now)
{
	bool is_dump = transfer->dump;
	enum cache_file_progress progress =
		is_dump ? cache_dump_step(transfer->dump, DUMPED_A_STEP, &transfer->error)
			: cache_load_step(transfer->load, LOADED_A_STEP, now, &transfer->error);

	transfer->count =
		is_dump ? cache_dump_count(transfer->dump) : cache_load_count(transfer->load);
	if (progress == CACHE_FILE_MORE)
		return progress;
	cache_transfer_stop(transfer);
	// The last piece may have waited for the disk.
	if (progress == CACHE_FILE_DONE)
		log_info("cache: %s: %" PRIu64 " answers %s in %.3f s", transfer->path,
			transfer->count, is_dump ? "saved" : "loaded",
			(double)(clock_now() - transfer->began) / (double)CLOCK_SECOND);
	return progress;
}

void cache_transfer_stop(struct cache_transfer *transfer)
{
	cache_dump_close(transfer->dump);
	cache_load_close(transfer->load);
	transfer->dump = NULL;
	transfer->load = NULL;
}
