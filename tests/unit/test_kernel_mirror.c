// SPDX-License-Identifier: BSD-3-Clause
// What the kernel may say and a test can not have it say at will: messages made by hand.
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/mirror.h"
#include "net/frame.h"

#define MESSAGE_ROOM 1024
#define PORT_IFINDEX 5
#define PORT_NUMBER 3

struct message {
	_Alignas(struct nlmsghdr) uint8_t bytes[MESSAGE_ROOM];
	struct nlmsghdr *header;
};

static struct kernel_attachment attached[] = {{PORT_IFINDEX, PORT_NUMBER}};
static const struct kernel_attachments attachments = {attached, 1};

static struct net_address address_of(const char *text)
{
	struct net_address address = {0};

	CU_ASSERT_EQUAL_FATAL(net_address_parse(text, &address), 0);
	return address;
}

static void put_address(struct message *message, uint16_t type, const char *text)
{
	struct net_address address = address_of(text);

	if (net_address_is_ipv4(&address))
		mnl_attr_put(message->header, type, 4, net_address_ipv4(&address));
	else
		mnl_attr_put(message->header, type, 16, address.bytes);
}

static void *start(struct message *message, uint16_t type, uint16_t flags, size_t length)
{
	memset(message, 0, sizeof(*message));
	message->header = mnl_nlmsg_put_header(message->bytes);
	message->header->nlmsg_type = type;
	message->header->nlmsg_flags = flags;
	return mnl_nlmsg_put_extra_header(message->header, length);
}

static void make_link(struct message *message, int ifindex, const char *name)
{
	struct ifinfomsg *link = start(message, RTM_NEWLINK, 0, sizeof(*link));

	link->ifi_index = ifindex;
	link->ifi_type = ARPHRD_ETHER;
	link->ifi_flags = IFF_UP | IFF_RUNNING;
	mnl_attr_put_strz(message->header, IFLA_IFNAME, name);
	mnl_attr_put(message->header, IFLA_ADDRESS, 6, "\2\0\0\0\0\1");
	mnl_attr_put_u32(message->header, IFLA_MTU, 1500);
}

static void make_vlan(struct message *message, int ifindex, int parent, uint16_t protocol)
{
	struct nlattr *info, *data;

	make_link(message, ifindex, "vlan");
	mnl_attr_put_u32(message->header, IFLA_LINK, (uint32_t)parent);
	info = mnl_attr_nest_start(message->header, IFLA_LINKINFO);
	mnl_attr_put_strz(message->header, IFLA_INFO_KIND, "vlan");
	data = mnl_attr_nest_start(message->header, IFLA_INFO_DATA);
	mnl_attr_put_u16(message->header, IFLA_VLAN_PROTOCOL, htons(protocol));
	mnl_attr_put_u16(message->header, IFLA_VLAN_ID, 7);
	mnl_attr_nest_end(message->header, data);
	mnl_attr_nest_end(message->header, info);
}

static struct rtmsg *make_route(struct message *message, uint16_t type, uint16_t flags,
	const char *prefix, uint8_t prefix_length)
{
	struct net_address address = address_of(prefix);
	struct rtmsg *route = start(message, type, flags, sizeof(*route));

	route->rtm_family = net_address_is_ipv4(&address) ? AF_INET : AF_INET6;
	route->rtm_dst_len = prefix_length;
	route->rtm_table = RT_TABLE_MAIN;
	route->rtm_protocol = RTPROT_BOOT;
	route->rtm_type = RTN_UNICAST;
	if (prefix_length)
		put_address(message, RTA_DST, prefix);
	return route;
}

static void start_mirror(struct kernel_mirror *mirror)
{
	struct message message;

	kernel_mirror_init(mirror, &attachments);
	make_link(&message, PORT_IFINDEX, "port");
	CU_ASSERT_EQUAL_FATAL(kernel_mirror_take_link(mirror, message.header), 1);
	CU_ASSERT_EQUAL(kernel_mirror_take_link(mirror, message.header), 0);
	CU_ASSERT_TRUE(kernel_mirror_is_attached(mirror, PORT_IFINDEX));
}

