// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "stream/framing.h"
#include "stream/http2_private.h"

#define PATH "/dns-query"
#define PATH_OF_GET PATH "?dns="
#define BASE64_MOST ((STREAM_HTTP2_QUERY_MOST * 4 + 2) / 3)
#define HEADERS 7

#define MESSAGE_TYPE "application/dns-message"

static struct http2_query *query_make(struct stream_http2 *http2, uint16_t id)
{
	struct http2_query *query = calloc(1, sizeof(*query));

	if (!query)
		return NULL;
	query->id = id;
	query->previous = http2->last;
	if (!http2->waiting)
		http2->waiting = query;
	if (http2->last)
		http2->last->next = query;
	else
		http2->first = query;
	http2->last = query;
	return query;
}

void http2_query_free(struct stream_http2 *http2, struct http2_query *query)
{
	if (http2->waiting == query)
		http2->waiting = query->next;
	http2->open_count -= query->stream > 0;
	if (query->previous)
		query->previous->next = query->next;
	else
		http2->first = query->next;
	if (query->next)
		query->next->previous = query->previous;
	else
		http2->last = query->previous;
	stream_buffer_release(http2->memory, &query->request);
	stream_buffer_release(http2->memory, &query->response);
	free(query);
}

static uint8_t message_byte(const uint8_t *message, size_t length, size_t at)
{
	return at < length ? message[at] : 0;
}

// RFC 4648, section 5, without padding. Returns the length.
static size_t write_base64(char *text, const uint8_t *message, size_t length)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				     "0123456789-_";
	size_t count = (length * 4 + 2) / 3;

	for (size_t at = 0, digit = 0; digit < count; at += 3) {
		uint32_t bits = (uint32_t)message_byte(message, length, at) << 16 |
				(uint32_t)message_byte(message, length, at + 1) << 8 |
				message_byte(message, length, at + 2);

		for (int shift = 18; shift >= 0 && digit < count; shift -= 6)
			text[digit++] = digits[bits >> shift & 63];
	}
	return count;
}

// Callback of nghttp2 for a POST.
static ssize_t give_body(nghttp2_session *session, int32_t stream, uint8_t *bytes, size_t room,
	uint32_t *flags, nghttp2_data_source *source, void *context)
{
	struct stream_http2 *http2 = context;
	struct http2_query *query = source->ptr;
	size_t length = stream_buffer_length(&query->request);

	(void)session;
	(void)stream;
	if (length > room)
		length = room;
	memcpy(bytes, stream_buffer_at(&query->request), length);
	stream_buffer_take(http2->memory, &query->request, length);
	if (!stream_buffer_length(&query->request))
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)length;
}

// Both live until nghttp2 has made the header of them.
static nghttp2_nv header(const char *name, const char *value)
{
	return (nghttp2_nv){
		.name = (uint8_t *)name,
		.namelen = strlen(name),
		.value = (uint8_t *)value,
		.valuelen = strlen(value),
		.flags = NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE,
	};
}

// One that is the query's own: nghttp2 copies it.
static nghttp2_nv own_header(const char *name, const char *value)
{
	nghttp2_nv made = header(name, value);

	made.flags = NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_INDEX;
	return made;
}

// Those with a colon stand first (RFC 9113, section 8.3). Returns how many there are.
static size_t begin_headers(const struct stream_http2 *http2, const char *method, nghttp2_nv path,
	nghttp2_nv headers[HEADERS])
{
	headers[0] = header(":method", method);
	headers[1] = header(":scheme", "https");
	headers[2] = header(":authority", http2->authority);
	headers[3] = path;
	headers[4] = header("accept", MESSAGE_TYPE);
	return 5;
}

static int32_t submit_get(struct stream_http2 *http2, struct http2_query *query)
{
	char path[sizeof(PATH_OF_GET) + BASE64_MOST] = PATH_OF_GET;
	nghttp2_nv headers[HEADERS];
	size_t end = sizeof(PATH_OF_GET) - 1;
	size_t count;

	end += write_base64(path + end, stream_buffer_at(&query->request),
		stream_buffer_length(&query->request));
	path[end] = '\0';
	stream_buffer_release(http2->memory, &query->request);
	count = begin_headers(http2, "GET", own_header(":path", path), headers);
	return nghttp2_submit_request(http2->session, NULL, headers, count, NULL, query);
}

static int32_t submit_post(struct stream_http2 *http2, struct http2_query *query)
{
	const nghttp2_data_provider body = {.source.ptr = query, .read_callback = give_body};
	nghttp2_nv headers[HEADERS];
	size_t count = begin_headers(http2, "POST", header(":path", PATH), headers);
	char text[12];

	(void)snprintf(text, sizeof(text), "%zu", stream_buffer_length(&query->request));
	headers[count++] = header("content-type", MESSAGE_TYPE);
	headers[count++] = own_header("content-length", text);
	return nghttp2_submit_request(http2->session, NULL, headers, count, &body, query);
}

static void refuse_waiting(struct stream_http2 *http2)
{
	while (http2->waiting) {
		struct http2_query *query = http2->waiting;
		uint16_t id = query->id;

		http2_query_free(http2, query);
		http2->events->refused(http2->context, id);
	}
}

int http2_request_begin(struct stream_http2 *http2)
{
	struct http2_query *query = http2->waiting;

	if (http2->is_closing) {
		refuse_waiting(http2);
		return 0;
	}
	query->stream = query->method == STREAM_HTTP2_GET ? submit_get(http2, query)
							  : submit_post(http2, query);
	if (query->stream == NGHTTP2_ERR_STREAM_ID_NOT_AVAILABLE) {
		http2->is_closing = true;
		http2->events->closing(http2->context);
		return 0;
	}
	if (query->stream < 0)
		return -ENOBUFS;
	http2->waiting = query->next;
	http2->open_count++;
	return 0;
}

int stream_http2_ask(struct stream_http2 *http2, const uint8_t *message, size_t length,
	enum stream_http2_method method)
{
	struct http2_query *query;

	if (length < STREAM_MESSAGE_LEAST || length > STREAM_HTTP2_QUERY_MOST)
		return -EMSGSIZE;
	query = query_make(http2, bytes_load_u16(message));
	if (!query)
		return -ENOBUFS;
	query->method = (uint8_t)method;
	if (stream_buffer_append(http2->memory, &query->request, message, length) < 0) {
		http2_query_free(http2, query);
		return -ENOBUFS;
	}
	// So that caches of HTTP see the same query (RFC 8484, section 4.1).
	bytes_store_u16(query->request.bytes, 0);
	return 0;
}
