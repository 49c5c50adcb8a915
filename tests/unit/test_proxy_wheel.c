// SPDX-License-Identifier: BSD-3-Clause
#include "unit.h"

#include "base/clock.h"
#include "base/random.h"
#include "proxy/timer_wheel.h"

#include <stdlib.h>
#include <string.h>

#define TICK (UINT64_C(1) << TIMER_WHEEL_TICK_SHIFT)

struct wheel_fixture {
	struct timer_wheel *wheel;
	uint64_t now;
};

static void wheel_fixture_open(struct wheel_fixture *fixture, uint32_t slots)
{
	fixture->wheel = malloc(sizeof(*fixture->wheel));
	fixture->now = UINT64_C(123456789) * CLOCK_SECOND;
	CU_ASSERT_PTR_NOT_NULL_FATAL(fixture->wheel);
	CU_ASSERT_EQUAL_FATAL(timer_wheel_init(fixture->wheel, slots, fixture->now), 0);
}

static void wheel_fixture_close(struct wheel_fixture *fixture)
{
	timer_wheel_fini(fixture->wheel);
	free(fixture->wheel);
}

static void fires_within_two_ticks_and_never_early(void)
{
	struct wheel_fixture fixture;
	uint32_t slot = 99;

	wheel_fixture_open(&fixture, 4);
	for (uint64_t wait = 0; wait < 5 * CLOCK_SECOND; wait += 7777777) {
		uint64_t when = fixture.now + wait;

		timer_wheel_arm(fixture.wheel, 2, when);
		CU_ASSERT_FALSE(timer_wheel_take_expired(fixture.wheel, when, &slot));
		CU_ASSERT_TRUE(timer_wheel_take_expired(fixture.wheel, when + 2 * TICK, &slot));
		CU_ASSERT_EQUAL(slot, 2);
		CU_ASSERT_FALSE(timer_wheel_take_expired(fixture.wheel, when + 2 * TICK, &slot));
		fixture.now = when + 2 * TICK;
	}
	wheel_fixture_close(&fixture);
}

// Who sleeps until the time that the wheel says is neither late nor, within its span, early.
static void says_when_the_next_one_fires(void)
{
	struct wheel_fixture fixture;
	uint32_t slot;

	wheel_fixture_open(&fixture, 4);
	CU_ASSERT_EQUAL(timer_wheel_next_time(fixture.wheel), UINT64_MAX);
	CU_ASSERT_EQUAL(timer_wheel_fires_at(UINT64_MAX), UINT64_MAX);
	for (uint64_t wait = 0; wait < 5 * CLOCK_SECOND; wait += 7777777) {
		uint64_t when = fixture.now + wait;
		uint64_t next = timer_wheel_fires_at(when);

		timer_wheel_arm(fixture.wheel, 1, when + 3 * CLOCK_SECOND);
		timer_wheel_arm(fixture.wheel, 2, when);
		CU_ASSERT_EQUAL(timer_wheel_next_time(fixture.wheel), next);
		CU_ASSERT_FALSE(timer_wheel_take_expired(fixture.wheel, next - 1, &slot));
		CU_ASSERT_EQUAL(timer_wheel_next_time(fixture.wheel), next);
		CU_ASSERT_TRUE(timer_wheel_take_expired(fixture.wheel, next, &slot));
		CU_ASSERT_EQUAL(slot, 2);
		CU_ASSERT_EQUAL(timer_wheel_next_time(fixture.wheel),
			timer_wheel_fires_at(when + 3 * CLOCK_SECOND));
		timer_wheel_cancel(fixture.wheel, 1);
		CU_ASSERT_EQUAL(timer_wheel_next_time(fixture.wheel), UINT64_MAX);
		fixture.now = next;
	}
	// Beyond the span it is never late.
	timer_wheel_arm(fixture.wheel, 3, fixture.now + 20 * CLOCK_SECOND);
	CU_ASSERT(timer_wheel_next_time(fixture.wheel) <=
		  timer_wheel_fires_at(fixture.now + 20 * CLOCK_SECOND));
	wheel_fixture_close(&fixture);
}

