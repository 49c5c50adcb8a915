// SPDX-License-Identifier: BSD-3-Clause
#include "kernel/mirror.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <string.h>
#include <sys/socket.h>

bool kernel_address_is_link_local(const struct net_address *address)
{
	return address->bytes[0] == 0xfe && (address->bytes[1] & 0xc0) == 0x80;
}

static uint32_t address_hash(const struct net_address *address)
{
	return kernel_hash(0, address, sizeof(*address));
}

static struct kernel_address_record *find_address(
	const struct kernel_mirror *mirror, const struct kernel_address_record *wanted)
{
	struct kernel_address_record *found =
		kernel_records_first(&mirror->addresses, address_hash(&wanted->address));

	while (found && (found->ifindex != wanted->ifindex ||
				found->prefix_length != wanted->prefix_length ||
				!net_address_equal(&found->address, &wanted->address)))
		found = kernel_records_next(&mirror->addresses, found);
	return found;
}

// 1, 0 for a message about no address (0.0.0.0 is left out by the kernel), or -EINVAL.
static int read_address(const struct nlmsghdr *message, struct kernel_address_record *record)
{
	const struct ifaddrmsg *header = mnl_nlmsg_get_payload(message);
	const struct nlattr *attributes[IFA_MAX + 1];
	uint8_t family;
	uint32_t flags;

	if (kernel_attributes_of_message(message, sizeof(*header), attributes, IFA_MAX))
		return -EINVAL;
	family = header->ifa_family;
	if (header->ifa_prefixlen > (family == AF_INET ? 32 : 128))
		return -EINVAL;
	// IFA_ADDRESS is the other side's where IFA_LOCAL is there too.
	if (!kernel_attribute_address(attributes[IFA_LOCAL], family, &record->address) &&
		!kernel_attribute_address(attributes[IFA_ADDRESS], family, &record->address))
		return 0;
	flags = header->ifa_flags;
	kernel_attribute_u32(attributes[IFA_FLAGS], &flags);
	record->ifindex = (int)header->ifa_index;
	record->prefix_length = header->ifa_prefixlen;
	record->is_link_local = kernel_address_is_link_local(&record->address);
	record->is_pending = (flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED)) != 0;
	record->is_deprecated = (flags & IFA_F_DEPRECATED) != 0;
	record->is_secondary = (flags & IFA_F_SECONDARY) != 0;
	return 1;
}

// With an address go the routes that prefer it as source, of which older kernels say nothing.
static int remove_address(struct kernel_mirror *mirror, struct kernel_address_record *known)
{
	if (!known)
		return 0;
	mirror->is_outdated = true;
	kernel_records_remove(&mirror->addresses, known);
	return 1;
}

int kernel_mirror_take_address(struct kernel_mirror *mirror, const struct nlmsghdr *message)
{
	const struct ifaddrmsg *header = mnl_nlmsg_get_payload(message);
	struct kernel_address_record read = {0}, *known;
	struct kernel_record record;
	int status;

	if (mnl_nlmsg_get_payload_len(message) < sizeof(*header))
		return -EINVAL;
	if (header->ifa_family != AF_INET && header->ifa_family != AF_INET6)
		return 0;
	status = read_address(message, &read);
	if (status <= 0)
		return status;
	if (!kernel_mirror_is_attached(mirror, read.ifindex))
		return 0;
	known = find_address(mirror, &read);
	if (message->nlmsg_type == RTM_DELADDR)
		return remove_address(mirror, known);
	if (known && known->is_pending == read.is_pending &&
		known->is_deprecated == read.is_deprecated &&
		known->is_secondary == read.is_secondary)
		return 0;
	if (!known)
		known = kernel_records_add(&mirror->addresses, address_hash(&read.address));
	if (!known)
		return -ENOMEM;
	record = known->record;
	*known = read;
	known->record = record;
	return 1;
}

bool kernel_address_is_served(const struct kernel_address_record *address)
{
	return !address->is_link_local && !address->is_pending;
}

bool kernel_mirror_has_address(
	const struct kernel_mirror *mirror, const struct net_address *address)
{
	const struct kernel_address_record *found =
		kernel_records_first(&mirror->addresses, address_hash(address));

	while (found &&
		!(net_address_equal(&found->address, address) && kernel_address_is_served(found)))
		found = kernel_records_next(&mirror->addresses, found);
	return found != NULL;
}

uint8_t kernel_common_prefix(const struct net_address *a, const struct net_address *b)
{
	size_t first = net_address_is_ipv4(a) ? 12 : 0;

	for (size_t i = first; i < sizeof(a->bytes); i++) {
		unsigned int differing = a->bytes[i] ^ b->bytes[i];

		if (differing)
			return (uint8_t)((i - first) * 8 + __builtin_clz(differing) - 24);
	}
	return (uint8_t)((sizeof(a->bytes) - first) * 8);
}

// Larger is better. An order of preference in the spirit of RFC 6724, section 5: the interface
// first (rule 5), then the subnet of the next hop, not deprecated (rule 3), not secondary or
// temporary, and the longest prefix in common with the destination (rule 8).
static uint32_t rate_source(const struct kernel_mirror *mirror,
	const struct kernel_address_record *address, const struct kernel_link_record *link,
	const struct net_address *next_hop, const struct net_address *destination)
{
	const struct kernel_link_record *other = kernel_mirror_find_link(mirror, address->ifindex);
	bool has_family = net_address_is_ipv4(&address->address) == net_address_is_ipv4(next_hop);
	uint32_t rating = 1;

	if (address->ifindex == link->link.ifindex)
		rating += 3u << 16;
	else if (other && other->port == link->port)
		rating += 1u << 16;
	if (has_family &&
		kernel_common_prefix(&address->address, next_hop) >= address->prefix_length)
		rating += 1u << 10;
	if (!address->is_deprecated)
		rating += 1u << 12;
	if (!address->is_secondary)
		rating += 1u << 9;
	if (!net_address_is_ipv4(destination))
		rating += kernel_common_prefix(&address->address, destination);
	return rating;
}

bool kernel_mirror_choose_source(const struct kernel_mirror *mirror,
	const struct kernel_link_record *link, const struct net_address *next_hop,
	const struct net_address *destination, struct net_address *source)
{
	uint32_t best = 0;

	for (uint32_t i = 0; i < mirror->addresses.touched; i++) {
		const struct kernel_address_record *address =
			kernel_records_at(&mirror->addresses, i);
		uint32_t rating;

		if (!address || !kernel_address_is_served(address) ||
			net_address_is_ipv4(&address->address) != net_address_is_ipv4(destination))
			continue;
		rating = rate_source(mirror, address, link, next_hop, destination);
		// The lowest of equals, whatever order they came in.
		if (rating > best || (rating == best && memcmp(&address->address, source,
								sizeof(*source)) < 0)) {
			best = rating;
			*source = address->address;
		}
	}
	return best != 0;
}
