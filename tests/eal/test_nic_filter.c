// SPDX-License-Identifier: BSD-3-Clause
// The filter in the kernel, frame by frame, by the kernel's own test run of a program: no
// interface, no traffic. Both programs decide alike on every frame.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <linux/if_xdp.h>
#include <linux/pkt_cls.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net_packets.h"
#include "nic/filter.h"
#include "nic/filter_maps.h"
#include "unit.h"

#define SKIPPED 77
#define REPLY_PORT 40000 // in our range
#define MANY 2000

struct program {
	enum nic_filter_kind kind;
	struct bpf_object *object;
	int descriptor;
	struct nic_filter filter; // only its tables
};

static struct program programs[2];

// What packet_make_udp sends to, and comes from.
static struct net_endpoint endpoint_of(bool is_ipv6, bool is_source, uint16_t port)
{
	struct net_endpoint endpoint = {.port = port};

	if (is_ipv6)
		endpoint.address =
			net_address_from_ipv6(packet_ipv6_addresses + (is_source ? 0 : 16));
	else
		endpoint.address =
			net_address_from_ipv4(packet_ipv4_addresses + (is_source ? 0 : 4));
	return endpoint;
}

static int rules_apply(struct program *program)
{
	struct net_endpoint served[] = {
		endpoint_of(false, false, 53), endpoint_of(true, false, 53)};
	struct net_endpoint upstreams[] = {
		endpoint_of(false, true, 53), endpoint_of(true, true, 53)};
	struct net_address local[] = {served[0].address, served[1].address};
	struct nic_filter_rules rules = {
		.served = served,
		.served_count = 2,
		.local = local,
		.local_count = 2,
		.local_port_first = REPLY_PORT,
		.local_port_last = REPLY_PORT + 99,
		.upstreams = upstreams,
		.upstream_count = 2,
	};

	return nic_filter_apply(&program->filter, &rules);
}

static void rules_clear(struct program *program)
{
	CU_ASSERT_EQUAL(nic_filter_apply(&program->filter,
				&(struct nic_filter_rules){.local_port_first = 1}),
		0);
}

static int verdict(const struct program *program, const uint8_t *bytes, size_t length)
{
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = bytes, .data_size_in = (uint32_t)length,
		.repeat = 1);

	if (bpf_prog_test_run_opts(program->descriptor, &options))
		return -2;
	return (int)options.retval;
}

// 1: ours, 0: the kernel's, anything else: the programs differ or do not run.
static int decide_length(const struct packet *packet, size_t length)
{
	int xdp = verdict(&programs[0], packet->bytes, length);
	int tc = verdict(&programs[1], packet->bytes, length);

	if (xdp == XDP_REDIRECT && tc == TC_ACT_SHOT)
		return 1;
	return xdp == XDP_PASS && tc == TC_ACT_UNSPEC ? 0 : -1;
}

static int decide(const struct packet *packet)
{
	return decide_length(packet, packet->length);
}

static void make_query(struct packet *packet, bool is_ipv6)
{
	packet_make_udp(packet, &(struct packet_shape){.is_ipv6 = is_ipv6}, "query", 5);
}

static void set_ports(struct packet *packet, uint16_t source, uint16_t destination)
{
	packet_set_u16(packet, packet->l4, source);
	packet_set_u16(packet, packet->l4 + 2, destination);
}

static void test_queries(void)
{
	static const uint16_t tags[] = {0, 1, 0x2fff};
	struct packet packet;

	for (size_t i = 0; i < 6; i++) {
		struct packet_shape shape = {.is_ipv6 = i % 2, .tag = tags[i / 2]};

		packet_make_udp(&packet, &shape, "query", 5);
		CU_ASSERT_EQUAL(decide(&packet), 1);
		set_ports(&packet, 40000, 54);
		CU_ASSERT_EQUAL(decide(&packet), 0);
	}
}

static void test_other_addresses(void)
{
	struct packet packet;

	for (int is_ipv6 = 0; is_ipv6 < 2; is_ipv6++) {
		make_query(&packet, is_ipv6);
		packet.bytes[packet.l4 - 1] ^= 1; // the last byte of the destination
		CU_ASSERT_EQUAL(decide(&packet), 0);
	}
}

