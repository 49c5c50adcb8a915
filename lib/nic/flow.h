// SPDX-License-Identifier: BSD-3-Clause
// The filter of a NIC that hands DPDK only what flow rules ask for (rte_flow's isolated mode)
// and leaves the rest to the kernel: one rule an endpoint served, and for each upstream one a
// local address and piece of the local port range. ICMP errors stay with the kernel. Management
// lcore only. Inside nic/ only.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "nic/nic.h"

#define NIC_PORT_PREFIXES_MOST 30 // that any range of ports needs

// Every port whose bits under `mask` are those of `value`.
struct nic_port_prefix {
	uint16_t value;
	uint16_t mask;
};

// The fewest prefixes that make up first to last, both included. Their count.
unsigned int nic_port_range_split(
	uint16_t first, uint16_t last, struct nic_port_prefix prefixes[NIC_PORT_PREFIXES_MOST]);

struct nic_flow_table;

// Isolates a port that is not configured yet. 0 or -errno.
int nic_flow_isolate(uint16_t dpdk_port);

// An empty table for a port with so many queues. NULL with errno.
struct nic_flow_table *nic_flow_create(uint16_t dpdk_port, uint16_t queues);
// Takes every rule out of the port.
void nic_flow_destroy(struct nic_flow_table *table);

// As nic_filter_set.
int nic_flow_apply(struct nic_flow_table *table, const struct nic_filter_rules *rules);
