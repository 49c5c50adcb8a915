// SPDX-License-Identifier: BSD-3-Clause
// The kernel's links, addresses, routes and neighbours, as far as they concern NIC ports: dumped
// over netlink once, then followed as they change, in the network namespace of the thread that
// creates the tables. Management lcore only. Nothing here waits for anything but the kernel's
// own answer to a request, which it gives at once.
//
// A NIC port stands for the interface attached to it and for the VLAN interfaces (802.1Q) on top
// of that one. Routes are looked up as the kernel's first three rules do: tables local, main,
// default, in this order. Other policy rules, VRFs and routes out of interfaces that are not
// attached are not looked at; what they would say is not known here.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "net/address.h"
#include "net/path.h"

struct kernel_tables;

struct kernel_link {
	int ifindex;
	bool is_up; // administratively up, and with carrier
	struct net_mac mac;
	uint32_t mtu;
	uint16_t vlan; // the VLAN id of a VLAN interface, otherwise NET_VLAN_NONE
	int parent; // the interface below a VLAN interface, otherwise 0
};

// Reads everything and starts to follow it. NULL with errno.
struct kernel_tables *kernel_tables_create(void);
void kernel_tables_destroy(struct kernel_tables *tables);

// Readable when there is something for kernel_tables_update. The tables keep it.
int kernel_tables_fd(const struct kernel_tables *tables);

// Takes in all that is pending. 1 when something changed that any function below could tell, 0,
// or -errno: the tables are then as they were, and the next call reads everything anew. Where the
// kernel's messages do not tell what changed (some were lost, a link went down), this reads
// everything anew by itself. Under a flood it takes in a bounded part; the fd stays readable.
base_must_check int kernel_tables_update(struct kernel_tables *tables);

// From now on the interface is the kernel's side of this NIC port. Reads everything anew. 0,
// -ENODEV without such an interface, -EINVAL when it is no Ethernet, -EEXIST when it or the port
// is attached already, or -errno.
base_must_check int kernel_tables_attach(
	struct kernel_tables *tables, int ifindex, uint16_t nic_port);
// An interface that goes away stays attached until this is called. Reads everything anew. 0 or
// -errno; the port is detached in either case.
base_must_check int kernel_tables_detach(struct kernel_tables *tables, uint16_t nic_port);

// The interface's index (above 0), or -ENODEV.
int kernel_tables_find_link(const struct kernel_tables *tables, const char *name);
// 0, or -ENODEV. Of any interface, attached or not.
int kernel_tables_read_link(
	const struct kernel_tables *tables, int ifindex, struct kernel_link *link);

// The addresses that the port may serve, on its interface and its VLANs: no IPv6 link-local ones,
// none that duplicate address detection (RFC 4862, section 5.4) has not passed, none twice. Writes
// at most `most` of them and returns how many there are, which may be more.
size_t kernel_tables_list_addresses(const struct kernel_tables *tables, uint16_t nic_port,
	struct net_address *addresses, size_t most);
// Whether one of the attached ports has it, by the same conditions.
bool kernel_tables_has_address(
	const struct kernel_tables *tables, const struct net_address *address);

// How a datagram gets to `destination` now. `source` NULL: the route's preferred source, or the
// best address of the interface. The path is not usable without a route through an attached
// port, with a route that refuses (blackhole, unreachable, prohibit), with a link that is down,
// without a known neighbour, to our own and to link-local and multicast addresses, and from a
// source that is not ours. Of several next hops of a route one is chosen by a hash of the
// destination, by weight; one that comes or goes moves no other destination than its own.
void kernel_tables_find_path(const struct kernel_tables *tables,
	const struct net_address *destination, const struct net_address *source,
	struct net_path *path);

// Asks the kernel to find the neighbour that the path to `destination` needs, or to keep it
// fresh: it sends ARP or ND itself, and asks again before what it knows grows old. To be called
// about once a second for every destination in use; what comes of it arrives as an update. 0,
// -EHOSTUNREACH without a route by a link that is up, or -errno of the kernel.
int kernel_tables_resolve(struct kernel_tables *tables, const struct net_address *destination);
