// SPDX-License-Identifier: BSD-3-Clause
// The questions of one lcore that are on their way and that others may wait for: from key to
// pending slot, and to the slots of those who wait. One lcore's own. Only forward/ includes this.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "proxy/exchange.h"

// Who waits for one question; more are refused.
#define FORWARD_WAITERS_MOST 1024

struct forward_questions {
	uint32_t *heads; // first slot of each bucket, PROXY_PENDING_NONE
	uint32_t mask;
	struct proxy_pending_table *pending;
	uint32_t waiting; // slots of those who wait. Telemetry reads it
};

// For as many as the table has slots. 0 or -ENOMEM.
base_must_check int forward_questions_init(
	struct forward_questions *questions, struct proxy_pending_table *pending);
void forward_questions_fini(struct forward_questions *questions);

// Fetches what forward_questions_find() and forward_questions_end() will touch first.
static inline void forward_questions_prefetch(
	const struct forward_questions *questions, uint64_t hash)
{
	base_prefetch_write(&questions->heads[hash & questions->mask]);
}

// The slot of the same question to the same cache, PROXY_PENDING_NONE if none is on its way: equal
// in name without case, type, class, DO and CD. `message` is the query, read as good.
uint32_t forward_questions_find(const struct forward_questions *questions, uint64_t hash,
	uint16_t cache, const uint8_t *bytes, const struct dns_message *message);

// The question of a slot is on its way, or not any more. Its client is filled in. One that tells a
// subnet is found by nobody.
void forward_questions_begin(struct forward_questions *questions, uint32_t slot);
void forward_questions_end(struct forward_questions *questions, uint32_t slot);

// Adds a slot of its own for a query that waits for that of `slot`; its client is to be filled
// in. PROXY_PENDING_NONE when too many wait already, or there is no slot.
uint32_t forward_questions_wait(struct forward_questions *questions, uint32_t slot,
	const uint8_t *bytes, const struct dns_message *message, uint16_t length);

// Takes one of those who wait for `slot`, who is then the caller's to answer and to free;
// PROXY_PENDING_NONE when there is none left.
uint32_t forward_questions_take_waiter(struct forward_questions *questions, uint32_t slot);