static void test_headers_in_between(void)
{
	static const uint8_t options[40] = {1, 1, 1, 1};
	static const uint8_t hop_by_hop[16] = {60, 0, 1, 4, 0, 0, 0, 0, 17, 0, 1, 4, 0, 0, 0, 0};
	static const uint8_t routing_done[8] = {17, 0, 0, 0};
	static const uint8_t routing_on[8] = {17, 0, 0, 1};
	struct packet packet;

	for (size_t length = 4; length <= sizeof(options); length += 4) {
		struct packet_shape shape = {.options = options, .options_length = length};

		packet_make_udp(&packet, &shape, "query", 5);
		CU_ASSERT_EQUAL(decide(&packet), 1);
	}
	packet_make_udp(&packet,
		&(struct packet_shape){
			.is_ipv6 = true, .options = hop_by_hop, .options_length = 16},
		"query", 5);
	CU_ASSERT_EQUAL(decide(&packet), 1);
	packet_make_udp(&packet,
		&(struct packet_shape){.is_ipv6 = true,
			.options = routing_done,
			.options_length = 8,
			.first_next_header = 43},
		"query", 5);
	CU_ASSERT_EQUAL(decide(&packet), 1);
	packet_make_udp(&packet,
		&(struct packet_shape){.is_ipv6 = true,
			.options = routing_on,
			.options_length = 8,
			.first_next_header = 43},
		"query", 5);
	CU_ASSERT_EQUAL(decide(&packet), 0);
}

// First fragments are ours to drop and count; later ones have no ports.
static void test_fragments(void)
{
	static const uint8_t first[8] = {17, 0, 0, 1, 0, 0, 0, 1};
	static const uint8_t later[8] = {17, 0, 0, 8, 0, 0, 0, 1};
	struct packet_shape ipv6 = {.is_ipv6 = true, .options_length = 8, .first_next_header = 44};
	struct packet packet;

	packet_make_udp(&packet, &(struct packet_shape){.ipv4_fragment = 0x2000}, "query", 5);
	CU_ASSERT_EQUAL(decide(&packet), 1);
	packet_make_udp(&packet, &(struct packet_shape){.ipv4_fragment = 0x4000}, "query", 5);
	CU_ASSERT_EQUAL(decide(&packet), 1);
	packet_make_udp(&packet, &(struct packet_shape){.ipv4_fragment = 1}, "query", 5);
	CU_ASSERT_EQUAL(decide(&packet), 0);
	ipv6.options = first;
	packet_make_udp(&packet, &ipv6, "query", 5);
	CU_ASSERT_EQUAL(decide(&packet), 1);
	ipv6.options = later;
	packet_make_udp(&packet, &ipv6, "query", 5);
	CU_ASSERT_EQUAL(decide(&packet), 0);
}

static void test_replies(void)
{
	static const struct {
		uint16_t source, destination;
		int is_ours;
	} rows[] = {
		{53, REPLY_PORT, 1}, {53, REPLY_PORT + 99, 1}, {53, REPLY_PORT + 100, 0},
		{53, REPLY_PORT - 1, 0},
		{54, REPLY_PORT, 0}, // not from an upstream: may be for a socket of the kernel
	};
	struct packet packet;

	for (size_t i = 0; i < 2 * BASE_ARRAY_SIZE(rows); i++) {
		make_query(&packet, i % 2);
		set_ports(&packet, rows[i / 2].source, rows[i / 2].destination);
		CU_ASSERT_EQUAL(decide(&packet), rows[i / 2].is_ours);
		packet.bytes[packet.l4 - 1] ^= 1;
		CU_ASSERT_EQUAL(decide(&packet), 0);
		packet.bytes[packet.l4 - 1] ^= 1;
		packet.bytes[packet.l4 - (i % 2 ? 17 : 5)] ^= 1; // of the source
		CU_ASSERT_EQUAL(decide(&packet), 0);
	}
}

static void make_error(
	struct packet *packet, bool is_ipv6, uint8_t type, uint8_t code, uint16_t local_port)
{
	struct packet_shape shape = {.is_ipv6 = is_ipv6};
	struct packet quoted;

	packet_make_quoted(&quoted, &shape,
		is_ipv6 ? (const void *)packet_ipv6_addresses
			: (const void *)packet_ipv4_addresses);
	set_ports(&quoted, local_port, 53);
	packet_make_icmp(
		packet, &shape, type, code, quoted.bytes + quoted.l3, quoted.l4 + 8 - quoted.l3);
}

