// SPDX-License-Identifier: BSD-3-Clause
// What the management lcore does to the pools of the workers while they work: mark what is stale,
// and close what the owner has unlinked, after one grace period for all of it.
//
//   mark    the manager sends the slot to its owner, who lets it take no new query
//   unlink  the owner, once nothing is in flight, takes it out of its pool and hands it back
//   close   the manager, after a grace period, ends it and tells the owner that the slot is free
#pragma once

#include <stdint.h>

#include "proxy/pool.h"

// A connection's line is read when it may be stale, and not before: the times until which each one
// is surely good are kept here, so that lines that their owner writes all the time stay with it.

// The management lcore's, when it has published a set that follows, or before its owner runs:
// connections are judged by the new settings, and those of upstreams that leave are marked.
void proxy_sweep_follow(struct proxy_pools *pools, const struct proxy_set *set);

// The management lcore's, when it drains an upstream: what was surely good may be so no longer.
void proxy_sweep_look_anew(struct proxy_pools *pools);

// Sends a mark for every connection that is stale at `now` and has none yet. Returns how many.
// `now` never goes back. Where nothing can be stale it reads one line.
uint32_t proxy_sweep_mark(struct proxy_pools *pools, uint64_t now);

// Takes up to `most` unlinked slots of one lcore into `slots`. Returns how many.
uint32_t proxy_sweep_collect(struct proxy_pools *pools, uint16_t slots[], uint32_t most);

// Closes collected connections. A grace period has passed since proxy_sweep_collect().
void proxy_sweep_close(struct proxy_pools *pools, const uint16_t slots[], uint32_t count);

// Collects from every lcore, waits for at most one grace period (none when nothing was unlinked),
// and closes. Returns how many were closed; `scratch` holds `scratch_count` slots, and what does
// not fit stays for the next call.
uint32_t proxy_sweep_reap(struct proxy_pools *const pools[], uint16_t lcore_count,
	uint16_t scratch[], uint32_t scratch_count);
