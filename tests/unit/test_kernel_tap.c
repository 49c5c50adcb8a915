// SPDX-License-Identifier: BSD-3-Clause
#include "kernel_lab.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "base/bytes.h"
#include "kernel/tap.h"

#define ARP_BYTES 42 // Ethernet header and an ARP packet for IPv4 (RFC 826)
#define FRAME_ROOM 2048

static const struct net_mac tap_mac = {{2, 0, 0, 0, 0, 1}};
static const struct net_mac neighbour_mac = {{2, 0, 0, 0, 0, 9}};

struct tap_lab {
	struct kernel_tap *tap;
	struct kernel_tables *tables;
};

static struct tap_lab begin(void)
{
	struct tap_lab lab = {.tap = kernel_tap_create("tap53", &tap_mac, 1400)};

	CU_ASSERT_PTR_NOT_NULL_FATAL(lab.tap);
	lab_do("ip address add 10.54.0.2/24 dev tap53");
	lab.tables = kernel_tables_create();
	CU_ASSERT_PTR_NOT_NULL_FATAL(lab.tables);
	CU_ASSERT_EQUAL_FATAL(
		kernel_tables_attach(lab.tables, kernel_tap_ifindex(lab.tap), LAB_PORT), 0);
	return lab;
}

static void end(struct tap_lab *lab)
{
	kernel_tap_destroy(lab->tap);
	kernel_tables_destroy(lab->tables);
}

// The next frame that is an ARP packet with this operation. Its length, 0 for none in time.
static int read_arp(struct kernel_tap *tap, uint8_t *frame, uint16_t operation)
{
	struct pollfd ready = {.fd = kernel_tap_fd(tap), .events = POLLIN};

	while (poll(&ready, 1, 10000) > 0) {
		int length = kernel_tap_read(tap, frame, FRAME_ROOM);

		CU_ASSERT_TRUE_FATAL(length > 0);
		if (length >= ARP_BYTES && bytes_load_u16(frame + 12) == 0x0806 &&
			bytes_load_u16(frame + 20) == operation)
			return length;
	}
	return 0;
}

static void make_arp(uint8_t frame[ARP_BYTES], const struct net_mac *to, uint16_t operation,
	const char *sender, const char *target)
{
	static const uint8_t ethernet_ipv4[6] = {0, 1, 8, 0, 6, 4};
	struct net_address from = lab_address(sender), about = lab_address(target);

	memcpy(frame, to->bytes, 6);
	memcpy(frame + 6, neighbour_mac.bytes, 6);
	bytes_store_u16(frame + 12, 0x0806);
	memcpy(frame + 14, ethernet_ipv4, 6);
	bytes_store_u16(frame + 20, operation);
	memcpy(frame + 22, neighbour_mac.bytes, 6);
	memcpy(frame + 28, net_address_ipv4(&from), 4);
	memcpy(frame + 32, to->bytes, 6);
	memcpy(frame + 38, net_address_ipv4(&about), 4);
}

static void interface_has_the_mac_and_mtu_asked_for(void)
{
	struct tap_lab lab = begin();
	struct kernel_link link;
	int ifindex = kernel_tables_find_link(lab.tables, "tap53");

	CU_ASSERT_EQUAL(ifindex, kernel_tap_ifindex(lab.tap));
	CU_ASSERT_EQUAL(kernel_tables_read_link(lab.tables, ifindex, &link), 0);
	CU_ASSERT_TRUE(link.is_up);
	CU_ASSERT_EQUAL(link.mtu, 1400);
	CU_ASSERT_EQUAL(memcmp(&link.mac, &tap_mac, sizeof(tap_mac)), 0);
	CU_ASSERT_TRUE(lab_lists(lab.tables, "10.54.0.2"));
	end(&lab);
	CU_ASSERT_NOT_EQUAL(lab_try("ip link show tap53 2>/dev/null"), 0);
}

static void frames_for_the_kernel_are_answered(void)
{
	static const struct net_mac everyone = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
	struct tap_lab lab = begin();
	uint8_t request[ARP_BYTES], frame[FRAME_ROOM];

	make_arp(request, &everyone, 1, "10.54.0.1", "10.54.0.2");
	CU_ASSERT_EQUAL(kernel_tap_write(lab.tap, request, sizeof(request)), 0);
	CU_ASSERT_EQUAL_FATAL(read_arp(lab.tap, frame, 2), ARP_BYTES);
	CU_ASSERT_EQUAL(memcmp(frame, neighbour_mac.bytes, 6), 0);
	CU_ASSERT_EQUAL(memcmp(frame + 22, tap_mac.bytes, 6), 0);
	CU_ASSERT_EQUAL(memcmp(frame + 28, "\x0a\x36\0\2", 4), 0);
	end(&lab);
}

static bool is_usable(struct kernel_tables *tables, void *context)
{
	return lab_path(tables, context).is_usable;
}

