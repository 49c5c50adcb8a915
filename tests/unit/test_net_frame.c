// SPDX-License-Identifier: BSD-3-Clause
#include "unit.h"

#include "net_packets.h"

#define QUERY "a query of an odd length."
#define QUERY_LENGTH (sizeof(QUERY) - 1)

static const struct packet_shape plain_ipv4 = {0};
static const struct packet_shape plain_ipv6 = {.is_ipv6 = true};
static const struct packet_shape tagged_ipv4 = {.tag = 0xa064};
static const struct packet_shape tagged_ipv6 = {.is_ipv6 = true, .tag = 0x0001};

static const uint8_t ipv4_options[40] = {0x94, 4, 0, 0, 1, 1, 1, 1};

// Hop-by-hop, destination options of two units, routing with no segment left, atomic fragment.
static const uint8_t extensions[40] = {60, 0, 1, 4, 0, 0, 0, 0, 43, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0,
	0, 0, 0, 0, 0, 44, 0, 0, 0, 0, 0, 0, 0, 17, 0, 0, 0, 9, 9, 9, 9};

static const struct packet_shape optioned_ipv4 = {.options = ipv4_options, .options_length = 40};
static const struct packet_shape extended_ipv6 = {
	.is_ipv6 = true, .options = extensions, .options_length = 40, .first_next_header = 0};

static const struct packet_shape *const good_shapes[] = {
	&plain_ipv4, &plain_ipv6, &tagged_ipv4, &tagged_ipv6, &optioned_ipv4, &extended_ipv6};

#define FOR_EACH_GOOD_SHAPE(shape)                                                                 \
	for (size_t i_ = 0;                                                                        \
		i_ < sizeof(good_shapes) / sizeof(good_shapes[0]) && (shape = good_shapes[i_]);    \
		i_++)

static void check_udp_fields(const struct packet *packet, const struct packet_shape *shape)
{
	struct net_frame frame = packet_frame_exact(packet, packet->length);
	struct net_address source = net_address_from_ipv4(packet_ipv4_addresses);
	struct net_address destination = net_address_from_ipv4(packet_ipv4_addresses + 4);

	if (shape->is_ipv6) {
		source = net_address_from_ipv6(packet_ipv6_addresses);
		destination = net_address_from_ipv6(packet_ipv6_addresses + 16);
	}
	CU_ASSERT_EQUAL(net_frame_parse(&frame), NET_FRAME_UDP);
	CU_ASSERT_EQUAL(frame.kind, NET_FRAME_UDP);
	CU_ASSERT_EQUAL(frame.is_ipv4, !shape->is_ipv6);
	CU_ASSERT_EQUAL(frame.vlan, shape->tag ? shape->tag : NET_VLAN_NONE);
	CU_ASSERT_EQUAL(frame.l3_offset, packet->l3);
	CU_ASSERT_EQUAL(frame.l4_offset, packet->l4);
	CU_ASSERT_EQUAL(frame.payload_offset, packet->l4 + 8);
	CU_ASSERT_EQUAL(frame.payload_length, QUERY_LENGTH);
	CU_ASSERT_EQUAL(memcmp(net_frame_payload(&frame), QUERY, QUERY_LENGTH), 0);
	CU_ASSERT_EQUAL(frame.source.port, 40000);
	CU_ASSERT_EQUAL(frame.destination.port, 53);
	CU_ASSERT_TRUE(net_address_equal(&frame.source.address, &source));
	CU_ASSERT_TRUE(net_address_equal(&frame.destination.address, &destination));
	free(frame.data);
}

static void datagrams_of_every_shape_are_taken_apart(void)
{
	const struct packet_shape *shape;
	struct packet packet;

	FOR_EACH_GOOD_SHAPE(shape)
	{
		struct packet_shape padded = *shape;

		packet_make_udp(&packet, shape, QUERY, QUERY_LENGTH);
		check_udp_fields(&packet, shape);
		padded.padding = 18;
		packet_make_udp(&packet, &padded, QUERY, QUERY_LENGTH);
		memset(packet.bytes + packet.length - 18, 0xa5, 18);
		check_udp_fields(&packet, shape);
		padded.trailer = 3;
		packet_make_udp(&packet, &padded, QUERY, QUERY_LENGTH);
		check_udp_fields(&packet, shape);
	}
}

