// SPDX-License-Identifier: BSD-3-Clause
#include "stats/counters.h"

struct counter_description {
	const char *name;
	const char *help;
	enum stats_group group;
};

static const struct counter_description descriptions[STATS_COUNTERS] = {
#define X(constant, name, group, help) {#name, help, STATS_GROUP_##group},
	STATS_COUNTER_LIST(X)
#undef X
};

const char *stats_counter_name(enum stats_counter counter)
{
	return descriptions[counter].name;
}

const char *stats_counter_help(enum stats_counter counter)
{
	return descriptions[counter].help;
}

enum stats_group stats_counter_group(enum stats_counter counter)
{
	return descriptions[counter].group;
}

uint64_t stats_group_sum(const struct stats_counters *counters, enum stats_group group)
{
	uint64_t sum = 0;

	for (int i = 0; i < STATS_COUNTERS; i++) {
		if (descriptions[i].group == group)
			sum += stats_read(counters, (enum stats_counter)i);
	}
	return sum;
}
