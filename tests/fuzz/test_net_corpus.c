// SPDX-License-Identifier: BSD-3-Clause
// Frames that were cut, flipped and spliced, through everything that lib/net does with a frame.
// Each stands in a heap buffer of its own size, so that ASan sees every step outside. The stream
// of random numbers has a fixed seed: a failure repeats.
#include "../unit/unit.h"

#include "../unit/net_packets.h"
#include "base/random.h"

#define FRAMES 200000
#define HEADROOM 24 // what an IPv4 frame lacks to become IPv6 with a tag
#define KINDS (NET_FRAME_BAD_CHECKSUM + 1)

struct corpus_run {
	struct random_stream *random;
	unsigned kinds[KINDS];
	unsigned quotes;
	unsigned rewritten;
	unsigned wrong; // a promise of frame.h that was not kept
};

static const uint8_t options[8] = {0x94, 4, 0, 0, 1, 1, 1, 1};
static const uint8_t extensions[24] = {
	60, 0, 1, 4, 0, 0, 0, 0, 44, 0, 1, 4, 0, 0, 0, 0, 17, 0, 0, 0, 1, 2, 3, 4};
static const uint8_t far_address[16] = {0x20, 1, 0xd, 0xb8, 0xff};

static uint32_t below(struct corpus_run *run, uint32_t limit)
{
	return random_stream_below(run->random, limit);
}

static void make_good_frame(struct corpus_run *run, struct packet *packet)
{
	struct packet_shape shape = {.is_ipv6 = below(run, 2), .padding = below(run, 3) * 6};
	uint8_t payload[300];
	size_t length = below(run, sizeof(payload));

	if (below(run, 3) == 0)
		shape.tag = (uint16_t)random_stream_u32(run->random);
	if (below(run, 4) == 0) {
		struct packet quoted;

		packet_make_quoted(&quoted, &shape, far_address);
		packet_make_icmp(packet, &shape, shape.is_ipv6 ? 1 : 3, (uint8_t)below(run, 8),
			quoted.bytes + quoted.l3, below(run, 2) ? 52 : 28);
		return;
	}
	if (below(run, 3) == 0) {
		shape.options = shape.is_ipv6 ? extensions : options;
		shape.options_length = shape.is_ipv6 ? sizeof(extensions) : sizeof(options);
	}
	for (size_t i = 0; i < length; i++)
		payload[i] = (uint8_t)random_stream_u32(run->random);
	packet_make_udp(packet, &shape, payload, length);
}

// A length, offset or type as an attacker would choose it.
static uint16_t odd_number(struct corpus_run *run, const struct packet *packet)
{
	static const uint16_t edges[] = {0, 1, 7, 8, 9, 19, 20, 21, 39, 40, 41, 0x2000, 0x3fff,
		0x7fff, 0x8000, 0xfff8, 0xffff, 0x0800, 0x86dd, 0x8100, 0x88a8};

	if (below(run, 2))
		return edges[below(run, sizeof(edges) / sizeof(edges[0]))];
	return (uint16_t)(packet->length - 34 + below(run, 48) - 24);
}

static void fix_checksums(struct packet *packet)
{
	size_t udp_length = packet_u16(packet, packet->l4 + 4);

	if (packet->is_ipv4)
		packet_fix_ipv4_checksum(packet);
	if (packet->bytes[packet->l3 + 9] == 17 && packet->l4 + udp_length <= PACKET_ROOM)
		packet_fix_udp_checksum(packet);
}

// Sums are made good again now and then, so that the checks behind them are reached.
static void mutate(struct corpus_run *run, struct packet *packet)
{
	for (uint32_t left = below(run, 4); left > 0; left--) {
		size_t at = below(run, (uint32_t)packet->length);

		switch (below(run, 4)) {
		case 0:
			packet->bytes[at] ^= (uint8_t)(1 << below(run, 8));
			break;
		case 1:
			// The headers are where lengths stand.
			at = 12 + below(run, (uint32_t)(packet->l4 - 4));
			packet_set_u16(packet, at, odd_number(run, packet));
			break;
		case 2:
			packet->bytes[at] = (uint8_t)random_stream_u32(run->random);
			break;
		default:
			memmove(packet->bytes + at / 2, packet->bytes + at, packet->length - at);
			break;
		}
	}
	if (below(run, 2))
		fix_checksums(packet);
	if (below(run, 4) == 0)
		packet->length = below(run, (uint32_t)packet->length + 1);
}

static bool payload_is_inside(const struct net_frame *frame)
{
	return frame->payload_offset >= frame->l4_offset + 8 &&
	       frame->l4_offset >= frame->l3_offset + (frame->is_ipv4 ? 20 : 40) &&
	       frame->payload_offset + frame->payload_length <= frame->length;
}

