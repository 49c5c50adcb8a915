// SPDX-License-Identifier: BSD-3-Clause
// Frames for the tests of lib/net, built byte by byte with arithmetic of their own, so that a
// fault of lib/net can not hide itself.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "net/frame.h"

#define PACKET_ROOM 2048

// 192.0.2.1 port 40000 asks 192.0.2.53 port 53; likewise 2001:db8::1 and 2001:db8::53.
static const uint8_t packet_macs[12] = {2, 0, 0, 0, 0, 0x53, 2, 0, 0, 0, 0, 1};
static const uint8_t packet_ipv4_addresses[8] = {192, 0, 2, 1, 192, 0, 2, 53};
static const uint8_t packet_ipv6_addresses[32] = {0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	0, 1, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x53};

struct packet {
	uint8_t bytes[PACKET_ROOM];
	size_t length;
	size_t l3; // offset of the IP header
	size_t l4; // of UDP or ICMP
	bool is_ipv4;
};

// What differs from the plainest IPv4 query.
struct packet_shape {
	bool is_ipv6;
	uint16_t tag; // with the 802.1Q tag, 0 for none
	const uint8_t *options; // IPv4 options or IPv6 extension headers
	size_t options_length;
	uint8_t first_next_header; // of the extension headers
	uint16_t ipv4_fragment; // flags and offset
	size_t trailer; // bytes in the IP packet behind the upper layer
	size_t padding; // bytes behind the IP packet
};

static inline void packet_put(struct packet *packet, const void *bytes, size_t length)
{
	if (length)
		memcpy(packet->bytes + packet->length, bytes, length);
	packet->length += length;
}

static inline void packet_put_u16(struct packet *packet, unsigned value)
{
	packet->bytes[packet->length++] = (uint8_t)(value >> 8);
	packet->bytes[packet->length++] = (uint8_t)value;
}

static inline void packet_set_u16(struct packet *packet, size_t at, unsigned value)
{
	packet->bytes[at] = (uint8_t)(value >> 8);
	packet->bytes[at + 1] = (uint8_t)value;
}

static inline unsigned packet_u16(const struct packet *packet, size_t at)
{
	return (unsigned)packet->bytes[at] << 8 | packet->bytes[at + 1];
}

// RFC 1071 to the letter: big endian words, an odd byte padded with zero, carries put round.
static inline unsigned packet_reference_sum(unsigned sum, const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		sum += i % 2 ? bytes[i] : (unsigned)bytes[i] << 8;
		if (sum > 0xffff)
			sum -= 0xffff;
	}
	return sum;
}

static inline unsigned packet_upper_sum(
	const struct packet *packet, uint8_t protocol, size_t length)
{
	uint8_t tail[4] = {0, protocol, (uint8_t)(length >> 8), (uint8_t)length};
	unsigned sum = packet_reference_sum(0, tail, 4);

	if (packet->is_ipv4)
		sum = packet_reference_sum(sum, packet->bytes + packet->l3 + 12, 8);
	else
		sum = packet_reference_sum(sum, packet->bytes + packet->l3 + 8, 32);
	if (packet->is_ipv4 && protocol == 1)
		sum = 0;
	return packet_reference_sum(sum, packet->bytes + packet->l4, length);
}

static inline void packet_fix_ipv4_checksum(struct packet *packet)
{
	size_t header_length = (packet->bytes[packet->l3] & 0xfu) * 4;

	packet_set_u16(packet, packet->l3 + 10, 0);
	packet_set_u16(packet, packet->l3 + 10,
		~packet_reference_sum(0, packet->bytes + packet->l3, header_length));
}

static inline void packet_fix_udp_checksum(struct packet *packet)
{
	unsigned sum;

	packet_set_u16(packet, packet->l4 + 6, 0);
	sum = packet_upper_sum(packet, 17, packet_u16(packet, packet->l4 + 4));
	packet_set_u16(packet, packet->l4 + 6, sum == 0xffff ? 0xffff : ~sum);
}

static inline void packet_put_ipv4(
	struct packet *packet, const struct packet_shape *shape, uint8_t protocol, size_t upper)
{
	packet->bytes[packet->length++] = (uint8_t)(0x45 + shape->options_length / 4);
	packet->bytes[packet->length++] = 0;
	packet_put_u16(packet, (unsigned)(20 + shape->options_length + upper + shape->trailer));
	packet_put_u16(packet, 0x1234);
	packet_put_u16(packet, shape->ipv4_fragment);
	packet->bytes[packet->length++] = 57;
	packet->bytes[packet->length++] = protocol;
	packet_put_u16(packet, 0);
	packet_put(packet, packet_ipv4_addresses, 8);
	packet_put(packet, shape->options, shape->options_length);
	packet_fix_ipv4_checksum(packet);
}

