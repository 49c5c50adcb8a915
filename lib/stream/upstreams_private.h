// SPDX-License-Identifier: BSD-3-Clause
// What the files of stream/upstreams share.
#pragma once

#include "stream/connection.h"
#include "stream/http2.h"
#include "stream/slots.h"
#include "stream/upstreams.h"

// The life of a slot's connection. FREE again by destroy() alone.
enum stream_upstream_state {
	STREAM_UPSTREAM_FREE,
	STREAM_UPSTREAM_CONNECTING,
	STREAM_UPSTREAM_HANDSHAKING, // of TLS
	STREAM_UPSTREAM_OPEN,
	STREAM_UPSTREAM_FINISHING, // finish() was called: output goes out, then a FIN
	STREAM_UPSTREAM_FINISHED, // the FIN is out
	STREAM_UPSTREAM_CLOSED, // nothing is left but the slot
};

struct stream_upstream {
	struct stream_connection connection; // first, so that the one is the other
	struct stream_http2 *http2; // NULL: messages with their length before them
	uint64_t sent_at; // the last of the output
	uint32_t queued; // messages since there was no output
	uint16_t newest; // id of the message that was queued last
	uint16_t upstream;
	uint8_t state; // enum stream_upstream_state
	bool newest_is_answered;
	bool has_replied; // since sent_at
	bool is_to_read; // stands in to_read
	bool is_to_flush; // stands in to_flush
};

// Whether an upstream reads all messages of a TLS record at once.
struct stream_upstream_records {
	uint64_t try_at; // there is no trial before
	uint64_t pause; // after the last trial, if that was in vain
	bool reads_several; // a trial has shown it
};

enum stream_trial_state {
	STREAM_TRIAL_NONE,
	STREAM_TRIAL_OPENING, // TCP and TLS
	STREAM_TRIAL_ASKED, // a record is out, or on its way
	STREAM_TRIAL_ENDING, // our FIN is out, and the peer's is waited for
};

// dnsdist reads on behind a message whose answer is there at once, as that of a near server often is for
// a while; not so many times in a row.
#define STREAM_TRIAL_QUERIES 16 // of a record
#define STREAM_TRIAL_RECORDS 8

// Records with several queries, one after the other: who answers all reads all of a record. On a connection
// that the exchange knows nothing of, so that no query of anybody waits for the outcome.
struct stream_trial {
	struct stream_connection connection; // first, so that the one is the other
	uint64_t ends_at; // the state, for good or ill
	uint16_t ids[STREAM_TRIAL_QUERIES];
	bool is_answered[STREAM_TRIAL_QUERIES];
	uint16_t upstream;
	uint8_t records; // asked
	uint8_t state; // enum stream_trial_state
};

struct stream_upstreams {
	struct stream_loop *loop;
	const struct proxy_set *set;
	uint64_t generation; // of the set
	struct proxy_streams *streams;
	uint64_t now; // of the turn
	struct stream_upstreams_options options;
	struct stream_memory memory;
	struct stream_upstream *slots;
	struct stream_slots to_read;
	struct stream_slots to_flush;
	struct tls_peer **peers; // by upstream; NULL: it is not asked over TLS
	struct stream_upstream_counts *counts; // by upstream
	struct stream_upstream_records *records; // by upstream
	struct stream_trial trial;
	uint8_t *inbox; // STREAM_ROOM_LEAST bytes
};

static inline uint16_t upstream_slot(
	const struct stream_upstreams *upstreams, const struct stream_upstream *connection)
{
	return (uint16_t)(connection - upstreams->slots);
}

// upstreams.c
// Whoever wants to know is told why an upstream failed.
void upstream_tell(struct stream_upstreams *upstreams, const struct stream_upstream *connection,
	const char *reason);
// Keeps but the slot.
void upstream_close(struct stream_upstreams *upstreams, struct stream_upstream *connection);

// upstreams_connect.c
// A socket that connects to the upstream, and a session of TLS, if any: for a connection with neither,
// which has them then, and is not open yet. 0 or -errno.
base_must_check int upstream_prepare(struct stream_upstreams *upstreams, uint16_t upstream,
	struct stream_connection *connection, bool is_tls);
// Connects a free slot. 0 or -errno, and then it is closed.
base_must_check int upstream_connect(
	struct stream_upstreams *upstreams, struct stream_upstream *connection, bool is_tls);
void upstream_ready(struct stream_watch *watch, uint32_t events, uint64_t now);
// Ends a connection that was not finished: tells the exchange, and keeps but the slot.
void upstream_lost(struct stream_upstreams *upstreams, struct stream_upstream *connection,
	enum proxy_failure why, uint64_t now);
// The same with the reason that an error number stands for.
void upstream_lost_to_error(struct stream_upstreams *upstreams, struct stream_upstream *connection,
	int error, uint64_t now);

// upstreams_read.c
void upstream_read(
	struct stream_upstreams *upstreams, struct stream_upstream *connection, uint64_t now);

// upstreams_records.c
// Before a connection's messages are sent: how they go into records. True: it is time for a trial.
bool upstream_choose_records(
	struct stream_upstreams *upstreams, struct stream_upstream *connection, uint64_t now);
// A query of the connection was given up: the upstream may have overlooked it.
void upstream_doubt_records(struct stream_upstreams *upstreams, struct stream_upstream *connection);

// upstreams_trial.c
// Does nothing while there is another one.
void upstream_trial_begin(struct stream_upstreams *upstreams, uint16_t upstream, uint64_t now);
// Once a turn, when the rest is sent.
void upstream_trial_go_on(struct stream_upstreams *upstreams, uint64_t now);
void upstream_trial_read(struct stream_upstreams *upstreams, uint64_t now);
// To no purpose.
void upstream_trial_close(struct stream_upstreams *upstreams);

// upstreams_http2.c, for connections of DNS over HTTPS
base_must_check int upstream_http2_open(
	struct stream_upstreams *upstreams, struct stream_upstream *connection);
base_must_check int upstream_http2_ask(struct stream_upstreams *upstreams,
	struct stream_upstream *connection, const uint8_t *message, uint16_t length);
// As stream_connection_send().
ssize_t upstream_http2_send(struct stream_upstreams *upstreams, struct stream_upstream *connection);
// What stands in the inbox. The connection may be lost by this.
void upstream_http2_receive(struct stream_upstreams *upstreams, struct stream_upstream *connection,
	size_t length, uint64_t now);
