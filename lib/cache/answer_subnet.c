// SPDX-License-Identifier: BSD-3-Clause
#include "cache/answer_subnet.h"

#include "base/compiler.h"

// The lengths that answers are kept by, beside that of who asked: 0 first, then rising. Most scopes
// that are told are among them.
static const uint8_t ipv4_lengths[] = {0, 8, 16, 20, 24, 32};
static const uint8_t ipv6_lengths[] = {0, 32, 40, 48, 56, 64, 128};

// The subnet's own, a shorter one each, and the plain key.
#define KEYS_MOST (BASE_ARRAY_SIZE(ipv6_lengths) + 1)

struct lengths {
	const uint8_t *values;
	uint32_t count;
};

static struct lengths lengths_of(const struct dns_client_subnet *subnet)
{
	if (subnet->family == CACHE_SUBNET_IPV4)
		return (struct lengths){ipv4_lengths, BASE_ARRAY_SIZE(ipv4_lengths)};
	return (struct lengths){ipv6_lengths, BASE_ARRAY_SIZE(ipv6_lengths)};
}

static uint8_t kept_length(const struct dns_client_subnet *subnet, uint8_t scope_length)
{
	struct lengths lengths = lengths_of(subnet);
	uint32_t i = 0;

	while (i < lengths.count && lengths.values[i] < scope_length)
		i++;
	if (i == lengths.count || lengths.values[i] > subnet->source_length)
		return subnet->source_length;
	return lengths.values[i];
}

// The subnet was read as good, so that its family and lengths are: the key is not left as it was.
static void narrow(struct cache_key *key, const struct dns_client_subnet *subnet, uint8_t length)
{
	int err = cache_key_set_subnet(
		key, (enum cache_subnet_family)subnet->family, length, subnet->address);

	(void)err;
}

uint32_t cache_answer_key_narrow(struct cache_key *key, const struct dns_client_subnet *subnet,
	const struct dns_client_subnet *scope)
{
	uint8_t length = kept_length(subnet, scope->scope_length);

	if (!subnet->source_length) {
		narrow(key, subnet, 0);
		return 0;
	}
	if (!scope->family)
		return CACHE_ANSWER_WIDE;
	narrow(key, subnet, length);
	return length ? 0 : CACHE_ANSWER_WIDE;
}

struct candidate {
	struct cache_key key;
	bool must_be_wide;
};

// All keys that may have an answer, the longest scope first. Their buckets are on their way.
static uint32_t make_candidates(struct candidate candidates[KEYS_MOST], const struct cache_key *key,
	const struct dns_client_subnet *subnet, const struct cache_store *store,
	const struct cache_lcore *lcore)
{
	struct lengths lengths = lengths_of(subnet);
	uint32_t count = 0;

	candidates[count] = (struct candidate){.key = *key};
	narrow(&candidates[count++].key, subnet, subnet->source_length);
	for (uint32_t i = lengths.count; i-- > 0;) {
		if (lengths.values[i] >= subnet->source_length)
			continue;
		candidates[count] =
			(struct candidate){.key = *key, .must_be_wide = lengths.values[i] == 0};
		narrow(&candidates[count++].key, subnet, lengths.values[i]);
	}
	candidates[count++] = (struct candidate){.key = *key, .must_be_wide = true};
	for (uint32_t i = 0; i < count; i++)
		cache_lookup_prefetch(lcore, cache_store_hash(store, &candidates[i].key));
	return count;
}

void cache_answer_key_choose(struct cache_key *key, const struct dns_client_subnet *subnet,
	const struct cache_store *store, const struct cache_lcore *lcore, uint64_t now)
{
	struct candidate candidates[KEYS_MOST];
	uint32_t count = make_candidates(candidates, key, subnet, store, lcore);
	const struct candidate *chosen = NULL;

	for (uint32_t i = 0; i < count; i++) {
		struct cache_view view;
		enum cache_state state = cache_store_peek(store, &candidates[i].key, now, &view);

		if (state == CACHE_MISSED ||
			(candidates[i].must_be_wide && view.opaque != CACHE_ANSWER_WIDE))
			continue;
		if (state == CACHE_FRESH || !chosen)
			chosen = &candidates[i];
		if (state == CACHE_FRESH)
			break;
	}
	*key = chosen ? chosen->key : candidates[0].key;
}