static void empty_payloads_are_datagrams(void)
{
	struct packet packet;

	packet_make_udp(&packet, &plain_ipv4, NULL, 0);
	CU_ASSERT_EQUAL(packet_kind(&packet), NET_FRAME_UDP);
	packet_make_udp(&packet, &plain_ipv6, NULL, 0);
	CU_ASSERT_EQUAL(packet_kind(&packet), NET_FRAME_UDP);
}

static void truncation_at_every_byte_is_malformed(void)
{
	const struct packet_shape *shape;
	struct packet packet;

	FOR_EACH_GOOD_SHAPE(shape)
	{
		packet_make_udp(&packet, shape, QUERY, QUERY_LENGTH);
		for (size_t length = 0; length < packet.length; length++) {
			CU_ASSERT_EQUAL(
				packet_kind_of_bytes(&packet, length, 0), NET_FRAME_MALFORMED);
		}
	}
}

// A datagram whose IP length shrinks with it: the end moves into the headers one by one.
static void inner_truncation_is_never_a_datagram(void)
{
	const struct packet_shape *shape;
	struct packet packet;

	FOR_EACH_GOOD_SHAPE(shape)
	{
		packet_make_udp(&packet, shape, QUERY, QUERY_LENGTH);
		for (size_t cut = 1; cut <= packet.length - packet.l3; cut++) {
			struct packet shorter = packet;
			size_t l3_length = packet.length - packet.l3 - cut;

			if (shape->is_ipv6 && l3_length < 40)
				break;
			packet_set_u16(&shorter, packet.l3 + (shape->is_ipv6 ? 4 : 2),
				(unsigned)(shape->is_ipv6 ? l3_length - 40 : l3_length));
			if (!shape->is_ipv6)
				packet_fix_ipv4_checksum(&shorter);
			CU_ASSERT_EQUAL(packet_kind(&shorter), NET_FRAME_MALFORMED);
			CU_ASSERT_EQUAL(packet_kind_of_bytes(&shorter, packet.length - cut, 0),
				NET_FRAME_MALFORMED);
		}
	}
}

// Bytes whose change no checksum covers and that are not looked at: MACs, the tag, IPv6 traffic
// class, flow label and hop limit, and the inside of extension headers.
static bool change_may_pass(const struct packet *packet, size_t at)
{
	if (at < 12 || (packet->l3 == 18 && (at == 14 || at == 15)))
		return true;
	if (at < packet->l3 || packet->is_ipv4)
		return false;
	return at < packet->l3 + 4 || at == packet->l3 + 7 ||
	       (at >= packet->l3 + 40 && at < packet->l4);
}

