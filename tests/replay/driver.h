// SPDX-License-Identifier: BSD-3-Clause
// One scenario against one forwarder: who asked what, and what became of it.
#pragma once

#include "forwarder.h"
#include "message.h"
#include "scenario.h"

#define DRIVER_LABELS_MOST 64
#define DRIVER_LABEL_BYTES 12
#define DRIVER_TRIED_MOST 32

// A query of a client.
struct driver_query {
	char label[DRIVER_LABEL_BYTES];
	struct net_flow flow; // from the client
	uint16_t lcore;
	struct message_shape shape;
	struct message message;
	struct net_endpoint tried[DRIVER_TRIED_MOST]; // upstreams, in order
	size_t tried_count;
	uint16_t last_id; // of the latest attempt; the client's before the first
	struct message reply; // the latest of an upstream
};

// A datagram to an upstream.
struct driver_attempt {
	char label[DRIVER_LABEL_BYTES];
	struct driver_query *query;
	uint16_t lcore;
	uint16_t id;
	struct net_frame frame; // of `bytes`
	uint8_t bytes[PACKET_ROOM];
};

struct driver {
	struct scenario *scenario;
	struct forwarder_options options;
	bool is_started;
	struct forwarder forwarder;
	struct driver_query queries[DRIVER_LABELS_MOST];
	size_t query_count;
	struct driver_attempt attempts[DRIVER_LABELS_MOST];
	size_t attempt_count;
	bool local_ports_seen[UINT16_MAX + 1];
};

// 0 if all went as the scenario has it, else 1 with a line printed.
int driver_run(struct scenario *scenario);

// Two texts for printing and comparing messages.
struct driver_texts {
	char expected[MESSAGE_TEXT];
	char got[MESSAGE_TEXT];
};

// Found by its label, or NULL with the words failed.
struct driver_query *driver_find_query(
	struct driver *driver, struct scenario_words *words, const char *label);
struct driver_attempt *driver_find_attempt(
	struct driver *driver, struct scenario_words *words, const char *label);

// Fails the words when a frame left that the scenario does not speak of.
void driver_expect_nothing(struct driver *driver, struct scenario_words *words);
// What the oldest frame that left is, for people.
void driver_fail_other(struct driver *driver, struct scenario_words *words, const char *expected);
uint16_t driver_read_lcore(struct driver *driver, struct scenario_words *words);

// The statements, by what they are about; each reads the rest of its line.
void driver_client_asks(struct driver *driver, struct scenario_words *words);
void driver_nobody_asks(struct driver *driver, struct scenario_words *words);
void driver_client_gets(struct driver *driver, struct scenario_words *words);
void driver_upstream_gets(struct driver *driver, struct scenario_words *words);
void driver_upstream_replies(struct driver *driver, struct scenario_words *words);
void driver_icmp(struct driver *driver, struct scenario_words *words);
void driver_path(struct driver *driver, struct scenario_words *words);
void driver_pool(struct driver *driver, struct scenario_words *words);
void driver_counter(struct driver *driver, struct scenario_words *words);
void driver_drain(struct driver *driver, struct scenario_words *words);
void driver_undrain(struct driver *driver, struct scenario_words *words);
void driver_health(struct driver *driver, struct scenario_words *words);
