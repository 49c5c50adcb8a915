// SPDX-License-Identifier: BSD-3-Clause
#include "proxy/single.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "proxy/sweep.h"

#define PENDING 4096
#define CLOSED_A_TURN 256

// Every upstream is reached the same way: by the caller's sockets.
static int set_paths(struct proxy_set *set, const struct net_address *local)
{
	const struct net_path path = {.is_usable = true, .source = *local};

	for (uint16_t i = 0; i < set->upstream_count; i++) {
		struct net_path *none;
		int status = proxy_upstream_set_path(&set->upstreams[i], &path, &none);

		if (status < 0)
			return status;
	}
	return 0;
}

static struct proxy_set *create_set(const struct net_address *local,
	const struct proxy_upstream_template upstreams[], uint16_t count)
{
	const struct proxy_group_template group = {
		.settings =
			{
				.policy = PROXY_POLICY_RANDOM,
				.expire = 10 * CLOCK_SECOND,
				.read_timeout = 2 * CLOCK_SECOND,
				.max_connect_attempts = 2u * count,
				.max_inflight = 1,
			},
		.upstreams = upstreams,
		.upstream_count = count,
	};
	struct proxy_set *set = proxy_set_create(&group, 1);

	if (set && set_paths(set, local) < 0) {
		proxy_set_destroy(set);
		errno = ENOMEM;
		return NULL;
	}
	return set;
}

struct proxy_lcore *proxy_single_open(const struct net_address *local,
	const struct proxy_upstream_template upstreams[], uint16_t upstream_count,
	uint16_t first_port, uint16_t port_count, uint64_t now)
{
	const struct proxy_lcore_options options = {
		.pending_count = PENDING,
		.first_port = first_port,
		.port_count = port_count,
		.lcore_count = 1,
		.now = now,
	};
	struct proxy_set *set = create_set(local, upstreams, upstream_count);
	struct random_stream *random = set ? random_stream_create(NULL) : NULL;
	struct proxy_lcore *lcore = random ? proxy_lcore_create(set, random, &options) : NULL;

	if (lcore)
		return lcore;
	random_stream_destroy(random);
	if (set)
		proxy_set_destroy(set);
	return NULL;
}

void proxy_single_close(struct proxy_lcore *lcore)
{
	struct random_stream *random = lcore->random;
	struct proxy_set *set = lcore->set;

	proxy_lcore_destroy(lcore);
	random_stream_destroy(random);
	proxy_set_destroy(set);
}

bool proxy_single_take_expired(struct proxy_lcore *lcore, uint64_t now, uint32_t *slot)
{
	struct proxy_pools *pools = &lcore->pools;
	uint16_t closed[CLOSED_A_TURN];

	if (proxy_take_expired(lcore, now, slot)) {
		proxy_attempt_fail(lcore, *slot, PROXY_FAILURE_TIMEOUT, now);
		return true;
	}
	(void)proxy_sweep_mark(pools, now);
	proxy_pools_read_messages(pools, CLOSED_A_TURN, now);
	(void)proxy_sweep_reap(&pools, 1, closed, CLOSED_A_TURN);
	return false;
}
