// SPDX-License-Identifier: BSD-3-Clause
#include "config/zones.h"

#include <stdio.h>
#include <string.h>

#include "config/values.h"

#define ZONE_TEXT 1024

// How addresses of one version become names.
struct reverse_scheme {
	const char *suffix;
	const uint8_t *bytes;
	uint32_t bits; // of an address
	uint32_t label_bits; // 8, or 4: one label each
};

static uint8_t reverse_label(const struct reverse_scheme *scheme, uint32_t index)
{
	if (scheme->label_bits == 8)
		return scheme->bytes[index];
	return index % 2 ? scheme->bytes[index / 2] & 0xf : scheme->bytes[index / 2] >> 4;
}

// The zone of `labels` labels of the address, with the `low` lowest bits of the last one set.
static bool reverse_make_name(
	const struct reverse_scheme *scheme, uint32_t labels, uint8_t last, struct dns_name *name)
{
	char text[ZONE_TEXT];
	size_t length = 0;

	for (uint32_t i = labels; i > 0; i--) {
		uint8_t label = i == labels ? last : reverse_label(scheme, i - 1);

		length += (size_t)snprintf(text + length, sizeof(text) - length,
			scheme->label_bits == 8 ? "%u." : "%x.", label);
	}
	snprintf(text + length, sizeof(text) - length, "%s", scheme->suffix);
	return dns_name_parse_text(name, text) == 0;
}

// A length inside a label stands for as many zones as the label has values left.
static bool reverse_make_zones(
	const struct reverse_scheme *scheme, uint32_t length, struct config_zones *zones)
{
	uint32_t labels = (length + scheme->label_bits - 1) / scheme->label_bits;
	uint32_t free_bits = labels * scheme->label_bits - length;
	uint8_t first = 0;

	if (labels)
		first = (uint8_t)(reverse_label(scheme, labels - 1) >> free_bits << free_bits);
	zones->count = 0;
	for (uint32_t i = 0; i < UINT32_C(1) << free_bits; i++) {
		if (!reverse_make_name(
			    scheme, labels, (uint8_t)(first + i), &zones->names[zones->count++]))
			return false;
	}
	return true;
}

// `text` is an address, `length` what stands behind its slash.
static enum config_zone_fault zone_parse_prefix(const char *text, const struct net_address *address,
	const char *length, struct config_zones *zones)
{
	struct reverse_scheme scheme = {"ip6.arpa.", address->bytes, 128, 4};
	uint32_t number;

	// By the text and not by the address: ::ffff:0:0/96 is a prefix of IPv6.
	if (!strchr(text, ':'))
		scheme = (struct reverse_scheme){"in-addr.arpa.", net_address_ipv4(address), 32, 8};
	if (config_parse_number(length, 0, scheme.bits, &number) != 0)
		return CONFIG_ZONE_NOT_A_PREFIX;
	return reverse_make_zones(&scheme, number, zones) ? CONFIG_ZONE_GOOD
							  : CONFIG_ZONE_NOT_A_PREFIX;
}

static enum config_zone_fault zone_parse_name(const char *text, struct config_zones *zones)
{
	for (const char *at = text; *at; at++) {
		if ((unsigned char)*at >= 0x80)
			return CONFIG_ZONE_NOT_ASCII;
		if ((unsigned char)*at <= ' ' || *at == 0x7f || *at == ':')
			return CONFIG_ZONE_NOT_A_NAME;
	}
	if (dns_name_parse_text(&zones->names[0], text) != 0)
		return CONFIG_ZONE_NOT_A_NAME;
	dns_name_make_lower_case(&zones->names[0]);
	zones->count = 1;
	return CONFIG_ZONE_GOOD;
}

enum config_zone_fault config_parse_zone(const char *text, struct config_zones *zones)
{
	const char *slash = strchr(text, '/');
	size_t length = slash ? (size_t)(slash - text) : strlen(text);
	struct net_address address;
	char copy[NET_ADDRESS_TEXT];

	if (length >= sizeof(copy))
		return zone_parse_name(text, zones);
	memcpy(copy, text, length);
	copy[length] = '\0';
	if (net_address_parse(copy, &address) != 0)
		return zone_parse_name(text, zones);
	return slash ? zone_parse_prefix(copy, &address, slash + 1, zones) : CONFIG_ZONE_ADDRESS;
}

enum config_zone_fault config_parse_zone_port(
	const char *text, struct config_zones *zones, uint16_t *port)
{
	enum config_zone_fault fault = config_parse_zone(text, zones);
	const char *colon = strrchr(text, ':');
	char copy[ZONE_TEXT];
	uint32_t number;

	// What is a zone as a whole has no port: "2001:db8::/32" ends with none.
	if (fault == CONFIG_ZONE_GOOD || fault == CONFIG_ZONE_ADDRESS || !colon ||
		strchr(colon, '/') || (size_t)(colon - text) >= sizeof(copy))
		return fault;
	memcpy(copy, text, (size_t)(colon - text));
	copy[colon - text] = '\0';
	fault = config_parse_zone(copy, zones);
	if (fault != CONFIG_ZONE_GOOD)
		return fault;
	if (config_parse_number(colon + 1, 1, UINT16_MAX, &number) != 0)
		return CONFIG_ZONE_NOT_A_PORT;
	*port = (uint16_t)number;
	return CONFIG_ZONE_GOOD;
}

const char *config_zone_fault_text(enum config_zone_fault fault)
{
	static const char *const texts[] = {
		[CONFIG_ZONE_GOOD] = "is a zone",
		[CONFIG_ZONE_NOT_A_NAME] = "is not a domain name",
		[CONFIG_ZONE_NOT_ASCII] = "is not in ASCII: write the name in its xn-- form",
		[CONFIG_ZONE_NOT_A_PREFIX] = "is not a prefix: its length does not fit",
		[CONFIG_ZONE_ADDRESS] =
			"is an address: a prefix needs a length, as in 192.0.2.0/24",
		[CONFIG_ZONE_NOT_A_PORT] = "has no port from 1 to 65535 after its last colon",
	};

	return texts[fault];
}
