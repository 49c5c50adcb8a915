// SPDX-License-Identifier: BSD-3-Clause
// DPDK's telemetry socket: /millrace/stats, /millrace/upstreams, /millrace/pools. Answers are
// made on the telemetry thread from counters that their owners write; nobody waits for it.
#pragma once

#include "app.h"

// 0 or -errno. `app` must stay as it is until telemetry_close.
int telemetry_open(struct app *app);
// From now on the commands answer nothing; returns when none is being answered.
void telemetry_close(void);
