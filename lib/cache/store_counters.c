// SPDX-License-Identifier: BSD-3-Clause
#include "cache/store_counters.h"

struct counter_description {
	const char *name;
	const char *help;
	enum cache_counter_group group;
};

static const struct counter_description descriptions[CACHE_COUNTERS] = {
#define X(constant, name, group, help) {#name, help, CACHE_GROUP_##group},
	CACHE_COUNTER_LIST(X)
#undef X
};

const char *cache_counter_name(enum cache_counter counter)
{
	return descriptions[counter].name;
}

const char *cache_counter_help(enum cache_counter counter)
{
	return descriptions[counter].help;
}

enum cache_counter_group cache_counter_group(enum cache_counter counter)
{
	return descriptions[counter].group;
}
