// SPDX-License-Identifier: BSD-3-Clause
// What is known of one host name: the addresses that it had last, and when it is asked again. Time
// comes from whoever calls, answers too. Management lcore only.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "net/address.h"

#define NAMES_ADDRESSES_MOST 1024 // of a name
// A TTL counts as one in these bounds.
#define NAMES_TTL_LEAST 1 // seconds
#define NAMES_TTL_MOST 3600
// After a failure; each further one in a row doubles it.
#define NAMES_RETRY_LEAST CLOCK_SECOND
#define NAMES_RETRY_MOST (30 * CLOCK_SECOND)

// Addresses of IPv4 and of IPv6 are asked for apart.
enum names_version {
	NAMES_IPV4,
	NAMES_IPV6,
	NAMES_VERSIONS,
};

enum names_outcome {
	NAMES_ANSWERED,
	NAMES_EMPTY, // there is no such name, or it has no such address
	NAMES_FAILED, // nobody said anything of use
};

struct names_answer {
	enum names_outcome outcome;
	const char *why; // a text that stays; NULL with NAMES_ANSWERED
	uint32_t ttl; // seconds; with NAMES_ANSWERED, which has one address or more
	struct net_address *addresses; // of whoever has the answer
	size_t count;
};

struct names_list {
	struct net_address *addresses; // in ascending order of their bytes, each once
	size_t count;
};

struct names_record {
	struct names_list known;
	uint64_t due; // asked again then
	uint64_t retry; // the last pause after a failure; 0: the last time was none
	const char *why; // the last time was a failure, NULL: it was none
};

// What became of asking. What failed keeps the addresses of its version, and so do all when there would
// be none left: a name that is gone takes no service down. 1 where the addresses are others now:
// `before` are those that were, to be freed; 0; or -ENOMEM with nothing changed but the times, as after
// a failure.
base_must_check int names_record_take(struct names_record *record,
	const struct names_answer answers[NAMES_VERSIONS], uint64_t now, struct names_list *before);

bool names_list_has(const struct names_list *list, const struct net_address *address);
