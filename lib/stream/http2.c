// SPDX-License-Identifier: BSD-3-Clause
#include "stream/http2.h"

#include <errno.h>
#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/bytes.h"
#include "stream/framing.h"
#include "stream/http2_private.h"

#define WRITTEN_AT_ONCE 16384u
#define CONNECTION_WINDOW (1 << 20) // bytes of all bodies that the peer may send unasked
#define HEADERS_MOST 16384u // bytes of a response's, as the peer is told
#define ACKS_MOST 100 // that wait for a peer that does not read
// Streams at once until the peer has said how many it takes; RFC 9113, section 6.5.2 wants it not to
// take fewer than 100.
#define STREAMS_AT_FIRST 16

static int tell_of_frame(nghttp2_session *session, const nghttp2_frame *frame, void *context)
{
	struct stream_http2 *http2 = context;

	switch (frame->hd.type) {
	case NGHTTP2_HEADERS:
	case NGHTTP2_DATA:
		http2_response_go_on(http2, frame);
		break;
	case NGHTTP2_SETTINGS:
		if (frame->hd.flags & NGHTTP2_FLAG_ACK)
			break;
		http2->events->limited(
			http2->context, nghttp2_session_get_remote_settings(
						session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS));
		break;
	case NGHTTP2_GOAWAY:
		http2->is_closing = true;
		http2->events->closing(http2->context);
		break;
	default:
		break;
	}
	return 0;
}

// A stream that was about to begin when the peer's GOAWAY came.
static int note_not_sent(
	nghttp2_session *session, const nghttp2_frame *frame, int error, void *context)
{
	struct http2_query *query =
		nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);

	(void)context;
	if (query && frame->hd.type == NGHTTP2_HEADERS &&
		error == NGHTTP2_ERR_START_STREAM_NOT_ALLOWED)
		query->was_not_sent = true;
	return 0;
}

static int end_query(nghttp2_session *session, int32_t stream, uint32_t error_code, void *context)
{
	struct stream_http2 *http2 = context;
	struct http2_query *query = nghttp2_session_get_stream_user_data(session, stream);

	if (!query)
		return 0;
	if (!query->is_over) {
		query->is_over = true;
		if (error_code == NGHTTP2_REFUSED_STREAM || query->was_not_sent)
			http2->events->refused(http2->context, query->id);
		else
			http2->events->failed(
				http2->context, query->id, STREAM_HTTP2_RESET, query->status);
	}
	http2_query_free(http2, query);
	return 0;
}

static nghttp2_session_callbacks *make_callbacks(void)
{
	nghttp2_session_callbacks *callbacks;

	if (nghttp2_session_callbacks_new(&callbacks) != 0)
		return NULL;
	nghttp2_session_callbacks_set_on_header_callback(callbacks, http2_response_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, http2_response_data);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, tell_of_frame);
	nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks, note_not_sent);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, end_query);
	return callbacks;
}

static nghttp2_option *make_options(void)
{
	nghttp2_option *options;

	if (nghttp2_option_new(&options) != 0)
		return NULL;
	nghttp2_option_set_peer_max_concurrent_streams(options, STREAMS_AT_FIRST);
	nghttp2_option_set_max_reserved_remote_streams(options, 0);
	nghttp2_option_set_max_outbound_ack(options, ACKS_MOST);
	nghttp2_option_set_no_closed_streams(options, 1);
	return options;
}

