// SPDX-License-Identifier: BSD-3-Clause
// Answers for one part of the clients (RFC 7871): under which key one is kept, and found again by
// all whom it serves. Any lcore.
//
// An upstream may tell any scope; answers are kept by a few lengths (of IPv4: 8, 16, 20, 24, 32; of
// IPv6: 32, 40, 48, 56, 64, 128), the next one that is not shorter, or that of who asked where it
// has not told so much. So whoever tells a subnet may be served by a few keys, and who tells none by
// the plain one, as ever:
//
//   a length above 0   those in that prefix
//   length 0           all of that family where CACHE_ANSWER_WIDE, else those who tell nothing of
//                      theirs (section 7.1.2), which is not the same (section 7.3.1)
//   the plain key      who tells no subnet; everybody where CACHE_ANSWER_WIDE: its upstream
//                      answered as one that knows of no subnets
#pragma once

#include "cache/store.h"
#include "dns/client_subnet.h"

// In cache_record.opaque: the answer serves more than those who ask with its very key.
#define CACHE_ANSWER_WIDE 1

// Narrows the key of a query (cache_answer_key()) from `subnet` to that of an answer of `scope`
// (dns_client_subnet_scope()). Returns its cache_record.opaque.
uint32_t cache_answer_key_narrow(struct cache_key *key, const struct dns_client_subnet *subnet,
	const struct dns_client_subnet *scope);

// Narrows the key of a query from `subnet` to the one to look up: of the longest scope that has a
// fresh answer for it, or else a stale one, or else the subnet's own. It reads the store for about
// seven keys; nothing is counted.
void cache_answer_key_choose(struct cache_key *key, const struct dns_client_subnet *subnet,
	const struct cache_store *store, const struct cache_lcore *lcore, uint64_t now);
