// SPDX-License-Identifier: BSD-3-Clause
// Frames that are not for this lcore's queries: for the kernel, for another lcore, broken, or an
// ICMP error about what was sent.
#include "forward_fixture.h"

#include "net_packets.h"

static const char plain[] = "example.org {\n"
			    "	forward . 192.0.2.53 192.0.2.54 {\n"
			    "		policy sequential\n"
			    "	}\n"
			    "}\n";

// A query on its way from this lcore: the flow of its reply, and its attempt as it was sent.
static struct net_flow start_query(
	struct forward_fixture *fixture, uint16_t lcore, struct packet *sent)
{
	struct draft query;
	struct net_flow flow;
	const struct net_frame *frame;

	draft_start(&query, DNS_FLAG_RD);
	fixture_query(fixture, lcore, &query);
	frame = fixture_sent(fixture, lcore);
	memset(sent, 0, sizeof(*sent));
	memcpy(sent->bytes, frame->data, frame->length);
	sent->length = frame->length;
	sent->l3 = frame->l3_offset;
	net_frame_flow_back(frame, &flow);
	fixture_clear(fixture);
	return flow;
}

static void receive_bytes(
	struct forward_fixture *fixture, uint16_t lcore, const uint8_t *bytes, size_t length)
{
	struct net_frame frame;

	CU_ASSERT_FATAL(fixture_allocate(
		&(struct fixture_sink){.frames_out = &fixture->frames_out}, &frame));
	memcpy(frame.data, bytes, length);
	frame.tailroom = (uint16_t)(frame.tailroom + frame.length - length);
	frame.length = (uint16_t)length;
	frame.port = 0;
	frame.offload = 0;
	forward_lcore_receive(fixture->lcores[lcore], &frame, 1, fixture->now);
}

// "Port unreachable" to `to`, quoting what was sent; the first `quoted` bytes of it.
static void receive_unreachable(struct forward_fixture *fixture, uint16_t lcore,
	const struct packet *sent, const uint8_t to[4], size_t quoted)
{
	const struct packet_shape shape = {0};
	struct packet error;

	packet_make_icmp(&error, &shape, 3, 3, sent->bytes + sent->l3, quoted);
	memcpy(error.bytes + error.l3 + 16, to, 4);
	packet_fix_ipv4_checksum(&error);
	receive_bytes(fixture, lcore, error.bytes, error.length);
}

static void test_icmp_errors(void)
{
	static const uint8_t ours[4] = {192, 0, 2, 2};
	struct forward_fixture fixture;
	struct packet sent;

	fixture_open(&fixture, plain, 1, 16);
	(void)start_query(&fixture, 0, &sent);
	for (size_t quoted = 28; quoted < 30; quoted++) {
		receive_unreachable(&fixture, 0, &sent, ours, quoted);
		CU_ASSERT_EQUAL(fixture_count(&fixture, 0, STATS_ICMP_UNMATCHED), quoted - 27);
	}
	sent.bytes[sent.l3 + 28] ^= 1;
	receive_unreachable(&fixture, 0, &sent, ours, 40);
	sent.bytes[sent.l3 + 28] ^= 1;
	sent.bytes[sent.l3 + 19] ^= 1;
	receive_unreachable(&fixture, 0, &sent, ours, 40);
	sent.bytes[sent.l3 + 19] ^= 1;
	CU_ASSERT_EQUAL(fixture_count(&fixture, 0, STATS_ICMP_UNMATCHED), 4);
	CU_ASSERT_EQUAL(fixture.sinks[0].sent_count, 0);
	receive_unreachable(&fixture, 0, &sent, ours, 40);
	CU_ASSERT_EQUAL(fixture_count(&fixture, 0, STATS_ICMP_MATCHED), 1);
	CU_ASSERT_EQUAL(fixture_count(&fixture, 0, STATS_SENT_RETRIES), 1);
	CU_ASSERT_EQUAL(net_address_ipv4(&fixture_sent(&fixture, 0)->destination.address)[3], 54);
	fixture_close(&fixture);
}

