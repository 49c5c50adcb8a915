// SPDX-License-Identifier: BSD-3-Clause
// A whole forwarder without NIC and kernel: lcores of lib/forward joined to arrays, with the
// clock and the management lcore's work in the hands of the test. One thread does it all.
#pragma once

#include "base/clock.h"
#include "config/config.h"
#include "forward/forward.h"
#include "packet.h"

#define FORWARDER_LCORES_MOST 4
#define FORWARDER_LOCAL_MOST 8
#define FORWARDER_SENT_MOST 4096
// Time goes in steps of this, so that a timer fires at most this and a wheel's tick too late.
#define FORWARDER_STEP CLOCK_MILLISECOND

struct forwarder_options {
	const char *config_name;
	const char *config_text;
	uint16_t lcore_count;
	uint16_t local_port_first;
	uint16_t local_port_last;
	uint32_t pending_count;
	bool checks_health; // at the end of each turn
	struct net_address local[FORWARDER_LOCAL_MOST];
	size_t local_count;
};

// A frame that left, parsed.
struct forwarder_sent {
	struct net_frame frame;
	uint16_t lcore;
};

// What a sink of one lcore calls back with.
struct forwarder_port {
	struct forwarder *forwarder;
	uint16_t lcore;
};

struct forwarder_hop {
	struct net_frame frame;
	uint16_t to;
};

struct forwarder {
	struct forwarder_options options;
	struct config *config;
	struct proxy_set *set;
	struct forward_shared shared;
	struct random_stream *randoms[FORWARDER_LCORES_MOST];
	struct forward_lcore *lcores[FORWARDER_LCORES_MOST];
	struct forwarder_port ports[FORWARDER_LCORES_MOST];
	struct proxy_pools *pools[FORWARDER_LCORES_MOST];
	struct proxy_health *health;
	struct proxy_health_link *health_links[FORWARDER_LCORES_MOST];
	uint64_t started;
	uint64_t now;

	struct packet_pool packets;
	struct forwarder_sent sent[FORWARDER_SENT_MOST]; // a ring: what nobody took yet
	size_t sent_head;
	size_t sent_count;
	struct forwarder_hop hops[FORWARDER_SENT_MOST];
	size_t hop_count;
	size_t hop_room; // how many a ring between lcores takes
	enum forward_handover kernel; // what the kernel does with a frame
	char error[CONFIG_ERROR_TEXT];
};

// 0, or -1 with `error` filled in.
int forwarder_start(struct forwarder *forwarder, const struct forwarder_options *options);
// Goes over to another configuration, with paths as at the start. 0, or -1 with `error` filled in and
// all as it was.
int forwarder_reload(struct forwarder *forwarder, const char *config_text);
// Frees everything, whatever state it is in.
void forwarder_end(struct forwarder *forwarder);

// One frame into the queue of this lcore, and one turn of all lcores.
void forwarder_receive(struct forwarder *forwarder, uint16_t lcore, struct net_frame *frame);
// What lcores do after a burst: frames of other lcores, timeouts, messages of the manager, health
// checks.
void forwarder_turn(struct forwarder *forwarder);
void forwarder_advance(struct forwarder *forwarder, uint64_t nanoseconds);

// The manager marks, the owners unlink, the manager closes, the owners have the ports again.
void forwarder_sweep(struct forwarder *forwarder);
void forwarder_mark(struct forwarder *forwarder);
void forwarder_reap(struct forwarder *forwarder);
// False where that is no change.
bool forwarder_drain(struct forwarder *forwarder, uint16_t upstream);
bool forwarder_undrain(struct forwarder *forwarder, uint16_t upstream);
void forwarder_stop_queries(struct forwarder *forwarder);
void forwarder_stop_pools(struct forwarder *forwarder);

// The path to this upstream: from `source`, by a NIC port. Without `is_usable` there is none.
void forwarder_set_path(struct forwarder *forwarder, const struct net_address *upstream,
	const struct net_path *path);

// To every upstream one over the first NIC port.
void forwarder_set_all_paths(struct forwarder *forwarder);

// The oldest frame that left, or NULL; the next call of forwarder_drop_sent() frees it.
struct forwarder_sent *forwarder_oldest_sent(struct forwarder *forwarder);
void forwarder_drop_sent(struct forwarder *forwarder);

uint64_t forwarder_counter(const struct forwarder *forwarder, enum stats_counter counter);
uint32_t forwarder_in_flight(const struct forwarder *forwarder);

// What holds whenever no lcore is at work (stats/counters.h). NULL, or what is wrong.
const char *forwarder_check(const struct forwarder *forwarder);

// Ends the queries in flight and stops the pools; then nothing may be left. NULL, or what is.
const char *forwarder_check_end(struct forwarder *forwarder);
