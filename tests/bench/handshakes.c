// SPDX-License-Identifier: BSD-3-Clause
// Clients of TLS that come, ask once and go: a connection and a whole handshake each, none resumed, at a
// set rate. One thread. What is due and finds as many on their way as there may be is not made later:
// it counts as failed, as does what has no answer within 2 s.
//
// usage: handshakes ADDRESS PORT RATE SECONDS     a line a second, and then one for all of them
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "stream/address.h"

#define CLIENTS_MOST 1000
#define CLIENT_TIME (2 * CLOCK_SECOND)
#define EVENTS 64

struct client {
	SSL *ssl; // NULL: there is none
	int fd;
	bool has_asked;
	uint64_t begun_at;
};

struct handshakes {
	SSL_CTX *context;
	int epoll;
	struct sockaddr_storage server;
	socklen_t server_length;
	struct client clients[CLIENTS_MOST];
	uint32_t next; // where to look for a free one
	uint64_t begun;
	uint64_t made; // answered
	uint64_t failed;
};

static void die(const char *what)
{
	fprintf(stderr, "handshakes: %s: %s\n", what, strerror(errno));
	exit(1);
}

// For NUMBER.bench.test, as the other clients of the subject ask.
static size_t write_query(uint8_t *bytes, uint64_t number)
{
	static const uint8_t header[] = {0, 0, 0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0};
	static const uint8_t rest[] = "\5bench\4test\0\0\1\0"; // and 1
	char label[8];
	size_t digits = (size_t)snprintf(label, sizeof(label), "%u", (unsigned int)(number % 1000));
	size_t length = sizeof(header);

	memcpy(bytes, header, sizeof(header));
	bytes[length++] = (uint8_t)digits;
	memcpy(bytes + length, label, digits);
	length += digits;
	memcpy(bytes + length, rest, sizeof(rest) - 1);
	length += sizeof(rest) - 1;
	bytes[length++] = 1;
	bytes[1] = (uint8_t)(length - 2);
	return length;
}

static void client_end(struct handshakes *all, struct client *client, bool is_made)
{
	all->made += is_made;
	all->failed += !is_made;
	if (is_made)
		(void)SSL_shutdown(client->ssl);
	SSL_free(client->ssl);
	close(client->fd);
	client->ssl = NULL;
}

// False: not now, or never, as SSL_get_error() has it.
static bool client_take_step(struct handshakes *all, struct client *client, int *result)
{
	uint8_t bytes[2048];

	if (!SSL_is_init_finished(client->ssl)) {
		*result = SSL_connect(client->ssl);
	} else if (!client->has_asked) {
		*result = SSL_write(client->ssl, bytes, (int)write_query(bytes, all->begun));
		client->has_asked = *result > 0;
	} else {
		// An answer comes in a record of its own, and is enough.
		*result = SSL_read(client->ssl, bytes, sizeof(bytes));
		if (*result > 0)
			client_end(all, client, true);
	}
	return *result > 0;
}

static void client_go_on(struct handshakes *all, struct client *client)
{
	int result = 1;
	int error;

	while (client->ssl && client_take_step(all, client, &result))
		;
	if (!client->ssl)
		return;
	error = SSL_get_error(client->ssl, result);
	if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)
		client_end(all, client, false);
}

static bool client_connect(struct handshakes *all, struct client *client)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = client};

	client->fd = socket(
		all->server.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
	if (client->fd < 0)
		die("socket");
	(void)setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	return (!connect(client->fd, (struct sockaddr *)&all->server, all->server_length) ||
		       errno == EINPROGRESS) &&
	       !epoll_ctl(all->epoll, EPOLL_CTL_ADD, client->fd, &event);
}

static struct client *client_find_free(struct handshakes *all)
{
	for (uint32_t i = 0; i < CLIENTS_MOST; i++) {
		struct client *client = &all->clients[(all->next + i) % CLIENTS_MOST];

		if (client->ssl)
			continue;
		all->next = (uint32_t)(client - all->clients) + 1;
		return client;
	}
	return NULL;
}

static void client_begin(struct handshakes *all, uint64_t now)
{
	struct client *client = client_find_free(all);

	all->begun++;
	if (!client) {
		all->failed++;
		return;
	}
	*client = (struct client){.ssl = SSL_new(all->context), .begun_at = now};
	if (!client->ssl)
		die("SSL_new");
	if (!client_connect(all, client) || SSL_set_fd(client->ssl, client->fd) != 1)
		client_end(all, client, false);
	else
		SSL_set_connect_state(client->ssl);
}

// Those that had no answer in time. Returns how many are left.
static uint32_t clients_expire(struct handshakes *all, uint64_t now)
{
	uint32_t left = 0;

	for (uint32_t i = 0; i < CLIENTS_MOST; i++) {
		struct client *client = &all->clients[i];

		if (client->ssl && now - client->begun_at > CLIENT_TIME)
			client_end(all, client, false);
		left += client->ssl != NULL;
	}
	return left;
}

static void wait_for_events(struct handshakes *all)
{
	struct epoll_event events[EVENTS];
	int count = epoll_wait(all->epoll, events, EVENTS, 1);

	for (int i = 0; i < count; i++)
		client_go_on(all, events[i].data.ptr);
}

static void run(struct handshakes *all, uint64_t rate, uint64_t seconds)
{
	uint64_t start = clock_now();
	uint64_t now = start;
	uint64_t told = 0, made = 0, failed = 0;

	while (all->begun < rate * seconds || clients_expire(all, now)) {
		uint64_t due = (now - start) / CLOCK_MICROSECOND * rate / 1000000;

		while (all->begun < due && all->begun < rate * seconds)
			client_begin(all, now);
		wait_for_events(all);
		now = clock_now();
		if ((now - start) / CLOCK_SECOND == told)
			continue;
		(void)clients_expire(all, now);
		printf("second %" PRIu64 ": made %" PRIu64 " failed %" PRIu64 "\n", ++told,
			all->made - made, all->failed - failed);
		made = all->made;
		failed = all->failed;
	}
	printf("made %" PRIu64 " failed %" PRIu64 " of %" PRIu64 " in %" PRIu64 " s\n", all->made,
		all->failed, rate * seconds, seconds);
}

static void open_all(struct handshakes *all, char **arguments)
{
	struct net_endpoint server;

	if (net_address_parse(arguments[1], &server.address) < 0)
		die(arguments[1]);
	server.port = (uint16_t)strtoul(arguments[2], NULL, 10);
	all->server_length = stream_address_from_endpoint(&server, &all->server);
	all->epoll = epoll_create1(EPOLL_CLOEXEC);
	all->context = SSL_CTX_new(TLS_client_method());
	if (all->epoll < 0 || !all->context)
		die("no memory");
	// Who the server is does not matter here; it signs all the same.
	SSL_CTX_set_verify(all->context, SSL_VERIFY_NONE, NULL);
	SSL_CTX_set_session_cache_mode(all->context, SSL_SESS_CACHE_OFF);
	signal(SIGPIPE, SIG_IGN);
}

int main(int count, char **arguments)
{
	static struct handshakes all;

	if (count != 5) {
		fprintf(stderr, "usage: handshakes ADDRESS PORT RATE SECONDS\n");
		return 2;
	}
	open_all(&all, arguments);
	run(&all, strtoull(arguments[3], NULL, 10), strtoull(arguments[4], NULL, 10));
	SSL_CTX_free(all.context);
	close(all.epoll);
	return 0;
}