static void neighbour_is_asked_for_through_the_tap(void)
{
	struct tap_lab lab = begin();
	struct net_address destination = lab_address("10.54.0.9");
	uint8_t frame[FRAME_ROOM], reply[ARP_BYTES];
	struct net_path path = lab_path(lab.tables, "10.54.0.9");

	CU_ASSERT_FALSE(path.is_usable);
	CU_ASSERT_EQUAL(kernel_tables_resolve(lab.tables, &destination), 0);
	CU_ASSERT_EQUAL_FATAL(read_arp(lab.tap, frame, 1), ARP_BYTES);
	CU_ASSERT_EQUAL(memcmp(frame + 38, "\x0a\x36\0\x09", 4), 0);
	make_arp(reply, &tap_mac, 2, "10.54.0.9", "10.54.0.2");
	CU_ASSERT_EQUAL(kernel_tap_write(lab.tap, reply, sizeof(reply)), 0);
	CU_ASSERT_TRUE(lab_wait(lab.tables, is_usable, "10.54.0.9"));
	path = lab_path(lab.tables, "10.54.0.9");
	CU_ASSERT_EQUAL(path.port, LAB_PORT);
	CU_ASSERT_EQUAL(memcmp(&path.next_hop_mac, &neighbour_mac, sizeof(neighbour_mac)), 0);
	CU_ASSERT_EQUAL(memcmp(&path.source_mac, &tap_mac, sizeof(tap_mac)), 0);
	end(&lab);
}

// Reads what the kernel sends by itself (ND) until it is silent.
static int drain(struct kernel_tap *tap)
{
	uint8_t frame[FRAME_ROOM];
	int length;

	do {
		length = kernel_tap_read(tap, frame, sizeof(frame));
	} while (length > 0);
	return length;
}

static void calls_never_wait_and_say_what_is_wrong(void)
{
	struct tap_lab lab;
	struct net_address destination;
	struct pollfd ready;
	uint8_t frame[FRAME_ROOM] = {0};

	errno = 0;
	CU_ASSERT_PTR_NULL(kernel_tap_create("", &tap_mac, 1500));
	CU_ASSERT_EQUAL(errno, EINVAL);
	CU_ASSERT_PTR_NULL(kernel_tap_create("a-name-much-too-long", &tap_mac, 1500));
	CU_ASSERT_EQUAL(errno, EINVAL);
	CU_ASSERT_PTR_NULL(kernel_tap_create("tap%d", &tap_mac, 1500));
	CU_ASSERT_EQUAL(errno, EINVAL);
	CU_ASSERT_PTR_NULL(kernel_tap_create("tap53", &tap_mac, 1));
	CU_ASSERT_EQUAL(errno, EINVAL);
	lab = begin();
	CU_ASSERT_PTR_NULL(kernel_tap_create("tap53", &tap_mac, 1500));
	CU_ASSERT_EQUAL(errno, EBUSY);
	CU_ASSERT_EQUAL(drain(lab.tap), -EAGAIN);
	destination = lab_address("10.54.0.9");
	CU_ASSERT_EQUAL(kernel_tables_resolve(lab.tables, &destination), 0);
	ready = (struct pollfd){.fd = kernel_tap_fd(lab.tap), .events = POLLIN};
	CU_ASSERT_EQUAL(poll(&ready, 1, 10000), 1);
	CU_ASSERT_EQUAL(kernel_tap_read(lab.tap, frame, ARP_BYTES - 1), -EMSGSIZE);
	CU_ASSERT_EQUAL(kernel_tap_write(lab.tap, frame, 13), -EINVAL);
	lab_do("ip link set tap53 down");
	CU_ASSERT_EQUAL(kernel_tap_write(lab.tap, frame, 60), -EIO);
	end(&lab);
}

static void persistent_interface_is_taken_and_left(void)
{
	struct kernel_tap *tap;

	lab_do("ip tuntap add dev tap54 mode tap");
	tap = kernel_tap_create("tap54", &tap_mac, 1500);
	CU_ASSERT_PTR_NOT_NULL_FATAL(tap);
	CU_ASSERT_EQUAL(lab_try("ip link show tap54 | grep -q 02:00:00:00:00:01"), 0);
	kernel_tap_destroy(tap);
	lab_do("ip tuntap delete dev tap54 mode tap");
}

static const struct unit_case cases[] = {
	{"interface has the MAC and MTU asked for", interface_has_the_mac_and_mtu_asked_for},
	{"frames for the kernel are answered", frames_for_the_kernel_are_answered},
	{"neighbour is asked for through the tap", neighbour_is_asked_for_through_the_tap},
	{"calls never wait and say what is wrong", calls_never_wait_and_say_what_is_wrong},
	{"persistent interface is taken and left", persistent_interface_is_taken_and_left},
};

LAB_MAIN("kernel tap", cases)
