// SPDX-License-Identifier: BSD-3-Clause
// The addresses of the host names in a configuration: asked for as it names them, and again as their
// TTLs end. A table of its own in each instance. Management lcore only; nothing here waits.
//
//   names_follow ---> names_turn, each turn of a loop ---> names_known, into config_read_again
//
// Each change of addresses, and a name that fails or answers again, is a line in the log.
#pragma once

#include "config/config.h"
#include "names/record.h"

struct names;

// NULL with errno.
struct names *names_create(void);
void names_destroy(struct names *names);

// From now on the host names of both configurations are followed, and no others; `next` may be NULL.
// What is known of those that stay is kept; those that are new are awaited. 0 or -ENOMEM with some of
// them missing.
base_must_check int names_follow(
	struct names *names, const struct config *running, const struct config *next);

// Names without an address are asked at once, and awaited.
void names_ask_missing(struct names *names);

// True as long as one that is awaited was not asked to the end once.
bool names_are_awaited(const struct names *names);

// Takes what came, and asks what is due.
void names_turn(struct names *names, uint64_t now);

// Good until the next names_follow or names_turn.
struct config_known_hosts names_known(struct names *names);

// Another number after each change of addresses of the running configuration.
uint64_t names_generation(const struct names *names);

// What is told of one name; texts are good until the next names_follow.
struct names_state {
	const struct config_host *host;
	const struct names_record *record;
	uint64_t lookups; // that are over
	uint64_t failed; // those that gave nothing new of one version at least
	uint64_t changed; // those with other addresses than before
};

size_t names_count(const struct names *names);
struct names_state names_state(const struct names *names, size_t index);

// Why this one has no address.
const char *names_fault(const struct names *names, const struct config_host *host);
