// SPDX-License-Identifier: BSD-3-Clause
// The loop of the management lcore: the sweep of the pools, the kernel's side of the ports, what
// changes in the network, and the end of the program.
#pragma once

#include "app.h"

// Blocks the signals that end the program, for this thread and those it makes: call it before
// rte_eal_init. 0 or -errno.
int manager_open_signals(struct app *app);

// What the loop needs, with the workers made. 0 or -errno with one line said.
int manager_open(struct app *app);
void manager_close(struct app *app);

// Runs until SIGTERM or SIGINT; then lets the queries in flight finish, at most 5 s, saves the
// caches, at most 60 s, and lets every connection be closed. Workers have left their loops when it
// returns.
void manager_run(struct app *app);
