// SPDX-License-Identifier: BSD-3-Clause
#include "unit.h"

#include <errno.h>

#include "net_packets.h"

static const struct packet_shape ipv4 = {0};
static const struct packet_shape ipv6 = {.is_ipv6 = true};
static const uint8_t options[8] = {0x94, 4, 0, 0, 1, 1, 1, 1};
static const uint8_t far_ipv4[4] = {198, 51, 100, 9};
static const uint8_t far_ipv6[16] = {0x20, 1, 0xd, 0xb8, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9};

// A router at packet_*_addresses' first address tells the second that a datagram was not delivered.
struct error_case {
	const struct packet_shape *outer;
	struct packet_shape quoted;
	uint8_t type;
	uint8_t code;
};

static const struct error_case errors[] = {
	{&ipv4, {0}, 3, 3},
	{&ipv4, {0}, 3, 0},
	{&ipv4, {.options = options, .options_length = 8}, 3, 13},
	{&ipv6, {.is_ipv6 = true}, 1, 4},
	{&ipv6, {.is_ipv6 = true}, 1, 0},
};

#define ERRORS (sizeof(errors) / sizeof(errors[0]))

// Builds the error with `quote_length` bytes of quote, or all of them for SIZE_MAX.
static void make_error(struct packet *packet, const struct error_case *error, size_t quote_length)
{
	struct packet quoted;
	size_t whole;

	packet_make_quoted(
		&quoted, &error->quoted, error->quoted.is_ipv6 ? (const void *)far_ipv6 : far_ipv4);
	whole = quoted.length - quoted.l3;
	packet_make_icmp(packet, error->outer, error->type, error->code, quoted.bytes + quoted.l3,
		quote_length < whole ? quote_length : whole);
}

static int quote_of(const struct packet *packet, struct net_quoted_datagram *quoted)
{
	struct net_frame frame = packet_frame_exact(packet, packet->length);
	int result = -1;

	if (net_frame_parse(&frame) == NET_FRAME_ICMP_ERROR)
		result = net_frame_parse_quote(&frame, quoted);
	free(frame.data);
	return result;
}

static void errors_give_the_datagram_they_quote(void)
{
	struct net_quoted_datagram quoted;
	struct packet packet;

	for (size_t i = 0; i < ERRORS; i++) {
		struct net_address source = net_address_from_ipv4(packet_ipv4_addresses + 4);
		struct net_address destination = net_address_from_ipv4(far_ipv4);

		if (errors[i].quoted.is_ipv6) {
			source = net_address_from_ipv6(packet_ipv6_addresses + 16);
			destination = net_address_from_ipv6(far_ipv6);
		}
		make_error(&packet, &errors[i], SIZE_MAX);
		CU_ASSERT_EQUAL(quote_of(&packet, &quoted), 0);
		CU_ASSERT_TRUE(net_address_equal(&quoted.source.address, &source));
		CU_ASSERT_TRUE(net_address_equal(&quoted.destination.address, &destination));
		CU_ASSERT_EQUAL(quoted.source.port, 40000);
		CU_ASSERT_EQUAL(quoted.destination.port, 53);
	}
}

static void errors_give_as_much_payload_as_they_quote(void)
{
	for (size_t i = 0; i < ERRORS; i++) {
		struct net_quoted_datagram quoted = {0};
		struct packet packet;
		size_t headers;

		packet_make_quoted(&packet, &errors[i].quoted,
			errors[i].quoted.is_ipv6 ? (const void *)far_ipv6 : far_ipv4);
		headers = packet.length - packet.l3;
		make_error(&packet, &errors[i], SIZE_MAX);
		CU_ASSERT_EQUAL(quote_of(&packet, &quoted), 0);
		headers -= quoted.payload_length;
		for (size_t left = 0; left < 4; left++) {
			make_error(&packet, &errors[i], headers + left);
			CU_ASSERT_EQUAL(quote_of(&packet, &quoted), 0);
			CU_ASSERT_EQUAL(quoted.payload_length, left);
		}
		// Without length and checksum there is no payload either.
		make_error(&packet, &errors[i], headers - 4);
		CU_ASSERT_EQUAL(quote_of(&packet, &quoted), 0);
		CU_ASSERT_EQUAL(quoted.payload_length, 0);
	}
}