// An event about a route out of the port by a gateway.
static int tell_route(struct kernel_mirror *mirror, uint16_t type, uint16_t flags,
	const char *prefix, uint8_t length, const char *gateway, uint32_t ifindex)
{
	struct message message;

	make_route(&message, type, flags, prefix, length);
	mnl_attr_put_u32(message.header, RTA_OIF, ifindex);
	put_address(&message, RTA_GATEWAY, gateway);
	return kernel_mirror_take_route(mirror, message.header);
}

static bool leads_to(const struct kernel_mirror *mirror, const char *to, const char *gateway)
{
	struct net_address destination = address_of(to), wanted;
	const struct kernel_route_record *route = kernel_mirror_find_route(mirror, &destination);

	if (!route || !gateway)
		return !route && !gateway;
	wanted = address_of(gateway);
	return route->has_gateway && net_address_equal(&route->gateway, &wanted);
}

static void vlan_links_stand_for_the_port_with_their_tag(void)
{
	struct kernel_mirror mirror;
	struct message message;
	const struct kernel_link_record *link;

	start_mirror(&mirror);
	mirror.is_outdated = false;
	make_vlan(&message, 6, PORT_IFINDEX, ETH_P_8021Q);
	CU_ASSERT_EQUAL(kernel_mirror_take_link(&mirror, message.header), 1);
	CU_ASSERT_TRUE(mirror.is_outdated); // what it already had is to be asked for
	link = kernel_mirror_find_link(&mirror, 6);
	CU_ASSERT_PTR_NOT_NULL_FATAL(link);
	CU_ASSERT_EQUAL(link->port, PORT_NUMBER);
	CU_ASSERT_EQUAL(link->path_vlan, 7);
	CU_ASSERT_EQUAL(link->link.vlan, 7);
	CU_ASSERT_EQUAL(link->link.parent, PORT_IFINDEX);
	make_vlan(&message, 7, PORT_IFINDEX, ETH_P_8021AD);
	CU_ASSERT_EQUAL(kernel_mirror_take_link(&mirror, message.header), 1);
	CU_ASSERT_FALSE(kernel_mirror_is_attached(&mirror, 7));
	make_vlan(&message, 8, 6, ETH_P_8021Q);
	CU_ASSERT_EQUAL(kernel_mirror_take_link(&mirror, message.header), 1);
	CU_ASSERT_FALSE(kernel_mirror_is_attached(&mirror, 8));
	// The index of an interface in another namespace is none of ours.
	make_vlan(&message, 9, PORT_IFINDEX, ETH_P_8021Q);
	mnl_attr_put_u32(message.header, IFLA_LINK_NETNSID, 0);
	CU_ASSERT_EQUAL(kernel_mirror_take_link(&mirror, message.header), 1);
	CU_ASSERT_FALSE(kernel_mirror_is_attached(&mirror, 9));
	make_vlan(&message, 6, PORT_IFINDEX, ETH_P_8021Q);
	message.header->nlmsg_type = RTM_DELLINK;
	CU_ASSERT_EQUAL(kernel_mirror_take_link(&mirror, message.header), 1);
	CU_ASSERT_PTR_NULL(kernel_mirror_find_link(&mirror, 6));
	kernel_mirror_fini(&mirror);
}

static void bridge_messages_are_not_for_us(void)
{
	struct kernel_mirror mirror;
	struct message message;

	start_mirror(&mirror);
	make_link(&message, PORT_IFINDEX, "port");
	message.header->nlmsg_type = RTM_DELLINK;
	((struct ifinfomsg *)mnl_nlmsg_get_payload(message.header))->ifi_family = AF_BRIDGE;
	CU_ASSERT_EQUAL(kernel_mirror_take_link(&mirror, message.header), 0);
	CU_ASSERT_TRUE(kernel_mirror_is_attached(&mirror, PORT_IFINDEX));
	kernel_mirror_fini(&mirror);
}

