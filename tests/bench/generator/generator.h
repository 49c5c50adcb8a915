// SPDX-License-Identifier: BSD-3-Clause
// Clients and upstreams in turn on one link, by one thread.
#pragma once

#include <signal.h>

#include "circulation.h"
#include "client.h"
#include "upstream.h"

struct generator {
	struct options options;
	const volatile sig_atomic_t *is_ending;
	struct frame_template template;
	struct link link;
	struct client client;
	struct upstream upstream;
	struct circulation circulation;
	bool client_sends;
	uint64_t last_look; // at the clock; this and what follows in cycles
	uint64_t longest_pause; // between two looks, which is when others had this core
	uint64_t paused; // the sum of those that were longer than a turn takes
	uint64_t idle; // in turns that moved nothing
	double in_flight; // the sum over queries of the time that they were in flight
};

// 0, or -errno with one line said; what was opened is closed by generator_close in either case.
// `generator` is zeroed but for `options` and `is_ending`.
int generator_open(struct generator *generator);
void generator_close(struct generator *generator);

// One query at a time until one is answered: the forwarder may be starting. 0, -EINTR, or
// -ETIMEDOUT with one line said.
int generator_wait_for_forwarder(struct generator *generator);

// Asks every name of the set as often as the options say, for what it leaves in a cache.
void generator_fill(struct generator *generator);

// Begins anew to count pauses, idle time and what is in flight.
void generator_reset_times(struct generator *generator);

// Until the time is over, or a signal came.
void generator_run_for(struct generator *generator, uint64_t cycles);

// Sends nothing new, until all is answered, `most` cycles are over, or a signal came.
void generator_drain(struct generator *generator, uint64_t most);

// Answers, or frames that went round.
uint64_t generator_count_done(const struct generator *generator);
