// SPDX-License-Identifier: BSD-3-Clause
#include "driver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/wire.h"

// The query of an attempt: its label without the letter behind it.
static struct driver_query *query_of_attempt(
	struct driver *driver, struct scenario_words *words, const char *label)
{
	char number[DRIVER_LABEL_BYTES];

	snprintf(number, sizeof(number), "%.*s", (int)strspn(label, "0123456789"), label);
	return driver_find_query(driver, words, number);
}

static struct driver_attempt *make_attempt(
	struct driver *driver, struct scenario_words *words, const char *label)
{
	struct driver_query *query = query_of_attempt(driver, words, label);
	struct driver_attempt *attempt = NULL;

	if (!query)
		return NULL;
	for (size_t i = 0; i < driver->attempt_count; i++) {
		if (strcmp(driver->attempts[i].label, label) == 0)
			attempt = &driver->attempts[i];
	}
	if (!attempt && (driver->attempt_count == DRIVER_LABELS_MOST ||
				strlen(label) >= DRIVER_LABEL_BYTES)) {
		scenario_fail(words, "too many attempts, or a label too long");
		return NULL;
	}
	if (!attempt)
		attempt = &driver->attempts[driver->attempt_count++];
	memset(attempt, 0, sizeof(*attempt));
	memcpy(attempt->label, label, strlen(label));
	attempt->query = query;
	return attempt;
}

static void keep_attempt(struct driver_attempt *attempt, const struct forwarder_sent *sent)
{
	attempt->frame = sent->frame;
	attempt->frame.data = attempt->bytes;
	memcpy(attempt->bytes, sent->frame.data, sent->frame.length);
	attempt->lcore = sent->lcore;
	attempt->id = bytes_load_u16(net_frame_payload(&sent->frame));
}

static bool was_tried(const struct driver_query *query, const struct net_endpoint *upstream)
{
	for (size_t i = 0; i < query->tried_count; i++) {
		if (net_endpoint_equal(&query->tried[i], upstream))
			return true;
	}
	return false;
}

// The upstream of the query's group that the frame goes to: MACs, source address, tag and NIC
// port are those of its path, and the local port is of the lcore that sent it.
static bool has_path(const struct driver *driver, const struct forwarder_sent *sent)
{
	const struct proxy_set *set = driver->forwarder.set;
	const struct net_frame *frame = &sent->frame;
	uint16_t first;
	uint16_t count;

	forward_local_ports(&driver->forwarder.shared, sent->lcore, &first, &count);
	if (frame->source.port < first || frame->source.port >= first + count)
		return false;
	for (uint16_t i = 0; i < set->upstream_count; i++) {
		const struct net_path *path = set->upstreams[i].path;

		if (net_endpoint_equal(&set->upstreams[i].endpoint, &frame->destination) &&
			path->is_usable && path->port == frame->port && path->vlan == frame->vlan &&
			net_address_equal(&path->source, &frame->source.address) &&
			memcmp(frame->data, path->next_hop_mac.bytes, NET_MAC_BYTES) == 0 &&
			memcmp(frame->data + NET_MAC_BYTES, path->source_mac.bytes,
				NET_MAC_BYTES) == 0)
			return true;
	}
	return false;
}

// With OPT of this size, which a query without it gets.
static void set_udp_size(struct message *message, uint16_t size)
{
	const uint8_t opt[] = {0, 0, 41, (uint8_t)(size >> 8), (uint8_t)size, 0, 0, 0, 0, 0, 0};
	struct dns_message read;

	(void)dns_message_read(&read, message->bytes, message->length);
	if (read.edns.is_present) {
		dns_message_set_udp_size(message->bytes, &read, size);
		return;
	}
	memcpy(message->bytes + message->length, opt, sizeof(opt));
	message->length += sizeof(opt);
	bytes_store_u16(message->bytes + 10, (uint16_t)(read.additional_count + 1));
}

// Upstream goes what the client sent, but for the id and, with `edns N`, the size.
static void compare_with_query(struct scenario_words *words, const struct driver_query *query,
	const struct net_frame *frame, bool has_size, uint16_t size, uint16_t flags)
{
	struct message expected = query->message;
	const uint8_t *bytes = net_frame_payload(frame);
	uint16_t id = bytes_load_u16(bytes);

	bytes_store_u16(expected.bytes, id);
	dns_bytes_set_flags(
		expected.bytes, bytes_load_u16(expected.bytes + DNS_FLAGS_OFFSET) | flags);
	if (has_size)
		set_udp_size(&expected, size);
	if (frame->payload_length != expected.length ||
		memcmp(bytes, expected.bytes, expected.length) != 0) {
		struct driver_texts texts;

		scenario_fail(words, "expected these %u bytes: %s\n\tgot these %u: %s",
			expected.length,
			message_format(expected.bytes, expected.length, texts.expected),
			frame->payload_length,
			message_format(bytes, frame->payload_length, texts.got));
	}
	if (id == query->last_id)
		scenario_fail(words, "the id is not fresh: %u", id);
}

