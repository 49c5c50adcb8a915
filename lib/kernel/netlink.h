// SPDX-License-Identifier: BSD-3-Clause
// The two netlink sockets: one follows events, one asks. Reading of messages and attributes,
// every length checked. Inside lib/kernel only.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include "base/compiler.h"
#include "net/address.h"

struct kernel_netlink;

// A message of the kernel. 0 to go on, or -errno, which ends the reading.
typedef int (*kernel_netlink_take)(void *context, const struct nlmsghdr *message);

// Sockets in the caller's network namespace; events are kept from here on. NULL with errno.
struct kernel_netlink *kernel_netlink_create(void);
void kernel_netlink_destroy(struct kernel_netlink *netlink);
int kernel_netlink_fd(const struct kernel_netlink *netlink);

// One batch of events. 1, 0 when none is pending, -ENOBUFS when some were lost, -errno.
int kernel_netlink_read_events(
	struct kernel_netlink *netlink, kernel_netlink_take take, void *context);
// Forgets the events that are pending: whoever asks anew afterwards has seen what they say.
void kernel_netlink_discard_events(struct kernel_netlink *netlink);

// Asks for all objects of a kind (RTM_GETLINK, ...) and family. 0; -EAGAIN when they changed
// meanwhile, so that some may be missing; -errno.
int kernel_netlink_dump(struct kernel_netlink *netlink, uint16_t type, uint8_t family,
	kernel_netlink_take take, void *context);

// Has the kernel use the neighbour, as if there were a packet for it. 0 or its -errno.
int kernel_netlink_use_neighbour(
	struct kernel_netlink *netlink, int ifindex, const struct net_address *address);

// The attributes after `header` bytes of the message, or in a nest, by type: `table` has `most`
// + 1 entries; types above are left out, as the kernel may add some. 0 or -EINVAL.
int kernel_attributes_of_message(const struct nlmsghdr *message, uint32_t header,
	const struct nlattr **table, uint16_t most);
int kernel_attributes_of_nest(
	const struct nlattr *nest, const struct nlattr **table, uint16_t most);
int kernel_attributes_of_bytes(
	const void *bytes, size_t length, const struct nlattr **table, uint16_t most);

// True when the attribute is there, with a payload of the right size.
bool kernel_attribute_u16(const struct nlattr *attribute, uint16_t *value);
bool kernel_attribute_u32(const struct nlattr *attribute, uint32_t *value);
bool kernel_attribute_mac(const struct nlattr *attribute, struct net_mac *mac);
// An address of this family, AF_INET or AF_INET6.
bool kernel_attribute_address(
	const struct nlattr *attribute, uint8_t family, struct net_address *address);
