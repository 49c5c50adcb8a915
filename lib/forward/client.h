// SPDX-License-Identifier: BSD-3-Clause
// Who asked a pending query, and how the answer gets back: what stands in its context.
#pragma once

#include "net/frame.h"
#include "proxy/exchange.h"

struct forward_client {
	struct net_flow flow; // of the answer
	uint16_t id;
	uint16_t flags; // of the client's header
	uint16_t udp_size; // the largest answer it takes
	uint16_t bufsize; // the server's, for what we say upstream and in answers of our own
	uint16_t edns_offset; // of the OPT record in the message, 0 without
};

_Static_assert(sizeof(struct forward_client) <= PROXY_CONTEXT_BYTES, "a client fits its context");

static inline struct forward_client *forward_client_of(
	const struct proxy_lcore *proxy, uint32_t slot)
{
	return (struct forward_client *)proxy_pending_at(&proxy->pending, slot)->context;
}
