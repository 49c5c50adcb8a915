// SPDX-License-Identifier: BSD-3-Clause
// Ports of drivers that need no hardware, in a network namespace of the test's own: frames in
// and out, offloads, counters, every frame given back.
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <rte_dev.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>

#include "base/clock.h"
#include "net_packets.h"
#include "nic/nic.h"
#include "unit.h"

#define SKIPPED 77
#define WAIT (10 * CLOCK_SECOND)

static struct nic *open_queues(const char *folder, uint16_t queues, struct nic_error *error)
{
	unsigned int lcores[64];

	for (int i = 0; i < 64; i++)
		lcores[i] = rte_lcore_id();
	return nic_open(&(struct nic_options){.queues = queues,
				.lcores = lcores,
				.frames = 2047,
				.drivers_folder = folder},
		error);
}

static struct nic *open_port(const char *device, const char *arguments)
{
	struct nic_error error = {""};
	struct nic *nic;

	CU_ASSERT_EQUAL_FATAL(rte_eal_hotplug_add("vdev", device, arguments), 0);
	nic = open_queues(DRIVERS_FOLDER, 1, &error);
	CU_ASSERT_STRING_EQUAL(error.text, "");
	CU_ASSERT_PTR_NOT_NULL_FATAL(nic);
	return nic;
}

// The pool has every frame again before the ports go.
static void close_port(struct nic *nic, const char *device)
{
	CU_ASSERT_EQUAL(nic_frames_free(nic, 0), nic_frames_total(nic, 0));
	nic_close(nic);
	CU_ASSERT_EQUAL(rte_eal_hotplug_remove("vdev", device), 0);
}

static void test_no_port(void)
{
	struct nic_error error = {""};

	CU_ASSERT_PTR_NULL(open_queues(DRIVERS_FOLDER, 1, &error));
	CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "no port"));
}

static void test_too_many_workers(void)
{
	struct nic_error error = {""};

	CU_ASSERT_EQUAL_FATAL(rte_eal_hotplug_add("vdev", "net_ring0", ""), 0);
	CU_ASSERT_PTR_NULL(open_queues(DRIVERS_FOLDER, 17, &error));
	CU_ASSERT_EQUAL(errno, ENOSPC);
	CU_ASSERT_PTR_NOT_NULL(strstr(error.text,
		"port 0 (net_ring, net_ring0) has 16 queues, 17 worker lcores need one each"));
	CU_ASSERT_EQUAL(rte_eal_hotplug_remove("vdev", "net_ring0"), 0);
}

static void test_bad_folder(void)
{
	struct nic_error error = {""};

	CU_ASSERT_EQUAL_FATAL(rte_eal_hotplug_add("vdev", "net_null0", ""), 0);
	CU_ASSERT_PTR_NULL(open_queues("/nonexistent", 1, &error));
	CU_ASSERT_EQUAL(errno, ENOENT);
	CU_ASSERT_STRING_EQUAL(error.text, "/nonexistent: no folder of driver files");
	CU_ASSERT_EQUAL(rte_eal_hotplug_remove("vdev", "net_null0"), 0);
}

