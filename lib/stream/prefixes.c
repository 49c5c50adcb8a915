// SPDX-License-Identifier: BSD-3-Clause
#include "stream/prefixes.h"

#include <errno.h>
#include <stdlib.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/table_memory.h"

int stream_prefixes_init(struct stream_prefixes *prefixes, uint32_t entry_count,
	uint32_t count_most, uint8_t ipv4_bits, uint8_t ipv6_bits, uint64_t hash_key)
{
	uint32_t buckets = 1;

	if (ipv4_bits > 32 || ipv6_bits > 128 || !entry_count || entry_count > UINT32_MAX / 4)
		return -EINVAL;
	while (buckets < entry_count)
		buckets *= 2;
	*prefixes = (struct stream_prefixes){
		.count_most = count_most,
		.ipv4_bits = ipv4_bits,
		.ipv6_bits = ipv6_bits,
		.hash_key = hash_key,
		.bucket_mask = buckets - 1,
	};
	prefixes->buckets = table_memory_allocate(buckets * sizeof(*prefixes->buckets));
	prefixes->entries = table_memory_allocate_zeroed(entry_count * sizeof(*prefixes->entries));
	if (!prefixes->buckets || !prefixes->entries) {
		stream_prefixes_fini(prefixes);
		return -ENOMEM;
	}
	memset(prefixes->buckets, 0xff, buckets * sizeof(*prefixes->buckets));
	for (uint32_t i = 0; i < entry_count; i++)
		prefixes->entries[i].next = i + 1 < entry_count ? i + 1 : STREAM_PREFIX_NONE;
	return 0;
}

void stream_prefixes_fini(struct stream_prefixes *prefixes)
{
	free(prefixes->buckets);
	free(prefixes->entries);
	prefixes->buckets = NULL;
	prefixes->entries = NULL;
}

static struct net_address prefix_of(
	const struct stream_prefixes *prefixes, const struct net_address *address)
{
	uint32_t bits =
		net_address_is_ipv4(address) ? 96u + prefixes->ipv4_bits : prefixes->ipv6_bits;
	struct net_address prefix = *address;

	for (uint32_t byte = 0; byte < sizeof(prefix.bytes); byte++) {
		uint32_t kept = bits > 8 * byte ? bits - 8 * byte : 0;

		if (kept < 8)
			prefix.bytes[byte] &= (uint8_t)(0xff00u >> kept);
	}
	return prefix;
}

static uint32_t *prefix_bucket(
	const struct stream_prefixes *prefixes, const struct net_address *prefix)
{
	uint64_t hash =
		XXH3_64bits_withSeed(prefix->bytes, sizeof(prefix->bytes), prefixes->hash_key);

	return &prefixes->buckets[hash & prefixes->bucket_mask];
}

uint32_t stream_prefixes_take(struct stream_prefixes *prefixes, const struct net_address *address)
{
	struct net_address prefix = prefix_of(prefixes, address);
	uint32_t *bucket = prefix_bucket(prefixes, &prefix);
	uint32_t number = *bucket;
	struct stream_prefix *entry;

	while (number != STREAM_PREFIX_NONE &&
		!net_address_equal(&prefixes->entries[number].address, &prefix))
		number = prefixes->entries[number].next;
	if (number != STREAM_PREFIX_NONE) {
		entry = &prefixes->entries[number];
		if (prefixes->count_most && entry->count >= prefixes->count_most)
			return STREAM_PREFIX_NONE;
		entry->count++;
		return number;
	}
	number = prefixes->free;
	if (number == STREAM_PREFIX_NONE)
		return STREAM_PREFIX_NONE;
	entry = &prefixes->entries[number];
	prefixes->free = entry->next;
	*entry = (struct stream_prefix){.address = prefix, .count = 1, .next = *bucket};
	*bucket = number;
	return number;
}

void stream_prefixes_give_back(struct stream_prefixes *prefixes, uint32_t prefix)
{
	struct stream_prefix *entry = &prefixes->entries[prefix];
	uint32_t *link;

	if (--entry->count)
		return;
	link = prefix_bucket(prefixes, &entry->address);
	while (*link != prefix)
		link = &prefixes->entries[*link].next;
	*link = entry->next;
	entry->next = prefixes->free;
	prefixes->free = prefix;
}
