// SPDX-License-Identifier: BSD-3-Clause
// The sockets to upstreams of one stream lcore, over TCP, TLS and HTTPS: the driver of
// proxy/stream_exchange.h, which says what is opened, sent and closed. All functions are the owner's.
//
// A turn of the owner's loop: dispatch, stream_upstreams_read_on(), whatever asks,
// proxy_streams_expire(), stream_upstreams_flush(), and a wait no longer than
// stream_upstreams_next_time() says.
//
// Over TLS each query has a record of its own, since there are servers (dnsdist 1.7) that overlook a
// second message in a record until more comes. Once a connection has eight or more to send at a time,
// the upstream is put on trial: on a connection of its own it gets 16 queries in one record, eight
// times. If it answers all of each within a second, four or more are joined in records from then on; if
// not, there is no other trial for ten minutes, and then twice as long each time, up to a day. A trial
// is no query of the exchange, and its failure is nobody's. An upstream that overlooks a joined query
// all the same, as one of several servers behind an address may, gets one a record again, for an hour.
#pragma once

#include "base/random.h"
#include "proxy/stream_exchange.h"
#include "stream/http2.h"
#include "stream/loop.h"
#include "tls/tls.h"

// Counts of one upstream. Written by the owner.
struct stream_upstream_counts {
	uint64_t handshakes; // of TLS, done
	uint64_t resumed; // of these, from a ticket
	uint64_t tls_failed;
	// Connections ended since a message was shorter than a header, or the rules of HTTP/2 were broken.
	uint64_t malformed;
	uint64_t http_failed[STREAM_HTTP2_FAILURES]; // queries
	uint64_t http_refused; // queries that were not looked at, and asked elsewhere
	uint64_t http_closing; // connections that the upstream said it would end (GOAWAY)
	uint64_t record_trials; // begun
	uint64_t record_trials_passed; // it reads several messages out of one record
	uint64_t
		records_overlooked; // times that it seems to have overlooked some, and gets one a record
};

struct stream_upstreams_options {
	uint16_t connection_count; // that of proxy_streams_options
	size_t memory_most; // bytes of all connections' buffers
	// TLS or HTTP with an upstream failed, and this line says why. NULL: nobody wants to know.
	void (*failed)(void *context, uint16_t upstream, const char *reason);
	void *context;
	struct random_stream *random; // lives longer
};

struct stream_upstreams;

// What TLS with the upstreams of a set takes, for one lcore: reads the certificates that its groups
// name. By upstream; NULL: it is not asked over TLS, or leaves. Any thread. NULL with `error`
// filled in.
struct tls_peer **stream_upstreams_make_peers(const struct proxy_set *set, struct tls_error *error);
void stream_upstreams_free_peers(struct tls_peer **peers, const struct proxy_set *set);

// Makes the peers, too. The loop must live longer, the set until another is adopted. NULL with `error`
// filled in, and errno: ENOMEM, or EINVAL for certificates.
struct stream_upstreams *stream_upstreams_create(struct stream_loop *loop,
	const struct proxy_set *set, const struct stream_upstreams_options *options,
	struct tls_error *error);
// After proxy_streams_destroy().
void stream_upstreams_destroy(struct stream_upstreams *upstreams);

// For proxy_streams_create(), whose result is then joined.
struct proxy_stream_driver stream_upstreams_driver(struct stream_upstreams *upstreams);
void stream_upstreams_join(struct stream_upstreams *upstreams, struct proxy_streams *streams);

// Goes over to the set that follows, before proxy_streams_adopt(), and takes its peers, which get the
// tickets of those before where nothing changed that these stand for. NULL: those
// that there are stay, and none is new. Connections that are open stay as they are, and what is known
// of upstreams that stay.
void stream_upstreams_adopt(
	struct stream_upstreams *upstreams, const struct proxy_set *set, struct tls_peer **peers);

// Reads on where a long read was broken off in the last turn.
void stream_upstreams_read_on(struct stream_upstreams *upstreams, uint64_t now);

// Sends what was queued, and ends what is to end.
void stream_upstreams_flush(struct stream_upstreams *upstreams, uint64_t now);

// 0: there is something to do at once; STREAM_LOOP_FOR_EVER: nothing until an event.
uint64_t stream_upstreams_next_time(const struct stream_upstreams *upstreams);

const struct stream_upstream_counts *stream_upstreams_counts(
	const struct stream_upstreams *upstreams, uint16_t upstream);
