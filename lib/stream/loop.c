// SPDX-License-Identifier: BSD-3-Clause
#include "stream/loop.h"

#include <errno.h>
#include <limits.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"

int stream_loop_init(struct stream_loop *loop)
{
	// Edge-triggered: each ring is an event of its own, so that nobody has to read the counter.
	struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.ptr = NULL};
	int error;

	*loop = (struct stream_loop){.epoll = -1, .doorbell = -1};
	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll < 0)
		return -errno;
	loop->doorbell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (loop->doorbell < 0 ||
		epoll_ctl(loop->epoll, EPOLL_CTL_ADD, loop->doorbell, &event) < 0) {
		error = -errno;
		goto out;
	}
	return 0;
out:
	stream_loop_fini(loop);
	return error;
}

void stream_loop_fini(struct stream_loop *loop)
{
	if (loop->doorbell >= 0)
		close(loop->doorbell);
	if (loop->epoll >= 0)
		close(loop->epoll);
	loop->doorbell = -1;
	loop->epoll = -1;
}

int stream_loop_add(struct stream_loop *loop, struct stream_watch *watch, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = watch};

	return epoll_ctl(loop->epoll, EPOLL_CTL_ADD, watch->fd, &event) < 0 ? -errno : 0;
}

static void loop_forget(struct stream_loop *loop, const struct stream_watch *watch)
{
	for (uint32_t i = loop->event_next; i < loop->event_count; i++) {
		if (loop->events[i].data.ptr == watch)
			loop->events[i].data.ptr = NULL;
	}
}

void stream_loop_remove(struct stream_loop *loop, struct stream_watch *watch)
{
	// Fails only if it was not watched.
	(void)epoll_ctl(loop->epoll, EPOLL_CTL_DEL, watch->fd, NULL);
	loop_forget(loop, watch);
}

void stream_loop_close(struct stream_loop *loop, struct stream_watch *watch)
{
	if (watch->fd < 0)
		return;
	// No descriptor of the loop is duplicated, so that closing it takes it out of epoll.
	close(watch->fd);
	watch->fd = -1;
	loop_forget(loop, watch);
}

static int loop_milliseconds(uint64_t timeout)
{
	uint64_t most = (uint64_t)INT_MAX * CLOCK_MILLISECOND;

	if (timeout == STREAM_LOOP_FOR_EVER)
		return -1;
	if (timeout > most)
		return INT_MAX;
	return (int)((timeout + CLOCK_MILLISECOND - 1) / CLOCK_MILLISECOND);
}

uint32_t stream_loop_wait(struct stream_loop *loop, uint64_t timeout)
{
	uint32_t kept = 0;
	int count = epoll_wait(
		loop->epoll, loop->events, STREAM_LOOP_EVENTS, loop_milliseconds(timeout));

	base_store(&loop->is_asleep, false);
	// A signal ends it without events.
	for (int i = 0; i < count; i++) {
		if (loop->events[i].data.ptr)
			loop->events[kept++] = loop->events[i];
	}
	loop->event_next = 0;
	loop->event_count = kept;
	return kept;
}

void stream_loop_dispatch(struct stream_loop *loop, uint64_t now)
{
	while (loop->event_next < loop->event_count) {
		const struct epoll_event *event = &loop->events[loop->event_next++];
		struct stream_watch *watch = event->data.ptr;

		if (watch)
			watch->ready(watch, event->events, now);
	}
	loop->event_next = 0;
	loop->event_count = 0;
}

void stream_loop_wake(struct stream_loop *loop)
{
	const uint64_t one = 1;

	// Fails only when the counter is full, and then the bell has rung.
	(void)!write(loop->doorbell, &one, sizeof(one));
}
