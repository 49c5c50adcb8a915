// SPDX-License-Identifier: BSD-3-Clause
// What exchange.c has for hedge.c and check.c; nobody else includes this.
#pragma once

#include "proxy/exchange.h"

// The next upstream by the order that this query did not go to yet and that can be asked, as far as
// is known: true with order and number of those passed set.
bool proxy_order_find_next(const struct proxy_lcore *lcore, const struct proxy_pending *pending,
	struct proxy_order *order, uint16_t *passed);

// Attempts the query at the upstream that its order is at. False with the failure counted.
bool proxy_attempt_start_there(
	struct proxy_lcore *lcore, uint32_t slot, uint64_t now, struct proxy_attempt *attempt);

// The two ways of an attempt at the slot's upstream. Over a stream it can not fail here: the kernel
// finds the way, and whoever has the streams finds out that there is none. Of a datagram, from a
// connection that was taken for it: false where no id is free there, and it was given back.
void proxy_attempt_start_stream(
	struct proxy_lcore *lcore, struct proxy_pending *pending, struct proxy_attempt *attempt);
bool proxy_attempt_start_datagram(struct proxy_lcore *lcore, uint32_t slot, uint16_t connection,
	const struct net_path *path, uint64_t now, struct proxy_attempt *attempt);

// The attempt on its way is over, whatever became of it.
void proxy_attempt_end(struct proxy_lcore *lcore, uint32_t slot, uint64_t now);

// Until when the attempt on its way has time.
uint64_t proxy_attempt_until(const struct proxy_lcore *lcore, const struct proxy_pending *pending);

// Of a query that is over while two attempts are on their way, the second.
void proxy_hedge_abandon(struct proxy_lcore *lcore, uint32_t slot, uint64_t now);
