// SPDX-License-Identifier: BSD-3-Clause
// The NIC ports: opened alike whatever drives them, polled in bursts by the worker lcores, closed
// with nothing left behind in the kernel. One `struct nic` holds every port that EAL was given,
// one queue pair of each a worker, and one pool of frames a worker and for each lcore more that
// makes frames of its own.
//
// Ports and queues are numbered from 0 without gaps; queue q is worker q's, and so is pool q. Pools
// behind those are of the other lcores in turn.
// Open, close, filters and statistics belong to the management lcore; receive and send to the
// worker whose queue it is; frames may be had from any pool, and freed, on any lcore of EAL.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "net/address.h"
#include "net/frame.h"
#include "nic/error.h"

#define NIC_PORTS_MOST 16
#define NIC_BURST 64 // frames that one receive or send call takes at most
#define NIC_NAME_TEXT 64 // bytes that hold any port, driver or interface name
#define NIC_STEERING_MOST 3

// Who gets what is not ours.
enum nic_kernel_path {
	NIC_KERNEL_PATH_NONE, // nobody: it is dropped
	NIC_KERNEL_PATH_BIFURCATED, // the kernel has it already, through its own interface
	NIC_KERNEL_PATH_TAP, // a TAP interface with the port's MAC
};

// How the reply to a local port comes to the queue of the worker that owns it.
enum nic_steering {
	NIC_STEERING_RTE_FLOW, // rules on bits of the destination port
	NIC_STEERING_THASH, // local ports chosen by the NIC's RSS hash
	NIC_STEERING_HOP, // a ring between workers
};

struct nic_port_info {
	char name[NIC_NAME_TEXT]; // DPDK's device name
	char driver[NIC_NAME_TEXT]; // rte_eth_dev_info.driver_name
	char interface[NIC_NAME_TEXT]; // the kernel's interface of a bifurcated port, or ""
	unsigned int interface_index; // of it, or 0
	struct net_mac mac;
	uint16_t dpdk_port; // DPDK's port id
	uint16_t queues; // open
	uint16_t queues_most; // that the device and its driver file allow
	uint16_t rx_ring; // descriptors a queue
	uint16_t tx_ring;
	uint16_t tx_offload; // NET_OFFLOAD_TX_* for net_frame_write_headers
	bool has_filter; // nic_filter_set decides what we get
	enum nic_kernel_path kernel_path;
	enum nic_steering steering[NIC_STEERING_MOST]; // that the driver file lists, best first
	uint16_t steering_count;
};

// Written by the queue's worker alone, read by any lcore with base_load.
struct nic_queue_counters {
	uint64_t rx_frames; // handed to the worker
	uint64_t tx_frames; // taken by the NIC
	uint64_t tx_dropped; // not taken after the retries, and freed
	uint64_t rx_segmented; // came in several buffers: freed, not handed on
};

// What the device counted since it was opened.
struct nic_port_statistics {
	uint64_t rx_frames;
	uint64_t tx_frames;
	uint64_t rx_missed; // no room in the rx ring
	uint64_t rx_errors;
	uint64_t rx_no_buffer; // the pool was empty
	uint64_t tx_errors;
};

struct nic_options {
	uint16_t queues; // worker lcores, 1 or more
	uint16_t other_pools; // lcores without a queue that make frames
	const unsigned int *lcores; // DPDK lcore ids: `queues` of workers, then `other_pools`
	uint32_t frames; // a pool; 0: as many as rings and caches of every port can hold,
	uint32_t held; // and this many that wait in rings of the caller's
	const char *drivers_folder; // of the driver files; NULL: nic_drivers_folder() finds it
};

// What a filter lets us have; everything else stays with the kernel. Arrays may be empty.
struct nic_filter_rules {
	const struct net_endpoint *served; // UDP to these, fragments included
	size_t served_count;
	const struct net_address *local; // addresses that our own queries leave from
	size_t local_count;
	uint16_t local_port_first; // local ports of our queries, last included
	uint16_t local_port_last;
	const struct net_endpoint *upstreams; // replies and ICMP errors come from queries to these
	size_t upstream_count;
};

struct nic;

// Opens and starts every port of EAL, after rte_eal_init. NULL with `error` filled in: no port,
// fewer queues than workers, a bad driver file, or whatever the driver refused.
struct nic *nic_open(const struct nic_options *options, struct nic_error *error);

// Stops and closes the ports and detaches every filter. No worker polls any more.
void nic_close(struct nic *nic);

uint16_t nic_port_count(const struct nic *nic);
// Good until nic_close.
const struct nic_port_info *nic_port_info(const struct nic *nic, uint16_t port);
const struct nic_queue_counters *nic_queue_counters(
	const struct nic *nic, uint16_t port, uint16_t queue);
// 0 or -errno.
int nic_port_statistics(const struct nic *nic, uint16_t port, struct nic_port_statistics *out);

// Makes the filter of a port let through what `rules` say, by changing what differs: what both
// old and new rules have is never missing in between. Before the first call nothing passes to us.
// 0 at once for a port that has none. -ENOSPC: more rules than the filter's tables hold; other
// -errno from the kernel.
int nic_filter_set(struct nic *nic, uint16_t port, const struct nic_filter_rules *rules);

// Up to `most` (NIC_BURST at most) frames, with everything set that the owner of the memory sets.
// They belong to the caller, who sends or frees each.
uint16_t nic_port_receive(
	struct nic *nic, uint16_t port, uint16_t queue, struct net_frame *frames, uint16_t most);

// Sends frames whose headers net_frame_write_headers wrote, or that leave as they came. Every
// frame is gone afterwards: what the NIC does not take within a few tries is freed and counted.
// Returns how many it took; count is NIC_BURST at most.
uint16_t nic_port_send(
	struct nic *nic, uint16_t port, uint16_t queue, struct net_frame *frames, uint16_t count);

// The same in two steps, for who collects a burst: each frame is made ready as it comes, and then
// they are sent. What stands for a frame in between is nobody's to look at.
struct nic_ready_frame;
struct nic_ready_frame *nic_frame_make_ready(const struct net_frame *frame);
uint16_t nic_port_send_ready(struct nic *nic, uint16_t port, uint16_t queue,
	struct nic_ready_frame **frames, uint16_t count);

// `count` (NIC_BURST at most) frames from a pool with room for headers of any kind and
// an empty payload behind it: length and payload_offset are NET_HEADERS_MOST. count, or 0 when
// the pool has not that many: the caller counts that.
uint16_t nic_frame_alloc(
	struct nic *nic, uint16_t pool, struct net_frame *frames, uint16_t count) base_must_check;

void nic_frame_free(struct nic *nic, struct net_frame *frames, uint16_t count);
// Asks for the lines of a short payload that another lcore wrote, and for those that freeing it wants.
void nic_frame_prefetch(const struct net_frame *frame);

// Frames of the pool that are neither in a ring nor in anyone's hands. Management lcore.
uint32_t nic_frames_free(const struct nic *nic, uint16_t pool);
uint32_t nic_frames_total(const struct nic *nic, uint16_t pool);
