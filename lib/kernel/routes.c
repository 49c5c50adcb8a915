// SPDX-License-Identifier: BSD-3-Clause
#include "kernel/mirror.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <string.h>
#include <sys/socket.h>

#define WEIGHT_MOST 256

// What a message says of a route, with one next hop of it after the other filled in.
struct route_message {
	const struct nlattr *attributes[RTA_MAX + 1];
	struct kernel_route_record route;
	uint8_t family;
	uint16_t flags; // of the message: NLM_F_REPLACE, ...
	bool is_removal;
};

static uint32_t hash_of(const struct kernel_route_key *key)
{
	const uint8_t numbers[3] = {key->is_ipv4, key->table, key->prefix_length};

	return kernel_hash(
		kernel_hash(0, numbers, sizeof(numbers)), &key->prefix, sizeof(key->prefix));
}

static bool is_same_key(const struct kernel_route_key *a, const struct kernel_route_key *b)
{
	return a->is_ipv4 == b->is_ipv4 && a->table == b->table &&
	       a->prefix_length == b->prefix_length && net_address_equal(&a->prefix, &b->prefix);
}

struct kernel_route_record *kernel_mirror_next_route(const struct kernel_mirror *mirror,
	const struct kernel_route_key *key, const struct kernel_route_record *found)
{
	struct kernel_route_record *next =
		found ? kernel_records_next(&mirror->routes, found)
		      : kernel_records_first(&mirror->routes, hash_of(key));

	while (next && !is_same_key(&next->key, key))
		next = kernel_records_next(&mirror->routes, next);
	return next;
}

static bool is_same_next_hop(
	const struct kernel_route_record *a, const struct kernel_route_record *b)
{
	return a->type == b->type && a->ifindex == b->ifindex && a->has_gateway == b->has_gateway &&
	       (!a->has_gateway || net_address_equal(&a->gateway, &b->gateway));
}

// The first, or the next after `found`, of the records with prefix and metric of `wanted`.
static struct kernel_route_record *next_alike(const struct kernel_mirror *mirror,
	const struct kernel_route_record *wanted, struct kernel_route_record *found)
{
	do {
		found = kernel_mirror_next_route(mirror, &wanted->key, found);
	} while (found && found->metric != wanted->metric);
	return found;
}

static uint32_t *count_of(struct kernel_mirror *mirror, const struct kernel_route_record *route)
{
	const struct kernel_route_key *key = &route->key;

	return &mirror->route_counts[key->table][key->is_ipv4][key->prefix_length];
}

static void remove_route(struct kernel_mirror *mirror, struct kernel_route_record *route)
{
	--*count_of(mirror, route);
	kernel_records_remove(&mirror->routes, route);
}

static bool read_table(const struct rtmsg *header, const struct nlattr *attribute, uint8_t *table)
{
	uint32_t number = header->rtm_table;

	kernel_attribute_u32(attribute, &number);
	switch (number) {
	case RT_TABLE_LOCAL:
		*table = KERNEL_ROUTE_LOCAL;
		return true;
	case RT_TABLE_MAIN:
		*table = KERNEL_ROUTE_MAIN;
		return true;
	case RT_TABLE_DEFAULT:
		*table = KERNEL_ROUTE_DEFAULT;
		return true;
	default:
		return false;
	}
}

static int read_prefix(const struct rtmsg *header, const struct nlattr *destination,
	struct kernel_route_key *route)
{
	static const uint8_t zeros[16];

	route->is_ipv4 = header->rtm_family == AF_INET;
	route->prefix_length = header->rtm_dst_len;
	if (header->rtm_dst_len > (route->is_ipv4 ? 32 : 128))
		return -EINVAL;
	if (!destination) {
		route->prefix = route->is_ipv4 ? net_address_from_ipv4(zeros)
					       : net_address_from_ipv6(zeros);
		return header->rtm_dst_len ? -EINVAL : 0;
	}
	return kernel_attribute_address(destination, header->rtm_family, &route->prefix) ? 0
											 : -EINVAL;
}

