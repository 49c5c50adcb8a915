// SPDX-License-Identifier: BSD-3-Clause
#include "unit.h"

#include <errno.h>

#include "base/bytes.h"
#include "net/checksum.h"
#include "net/wire.h"
#include "net_packets.h"

#define PAYLOAD "the payload stays where it is"
#define PAYLOAD_LENGTH (sizeof(PAYLOAD) - 1)

static const uint8_t other_macs[12] = {2, 0, 0, 0, 0, 7, 2, 0, 0, 0, 0, 8};

// A buffer that is just headroom, packet and tailroom.
static struct net_frame frame_with_room(
	const struct packet *packet, uint16_t headroom, uint16_t tailroom)
{
	struct net_frame frame = {.length = (uint16_t)packet->length,
		.headroom = headroom,
		.tailroom = tailroom,
		.buffer = malloc(headroom + packet->length + tailroom)};

	if (!frame.buffer)
		abort();
	frame.data = (uint8_t *)frame.buffer + headroom;
	memset(frame.buffer, 0xee, headroom + packet->length + tailroom);
	memcpy(frame.data, packet->bytes, packet->length);
	return frame;
}

static struct net_flow flow_of_version(bool is_ipv6, uint16_t vlan)
{
	struct net_flow flow = {.vlan = vlan, .port = 3};

	if (is_ipv6) {
		flow.source.address = net_address_from_ipv6(packet_ipv6_addresses + 16);
		flow.destination.address = net_address_from_ipv6(packet_ipv6_addresses);
	} else {
		flow.source.address = net_address_from_ipv4(packet_ipv4_addresses + 4);
		flow.destination.address = net_address_from_ipv4(packet_ipv4_addresses);
	}
	flow.source.port = 0x1234;
	flow.destination.port = 0xabcd;
	memcpy(&flow.destination_mac, other_macs, 6);
	memcpy(&flow.source_mac, other_macs + 6, 6);
	return flow;
}

// The bytes that `flow` must have on the wire, from the tests' own builder.
static void make_expected(
	struct packet *packet, bool is_ipv6, uint16_t tag, const void *payload, size_t length)
{
	struct packet_shape shape = {.is_ipv6 = is_ipv6, .tag = tag, .ipv4_fragment = 0x4000};
	size_t size = is_ipv6 ? 16 : 4;
	size_t at;

	packet_make_udp(packet, &shape, payload, length);
	memcpy(packet->bytes, other_macs, 12);
	at = packet->l3 + (is_ipv6 ? 8 : 12);
	memcpy(packet->bytes + at, is_ipv6 ? packet_ipv6_addresses + 16 : packet_ipv4_addresses + 4,
		size);
	memcpy(packet->bytes + at + size, is_ipv6 ? packet_ipv6_addresses : packet_ipv4_addresses,
		size);
	packet_set_u16(packet, packet->l4, 0x1234);
	packet_set_u16(packet, packet->l4 + 2, 0xabcd);
	if (is_ipv6) {
		packet_set_u16(packet, packet->l3, 0x6000);
		packet_set_u16(packet, packet->l3 + 2, 0);
		packet->bytes[packet->l3 + 7] = 64;
	} else {
		packet_set_u16(packet, packet->l3 + 4, 0);
		packet->bytes[packet->l3 + 8] = 64;
		packet_fix_ipv4_checksum(packet);
	}
	packet_fix_udp_checksum(packet);
}

// The fields that write_headers leaves must be those that a fresh parse finds.
static void check_parses_again(const struct net_frame *frame)
{
	struct net_frame again = {.data = frame->data, .length = frame->length};

	CU_ASSERT_EQUAL(net_frame_parse(&again), NET_FRAME_UDP);
	CU_ASSERT_EQUAL(frame->kind, NET_FRAME_UDP);
	CU_ASSERT_EQUAL(again.is_ipv4, frame->is_ipv4);
	CU_ASSERT_EQUAL(again.vlan, frame->vlan);
	CU_ASSERT_EQUAL(again.l3_offset, frame->l3_offset);
	CU_ASSERT_EQUAL(again.l4_offset, frame->l4_offset);
	CU_ASSERT_EQUAL(again.payload_offset, frame->payload_offset);
	CU_ASSERT_EQUAL(again.payload_length, frame->payload_length);
	CU_ASSERT_TRUE(net_endpoint_equal(&again.source, &frame->source));
	CU_ASSERT_TRUE(net_endpoint_equal(&again.destination, &frame->destination));
}

