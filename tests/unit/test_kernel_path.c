// SPDX-License-Identifier: BSD-3-Clause
#include "kernel_lab.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "net/frame.h"

static const struct net_mac port_mac = {{2, 0, 0, 0, 0, 1}};
static const struct net_mac peer_mac = {{2, 0, 0, 0, 0, 2}};

static bool is_usable(struct kernel_tables *tables, void *context)
{
	return lab_path(tables, context).is_usable;
}

static bool is_not_usable(struct kernel_tables *tables, void *context)
{
	return !is_usable(tables, context);
}

static bool is_mac(const struct net_mac *a, const struct net_mac *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static bool is_address(const struct net_address *address, const char *text)
{
	struct net_address other = lab_address(text);

	return net_address_equal(address, &other);
}

// A neighbour that the kernel never asks for, so that tests of routes need not wait for it.
static void fix_neighbour(const char *address, int last_byte)
{
	lab_do("ip neighbour replace %s dev port lladdr 02:00:00:00:00:%02x nud permanent", address,
		last_byte);
}

// The last byte of the MAC that the path leads to, 0 when it is not usable.
static int next_hop(struct kernel_tables *tables, const char *destination)
{
	struct net_path path;

	CU_ASSERT_TRUE_FATAL(kernel_tables_update(tables) >= 0);
	path = lab_path(tables, destination);
	return path.is_usable ? path.next_hop_mac.bytes[5] : 0;
}

static void neighbour_on_the_link_is_resolved(void)
{
	struct kernel_tables *tables = lab_begin();
	struct net_path path;

	CU_ASSERT_FALSE(is_usable(tables, "10.53.0.1"));
	CU_ASSERT_TRUE(lab_wait_resolving(tables, "10.53.0.1", is_usable, "10.53.0.1"));
	path = lab_path(tables, "10.53.0.1");
	CU_ASSERT_EQUAL(path.port, LAB_PORT);
	CU_ASSERT_EQUAL(path.vlan, NET_VLAN_NONE);
	CU_ASSERT_TRUE(is_mac(&path.source_mac, &port_mac));
	CU_ASSERT_TRUE(is_mac(&path.next_hop_mac, &peer_mac));
	CU_ASSERT_TRUE(is_address(&path.source, "10.53.0.2"));
	lab_end(tables);
}

static void neighbour_is_resolved_over_ipv6(void)
{
	struct kernel_tables *tables = lab_begin();
	struct net_path path;

	CU_ASSERT_FALSE(is_usable(tables, "fd53::1"));
	CU_ASSERT_TRUE(lab_wait_resolving(tables, "fd53::1", is_usable, "fd53::1"));
	path = lab_path(tables, "fd53::1");
	CU_ASSERT_TRUE(is_mac(&path.next_hop_mac, &peer_mac));
	CU_ASSERT_TRUE(is_address(&path.source, "fd53::2"));
	lab_do("ip route add 2001:db8::/32 via fd53::1");
	CU_ASSERT_TRUE(lab_wait(tables, is_usable, "2001:db8::53"));
	path = lab_path(tables, "2001:db8::53");
	CU_ASSERT_TRUE(is_mac(&path.next_hop_mac, &peer_mac));
	CU_ASSERT_TRUE(is_address(&path.source, "fd53::2"));
	lab_do("ip route delete 2001:db8::/32");
	CU_ASSERT_TRUE(lab_wait(tables, is_not_usable, "2001:db8::53"));
	lab_end(tables);
}

static void gateway_is_resolved_for_what_is_behind_it(void)
{
	struct kernel_tables *tables = lab_begin();
	struct net_address destination = lab_address("192.0.2.53");

	CU_ASSERT_EQUAL(kernel_tables_resolve(tables, &destination), -EHOSTUNREACH);
	lab_do("ip route add default via 10.53.0.1");
	CU_ASSERT_TRUE(lab_wait_resolving(tables, "192.0.2.53", is_usable, "192.0.2.53"));
	CU_ASSERT_EQUAL(next_hop(tables, "192.0.2.53"), 2);
	fix_neighbour("10.53.0.9", 9);
	lab_do("ip route replace default via 10.53.0.9");
	CU_ASSERT_EQUAL(next_hop(tables, "192.0.2.53"), 9);
	lab_do("ip route delete default");
	CU_ASSERT_EQUAL(next_hop(tables, "192.0.2.53"), 0);
	lab_end(tables);
}

static bool leads_to_the_new_mac(struct kernel_tables *tables, void *context)
{
	return next_hop(tables, context) == 0x22;
}

// The other side changes its MAC without a word, so only the kernel's own asking can tell.
static void changed_mac_is_followed(const char *cache, const char *destination)
{
	struct kernel_tables *tables = lab_begin();

	lab_do("ip ntable change name %s dev port base_reachable 400 delay_probe 100 retrans 100"
	       " ucast_probes 1",
		cache);
	CU_ASSERT_TRUE(lab_wait_resolving(tables, destination, is_usable, (void *)destination));
	CU_ASSERT_EQUAL(next_hop(tables, destination), 2);
	lab_do_at_peer("ip link set peer address 02:00:00:00:00:22");
	CU_ASSERT_TRUE(
		lab_wait_resolving(tables, destination, leads_to_the_new_mac, (void *)destination));
	lab_end(tables);
}

static void changed_mac_is_followed_over_ipv4(void)
{
	changed_mac_is_followed("arp_cache", "10.53.0.1");
}

static void changed_mac_is_followed_over_ipv6(void)
{
	changed_mac_is_followed("ndisc_cache", "fd53::1");
}

static bool is_gone_or_failed(struct kernel_tables *tables, void *context)
{
	return lab_try("ip neighbour show %s dev port nud failed | grep -q FAILED",
		       (const char *)context) == 0 &&
	       !is_usable(tables, context);
}

static void silent_neighbour_is_not_usable(void)
{
	struct kernel_tables *tables = lab_begin();

	lab_do("ip ntable change name arp_cache dev port retrans 50");
	CU_ASSERT_TRUE(lab_wait_resolving(tables, "10.53.0.77", is_gone_or_failed, "10.53.0.77"));
	lab_end(tables);
}

static void permanent_neighbour_stays_permanent(void)
{
	struct kernel_tables *tables = lab_begin();
	struct net_address destination = lab_address("10.53.0.9");

	fix_neighbour("10.53.0.9", 9);
	CU_ASSERT_EQUAL(next_hop(tables, "10.53.0.9"), 9);
	CU_ASSERT_EQUAL(kernel_tables_resolve(tables, &destination), 0);
	CU_ASSERT_EQUAL(next_hop(tables, "10.53.0.9"), 9);
	CU_ASSERT_EQUAL(
		lab_try("ip neighbour show 10.53.0.9 dev port nud permanent | grep -q PERM"), 0);
	lab_do("ip neighbour delete 10.53.0.9 dev port");
	CU_ASSERT_EQUAL(next_hop(tables, "10.53.0.9"), 0);
	lab_end(tables);
}

static void longest_prefix_then_lowest_metric_counts(void)
{
	struct kernel_tables *tables = lab_begin();

	for (int i = 11; i <= 15; i++) {
		char text[NET_ADDRESS_TEXT];

		snprintf(text, sizeof(text), "10.53.0.%d", i);
		fix_neighbour(text, i);
	}
	lab_do("ip route add default via 10.53.0.11");
	CU_ASSERT_EQUAL(next_hop(tables, "192.0.2.130"), 11);
	lab_do("ip route add 192.0.2.0/24 via 10.53.0.12 metric 20");
	CU_ASSERT_EQUAL(next_hop(tables, "192.0.2.130"), 12);
	lab_do("ip route add 192.0.2.0/24 via 10.53.0.13 metric 10");
	CU_ASSERT_EQUAL(next_hop(tables, "192.0.2.130"), 13);
	lab_do("ip route add 192.0.2.128/25 via 10.53.0.14 metric 30");
	CU_ASSERT_EQUAL(next_hop(tables, "192.0.2.130"), 14);
	CU_ASSERT_EQUAL(next_hop(tables, "192.0.2.127"), 13);
	CU_ASSERT_EQUAL(next_hop(tables, "192.0.3.0"), 11);
	lab_do("ip route add 192.0.2.130/32 via 10.53.0.15");
	CU_ASSERT_EQUAL(next_hop(tables, "192.0.2.130"), 15);
	lab_do("ip route delete 192.0.2.130/32; ip route delete 192.0.2.128/25");
	CU_ASSERT_EQUAL(next_hop(tables, "192.0.2.130"), 13);
	lab_do("ip route delete 192.0.2.0/24 metric 10");
	CU_ASSERT_EQUAL(next_hop(tables, "192.0.2.130"), 12);
	lab_do("ip route add table default 198.51.100.0/24 via 10.53.0.14;"
	       " ip route add table 77 192.0.2.130/32 via 10.53.0.15");
	CU_ASSERT_EQUAL(next_hop(tables, "198.51.100.1"), 11); // main comes before default
	CU_ASSERT_EQUAL(next_hop(tables, "192.0.2.130"), 12); // and no rule leads to table 77
	lab_do("ip route delete default");
	CU_ASSERT_EQUAL(next_hop(tables, "198.51.100.1"), 14);
	lab_end(tables);
}

static void routes_that_refuse_are_not_usable(void)
{
	static const char *const refusing[] = {"blackhole", "unreachable", "prohibit"};
	struct kernel_tables *tables = lab_begin();

	fix_neighbour("10.53.0.1", 2);
	fix_neighbour("fd53::1", 2);
	lab_do("ip route add default via 10.53.0.1 && ip route add default via fd53::1");
	for (size_t i = 0; i < BASE_ARRAY_SIZE(refusing); i++) {
		CU_ASSERT_EQUAL(next_hop(tables, "192.0.2.53"), 2);
		CU_ASSERT_EQUAL(next_hop(tables, "2001:db8::53"), 2);
		lab_do("ip route add %s 192.0.2.0/24 && ip route add %s 2001:db8::/32", refusing[i],
			refusing[i]);
		CU_ASSERT_EQUAL(next_hop(tables, "192.0.2.53"), 0);
		CU_ASSERT_EQUAL(next_hop(tables, "2001:db8::53"), 0);
		CU_ASSERT_EQUAL(next_hop(tables, "192.0.3.53"), 2);
		CU_ASSERT_EQUAL(next_hop(tables, "2001:db9::53"), 2);
		lab_do("ip route delete %s 192.0.2.0/24 && ip route delete %s 2001:db8::/32",
			refusing[i], refusing[i]);
	}
	lab_do("ip route add throw 192.0.2.0/24; ip route add table default 0.0.0.0/0 via"
	       " 10.53.0.9");
	fix_neighbour("10.53.0.9", 9);
	CU_ASSERT_EQUAL(next_hop(tables, "192.0.2.53"), 9);
	lab_do("ip route delete throw 192.0.2.0/24");
	lab_end(tables);
}

static void own_and_special_addresses_are_not_usable(void)
{
	static const char *const never[] = {"10.53.0.2", "fd53::2", "127.0.0.1", "::1", "0.0.0.0",
		"::", "224.0.0.1", "ff02::1", "255.255.255.255", "10.53.0.255", "fe80::1",
		"192.0.2.7"};
	struct kernel_tables *tables = lab_begin();

	lab_do("ip link set lo up && ip address add 192.0.2.7/32 dev lo");
	fix_neighbour("10.53.0.1", 2);
	fix_neighbour("fd53::1", 2);
	lab_do("ip route add default via 10.53.0.1 && ip route add default via fd53::1");
	for (size_t i = 0; i < BASE_ARRAY_SIZE(never); i++)
		CU_ASSERT_EQUAL(next_hop(tables, never[i]), 0);
	CU_ASSERT_EQUAL(next_hop(tables, "192.0.2.8"), 2);
	CU_ASSERT_EQUAL(next_hop(tables, "2001:db8::8"), 2);
	lab_do("ip address delete 192.0.2.7/32 dev lo && ip link set lo down");
	lab_end(tables);
}

static bool comes_from(struct kernel_tables *tables, const char *destination, const char *source)
{
	struct net_path path = lab_path(tables, destination);

	return path.is_usable && is_address(&path.source, source);
}

static void source_is_the_preferred_then_the_best(void)
{
	struct kernel_tables *tables = lab_begin();

	fix_neighbour("10.53.0.1", 2);
	fix_neighbour("10.60.0.1", 6);
	lab_do("ip address add 10.53.0.53/24 dev port; ip address add 10.60.0.2/24 dev port");
	lab_do("ip route add 192.0.2.0/24 via 10.53.0.1;"
	       " ip route add 198.51.100.0/24 via 10.60.0.1;"
	       " ip route add 203.0.113.0/24 via 10.53.0.1 src 10.53.0.53");
	CU_ASSERT_EQUAL(kernel_tables_update(tables), 1);
	CU_ASSERT_TRUE(comes_from(tables, "192.0.2.1", "10.53.0.2"));
	CU_ASSERT_TRUE(comes_from(tables, "198.51.100.1", "10.60.0.2"));
	CU_ASSERT_TRUE(comes_from(tables, "203.0.113.1", "10.53.0.53"));
	// The kernel removes the routes that preferred the address, and may tell nobody.
	lab_do("ip address delete 10.53.0.53/24 dev port");
	CU_ASSERT_EQUAL(next_hop(tables, "203.0.113.1"), 0);
	CU_ASSERT_EQUAL(next_hop(tables, "192.0.2.1"), 2);
	lab_end(tables);
}

static bool comes_from_the_fresh_one(struct kernel_tables *tables, void *context)
{
	(void)context;
	return comes_from(tables, "fd53::1", "fd53::ffff");
}

static void deprecated_source_is_the_last_choice(void)
{
	struct kernel_tables *tables = lab_begin();

	fix_neighbour("fd53::1", 2);
	lab_do("ip address change fd53::2/64 dev port nodad preferred_lft 0 valid_lft forever");
	CU_ASSERT_EQUAL(next_hop(tables, "fd53::1"), 2);
	CU_ASSERT_TRUE(comes_from(tables, "fd53::1", "fd53::2"));
	// Even without duplicate address detection the kernel takes its time to make it ready.
	lab_do("ip address add fd53::ffff/64 dev port nodad");
	CU_ASSERT_TRUE(lab_wait(tables, comes_from_the_fresh_one, NULL));
	CU_ASSERT_EQUAL(next_hop(tables, "fd53::1"), 2);
	lab_end(tables);
}

static bool path_from_is_usable(
	struct kernel_tables *tables, const char *destination, const char *source)
{
	struct net_address to = lab_address(destination), from = lab_address(source);
	struct net_path path;

	kernel_tables_find_path(tables, &to, &from, &path);
	CU_ASSERT_TRUE(!path.is_usable || net_address_equal(&path.source, &from));
	return path.is_usable;
}

static void source_asked_for_must_be_ours(void)
{
	struct kernel_tables *tables = lab_begin();

	fix_neighbour("10.53.0.1", 2);
	lab_do("ip address add 10.53.0.53/32 dev port");
	CU_ASSERT_EQUAL(next_hop(tables, "10.53.0.1"), 2);
	CU_ASSERT_TRUE(path_from_is_usable(tables, "10.53.0.1", "10.53.0.53"));
	CU_ASSERT_TRUE(path_from_is_usable(tables, "10.53.0.1", "10.53.0.2"));
	CU_ASSERT_FALSE(path_from_is_usable(tables, "10.53.0.1", "10.53.0.54"));
	CU_ASSERT_FALSE(path_from_is_usable(tables, "10.53.0.1", "fd53::2"));
	lab_end(tables);
}

#define SPREAD 200

static int spread_over(struct kernel_tables *tables, int next_hops[SPREAD], int wanted)
{
	int count = 0;

	for (int i = 0; i < SPREAD; i++) {
		char text[NET_ADDRESS_TEXT];

		snprintf(text, sizeof(text), "192.0.2.%d", i);
		next_hops[i] = next_hop(tables, text);
		count += next_hops[i] == wanted;
	}
	return count;
}

static void several_next_hops_share_the_destinations(void)
{
	struct kernel_tables *tables = lab_begin();
	int before[SPREAD], after[SPREAD], first, second, third;

	fix_neighbour("10.53.0.11", 11);
	fix_neighbour("10.53.0.12", 12);
	fix_neighbour("10.53.0.13", 13);
	lab_do("ip route add 192.0.2.0/24 nexthop via 10.53.0.11 nexthop via 10.53.0.12"
	       " nexthop via 10.53.0.13 weight 4");
	CU_ASSERT_EQUAL(kernel_tables_update(tables), 1);
	first = spread_over(tables, before, 11);
	second = spread_over(tables, before, 12);
	third = spread_over(tables, before, 13);
	CU_ASSERT_EQUAL(first + second + third, SPREAD);
	CU_ASSERT_TRUE(first > SPREAD / 20 && first < SPREAD / 3);
	CU_ASSERT_TRUE(second > SPREAD / 20 && second < SPREAD / 3);
	CU_ASSERT_TRUE(third > SPREAD / 2);
	lab_do("ip route replace 192.0.2.0/24 nexthop via 10.53.0.11 nexthop via 10.53.0.13"
	       " weight 4");
	CU_ASSERT_EQUAL(spread_over(tables, after, 12), 0);
	for (int i = 0; i < SPREAD; i++)
		CU_ASSERT_TRUE(before[i] == 12 ? after[i] != 0 : after[i] == before[i]);
	lab_end(tables);
}

static void several_next_hops_of_ipv6_come_and_go(void)
{
	struct kernel_tables *tables = lab_begin();
	bool is_seen[14] = {false};

	fix_neighbour("fd53::11", 11);
	fix_neighbour("fd53::12", 12);
	lab_do("ip route add 2001:db8::/32 via fd53::11");
	lab_do("ip route append 2001:db8::/32 via fd53::12");
	for (int i = 0; i < SPREAD; i++) {
		char text[NET_ADDRESS_TEXT];
		int hop;

		snprintf(text, sizeof(text), "2001:db8::%x", i);
		hop = next_hop(tables, text);
		CU_ASSERT_TRUE_FATAL(hop == 11 || hop == 12);
		is_seen[hop] = true;
	}
	CU_ASSERT_TRUE(is_seen[11] && is_seen[12]);
	lab_do("ip route delete 2001:db8::/32 via fd53::11");
	for (int i = 0; i < SPREAD; i++) {
		char text[NET_ADDRESS_TEXT];

		snprintf(text, sizeof(text), "2001:db8::%x", i);
		CU_ASSERT_EQUAL(next_hop(tables, text), 12);
	}
	lab_do("ip route delete 2001:db8::/32");
	CU_ASSERT_EQUAL(next_hop(tables, "2001:db8::1"), 0);
	lab_end(tables);
}

static void gateways_of_another_family_and_link_local_ones_work(void)
{
	struct kernel_tables *tables = lab_begin();
	struct net_path path;

	fix_neighbour("fe80::9", 9);
	lab_do("ip route add 192.0.2.0/24 via inet6 fe80::9 dev port &&"
	       " ip route add 2001:db8::/32 via fe80::9 dev port");
	CU_ASSERT_EQUAL(next_hop(tables, "192.0.2.1"), 9);
	CU_ASSERT_EQUAL(next_hop(tables, "2001:db8::1"), 9);
	path = lab_path(tables, "192.0.2.1");
	CU_ASSERT_TRUE(is_address(&path.source, "10.53.0.2"));
	path = lab_path(tables, "2001:db8::1");
	CU_ASSERT_TRUE(is_address(&path.source, "fd53::2"));
	lab_end(tables);
}

static void link_that_is_down_is_not_used(void)
{
	struct kernel_tables *tables = lab_begin();

	fix_neighbour("10.53.0.1", 2);
	lab_do("ip route add default via 10.53.0.1");
	CU_ASSERT_EQUAL(next_hop(tables, "192.0.2.1"), 2);
	lab_do("ip link set port down"); // with it goes the route, and nobody is told
	CU_ASSERT_EQUAL(next_hop(tables, "192.0.2.1"), 0);
	lab_do("ip link set port up");
	fix_neighbour("10.53.0.1", 2);
	CU_ASSERT_TRUE(lab_wait(tables, is_usable, "10.53.0.1"));
	CU_ASSERT_EQUAL(next_hop(tables, "192.0.2.1"), 0);
	lab_do("ip route add default via 10.53.0.1");
	CU_ASSERT_EQUAL(next_hop(tables, "192.0.2.1"), 2);
	lab_end(tables);
}

static void routes_out_of_other_interfaces_are_not_looked_at(void)
{
	struct kernel_tables *tables = lab_begin();

	fix_neighbour("10.53.0.1", 2);
	lab_do("ip tuntap add dev other mode tap && ip link set other up &&"
	       " ip address add 10.99.0.2/24 dev other");
	lab_do("ip route add 192.0.2.0/24 dev other; ip route add default via 10.53.0.1");
	CU_ASSERT_EQUAL(next_hop(tables, "192.0.2.1"), 2);
	CU_ASSERT_EQUAL(next_hop(tables, "10.99.0.2"), 0);
	lab_do("ip link delete other");
	CU_ASSERT_EQUAL(next_hop(tables, "192.0.2.1"), 2);
	lab_end(tables);
}

static void path_through_a_vlan_has_its_tag(void)
{
	struct kernel_tables *tables;
	struct net_path path;

	if (!lab_has_vlan())
		return;
	tables = lab_begin();
	lab_do("ip link add link port name port.7 address 02:00:00:00:00:07 type vlan id 7 &&"
	       " ip link set port.7 up && ip address add 10.7.0.2/24 dev port.7");
	lab_do("ip neighbour add 10.7.0.1 dev port.7 lladdr 02:00:00:00:00:09 nud permanent");
	CU_ASSERT_TRUE(lab_wait(tables, is_usable, "10.7.0.1"));
	path = lab_path(tables, "10.7.0.1");
	CU_ASSERT_EQUAL(path.port, LAB_PORT);
	CU_ASSERT_EQUAL(path.vlan, 7);
	CU_ASSERT_EQUAL(path.source_mac.bytes[5], 7);
	CU_ASSERT_EQUAL(path.next_hop_mac.bytes[5], 9);
	CU_ASSERT_TRUE(is_address(&path.source, "10.7.0.2"));
	lab_end(tables);
}

static const struct unit_case cases[] = {
	{"neighbour on the link is resolved", neighbour_on_the_link_is_resolved},
	{"neighbour is resolved over IPv6", neighbour_is_resolved_over_ipv6},
	{"gateway is resolved for what is behind it", gateway_is_resolved_for_what_is_behind_it},
	{"changed MAC is followed over IPv4", changed_mac_is_followed_over_ipv4},
	{"changed MAC is followed over IPv6", changed_mac_is_followed_over_ipv6},
	{"silent neighbour is not usable", silent_neighbour_is_not_usable},
	{"permanent neighbour stays permanent", permanent_neighbour_stays_permanent},
	{"longest prefix, then lowest metric counts", longest_prefix_then_lowest_metric_counts},
	{"routes that refuse are not usable", routes_that_refuse_are_not_usable},
	{"own and special addresses are not usable", own_and_special_addresses_are_not_usable},
	{"source is the preferred, then the best", source_is_the_preferred_then_the_best},
	{"deprecated source is the last choice", deprecated_source_is_the_last_choice},
	{"source asked for must be ours", source_asked_for_must_be_ours},
	{"several next hops share the destinations", several_next_hops_share_the_destinations},
	{"several next hops of IPv6 come and go", several_next_hops_of_ipv6_come_and_go},
	{"gateways of another family and link-local ones work",
		gateways_of_another_family_and_link_local_ones_work},
	{"link that is down is not used", link_that_is_down_is_not_used},
	{"routes out of other interfaces are not looked at",
		routes_out_of_other_interfaces_are_not_looked_at},
	{"path through a VLAN has its tag", path_through_a_vlan_has_its_tag},
};

LAB_MAIN("kernel path", cases)
