// SPDX-License-Identifier: BSD-3-Clause
// One Ethernet frame in memory: taken apart where it enters, and given new headers where it
// leaves, round the same payload. Any lcore; nothing here allocates or keeps anything.
#pragma once

#include <endian.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "net/address.h"

#define NET_HEADERS_MOST (14 + 4 + 40 + 8) // Ethernet, one tag, IPv6, UDP

// What a frame turned out to be. Everything but UDP and ICMP_ERROR is for the kernel or for a
// counter; only for those two are addresses, ports and payload set.
enum net_frame_kind {
	NET_FRAME_UDP, // a whole UDP datagram, lengths and checksums good
	NET_FRAME_ICMP_ERROR, // destination unreachable that quotes a UDP datagram
	NET_FRAME_OTHER, // ARP, ND, TCP, other ICMP, other EtherTypes, two tags: the kernel's
	NET_FRAME_FRAGMENT, // a piece of a UDP datagram; other protocols' pieces are OTHER
	NET_FRAME_MALFORMED, // lengths that do not add up, a truncated header
	NET_FRAME_BAD_CHECKSUM, // IPv4 header, UDP, ICMP error, or no UDP checksum over IPv6
};

// What the NIC has already checked on receipt, and what it is asked to fill in when sending.
enum net_frame_offload {
	NET_OFFLOAD_RX_IP_GOOD = 1 << 0,
	NET_OFFLOAD_RX_UDP_GOOD = 1 << 1,
	NET_OFFLOAD_RX_BAD = 1 << 2, // the NIC found a checksum wrong
	NET_OFFLOAD_TX_IPV4 = 1 << 3,
	NET_OFFLOAD_TX_UDP = 1 << 4, // the field holds the pseudo header's sum (DPDK's convention)
};

struct net_frame {
	// Set by the owner of the memory; headroom, length and tailroom are 65535 at most together.
	void *buffer; // the owner's handle, never looked at here
	uint8_t *data; // first byte of the Ethernet header
	uint16_t length; // bytes of the frame
	uint16_t headroom; // bytes that may be written before data
	uint16_t tailroom; // bytes that may be written after data + length
	uint16_t port; // the NIC port it came from, or leaves by
	uint16_t offload; // enum net_frame_offload

	// Set by net_frame_parse and by net_frame_write_headers.
	uint8_t kind; // enum net_frame_kind
	bool is_ipv4;
	uint16_t vlan; // NET_VLAN_NONE or tag control information
	uint16_t l3_offset;
	uint16_t l4_offset;
	uint16_t payload_offset; // of the UDP payload; of the quoted IP header in an ICMP error
	uint16_t payload_length;
	// The one's complement sum of the UDP payload as in net/checksum.h, not folded, where the
	// checksum that came with it told; 0: not known. The functions below keep it.
	uint32_t payload_sum;
	struct net_endpoint source;
	struct net_endpoint destination;
};

// Everything in the headers of a datagram that is sent: enough to answer a client much later.
struct net_flow {
	struct net_endpoint source;
	struct net_endpoint destination;
	struct net_mac source_mac;
	struct net_mac destination_mac;
	uint16_t vlan;
	uint16_t port; // NIC port
};

// A UDP datagram of ours that an ICMP error quotes: what we had sent.
struct net_quoted_datagram {
	struct net_endpoint source;
	struct net_endpoint destination;
	const uint8_t *payload; // within the frame; as much of it as was quoted
	uint16_t payload_length;
};

// Takes the frame apart and returns its kind, which it also sets. Reads no byte outside the
// frame; a frame shorter than its IP length is malformed, a longer one is padded (RFC 894).
//
// - What NET_OFFLOAD_RX_* does not call good is summed here; of NET_OFFLOAD_RX_* nothing else is
//   believed but RX_BAD on a UDP datagram. The TX bits are not looked at.
// - IPv6 extension headers (hop-by-hop first, destination options, routing with no segment left,
//   an atomic fragment, RFC 6946) are skipped, eight at most; options in them are not looked at.
// - IPv6 from or to ::ffff:0:0/96 is malformed: it would pass for IPv4 above.
// - "Fragmentation needed" and "packet too big" are OTHER: what they quote was too large for
//   the path, the destination is not unreachable, and the path's MTU is the kernel's affair.
enum net_frame_kind net_frame_parse(struct net_frame *frame);

// The datagram that a NET_FRAME_ICMP_ERROR quotes. 0, or -EINVAL when the quote ends before its
// ports, is a later fragment, or was not sent from the address that the error came to.
int net_frame_parse_quote(const struct net_frame *frame, struct net_quoted_datagram *quoted);

static inline uint8_t *net_frame_payload(const struct net_frame *frame)
{
	return frame->data + frame->payload_offset;
}

// Bytes the payload may have in this buffer.
static inline uint16_t net_frame_payload_room(const struct net_frame *frame)
{
	return (uint16_t)(frame->length - frame->payload_offset + frame->tailroom);
}

// Changes two bytes of the payload, which it must have, and its sum with them (RFC 1624).
static inline void net_frame_payload_store_u16(
	struct net_frame *frame, uint16_t offset, uint16_t value)
{
	uint8_t *at = net_frame_payload(frame) + offset;
	uint16_t before;
	uint16_t after = htobe16(value);

	memcpy(&before, at, sizeof(before));
	memcpy(at, &after, sizeof(after));
	if (!frame->payload_sum)
		return;
	// From an odd offset on, the bytes count in the other halves of their words.
	if (offset % 2) {
		before = __builtin_bswap16(before);
		after = __builtin_bswap16(after);
	}
	frame->payload_sum += (uint16_t)~before;
	frame->payload_sum += after;
}

// Whatever else changes the payload says so here.
static inline void net_frame_payload_rewritten(struct net_frame *frame, uint16_t length)
{
	frame->payload_length = length;
	frame->payload_sum = 0;
}

// The same where its new sum is known; 0 for not.
static inline void net_frame_payload_replaced(
	struct net_frame *frame, uint16_t length, uint32_t sum)
{
	frame->payload_length = length;
	frame->payload_sum = sum;
}

// The flow that answers this UDP frame: every pair turned round, same port and tag.
void net_frame_flow_back(const struct net_frame *frame, struct net_flow *flow);

// Makes the frame a datagram of `flow` round its payload (payload_offset, payload_length), which
// stays where it is: headers are written before it, padding behind it is cut. `offload` are the
// NET_OFFLOAD_TX_* that the leaving port does; the rest is computed here. A UDP checksum of zero
// is sent as 0xffff (RFC 768; RFC 8200, section 8.1). The frame then is a NET_FRAME_UDP of
// `flow`, with `offload` in place of what it had. Only data, length, payload_offset,
// payload_length, payload_sum and the rooms need to be set before. 0, or with the frame as it was: -ENOBUFS
// when headroom lacks or the payload does not fit, -EINVAL when the flow mixes IP versions.
int net_frame_write_headers(struct net_frame *frame, const struct net_flow *flow, uint16_t offload);

// The same with the flow of net_frame_flow_back(), for a frame that was parsed and whose headers are
// as they came.
int net_frame_turn_back(struct net_frame *frame, uint16_t offload);