static void error_frames_say_where_the_quote_is(void)
{
	struct packet packet;
	struct net_frame frame;

	make_error(&packet, &errors[0], 28);
	frame = packet_frame_exact(&packet, packet.length);
	CU_ASSERT_EQUAL(net_frame_parse(&frame), NET_FRAME_ICMP_ERROR);
	CU_ASSERT_EQUAL(frame.l4_offset, 34);
	CU_ASSERT_EQUAL(frame.payload_offset, 42);
	CU_ASSERT_EQUAL(frame.payload_length, 28);
	CU_ASSERT_EQUAL(
		memcmp(net_address_ipv4(&frame.source.address), packet_ipv4_addresses, 4), 0);
	CU_ASSERT_EQUAL(frame.source.port, 0);
	free(frame.data);
}

// Shorter than the quoted IP header it is not known to be UDP; shorter than the ports, no quote.
static void quotes_may_end_anywhere(void)
{
	struct net_quoted_datagram quoted;
	struct packet packet;

	for (size_t i = 0; i < ERRORS; i++) {
		size_t fixed = errors[i].quoted.is_ipv6 ? 40 : 20;
		size_t ports_end = fixed + errors[i].quoted.options_length + 4;

		for (size_t length = 0; length < ports_end + 9; length++) {
			make_error(&packet, &errors[i], length);
			if (length < fixed) {
				CU_ASSERT_EQUAL(packet_kind(&packet), NET_FRAME_OTHER);
				continue;
			}
			CU_ASSERT_EQUAL(packet_kind(&packet), NET_FRAME_ICMP_ERROR);
			CU_ASSERT_EQUAL(
				quote_of(&packet, &quoted), length < ports_end ? -EINVAL : 0);
		}
	}
}

static void truncated_errors_are_malformed(void)
{
	struct packet packet;

	for (size_t i = 0; i < ERRORS; i++) {
		make_error(&packet, &errors[i], SIZE_MAX);
		for (size_t length = 0; length < packet.length; length++) {
			CU_ASSERT_EQUAL(
				packet_kind_of_bytes(&packet, length, 0), NET_FRAME_MALFORMED);
		}
	}
}