static void check_rewrite(bool from_ipv6, uint16_t from_tag, bool to_ipv6, uint16_t to_tag)
{
	struct packet_shape shape = {.is_ipv6 = from_ipv6, .tag = from_tag, .padding = 7};
	struct net_flow flow = flow_of_version(to_ipv6, to_tag ? to_tag : NET_VLAN_NONE);
	struct packet expected;
	struct net_frame frame;
	struct packet packet;
	uint8_t *payload;

	packet_make_udp(&packet, &shape, PAYLOAD, PAYLOAD_LENGTH);
	make_expected(&expected, to_ipv6, to_tag, PAYLOAD, PAYLOAD_LENGTH);
	frame = frame_with_room(&packet, 24, 11);
	CU_ASSERT_EQUAL(net_frame_parse(&frame), NET_FRAME_UDP);
	payload = net_frame_payload(&frame);
	CU_ASSERT_EQUAL(net_frame_write_headers(&frame, &flow, 0), 0);
	CU_ASSERT_PTR_EQUAL(net_frame_payload(&frame), payload);
	CU_ASSERT_EQUAL_FATAL(frame.length, expected.length);
	CU_ASSERT_EQUAL(memcmp(frame.data, expected.bytes, expected.length), 0);
	CU_ASSERT_PTR_EQUAL(frame.data - frame.headroom, frame.buffer);
	CU_ASSERT_EQUAL(frame.headroom + frame.length + frame.tailroom, 24 + packet.length + 11);
	CU_ASSERT_EQUAL(frame.port, 3);
	check_parses_again(&frame);
	free(frame.buffer);
}

static void every_version_and_tag_becomes_every_other(void)
{
	for (unsigned i = 0; i < 16; i++)
		check_rewrite(i & 1, i & 2 ? 100 : 0, i & 4, i & 8 ? 0x6065 : 0);
}

static void check_reply(const struct packet_shape *shape)
{
	struct packet packet;
	struct net_frame frame;
	struct net_flow back;

	packet_make_udp(&packet, shape, PAYLOAD, PAYLOAD_LENGTH);
	frame = frame_with_room(&packet, 0, 0);
	frame.port = 5;
	CU_ASSERT_EQUAL(net_frame_parse(&frame), NET_FRAME_UDP);
	net_frame_flow_back(&frame, &back);
	CU_ASSERT_EQUAL(back.port, 5);
	CU_ASSERT_EQUAL(back.vlan, shape->tag ? shape->tag : NET_VLAN_NONE);
	CU_ASSERT_TRUE(net_endpoint_equal(&back.source, &frame.destination));
	CU_ASSERT_TRUE(net_endpoint_equal(&back.destination, &frame.source));
	CU_ASSERT_EQUAL(net_frame_write_headers(&frame, &back, 0), 0);
	CU_ASSERT_EQUAL(memcmp(frame.data, packet_macs + 6, 6), 0);
	CU_ASSERT_EQUAL(memcmp(frame.data + 6, packet_macs, 6), 0);
	CU_ASSERT_EQUAL(frame.source.port, 53);
	CU_ASSERT_EQUAL(frame.destination.port, 40000);
	check_parses_again(&frame);
	free(frame.buffer);
}

static void replies_go_back_where_queries_came_from(void)
{
	static const uint8_t options[8] = {1, 1, 1, 1, 1, 1, 1, 0};
	static const uint8_t extension[8] = {17, 0, 1, 4};
	static const struct packet_shape shapes[] = {
		{0},
		{.is_ipv6 = true},
		{.tag = 0x2001},
		{.is_ipv6 = true, .tag = 4094, .padding = 4},
		{.options = options, .options_length = 8},
		{.is_ipv6 = true,
			.options = extension,
			.options_length = 8,
			.first_next_header = 60},
	};

	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		check_reply(&shapes[i]);
}

