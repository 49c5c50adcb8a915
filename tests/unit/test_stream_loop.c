// SPDX-License-Identifier: BSD-3-Clause
#include "unit.h"

#include <pthread.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/handle_ring.h"
#include "stream/loop.h"

#define RINGS 1000000u
#define NOT_LONG (10 * CLOCK_SECOND) // a wait that lasts this long was not woken

struct pair {
	struct stream_watch watch; // of fds[0]
	int fds[2];
	uint32_t calls;
	uint32_t events;
	uint64_t now;
	struct stream_loop *loop;
	struct pair *closes; // by its ready()
};

static void pair_ready(struct stream_watch *watch, uint32_t events, uint64_t now)
{
	struct pair *pair = watch->context;

	pair->calls++;
	pair->events |= events;
	pair->now = now;
	if (pair->closes)
		stream_loop_close(pair->loop, &pair->closes->watch);
}

static void pair_open(struct pair *pair, struct stream_loop *loop)
{
	*pair = (struct pair){.loop = loop};
	CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair->fds), 0);
	pair->watch = (struct stream_watch){pair->fds[0], pair_ready, pair};
	CU_ASSERT_EQUAL_FATAL(stream_loop_add(loop, &pair->watch, EPOLLIN), 0);
}

static void pair_close(struct pair *pair)
{
	stream_loop_close(pair->loop, &pair->watch);
	close(pair->fds[1]);
}

static void an_event_reaches_its_watch(void)
{
	struct stream_loop loop;
	struct pair pairs[2];

	CU_ASSERT_EQUAL_FATAL(stream_loop_init(&loop), 0);
	for (int i = 0; i < 2; i++)
		pair_open(&pairs[i], &loop);
	CU_ASSERT_EQUAL(write(pairs[1].fds[1], "x", 1), 1);
	CU_ASSERT_EQUAL(stream_loop_wait(&loop, NOT_LONG), 1);
	stream_loop_dispatch(&loop, 77);
	CU_ASSERT_EQUAL(pairs[0].calls, 0);
	CU_ASSERT_EQUAL(pairs[1].calls, 1);
	CU_ASSERT_EQUAL(pairs[1].events, EPOLLIN);
	CU_ASSERT_EQUAL(pairs[1].now, 77);
	// Taken out of the loop it is silent, and put in again it is not.
	stream_loop_remove(&loop, &pairs[1].watch);
	CU_ASSERT_EQUAL(stream_loop_wait(&loop, 0), 0);
	CU_ASSERT_EQUAL_FATAL(stream_loop_add(&loop, &pairs[1].watch, EPOLLIN), 0);
	CU_ASSERT_EQUAL(stream_loop_wait(&loop, 0), 1);
	for (int i = 0; i < 2; i++)
		pair_close(&pairs[i]);
	stream_loop_fini(&loop);
}

static void what_was_closed_gets_no_event_that_came_along(void)
{
	struct stream_loop loop;
	struct pair pairs[2];

	CU_ASSERT_EQUAL_FATAL(stream_loop_init(&loop), 0);
	for (int i = 0; i < 2; i++) {
		pair_open(&pairs[i], &loop);
		CU_ASSERT_EQUAL(write(pairs[i].fds[1], "x", 1), 1);
	}
	// Whichever is first closes both.
	pairs[0].closes = &pairs[1];
	pairs[1].closes = &pairs[0];
	CU_ASSERT_EQUAL(stream_loop_wait(&loop, 0), 2);
	stream_loop_dispatch(&loop, 1);
	CU_ASSERT_EQUAL(pairs[0].calls + pairs[1].calls, 1);
	CU_ASSERT_EQUAL(stream_loop_wait(&loop, 0), 1);
	for (int i = 0; i < 2; i++)
		pair_close(&pairs[i]);
	stream_loop_fini(&loop);
}

