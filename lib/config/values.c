// SPDX-License-Identifier: BSD-3-Clause
#include "config/values.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool config_address_is_loopback(const struct net_address *address)
{
	static const uint8_t ipv6_loopback[16] = {[15] = 1};

	if (net_address_is_ipv4(address))
		return net_address_ipv4(address)[0] == 127;
	return memcmp(address->bytes, ipv6_loopback, sizeof(ipv6_loopback)) == 0;
}

int config_parse_number(const char *text, uint32_t least, uint32_t most, uint32_t *number)
{
	uint64_t value = 0;

	if (!*text || strspn(text, "0123456789") != strlen(text))
		return -EINVAL;
	for (; *text; text++) {
		value = value * 10 + (uint64_t)(*text - '0');
		if (value > most)
			return -ERANGE;
	}
	if (value < least)
		return -ERANGE;
	*number = (uint32_t)value;
	return 0;
}

// "address:port", the address being the `length` first bytes.
static int endpoint_parse_parts(
	const char *address, size_t length, const char *port, struct net_endpoint *endpoint)
{
	char copy[NET_ADDRESS_TEXT];
	uint32_t number;

	if (length >= sizeof(copy))
		return -EINVAL;
	memcpy(copy, address, length);
	copy[length] = '\0';
	if (net_address_parse(copy, &endpoint->address) != 0)
		return -EINVAL;
	if (!port)
		return 0;
	if (config_parse_number(port, 1, UINT16_MAX, &number) != 0)
		return -ERANGE;
	endpoint->port = (uint16_t)number;
	return 0;
}

int config_parse_endpoint(const char *text, uint16_t port, struct net_endpoint *endpoint)
{
	const char *colon = strchr(text, ':');
	const char *close;

	endpoint->port = port;
	if (text[0] == '[') {
		close = strchr(text, ']');
		if (!close || !colon || colon > close || (close[1] && close[1] != ':'))
			return -EINVAL;
		return endpoint_parse_parts(text + 1, (size_t)(close - text - 1),
			close[1] ? close + 2 : NULL, endpoint);
	}
	if (!colon || strchr(colon + 1, ':'))
		return endpoint_parse_parts(text, strlen(text), NULL, endpoint);
	return endpoint_parse_parts(text, (size_t)(colon - text), colon + 1, endpoint);
}

int config_parse_listen_endpoint(const char *text, struct net_endpoint *endpoint)
{
	static const char localhost[] = "localhost:";
	static const uint8_t loopback[4] = {127, 0, 0, 1};
	struct net_endpoint parsed = {.port = 0};
	const char *port = NULL;
	uint32_t number;

	if (text[0] == ':') {
		port = text + 1;
	} else if (strncmp(text, localhost, strlen(localhost)) == 0) {
		parsed.address = net_address_from_ipv4(loopback);
		port = text + strlen(localhost);
	} else if (config_parse_endpoint(text, 0, &parsed) != 0 || !parsed.port) {
		return -EINVAL;
	}
	if (port && config_parse_number(port, 1, UINT16_MAX, &number) != 0)
		return -EINVAL;
	if (port)
		parsed.port = (uint16_t)number;
	*endpoint = parsed;
	return 0;
}
