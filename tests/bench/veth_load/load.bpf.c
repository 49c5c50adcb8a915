// SPDX-License-Identifier: BSD-3-Clause
// The clients and the upstream of a forwarder at the other end of a veth pair, as an XDP program
// on this end: what costs a frame least, so that the load is not what is measured. A query to the
// upstream goes back as its answer. An answer to a client goes back as that client's next query.
// Everything else is the kernel's.
#include <stdbool.h>
#include <stddef.h>

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "load.h"

#define DNS_FLAGS_ANSWER 0x8180 // QR, RD, RA
#define DNS_RCODE 0x000f
#define DNS_QR 0x8000

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct load_state);
} load_state SEC(".maps");

struct dns_header {
	__be16 id;
	__be16 flags;
	__be16 questions;
	__be16 answers;
	__be16 authorities;
	__be16 additional_records;
};

struct query_frame {
	struct ethhdr ethernet;
	struct iphdr ip;
	struct udphdr udp;
	struct dns_header dns;
	__u8 key_length;
	__u8 key[LOAD_KEY_BYTES];
	__u8 suffix[LOAD_SUFFIX_BYTES];
} __attribute__((packed));

struct answer_record {
	__be16 name; // a pointer to the question's
	__be16 type;
	__be16 class_;
	__u8 time_to_live[4];
	__be16 length;
	__u8 address[4];
} __attribute__((packed));

struct answer_frame {
	struct query_frame query;
	struct answer_record record;
} __attribute__((packed));

struct answer_with_opt_frame {
	struct answer_frame answer;
	__u8 opt[LOAD_OPT_BYTES];
} __attribute__((packed));

// Not XDP_TX: veth wakes the other end then only where that has an XDP program too.
static __always_inline int send_back(struct xdp_md *context)
{
	return (int)bpf_redirect(context->ingress_ifindex, 0);
}

static __always_inline __u16 fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)~sum;
}

// Sets lengths and checksums. `udp_bytes` is a multiple of 4; `tail_bytes` more are zero.
static __always_inline void finish(struct query_frame *frame, __u32 udp_bytes, __u32 tail_bytes)
{
	__u32 length = udp_bytes + tail_bytes;
	void *at = frame;
	__u16 checksum;
	__u64 sum;

	frame->ip.tot_len = bpf_htons(sizeof(frame->ip) + length);
	frame->ip.check = 0;
	frame->ip.check = fold(bpf_csum_diff(NULL, 0, at + LOAD_IP, sizeof(frame->ip), 0));
	frame->udp.len = bpf_htons(length);
	frame->udp.check = 0;
	sum = bpf_csum_diff(NULL, 0, at + LOAD_UDP, udp_bytes, 0) & 0xffffffff;
	sum += (__u64)frame->ip.saddr + frame->ip.daddr + bpf_htonl(IPPROTO_UDP << 16 | length);
	checksum = fold(sum);
	frame->udp.check = checksum ? checksum : 0xffff;
}

static __always_inline void turn(struct query_frame *frame)
{
	__u8 mac[ETH_ALEN];
	__be32 address = frame->ip.saddr;
	__be16 port = frame->udp.source;

	__builtin_memcpy(mac, frame->ethernet.h_source, ETH_ALEN);
	__builtin_memcpy(frame->ethernet.h_source, frame->ethernet.h_dest, ETH_ALEN);
	__builtin_memcpy(frame->ethernet.h_dest, mac, ETH_ALEN);
	frame->ip.saddr = frame->ip.daddr;
	frame->ip.daddr = address;
	frame->udp.source = frame->udp.dest;
	frame->udp.dest = port;
}

static __always_inline bool is_equal(const __u8 *a, const __u8 *b, int length)
{
	__u8 difference = 0;

	for (int i = 0; i < length; i++)
		difference |= a[i] ^ b[i];
	return difference == 0;
}

static __always_inline bool is_our_question(
	const struct load_state *state, const struct query_frame *frame)
{
	if (frame->dns.flags & bpf_htons(DNS_QR) || frame->dns.questions != bpf_htons(1) ||
		frame->key_length != LOAD_KEY_BYTES)
		return false;
	for (int i = 0; i < LOAD_SUFFIX_BYTES; i++) {
		if ((frame->suffix[i] | 0x20) != (state->query[LOAD_SUFFIX + i] | 0x20))
			return false;
	}
	return true;
}

