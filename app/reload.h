// SPDX-License-Identifier: BSD-3-Clause
// From the running configuration to the next, while queries are served. Management lcore.
//
//   read; its new host names are looked up, some seconds at most
//        |
//   checked, made --- wrong: one line in the log, and all stays as it is
//        |
//   paths of new upstreams are looked for, a second at most
//        |
//   the filters let through the old and the new; caches, TLS and set are published
//        |
//   every lcore has followed them
//        |
//   the snapshot is published, which leads to them; a grace period; what was before is freed
//
// Files and host names in TO are followed always, and all that the configuration was read from with
// `reload`. A change of the former is read with the configuration as it was: what is being edited
// meanwhile stays out.
//
// Upstreams that left are drained from then on; once they are, a set without them follows the same
// way. Nothing here waits but for grace periods.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "options.h"

struct app;
struct forward_caches;
struct forward_snapshot;
struct proxy_set;
struct stream_lcore_update;

enum reload_stage {
	RELOAD_RESTS,
	RELOAD_FINDS_ADDRESSES, // of host names
	RELOAD_FINDS_PATHS,
	RELOAD_IS_FOLLOWED, // published, and not every lcore follows it yet
};

struct reload {
	enum reload_stage stage;
	bool is_wanted; // of all files
	bool is_wanted_of_upstreams; // only of what it has its upstreams from
	bool is_of_upstreams; // the one under way
	// The files: when they are looked at next, and what they were when the configuration was read,
	// or refused, last.
	uint64_t follow_due;
	uint64_t follow_upstreams_due;
	struct config_sums sums;
	bool has_sums;
	// names_generation() of the running configuration, of the next, and of the last that was refused,
	// which is tried again in a while.
	uint64_t addresses;
	uint64_t next_addresses;
	uint64_t refused_addresses;
	uint64_t retry_due;
	uint64_t until; // of the search for addresses or paths
	uint64_t look_due; // at paths, or at what drains
	uint64_t done; // configurations that came into force
	uint64_t refused;
	struct config_error refusal; // why the last one was; empty: it was not
	bool is_refusal_of_upstreams;
	// What comes next, ours until it is published.
	struct config *config; // NULL: the same, without the upstreams that are drained
	struct proxy_set *set;
	struct forward_caches *caches;
	struct forward_snapshot *snapshot;
	struct stream_lcore_update *updates[STREAM_LCORES_MOST];
};

// The file is read again, in the next turn that nothing else is reloaded in.
void reload_want(struct app *app);

// A piece of it, each turn of the management loop.
void reload_turn(struct app *app, uint64_t now);

// It is published, and lcores have yet to follow: they may not end, and the kernel's tables are not to
// be followed.
bool reload_is_followed(const struct app *app);

// "none", "running", "done", or why it was refused. Good for this turn.
const char *reload_outcome(const struct app *app);

// With the lcores ended.
void reload_close(struct app *app);
