// SPDX-License-Identifier: BSD-3-Clause
#include "kernel_lab.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <string.h>
#include <sys/socket.h>

#include "net/frame.h"

static bool is_listed(struct kernel_tables *tables, void *context)
{
	return lab_lists(tables, context);
}

static bool is_not_listed(struct kernel_tables *tables, void *context)
{
	return !lab_lists(tables, context);
}

static void addresses_are_listed_and_followed(void)
{
	struct kernel_tables *tables = lab_begin();
	struct net_address one[1];

	CU_ASSERT_TRUE(lab_lists(tables, "10.53.0.2"));
	CU_ASSERT_TRUE(lab_lists(tables, "fd53::2"));
	CU_ASSERT_FALSE(lab_lists(tables, "10.53.0.1"));
	CU_ASSERT_FALSE(lab_lists(tables, "10.53.0.53"));
	lab_do("ip address add 10.53.0.53/32 dev port");
	CU_ASSERT_TRUE(lab_wait(tables, is_listed, "10.53.0.53"));
	// The same address with another prefix is another address to the kernel, not to us.
	lab_do("ip address add 10.53.0.53/25 dev port");
	CU_ASSERT_EQUAL(kernel_tables_update(tables), 1);
	CU_ASSERT_TRUE(lab_lists(tables, "10.53.0.53"));
	CU_ASSERT_EQUAL(kernel_tables_list_addresses(tables, LAB_PORT, one, 1), 3);
	lab_do("ip address delete 10.53.0.53/32 dev port");
	CU_ASSERT_EQUAL(kernel_tables_update(tables), 1);
	CU_ASSERT_TRUE(lab_lists(tables, "10.53.0.53"));
	lab_do("ip address delete 10.53.0.53/25 dev port; ip address delete fd53::2/64 dev port");
	CU_ASSERT_TRUE(lab_wait(tables, is_not_listed, "10.53.0.53"));
	CU_ASSERT_TRUE(lab_wait(tables, is_not_listed, "fd53::2"));
	CU_ASSERT_TRUE(lab_lists(tables, "10.53.0.2"));
	CU_ASSERT_EQUAL(kernel_tables_list_addresses(tables, LAB_PORT + 1, one, 1), 0);
	lab_end(tables);
}

static bool link_local_is_ready(struct kernel_tables *tables, void *context)
{
	(void)tables;
	(void)context;
	return lab_try("ip -6 address show dev port scope link -tentative | grep -q fe80") == 0;
}

static void link_local_addresses_are_not_served(void)
{
	struct kernel_tables *tables = lab_begin();
	struct net_address all[8];

	CU_ASSERT_TRUE(lab_wait(tables, link_local_is_ready, NULL));
	CU_ASSERT_EQUAL(kernel_tables_list_addresses(tables, LAB_PORT, all, 8), 2);
	CU_ASSERT_FALSE(lab_lists(tables, "fe80::ff:fe00:1"));
	lab_end(tables);
}

static bool detection_has_failed(struct kernel_tables *tables, void *context)
{
	CU_ASSERT_FALSE(lab_lists(tables, context));
	return lab_try("ip -6 address show dev port dadfailed | grep -q fd53::1") == 0;
}

static void duplicate_addresses_are_not_served(void)
{
	struct kernel_tables *tables = lab_begin();

	lab_do("ip address add fd53::1/64 dev port");
	CU_ASSERT_TRUE(lab_wait(tables, detection_has_failed, "fd53::1"));
	lab_do("ip address add fd53::3/64 dev port");
	CU_ASSERT_TRUE(lab_wait(tables, is_listed, "fd53::3"));
	CU_ASSERT_FALSE(lab_lists(tables, "fd53::1"));
	lab_end(tables);
}

static bool carrier_is(struct kernel_tables *tables, void *context)
{
	struct kernel_link link;
	int ifindex = kernel_tables_find_link(tables, "port");

	return kernel_tables_read_link(tables, ifindex, &link) == 0 &&
	       link.is_up == *(const bool *)context;
}