static void ipv4_routes_alike_keep_the_kernels_order(void)
{
	const uint16_t create = NLM_F_CREATE, append = NLM_F_CREATE | NLM_F_APPEND;
	struct kernel_mirror mirror;

	start_mirror(&mirror);
	tell_route(&mirror, RTM_NEWROUTE, create, "192.0.2.0", 24, "10.0.0.1", PORT_IFINDEX);
	tell_route(&mirror, RTM_NEWROUTE, append, "192.0.2.0", 24, "10.0.0.2", PORT_IFINDEX);
	CU_ASSERT_TRUE(leads_to(&mirror, "192.0.2.1", "10.0.0.1"));
	tell_route(&mirror, RTM_NEWROUTE, create, "192.0.2.0", 24, "10.0.0.3", PORT_IFINDEX);
	CU_ASSERT_TRUE(leads_to(&mirror, "192.0.2.1", "10.0.0.3"));
	tell_route(&mirror, RTM_NEWROUTE, NLM_F_REPLACE, "192.0.2.0", 24, "10.0.0.4", PORT_IFINDEX);
	CU_ASSERT_TRUE(leads_to(&mirror, "192.0.2.1", "10.0.0.4"));
	tell_route(&mirror, RTM_DELROUTE, 0, "192.0.2.0", 24, "10.0.0.4", PORT_IFINDEX);
	CU_ASSERT_TRUE(leads_to(&mirror, "192.0.2.1", "10.0.0.1"));
	tell_route(&mirror, RTM_DELROUTE, 0, "192.0.2.0", 24, "10.0.0.1", PORT_IFINDEX);
	CU_ASSERT_TRUE(leads_to(&mirror, "192.0.2.1", "10.0.0.2"));
	// Its place is taken by a route out of an interface that is not attached.
	CU_ASSERT_EQUAL(tell_route(&mirror, RTM_NEWROUTE, NLM_F_REPLACE, "192.0.2.0", 24,
				"10.0.0.2", PORT_IFINDEX + 1),
		1);
	CU_ASSERT_TRUE(leads_to(&mirror, "192.0.2.1", NULL));
	CU_ASSERT_EQUAL(
		tell_route(&mirror, RTM_DELROUTE, 0, "192.0.2.0", 24, "10.0.0.2", PORT_IFINDEX), 0);
	kernel_mirror_fini(&mirror);
}

static void routes_not_for_ordinary_datagrams_are_left_out(void)
{
	struct kernel_mirror mirror;
	struct message message;
	struct rtmsg *route;

	start_mirror(&mirror);
	route = make_route(&message, RTM_NEWROUTE, 0, "192.0.2.0", 24);
	mnl_attr_put_u32(message.header, RTA_OIF, PORT_IFINDEX);
	route->rtm_tos = 0x10;
	CU_ASSERT_EQUAL(kernel_mirror_take_route(&mirror, message.header), 0);
	route->rtm_tos = 0;
	route->rtm_flags = RTM_F_CLONED;
	CU_ASSERT_EQUAL(kernel_mirror_take_route(&mirror, message.header), 0);
	route->rtm_flags = 0;
	mnl_attr_put_u32(message.header, RTA_TABLE, 1000); // counts, not the byte in the header
	CU_ASSERT_EQUAL(kernel_mirror_take_route(&mirror, message.header), 0);
	CU_ASSERT_TRUE(leads_to(&mirror, "192.0.2.1", NULL));
	// A route that encapsulates is there, and can not be used.
	tell_route(&mirror, RTM_NEWROUTE, 0, "0.0.0.0", 0, "10.0.0.1", PORT_IFINDEX);
	make_route(&message, RTM_NEWROUTE, 0, "192.0.2.0", 24);
	mnl_attr_put_u32(message.header, RTA_OIF, PORT_IFINDEX);
	put_address(&message, RTA_GATEWAY, "10.0.0.2");
	mnl_attr_put_u16(message.header, RTA_ENCAP_TYPE, 1);
	CU_ASSERT_EQUAL(kernel_mirror_take_route(&mirror, message.header), 1);
	CU_ASSERT_TRUE(leads_to(&mirror, "192.0.2.1", NULL));
	CU_ASSERT_TRUE(leads_to(&mirror, "192.0.3.1", "10.0.0.1"));
	kernel_mirror_fini(&mirror);
}

