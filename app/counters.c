// SPDX-License-Identifier: BSD-3-Clause
#include "counters.h"

uint64_t counters_sum(struct forward_lcore *const lcores[], uint16_t first, uint16_t last,
	enum stats_counter counter)
{
	uint64_t sum = 0;

	for (uint16_t i = first; i <= last; i++)
		sum += stats_read(forward_lcore_counters(lcores[i]), counter);
	return sum;
}

uint64_t counters_sum_stage(
	struct forward_lcore *const lcores[], uint16_t first, uint16_t last, enum stats_stage stage)
{
	uint64_t sum = 0;

	for (uint16_t i = first; i <= last; i++)
		sum += stats_stages_read(forward_lcore_stages(lcores[i]), stage);
	return sum;
}