static void links_are_read_and_followed(void)
{
	struct kernel_tables *tables = lab_begin();
	struct kernel_link link;
	bool up = true, down = false;
	int ifindex = kernel_tables_find_link(tables, "port");

	CU_ASSERT_EQUAL(kernel_tables_read_link(tables, ifindex, &link), 0);
	CU_ASSERT_EQUAL(link.ifindex, ifindex);
	CU_ASSERT_EQUAL(link.mtu, 1500);
	CU_ASSERT_EQUAL(link.vlan, NET_VLAN_NONE);
	CU_ASSERT_EQUAL(link.parent, 0);
	CU_ASSERT_TRUE(link.is_up);
	CU_ASSERT_EQUAL(memcmp(link.mac.bytes, "\2\0\0\0\0\1", 6), 0);
	lab_do("ip link set port mtu 1400 address 02:00:00:00:00:77");
	CU_ASSERT_EQUAL(kernel_tables_update(tables), 1);
	CU_ASSERT_EQUAL(kernel_tables_read_link(tables, ifindex, &link), 0);
	CU_ASSERT_EQUAL(link.mtu, 1400);
	CU_ASSERT_EQUAL(memcmp(link.mac.bytes, "\2\0\0\0\0\x77", 6), 0);
	lab_do_at_peer("ip link set peer down"); // takes the carrier away on our side
	CU_ASSERT_TRUE(lab_wait(tables, carrier_is, &down));
	lab_do_at_peer("ip link set peer up");
	CU_ASSERT_TRUE(lab_wait(tables, carrier_is, &up));
	lab_do("ip tuntap add dev other mode tap");
	CU_ASSERT_EQUAL(kernel_tables_update(tables), 1);
	CU_ASSERT_TRUE(kernel_tables_find_link(tables, "other") > 0);
	lab_do("ip link delete other");
	CU_ASSERT_EQUAL(kernel_tables_update(tables), 1);
	CU_ASSERT_EQUAL(kernel_tables_find_link(tables, "other"), -ENODEV);
	CU_ASSERT_EQUAL(kernel_tables_read_link(tables, 1 << 20, &link), -ENODEV);
	CU_ASSERT_EQUAL(kernel_tables_update(tables), 0);
	lab_end(tables);
}

static void attaching_refuses_what_it_can_not_do(void)
{
	struct kernel_tables *tables = lab_begin();
	int port = kernel_tables_find_link(tables, "port");
	int loopback = kernel_tables_find_link(tables, "lo");
	struct net_address one[1];

	CU_ASSERT_EQUAL(kernel_tables_attach(tables, port, LAB_PORT + 1), -EEXIST);
	CU_ASSERT_EQUAL(kernel_tables_attach(tables, loopback, LAB_PORT + 1), -EINVAL);
	CU_ASSERT_EQUAL(kernel_tables_attach(tables, 1 << 20, LAB_PORT + 1), -ENODEV);
	lab_do("ip tuntap add dev other mode tap");
	CU_ASSERT_EQUAL(kernel_tables_update(tables), 1);
	CU_ASSERT_EQUAL(
		kernel_tables_attach(tables, kernel_tables_find_link(tables, "other"), LAB_PORT),
		-EEXIST);
	CU_ASSERT_EQUAL(kernel_tables_list_addresses(tables, LAB_PORT, one, 1), 2);
	CU_ASSERT_EQUAL(kernel_tables_detach(tables, LAB_PORT), 0);
	CU_ASSERT_EQUAL(kernel_tables_list_addresses(tables, LAB_PORT, one, 1), 0);
	CU_ASSERT_EQUAL(kernel_tables_attach(tables, port, LAB_PORT), 0);
	CU_ASSERT_EQUAL(kernel_tables_list_addresses(tables, LAB_PORT, one, 1), 2);
	lab_do("ip link delete other");
	lab_end(tables);
}

