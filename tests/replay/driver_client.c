// SPDX-License-Identifier: BSD-3-Clause
#include "driver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLIENT_PORT 40000 // plus the number of the query

// How the frame of a query differs from a good one.
struct query_frame {
	bool is_fragment;
	bool has_bad_checksum;
};

static struct driver_query *make_query(struct driver *driver, struct scenario_words *words)
{
	const char *label = scenario_word(words, "a label");
	struct driver_query *query = NULL;

	for (size_t i = 0; i < driver->query_count; i++) {
		if (strcmp(driver->queries[i].label, label) == 0)
			query = &driver->queries[i];
	}
	if (!query && (driver->query_count == DRIVER_LABELS_MOST || !*label ||
			      strlen(label) >= DRIVER_LABEL_BYTES ||
			      strspn(label, "0123456789") != strlen(label))) {
		scenario_fail(words, "the label of a query is a number, and they are %d at most",
			DRIVER_LABELS_MOST);
		return NULL;
	}
	if (!query)
		query = &driver->queries[driver->query_count++];
	memset(query, 0, sizeof(*query));
	memcpy(query->label, label, strlen(label));
	return query;
}

static const struct net_address *local_beside(
	const struct driver *driver, const struct net_address *client)
{
	for (size_t i = 0; i < driver->options.local_count; i++) {
		const struct net_address *local = &driver->options.local[i];

		if (net_address_is_ipv4(local) == net_address_is_ipv4(client))
			return local;
	}
	return &driver->options.local[0];
}

static void preset_query(
	struct driver *driver, const struct net_address *client, struct driver_query *query)
{
	uint16_t number = (uint16_t)strtoul(query->label, NULL, 10);

	query->flow = (struct net_flow){
		.source = {.address = *client, .port = (uint16_t)(CLIENT_PORT + number)},
		.destination = {.address = *local_beside(driver, client), .port = 53},
		.source_mac = packet_mac_of(client),
		.destination_mac = packet_mac_of_port(0),
		.vlan = NET_VLAN_NONE,
	};
	query->shape = (struct message_shape){
		.id = number,
		.flags = DNS_FLAG_RD,
		.question_count = 1,
		.class_ = 1,
		.extended_error = DNS_EDE_NONE,
	};
}

static bool read_query_word(struct driver *driver, struct scenario_words *words,
	struct driver_query *query, struct query_frame *frame)
{
	if (scenario_accept(words, "to")) {
		query->flow.destination = scenario_endpoint(words, 53);
	} else if (scenario_accept(words, "port")) {
		query->flow.source.port = (uint16_t)scenario_number(words, "a port", UINT16_MAX);
	} else if (scenario_accept(words, "vlan")) {
		query->flow.vlan = (uint16_t)scenario_number(words, "a tag", UINT16_MAX - 1);
	} else if (scenario_accept(words, "nic")) {
		query->flow.port =
			(uint16_t)scenario_number(words, "a NIC port", FORWARD_PORTS_MOST - 1);
		query->flow.destination_mac = packet_mac_of_port(query->flow.port);
	} else if (scenario_accept(words, "lcore")) {
		query->lcore = driver_read_lcore(driver, words);
	} else if (scenario_accept(words, "fragment")) {
		frame->is_fragment = true;
	} else if (scenario_accept(words, "bad-checksum")) {
		frame->has_bad_checksum = true;
	} else {
		return false;
	}
	return true;
}

static void send_query(
	struct driver *driver, const struct driver_query *query, const struct query_frame *how)
{
	struct forwarder *forwarder = &driver->forwarder;
	struct net_frame frame;

	packet_make_datagram(&forwarder->packets, &query->flow, query->message.bytes,
		query->message.length, &frame);
	if (how->is_fragment)
		packet_make_fragment(&frame);
	if (how->has_bad_checksum)
		packet_break_checksum(&frame);
	forwarder_receive(forwarder, query->lcore, &frame);
}

// nobody asks LABEL NAME TYPE ...: a query that an upstream is to get of the cache's own accord.
void driver_nobody_asks(struct driver *driver, struct scenario_words *words)
{
	struct driver_query *query;

	if (!scenario_accept(words, "asks"))
		scenario_fail(words, "nobody asks");
	query = words->failed ? NULL : make_query(driver, words);
	if (!query)
		return;
	preset_query(driver, &driver->options.local[0], query);
	message_read_question(words, &query->shape);
	while (scenario_has_more(words)) {
		if (!message_read_word(words, &query->shape))
			scenario_fail(words, "'%s' says nothing about a query",
				scenario_word(words, "a word"));
	}
	query->last_id = query->shape.id;
	message_build(words, &query->shape, &query->message);
}

// client ADDRESS asks LABEL NAME TYPE ...
void driver_client_asks(struct driver *driver, struct scenario_words *words)
{
	struct net_address client = scenario_address(words);
	struct query_frame how = {0};
	struct driver_query *query;

	if (!scenario_accept(words, "asks"))
		scenario_fail(words, "a client asks or gets");
	query = words->failed ? NULL : make_query(driver, words);
	if (!query)
		return;
	preset_query(driver, &client, query);
	message_read_question(words, &query->shape);
	while (scenario_has_more(words)) {
		if (!message_read_word(words, &query->shape) &&
			!read_query_word(driver, words, query, &how))
			scenario_fail(words, "'%s' says nothing about a query",
				scenario_word(words, "a word"));
	}
	query->last_id = query->shape.id;
	message_build(words, &query->shape, &query->message);
	if (net_address_is_ipv4(&query->flow.source.address) !=
		net_address_is_ipv4(&query->flow.destination.address))
		scenario_fail(words, "client and server are of two IP versions");
	if (!words->failed)
		send_query(driver, query, &how);
}