// What the peer is told first. The window of a stream stays 65,535 bytes, which is the longest message.
static bool submit_settings(nghttp2_session *session)
{
	static const nghttp2_settings_entry settings[] = {
		{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
		{NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, HEADERS_MOST},
	};

	return nghttp2_submit_settings(
		       session, NGHTTP2_FLAG_NONE, settings, BASE_ARRAY_SIZE(settings)) == 0 &&
	       nghttp2_session_set_local_window_size(
		       session, NGHTTP2_FLAG_NONE, 0, CONNECTION_WINDOW) == 0;
}

static bool open_session(struct stream_http2 *http2)
{
	nghttp2_session_callbacks *callbacks = make_callbacks();
	nghttp2_option *options = make_options();
	bool is_open =
		callbacks && options &&
		nghttp2_session_client_new2(&http2->session, callbacks, http2, options) == 0 &&
		submit_settings(http2->session);

	nghttp2_session_callbacks_del(callbacks);
	nghttp2_option_del(options);
	return is_open;
}

struct stream_http2 *stream_http2_create(const char *authority, struct stream_memory *memory,
	const struct stream_http2_events *events, void *context)
{
	struct stream_http2 *http2 = calloc(1, sizeof(*http2));

	if (!http2)
		return NULL;
	http2->memory = memory;
	http2->events = events;
	http2->context = context;
	http2->authority = strdup(authority);
	if (http2->authority && open_session(http2))
		return http2;
	stream_http2_destroy(http2);
	return NULL;
}

void stream_http2_destroy(struct stream_http2 *http2)
{
	if (!http2)
		return;
	nghttp2_session_del(http2->session);
	while (http2->first)
		http2_query_free(http2, http2->first);
	free(http2->authority);
	free(http2);
}

void stream_http2_cancel(struct stream_http2 *http2, uint16_t id)
{
	struct http2_query *query = http2->first;

	// Those that time out are mostly the oldest.
	while (query && (query->id != id || query->is_over))
		query = query->next;
	if (!query)
		return;
	if (!query->stream) {
		http2_query_free(http2, query);
		return;
	}
	query->is_over = true;
	// Fails for want of memory alone, and then the reply is dropped.
	(void)nghttp2_submit_rst_stream(
		http2->session, NGHTTP2_FLAG_NONE, query->stream, NGHTTP2_CANCEL);
}

// The peer broke a rule, and nghttp2 has a GOAWAY for it, or had.
static bool is_broken(const struct stream_http2 *http2)
{
	if (!http2->is_closing)
		return !nghttp2_session_check_request_allowed(http2->session) &&
		       nghttp2_session_get_next_stream_id(http2->session) <= INT32_MAX;
	// After the peer's own GOAWAY nothing more is read, either, but only once all is answered.
	return http2->first && !nghttp2_session_want_read(http2->session) &&
	       !stream_http2_wants_write(http2);
}

int stream_http2_receive(struct stream_http2 *http2, const uint8_t *bytes, size_t length)
{
	ssize_t taken = nghttp2_session_mem_recv(http2->session, bytes, length);

	if (taken == NGHTTP2_ERR_CALLBACK_FAILURE || taken == NGHTTP2_ERR_NOMEM)
		return -ENOBUFS;
	if (taken < 0)
		return -EPROTO;
	return is_broken(http2) ? -EPROTO : 0;
}

bool stream_http2_wants_write(const struct stream_http2 *http2)
{
	return nghttp2_session_want_write(http2->session) != 0 || http2_may_begin(http2);
}

// Each request is written whole before the next one begins: there are servers (Knot Resolver 5) that
// refuse all but the first of requests that are not.
int stream_http2_write(struct stream_http2 *http2, struct stream_buffer *output)
{
	while (stream_buffer_length(output) < WRITTEN_AT_ONCE) {
		const uint8_t *bytes;
		ssize_t length = nghttp2_session_mem_send(http2->session, &bytes);

		if (length == 0) {
			if (!http2_may_begin(http2))
				return 0;
			if (http2_request_begin(http2) < 0)
				return -ENOBUFS;
			continue;
		}
		if (length < 0)
			return length == NGHTTP2_ERR_NOMEM ? -ENOBUFS : -EPROTO;
		if (stream_buffer_append(http2->memory, output, bytes, (size_t)length) < 0)
			return -ENOBUFS;
	}
	return 0;
}

void stream_http2_finish(struct stream_http2 *http2)
{
	// Without memory for it the connection ends all the same.
	(void)nghttp2_submit_goaway(
		http2->session, NGHTTP2_FLAG_NONE, 0, NGHTTP2_NO_ERROR, NULL, 0);
}
