// SPDX-License-Identifier: BSD-3-Clause
// How a reply comes to the queue of the worker that asked: what a port offers of the ways that
// its driver file lists. Management lcore, after nic_open and before the workers poll.
#pragma once

#include <stdint.h>

#include "net/steering.h"
#include "nic/error.h"
#include "nic/nic.h"

// Local ports first to last (included) whose replies are to come to one queue.
struct nic_port_range {
	uint16_t first;
	uint16_t last;
	uint16_t queue;
};

// By rules of rte_flow on the destination port of UDP datagrams, one for each aligned block of
// the ranges. 0, -ENOTSUP when the device takes no such rule or spends
// its rules on the filter, or -errno; then no rule of these is left.
int nic_steering_install_rules(
	struct nic *nic, uint16_t port, const struct nic_port_range *ranges, size_t count);

// By the hash: the key and the table of the port, or the key of its driver file. 0, or -ENOTSUP
// when the port has neither, or does not hash the ports of UDP.
int nic_steering_read_hash(const struct nic *nic, uint16_t port, struct net_steering *steering);

// The hash of a reply from `source` to `destination` with a destination port of 0.
uint32_t nic_steering_reply_hash(const struct net_steering *steering,
	const struct net_endpoint *source, const struct net_address *destination);