static void missing_headroom_leaves_the_frame_alone(void)
{
	struct packet_shape ipv4 = {0};
	struct net_flow flow = flow_of_version(true, 100);
	struct packet packet;

	packet_make_udp(&packet, &ipv4, PAYLOAD, PAYLOAD_LENGTH);
	for (uint16_t headroom = 0; headroom <= 24; headroom++) {
		struct net_frame frame = frame_with_room(&packet, headroom, 0);
		struct net_frame before;

		CU_ASSERT_EQUAL(net_frame_parse(&frame), NET_FRAME_UDP);
		before = frame;
		if (headroom == 24) {
			CU_ASSERT_EQUAL(net_frame_write_headers(&frame, &flow, 0), 0);
			CU_ASSERT_EQUAL(frame.headroom, 0);
			CU_ASSERT_PTR_EQUAL(frame.data, frame.buffer);
		} else {
			CU_ASSERT_EQUAL(net_frame_write_headers(&frame, &flow, 0), -ENOBUFS);
			CU_ASSERT_EQUAL(memcmp(&frame, &before, sizeof(frame)), 0);
			CU_ASSERT_EQUAL(memcmp(frame.data, packet.bytes, packet.length), 0);
		}
		free(frame.buffer);
	}
}

static void payloads_grow_into_the_tailroom_and_no_further(void)
{
	struct packet_shape ipv4 = {.padding = 3};
	struct net_flow flow = flow_of_version(false, NET_VLAN_NONE);
	struct packet packet;
	struct net_frame frame;

	packet_make_udp(&packet, &ipv4, PAYLOAD, PAYLOAD_LENGTH);
	frame = frame_with_room(&packet, 0, 10);
	CU_ASSERT_EQUAL(net_frame_parse(&frame), NET_FRAME_UDP);
	CU_ASSERT_EQUAL(net_frame_payload_room(&frame), PAYLOAD_LENGTH + 13);
	net_frame_payload_rewritten(&frame, PAYLOAD_LENGTH + 14);
	CU_ASSERT_EQUAL(net_frame_write_headers(&frame, &flow, 0), -ENOBUFS);
	net_frame_payload_rewritten(&frame, PAYLOAD_LENGTH + 13);
	memset(net_frame_payload(&frame), 0x77, frame.payload_length);
	CU_ASSERT_EQUAL(net_frame_write_headers(&frame, &flow, 0), 0);
	CU_ASSERT_EQUAL(frame.tailroom, 0);
	check_parses_again(&frame);
	net_frame_payload_rewritten(&frame, 0);
	CU_ASSERT_EQUAL(net_frame_write_headers(&frame, &flow, 0), 0);
	CU_ASSERT_EQUAL(frame.tailroom, PAYLOAD_LENGTH + 13);
	CU_ASSERT_EQUAL(net_frame_payload_room(&frame), PAYLOAD_LENGTH + 13);
	check_parses_again(&frame);
	free(frame.buffer);
}

// A frame that starts as a payload alone, as those that are made here do.
static void frames_are_made_from_a_payload_alone(void)
{
	struct net_flow flow = flow_of_version(true, NET_VLAN_NONE);
	uint8_t *buffer = malloc(62 + PAYLOAD_LENGTH);
	struct net_frame frame = {.buffer = buffer,
		.data = buffer + 62,
		.headroom = 62,
		.tailroom = PAYLOAD_LENGTH,
		.payload_length = PAYLOAD_LENGTH};

	CU_ASSERT_PTR_NOT_NULL_FATAL(buffer);
	memcpy(buffer + 62, PAYLOAD, PAYLOAD_LENGTH);
	CU_ASSERT_EQUAL(net_frame_write_headers(&frame, &flow, 0), 0);
	CU_ASSERT_PTR_EQUAL(frame.data, buffer);
	CU_ASSERT_EQUAL(frame.length, 62 + PAYLOAD_LENGTH);
	check_parses_again(&frame);
	free(buffer);
}

