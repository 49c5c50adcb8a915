// SPDX-License-Identifier: BSD-3-Clause
// The exchanges of one stream lcore with upstreams over TCP and TLS: connections in pools, many
// queries on each, replies in any order (RFC 7766, section 6.2.1.1). It works on whole messages,
// numbered connections and times; a driver has the sockets. All functions are the owner lcore's;
// none allocates or waits. Time is the one clock reading of the burst.
//
//   proxy_streams_ask -> driver.open -> proxy_streams_opened -> driver.send
//        ^                                                          |
//        +--- asked again --- proxy_streams_lost <------------------+-> proxy_streams_received
//                                  |                                            |
//                                  +-> asker.failed               asker.answered
//
// A query takes the connection that has been idle longest, or joins a busy one that has room, or
// one that is being opened, or a new one. A connection that ends after it has answered something
// fails none of its queries: they go to another of the same upstream. One that ends before that
// fails them all. Each upstream has one pool: of TLS where it is of tls://, else of TCP.
//
// The pools are those of proxy/pool.h, with slots that are numbers and not local ports: the
// management lcore sweeps them as it does the others (proxy/sweep.h).
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/random.h"
#include "proxy/pending.h"
#include "proxy/pool.h"
#include "proxy/upstream.h"

// Who has the sockets. Nothing here calls back: what happens is told later, by opened(), received()
// and lost(). Any of these may be called while the driver is within one of its own calls to here,
// for the same slot too, but for destroy(), which only proxy_streams_expire() and destroy() call.
struct proxy_stream_driver {
	void *context;
	// Begins a connection for the slot: proxy_streams_opened() when queries can be sent, or
	// proxy_streams_lost(). 0 or -errno, which is as if it were lost at once.
	int (*open)(void *context, uint16_t slot, uint16_t upstream, bool is_tls);
	// One message to frame, and to send behind those before; copied. 0 or -errno, which is as if
	// the connection were lost.
	int (*send)(void *context, uint16_t slot, const uint8_t *message, uint16_t length);
	// Nobody waits for the answer to the message of this id any more. Needs to do something only
	// where that is more than an id.
	void (*cancel)(void *context, uint16_t slot, uint16_t id);
	// No query is on it any more, and none will be: close_notify and FIN behind what is queued. It
	// may still be opening. Not called for a connection that was lost.
	void (*finish)(void *context, uint16_t slot);
	// The slot is free: whatever is left of its connection ends now. Called once for each open(),
	// whatever it returned.
	void (*destroy)(void *context, uint16_t slot);
};

// Who asks. Each question that was taken gets one of these calls, never within
// proxy_streams_ask(), and may ask again within it.
struct proxy_stream_asker {
	void *context;
	// A reply with the question asked, good to read, under an id of the connection's own. Good
	// during the call.
	void (*answered)(void *context, uint64_t asker, const uint8_t *bytes, uint16_t length);
	void (*failed)(void *context, uint64_t asker, enum proxy_failure failure);
};

// Counts of one upstream on one lcore, beside those of its pool. Written by the owner alone.
struct proxy_stream_counts {
	uint64_t asked; // questions taken
	uint64_t asked_again; // times that a question went to another connection
	uint64_t answered;
	uint64_t failed[PROXY_FAILURES];
	// Messages that answer nothing, and were dropped.
	uint64_t short_messages; // no header, or not a reply
	uint64_t late; // nothing waits for this id on this connection
	uint64_t mismatched; // another question, which is the end of the one asked over HTTP
	// Connections.
	uint64_t opened; // that can be, or could be, used
	uint64_t open_failed[PROXY_FAILURES]; // that never could
} base_aligned(BASE_CACHE_LINE);

struct proxy_streams;