static inline void packet_put_ipv6(
	struct packet *packet, const struct packet_shape *shape, uint8_t protocol, size_t upper)
{
	packet_put_u16(packet, 0x6001);
	packet_put_u16(packet, 0x2345);
	packet_put_u16(packet, (unsigned)(shape->options_length + upper + shape->trailer));
	packet->bytes[packet->length++] =
		shape->options_length ? shape->first_next_header : protocol;
	packet->bytes[packet->length++] = 57;
	packet_put(packet, packet_ipv6_addresses, 32);
	packet_put(packet, shape->options, shape->options_length);
}

// Ethernet and IP, for an upper layer of `upper` bytes that the caller puts next.
static inline void packet_start(
	struct packet *packet, const struct packet_shape *shape, uint8_t protocol, size_t upper)
{
	memset(packet, 0, sizeof(*packet));
	packet->is_ipv4 = !shape->is_ipv6;
	packet_put(packet, packet_macs, 12);
	if (shape->tag) {
		packet_put_u16(packet, 0x8100);
		packet_put_u16(packet, shape->tag);
	}
	packet_put_u16(packet, shape->is_ipv6 ? 0x86dd : 0x0800);
	packet->l3 = packet->length;
	if (shape->is_ipv6)
		packet_put_ipv6(packet, shape, protocol, upper);
	else
		packet_put_ipv4(packet, shape, protocol, upper);
	packet->l4 = packet->length;
}

static inline void packet_make_udp(struct packet *packet, const struct packet_shape *shape,
	const void *payload, size_t payload_length)
{
	packet_start(packet, shape, 17, 8 + payload_length);
	packet_put_u16(packet, 40000);
	packet_put_u16(packet, 53);
	packet_put_u16(packet, (unsigned)(8 + payload_length));
	packet_put_u16(packet, 0);
	packet_put(packet, payload, payload_length);
	packet_fix_udp_checksum(packet);
	packet->length += shape->trailer + shape->padding;
}

// An ICMP message of the version's protocol with `quote` behind its eight bytes.
static inline void packet_make_icmp(struct packet *packet, const struct packet_shape *shape,
	uint8_t type, uint8_t code, const void *quote, size_t quote_length)
{
	uint8_t protocol = shape->is_ipv6 ? 58 : 1;

	packet_start(packet, shape, protocol, 8 + quote_length);
	packet_put_u16(packet, (unsigned)type << 8 | code);
	packet_put_u16(packet, 0);
	packet_put(packet, "\0\0\0\0", 4);
	packet_put(packet, quote, quote_length);
	packet_set_u16(
		packet, packet->l4 + 2, ~packet_upper_sum(packet, protocol, 8 + quote_length));
	packet->length += shape->padding;
}

// The datagram that packet_make_icmp's receiver, 192.0.2.53 or 2001:db8::53, would have sent
// to port 53 of `destination`; ready to be quoted from its IP header on.
static inline void packet_make_quoted(
	struct packet *packet, const struct packet_shape *shape, const void *destination)
{
	size_t size = shape->is_ipv6 ? 16 : 4;
	size_t source = shape->is_ipv6 ? 8 : 12;

	packet_make_udp(packet, shape, "query", 5);
	memmove(packet->bytes + packet->l3 + source, packet->bytes + packet->l3 + source + size,
		size);
	memcpy(packet->bytes + packet->l3 + source + size, destination, size);
	if (!shape->is_ipv6)
		packet_fix_ipv4_checksum(packet);
	packet_fix_udp_checksum(packet);
}

// A frame of its own heap buffer with no byte to spare, so that ASan sees every step outside.
static inline struct net_frame packet_frame_exact(const struct packet *packet, size_t length)
{
	struct net_frame frame = {.data = malloc(length ? length : 1), .length = (uint16_t)length};

	if (!frame.data)
		abort();
	memcpy(frame.data, packet->bytes, length);
	return frame;
}

static inline enum net_frame_kind packet_kind_of_bytes(
	const struct packet *packet, size_t length, uint16_t offload)
{
	struct net_frame frame = packet_frame_exact(packet, length);
	enum net_frame_kind kind;

	frame.offload = offload;
	kind = net_frame_parse(&frame);
	free(frame.data);
	return kind;
}

static inline enum net_frame_kind packet_kind(const struct packet *packet)
{
	return packet_kind_of_bytes(packet, packet->length, 0);
}