static bool is_flow_back(const struct net_frame *frame, const struct net_flow *flow)
{
	return frame->kind == NET_FRAME_UDP &&
	       net_endpoint_equal(&frame->source, &flow->destination) &&
	       net_endpoint_equal(&frame->destination, &flow->source);
}

static bool is_link_back(const struct net_frame *frame, const struct net_flow *flow)
{
	return frame->port == flow->port && frame->vlan == flow->vlan &&
	       memcmp(frame->data, flow->source_mac.bytes, NET_MAC_BYTES) == 0 &&
	       memcmp(frame->data + NET_MAC_BYTES, flow->destination_mac.bytes, NET_MAC_BYTES) == 0;
}

// What the client hears when it gets the upstream's reply: all its bytes but for the id, two flags
// and the question as the client wrote it.
static void make_relayed(const struct driver_query *query, struct message *expected)
{
	const uint16_t kept = DNS_FLAG_RD | DNS_FLAG_CD;
	struct dns_message asked;
	uint16_t flags;

	*expected = query->reply;
	(void)dns_message_read(&asked, query->message.bytes, query->message.length);
	flags = (uint16_t)((bytes_load_u16(expected->bytes + 2) & ~kept) | (asked.flags & kept));
	bytes_store_u16(expected->bytes, asked.id);
	bytes_store_u16(expected->bytes + 2, flags);
	memcpy(expected->bytes + DNS_HEADER_BYTES, query->message.bytes + DNS_HEADER_BYTES,
		(size_t)asked.question_end - DNS_HEADER_BYTES);
}

static void compare_bytes(struct scenario_words *words, const struct message *expected,
	const uint8_t *bytes, uint16_t length)
{
	struct driver_texts texts;

	if (length == expected->length && memcmp(bytes, expected->bytes, length) == 0)
		return;
	scenario_fail(words, "expected these %u bytes: %s\n\tgot these %u: %s", expected->length,
		message_format(expected->bytes, expected->length, texts.expected), length,
		message_format(bytes, length, texts.got));
}

static void compare_texts(struct scenario_words *words, const struct message *expected,
	const uint8_t *bytes, uint16_t length)
{
	struct driver_texts texts;

	message_format(expected->bytes, expected->length, texts.expected);
	message_format(bytes, length, texts.got);
	if (strcmp(texts.expected, texts.got) != 0)
		scenario_fail(words, "expected: %s\n\tgot: %s", texts.expected, texts.got);
	else if (bytes_load_u16(bytes) != bytes_load_u16(expected->bytes))
		scenario_fail(words, "expected id %u, got %u", bytes_load_u16(expected->bytes),
			bytes_load_u16(bytes));
}

static void compare_answer(struct scenario_words *words, const struct driver_query *query,
	const struct net_frame *frame)
{
	struct message_shape shape = query->shape;
	const uint8_t *bytes = net_frame_payload(frame);
	struct message expected;
	uint32_t most = MESSAGE_BYTES;

	if (scenario_accept(words, "the-reply")) {
		make_relayed(query, &expected);
		compare_bytes(words, &expected, bytes, frame->payload_length);
		return;
	}
	shape.flags = (uint16_t)(DNS_FLAG_QR | DNS_FLAG_RA |
				 (query->shape.flags & (DNS_FLAG_RD | DNS_FLAG_CD)));
	shape.has_edns = shape.do_bit = shape.has_subnet = shape.is_raw = false;
	shape.version = 0;
	shape.padding = shape.cut_to = shape.size = 0;
	shape.appended_length = 0;
	memset(shape.record_counts, 0, sizeof(shape.record_counts));
	while (scenario_has_more(words)) {
		if (scenario_accept(words, "most"))
			most = scenario_number(words, "a size", MESSAGE_BYTES);
		else if (!message_read_word(words, &shape))
			scenario_fail(words, "'%s' says nothing about an answer",
				scenario_word(words, "a word"));
	}
	message_build(words, &shape, &expected);
	if (words->failed)
		return;
	compare_texts(words, &expected, bytes, frame->payload_length);
	if (frame->payload_length > most)
		scenario_fail(words, "the answer has %u bytes", frame->payload_length);
}

// client gets LABEL RCODE ...
void driver_client_gets(struct driver *driver, struct scenario_words *words)
{
	const struct forwarder_sent *sent = forwarder_oldest_sent(&driver->forwarder);
	const char *label = scenario_word(words, "a label");
	const struct driver_query *query = driver_find_query(driver, words, label);
	char expected[64];

	if (!query)
		return;
	snprintf(expected, sizeof(expected), "an answer to query %s", label);
	if (!sent || !is_flow_back(&sent->frame, &query->flow)) {
		driver_fail_other(driver, words, expected);
		return;
	}
	if (!is_link_back(&sent->frame, &query->flow))
		scenario_fail(words,
			"the answer left by NIC port %u with tag %u, or to another MAC",
			sent->frame.port, sent->frame.vlan);
	compare_answer(words, query, &sent->frame);
	forwarder_drop_sent(&driver->forwarder);
}