struct proxy_streams_options {
	uint32_t question_count; // on their way at once, 1 to PROXY_PENDING_MOST
	uint16_t connection_count; // open at once: one an upstream at least
	uint16_t lcore_count; // that share the limits of the settings: stream lcores
	uint16_t lcore_index; // of this one among them, from 0
	uint64_t now;
	struct proxy_stream_driver driver;
	struct proxy_stream_asker asker;
};

// NULL with errno: ENOMEM, or EINVAL (fewer connections than upstreams, counts of zero, or past
// 65,533). `set` must live until another is adopted, `random` longer.
struct proxy_streams *proxy_streams_create(const struct proxy_set *set,
	struct random_stream *random, const struct proxy_streams_options *options);

// As proxy_lcore_adopt(), for a set that the driver has adopted.
void proxy_streams_adopt(struct proxy_streams *streams, const struct proxy_set *set);

// Destroys every connection that is left, without a word to askers. No management lcore may sweep
// it any more.
void proxy_streams_destroy(struct proxy_streams *streams);

struct proxy_stream_question {
	const uint8_t *message; // under any id, good and read; copied
	uint16_t length;
	uint16_t question_end;
	uint16_t upstream; // of the set
	// A health check (proxy/check.h): on a connection of its own, and answered by any reply.
	bool is_check;
	uint64_t deadline; // after which an answer is of no use
	uint64_t asker; // given back with what became of it
};

// False: there is no room for the question (none for one of more than 2,048 bytes), or no connection
// for it, or its time is over, or nobody has the upstream's number any more, or the end has begun.
// Nobody will be called then.
bool proxy_streams_ask(
	struct proxy_streams *streams, const struct proxy_stream_question *question, uint64_t now);

// What the driver tells. Each does nothing to a slot that is no longer open.
void proxy_streams_opened(struct proxy_streams *streams, uint16_t slot, uint64_t now);
// One whole message, without its length.
void proxy_streams_received(struct proxy_streams *streams, uint16_t slot, const uint8_t *bytes,
	uint16_t length, uint64_t now);
// CLOSED: by the peer, by FIN or RST, in mid-message or not; REFUSED, UNREACHABLE, TLS, or
// whatever else is true. Its driver needs no finish().
void proxy_streams_lost(
	struct proxy_streams *streams, uint16_t slot, enum proxy_failure why, uint64_t now);

// What HTTP has to say of a question by its id, or of a connection. The question has failed, alone:
void proxy_streams_failed(struct proxy_streams *streams, uint16_t slot, uint16_t id,
	enum proxy_failure why, uint64_t now);
// The peer did not look at it, and it may be asked elsewhere.
void proxy_streams_refused(struct proxy_streams *streams, uint16_t slot, uint16_t id, uint64_t now);
// The peer answers what it has, and will take nothing more.
void proxy_streams_closing(struct proxy_streams *streams, uint16_t slot, uint64_t now);
// The peer takes so many at once on a connection.
void proxy_streams_limited(struct proxy_streams *streams, uint16_t slot, uint32_t most);

// Questions and openings that ran out of time, the manager's messages, min_idle_conns. Once a turn
// of the owner's loop, after its events.
void proxy_streams_expire(struct proxy_streams *streams, uint64_t now);

// When proxy_streams_expire() has something to do, as far as can be known: 0 for at once,
// UINT64_MAX for never without a new question. Never later than it is, perhaps earlier.
uint64_t proxy_streams_next_time(const struct proxy_streams *streams);

// Asking fails from now on, and connections end as their queries do. A second call does nothing.
void proxy_streams_stop(struct proxy_streams *streams);

// No question is on its way, and the management lcore has closed every connection.
bool proxy_streams_are_drained(const struct proxy_streams *streams);

uint32_t proxy_streams_in_flight(const struct proxy_streams *streams);

// For the sweep, and for telemetry.
struct proxy_pools *proxy_streams_pools(struct proxy_streams *streams);
const struct proxy_stream_counts *proxy_streams_counts(
	const struct proxy_streams *streams, uint16_t upstream);
