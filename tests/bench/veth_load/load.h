// SPDX-License-Identifier: BSD-3-Clause
// What the load in the kernel (load.bpf.c) and the program that starts it (main.c) share: one
// element of an array map, which the program has mapped.
#pragma once

#include <linux/types.h>

#define LOAD_STATE_MAP "load_state"
#define LOAD_PROGRAM "millrace_load"

#define LOAD_SLOTS 1024
#define LOAD_LATENCIES 65536 // buckets of a microsecond; the last one is for all that is later

// An Ethernet frame with IPv4, UDP and a query for the A record of KEY.bench.test.
#define LOAD_QUERY_BYTES 82
#define LOAD_RECORD_BYTES 16
#define LOAD_OPT_BYTES 11
#define LOAD_IP 14
#define LOAD_UDP 34
#define LOAD_DNS 42
#define LOAD_KEY (LOAD_DNS + 13)
#define LOAD_KEY_BYTES 11 // hexadecimal digits
#define LOAD_SUFFIX (LOAD_KEY + LOAD_KEY_BYTES)
#define LOAD_SUFFIX_BYTES (LOAD_QUERY_BYTES - LOAD_SUFFIX)
#define LOAD_CLIENT_PORT 1024 // the lowest
#define LOAD_CLIENTS 0x0a3d0000 // 10.61.0.0/16
#define LOAD_CLIENT_ADDRESSES 256
#define LOAD_UPSTREAM 0x0a3c0002 // 10.60.0.2

// A client's query. Written by the kernel's part, but where nothing is in flight or it was lost.
struct load_slot {
	__u64 sent_at; // nanoseconds of CLOCK_MONOTONIC
	__u16 id;
	__u8 is_in_flight;
	__u8 is_given_up; // the one before was: the program asked again in its place
	__u8 key[LOAD_KEY_BYTES];
	__u8 unused;
};

struct load_counters {
	__u64 answered;
	__u64 failed; // answered with an RCODE other than NOERROR
	__u64 wrong; // frames to clients that answer nothing asked, or not as they should
	__u64 late; // answers to what was given up
	__u64 upstream_answers;
	__u64 upstream_strange; // not a query for a name of ours: dropped
};

struct load_state {
	// Written by the program.
	__u32 is_asking; // an answer is followed by the next query
	__u32 is_measuring; // latencies count
	__u8 query[LOAD_QUERY_BYTES + 6]; // all but client, id, key and checksums
	__u64 name_count; // asked one after the other, again and again; 0: each but once
	// Written by the kernel's part from here on.
	__u64 next_name;
	struct load_counters counters;
	struct load_slot slots[LOAD_SLOTS];
	__u32 latencies[LOAD_LATENCIES];
};

// The address that answers a name, whatever the case of its letters.
static inline __attribute__((always_inline)) void load_address_of_key(
	__u8 address[4], const __u8 key[LOAD_KEY_BYTES])
{
	for (int i = 0; i < 4; i++)
		address[i] = (key[i] | 0x20) + (key[i + 4] | 0x20) * 7 +
			     (i < 3 ? (key[i + 8] | 0x20) * 31 : 0);
}
