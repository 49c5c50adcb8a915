// SPDX-License-Identifier: BSD-3-Clause
#include "proxy/timer_wheel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/table_memory.h"

int timer_wheel_init(struct timer_wheel *wheel, uint32_t count, uint64_t now)
{
	wheel->now_tick = now >> TIMER_WHEEL_TICK_SHIFT;
	memset(wheel->heads, 0xff, sizeof(wheel->heads));
	wheel->links = table_memory_allocate((size_t)count * sizeof(*wheel->links));
	if (!wheel->links)
		return -ENOMEM;
	memset(wheel->links, 0xff, (size_t)count * sizeof(*wheel->links));
	return 0;
}

void timer_wheel_fini(struct timer_wheel *wheel)
{
	free(wheel->links);
	wheel->links = NULL;
}

static uint32_t *wheel_head(struct timer_wheel *wheel, uint64_t tick)
{
	return &wheel->heads[tick & (TIMER_WHEEL_TICKS - 1)];
}

void timer_wheel_arm(struct timer_wheel *wheel, uint32_t slot, uint64_t when)
{
	struct timer_wheel_link *link = &wheel->links[slot];
	// One tick up, so that it never fires early.
	uint64_t tick = (when >> TIMER_WHEEL_TICK_SHIFT) + 1;
	uint32_t *head;

	if (tick < wheel->now_tick)
		tick = wheel->now_tick;
	head = wheel_head(wheel, tick);
	link->tick = tick;
	link->next = *head;
	link->previous = TIMER_WHEEL_NONE;
	if (*head != TIMER_WHEEL_NONE)
		wheel->links[*head].previous = slot;
	*head = slot;
}

void timer_wheel_cancel(struct timer_wheel *wheel, uint32_t slot)
{
	struct timer_wheel_link *link = &wheel->links[slot];

	if (link->tick == TIMER_WHEEL_NOT_ARMED)
		return;
	if (link->previous == TIMER_WHEEL_NONE)
		*wheel_head(wheel, link->tick) = link->next;
	else
		wheel->links[link->previous].next = link->next;
	if (link->next != TIMER_WHEEL_NONE)
		wheel->links[link->next].previous = link->previous;
	link->tick = TIMER_WHEEL_NOT_ARMED;
}

uint64_t timer_wheel_next_time(const struct timer_wheel *wheel)
{
	for (uint64_t tick = wheel->now_tick; tick < wheel->now_tick + TIMER_WHEEL_TICKS; tick++) {
		if (wheel->heads[tick & (TIMER_WHEEL_TICKS - 1)] != TIMER_WHEEL_NONE)
			return tick << TIMER_WHEEL_TICK_SHIFT;
	}
	return UINT64_MAX;
}

// The first slot in the list of `tick` that fires by tick `until`. One that stands there for a
// later turn of the wheel was armed further ahead than its span.
static uint32_t wheel_find_expired(struct timer_wheel *wheel, uint64_t tick, uint64_t until)
{
	uint32_t slot = *wheel_head(wheel, tick);

	while (slot != TIMER_WHEEL_NONE && base_unlikely(wheel->links[slot].tick > until))
		slot = wheel->links[slot].next;
	return slot;
}

bool timer_wheel_take_expired(struct timer_wheel *wheel, uint64_t now, uint32_t *slot)
{
	uint64_t until = now >> TIMER_WHEEL_TICK_SHIFT;

	// After a long sleep one turn of the wheel visits every list there is.
	if (base_unlikely(until > wheel->now_tick + TIMER_WHEEL_TICKS))
		wheel->now_tick = until - TIMER_WHEEL_TICKS;
	while (wheel->now_tick <= until) {
		*slot = wheel_find_expired(wheel, wheel->now_tick, until);
		if (*slot != TIMER_WHEEL_NONE) {
			timer_wheel_cancel(wheel, *slot);
			return true;
		}
		if (wheel->now_tick == until)
			break;
		wheel->now_tick++;
	}
	return false;
}
