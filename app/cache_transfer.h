// SPDX-License-Identifier: BSD-3-Clause
// One cache on its way to a file, or from one, a piece a turn. Management lcore only.
#pragma once

#include <limits.h>

#include "cache/store_file.h"

// All zero: none is on its way.
struct cache_transfer {
	struct cache_dump *dump; // one of both, or neither
	struct cache_load *load;
	uint64_t began;
	uint64_t count; // answers, so far
	char path[PATH_MAX];
	struct cache_file_error error; // when it failed
};

static inline bool cache_transfer_is_active(const struct cache_transfer *transfer)
{
	return transfer->dump || transfer->load;
}

// The next two start one; `path` is set before. `wall`: seconds since 1970 at `now`. 0, or -errno
// with `error` set: -ENOENT for a file to load that is not there, -EBADMSG for one that is none.
base_must_check int cache_transfer_dump(
	struct cache_transfer *transfer, struct cache_store *store, uint64_t now, uint64_t wall);
base_must_check int cache_transfer_load(
	struct cache_transfer *transfer, struct cache_store *store, uint64_t now, uint64_t wall);

// About a millisecond's worth. At its end it is not active any more, and a line in the log says
// how many answers it were; what failed is left to the caller to say.
enum cache_file_progress cache_transfer_step(struct cache_transfer *transfer, uint64_t now);

// Gives up what is active; what was loaded stays.
void cache_transfer_stop(struct cache_transfer *transfer);