static void test_errors(void)
{
	struct packet packet;

	for (uint8_t code = 0; code < 16; code++) {
		make_error(&packet, false, 3, code, REPLY_PORT);
		CU_ASSERT_EQUAL(decide(&packet), code != 4);
	}
	make_error(&packet, false, 11, 0, REPLY_PORT);
	CU_ASSERT_EQUAL(decide(&packet), 0);
	make_error(&packet, false, 3, 3, REPLY_PORT - 1);
	CU_ASSERT_EQUAL(decide(&packet), 0);
	for (uint8_t code = 0; code < 8; code++) {
		make_error(&packet, true, 1, code, REPLY_PORT);
		CU_ASSERT_EQUAL(decide(&packet), 1);
	}
	make_error(&packet, true, 2, 0, REPLY_PORT);
	CU_ASSERT_EQUAL(decide(&packet), 0);
	make_error(&packet, true, 1, 4, 53);
	CU_ASSERT_EQUAL(decide(&packet), 0);
	// One byte less of the quote: its UDP header is incomplete.
	make_error(&packet, false, 3, 3, REPLY_PORT);
	CU_ASSERT_EQUAL(decide_length(&packet, packet.length - 1), 0);
}

static void test_rest_is_the_kernels(void)
{
	struct packet packet;

	make_query(&packet, false);
	packet.bytes[packet.l3 + 9] = 6; // TCP
	CU_ASSERT_EQUAL(decide(&packet), 0);
	make_query(&packet, true);
	packet.bytes[packet.l3 + 6] = 6;
	CU_ASSERT_EQUAL(decide(&packet), 0);
	make_query(&packet, false);
	packet_set_u16(&packet, 12, 0x0806); // ARP
	CU_ASSERT_EQUAL(decide(&packet), 0);
	make_query(&packet, false);
	packet.bytes[packet.l3] = 0x44; // a header shorter than one can be
	CU_ASSERT_EQUAL(decide(&packet), 0);
	packet_make_icmp(&packet, &(struct packet_shape){0}, 8, 0, "ping", 4);
	CU_ASSERT_EQUAL(decide(&packet), 0);
	packet_make_icmp(&packet, &(struct packet_shape){.is_ipv6 = true}, 135, 0, "solicit", 7);
	CU_ASSERT_EQUAL(decide(&packet), 0);
}

static void test_truncated(void)
{
	struct packet packet;

	for (int is_ipv6 = 0; is_ipv6 < 2; is_ipv6++) {
		make_query(&packet, is_ipv6);
		// The kernel's test run of tc takes no frame that ends within its IP header.
		for (size_t length = 14; length < packet.l4; length++)
			CU_ASSERT_EQUAL(verdict(&programs[0], packet.bytes, length), XDP_PASS);
		for (size_t length = packet.l4; length < packet.length; length++)
			CU_ASSERT_EQUAL(decide_length(&packet, length), length >= packet.l4 + 8);
	}
}

static void test_rules_change(void)
{
	struct packet packet;

	for (int i = 0; i < 2; i++)
		rules_clear(&programs[i]);
	make_query(&packet, false);
	CU_ASSERT_EQUAL(decide(&packet), 0);
	set_ports(&packet, 53, REPLY_PORT);
	CU_ASSERT_EQUAL(decide(&packet), 0);
	for (int i = 0; i < 2; i++)
		CU_ASSERT_EQUAL(rules_apply(&programs[i]), 0);
	CU_ASSERT_EQUAL(decide(&packet), 1);
}

static size_t map_count(int map)
{
	struct filter_endpoint key;
	size_t count = 0;
	void *last = NULL;

	while (bpf_map_get_next_key(map, last, &key) == 0) {
		last = &key;
		count++;
	}
	return count;
}