static void cancelled_ones_do_not_fire(void)
{
	struct wheel_fixture fixture;
	uint32_t slot;

	wheel_fixture_open(&fixture, 8);
	timer_wheel_cancel(fixture.wheel, 3);
	for (uint32_t i = 0; i < 8; i++)
		timer_wheel_arm(fixture.wheel, i, fixture.now + 1000);
	// The head, the tail and one between of the same tick.
	timer_wheel_cancel(fixture.wheel, 7);
	timer_wheel_cancel(fixture.wheel, 0);
	timer_wheel_cancel(fixture.wheel, 4);
	timer_wheel_cancel(fixture.wheel, 4);
	for (int i = 0; i < 5; i++) {
		CU_ASSERT_TRUE(
			timer_wheel_take_expired(fixture.wheel, fixture.now + 9 * TICK, &slot));
		CU_ASSERT(slot != 7 && slot != 0 && slot != 4);
	}
	CU_ASSERT_FALSE(timer_wheel_take_expired(fixture.wheel, fixture.now + 9 * TICK, &slot));
	wheel_fixture_close(&fixture);
}

static void a_long_sleep_loses_none(void)
{
	struct wheel_fixture fixture;
	uint32_t fired = 0;
	uint32_t slot;

	wheel_fixture_open(&fixture, 5000);
	for (uint32_t i = 0; i < 5000; i++)
		timer_wheel_arm(fixture.wheel, i, fixture.now + i * CLOCK_MILLISECOND);
	fixture.now += 3600 * CLOCK_SECOND;
	while (timer_wheel_take_expired(fixture.wheel, fixture.now, &slot))
		fired++;
	CU_ASSERT_EQUAL(fired, 5000);
	timer_wheel_arm(fixture.wheel, 1, fixture.now + CLOCK_SECOND);
	CU_ASSERT_FALSE(
		timer_wheel_take_expired(fixture.wheel, fixture.now + CLOCK_SECOND - TICK, &slot));
	CU_ASSERT_TRUE(timer_wheel_take_expired(
		fixture.wheel, fixture.now + CLOCK_SECOND + 2 * TICK, &slot));
	wheel_fixture_close(&fixture);
}

// A wheel that nobody looked at for long is behind the clock: what is armed now lies more than a
// turn ahead of it.
static void a_wheel_that_is_behind_does_not_fire_early(void)
{
	struct wheel_fixture fixture;
	uint32_t slot;

	wheel_fixture_open(&fixture, 4);
	fixture.now += 6 * CLOCK_SECOND;
	timer_wheel_arm(fixture.wheel, 0, fixture.now + 5 * CLOCK_SECOND);
	timer_wheel_arm(fixture.wheel, 1, fixture.now + 60 * CLOCK_SECOND);
	CU_ASSERT_FALSE(timer_wheel_take_expired(fixture.wheel, fixture.now, &slot));
	CU_ASSERT_FALSE(
		timer_wheel_take_expired(fixture.wheel, fixture.now + 5 * CLOCK_SECOND, &slot));
	CU_ASSERT_TRUE(timer_wheel_take_expired(
		fixture.wheel, fixture.now + 5 * CLOCK_SECOND + 2 * TICK, &slot));
	CU_ASSERT_EQUAL(slot, 0);
	CU_ASSERT_FALSE(
		timer_wheel_take_expired(fixture.wheel, fixture.now + 60 * CLOCK_SECOND, &slot));
	CU_ASSERT_TRUE(timer_wheel_take_expired(
		fixture.wheel, fixture.now + 60 * CLOCK_SECOND + 2 * TICK, &slot));
	CU_ASSERT_EQUAL(slot, 1);
	wheel_fixture_close(&fixture);
}