// The ICMP checksum covers the quote; every change from the ICMP header on is noticed.
static void every_flipped_bit_behind_the_ip_header_is_noticed(void)
{
	struct packet packet;

	for (size_t i = 0; i < ERRORS; i++) {
		make_error(&packet, &errors[i], SIZE_MAX);
		for (size_t bit = packet.l4 * 8; bit < packet.length * 8; bit++) {
			enum net_frame_kind kind;

			packet.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
			kind = packet_kind(&packet);
			CU_ASSERT_TRUE(kind == NET_FRAME_BAD_CHECKSUM || kind == NET_FRAME_OTHER);
			CU_ASSERT_NOT_EQUAL(
				packet_kind_of_bytes(&packet, packet.length,
					NET_OFFLOAD_RX_IP_GOOD | NET_OFFLOAD_RX_UDP_GOOD),
				NET_FRAME_ICMP_ERROR);
			packet.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
	}
}

static void messages_that_are_no_unreachable_are_the_kernels(void)
{
	struct packet packet;

	for (unsigned type = 0; type < 256; type++) {
		struct error_case error = {&ipv4, {0}, (uint8_t)type, 1};

		make_error(&packet, &error, SIZE_MAX);
		CU_ASSERT_EQUAL(
			packet_kind(&packet), type == 3 ? NET_FRAME_ICMP_ERROR : NET_FRAME_OTHER);
		error = (struct error_case){&ipv6, {.is_ipv6 = true}, (uint8_t)type, 1};
		make_error(&packet, &error, SIZE_MAX);
		CU_ASSERT_EQUAL(
			packet_kind(&packet), type == 1 ? NET_FRAME_ICMP_ERROR : NET_FRAME_OTHER);
	}
	for (unsigned code = 0; code < 256; code++) {
		struct error_case error = {&ipv4, {0}, 3, (uint8_t)code};

		make_error(&packet, &error, SIZE_MAX);
		CU_ASSERT_EQUAL(
			packet_kind(&packet), code == 4 ? NET_FRAME_OTHER : NET_FRAME_ICMP_ERROR);
	}
}

static enum net_frame_kind kind_with_quote(
	const struct packet_shape *outer, const struct packet *quoted, uint8_t type)
{
	struct packet packet;

	packet_make_icmp(
		&packet, outer, type, 0, quoted->bytes + quoted->l3, quoted->length - quoted->l3);
	return packet_kind(&packet);
}

static void quotes_of_other_protocols_are_the_kernels(void)
{
	struct packet quoted;

	packet_make_quoted(&quoted, &ipv4, far_ipv4);
	CU_ASSERT_EQUAL(kind_with_quote(&ipv4, &quoted, 3), NET_FRAME_ICMP_ERROR);
	CU_ASSERT_EQUAL(kind_with_quote(&ipv6, &quoted, 1), NET_FRAME_OTHER);
	quoted.bytes[quoted.l3 + 9] = 6;
	CU_ASSERT_EQUAL(kind_with_quote(&ipv4, &quoted, 3), NET_FRAME_OTHER);
	packet_make_quoted(&quoted, &ipv6, far_ipv6);
	CU_ASSERT_EQUAL(kind_with_quote(&ipv6, &quoted, 1), NET_FRAME_ICMP_ERROR);
	CU_ASSERT_EQUAL(kind_with_quote(&ipv4, &quoted, 3), NET_FRAME_OTHER);
	quoted.bytes[quoted.l3 + 6] = 6;
	CU_ASSERT_EQUAL(kind_with_quote(&ipv6, &quoted, 1), NET_FRAME_OTHER);
}

static int quote_with_change(const struct packet_shape *shape, size_t at, unsigned value)
{
	struct net_quoted_datagram result;
	struct packet quoted;
	struct packet packet;

	packet_make_quoted(&quoted, shape, shape->is_ipv6 ? (const void *)far_ipv6 : far_ipv4);
	packet_set_u16(&quoted, quoted.l3 + at, value);
	packet_make_icmp(&packet, shape, shape->is_ipv6 ? 1 : 3, 0, quoted.bytes + quoted.l3,
		quoted.length - quoted.l3);
	return quote_of(&packet, &result);
}

static void quotes_that_can_not_be_ours_are_refused(void)
{
	static const uint8_t mapped[16] = {[10] = 0xff, [11] = 0xff, [12] = 198, 51, 100, 9};
	struct net_quoted_datagram result;
	struct packet quoted;
	struct packet packet;

	CU_ASSERT_EQUAL(quote_with_change(&ipv4, 6, 0x4000), 0);
	CU_ASSERT_EQUAL(quote_with_change(&ipv4, 6, 0x2000), 0);
	CU_ASSERT_EQUAL(quote_with_change(&ipv4, 6, 0x0001), -EINVAL);
	CU_ASSERT_EQUAL(quote_with_change(&ipv4, 14, 0x0199), -EINVAL);
	CU_ASSERT_EQUAL(quote_with_change(&ipv4, 0, 0x4400), -EINVAL);
	CU_ASSERT_EQUAL(quote_with_change(&ipv4, 0, 0x4f00), -EINVAL);
	CU_ASSERT_EQUAL(quote_with_change(&ipv6, 22, 0x0199), -EINVAL);
	packet_make_quoted(&quoted, &ipv6, mapped);
	packet_make_icmp(&packet, &ipv6, 1, 0, quoted.bytes + quoted.l3, quoted.length - quoted.l3);
	CU_ASSERT_EQUAL(quote_of(&packet, &result), -EINVAL);
}

static void frames_that_are_no_error_have_no_quote(void)
{
	struct net_quoted_datagram quoted;
	struct net_frame frame;
	struct packet packet;

	packet_make_udp(&packet, &ipv4, "query", 5);
	frame = packet_frame_exact(&packet, packet.length);
	CU_ASSERT_EQUAL(net_frame_parse(&frame), NET_FRAME_UDP);
	CU_ASSERT_EQUAL(net_frame_parse_quote(&frame, &quoted), -EINVAL);
	free(frame.data);
}

static const struct unit_case cases[] = {
	{"errors give the datagram they quote", errors_give_the_datagram_they_quote},
	{"errors give as much payload as they quote", errors_give_as_much_payload_as_they_quote},
	{"error frames say where the quote is", error_frames_say_where_the_quote_is},
	{"quotes may end anywhere", quotes_may_end_anywhere},
	{"truncated errors are malformed", truncated_errors_are_malformed},
	{"every flipped bit is noticed", every_flipped_bit_behind_the_ip_header_is_noticed},
	{"other messages are the kernel's", messages_that_are_no_unreachable_are_the_kernels},
	{"quotes of other protocols", quotes_of_other_protocols_are_the_kernels},
	{"quotes that can not be ours are refused", quotes_that_can_not_be_ours_are_refused},
	{"frames that are no error have no quote", frames_that_are_no_error_have_no_quote},
};

UNIT_MAIN("net icmp", cases)
