// SPDX-License-Identifier: BSD-3-Clause
// Tells our frames from the kernel's on an interface that both share. Built twice: with
// FILTER_XDP, where ours go to the AF_XDP socket of the queue, and with FILTER_TC, where ours
// are hidden from the kernel, because our packet socket has its copy before tc sees the frame.
//
// Ours are UDP datagrams to a served address and port, replies (from an upstream, to one of our
// addresses and a local port of our range), and destination-unreachable errors that quote such a
// query. First fragments count as whole datagrams: the program drops and counts them, and the
// kernel would answer for a port that it does not know. Everything else stays with the kernel,
// and so does everything when the socket is gone.
#include <stdbool.h>
#include <stddef.h>

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "nic/filter_maps.h"

#define IPV4_FRAGMENT_OFFSET 0x1fff
#define IPV6_EXTENSIONS_MOST 4
#define IPV6_HOP_BY_HOP 0
#define IPV6_ROUTING 43
#define IPV6_FRAGMENT 44
#define IPV6_FRAGMENT_OFFSET 0xfff8
#define IPV6_SEGMENTS_LEFT 0x00ff
#define IPV6_ICMP 58
#define IPV6_DESTINATION_OPTIONS 60
#define ICMPV4_UNREACHABLE 3
#define ICMPV4_FRAGMENTATION_NEEDED 4 // a code of it: the path's MTU is the kernel's affair
#define ICMPV6_UNREACHABLE 1
#define ICMP_HEADER_BYTES 8
#define HEADER_BYTES_TO_PULL 256 // tc: what has to stand in one piece

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, FILTER_SERVED_MOST);
	__type(key, struct filter_endpoint);
	__type(value, __u8);
} served SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, FILTER_LOCAL_MOST);
	__type(key, struct filter_address);
	__type(value, __u8);
} local_addresses SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, FILTER_UPSTREAMS_MOST);
	__type(key, struct filter_endpoint);
	__type(value, __u8);
} upstreams SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct filter_port_range);
} local_ports SEC(".maps");

struct vlan_tag {
	__be16 control;
	__be16 ether_type;
};

struct ipv6_extension {
	__u8 next;
	__u8 length; // in 8 bytes, not counting the first 8; reserved in a fragment header
	__be16 fragment; // its low byte is the segments left of a routing header
	__u8 rest[4];
};

struct packet {
	void *at;
	void *end;
	__u8 protocol; // of what `at` points to, once the IP header is read
	struct filter_endpoint source;
	struct filter_endpoint destination;
};

static __always_inline void address_from_ipv4(struct filter_address *address, const __be32 *ipv4)
{
	__builtin_memset(address->bytes, 0, 10);
	address->bytes[10] = 0xff;
	address->bytes[11] = 0xff;
	__builtin_memcpy(address->bytes + 12, ipv4, 4);
}

// The next `size` bytes, or NULL when the frame ends before.
static __always_inline void *packet_take(struct packet *packet, __u32 size)
{
	void *start = packet->at;

	if (start + size > packet->end)
		return NULL;
	packet->at = start + size;
	return start;
}

// An IPv4 header with its options; later fragments have no ports and are refused.
static __always_inline bool packet_read_ipv4(struct packet *packet)
{
	struct iphdr *header = packet_take(packet, sizeof(*header));
	__u32 options;

	if (!header || header->version != 4 || header->ihl < 5)
		return false;
	if (header->frag_off & bpf_htons(IPV4_FRAGMENT_OFFSET))
		return false;
	packet->protocol = header->protocol;
	address_from_ipv4(&packet->source.address, &header->saddr);
	address_from_ipv4(&packet->destination.address, &header->daddr);
	options = (__u32)(header->ihl - 5) * 4;
	// The kernel's verifier has to see the bound, which the compiler takes for granted.
	barrier_var(options);
	return packet_take(packet, options & 0x3f);
}

// An IPv6 header and the extension headers behind it (RFC 8200, section 4).
static __always_inline bool packet_read_ipv6(struct packet *packet)
{
	struct ipv6hdr *header = packet_take(packet, sizeof(*header));

	if (!header || header->version != 6)
		return false;
	packet->protocol = header->nexthdr;
	__builtin_memcpy(&packet->source.address, &header->saddr, 16);
	__builtin_memcpy(&packet->destination.address, &header->daddr, 16);
#pragma unroll
	for (int i = 0; i < IPV6_EXTENSIONS_MOST; i++) {
		struct ipv6_extension *extension;

		if (packet->protocol != IPV6_HOP_BY_HOP && packet->protocol != IPV6_ROUTING &&
			packet->protocol != IPV6_FRAGMENT &&
			packet->protocol != IPV6_DESTINATION_OPTIONS)
			break;
		extension = packet_take(packet, sizeof(*extension));
		if (!extension)
			return false;
		if (packet->protocol == IPV6_FRAGMENT) {
			if (extension->fragment & bpf_htons(IPV6_FRAGMENT_OFFSET))
				return false;
		} else if (packet->protocol == IPV6_ROUTING &&
			   extension->fragment & bpf_htons(IPV6_SEGMENTS_LEFT)) {
			return false; // on its way to somewhere else
		} else if (!packet_take(packet, extension->length * 8)) {
			return false;
		}
		packet->protocol = extension->next;
	}
	return true;
}