// Opens one net_ring port by a driver file that ends in `kernel` and has at most 2 queues.
static struct nic *open_by_file(const char *kernel, uint16_t queues, struct nic_error *error)
{
	char folder[] = "/tmp/millrace-test-XXXXXX", path[64];
	struct nic *nic;
	FILE *file;

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/ring.ini", folder);
	file = fopen(path, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	fprintf(file,
		"[driver]\nnames = net_ring\n[bind]\nto = none\n[queues]\nmost = 2\nrx_ring = 64\n"
		"tx_ring = 128\n[offloads]\nrx = none\ntx = none\n[steering]\npreference = "
		"rte_flow "
		"hop\n[kernel]\n%s",
		kernel);
	CU_ASSERT_EQUAL(fclose(file), 0);
	nic = open_queues(folder, queues, error);
	CU_ASSERT_EQUAL(unlink(path), 0);
	CU_ASSERT_EQUAL(rmdir(folder), 0);
	return nic;
}

static void test_driver_file_counts(void)
{
	struct nic_error error = {""};
	const struct nic_port_info *info;
	struct nic *nic;

	CU_ASSERT_EQUAL_FATAL(rte_eal_hotplug_add("vdev", "net_ring0", ""), 0);
	CU_ASSERT_PTR_NULL(open_by_file("path = none\nfilter = none\n", 3, &error));
	CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "has 2 queues, 3 worker lcores"));
	CU_ASSERT_PTR_NULL(open_by_file("path = none\n", 1, &error));
	CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "key \"filter\" is missing"));
	// A ring has no rules: the kernel would lose its frames, so the port is not opened.
	CU_ASSERT_PTR_NULL(open_by_file("path = bifurcated\nfilter = flow\n", 1, &error));
	CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "can not leave the rest to the kernel"));
	CU_ASSERT_EQUAL(rte_eal_hotplug_remove("vdev", "net_ring0"), 0);
	CU_ASSERT_EQUAL_FATAL(rte_eal_hotplug_add("vdev", "net_ring8", ""), 0);
	nic = open_by_file("path = none\nfilter = none\n", 2, &error);
	CU_ASSERT_PTR_NOT_NULL_FATAL(nic);
	info = nic_port_info(nic, 0);
	CU_ASSERT_EQUAL(info->queues, 2);
	CU_ASSERT_EQUAL(info->queues_most, 2);
	CU_ASSERT_EQUAL(info->rx_ring, 64);
	CU_ASSERT_EQUAL(info->tx_ring, 128);
	CU_ASSERT_EQUAL(info->steering_count, 2);
	CU_ASSERT_EQUAL(info->steering[0], NIC_STEERING_RTE_FLOW);
	nic_close(nic);
	CU_ASSERT_EQUAL(rte_eal_hotplug_remove("vdev", "net_ring8"), 0);
}

// net_null makes frames out of nothing and takes all.
static void test_null(void)
{
	struct nic *nic = open_port("net_null0", "size=60");
	const struct nic_port_info *info = nic_port_info(nic, 0);
	struct nic_port_statistics statistics;
	struct net_frame frames[NIC_BURST];

	CU_ASSERT_EQUAL(nic_port_count(nic), 1);
	CU_ASSERT_STRING_EQUAL(info->driver, "net_null");
	CU_ASSERT_STRING_EQUAL(info->name, "net_null0");
	CU_ASSERT_STRING_EQUAL(info->interface, "");
	CU_ASSERT_EQUAL(info->kernel_path, NIC_KERNEL_PATH_NONE);
	CU_ASSERT_EQUAL(info->steering_count, 1);
	CU_ASSERT_EQUAL(info->steering[0], NIC_STEERING_HOP);
	CU_ASSERT_FALSE(info->has_filter);
	for (int i = 0; i < 100; i++) {
		CU_ASSERT_EQUAL(nic_port_receive(nic, 0, 0, frames, NIC_BURST), NIC_BURST);
		CU_ASSERT_EQUAL(frames[i % NIC_BURST].length, 60);
		CU_ASSERT_EQUAL(frames[i % NIC_BURST].headroom, RTE_PKTMBUF_HEADROOM);
		CU_ASSERT_EQUAL(nic_port_send(nic, 0, 0, frames, NIC_BURST), NIC_BURST);
	}
	CU_ASSERT_EQUAL(nic_queue_counters(nic, 0, 0)->rx_frames, 100 * NIC_BURST);
	CU_ASSERT_EQUAL(nic_queue_counters(nic, 0, 0)->tx_frames, 100 * NIC_BURST);
	CU_ASSERT_EQUAL(nic_port_statistics(nic, 0, &statistics), 0);
	CU_ASSERT_EQUAL(statistics.rx_frames, 100 * NIC_BURST);
	CU_ASSERT_EQUAL(nic_filter_set(nic, 0, &(struct nic_filter_rules){0}), 0);
	close_port(nic, "net_null0");
}

static void fill(struct net_frame *frame, uint32_t number)
{
	CU_ASSERT_EQUAL(frame->payload_offset, NET_HEADERS_MOST);
	CU_ASSERT_TRUE(net_frame_payload_room(frame) >= 1452);
	memset(frame->data, 0, frame->length);
	memcpy(net_frame_payload(frame), &number, sizeof(number));
	frame->length = (uint16_t)(frame->length + sizeof(number));
}