// Some systems refuse ::ffff:0:0/96, which is how IPv4 addresses are written here.
static void mapped_ipv6_routes_do_not_touch_ipv4(void)
{
	struct kernel_mirror mirror;
	struct message message;
	struct rtmsg *route;
	uint8_t mapped[16] = {[10] = 0xff, [11] = 0xff};

	start_mirror(&mirror);
	tell_route(&mirror, RTM_NEWROUTE, 0, "0.0.0.0", 0, "10.0.0.1", PORT_IFINDEX);
	route = make_route(&message, RTM_NEWROUTE, 0, "::", 0);
	route->rtm_dst_len = 96;
	route->rtm_type = RTN_UNREACHABLE;
	mnl_attr_put(message.header, RTA_DST, sizeof(mapped), mapped);
	CU_ASSERT_EQUAL(kernel_mirror_take_route(&mirror, message.header), 1);
	CU_ASSERT_TRUE(leads_to(&mirror, "192.0.2.1", "10.0.0.1"));
	kernel_mirror_fini(&mirror);
}

#define MANY_ROUTES 200000

static void name_route(uint32_t number, char text[NET_ADDRESS_TEXT])
{
	snprintf(text, NET_ADDRESS_TEXT, "%u.%u.%u.0", 11 + (number >> 16), number >> 8 & 255,
		number & 255);
}

static void many_routes_come_and_go(void)
{
	struct kernel_mirror mirror;
	char text[NET_ADDRESS_TEXT];
	uint32_t capacity;

	start_mirror(&mirror);
	for (int round = 0; round < 2; round++) {
		for (uint32_t i = 0; i < MANY_ROUTES; i++) {
			name_route(i, text);
			CU_ASSERT_EQUAL(tell_route(&mirror, RTM_NEWROUTE, 0, text, 24, "10.0.0.1",
						PORT_IFINDEX),
				1);
		}
		CU_ASSERT_EQUAL(mirror.route_counts[KERNEL_ROUTE_MAIN][true][24], MANY_ROUTES);
		CU_ASSERT_TRUE(leads_to(&mirror, "11.0.0.1", "10.0.0.1"));
		CU_ASSERT_TRUE(leads_to(&mirror, "13.255.0.1", "10.0.0.1"));
		CU_ASSERT_TRUE(leads_to(&mirror, "15.0.0.1", NULL));
		for (uint32_t i = 0; i < MANY_ROUTES; i++) {
			name_route(i, text);
			CU_ASSERT_EQUAL(tell_route(&mirror, RTM_DELROUTE, 0, text, 24, "10.0.0.1",
						PORT_IFINDEX),
				1);
		}
		CU_ASSERT_EQUAL(mirror.route_counts[KERNEL_ROUTE_MAIN][true][24], 0);
		CU_ASSERT_TRUE(leads_to(&mirror, "11.0.0.1", NULL));
		if (round == 0)
			capacity = mirror.routes.capacity;
		else
			CU_ASSERT_EQUAL(mirror.routes.capacity, capacity);
	}
	kernel_mirror_fini(&mirror);
}

static int take_any(struct kernel_mirror *mirror, const struct nlmsghdr *message)
{
	switch (message->nlmsg_type) {
	case RTM_NEWLINK:
		return kernel_mirror_take_link(mirror, message);
	case RTM_NEWADDR:
		return kernel_mirror_take_address(mirror, message);
	case RTM_NEWNEIGH:
		return kernel_mirror_take_neighbour(mirror, message);
	default:
		return kernel_mirror_take_route(mirror, message);
	}
}

// One good message of each kind. Their number.
static size_t make_samples(struct message samples[4])
{
	struct ifaddrmsg *address;
	struct ndmsg *neighbour;
	struct rtnexthop *hop;
	struct nlattr *nest;

	make_vlan(&samples[0], 6, PORT_IFINDEX, ETH_P_8021Q);
	address = start(&samples[1], RTM_NEWADDR, 0, sizeof(*address));
	address->ifa_family = AF_INET6;
	address->ifa_prefixlen = 64;
	address->ifa_index = PORT_IFINDEX;
	put_address(&samples[1], IFA_ADDRESS, "fd53::2");
	mnl_attr_put_u32(samples[1].header, IFA_FLAGS, 0x80);
	neighbour = start(&samples[2], RTM_NEWNEIGH, 0, sizeof(*neighbour));
	neighbour->ndm_family = AF_INET;
	neighbour->ndm_ifindex = PORT_IFINDEX;
	neighbour->ndm_state = NUD_REACHABLE;
	put_address(&samples[2], NDA_DST, "10.53.0.1");
	mnl_attr_put(samples[2].header, NDA_LLADDR, 6, "\2\0\0\0\0\2");
	make_route(&samples[3], RTM_NEWROUTE, 0, "192.0.2.0", 24);
	nest = mnl_attr_nest_start(samples[3].header, RTA_MULTIPATH);
	for (int i = 0; i < 2; i++) {
		hop = mnl_nlmsg_get_payload_tail(samples[3].header);
		*hop = (struct rtnexthop){.rtnh_len = 16, .rtnh_ifindex = PORT_IFINDEX};
		samples[3].header->nlmsg_len += sizeof(*hop);
		put_address(&samples[3], RTA_GATEWAY, i ? "10.53.0.3" : "10.53.0.4");
	}
	mnl_attr_nest_end(samples[3].header, nest);
	return 4;
}

