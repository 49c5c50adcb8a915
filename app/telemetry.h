// SPDX-License-Identifier: BSD-3-Clause
// DPDK's telemetry socket. Answers are made on telemetry's threads from counters that their owners
// write; nobody waits for them.
#pragma once

#include <rte_telemetry.h>

#include "app.h"

// 0 or -errno. `app` must stay as it is until telemetry_close.
int telemetry_open(struct app *app);
// From now on the commands answer nothing; returns when none is being answered.
void telemetry_close(void);

// Who adds a command adds a row to one of the tables.
struct telemetry_command {
	const char *name; // "/millrace/..."; NULL ends a table
	// As an RCU reader, while the program runs. 0 or -errno. `parameters` may be NULL.
	int (*answer)(const struct app *app, const char *parameters, struct rte_tel_data *data);
	const char *help;
};

extern const struct telemetry_command telemetry_cache_commands[];
extern const struct telemetry_command telemetry_stream_commands[];

// What they share:

// The number after the comma, 0 without one; -EINVAL when it is none below `limit`.
int telemetry_parse_number(const char *text, unsigned long limit, unsigned long *number);

// Adds "NUMBER/NAME", for one upstream: this version of the socket takes no dictionary within another.
void telemetry_add_u64(
	struct rte_tel_data *data, uint16_t upstream, const char *name, uint64_t value);

// Lets `add` fill in each upstream, from the one whose number is the parameter on.
int telemetry_answer_by_upstream(const struct app *app, const char *parameters,
	struct rte_tel_data *data,
	void (*add)(struct rte_tel_data *, const struct app *, uint16_t));
