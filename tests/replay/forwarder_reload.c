// SPDX-License-Identifier: BSD-3-Clause
// What the management lcore does at a reload (app/reload.c), all at once.
#include "forwarder.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "proxy/sweep.h"

// What comes next, until it is in force, and then what was before.
struct next {
	struct config *config;
	struct proxy_set *set;
	struct forward_caches *caches;
	struct forward_snapshot *snapshot;
};

static bool upstream_is_drained(void *context, uint16_t upstream)
{
	const struct forwarder *forwarder = context;

	for (uint16_t i = 0; i < forwarder->options.lcore_count; i++) {
		if (!proxy_lcore_upstream_is_drained(
			    forward_lcore_proxy(forwarder->lcores[i]), upstream))
			return false;
	}
	return true;
}

static bool group_is_drained(void *context, uint16_t group)
{
	const struct forwarder *forwarder = context;

	for (uint16_t i = 0; i < forwarder->options.lcore_count; i++) {
		if (!proxy_lcore_group_is_drained(forward_lcore_proxy(forwarder->lcores[i]), group))
			return false;
	}
	return true;
}

static void next_free(struct next *next)
{
	forward_snapshot_destroy(next->snapshot);
	forward_caches_forget(next->caches);
	proxy_set_destroy(next->set);
	config_destroy(next->config);
}

static int next_make(struct next *next, struct forwarder *forwarder, const char *config_text)
{
	const struct proxy_drain drain = {forwarder, upstream_is_drained, group_is_drained};
	struct forward_numbers numbers = {0};
	struct config_error error = {{0}};
	unsigned int line = 0;

	next->config = config_read_text(forwarder->options.config_name, config_text, &error);
	memcpy(forwarder->error, error.text, sizeof(forwarder->error));
	if (!next->config)
		return -1;
	if (forwarder->shared.caches) {
		next->caches = forward_caches_follow(forwarder->shared.caches, next->config, &line);
		if (!next->caches) {
			(void)snprintf(forwarder->error, sizeof(forwarder->error),
				"%s:%u: this cache needs a restart", forwarder->options.config_name,
				line);
			return -1;
		}
		numbers.caches = next->caches->numbers;
	}
	next->set = forward_proxy_set_follow(next->config, forwarder->set, &drain);
	(void)snprintf(
		forwarder->error, sizeof(forwarder->error), "upstreams: %s", strerror(errno));
	if (!next->set)
		return -1;
	numbers.groups = next->set->numbers;
	next->snapshot = forward_snapshot_follow(
		next->config, &numbers, forwarder->options.local, forwarder->options.local_count);
	return next->snapshot ? 0 : -1;
}

int forwarder_reload(struct forwarder *forwarder, const char *config_text)
{
	struct next next = {0};
	struct next old = {
		.config = forwarder->config,
		.set = forwarder->set,
		.caches = forwarder->shared.caches,
		.snapshot = forwarder->shared.snapshot,
	};

	if (next_make(&next, forwarder, config_text)) {
		next_free(&next);
		return -1;
	}
	forwarder->config = next.config;
	forwarder->set = next.set;
	forwarder_set_all_paths(forwarder);
	forwarder->shared.caches = next.caches;
	proxy_health_follow(forwarder->health, next.set);
	forwarder->shared.set = next.set;
	for (uint16_t i = 0; i < forwarder->options.lcore_count; i++) {
		(void)forward_lcore_follow(forwarder->lcores[i]);
		proxy_sweep_follow(forwarder->pools[i], next.set);
	}
	forwarder->shared.snapshot = next.snapshot;
	next_free(&old);
	return 0;
}
