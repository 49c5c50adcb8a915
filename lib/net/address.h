// SPDX-License-Identifier: BSD-3-Clause
// IP addresses and endpoints of both versions in one shape, so that nothing above cares; and of links.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define NET_ADDRESS_TEXT 46 // bytes that hold any address as text, with the zero
#define NET_ENDPOINT_TEXT 54 // "[address]:port", likewise
#define NET_MAC_BYTES 6
#define NET_VLAN_NONE 0xffff // no tag; otherwise the tag control information (priority and id)

// Network byte order; an IPv4 address stands in ::ffff:0:0/96 (RFC 4291, section 2.5.5.2).
struct net_address {
	uint8_t bytes[16];
};

// The port is in host byte order.
struct net_endpoint {
	struct net_address address;
	uint16_t port;
};

struct net_mac {
	uint8_t bytes[NET_MAC_BYTES];
};

static inline struct net_address net_address_from_ipv4(const uint8_t bytes[4])
{
	struct net_address address = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}};

	memcpy(address.bytes + 12, bytes, 4);
	return address;
}

static inline struct net_address net_address_from_ipv6(const uint8_t bytes[16])
{
	struct net_address address;

	memcpy(address.bytes, bytes, sizeof(address.bytes));
	return address;
}

static inline bool net_address_is_ipv4(const struct net_address *address)
{
	static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

	return memcmp(address->bytes, mapped, sizeof(mapped)) == 0;
}

// The four bytes of an IPv4 address.
static inline const uint8_t *net_address_ipv4(const struct net_address *address)
{
	return address->bytes + 12;
}

static inline bool net_address_equal(const struct net_address *a, const struct net_address *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static inline bool net_endpoint_equal(const struct net_endpoint *a, const struct net_endpoint *b)
{
	return a->port == b->port && net_address_equal(&a->address, &b->address);
}

// True for the addresses that no query may come from: unspecified (IPv4: all of 0.0.0.0/8, RFC 1122,
// section 3.2.1.3), loopback, multicast and the limited broadcast.
bool net_address_is_unfit_as_source(const struct net_address *address);

// "192.0.2.1" or "2001:db8::1", no brackets, no zone. "::ffff:192.0.2.1" is the IPv4
// address. 0, or -EINVAL with `address` as it was.
int net_address_parse(const char *text, struct net_address *address);

// Returns `text`, filled in.
const char *net_address_format(const struct net_address *address, char text[NET_ADDRESS_TEXT]);
const char *net_endpoint_format(const struct net_endpoint *endpoint, char text[NET_ENDPOINT_TEXT]);