// Quotes without ports, and of ports and addresses that are not ours.
static void test_icmp_errors_of_others(void)
{
	static const uint8_t ours[4] = {192, 0, 2, 2};
	static const uint8_t others[4] = {192, 0, 2, 77};
	struct forward_fixture fixture;
	struct packet sent;

	fixture_open(&fixture, plain, 1, 16);
	(void)start_query(&fixture, 0, &sent);
	for (size_t quoted = 0; quoted < 24; quoted++)
		receive_unreachable(&fixture, 0, &sent, ours, quoted);
	// Quote and error agree on an address that is not ours.
	memcpy(sent.bytes + sent.l3 + 12, others, 4);
	receive_unreachable(&fixture, 0, &sent, others, 40);
	memcpy(sent.bytes + sent.l3 + 12, ours, 4);
	bytes_store_u16(sent.bytes + sent.l3 + 20, 19999);
	receive_unreachable(&fixture, 0, &sent, ours, 40);
	CU_ASSERT_EQUAL(fixture_count(&fixture, 0, STATS_FRAME_ICMP_ERROR), 0);
	CU_ASSERT_EQUAL(fixture_count(&fixture, 0, STATS_FRAME_KERNEL), 26);
	CU_ASSERT_EQUAL(forward_lcore_in_flight(fixture.lcores[0]), 1);
	fixture_close(&fixture);
}

static void test_broken_frames(void)
{
	const struct packet_shape fragment = {.ipv4_fragment = 0x2000};
	const struct packet_shape whole = {0};
	struct forward_fixture fixture;
	struct packet packet;

	fixture_open(&fixture, plain, 1, 16);
	packet_make_udp(&packet, &fragment, "fragment", 8);
	receive_bytes(&fixture, 0, packet.bytes, packet.length);
	CU_ASSERT_EQUAL(fixture_count(&fixture, 0, STATS_FRAME_FRAGMENT), 1);
	packet_make_udp(&packet, &whole, "whole", 5);
	receive_bytes(&fixture, 0, packet.bytes, packet.length - 1);
	CU_ASSERT_EQUAL(fixture_count(&fixture, 0, STATS_FRAME_MALFORMED), 1);
	packet.bytes[packet.length - 1] ^= 1;
	receive_bytes(&fixture, 0, packet.bytes, packet.length);
	CU_ASSERT_EQUAL(fixture_count(&fixture, 0, STATS_FRAME_BAD_CHECKSUM), 1);
	for (size_t length = 0; length < packet.length; length++)
		receive_bytes(&fixture, 0, packet.bytes, length);
	CU_ASSERT_EQUAL(fixture.sinks[0].sent_count, 0);
	fixture_close(&fixture);
}

// Another address, a port that nobody serves, and what is not UDP.
static void receive_not_ours(struct forward_fixture *fixture)
{
	static const uint8_t arp[60] = {[12] = 8, [13] = 6};
	struct net_flow flow = fixture_query_flow();

	flow.destination = fixture_endpoint("192.0.2.77", 53);
	fixture_receive(fixture, 0, &flow, "x", 1);
	flow.destination = fixture_endpoint("192.0.2.77", 20000);
	fixture_receive(fixture, 0, &flow, "x", 1);
	flow.destination = fixture_endpoint("192.0.2.2", 5353);
	fixture_receive(fixture, 0, &flow, "x", 1);
	flow.destination = fixture_endpoint("192.0.2.2", 20100);
	fixture_receive(fixture, 0, &flow, "x", 1);
	receive_bytes(fixture, 0, arp, sizeof(arp));
}

static void test_kernel(void)
{
	struct forward_fixture fixture;

	fixture_open(&fixture, plain, 1, 16);
	receive_not_ours(&fixture);
	fixture.sinks[0].kernel_result = FORWARD_RING_FULL;
	receive_not_ours(&fixture);
	fixture.sinks[0].kernel_result = FORWARD_NO_TAKER;
	receive_not_ours(&fixture);
	CU_ASSERT_EQUAL(fixture.sinks[0].to_kernel, 15);
	CU_ASSERT_EQUAL(fixture_count(&fixture, 0, STATS_FRAME_KERNEL), 5);
	CU_ASSERT_EQUAL(fixture_count(&fixture, 0, STATS_FRAME_KERNEL_FULL), 5);
	CU_ASSERT_EQUAL(fixture_count(&fixture, 0, STATS_FRAME_NOT_OURS), 5);
	fixture_close(&fixture);
}

// Hands over what lcore 0 passed on to lcore 1.
static void carry_hop(struct forward_fixture *fixture)
{
	struct net_frame *hopped = &fixture->sinks[0].hopped;

	CU_ASSERT_PTR_NOT_NULL_FATAL(hopped->buffer);
	CU_ASSERT_EQUAL(fixture->sinks[0].hopped_to, 1);
	forward_lcore_receive_hopped(fixture->lcores[1], hopped, 1, fixture->now);
	hopped->buffer = NULL;
}

