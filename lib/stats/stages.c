// SPDX-License-Identifier: BSD-3-Clause
#include "stats/stages.h"

static const char *const names[STATS_STAGES] = {
#define X(constant, name) #name,
	STATS_STAGE_LIST(X)
#undef X
};

const char *stats_stage_name(enum stats_stage stage)
{
	return names[stage];
}
