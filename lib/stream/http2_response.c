// SPDX-License-Identifier: BSD-3-Clause
#include <string.h>
#include <strings.h>

#include "base/bytes.h"
#include "stream/framing.h"
#include "stream/http2_private.h"

#define MESSAGE_TYPE "application/dns-message"

static bool is_text(const uint8_t *bytes, size_t length, const char *text)
{
	return length == strlen(text) && memcmp(bytes, text, length) == 0;
}

// With parameters or without (RFC 9110, section 8.3.1).
static bool is_message_type(const uint8_t *value, size_t length)
{
	const size_t named = sizeof(MESSAGE_TYPE) - 1;

	return length >= named && strncasecmp((const char *)value, MESSAGE_TYPE, named) == 0 &&
	       (length == named || value[named] == ';' || value[named] == ' ' ||
		       value[named] == '\t');
}

int http2_response_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
	size_t name_length, const uint8_t *value, size_t value_length, uint8_t flags, void *context)
{
	struct http2_query *query =
		nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);

	(void)flags;
	(void)context;
	if (!query || query->is_over)
		return 0;
	// nghttp2 has seen that there are three digits. There may be responses of 1xx before the last.
	if (is_text(name, name_length, ":status")) {
		query->status = 0;
		for (size_t i = 0; i < value_length; i++)
			query->status = (uint16_t)(query->status * 10 + (value[i] - '0'));
		query->is_message = false;
	} else if (is_text(name, name_length, "content-type") &&
		   !stream_buffer_length(&query->response)) {
		query->is_message = is_message_type(value, value_length);
	}
	return 0;
}

static void query_fail(
	struct stream_http2 *http2, struct http2_query *query, enum stream_http2_failure failure)
{
	query->is_over = true;
	// Fails for want of memory alone, and then the rest of the response is dropped.
	(void)nghttp2_submit_rst_stream(
		http2->session, NGHTTP2_FLAG_NONE, query->stream, NGHTTP2_CANCEL);
	stream_buffer_release(http2->memory, &query->response);
	http2->events->failed(http2->context, query->id, failure, query->status);
}

int http2_response_data(nghttp2_session *session, uint8_t flags, int32_t stream,
	const uint8_t *bytes, size_t length, void *context)
{
	struct stream_http2 *http2 = context;
	struct http2_query *query = nghttp2_session_get_stream_user_data(session, stream);

	(void)flags;
	if (!query || query->is_over)
		return 0;
	if (stream_buffer_length(&query->response) + length > STREAM_MESSAGE_MOST) {
		query_fail(http2, query, STREAM_HTTP2_LENGTH);
		return 0;
	}
	if (stream_buffer_append(http2->memory, &query->response, bytes, length) < 0)
		return NGHTTP2_ERR_CALLBACK_FAILURE;
	return 0;
}

static void query_complete(struct stream_http2 *http2, struct http2_query *query)
{
	size_t length = stream_buffer_length(&query->response);
	uint8_t *message;

	if (length < STREAM_MESSAGE_LEAST) {
		query_fail(http2, query, STREAM_HTTP2_LENGTH);
		return;
	}
	query->is_over = true;
	message = stream_buffer_at(&query->response);
	bytes_store_u16(message, query->id);
	http2->events->received(http2->context, message, (uint16_t)length);
}

void http2_response_go_on(struct stream_http2 *http2, const nghttp2_frame *frame)
{
	struct http2_query *query =
		nghttp2_session_get_stream_user_data(http2->session, frame->hd.stream_id);

	if (!query || query->is_over || query->status < 200)
		return;
	if (query->status > 299)
		query_fail(http2, query, STREAM_HTTP2_STATUS);
	else if (!query->is_message)
		query_fail(http2, query, STREAM_HTTP2_TYPE);
	else if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)
		query_complete(http2, query);
}