static __always_inline bool resize(struct xdp_md *context, __u32 size)
{
	return bpf_xdp_adjust_tail(context, (int)size - (int)(context->data_end - context->data)) ==
	       0;
}

static __always_inline void write_record(struct answer_frame *frame)
{
	static const __u8 time_to_live[4] = {0, 0, 1, 44};

	turn(&frame->query);
	frame->query.dns.flags = bpf_htons(DNS_FLAGS_ANSWER);
	frame->query.dns.answers = bpf_htons(1);
	frame->query.dns.authorities = 0;
	frame->record.name = bpf_htons(0xc00c);
	frame->record.type = bpf_htons(1);
	frame->record.class_ = bpf_htons(1);
	__builtin_memcpy(frame->record.time_to_live, time_to_live, sizeof(time_to_live));
	frame->record.length = bpf_htons(4);
	load_address_of_key(frame->record.address, frame->query.key);
}

static __always_inline int answer_without_opt(struct xdp_md *context)
{
	struct answer_frame *frame;

	if (!resize(context, sizeof(*frame)))
		return XDP_DROP;
	frame = (void *)(long)context->data;
	if ((void *)(frame + 1) > (void *)(long)context->data_end)
		return XDP_DROP;
	write_record(frame);
	frame->query.dns.additional_records = 0;
	finish(&frame->query, sizeof(*frame) - LOAD_UDP, 0);
	return send_back(context);
}

// The root name, OPT, 1232 bytes, version 0 and no options (RFC 6891, section 6.1.2).
static __always_inline int answer_with_opt(struct xdp_md *context)
{
	static const __u8 opt[LOAD_OPT_BYTES] = {0, 0, 41, 0x04, 0xd0};
	struct answer_with_opt_frame *frame;

	if (!resize(context, sizeof(*frame)))
		return XDP_DROP;
	frame = (void *)(long)context->data;
	if ((void *)(frame + 1) > (void *)(long)context->data_end)
		return XDP_DROP;
	write_record(&frame->answer);
	__builtin_memcpy(frame->opt, opt, sizeof(opt));
	frame->answer.query.dns.additional_records = bpf_htons(1);
	finish(&frame->answer.query, sizeof(*frame) - LOAD_UDP - 3, 3);
	return send_back(context);
}

// What a resolver asks beside the clients' questions is dropped.
static __always_inline int answer(
	struct xdp_md *context, struct load_state *state, const struct query_frame *frame)
{
	if (!is_our_question(state, frame)) {
		state->counters.upstream_strange++;
		return XDP_DROP;
	}
	state->counters.upstream_answers++;
	return frame->dns.additional_records ? answer_with_opt(context)
					     : answer_without_opt(context);
}

static __always_inline struct load_slot *slot_of(
	struct load_state *state, const struct query_frame *frame)
{
	__u32 address = bpf_ntohl(frame->ip.daddr) - LOAD_CLIENTS;
	__u32 port = (__u32)bpf_ntohs(frame->udp.dest) - LOAD_CLIENT_PORT;
	__u32 slot = port * LOAD_CLIENT_ADDRESSES + address;

	return address < LOAD_CLIENT_ADDRESSES && slot < LOAD_SLOTS ? &state->slots[slot] : NULL;
}

// As it was asked, with the record that the upstream gave, behind nothing else.
static __always_inline bool is_right(const struct load_state *state, const struct load_slot *slot,
	const struct answer_frame *frame)
{
	__u8 address[4];

	if (frame->query.dns.answers != bpf_htons(1) ||
		frame->query.dns.questions != bpf_htons(1) ||
		!is_equal(frame->query.suffix, state->query + LOAD_SUFFIX, LOAD_SUFFIX_BYTES))
		return false;
	load_address_of_key(address, slot->key);
	return frame->record.name == bpf_htons(0xc00c) &&
	       is_equal(frame->record.address, address, 4);
}

