// SPDX-License-Identifier: BSD-3-Clause
#include "proxy/upstream.h"

#include <errno.h>
#include <stdlib.h>

#include "proxy/policy.h"
#include "rcu/rcu.h"

static uint32_t greatest_common_divisor(uint32_t a, uint32_t b)
{
	while (b) {
		uint32_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

_Static_assert(sizeof(struct proxy_upstream) == 32, "two a cache line");

static int proxy_group_init(struct proxy_group *group, const struct proxy_group_template *template,
	uint16_t first_upstream)
{
	*group = (struct proxy_group){
		.settings = template->settings,
		.tls = template->tls,
		.has_source_address = template->has_source_address,
		.source_address = template->source_address,
		.health = template->health,
		.first_upstream = first_upstream,
		.upstream_count = template->upstream_count,
	};
	group->strides = calloc(template->upstream_count, sizeof(*group->strides));
	if (!group->strides)
		return -ENOMEM;
	for (uint16_t step = 1; step < template->upstream_count; step++) {
		if (greatest_common_divisor(step, template->upstream_count) == 1)
			group->strides[group->stride_count++] = step;
	}
	if (!group->stride_count)
		group->strides[group->stride_count++] = 1;
	return proxy_policy_tables_init(group, template->upstreams);
}

static int proxy_set_fill(
	struct proxy_set *set, const struct proxy_group_template *templates, uint16_t count)
{
	for (uint16_t i = 0; i < count; i++) {
		int error = proxy_group_init(&set->groups[i], &templates[i], set->upstream_count);

		set->group_count = (uint16_t)(i + 1);
		if (error)
			return error;
		for (uint16_t j = 0; j < templates[i].upstream_count; j++) {
			const struct proxy_upstream_template *upstream = &templates[i].upstreams[j];

			set->server_names[set->upstream_count] = upstream->server_name;
			set->upstreams[set->upstream_count++] = (struct proxy_upstream){
				.endpoint = upstream->endpoint,
				.group = i,
				.is_tls = upstream->is_tls,
				.share = PROXY_SHARE_ALL,
			};
		}
	}
	return 0;
}

struct proxy_set *proxy_set_create(const struct proxy_group_template *templates, uint16_t count)
{
	size_t upstreams = 0;
	struct proxy_set *set;

	for (uint16_t i = 0; i < count; i++) {
		upstreams += templates[i].upstream_count;
		if (!templates[i].upstream_count ||
			templates[i].upstream_count > PROXY_GROUP_UPSTREAMS_MOST ||
			upstreams > PROXY_UPSTREAMS_MOST) {
			errno = EINVAL;
			return NULL;
		}
	}
	set = calloc(1, sizeof(*set));
	if (!set)
		return NULL;
	set->groups = calloc(count ? count : 1, sizeof(*set->groups));
	set->upstreams = calloc(upstreams ? upstreams : 1, sizeof(*set->upstreams));
	set->server_names = calloc(upstreams ? upstreams : 1, sizeof(*set->server_names));
	if (!set->groups || !set->upstreams || !set->server_names ||
		proxy_set_fill(set, templates, count) != 0) {
		proxy_set_destroy(set);
		errno = ENOMEM;
		return NULL;
	}
	return set;
}

void proxy_set_destroy(struct proxy_set *set)
{
	if (!set)
		return;
	for (uint16_t i = 0; i < set->upstream_count; i++)
		free(set->upstreams[i].path);
	for (uint16_t i = 0; i < set->group_count; i++) {
		proxy_policy_tables_fini(&set->groups[i]);
		free(set->groups[i].strides);
	}
	free(set->server_names);
	free(set->upstreams);
	free(set->groups);
	free(set);
}

int proxy_upstream_set_path(
	struct proxy_upstream *upstream, const struct net_path *path, struct net_path **old)
{
	struct net_path *copy;

	*old = NULL;
	if (upstream->path && net_path_equal(upstream->path, path))
		return 0;
	copy = malloc(sizeof(*copy));
	if (!copy)
		return -ENOMEM;
	*copy = *path;
	*old = upstream->path;
	rcu_pointer_publish(upstream->path, copy);
	return 1;
}
