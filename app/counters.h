// SPDX-License-Identifier: BSD-3-Clause
// Counters of lcores, and the cycles of their stages (0 unless built with cycle_counters), for people.
// Any thread that knows the lcores alive.
#pragma once

#include "app.h"

uint64_t counters_of_lcore(const struct app *app, uint16_t lcore, enum stats_counter counter);
uint64_t counters_stage_of_lcore(const struct app *app, uint16_t lcore, enum stats_stage stage);

// Of the lcores first to last together.
uint64_t counters_sum(
	const struct app *app, uint16_t first, uint16_t last, enum stats_counter counter);

// Of all lcores together.
uint64_t counters_total(const struct app *app, enum stats_counter counter);
uint64_t counters_stage_total(const struct app *app, enum stats_stage stage);
