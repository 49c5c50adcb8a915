// SPDX-License-Identifier: BSD-3-Clause
#include "kernel/mirror.h"

#include <linux/rtnetlink.h>
#include <string.h>

// The address with all bits after the first `length` of its family cleared.
static struct net_address mask_address(const struct net_address *address, uint8_t length)
{
	struct net_address masked = *address;
	size_t bits = length + (net_address_is_ipv4(address) ? 96u : 0u);

	for (size_t i = 0; i < sizeof(masked.bytes); i++) {
		if (bits >= (i + 1) * 8)
			continue;
		masked.bytes[i] &= bits > i * 8 ? (uint8_t)(0xff00 >> (bits - i * 8)) : 0;
	}
	return masked;
}

// The link that a unicast next hop goes out of must be up; other types need none.
static bool is_eligible(const struct kernel_mirror *mirror, const struct kernel_route_record *route)
{
	const struct kernel_link_record *link;

	if (route->type != RTN_UNICAST)
		return true;
	link = kernel_mirror_find_link(mirror, route->ifindex);
	return link && link->link.is_up;
}

// The larger, the more this next hop is the destination's. Each next hop is rated by itself, so
// that one that comes or goes moves only the destinations it gains or loses (rendezvous hashing),
// and has as many tries as its weight.
static uint32_t rate_next_hop(
	const struct kernel_route_record *route, const struct net_address *destination)
{
	uint32_t best = 0;
	uint32_t hash = kernel_hash(0, destination, sizeof(*destination));

	hash = kernel_hash(hash, &route->ifindex, sizeof(route->ifindex));
	hash = kernel_hash(hash, &route->gateway, sizeof(route->gateway));
	for (uint16_t i = 0; i < route->weight; i++) {
		uint32_t rating = kernel_hash(hash, &i, sizeof(i));

		if (rating > best)
			best = rating;
	}
	return best;
}

// Whether `a` comes before `b`: by metric, by order, or as the better of two of one route.
static bool comes_first(const struct kernel_route_record *a, const struct kernel_route_record *b,
	const struct net_address *destination)
{
	if (a->metric != b->metric)
		return a->metric < b->metric;
	if (a->order != b->order)
		return a->order < b->order;
	return rate_next_hop(a, destination) > rate_next_hop(b, destination);
}

// The record that counts of one prefix. False when there is none at all of this prefix, true with
// NULL when there is none with its link up.
static bool choose_route(const struct kernel_mirror *mirror, const struct kernel_route_key *key,
	const struct net_address *destination, const struct kernel_route_record **chosen)
{
	const struct kernel_route_record *route = kernel_mirror_next_route(mirror, key, NULL);
	bool has_any = route != NULL;

	*chosen = NULL;
	for (; route; route = kernel_mirror_next_route(mirror, key, route)) {
		if (is_eligible(mirror, route) &&
			(!*chosen || comes_first(route, *chosen, destination)))
			*chosen = route;
	}
	return has_any;
}

// The longest prefix of one table. As choose_route.
static bool look_up_table(const struct kernel_mirror *mirror, uint8_t table,
	const struct net_address *destination, const struct kernel_route_record **chosen)
{
	bool is_ipv4 = net_address_is_ipv4(destination);

	for (int length = is_ipv4 ? 32 : 128; length >= 0; length--) {
		struct kernel_route_key key = {
			.prefix_length = (uint8_t)length, .table = table, .is_ipv4 = is_ipv4};

		if (!mirror->route_counts[table][is_ipv4][length])
			continue;
		key.prefix = mask_address(destination, key.prefix_length);
		if (choose_route(mirror, &key, destination, chosen))
			return true;
	}
	return false;
}

const struct kernel_route_record *kernel_mirror_find_route(
	const struct kernel_mirror *mirror, const struct net_address *destination)
{
	const struct kernel_route_record *chosen;

	if (net_address_is_unfit_as_source(destination) ||
		kernel_address_is_link_local(destination))
		return NULL;
	for (int table = 0; table < KERNEL_ROUTE_TABLES; table++) {
		if (!look_up_table(mirror, table, destination, &chosen))
			continue;
		if (!chosen || chosen->type == RTN_UNICAST)
			return chosen;
		if (chosen->type != RTN_THROW)
			return NULL;
	}
	return NULL;
}
