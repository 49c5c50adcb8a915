// SPDX-License-Identifier: BSD-3-Clause
// Answers in the terms of the store: the key of a question, the kind of an answer, and whether a
// record from a file can be used. Any lcore.
#pragma once

#include "cache/answer.h"
#include "cache/store.h"

// The key of a query that may be served (cache_answer_may_serve()): its question, DO and CD.
void cache_answer_key(
	struct cache_key *key, const uint8_t *query_bytes, const struct dns_message *query);

// Narrows a key just made to the subnet of a client (RFC 7871), by its scope_length; 0: the key
// stays for everybody. 0, or -EINVAL for a family or prefix that dns_client_subnet_read() refuses.
base_must_check int cache_answer_key_narrow(
	struct cache_key *key, const struct dns_client_subnet *subnet);

enum cache_kind cache_answer_store_kind(enum cache_answer_kind kind);

// True if the value of a record answers its key and is of its kind: a cache_value_check for files
// of CACHE_ANSWER_VERSION. Needs as much stack as cache_answer_is_whole().
bool cache_answer_record_is_good(const struct cache_record *record);
