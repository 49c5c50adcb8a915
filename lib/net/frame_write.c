// SPDX-License-Identifier: BSD-3-Clause
// New headers round a payload that stays where it is. Sums are taken from the values that are
// written, not read back: a load across fresh stores would wait for them.
#include "net/frame.h"

#include <endian.h>
#include <errno.h>

#include "base/bytes.h"
#include "net/checksum.h"
#include "net/wire.h"

#define ETHERNET_WITH_TAG (NET_ETHERNET_HEADER + NET_VLAN_TAG)
#define HOP_LIMIT 64 // RFC 1700's default, for both versions

// Destination address, source address, EtherType in an Ethernet header.
#define MAC_DESTINATION 0
#define MAC_SOURCE 6

void net_frame_flow_back(const struct net_frame *frame, struct net_flow *flow)
{
	flow->source = frame->destination;
	flow->destination = frame->source;
	memcpy(&flow->source_mac, frame->data + MAC_DESTINATION, sizeof(flow->source_mac));
	memcpy(&flow->destination_mac, frame->data + MAC_SOURCE, sizeof(flow->destination_mac));
	flow->vlan = frame->vlan;
	flow->port = frame->port;
}

// Returns where the IP header goes, as the writers below return where UDP goes.
static inline uint8_t *write_ethernet(
	uint8_t *header, const struct net_flow *flow, uint16_t ethertype, unsigned l2_length)
{
	memcpy(header + MAC_DESTINATION, &flow->destination_mac, sizeof(flow->destination_mac));
	memcpy(header + MAC_SOURCE, &flow->source_mac, sizeof(flow->source_mac));
	if (l2_length == ETHERNET_WITH_TAG) {
		bytes_store_u16(header + 12, NET_ETHERTYPE_VLAN);
		bytes_store_u16(header + 14, flow->vlan);
		header += NET_VLAN_TAG;
	}
	bytes_store_u16(header + 12, ethertype);
	return header + NET_ETHERNET_HEADER;
}

static inline void store_word(uint8_t *at, uint32_t word)
{
	memcpy(at, &word, sizeof(word));
}

// An atomic datagram: DF set, so that the identification means nothing (RFC 6864, section 4.1).
static inline void put_ipv4(uint8_t *header, uint32_t source, uint32_t destination,
	uint16_t udp_length, uint16_t offload)
{
	uint32_t start = htobe32(0x45000000u | (uint32_t)(NET_IPV4_HEADER + udp_length));
	uint32_t fragment = htobe32(NET_IPV4_DONT_FRAGMENT);
	uint32_t protocol = htobe32(HOP_LIMIT << 24 | NET_PROTOCOL_UDP << 16);
	uint16_t checksum = 0;

	// DPDK wants zero where the NIC fills in.
	if (!(offload & NET_OFFLOAD_TX_IPV4)) {
		checksum = (uint16_t)~net_checksum_fold(
			(uint64_t)start + fragment + protocol + source + destination);
	}
	store_word(header, start);
	store_word(header + 4, fragment);
	store_word(header + 8, protocol);
	store_word(header + 12, source);
	store_word(header + 16, destination);
	memcpy(header + 10, &checksum, sizeof(checksum));
}

static inline uint8_t *write_ipv4(
	uint8_t *header, const struct net_flow *flow, uint16_t udp_length, uint16_t offload)
{
	put_ipv4(header, net_checksum_word(net_address_ipv4(&flow->source.address)),
		net_checksum_word(net_address_ipv4(&flow->destination.address)), udp_length,
		offload);
	return header + NET_IPV4_HEADER;
}

static inline uint8_t *write_ipv6(uint8_t *header, const struct net_flow *flow, uint16_t udp_length)
{
	bytes_store_u32(header, 6u << 28);
	bytes_store_u32(header + 4, (uint32_t)udp_length << 16 | NET_PROTOCOL_UDP << 8 | HOP_LIMIT);
	memcpy(header + 8, flow->source.address.bytes, 16);
	memcpy(header + 24, flow->destination.address.bytes, 16);
	return header + NET_IPV6_HEADER;
}

