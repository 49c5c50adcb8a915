// SPDX-License-Identifier: BSD-3-Clause
// Zones as the configuration writes them: a name, or a prefix in CIDR notation, which stands for
// the reverse zones that cover it and nothing else (RFC 1035 section 3.5, RFC 3596 section 2.5).
// Management lcore only.
#pragma once

#include <stddef.h>

#include "dns/name.h"

#define CONFIG_ZONE_COUNT 128 // the most that one prefix stands for: 0.0.0.0/1

enum config_zone_fault {
	CONFIG_ZONE_GOOD,
	CONFIG_ZONE_NOT_A_NAME,
	CONFIG_ZONE_NOT_ASCII,
	CONFIG_ZONE_NOT_A_PREFIX, // an address, then '/', then no length that fits
	CONFIG_ZONE_ADDRESS, // an address without a length
	CONFIG_ZONE_NOT_A_PORT,
};

struct config_zones {
	struct dns_name names[CONFIG_ZONE_COUNT]; // lower case
	size_t count;
};

// Bits of a prefix beyond its length are taken as zero, as everywhere.
enum config_zone_fault config_parse_zone(const char *text, struct config_zones *zones);

// The same with an optional ":port"; `port` is left as it is without one.
enum config_zone_fault config_parse_zone_port(
	const char *text, struct config_zones *zones, uint16_t *port);

// For a message: " is not a domain name" and the like.
const char *config_zone_fault_text(enum config_zone_fault fault);
