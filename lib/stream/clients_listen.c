// SPDX-License-Identifier: BSD-3-Clause
#include "stream/clients_private.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "stream/address.h"

#define ACCEPTS_A_TURN 64 // of one listener; the rest is an event of the next turn
#define BACKLOG 4096
#define FAST_OPEN_QUEUE 1024
#define ACCEPT_PAUSE (100 * CLOCK_MILLISECOND) // without descriptors or memory
// What the kernel holds of answers that are not sent yet, a connection.
#define UNSENT_MOST (128 * 1024)

static int set_option(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value)) < 0 ? -errno : 0;
}

// Accepted sockets inherit what is set here.
static int listener_set_options(int fd, bool is_ipv4)
{
	int error = set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);

	if (!error)
		error = set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
	if (!error && is_ipv4)
		error = set_option(fd, IPPROTO_IP, IP_FREEBIND, 1);
	if (!error && !is_ipv4)
		error = set_option(fd, IPPROTO_IPV6, IPV6_FREEBIND, 1);
	if (!error && !is_ipv4)
		error = set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	if (!error)
		error = set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	if (error)
		return error;
	// Both make things better where the kernel has them, and are not missed where it has not.
	(void)set_option(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, UNSENT_MOST);
	(void)set_option(fd, IPPROTO_TCP, TCP_FASTOPEN, FAST_OPEN_QUEUE);
	return 0;
}

// Returns a socket, or -errno.
static int listener_bind(const struct net_endpoint *endpoint)
{
	struct sockaddr_storage address;
	socklen_t length = stream_address_from_endpoint(endpoint, &address);
	int fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int error;

	if (fd < 0)
		return -errno;
	error = listener_set_options(fd, address.ss_family == AF_INET);
	if (!error && bind(fd, (const struct sockaddr *)&address, length) < 0)
		error = -errno;
	if (!error && listen(fd, BACKLOG) < 0)
		error = -errno;
	if (!error)
		return fd;
	close(fd);
	return error;
}

static bool is_want_of_resources(int error)
{
	return error == -EMFILE || error == -ENFILE || error == -ENOBUFS || error == -ENOMEM;
}

static void listener_pause(
	struct stream_clients *clients, struct stream_listener *listener, uint64_t now)
{
	stream_loop_remove(clients->loop, &listener->watch);
	listener->paused_until = now + ACCEPT_PAUSE;
	clients->listeners_paused++;
}

// 0, or -errno: -EAGAIN when nothing waits.
static int listener_accept(
	struct stream_clients *clients, struct stream_listener *listener, uint64_t now)
{
	struct sockaddr_storage address;
	socklen_t length = sizeof(address);
	struct net_endpoint peer;
	int fd = accept4(listener->watch.fd, (struct sockaddr *)&address, &length,
		SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return -errno;
	stream_address_to_endpoint(&address, &peer);
	clients_open(clients, listener, fd, &peer, now);
	return 0;
}

static void listener_ready(struct stream_watch *watch, uint32_t events, uint64_t now)
{
	struct stream_listener *listener = (struct stream_listener *)watch;
	struct stream_clients *clients = watch->context;
	int error = listener_accept(clients, listener, now);

	(void)events;
	// Only the first call is sure that somebody waits: the kernel wants a descriptor before it looks.
	if (is_want_of_resources(error)) {
		clients->counters.accept_errors++;
		if (!clients_make_room(clients))
			listener_pause(clients, listener, now);
		else
			(void)listener_accept(clients, listener, now);
		return;
	}
	// Other errors are those of connections that are gone again.
	for (int i = 1; i < ACCEPTS_A_TURN && error != -EAGAIN && !is_want_of_resources(error); i++)
		error = listener_accept(clients, listener, now);
}

static int clients_free_listener(struct stream_clients *clients)
{
	int number = 0;

	while (number < clients->listener_count && clients->listeners[number])
		number++;
	if (number == STREAM_LISTENERS_MOST)
		return -ENFILE;
	if (number == clients->listener_count)
		clients->listener_count++;
	return number;
}

// The port that the kernel chose.
static int listener_read_port(struct stream_listener *listener)
{
	struct sockaddr_storage address;
	socklen_t length = sizeof(address);
	struct net_endpoint endpoint;

	if (getsockname(listener->watch.fd, (struct sockaddr *)&address, &length) < 0)
		return -errno;
	stream_address_to_endpoint(&address, &endpoint);
	listener->endpoint.port = endpoint.port;
	return 0;
}

int stream_clients_listen_tls(
	struct stream_clients *clients, struct net_endpoint *endpoint, struct tls_context *context)
{
	struct stream_listener *listener = calloc(1, sizeof(*listener));
	int error;

	if (!listener)
		return -ENOMEM;
	listener->endpoint = *endpoint;
	listener->tls = context;
	listener->any_address = stream_address_is_any(&endpoint->address);
	listener->watch = (struct stream_watch){.ready = listener_ready, .context = clients};
	error = listener->watch.fd = listener_bind(endpoint);
	if (error < 0)
		goto out;
	error = listener_read_port(listener);
	if (error)
		goto out_close;
	error = stream_loop_add(clients->loop, &listener->watch, EPOLLIN);
	if (error)
		goto out_close;
	error = clients_free_listener(clients);
	if (error < 0)
		goto out_close;
	clients->listeners[error] = listener;
	endpoint->port = listener->endpoint.port;
	return error;
out_close:
	stream_loop_close(clients->loop, &listener->watch);
out:
	free(listener);
	return error;
}

int stream_clients_listen(struct stream_clients *clients, struct net_endpoint *endpoint)
{
	return stream_clients_listen_tls(clients, endpoint, NULL);
}

void stream_clients_use_tls(struct stream_clients *clients, int number, struct tls_context *context)
{
	clients->listeners[number]->tls = context;
}

void stream_clients_unlisten(struct stream_clients *clients, int number)
{
	struct stream_listener *listener = clients->listeners[number];

	if (!listener)
		return;
	if (listener->paused_until)
		clients->listeners_paused--;
	stream_loop_close(clients->loop, &listener->watch);
	free(listener);
	clients->listeners[number] = NULL;
}

void clients_listeners_close(struct stream_clients *clients)
{
	for (int i = 0; i < clients->listener_count; i++)
		stream_clients_unlisten(clients, i);
}

void clients_listeners_resume(struct stream_clients *clients, uint64_t now)
{
	for (int i = 0; clients->listeners_paused && i < clients->listener_count; i++) {
		struct stream_listener *listener = clients->listeners[i];

		if (!listener || !listener->paused_until || now < listener->paused_until)
			continue;
		if (stream_loop_add(clients->loop, &listener->watch, EPOLLIN) < 0) {
			listener->paused_until = now + ACCEPT_PAUSE;
			continue;
		}
		listener->paused_until = 0;
		clients->listeners_paused--;
	}
}
