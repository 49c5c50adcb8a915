// SPDX-License-Identifier: BSD-3-Clause
// Queries and replies as the streams of one HTTP/2 connection to an upstream (RFC 8484, RFC 9113):
// plaintext in and out, no sockets. It is the owner lcore's alone.
//
// Queries go out under id 0 (RFC 8484, section 4.1), and replies come back under the id that the
// query had; two of the same id are not asked at once.
//
// Who has one gives stream_http2_receive() what came, and sends what stream_http2_write() puts
// behind the output, as long as stream_http2_wants_write().
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "stream/buffer.h"

// Of a query; RFC 9113 has no limit for a path, but servers have.
#define STREAM_HTTP2_QUERY_MOST 4096u

enum stream_http2_method {
	STREAM_HTTP2_POST,
	STREAM_HTTP2_GET,
};

// Why a query has no reply. The connection goes on.
enum stream_http2_failure {
	STREAM_HTTP2_STATUS, // another than 2xx
	STREAM_HTTP2_TYPE, // a body of another type than application/dns-message
	STREAM_HTTP2_LENGTH, // a body shorter than a DNS header, or longer than 65535 bytes
	STREAM_HTTP2_RESET, // the peer ended the stream, or broke a rule in it
	STREAM_HTTP2_FAILURES,
};

// What happens, told within stream_http2_receive() and stream_http2_write(). Each query has one end:
// a reply, failed() or refused(), unless it is cancelled. These may ask, cancel and finish, and do
// nothing else with it.
struct stream_http2_events {
	// 12 to 65535 bytes, good during the call.
	void (*received)(void *context, const uint8_t *message, uint16_t length);
	// `status` is that of HTTP, 0: none came.
	void (*failed)(
		void *context, uint16_t id, enum stream_http2_failure failure, uint16_t status);
	void (*refused)(void *context, uint16_t id); // the peer did not look at it
	void (*limited)(void *context, uint32_t most); // the peer takes so many queries at once
	void (*closing)(void *context); // the peer answers what it has, and takes no more (GOAWAY)
};

struct stream_http2;

// `authority` is the upstream's name or address, with its port if that is not 443; copied. Messages
// on their way count in `memory`. NULL: no memory.
struct stream_http2 *stream_http2_create(const char *authority, struct stream_memory *memory,
	const struct stream_http2_events *events, void *context);
// Tells nobody.
void stream_http2_destroy(struct stream_http2 *http2);

// A query, 12 to STREAM_HTTP2_QUERY_MOST bytes; copied. What is more than the peer takes at once waits.
// 0, -ENOBUFS or -EMSGSIZE.
base_must_check int stream_http2_ask(struct stream_http2 *http2, const uint8_t *message,
	size_t length, enum stream_http2_method method);
// Nobody waits for the reply any more.
void stream_http2_cancel(struct stream_http2 *http2, uint16_t id);

// 0; -EPROTO: the peer broke a rule, and what is to be written then says so; -ENOBUFS.
base_must_check int stream_http2_receive(
	struct stream_http2 *http2, const uint8_t *bytes, size_t length);

bool stream_http2_wants_write(const struct stream_http2 *http2);
// Puts frames behind `output` until it has 16 KiB or more, or there are none. 0, -ENOBUFS or -EPROTO.
base_must_check int stream_http2_write(struct stream_http2 *http2, struct stream_buffer *output);

// A GOAWAY behind what is to be written.
void stream_http2_finish(struct stream_http2 *http2);
