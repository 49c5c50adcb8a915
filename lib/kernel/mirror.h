// SPDX-License-Identifier: BSD-3-Clause
// One copy of the kernel's tables, as a dump and the events after it build it up. Inside
// lib/kernel only. Of addresses, neighbours and unicast routes only those of attached interfaces
// are kept, so that a full BGP table elsewhere on the machine costs nothing.
#pragma once

#include <linux/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "kernel/netlink.h"
#include "kernel/records.h"
#include "kernel/tables.h"

#define KERNEL_NO_PORT (-1)

struct kernel_attachment {
	int ifindex;
	uint16_t nic_port;
};

struct kernel_attachments {
	struct kernel_attachment *items;
	size_t count;
};

struct kernel_link_record {
	struct kernel_record record; // by ifindex
	struct kernel_link link;
	char name[IFNAMSIZ];
	bool is_ethernet;
	int port; // the NIC port it stands for, or KERNEL_NO_PORT
	uint16_t path_vlan; // the tag of frames of this link on that port, or NET_VLAN_NONE
};

struct kernel_address_record {
	struct kernel_record record; // by address
	int ifindex;
	struct net_address address;
	uint8_t prefix_length; // in bits of the address's own family
	bool is_link_local; // IPv6
	bool is_pending; // duplicate address detection has not passed
	bool is_deprecated;
	bool is_secondary; // or temporary (RFC 8981)
};

struct kernel_neighbour_record {
	struct kernel_record record; // by ifindex and address
	int ifindex;
	struct net_address address;
	bool is_usable; // there is a MAC, known good or not yet known bad
	bool is_fixed; // the kernel never asks for it
	struct net_mac mac;
};

enum kernel_route_table {
	KERNEL_ROUTE_LOCAL,
	KERNEL_ROUTE_MAIN,
	KERNEL_ROUTE_DEFAULT,
	KERNEL_ROUTE_TABLES,
};

// What a route is found by.
struct kernel_route_key {
	struct net_address prefix;
	uint8_t prefix_length; // in bits of its own family
	uint8_t table; // enum kernel_route_table
	bool is_ipv4;
};

// One next hop of one route. Those of a route with several differ in interface or gateway only.
struct kernel_route_record {
	struct kernel_record record; // by key
	struct kernel_route_key key;
	int64_t order; // of routes alike but for their next hops the lowest counts
	struct net_address gateway;
	struct net_address preferred_source;
	uint32_t metric;
	int ifindex; // 0: none
	uint16_t weight; // 1 to 256
	bool has_gateway;
	bool has_preferred_source;
	// IPv6: it and others of the same prefix and metric are the next hops of one route.
	bool has_siblings;
	uint8_t type; // RTN_UNICAST, RTN_BLACKHOLE, ...
};

#define KERNEL_PREFIX_LENGTHS 129

struct kernel_mirror {
	const struct kernel_attachments *attachments;
	struct kernel_records links;
	struct kernel_records addresses;
	struct kernel_records neighbours;
	struct kernel_records routes;
	// How many route records there are by table, family (1: IPv4) and prefix length: a lookup
	// asks only for the lengths there are.
	uint32_t route_counts[KERNEL_ROUTE_TABLES][2][KERNEL_PREFIX_LENGTHS];
	int64_t newest_order;
	int64_t oldest_order;
	bool is_outdated; // the kernel changed what it sends no messages about
};

void kernel_mirror_init(struct kernel_mirror *mirror, const struct kernel_attachments *attachments);
void kernel_mirror_fini(struct kernel_mirror *mirror);

// Each takes in one message of its kind, from a dump or an event. 1 when that changed something,
// 0, -EINVAL for a message that is not as it should be, -ENOMEM.
int kernel_mirror_take_link(struct kernel_mirror *mirror, const struct nlmsghdr *message);
int kernel_mirror_take_address(struct kernel_mirror *mirror, const struct nlmsghdr *message);
int kernel_mirror_take_neighbour(struct kernel_mirror *mirror, const struct nlmsghdr *message);
int kernel_mirror_take_route(struct kernel_mirror *mirror, const struct nlmsghdr *message);

// NULL: no such link.
struct kernel_link_record *kernel_mirror_find_link(const struct kernel_mirror *mirror, int ifindex);
bool kernel_mirror_is_attached(const struct kernel_mirror *mirror, int ifindex);

const struct kernel_neighbour_record *kernel_mirror_find_neighbour(
	const struct kernel_mirror *mirror, int ifindex, const struct net_address *address);

// fe80::/10 (RFC 4291, section 2.5.6).
bool kernel_address_is_link_local(const struct net_address *address);
// Whether it is an address to serve, by the conditions of kernel_tables_list_addresses.
bool kernel_address_is_served(const struct kernel_address_record *address);
bool kernel_mirror_has_address(
	const struct kernel_mirror *mirror, const struct net_address *address);
// The best source address for datagrams out of the link to the next hop, and from there to the
// destination. False when no attached port has one of the destination's family.
bool kernel_mirror_choose_source(const struct kernel_mirror *mirror,
	const struct kernel_link_record *link, const struct net_address *next_hop,
	const struct net_address *destination, struct net_address *source);

// The first record of the key, or the next after `found`; NULL: no more.
struct kernel_route_record *kernel_mirror_next_route(const struct kernel_mirror *mirror,
	const struct kernel_route_key *key, const struct kernel_route_record *found);

// The next hop by which the destination is reached, its link up, or NULL.
const struct kernel_route_record *kernel_mirror_find_route(
	const struct kernel_mirror *mirror, const struct net_address *destination);

// How many leading bits two addresses of the same family have in common, at most those of the
// family.
uint8_t kernel_common_prefix(const struct net_address *a, const struct net_address *b);
