// SPDX-License-Identifier: BSD-3-Clause
#include "stream/upstreams_private.h"

#include <stdio.h>

static bool group_has_tls(const struct stream_upstreams *upstreams, const struct proxy_group *group)
{
	for (uint16_t i = 0; i < group->upstream_count; i++) {
		if (upstreams->set->upstreams[group->first_upstream + i].is_tls)
			return true;
	}
	return false;
}

static int upstreams_create_contexts(struct stream_upstreams *upstreams, struct tls_error *error)
{
	const struct proxy_set *set = upstreams->set;

	for (uint16_t i = 0; i < set->group_count; i++) {
		const struct proxy_group *group = &set->groups[i];
		const struct tls_files files = {
			.certificate = group->tls.certificate,
			.key = group->tls.key,
			.ca = group->tls.ca,
		};

		if (!group_has_tls(upstreams, group))
			continue;
		upstreams->contexts[i] = tls_context_create_client(&files, error);
		if (!upstreams->contexts[i])
			return -1;
	}
	return 0;
}

static int upstreams_create_peers(struct stream_upstreams *upstreams, struct tls_error *error)
{
	const struct proxy_set *set = upstreams->set;

	for (uint16_t i = 0; i < set->upstream_count; i++) {
		const struct proxy_upstream *upstream = &set->upstreams[i];

		if (!upstream->is_tls)
			continue;
		upstreams->peers[i] = tls_peer_create(upstreams->contexts[upstream->group],
			set->server_names[i], &upstream->endpoint.address);
		if (!upstreams->peers[i]) {
			snprintf(error->text, sizeof(error->text), "upstream '%s': %s",
				set->server_names[i] ? set->server_names[i] : "",
				errno == EINVAL ? "not a host name" : strerror(errno));
			return -1;
		}
	}
	return 0;
}

int upstreams_tls_create(struct stream_upstreams *upstreams, struct tls_error *error)
{
	const struct proxy_set *set = upstreams->set;

	upstreams->contexts = calloc(set->group_count, sizeof(struct tls_context *));
	upstreams->peers = calloc(set->upstream_count, sizeof(struct tls_peer *));
	if (!upstreams->contexts || !upstreams->peers) {
		snprintf(error->text, sizeof(error->text), "%s", strerror(ENOMEM));
		return -1;
	}
	if (upstreams_create_contexts(upstreams, error) < 0)
		return -1;
	return upstreams_create_peers(upstreams, error);
}

void upstreams_tls_destroy(struct stream_upstreams *upstreams)
{
	for (uint16_t i = 0; upstreams->peers && i < upstreams->set->upstream_count; i++) {
		if (upstreams->peers[i])
			tls_peer_destroy(upstreams->peers[i]);
	}
	for (uint16_t i = 0; upstreams->contexts && i < upstreams->set->group_count; i++) {
		if (upstreams->contexts[i])
			tls_context_destroy(upstreams->contexts[i]);
	}
	free(upstreams->peers);
	free(upstreams->contexts);
}
