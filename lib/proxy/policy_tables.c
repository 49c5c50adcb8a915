// SPDX-License-Identifier: BSD-3-Clause
// What policies look up, made once for a group.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/policy.h"

// Weights to draw by in one look (Walker's alias method): each place is one upstream's up to a
// threshold, and another's above it.
struct alias_work {
	uint64_t *scaled; // weight by the number of upstreams; what is over, once it was lent
	uint16_t *small; // places with less than the mean
	uint16_t *large;
	uint16_t small_count;
	uint16_t large_count;
};

static void alias_fill(struct proxy_alias *aliases, struct alias_work *work, uint64_t total)
{
	while (work->small_count && work->large_count) {
		uint16_t small = work->small[--work->small_count];
		uint16_t large = work->large[work->large_count - 1];

		aliases[small] = (struct proxy_alias){
			.threshold = (uint32_t)((work->scaled[small] << 32) / total),
			.other = large,
		};
		work->scaled[large] -= total - work->scaled[small];
		if (work->scaled[large] >= total)
			continue;
		work->large_count--;
		work->small[work->small_count++] = large;
	}
}

static uint16_t upstream_weight(const struct proxy_upstream_template *upstream)
{
	return upstream->weight ? upstream->weight : 1;
}

static int aliases_init(struct proxy_group *group, const struct proxy_upstream_template *upstreams)
{
	uint16_t count = group->upstream_count;
	struct alias_work work = {
		.scaled = calloc(count, sizeof(*work.scaled)),
		.small = calloc(count, sizeof(*work.small)),
		.large = calloc(count, sizeof(*work.large)),
	};
	uint64_t total = 0;
	int error = -ENOMEM;

	group->aliases = calloc(count, sizeof(*group->aliases));
	if (!work.scaled || !work.small || !work.large || !group->aliases)
		goto out;
	for (uint16_t i = 0; i < count; i++)
		total += upstream_weight(&upstreams[i]);
	for (uint16_t i = 0; i < count; i++) {
		group->aliases[i] = (struct proxy_alias){.threshold = UINT32_MAX, .other = i};
		work.scaled[i] = (uint64_t)upstream_weight(&upstreams[i]) * count;
		if (work.scaled[i] < total)
			work.small[work.small_count++] = i;
		else
			work.large[work.large_count++] = i;
	}
	alias_fill(group->aliases, &work, total);
	error = 0;
out:
	free(work.scaled);
	free(work.small);
	free(work.large);
	return error;
}

static uint64_t mix(uint64_t value)
{
	value = (value ^ value >> 31) * UINT64_C(0xbf58476d1ce4e5b9);
	value = (value ^ value >> 27) * UINT64_C(0x94d049bb133111eb);
	return value ^ value >> 31;
}

static uint64_t upstream_hash(const struct proxy_upstream_template *upstream)
{
	uint64_t halves[2];

	memcpy(halves, upstream->endpoint.address.bytes, sizeof(halves));
	return mix(mix(mix(halves[0]) ^ halves[1]) ^
		   (uint64_t)(upstream->is_https << 17 | upstream->endpoint.port << 1 |
			      upstream->is_tls));
}

// Each bucket has every upstream's mark, drawn from both, and belongs to the highest: so who comes
// or goes takes or leaves its own buckets alone, wherever it stands among the others.
static int buckets_init(struct proxy_group *group, const struct proxy_upstream_template *upstreams)
{
	uint64_t *highest = calloc(PROXY_BUCKETS, sizeof(*highest));
	int error = -ENOMEM;

	group->buckets = calloc(PROXY_BUCKETS, sizeof(*group->buckets));
	if (!highest || !group->buckets)
		goto out;
	for (uint16_t i = 0; i < group->upstream_count; i++) {
		uint64_t hash = upstream_hash(&upstreams[i]);

		for (uint32_t bucket = 0; bucket < PROXY_BUCKETS; bucket++) {
			uint64_t mark = mix(hash + bucket * UINT64_C(0x9e3779b97f4a7c15));

			if (mark < highest[bucket])
				continue;
			highest[bucket] = mark;
			group->buckets[bucket] = i;
		}
	}
	error = 0;
out:
	free(highest);
	return error;
}

int proxy_policy_tables_init(
	struct proxy_group *group, const struct proxy_upstream_template *upstreams)
{
	if (group->settings.policy == PROXY_POLICY_WEIGHTED)
		return aliases_init(group, upstreams);
	if (group->settings.policy == PROXY_POLICY_HASH)
		return buckets_init(group, upstreams);
	return 0;
}

// 0 or -ENOMEM; nothing to copy is a copy of nothing.
static int table_copy(void **copy, const void *table, size_t bytes)
{
	if (!table)
		return 0;
	*copy = malloc(bytes);
	if (!*copy)
		return -ENOMEM;
	memcpy(*copy, table, bytes);
	return 0;
}

int proxy_policy_tables_copy(struct proxy_group *group, const struct proxy_group *other)
{
	void *aliases = NULL;
	void *buckets = NULL;
	int error = table_copy(
		&aliases, other->aliases, other->upstream_count * sizeof(*other->aliases));

	if (!error)
		error = table_copy(
			&buckets, other->buckets, PROXY_BUCKETS * sizeof(*other->buckets));
	group->aliases = aliases;
	group->buckets = buckets;
	return error;
}

void proxy_policy_tables_fini(struct proxy_group *group)
{
	free(group->aliases);
	free(group->buckets);
}
