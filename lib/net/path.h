// SPDX-License-Identifier: BSD-3-Clause
// How a datagram gets to an address that is not a client's: from which NIC port, address and
// MAC, through which neighbour. Computed on the management lcore from the kernel's routes and
// neighbours, published under RCU, read by workers within a burst; never changed once published.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "net/address.h"

struct net_path {
	bool is_usable; // false: no route, or no neighbour yet; the rest is not set
	uint16_t port; // NIC port
	uint16_t vlan; // NET_VLAN_NONE or tag control information
	struct net_mac source_mac;
	struct net_mac next_hop_mac;
	struct net_address source; // the address to send from
	// The NIC's hash of a reply to it with a destination port of 0 (net/steering.h), 0 where
	// replies are not steered by the hash.
	uint32_t reply_hash;
};

static inline bool net_path_equal(const struct net_path *a, const struct net_path *b)
{
	if (a->is_usable != b->is_usable || !a->is_usable)
		return a->is_usable == b->is_usable;
	return a->port == b->port && a->vlan == b->vlan && a->reply_hash == b->reply_hash &&
	       memcmp(&a->source_mac, &b->source_mac, sizeof(a->source_mac)) == 0 &&
	       memcmp(&a->next_hop_mac, &b->next_hop_mac, sizeof(a->next_hop_mac)) == 0 &&
	       net_address_equal(&a->source, &b->source);
}