// 1, 0 for a route that is not for us, -EINVAL.
static int read_route(const struct nlmsghdr *netlink, struct route_message *message)
{
	const struct rtmsg *header = mnl_nlmsg_get_payload(netlink);
	struct kernel_route_record *route = &message->route;

	if (kernel_attributes_of_message(netlink, sizeof(*header), message->attributes, RTA_MAX))
		return -EINVAL;
	if ((header->rtm_family != AF_INET && header->rtm_family != AF_INET6) ||
		(header->rtm_flags & RTM_F_CLONED) || header->rtm_tos || header->rtm_src_len ||
		!read_table(header, message->attributes[RTA_TABLE], &route->key.table))
		return 0;
	if (read_prefix(header, message->attributes[RTA_DST], &route->key))
		return -EINVAL;
	message->family = header->rtm_family;
	message->flags = netlink->nlmsg_flags;
	message->is_removal = netlink->nlmsg_type == RTM_DELROUTE;
	route->type = header->rtm_type;
	kernel_attribute_u32(message->attributes[RTA_PRIORITY], &route->metric);
	route->has_preferred_source = kernel_attribute_address(
		message->attributes[RTA_PREFSRC], message->family, &route->preferred_source);
	// Routers learnt from advertisements are routes of their own.
	route->has_siblings = message->family == AF_INET6 && header->rtm_type == RTN_UNICAST &&
			      header->rtm_protocol != RTPROT_RA &&
			      header->rtm_protocol != RTPROT_KERNEL;
	return 1;
}

// RTA_VIA is a gateway of another family than the destination's (RFC 8950).
static int read_gateway(
	const struct nlattr *const *attributes, uint8_t family, struct kernel_route_record *route)
{
	const struct nlattr *via = attributes[RTA_VIA];
	uint8_t bytes[16];
	uint16_t via_family;

	route->has_gateway =
		kernel_attribute_address(attributes[RTA_GATEWAY], family, &route->gateway);
	if (!via)
		return 0;
	if (mnl_attr_get_payload_len(via) != sizeof(via_family) + sizeof(bytes))
		return -EINVAL;
	memcpy(&via_family, mnl_attr_get_payload(via), sizeof(via_family));
	memcpy(bytes, (const uint8_t *)mnl_attr_get_payload(via) + sizeof(via_family),
		sizeof(bytes));
	if (via_family != AF_INET6)
		return -EINVAL;
	route->gateway = net_address_from_ipv6(bytes);
	route->has_gateway = true;
	return 0;
}

// Replaces, adds or removes the record of one next hop. 1, 0, -ENOMEM.
static int apply_next_hop(struct kernel_mirror *mirror, const struct route_message *message)
{
	const struct kernel_route_record *wanted = &message->route;
	struct kernel_route_record *known = next_alike(mirror, wanted, NULL);
	struct kernel_record record;

	while (known && !is_same_next_hop(known, wanted))
		known = next_alike(mirror, wanted, known);
	if (message->is_removal) {
		if (known)
			remove_route(mirror, known);
		return known != NULL;
	}
	if (wanted->type == RTN_UNICAST && !kernel_mirror_is_attached(mirror, wanted->ifindex))
		return 0;
	if (!known) {
		known = kernel_records_add(&mirror->routes, hash_of(&wanted->key));
		if (!known)
			return -ENOMEM;
		++*count_of(mirror, wanted);
	}
	record = known->record;
	*known = *wanted;
	known->record = record;
	return 1;
}

static int take_next_hop(struct kernel_mirror *mirror, struct route_message *message,
	const struct nlattr *const *attributes)
{
	int status = read_gateway(attributes, message->family, &message->route);

	if (status)
		return status;
	// What is to be encapsulated (MPLS, SRv6, ...) can only be sent by the kernel.
	if (attributes[RTA_ENCAP_TYPE])
		message->route.type = RTN_UNREACHABLE;
	return apply_next_hop(mirror, message);
}

