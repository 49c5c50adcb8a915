// SPDX-License-Identifier: BSD-3-Clause
#include "proxy/upstream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/policy.h"
#include "rcu/rcu.h"

#define GROUPS_MOST (PROXY_NO_NUMBER - 1u)

_Static_assert(sizeof(struct proxy_upstream) == 32, "two a cache line");

static const struct proxy_set no_set;

// A set while it is made.
struct set_maker {
	struct proxy_set *set;
	const struct proxy_set *old; // never NULL
	const struct proxy_group_template *templates;
	uint16_t count;
	const struct proxy_drain *drain; // NULL: nothing is known to be drained
};

static uint32_t greatest_common_divisor(uint32_t a, uint32_t b)
{
	while (b) {
		uint32_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

// 0 or -ENOMEM.
static int text_copy(char **copy, const char *text)
{
	*copy = text ? strdup(text) : NULL;
	return text && !*copy ? -ENOMEM : 0;
}

static int group_copy_texts(
	struct proxy_group *group, const struct proxy_tls_files *files, const char *identity)
{
	char *certificate = NULL;
	char *key = NULL;
	char *ca = NULL;
	int error = text_copy(&certificate, files->certificate);

	if (!error)
		error = text_copy(&key, files->key);
	if (!error)
		error = text_copy(&ca, files->ca);
	if (!error)
		error = text_copy(&group->identity, identity);
	group->tls = (struct proxy_tls_files){certificate, key, ca};
	return error;
}

static int group_allocate(struct proxy_group *group, uint16_t upstream_count)
{
	group->upstream_count = upstream_count;
	group->upstreams = calloc(upstream_count, sizeof(*group->upstreams));
	group->strides = calloc(upstream_count, sizeof(*group->strides));
	if (!group->upstreams || !group->strides)
		return -ENOMEM;
	for (uint16_t step = 1; step < upstream_count; step++) {
		if (greatest_common_divisor(step, upstream_count) == 1)
			group->strides[group->stride_count++] = step;
	}
	if (!group->stride_count)
		group->strides[group->stride_count++] = 1;
	for (uint16_t i = 0; i < upstream_count; i++)
		group->upstreams[i] = PROXY_NO_NUMBER;
	return 0;
}

static int group_fill(struct proxy_group *group, const struct proxy_group_template *template)
{
	int error = group_copy_texts(group, &template->tls, template->identity);

	group->presence = PROXY_STAYS;
	group->settings = template->settings;
	group->has_source_address = template->has_source_address;
	group->source_address = template->source_address;
	group->health = template->health;
	if (!error)
		error = group_allocate(group, template->upstream_count);
	return error ? error : proxy_policy_tables_init(group, template->upstreams);
}

// As it was, for the queries that it has.
static int group_keep(struct proxy_group *group, const struct proxy_group *old)
{
	int error = group_copy_texts(group, &old->tls, old->identity);

	group->presence = PROXY_LEAVES;
	group->settings = old->settings;
	group->has_source_address = old->has_source_address;
	group->source_address = old->source_address;
	group->health = old->health;
	if (!error)
		error = group_allocate(group, old->upstream_count);
	if (!error)
		memcpy(group->upstreams, old->upstreams,
			old->upstream_count * sizeof(*group->upstreams));
	return error ? error : proxy_policy_tables_copy(group, old);
}

static bool texts_are_equal(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static uint16_t group_find_old(const struct set_maker *maker, const char *identity)
{
	for (uint16_t i = 0; i < maker->old->group_count; i++) {
		const struct proxy_group *group = &maker->old->groups[i];

		if (group->presence != PROXY_FREE && maker->set->groups[i].presence == PROXY_FREE &&
			texts_are_equal(group->identity, identity))
			return i;
	}
	return PROXY_NO_NUMBER;
}

static void group_count_up(struct proxy_set *set, uint16_t number)
{
	if (number >= set->group_count)
		set->group_count = (uint16_t)(number + 1);
}

// The groups that stay take their numbers first, then those that leave, then the new ones.
static int groups_stay(struct set_maker *maker)
{
	for (uint16_t i = 0; i < maker->count; i++) {
		uint16_t number = group_find_old(maker, maker->templates[i].identity);
		int error;

		maker->set->numbers[i] = number;
		if (number == PROXY_NO_NUMBER)
			continue;
		maker->set->groups_since[number] = maker->old->groups_since[number];
		group_count_up(maker->set, number);
		error = group_fill(&maker->set->groups[number], &maker->templates[i]);
		if (error)
			return error;
	}
	return 0;
}

static bool upstream_is_drained(const struct set_maker *maker, uint16_t number)
{
	return maker->old->upstreams[number].presence == PROXY_LEAVES && maker->drain &&
	       maker->drain->upstream_is_drained(maker->drain->context, number);
}

static bool group_is_drained(const struct set_maker *maker, uint16_t number)
{
	const struct proxy_group *group = &maker->old->groups[number];

	if (group->presence != PROXY_LEAVES || !maker->drain ||
		!maker->drain->group_is_drained(maker->drain->context, number))
		return false;
	for (uint16_t i = 0; i < group->upstream_count; i++) {
		if (!upstream_is_drained(maker, group->upstreams[i]))
			return false;
	}
	return true;
}

static int groups_leave(struct set_maker *maker)
{
	for (uint16_t i = 0; i < maker->old->group_count; i++) {
		int error;

		if (maker->old->groups[i].presence == PROXY_FREE ||
			maker->set->groups[i].presence != PROXY_FREE || group_is_drained(maker, i))
			continue;
		maker->set->groups_since[i] = maker->old->groups_since[i];
		maker->set->leaving_count++;
		group_count_up(maker->set, i);
		error = group_keep(&maker->set->groups[i], &maker->old->groups[i]);
		if (error)
			return error;
	}
	return 0;
}

static int groups_come(struct set_maker *maker)
{
	uint16_t number = 0;

	for (uint16_t i = 0; i < maker->count; i++) {
		int error;

		if (maker->set->numbers[i] != PROXY_NO_NUMBER)
			continue;
		while (number < maker->set->group_capacity &&
			maker->set->groups[number].presence != PROXY_FREE)
			number++;
		if (number == maker->set->group_capacity)
			return -ENOSPC;
		maker->set->numbers[i] = number;
		maker->set->groups_since[number] = maker->set->generation;
		group_count_up(maker->set, number);
		error = group_fill(&maker->set->groups[number], &maker->templates[i]);
		if (error)
			return error;
	}
	return 0;
}

static int upstream_place(struct set_maker *maker, uint16_t number,
	const struct proxy_upstream *upstream, const char *server_name)
{
	struct proxy_set *set = maker->set;

	set->upstreams[number] = *upstream;
	set->upstreams[number].path = NULL;
	set->upstreams_used++;
	set->leaving_count += upstream->presence == PROXY_LEAVES;
	if (number >= set->upstream_count)
		set->upstream_count = (uint16_t)(number + 1);
	return text_copy(&set->server_names[number], server_name);
}

static int upstream_place_template(struct set_maker *maker, uint16_t number, uint16_t group,
	const struct proxy_upstream_template *template)
{
	return upstream_place(maker, number,
		&(struct proxy_upstream){
			.endpoint = template->endpoint,
			.is_tls = template->is_tls,
			.is_https = template->is_https,
			.share = PROXY_SHARE_ALL,
			.presence = PROXY_STAYS,
			.group = group,
		},
		template->server_name);
}

static uint16_t upstream_find_old(const struct set_maker *maker, uint16_t group,
	const struct proxy_upstream_template *template)
{
	for (uint16_t i = 0; i < maker->old->upstream_count; i++) {
		const struct proxy_upstream *upstream = &maker->old->upstreams[i];

		if (upstream->group == group && upstream->presence != PROXY_FREE &&
			maker->set->upstreams[i].presence == PROXY_FREE &&
			net_endpoint_equal(&upstream->endpoint, &template->endpoint) &&
			upstream->is_tls == template->is_tls &&
			upstream->is_https == template->is_https &&
			texts_are_equal(maker->old->server_names[i], template->server_name))
			return i;
	}
	return PROXY_NO_NUMBER;
}

static int upstreams_stay(struct set_maker *maker, uint16_t i)
{
	uint16_t number = maker->set->numbers[i];
	struct proxy_group *group = &maker->set->groups[number];
	int error = 0;

	// A number taken now says nothing of who had it before.
	if (maker->set->groups_since[number] == maker->set->generation)
		return 0;
	for (uint16_t j = 0; j < group->upstream_count && !error; j++) {
		const struct proxy_upstream_template *template = &maker->templates[i].upstreams[j];
		uint16_t kept = upstream_find_old(maker, number, template);

		group->upstreams[j] = kept;
		if (kept == PROXY_NO_NUMBER)
			continue;
		maker->set->upstreams_since[kept] = maker->old->upstreams_since[kept];
		error = upstream_place_template(maker, kept, number, template);
	}
	return error;
}

// Those of a group that leaves go with it, all at once. Where it comes back without one, queries that it
// still has may be attempted there until the new set is followed: it goes with a set after that.
static bool upstream_still_leaves(const struct set_maker *maker, uint16_t number)
{
	uint16_t group = maker->old->upstreams[number].group;

	if (maker->old->upstreams[number].presence == PROXY_FREE ||
		maker->set->upstreams[number].presence != PROXY_FREE ||
		maker->set->groups_since[group] != maker->old->groups_since[group])
		return false;
	return maker->set->groups[group].presence == PROXY_LEAVES ||
	       maker->old->groups[group].presence == PROXY_LEAVES ||
	       !upstream_is_drained(maker, number);
}

static int upstreams_leave(struct set_maker *maker)
{
	int error = 0;

	for (uint16_t i = 0; i < maker->old->upstream_count && !error; i++) {
		struct proxy_upstream upstream = maker->old->upstreams[i];

		if (!upstream_still_leaves(maker, i))
			continue;
		upstream.presence = PROXY_LEAVES;
		maker->set->upstreams_since[i] = maker->old->upstreams_since[i];
		error = upstream_place(maker, i, &upstream, maker->old->server_names[i]);
	}
	return error;
}

static int upstreams_come(struct set_maker *maker, uint16_t i, uint16_t *next)
{
	struct proxy_set *set = maker->set;
	struct proxy_group *group = &set->groups[set->numbers[i]];
	int error = 0;

	for (uint16_t j = 0; j < group->upstream_count && !error; j++) {
		if (group->upstreams[j] != PROXY_NO_NUMBER)
			continue;
		while (*next < set->upstream_capacity &&
			set->upstreams[*next].presence != PROXY_FREE)
			(*next)++;
		if (*next == set->upstream_capacity)
			return -ENOSPC;
		group->upstreams[j] = *next;
		set->upstreams_since[*next] = set->generation;
		error = upstream_place_template(
			maker, *next, set->numbers[i], &maker->templates[i].upstreams[j]);
	}
	return error;
}

static int set_fill(struct set_maker *maker)
{
	uint16_t next = 0;
	int error = groups_stay(maker);

	if (!error)
		error = groups_leave(maker);
	if (!error)
		error = groups_come(maker);
	for (uint16_t i = 0; i < maker->count && !error; i++)
		error = upstreams_stay(maker, i);
	if (!error)
		error = upstreams_leave(maker);
	for (uint16_t i = 0; i < maker->count && !error; i++)
		error = upstreams_come(maker, i, &next);
	return error;
}

static uint16_t capacity_for(size_t count, size_t most)
{
	size_t capacity = count + (count > PROXY_SPARE_LEAST ? count : PROXY_SPARE_LEAST);

	return (uint16_t)(capacity < most ? capacity : most);
}

static struct proxy_set *set_allocate(
	const struct proxy_set *old, size_t upstream_count, uint16_t group_count)
{
	struct proxy_set *set = calloc(1, sizeof(*set));

	if (!set)
		return NULL;
	set->generation = old->generation + 1;
	set->group_capacity =
		old->group_capacity ? old->group_capacity : capacity_for(group_count, GROUPS_MOST);
	set->upstream_capacity = old->upstream_capacity
					 ? old->upstream_capacity
					 : capacity_for(upstream_count, PROXY_UPSTREAMS_MOST);
	set->groups = calloc(set->group_capacity, sizeof(*set->groups));
	set->groups_since = calloc(set->group_capacity, sizeof(*set->groups_since));
	set->upstreams = calloc(set->upstream_capacity, sizeof(*set->upstreams));
	set->upstreams_since = calloc(set->upstream_capacity, sizeof(*set->upstreams_since));
	set->server_names = calloc(set->upstream_capacity, sizeof(*set->server_names));
	set->numbers = calloc(group_count + 1u, sizeof(*set->numbers));
	if (set->groups && set->groups_since && set->upstreams && set->upstreams_since &&
		set->server_names && set->numbers)
		return set;
	proxy_set_destroy(set);
	return NULL;
}

struct proxy_set *proxy_set_follow(const struct proxy_set *old,
	const struct proxy_group_template *templates, uint16_t count,
	const struct proxy_drain *drain)
{
	struct set_maker maker = {
		.old = old, .templates = templates, .count = count, .drain = drain};
	size_t upstreams = 0;
	int error;

	for (uint16_t i = 0; i < count; i++) {
		upstreams += templates[i].upstream_count;
		if (!templates[i].upstream_count ||
			templates[i].upstream_count > PROXY_GROUP_UPSTREAMS_MOST ||
			upstreams > PROXY_UPSTREAMS_MOST) {
			errno = EINVAL;
			return NULL;
		}
	}
	maker.set = set_allocate(old, upstreams, count);
	error = maker.set ? set_fill(&maker) : -ENOMEM;
	if (!error)
		return maker.set;
	proxy_set_destroy(maker.set);
	errno = -error;
	return NULL;
}

struct proxy_set *proxy_set_create(const struct proxy_group_template *templates, uint16_t count)
{
	return proxy_set_follow(&no_set, templates, count, NULL);
}

static void group_free(struct proxy_group *group)
{
	free((char *)group->tls.certificate);
	free((char *)group->tls.key);
	free((char *)group->tls.ca);
	proxy_policy_tables_fini(group);
	free(group->identity);
	free(group->upstreams);
	free(group->strides);
}

void proxy_set_destroy(struct proxy_set *set)
{
	if (!set)
		return;
	for (uint16_t i = 0; i < set->upstream_count; i++) {
		free(set->upstreams[i].path);
		free(set->server_names[i]);
	}
	for (uint16_t i = 0; i < set->group_count; i++)
		group_free(&set->groups[i]);
	free(set->numbers);
	free(set->server_names);
	free(set->upstreams_since);
	free(set->upstreams);
	free(set->groups_since);
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
