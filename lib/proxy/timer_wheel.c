// SPDX-License-Identifier: BSD-3-Clause
#include "proxy/timer_wheel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int timer_wheel_init(struct timer_wheel *wheel, uint32_t count, uint64_t now)
{
	wheel->now_tick = now >> TIMER_WHEEL_TICK_SHIFT;
	memset(wheel->heads, 0xff, sizeof(wheel->heads));
	wheel->links = malloc(count * sizeof(*wheel->links));
	if (!wheel->links)
		return -ENOMEM;
	memset(wheel->links, 0xff, count * sizeof(*wheel->links));
	return 0;
}

void timer_wheel_fini(struct timer_wheel *wheel)
{
	free(wheel->links);
	wheel->links = NULL;
}

void timer_wheel_arm(struct timer_wheel *wheel, uint32_t slot, uint64_t when)
{
	struct timer_wheel_link *link = &wheel->links[slot];
	// One tick up, so that it never fires early.
	uint64_t tick = (when >> TIMER_WHEEL_TICK_SHIFT) + 1;
	uint32_t *head;

	if (tick < wheel->now_tick)
		tick = wheel->now_tick;
	if (tick >= wheel->now_tick + TIMER_WHEEL_TICKS)
		tick = wheel->now_tick + TIMER_WHEEL_TICKS - 1;
	link->tick = (uint32_t)(tick & (TIMER_WHEEL_TICKS - 1));
	head = &wheel->heads[link->tick];
	link->next = *head;
	link->previous = TIMER_WHEEL_NONE;
	if (*head != TIMER_WHEEL_NONE)
		wheel->links[*head].previous = slot;
	*head = slot;
}

void timer_wheel_cancel(struct timer_wheel *wheel, uint32_t slot)
{
	struct timer_wheel_link *link = &wheel->links[slot];

	if (link->tick == TIMER_WHEEL_NONE)
		return;
	if (link->previous == TIMER_WHEEL_NONE)
		wheel->heads[link->tick] = link->next;
	else
		wheel->links[link->previous].next = link->next;
	if (link->next != TIMER_WHEEL_NONE)
		wheel->links[link->next].previous = link->previous;
	link->tick = TIMER_WHEEL_NONE;
}

bool timer_wheel_take_expired(struct timer_wheel *wheel, uint64_t now, uint32_t *slot)
{
	uint64_t until = now >> TIMER_WHEEL_TICK_SHIFT;

	// After a long sleep one turn of the wheel visits every tick there is.
	if (until > wheel->now_tick + TIMER_WHEEL_TICKS)
		wheel->now_tick = until - TIMER_WHEEL_TICKS;
	for (;; wheel->now_tick++) {
		uint32_t head;

		if (wheel->now_tick > until) {
			wheel->now_tick = until;
			return false;
		}
		head = wheel->heads[wheel->now_tick & (TIMER_WHEEL_TICKS - 1)];
		if (head != TIMER_WHEEL_NONE) {
			*slot = head;
			timer_wheel_cancel(wheel, head);
			return true;
		}
	}
}