static bool parses_again(const struct net_frame *frame)
{
	struct net_frame again = {.data = frame->data, .length = frame->length};

	return net_frame_parse(&again) == NET_FRAME_UDP && again.vlan == frame->vlan &&
	       again.l3_offset == frame->l3_offset && again.l4_offset == frame->l4_offset &&
	       again.payload_offset == frame->payload_offset &&
	       again.payload_length == frame->payload_length &&
	       net_endpoint_equal(&again.source, &frame->source) &&
	       net_endpoint_equal(&again.destination, &frame->destination);
}

// Answers the frame, then sends it on over the other version with a tag.
static void rewrite(struct corpus_run *run, struct net_frame *frame)
{
	bool was_ipv4 = frame->is_ipv4;
	struct net_flow flow;

	// What the NIC calls good without being so leaves as bad as it came.
	if (frame->offload & NET_OFFLOAD_RX_UDP_GOOD)
		net_frame_payload_rewritten(frame, frame->payload_length);
	net_frame_flow_back(frame, &flow);
	run->wrong += net_frame_write_headers(frame, &flow, 0) != 0 || !parses_again(frame);
	flow.vlan = 0x6064;
	if (was_ipv4) {
		flow.source.address = net_address_from_ipv6(packet_ipv6_addresses);
		flow.destination.address = net_address_from_ipv6(packet_ipv6_addresses + 16);
	} else {
		flow.source.address = net_address_from_ipv4(packet_ipv4_addresses);
		flow.destination.address = net_address_from_ipv4(packet_ipv4_addresses + 4);
	}
	run->wrong += net_frame_write_headers(frame, &flow, 0) != 0 || !parses_again(frame);
	run->wrong += frame->is_ipv4 == was_ipv4;
	run->rewritten++;
}

static void run_frame(struct corpus_run *run, const struct packet *packet)
{
	static const uint16_t offloads[] = {0, 0, NET_OFFLOAD_RX_IP_GOOD, NET_OFFLOAD_RX_UDP_GOOD,
		NET_OFFLOAD_RX_IP_GOOD | NET_OFFLOAD_RX_UDP_GOOD, NET_OFFLOAD_RX_BAD};
	uint8_t *buffer = malloc(HEADROOM + packet->length);
	struct net_quoted_datagram quoted;
	struct net_frame frame = {.data = buffer + HEADROOM,
		.length = (uint16_t)packet->length,
		.headroom = HEADROOM,
		.offload = offloads[below(run, sizeof(offloads) / sizeof(offloads[0]))]};

	if (!buffer)
		abort();
	memcpy(frame.data, packet->bytes, packet->length);
	switch (net_frame_parse(&frame)) {
	case NET_FRAME_UDP:
		run->wrong += !payload_is_inside(&frame);
		run->kinds[frame.kind]++;
		rewrite(run, &frame);
		break;
	case NET_FRAME_ICMP_ERROR:
		run->wrong += !payload_is_inside(&frame);
		run->quotes += net_frame_parse_quote(&frame, &quoted) == 0;
		run->kinds[frame.kind]++;
		break;
	default:
		run->wrong += frame.kind >= KINDS;
		run->kinds[frame.kind % KINDS]++;
		break;
	}
	free(buffer);
}

static void mutated_frames_break_no_promise(void)
{
	uint8_t seed[RANDOM_SEED_BYTES] = {0x6e};
	struct corpus_run run = {.random = random_stream_create(seed)};
	struct packet packet;

	CU_ASSERT_PTR_NOT_NULL_FATAL(run.random);
	for (int i = 0; i < FRAMES; i++) {
		make_good_frame(&run, &packet);
		mutate(&run, &packet);
		run_frame(&run, &packet);
	}
	CU_ASSERT_EQUAL(run.wrong, 0);
	// Every way out was taken often, or the corpus has lost its worth.
	for (int kind = 0; kind < KINDS; kind++)
		CU_ASSERT_TRUE(run.kinds[kind] > FRAMES / 200);
	CU_ASSERT_TRUE(run.quotes > FRAMES / 200);
	CU_ASSERT_EQUAL(run.rewritten, run.kinds[NET_FRAME_UDP]);
	printf("udp %u icmp %u (quotes %u) other %u fragment %u malformed %u checksum %u ",
		run.kinds[0], run.kinds[1], run.quotes, run.kinds[2], run.kinds[3], run.kinds[4],
		run.kinds[5]);
	random_stream_destroy(run.random);
}

static const struct unit_case cases[] = {
	{"mutated frames break no promise", mutated_frames_break_no_promise},
};

UNIT_MAIN("net corpus", cases)
