// SPDX-License-Identifier: BSD-3-Clause
// The event loop of one stream lcore: epoll, and a doorbell for the lcores that hand it work.
//
// A turn is: wait, read the clock, dispatch, do what came on rings, send what was written. All
// functions are the owner's but stream_loop_ring(), which any thread may call.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

#include "base/atomic.h"
#include "base/compiler.h"

#define STREAM_LOOP_EVENTS 256
#define STREAM_LOOP_FOR_EVER UINT64_MAX

// A descriptor in the loop, part of what it belongs to, where it stays as long as it is watched.
struct stream_watch {
	int fd; // -1: none
	// Called by stream_loop_dispatch(); may close any watch of the loop, its own too.
	void (*ready)(struct stream_watch *watch, uint32_t events, uint64_t now);
	void *context; // of its owner
};

struct stream_loop {
	int epoll;
	int doorbell;
	uint32_t event_count; // of the last wait
	uint32_t event_next; // to be dispatched
	struct epoll_event events[STREAM_LOOP_EVENTS];
	// Written by the owner, read by those who ring.
	bool is_asleep base_aligned(BASE_CACHE_LINE_PAIR);
};

// 0 or -errno.
base_must_check int stream_loop_init(struct stream_loop *loop);
// Descriptors that are still watched stay their owners'.
void stream_loop_fini(struct stream_loop *loop);

// Watches watch->fd for `events` (EPOLLET and the like are the caller's choice). 0, or -ENOMEM or
// -ENOSPC (the user's limit of watches).
base_must_check int stream_loop_add(
	struct stream_loop *loop, struct stream_watch *watch, uint32_t events);
// Ends watching; events of it that were not dispatched yet are forgotten.
void stream_loop_remove(struct stream_loop *loop, struct stream_watch *watch);
// Closes the descriptor, which ends watching likewise.
void stream_loop_close(struct stream_loop *loop, struct stream_watch *watch);

// The owner is about to sleep, and looks at its rings once more after this call: what is put on a
// ring before stream_loop_ring() is either seen by that look, or ends the next wait at once.
static inline void stream_loop_announce_sleep(struct stream_loop *loop)
{
	base_store(&loop->is_asleep, true);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

// Waits for events, a ring of the doorbell, or `timeout` nanoseconds (rounded up to milliseconds; 0:
// does not wait). Returns how many events stream_loop_dispatch() will find; a ring is none.
uint32_t stream_loop_wait(struct stream_loop *loop, uint64_t timeout);

// Calls ready() of each watch that has events.
void stream_loop_dispatch(struct stream_loop *loop, uint64_t now);

void stream_loop_wake(struct stream_loop *loop);

// After something was put on a ring for the owner: wakes it if it sleeps or is about to.
static inline void stream_loop_ring(struct stream_loop *loop)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (base_load(&loop->is_asleep))
		stream_loop_wake(loop);
}
