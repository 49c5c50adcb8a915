// SPDX-License-Identifier: BSD-3-Clause
// Forwards with libmillrace-proxy over plain sockets. usage: forwarder ADDRESS UPSTREAM (port 53)
#include <millrace-proxy.h>
#include <netinet/in.h>
#include <poll.h>

#define FIRST_PORT 20000
#define PORTS 64 // local ports, a socket each; one more for the clients

static struct proxy_lcore *lcore;
static struct pollfd sockets[PORTS + 1];

static void send_to(uint16_t socket, uint8_t *bytes, size_t length, const struct net_endpoint *to)
{
	struct sockaddr_in6 peer = {.sin6_family = AF_INET6, .sin6_port = htons(to->port)};

	memcpy(&peer.sin6_addr, to->address.bytes, sizeof(peer.sin6_addr)); // IPv4: mapped in both
	(void)sendto(sockets[socket].fd, bytes, length, 0, (void *)&peer, sizeof(peer));
}

static void answer(uint32_t slot, uint8_t *bytes, size_t length, uint64_t now)
{
	struct proxy_pending *query = proxy_pending_at(&lcore->pending, slot);

	memcpy(bytes, proxy_pending_message(&lcore->pending, query), 2); // the client's id
	send_to(PORTS, bytes, length, (struct net_endpoint *)query->context);
	proxy_query_finish(lcore, slot, now);
}

static void attempt(uint32_t slot, uint64_t now)
{
	struct proxy_pending *query = proxy_pending_at(&lcore->pending, slot);
	uint16_t length = query->message_length;
	uint8_t bytes[PROXY_LONG_MESSAGE_BYTES];
	struct proxy_attempt to;

	memcpy(bytes, proxy_pending_message(&lcore->pending, query), length);
	if (proxy_attempt_start(lcore, slot, now, &to)) {
		dns_bytes_set_id(bytes, to.id);
		send_to(to.local_port - FIRST_PORT, bytes, length, &to.upstream->endpoint);
	} else {
		dns_bytes_set_flags(bytes, DNS_FLAG_QR | DNS_RCODE_SERVFAIL);
		answer(slot, bytes, length, now);
	}
}

static void receive(uint16_t socket, const struct net_endpoint *local, uint64_t now)
{
	uint8_t bytes[4096];
	struct sockaddr_in6 peer = {0};
	struct net_endpoint source;
	struct dns_message message;
	uint32_t slot;
	ssize_t length = recvfrom(sockets[socket].fd, bytes, sizeof(bytes), MSG_DONTWAIT,
		(void *)&peer, &(socklen_t){sizeof(peer)});

	if (length < 0 || dns_message_read(&message, bytes, length) != DNS_READ_GOOD)
		return;
	memcpy(source.address.bytes, &peer.sin6_addr, sizeof(peer.sin6_addr));
	source.port = ntohs(peer.sin6_port);
	if (socket < PORTS) {
		if (!proxy_reply_match(lcore, &source, local, bytes, length, &message, &slot))
			answer(slot, bytes, length, now);
	} else if (!proxy_query_start(lcore, 0, bytes, length, message.question_end, now, &slot)) {
		memcpy(proxy_pending_at(&lcore->pending, slot)->context, &source, sizeof(source));
		attempt(slot, now);
	}
}

int main(int argc, char *argv[])
{
	struct proxy_upstream_template upstream = {.endpoint.port = 53};
	struct net_endpoint local;

	if (argc != 3 || net_address_parse(argv[1], &local.address) < 0 ||
		net_address_parse(argv[2], &upstream.endpoint.address) < 0)
		return 2;
	lcore = proxy_single_open(&local.address, &upstream, 1, FIRST_PORT, PORTS, clock_now());
	for (uint16_t i = 0; lcore && i <= PORTS; i++) {
		struct sockaddr_in6 address = {.sin6_family = AF_INET6};

		address.sin6_port = htons(i < PORTS ? FIRST_PORT + i : 53);
		memcpy(&address.sin6_addr, local.address.bytes, sizeof(address.sin6_addr));
		sockets[i] = (struct pollfd){socket(AF_INET6, SOCK_DGRAM, 0), POLLIN, 0};
		if (bind(sockets[i].fd, (void *)&address, sizeof(address)) < 0)
			return 1;
	}
	for (uint32_t slot; lcore && poll(sockets, PORTS + 1, 10) >= 0;) {
		uint64_t now = clock_now();

		local.port = FIRST_PORT;
		for (uint16_t i = 0; i <= PORTS; i++, local.port++)
			if (sockets[i].revents)
				receive(i, &local, now);
		while (proxy_single_take_expired(lcore, now, &slot))
			attempt(slot, now);
	}
	return 1;
}