// net_ring gives back what it is sent.
static void test_ring_loop(void)
{
	struct nic *nic = open_port("net_ring1", "");
	struct net_frame frames[NIC_BURST];
	uint32_t sent = 0, received = 0, number;

	for (int round = 0; round < 200; round++) {
		uint16_t count = (uint16_t)(1 + round % NIC_BURST);

		CU_ASSERT_EQUAL_FATAL(nic_frame_alloc(nic, 0, frames, count), count);
		for (uint16_t i = 0; i < count; i++)
			fill(&frames[i], sent++);
		CU_ASSERT_EQUAL(nic_port_send(nic, 0, 0, frames, count), count);
		count = nic_port_receive(nic, 0, 0, frames, NIC_BURST);
		for (uint16_t i = 0; i < count; i++) {
			memcpy(&number, frames[i].data + NET_HEADERS_MOST, sizeof(number));
			CU_ASSERT_EQUAL(number, received++);
			CU_ASSERT_EQUAL(frames[i].length, NET_HEADERS_MOST + sizeof(number));
			CU_ASSERT_EQUAL(frames[i].port, 0);
		}
		nic_frame_free(nic, frames, count);
	}
	CU_ASSERT_EQUAL(received, sent);
	close_port(nic, "net_ring1");
}

static void test_ring_full(void)
{
	struct nic *nic = open_port("net_ring2", "");
	const struct nic_queue_counters *counters = nic_queue_counters(nic, 0, 0);
	struct net_frame frames[NIC_BURST];
	uint64_t taken = 0, received = 0;
	uint16_t count;

	for (int i = 0; i < 20; i++) {
		CU_ASSERT_EQUAL_FATAL(nic_frame_alloc(nic, 0, frames, NIC_BURST), NIC_BURST);
		taken += nic_port_send(nic, 0, 0, frames, NIC_BURST);
	}
	CU_ASSERT_EQUAL(counters->tx_frames, taken);
	CU_ASSERT_TRUE(counters->tx_dropped > 0);
	CU_ASSERT_EQUAL(counters->tx_dropped, 20 * NIC_BURST - taken);
	while ((count = nic_port_receive(nic, 0, 0, frames, NIC_BURST)) > 0) {
		received += count;
		nic_frame_free(nic, frames, count);
	}
	CU_ASSERT_EQUAL(received, taken);
	close_port(nic, "net_ring2");
}

static void test_pool_empty(void)
{
	struct nic *nic = open_port("net_null0", "");
	uint32_t total = nic_frames_total(nic, 0), got = 0;
	struct net_frame *frames = calloc(total, sizeof(*frames));

	CU_ASSERT_PTR_NOT_NULL_FATAL(frames);
	while (got + NIC_BURST <= total && nic_frame_alloc(nic, 0, frames + got, NIC_BURST))
		got += NIC_BURST;
	CU_ASSERT_TRUE(got + 2 * NIC_BURST > total);
	CU_ASSERT_EQUAL(
		nic_frame_alloc(nic, 0, &(struct net_frame[NIC_BURST]){0}[0], NIC_BURST), 0);
	nic_frame_free(nic, frames, (uint16_t)got);
	free(frames);
	close_port(nic, "net_null0");
}

// What the wire would bring: an mbuf put into the ring behind nic's back.
static struct rte_mbuf *ring_put(struct nic *nic, uint64_t flags)
{
	struct net_frame frame;
	struct rte_mbuf *mbuf;

	CU_ASSERT_EQUAL_FATAL(nic_frame_alloc(nic, 0, &frame, 1), 1);
	mbuf = frame.buffer;
	CU_ASSERT_PTR_NOT_NULL_FATAL(rte_pktmbuf_append(mbuf, 60));
	memset(rte_pktmbuf_mtod(mbuf, void *), 0x5a, 60);
	mbuf->ol_flags = flags;
	return mbuf;
}

