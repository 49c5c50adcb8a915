// SPDX-License-Identifier: BSD-3-Clause
// Queries by a packet socket: the first of each client, after which the kernel's part asks the next
// ones, or all, at a set rate.
#pragma once

#include "kernel_part.h"
#include "options.h"

struct client {
	struct load_state *state;
	int socket;
	uint64_t next_name; // of queries sent from here
	uint32_t next_slot; // where to look for one that is free
	uint64_t sent; // by us
	uint64_t lost;
};

// 0 or -errno, with one line said.
int client_open(struct client *client, struct load_state *state, const struct options *options);
void client_close(struct client *client);

// Asks in these many slots. 0 or -errno.
int client_ask(struct client *client, uint32_t slots, uint64_t now);

// Asks in one slot where nothing is in flight, if there is one. 0 or -errno.
int client_ask_one(struct client *client, uint32_t slots, uint64_t now);

// Gives up what was asked before `then`.
void client_give_up(struct client *client, uint32_t slots, uint64_t then);

// The same, and asks anew in its place. 0 or -errno.
int client_ask_again(struct client *client, uint32_t slots, uint64_t then, uint64_t now);

uint32_t client_in_flight(const struct client *client, uint32_t slots);
