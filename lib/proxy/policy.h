// SPDX-License-Identifier: BSD-3-Clause
// Which upstream a query goes to first where that takes more than a number: by weight, by question,
// or by what this lcore knows of each. Nothing here divides, allocates, or looks at more than
// PROXY_POLICY_LOOKS_MOST upstreams. Those that are down are passed over; whom to ask after the
// first is the affair of proxy/exchange.h.
#pragma once

#include "proxy/exchange.h"

#define PROXY_POLICY_LOOKS_MOST 64

// Attempts that failed in a row, after which `ordered` leaves an upstream out; and for how long,
// before one query tries it again, in 2^20 ns.
#define PROXY_FAILING_AFTER 3
#define PROXY_FAILING_PAUSE 1024

// In flight at an upstream, on one lcore, below which `hash` does not ask how busy it is.
#define PROXY_HASH_BUSY 16

// The same for every lcore and every run: name without case, type and class. The question ends at
// `question_end` of a good message.
uint32_t proxy_question_hash(const uint8_t *message, uint16_t question_end);

// The order for a query that has just come to a group with a policy behind PROXY_POLICY_SEQUENTIAL.
// `question` is proxy_question_hash() for PROXY_POLICY_HASH. The owner's.
struct proxy_order proxy_policy_choose(
	struct proxy_lcore *lcore, uint16_t group, uint32_t question, uint64_t now);

// Makes the tables of the group that its policy needs, and none else. Management lcore only. 0 or
// -ENOMEM.
base_must_check int proxy_policy_tables_init(
	struct proxy_group *group, const struct proxy_upstream_template *upstreams);
// The same of another that has as many upstreams.
base_must_check int proxy_policy_tables_copy(
	struct proxy_group *group, const struct proxy_group *other);
void proxy_policy_tables_fini(struct proxy_group *group);