// What comes to the wrong lcore reaches the owner of its local port, replies and errors alike.
static void test_hops(void)
{
	static const uint8_t ours[4] = {192, 0, 2, 2};
	struct forward_fixture fixture;
	struct packet sent;
	struct net_flow flow;
	uint8_t *reply;

	fixture_open(&fixture, plain, 2, 16);
	(void)start_query(&fixture, 1, &sent);
	receive_unreachable(&fixture, 0, &sent, ours, 40);
	carry_hop(&fixture);
	CU_ASSERT_EQUAL(fixture_count(&fixture, 1, STATS_ICMP_MATCHED), 1);
	fixture_clear(&fixture);
	flow = start_query(&fixture, 1, &sent);
	reply = sent.bytes + sent.l3 + 28;
	reply[2] |= 0x80;
	fixture.sinks[0].hop_result = FORWARD_RING_FULL;
	fixture_receive(&fixture, 0, &flow, reply, QUESTION_END);
	CU_ASSERT_EQUAL(fixture_count(&fixture, 0, STATS_FRAME_HOP_FULL), 1);
	fixture.sinks[0].hop_result = FORWARD_HANDED_OVER;
	fixture_receive(&fixture, 0, &flow, reply, QUESTION_END);
	carry_hop(&fixture);
	CU_ASSERT_EQUAL(fixture_count(&fixture, 0, STATS_FRAME_HOPPED), 2);
	CU_ASSERT_EQUAL(fixture_count(&fixture, 1, STATS_FRAMES_HOPPED_IN), 2);
	CU_ASSERT_EQUAL(fixture_count(&fixture, 1, STATS_QUERY_ANSWERED), 1);
	CU_ASSERT_EQUAL(fixture.sinks[1].sent_count, 1);
	fixture_close(&fixture);
}

static int init_ports(struct forward_shared *shared, uint16_t first, uint16_t last,
	uint16_t workers, uint16_t streams)
{
	return forward_shared_init(shared, &(struct forward_shared_options){
						   .local_port_first = first,
						   .local_port_last = last,
						   .worker_count = workers,
						   .stream_count = streams,
						   .stream_ports = FORWARD_STREAM_PORTS,
					   });
}

// Every local port belongs to one lcore, which says so itself.
static void check_port_split(uint16_t first, uint16_t last, uint16_t workers, uint16_t streams)
{
	uint32_t even = ((uint32_t)last - first + 1) / (workers + streams);
	uint32_t of_stream = even < FORWARD_STREAM_PORTS ? even : FORWARD_STREAM_PORTS;
	struct forward_shared shared;
	uint32_t next = first;

	CU_ASSERT_EQUAL_FATAL(init_ports(&shared, first, last, workers, streams), 0);
	for (uint16_t lcore = 0; lcore < workers + streams; lcore++) {
		uint16_t start;
		uint16_t count;

		forward_local_ports(&shared, lcore, &start, &count);
		CU_ASSERT_EQUAL(start, next);
		CU_ASSERT(lcore >= workers || count >= even);
		CU_ASSERT(lcore < workers || count == of_stream);
		for (uint16_t i = 0; i < count; i++)
			CU_ASSERT_EQUAL(shared.port_owners[start - first + i], lcore);
		next += count;
	}
	CU_ASSERT_EQUAL(next, (uint32_t)last + 1);
	forward_shared_fini(&shared);
}

static void test_port_split(void)
{
	struct forward_shared shared;

	for (uint16_t workers = 1; workers <= 7; workers++) {
		for (uint16_t streams = 0; streams <= 2; streams++) {
			check_port_split(10240, 32767, workers, streams);
			check_port_split(1024, 65533, workers, streams);
			check_port_split(5000, 5008, workers, streams);
		}
	}
	check_port_split(10240, 32767, FORWARD_LCORES_MOST, 0);
	CU_ASSERT_EQUAL(init_ports(&shared, 0, 10, 1, 0), -EINVAL);
	CU_ASSERT_EQUAL(init_ports(&shared, 11, 10, 1, 0), -EINVAL);
	CU_ASSERT_EQUAL(init_ports(&shared, 10, 20, 0, 1), -EINVAL);
	CU_ASSERT_EQUAL(init_ports(&shared, 10, 20, 10, 2), -EINVAL);
	CU_ASSERT_EQUAL(init_ports(&shared, 10, 2000, FORWARD_LCORES_MOST, 1), -EINVAL);
	CU_ASSERT_EQUAL(init_ports(&shared, 1, UINT16_MAX - 1, 1, 0), -EINVAL);
}

static const struct unit_case cases[] = {
	{"fails an attempt by an ICMP error", test_icmp_errors},
	{"leaves ICMP errors of others to the kernel", test_icmp_errors_of_others},
	{"drops broken frames", test_broken_frames},
	{"hands the rest to the kernel", test_kernel},
	{"passes frames to the owner of the local port", test_hops},
	{"splits the local ports", test_port_split},
};

UNIT_MAIN("forward_steering", cases)