static uint16_t offload_received(struct nic *nic, uint64_t flags)
{
	struct rte_mbuf *mbuf = ring_put(nic, flags);
	struct net_frame frame = {.offload = 0xffff};

	CU_ASSERT_EQUAL(rte_eth_tx_burst(nic_port_info(nic, 0)->dpdk_port, 0, &mbuf, 1), 1);
	CU_ASSERT_EQUAL_FATAL(nic_port_receive(nic, 0, 0, &frame, 1), 1);
	nic_frame_free(nic, &frame, 1);
	return frame.offload;
}

static void test_receive_offloads(void)
{
	struct nic *nic = open_port("net_ring3", "");
	const uint64_t ip_good = RTE_MBUF_F_RX_IP_CKSUM_GOOD, ip_bad = RTE_MBUF_F_RX_IP_CKSUM_BAD;
	const uint64_t udp_good = RTE_MBUF_F_RX_L4_CKSUM_GOOD, udp_bad = RTE_MBUF_F_RX_L4_CKSUM_BAD;

	CU_ASSERT_EQUAL(offload_received(nic, 0), 0);
	CU_ASSERT_EQUAL(offload_received(nic, ip_good), NET_OFFLOAD_RX_IP_GOOD);
	CU_ASSERT_EQUAL(offload_received(nic, udp_good), NET_OFFLOAD_RX_UDP_GOOD);
	CU_ASSERT_EQUAL(offload_received(nic, ip_good | udp_good),
		NET_OFFLOAD_RX_IP_GOOD | NET_OFFLOAD_RX_UDP_GOOD);
	CU_ASSERT_EQUAL(offload_received(nic, ip_good | udp_bad),
		NET_OFFLOAD_RX_IP_GOOD | NET_OFFLOAD_RX_BAD);
	CU_ASSERT_EQUAL(offload_received(nic, ip_bad), NET_OFFLOAD_RX_BAD);
	CU_ASSERT_EQUAL(
		offload_received(nic, RTE_MBUF_F_RX_IP_CKSUM_NONE | RTE_MBUF_F_RX_L4_CKSUM_NONE),
		0);
	close_port(nic, "net_ring3");
}

static void test_stripped_tag_comes_back(void)
{
	struct nic *nic = open_port("net_ring4", "");
	struct rte_mbuf *mbuf = ring_put(nic, RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED);
	struct net_frame frame;

	mbuf->vlan_tci = 0x2064;
	CU_ASSERT_EQUAL(rte_eth_tx_burst(nic_port_info(nic, 0)->dpdk_port, 0, &mbuf, 1), 1);
	CU_ASSERT_EQUAL_FATAL(nic_port_receive(nic, 0, 0, &frame, 1), 1);
	CU_ASSERT_EQUAL(frame.length, 64);
	CU_ASSERT_EQUAL(memcmp(frame.data + 12, "\x81\x00\x20\x64\x5a\x5a", 6), 0);
	nic_frame_free(nic, &frame, 1);
	close_port(nic, "net_ring4");
}

static void test_segments_are_dropped(void)
{
	struct nic *nic = open_port("net_ring5", "");
	struct rte_mbuf *mbufs[3] = {ring_put(nic, 0), ring_put(nic, 0), ring_put(nic, 0)};
	struct net_frame frames[4];

	CU_ASSERT_EQUAL(rte_pktmbuf_chain(mbufs[0], mbufs[1]), 0);
	mbufs[1] = mbufs[2];
	CU_ASSERT_EQUAL(rte_eth_tx_burst(nic_port_info(nic, 0)->dpdk_port, 0, mbufs, 2), 2);
	CU_ASSERT_EQUAL(nic_port_receive(nic, 0, 0, frames, 4), 1);
	CU_ASSERT_PTR_EQUAL(frames[0].buffer, mbufs[2]);
	CU_ASSERT_EQUAL(nic_queue_counters(nic, 0, 0)->rx_segmented, 1);
	CU_ASSERT_EQUAL(nic_queue_counters(nic, 0, 0)->rx_frames, 1);
	nic_frame_free(nic, frames, 1);
	close_port(nic, "net_ring5");
}