enum {
	REFERENCE_SLOTS = 48
};

// The reference: the time of each, and a look at all.
struct reference {
	bool is_armed[REFERENCE_SLOTS];
	uint64_t fires_at[REFERENCE_SLOTS];
	uint64_t armed;
};

static bool reference_is_due(const struct reference *reference, uint32_t slot, uint64_t now)
{
	return reference->is_armed[slot] && reference->fires_at[slot] <= now;
}

static void check_expired(struct wheel_fixture *fixture, struct reference *reference, uint32_t most)
{
	bool is_exhausted = false;
	uint32_t slot;

	while (most-- && !is_exhausted) {
		is_exhausted = !timer_wheel_take_expired(fixture->wheel, fixture->now, &slot);
		if (is_exhausted)
			break;
		CU_ASSERT_FATAL(slot < REFERENCE_SLOTS);
		CU_ASSERT_TRUE_FATAL(reference_is_due(reference, slot, fixture->now));
		reference->is_armed[slot] = false;
	}
	for (uint32_t i = 0; is_exhausted && i < REFERENCE_SLOTS; i++)
		CU_ASSERT_FALSE_FATAL(reference_is_due(reference, i, fixture->now));
}

static uint64_t draw_sleep(struct random_stream *random)
{
	uint32_t kind = random_stream_below(random, 1000);

	if (kind < 3)
		return random_stream_below(random, 4000000) * UINT64_C(10000); // to 40 s
	if (kind < 50)
		return random_stream_below(random, 2000000000); // to 2 s
	return random_stream_below(random, 3000000); // to 3 ms
}

static void does_as_the_reference_does_a_million_times(void)
{
	static const uint8_t seed[RANDOM_SEED_BYTES] = {42};
	struct random_stream *random = random_stream_create(seed);
	struct reference reference = {0};
	struct wheel_fixture fixture;

	CU_ASSERT_PTR_NOT_NULL_FATAL(random);
	wheel_fixture_open(&fixture, REFERENCE_SLOTS);
	for (uint32_t step = 0; step < 1000000; step++) {
		uint32_t slot = random_stream_below(random, REFERENCE_SLOTS);
		uint32_t drawn = random_stream_below(random, 100);

		if (drawn < 60 && !reference.is_armed[slot]) {
			uint64_t wait = random_stream_below(random, 50000) * UINT64_C(100000);
			uint64_t when = fixture.now + (drawn < 2 ? 3 * wait : wait);

			timer_wheel_arm(fixture.wheel, slot, when);
			reference.is_armed[slot] = true;
			reference.fires_at[slot] = (when / TICK + 1) * TICK;
			reference.armed++;
		} else if (drawn < 80) {
			timer_wheel_cancel(fixture.wheel, slot);
			reference.is_armed[slot] = false;
		} else {
			fixture.now += draw_sleep(random);
			check_expired(&fixture, &reference, drawn < 84 ? 1 : UINT32_MAX);
		}
	}
	CU_ASSERT(reference.armed > 100000);
	fixture.now += 100 * CLOCK_SECOND;
	check_expired(&fixture, &reference, UINT32_MAX);
	for (uint32_t i = 0; i < REFERENCE_SLOTS; i++)
		CU_ASSERT_FALSE(reference.is_armed[i]);
	wheel_fixture_close(&fixture);
	random_stream_destroy(random);
}

static const struct unit_case cases[] = {
	{"fires within two ticks and never early", fires_within_two_ticks_and_never_early},
	{"says when the next one fires", says_when_the_next_one_fires},
	{"cancelled ones do not fire", cancelled_ones_do_not_fire},
	{"a long sleep loses none", a_long_sleep_loses_none},
	{"a wheel that is behind does not fire early", a_wheel_that_is_behind_does_not_fire_early},
	{"does as the reference does, a million times", does_as_the_reference_does_a_million_times},
};

UNIT_MAIN("proxy timer wheel", cases)
