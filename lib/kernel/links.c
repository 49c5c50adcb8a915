// SPDX-License-Identifier: BSD-3-Clause
#include "kernel/mirror.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <string.h>
#include <sys/socket.h>

#include "net/frame.h"

static uint32_t link_hash(int ifindex)
{
	return kernel_hash(0, &ifindex, sizeof(ifindex));
}

struct kernel_link_record *kernel_mirror_find_link(const struct kernel_mirror *mirror, int ifindex)
{
	struct kernel_link_record *found = kernel_records_first(&mirror->links, link_hash(ifindex));

	while (found && found->link.ifindex != ifindex)
		found = kernel_records_next(&mirror->links, found);
	return found;
}

bool kernel_mirror_is_attached(const struct kernel_mirror *mirror, int ifindex)
{
	const struct kernel_link_record *found = kernel_mirror_find_link(mirror, ifindex);

	return found && found->port != KERNEL_NO_PORT;
}

static int attached_port(const struct kernel_mirror *mirror, int ifindex)
{
	for (size_t i = 0; i < mirror->attachments->count; i++) {
		if (mirror->attachments->items[i].ifindex == ifindex)
			return mirror->attachments->items[i].nic_port;
	}
	return KERNEL_NO_PORT;
}

// Fills in id and parent of an 802.1Q interface whose parent is in our namespace.
static int read_vlan(const struct nlattr *const *attributes, struct kernel_link *link)
{
	const struct nlattr *info[IFLA_INFO_MAX + 1];
	const struct nlattr *data[IFLA_VLAN_MAX + 1];
	uint16_t protocol = 0, id = 0;
	uint32_t parent = 0;

	if (!attributes[IFLA_LINKINFO] || attributes[IFLA_LINK_NETNSID])
		return 0;
	if (kernel_attributes_of_nest(attributes[IFLA_LINKINFO], info, IFLA_INFO_MAX))
		return -EINVAL;
	if (!info[IFLA_INFO_KIND] || !info[IFLA_INFO_DATA] ||
		mnl_attr_get_payload_len(info[IFLA_INFO_KIND]) != sizeof("vlan") ||
		memcmp(mnl_attr_get_payload(info[IFLA_INFO_KIND]), "vlan", sizeof("vlan")) != 0)
		return 0;
	if (kernel_attributes_of_nest(info[IFLA_INFO_DATA], data, IFLA_VLAN_MAX))
		return -EINVAL;
	if (kernel_attribute_u16(data[IFLA_VLAN_PROTOCOL], &protocol) &&
		protocol != htons(ETH_P_8021Q))
		return 0;
	if (!kernel_attribute_u16(data[IFLA_VLAN_ID], &id) ||
		!kernel_attribute_u32(attributes[IFLA_LINK], &parent))
		return -EINVAL;
	link->vlan = id;
	link->parent = (int)parent;
	return 0;
}

static int read_link(const struct nlmsghdr *message, struct kernel_link_record *record)
{
	const struct ifinfomsg *header = mnl_nlmsg_get_payload(message);
	const struct nlattr *attributes[IFLA_MAX + 1];
	const unsigned int up = IFF_UP | IFF_RUNNING;
	struct kernel_link *link = &record->link;
	const struct nlattr *name;

	if (kernel_attributes_of_message(message, sizeof(*header), attributes, IFLA_MAX))
		return -EINVAL;
	link->ifindex = header->ifi_index;
	link->is_up = (header->ifi_flags & up) == up;
	link->vlan = NET_VLAN_NONE;
	record->is_ethernet = header->ifi_type == ARPHRD_ETHER;
	kernel_attribute_mac(attributes[IFLA_ADDRESS], &link->mac);
	kernel_attribute_u32(attributes[IFLA_MTU], &link->mtu);
	name = attributes[IFLA_IFNAME];
	if (!name || mnl_attr_get_payload_len(name) > sizeof(record->name))
		return -EINVAL;
	memcpy(record->name, mnl_attr_get_payload(name), mnl_attr_get_payload_len(name));
	record->name[sizeof(record->name) - 1] = '\0';
	return read_vlan(attributes, link);
}

static void find_port(const struct kernel_mirror *mirror, struct kernel_link_record *record)
{
	record->path_vlan = NET_VLAN_NONE;
	record->port = attached_port(mirror, record->link.ifindex);
	if (record->port != KERNEL_NO_PORT || !record->link.parent)
		return;
	record->port = attached_port(mirror, record->link.parent);
	record->path_vlan = record->link.vlan;
}

static bool is_same(const struct kernel_link_record *a, const struct kernel_link_record *b)
{
	return a->link.is_up == b->link.is_up && a->link.mtu == b->link.mtu &&
	       a->link.vlan == b->link.vlan && a->link.parent == b->link.parent &&
	       a->port == b->port && a->is_ethernet == b->is_ethernet &&
	       memcmp(&a->link.mac, &b->link.mac, sizeof(a->link.mac)) == 0 &&
	       strcmp(a->name, b->name) == 0;
}

static int remove_link(struct kernel_mirror *mirror, struct kernel_link_record *known)
{
	if (!known)
		return 0;
	mirror->is_outdated |= known->port != KERNEL_NO_PORT;
	kernel_records_remove(&mirror->links, known);
	return 1;
}

// Of the IPv4 routes that go when a link goes down the kernel says nothing, and a link that is
// new to a port may have had addresses and routes before that were not kept.
int kernel_mirror_take_link(struct kernel_mirror *mirror, const struct nlmsghdr *message)
{
	const struct ifinfomsg *header = mnl_nlmsg_get_payload(message);
	struct kernel_link_record read = {0}, *known;
	struct kernel_record record;
	int status;

	if (mnl_nlmsg_get_payload_len(message) < sizeof(*header))
		return -EINVAL;
	// Bridges tell of their ports by messages of their own family, which say nothing here.
	if (header->ifi_family != AF_UNSPEC)
		return 0;
	status = read_link(message, &read);
	if (status)
		return status;
	known = kernel_mirror_find_link(mirror, read.link.ifindex);
	if (message->nlmsg_type == RTM_DELLINK)
		return remove_link(mirror, known);
	find_port(mirror, &read);
	if (known && is_same(known, &read))
		return 0;
	if (read.port != KERNEL_NO_PORT &&
		(!known || known->port != read.port || known->link.is_up != read.link.is_up))
		mirror->is_outdated = true;
	if (!known)
		known = kernel_records_add(&mirror->links, link_hash(read.link.ifindex));
	if (!known)
		return -ENOMEM;
	record = known->record;
	*known = read;
	known->record = record;
	return 1;
}
