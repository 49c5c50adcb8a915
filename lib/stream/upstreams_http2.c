// SPDX-License-Identifier: BSD-3-Clause
// Upstreams of DNS over HTTPS: between their HTTP/2 and the exchange.
#include <errno.h>
#include <stdio.h>

#include "stream/upstreams_private.h"

#define HTTPS_PORT 443
#define AUTHORITY_BYTES 272 // a host name of 253 bytes, and a port

static struct stream_upstreams *owner_of(const struct stream_upstream *connection)
{
	return connection->connection.watch.context;
}

static void http2_received(void *context, const uint8_t *message, uint16_t length)
{
	const struct stream_upstream *connection = context;
	struct stream_upstreams *upstreams = owner_of(connection);

	proxy_streams_received(upstreams->streams, upstream_slot(upstreams, connection), message,
		length, upstreams->now);
}

static void http2_failed(
	void *context, uint16_t id, enum stream_http2_failure failure, uint16_t status)
{
	static const char *const reasons[STREAM_HTTP2_FAILURES] = {
		[STREAM_HTTP2_STATUS] = "of no use",
		[STREAM_HTTP2_TYPE] = "without application/dns-message",
		[STREAM_HTTP2_LENGTH] = "with a body of no DNS message's length",
		[STREAM_HTTP2_RESET] = "and the stream was reset",
	};
	const struct stream_upstream *connection = context;
	struct stream_upstreams *upstreams = owner_of(connection);
	char reason[TLS_ERROR_TEXT];

	upstreams->counts[connection->upstream].http_failed[failure]++;
	if (status)
		snprintf(reason, sizeof(reason), "HTTP status %u %s", status, reasons[failure]);
	else
		snprintf(reason, sizeof(reason), "no HTTP status %s", reasons[failure]);
	upstream_tell(upstreams, connection, reason);
	proxy_streams_failed(upstreams->streams, upstream_slot(upstreams, connection), id,
		PROXY_FAILURE_HTTP, upstreams->now);
}

static void http2_refused(void *context, uint16_t id)
{
	const struct stream_upstream *connection = context;
	struct stream_upstreams *upstreams = owner_of(connection);

	upstreams->counts[connection->upstream].http_refused++;
	proxy_streams_refused(
		upstreams->streams, upstream_slot(upstreams, connection), id, upstreams->now);
}

static void http2_limited(void *context, uint32_t most)
{
	const struct stream_upstream *connection = context;
	struct stream_upstreams *upstreams = owner_of(connection);

	proxy_streams_limited(upstreams->streams, upstream_slot(upstreams, connection), most);
}

static void http2_closing(void *context)
{
	const struct stream_upstream *connection = context;
	struct stream_upstreams *upstreams = owner_of(connection);

	upstreams->counts[connection->upstream].http_closing++;
	proxy_streams_closing(
		upstreams->streams, upstream_slot(upstreams, connection), upstreams->now);
}

// The name that is checked, or the address (RFC 9110, section 7.2).
static void write_authority(const struct proxy_set *set, uint16_t upstream, char *text, size_t room)
{
	const struct net_endpoint *endpoint = &set->upstreams[upstream].endpoint;
	char address[NET_ADDRESS_TEXT];
	const char *name = set->server_names[upstream];
	bool is_ipv6 = !name && !net_address_is_ipv4(&endpoint->address);
	int length = snprintf(text, room, "%s%s%s", is_ipv6 ? "[" : "",
		name ? name : net_address_format(&endpoint->address, address), is_ipv6 ? "]" : "");

	if (endpoint->port != HTTPS_PORT && length >= 0 && (size_t)length < room)
		snprintf(text + length, room - (size_t)length, ":%u", endpoint->port);
}

int upstream_http2_open(struct stream_upstreams *upstreams, struct stream_upstream *connection)
{
	static const struct stream_http2_events events = {
		.received = http2_received,
		.failed = http2_failed,
		.refused = http2_refused,
		.limited = http2_limited,
		.closing = http2_closing,
	};
	char authority[AUTHORITY_BYTES];

	write_authority(upstreams->set, connection->upstream, authority, sizeof(authority));
	connection->http2 = stream_http2_create(authority, &upstreams->memory, &events, connection);
	// Frames have no need of records of their own.
	connection->connection.records = STREAM_RECORDS_FULL;
	return connection->http2 ? 0 : -ENOMEM;
}

int upstream_http2_ask(struct stream_upstreams *upstreams, struct stream_upstream *connection,
	const uint8_t *message, uint16_t length)
{
	const struct proxy_set *set = upstreams->set;
	const struct proxy_group *group = &set->groups[set->upstreams[connection->upstream].group];

	return stream_http2_ask(connection->http2, message, length,
		group->settings.http_method == PROXY_HTTP_GET ? STREAM_HTTP2_GET
							      : STREAM_HTTP2_POST);
}

ssize_t upstream_http2_send(struct stream_upstreams *upstreams, struct stream_upstream *connection)
{
	struct stream_connection *stream = &connection->connection;
	ssize_t total = 0;

	for (;;) {
		int error = stream->is_blocked
				    ? 0
				    : stream_http2_write(connection->http2, &stream->output);
		ssize_t sent;

		if (error)
			return error;
		sent = stream_connection_send(stream, &upstreams->memory);
		if (sent < 0)
			return sent;
		total += sent;
		if (stream->is_blocked || stream_buffer_length(&stream->output) ||
			!stream_http2_wants_write(connection->http2))
			return total;
	}
}

void upstream_http2_receive(struct stream_upstreams *upstreams, struct stream_upstream *connection,
	size_t length, uint64_t now)
{
	int error;

	// Whatever comes after finish() is not looked at.
	if (connection->state != STREAM_UPSTREAM_OPEN)
		return;
	error = stream_http2_receive(connection->http2, upstreams->inbox, length);
	if (!error)
		return;
	if (error != -EPROTO) {
		upstream_lost(upstreams, connection, PROXY_FAILURE_CLOSED, now);
		return;
	}
	upstreams->counts[connection->upstream].malformed++;
	// The peer is told what it did wrong, if that can be sent at once.
	if (upstream_http2_send(upstreams, connection) < 0)
		connection->connection.is_lost = true;
	upstream_lost(upstreams, connection, PROXY_FAILURE_GARBAGE, now);
}