static void datagrams_past_64_kib_are_refused(void)
{
	struct net_flow flow = flow_of_version(true, NET_VLAN_NONE);
	uint8_t *buffer = calloc(1, 65535 + 62);
	struct net_frame frame = {.data = buffer + 62, .headroom = 62, .tailroom = 65535};

	CU_ASSERT_PTR_NOT_NULL_FATAL(buffer);
	net_frame_payload_rewritten(&frame, 65535 - 61);
	CU_ASSERT_EQUAL(net_frame_write_headers(&frame, &flow, 0), -ENOBUFS);
	net_frame_payload_rewritten(&frame, 65535 - 62);
	CU_ASSERT_EQUAL(net_frame_write_headers(&frame, &flow, 0), 0);
	CU_ASSERT_EQUAL(frame.length, 65535);
	check_parses_again(&frame);
	free(buffer);
}

static void flows_of_mixed_versions_are_refused(void)
{
	struct packet_shape ipv4 = {0};
	struct net_flow flow = flow_of_version(false, NET_VLAN_NONE);
	struct net_flow other = flow_of_version(true, NET_VLAN_NONE);
	struct net_frame frame;
	struct packet packet;

	packet_make_udp(&packet, &ipv4, PAYLOAD, PAYLOAD_LENGTH);
	frame = frame_with_room(&packet, 64, 0);
	CU_ASSERT_EQUAL(net_frame_parse(&frame), NET_FRAME_UDP);
	flow.source = other.source;
	CU_ASSERT_EQUAL(net_frame_write_headers(&frame, &flow, 0), -EINVAL);
	flow = flow_of_version(false, NET_VLAN_NONE);
	flow.destination = other.destination;
	CU_ASSERT_EQUAL(net_frame_write_headers(&frame, &flow, 0), -EINVAL);
	CU_ASSERT_EQUAL(memcmp(frame.data, packet.bytes, packet.length), 0);
	free(frame.buffer);
}

// What leaves with a sum kept along is what leaves with one taken anew.
static void sums_follow_changes_of_the_payload(void)
{
	for (unsigned round = 0; round < 4 * (PAYLOAD_LENGTH - 1); round++) {
		unsigned is_ipv6 = round & 1;
		struct packet_shape shape = {.is_ipv6 = is_ipv6};
		struct net_flow flow = flow_of_version(round >> 1 & 1, NET_VLAN_NONE);
		uint16_t offset = (uint16_t)(round >> 2);
		struct net_frame anew;
		struct net_frame frame;
		struct packet packet;

		packet_make_udp(&packet, &shape, PAYLOAD, PAYLOAD_LENGTH);
		frame = frame_with_room(&packet, 64, 0);
		CU_ASSERT_EQUAL(net_frame_parse(&frame), NET_FRAME_UDP);
		CU_ASSERT_NOT_EQUAL(frame.payload_sum, 0);
		net_frame_payload_store_u16(&frame, offset, (uint16_t)(0xfffe + 77 * round));
		net_frame_payload_store_u16(&frame, offset, (uint16_t)(31415 * round));
		CU_ASSERT_EQUAL(bytes_load_u16(net_frame_payload(&frame) + offset),
			(uint16_t)(31415 * round));
		anew = frame;
		net_frame_payload_rewritten(&anew, PAYLOAD_LENGTH);
		CU_ASSERT_EQUAL(net_frame_write_headers(&frame, &flow, 0), 0);
		check_parses_again(&frame);
		memcpy(packet.bytes, frame.data + frame.l4_offset, NET_UDP_HEADER);
		CU_ASSERT_EQUAL(net_frame_write_headers(&anew, &flow, 0), 0);
		CU_ASSERT_EQUAL(
			memcmp(packet.bytes, anew.data + anew.l4_offset, NET_UDP_HEADER), 0);
		free(frame.buffer);
	}
}

// A payload of zeros sums to zero, which is no sum unknown; no checksum tells no sum.
static void sums_are_known_from_checksums(void)
{
	struct packet_shape shapes[] = {{0}, {.is_ipv6 = true}};
	static const uint8_t zeros[8];

	for (unsigned i = 0; i < 2; i++) {
		struct net_flow flow = flow_of_version(i, NET_VLAN_NONE);
		struct net_frame frame;
		struct packet packet;

		packet_make_udp(&packet, &shapes[i], zeros, sizeof(zeros));
		frame = frame_with_room(&packet, 0, 0);
		frame.offload = NET_OFFLOAD_RX_UDP_GOOD;
		CU_ASSERT_EQUAL(net_frame_parse(&frame), NET_FRAME_UDP);
		CU_ASSERT_EQUAL(frame.payload_sum, NET_CHECKSUM_GOOD);
		CU_ASSERT_EQUAL(net_frame_write_headers(&frame, &flow, 0), 0);
		check_parses_again(&frame);
		free(frame.buffer);
	}
}

