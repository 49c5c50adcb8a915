// SPDX-License-Identifier: BSD-3-Clause
// Frames as NIC queues bring them, in heap memory of their own: a sanitizer sees what reaches
// beyond one, and a count sees what does not come back.
#pragma once

#include "net/frame.h"

#define PACKET_HEADROOM 128
#define PACKET_ROOM 2048 // of the frame and what may be written behind it, as an mbuf has

struct packet_pool {
	uint32_t live; // frames given out that have not come back
	uint32_t left; // frames that can still be given out
};

// The MAC of whoever has this address.
struct net_mac packet_mac_of(const struct net_address *address);
// The MAC of the forwarder's NIC port.
struct net_mac packet_mac_of_port(uint16_t port);

// An empty frame, with room for all headers before its payload. False when none is left.
bool packet_allocate(struct packet_pool *pool, struct net_frame *frame);
void packet_release(struct packet_pool *pool, struct net_frame *frame);

// A datagram of this flow, not parsed. It is not taken from what is left.
void packet_make_datagram(struct packet_pool *pool, const struct net_flow *flow,
	const uint8_t *payload, uint16_t length, struct net_frame *frame);

// An ICMP or ICMPv6 destination unreachable from `router`, about a frame that was sent: its IP
// packet is quoted, its first `quoted` bytes at most.
void packet_make_unreachable(struct packet_pool *pool, const struct net_frame *sent,
	const struct net_address *router, uint8_t code, uint16_t quoted, struct net_frame *frame);

// Makes the UDP checksum of a datagram wrong, or the datagram a first fragment.
void packet_break_checksum(struct net_frame *frame);
void packet_make_fragment(struct net_frame *frame);
