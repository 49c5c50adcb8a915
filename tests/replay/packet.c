// SPDX-License-Identifier: BSD-3-Clause
#include "packet.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "net/checksum.h"
#include "net/wire.h"

struct net_mac packet_mac_of(const struct net_address *address)
{
	struct net_mac mac = {{0x02, 0xc1}};

	memcpy(mac.bytes + 2, address->bytes + 12, 4);
	return mac;
}

struct net_mac packet_mac_of_port(uint16_t port)
{
	return (struct net_mac){{0x02, 0xf0, 0, 0, 0, (uint8_t)port}};
}

// A frame of `length` bytes, zeroed.
static void packet_create(struct packet_pool *pool, uint16_t length, struct net_frame *frame)
{
	uint16_t room = length > PACKET_ROOM ? length : PACKET_ROOM;
	uint8_t *memory = calloc(1, (size_t)PACKET_HEADROOM + room);

	if (!memory)
		abort();
	*frame = (struct net_frame){
		.buffer = memory,
		.data = memory + PACKET_HEADROOM,
		.length = length,
		.headroom = PACKET_HEADROOM,
		.tailroom = (uint16_t)(room - length),
	};
	pool->live++;
}

bool packet_allocate(struct packet_pool *pool, struct net_frame *frame)
{
	if (!pool->left)
		return false;
	pool->left--;
	packet_create(pool, NET_HEADERS_MOST, frame);
	frame->payload_offset = NET_HEADERS_MOST;
	return true;
}

void packet_release(struct packet_pool *pool, struct net_frame *frame)
{
	free(frame->buffer);
	pool->live--;
}

void packet_make_datagram(struct packet_pool *pool, const struct net_flow *flow,
	const uint8_t *payload, uint16_t length, struct net_frame *frame)
{
	packet_create(pool, (uint16_t)(NET_HEADERS_MOST + length), frame);
	frame->payload_offset = NET_HEADERS_MOST;
	frame->payload_length = length;
	if (length)
		memcpy(frame->data + frame->payload_offset, payload, length);
	if (net_frame_write_headers(frame, flow, 0))
		abort();
	frame->port = flow->port;
	frame->offload = 0;
}

// IP and ICMP headers of an error, behind which the quote stands already.
static void unreachable_write_ipv4(uint8_t *ip, const struct net_frame *sent,
	const struct net_address *router, uint8_t code, uint16_t quoted)
{
	uint8_t *icmp = ip + NET_IPV4_HEADER;
	uint16_t sum;

	ip[0] = 0x45;
	bytes_store_u16(ip + 2, (uint16_t)(NET_IPV4_HEADER + NET_ICMP_HEADER + quoted));
	ip[8] = 64;
	ip[9] = NET_PROTOCOL_ICMP;
	memcpy(ip + 12, net_address_ipv4(router), 4);
	memcpy(ip + 16, net_address_ipv4(&sent->source.address), 4);
	sum = (uint16_t)~net_checksum_fold(net_checksum_ipv4_header(ip));
	memcpy(ip + 10, &sum, sizeof(sum));
	icmp[0] = NET_ICMP_UNREACHABLE;
	icmp[1] = code;
	sum = (uint16_t)~net_checksum_fold(
		net_checksum_add(0, icmp, (size_t)NET_ICMP_HEADER + quoted));
	memcpy(icmp + 2, &sum, sizeof(sum));
}

static void unreachable_write_ipv6(uint8_t *ip, const struct net_frame *sent,
	const struct net_address *router, uint8_t code, uint16_t quoted)
{
	uint8_t *icmp = ip + NET_IPV6_HEADER;
	uint16_t length = (uint16_t)(NET_ICMP_HEADER + quoted);
	uint16_t sum;

	ip[0] = 0x60;
	bytes_store_u16(ip + 4, length);
	ip[6] = NET_PROTOCOL_ICMPV6;
	ip[7] = 64;
	memcpy(ip + 8, router->bytes, 16);
	memcpy(ip + 24, sent->source.address.bytes, 16);
	icmp[0] = NET_ICMPV6_UNREACHABLE;
	icmp[1] = code;
	sum = (uint16_t)~net_checksum_fold(net_checksum_add(
		net_checksum_ipv6_pseudo(ip + 8, ip + 24, NET_PROTOCOL_ICMPV6, length), icmp,
		length));
	memcpy(icmp + 2, &sum, sizeof(sum));
}

void packet_make_unreachable(struct packet_pool *pool, const struct net_frame *sent,
	const struct net_address *router, uint8_t code, uint16_t quoted, struct net_frame *frame)
{
	uint16_t header = sent->is_ipv4 ? NET_IPV4_HEADER : NET_IPV6_HEADER;
	uint16_t packet = (uint16_t)(sent->length - sent->l3_offset);
	uint8_t *ip;

	if (quoted > packet)
		quoted = packet;
	packet_create(
		pool, (uint16_t)(NET_ETHERNET_HEADER + header + NET_ICMP_HEADER + quoted), frame);
	ip = frame->data + NET_ETHERNET_HEADER;
	memcpy(frame->data, sent->data + NET_MAC_BYTES, NET_MAC_BYTES);
	memcpy(frame->data + NET_MAC_BYTES, sent->data, NET_MAC_BYTES);
	bytes_store_u16(frame->data + 12, sent->is_ipv4 ? NET_ETHERTYPE_IPV4 : NET_ETHERTYPE_IPV6);
	memcpy(ip + header + NET_ICMP_HEADER, sent->data + sent->l3_offset, quoted);
	if (sent->is_ipv4)
		unreachable_write_ipv4(ip, sent, router, code, quoted);
	else
		unreachable_write_ipv6(ip, sent, router, code, quoted);
	frame->port = sent->port;
}

void packet_break_checksum(struct net_frame *frame)
{
	frame->data[frame->l4_offset + 6] ^= 0x55;
}

void packet_make_fragment(struct net_frame *frame)
{
	uint8_t *ip = frame->data + frame->l3_offset;
	uint16_t sum = 0;

	bytes_store_u16(ip + 6, NET_IPV4_MORE_FRAGMENTS);
	memcpy(ip + 10, &sum, sizeof(sum));
	sum = (uint16_t)~net_checksum_fold(net_checksum_ipv4_header(ip));
	memcpy(ip + 10, &sum, sizeof(sum));
}