// `sum` is the pseudo header's, `payload_sum` the payload's or 0; that stands behind the header.
// `both_ports` is the source in the upper half, and the destination.
static inline void put_udp(uint8_t *header, uint32_t both_ports, uint16_t udp_length, uint64_t sum,
	uint32_t payload_sum, uint16_t offload)
{
	uint32_t ports = htobe32(both_ports);
	uint32_t length = htobe32((uint32_t)udp_length << 16);
	uint16_t checksum;

	if (offload & NET_OFFLOAD_TX_UDP) {
		checksum = net_checksum_fold(sum);
	} else {
		sum += (uint64_t)ports + length + payload_sum;
		if (base_unlikely(!payload_sum)) {
			sum = net_checksum_add(
				sum, header + NET_UDP_HEADER, (size_t)udp_length - NET_UDP_HEADER);
		}
		checksum = (uint16_t)~net_checksum_fold(sum);
		if (checksum == 0)
			checksum = 0xffff;
	}
	memcpy(header, &ports, sizeof(ports));
	memcpy(header + 4, &length, sizeof(length));
	memcpy(header + 6, &checksum, sizeof(checksum));
}

static inline void write_udp(uint8_t *header, const struct net_flow *flow, uint16_t udp_length,
	uint64_t sum, uint32_t payload_sum, uint16_t offload)
{
	put_udp(header, (uint32_t)flow->source.port << 16 | flow->destination.port, udp_length, sum,
		payload_sum, offload);
}

// Moves the start and the end of the frame so that the headers of `l3_length` and the layers round
// it end where the payload begins.
static inline bool fit_round_payload(
	struct net_frame *frame, unsigned l2_length, unsigned l3_length)
{
	unsigned headers = l2_length + l3_length + NET_UDP_HEADER;
	unsigned before = (unsigned)frame->headroom + frame->payload_offset;
	unsigned behind = (unsigned)frame->length + frame->tailroom;
	unsigned payload_end = (unsigned)frame->payload_offset + frame->payload_length;

	if (base_unlikely(headers > before || payload_end > behind ||
			  headers + frame->payload_length > UINT16_MAX))
		return false;
	frame->data = net_frame_payload(frame) - headers;
	frame->headroom = (uint16_t)(before - headers);
	frame->tailroom = (uint16_t)(behind - payload_end);
	frame->length = (uint16_t)(headers + frame->payload_length);
	frame->l3_offset = (uint16_t)l2_length;
	frame->l4_offset = (uint16_t)(l2_length + l3_length);
	frame->payload_offset = (uint16_t)headers;
	return true;
}

static inline void describe(struct net_frame *frame, const struct net_flow *flow, uint16_t offload)
{
	frame->kind = NET_FRAME_UDP;
	frame->vlan = flow->vlan;
	frame->port = flow->port;
	frame->offload = offload;
	frame->source = flow->source;
	frame->destination = flow->destination;
}

// `l2_length` is a constant in each caller.
static base_always_inline int make_ipv4_datagram(
	struct net_frame *frame, const struct net_flow *flow, uint16_t offload, unsigned l2_length)
{
	uint16_t udp_length = (uint16_t)(NET_UDP_HEADER + frame->payload_length);
	uint64_t sum;
	uint8_t *at;

	if (base_unlikely(!fit_round_payload(frame, l2_length, NET_IPV4_HEADER)))
		return -ENOBUFS;
	describe(frame, flow, offload);
	frame->is_ipv4 = true;
	sum = net_checksum_ipv4_pseudo(net_address_ipv4(&flow->source.address),
		net_address_ipv4(&flow->destination.address), NET_PROTOCOL_UDP, udp_length);
	at = write_ethernet(frame->data, flow, NET_ETHERTYPE_IPV4, l2_length);
	at = write_ipv4(at, flow, udp_length, offload);
	write_udp(at, flow, udp_length, sum, frame->payload_sum, offload);
	return 0;
}

// `l2_length` is a constant in each caller.
static base_always_inline int make_ipv6_datagram(
	struct net_frame *frame, const struct net_flow *flow, uint16_t offload, unsigned l2_length)
{
	uint16_t udp_length = (uint16_t)(NET_UDP_HEADER + frame->payload_length);
	uint64_t sum;
	uint8_t *at;

