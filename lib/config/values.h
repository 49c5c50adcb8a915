// SPDX-License-Identifier: BSD-3-Clause
// Durations, numbers and addresses as the configuration writes them. Management lcore only.
#pragma once

#include <stdint.h>

#include "net/address.h"

#define CONFIG_DURATION_TEXT 32

// A duration as Go has it: an optional sign, then numbers with a fraction and a unit each (ns,
// us, µs, ms, s, m, h), as in "1h30m" and "-1.5s"; or "0". 0; -EDOM when a unit is missing,
// -ERANGE beyond 2^63 ns, -EINVAL for everything else.
int config_parse_duration(const char *text, int64_t *nanoseconds);

// Returns `text`, as Go writes it: "1h0m0s", "1.5s", "250ms", "0s".
const char *config_format_duration(uint64_t nanoseconds, char text[CONFIG_DURATION_TEXT]);

// Decimal digits alone. 0; -EINVAL when it is no number, -ERANGE outside of `least` to `most`.
int config_parse_number(const char *text, uint32_t least, uint32_t most, uint32_t *number);

// IP, IP:port, [v6] or [v6]:port; `port` where none is written. 0; -EINVAL when this is no
// address, -ERANGE when its port is none.
int config_parse_endpoint(const char *text, uint16_t port, struct net_endpoint *endpoint);

// What is listened at: IP:port, [v6]:port, localhost:port, or :port for all addresses ("::"). 0, or
// -EINVAL with `endpoint` as it was.
int config_parse_listen_endpoint(const char *text, struct net_endpoint *endpoint);

// Addresses that no host of another machine has or answers from.
bool config_address_is_loopback(const struct net_address *address);
