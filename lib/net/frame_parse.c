// SPDX-License-Identifier: BSD-3-Clause
// Frames taken apart. Each step gets a reader that ends where the layer around it ends.
#include "net/frame.h"

#include <errno.h>

#include "base/bytes.h"
#include "net/checksum.h"
#include "net/wire.h"

#define EXTENSIONS_MOST 8

// The IP packet's upper layer: all that its length covers behind the headers that were skipped.
struct upper_layer {
	const uint8_t *start;
	size_t length;
};

// With the addresses as they stand in the header; ICMP over IPv4 has none.
static uint64_t pseudo_header_sum(const struct net_frame *frame, uint16_t length, uint8_t protocol)
{
	const uint8_t *header = frame->data + frame->l3_offset;

	if (!frame->is_ipv4)
		return net_checksum_ipv6_pseudo(header + 8, header + 24, protocol, length);
	if (protocol == NET_PROTOCOL_UDP)
		return net_checksum_ipv4_pseudo(header + 12, header + 16, protocol, length);
	return 0;
}

static bool icmp_checksum_is_good(
	const struct net_frame *frame, const uint8_t *start, uint16_t length, uint8_t protocol)
{
	uint64_t sum = pseudo_header_sum(frame, length, protocol);

	return net_checksum_fold(net_checksum_add(sum, start, length)) == NET_CHECKSUM_GOOD;
}

// Sets the payload's sum: with the headers' it makes up the good one. 0 is written as its other
// form, 0xffff.
static bool udp_checksum_is_good(struct net_frame *frame, const uint8_t *header, uint16_t length)
{
	uint64_t sum = pseudo_header_sum(frame, length, NET_PROTOCOL_UDP);
	uint16_t missing;

	sum += (uint64_t)net_checksum_word(header) + net_checksum_word(header + 4);
	missing = (uint16_t)~net_checksum_fold(sum);
	frame->payload_sum = missing ? missing : NET_CHECKSUM_GOOD;
	if (frame->offload & NET_OFFLOAD_RX_UDP_GOOD)
		return true;
	sum = net_checksum_add(sum, header + NET_UDP_HEADER, (size_t)length - NET_UDP_HEADER);
	return net_checksum_fold(sum) == NET_CHECKSUM_GOOD;
}

static void set_upper_offsets(
	struct net_frame *frame, const uint8_t *header, uint16_t header_length)
{
	frame->l4_offset = (uint16_t)(header - frame->data);
	frame->payload_offset = (uint16_t)(frame->l4_offset + header_length);
}

static enum net_frame_kind parse_udp(struct net_frame *frame, struct upper_layer upper)
{
	struct byte_reader reader = byte_reader_make(upper.start, upper.length);
	const uint8_t *header = byte_reader_take(&reader, NET_UDP_HEADER);
	uint16_t length;

	if (base_unlikely(!header))
		return NET_FRAME_MALFORMED;
	length = bytes_load_u16(header + 4);
	// Bytes between the UDP length and the IP length are no part of the datagram (RFC 768).
	if (base_unlikely(length < NET_UDP_HEADER ||
			  length - NET_UDP_HEADER > (int)byte_reader_left(&reader)))
		return NET_FRAME_MALFORMED;
	if (base_unlikely(frame->offload & NET_OFFLOAD_RX_BAD))
		return NET_FRAME_BAD_CHECKSUM;
	if (bytes_load_u16(header + 6) == 0) {
		// RFC 768: none was made. RFC 8200, section 8.1: not over IPv6.
		if (!frame->is_ipv4)
			return NET_FRAME_BAD_CHECKSUM;
		frame->payload_sum = 0;
	} else if (!udp_checksum_is_good(frame, header, length)) {
		return NET_FRAME_BAD_CHECKSUM;
	}
	set_upper_offsets(frame, header, NET_UDP_HEADER);
	frame->payload_length = (uint16_t)(length - NET_UDP_HEADER);
	frame->source.port = bytes_load_u16(header);
	frame->destination.port = bytes_load_u16(header + 2);
	return NET_FRAME_UDP;
}