static void compare_port(
	struct driver *driver, struct scenario_words *words, const struct net_frame *frame)
{
	uint16_t port = frame->source.port;
	const struct driver_attempt *other;

	if (scenario_accept(words, "new-port")) {
		if (driver->local_ports_seen[port])
			scenario_fail(words, "local port %u was used before", port);
		return;
	}
	if (!scenario_accept(words, "port-of")) {
		scenario_fail(words, "'%s' says nothing about a query to an upstream",
			scenario_word(words, "a word"));
		return;
	}
	other = driver_find_attempt(driver, words, scenario_word(words, "a label"));
	if (other && other->frame.source.port != port)
		scenario_fail(
			words, "expected local port %u, got %u", other->frame.source.port, port);
}

static void read_gets_words(struct driver *driver, struct scenario_words *words,
	struct driver_query *query, const struct forwarder_sent *sent)
{
	bool has_size = false;
	uint16_t flags = 0;
	uint16_t size = 0;

	while (scenario_has_more(words)) {
		if (scenario_accept(words, "edns")) {
			has_size = true;
			size = (uint16_t)scenario_number(words, "a size", UINT16_MAX);
		} else if (scenario_accept(words, "ad")) {
			flags = DNS_FLAG_AD;
		} else if (scenario_accept(words, "from")) {
			struct net_address source = scenario_address(words);

			if (!net_address_equal(&source, &sent->frame.source.address))
				scenario_fail(words, "the query left from another address");
		} else if (scenario_accept(words, "lcore")) {
			if (driver_read_lcore(driver, words) != sent->lcore)
				scenario_fail(words, "lcore %u sent it", sent->lcore);
		} else {
			compare_port(driver, words, &sent->frame);
		}
	}
	compare_with_query(words, query, &sent->frame, has_size, size, flags);
}

// The upstream of a line: an endpoint, `any`, or `new`: one that this query did not try.
static bool upstream_is(struct scenario_words *words, const struct driver_query *query,
	const char *upstream, const struct net_frame *frame)
{
	struct scenario_words word = *words;
	struct net_endpoint endpoint;

	if (frame->kind != NET_FRAME_UDP || strcmp(upstream, "any") == 0)
		return frame->kind == NET_FRAME_UDP;
	if (strcmp(upstream, "new") == 0)
		return !was_tried(query, &frame->destination);
	word.at = 1;
	endpoint = scenario_endpoint(&word, 53);
	words->failed = word.failed;
	return net_endpoint_equal(&endpoint, &frame->destination);
}

// upstream ENDPOINT gets LABEL ...
void driver_upstream_gets(struct driver *driver, struct scenario_words *words)
{
	const struct forwarder_sent *sent = forwarder_oldest_sent(&driver->forwarder);
	const char *upstream = scenario_word(words, "an upstream");
	const char *label;
	char expected[96];
	struct driver_query *query;
	struct driver_attempt *attempt;

	if (!scenario_accept(words, "gets"))
		scenario_fail(words, "an upstream gets or replies");
	label = scenario_word(words, "a label");
	query = query_of_attempt(driver, words, label);
	if (!query)
		return;
	snprintf(expected, sizeof(expected), "query %s to upstream %.50s", label, upstream);
	if (!sent || !upstream_is(words, query, upstream, &sent->frame)) {
		driver_fail_other(driver, words, expected);
		return;
	}
	if (!has_path(driver, sent))
		scenario_fail(words, "this did not take the path of upstream %s", upstream);
	read_gets_words(driver, words, query, sent);
	attempt = words->failed ? NULL : make_attempt(driver, words, label);
	if (!attempt)
		return;
	keep_attempt(attempt, sent);
	driver->local_ports_seen[sent->frame.source.port] = true;
	if (query->tried_count < DRIVER_TRIED_MOST)
		query->tried[query->tried_count++] = sent->frame.destination;
	query->last_id = attempt->id;
	forwarder_drop_sent(&driver->forwarder);
}

// A reply on its way.
struct reply_route {
	struct net_flow flow;
	uint16_t lcore;
};

