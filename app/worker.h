// SPDX-License-Identifier: BSD-3-Clause
// The loop of one worker lcore: polls its queue of every port, hands the frames to forward/, and
// sends what comes of them. Made and ended by the management lcore; between, all fields are the
// worker's but those that say otherwise.
#pragma once

#include <rte_ring.h>
#include <stdbool.h>
#include <stdint.h>

#include "forward/forward.h"
#include "nic/nic.h"
#include "options.h"
#include "stream_link.h"

// Written by the management lcore alone.
enum worker_phase {
	WORKER_RUNS,
	WORKER_DRAINS, // takes no new queries
	WORKER_STOPS, // gives its connections back
	WORKER_ENDS,
};

struct worker_transmit {
	uint16_t count;
	struct nic_ready_frame *frames[NIC_BURST];
};

struct worker {
	// Written once, before the lcore is launched.
	struct nic *nic;
	struct random_stream *random;
	struct forward_lcore *forward;
	uint16_t index; // its queue on every port
	uint16_t worker_count;
	uint16_t port_count;
	unsigned int lcore_id;
	const uint32_t *phase; // enum worker_phase
	// Frames for the kernel's interface of each port; the manager consumes. NULL: has none.
	struct rte_ring *to_kernel[NIC_PORTS_MOST];
	// Frames that the kernel sends by a port, from the manager. NULL but on the first worker.
	struct rte_ring *from_kernel;
	// One ring from each other worker, by its index; NULL for itself.
	struct rte_ring **hops_in;
	struct worker *const *workers;
	// To and from each stream lcore.
	struct stream_link *links[STREAM_LCORES_MOST];
	uint16_t stream_count;

	struct worker_transmit transmit[NIC_PORTS_MOST];
};

struct worker_options {
	struct nic *nic;
	struct forward_shared *shared;
	struct proxy_set *set;
	uint16_t index;
	uint16_t worker_count;
	unsigned int lcore_id;
	uint32_t queries;
	const uint32_t *phase;
	struct worker *const *workers; // all of them, by index; filled in before any is launched
	struct stream_loop *const *loops; // of the stream lcores
	uint16_t stream_count;
};

// Frames of one worker's pool that can wait in rings between lcores.
uint32_t worker_frames_held(uint16_t port_count, uint16_t worker_count, uint16_t stream_count);

// NULL with errno.
struct worker *worker_create(const struct worker_options *options);
void worker_destroy(struct worker *worker);

// The lcore's main function; `argument` is the worker. 0.
int worker_run(void *argument);