// Datagrams of ours have no extension header, so none is looked for in the quote.
static bool quotes_udp(const struct net_frame *frame, struct byte_reader quote)
{
	const uint8_t *header =
		byte_reader_take(&quote, frame->is_ipv4 ? NET_IPV4_HEADER : NET_IPV6_HEADER);

	if (!header)
		return false;
	if (frame->is_ipv4)
		return header[0] >> 4 == 4 && header[9] == NET_PROTOCOL_UDP;
	return header[0] >> 4 == 6 && header[6] == NET_PROTOCOL_UDP;
}

static bool says_unreachable(const struct net_frame *frame, const uint8_t *header)
{
	if (frame->is_ipv4) {
		return header[0] == NET_ICMP_UNREACHABLE &&
		       header[1] != NET_ICMP_FRAGMENTATION_NEEDED;
	}
	return header[0] == NET_ICMPV6_UNREACHABLE;
}

static enum net_frame_kind parse_icmp(
	struct net_frame *frame, struct upper_layer upper, uint8_t protocol)
{
	struct byte_reader reader = byte_reader_make(upper.start, upper.length);
	const uint8_t *header = byte_reader_take(&reader, NET_ICMP_HEADER);
	uint16_t length = (uint16_t)upper.length;

	if (!header)
		return NET_FRAME_MALFORMED;
	if (!says_unreachable(frame, header) || !quotes_udp(frame, reader))
		return NET_FRAME_OTHER;
	if (!icmp_checksum_is_good(frame, header, length, protocol))
		return NET_FRAME_BAD_CHECKSUM;
	set_upper_offsets(frame, header, NET_ICMP_HEADER);
	frame->payload_length = (uint16_t)(length - NET_ICMP_HEADER);
	frame->source.port = 0;
	frame->destination.port = 0;
	return NET_FRAME_ICMP_ERROR;
}

static bool ipv4_checksum_is_good(const uint8_t *header, size_t header_length)
{
	uint64_t sum = net_checksum_ipv4_header(header);

	if (base_unlikely(header_length > NET_IPV4_HEADER)) {
		sum = net_checksum_add(
			sum, header + NET_IPV4_HEADER, header_length - NET_IPV4_HEADER);
	}
	return net_checksum_fold(sum) == NET_CHECKSUM_GOOD;
}

static enum net_frame_kind parse_ipv4(struct net_frame *frame, struct byte_reader *reader)
{
	size_t left = byte_reader_left(reader);
	const uint8_t *header = byte_reader_take(reader, NET_IPV4_HEADER);
	struct upper_layer upper;
	size_t header_length;
	size_t total_length;

	if (base_unlikely(!header))
		return NET_FRAME_MALFORMED;
	header_length = (header[0] & 0xfu) * 4;
	total_length = bytes_load_u16(header + 2);
	if (base_unlikely(header[0] >> 4 != 4 || header_length < NET_IPV4_HEADER ||
			  total_length < header_length || total_length > left))
		return NET_FRAME_MALFORMED;
	if (!(frame->offload & NET_OFFLOAD_RX_IP_GOOD) &&
		!ipv4_checksum_is_good(header, header_length))
		return NET_FRAME_BAD_CHECKSUM;
	if (base_unlikely(bytes_load_u16(header + 6) &
			  (NET_IPV4_MORE_FRAGMENTS | NET_IPV4_FRAGMENT_OFFSET)))
		return header[9] == NET_PROTOCOL_UDP ? NET_FRAME_FRAGMENT : NET_FRAME_OTHER;
	frame->is_ipv4 = true;
	frame->source.address = net_address_from_ipv4(header + 12);
	frame->destination.address = net_address_from_ipv4(header + 16);
	upper = (struct upper_layer){header + header_length, total_length - header_length};
	if (base_likely(header[9] == NET_PROTOCOL_UDP))
		return parse_udp(frame, upper);
	if (header[9] == NET_PROTOCOL_ICMP)
		return parse_icmp(frame, upper, NET_PROTOCOL_ICMP);
	return NET_FRAME_OTHER;
}

