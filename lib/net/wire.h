// SPDX-License-Identifier: BSD-3-Clause
// Numbers of the headers that frames carry: lengths in bytes, types in host byte order.
#pragma once

#define NET_ETHERNET_HEADER 14
#define NET_VLAN_TAG 4
#define NET_IPV4_HEADER 20 // without options
#define NET_IPV6_HEADER 40
#define NET_UDP_HEADER 8
#define NET_ICMP_HEADER 8

#define NET_ETHERTYPE_IPV4 0x0800
#define NET_ETHERTYPE_VLAN 0x8100
#define NET_ETHERTYPE_IPV6 0x86dd

#define NET_VLAN_ID_MASK 0x0fff
#define NET_VLAN_ID_RESERVED 0x0fff // never on a wire (IEEE 802.1Q)

#define NET_PROTOCOL_ICMP 1
#define NET_PROTOCOL_UDP 17
#define NET_PROTOCOL_ICMPV6 58

// IPv6 extension headers (RFC 8200, section 4).
#define NET_EXTENSION_HOP_BY_HOP 0
#define NET_EXTENSION_ROUTING 43
#define NET_EXTENSION_FRAGMENT 44
#define NET_EXTENSION_DESTINATION 60
#define NET_EXTENSION_UNIT 8 // extension headers are multiples of it

#define NET_IPV4_DONT_FRAGMENT 0x4000
#define NET_IPV4_MORE_FRAGMENTS 0x2000
#define NET_IPV4_FRAGMENT_OFFSET 0x1fff
#define NET_IPV6_FRAGMENT_SPLITS 0xfff9 // offset and M flag

#define NET_ICMP_UNREACHABLE 3 // RFC 792
#define NET_ICMP_FRAGMENTATION_NEEDED 4 // a code of NET_ICMP_UNREACHABLE
#define NET_ICMPV6_UNREACHABLE 1 // RFC 4443, section 3.1
