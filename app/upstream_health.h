// SPDX-License-Identifier: BSD-3-Clause
// The management lcore's part of upstreams' health (proxy/health.h).
#pragma once

#include "app.h"

// With the lcores there. 0 or -errno.
int upstream_health_open(struct app *app);
void upstream_health_close(struct app *app);

// True where it is a change. Connections of one in drain are closed by the next sweep, but for those
// with queries on their way.
bool upstream_health_drain(struct app *app, uint16_t upstream);
bool upstream_health_undrain(struct app *app, uint16_t upstream, uint64_t now);

// Once a turn: checks go out by workers, in turn by upstream. None while the program stops.
void upstream_health_turn(struct app *app, uint64_t now);
