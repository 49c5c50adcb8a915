// SPDX-License-Identifier: BSD-3-Clause
// Health checks as one lcore makes them: queries of our own, each to one upstream, over the carrier
// and from the address of its queries, on a connection that it has for itself. When, and what for:
// proxy/health.h. All functions are the owner lcore's.
//
//   proxy_check_take -> proxy_check_start -> (the message leaves) -> proxy_check_finish
//
// A check is a pending query with is_check; what is its attempt's matches it, runs out of time and
// comes back from a stream as that of any query, and then ends here.
#pragma once

#include "proxy/exchange.h"

// The next check that the management lcore wants to be sent; false when there is none.
bool proxy_check_take(struct proxy_lcore *lcore, struct proxy_check *check);

// Files its message in a slot, and fills in the attempt as proxy_attempt_start() does. False: it
// can not be sent, and the management lcore is told why.
bool proxy_check_start(struct proxy_lcore *lcore, struct proxy_check check, uint64_t now,
	uint32_t *slot, struct proxy_attempt *attempt);

// The check is over, and the slot free. CHECK_GOOD, CHECK_FAILED or CHECK_UNSENT.
void proxy_check_finish(
	struct proxy_lcore *lcore, uint32_t slot, enum proxy_health_news news, uint64_t now);

static inline bool proxy_slot_is_check(const struct proxy_lcore *lcore, uint32_t slot)
{
	return proxy_pending_at(&lcore->pending, slot)->is_check;
}

// Whether what came from the right place, with the right id and QR set, shows that somebody answers
// there: a message that can be read, whatever it says, with its question or without one.
static inline bool proxy_check_is_answered(
	enum dns_read_result read, const struct dns_message *message)
{
	return read == DNS_READ_GOOD || (read == DNS_READ_BAD_QUESTION && !message->question_count);
}

static inline uint32_t proxy_checks_in_flight(const struct proxy_lcore *lcore)
{
	return base_load(&lcore->checks_in_flight);
}
