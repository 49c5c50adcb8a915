// SPDX-License-Identifier: BSD-3-Clause
// What `prometheus`, `health` and `ready` serve, from the management loop. Management lcore.
#pragma once

#include "app.h"

// Listens at what the configuration says. 0 or -errno with one line said.
base_must_check int watch_open(struct app *app);
void watch_close(struct app *app);

// Listens at what another configuration says, and no more at what it does not. 0, or -errno with one
// line said and everything as it was.
base_must_check int watch_update(struct app *app, const struct config *config);

// Readable when there is something to do.
int watch_fd(const struct app *app);

// Each turn of the loop. True if there is more to do at once.
bool watch_turn(struct app *app, uint64_t now);

// What the program does, as `health` and `ready` tell it.
enum watch_state {
	WATCH_STARTS, // no query is answered yet
	WATCH_SERVES,
	WATCH_STOPS, // those of the last clients are
};

void watch_set_state(struct app *app, enum watch_state state);
