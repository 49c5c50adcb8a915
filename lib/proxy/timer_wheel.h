// SPDX-License-Identifier: BSD-3-Clause
// When each pending query runs out of time, by its slot number: arming, cancelling and expiring
// cost the same however many are armed. One lcore's own. A tick is 2^20 ns (about 1.05 ms); a
// timer fires at the first call at or after its tick, never before its time.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"

#define TIMER_WHEEL_TICK_SHIFT 20
#define TIMER_WHEEL_TICKS 8192u // 8.6 s: longer than any wait (PROXY_QUERY_DEADLINE)
#define TIMER_WHEEL_NONE UINT32_MAX

#define TIMER_WHEEL_NOT_ARMED UINT64_MAX

struct timer_wheel_link {
	uint32_t next;
	uint32_t previous; // slot, or TIMER_WHEEL_NONE when the head of its tick points here
	uint64_t tick; // when it fires, or TIMER_WHEEL_NOT_ARMED
};

struct timer_wheel {
	uint64_t now_tick; // nothing is armed for a tick before it
	struct timer_wheel_link *links;
	uint32_t heads[TIMER_WHEEL_TICKS];
};

// For slots 0 to count - 1. 0 or -ENOMEM.
base_must_check int timer_wheel_init(struct timer_wheel *wheel, uint32_t count, uint64_t now);
void timer_wheel_fini(struct timer_wheel *wheel);

// Arms the slot, which is not armed. A time more than the wheel's span ahead is kept too, but
// costs a look each turn of the wheel.
void timer_wheel_arm(struct timer_wheel *wheel, uint32_t slot, uint64_t when);

// When a timer armed for `when` fires, at the latest.
static inline uint64_t timer_wheel_fires_at(uint64_t when)
{
	return when >> TIMER_WHEEL_TICK_SHIFT == UINT64_MAX >> TIMER_WHEEL_TICK_SHIFT
		       ? UINT64_MAX
		       : ((when >> TIMER_WHEEL_TICK_SHIFT) + 1) << TIMER_WHEEL_TICK_SHIFT;
}

// No timer fires before; UINT64_MAX: none is armed. Looks at all ticks up to then.
uint64_t timer_wheel_next_time(const struct timer_wheel *wheel);

static inline bool timer_wheel_is_armed(const struct timer_wheel *wheel, uint32_t slot)
{
	return wheel->links[slot].tick != TIMER_WHEEL_NOT_ARMED;
}

// Does nothing to a slot that is not armed.
void timer_wheel_cancel(struct timer_wheel *wheel, uint32_t slot);

// Takes out one slot whose time has come; false when there is none (left).
bool timer_wheel_take_expired(struct timer_wheel *wheel, uint64_t now, uint32_t *slot);

static inline void timer_wheel_prefetch(const struct timer_wheel *wheel, uint32_t slot)
{
	base_prefetch_write(&wheel->links[slot]);
}

// What timer_wheel_cancel() touches beside the slot's own link, which is near by now.
static inline void timer_wheel_prefetch_neighbours(const struct timer_wheel *wheel, uint32_t slot)
{
	const struct timer_wheel_link *link = &wheel->links[slot];

	if (link->next != TIMER_WHEEL_NONE)
		base_prefetch_write(&wheel->links[link->next]);
	if (link->previous != TIMER_WHEEL_NONE)
		base_prefetch_write(&wheel->links[link->previous]);
}
