// SPDX-License-Identifier: BSD-3-Clause
// The one place that knows the order: what happens to a frame from the NIC queue to the verdict.
// Works on frames in plain memory; app/ joins it to NIC queues, tests join it to arrays. One
// struct an lcore, all functions that lcore's; nothing allocates (frames come from the sink),
// waits or fails: every way out is a counter.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "forward/snapshot.h"
#include "net/frame.h"
#include "proxy/exchange.h"
#include "stats/counters.h"
#include "stats/stages.h"

#define FORWARD_PORTS_MOST 16
#define FORWARD_LCORES_MOST 128
// Local ports below the range that the kernel gives to its own sockets.
#define FORWARD_LOCAL_PORT_FIRST 10240
#define FORWARD_LOCAL_PORT_LAST 32767

enum forward_handover {
	FORWARD_HANDED_OVER,
	FORWARD_RING_FULL,
	FORWARD_NO_TAKER, // bifurcated port: the kernel has its own copy or its own path
};

// Where frames go and come from. Every call takes the frame: nobody touches it afterwards.
struct forward_sink {
	void *context;
	// An empty frame with payload_offset set so that all headers fit before it. False: none.
	bool (*allocate)(void *context, struct net_frame *frame);
	void (*send)(void *context, struct net_frame *frame); // by frame->port
	void (*release)(void *context, struct net_frame *frame);
	// Frees the frame unless FORWARD_HANDED_OVER.
	enum forward_handover (*to_kernel)(void *context, struct net_frame *frame);
	enum forward_handover (*to_lcore)(void *context, struct net_frame *frame, uint16_t lcore);
};

// What all lcores share: written by the management lcore alone.
struct forward_shared {
	struct forward_snapshot *snapshot; // under RCU; never NULL while workers run
	// Written before the workers start.
	uint16_t local_port_first;
	uint16_t local_port_last;
	uint8_t *port_owners; // for each local port from first on, the lcore index that owns it
	uint16_t tx_offload[FORWARD_PORTS_MOST]; // NET_OFFLOAD_TX_* by NIC port
	struct forward_caches *caches; // NULL: none in the configuration
	// How each NIC port spreads replies over queues; NULL: not by a hash that is known.
	const struct net_steering *steering[FORWARD_PORTS_MOST];
};

struct forward_lcore;

struct forward_lcore_options {
	uint16_t lcore; // index, 0 to lcore_count - 1
	uint16_t lcore_count;
	uint32_t pending_count;
	uint64_t now;
	struct forward_sink sink;
};

// The part of the local ports that belongs to an lcore.
void forward_local_ports(const struct forward_shared *shared, uint16_t lcore, uint16_t lcore_count,
	uint16_t *first, uint16_t *count);

// Fills in the range and who owns which of its ports. 0, -ENOMEM, or -EINVAL for a range that is
// empty or smaller than the lcores, or for too many lcores.
base_must_check int forward_shared_init(
	struct forward_shared *shared, uint16_t first, uint16_t last, uint16_t lcore_count);
void forward_shared_fini(struct forward_shared *shared);

// `shared`, `set` and `random` must live longer. NULL with errno.
struct forward_lcore *forward_lcore_create(struct forward_shared *shared, struct proxy_set *set,
	struct random_stream *random, const struct forward_lcore_options *options);
void forward_lcore_destroy(struct forward_lcore *lcore);

// Frames of one burst from a NIC queue. The frames are taken.
void forward_lcore_receive(
	struct forward_lcore *lcore, struct net_frame *frames, uint16_t count, uint64_t now);

// Frames that another lcore passed on.
void forward_lcore_receive_hopped(
	struct forward_lcore *lcore, struct net_frame *frames, uint16_t count, uint64_t now);

// After the frames of a burst: attempts that ran out of time, and the manager's messages.
void forward_lcore_expire(struct forward_lcore *lcore, uint64_t now);

// New queries are dropped from now on; those in flight go on.
void forward_lcore_stop_queries(struct forward_lcore *lcore);
// Then, with none in flight: the pools stop, too.
void forward_lcore_stop_pools(struct forward_lcore *lcore);

// All that are in flight, and those among them that no client waits for.
uint32_t forward_lcore_in_flight(const struct forward_lcore *lcore);
uint32_t forward_lcore_refreshing(const struct forward_lcore *lcore);
// And those that wait for the reply to another's query.
uint32_t forward_lcore_waiting(const struct forward_lcore *lcore);

// Replies that were not kept, by why. 0 without a cache.
uint64_t forward_lcore_refused(const struct forward_lcore *lcore, enum cache_answer_refusal why);

// A turn of the owner's loop that found frames took so many nanoseconds.
void forward_lcore_count_busy(struct forward_lcore *lcore, uint64_t nanoseconds);

// For the owner to mark its own stages, and for anyone to read.
struct stats_stages *forward_lcore_stages(struct forward_lcore *lcore);

const struct stats_counters *forward_lcore_counters(const struct forward_lcore *lcore);
// For the sweep and for telemetry, both on the management lcore.
struct proxy_lcore *forward_lcore_proxy(struct forward_lcore *lcore);
