// SPDX-License-Identifier: BSD-3-Clause
#include "forward/zones.h"

#include <errno.h>
#include <stdlib.h>

#define LABELS_MOST 128
#define NO_ZONE UINT32_MAX

struct zone_forward {
	const struct config_forward *forward;
	uint16_t group;
};

struct zone {
	const struct config_server *server;
	struct zone_forward *forwards;
	uint16_t cache;
};

struct forward_zones {
	struct zone *zones;
	uint32_t count;
	uint32_t *table; // open addressing by the hash of the name; NO_ZONE is empty
	uint32_t table_mask;
	uint64_t label_counts[LABELS_MOST / 64]; // bit n: some zone has n labels
	// The commonest configuration forwards everything to one group: names are not looked at.
	bool matches_all;
	struct forward_match match_of_all;
};

// A name with the offset of each label, so that its suffixes are at hand.
struct name_labels {
	const uint8_t *wire;
	uint16_t length;
	uint16_t count;
	uint8_t offsets[LABELS_MOST];
};

static void name_labels_find(struct name_labels *labels, const uint8_t *wire, uint16_t length)
{
	uint16_t at = 0;

	labels->wire = wire;
	labels->length = length;
	labels->count = 0;
	while (at + 1 < length && labels->count < LABELS_MOST - 1) {
		labels->offsets[labels->count++] = (uint8_t)at;
		at = (uint16_t)(at + wire[at] + 1);
	}
	labels->offsets[labels->count] = (uint8_t)(length - 1);
}

// FNV-1a over the name in lower case. Zones are the operator's, so nobody else can crowd the
// table.
static uint32_t name_hash(const uint8_t *wire, size_t length)
{
	uint32_t hash = 2166136261u;

	for (size_t i = 0; i < length; i++) {
		uint8_t byte = wire[i];

		if (byte >= 'A' && byte <= 'Z')
			byte |= 0x20;
		hash = (hash ^ byte) * 16777619u;
	}
	return hash;
}

static bool name_is_in(const struct name_labels *labels, const struct dns_name *zone)
{
	uint16_t offset = (uint16_t)(labels->length - zone->length);

	return zone->label_count <= labels->count && zone->length <= labels->length &&
	       labels->offsets[labels->count - zone->label_count] == offset &&
	       dns_name_bytes_equal(labels->wire + offset, zone->wire, zone->length);
}

static uint32_t zones_find(const struct forward_zones *zones, const uint8_t *name, size_t length)
{
	uint32_t at = name_hash(name, length) & zones->table_mask;

	for (; zones->table[at] != NO_ZONE; at = (at + 1) & zones->table_mask) {
		const struct dns_name *zone = &zones->zones[zones->table[at]].server->zone;

		if (zone->length == length && dns_name_bytes_equal(zone->wire, name, length))
			return zones->table[at];
	}
	return NO_ZONE;
}

static uint16_t forward_group_number(const struct config *config,
	const struct forward_numbers *numbers, const struct config_forward *forward)
{
	size_t count;
	const struct config_forward *const *forwards = config_forwards(config, &count);

	for (size_t i = 0; i < count && i < FORWARD_NO_GROUP; i++) {
		if (forwards[i] == forward)
			return numbers ? numbers->groups[i] : (uint16_t)i;
	}
	return FORWARD_NO_GROUP;
}

static uint16_t forward_cache_number(const struct config *config,
	const struct forward_numbers *numbers, const struct config_cache *cache)
{
	uint16_t index = forward_cache_index(config, cache);

	if (!numbers || !numbers->caches || index == FORWARD_NO_CACHE)
		return index;
	return numbers->caches[index];
}

static int zones_add(struct forward_zones *zones, const struct config *config,
	const struct forward_numbers *numbers, const struct config_server *server)
{
	struct zone *zone = &zones->zones[zones->count];
	uint32_t at = name_hash(server->zone.wire, server->zone.length) & zones->table_mask;

	if (zones_find(zones, server->zone.wire, server->zone.length) != NO_ZONE)
		return 0;
	zone->server = server;
	zone->cache = forward_cache_number(config, numbers, server->cache);
	zone->forwards = calloc(server->forward_count + 1, sizeof(*zone->forwards));
	if (!zone->forwards)
		return -ENOMEM;
	for (size_t i = 0; i < server->forward_count; i++) {
		zone->forwards[i].forward = server->forwards[i];
		zone->forwards[i].group =
			forward_group_number(config, numbers, server->forwards[i]);
	}
	while (zones->table[at] != NO_ZONE)
		at = (at + 1) & zones->table_mask;
	zones->table[at] = zones->count++;
	zones->label_counts[server->zone.label_count / 64] |= UINT64_C(1)
							      << server->zone.label_count % 64;
	return 0;
}

static void zones_find_match_of_all(struct forward_zones *zones)
{
	const struct config_server *server = zones->count ? zones->zones[0].server : NULL;

	if (zones->count != 1 || server->zone.label_count || !server->forward_count ||
		server->forwards[0]->except_count || server->forwards[0]->from_count != 1 ||
		server->forwards[0]->from[0].label_count ||
		(server->cache && server->cache->zone_count) || server->log_count)
		return;
	zones->matches_all = true;
	zones->match_of_all = (struct forward_match){
		.group = zones->zones[0].forwards[0].group,
		.bufsize = server->bufsize,
		.cache = zones->zones[0].cache,
		.log = FORWARD_NO_LOG,
		.logs_errors = server->errors != NULL,
		.rotates_records = server->rotates_records,
	};
}

