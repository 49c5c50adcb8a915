// SPDX-License-Identifier: BSD-3-Clause
#include "stream/address.h"

#include <netinet/in.h>

socklen_t stream_address_from_endpoint(
	const struct net_endpoint *endpoint, struct sockaddr_storage *address)
{
	memset(address, 0, sizeof(*address));
	if (net_address_is_ipv4(&endpoint->address)) {
		struct sockaddr_in *ipv4 = (struct sockaddr_in *)address;

		ipv4->sin_family = AF_INET;
		ipv4->sin_port = htons(endpoint->port);
		memcpy(&ipv4->sin_addr, net_address_ipv4(&endpoint->address), 4);
		return sizeof(*ipv4);
	}
	struct sockaddr_in6 *ipv6 = (struct sockaddr_in6 *)address;

	ipv6->sin6_family = AF_INET6;
	ipv6->sin6_port = htons(endpoint->port);
	memcpy(&ipv6->sin6_addr, endpoint->address.bytes, 16);
	return sizeof(*ipv6);
}

void stream_address_to_endpoint(
	const struct sockaddr_storage *address, struct net_endpoint *endpoint)
{
	if (address->ss_family == AF_INET) {
		const struct sockaddr_in *ipv4 = (const struct sockaddr_in *)address;

		endpoint->address = net_address_from_ipv4((const uint8_t *)&ipv4->sin_addr);
		endpoint->port = ntohs(ipv4->sin_port);
	} else {
		const struct sockaddr_in6 *ipv6 = (const struct sockaddr_in6 *)address;

		endpoint->address = net_address_from_ipv6(ipv6->sin6_addr.s6_addr);
		endpoint->port = ntohs(ipv6->sin6_port);
	}
}

bool stream_address_is_any(const struct net_address *address)
{
	static const uint8_t zero[16];

	if (net_address_is_ipv4(address))
		return memcmp(net_address_ipv4(address), zero, 4) == 0;
	return memcmp(address->bytes, zero, sizeof(zero)) == 0;
}
