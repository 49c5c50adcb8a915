// SPDX-License-Identifier: BSD-3-Clause
// A worker lcore of forward/ with its clients and its upstreams in plain memory: it is handed
// queries and replies in bursts, and what it sends is kept, so that what it costs can be measured
// without a NIC. Frames are few and warm, as a NIC hands them out. Whatever fails ends the program.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "forward/forward.h"

#define PLAIN_BURST 32

// What the lcores share. Made and changed by the main thread.
struct plain_world {
	struct config *config;
	struct proxy_set *set;
	struct forward_shared shared;
	uint16_t lcore_count;
};

// A query on its way: what its reply is made of.
struct plain_attempt {
	uint32_t name;
	uint16_t local_port;
	uint16_t id;
	uint8_t upstream; // last byte of its address
};

struct plain_lcore {
	struct forward_lcore *forward;
	struct random_stream *random;
	uint8_t *memory; // of the frames
	uint8_t **free_frames;
	uint32_t free_count;
	uint8_t *datagram; // from a client to us
	struct plain_attempt *attempts;
	uint32_t attempt_count;
	uint64_t drawn; // for the order of the replies
	uint64_t answers;
	uint64_t lost; // frames dropped
} base_aligned(BASE_CACHE_LINE_PAIR);

// `cache_bytes`: of a cache that lcores answer from; 0 for none.
void plain_world_open(struct plain_world *world, uint16_t lcore_count, uint64_t cache_bytes);
void plain_world_close(struct plain_world *world); // no lcore of it is open

// Publishes another path to the first upstream, and waits for a grace period to free the old one.
void plain_world_change_path(struct plain_world *world);

// With room for `in_flight` queries on their way. Of the lcores of the world, the `index`-th.
void plain_lcore_open(
	struct plain_lcore *lcore, struct plain_world *world, uint16_t index, uint32_t in_flight);
void plain_lcore_close(struct plain_lcore *lcore);

// A number below the limit, in an order that a CPU can not guess.
uint32_t plain_lcore_draw_below(struct plain_lcore *lcore, uint32_t limit);

// Frames of one burst: queries of the client for the names of these numbers, or for one name, or
// replies to queries on their way, as many, drawn at random.
void plain_lcore_ask(struct plain_lcore *lcore, struct net_frame frames[PLAIN_BURST],
	const uint32_t names[PLAIN_BURST]);
void plain_lcore_make_queries(struct plain_lcore *lcore, struct net_frame frames[PLAIN_BURST]);
void plain_lcore_make_replies(struct plain_lcore *lcore, struct net_frame frames[PLAIN_BURST]);

// Hands one burst over, as the loop of a worker does.
void plain_lcore_run(struct plain_lcore *lcore, struct net_frame frames[PLAIN_BURST], uint64_t now);

// Queries, then replies until no more than `in_flight` queries are on their way.
void plain_lcore_turn(struct plain_lcore *lcore, uint32_t in_flight, uint64_t now);