struct forward_zones *forward_zones_create(const struct config *config,
	const struct forward_numbers *numbers, const struct config_server *const servers[],
	size_t count)
{
	struct forward_zones *zones = calloc(1, sizeof(*zones));
	uint32_t size = 4;

	if (!zones)
		return NULL;
	while (size < 2 * count)
		size *= 2;
	zones->table_mask = size - 1;
	zones->zones = calloc(count + 1, sizeof(*zones->zones));
	zones->table = malloc(size * sizeof(*zones->table));
	if (!zones->zones || !zones->table)
		goto out;
	for (uint32_t i = 0; i < size; i++)
		zones->table[i] = NO_ZONE;
	for (size_t i = 0; i < count; i++) {
		if (zones_add(zones, config, numbers, servers[i]))
			goto out;
	}
	zones_find_match_of_all(zones);
	return zones;
out:
	forward_zones_destroy(zones);
	errno = ENOMEM;
	return NULL;
}

void forward_zones_destroy(struct forward_zones *zones)
{
	if (!zones)
		return;
	for (uint32_t i = 0; zones->zones && i < zones->count; i++)
		free(zones->zones[i].forwards);
	free(zones->zones);
	free(zones->table);
	free(zones);
}

static bool forward_takes(const struct config_forward *forward, const struct name_labels *labels)
{
	const struct dns_name *from = NULL;

	for (size_t i = 0; i < forward->from_count && !from; i++) {
		if (name_is_in(labels, &forward->from[i]))
			from = &forward->from[i];
	}
	if (!from)
		return false;
	// The name equal to FROM is forwarded whatever `except` says.
	if (labels->length == from->length)
		return true;
	for (size_t i = 0; i < forward->except_count; i++) {
		if (name_is_in(labels, &forward->except[i]))
			return false;
	}
	return true;
}

// A cache of no zones of its own keeps all of the block's.
static bool cache_takes(const struct config_cache *cache, const struct name_labels *labels)
{
	bool takes = cache && !cache->zone_count;

	for (size_t i = 0; cache && i < cache->zone_count && !takes; i++)
		takes = name_is_in(labels, &cache->zones[i]);
	return takes;
}

// The first `log` of the block that has the name.
static void find_log(struct forward_match *match, const struct config_server *server,
	const struct name_labels *labels)
{
	for (size_t i = 0; i < server->log_count; i++) {
		const struct config_log *log = server->logs[i];

		for (size_t j = 0; j < log->name_count; j++) {
			if (!name_is_in(labels, &log->names[j]))
				continue;
			match->log = log->number;
			match->log_classes = log->classes;
			return;
		}
	}
}

static uint32_t zones_find_longest(
	const struct forward_zones *zones, const struct name_labels *labels)
{
	for (uint16_t skipped = 0; skipped <= labels->count; skipped++) {
		uint16_t left = (uint16_t)(labels->count - skipped);
		uint8_t offset = labels->offsets[skipped];
		uint32_t found;

		if (!(zones->label_counts[left / 64] >> left % 64 & 1))
			continue;
		found = zones_find(zones, labels->wire + offset, (size_t)labels->length - offset);
		if (found != NO_ZONE)
			return found;
	}
	return NO_ZONE;
}

struct forward_match forward_zones_match(
	const struct forward_zones *zones, const uint8_t *name, uint16_t length)
{
	struct forward_match match = {
		.group = FORWARD_NO_GROUP,
		.bufsize = zones->zones[0].server->bufsize,
		.cache = FORWARD_NO_CACHE,
		.log = FORWARD_NO_LOG,
	};
	struct name_labels labels;
	const struct zone *zone;
	uint32_t found;

	if (zones->matches_all)
		return zones->match_of_all;
	name_labels_find(&labels, name, length);
	found = zones_find_longest(zones, &labels);
	if (found == NO_ZONE)
		return match;
	zone = &zones->zones[found];
	match.bufsize = zone->server->bufsize;
	match.rotates_records = zone->server->rotates_records;
	match.logs_errors = zone->server->errors != NULL;
	find_log(&match, zone->server, &labels);
	if (cache_takes(zone->server->cache, &labels))
		match.cache = zone->cache;
	for (size_t i = 0; i < zone->server->forward_count; i++) {
		if (forward_takes(zone->forwards[i].forward, &labels)) {
			match.group = zone->forwards[i].group;
			break;
		}
	}
	return match;
}

uint16_t forward_zones_next_group(const struct config *config,
	const struct forward_numbers *numbers, uint16_t group, const uint8_t *name, uint16_t length)
{
	size_t count;
	const struct config_forward *const *forwards = config_forwards(config, &count);
	struct name_labels labels;
	size_t at = group;

	if (numbers) {
		for (at = 0; at < count && numbers->groups[at] != group;)
			at++;
	}
	// One that has left hands over to nobody.
	if (at >= count)
		return FORWARD_NO_GROUP;
	name_labels_find(&labels, name, length);
	for (size_t i = at + 1; i < count && forwards[i]->block == forwards[at]->block; i++) {
		if (forward_takes(forwards[i], &labels))
			return numbers ? numbers->groups[i] : (uint16_t)i;
	}
	return FORWARD_NO_GROUP;
}
