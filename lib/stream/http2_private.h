// SPDX-License-Identifier: BSD-3-Clause
// What http2.c, http2_request.c and http2_response.c share; nobody else includes it.
#pragma once

#include <nghttp2/nghttp2.h>

#include "stream/http2.h"

// One query: it waits, and then has a stream as long as nghttp2 has that.
struct http2_query {
	struct http2_query *next; // in the order in which they were asked
	struct http2_query *previous;
	int32_t stream; // 0: it waits
	uint8_t method; // enum stream_http2_method
	uint16_t id;
	uint16_t status; // of the response; 0: none came
	bool is_message; // by its content type
	bool is_over; // it had its end, or is cancelled
	bool was_not_sent;
	struct stream_buffer request; // the message under id 0, until it is sent
	struct stream_buffer response;
};

struct stream_http2 {
	nghttp2_session *session;
	struct stream_memory *memory;
	const struct stream_http2_events *events;
	void *context;
	char *authority;
	bool is_closing; // the peer's GOAWAY came, or there are no more numbers for streams
	uint32_t open_count; // streams
	struct http2_query *first;
	struct http2_query *last;
	struct http2_query *waiting; // the first that waits: all behind it do
};

// http2_request.c
static inline bool http2_may_begin(const struct stream_http2 *http2)
{
	return http2->waiting &&
	       (http2->is_closing ||
		       http2->open_count < nghttp2_session_get_remote_settings(http2->session,
						   NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS));
}

// Where that may begin: the one that waits longest becomes a stream; or all that wait are refused.
// 0 or -ENOBUFS.
base_must_check int http2_request_begin(struct stream_http2 *http2);
void http2_query_free(struct stream_http2 *http2, struct http2_query *query);

// http2_response.c: callbacks of nghttp2, and what follows HEADERS and DATA.
int http2_response_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
	size_t name_length, const uint8_t *value, size_t value_length, uint8_t flags,
	void *context);
int http2_response_data(nghttp2_session *session, uint8_t flags, int32_t stream,
	const uint8_t *bytes, size_t length, void *context);
void http2_response_go_on(struct stream_http2 *http2, const nghttp2_frame *frame);