static bool is_extension(uint8_t type)
{
	return type == NET_EXTENSION_HOP_BY_HOP || type == NET_EXTENSION_ROUTING ||
	       type == NET_EXTENSION_FRAGMENT || type == NET_EXTENSION_DESTINATION;
}

// Returns the type of the first header that is not to be skipped, with the reader before it: an
// upper layer, routing with segments left, a fragment header that splits. A chain that is
// truncated, too long or out of order makes the reader fail.
static uint8_t skip_extensions(struct byte_reader *reader, uint8_t type)
{
	for (int skipped = 0; skipped < EXTENSIONS_MOST; skipped++) {
		const uint8_t *header = reader->at;

		if (base_likely(!is_extension(type)))
			return type;
		if (byte_reader_left(reader) < NET_EXTENSION_UNIT)
			break;
		if (type == NET_EXTENSION_HOP_BY_HOP && skipped > 0)
			break;
		if (type == NET_EXTENSION_ROUTING && header[3] > 0)
			return type;
		if (type == NET_EXTENSION_FRAGMENT) {
			if (bytes_load_u16(header + 2) & NET_IPV6_FRAGMENT_SPLITS)
				return type;
			byte_reader_take(reader, NET_EXTENSION_UNIT);
		} else if (!byte_reader_take(reader, (header[1] + 1u) * NET_EXTENSION_UNIT)) {
			break;
		}
		type = header[0];
	}
	reader->failed = reader->failed || is_extension(type);
	return type;
}

// `header` is a fragment header. What follows extension headers in a later piece is unknown.
static enum net_frame_kind fragment_kind(const uint8_t *header)
{
	bool may_be_udp = header[0] == NET_PROTOCOL_UDP || is_extension(header[0]);

	return may_be_udp ? NET_FRAME_FRAGMENT : NET_FRAME_OTHER;
}

static enum net_frame_kind parse_ipv6_extensions(
	struct net_frame *frame, struct upper_layer upper, uint8_t type)
{
	struct byte_reader reader = byte_reader_make(upper.start, upper.length);
	uint8_t protocol = skip_extensions(&reader, type);

	if (reader.failed)
		return NET_FRAME_MALFORMED;
	upper = (struct upper_layer){reader.at, byte_reader_left(&reader)};
	if (protocol == NET_PROTOCOL_UDP)
		return parse_udp(frame, upper);
	if (protocol == NET_PROTOCOL_ICMPV6)
		return parse_icmp(frame, upper, NET_PROTOCOL_ICMPV6);
	if (protocol == NET_EXTENSION_FRAGMENT)
		return fragment_kind(upper.start);
	return NET_FRAME_OTHER;
}

static enum net_frame_kind parse_ipv6(struct net_frame *frame, struct byte_reader *reader)
{
	const uint8_t *header = byte_reader_take(reader, NET_IPV6_HEADER);
	struct upper_layer upper;

	if (base_unlikely(!header || header[0] >> 4 != 6 ||
			  bytes_load_u16(header + 4) > byte_reader_left(reader)))
		return NET_FRAME_MALFORMED;
	frame->is_ipv4 = false;
	frame->source.address = net_address_from_ipv6(header + 8);
	frame->destination.address = net_address_from_ipv6(header + 24);
	if (base_unlikely(net_address_is_ipv4(&frame->source.address) ||
			  net_address_is_ipv4(&frame->destination.address)))
		return NET_FRAME_MALFORMED;
	upper = (struct upper_layer){header + NET_IPV6_HEADER, bytes_load_u16(header + 4)};
	if (base_likely(header[6] == NET_PROTOCOL_UDP))
		return parse_udp(frame, upper);
	return parse_ipv6_extensions(frame, upper, header[6]);
}

