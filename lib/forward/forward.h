// SPDX-License-Identifier: BSD-3-Clause
// The one place that knows the order: what happens to a frame from the NIC queue to the verdict.
// Works on frames in plain memory; app/ joins it to NIC queues, tests join it to arrays. One
// struct an lcore, all functions that lcore's; nothing allocates (frames come from the sink),
// waits or fails: every way out is a counter.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "forward/client.h"
#include "forward/snapshot.h"
#include "net/frame.h"
#include "proxy/exchange.h"
#include "stats/counters.h"
#include "stats/query_ring.h"
#include "stats/stages.h"

#define FORWARD_PORTS_MOST 16
#define FORWARD_LCORES_MOST 128
// Local ports below the range that the kernel gives to its own sockets.
#define FORWARD_LOCAL_PORT_FIRST 10240
#define FORWARD_LOCAL_PORT_LAST 32767
#define FORWARD_STREAM_PORTS 1024 // what a stream lcore needs, if upstreams are not more

enum forward_handover {
	FORWARD_HANDED_OVER,
	FORWARD_RING_FULL,
	FORWARD_NO_TAKER, // bifurcated port: the kernel has its own copy or its own path
};

// What an attempt over a stream is known by, and until when its answer is of use.
struct forward_stream_attempt {
	uint32_t slot;
	uint32_t stream_attempt;
	uint16_t upstream; // of the proxy set
	uint16_t question_end; // offset behind the question in the payload
	bool is_check; // of health: on a connection of its own
	uint64_t until;
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
	// The payload is a query for an upstream over TCP or TLS. False: there is no room, and the
	// frame is still the caller's. What becomes of it: forward_lcore_receive_stream_replies().
	bool (*ask)(void *context, struct net_frame *frame,
		const struct forward_stream_attempt *attempt);
	// The payload is the answer to a query of forward_lcore_receive_stream_queries(). NULL on an
	// lcore that has none of those.
	void (*answer)(
		void *context, struct net_frame *frame, const struct forward_stream_client *client);
	// Such a query gets no answer.
	void (*leave_unanswered)(void *context, const struct forward_stream_client *client);
};

// What all lcores share: written by the management lcore alone.
struct forward_shared {
	struct forward_snapshot *snapshot; // under RCU; never NULL while workers run
	// Under RCU; a set and caches are published, and every lcore has followed, before a snapshot
	// leads to what is new in them. NULL: they are not changed while workers run.
	struct proxy_set *set;
	// Written before the workers start.
	uint16_t worker_count;
	uint16_t stream_count; // stream lcores, whose indices stand behind those of the workers
	uint16_t local_port_first;
	uint16_t local_port_last;
	uint16_t stream_ports; // of each stream lcore
	uint8_t *port_owners; // for each local port from first on, the lcore index that owns it
	uint16_t tx_offload[FORWARD_PORTS_MOST]; // NET_OFFLOAD_TX_* by NIC port
	struct forward_caches *caches; // likewise, published before the set; NULL: never had any
	// How each NIC port spreads replies over queues; NULL: not by a hash that is known.
	const struct net_steering *steering[FORWARD_PORTS_MOST];
};

struct forward_lcore;

static inline uint16_t forward_shared_lcores(const struct forward_shared *shared)
{
	return (uint16_t)(shared->worker_count + shared->stream_count);
}

struct forward_lcore_options {
	uint16_t lcore; // index
	uint32_t pending_count;
	uint64_t now;
	struct forward_sink sink;
};

// The part of the local ports that belongs to an lcore.
void forward_local_ports(
	const struct forward_shared *shared, uint16_t lcore, uint16_t *first, uint16_t *count);

struct forward_shared_options {
	uint16_t local_port_first;
	uint16_t local_port_last;
	uint16_t worker_count; // 1 or more
	uint16_t stream_count;
	// Ports of each stream lcore, which mostly asks over streams; no more than a worker has.
	uint16_t stream_ports;
};

