// SPDX-License-Identifier: BSD-3-Clause
#include "stream/upstreams_private.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "stream/address.h"

// The port is chosen by connect(), which knows all four ends, so that local ports do not run out.
static int socket_bind_source(int fd, const struct net_address *source)
{
	const struct net_endpoint endpoint = {.address = *source};
	struct sockaddr_storage address;
	socklen_t length = stream_address_from_endpoint(&endpoint, &address);
	const int yes = 1;

	if (setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof(yes)) < 0 ||
		bind(fd, (const struct sockaddr *)&address, length) < 0)
		return -errno;
	return 0;
}

// Returns a socket that is connecting or connected, or -errno.
static int socket_connect(const struct proxy_upstream *upstream, const struct proxy_group *group)
{
	struct sockaddr_storage address;
	socklen_t length = stream_address_from_endpoint(&upstream->endpoint, &address);
	int fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	const int yes = 1;
	int error = 0;

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes)) < 0)
		error = -errno;
	if (!error && group->has_source_address &&
		net_address_is_ipv4(&group->source_address) ==
			net_address_is_ipv4(&upstream->endpoint.address))
		error = socket_bind_source(fd, &group->source_address);
	if (!error && connect(fd, (const struct sockaddr *)&address, length) < 0 &&
		errno != EINPROGRESS)
		error = -errno;
	if (!error)
		return fd;
	close(fd);
	return error;
}

int upstream_prepare(struct stream_upstreams *upstreams, uint16_t upstream,
	struct stream_connection *connection, bool is_tls)
{
	const struct proxy_upstream *described = &upstreams->set->upstreams[upstream];
	int fd = socket_connect(described, &upstreams->set->groups[described->group]);

	if (fd < 0)
		return fd;
	connection->watch.fd = fd;
	// Until the first EPOLLOUT, which is that it is connected.
	connection->is_blocked = true;
	if (!is_tls)
		return 0;
	connection->tls = tls_session_create_client(upstreams->peers[upstream]);
	return connection->tls ? 0 : -ENOMEM;
}

int upstream_connect(
	struct stream_upstreams *upstreams, struct stream_upstream *connection, bool is_tls)
{
	struct stream_connection *stream = &connection->connection;
	int error = upstream_prepare(upstreams, connection->upstream, stream, is_tls);

	if (!error && upstreams->set->upstreams[connection->upstream].is_https)
		error = upstream_http2_open(upstreams, connection);
	connection->state = STREAM_UPSTREAM_CONNECTING;
	if (!error)
		error = stream_connection_open(stream, upstreams->loop, stream->watch.fd);
	if (!error)
		return 0;
	stream->is_lost = true;
	upstream_close(upstreams, connection);
	return error;
}

void upstream_lost(struct stream_upstreams *upstreams, struct stream_upstream *connection,
	enum proxy_failure why, uint64_t now)
{
	bool is_finished = connection->state == STREAM_UPSTREAM_FINISHING ||
			   connection->state == STREAM_UPSTREAM_FINISHED;

	upstream_close(upstreams, connection);
	if (!is_finished)
		proxy_streams_lost(
			upstreams->streams, upstream_slot(upstreams, connection), why, now);
}

void upstream_lost_to_error(struct stream_upstreams *upstreams, struct stream_upstream *connection,
	int error, uint64_t now)
{
	enum proxy_failure why = PROXY_FAILURE_CLOSED;

	if (error == -ECONNREFUSED)
		why = PROXY_FAILURE_REFUSED;
	else if (error == -ETIMEDOUT && connection->state == STREAM_UPSTREAM_CONNECTING)
		why = PROXY_FAILURE_CONNECT_TIMEOUT;
	else if (error == -EHOSTUNREACH || error == -ENETUNREACH)
		why = PROXY_FAILURE_UNREACHABLE;
	upstream_lost(upstreams, connection, why, now);
}

static int socket_error(int fd)
{
	int error = 0;
	socklen_t length = sizeof(error);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0)
		return -errno;
	return -error;
}

static void upstream_connected(
	struct stream_upstreams *upstreams, struct stream_upstream *connection, uint64_t now)
{
	if (connection->connection.tls) {
		// The first flight waits in the session.
		connection->state = STREAM_UPSTREAM_HANDSHAKING;
		return;
	}
	connection->state = STREAM_UPSTREAM_OPEN;
	proxy_streams_opened(upstreams->streams, upstream_slot(upstreams, connection), now);
}

void upstream_ready(struct stream_watch *watch, uint32_t events, uint64_t now)
{
	struct stream_upstream *connection = (struct stream_upstream *)watch;
	struct stream_upstreams *upstreams = watch->context;

	if (!stream_connection_note(&connection->connection, events)) {
		// What came before a reset is of use, if there is anything: replies, or the alert that
		// says why.
		if (connection->connection.may_read &&
			(connection->state == STREAM_UPSTREAM_OPEN ||
				connection->state == STREAM_UPSTREAM_HANDSHAKING))
			upstream_read(upstreams, connection, now);
		if (connection->state != STREAM_UPSTREAM_CLOSED)
			upstream_lost_to_error(upstreams, connection, socket_error(watch->fd), now);
		return;
	}
	if (connection->state == STREAM_UPSTREAM_CONNECTING && events & EPOLLOUT)
		upstream_connected(upstreams, connection, now);
	if (events & EPOLLOUT)
		stream_slots_add(&upstreams->to_flush, upstream_slot(upstreams, connection),
			&connection->is_to_flush);
	if (connection->connection.may_read)
		upstream_read(upstreams, connection, now);
}
