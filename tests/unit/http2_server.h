// SPDX-License-Identifier: BSD-3-Clause
// The other end of lib/stream/http2: a server session of nghttp2, over memory, which notes what it is
// asked and answers as the test says.
#pragma once

#include "unit.h"

#include <nghttp2/nghttp2.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"

#define HTTP2_SERVER_REQUESTS 256
#define HTTP2_SERVER_TEXT 6000

struct http2_request {
	int32_t stream;
	char method[16];
	char scheme[16];
	char authority[300];
	char path[HTTP2_SERVER_TEXT];
	char accept[64];
	char type[64];
	char length[16];
	uint8_t body[8192];
	size_t body_length;
	uint32_t reset; // error code of a RST_STREAM that came, + 1
};

// A response's body on its way.
struct http2_response {
	uint8_t *bytes;
	size_t length;
	size_t sent;
};

struct http2_server {
	nghttp2_session *session;
	struct http2_request requests[HTTP2_SERVER_REQUESTS]; // as they began
	uint32_t request_count;
	uint32_t whole[HTTP2_SERVER_REQUESTS]; // numbers of those whose end came, in that order
	uint32_t whole_count;
	uint32_t goaway_count;
	uint32_t interleaved; // requests that began before the one before them was whole
	bool allows_push;
	struct http2_response responses[HTTP2_SERVER_REQUESTS];
	uint32_t response_count;
};

static inline struct http2_request *http2_server_find(struct http2_server *server, int32_t stream)
{
	for (uint32_t i = 0; i < server->request_count; i++) {
		if (server->requests[i].stream == stream)
			return &server->requests[i];
	}
	return NULL;
}

static inline int http2_server_begin(
	nghttp2_session *session, const nghttp2_frame *frame, void *context)
{
	struct http2_server *server = context;

	(void)session;
	if (server->request_count == HTTP2_SERVER_REQUESTS)
		return NGHTTP2_ERR_CALLBACK_FAILURE;
	server->interleaved += server->request_count != server->whole_count;
	server->requests[server->request_count++].stream = frame->hd.stream_id;
	return 0;
}

static inline int http2_server_header(nghttp2_session *session, const nghttp2_frame *frame,
	const uint8_t *name, size_t name_length, const uint8_t *value, size_t value_length,
	uint8_t flags, void *context)
{
	struct http2_request *request = http2_server_find(context, frame->hd.stream_id);
	const struct {
		const char *name;
		char *text;
		size_t room;
	} known[] = {
		{":method", request->method, sizeof(request->method)},
		{":scheme", request->scheme, sizeof(request->scheme)},
		{":authority", request->authority, sizeof(request->authority)},
		{":path", request->path, sizeof(request->path)},
		{"accept", request->accept, sizeof(request->accept)},
		{"content-type", request->type, sizeof(request->type)},
		{"content-length", request->length, sizeof(request->length)},
	};

	(void)session;
	(void)flags;
	(void)name_length;
	for (size_t i = 0; i < BASE_ARRAY_SIZE(known); i++) {
		if (strcmp((const char *)name, known[i].name) == 0)
			snprintf(known[i].text, known[i].room, "%.*s", (int)value_length, value);
	}
	return 0;
}

static inline int http2_server_data(nghttp2_session *session, uint8_t flags, int32_t stream,
	const uint8_t *bytes, size_t length, void *context)
{
	struct http2_request *request = http2_server_find(context, stream);

	(void)session;
	(void)flags;
	if (request->body_length + length > sizeof(request->body))
		return NGHTTP2_ERR_CALLBACK_FAILURE;
	memcpy(request->body + request->body_length, bytes, length);
	request->body_length += length;
	return 0;
}