static void vlan_interfaces_count_as_their_port(void)
{
	struct kernel_tables *tables;
	struct kernel_link link;

	if (!lab_has_vlan())
		return;
	tables = lab_begin();
	lab_do("ip link add link port name port.7 type vlan id 7 && ip link set port.7 up &&"
	       " ip address add 10.7.0.2/24 dev port.7");
	CU_ASSERT_TRUE(lab_wait(tables, is_listed, "10.7.0.2"));
	CU_ASSERT_EQUAL(
		kernel_tables_read_link(tables, kernel_tables_find_link(tables, "port.7"), &link),
		0);
	CU_ASSERT_EQUAL(link.vlan, 7);
	CU_ASSERT_EQUAL(link.parent, kernel_tables_find_link(tables, "port"));
	// A service tag (802.1ad) is none that we write, and a tag on a tag neither.
	lab_do("ip link add link port name service type vlan proto 802.1ad id 8 &&"
	       " ip link set service up && ip address add 10.8.0.2/24 dev service");
	lab_do("ip link add link port.7 name port.7.9 type vlan id 9 &&"
	       " ip link set port.7.9 up && ip address add 10.9.0.2/24 dev port.7.9");
	lab_do("ip address add 10.7.0.3/24 dev port.7");
	CU_ASSERT_TRUE(lab_wait(tables, is_listed, "10.7.0.3"));
	CU_ASSERT_FALSE(lab_lists(tables, "10.8.0.2"));
	CU_ASSERT_FALSE(lab_lists(tables, "10.9.0.2"));
	lab_do("ip link delete port.7");
	CU_ASSERT_TRUE(lab_wait(tables, is_not_listed, "10.7.0.2"));
	CU_ASSERT_TRUE(lab_lists(tables, "10.53.0.2"));
	lab_end(tables);
}

static uint32_t count_lost_events(const struct kernel_tables *tables)
{
	uint32_t info[SK_MEMINFO_VARS] = {0};
	socklen_t length = sizeof(info);

	CU_ASSERT_EQUAL(
		getsockopt(kernel_tables_fd(tables), SOL_SOCKET, SO_MEMINFO, info, &length), 0);
	return info[SK_MEMINFO_DROPS];
}

static void lost_events_are_made_up_for(void)
{
	struct kernel_tables *tables = lab_begin();
	int little = 1;

	CU_ASSERT_EQUAL(setsockopt(kernel_tables_fd(tables), SOL_SOCKET, SO_RCVBUF, &little,
				sizeof(little)),
		0);
	lab_do("for i in $(seq 10 99); do echo address add 10.53.1.$i/32 dev port; done |"
	       " ip -batch -");
	lab_do("ip address delete 10.53.0.2/24 dev port");
	CU_ASSERT_TRUE(count_lost_events(tables) > 0);
	CU_ASSERT_EQUAL(kernel_tables_update(tables), 1);
	for (int i = 10; i < 100; i++) {
		char text[NET_ADDRESS_TEXT];

		snprintf(text, sizeof(text), "10.53.1.%d", i);
		CU_ASSERT_TRUE(lab_lists(tables, text));
	}
	CU_ASSERT_FALSE(lab_lists(tables, "10.53.0.2"));
	// And it goes on following.
	lab_do("ip address delete 10.53.1.10/32 dev port");
	CU_ASSERT_TRUE(lab_wait(tables, is_not_listed, "10.53.1.10"));
	lab_end(tables);
}

static void an_interface_that_goes_takes_its_addresses_along(void)
{
	struct kernel_tables *tables = lab_begin();
	struct net_address one[1];

	lab_do("ip link delete port");
	CU_ASSERT_TRUE(lab_wait(tables, is_not_listed, "10.53.0.2"));
	CU_ASSERT_EQUAL(kernel_tables_list_addresses(tables, LAB_PORT, one, 1), 0);
	CU_ASSERT_EQUAL(kernel_tables_find_link(tables, "port"), -ENODEV);
	CU_ASSERT_FALSE(lab_path(tables, "10.53.0.1").is_usable);
	kernel_tables_destroy(tables);
}

static const struct unit_case cases[] = {
	{"addresses are listed and followed", addresses_are_listed_and_followed},
	{"link-local addresses are not served", link_local_addresses_are_not_served},
	{"duplicate addresses are not served", duplicate_addresses_are_not_served},
	{"links are read and followed", links_are_read_and_followed},
	{"attaching refuses what it can not do", attaching_refuses_what_it_can_not_do},
	{"VLAN interfaces count as their port", vlan_interfaces_count_as_their_port},
	{"lost events are made up for", lost_events_are_made_up_for},
	{"an interface that goes takes its addresses along",
		an_interface_that_goes_takes_its_addresses_along},
};

LAB_MAIN("kernel tables", cases)
