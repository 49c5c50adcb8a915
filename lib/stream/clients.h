// SPDX-License-Identifier: BSD-3-Clause
// The clients of one stream lcore: listeners, connections, queries in and answers out (RFC 7766).
// Everything here is for the lcore that owns it alone, but for the counters, which any may read.
//
// A turn of the owner's loop:
//
//     stream_loop_wait(), clock
//     stream_loop_dispatch()      accepts and reads
//     stream_clients_hand_over()  the rest of what was read goes to the handler
//     ...                         answers of other lcores: stream_clients_answer()
//     stream_clients_flush()      sends what was answered, closes what has to be closed
//     wait until stream_clients_next_time() at the longest
//
// The handler is called in dispatch and hand-over, with queries of several connections at a time; it
// may answer at once, and calls nothing else of these. Answers are sent by the flush, so that those of
// one turn to one connection are one send.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "net/address.h"
#include "stream/loop.h"
#include "tls/tls.h"

// A connection for as long as it is open; never 0, and not used again before 2^32 others had its slot.
typedef uint64_t stream_handle;

// A query, whole but not read: `length` bytes (at least a DNS header's, at most 65535) without the
// length before them. Each has to be answered or dropped, in any order, or counts as in flight.
struct stream_query {
	stream_handle client;
	struct net_endpoint local; // where the client connected to
	struct net_endpoint peer;
	const uint8_t *bytes; // good until the handler returns
	uint16_t length;
	bool is_tls;
};

struct stream_query_handler {
	void *context;
	void (*queries)(
		void *context, const struct stream_query queries[], uint32_t count, uint64_t now);
	// A client of TLS has no certificate, or a bad one, where it needs one, and is closed. NULL:
	// nobody wants to know.
	void (*certificate_refused)(
		void *context, const struct net_endpoint *peer, const char *reason);
};

// Limits are those of this lcore. stream_clients_defaults() has a value for each.
struct stream_clients_options {
	uint32_t connections_most; // when full, the one idle longest is closed for a new one
	// TLS clients whose handshake is not done, which may keep much memory each: likewise, the one
	// that takes longest.
	uint32_t handshakes_most;
	uint32_t prefix_connections_most; // of one client prefix; 0: no limit
	uint8_t prefix_ipv4_bits;
	uint8_t prefix_ipv6_bits;
	uint32_t
		in_flight_most; // queries a connection; then it is not read, so that TCP pushes back
	uint64_t idle_timeout; // ns since the last whole query came or the last answer went
	size_t output_most; // bytes of answers that wait for a reader, a connection; then it is closed
	size_t memory_most; // bytes of all connections' buffers
	uint64_t hash_key; // random and secret
};

enum stream_close_reason {
	STREAM_CLOSE_PEER, // it ended and has all its answers
	STREAM_CLOSE_RESET, // by the peer or the network
	STREAM_CLOSE_IDLE,
	STREAM_CLOSE_PRESSURE, // idle, stalled or in its handshake longest, for a new one
	STREAM_CLOSE_STALLED, // it read nothing for as long as the idle timeout
	STREAM_CLOSE_OUTPUT, // it read less than it asked for, up to output_most
	STREAM_CLOSE_MEMORY, // memory_most
	STREAM_CLOSE_MALFORMED, // a length less than a DNS header's
	STREAM_CLOSE_PARTIAL, // it ended within a message
	STREAM_CLOSE_TLS, // a handshake or a record that is wrong
	STREAM_CLOSE_STOP,
	STREAM_CLOSE_REASONS,
};

// Written by the owner.
struct stream_clients_counters {
	uint64_t accepted;
	uint64_t refused_full; // none could be closed for it
	uint64_t refused_prefix; // at prefix_connections_most
	uint64_t accept_errors; // want of descriptors or memory
	uint64_t closed[STREAM_CLOSE_REASONS];
	uint64_t handshakes; // of TLS, done
	uint64_t resumed; // of these, from a ticket
	uint64_t queries;
	uint64_t answers;
	uint64_t dropped; // queries without an answer
	uint64_t late; // answers and drops for connections that are closed
	uint64_t paused; // times that in_flight_most or unsent output ended reading
	uint32_t open; // connections now
	uint32_t in_flight; // queries now, of open connections
};

struct stream_clients;

struct stream_clients_options stream_clients_defaults(void);

// The loop and the handler's context stay the caller's. NULL with errno: ENOMEM, or EINVAL for a limit
// of 0 (but a prefix's) or above 2^20 connections, or output_most with no room for one answer.
struct stream_clients *stream_clients_create(struct stream_loop *loop,
	const struct stream_clients_options *options, const struct stream_query_handler *handler);
// Closes everything.
void stream_clients_destroy(struct stream_clients *clients);

// Listens at an endpoint for plain TCP, or for TLS with a context that stays until the listener gets
// another, or ends; shared with other lcores' listeners (SO_REUSEPORT). The address need not be there
// yet. Port 0: the kernel chooses, and `endpoint` is filled in. Returns the listener's number, 0 or
// more, or -errno (-EADDRINUSE, -EACCES, -ENOMEM, -ENFILE...).
base_must_check int stream_clients_listen(
	struct stream_clients *clients, struct net_endpoint *endpoint);
base_must_check int stream_clients_listen_tls(
	struct stream_clients *clients, struct net_endpoint *endpoint, struct tls_context *context);
// Connections that come from now on have this context, others keep theirs. Of a listener for TLS.
void stream_clients_use_tls(
	struct stream_clients *clients, int listener, struct tls_context *context);
// Its connections stay.
void stream_clients_unlisten(struct stream_clients *clients, int listener);

// Hands what was read to the handler, and reads on where a limit or a long read had ended reading.
void stream_clients_hand_over(struct stream_clients *clients, uint64_t now);

// A whole answer (12 to 65535 bytes) to a query of that connection, or none to one (drop). Where the
// connection is closed meanwhile, nothing happens but a count.
void stream_clients_answer(
	struct stream_clients *clients, stream_handle client, const uint8_t *bytes, size_t length);
void stream_clients_drop(struct stream_clients *clients, stream_handle client);

// Sends, closes, and looks at the timeouts.
void stream_clients_flush(struct stream_clients *clients, uint64_t now);

// When stream_clients_flush() has to be called again though nothing happens; 0: at once;
// STREAM_LOOP_FOR_EVER.
uint64_t stream_clients_next_time(const struct stream_clients *clients);

// How long a connection may be idle at present: shorter when many are open (RFC 7828 tells clients).
uint64_t stream_clients_idle_timeout(const struct stream_clients *clients);

// No new connections from now on; idle ones are closed at the next flush, others when they have their
// answers. A second call does nothing.
void stream_clients_stop(struct stream_clients *clients);

const struct stream_clients_counters *stream_clients_counters(const struct stream_clients *clients);
const char *stream_close_reason_name(enum stream_close_reason reason);