static void a_wait_ends_after_its_timeout(void)
{
	struct stream_loop loop;
	uint64_t start;

	CU_ASSERT_EQUAL_FATAL(stream_loop_init(&loop), 0);
	start = clock_now();
	CU_ASSERT_EQUAL(stream_loop_wait(&loop, 2 * CLOCK_MILLISECOND + 1), 0);
	CU_ASSERT_TRUE(clock_now() - start >= 2 * CLOCK_MILLISECOND);
	stream_loop_fini(&loop);
}

static void the_bell_is_rung_only_for_one_who_sleeps(void)
{
	struct stream_loop loop;
	uint64_t start;

	CU_ASSERT_EQUAL_FATAL(stream_loop_init(&loop), 0);
	stream_loop_ring(&loop);
	start = clock_now();
	CU_ASSERT_EQUAL(stream_loop_wait(&loop, 3 * CLOCK_MILLISECOND), 0);
	CU_ASSERT_TRUE(clock_now() - start >= 3 * CLOCK_MILLISECOND);
	// Twice, since nobody reads what the first wrote.
	for (int i = 0; i < 2; i++) {
		stream_loop_announce_sleep(&loop);
		stream_loop_ring(&loop);
		start = clock_now();
		CU_ASSERT_EQUAL(stream_loop_wait(&loop, NOT_LONG), 0);
		CU_ASSERT_TRUE(clock_now() - start < NOT_LONG / 2);
		CU_ASSERT_FALSE(loop.is_asleep);
	}
	stream_loop_fini(&loop);
}

struct ringer {
	struct stream_loop loop;
	struct handle_ring ring;
};

static void *ring_a_million_times(void *context)
{
	struct ringer *ringer = context;

	for (uint32_t i = 0; i < RINGS; i++) {
		while (!handle_ring_push(&ringer->ring, i))
			sched_yield();
		stream_loop_ring(&ringer->loop);
	}
	return NULL;
}

static void no_wakeup_is_lost(void)
{
	static struct ringer ringer;
	pthread_t thread;
	uint32_t received = 0;
	uint32_t sleeps = 0;
	uint32_t handle;
	bool is_late = false;

	CU_ASSERT_EQUAL_FATAL(stream_loop_init(&ringer.loop), 0);
	CU_ASSERT_EQUAL_FATAL(handle_ring_init(&ringer.ring, 4), 0);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, ring_a_million_times, &ringer), 0);
	while (received < RINGS && !is_late) {
		uint64_t start;

		while (handle_ring_pop(&ringer.ring, &handle))
			CU_ASSERT_EQUAL(handle, received++);
		if (received == RINGS)
			break;
		stream_loop_announce_sleep(&ringer.loop);
		if (handle_ring_pop(&ringer.ring, &handle)) {
			CU_ASSERT_EQUAL(handle, received++);
			(void)stream_loop_wait(&ringer.loop, 0);
			continue;
		}
		sleeps++;
		start = clock_now();
		(void)stream_loop_wait(&ringer.loop, NOT_LONG);
		is_late = clock_now() - start >= NOT_LONG;
	}
	CU_ASSERT_FALSE(is_late);
	CU_ASSERT_EQUAL(received, RINGS);
	CU_ASSERT_TRUE(sleeps > 0);
	// The other thread ends whatever happened.
	while (received < RINGS)
		received += handle_ring_pop(&ringer.ring, &handle);
	pthread_join(thread, NULL);
	handle_ring_fini(&ringer.ring);
	stream_loop_fini(&ringer.loop);
}

static const struct unit_case cases[] = {
	{"an event reaches its watch", an_event_reaches_its_watch},
	{"what was closed gets no event that came along",
		what_was_closed_gets_no_event_that_came_along},
	{"a wait ends after its timeout", a_wait_ends_after_its_timeout},
	{"the bell is rung only for one who sleeps", the_bell_is_rung_only_for_one_who_sleeps},
	{"no wakeup is lost", no_wakeup_is_lost},
};

UNIT_MAIN("stream_loop", cases)
