// SPDX-License-Identifier: BSD-3-Clause
#include "kernel/mirror.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/neighbour.h>
#include <string.h>
#include <sys/socket.h>

static uint32_t neighbour_hash(int ifindex, const struct net_address *address)
{
	return kernel_hash(kernel_hash(0, &ifindex, sizeof(ifindex)), address, sizeof(*address));
}

static struct kernel_neighbour_record *find_neighbour(
	const struct kernel_mirror *mirror, int ifindex, const struct net_address *address)
{
	struct kernel_neighbour_record *found =
		kernel_records_first(&mirror->neighbours, neighbour_hash(ifindex, address));

	while (found && (found->ifindex != ifindex || !net_address_equal(&found->address, address)))
		found = kernel_records_next(&mirror->neighbours, found);
	return found;
}

const struct kernel_neighbour_record *kernel_mirror_find_neighbour(
	const struct kernel_mirror *mirror, int ifindex, const struct net_address *address)
{
	return find_neighbour(mirror, ifindex, address);
}

static int read_neighbour(const struct nlmsghdr *message, struct kernel_neighbour_record *record)
{
	static const uint16_t usable =
		NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT | NUD_NOARP;
	const struct ndmsg *header = mnl_nlmsg_get_payload(message);
	const struct nlattr *attributes[NDA_MAX + 1];

	if (kernel_attributes_of_message(message, sizeof(*header), attributes, NDA_MAX) ||
		!kernel_attribute_address(
			attributes[NDA_DST], header->ndm_family, &record->address))
		return -EINVAL;
	record->ifindex = header->ndm_ifindex;
	record->is_fixed = (header->ndm_state & (NUD_PERMANENT | NUD_NOARP)) != 0;
	record->is_usable = (header->ndm_state & usable) &&
			    kernel_attribute_mac(attributes[NDA_LLADDR], &record->mac);
	return 0;
}

static bool is_same(
	const struct kernel_neighbour_record *a, const struct kernel_neighbour_record *b)
{
	return a->is_usable == b->is_usable && a->is_fixed == b->is_fixed &&
	       memcmp(&a->mac, &b->mac, sizeof(a->mac)) == 0;
}

int kernel_mirror_take_neighbour(struct kernel_mirror *mirror, const struct nlmsghdr *message)
{
	const struct ndmsg *header = mnl_nlmsg_get_payload(message);
	struct kernel_neighbour_record read = {0}, *known;
	struct kernel_record record;
	int status;

	if (mnl_nlmsg_get_payload_len(message) < sizeof(*header))
		return -EINVAL;
	// A bridge's forwarding table comes as neighbours of its own family.
	if ((header->ndm_family != AF_INET && header->ndm_family != AF_INET6) ||
		(header->ndm_flags & NTF_PROXY) ||
		!kernel_mirror_is_attached(mirror, header->ndm_ifindex))
		return 0;
	status = read_neighbour(message, &read);
	if (status)
		return status;
	known = find_neighbour(mirror, read.ifindex, &read.address);
	if (message->nlmsg_type == RTM_DELNEIGH) {
		status = known && known->is_usable;
		if (known)
			kernel_records_remove(&mirror->neighbours, known);
		return status;
	}
	if (known && is_same(known, &read))
		return 0;
	status = read.is_usable || (known && known->is_usable);
	if (!known)
		known = kernel_records_add(
			&mirror->neighbours, neighbour_hash(read.ifindex, &read.address));
	if (!known)
		return -ENOMEM;
	record = known->record;
	*known = read;
	known->record = record;
	return status;
}
