// SPDX-License-Identifier: BSD-3-Clause
// Records for `log` and `errors`. Only forward/ includes this. Where a block has neither, each of these is
// one condition.
#pragma once

#include "forward/lcore.h"

// Of the query that is about to be answered: before its bytes are changed, and for one in flight while
// its slot is. NULL: nothing is to be told, or there is no room.
struct query_record *forward_log_begin(
	struct forward_lcore *lcore, const struct forward_query *query);
struct query_record *forward_log_begin_pending(struct forward_lcore *lcore, uint32_t slot);

// The payload of the frame is the answer. With NULL, nothing is done.
void forward_log_write(
	struct forward_lcore *lcore, struct query_record *record, const struct net_frame *frame);

// The query in `slot` is given up.
void forward_log_failure(struct forward_lcore *lcore, uint32_t slot);

static inline struct query_record *forward_log_query(
	struct forward_lcore *lcore, const struct forward_query *query)
{
	return base_likely(query->match.log == FORWARD_NO_LOG) ? NULL
							       : forward_log_begin(lcore, query);
}

static inline struct query_record *forward_log_pending(struct forward_lcore *lcore, uint32_t slot)
{
	return base_likely(forward_client_of(lcore->proxy, slot)->log == FORWARD_NO_LOG)
		       ? NULL
		       : forward_log_begin_pending(lcore, slot);
}

static inline void forward_log_answer(
	struct forward_lcore *lcore, struct query_record *record, const struct net_frame *frame)
{
	if (base_unlikely(record))
		forward_log_write(lcore, record, frame);
}
