// SPDX-License-Identifier: BSD-3-Clause
// What lcores counted, added up, for all who show it: telemetry, metrics and control. Any thread that
// knows the lcores alive.
#pragma once

#include "app.h"

// One upstream, on all lcores.
struct figures_upstream {
	uint64_t sent;
	uint64_t answered;
	uint64_t failed[PROXY_FAILURES];
	uint64_t health_checks;
	uint64_t health_check_failures;
	bool is_down;
	bool is_in_drain;
	struct proxy_durations durations;
};

// These add to the sum.
void figures_add_upstream(const struct app *app, uint16_t upstream, struct figures_upstream *sum);
// Of the pools number `first` to before `last` (app.pools).
void figures_add_pools(const struct app *app, uint16_t upstream, uint16_t first, uint16_t last,
	struct proxy_pool *sum);

// One lcore, by its number: workers, then stream lcores.
struct figures_lcore {
	uint32_t queries_in_flight; // of clients
	uint32_t refreshes_in_flight;
	uint64_t all_down; // queries that found every upstream of their forward down
	struct nic_queue_counters nic; // all zero for a stream lcore, which has no queue
	uint32_t frames_free; // in its pool
	uint32_t frames_total;
};

struct figures_lcore figures_lcore(const struct app *app, uint16_t lcore);

// The lcore that has the pool of this number.
uint16_t figures_pool_lcore(const struct app *app, uint16_t pool);

// "expire", "timeout".
const char *figures_close_name(enum proxy_close_reason reason);
const char *figures_failure_name(enum proxy_failure failure);
