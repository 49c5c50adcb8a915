// SPDX-License-Identifier: BSD-3-Clause
// A query that is unanswered after a while goes to a second upstream too, and the first answer wins
// (the setting `hedge`). The second attempt has a pending slot of its own, which nobody but these
// functions and the matching of replies knows: what matches it is to be told here before anything
// else is done with its slot. All of it is the owner's.
//
//   own slot    attempt ----------------------> answered: the other attempt is dropped
//                  | timer: proxy_hedge_is_due
//   second slot    +--- attempt --------------> answered: it becomes the own slot's attempt
//
// Of the two, the first that fails is over, and the query goes on with the other.
#pragma once

#include "proxy/exchange.h"

// A second attempt costs so many queries, so that they are 5 % at most; and as many queries may be
// saved up.
#define PROXY_HEDGE_COST 20
#define PROXY_HEDGE_TOKENS_MOST (100 * PROXY_HEDGE_COST)

// The slot's timer went off: true if the attempt has time left, and a second one may be made.
static inline bool proxy_hedge_is_due(const struct proxy_lcore *lcore, uint32_t slot)
{
	return proxy_pending_at(&lcore->pending, slot)->hedge == PROXY_HEDGE_DUE;
}

// The slot is one of two attempts of a query.
static inline bool proxy_query_is_hedged(const struct proxy_lcore *lcore, uint32_t slot)
{
	return proxy_pending_at(&lcore->pending, slot)->hedge > PROXY_HEDGE_DUE;
}

// Of the two slots of a query that is hedged, the one that is its own.
static inline uint32_t proxy_hedge_own_slot(const struct proxy_lcore *lcore, uint32_t slot)
{
	return proxy_pending_at(&lcore->pending, slot)->hedge == PROXY_HEDGE_SECOND
		       ? lcore->partners[slot]
		       : slot;
}

// For a slot that is due: starts the second attempt, at the next upstream by the query's order, under
// attempt->slot. False: no budget, nobody to ask, or no room; the first has all its time.
bool proxy_hedge_start(
	struct proxy_lcore *lcore, uint32_t slot, uint64_t now, struct proxy_attempt *attempt);

// The second attempt could not be sent after all.
void proxy_hedge_cancel(struct proxy_lcore *lcore, uint32_t second, uint64_t now);

// The attempt of a slot that is hedged has a good answer: that is the query's attempt from now on,
// in the slot that is returned, and the other is dropped. What comes to that is late.
uint32_t proxy_hedge_win(struct proxy_lcore *lcore, uint32_t slot, uint64_t now);

// The attempt of a slot that is hedged was answered by one that can not help. True: the attempt is
// over, and the other goes on. False: it is the last of the two, and nothing was done.
bool proxy_hedge_leave(struct proxy_lcore *lcore, uint32_t slot, uint64_t now);

// The attempt of a slot failed. True: it was counted, and the other of the two goes on. False:
// *slot is the query's own, and the failure still to be told (proxy_attempt_fail).
bool proxy_hedge_fail(
	struct proxy_lcore *lcore, uint32_t *slot, enum proxy_failure failure, uint64_t now);
