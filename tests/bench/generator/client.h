// SPDX-License-Identifier: BSD-3-Clause
// The clients: a table of queries in flight, whose slot says address, port and part of the id.
// Times are cycles of the TSC.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "frames.h"
#include "histogram.h"
#include "link.h"
#include "names.h"
#include "pacer.h"

struct client_query {
	uint64_t sent_at; // when it was due, if there is a rate
	struct frame_key key;
	uint16_t id;
	uint16_t lost_id; // of the last one of this slot that was given up
	bool is_in_flight;
	bool is_lost; // one was, and its answer has not come since
};

struct client_counters {
	uint64_t sent;
	uint64_t answered;
	uint64_t failed; // answered with an RCODE other than NOERROR
	uint64_t wrong; // frames that answer nothing asked, or not as they should
	uint64_t late; // answers to what was lost already
	uint64_t lost;
};

struct client {
	const struct frame_template *template;
	struct names names;
	struct client_query *queries;
	uint32_t *free_slots; // ring, so that a slot rests as long as can be
	uint32_t free_head; // next to be taken
	uint32_t free_tail; // next to be given back
	uint32_t slot_mask;
	uint32_t slot_bits;
	uint32_t address_bits;
	uint32_t flow_bits; // address and port
	uint32_t in_flight;
	uint32_t in_flight_most; // so far
	uint32_t window;
	uint32_t expiry_slot; // the next to be looked at
	uint64_t patience;
	struct pacer pacer;
	bool is_measuring; // latencies count
	struct client_counters counters;
	struct histogram latency; // cycles
};

// 0 or -ENOMEM. `template` is kept.
int client_init(struct client *client, const struct options *options,
	const struct frame_template *template, uint64_t now);
void client_fini(struct client *client);

// Begins to count the time of the rate.
void client_start(struct client *client, uint64_t now);

// Sends what is due and has room in window and link. Returns how many.
uint16_t client_send(struct client *client, struct link *link, uint64_t now);

// Sends one query out of turn, which finds out if the forwarder is there.
void client_probe(struct client *client, struct link *link, uint64_t now);

// Takes datagrams that are not for an upstream. The frames stay the caller's.
void client_receive(
	struct client *client, struct rte_mbuf *const *frames, uint16_t count, uint64_t now);

// Looks at a few slots in turn, and gives up those older than the patience.
void client_expire(struct client *client, uint32_t count, uint64_t now);

// Everything in flight is lost.
void client_give_up(struct client *client);
