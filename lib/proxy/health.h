// SPDX-License-Identifier: BSD-3-Clause
// Who of the upstreams is down. The management lcore keeps a state for each, decides when it is
// checked, and writes what all lcores read in proxy_upstream: its share of the queries whose turn it
// is there, none while it is down.
//
//   any lcore                       management lcore                        one worker
//   an exchange failed --link--> proxy_health_turn(): a check is due --link--> sends it
//                                      |  ^                                       |
//   share, is_checked <----------------+  +----------------------link-- what came of it
//
// A check follows a failed exchange at once, and then the last check's failure after the pause,
// until one succeeds; one at a time an upstream. After more than max_fails in a row that failed, the
// upstream is down; one that succeeds ends that, and its share grows back step by step.
//
// Whoever runs this may drain an upstream: nothing goes there, no check either, and its connections
// are closed, until it is wanted again and takes its share step by step.
//
// When a set follows another (a reload), proxy_health_follow() comes before lcores see it. What
// stays keeps its number, and so its state, its share and its check on the way.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/handle_ring.h"
#include "proxy/upstream.h"

// How long a check may take: this, and over datagrams no longer than a query's attempt may.
#define PROXY_CHECK_TIME_MOST CLOCK_SECOND

// From one sixteenth of the queries to all of them in 15 steps: 3.75 s.
#define PROXY_SHARE_STEP (250 * CLOCK_MILLISECOND)

enum proxy_health_news {
	PROXY_NEWS_EXCHANGE_FAILED, // of a query
	PROXY_NEWS_CHECK_GOOD,
	PROXY_NEWS_CHECK_FAILED,
	PROXY_NEWS_CHECK_UNSENT, // for reasons of ours: it says nothing about the upstream
};

// One check, or what is told of one, as a word in a ring.
struct proxy_check {
	uint16_t upstream;
	uint16_t number; // of 14 bits: tells it from earlier ones of the same upstream
};

#define PROXY_CHECK_NUMBER_MASK 0x3fffu

static inline uint32_t proxy_check_word(struct proxy_check check)
{
	return (uint32_t)check.number << 16 | check.upstream;
}

static inline uint32_t proxy_health_word(enum proxy_health_news news, struct proxy_check check)
{
	return (uint32_t)news << 30 | proxy_check_word(check);
}

static inline struct proxy_check proxy_check_of_word(uint32_t word)
{
	return (struct proxy_check){.upstream = (uint16_t)word,
		.number = (uint16_t)(word >> 16 & PROXY_CHECK_NUMBER_MASK)};
}

// Between one lcore and the management lcore. What finds a ring full is dropped: the next failure
// tells again, and a check of which nothing is heard is sent again.
struct proxy_health_link {
	struct handle_ring to_manager; // proxy_health_word()
	struct handle_ring to_lcore; // proxy_check_word(): to be sent
};

// 0 or -ENOMEM.
base_must_check int proxy_health_link_init(struct proxy_health_link *link);
void proxy_health_link_fini(struct proxy_health_link *link);

// The lcore's: an exchange with the upstream failed. No ring is written for one that is checked
// anyway.
void proxy_health_tell_failure(
	struct proxy_health_link *link, const struct proxy_set *set, uint16_t upstream);

enum proxy_health_phase {
	PROXY_HEALTH_RESTS, // no check until an exchange fails
	PROXY_HEALTH_WAITS, // the next check is sent when it is due
	PROXY_HEALTH_ASKS, // a check is on its way, or given up when it is due
};

// One upstream's. Written by the management lcore alone; telemetry reads it.
struct proxy_health_state {
	uint64_t due;
	uint64_t step_at; // when its share grows, where it is on its way back
	uint64_t checks; // sent
	uint64_t failures; // checks that failed
	uint32_t fails; // of these, in a row and last
	uint16_t number; // of the last check
	uint8_t phase; // enum proxy_health_phase
	bool is_listed; // there is something to do for it
};

struct proxy_health {
	struct proxy_set *set;
	// Told when an upstream goes down, and when it is back; NULL: nobody is.
	void (*changed)(void *context, uint16_t upstream, bool is_down);
	void *context;
	struct proxy_health_state *states; // by upstream
	uint16_t *listed; // upstreams for which there is something to do, in no order
	uint32_t listed_count;
};

// Everyone is up. NULL with errno ENOMEM. `set` is to live until another follows.
struct proxy_health *proxy_health_create(struct proxy_set *set);
void proxy_health_destroy(struct proxy_health *health);

// All that follows is the management lcore's.

// The set that lcores see next, made to follow the one that they see now. What leaves is not checked
// any more.
void proxy_health_follow(struct proxy_health *health, struct proxy_set *set);

// Drained, it takes no query; undrained, it is up and takes few at first, more later. True where that is
// a change: one that left, or is no upstream, can not.
bool proxy_health_drain(struct proxy_health *health, uint16_t upstream);
bool proxy_health_undrain(struct proxy_health *health, uint16_t upstream, uint64_t now);

// What an lcore told.
void proxy_health_hear(struct proxy_health *health, uint32_t word, uint64_t now);

// One turn: hears the lcores, sends the checks that are due by one of the first `sender_count` of
// them (1 or more), the same for each upstream, and lets shares grow.
void proxy_health_turn(struct proxy_health *health, struct proxy_health_link *const links[],
	uint16_t link_count, uint16_t sender_count, uint64_t now);
