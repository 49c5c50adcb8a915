// SPDX-License-Identifier: BSD-3-Clause
// Every frame and every query ends in one verdict, and each verdict is a counter here. One set an
// lcore, written by that lcore alone, read by any with stats_read. For one lcore that rests:
//   frames_received + frames_hopped_in = all of the group frame
//   frame_query + stream_query = all of the group query + queries in flight
//   frame_reply + stream_reply = all of the group reply
//   frame_icmp_error = all of the group icmp
#pragma once

#include <stdint.h>

#include "base/atomic.h"
#include "base/compiler.h"

enum stats_group {
	STATS_GROUP_INPUT,
	STATS_GROUP_STREAM,
	STATS_GROUP_FRAME,
	STATS_GROUP_QUERY,
	STATS_GROUP_REPLY,
	STATS_GROUP_ICMP,
	STATS_GROUP_OUTPUT,
	STATS_GROUP_REFRESH,
	STATS_GROUP_CHECK,
	STATS_GROUP_LOOP,
};

// X(constant, name, group, what it counts)
#define STATS_COUNTER_LIST(X)                                                                      \
	X(FRAMES_RECEIVED, frames_received, INPUT, "frames from NIC queues")                       \
	X(FRAMES_HOPPED_IN, frames_hopped_in, INPUT, "frames that another lcore passed on")        \
	X(STREAM_QUERY, stream_query, STREAM, "queries over TCP and TLS")                          \
	X(STREAM_REPLY, stream_reply, STREAM, "attempts over TCP and TLS that came back")          \
	X(FRAME_QUERY, frame_query, FRAME, "datagrams to an address and port served")              \
	X(FRAME_REPLY, frame_reply, FRAME, "datagrams to a local port of this lcore")              \
	X(FRAME_ICMP_ERROR, frame_icmp_error, FRAME, "unreachable errors for a local port")        \
	X(FRAME_HOPPED, frame_hopped, FRAME, "passed on to the lcore that owns the local port")    \
	X(FRAME_HOP_FULL, frame_hop_full, FRAME, "dropped: the ring to the owner was full")        \
	X(FRAME_KERNEL, frame_kernel, FRAME, "handed to the kernel")                               \
	X(FRAME_KERNEL_FULL, frame_kernel_full, FRAME, "dropped: the ring to the kernel was full") \
	X(FRAME_NOT_OURS, frame_not_ours, FRAME, "dropped: not ours, and the kernel has its own")  \
	X(FRAME_FRAGMENT, frame_fragment, FRAME, "dropped: IP fragments")                          \
	X(FRAME_MALFORMED, frame_malformed, FRAME, "dropped: lengths that do not add up")          \
	X(FRAME_BAD_CHECKSUM, frame_bad_checksum, FRAME, "dropped: IP or UDP checksum wrong")      \
	X(FRAME_UNFIT_SOURCE, frame_unfit_source, FRAME, "dropped: source can not be answered")    \
	X(QUERY_ANSWERED, query_answered, QUERY, "answers relayed")                                \
	X(QUERY_TRUNCATED, query_truncated, QUERY, "answers relayed, cut to the client's size")    \
	X(QUERY_CACHED, query_cached, QUERY, "answers from a cache")                               \
	X(QUERY_CACHED_STALE, query_cached_stale, QUERY, "answers from a cache, past their end")   \
	X(QUERY_COALESCED, query_coalesced, QUERY, "answers to who waited for another's query")    \
	X(QUERY_WAITERS_FULL, query_waiters_full, QUERY, "SERVFAIL: too many wait for the same")   \
	X(QUERY_SHORT, query_short, QUERY, "dropped: shorter than a header")                       \
	X(QUERY_RESPONSE, query_response, QUERY, "dropped: a response sent to a served port")      \
	X(QUERY_FORMERR, query_formerr, QUERY, "FORMERR: broken question or records")              \
	X(QUERY_NOTIMP, query_notimp, QUERY, "NOTIMP: opcode other than QUERY")                    \
	X(QUERY_BADVERS, query_badvers, QUERY, "BADVERS: EDNS version other than 0")               \
	X(QUERY_NO_MATCH, query_no_match, QUERY, "REFUSED: no zone or forward matches")            \
	X(QUERY_CONCURRENT, query_concurrent, QUERY, "REFUSED: over max_concurrent")               \
	X(QUERY_NO_ROOM, query_no_room, QUERY, "SERVFAIL: too many queries in flight")             \
	X(QUERY_FAILED, query_failed, QUERY, "SERVFAIL: attempts, upstreams or time used up")      \
	X(QUERY_ALL_DOWN, query_all_down, QUERY,                                                   \
		"SERVFAIL: all upstreams are down, with failfast")                                 \
	X(QUERY_NO_FRAME, query_no_frame, QUERY, "given up silently: no frame to answer with")     \
	X(QUERY_STOPPING, query_stopping, QUERY, "dropped: the program is stopping")               \
	X(QUERY_NO_LISTENER, query_no_listener, QUERY,                                             \
		"dropped: over TCP, no longer served there")                                       \
	X(REPLY_RELAYED, reply_relayed, REPLY, "replies that answered a query")                    \
	X(REPLY_FAILED_OVER, reply_failed_over, REPLY, "not relayed: the next upstream was asked") \
	X(REPLY_HANDED_OVER, reply_handed_over, REPLY,                                             \
		"not relayed: handed over to the next forward")                                    \
	X(REPLY_SHORT, reply_short, REPLY, "dropped: shorter than a header, or no response")       \
	X(REPLY_LATE, reply_late, REPLY, "dropped: nothing waits for this id on this port")        \
	X(REPLY_FORGED, reply_forged, REPLY, "dropped: not from the upstream that was asked")      \
	X(REPLY_MISMATCHED, reply_mismatched, REPLY, "dropped: another question")                  \
	X(REPLY_GARBAGE, reply_garbage, REPLY, "no readable answer: the attempt failed")           \
	X(REPLY_CHECK, reply_check, REPLY, "answers to health checks")                             \
	X(REPLY_STREAM_FAILED, reply_stream_failed, REPLY,                                         \
		"no answer over TCP or TLS, with cause")                                           \
	X(ICMP_MATCHED, icmp_matched, ICMP, "errors that failed an attempt")                       \
	X(ICMP_UNMATCHED, icmp_unmatched, ICMP, "dropped: about no query in flight")               \
	X(SENT_ATTEMPTS, sent_attempts, OUTPUT, "datagrams sent to upstreams")                     \
	X(SENT_RETRIES, sent_retries, OUTPUT, "of these, after a failed attempt")                  \
	X(SENT_ANSWERS, sent_answers, OUTPUT, "datagrams sent to clients")                         \
	X(SENT_STREAM_ATTEMPTS, sent_stream_attempts, OUTPUT, "queries sent over TCP and TLS")     \
	X(SENT_STREAM_FULL, sent_stream_full, OUTPUT, "not sent over TCP or TLS: no room there")   \
	X(SENT_STREAM_ANSWERS, sent_stream_answers, OUTPUT, "answers to clients over TCP and TLS") \
	X(SENT_AFTER_TC, sent_after_tc, OUTPUT, "asked again over TCP, the reply being cut")       \
	X(SENT_HEDGES, sent_hedges, OUTPUT, "queries sent to a second upstream, too")              \
	X(HEDGES_WON, hedges_won, OUTPUT, "of these, answered by that one first")                  \
	X(ATTEMPT_TIMEOUTS, attempt_timeouts, OUTPUT, "attempts that ran out of time")             \
	X(NO_FRAMES, no_frames, OUTPUT, "frames wanted while none was free")                       \
	X(REFRESH_SENT, refresh_sent, REFRESH, "queries for what a cache holds, for nobody")       \
	X(REFRESH_NO_ROOM, refresh_no_room, REFRESH, "refreshes left out: too many in flight")     \
	X(CHECK_SENT, check_sent, CHECK, "health checks of upstreams sent")                        \
	X(CHECK_FAILED, check_failed, CHECK, "of these, not answered, or not readably")            \
	X(CHECK_UNSENT, check_unsent, CHECK,                                                       \
		"health checks for which there was no way, or no room")                            \
	X(LOG_RECORDS, log_records, LOOP, "records for log and errors")                            \
	X(LOG_DROPPED, log_dropped, LOOP, "records left out: nobody writes them down so fast")     \
	X(BUSY_POLLS, busy_polls, LOOP, "turns of the loop that found frames")                     \
	X(BUSY_NANOSECONDS, busy_nanoseconds, LOOP, "time in these turns")

enum stats_counter {
#define X(constant, name, group, help) STATS_##constant,
	STATS_COUNTER_LIST(X)
#undef X
	STATS_COUNTERS,
};

struct stats_counters {
	uint64_t values[STATS_COUNTERS];
} base_aligned(BASE_CACHE_LINE);

// The owner lcore only.
static inline void stats_count(struct stats_counters *counters, enum stats_counter counter)
{
	base_store(&counters->values[counter], counters->values[counter] + 1);
}

static inline void stats_count_many(
	struct stats_counters *counters, enum stats_counter counter, uint64_t many)
{
	base_store(&counters->values[counter], counters->values[counter] + many);
}

static inline uint64_t stats_read(const struct stats_counters *counters, enum stats_counter counter)
{
	return base_load(&counters->values[counter]);
}

const char *stats_counter_name(enum stats_counter counter);
const char *stats_counter_help(enum stats_counter counter);
enum stats_group stats_counter_group(enum stats_counter counter);

// The sum of a group's counters.
uint64_t stats_group_sum(const struct stats_counters *counters, enum stats_group group);