static enum net_frame_kind parse_ethernet(struct net_frame *frame)
{
	struct byte_reader reader = byte_reader_make(frame->data, frame->length);
	const uint8_t *header = byte_reader_take(&reader, NET_ETHERNET_HEADER);
	uint16_t ethertype;

	frame->vlan = NET_VLAN_NONE;
	if (base_unlikely(!header))
		return NET_FRAME_MALFORMED;
	ethertype = bytes_load_u16(header + 12);
	if (ethertype == NET_ETHERTYPE_VLAN) {
		frame->vlan = byte_reader_take_u16(&reader);
		ethertype = byte_reader_take_u16(&reader);
		if (reader.failed)
			return NET_FRAME_MALFORMED;
		if ((frame->vlan & NET_VLAN_ID_MASK) == NET_VLAN_ID_RESERVED)
			return NET_FRAME_OTHER;
	}
	frame->l3_offset = (uint16_t)byte_reader_offset(&reader);
	if (base_likely(ethertype == NET_ETHERTYPE_IPV4))
		return parse_ipv4(frame, &reader);
	if (ethertype == NET_ETHERTYPE_IPV6)
		return parse_ipv6(frame, &reader);
	return NET_FRAME_OTHER;
}

enum net_frame_kind net_frame_parse(struct net_frame *frame)
{
	enum net_frame_kind kind = parse_ethernet(frame);

	frame->kind = (uint8_t)kind;
	return kind;
}

// The reader is left at the UDP header. A later fragment has none.
static int parse_quoted_ipv4(struct byte_reader *reader, struct net_quoted_datagram *quoted)
{
	const uint8_t *header = byte_reader_take(reader, NET_IPV4_HEADER);
	size_t header_length;

	if (!header)
		return -EINVAL;
	header_length = (header[0] & 0xfu) * 4;
	if (header_length < NET_IPV4_HEADER ||
		bytes_load_u16(header + 6) & NET_IPV4_FRAGMENT_OFFSET)
		return -EINVAL;
	byte_reader_seek(reader, header_length);
	quoted->source.address = net_address_from_ipv4(header + 12);
	quoted->destination.address = net_address_from_ipv4(header + 16);
	return 0;
}

static int parse_quoted_ipv6(struct byte_reader *reader, struct net_quoted_datagram *quoted)
{
	const uint8_t *header = byte_reader_take(reader, NET_IPV6_HEADER);

	if (!header)
		return -EINVAL;
	quoted->source.address = net_address_from_ipv6(header + 8);
	quoted->destination.address = net_address_from_ipv6(header + 24);
	return net_address_is_ipv4(&quoted->destination.address) ? -EINVAL : 0;
}

int net_frame_parse_quote(const struct net_frame *frame, struct net_quoted_datagram *quoted)
{
	struct byte_reader reader;
	int error;

	if (frame->kind != NET_FRAME_ICMP_ERROR)
		return -EINVAL;
	reader = byte_reader_make(net_frame_payload(frame), frame->payload_length);
	if (frame->is_ipv4)
		error = parse_quoted_ipv4(&reader, quoted);
	else
		error = parse_quoted_ipv6(&reader, quoted);
	if (error)
		return error;
	quoted->source.port = byte_reader_take_u16(&reader);
	quoted->destination.port = byte_reader_take_u16(&reader);
	if (reader.failed ||
		!net_address_equal(&quoted->source.address, &frame->destination.address))
		return -EINVAL;
	// Length and checksum of what we had sent say nothing that is not known here.
	quoted->payload = byte_reader_take(&reader, 4) ? reader.at : reader.end;
	quoted->payload_length = (uint16_t)byte_reader_left(&reader);
	return 0;
}
