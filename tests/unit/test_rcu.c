// SPDX-License-Identifier: BSD-3-Clause
// What lib/rcu promises: a grace period waits for readers that are online, and for no other.
#include "unit.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include "base/atomic.h"
#include "rcu/rcu.h"

#define BOUND_SECONDS 20

struct reader {
	pthread_t thread;
	sem_t is_ready; // the reader stands where the test wants it
	sem_t may_go_on;
	bool is_offline;
};

struct waiter {
	pthread_t thread;
	sem_t has_begun;
	sem_t has_passed;
};

static bool wait_for(sem_t *semaphore)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += BOUND_SECONDS;
	return sem_timedwait(semaphore, &until) == 0;
}

static void *reader_run(void *argument)
{
	struct reader *reader = argument;

	rcu_reader_register();
	if (reader->is_offline)
		rcu_reader_offline();
	sem_post(&reader->is_ready);
	(void)wait_for(&reader->may_go_on);
	if (reader->is_offline)
		rcu_reader_online();
	rcu_reader_quiescent();
	sem_post(&reader->is_ready);
	(void)wait_for(&reader->may_go_on);
	rcu_reader_unregister();
	return NULL;
}

static void reader_start(struct reader *reader, bool is_offline)
{
	reader->is_offline = is_offline;
	CU_ASSERT_EQUAL_FATAL(sem_init(&reader->is_ready, 0, 0), 0);
	CU_ASSERT_EQUAL_FATAL(sem_init(&reader->may_go_on, 0, 0), 0);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&reader->thread, NULL, reader_run, reader), 0);
	CU_ASSERT_FATAL(wait_for(&reader->is_ready));
}

static void reader_end(struct reader *reader)
{
	sem_post(&reader->may_go_on);
	sem_post(&reader->may_go_on);
	CU_ASSERT_EQUAL(pthread_join(reader->thread, NULL), 0);
	sem_destroy(&reader->is_ready);
	sem_destroy(&reader->may_go_on);
}

static void *waiter_run(void *argument)
{
	struct waiter *waiter = argument;

	sem_post(&waiter->has_begun);
	rcu_wait_grace_period();
	sem_post(&waiter->has_passed);
	return NULL;
}

static void waiter_start(struct waiter *waiter)
{
	CU_ASSERT_EQUAL_FATAL(sem_init(&waiter->has_begun, 0, 0), 0);
	CU_ASSERT_EQUAL_FATAL(sem_init(&waiter->has_passed, 0, 0), 0);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&waiter->thread, NULL, waiter_run, waiter), 0);
	CU_ASSERT_FATAL(wait_for(&waiter->has_begun));
}

static void waiter_end(struct waiter *waiter)
{
	CU_ASSERT_EQUAL(pthread_join(waiter->thread, NULL), 0);
	sem_destroy(&waiter->has_begun);
	sem_destroy(&waiter->has_passed);
}

// A grace period that passes with an online reader would do so well within this.
static bool passes_soon(struct waiter *waiter)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += 100000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	return sem_timedwait(&waiter->has_passed, &until) == 0;
}

static void test_online_reader(void)
{
	struct reader reader;
	struct waiter waiter;

	reader_start(&reader, false);
	waiter_start(&waiter);
	CU_ASSERT_FALSE(passes_soon(&waiter));
	sem_post(&reader.may_go_on);
	CU_ASSERT(wait_for(&reader.is_ready));
	CU_ASSERT(wait_for(&waiter.has_passed));
	waiter_end(&waiter);
	reader_end(&reader);
}

static void test_offline_reader(void)
{
	struct reader reader;
	struct waiter waiter;

	reader_start(&reader, true);
	waiter_start(&waiter);
	CU_ASSERT(wait_for(&waiter.has_passed));
	waiter_end(&waiter);
	reader_end(&reader);
}

static void test_no_reader(void)
{
	rcu_wait_grace_period();
	rcu_wait_grace_period();
}

struct published {
	uint64_t value;
	uint64_t inverse; // ~value while it may be read
};

struct exchange {
	struct published *current; // written by the test, read under RCU
	atomic_bool ends;
	uint64_t broken;
	uint64_t reads;
	sem_t has_read;
};

static void *exchange_read(void *argument)
{
	struct exchange *exchange = argument;

	rcu_reader_register();
	while (!atomic_load(&exchange->ends)) {
		const struct published *published = rcu_pointer_read(exchange->current);

		exchange->broken += published->value != ~published->inverse;
		if (exchange->reads++ == 0)
			sem_post(&exchange->has_read);
		rcu_reader_quiescent();
	}
	rcu_reader_unregister();
	return NULL;
}

static struct published *make_published(uint64_t value)
{
	struct published *published = malloc(sizeof(*published));

	CU_ASSERT_PTR_NOT_NULL_FATAL(published);
	*published = (struct published){.value = value, .inverse = ~value};
	return published;
}

// A reader sees whole values only, while old ones are spoilt and freed after a grace period.
static void test_publish(void)
{
	struct exchange exchange = {.current = make_published(0)};
	pthread_t thread;

	CU_ASSERT_EQUAL_FATAL(sem_init(&exchange.has_read, 0, 0), 0);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, exchange_read, &exchange), 0);
	CU_ASSERT(wait_for(&exchange.has_read));
	for (uint64_t i = 1; i < 200; i++) {
		struct published *old = exchange.current;

		rcu_pointer_publish(exchange.current, make_published(i));
		rcu_wait_grace_period();
		old->inverse = old->value;
		free(old);
	}
	atomic_store(&exchange.ends, true);
	CU_ASSERT_EQUAL(pthread_join(thread, NULL), 0);
	CU_ASSERT_EQUAL(exchange.broken, 0);
	CU_ASSERT(exchange.reads > 0);
	sem_destroy(&exchange.has_read);
	free(exchange.current);
}

static const struct unit_case cases[] = {
	{"waits for an online reader", test_online_reader},
	{"does not wait for an offline reader", test_offline_reader},
	{"waits for nobody without readers", test_no_reader},
	{"publishes whole values", test_publish},
};

UNIT_MAIN("rcu", cases)
