// SPDX-License-Identifier: BSD-3-Clause
// One message there and its answer back, who asks too late, and who is left waiting at the end.
#include "unit.h"

#include <errno.h>
#include <pthread.h>

#include "base/clock.h"
#include "mailbox.h"

#define LONG_WAIT (20 * CLOCK_SECOND)

struct asker {
	struct mailbox *mailbox;
	pthread_t thread;
	uint32_t message;
	int posted;
	int result;
};

static void *asker_run(void *argument)
{
	struct asker *asker = argument;

	do {
		asker->posted = mailbox_post(asker->mailbox, &asker->message);
	} while (asker->posted == -EBUSY);
	asker->result = mailbox_wait(asker->mailbox, &asker->message, LONG_WAIT);
	return NULL;
}

static void asker_start(struct asker *asker, struct mailbox *mailbox, uint32_t message)
{
	*asker = (struct asker){.mailbox = mailbox, .message = message};
	CU_ASSERT_EQUAL_FATAL(pthread_create(&asker->thread, NULL, asker_run, asker), 0);
}

static uint32_t *receive(struct mailbox *mailbox)
{
	uint64_t until = clock_now() + LONG_WAIT;
	uint32_t *message = NULL;

	while (!message && clock_now() < until)
		message = mailbox_receive(mailbox);
	CU_ASSERT_PTR_NOT_NULL_FATAL(message);
	return message;
}

static void every_question_gets_its_own_answer(void)
{
	struct mailbox *mailbox = mailbox_create(sizeof(uint32_t));
	struct asker askers[8];

	CU_ASSERT_PTR_NOT_NULL_FATAL(mailbox);
	CU_ASSERT_PTR_NULL(mailbox_receive(mailbox));
	for (uint32_t i = 0; i < 8; i++)
		asker_start(&askers[i], mailbox, i);
	for (uint32_t i = 0; i < 8; i++) {
		uint32_t *message = receive(mailbox);
		int result = -(int)*message;

		CU_ASSERT_PTR_NULL(mailbox_receive(mailbox));
		*message += 1000;
		mailbox_answer(mailbox, result);
	}
	for (uint32_t i = 0; i < 8; i++) {
		CU_ASSERT_EQUAL(pthread_join(askers[i].thread, NULL), 0);
		CU_ASSERT_EQUAL(askers[i].posted, 0);
		CU_ASSERT_EQUAL(askers[i].result, -(int)i);
		CU_ASSERT_EQUAL(askers[i].message, i + 1000);
	}
	mailbox_destroy(mailbox);
}

static void only_one_is_in_at_a_time(void)
{
	struct mailbox *mailbox = mailbox_create(sizeof(uint32_t));
	uint32_t message = 1;

	CU_ASSERT_PTR_NOT_NULL_FATAL(mailbox);
	CU_ASSERT_EQUAL(mailbox_post(mailbox, &message), 0);
	CU_ASSERT_EQUAL(mailbox_post(mailbox, &message), -EBUSY);
	// Nobody took it: it is taken back, and there is room for another.
	CU_ASSERT_EQUAL(mailbox_wait(mailbox, &message, CLOCK_MILLISECOND), -ETIMEDOUT);
	CU_ASSERT_PTR_NULL(mailbox_receive(mailbox));
	CU_ASSERT_EQUAL(mailbox_post(mailbox, &message), 0);
	mailbox_answer(mailbox, *receive(mailbox) == 1 ? 7 : 8);
	CU_ASSERT_EQUAL(mailbox_wait(mailbox, &message, LONG_WAIT), 7);
	mailbox_destroy(mailbox);
}

static void late_answer_goes_to_nobody(void)
{
	struct mailbox *mailbox = mailbox_create(sizeof(uint32_t));
	uint32_t message = 1;
	uint32_t *received;

	CU_ASSERT_PTR_NOT_NULL_FATAL(mailbox);
	CU_ASSERT_EQUAL(mailbox_post(mailbox, &message), 0);
	received = receive(mailbox);
	CU_ASSERT_EQUAL(mailbox_wait(mailbox, &message, CLOCK_MILLISECOND), -ETIMEDOUT);
	// The loop still works on it: nobody else writes there.
	CU_ASSERT_EQUAL(mailbox_post(mailbox, &message), -EBUSY);
	*received = 99;
	mailbox_answer(mailbox, 0);
	CU_ASSERT_EQUAL(message, 1);
	CU_ASSERT_EQUAL(mailbox_post(mailbox, &message), 0);
	CU_ASSERT_EQUAL(*receive(mailbox), 1);
	mailbox_answer(mailbox, 5);
	CU_ASSERT_EQUAL(mailbox_wait(mailbox, &message, LONG_WAIT), 5);
	mailbox_destroy(mailbox);
}

static void *asker_wait(void *argument)
{
	struct asker *asker = argument;

	asker->result = mailbox_wait(asker->mailbox, &asker->message, LONG_WAIT);
	return NULL;
}

static void end_answers_who_waits(void)
{
	for (int is_received = 0; is_received < 2; is_received++) {
		struct mailbox *mailbox = mailbox_create(sizeof(uint32_t));
		struct asker asker = {.mailbox = mailbox, .message = 3};

		CU_ASSERT_PTR_NOT_NULL_FATAL(mailbox);
		CU_ASSERT_EQUAL(mailbox_post(mailbox, &asker.message), 0);
		if (is_received)
			CU_ASSERT_EQUAL(*receive(mailbox), 3);
		asker.result = 1;
		CU_ASSERT_EQUAL_FATAL(pthread_create(&asker.thread, NULL, asker_wait, &asker), 0);
		mailbox_destroy(mailbox);
		CU_ASSERT_EQUAL(pthread_join(asker.thread, NULL), 0);
		CU_ASSERT_EQUAL(asker.result, -ESHUTDOWN);
	}
	mailbox_destroy(NULL);
}

static const struct unit_case cases[] = {
	{"every question gets its own answer", every_question_gets_its_own_answer},
	{"only one is in at a time", only_one_is_in_at_a_time},
	{"a late answer goes to nobody", late_answer_goes_to_nobody},
	{"the end answers who waits", end_answers_who_waits},
};

UNIT_MAIN("app_mailbox", cases)
