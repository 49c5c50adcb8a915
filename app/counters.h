// SPDX-License-Identifier: BSD-3-Clause
// Sums over lcores, for people. Any thread that knows the lcores alive.
#pragma once

#include "forward/forward.h"

// One counter, and the cycles of one stage (0 unless built with cycle_counters), of the lcores first
// to last together.
uint64_t counters_sum(struct forward_lcore *const lcores[], uint16_t first, uint16_t last,
	enum stats_counter counter);
uint64_t counters_sum_stage(struct forward_lcore *const lcores[], uint16_t first, uint16_t last,
	enum stats_stage stage);
