// SPDX-License-Identifier: BSD-3-Clause
#include "names/lookup.h"

#include <ares.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "config/values.h"

#define TRY_MILLISECONDS 1000 // for the first try; c-ares doubles it
#define TRIES 2 // of each resolver

struct lookup_part {
	struct names_lookup *lookup;
	enum names_version version;
};

struct names_lookup {
	ares_channel channel;
	uint64_t until;
	unsigned int open; // parts that are not over
	struct lookup_part parts[NAMES_VERSIONS];
	struct names_answer answers[NAMES_VERSIONS];
};

static const char *fault_text(int status)
{
	switch (status) {
	case ARES_ENOTFOUND:
		return "no such name";
	case ARES_SUCCESS:
	case ARES_ENODATA:
		return "the name has no address";
	case ARES_ESERVFAIL:
		return "SERVFAIL";
	case ARES_EREFUSED:
		return "REFUSED";
	case ARES_ETIMEOUT:
	case ARES_ECANCELLED:
		return "no answer";
	case ARES_ECONNREFUSED:
		return "the resolver can not be reached";
	default:
		return ares_strerror(status);
	}
}

static bool read_address(const struct sockaddr *socket_address, struct net_address *address)
{
	if (socket_address->sa_family == AF_INET) {
		struct sockaddr_in ipv4;

		memcpy(&ipv4, socket_address, sizeof(ipv4));
		*address = net_address_from_ipv4((const uint8_t *)&ipv4.sin_addr);
	} else if (socket_address->sa_family == AF_INET6) {
		struct sockaddr_in6 ipv6;

		memcpy(&ipv6, socket_address, sizeof(ipv6));
		*address = net_address_from_ipv6(ipv6.sin6_addr.s6_addr);
	} else {
		return false;
	}
	return !net_address_is_unfit_as_source(address) || config_address_is_loopback(address);
}

// RFC 2181, section 8: one with the highest bit set is one of 0.
static void take_ttl(struct names_answer *answer, int ttl)
{
	uint32_t seconds = ttl < 0 ? 0 : (uint32_t)ttl;

	if (seconds < answer->ttl)
		answer->ttl = seconds;
}

static void take_addresses(struct names_answer *answer, const struct ares_addrinfo *result)
{
	size_t count = 0;

	for (const struct ares_addrinfo_node *node = result->nodes; node; node = node->ai_next)
		count++;
	if (count > NAMES_ADDRESSES_MOST) {
		answer->why = "it has too many addresses";
		return;
	}
	answer->addresses = calloc(count + 1, sizeof(*answer->addresses));
	if (!answer->addresses) {
		answer->why = "out of memory";
		return;
	}
	answer->ttl = UINT32_MAX;
	for (const struct ares_addrinfo_cname *name = result->cnames; name; name = name->next)
		take_ttl(answer, name->ttl);
	for (const struct ares_addrinfo_node *node = result->nodes; node; node = node->ai_next) {
		take_ttl(answer, node->ai_ttl);
		if (read_address(node->ai_addr, &answer->addresses[answer->count]))
			answer->count++;
	}
	answer->outcome = answer->count ? NAMES_ANSWERED : NAMES_EMPTY;
	answer->why = answer->count ? NULL : "the name has no address of a server";
}

static void end_part(void *context, int status, int timeouts, struct ares_addrinfo *result)
{
	const struct lookup_part *part = context;
	struct names_answer *answer = &part->lookup->answers[part->version];

	(void)timeouts;
	part->lookup->open--;
	answer->outcome = NAMES_FAILED;
	answer->why = fault_text(status);
	if (status == ARES_SUCCESS && result && result->nodes)
		take_addresses(answer, result);
	else if (status == ARES_SUCCESS || status == ARES_ENOTFOUND || status == ARES_ENODATA)
		answer->outcome = NAMES_EMPTY;
	if (result)
		ares_freeaddrinfo(result);
}