// A copy that ends where the message ends, so that reading on is found by the sanitizer.
static int take_copy(struct kernel_mirror *mirror, const struct nlmsghdr *message)
{
	struct nlmsghdr *copy = malloc(message->nlmsg_len);
	int status;

	CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
	memcpy(copy, message, message->nlmsg_len);
	status = take_any(mirror, copy);
	free(copy);
	return status;
}

static void broken_messages_are_refused_within_their_bytes(void)
{
	struct message samples[4];
	size_t count = make_samples(samples);

	for (size_t i = 0; i < count; i++) {
		struct nlmsghdr *header = samples[i].header;
		uint32_t whole = header->nlmsg_len;
		struct kernel_mirror mirror;

		start_mirror(&mirror);
		CU_ASSERT_EQUAL(take_copy(&mirror, header), 1);
		for (header->nlmsg_len = sizeof(*header); header->nlmsg_len < sizeof(*header) + 8;
			header->nlmsg_len++)
			CU_ASSERT_EQUAL(take_copy(&mirror, header), -EINVAL);
		for (; header->nlmsg_len < whole; header->nlmsg_len++)
			CU_ASSERT_TRUE(take_copy(&mirror, header) <= 1);
		for (uint32_t at = sizeof(*header); at < whole; at++) {
			for (int bit = 0; bit < 8; bit++) {
				samples[i].bytes[at] ^= (uint8_t)(1 << bit);
				CU_ASSERT_TRUE(take_copy(&mirror, header) <= 1);
				samples[i].bytes[at] ^= (uint8_t)(1 << bit);
			}
		}
		CU_ASSERT_TRUE(take_copy(&mirror, header) >= 0);
		kernel_mirror_fini(&mirror);
	}
}

static void next_hops_longer_than_their_route_are_refused(void)
{
	struct kernel_mirror mirror;
	struct message samples[4];
	struct rtnexthop *first;

	start_mirror(&mirror);
	make_samples(samples);
	first = (void *)(samples[3].bytes + sizeof(struct nlmsghdr) + sizeof(struct rtmsg) + 8 + 4);
	CU_ASSERT_EQUAL_FATAL(first->rtnh_ifindex, PORT_IFINDEX);
	first->rtnh_len = 33;
	CU_ASSERT_EQUAL(take_copy(&mirror, samples[3].header), -EINVAL);
	first->rtnh_len = 7;
	CU_ASSERT_EQUAL(take_copy(&mirror, samples[3].header), -EINVAL);
	first->rtnh_len = 16;
	CU_ASSERT_EQUAL(take_copy(&mirror, samples[3].header), 1);
	kernel_mirror_fini(&mirror);
}

static const struct unit_case cases[] = {
	{"VLAN links stand for the port with their tag",
		vlan_links_stand_for_the_port_with_their_tag},
	{"bridge messages are not for us", bridge_messages_are_not_for_us},
	{"IPv4 routes alike keep the kernel's order", ipv4_routes_alike_keep_the_kernels_order},
	{"routes not for ordinary datagrams are left out",
		routes_not_for_ordinary_datagrams_are_left_out},
	{"mapped IPv6 routes do not touch IPv4", mapped_ipv6_routes_do_not_touch_ipv4},
	{"many routes come and go", many_routes_come_and_go},
	{"broken messages are refused within their bytes",
		broken_messages_are_refused_within_their_bytes},
	{"next hops longer than their route are refused",
		next_hops_longer_than_their_route_are_refused},
};

UNIT_MAIN("kernel mirror", cases)
