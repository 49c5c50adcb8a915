// SPDX-License-Identifier: BSD-3-Clause
// How a stream lcore goes over to a new set.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stream_lcore_private.h"

struct stream_lcore_update *stream_lcore_update_create(const struct config *config,
	const struct proxy_set *set, const uint8_t ticket_secret[TLS_SECRET_BYTES],
	struct config_error *error)
{
	struct stream_lcore_update *update = calloc(1, sizeof(*update));
	struct tls_error reason;

	if (!update) {
		(void)snprintf(error->text, sizeof(error->text), "tls: %s", strerror(ENOMEM));
		return NULL;
	}
	update->peers = stream_upstreams_make_peers(set, &reason);
	if (!update->peers) {
		(void)snprintf(
			error->text, sizeof(error->text), "upstreams over TLS: %s", reason.text);
		goto out;
	}
	if (stream_tls_open(&update->tls, config, ticket_secret, error) == 0)
		return update;
out:
	stream_lcore_update_destroy(update, set);
	return NULL;
}

void stream_lcore_update_destroy(struct stream_lcore_update *update, const struct proxy_set *set)
{
	if (!update)
		return;
	stream_upstreams_free_peers(update->peers, set);
	stream_tls_close(&update->tls);
	free(update);
}

void stream_lcore_give_update(struct stream_lcore *lcore, struct stream_lcore_update *update)
{
	base_store(&lcore->update, update);
}

uint64_t stream_lcore_generation(const struct stream_lcore *lcore)
{
	return base_load_acquire(&lcore->generation);
}

bool stream_lcore_upstream_is_drained(const struct stream_lcore *lcore, uint16_t upstream)
{
	return proxy_pool_is_drained(proxy_streams_pools(lcore->streams), upstream);
}

static void take_tls(struct stream_lcore *lcore, struct stream_lcore_update *update)
{
	struct stream_tls old = lcore->tls;

	lcore->tls = update->tls;
	stream_listeners_use_tls(&lcore->listeners, lcore->clients, &lcore->tls, &old);
	stream_tls_close(&old);
	free(update);
}

void stream_lcore_follow(struct stream_lcore *lcore)
{
	struct proxy_set *set = forward_lcore_proxy(lcore->forward)->set;
	struct stream_lcore_update *update = base_load(&lcore->update);

	stream_upstreams_adopt(lcore->upstreams, set, update ? update->peers : NULL);
	proxy_streams_adopt(lcore->streams, set);
	if (update)
		take_tls(lcore, update);
	lcore->set = set;
	base_store_release(&lcore->generation, set->generation);
}