// A datagram from 10.53.0.1:53 to 10.53.0.2:4000, or of fd53::1 and fd53::2.
static void make_datagram(struct net_frame *frame, bool is_ipv4, uint16_t offload)
{
	struct net_flow flow = {
		.source.port = 53,
		.destination.port = 4000,
		.source_mac = {{2, 0, 0, 0, 0, 1}},
		.destination_mac = {{2, 0, 0, 0, 0, 2}},
		.vlan = NET_VLAN_NONE,
	};

	CU_ASSERT_EQUAL(
		net_address_parse(is_ipv4 ? "10.53.0.1" : "fd53::1", &flow.source.address), 0);
	CU_ASSERT_EQUAL(
		net_address_parse(is_ipv4 ? "10.53.0.2" : "fd53::2", &flow.destination.address), 0);
	memcpy(net_frame_payload(frame), "answer", 6);
	frame->payload_length = 6;
	frame->length = (uint16_t)(frame->length + 6);
	frame->tailroom = (uint16_t)(frame->tailroom - 6);
	CU_ASSERT_EQUAL(net_frame_write_headers(frame, &flow, offload), 0);
}

static void check_sent_flags(struct nic *nic, bool is_ipv4, uint16_t offload, uint64_t flags)
{
	struct net_frame frame;
	struct rte_mbuf *mbuf;

	CU_ASSERT_EQUAL_FATAL(nic_frame_alloc(nic, 0, &frame, 1), 1);
	make_datagram(&frame, is_ipv4, offload);
	CU_ASSERT_EQUAL(nic_port_send(nic, 0, 0, &frame, 1), 1);
	CU_ASSERT_EQUAL_FATAL(rte_eth_rx_burst(nic_port_info(nic, 0)->dpdk_port, 0, &mbuf, 1), 1);
	CU_ASSERT_EQUAL(mbuf->ol_flags, flags);
	CU_ASSERT_EQUAL(mbuf->pkt_len, (is_ipv4 ? 42 : 62) + 6u);
	CU_ASSERT_EQUAL(mbuf->data_len, mbuf->pkt_len);
	// Lengths of headers are for the NIC that fills in what stands in them.
	CU_ASSERT(!flags || mbuf->l2_len == 14);
	CU_ASSERT(!flags || mbuf->l3_len == (is_ipv4 ? 20 : 40));
	rte_pktmbuf_free(mbuf);
}

static void test_send_offloads(void)
{
	struct nic *nic = open_port("net_ring6", "");
	const uint16_t ipv4 = NET_OFFLOAD_TX_IPV4, udp = NET_OFFLOAD_TX_UDP;

	CU_ASSERT_EQUAL(nic_port_info(nic, 0)->tx_offload, 0);
	check_sent_flags(nic, true, 0, 0);
	check_sent_flags(nic, true, ipv4, RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM);
	check_sent_flags(nic, true, udp, RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_UDP_CKSUM);
	check_sent_flags(nic, true, ipv4 | udp,
		RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_UDP_CKSUM);
	check_sent_flags(nic, false, ipv4 | udp, RTE_MBUF_F_TX_IPV6 | RTE_MBUF_F_TX_UDP_CKSUM);
	close_port(nic, "net_ring6");
}

static int packet_socket(const char *interface)
{
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(0x0003),
		.sll_ifindex = (int)if_nametoindex(interface),
	};
	int descriptor = socket(AF_PACKET, SOCK_RAW, htons(0x0003));

	CU_ASSERT_TRUE_FATAL(descriptor >= 0);
	CU_ASSERT_EQUAL(bind(descriptor, (struct sockaddr *)&address, sizeof(address)), 0);
	return descriptor;
}

// The next frame that `is_wanted` takes, from the socket. Its kind.
static enum net_frame_kind socket_kind(int descriptor, bool is_ipv4)
{
	uint64_t end = clock_now() + WAIT;
	struct pollfd waiting = {.fd = descriptor, .events = POLLIN};
	struct packet packet = {.is_ipv4 = is_ipv4};

	while (clock_now() < end && poll(&waiting, 1, 1000) >= 0) {
		ssize_t length = recv(descriptor, packet.bytes, sizeof(packet.bytes), MSG_DONTWAIT);
		struct net_frame frame = {.data = packet.bytes, .length = (uint16_t)length};

		if (length <= 0)
			continue;
		net_frame_parse(&frame);
		if (frame.source.port == 53 && frame.is_ipv4 == is_ipv4)
			return (enum net_frame_kind)frame.kind;
	}
	CU_FAIL("no datagram came in time");
	return NET_FRAME_OTHER;
}