static void every_flipped_bit_is_noticed(void)
{
	const struct packet_shape *shape;
	struct packet packet;

	FOR_EACH_GOOD_SHAPE(shape)
	{
		packet_make_udp(&packet, shape, QUERY, QUERY_LENGTH);
		for (size_t bit = 0; bit < packet.length * 8; bit++) {
			enum net_frame_kind kind;

			packet.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
			kind = packet_kind(&packet);
			CU_ASSERT_TRUE(kind != NET_FRAME_UDP || change_may_pass(&packet, bit / 8));
			packet.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		CU_ASSERT_EQUAL(packet_kind(&packet), NET_FRAME_UDP);
	}
}

static void udp_lengths_are_bounded(void)
{
	static const struct packet_shape *const shapes[] = {&plain_ipv4, &plain_ipv6};
	struct packet packet;

	for (size_t i = 0; i < 2; i++) {
		packet_make_udp(&packet, shapes[i], QUERY, QUERY_LENGTH);
		for (unsigned length = 0; length < 0x10000; length += length < 64 ? 1 : 997) {
			enum net_frame_kind kind;

			packet_set_u16(&packet, packet.l4 + 4, length);
			if (length <= 8 + QUERY_LENGTH)
				packet_fix_udp_checksum(&packet);
			kind = packet_kind(&packet);
			if (length < 8 || length > 8 + QUERY_LENGTH)
				CU_ASSERT_EQUAL(kind, NET_FRAME_MALFORMED)
			else
				CU_ASSERT_EQUAL(kind, NET_FRAME_UDP)
		}
	}
}

static void ip_versions_and_header_lengths_are_checked(void)
{
	struct packet packet;

	for (unsigned first = 0; first < 256; first++) {
		packet_make_udp(&packet, &plain_ipv4, QUERY, QUERY_LENGTH);
		packet.bytes[packet.l3] = (uint8_t)first;
		if (first >> 4 != 4 || (first & 0xf) < 5)
			CU_ASSERT_EQUAL(packet_kind_of_bytes(
						&packet, packet.length, NET_OFFLOAD_RX_IP_GOOD),
				NET_FRAME_MALFORMED)
		packet_make_udp(&packet, &plain_ipv6, QUERY, QUERY_LENGTH);
		packet.bytes[packet.l3] = (uint8_t)first;
		CU_ASSERT_EQUAL(packet_kind(&packet),
			first >> 4 == 6 ? NET_FRAME_UDP : NET_FRAME_MALFORMED);
	}
}

// With four words of header the UDP header would begin in the destination address, and what
// then stands for its length fits.
static void ipv4_headers_shorter_than_five_words_are_malformed(void)
{
	struct packet packet;

	packet_make_udp(&packet, &plain_ipv4, QUERY, QUERY_LENGTH);
	packet.bytes[packet.l3] = 0x44;
	packet_set_u16(&packet, packet.l4, 8 + QUERY_LENGTH);
	CU_ASSERT_EQUAL(packet_kind_of_bytes(&packet, packet.length,
				NET_OFFLOAD_RX_IP_GOOD | NET_OFFLOAD_RX_UDP_GOOD),
		NET_FRAME_MALFORMED);
}

static void udp_checksum_of_zero_is_for_ipv4_only(void)
{
	struct packet packet;

	packet_make_udp(&packet, &plain_ipv4, QUERY, QUERY_LENGTH);
	packet_set_u16(&packet, packet.l4 + 6, 0);
	CU_ASSERT_EQUAL(packet_kind(&packet), NET_FRAME_UDP);
	packet_make_udp(&packet, &plain_ipv6, QUERY, QUERY_LENGTH);
	packet_set_u16(&packet, packet.l4 + 6, 0);
	CU_ASSERT_EQUAL(packet_kind(&packet), NET_FRAME_BAD_CHECKSUM);
	CU_ASSERT_EQUAL(packet_kind_of_bytes(&packet, packet.length, NET_OFFLOAD_RX_UDP_GOOD),
		NET_FRAME_BAD_CHECKSUM);
}

static void what_the_nic_calls_good_is_not_summed(void)
{
	static const uint16_t both = NET_OFFLOAD_RX_IP_GOOD | NET_OFFLOAD_RX_UDP_GOOD;
	const struct packet_shape *shape;
	struct packet packet;

	FOR_EACH_GOOD_SHAPE(shape)
	{
		size_t last;

		packet_make_udp(&packet, shape, QUERY, QUERY_LENGTH);
		last = packet.length - 1;
		packet.bytes[last] ^= 1;
		CU_ASSERT_EQUAL(packet_kind(&packet), NET_FRAME_BAD_CHECKSUM);
		CU_ASSERT_EQUAL(
			packet_kind_of_bytes(&packet, packet.length, NET_OFFLOAD_RX_IP_GOOD),
			NET_FRAME_BAD_CHECKSUM);
		CU_ASSERT_EQUAL(
			packet_kind_of_bytes(&packet, packet.length, NET_OFFLOAD_RX_UDP_GOOD),
			NET_FRAME_UDP);
		packet.bytes[last] ^= 1;
		CU_ASSERT_EQUAL(
			packet_kind_of_bytes(&packet, packet.length, both | NET_OFFLOAD_RX_BAD),
			NET_FRAME_BAD_CHECKSUM);
		if (shape->is_ipv6)
			continue;
		packet.bytes[packet.l3 + 8] ^= 1;
		CU_ASSERT_EQUAL(
			packet_kind_of_bytes(&packet, packet.length, NET_OFFLOAD_RX_UDP_GOOD),
			NET_FRAME_BAD_CHECKSUM);
		CU_ASSERT_EQUAL(packet_kind_of_bytes(&packet, packet.length, both), NET_FRAME_UDP);
	}
}

static void ipv4_fragments_of_udp_are_fragments(void)
{
	static const uint16_t splits[] = {0x2000, 0x0001, 0x1000, 0x3fff, 0x1fff, 0x6000};
	struct packet_shape shape = {0};
	struct packet packet;

	for (size_t i = 0; i < sizeof(splits) / sizeof(splits[0]); i++) {
		shape.ipv4_fragment = splits[i];
		packet_make_udp(&packet, &shape, QUERY, QUERY_LENGTH);
		CU_ASSERT_EQUAL(packet_kind(&packet), NET_FRAME_FRAGMENT);
		packet_make_icmp(&packet, &shape, 8, 0, QUERY, QUERY_LENGTH);
		CU_ASSERT_EQUAL(packet_kind(&packet), NET_FRAME_OTHER);
	}
	shape.ipv4_fragment = 0x4000;
	packet_make_udp(&packet, &shape, QUERY, QUERY_LENGTH);
	CU_ASSERT_EQUAL(packet_kind(&packet), NET_FRAME_UDP);
}

static enum net_frame_kind kind_with_extensions(uint8_t first, const uint8_t *bytes, size_t length)
{
	struct packet_shape shape = {.is_ipv6 = true,
		.options = bytes,
		.options_length = length,
		.first_next_header = first};
	struct packet packet;

	packet_make_udp(&packet, &shape, QUERY, QUERY_LENGTH);
	return packet_kind(&packet);
}

static void ipv6_fragment_headers_that_split_are_fragments(void)
{
	uint8_t fragment[8] = {17, 0, 0, 0, 1, 2, 3, 4};

	CU_ASSERT_EQUAL(kind_with_extensions(44, fragment, 8), NET_FRAME_UDP);
	fragment[1] = 0xff; // reserved
	fragment[3] = 6; // reserved bits
	CU_ASSERT_EQUAL(kind_with_extensions(44, fragment, 8), NET_FRAME_UDP);
	fragment[3] = 1;
	CU_ASSERT_EQUAL(kind_with_extensions(44, fragment, 8), NET_FRAME_FRAGMENT);
	fragment[3] = 8;
	CU_ASSERT_EQUAL(kind_with_extensions(44, fragment, 8), NET_FRAME_FRAGMENT);
	fragment[0] = 60;
	CU_ASSERT_EQUAL(kind_with_extensions(44, fragment, 8), NET_FRAME_FRAGMENT);
	fragment[0] = 6;
	CU_ASSERT_EQUAL(kind_with_extensions(44, fragment, 8), NET_FRAME_OTHER);
	fragment[2] = 0x80;
	fragment[3] = 0;
	CU_ASSERT_EQUAL(kind_with_extensions(44, fragment, 8), NET_FRAME_OTHER);
}

static void ipv6_extension_chains_are_bounded(void)
{
	uint8_t chain[9 * 8] = {0};
	uint8_t routing[8] = {17, 0, 0, 1};
	uint8_t late_hop_by_hop[16] = {0, 0, 1, 4, 0, 0, 0, 0, 17, 0, 1, 4};
	uint8_t long_one[8] = {17, 255};

	for (size_t i = 0; i < sizeof(chain); i += 8)
		chain[i] = 60;
	chain[7 * 8] = 17;
	CU_ASSERT_EQUAL(kind_with_extensions(60, chain, 8 * 8), NET_FRAME_UDP);
	chain[7 * 8] = 60;
	chain[8 * 8] = 17;
	CU_ASSERT_EQUAL(kind_with_extensions(60, chain, 9 * 8), NET_FRAME_MALFORMED);
	CU_ASSERT_EQUAL(kind_with_extensions(43, routing, 8), NET_FRAME_OTHER);
	routing[3] = 0;
	CU_ASSERT_EQUAL(kind_with_extensions(43, routing, 8), NET_FRAME_UDP);
	CU_ASSERT_EQUAL(kind_with_extensions(60, late_hop_by_hop, 16), NET_FRAME_MALFORMED);
	CU_ASSERT_EQUAL(kind_with_extensions(60, long_one, 8), NET_FRAME_MALFORMED);
}

// A header that would say FRAGMENT or OTHER, were it whole.
static void ipv6_extension_headers_are_whole_or_malformed(void)
{
	uint8_t fragment[8] = {17, 0, 0, 1, 1, 2, 3, 4};
	uint8_t routing[8] = {17, 0, 0, 1};

	for (size_t length = 1; length <= 8; length++) {
		struct packet_shape shape = {.is_ipv6 = true,
			.options = fragment,
			.options_length = length,
			.first_next_header = 44};
		struct packet packet;

		packet_start(&packet, &shape, 17, 0);
		CU_ASSERT_EQUAL(packet_kind(&packet),
			length < 8 ? NET_FRAME_MALFORMED : NET_FRAME_FRAGMENT);
		shape.options = routing;
		shape.first_next_header = 43;
		packet_start(&packet, &shape, 17, 0);
		CU_ASSERT_EQUAL(
			packet_kind(&packet), length < 8 ? NET_FRAME_MALFORMED : NET_FRAME_OTHER);
	}
}

static void other_protocols_are_the_kernels(void)
{
	static const uint8_t protocols[] = {2, 6, 41, 47, 50, 51, 59, 89, 132, 255};
	struct packet packet;

	for (size_t i = 0; i < sizeof(protocols); i++) {
		packet_start(&packet, &plain_ipv4, protocols[i], 0);
		CU_ASSERT_EQUAL(packet_kind(&packet), NET_FRAME_OTHER);
		packet_start(&packet, &plain_ipv6, protocols[i], 0);
		CU_ASSERT_EQUAL(packet_kind(&packet), NET_FRAME_OTHER);
	}
}

static void other_ethertypes_are_the_kernels(void)
{
	static const uint16_t types[] = {
		0x0000, 0x0026, 0x0806, 0x8035, 0x88a8, 0x8100, 0x8847, 0x88cc, 0xffff};
	struct packet packet;

	packet_make_udp(&packet, &tagged_ipv4, QUERY, QUERY_LENGTH);
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		packet_set_u16(&packet, 16, types[i]);
		CU_ASSERT_EQUAL(packet_kind(&packet), NET_FRAME_OTHER);
	}
	packet_set_u16(&packet, 16, 0x0800);
	packet_set_u16(&packet, 12, 0x88a8);
	CU_ASSERT_EQUAL(packet_kind(&packet), NET_FRAME_OTHER);
	packet_set_u16(&packet, 12, 0x8100);
	packet_set_u16(&packet, 14, 0xffff);
	CU_ASSERT_EQUAL(packet_kind(&packet), NET_FRAME_OTHER);
	packet_set_u16(&packet, 14, 0xfffe);
	CU_ASSERT_EQUAL(packet_kind(&packet), NET_FRAME_UDP);
}