static __always_inline bool packet_read_ports(struct packet *packet)
{
	struct udphdr *header = packet_take(packet, sizeof(*header));

	if (!header)
		return false;
	packet->source.port = bpf_ntohs(header->source);
	packet->destination.port = bpf_ntohs(header->dest);
	return true;
}

// True when our query may have gone from `local` to `remote`.
static __always_inline bool is_our_exchange(
	const struct filter_endpoint *local, const struct filter_endpoint *remote)
{
	__u32 zero = 0;
	const struct filter_port_range *range = bpf_map_lookup_elem(&local_ports, &zero);

	return range && local->port >= range->first && local->port <= range->last &&
	       bpf_map_lookup_elem(&upstreams, remote) &&
	       bpf_map_lookup_elem(&local_addresses, &local->address);
}

// The datagram an error quotes starts where `packet->at` is; ours had its own source first.
static __always_inline bool is_our_error(struct packet *packet, bool is_ipv4)
{
	const __u8 *header = packet_take(packet, ICMP_HEADER_BYTES);

	if (!header || header[0] != (is_ipv4 ? ICMPV4_UNREACHABLE : ICMPV6_UNREACHABLE))
		return false;
	if (is_ipv4 && header[1] == ICMPV4_FRAGMENTATION_NEEDED)
		return false;
	if (is_ipv4 ? !packet_read_ipv4(packet) : !packet_read_ipv6(packet))
		return false;
	return packet->protocol == IPPROTO_UDP && packet_read_ports(packet) &&
	       is_our_exchange(&packet->source, &packet->destination);
}

static __always_inline bool is_ours(void *data, void *end)
{
	struct packet packet = {.at = data, .end = end};
	struct ethhdr *ethernet = packet_take(&packet, sizeof(*ethernet));
	struct vlan_tag *tag;
	__be16 ether_type;
	bool is_ipv4;

	if (!ethernet)
		return false;
	ether_type = ethernet->h_proto;
	if (ether_type == bpf_htons(ETH_P_8021Q)) {
		tag = packet_take(&packet, sizeof(*tag));
		if (!tag)
			return false;
		ether_type = tag->ether_type;
	}
	is_ipv4 = ether_type == bpf_htons(ETH_P_IP);
	if (!is_ipv4 && ether_type != bpf_htons(ETH_P_IPV6))
		return false;
	if (is_ipv4 ? !packet_read_ipv4(&packet) : !packet_read_ipv6(&packet))
		return false;
	if (packet.protocol == (is_ipv4 ? IPPROTO_ICMP : IPV6_ICMP))
		return is_our_error(&packet, is_ipv4);
	if (packet.protocol != IPPROTO_UDP || !packet_read_ports(&packet))
		return false;
	return bpf_map_lookup_elem(&served, &packet.destination) ||
	       is_our_exchange(&packet.destination, &packet.source);
}

#ifdef FILTER_XDP

// The driver finds this map by its name and puts its sockets in, by queue.
struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, 256);
	__type(key, __u32);
	__type(value, __u32);
} xsks_map SEC(".maps");

SEC("xdp")
int millrace_xdp(struct xdp_md *context)
{
	void *data = (void *)(long)context->data;
	void *end = (void *)(long)context->data_end;

	if (!is_ours(data, end))
		return XDP_PASS;
	return (int)bpf_redirect_map(&xsks_map, context->rx_queue_index, XDP_PASS);
}

#endif

#ifdef FILTER_TC

SEC("tc")
int millrace_tc(struct __sk_buff *context)
{
	__u32 length = context->len;
	void *data, *end;

	if (length > HEADER_BYTES_TO_PULL)
		length = HEADER_BYTES_TO_PULL;
	if (bpf_skb_pull_data(context, length))
		return TC_ACT_UNSPEC;
	data = (void *)(long)context->data;
	end = (void *)(long)context->data_end;
	return is_ours(data, end) ? TC_ACT_SHOT : TC_ACT_UNSPEC;
}

#endif

const char filter_license[] SEC("license") = "BSD-3-Clause";
