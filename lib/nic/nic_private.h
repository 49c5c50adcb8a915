// SPDX-License-Identifier: BSD-3-Clause
// What a struct nic holds. Inside nic/ only.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "nic/driver_file.h"
#include "nic/filter.h"
#include "nic/flow.h"
#include "nic/nic.h"

struct rte_mempool;

// A queue pair of a port, on cache lines of its own. The worker of the queue writes it.
struct nic_queue {
	struct nic_queue_counters counters;
} base_aligned(BASE_CACHE_LINE);

// The frames of one lcore. Written once.
struct nic_pool {
	struct rte_mempool *pool;
};

struct nic_port {
	uint16_t dpdk_port; // first, for receive and send
	uint16_t tx_offload;
	struct nic_queue *queues; // nic->queues of them
	struct nic_port_info info;
	struct nic_driver_file driver;
	struct nic_filter filter; // in the kernel
	struct nic_flow_table *flows; // in the NIC
	bool is_configured;
	bool is_started;
};

struct nic {
	uint16_t port_count;
	uint16_t queues;
	struct nic_port ports[NIC_PORTS_MOST];
	uint16_t pool_count; // one a queue, and those of other lcores
	struct nic_pool *pools;
	bool keeps_frames; // a driver lays its own memory over the pools
	bool gives_frames_back; // every driver does, when its port is closed
};

// Finds out what the port is and has, and reads its driver file. 0, or -errno with `error`.
int nic_port_probe(struct nic_port *port, uint16_t dpdk_port, uint16_t queues,
	const char *drivers_folder, struct nic_error *error);

// Configures and starts a port that was probed, with one pool a queue. 0, or -errno with `error`.
int nic_port_start(struct nic_port *port, const struct nic_pool *pools, struct nic_error *error);

// Undoes what nic_port_start did, as far as it came.
void nic_port_stop(struct nic_port *port);