// Half of the entries stay, half change: afterwards there are those asked for and no others.
static void test_many_rules(void)
{
	struct nic_filter *filter = &programs[0].filter;
	struct net_endpoint *endpoints = calloc(3 * MANY / 2, sizeof(*endpoints));
	struct nic_filter_rules rules = {.upstreams = endpoints, .upstream_count = MANY};
	int map = filter->maps[NIC_FILTER_MAP_UPSTREAMS];

	CU_ASSERT_PTR_NOT_NULL_FATAL(endpoints);
	for (uint16_t i = 0; i < 3 * MANY / 2; i++)
		endpoints[i] = endpoint_of(i % 2, true, i);
	CU_ASSERT_EQUAL(nic_filter_apply(filter, &rules), 0);
	CU_ASSERT_EQUAL(map_count(map), MANY);
	rules.upstreams = endpoints + MANY / 2;
	CU_ASSERT_EQUAL(nic_filter_apply(filter, &rules), 0);
	CU_ASSERT_EQUAL(map_count(map), MANY);
	for (size_t i = 0; i < 3 * MANY / 2; i++) {
		struct filter_endpoint key = {.port = endpoints[i].port};
		uint8_t value;

		memcpy(&key.address, &endpoints[i].address, sizeof(key.address));
		CU_ASSERT_EQUAL(bpf_map_lookup_elem(map, &key, &value) == 0, i >= MANY / 2);
	}
	rules.upstream_count = 0;
	CU_ASSERT_EQUAL(nic_filter_apply(filter, &rules), 0);
	CU_ASSERT_EQUAL(map_count(map), 0);
	free(endpoints);
	CU_ASSERT_EQUAL(rules_apply(&programs[0]), 0);
}

static void test_too_many_rules(void)
{
	struct nic_filter *filter = &programs[0].filter;
	struct net_endpoint *endpoints = calloc(FILTER_SERVED_MOST + 1, sizeof(*endpoints));
	struct nic_filter_rules rules = {
		.served = endpoints, .served_count = FILTER_SERVED_MOST + 1};

	CU_ASSERT_PTR_NOT_NULL_FATAL(endpoints);
	for (size_t i = 0; i <= FILTER_SERVED_MOST; i++)
		endpoints[i] = endpoint_of(false, true, (uint16_t)i);
	CU_ASSERT_EQUAL(nic_filter_apply(filter, &rules), -ENOSPC);
	free(endpoints);
	CU_ASSERT_EQUAL(rules_apply(&programs[0]), 0);
}

static bool program_load(struct program *program)
{
	static const char *const maps[] = {
		FILTER_MAP_SERVED, FILTER_MAP_LOCAL, FILTER_MAP_UPSTREAMS, FILTER_MAP_PORTS};
	char path[32];
	int file = nic_filter_file_make(program->kind);

	if (file < 0)
		return false;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	program->object = bpf_object__open_file(path, NULL);
	close(file);
	if (!program->object || bpf_object__load(program->object))
		return false;
	program->descriptor = bpf_program__fd(bpf_object__next_program(program->object, NULL));
	for (int i = 0; i < NIC_FILTER_MAPS; i++)
		program->filter.maps[i] = bpf_object__find_map_fd_by_name(program->object, maps[i]);
	return true;
}

// A socket with a ring is enough for the map, and so for a redirection to succeed.
static bool socket_put(const struct program *program)
{
	int descriptors = 64, queue = 0;
	int map = bpf_object__find_map_fd_by_name(program->object, "xsks_map");
	int descriptor = socket(AF_XDP, SOCK_RAW, 0);

	return descriptor >= 0 &&
	       setsockopt(descriptor, SOL_XDP, XDP_RX_RING, &descriptors, sizeof(descriptors)) ==
		       0 &&
	       bpf_map_update_elem(map, &queue, &descriptor, 0) == 0;
}

int main(void)
{
	static const struct unit_case cases[] = {
		{"queries to a served endpoint", test_queries},
		{"queries to other addresses", test_other_addresses},
		{"options and extension headers", test_headers_in_between},
		{"fragments", test_fragments},
		{"replies to local ports", test_replies},
		{"errors that quote a query", test_errors},
		{"the rest is the kernel's", test_rest_is_the_kernels},
		{"truncated frames", test_truncated},
		{"rules change", test_rules_change},
		{"many rules", test_many_rules},
		{"too many rules", test_too_many_rules},
	};

	if (geteuid() != 0) {
		fprintf(stderr, "needs root\n");
		return SKIPPED;
	}
	programs[0].kind = NIC_FILTER_XDP;
	programs[1].kind = NIC_FILTER_TC;
	if (!program_load(&programs[0]) || !program_load(&programs[1]) ||
		!socket_put(&programs[0]) || rules_apply(&programs[0]) ||
		rules_apply(&programs[1])) {
		perror("the filter does not load");
		return 1;
	}
	return unit_run("nic_filter", cases, BASE_ARRAY_SIZE(cases));
}