	if (base_unlikely(!fit_round_payload(frame, l2_length, NET_IPV6_HEADER)))
		return -ENOBUFS;
	describe(frame, flow, offload);
	frame->is_ipv4 = false;
	sum = net_checksum_ipv6_pseudo(flow->source.address.bytes, flow->destination.address.bytes,
		NET_PROTOCOL_UDP, udp_length);
	at = write_ethernet(frame->data, flow, NET_ETHERTYPE_IPV6, l2_length);
	at = write_ipv6(at, flow, udp_length);
	write_udp(at, flow, udp_length, sum, frame->payload_sum, offload);
	return 0;
}

int net_frame_write_headers(struct net_frame *frame, const struct net_flow *flow, uint16_t offload)
{
	bool is_ipv4 = net_address_is_ipv4(&flow->destination.address);

	if (base_unlikely(net_address_is_ipv4(&flow->source.address) != is_ipv4))
		return -EINVAL;
	if (base_unlikely(flow->vlan != NET_VLAN_NONE)) {
		if (is_ipv4)
			return make_ipv4_datagram(frame, flow, offload, ETHERNET_WITH_TAG);
		return make_ipv6_datagram(frame, flow, offload, ETHERNET_WITH_TAG);
	}
	if (base_likely(is_ipv4))
		return make_ipv4_datagram(frame, flow, offload, NET_ETHERNET_HEADER);
	return make_ipv6_datagram(frame, flow, offload, NET_ETHERNET_HEADER);
}

static inline void turn_ethernet(uint8_t *header)
{
	struct net_mac destination, source;

	memcpy(&destination, header + MAC_DESTINATION, sizeof(destination));
	memcpy(&source, header + MAC_SOURCE, sizeof(source));
	memcpy(header + MAC_DESTINATION, &source, sizeof(source));
	memcpy(header + MAC_SOURCE, &destination, sizeof(destination));
}

static inline void turn_endpoints(struct net_frame *frame)
{
	struct net_endpoint source = frame->source;

	frame->source = frame->destination;
	frame->destination = source;
}

// The usual frame, without tag, options and extensions, whose payload fits: its headers are changed
// where they stand.
static inline void turn_ipv4_datagram(struct net_frame *frame, uint16_t offload)
{
	uint8_t *ip = frame->data + NET_ETHERNET_HEADER;
	uint8_t *udp = ip + NET_IPV4_HEADER;
	uint16_t udp_length = (uint16_t)(NET_UDP_HEADER + frame->payload_length);
	uint32_t source = net_checksum_word(ip + 16);
	uint32_t destination = net_checksum_word(ip + 12);
	uint16_t source_port = bytes_load_u16(udp + 2);
	uint16_t destination_port = bytes_load_u16(udp);
	uint64_t sum = net_checksum_ipv4_pseudo(ip + 12, ip + 16, NET_PROTOCOL_UDP, udp_length);

	turn_ethernet(frame->data);
	put_ipv4(ip, source, destination, udp_length, offload);
	put_udp(udp, (uint32_t)source_port << 16 | destination_port, udp_length, sum,
		frame->payload_sum, offload);
}

int net_frame_turn_back(struct net_frame *frame, uint16_t offload)
{
	unsigned headers = NET_ETHERNET_HEADER + NET_IPV4_HEADER + NET_UDP_HEADER;
	unsigned end = headers + frame->payload_length;
	unsigned room = (unsigned)frame->length + frame->tailroom;
	struct net_flow flow;

	if (base_unlikely(!frame->is_ipv4 || frame->payload_offset != headers ||
			  frame->vlan != NET_VLAN_NONE || end > room)) {
		net_frame_flow_back(frame, &flow);
		return net_frame_write_headers(frame, &flow, offload);
	}
	frame->length = (uint16_t)end;
	frame->tailroom = (uint16_t)(room - end);
	frame->offload = offload;
	turn_ipv4_datagram(frame, offload);
	turn_endpoints(frame);
	return 0;
}
