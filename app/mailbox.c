// SPDX-License-Identifier: BSD-3-Clause
#include "mailbox.h"

#include <errno.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/atomic.h"
#include "base/clock.h"

enum mailbox_state {
	MAILBOX_FREE,
	MAILBOX_WRITTEN, // by who asks, who alone may go on from here
	MAILBOX_POSTED,
	MAILBOX_RECEIVED, // the message is the loop's
	MAILBOX_ANSWERED, // the message is of who asked again
	MAILBOX_ABANDONED, // nobody waits any more: the loop frees it
};

struct mailbox {
	// Several threads ask, so this word alone is changed by compare and exchange; who brought
	// it into a state owns the rest until it goes on.
	uint32_t state;
	int result; // written by the loop
	sem_t answered;
	size_t message_bytes;
	uint8_t message[] base_aligned(16);
};

static bool mailbox_move(struct mailbox *mailbox, uint32_t from, uint32_t to)
{
	return __atomic_compare_exchange_n(
		&mailbox->state, &from, to, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

struct mailbox *mailbox_create(size_t message_bytes)
{
	struct mailbox *mailbox = calloc(1, sizeof(*mailbox) + message_bytes);

	if (!mailbox)
		return NULL;
	mailbox->message_bytes = message_bytes;
	// Can not fail: the value is 0.
	(void)sem_init(&mailbox->answered, 0, 0);
	return mailbox;
}

void mailbox_destroy(struct mailbox *mailbox)
{
	const struct timespec pause = {.tv_nsec = CLOCK_MILLISECOND};
	uint32_t state;

	if (!mailbox)
		return;
	while ((state = base_load_acquire(&mailbox->state)) != MAILBOX_FREE) {
		if (state == MAILBOX_RECEIVED || state == MAILBOX_ABANDONED ||
			mailbox_receive(mailbox))
			mailbox_answer(mailbox, -ESHUTDOWN);
		(void)nanosleep(&pause, NULL);
	}
	sem_destroy(&mailbox->answered);
	free(mailbox);
}

int mailbox_post(struct mailbox *mailbox, const void *message)
{
	if (!mailbox_move(mailbox, MAILBOX_FREE, MAILBOX_WRITTEN))
		return -EBUSY;
	memcpy(mailbox->message, message, mailbox->message_bytes);
	base_store_release(&mailbox->state, MAILBOX_POSTED);
	return 0;
}

static int wait_until(sem_t *semaphore, const struct timespec *until)
{
	int failed;

	do {
		failed = sem_clockwait(semaphore, CLOCK_MONOTONIC, until);
	} while (failed && errno == EINTR);
	return failed ? -errno : 0;
}

int mailbox_wait(struct mailbox *mailbox, void *message, uint64_t timeout)
{
	uint64_t end = clock_now() + timeout;
	const struct timespec until = {
		.tv_sec = (time_t)(end / CLOCK_SECOND),
		.tv_nsec = (long)(end % CLOCK_SECOND),
	};
	int result;

	if (wait_until(&mailbox->answered, &until)) {
		if (mailbox_move(mailbox, MAILBOX_POSTED, MAILBOX_FREE) ||
			mailbox_move(mailbox, MAILBOX_RECEIVED, MAILBOX_ABANDONED))
			return -ETIMEDOUT;
		// It was answered this very moment.
		while (sem_wait(&mailbox->answered))
			continue;
	}
	result = mailbox->result;
	memcpy(message, mailbox->message, mailbox->message_bytes);
	base_store_release(&mailbox->state, MAILBOX_FREE);
	return result;
}

void *mailbox_receive(struct mailbox *mailbox)
{
	return mailbox_move(mailbox, MAILBOX_POSTED, MAILBOX_RECEIVED) ? mailbox->message : NULL;
}

void mailbox_answer(struct mailbox *mailbox, int result)
{
	mailbox->result = result;
	if (mailbox_move(mailbox, MAILBOX_RECEIVED, MAILBOX_ANSWERED))
		sem_post(&mailbox->answered);
	else
		base_store_release(&mailbox->state, MAILBOX_FREE);
}