// Where resolvers are named, they alone are asked, for the name as it stands.
static int open_channel(struct names_lookup *lookup, const struct config_host *host)
{
	char lookups[] = "b";
	struct ares_options options = {
		.timeout = TRY_MILLISECONDS, .tries = TRIES, .lookups = lookups};
	int mask = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES;
	char servers[CONFIG_RESOLVER_COUNT * (NET_ENDPOINT_TEXT + 1)] = "";
	size_t length = 0;
	int status;

	if (host->resolver_count)
		mask |= ARES_OPT_LOOKUPS | ARES_OPT_DOMAINS;
	status = ares_init_options(&lookup->channel, &options, mask);
	if (status != ARES_SUCCESS) {
		lookup->channel = NULL;
		return status;
	}
	for (size_t i = 0; i < host->resolver_count; i++) {
		char text[NET_ENDPOINT_TEXT];

		length += (size_t)snprintf(servers + length, sizeof(servers) - length, "%s%s",
			i ? "," : "", net_endpoint_format(&host->resolvers[i], text));
	}
	return length ? ares_set_servers_ports_csv(lookup->channel, servers) : ARES_SUCCESS;
}

struct names_lookup *names_lookup_create(const struct config_host *host, uint64_t now)
{
	static const int families[NAMES_VERSIONS] = {
		[NAMES_IPV4] = AF_INET, [NAMES_IPV6] = AF_INET6};
	struct names_lookup *lookup = calloc(1, sizeof(*lookup));
	int status;

	if (!lookup)
		return NULL;
	status = open_channel(lookup, host);
	if (status != ARES_SUCCESS) {
		names_lookup_destroy(lookup);
		errno = status == ARES_ENOMEM ? ENOMEM : EIO;
		return NULL;
	}
	lookup->until = now + NAMES_LOOKUP_MOST;
	lookup->open = NAMES_VERSIONS;
	for (int i = 0; i < NAMES_VERSIONS; i++) {
		struct ares_addrinfo_hints hints = {
			.ai_flags = ARES_AI_NOSORT, .ai_family = families[i]};

		lookup->parts[i] = (struct lookup_part){lookup, (enum names_version)i};
		ares_getaddrinfo(
			lookup->channel, host->name, NULL, &hints, end_part, &lookup->parts[i]);
	}
	return lookup;
}

void names_lookup_destroy(struct names_lookup *lookup)
{
	if (!lookup)
		return;
	if (lookup->channel)
		ares_destroy(lookup->channel);
	for (int i = 0; i < NAMES_VERSIONS; i++)
		free(lookup->answers[i].addresses);
	free(lookup);
}

// No fd_set: descriptors may be above what one holds.
static void take_events(struct names_lookup *lookup)
{
	ares_socket_t sockets[ARES_GETSOCK_MAXNUM];
	struct pollfd polled[ARES_GETSOCK_MAXNUM];
	// The bits of those to read, and above them of those to write to.
	unsigned int mask =
		(unsigned int)ares_getsock(lookup->channel, sockets, ARES_GETSOCK_MAXNUM);
	nfds_t count = 0;

	for (int i = 0; i < ARES_GETSOCK_MAXNUM; i++) {
		short events = 0;

		if (mask >> i & 1)
			events |= POLLIN;
		if (mask >> (i + ARES_GETSOCK_MAXNUM) & 1)
			events |= POLLOUT;
		if (events)
			polled[count++] = (struct pollfd){.fd = sockets[i], .events = events};
	}
	if (count && poll(polled, count, 0) <= 0)
		count = 0;
	for (nfds_t i = 0; i < count; i++) {
		bool is_readable = polled[i].revents & (POLLIN | POLLERR | POLLHUP);
		bool is_writable = polled[i].revents & POLLOUT;

		ares_process_fd(lookup->channel, is_readable ? polled[i].fd : ARES_SOCKET_BAD,
			is_writable ? polled[i].fd : ARES_SOCKET_BAD);
	}
	// What is out of time.
	ares_process_fd(lookup->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

bool names_lookup_turn(struct names_lookup *lookup, uint64_t now)
{
	if (lookup->open)
		take_events(lookup);
	if (lookup->open && now >= lookup->until)
		ares_cancel(lookup->channel);
	return lookup->open == 0;
}

const struct names_answer *names_lookup_answers(const struct names_lookup *lookup)
{
	return lookup->answers;
}
