// SPDX-License-Identifier: BSD-3-Clause
// Chooses how replies come to the worker that owns their local port, for each NIC port.
// Management lcore, before the workers are made.
#pragma once

#include "app.h"

// Takes the first way of the driver file that the port has, or the one of `--steering` (an error
// where the port does not have it). With one worker there is nothing to steer. 0 or -errno with
// one line said.
int steering_open(struct app *app);
void steering_close(struct app *app);

const char *steering_name(enum nic_steering steering);