// The last two bytes are chosen so that the sum of all before them is complemented to zero.
static void checksums_of_zero_are_sent_as_ones(void)
{
	for (unsigned is_ipv6 = 0; is_ipv6 < 2; is_ipv6++) {
		struct packet_shape shape = {.is_ipv6 = is_ipv6};
		struct net_flow flow = flow_of_version(is_ipv6, NET_VLAN_NONE);
		uint8_t payload[6] = "zero";
		struct packet expected;
		struct net_frame frame;
		struct packet packet;

		payload[4] = payload[5] = 0;
		make_expected(&expected, is_ipv6, 0, payload, 6);
		packet_make_udp(&packet, &shape, payload, 6);
		frame = frame_with_room(&packet, 0, 0);
		CU_ASSERT_EQUAL(net_frame_parse(&frame), NET_FRAME_UDP);
		// The checksum without the two bytes is what they must add.
		memcpy(net_frame_payload(&frame) + 4, expected.bytes + expected.l4 + 6, 2);
		net_frame_payload_rewritten(&frame, 6);
		CU_ASSERT_EQUAL(net_frame_write_headers(&frame, &flow, 0), 0);
		CU_ASSERT_EQUAL(memcmp(frame.data + frame.l4_offset + 6, "\xff\xff", 2), 0);
		check_parses_again(&frame);
		free(frame.buffer);
	}
}

// What rte_ipv4_phdr_cksum() and rte_ipv6_phdr_cksum() give: the folded sum of addresses, protocol
// and UDP length, not complemented.
static unsigned pseudo_header_sum(const struct net_frame *frame)
{
	unsigned sum = 17 + 8 + frame->payload_length;

	if (frame->is_ipv4)
		return packet_reference_sum(sum, frame->data + frame->l3_offset + 12, 8);
	return packet_reference_sum(sum, frame->data + frame->l3_offset + 8, 32);
}

static void offloaded_checksums_are_left_as_dpdk_wants_them(void)
{
	uint16_t both = NET_OFFLOAD_TX_IPV4 | NET_OFFLOAD_TX_UDP;

	for (unsigned is_ipv6 = 0; is_ipv6 < 2; is_ipv6++) {
		struct packet_shape shape = {.is_ipv6 = is_ipv6};
		struct net_flow flow = flow_of_version(is_ipv6, NET_VLAN_NONE);
		struct net_frame frame;
		struct packet packet;
		unsigned wanted;
		uint8_t *l3;

		packet_make_udp(&packet, &shape, PAYLOAD, PAYLOAD_LENGTH);
		frame = frame_with_room(&packet, 0, 0);
		CU_ASSERT_EQUAL(net_frame_parse(&frame), NET_FRAME_UDP);
		CU_ASSERT_EQUAL(net_frame_write_headers(&frame, &flow, both), 0);
		CU_ASSERT_EQUAL(frame.offload, both);
		l3 = frame.data + frame.l3_offset;
		if (!is_ipv6)
			CU_ASSERT_EQUAL(memcmp(l3 + 10, "\0\0", 2), 0);
		wanted = pseudo_header_sum(&frame);
		CU_ASSERT_EQUAL(l3[is_ipv6 ? 46 : 26], wanted >> 8);
		CU_ASSERT_EQUAL(l3[is_ipv6 ? 47 : 27], (wanted & 0xff));
		// One offload alone leaves the other sum to be made here.
		CU_ASSERT_EQUAL(net_frame_write_headers(&frame, &flow, NET_OFFLOAD_TX_IPV4), 0);
		frame.offload = NET_OFFLOAD_RX_IP_GOOD;
		CU_ASSERT_EQUAL(net_frame_parse(&frame), NET_FRAME_UDP);
		CU_ASSERT_EQUAL(net_frame_write_headers(&frame, &flow, NET_OFFLOAD_TX_UDP), 0);
		CU_ASSERT_EQUAL(net_frame_parse(&frame), NET_FRAME_BAD_CHECKSUM);
		frame.offload = NET_OFFLOAD_RX_UDP_GOOD;
		CU_ASSERT_EQUAL(net_frame_parse(&frame), NET_FRAME_UDP);
		free(frame.buffer);
	}
}

