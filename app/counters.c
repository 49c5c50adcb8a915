// SPDX-License-Identifier: BSD-3-Clause
#include "counters.h"

uint64_t counters_of_lcore(const struct app *app, uint16_t lcore, enum stats_counter counter)
{
	return stats_read(forward_lcore_counters(app->lcores[lcore]), counter);
}

uint64_t counters_stage_of_lcore(const struct app *app, uint16_t lcore, enum stats_stage stage)
{
	return stats_stages_read(forward_lcore_stages(app->lcores[lcore]), stage);
}

uint64_t counters_sum(
	const struct app *app, uint16_t first, uint16_t last, enum stats_counter counter)
{
	uint64_t sum = 0;

	for (uint16_t i = first; i <= last; i++)
		sum += counters_of_lcore(app, i, counter);
	return sum;
}

uint64_t counters_total(const struct app *app, enum stats_counter counter)
{
	return counters_sum(app, 0, (uint16_t)(app->lcore_count - 1), counter);
}

uint64_t counters_stage_total(const struct app *app, enum stats_stage stage)
{
	uint64_t sum = 0;

	for (uint16_t i = 0; i < app->lcore_count; i++)
		sum += counters_stage_of_lcore(app, i, stage);
	return sum;
}
