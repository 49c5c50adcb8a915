// SPDX-License-Identifier: BSD-3-Clause
// What the filter in the kernel (drivers-config/xdp/filter.c) and nic/filter.c agree on: the
// names and shapes of the maps. Written by the management lcore, read by the kernel.
#pragma once

#include <linux/types.h>

#define FILTER_MAP_SERVED "served" // endpoint -> byte: UDP to it is ours
#define FILTER_MAP_LOCAL "local_addresses" // address -> byte: our queries leave from it
#define FILTER_MAP_UPSTREAMS "upstreams" // endpoint -> byte: our queries go to it
#define FILTER_MAP_PORTS "local_ports" // 0 -> struct filter_port_range
#define FILTER_XDP_PROGRAM "millrace_xdp"
#define FILTER_TC_PROGRAM "millrace_tc"

#define FILTER_SERVED_MOST 8192
#define FILTER_LOCAL_MOST 4096
#define FILTER_UPSTREAMS_MOST 16384

// As struct net_address: network byte order, IPv4 in ::ffff:0:0/96.
struct filter_address {
	__u8 bytes[16];
};

struct filter_endpoint {
	struct filter_address address;
	__u16 port; // host byte order
	__u16 zero;
};

// Host byte order, both included; nothing is between 1 and 0.
struct filter_port_range {
	__u16 first;
	__u16 last;
};