// The driver fills in the checksums that it is asked to: what the kernel sees is whole.
static void test_tap_sends(void)
{
	struct nic *nic = open_port("net_tap0", "iface=dtap0");
	uint16_t offload = nic_port_info(nic, 0)->tx_offload;
	int kernel = packet_socket("dtap0");

	CU_ASSERT_EQUAL(offload, NET_OFFLOAD_TX_IPV4 | NET_OFFLOAD_TX_UDP);
	CU_ASSERT_EQUAL(nic_port_info(nic, 0)->kernel_path, NIC_KERNEL_PATH_TAP);
	CU_ASSERT_EQUAL(nic_port_info(nic, 0)->interface_index, 0);
	for (int i = 0; i < 4; i++) {
		struct net_frame frame;

		CU_ASSERT_EQUAL_FATAL(nic_frame_alloc(nic, 0, &frame, 1), 1);
		make_datagram(&frame, i % 2, i < 2 ? offload : 0);
		CU_ASSERT_EQUAL(nic_port_send(nic, 0, 0, &frame, 1), 1);
		CU_ASSERT_EQUAL(socket_kind(kernel, i % 2), NET_FRAME_UDP);
	}
	close(kernel);
	nic_close(nic);
	CU_ASSERT_EQUAL(rte_eal_hotplug_remove("vdev", "net_tap0"), 0);
	CU_ASSERT_EQUAL(if_nametoindex("dtap0"), 0);
}

static bool receive_kind(struct nic *nic, uint16_t port, enum net_frame_kind kind, bool is_ipv4)
{
	uint64_t end = clock_now() + WAIT;
	struct net_frame frame;
	bool found = false;

	while (!found && clock_now() < end) {
		if (nic_port_receive(nic, port, 0, &frame, 1) == 0)
			continue;
		found = net_frame_parse(&frame) == kind && frame.is_ipv4 == is_ipv4;
		CU_ASSERT_EQUAL(frame.port, port);
		nic_frame_free(nic, &frame, 1);
	}
	return found;
}

static void test_tap_receives(void)
{
	struct nic *nic = open_port("net_tap0", "iface=dtap0");
	int kernel = packet_socket("dtap0");
	struct packet packet;

	for (int is_ipv6 = 0; is_ipv6 < 2; is_ipv6++) {
		packet_make_udp(&packet, &(struct packet_shape){.is_ipv6 = is_ipv6}, "query", 5);
		CU_ASSERT_EQUAL(send(kernel, packet.bytes, packet.length, 0), packet.length);
		CU_ASSERT_TRUE(receive_kind(nic, 0, NET_FRAME_UDP, !is_ipv6));
		packet.bytes[packet.length - 1] ^= 1;
		CU_ASSERT_EQUAL(send(kernel, packet.bytes, packet.length, 0), packet.length);
		CU_ASSERT_TRUE(receive_kind(nic, 0, NET_FRAME_BAD_CHECKSUM, !is_ipv6));
	}
	close(kernel);
	nic_close(nic);
	CU_ASSERT_EQUAL(rte_eal_hotplug_remove("vdev", "net_tap0"), 0);
}

static bool link_is_up(const struct nic *nic, uint16_t port)
{
	uint64_t end = clock_now() + WAIT;
	struct rte_eth_link link = {0};

	while (link.link_status != RTE_ETH_LINK_UP && clock_now() < end)
		CU_ASSERT_EQUAL(
			rte_eth_link_get_nowait(nic_port_info(nic, port)->dpdk_port, &link), 0);
	return link.link_status == RTE_ETH_LINK_UP;
}