static void preset_reply(const struct driver_attempt *attempt, struct message_shape *shape,
	struct reply_route *route)
{
	const struct driver_query *query = attempt->query;

	*shape = (struct message_shape){
		.id = attempt->id,
		.flags = (uint16_t)(DNS_FLAG_QR | DNS_FLAG_RA | query->shape.flags),
		.question_count = 1,
		.name = query->shape.name,
		.type = query->shape.type,
		.class_ = query->shape.class_,
		.extended_error = DNS_EDE_NONE,
	};
	net_frame_flow_back(&attempt->frame, &route->flow);
	route->lcore = attempt->lcore;
}

static void change_case(struct dns_name *name)
{
	for (size_t i = 0; i < name->length; i++) {
		uint8_t byte = name->wire[i] | 0x20;

		if (byte >= 'a' && byte <= 'z')
			name->wire[i] ^= 0x20;
	}
}

static bool read_reply_word(struct driver *driver, struct scenario_words *words,
	struct message_shape *shape, struct reply_route *route)
{
	if (scenario_accept(words, "from")) {
		route->flow.source = scenario_endpoint(words, 53);
	} else if (scenario_accept(words, "to")) {
		route->flow.destination.address = scenario_address(words);
	} else if (scenario_accept(words, "to-port-of")) {
		const struct driver_attempt *other =
			driver_find_attempt(driver, words, scenario_word(words, "a label"));

		if (other)
			route->flow.destination.port = other->frame.source.port;
	} else if (scenario_accept(words, "to-port")) {
		route->flow.destination.port =
			(uint16_t)scenario_number(words, "a port", UINT16_MAX);
	} else if (scenario_accept(words, "other-id")) {
		shape->id++;
	} else if (scenario_accept(words, "other-case")) {
		change_case(&shape->name);
	} else if (scenario_accept(words, "vlan")) {
		route->flow.vlan = (uint16_t)scenario_number(words, "a tag", UINT16_MAX - 1);
	} else if (scenario_accept(words, "lcore")) {
		route->lcore = driver_read_lcore(driver, words);
	} else {
		return false;
	}
	return true;
}

// upstream replies LABEL RCODE ...
void driver_upstream_replies(struct driver *driver, struct scenario_words *words)
{
	struct driver_attempt *attempt =
		driver_find_attempt(driver, words, scenario_word(words, "a label"));
	struct message_shape shape;
	struct reply_route route;
	struct net_frame frame;
	struct message *message;

	if (!attempt)
		return;
	preset_reply(attempt, &shape, &route);
	while (scenario_has_more(words)) {
		if (!read_reply_word(driver, words, &shape, &route) &&
			!message_read_word(words, &shape))
			scenario_fail(words, "'%s' says nothing about a reply",
				scenario_word(words, "a word"));
	}
	message = &attempt->query->reply;
	message_build(words, &shape, message);
	if (words->failed)
		return;
	packet_make_datagram(
		&driver->forwarder.packets, &route.flow, message->bytes, message->length, &frame);
	forwarder_receive(&driver->forwarder, route.lcore, &frame);
}

// icmp unreachable LABEL ...
void driver_icmp(struct driver *driver, struct scenario_words *words)
{
	const struct driver_attempt *attempt;
	struct net_address router;
	struct net_frame frame;
	uint8_t code = 3;
	uint16_t quoted = UINT16_MAX;
	uint16_t lcore;

	if (!scenario_accept(words, "unreachable"))
		scenario_fail(words, "icmp: unreachable");
	attempt = driver_find_attempt(driver, words, scenario_word(words, "a label"));
	if (!attempt)
		return;
	router = attempt->frame.destination.address;
	lcore = attempt->lcore;
	while (scenario_has_more(words)) {
		if (scenario_accept(words, "from"))
			router = scenario_address(words);
		else if (scenario_accept(words, "code"))
			code = (uint8_t)scenario_number(words, "a code", UINT8_MAX);
		else if (scenario_accept(words, "quotes"))
			quoted = (uint16_t)scenario_number(words, "a length", UINT16_MAX);
		else if (scenario_accept(words, "lcore"))
			lcore = driver_read_lcore(driver, words);
		else
			scenario_fail(words, "'%s' says nothing about an ICMP error",
				scenario_word(words, "a word"));
	}
	if (words->failed)
		return;
	packet_make_unreachable(
		&driver->forwarder.packets, &attempt->frame, &router, code, quoted, &frame);
	forwarder_receive(&driver->forwarder, lcore, &frame);
}
