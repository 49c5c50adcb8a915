// SPDX-License-Identifier: BSD-3-Clause
#include "base/clock.h"

#include <time.h>

uint64_t clock_now(void)
{
	struct timespec now;

	// Can not fail: the clock exists and the pointer is good.
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * CLOCK_SECOND + (uint64_t)now.tv_nsec;
}
