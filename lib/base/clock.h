// SPDX-License-Identifier: BSD-3-Clause
// Time is nanoseconds of the monotonic clock since an arbitrary start, in a uint64_t, and is
// handed to whoever needs it: only the loops of app/ read the clock, once a burst.
#pragma once

#include <stdint.h>

#define CLOCK_MICROSECOND UINT64_C(1000)
#define CLOCK_MILLISECOND UINT64_C(1000000)
#define CLOCK_SECOND UINT64_C(1000000000)

uint64_t clock_now(void);