// Fills in the counts, the range and who owns which of its ports. 0,
// -ENOMEM, or -EINVAL for a range that is empty or smaller than the lcores, or too many lcores.
base_must_check int forward_shared_init(
	struct forward_shared *shared, const struct forward_shared_options *options);
void forward_shared_fini(struct forward_shared *shared);

// `shared` and `random` must live longer, `set` until another is followed. NULL with errno.
struct forward_lcore *forward_lcore_create(struct forward_shared *shared, struct proxy_set *set,
	struct random_stream *random, const struct forward_lcore_options *options);
void forward_lcore_destroy(struct forward_lcore *lcore);

// Goes over to the newest set and caches: the first thing in each turn of the owner's loop, after a
// quiescent state. True if there were new ones.
bool forward_lcore_follow(struct forward_lcore *lcore);
// Of the set that was followed last, 0: that which it was made with. The management lcore's, which
// publishes no other set before every lcore has followed the last.
uint64_t forward_lcore_generation(const struct forward_lcore *lcore);

// Frames of one burst from a NIC queue. The frames are taken.
void forward_lcore_receive(
	struct forward_lcore *lcore, struct net_frame *frames, uint16_t count, uint64_t now);

// Frames that another lcore passed on.
void forward_lcore_receive_hopped(
	struct forward_lcore *lcore, struct net_frame *frames, uint16_t count, uint64_t now);

// A query that came over TCP or TLS. Of the frame, the payload counts, and no headers are there.
struct forward_stream_query {
	struct net_frame frame;
	struct net_endpoint local; // where it came to
	struct net_endpoint peer; // and from
	bool is_tls;
	struct forward_stream_client client;
};

// The frames are taken.
void forward_lcore_receive_stream_queries(struct forward_lcore *lcore,
	struct forward_stream_query *queries, uint16_t count, uint64_t now);

// How long the connection of such a client may be idle at present, for those who want to know.
void forward_lcore_set_stream_timeout(struct forward_lcore *lcore, uint64_t nanoseconds);

// What became of an attempt over TCP or TLS.
struct forward_stream_reply {
	uint32_t slot;
	uint32_t stream_attempt;
	bool is_failure;
	uint8_t failure; // enum proxy_failure
	struct net_frame frame; // its payload is the reply; not set for a failure
};

// The frames are taken.
void forward_lcore_receive_stream_replies(struct forward_lcore *lcore,
	struct forward_stream_reply *replies, uint16_t count, uint64_t now);

// After the frames of a burst: attempts that ran out of time, and the manager's messages.
void forward_lcore_expire(struct forward_lcore *lcore, uint64_t now);

// New queries are dropped from now on; those in flight go on.
void forward_lcore_stop_queries(struct forward_lcore *lcore);
// Then, with none in flight: the pools stop, too.
void forward_lcore_stop_pools(struct forward_lcore *lcore);

// All queries in flight, without health checks, and those among them that no client waits for.
uint32_t forward_lcore_in_flight(const struct forward_lcore *lcore);
uint32_t forward_lcore_refreshing(const struct forward_lcore *lcore);
// And those that wait for the reply to another's query.
uint32_t forward_lcore_waiting(const struct forward_lcore *lcore);

// Replies that were not kept, by why. 0 without a cache.
uint64_t forward_lcore_refused(const struct forward_lcore *lcore, enum cache_answer_refusal why);

// Where records of `log` and `errors` go from now on; NULL: nowhere. The management lcore's, before a
// snapshot leads to a block with either; the ring is there until the lcore is destroyed.
void forward_lcore_set_records(struct forward_lcore *lcore, struct query_ring *records);

// A turn of the owner's loop that found frames took so many nanoseconds.
void forward_lcore_count_busy(struct forward_lcore *lcore, uint64_t nanoseconds);

// For the owner to mark its own stages, and for anyone to read.
struct stats_stages *forward_lcore_stages(struct forward_lcore *lcore);

const struct stats_counters *forward_lcore_counters(const struct forward_lcore *lcore);
// For the sweep and for telemetry, both on the management lcore.
struct proxy_lcore *forward_lcore_proxy(struct forward_lcore *lcore);