// Turned round where it stands, a frame is what the two other functions make of it.
static void check_turned_back(
	const struct packet_shape *shape, uint16_t tailroom, uint16_t length, uint16_t offload)
{
	struct packet packet;
	struct net_frame turned, written;
	struct net_flow flow;
	int result;

	packet_make_udp(&packet, shape, PAYLOAD, PAYLOAD_LENGTH);
	turned = frame_with_room(&packet, 24, tailroom);
	written = frame_with_room(&packet, 24, tailroom);
	CU_ASSERT_EQUAL(net_frame_parse(&turned), NET_FRAME_UDP);
	CU_ASSERT_EQUAL(net_frame_parse(&written), NET_FRAME_UDP);
	net_frame_flow_back(&written, &flow);
	net_frame_payload_rewritten(&turned, length);
	net_frame_payload_rewritten(&written, length);
	result = net_frame_write_headers(&written, &flow, offload);
	CU_ASSERT_EQUAL(net_frame_turn_back(&turned, offload), result);
	CU_ASSERT_EQUAL(result != 0, length > PAYLOAD_LENGTH + shape->padding + tailroom);
	CU_ASSERT_EQUAL_FATAL(turned.length, written.length);
	CU_ASSERT_EQUAL(memcmp(turned.data, written.data, written.length), 0);
	CU_ASSERT_EQUAL(turned.headroom, written.headroom);
	CU_ASSERT_EQUAL(turned.tailroom, written.tailroom);
	CU_ASSERT_EQUAL(turned.offload, written.offload);
	CU_ASSERT_EQUAL(turned.payload_offset, written.payload_offset);
	CU_ASSERT_EQUAL(turned.payload_length, written.payload_length);
	if (!result && !offload)
		check_parses_again(&turned);
	free(turned.buffer);
	free(written.buffer);
}

static void frames_turn_back_where_they_stand(void)
{
	static const uint16_t offloads[] = {0, NET_OFFLOAD_TX_IPV4 | NET_OFFLOAD_TX_UDP};
	static const uint8_t nops[8] = {1, 1, 1, 1, 1, 1, 1, 1};

	for (uint32_t i = 0; i < 64; i++) {
		struct packet_shape shape = {
			.is_ipv6 = i & 1,
			.tag = i & 2 ? 0x2005 : 0,
			.padding = i & 4 ? 7 : 0,
			.options = nops,
			.options_length = i & 8 && !(i & 1) ? sizeof(nops) : 0,
		};
		uint16_t offload = offloads[i >> 4 & 1];
		uint16_t tailroom = i & 32 ? 12 : 0;

		for (uint16_t more = 0; more <= 20; more++)
			check_turned_back(
				&shape, tailroom, (uint16_t)(PAYLOAD_LENGTH - 3 + more), offload);
	}
}

static const struct unit_case cases[] = {
	{"every version and tag becomes every other", every_version_and_tag_becomes_every_other},
	{"replies go back where queries came from", replies_go_back_where_queries_came_from},
	{"frames turn back where they stand", frames_turn_back_where_they_stand},
	{"missing headroom leaves the frame alone", missing_headroom_leaves_the_frame_alone},
	{"payloads grow into the tailroom", payloads_grow_into_the_tailroom_and_no_further},
	{"frames are made from a payload alone", frames_are_made_from_a_payload_alone},
	{"datagrams past 64 KiB are refused", datagrams_past_64_kib_are_refused},
	{"flows of mixed versions are refused", flows_of_mixed_versions_are_refused},
	{"checksums of zero are sent as ones", checksums_of_zero_are_sent_as_ones},
	{"sums follow changes of the payload", sums_follow_changes_of_the_payload},
	{"sums are known from checksums", sums_are_known_from_checksums},
	{"offloaded checksums as DPDK wants them", offloaded_checksums_are_left_as_dpdk_wants_them},
};

UNIT_MAIN("net frame write", cases)