static inline int http2_server_frame(
	nghttp2_session *session, const nghttp2_frame *frame, void *context)
{
	struct http2_server *server = context;
	struct http2_request *request = http2_server_find(server, frame->hd.stream_id);

	(void)session;
	if (frame->hd.type == NGHTTP2_GOAWAY)
		server->goaway_count++;
	if (frame->hd.type == NGHTTP2_RST_STREAM && request)
		request->reset = frame->rst_stream.error_code + 1;
	if (frame->hd.type == NGHTTP2_SETTINGS && !(frame->hd.flags & NGHTTP2_FLAG_ACK))
		server->allows_push =
			nghttp2_session_get_remote_settings(session, NGHTTP2_SETTINGS_ENABLE_PUSH);
	if (request && frame->hd.flags & NGHTTP2_FLAG_END_STREAM &&
		(frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA))
		server->whole[server->whole_count++] = (uint32_t)(request - server->requests);
	return 0;
}

// With a limit of streams at once, 0: none.
static inline void http2_server_open(struct http2_server *server, uint32_t streams)
{
	const nghttp2_settings_entry settings = {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, streams};
	nghttp2_session_callbacks *callbacks;

	memset(server, 0, sizeof(*server));
	CU_ASSERT_EQUAL_FATAL(nghttp2_session_callbacks_new(&callbacks), 0);
	nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, http2_server_begin);
	nghttp2_session_callbacks_set_on_header_callback(callbacks, http2_server_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, http2_server_data);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, http2_server_frame);
	CU_ASSERT_EQUAL_FATAL(nghttp2_session_server_new(&server->session, callbacks, server), 0);
	nghttp2_session_callbacks_del(callbacks);
	CU_ASSERT_EQUAL_FATAL(nghttp2_submit_settings(server->session, NGHTTP2_FLAG_NONE, &settings,
				      streams ? 1 : 0),
		0);
}

static inline void http2_server_close(struct http2_server *server)
{
	nghttp2_session_del(server->session);
	for (uint32_t i = 0; i < server->response_count; i++)
		free(server->responses[i].bytes);
}

static inline ssize_t http2_server_give(nghttp2_session *session, int32_t stream, uint8_t *bytes,
	size_t room, uint32_t *flags, nghttp2_data_source *source, void *context)
{
	struct http2_response *response = source->ptr;
	size_t length = response->length - response->sent;

	(void)session;
	(void)stream;
	(void)context;
	if (length > room)
		length = room;
	memcpy(bytes, response->bytes + response->sent, length);
	response->sent += length;
	if (response->sent == response->length)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)length;
}

static inline nghttp2_nv http2_server_nv(const char *name, const char *value)
{
	return (nghttp2_nv){(uint8_t *)name, (uint8_t *)value, strlen(name), strlen(value),
		NGHTTP2_NV_FLAG_NONE};
}

// A type of NULL: none.
static inline void http2_server_respond(struct http2_server *server, uint32_t request,
	const char *status, const char *type, const uint8_t *body, size_t length)
{
	struct http2_response *response = &server->responses[server->response_count++];
	const nghttp2_data_provider provider = {
		.source.ptr = response, .read_callback = http2_server_give};
	nghttp2_nv headers[2] = {http2_server_nv(":status", status)};

	CU_ASSERT_TRUE_FATAL(server->response_count <= HTTP2_SERVER_REQUESTS);
	if (type)
		headers[1] = http2_server_nv("content-type", type);
	response->bytes = malloc(length + 1);
	response->length = length;
	CU_ASSERT_PTR_NOT_NULL_FATAL(response->bytes);
	if (length)
		memcpy(response->bytes, body, length);
	CU_ASSERT_EQUAL(nghttp2_submit_response(server->session, server->requests[request].stream,
				headers, type ? 2 : 1, &provider),
		0);
}

// A message of `length` bytes under id 0, the rest a pattern of `seed`.
static inline void http2_server_answer(
	struct http2_server *server, uint32_t request, uint8_t seed, size_t length)
{
	static uint8_t body[70000];

	for (size_t i = 0; i < length; i++)
		body[i] = i < 2 ? 0 : (uint8_t)(seed + i);
	http2_server_respond(server, request, "200", "application/dns-message", body, length);
}
