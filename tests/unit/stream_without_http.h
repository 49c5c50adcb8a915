// SPDX-License-Identifier: BSD-3-Clause
// What HTTP alone has to tell an exchange (test_stream_https.c): of a suite without it, each is as a
// connection lost. To be included once, where `fixture` and its `now` are known.
#pragma once

#include "proxy/stream_exchange.h"

void proxy_streams_failed(struct proxy_streams *exchange, uint16_t slot, uint16_t id,
	enum proxy_failure why, uint64_t now)
{
	(void)id;
	proxy_streams_lost(exchange, slot, why, now);
}

void proxy_streams_refused(struct proxy_streams *exchange, uint16_t slot, uint16_t id, uint64_t now)
{
	(void)id;
	proxy_streams_lost(exchange, slot, PROXY_FAILURE_HTTP, now);
}

void proxy_streams_closing(struct proxy_streams *exchange, uint16_t slot, uint64_t now)
{
	proxy_streams_lost(exchange, slot, PROXY_FAILURE_HTTP, now);
}

void proxy_streams_limited(struct proxy_streams *exchange, uint16_t slot, uint32_t most)
{
	(void)most;
	proxy_streams_lost(exchange, slot, PROXY_FAILURE_HTTP, fixture.now);
}