static int take_several_next_hops(struct kernel_mirror *mirror, struct route_message *message)
{
	const struct nlattr *several = message->attributes[RTA_MULTIPATH];
	const uint8_t *bytes = mnl_attr_get_payload(several);
	size_t left = mnl_attr_get_payload_len(several);
	uint8_t type = message->route.type;
	int changed = 0;

	while (left >= sizeof(struct rtnexthop)) {
		const struct rtnexthop *hop = (const void *)bytes;
		const struct nlattr *attributes[RTA_MAX + 1];
		size_t length = hop->rtnh_len;
		int status;

		if (length < sizeof(*hop) || length > left ||
			kernel_attributes_of_bytes(
				hop + 1, length - sizeof(*hop), attributes, RTA_MAX))
			return -EINVAL;
		message->route.type = type;
		message->route.ifindex = hop->rtnh_ifindex;
		message->route.weight = (uint16_t)(hop->rtnh_hops + 1);
		status = take_next_hop(mirror, message, attributes);
		if (status < 0)
			return status;
		changed |= status;
		length = RTNH_ALIGN(length);
		length = length < left ? length : left;
		bytes += length;
		left -= length;
	}
	return changed;
}

// A new IPv4 route stands before those alike, unless it is appended; IPv6 ones stand behind.
static int64_t next_order(struct kernel_mirror *mirror, const struct route_message *message)
{
	bool is_first = message->route.key.is_ipv4 && (message->flags & NLM_F_CREATE) &&
			!(message->flags & NLM_F_APPEND);

	return is_first ? --mirror->oldest_order : ++mirror->newest_order;
}

// An IPv4 route that replaces takes the place of the first alike.
static bool replace_ipv4(struct kernel_mirror *mirror, struct kernel_route_record *route)
{
	struct kernel_route_record *alike = next_alike(mirror, route, NULL), *next;
	bool changed = alike != NULL;

	if (alike)
		route->order = alike->order;
	while ((alike = next_alike(mirror, route, alike))) {
		if (alike->order < route->order)
			route->order = alike->order;
	}
	for (alike = next_alike(mirror, route, NULL); alike; alike = next) {
		next = next_alike(mirror, route, alike);
		if (alike->order == route->order)
			remove_route(mirror, alike);
	}
	return changed;
}

// An IPv6 route that replaces does so with all alike; any other message about a route with
// gateways names all its next hops.
static bool replace_ipv6(struct kernel_mirror *mirror, const struct route_message *message)
{
	const struct kernel_route_record *route = &message->route;
	bool replaces = (message->flags & NLM_F_REPLACE) != 0;
	bool is_whole = route->has_siblings &&
			(message->attributes[RTA_GATEWAY] || message->attributes[RTA_MULTIPATH]);
	struct kernel_route_record *alike, *next;
	bool changed = false;

	for (alike = next_alike(mirror, route, NULL); alike; alike = next) {
		next = next_alike(mirror, route, alike);
		if (!replaces && !(is_whole && alike->has_siblings && alike->has_gateway))
			continue;
		remove_route(mirror, alike);
		changed = true;
	}
	return changed;
}

static bool make_room(struct kernel_mirror *mirror, struct route_message *message)
{
	message->route.order = next_order(mirror, message);
	if (!message->route.key.is_ipv4)
		return replace_ipv6(mirror, message);
	return (message->flags & NLM_F_REPLACE) && replace_ipv4(mirror, &message->route);
}

int kernel_mirror_take_route(struct kernel_mirror *mirror, const struct nlmsghdr *netlink)
{
	struct route_message message = {.route = {.weight = 1}};
	uint32_t ifindex = 0;
	bool changed = false;
	int status = read_route(netlink, &message);

	if (status <= 0)
		return status;
	if (!message.is_removal)
		changed = make_room(mirror, &message);
	if (message.attributes[RTA_MULTIPATH]) {
		status = take_several_next_hops(mirror, &message);
	} else {
		kernel_attribute_u32(message.attributes[RTA_OIF], &ifindex);
		message.route.ifindex = (int)ifindex;
		status = take_next_hop(mirror, &message, message.attributes);
	}
	return status < 0 ? status : (status || changed);
}