static void ipv4_mapped_addresses_on_the_wire_are_malformed(void)
{
	static const uint8_t mapped[16] = {[10] = 0xff, [11] = 0xff, [12] = 192, [14] = 2};
	struct packet packet;

	for (size_t at = 8; at <= 24; at += 16) {
		packet_make_udp(&packet, &plain_ipv6, QUERY, QUERY_LENGTH);
		memcpy(packet.bytes + packet.l3 + at, mapped, 16);
		packet_fix_udp_checksum(&packet);
		CU_ASSERT_EQUAL(packet_kind(&packet), NET_FRAME_MALFORMED);
	}
}

static const struct unit_case cases[] = {
	{"datagrams of every shape are taken apart", datagrams_of_every_shape_are_taken_apart},
	{"empty payloads are datagrams", empty_payloads_are_datagrams},
	{"truncation at every byte is malformed", truncation_at_every_byte_is_malformed},
	{"inner truncation is never a datagram", inner_truncation_is_never_a_datagram},
	{"every flipped bit is noticed", every_flipped_bit_is_noticed},
	{"UDP lengths are bounded", udp_lengths_are_bounded},
	{"IP versions and header lengths are checked", ip_versions_and_header_lengths_are_checked},
	{"IPv4 headers shorter than five words",
		ipv4_headers_shorter_than_five_words_are_malformed},
	{"UDP checksum of zero is for IPv4 only", udp_checksum_of_zero_is_for_ipv4_only},
	{"what the NIC calls good is not summed", what_the_nic_calls_good_is_not_summed},
	{"IPv4 fragments of UDP are fragments", ipv4_fragments_of_udp_are_fragments},
	{"IPv6 fragment headers that split", ipv6_fragment_headers_that_split_are_fragments},
	{"IPv6 extension chains are bounded", ipv6_extension_chains_are_bounded},
	{"IPv6 extension headers are whole", ipv6_extension_headers_are_whole_or_malformed},
	{"other protocols are the kernel's", other_protocols_are_the_kernels},
	{"other EtherTypes are the kernel's", other_ethertypes_are_the_kernels},
	{"IPv4-mapped addresses are malformed", ipv4_mapped_addresses_on_the_wire_are_malformed},
};

UNIT_MAIN("net frame", cases)
