// SPDX-License-Identifier: BSD-3-Clause
// Where the cycles of a worker lcore go, stage by stage: for profiling, in builds made with
// -Dcycle_counters=true. In others it is all nothing. Reading the counter so often costs a tenth
// of the rate: compare stages with each other, not with another build's rate.
#pragma once

#include <stdint.h>

#include "base/atomic.h"
#include "base/compiler.h"

// X(constant, name)
#define STATS_STAGE_LIST(X)                                                                        \
	X(IDLE, idle)                                                                              \
	X(RECEIVE, receive)                                                                        \
	X(PARSE, parse)                                                                            \
	X(QUERY, query)                                                                            \
	X(REPLY, reply)                                                                            \
	X(OTHER_FRAME, other_frame)                                                                \
	X(EXPIRE, expire)                                                                          \
	X(SEND, send)                                                                              \
	X(LOOP, loop)

enum stats_stage {
#define X(constant, name) STATS_STAGE_##constant,
	STATS_STAGE_LIST(X)
#undef X
	STATS_STAGES,
};

const char *stats_stage_name(enum stats_stage stage);

// Written by its lcore alone.
struct stats_stages {
#ifdef MILLRACE_CYCLE_COUNTERS
	uint64_t last; // counter at the last mark
	uint64_t cycles[STATS_STAGES];
#else
	uint8_t nothing;
#endif
} base_aligned(BASE_CACHE_LINE);

#ifdef MILLRACE_CYCLE_COUNTERS

static inline uint64_t stats_cycles_now(void)
{
#if defined(__x86_64__)
	return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
	uint64_t count;

	__asm__ volatile("mrs %0, cntvct_el0" : "=r"(count));
	return count;
#else
#error "cycle_counters: no cycle counter is known for this processor"
#endif
}

// What has passed since the last mark belongs to `stage`.
static inline void stats_stages_mark(struct stats_stages *stages, enum stats_stage stage)
{
	uint64_t now = stats_cycles_now();

	base_store(&stages->cycles[stage], stages->cycles[stage] + (now - stages->last));
	stages->last = now;
}

static inline uint64_t stats_stages_read(const struct stats_stages *stages, enum stats_stage stage)
{
	return base_load(&stages->cycles[stage]);
}

#else

static inline void stats_stages_mark(struct stats_stages *stages, enum stats_stage stage)
{
	(void)stages;
	(void)stage;
}

static inline uint64_t stats_stages_read(const struct stats_stages *stages, enum stats_stage stage)
{
	(void)stages;
	(void)stage;
	return 0;
}

#endif
