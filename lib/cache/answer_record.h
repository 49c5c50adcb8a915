// SPDX-License-Identifier: BSD-3-Clause
// Answers in the terms of the store: the key of a question, the kind of an answer, and whether a
// record from a file can be used. Any lcore.
#pragma once

#include "cache/answer.h"
#include "cache/store.h"

_Static_assert(CACHE_ANSWER_HEADER_BYTES <= CACHE_VALUE_HERE_LEAST, "a header is in one piece");

// The key of a query that may be served (cache_answer_may_serve()): its question, DO and CD.
void cache_answer_key(
	struct cache_key *key, const uint8_t *query_bytes, const struct dns_message *query);

enum cache_kind cache_answer_store_kind(enum cache_answer_kind kind);

// True if the value of a record answers its key and is of its kind: a cache_value_check for files
// of CACHE_ANSWER_VERSION. Needs as much stack as cache_answer_is_whole().
bool cache_answer_record_is_good(const struct cache_record *record);

// cache_view_copy() of the view that is the context.
bool cache_answer_copy(const void *context, uint32_t offset, void *to, uint32_t length);

// The value that a lookup found; good as long as the view is, and where it is.
static inline struct cache_answer_value cache_answer_value_of(const struct cache_view *view)
{
	return (struct cache_answer_value){
		.here = view->value,
		.here_length = view->value_here,
		.length = view->value_length,
		.copy = cache_answer_copy,
		.context = view,
	};
}
