// SPDX-License-Identifier: BSD-3-Clause
#include <stdio.h>

#include "stream/upstreams_private.h"

static bool upstream_wants_tls(const struct proxy_set *set, uint16_t upstream)
{
	return set->upstreams[upstream].presence == PROXY_STAYS && set->upstreams[upstream].is_tls;
}

static bool group_wants_tls(const struct proxy_set *set, const struct proxy_group *group)
{
	for (uint16_t i = 0; i < group->upstream_count; i++) {
		if (upstream_wants_tls(set, group->upstreams[i]))
			return true;
	}
	return false;
}

static int group_make_peers(const struct proxy_set *set, const struct proxy_group *group,
	struct tls_peer *peers[], struct tls_error *error)
{
	const struct tls_files files = {
		.certificate = group->tls.certificate,
		.key = group->tls.key,
		.ca = group->tls.ca,
	};
	struct tls_context *context = tls_context_create_client(&files, error);
	int status = context ? 0 : -EINVAL;

	for (uint16_t i = 0; i < group->upstream_count && !status; i++) {
		uint16_t upstream = group->upstreams[i];
		const char *name = set->server_names[upstream];

		if (!upstream_wants_tls(set, upstream))
			continue;
		peers[upstream] =
			tls_peer_create(context, name, &set->upstreams[upstream].endpoint.address);
		if (peers[upstream] && set->upstreams[upstream].is_https)
			tls_peer_use_http2(peers[upstream]);
		if (peers[upstream])
			continue;
		status = -errno;
		snprintf(error->text, sizeof(error->text), "upstream '%s': %s", name ? name : "",
			status == -EINVAL ? "not a host name" : strerror(-status));
	}
	// The peers have it.
	tls_context_destroy(context);
	return status;
}

struct tls_peer **stream_upstreams_make_peers(const struct proxy_set *set, struct tls_error *error)
{
	struct tls_peer **peers = calloc(set->upstream_capacity + 1u, sizeof(struct tls_peer *));
	int status = 0;

	if (!peers) {
		snprintf(error->text, sizeof(error->text), "%s", strerror(ENOMEM));
		return NULL;
	}
	for (uint16_t i = 0; i < set->group_count && !status; i++) {
		if (group_wants_tls(set, &set->groups[i]))
			status = group_make_peers(set, &set->groups[i], peers, error);
	}
	if (!status)
		return peers;
	stream_upstreams_free_peers(peers, set);
	return NULL;
}

void stream_upstreams_free_peers(struct tls_peer **peers, const struct proxy_set *set)
{
	for (uint16_t i = 0; peers && i < set->upstream_capacity; i++)
		tls_peer_destroy(peers[i]);
	free(peers);
}

// Those of upstreams that leave stay: their last queries may want a connection yet. Those that stay
// have their tickets from before. `generation`: that of `old`.
static void peers_replace(const struct proxy_set *set, struct tls_peer *peers[],
	struct tls_peer *old[], uint64_t generation)
{
	for (uint16_t i = 0; i < set->upstream_capacity; i++) {
		if (peers[i] && old[i] && set->upstreams_since[i] <= generation)
			tls_peer_inherit(peers[i], old[i]);
		if (set->upstreams[i].presence != PROXY_LEAVES)
			continue;
		peers[i] = old[i];
		old[i] = NULL;
	}
	stream_upstreams_free_peers(old, set);
}

static void peers_prune(const struct proxy_set *set, struct tls_peer *peers[])
{
	for (uint16_t i = 0; i < set->upstream_capacity; i++) {
		if (set->upstreams[i].presence != PROXY_FREE)
			continue;
		tls_peer_destroy(peers[i]);
		peers[i] = NULL;
	}
}

void stream_upstreams_adopt(
	struct stream_upstreams *upstreams, const struct proxy_set *set, struct tls_peer **peers)
{
	if (peers) {
		peers_replace(set, peers, upstreams->peers, upstreams->generation);
		upstreams->peers = peers;
	} else {
		peers_prune(set, upstreams->peers);
	}
	for (uint16_t i = 0; i < set->upstream_count; i++) {
		if (set->upstreams_since[i] <= upstreams->generation)
			continue;
		upstreams->counts[i] = (struct stream_upstream_counts){0};
		upstreams->records[i] = (struct stream_upstream_records){0};
	}
	if (upstreams->trial.state != STREAM_TRIAL_NONE &&
		set->upstreams_since[upstreams->trial.upstream] > upstreams->generation)
		upstream_trial_close(upstreams);
	upstreams->set = set;
	upstreams->generation = set->generation;
}