// Two ports of one nic, joined by shared memory.
static void test_memif_pair(void)
{
	char server[128], client[128];
	struct net_frame frames[8];
	struct nic *nic;

	snprintf(server, sizeof(server), "role=server,socket-abstract=yes,socket=millrace-%d",
		getpid());
	snprintf(client, sizeof(client), "role=client,socket-abstract=yes,socket=millrace-%d",
		getpid());
	CU_ASSERT_EQUAL_FATAL(rte_eal_hotplug_add("vdev", "net_memif0", server), 0);
	nic = open_port("net_memif1", client);
	CU_ASSERT_EQUAL_FATAL(nic_port_count(nic), 2);
	CU_ASSERT_TRUE(link_is_up(nic, 0));
	CU_ASSERT_TRUE(link_is_up(nic, 1));
	for (uint16_t port = 0; port < 2; port++) {
		// The other side offers buffers when it polls.
		CU_ASSERT_EQUAL(nic_port_receive(nic, !port, 0, frames, 8), 0);
		CU_ASSERT_EQUAL_FATAL(nic_frame_alloc(nic, 0, frames, 8), 8);
		for (int i = 0; i < 8; i++)
			make_datagram(&frames[i], i % 2, nic_port_info(nic, port)->tx_offload);
		CU_ASSERT_EQUAL(nic_port_send(nic, port, 0, frames, 8), 8);
		for (int i = 0; i < 8; i++)
			CU_ASSERT_TRUE(receive_kind(nic, !port, NET_FRAME_UDP, i % 2));
	}
	nic_close(nic);
	CU_ASSERT_EQUAL(rte_eal_hotplug_remove("vdev", "net_memif1"), 0);
	CU_ASSERT_EQUAL(rte_eal_hotplug_remove("vdev", "net_memif0"), 0);
}

static void test_queues(void)
{
	struct nic_error error = {""};
	struct net_frame frame;
	struct nic *nic;

	CU_ASSERT_EQUAL_FATAL(rte_eal_hotplug_add("vdev", "net_ring7", ""), 0);
	nic = open_queues(DRIVERS_FOLDER, 3, &error);
	CU_ASSERT_PTR_NOT_NULL_FATAL(nic);
	for (uint16_t queue = 0; queue < 3; queue++) {
		CU_ASSERT_EQUAL_FATAL(nic_frame_alloc(nic, queue, &frame, 1), 1);
		CU_ASSERT_EQUAL(nic_port_send(nic, 0, queue, &frame, 1), 1);
		CU_ASSERT_EQUAL(nic_frames_total(nic, queue) - nic_frames_free(nic, queue), 1);
		for (uint16_t other = 0; other < 3; other++)
			CU_ASSERT_EQUAL(
				nic_queue_counters(nic, 0, other)->tx_frames, other <= queue);
	}
	for (uint16_t queue = 0; queue < 3; queue++) {
		CU_ASSERT_EQUAL(nic_port_receive(nic, 0, queue, &frame, 1), 1);
		nic_frame_free(nic, &frame, 1);
		CU_ASSERT_EQUAL(nic_frames_total(nic, queue), nic_frames_free(nic, queue));
	}
	nic_close(nic);
	CU_ASSERT_EQUAL(rte_eal_hotplug_remove("vdev", "net_ring7"), 0);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{"no port", test_no_port},
		{"too many workers", test_too_many_workers},
		{"no driver files", test_bad_folder},
		{"a driver file counts", test_driver_file_counts},
		{"net_null", test_null},
		{"net_ring loops", test_ring_loop},
		{"net_ring is full", test_ring_full},
		{"several queues", test_queues},
		{"the pool is empty", test_pool_empty},
		{"offloads on receipt", test_receive_offloads},
		{"offloads when sending", test_send_offloads},
		{"a stripped tag", test_stripped_tag_comes_back},
		{"frames in several buffers", test_segments_are_dropped},
		{"net_tap sends", test_tap_sends},
		{"net_tap receives", test_tap_receives},
		{"a memif pair", test_memif_pair},
	};
	char *arguments[] = {"test_nic_ports", "-l", "0", "--no-huge", "--no-pci", "-m", "256",
		"--no-telemetry", "--no-shconf", "--log-level=error", NULL};

	if (geteuid() != 0 || unshare(CLONE_NEWNET)) {
		fprintf(stderr, "needs root and network namespaces\n");
		return SKIPPED;
	}
	if (rte_eal_init((int)BASE_ARRAY_SIZE(arguments) - 1, arguments) < 0)
		return 1;
	return unit_run("nic_ports", cases, BASE_ARRAY_SIZE(cases));
}
