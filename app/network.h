// SPDX-License-Identifier: BSD-3-Clause
// Keeps what workers see of the network in step with the kernel's tables: local addresses and
// listeners, the filters of bifurcated ports, and the path to each upstream. Management lcore.
#pragma once

#include "app.h"

// Opens the kernel's tables, makes the TAP interfaces and attaches every port. 0, or -errno with
// one line said. An error where a bifurcated port has no address, or `bind` or `source_address`
// names one that no port has.
int network_open(struct app *app);
void network_close(struct app *app);

// Asks the kernel for the neighbours of the upstreams, so that they are found and stay fresh.
void network_resolve(struct app *app);

// Waits until there is a path to every upstream, for `most` nanoseconds at the longest, and says
// which have none.
void network_wait_for_paths(struct app *app, uint64_t most);

// Reads what changed in the kernel's tables and publishes what workers need of it.
void network_update(struct app *app);

// Finds the path to each upstream of a set that is not published yet, and asks for neighbours where
// there is none. Returns how many of those that are new in it have none.
uint16_t network_find_paths(struct app *app, struct proxy_set *set);
// Says which of the set's upstreams have no path.
void network_log_pathless(const struct proxy_set *set);
// The filters let through what either snapshot serves (the second may be NULL), and replies of the
// set's upstreams. 0, or -errno with one line said.
int network_set_filters(struct app *app, const struct proxy_set *set,
	const struct forward_snapshot *snapshot, const struct forward_snapshot *next);
// The numbers in `set` and in the caches.
struct forward_numbers network_numbers(
	const struct proxy_set *set, const struct forward_caches *caches);
