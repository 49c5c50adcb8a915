// SPDX-License-Identifier: BSD-3-Clause
#include "net/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>

bool net_address_is_unfit_as_source(const struct net_address *address)
{
	static const uint8_t zero[15];
	const uint8_t *ipv4 = net_address_ipv4(address);

	if (net_address_is_ipv4(address)) {
		return ipv4[0] == 0 || ipv4[0] == 127 || (ipv4[0] & 0xf0) == 224 ||
		       memcmp(ipv4, "\xff\xff\xff\xff", 4) == 0;
	}
	if (address->bytes[0] == 0xff)
		return true;
	return memcmp(address->bytes, zero, sizeof(zero)) == 0 && address->bytes[15] <= 1;
}

int net_address_parse(const char *text, struct net_address *address)
{
	uint8_t bytes[16];

	if (inet_pton(AF_INET, text, bytes) == 1)
		*address = net_address_from_ipv4(bytes);
	else if (inet_pton(AF_INET6, text, bytes) == 1)
		*address = net_address_from_ipv6(bytes);
	else
		return -EINVAL;
	return 0;
}

const char *net_address_format(const struct net_address *address, char text[NET_ADDRESS_TEXT])
{
	const char *formatted;

	if (net_address_is_ipv4(address))
		formatted = inet_ntop(AF_INET, net_address_ipv4(address), text, NET_ADDRESS_TEXT);
	else
		formatted = inet_ntop(AF_INET6, address->bytes, text, NET_ADDRESS_TEXT);
	// Fails for want of room only, and NET_ADDRESS_TEXT is INET6_ADDRSTRLEN.
	if (!formatted)
		text[0] = '\0';
	return text;
}

const char *net_endpoint_format(const struct net_endpoint *endpoint, char text[NET_ENDPOINT_TEXT])
{
	char address[NET_ADDRESS_TEXT];
	const char *format = net_address_is_ipv4(&endpoint->address) ? "%s:%u" : "[%s]:%u";

	net_address_format(&endpoint->address, address);
	snprintf(text, NET_ENDPOINT_TEXT, format, address, endpoint->port);
	return text;
}