static __always_inline bool is_answer_to(
	const struct load_slot *slot, const struct query_frame *frame)
{
	return slot->is_in_flight && frame->dns.id == bpf_htons(slot->id) &&
	       frame->dns.flags & bpf_htons(DNS_QR) &&
	       is_equal(frame->key, slot->key, LOAD_KEY_BYTES);
}

static __always_inline void make_key(__u8 key[LOAD_KEY_BYTES], __u64 number)
{
	for (int i = 0; i < LOAD_KEY_BYTES; i++, number >>= 4)
		key[i] = (number & 15) + ((number & 15) < 10 ? '0' : 'a' - 10);
}

static __always_inline int ask_next(
	struct xdp_md *context, struct load_state *state, struct load_slot *slot, __u64 now)
{
	struct query_frame *frame = (void *)(long)context->data;
	__u64 name = state->next_name++;
	__be32 client;
	__be16 port;

	if ((void *)(frame + 1) > (void *)(long)context->data_end)
		return XDP_DROP;
	client = frame->ip.daddr;
	port = frame->udp.dest;
	if (!resize(context, sizeof(*frame)))
		return XDP_DROP;
	frame = (void *)(long)context->data;
	if ((void *)(frame + 1) > (void *)(long)context->data_end)
		return XDP_DROP;
	make_key(slot->key, state->name_count ? name % state->name_count : name);
	slot->id++;
	__builtin_memcpy(frame, state->query, sizeof(*frame));
	frame->ip.saddr = client;
	frame->udp.source = port;
	frame->dns.id = bpf_htons(slot->id);
	__builtin_memcpy(frame->key, slot->key, LOAD_KEY_BYTES);
	finish(frame, sizeof(*frame) - LOAD_UDP, 0);
	slot->sent_at = now;
	slot->is_in_flight = 1;
	return send_back(context);
}

static __always_inline void count_latency(struct load_state *state, __u64 nanoseconds)
{
	__u64 bucket = nanoseconds / 1000;

	if (bucket >= LOAD_LATENCIES)
		bucket = LOAD_LATENCIES - 1;
	state->latencies[bucket & (LOAD_LATENCIES - 1)]++;
}

static __always_inline int receive(
	struct xdp_md *context, struct load_state *state, struct query_frame *frame)
{
	struct load_slot *slot = slot_of(state, frame);
	struct answer_frame *whole = (void *)frame;
	__u64 now = bpf_ktime_get_ns();

	if (!slot || !is_answer_to(slot, frame)) {
		if (slot && slot->is_given_up && frame->dns.id == bpf_htons(slot->id - 1))
			state->counters.late++;
		else
			state->counters.wrong++;
		return XDP_DROP;
	}
	slot->is_in_flight = 0;
	slot->is_given_up = 0;
	if (frame->dns.flags & bpf_htons(DNS_RCODE)) {
		state->counters.failed++;
	} else if ((void *)(whole + 1) > (void *)(long)context->data_end ||
		   !is_right(state, slot, whole)) {
		state->counters.wrong++;
	} else {
		state->counters.answered++;
		if (state->is_measuring)
			count_latency(state, now - slot->sent_at);
	}
	return state->is_asking ? ask_next(context, state, slot, now) : XDP_DROP;
}

SEC("xdp")
int millrace_load(struct xdp_md *context)
{
	struct query_frame *frame = (void *)(long)context->data;
	__u32 zero = 0;
	struct load_state *state = bpf_map_lookup_elem(&load_state, &zero);

	if (!state || (void *)(frame + 1) > (void *)(long)context->data_end ||
		frame->ethernet.h_proto != bpf_htons(ETH_P_IP) || frame->ip.version != 4 ||
		frame->ip.ihl != 5 || frame->ip.protocol != IPPROTO_UDP)
		return XDP_PASS;
	if (frame->ip.daddr == bpf_htonl(LOAD_UPSTREAM) && frame->udp.dest == bpf_htons(53))
		return answer(context, state, frame);
	if ((frame->ip.daddr & bpf_htonl(0xffff0000)) == bpf_htonl(LOAD_CLIENTS))
		return receive(context, state, frame);
	return XDP_PASS;
}

const char load_license[] SEC("license") = "BSD-3-Clause";
